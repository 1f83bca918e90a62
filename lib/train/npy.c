/* NumPy's .npy files, little-endian and in C order:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/data.h"

static const struct {
    const char *name; /* after the sign of byte order */
    fovea_dtype dtype;
} types[] = {{"f4", FOVEA_FLOAT32}, {"f8", FOVEA_FLOAT64}, {"f2", FOVEA_FLOAT16},
             {"u1", FOVEA_UINT8},   {"i1", FOVEA_INT8},    {"u2", FOVEA_UINT16},
             {"i2", FOVEA_INT16},   {"i4", FOVEA_INT32},   {"u4", FOVEA_UINT32},
             {"i8", FOVEA_INT64},   {"u8", FOVEA_UINT64},  {"b1", FOVEA_BOOL}};
enum { N_TYPES = sizeof types / sizeof *types, HEADER_MAX = 1 << 16 };

bool npy_is(const uint8_t *data, size_t bytes) {
    return bytes >= 6 && memcmp(data, "\x93NUMPY", 6) == 0;
}

/* Where the value of 'key' begins in the header, a Python dictionary; NULL if there is none. */
static const char *header_value(const char *header, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    return *at == ':' ? at + 1 + strspn(at + 1, " ") : NULL;
}

/* "'<f4'" */
static fovea_dtype parse_type(const char *at) {
    if (!at || *at++ != '\'') return FOVEA_UNDEFINED;
    bool order = *at == '<' || *at == '|';
    bool foreign = *at == '>';
    at += order || foreign || *at == '=';
    for (size_t t = 0; t < N_TYPES && at[0] && at[1] && at[2] == '\''; t++) {
        bool single = types[t].name[1] == '1';
        if (memcmp(types[t].name, at, 2) == 0 && (!foreign || single)) return types[t].dtype;
    }
    return FOVEA_UNDEFINED;
}

/* "(1, 3, 224, 224)" */
static bool parse_shape(fovea_desc *desc, const char *at) {
    if (!at || *at != '(') return false;
    at++;
    for (desc->rank = 0;; desc->rank++) {
        at += strspn(at, " ");
        if (*at == ')') return true;
        char *end;
        errno = 0;
        long long n = strtoll(at, &end, 10);
        if (end == at || errno || n < 0 || desc->rank == FOVEA_MAX_RANK) return false;
        desc->dim[desc->rank] = n;
        at = end + strspn(end, " ");
        if (*at == ',') at++;
        else if (*at != ')') return false;
    }
}

static fovea_status parse_header(fovea_desc *desc, const char *header, const char *name) {
    const char *order = header_value(header, "fortran_order");
    desc->dtype = parse_type(header_value(header, "descr"));
    if (!desc->dtype)
        return fail(FOVEA_UNSUPPORTED,
                    "%s: its element type is not read; little-endian numbers and bool are", name);
    if (!order || strncmp(order, "False", 5) != 0)
        return fail(FOVEA_UNSUPPORTED, "%s: is in Fortran order; numpy.ascontiguousarray turns it",
                    name);
    if (!parse_shape(desc, header_value(header, "shape")) || fovea_desc_elements(desc) < 0)
        return fail(FOVEA_BAD_FILE, "%s: its shape is damaged or has more than %d dimensions", name,
                    FOVEA_MAX_RANK);
    return FOVEA_OK;
}

static fovea_status read_header(fovea_desc *desc, size_t *start, const uint8_t *data, size_t bytes,
                                const char *name) {
    if (bytes < 12 || !npy_is(data, bytes) || data[6] < 1 || data[6] > 3)
        return fail(FOVEA_BAD_FILE, "%s: is damaged or of an unknown version of .npy", name);
    size_t first = data[6] == 1 ? 10 : 12, length = data[8] | (size_t)data[9] << 8;
    if (data[6] > 1) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > HEADER_MAX || length > bytes - first)
        return fail(FOVEA_BAD_FILE, "%s: its header is cut short", name);
    char *header = mem_alloc(length + 1);
    if (!header) return fail_memory(length + 1, "the header of a .npy file");
    memcpy(header, data + first, length);
    header[length] = '\0';
    fovea_status status = parse_header(desc, header, name);
    mem_free(header);
    *start = first + length;
    return status;
}

fovea_status npy_decode(fovea_array *out, const uint8_t *data, size_t bytes, const char *name) {
    fovea_desc desc = {0};
    size_t start = 0, wanted;
    *out = (fovea_array){{0}, NULL};
    TRY(read_header(&desc, &start, data, bytes, name));
    size_t elements = (size_t)fovea_desc_elements(&desc), size = fovea_dtype_size(desc.dtype);
    if (!size_multiply(elements, size, &wanted) || wanted != bytes - start)
        return fail(FOVEA_BAD_FILE,
                    "%s: its shape wants %zu elements of %zu bytes, and %zu bytes are there", name,
                    elements, size, bytes - start);
    void *copy = mem_alloc(wanted);
    if (!copy) return fail(FOVEA_NO_MEMORY, "%s: out of memory for %zu bytes", name, wanted);
    memcpy(copy, data + start, wanted);
    *out = (fovea_array){desc, copy};
    return FOVEA_OK;
}

fovea_array_format fovea_array_find_format(const void *data, size_t bytes) {
    return !data                 ? FOVEA_ARRAY_UNKNOWN
           : npy_is(data, bytes) ? FOVEA_ARRAY_NPY
           : idx_is(data, bytes) ? FOVEA_ARRAY_IDX
                                 : FOVEA_ARRAY_UNKNOWN;
}

fovea_status fovea_array_decode(fovea_array *out, const void *data, size_t bytes,
                                const char *name) {
    if (!out) return fail(FOVEA_INVALID, "fovea_array_decode: out is NULL");
    *out = (fovea_array){{0}, NULL};
    if (!name) name = "the array";
    switch (fovea_array_find_format(data, bytes)) {
    case FOVEA_ARRAY_NPY: return npy_decode(out, data, bytes, name);
    case FOVEA_ARRAY_IDX: return idx_decode(out, data, bytes, name);
    default: return fail(FOVEA_BAD_FILE, "%s: is neither an idx nor a .npy file", name);
    }
}

fovea_status data_array_read(fovea_array *out, const char *path, array_decoder *decode) {
    struct data_file file;
    *out = (fovea_array){{0}, NULL};
    TRY(data_file_read(&file, path));
    fovea_status status = decode(out, file.data, file.bytes, path);
    mem_free(file.data);
    return status;
}
