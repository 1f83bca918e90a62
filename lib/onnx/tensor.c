/* Decoding TensorProto messages. Every length is checked against what the file really holds before
 * memory is asked for. */
#include "onnx/tensor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "onnx/file.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX files are little-endian; this code copies their bytes as they are"
#endif

static bool is_nibble(fovea_dtype t) {
    return t == FOVEA_INT4 || t == FOVEA_UINT4;
}

size_t tensor_file_bytes(const fovea_desc *d) {
    size_t bytes = desc_bytes(d);
    return is_nibble(d->dtype) ? bytes / 2 + bytes % 2 : bytes;
}

void tensor_pack_nibbles(const uint8_t *from, size_t elements, uint8_t *to) {
    for (size_t i = 0; i < elements; i += 2)
        to[i / 2] = (uint8_t)((from[i] & 15) | (i + 1 < elements ? from[i + 1] & 15 : 0) << 4);
}

static void unpack_nibbles(const uint8_t *from, const fovea_desc *d, uint8_t *to) {
    size_t elements = desc_bytes(d);
    for (size_t i = 0; i < elements; i++) {
        uint8_t nibble = from[i / 2] >> (i % 2 ? 4 : 0) & 15;
        bool negative = d->dtype == FOVEA_INT4 && nibble > 7;
        to[i] = negative ? (uint8_t)(nibble | 0xf0) : nibble;
    }
}

/* ---- Type and shape ---- */

static const char *tensor_name(const Onnx__TensorProto *t) {
    return t->name && *t->name ? t->name : "(no name)";
}

static fovea_status read_desc(const Onnx__TensorProto *t, fovea_desc *d) {
    *d = (fovea_desc){.dtype = (fovea_dtype)t->data_type, .rank = (int)t->n_dims};
    if (t->segment)
        return fail(FOVEA_UNSUPPORTED, "tensor '%s' is stored in segments", tensor_name(t));
    if (fovea_dtype_size(d->dtype) == 0)
        return fail(FOVEA_UNSUPPORTED,
                    "tensor '%s' has the element type %d%s, which is not covered", tensor_name(t),
                    (int)t->data_type, t->data_type == 8 ? " (string)" : "");
    if (t->n_dims > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "tensor '%s' has %zu dimensions; at most %d are covered",
                    tensor_name(t), t->n_dims, FOVEA_MAX_RANK);
    for (int i = 0; i < d->rank; i++) {
        if (t->dims[i] < 0)
            return fail(FOVEA_BAD_FILE, "tensor '%s' has the dimension %lld", tensor_name(t),
                        (long long)t->dims[i]);
        d->dim[i] = t->dims[i];
    }
    int64_t elements = fovea_desc_elements(d);
    if (elements < 0 || elements > PTRDIFF_MAX / 8)
        return fail(FOVEA_BAD_FILE, "tensor '%s' of shape %s has too many elements", tensor_name(t),
                    desc_text(d));
    return FOVEA_OK;
}

/* ---- Typed fields ---- */

static void *take(void *field) { /* `field` is the address of a pointer */
    void *p, *none = NULL;
    memcpy(&p, field, sizeof p);
    memcpy(field, &none, sizeof none);
    return p;
}

/* Numbers that the typed field needs: one an element, or one for two elements of 4 bits. */
static size_t numbers_of(const fovea_desc *d) {
    return tensor_file_bytes(d) / fovea_dtype_size(d->dtype);
}

static fovea_status want_count(const Onnx__TensorProto *t, const fovea_desc *d, size_t there) {
    if (there == numbers_of(d)) return FOVEA_OK;
    return fail(FOVEA_BAD_FILE,
                "tensor '%s' of shape %s and type %s needs %zu numbers; the file has %zu",
                tensor_name(t), desc_text(d), fovea_dtype_name(d->dtype), numbers_of(d), there);
}

/* Copies the low `size` bytes of each int32 or uint64 that the file has. */
static fovea_status narrow(const void *from, size_t from_size, size_t size, size_t elements,
                           void **data) {
    uint8_t *to = mem_array(elements, size);
    if (!to) return fail_memory(elements, "a tensor");
    for (size_t i = 0; i < elements; i++)
        memcpy(to + i * size, (const uint8_t *)from + i * from_size, size);
    *data = to;
    return FOVEA_OK;
}

static fovea_status take_int32(Onnx__TensorProto *t, const fovea_desc *d, void **data) {
    TRY(want_count(t, d, t->n_int32_data));
    if (d->dtype != FOVEA_INT32)
        return narrow(t->int32_data, sizeof *t->int32_data, fovea_dtype_size(d->dtype),
                      t->n_int32_data, data);
    *data = take(&t->int32_data);
    t->n_int32_data = 0;
    return FOVEA_OK;
}

static fovea_status take_uint64(Onnx__TensorProto *t, const fovea_desc *d, void **data) {
    TRY(want_count(t, d, t->n_uint64_data));
    if (d->dtype == FOVEA_UINT32)
        return narrow(t->uint64_data, sizeof *t->uint64_data, fovea_dtype_size(d->dtype),
                      t->n_uint64_data, data);
    *data = take(&t->uint64_data);
    t->n_uint64_data = 0;
    return FOVEA_OK;
}

static fovea_status take_typed(Onnx__TensorProto *t, const fovea_desc *d, void **data) {
    switch (d->dtype) {
    case FOVEA_FLOAT32:
        TRY(want_count(t, d, t->n_float_data));
        *data = take(&t->float_data);
        t->n_float_data = 0;
        return FOVEA_OK;
    case FOVEA_FLOAT64:
        TRY(want_count(t, d, t->n_double_data));
        *data = take(&t->double_data);
        t->n_double_data = 0;
        return FOVEA_OK;
    case FOVEA_INT64:
        TRY(want_count(t, d, t->n_int64_data));
        *data = take(&t->int64_data);
        t->n_int64_data = 0;
        return FOVEA_OK;
    case FOVEA_UINT32:
    case FOVEA_UINT64: return take_uint64(t, d, data);
    default: return take_int32(t, d, data);
    }
}

static fovea_status take_raw(Onnx__TensorProto *t, const fovea_desc *d, void **data) {
    if (t->raw_data.len != tensor_file_bytes(d))
        return fail(FOVEA_BAD_FILE,
                    "tensor '%s' of shape %s and type %s needs %zu bytes; the file has %zu",
                    tensor_name(t), desc_text(d), fovea_dtype_name(d->dtype), tensor_file_bytes(d),
                    t->raw_data.len);
    *data = take(&t->raw_data.data);
    t->raw_data.len = 0;
    return FOVEA_OK;
}

/* ---- Other files ---- */

static fovea_status read_number(const Onnx__TensorProto *t, const char *key, const char *text,
                                uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        return fail(FOVEA_BAD_FILE, "tensor '%s': the %s '%.40s' of its external data is no number",
                    tensor_name(t), key, text);
    *out = n;
    return FOVEA_OK;
}

static fovea_status take_external(const Onnx__TensorProto *t, const char *path, const fovea_desc *d,
                                  void **data) {
    const char *location = NULL;
    uint64_t offset = 0, length = tensor_file_bytes(d);
    for (size_t i = 0; i < t->n_external_data; i++) {
        const char *key = t->external_data[i]->key, *value = t->external_data[i]->value;
        if (!key || !value) continue;
        if (strcmp(key, "location") == 0) location = value;
        if (strcmp(key, "offset") == 0) TRY(read_number(t, key, value, &offset));
        if (strcmp(key, "length") == 0) TRY(read_number(t, key, value, &length));
    }
    if (!location)
        return fail(FOVEA_BAD_FILE, "tensor '%s' does not say which file holds it", tensor_name(t));
    if (length != tensor_file_bytes(d))
        return fail(FOVEA_BAD_FILE,
                    "tensor '%s' of shape %s and type %s needs %zu bytes; its "
                    "external data has %llu",
                    tensor_name(t), desc_text(d), fovea_dtype_name(d->dtype), tensor_file_bytes(d),
                    (unsigned long long)length);
    fovea_status status = tensor_read_external(path, location, offset, tensor_file_bytes(d), data);
    return status == FOVEA_OK ? status : fail_in(status, "tensor '%s': ", tensor_name(t));
}

/* ---- All encodings ---- */

/* What a file may hold but memory may not: nibbles, and a bool other than 0 and 1. Replaces *data.
 */
static fovea_status settle(const fovea_desc *d, void **data) {
    size_t bytes = desc_bytes(d);
    uint8_t *old = *data, *elements = old;
    if (is_nibble(d->dtype) || !old) {
        elements = mem_alloc(bytes);
        if (elements && old) unpack_nibbles(old, d, elements);
        mem_free(old);
        *data = elements;
        if (!elements) return fail_memory(bytes, "a tensor");
    }
    if (d->dtype == FOVEA_BOOL)
        for (size_t i = 0; i < bytes; i++) elements[i] = elements[i] != 0;
    return FOVEA_OK;
}

fovea_status tensor_take(Onnx__TensorProto *t, const char *path, fovea_desc *d, void **data) {
    *data = NULL;
    TRY(read_desc(t, d));
    fovea_status status = FOVEA_OK;
    if (t->has_data_location && t->data_location == 1) status = take_external(t, path, d, data);
    else if (t->has_raw_data && (t->raw_data.len || desc_bytes(d) == 0))
        status = take_raw(t, d, data);
    else status = take_typed(t, d, data);
    return status == FOVEA_OK ? settle(d, data) : status;
}

/* ---- Tensor files ---- */

fovea_status fovea_array_load(fovea_array *out, const char *path) {
    struct unpack_memory memory;
    ProtobufCMessage *message;
    *out = (fovea_array){.data = NULL};
    TRY(file_unpack(&message, &memory, path, &onnx__tensor_proto__descriptor, "an ONNX tensor"));
    fovea_status status = tensor_take((Onnx__TensorProto *)message, path, &out->desc, &out->data);
    if (status != FOVEA_OK) {
        *out = (fovea_array){.data = NULL};
        fail_in(status, "%s: ", path);
    }
    protobuf_c_message_free_unpacked(message, &memory.allocator);
    return status;
}

void fovea_array_free(fovea_array *array) {
    if (!array) return;
    mem_free(array->data);
    *array = (fovea_array){.data = NULL};
}
