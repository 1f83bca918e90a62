/* Shapes of pooling: sliding windows and whole spatial planes. */
#include "graph/window.h"

/* Output shape of a sliding window: batch and channels stay. */
static fovea_status pooled(const struct node *n, const fovea_desc *x, fovea_desc *y) {
    struct window w;
    TRY(window_resolve(n, x, NULL, &w));
    *y = *x;
    for (int i = 0; i < w.rank; i++) y->dim[2 + i] = w.out[3 - w.rank + i];
    return FOVEA_OK;
}

/* An attribute that may only be 0 or 1. */
static fovea_status want_flag(const struct node *n, const char *name) {
    int64_t flag = attr_int(n, name, 0);
    if (flag == 0 || flag == 1) return FOVEA_OK;
    return fail(FOVEA_INVALID, "%s is %lld; it must be 0 or 1", name, (long long)flag);
}

static fovea_status want_exponent(const struct node *n) {
    int64_t p = attr_int(n, "p", 2);
    if (p >= 1 && p <= 1 << 20) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the exponent p is %lld; it must be 1 or more", (long long)p);
}

/* x -> y, indices of the maxima in the whole of x (int64). */
fovea_status shape_max_pool(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(want_flag(n, "storage_order"));
    TRY(want_flag(n, "ceil_mode"));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    if (!dtype_is_float(x->dtype) && x->dtype != FOVEA_INT8 && x->dtype != FOVEA_UINT8)
        return fail(FOVEA_INVALID, "input 0 is %s; a float type, int8 or uint8 is needed",
                    fovea_dtype_name(x->dtype));
    fovea_desc y;
    TRY(pooled(n, x, &y));
    TRY(shape_set(g, n, 0, y.dtype, y.rank, y.dim));
    return shape_set(g, n, 1, FOVEA_INT64, y.rank, y.dim);
}

/* AveragePool and LpPool. */
fovea_status shape_pool(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(shape_want_floats(g, n, 1));
    TRY(want_flag(n, "ceil_mode"));
    TRY(want_flag(n, "count_include_pad"));
    if (n->op == OP_LpPool) TRY(want_exponent(n));
    fovea_desc y;
    TRY(pooled(n, &node_in(g, n, 0)->desc, &y));
    return shape_set(g, n, 0, y.dtype, y.rank, y.dim);
}

/* (n, c, spatial...) -> (n, c, 1...). */
fovea_status shape_global_pool(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(shape_want_floats(g, n, 1));
    if (n->op == OP_GlobalLpPool) TRY(want_exponent(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    if (x->rank < 3)
        return fail(FOVEA_INVALID,
                    "input 0 has shape %s; batch, channels and a spatial axis are "
                    "needed",
                    desc_text(x));
    if (desc_span(x, 2, x->rank) < 1)
        return fail(FOVEA_INVALID, "input 0 has shape %s: a spatial axis is empty", desc_text(x));
    fovea_desc y = *x;
    for (int i = 2; i < y.rank; i++) y.dim[i] = 1;
    return shape_set(g, n, 0, y.dtype, y.rank, y.dim);
}

/* ---- Gradients ---- */

/* dy, x -> dx. */
fovea_status shape_max_pool_grad(fovea_graph *g, struct node *n) {
    fovea_desc y;
    TRY(shape_want_inputs(g, n, 2, 2));
    TRY(shape_want_floats(g, n, 2));
    TRY(want_flag(n, "ceil_mode"));
    const fovea_desc *dy = &node_in(g, n, 0)->desc, *x = &node_in(g, n, 1)->desc;
    TRY(pooled(n, x, &y));
    y.dtype = dy->dtype;
    if (!desc_equal(dy, &y))
        return fail(FOVEA_INVALID,
                    "input 0 has shape %s; %s, that of the pooled input 1, is needed",
                    desc_text(dy), desc_text(&y));
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}

/* dy -> dx of shape input_shape. */
fovea_status shape_average_pool_grad(fovea_graph *g, struct node *n) {
    fovea_desc y;
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(shape_want_floats(g, n, 1));
    TRY(want_flag(n, "ceil_mode"));
    TRY(want_flag(n, "count_include_pad"));
    const fovea_desc *dy = &node_in(g, n, 0)->desc;
    fovea_desc x = pool_grad_input(n, dy);
    TRY(shape_set(g, n, 0, x.dtype, x.rank, x.dim));
    TRY(pooled(n, &x, &y));
    if (desc_equal(&node_in(g, n, 0)->desc, &y)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "input 0 has shape %s; %s, that of input_shape pooled, is needed",
                desc_text(&node_in(g, n, 0)->desc), desc_text(&y));
}
