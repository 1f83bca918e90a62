/* The tables made from op_list.h, attributes, and inference of one node. */
#include <string.h>

#include "graph/graph.h"

static const struct {
    const char *name;
    fovea_status (*shape)(fovea_graph *, struct node *);
    unsigned static_inputs;
} ops[] = {
#define OP(name, shape, reference, device, static_inputs, rule)                                    \
    {#name, shape_##shape, static_inputs},
#include "graph/op_list.h"
#undef OP
};

enum op op_find(const char *name) {
    for (int i = 0; i < OP_COUNT; i++)
        if (i != OP_Reorder && strcmp(ops[i].name, name) == 0) return (enum op)i;
    return OP_COUNT;
}

bool op_is_ours(enum op op) {
    return op >= OP_Reorder && op < OP_COUNT;
}

const char *op_domain(enum op op) {
    bool training = op == OP_Adagrad || op == OP_Adam || op == OP_Momentum;
    return training ? "ai.onnx.preview.training" : "";
}

const char *op_name(enum op op) {
    return op < OP_COUNT ? ops[op].name : "?";
}

unsigned op_static_inputs(enum op op) {
    return ops[op].static_inputs;
}

static fovea_status want_static(const fovea_graph *g, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && ops[n->op].static_inputs >> i & 1 && !v->storage)
            return fail(FOVEA_INVALID,
                        "input %zu ('%s') decides shapes, so its contents must be known when the "
                        "plan is made: give them as a binding with data",
                        i, v->name);
    }
    return FOVEA_OK;
}

fovea_status graph_infer(fovea_graph *g, struct node *n) {
    fovea_status status = want_static(g, n);
    if (status == FOVEA_OK) status = ops[n->op].shape(g, n);
    if (status != FOVEA_OK && status != FOVEA_NO_MEMORY)
        return fail_in(status, "%s node '%s': ", ops[n->op].name, n->name);
    return status;
}

/* ---- Attributes ---- */

const struct attribute *node_attr(const struct node *n, const char *name) {
    for (size_t i = 0; i < n->n_attr; i++)
        if (strcmp(n->attr[i].name, name) == 0) return &n->attr[i];
    return NULL;
}

int64_t attr_int(const struct node *n, const char *name, int64_t otherwise) {
    const struct attribute *a = node_attr(n, name);
    return a && a->type == FOVEA_ATTRIBUTE_INT ? a->i : otherwise;
}

float attr_float(const struct node *n, const char *name, float otherwise) {
    const struct attribute *a = node_attr(n, name);
    if (a && a->type == FOVEA_ATTRIBUTE_INT) return (float)a->i;
    return a && a->type == FOVEA_ATTRIBUTE_FLOAT ? a->f : otherwise;
}

const char *attr_string(const struct node *n, const char *name, const char *otherwise) {
    const struct attribute *a = node_attr(n, name);
    return a && a->type == FOVEA_ATTRIBUTE_STRING && a->s ? a->s : otherwise;
}

size_t attr_ints(const struct node *n, const char *name, const int64_t **ints) {
    const struct attribute *a = node_attr(n, name);
    bool there = a && a->type == FOVEA_ATTRIBUTE_INTS;
    *ints = there ? a->ints : NULL;
    return there ? a->count : 0;
}

int attr_axis(const struct node *n, const char *name, int64_t otherwise, int rank) {
    int64_t axis = attr_int(n, name, otherwise);
    if (axis >= -rank && axis < rank) return (int)(axis < 0 ? axis + rank : axis);
    fail(FOVEA_INVALID, "%s %lld is outside a shape of rank %d", name, (long long)axis, rank);
    return -1;
}

struct activation node_activation(const struct node *n) {
    static const char *const names[] = {"", "Relu", "LeakyRelu", "Clip"};
    struct activation a = {.alpha = attr_float(n, "activation_alpha", 0),
                           .beta = attr_float(n, "activation_beta", 0)};
    const char *name = attr_string(n, "activation", "");
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0) a.kind = (enum activation_kind)i;
    return a;
}
