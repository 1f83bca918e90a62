/* NumPy's .npy files. */
#include "npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name; /* after the sign of byte order */
    fovea_dtype dtype;
} types[] = {{"f4", FOVEA_FLOAT32}, {"f8", FOVEA_FLOAT64}, {"f2", FOVEA_FLOAT16},
             {"u1", FOVEA_UINT8},   {"i1", FOVEA_INT8},    {"u2", FOVEA_UINT16},
             {"i2", FOVEA_INT16},   {"i4", FOVEA_INT32},   {"u4", FOVEA_UINT32},
             {"i8", FOVEA_INT64},   {"u8", FOVEA_UINT64},  {"b1", FOVEA_BOOL}};
enum { N_TYPES = sizeof types / sizeof *types, NPY_MAX_HEADER = 1 << 16 };

bool npy_is(const unsigned char *data, size_t size) {
    return size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0;
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

static bool parse_header(fovea_desc *desc, const char *header, const char *name,
                         struct problem *p) {
    const char *order = header_value(header, "fortran_order");
    desc->dtype = parse_type(header_value(header, "descr"));
    if (!desc->dtype)
        return problem_set(p, EXIT_FILE,
                           "%s: its element type is not read; little-endian numbers and bool are",
                           name);
    if (!order || strncmp(order, "False", 5) != 0)
        return problem_set(p, EXIT_FILE,
                           "%s: is in Fortran order; numpy.ascontiguousarray turns it", name);
    if (!parse_shape(desc, header_value(header, "shape")) || fovea_desc_elements(desc) < 0)
        return problem_set(p, EXIT_FILE, "%s: its shape is damaged or has more than %d dimensions",
                           name, FOVEA_MAX_RANK);
    return true;
}

bool npy_decode(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                struct problem *p) {
    fovea_desc desc = {0};
    if (size < 12 || data[6] < 1 || data[6] > 3)
        return problem_set(p, EXIT_FILE, "%s: a damaged or unknown version of .npy", name);
    size_t start = data[6] == 1 ? 10 : 12, length = data[8] | (size_t)data[9] << 8;
    if (data[6] > 1) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > NPY_MAX_HEADER || length > size - start)
        return problem_set(p, EXIT_FILE, "%s: its header is cut short", name);
    char *header = host_alloc(length + 1, 1);
    memcpy(header, data + start, length);
    bool good = parse_header(&desc, header, name, p);
    free(header);
    if (!good) return false;
    uint64_t room = (size - start - length) / fovea_dtype_size(desc.dtype);
    if ((uint64_t)fovea_desc_elements(&desc) > room)
        return problem_set(p, EXIT_FILE, "%s: is cut short: %lld elements wanted, %llu there", name,
                           (long long)fovea_desc_elements(&desc), (unsigned long long)room);
    if (!array_create(out, &desc, p)) return false;
    memcpy(out->data, data + start + length, array_bytes(out));
    return true;
}

static const char *type_name(fovea_dtype dtype) {
    for (size_t t = 0; t < N_TYPES; t++)
        if (types[t].dtype == dtype) return types[t].name;
    return NULL;
}

bool npy_write(const fovea_array *a, const char *path, struct problem *p) {
    char shape[256] = "", header[512];
    const char *type = type_name(a->desc.dtype);
    if (!type)
        return problem_set(p, EXIT_FILE, "%s: .npy has no element type %s", path,
                           fovea_dtype_name(a->desc.dtype));
    size_t used = 0;
    for (int d = 0; d < a->desc.rank; d++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%lld, ",
                                 (long long)a->desc.dim[d]);
    int n = snprintf(header, sizeof header,
                     "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }",
                     type[1] == '1' ? '|' : '<', type, shape);
    int padded = (n + 1 + 10 + 63) / 64 * 64 - 10; /* the data begin at a multiple of 64 bytes */
    FILE *f = fopen(path, "wb");
    if (!f) return problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    fprintf(f, "\x93NUMPY%c%c%c%c%s%*s\n", 1, 0, padded & 255, padded >> 8, header, padded - n - 1,
            "");
    size_t bytes = array_bytes(a);
    bool good = fwrite(a->data, 1, bytes, f) == bytes;
    good = fflush(f) == 0 && good;
    if (!good) problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    if (fclose(f) != 0 && good)
        good = problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    return good;
}
