/* A node of a file on its way to canonical form. */
#ifndef ONNX_DRAFT_H
#define ONNX_DRAFT_H

#include "onnx/load.h"

/* Attributes are checked against a table and may not repeat, so a node never has more than this. */
enum { DRAFT_ATTRIBUTES = 24, DRAFT_MORE_INPUTS = 6 };

struct draft {
    struct loader *loader;
    const Onnx__NodeProto *file;
    enum op op;
    int64_t opset;
    const char *name; /* unique enough to name new values after: the first output */
    fovea_value *in;  /* room for DRAFT_MORE_INPUTS more */
    size_t n_in;
    fovea_value *out;
    size_t n_out;
    fovea_attribute attr[DRAFT_ATTRIBUTES];
    bool old[DRAFT_ATTRIBUTES]; /* of an older opset: a rule must turn it into something newer */
    char *strings[DRAFT_ATTRIBUTES];
    size_t n_attr;
};

/* Reads the attributes of a node, checked against the table of attributes by operator. */
fovea_status draft_read_attributes(struct draft *);
/* The tensor attribute `name`; NULL if there is none. */
Onnx__TensorProto *draft_tensor(const struct draft *, const char *name);

/* Attributes: NULL if absent. The pointer dies with the next change. */
const fovea_attribute *draft_attr(const struct draft *, const char *name);
void draft_drop(struct draft *, const char *name);
void draft_set_int(struct draft *, const char *name, int64_t);
void draft_set_string(struct draft *, const char *name, const char *); /* borrowed */

/* Inputs. */
fovea_value draft_in(const struct draft *, size_t i);     /* FOVEA_NO_VALUE past the end */
void draft_set_in(struct draft *, size_t i, fovea_value); /* i < n_in + DRAFT_MORE_INPUTS */
struct guess draft_guess(const struct draft *, size_t i);

/* New constants and helper nodes; names come from the draft's name and `role`. */
fovea_status draft_ints(struct draft *, const char *role, const int64_t *, size_t,
                        fovea_value *out);
fovea_status draft_floats(struct draft *, const char *role, const float *, size_t,
                          fovea_value *out);
fovea_status draft_scalar(struct draft *, const char *role, fovea_dtype, double, fovea_value *out);
fovea_status draft_node(struct draft *, enum op, const char *role, const fovea_value *in,
                        size_t n_in, const fovea_attribute *attr, size_t n_attr, fovea_value *out);
/* Appends the draft itself to the graph. */
fovea_status draft_emit(struct draft *);

/* Turns the draft into canonical form and appends it. */
fovea_status normalize_node(struct draft *);

#endif
