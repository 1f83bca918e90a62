/* Rewrites: see rewrite.h. Each one looks at a node and the only reader of its output. */
#include "graph/rewrite.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

/* ---- What is not needed ---- */

void graph_remove_unused(fovea_graph *g) {
    bool *wanted = mem_zero(g->n_values + 1, sizeof *wanted);
    if (!wanted) return; /* an optimisation: without memory the graph stays as it is */
    for (size_t i = 0; i < g->n_outputs; i++) wanted[g->outputs[i]] = true;
    for (size_t k = g->n_nodes; k-- > 0;) {
        struct node *n = &g->nodes[k];
        bool used = false;
        for (size_t i = 0; i < n->n_out && !n->dead; i++) {
            if (n->out[i] == FOVEA_NO_VALUE) continue;
            used = used || wanted[n->out[i]];
        }
        n->dead = !used;
        for (size_t i = 0; i < n->n_out && used; i++)
            if (n->out[i] != FOVEA_NO_VALUE && !wanted[n->out[i]]) n->out[i] = FOVEA_NO_VALUE;
        for (size_t i = 0; i < n->n_in && used; i++)
            if (n->in[i] != FOVEA_NO_VALUE) wanted[n->in[i]] = true;
    }
    mem_free(wanted);
}

/* ---- Helpers ---- */

static size_t count_readers(const fovea_graph *g, fovea_value v) {
    size_t readers = g->values[v].is_output;
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < g->nodes[k].n_in && !g->nodes[k].dead; i++)
            readers += g->nodes[k].in[i] == v;
    return readers;
}

/* The live node that makes `v`, if it has the operator and nobody else reads v. */
static struct node *sole_maker(fovea_graph *g, fovea_value v, enum op op) {
    if (v == FOVEA_NO_VALUE || g->values[v].producer == FOVEA_NO_VALUE) return NULL;
    struct node *n = &g->nodes[g->values[v].producer];
    return !n->dead && n->op == op && n->out[0] == v && count_readers(g, v) == 1 ? n : NULL;
}

/* The maker takes over the follower's output; the follower dies. */
static void absorb(fovea_graph *g, struct node *maker, struct node *follower) {
    maker->out[0] = follower->out[0];
    g->values[maker->out[0]].producer = (uint32_t)(maker - g->nodes);
    follower->dead = true;
    /* The follower may stand behind readers of nothing: order stays topological, since the value is
     * now made earlier than before. */
}

static const float *constant_f32(const struct value *v) {
    return v && v->desc.dtype == FOVEA_FLOAT32 ? value_data(v) : NULL;
}

/* Sets node input i, which may not exist yet. */
static fovea_status node_input_set(struct node *n, size_t i, fovea_value v) {
    if (i >= n->n_in) {
        fovea_value *in = mem_resize(n->in, n->n_in * sizeof *in, (i + 1) * sizeof *in);
        if (!in) return fail_memory((i + 1) * sizeof *in, "a node's inputs");
        n->in = in;
        while (n->n_in <= i) n->in[n->n_in++] = FOVEA_NO_VALUE;
    }
    n->in[i] = v;
    return FOVEA_OK;
}

/* Gives node input i (which may not exist yet) a new float constant of `count` elements. */
static fovea_status set_constant(fovea_graph *g, size_t node, size_t i, const fovea_desc *d,
                                 float *data) {
    fovea_value id;
    TRY(graph_constant_take(g, NULL, d, data, &id));
    return node_input_set(&g->nodes[node], i, id);
}

/* ---- Bypass ---- */

static bool is_transparent(const fovea_graph *g, const struct node *n) {
    const struct value *training = n->op == OP_Dropout ? node_in(g, n, 2) : NULL;
    const unsigned char *flag = value_data(training);
    bool identity = n->op == OP_Identity ||
                    (n->op == OP_Dropout && (!training || (flag && !*flag)) && !node_out(g, n, 1));
    return identity && node_in(g, n, 0) && !g->values[n->out[0]].is_output;
}

static void bypass(fovea_graph *g, struct node *n) {
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < g->nodes[k].n_in; i++)
            if (g->nodes[k].in[i] == n->out[0]) g->nodes[k].in[i] = n->in[0];
    n->dead = true;
}

/* ---- Batch normalisation into convolution ----
 * y = s (conv(x, w) + b - m) + t  with s = scale / sqrt(variance + epsilon) becomes
 * conv(x, s w) + s (b - m) + t: in double, rounded once. */

static fovea_status fold_batch_norm(fovea_graph *g, struct node *bn) {
    struct node *conv = sole_maker(g, bn->in[0], OP_Conv);
    const float *p[4];
    for (size_t i = 0; i < 4; i++)
        if (!(p[i] = constant_f32(node_in(g, bn, i + 1)))) return FOVEA_OK;
    if (!conv || attr_int(bn, "training_mode", 0) || node_attr(conv, "activation")) return FOVEA_OK;
    struct value *wv = node_in(g, conv, 1);
    const float *w = constant_f32(wv), *b = constant_f32(node_in(g, conv, 2));
    if (!w || (node_in(g, conv, 2) && !b)) return FOVEA_OK;
    fovea_desc wd = wv->desc, bd = {FOVEA_FLOAT32, 1, {wd.dim[0]}};
    size_t oc = (size_t)wd.dim[0], k = (size_t)desc_span(&wd, 1, wd.rank);
    float *new_w = mem_array(oc * k, sizeof *new_w), *new_b = mem_array(oc, sizeof *new_b);
    if (!new_w || !new_b) {
        mem_free(new_w);
        mem_free(new_b);
        return fail_memory(oc * k * sizeof *new_w, "folded weights");
    }
    double epsilon = attr_float(bn, "epsilon", 1e-5f);
    for (size_t c = 0; c < oc; c++) {
        double s = (double)p[0][c] / sqrt((double)p[3][c] + epsilon);
        new_b[c] = (float)(((b ? (double)b[c] : 0) - (double)p[2][c]) * s + (double)p[1][c]);
        for (size_t i = 0; i < k; i++) new_w[c * k + i] = (float)(w[c * k + i] * s);
    }
    size_t at = (size_t)(conv - g->nodes);
    fovea_status status = set_constant(g, at, 1, &wd, new_w);
    if (status != FOVEA_OK) mem_free(new_b);
    else status = set_constant(g, at, 2, &bd, new_b);
    if (status == FOVEA_OK) absorb(g, conv, bn);
    return status;
}

/* ---- A constant added after Conv or MatMul is a bias ---- */

/* The constant operand of an Add and the other one; NULL if there is no constant. */
static const struct value *constant_operand(const fovea_graph *g, const struct node *add,
                                            fovea_value *other) {
    for (size_t i = 0; i < 2; i++) {
        const struct value *v = node_in(g, add, i);
        if (!constant_f32(v)) continue;
        *other = add->in[1 - i];
        return v;
    }
    return NULL;
}

/* True if the constant has one number for each entry of `axis` of the result and is constant along
 * the others. */
static bool is_along(const fovea_desc *c, const fovea_desc *result, int axis) {
    if (c->rank > result->rank) return false;
    for (int i = 0; i < c->rank; i++) {
        int at = result->rank - c->rank + i;
        if (c->dim[i] != (at == axis ? result->dim[axis] : 1)) return false;
    }
    return axis >= result->rank - c->rank;
}

static fovea_status add_to_bias(fovea_graph *g, struct node *add) {
    fovea_value other = FOVEA_NO_VALUE;
    const struct value *c = constant_operand(g, add, &other);
    const fovea_desc *y = &g->values[add->out[0]].desc;
    struct node *conv = c ? sole_maker(g, other, OP_Conv) : NULL;
    struct node *matmul = c ? sole_maker(g, other, OP_MatMul) : NULL;
    struct node *maker = conv ? conv : matmul;
    if (!maker || node_in(g, maker, 2) || node_attr(maker, "activation")) return FOVEA_OK;
    if (!desc_equal(y, &g->values[other].desc)) return FOVEA_OK;
    bool plain =
        conv || (node_in(g, matmul, 0)->desc.rank == 2 && node_in(g, matmul, 1)->desc.rank == 2);
    int axis = conv ? 1 : y->rank - 1;
    if (!plain || !is_along(&c->desc, y, axis)) return FOVEA_OK;
    fovea_desc d = {FOVEA_FLOAT32, 1, {y->dim[axis]}};
    size_t bytes = desc_bytes(&d);
    float *copy = mem_alloc(bytes);
    if (!copy) return fail_memory(bytes, "a bias");
    memcpy(copy, constant_f32(c), bytes);
    TRY(set_constant(g, (size_t)(maker - g->nodes), 2, &d, copy));
    if (matmul) matmul->op = OP_Gemm; /* alpha, beta 1 and no transposes are Gemm's defaults */
    absorb(g, maker, add);
    return FOVEA_OK;
}

/* ---- A tensor added after a convolution: the end of a residual branch ---- */

/* Whether `v` is there when node `at` runs. */
static bool made_before(const fovea_graph *g, fovea_value v, size_t at) {
    return g->values[v].producer == FOVEA_NO_VALUE || g->values[v].producer < at;
}

static fovea_status fuse_residual(fovea_graph *g, struct node *add) {
    const fovea_desc *y = &g->values[add->out[0]].desc;
    for (size_t i = 0; i < 2 && y->dtype == FOVEA_FLOAT32; i++) {
        struct node *conv = sole_maker(g, add->in[i], OP_Conv);
        fovea_value other = add->in[1 - i];
        if (!conv || node_in(g, conv, 3) || node_attr(conv, "activation")) continue;
        size_t at = (size_t)(conv - g->nodes);
        if (!made_before(g, other, at) || !desc_equal(y, &g->values[other].desc) ||
            !desc_equal(y, &g->values[add->in[i]].desc))
            continue;
        TRY(node_input_set(conv, 3, other));
        absorb(g, conv, add);
        return FOVEA_OK;
    }
    return FOVEA_OK;
}

/* ---- Activations ---- */

/* The two numbers of an activation; false if they are not known constants. */
static bool activation_numbers(const fovea_graph *g, const struct node *n, float *alpha,
                               float *beta) {
    *alpha = n->op == OP_LeakyRelu ? attr_float(n, "alpha", 0.01f) : -INFINITY;
    *beta = INFINITY;
    if (n->op == OP_Relu) *alpha = *beta = 0;
    for (size_t i = 1; n->op == OP_Clip && i < 3; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && !constant_f32(v)) return false;
        if (v) *(i == 1 ? alpha : beta) = *constant_f32(v);
    }
    return !(isnan(*alpha) || isnan(*beta)) && (n->op != OP_Clip || *alpha <= *beta);
}

static fovea_status fuse_activation(fovea_graph *g, struct node *n) {
    struct node *maker = sole_maker(g, n->in[0], OP_Conv);
    float alpha, beta;
    if (!maker) maker = sole_maker(g, n->in[0], OP_Gemm);
    if (!maker) maker = sole_maker(g, n->in[0], OP_BatchNormalization);
    if (!maker || node_attr(maker, "activation")) return FOVEA_OK;
    if (g->values[n->out[0]].desc.dtype != FOVEA_FLOAT32 ||
        !activation_numbers(g, n, &alpha, &beta))
        return FOVEA_OK;
    fovea_attribute a[] = {
        {.name = "activation", .type = FOVEA_ATTRIBUTE_STRING, .s = op_name(n->op)},
        {.name = "activation_alpha", .type = FOVEA_ATTRIBUTE_FLOAT, .f = alpha},
        {.name = "activation_beta", .type = FOVEA_ATTRIBUTE_FLOAT, .f = beta}};
    for (int i = 0; i < 3; i++) TRY(node_attr_set(maker, &a[i]));
    absorb(g, maker, n);
    return FOVEA_OK;
}

static fovea_status rewrite_add(fovea_graph *g, struct node *n) {
    TRY(add_to_bias(g, n));
    return n->dead ? FOVEA_OK : fuse_residual(g, n);
}

/* ---- Gradients that meet in front of an activation: where a residual branch ends ---- */

static fovea_status fuse_gradients(fovea_graph *g, struct node *n) {
    struct node *add = sole_maker(g, n->in[0], OP_Add);
    const fovea_desc *y = &g->values[n->out[0]].desc;
    if (!add || node_in(g, n, 3) || node_attr(add, "activation")) return FOVEA_OK;
    for (size_t i = 0; i < 2; i++)
        if (!desc_equal(y, &g->values[add->in[i]].desc)) return FOVEA_OK;
    TRY(node_input_set(n, 3, add->in[1]));
    n->in[0] = add->in[0];
    add->dead = true;
    return FOVEA_OK;
}

static fovea_status rewrite_node(fovea_graph *g, struct node *n) {
    if (is_transparent(g, n)) bypass(g, n);
    else if (n->op == OP_BatchNormalization) return fold_batch_norm(g, n);
    else if (n->op == OP_Add) return rewrite_add(g, n);
    else if (n->op == OP_Relu || n->op == OP_LeakyRelu || n->op == OP_Clip)
        return fuse_activation(g, n);
    else if (n->op == OP_UnaryGrad) return fuse_gradients(g, n);
    return FOVEA_OK;
}

fovea_status graph_rewrite(fovea_graph *g) {
    for (size_t k = 0; k < g->n_nodes; k++)
        if (!g->nodes[k].dead) TRY(rewrite_node(g, &g->nodes[k]));
    return FOVEA_OK;
}
