/* ONNX's operator Gradient (ai.onnx.preview.training): its node becomes the nodes that compute what it stands
 * for. Its attributes name the values: y, what is differentiated; xs, by what; zs, what else y depends on. */
#include "graph/gradient.h"

#include <string.h>

#include "base/alloc.h"
#include "onnx/load.h"

/* A file is small and may ask for much: gradients of gradients grow with each, and the seed is as large as
 * what is differentiated. */
enum { VALUES_MAX = 1024, NODES_MAX = 1 << 20, SEED_MAX = 1 << 24 };

bool load_is_gradient(const Onnx__NodeProto *n) {
    return n->op_type && n->domain && strcmp(n->op_type, "Gradient") == 0 &&
           strcmp(n->domain, "ai.onnx.preview.training") == 0;
}

static const Onnx__AttributeProto *attribute(const Onnx__NodeProto *n, const char *name) {
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && strcmp(n->attribute[i]->name, name) == 0)
            return n->attribute[i];
    return NULL;
}

fovea_status load_gradient_of(const Onnx__NodeProto *n, char name[LOAD_NAME]) {
    const Onnx__AttributeProto *y = attribute(n, "y");
    if (!y || y->s.len == 0 || y->s.len >= LOAD_NAME)
        return fail(FOVEA_BAD_FILE, "%s: the attribute y must name a value, in below %d bytes",
                    load_node_text(n), LOAD_NAME);
    memcpy(name, y->s.data, y->s.len);
    name[y->s.len] = 0;
    return FOVEA_OK;
}

/* ---- The values that are named ---- */

static bool is_input(const Onnx__NodeProto *n, size_t i, const ProtobufCBinaryData *name) {
    return i < n->n_input && strlen(n->input[i]) == name->len &&
           memcmp(n->input[i], name->data, name->len) == 0;
}

/* Elsewhere than at the values of xs and zs themselves there would be another graph to evaluate. */
static fovea_status want_inputs(const Onnx__NodeProto *n, size_t *count) {
    const Onnx__AttributeProto *xs = attribute(n, "xs"), *zs = attribute(n, "zs");
    size_t n_xs = xs ? xs->n_strings : 0, n_zs = zs ? zs->n_strings : 0;
    bool same = n_xs > 0 && n_xs <= VALUES_MAX && n_zs <= VALUES_MAX && n->n_input == n_xs + n_zs;
    for (size_t i = 0; same && i < n_xs + n_zs; i++)
        same = is_input(n, i, i < n_xs ? &xs->strings[i] : &zs->strings[i - n_xs]);
    *count = n_xs;
    if (!same) return fail(FOVEA_UNSUPPORTED, "the inputs must be the values that xs and zs name");
    return n->n_output <= n_xs
               ? FOVEA_OK
               : fail(FOVEA_BAD_FILE, "it has %zu outputs; xs names %zu values", n->n_output, n_xs);
}

/* Gradients are made for shapes. */
static fovea_status want_known(const fovea_graph *g, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        bool decides = op_static_inputs(n->op) >> i & 1;
        if (v && (value_elements(v) < 0 || (decides && !v->storage)))
            return fail(FOVEA_UNSUPPORTED,
                        "the %s of '%.200s' is not known; a gradient in a file needs inputs whose "
                        "dimensions are numbers, and shapes that are constants",
                        decides ? "contents" : "shape", v->name);
    }
    return FOVEA_OK;
}

static fovea_status infer(fovea_graph *g) {
    if (g->n_nodes > NODES_MAX)
        return fail(FOVEA_UNSUPPORTED, "gradients of gradients take more than %d nodes", NODES_MAX);
    for (size_t k = 0; k < g->n_nodes; k++) {
        TRY(want_known(g, &g->nodes[k]));
        TRY(graph_infer(g, &g->nodes[k]));
    }
    return FOVEA_OK;
}

static fovea_status want_y(const struct value *y) {
    if (y->desc.dtype != FOVEA_FLOAT32)
        return fail(FOVEA_UNSUPPORTED, "'%.200s' is %s; gradients are taken of float32", y->name,
                    fovea_dtype_name(y->desc.dtype));
    if (value_elements(y) <= SEED_MAX) return FOVEA_OK;
    return fail(FOVEA_UNSUPPORTED,
                "'%.200s' has shape %s; a gradient is taken of at most %d numbers", y->name,
                desc_text(&y->desc), SEED_MAX);
}

/* ---- The node ---- */

/* Where y does not depend on x. The node makes nothing until a plan does. */
static fovea_status append_zeros(struct loader *l, const char *name, const fovea_desc *d,
                                 fovea_value *out) {
    fovea_desc shape = {.dtype = FOVEA_INT64, .rank = 1, .dim = {d->rank}};
    fovea_desc one = {.dtype = d->dtype};
    int64_t *dims = mem_array(FOVEA_MAX_RANK, sizeof *dims);
    fovea_value in[2];
    if (!dims) return fail_memory(64, "a shape");
    memcpy(dims, d->dim, sizeof d->dim);
    TRY(load_constant(l, name, "shape", &shape, dims, &in[0]));
    void *zero = mem_zero(1, 16);
    if (!zero) return fail_memory(16, "a constant");
    TRY(load_constant(l, name, "zero", &one, zero, &in[1]));
    TRY(load_fresh(l, name, "zeros", out));
    TRY(graph_node_add(l->graph, OP_ConstantOfShape, name, in, 2, out, 1, NULL, 0));
    return graph_infer(l->graph, &l->graph->nodes[l->graph->n_nodes - 1]);
}

/* Names the gradient of x as the file does. */
static fovea_status load_output(struct loader *l, const Onnx__NodeProto *n, size_t i, fovea_value x,
                                fovea_value gradient) {
    const fovea_desc d = l->graph->values[x].desc;
    fovea_value out;
    if (!*n->output[i]) return FOVEA_OK;
    if (gradient == FOVEA_NO_VALUE) TRY(append_zeros(l, n->output[i], &d, &gradient));
    TRY(load_value(l, n->output[i], &d, &out));
    return graph_node_add(l->graph, OP_Identity, n->output[i], &gradient, 1, &out, 1, NULL, 0);
}

fovea_status load_gradient(struct loader *l, const Onnx__NodeProto *n) {
    char name[LOAD_NAME];
    size_t count, before = l->graph->n_values;
    TRY(load_gradient_of(n, name));
    TRY(want_inputs(n, &count));
    TRY(infer(l->graph));
    uint32_t y = names_find(&l->values, name);
    if (y == NAMES_NONE) return fail(FOVEA_UNSUPPORTED, "'%s' is made in training only", name);
    TRY(want_y(&l->graph->values[y]));
    fovea_value *xs = mem_array(2 * count, sizeof *xs);
    if (!xs) return fail_memory(2 * count * sizeof *xs, "gradients");
    for (size_t i = 0; i < count; i++) xs[i] = names_find(&l->values, n->input[i]);
    fovea_status status = graph_gradient(l->graph, y, xs, count, xs + count, NULL);
    if (status == FOVEA_OK) status = load_rename(l, name, before);
    for (size_t i = 0; status == FOVEA_OK && i < n->n_output; i++)
        status = load_output(l, n, i, xs[i], xs[count + i]);
    mem_free(xs);
    return status;
}
