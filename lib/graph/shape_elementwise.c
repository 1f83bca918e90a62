/* Shapes of operators that work element by element. */
#include <string.h>

#include "graph/unary_grad.h"

/* Sets output 0 to a type and the dimensions of `d`. */
static fovea_status set_like(fovea_graph *g, struct node *n, fovea_dtype dtype,
                             const fovea_desc *d) {
    return shape_set(g, n, 0, dtype, d->rank, d->dim);
}

static fovea_status refuse_type(size_t input, fovea_dtype got, const char *wanted) {
    return fail(FOVEA_INVALID, "input %zu is %s; %s is wanted", input, fovea_dtype_name(got),
                wanted);
}

static fovea_status same_types(const fovea_graph *g, const struct node *n, size_t a, size_t b) {
    fovea_dtype p = node_in(g, n, a)->desc.dtype, q = node_in(g, n, b)->desc.dtype;
    if (p == q) return FOVEA_OK;
    return fail(FOVEA_INVALID, "inputs %zu and %zu have different types: %s and %s", a, b,
                fovea_dtype_name(p), fovea_dtype_name(q));
}

static fovea_status want_output(const struct node *n) {
    if (n->n_out == 1) return FOVEA_OK;
    return fail(FOVEA_INVALID, "has %zu outputs; 1 is right", n->n_out);
}

/* ---- One input ---- */

/* Operators that are also defined for integers. */
static bool takes_integers(enum op op) {
    return op == OP_Abs || op == OP_Neg || op == OP_Sign || op == OP_Relu;
}

static fovea_status unary_type(const struct node *n, fovea_dtype t) {
    if (n->op == OP_Not) return t == FOVEA_BOOL ? FOVEA_OK : refuse_type(0, t, "bool");
    if (dtype_is_float(t)) return FOVEA_OK;
    if (!takes_integers(n->op)) return refuse_type(0, t, "a floating-point type");
    return t == FOVEA_BOOL ? refuse_type(0, t, "a number") : FOVEA_OK;
}

fovea_status shape_unary(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(want_output(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(unary_type(n, x->dtype));
    if (n->op == OP_Celu && attr_float(n, "alpha", 1) == 0)
        return fail(FOVEA_INVALID, "alpha is 0; the formula divides by it");
    const char *approximate = attr_string(n, "approximate", "none");
    if (n->op == OP_Gelu && strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0)
        return fail(FOVEA_INVALID, "approximate is '%s'; 'none' or 'tanh' is wanted", approximate);
    return set_like(g, n, x->dtype, x);
}

fovea_status shape_clip(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 3));
    TRY(want_output(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    if (x->dtype == FOVEA_BOOL) return refuse_type(0, x->dtype, "a number");
    for (size_t i = 1; i < 3; i++) {
        const struct value *limit = node_in(g, n, i);
        if (!limit) continue;
        TRY(same_types(g, n, 0, i));
        if (value_elements(limit) != 1)
            return fail(FOVEA_INVALID, "input %zu has the shape %s; a scalar is wanted", i,
                        desc_text(&limit->desc));
    }
    return set_like(g, n, x->dtype, x);
}

/* ---- Two inputs ---- */

static fovea_status binary_types(const fovea_graph *g, const struct node *n) {
    bool logic = n->op == OP_And || n->op == OP_Or || n->op == OP_Xor;
    for (size_t i = 0; i < 2; i++) {
        fovea_dtype t = node_in(g, n, i)->desc.dtype;
        if (logic && t != FOVEA_BOOL) return refuse_type(i, t, "bool");
        if (!logic && t == FOVEA_BOOL) return refuse_type(i, t, "a number");
    }
    return n->op == OP_Pow ? FOVEA_OK : same_types(g, n, 0, 1);
}

fovea_status shape_binary(fovea_graph *g, struct node *n) {
    fovea_desc out;
    TRY(shape_want_inputs(g, n, 2, 2));
    TRY(want_output(n));
    TRY(binary_types(g, n));
    const fovea_desc *a = &node_in(g, n, 0)->desc, *b = &node_in(g, n, 1)->desc;
    TRY(shape_broadcast(a, b, &out));
    out.dtype = a->dtype;
    if (n->op == OP_PRelu && !desc_equal(a, &out))
        return fail(FOVEA_INVALID, "slope %s does not broadcast to the input %s", desc_text(b),
                    desc_text(a));
    return set_like(g, n, a->dtype, &out);
}

fovea_status shape_compare(fovea_graph *g, struct node *n) {
    fovea_desc out;
    TRY(shape_want_inputs(g, n, 2, 2));
    TRY(want_output(n));
    TRY(same_types(g, n, 0, 1));
    const fovea_desc *a = &node_in(g, n, 0)->desc, *b = &node_in(g, n, 1)->desc;
    if (a->dtype == FOVEA_BOOL && n->op != OP_Equal) return refuse_type(0, a->dtype, "a number");
    TRY(shape_broadcast(a, b, &out));
    return set_like(g, n, FOVEA_BOOL, &out);
}

/* ---- More inputs ---- */

fovea_status shape_variadic(fovea_graph *g, struct node *n) {
    if (n->n_in == 0) return fail(FOVEA_INVALID, "has no input; 1 or more are needed");
    TRY(shape_want_inputs(g, n, n->n_in, n->n_in));
    TRY(want_output(n));
    fovea_desc out = node_in(g, n, 0)->desc;
    if (out.dtype == FOVEA_BOOL) return refuse_type(0, out.dtype, "a number");
    for (size_t i = 1; i < n->n_in; i++) {
        TRY(same_types(g, n, 0, i));
        TRY(shape_broadcast(&out, &node_in(g, n, i)->desc, &out));
    }
    return set_like(g, n, node_in(g, n, 0)->desc.dtype, &out);
}

fovea_status shape_where(fovea_graph *g, struct node *n) {
    fovea_desc out;
    TRY(shape_want_inputs(g, n, 3, 3));
    TRY(want_output(n));
    const fovea_desc *condition = &node_in(g, n, 0)->desc, *x = &node_in(g, n, 1)->desc;
    if (condition->dtype != FOVEA_BOOL) return refuse_type(0, condition->dtype, "bool");
    TRY(same_types(g, n, 1, 2));
    TRY(shape_broadcast(x, &node_in(g, n, 2)->desc, &out));
    TRY(shape_broadcast(condition, &out, &out));
    return set_like(g, n, x->dtype, &out);
}

/* ---- Gradients ---- */

/* dy, one of x and y, and perhaps what is added to dy: all of one shape. */
fovea_status shape_unary_grad(fovea_graph *g, struct node *n) {
    struct unary_grad u;
    TRY(shape_want_inputs(g, n, 1, 4));
    TRY(shape_want_floats(g, n, 4));
    TRY(want_output(n));
    TRY(unary_grad_make(&u, n));
    const fovea_desc *dy = &node_in(g, n, 0)->desc, *v = &node_in(g, n, u.from_y ? 2 : 1)->desc;
    if (!desc_equal(dy, v))
        return fail(FOVEA_INVALID, "the gradient of shape %s is no gradient of %s", desc_text(dy),
                    desc_text(v));
    const struct value *more = node_in(g, n, 3);
    if (more && !desc_equal(dy, &more->desc))
        return fail(FOVEA_INVALID, "input 3 of shape %s is to be added to a gradient of shape %s",
                    desc_text(&more->desc), desc_text(dy));
    return set_like(g, n, dy->dtype, dy);
}
