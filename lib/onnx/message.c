/* The messages of an ONNX file that are small: nodes, attributes, descriptions. Field numbers are
 * those of onnx.proto. */
#include <string.h>

#include "base/alloc.h"
#include "onnx/message.h"
#include "onnx/tensor.h"

enum { TYPE_FLOAT = 1, TYPE_INT, TYPE_STRING, TYPE_TENSOR, TYPE_FLOATS = 6, TYPE_INTS };

/* ---- Attributes: field 5 of a NodeProto ---- */

static void finish_attribute(struct wire *w, struct wire *message, int type) {
    wire_int(message, 20, type);
    wire_message(w, 5, message);
}

void store_attribute_int(struct wire *w, const char *name, int64_t i) {
    struct wire m = {0};
    wire_string(&m, 1, name);
    wire_int(&m, 3, i);
    finish_attribute(w, &m, TYPE_INT);
}

void store_attribute_ints(struct wire *w, const char *name, const int64_t *ints, size_t count) {
    struct wire m = {0};
    wire_string(&m, 1, name);
    for (size_t i = 0; i < count; i++) wire_int(&m, 8, ints[i]);
    finish_attribute(w, &m, TYPE_INTS);
}

void store_attribute(struct wire *w, const struct attribute *a) {
    struct wire m = {0};
    switch (a->type) {
    case FOVEA_ATTRIBUTE_INT: store_attribute_int(w, a->name, a->i); return;
    case FOVEA_ATTRIBUTE_INTS: store_attribute_ints(w, a->name, a->ints, a->count); return;
    case FOVEA_ATTRIBUTE_FLOAT:
        wire_string(&m, 1, a->name);
        wire_float(&m, 2, a->f);
        finish_attribute(w, &m, TYPE_FLOAT);
        return;
    case FOVEA_ATTRIBUTE_STRING:
        wire_string(&m, 1, a->name);
        wire_string(&m, 4, a->s ? a->s : "");
        finish_attribute(w, &m, TYPE_STRING);
        return;
    case FOVEA_ATTRIBUTE_FLOATS:
        wire_string(&m, 1, a->name);
        for (size_t i = 0; i < a->count; i++) wire_float(&m, 7, a->floats[i]);
        finish_attribute(w, &m, TYPE_FLOATS);
        return;
    }
}

void message_tensor_head(struct wire *w, const char *name, const fovea_desc *d) {
    for (int i = 0; i < d->rank; i++) wire_int(w, 1, d->dim[i]);
    wire_int(w, 2, d->dtype);
    if (name) wire_string(w, 8, name);
}

/* One element, as a list of one: the form that ConstantOfShape wants. */
void store_attribute_tensor(struct wire *w, const char *name, const struct value *v) {
    struct wire m = {0}, t = {0};
    fovea_desc d = {.dtype = v->desc.dtype, .rank = 1, .dim = {1}};
    message_tensor_head(&t, NULL, &d);
    uint8_t nibble = *(const uint8_t *)v->storage->data & 15;
    bool packed = d.dtype == FOVEA_INT4 || d.dtype == FOVEA_UINT4;
    wire_head(&t, 9, tensor_file_bytes(&d));
    wire_bytes(&t, packed ? &nibble : v->storage->data, tensor_file_bytes(&d));
    wire_string(&m, 1, name);
    wire_message(&m, 5, &t);
    finish_attribute(w, &m, TYPE_TENSOR);
}

/* ---- Values ---- */

static void write_shape(struct wire *w, const struct value *v, int rank) {
    struct wire shape = {0};
    for (int i = 0; i < rank; i++) {
        struct wire dim = {0};
        if (v->desc.rank >= 0 && v->desc.dim[i] >= 0) wire_int(&dim, 1, v->desc.dim[i]);
        else if (v->dim_name[i]) wire_string(&dim, 2, v->dim_name[i]);
        wire_message(&shape, 1, &dim);
    }
    wire_message(w, 2, &shape);
}

void message_value_info(struct wire *w, uint32_t field, const char *name, const struct value *v,
                        struct guess guess) {
    struct wire info = {0}, type = {0}, tensor = {0};
    wire_int(&tensor, 1, guess.dtype);
    if (guess.rank >= 0) write_shape(&tensor, v, guess.rank);
    wire_message(&type, 1, &tensor);
    wire_string(&info, 1, name);
    wire_message(&info, 2, &type);
    wire_message(w, field, &info);
}

void message_external(struct wire *w, const char *location, uint64_t offset, uint64_t length) {
    const char *keys[] = {"location", "offset", "length"};
    char *values[] = {mem_string(location), mem_format("%llu", (unsigned long long)offset),
                      mem_format("%llu", (unsigned long long)length)};
    for (size_t i = 0; i < 3; i++) {
        struct wire entry = {.failed = !values[i]};
        wire_string(&entry, 1, keys[i]);
        wire_string(&entry, 2, values[i] ? values[i] : "");
        wire_message(w, 13, &entry);
        mem_free(values[i]);
    }
    wire_int(w, 14, 1);
}
