/* The public builders: they append nodes and infer shapes at once where the inputs' are known. */
#include <string.h>

#include "base/alloc.h"
#include "graph/graph.h"

enum { OUTPUTS_MAX = 1024 };

/* True if every input's shape is known and every static input has its contents. */
static bool can_infer(const fovea_graph *g, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && (value_elements(v) < 0 || (op_static_inputs(n->op) >> i & 1 && !v->storage)))
            return false;
    }
    return true;
}

/* Takes back the last node and the values from `values` on. */
static void undo_node(fovea_graph *g, size_t values) {
    struct node *n = &g->nodes[--g->n_nodes];
    for (size_t i = 0; i < n->n_attr; i++) {
        mem_free(n->attr[i].name);
        mem_free(n->attr[i].s);
        mem_free(n->attr[i].ints);
        mem_free(n->attr[i].floats);
    }
    mem_free(n->attr);
    mem_free(n->name);
    mem_free(n->in);
    mem_free(n->out);
    while (g->n_values > values) mem_free(g->values[--g->n_values].name);
}

static fovea_status add_node(fovea_graph *g, enum op op, const char *name, const fovea_value *in,
                             size_t n_in, const fovea_attribute *attr, size_t n_attr,
                             fovea_value *out, size_t n_out) {
    for (size_t i = 0; i < n_out; i++) TRY(graph_value_add(g, NULL, NULL, &out[i]));
    TRY(graph_node_add(g, op, name, in, n_in, out, n_out, attr, n_attr));
    struct node *n = &g->nodes[g->n_nodes - 1];
    size_t values = g->n_values - n_out;
    fovea_status status = can_infer(g, n) ? graph_infer(g, n) : FOVEA_OK;
    if (status != FOVEA_OK) undo_node(g, values);
    return status;
}

fovea_status fovea_graph_op(fovea_graph *g, const char *op, const char *name, const fovea_value *in,
                            size_t n_in, const fovea_attribute *attr, size_t n_attr,
                            fovea_value *out, size_t n_out) {
    enum op code = op_find(op);
    for (size_t i = 0; i < n_out; i++) out[i] = FOVEA_NO_VALUE;
    if (code == OP_COUNT) return fail(FOVEA_UNSUPPORTED, "there is no operator '%s'", op);
    if (n_out < 1 || n_out > OUTPUTS_MAX)
        return fail(FOVEA_INVALID, "%s cannot have %zu outputs", op, n_out);
    for (size_t i = 0; i < n_in; i++)
        if (in[i] != FOVEA_NO_VALUE && in[i] >= g->n_values)
            return fail(FOVEA_INVALID, "input %zu of %s is no value of the graph", i, op);
    return add_node(g, code, name, in, n_in, attr, n_attr, out, n_out);
}

/* ---- Builders for what CNNs are made of ---- */

static int64_t at_least_one(int64_t n) {
    return n == 0 ? 1 : n;
}

/* The attributes of a window; the arrays must outlive the call that uses them. */
struct window_attributes {
    fovea_attribute list[8];
    size_t count;
    int64_t stride[2], dilation[2], pads[4], kernel[2];
};

static void add_ints(struct window_attributes *a, const char *name, const int64_t *ints, size_t n) {
    a->list[a->count++] =
        (fovea_attribute){.name = name, .type = FOVEA_ATTRIBUTE_INTS, .ints = ints, .count = n};
}

static void add_int(struct window_attributes *a, const char *name, int64_t i) {
    if (i)
        a->list[a->count++] = (fovea_attribute){.name = name, .type = FOVEA_ATTRIBUTE_INT, .i = i};
}

static fovea_status window_attributes(const fovea_window *w, bool pooling,
                                      struct window_attributes *a) {
    static const char *const modes[] = {NULL, "VALID", "SAME_UPPER", "SAME_LOWER", "FULL"};
    static const fovea_window none;
    *a = (struct window_attributes){.count = 0};
    if (!w) w = &none;
    if ((unsigned)w->padding >= sizeof modes / sizeof *modes)
        return fail(FOVEA_INVALID, "padding %d is unknown", (int)w->padding);
    for (int i = 0; i < 2; i++) {
        a->stride[i] = at_least_one(w->stride[i]);
        a->dilation[i] = at_least_one(w->dilation[i]);
        a->kernel[i] = w->kernel[i];
    }
    memcpy(a->pads, w->pads, sizeof a->pads);
    add_ints(a, "strides", a->stride, 2);
    add_ints(a, "dilations", a->dilation, 2);
    if (modes[w->padding])
        a->list[a->count++] = (fovea_attribute){
            .name = "auto_pad", .type = FOVEA_ATTRIBUTE_STRING, .s = modes[w->padding]};
    else add_ints(a, "pads", a->pads, 4);
    if (pooling) {
        add_ints(a, "kernel_shape", a->kernel, 2);
        add_int(a, "ceil_mode", w->ceil_mode);
        add_int(a, "count_include_pad", w->count_include_pad);
    } else {
        add_int(a, "group", at_least_one(w->groups));
    }
    return FOVEA_OK;
}

fovea_status fovea_graph_conv(fovea_graph *g, const char *name, fovea_value x, fovea_value weights,
                              fovea_value bias, const fovea_window *window, fovea_value *y) {
    struct window_attributes a;
    fovea_value in[] = {x, weights, bias};
    *y = FOVEA_NO_VALUE;
    TRY(window_attributes(window, false, &a));
    return fovea_graph_op(g, "Conv", name, in, bias == FOVEA_NO_VALUE ? 2 : 3, a.list, a.count, y,
                          1);
}

static fovea_status add_pool(fovea_graph *g, const char *op, const char *name, fovea_value x,
                             const fovea_window *window, fovea_value *y) {
    struct window_attributes a;
    *y = FOVEA_NO_VALUE;
    TRY(window_attributes(window, true, &a));
    return fovea_graph_op(g, op, name, &x, 1, a.list, a.count, y, 1);
}

fovea_status fovea_graph_max_pool(fovea_graph *g, const char *name, fovea_value x,
                                  const fovea_window *window, fovea_value *y) {
    return add_pool(g, "MaxPool", name, x, window, y);
}

fovea_status fovea_graph_average_pool(fovea_graph *g, const char *name, fovea_value x,
                                      const fovea_window *window, fovea_value *y) {
    return add_pool(g, "AveragePool", name, x, window, y);
}

fovea_status fovea_graph_dense(fovea_graph *g, const char *name, fovea_value x, fovea_value weights,
                               fovea_value bias, fovea_value *y) {
    fovea_value in[] = {x, weights, bias};
    fovea_attribute a = {.name = "transB", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    return fovea_graph_op(g, "Gemm", name, in, bias == FOVEA_NO_VALUE ? 2 : 3, &a, 1, y, 1);
}

fovea_status fovea_graph_unary(fovea_graph *g, const char *op, const char *name, fovea_value x,
                               fovea_value *y) {
    return fovea_graph_op(g, op, name, &x, 1, NULL, 0, y, 1);
}

fovea_status fovea_graph_binary(fovea_graph *g, const char *op, const char *name, fovea_value a,
                                fovea_value b, fovea_value *y) {
    return fovea_graph_op(g, op, name, (fovea_value[]){a, b}, 2, NULL, 0, y, 1);
}

fovea_status fovea_graph_batch_norm(fovea_graph *g, const char *name, fovea_value x,
                                    fovea_value scale, fovea_value bias, fovea_value mean,
                                    fovea_value variance, float epsilon, fovea_value *y) {
    fovea_value in[] = {x, scale, bias, mean, variance};
    fovea_attribute a = {.name = "epsilon", .type = FOVEA_ATTRIBUTE_FLOAT, .f = epsilon};
    return fovea_graph_op(g, "BatchNormalization", name, in, 5, &a, 1, y, 1);
}

fovea_status fovea_graph_lrn(fovea_graph *g, const char *name, fovea_value x, int64_t size,
                             float alpha, float beta, float k, fovea_value *y) {
    fovea_attribute a[] = {{.name = "size", .type = FOVEA_ATTRIBUTE_INT, .i = size},
                           {.name = "alpha", .type = FOVEA_ATTRIBUTE_FLOAT, .f = alpha},
                           {.name = "beta", .type = FOVEA_ATTRIBUTE_FLOAT, .f = beta},
                           {.name = "bias", .type = FOVEA_ATTRIBUTE_FLOAT, .f = k}};
    return fovea_graph_op(g, "LRN", name, &x, 1, a, 4, y, 1);
}

fovea_status fovea_graph_dropout(fovea_graph *g, const char *name, fovea_value x, float ratio,
                                 fovea_value *y) {
    static const fovea_desc scalar = {.dtype = FOVEA_FLOAT32, .rank = 0};
    fovea_value in[2] = {x, FOVEA_NO_VALUE};
    float *data = mem_alloc(sizeof *data);
    *y = FOVEA_NO_VALUE;
    if (!data) return fail_memory(sizeof *data, "a constant");
    *data = ratio;
    TRY(graph_constant_take(g, NULL, &scalar, data, &in[1]));
    return fovea_graph_op(g, "Dropout", name, in, 2, NULL, 0, y, 1);
}

static fovea_status op_with_axis(fovea_graph *g, const char *op, const char *name,
                                 const fovea_value *xs, size_t count, int64_t axis,
                                 fovea_value *y) {
    fovea_attribute a = {.name = "axis", .type = FOVEA_ATTRIBUTE_INT, .i = axis};
    return fovea_graph_op(g, op, name, xs, count, &a, 1, y, 1);
}

fovea_status fovea_graph_softmax(fovea_graph *g, const char *name, fovea_value x, int64_t axis,
                                 fovea_value *y) {
    return op_with_axis(g, "Softmax", name, &x, 1, axis, y);
}

fovea_status fovea_graph_concat(fovea_graph *g, const char *name, const fovea_value *xs,
                                size_t count, int64_t axis, fovea_value *y) {
    return op_with_axis(g, "Concat", name, xs, count, axis, y);
}

fovea_status fovea_graph_flatten(fovea_graph *g, const char *name, fovea_value x, fovea_value *y) {
    return op_with_axis(g, "Flatten", name, &x, 1, 1, y);
}
