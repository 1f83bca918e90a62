/* Reverse-mode differentiation: walks the nodes backwards, lets each operator's rule append what its
 * inputs' gradients take, and adds up what comes from several readers. See gradient.h. */
#include "graph/gradient.h"

#include <string.h>

#include "base/alloc.h"
#include "fovea_train.h"

static void (*const rules[])(struct gradient *, const struct node *) = {
#define OP(name, shape, reference, device, static_inputs, rule) gradient_##rule,
#include "graph/op_list.h"
#undef OP
};

enum { ATTRIBUTES_MAX = 32 };

void gradient_fail(struct gradient *gr, fovea_status status) {
    if (gr->status == FOVEA_OK) gr->status = status;
}

/* ---- What rules ask ---- */

bool gradient_wants(const struct gradient *gr, size_t i) {
    const struct node *n = gr->original;
    return gr->status == FOVEA_OK && i < n->n_in && n->in[i] != FOVEA_NO_VALUE &&
           gr->wanted[n->in[i]];
}

fovea_value gradient_of(const struct gradient *gr, size_t i) {
    const struct node *n = gr->original;
    if (gr->status != FOVEA_OK || i >= n->n_out || n->out[i] == FOVEA_NO_VALUE)
        return FOVEA_NO_VALUE;
    return gr->of[n->out[i]];
}

fovea_desc gradient_desc(const struct gradient *gr, fovea_value v) {
    if (gr->status != FOVEA_OK || v == FOVEA_NO_VALUE) return (fovea_desc){0};
    return gr->graph->values[v].desc;
}

size_t gradient_attributes(const struct node *n, fovea_attribute *out, size_t capacity) {
    size_t count = n->n_attr < capacity ? n->n_attr : capacity;
    for (size_t i = 0; i < count; i++) {
        const struct attribute *a = &n->attr[i];
        out[i] =
            (fovea_attribute){a->name, a->type, a->i, a->f, a->s, a->ints, a->floats, a->count};
    }
    return count;
}

/* ---- What rules append ---- */

static fovea_status append(struct gradient *gr, enum op op, const fovea_value *in, size_t n_in,
                           const fovea_attribute *attr, size_t n_attr, fovea_value *out,
                           size_t n_out) {
    fovea_graph *g = gr->graph;
    for (size_t i = 0; i < n_out; i++) TRY(graph_value_add(g, NULL, NULL, &out[i]));
    TRY(graph_node_add(g, op, gr->name, in, n_in, out, n_out, attr, n_attr));
    return graph_infer(g, &g->nodes[g->n_nodes - 1]);
}

void gradient_ops(struct gradient *gr, enum op op, const fovea_value *in, size_t n_in,
                  const fovea_attribute *attr, size_t n_attr, fovea_value *out, size_t n_out) {
    for (size_t i = 0; i < n_out; i++) out[i] = FOVEA_NO_VALUE;
    if (gr->status != FOVEA_OK) return;
    gradient_fail(gr, append(gr, op, in, n_in, attr, n_attr, out, n_out));
    for (size_t i = 0; i < n_out && gr->status != FOVEA_OK; i++) out[i] = FOVEA_NO_VALUE;
}

fovea_value gradient_op(struct gradient *gr, enum op op, const fovea_value *in, size_t n_in,
                        const fovea_attribute *attr, size_t n_attr) {
    fovea_value out;
    gradient_ops(gr, op, in, n_in, attr, n_attr, &out, 1);
    return out;
}

fovea_value gradient_unary(struct gradient *gr, enum op op, fovea_value x) {
    return gradient_op(gr, op, &x, 1, NULL, 0);
}

fovea_value gradient_binary(struct gradient *gr, enum op op, fovea_value a, fovea_value b) {
    return gradient_op(gr, op, (fovea_value[]){a, b}, 2, NULL, 0);
}

static fovea_value add_constant(struct gradient *gr, const fovea_desc *d, const void *numbers) {
    fovea_value v = FOVEA_NO_VALUE;
    size_t bytes = desc_bytes(d);
    if (gr->status != FOVEA_OK) return v;
    void *data = mem_alloc(bytes);
    if (data && bytes) memcpy(data, numbers, bytes);
    gradient_fail(gr, data ? graph_constant_take(gr->graph, NULL, d, data, &v)
                           : fail_memory(bytes, "a constant"));
    return gr->status == FOVEA_OK ? v : FOVEA_NO_VALUE;
}

fovea_value gradient_scalar(struct gradient *gr, float number) {
    return add_constant(gr, &(fovea_desc){.dtype = FOVEA_FLOAT32}, &number);
}

fovea_value gradient_ints(struct gradient *gr, const int64_t *numbers, size_t count) {
    fovea_desc d = {.dtype = FOVEA_INT64, .rank = 1, .dim = {(int64_t)count}};
    return add_constant(gr, &d, numbers);
}

fovea_value gradient_shaped(struct gradient *gr, fovea_value x, const fovea_desc *shape) {
    fovea_desc d = gradient_desc(gr, x);
    if (gr->status != FOVEA_OK || desc_equal(&d, shape)) return x;
    fovea_attribute zeros = {.name = "allowzero", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    fovea_value in[2] = {x, gradient_ints(gr, shape->dim, (size_t)shape->rank)};
    return gradient_op(gr, OP_Reshape, in, 2, &zeros, 1);
}

fovea_value gradient_sum_to(struct gradient *gr, fovea_value x, const fovea_desc *shape) {
    fovea_desc d = gradient_desc(gr, x);
    int64_t axes[FOVEA_MAX_RANK];
    size_t count = 0;
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    for (int i = 0; i < d.rank; i++) {
        int k = i - (d.rank - shape->rank);
        if (d.dim[i] != 1 && (k < 0 || shape->dim[k] == 1)) axes[count++] = i;
    }
    if (count > 0) {
        fovea_value in[2] = {x, gradient_ints(gr, axes, count)};
        x = gradient_op(gr, OP_ReduceSum, in, 2, NULL, 0);
    }
    return gradient_shaped(gr, x, shape);
}

void gradient_give(struct gradient *gr, size_t i, fovea_value grad) {
    if (!gradient_wants(gr, i) || grad == FOVEA_NO_VALUE) return;
    fovea_value x = gr->original->in[i];
    fovea_desc have = gradient_desc(gr, grad), want = gradient_desc(gr, x);
    if (!desc_equal(&have, &want))
        gradient_fail(gr, fail(FOVEA_INVALID, "the gradient of input %zu has shape %s, not %s", i,
                               desc_text(&have), desc_text(&want)));
    else if (gr->of[x] == FOVEA_NO_VALUE) gr->of[x] = grad;
    else gr->of[x] = gradient_binary(gr, OP_Add, gr->of[x], grad);
}

/* ---- Computing again what was not kept ---- */

struct recomputation {
    struct gradient *gr;
    const bool *kept;
    size_t n_kept;     /* values that `kept` knows; later ones are kept */
    fovea_value *copy; /* by value: computed again; FOVEA_NO_VALUE: not yet */
};

static bool is_kept(const struct recomputation *r, fovea_value v) {
    const struct value *value = &r->gr->graph->values[v];
    return v >= r->n_kept || r->kept[v] || value->producer == FOVEA_NO_VALUE;
}

/* Appends a copy of the node that made `v`; its inputs are kept or were copied. Running statistics are
 * gathered once: a copy has no such outputs. */
static fovea_status copy_producer(struct recomputation *r, fovea_value v) {
    fovea_graph *g = r->gr->graph;
    struct node n = g->nodes[g->values[v].producer];
    fovea_attribute attr[ATTRIBUTES_MAX];
    size_t n_attr = gradient_attributes(&n, attr, ATTRIBUTES_MAX);
    fovea_value *in = mem_array(n.n_in + n.n_out + 1, sizeof *in), *out = in + n.n_in;
    if (!in) return fail_memory(n.n_in, "a node");
    fovea_status status = FOVEA_OK;
    for (size_t i = 0; i < n.n_in; i++)
        in[i] = n.in[i] == FOVEA_NO_VALUE || is_kept(r, n.in[i]) ? n.in[i] : r->copy[n.in[i]];
    for (size_t i = 0; i < n.n_out && status == FOVEA_OK; i++) {
        out[i] = FOVEA_NO_VALUE;
        if (n.out[i] == FOVEA_NO_VALUE || g->values[n.out[i]].is_output) continue;
        fovea_desc d = g->values[n.out[i]].desc;
        status = graph_value_add(g, NULL, &d, &out[i]);
        r->copy[n.out[i]] = out[i];
    }
    if (status == FOVEA_OK)
        status = graph_node_add(g, n.op, n.name, in, n.n_in, out, n.n_out, attr, n_attr);
    mem_free(in);
    return status;
}

/* Makes v available again: depth first, with a stack of its own, since networks are deep. */
static fovea_status recompute(struct recomputation *r, fovea_value v) {
    fovea_value *stack = NULL;
    size_t n = 0, capacity = 0;
    fovea_status status = FOVEA_OK;
    fovea_value *slot = mem_push(&stack, &n, &capacity, sizeof *slot);
    if (!slot) return fail_memory(sizeof *slot, "recomputation");
    *slot = v;
    while (n > 0 && status == FOVEA_OK) {
        fovea_value top = stack[n - 1];
        const struct node *p = &r->gr->graph->nodes[r->gr->graph->values[top].producer];
        size_t before = n;
        for (size_t i = 0; r->copy[top] == FOVEA_NO_VALUE && i < p->n_in; i++) {
            fovea_value x = p->in[i];
            if (x == FOVEA_NO_VALUE || is_kept(r, x) || r->copy[x] != FOVEA_NO_VALUE) continue;
            slot = mem_push(&stack, &n, &capacity, sizeof *slot);
            if (!slot) status = fail_memory(sizeof *slot, "recomputation");
            else *slot = x;
        }
        if (n > before || status != FOVEA_OK) continue;
        if (r->copy[top] == FOVEA_NO_VALUE) status = copy_producer(r, top);
        n--;
    }
    mem_free(stack);
    return status;
}

static fovea_status available(struct recomputation *r, const fovea_value *from, size_t count,
                              fovea_value *to) {
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i];
        if (from[i] == FOVEA_NO_VALUE || !r->kept || is_kept(r, from[i])) continue;
        if (r->copy[from[i]] == FOVEA_NO_VALUE) TRY(recompute(r, from[i]));
        to[i] = r->copy[from[i]];
    }
    return FOVEA_OK;
}

/* ---- What rules read and a graph may have left out ---- */

static bool reads_output(const struct node *n, size_t i) {
    switch (n->op) {
    case OP_BatchNormalization: return i >= 3 && attr_int(n, "training_mode", 0) != 0;
    default: return false;
    }
}

/* Asks node k for output i. */
static fovea_status ask_for_output(fovea_graph *g, size_t k, size_t i) {
    struct node *n = &g->nodes[k];
    if (i >= n->n_out) {
        fovea_value *out = mem_resize(n->out, n->n_out * sizeof *out, (i + 1) * sizeof *out);
        if (!out) return fail_memory((i + 1) * sizeof *out, "a node's outputs");
        n->out = out;
        while (n->n_out <= i) n->out[n->n_out++] = FOVEA_NO_VALUE;
    }
    if (n->out[i] != FOVEA_NO_VALUE) return FOVEA_OK;
    TRY(graph_value_add(g, NULL, NULL, &n->out[i]));
    g->values[n->out[i]].producer = (uint32_t)k;
    return graph_infer(g, n);
}

static fovea_status ask_for_outputs(fovea_graph *g) {
    enum { OUTPUTS_MOST = 5 };
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < OUTPUTS_MOST && !g->nodes[k].dead; i++)
            if (reads_output(&g->nodes[k], i)) TRY(ask_for_output(g, k, i));
    return FOVEA_OK;
}

/* ---- The walk ---- */

/* Marks what depends on what is asked for. */
static void mark_wanted(struct gradient *gr, const fovea_value *values, size_t count) {
    const fovea_graph *g = gr->graph;
    for (size_t i = 0; i < count; i++) gr->wanted[values[i]] = true;
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        bool wanted = false;
        for (size_t i = 0; i < n->n_in && !n->dead; i++)
            wanted = wanted || (n->in[i] != FOVEA_NO_VALUE && gr->wanted[n->in[i]]);
        for (size_t i = 0; i < n->n_out && wanted; i++)
            if (n->out[i] != FOVEA_NO_VALUE && dtype_is_float(g->values[n->out[i]].desc.dtype))
                gr->wanted[n->out[i]] = true;
    }
}

static bool is_on_the_way(const struct gradient *gr, const struct node *n) {
    bool flows = false, wanted = false;
    for (size_t i = 0; i < n->n_out; i++)
        flows = flows || (n->out[i] != FOVEA_NO_VALUE && gr->of[n->out[i]] != FOVEA_NO_VALUE);
    for (size_t i = 0; i < n->n_in; i++)
        wanted = wanted || (n->in[i] != FOVEA_NO_VALUE && gr->wanted[n->in[i]]);
    return flows && wanted && !n->dead;
}

/* Runs the rule of one node on values that are there. The node is looked at through a copy, which stays
 * where it is while nodes are appended. */
static fovea_status run_rule(struct gradient *gr, struct recomputation *r, size_t k) {
    struct node original = gr->graph->nodes[k], n = original;
    gr->original = &original;
    n.in = mem_array(n.n_in + n.n_out + 1, sizeof *n.in);
    gr->name = mem_format("%s.grad", original.name);
    fovea_status status = FOVEA_OK;
    if (!n.in || !gr->name) status = fail_memory(n.n_in, "a node");
    n.out = n.in + n.n_in;
    if (status == FOVEA_OK) status = available(r, original.in, n.n_in, n.in);
    if (status == FOVEA_OK) status = available(r, original.out, n.n_out, n.out);
    if (status == FOVEA_OK && node_activation(&n).kind != ACTIVATION_NONE)
        status = fail(FOVEA_UNSUPPORTED,
                      "an activation is fused into it; gradients are taken of the parts");
    if (status == FOVEA_OK) {
        rules[n.op](gr, &n);
        status = gr->status;
    }
    if (status != FOVEA_OK)
        fail_in(status, "gradient of %s node '%s': ", op_name(n.op), original.name);
    mem_free(n.in);
    mem_free(gr->name);
    gr->name = NULL;
    return status;
}

/* d sum(y) / dy: ones. */
static fovea_status seed(struct gradient *gr, fovea_value y) {
    fovea_desc d = gr->graph->values[y].desc;
    size_t n = (size_t)fovea_desc_elements(&d);
    float *ones = mem_array(n, sizeof *ones);
    if (!ones) return fail_memory(n * sizeof *ones, "a gradient");
    for (size_t i = 0; i < n; i++) ones[i] = 1;
    return graph_constant_take(gr->graph, NULL, &d, ones, &gr->of[y]);
}

static fovea_status walk(struct gradient *gr, struct recomputation *r, fovea_value y,
                         const fovea_value *values, size_t count) {
    size_t n_nodes = gr->graph->n_nodes;
    mark_wanted(gr, values, count);
    if (gr->wanted[y]) TRY(seed(gr, y));
    for (size_t k = n_nodes; k-- > 0;)
        if (is_on_the_way(gr, &gr->graph->nodes[k])) TRY(run_rule(gr, r, k));
    return FOVEA_OK;
}

static fovea_status check_known(const fovea_graph *g) {
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < g->nodes[k].n_out && !g->nodes[k].dead; i++) {
            const struct value *v = node_out(g, &g->nodes[k], i);
            if (v && value_elements(v) < 0)
                return fail(
                    FOVEA_INVALID,
                    "the shape of '%s' is not known: fix the graph's inputs before gradients "
                    "are taken (fovea_graph_fix)",
                    v->name);
        }
    return FOVEA_OK;
}

static fovea_status check_request(const fovea_graph *g, fovea_value y, const fovea_value *values,
                                  size_t count) {
    if (y >= g->n_values) return fail(FOVEA_INVALID, "there is no value %u to differentiate", y);
    if (g->values[y].desc.dtype != FOVEA_FLOAT32)
        return fail(FOVEA_INVALID, "'%s' is %s; gradients are taken of float32", g->values[y].name,
                    fovea_dtype_name(g->values[y].desc.dtype));
    for (size_t i = 0; i < count; i++)
        if (values[i] >= g->n_values || g->values[values[i]].desc.dtype != FOVEA_FLOAT32)
            return fail(FOVEA_INVALID,
                        "value %zu of those asked for is no float32 value of the graph", i);
    return check_known(g);
}

fovea_status graph_gradient(fovea_graph *g, fovea_value y, const fovea_value *values, size_t count,
                            fovea_value *grads, const struct gradient_options *o) {
    for (size_t i = 0; i < count; i++) grads[i] = FOVEA_NO_VALUE;
    TRY(check_request(g, y, values, count));
    struct recomputation r = {.kept = o ? o->kept : NULL, .n_kept = g->n_values};
    TRY(ask_for_outputs(g));
    struct gradient gr = {.graph = g, .n_values = g->n_values};
    r.gr = &gr;
    gr.wanted = mem_zero(g->n_values + 1, sizeof *gr.wanted);
    gr.of = mem_array(2 * g->n_values, sizeof *gr.of);
    fovea_status status = FOVEA_OK;
    if (!gr.wanted || !gr.of) status = fail_memory(g->n_values * sizeof *gr.of, "gradients");
    else {
        r.copy = gr.of + gr.n_values;
        for (size_t i = 0; i < 2 * gr.n_values; i++) gr.of[i] = FOVEA_NO_VALUE;
        status = walk(&gr, &r, y, values, count);
    }
    for (size_t i = 0; i < count && status == FOVEA_OK; i++) grads[i] = gr.of[values[i]];
    mem_free(gr.wanted);
    mem_free(gr.of);
    return status;
}

fovea_status fovea_graph_gradient(fovea_graph *g, fovea_value y, const fovea_value *values,
                                  size_t count, fovea_value *grads) {
    return graph_gradient(g, y, values, count, grads, NULL);
}

/* ---- Rules without a family ---- */

void gradient_none(struct gradient *gr, const struct node *n) {
    gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "%s has no gradient", op_name(n->op)));
}

void gradient_zero(struct gradient *gr, const struct node *n) {
    (void)gr;
    (void)n;
}
