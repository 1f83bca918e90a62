/* Shapes of reductions: ReduceX, ArgMax, ArgMin, TopK. */
#include "graph/reduction.h"

static fovea_status refuse_type(fovea_dtype t) {
    return fail(FOVEA_INVALID, "input 0 is %s, for which the operator is not defined",
                fovea_dtype_name(t));
}

/* ---- ReduceX: data, axes (optional) ---- */

static fovea_status reduce_type(const struct node *n, fovea_dtype t) {
    bool extremum = n->op == OP_ReduceMax || n->op == OP_ReduceMin;
    bool wide = dtype_is_float(t) || t == FOVEA_INT32 || t == FOVEA_INT64 || t == FOVEA_UINT32 ||
                t == FOVEA_UINT64;
    bool narrow = t == FOVEA_INT8 || t == FOVEA_UINT8 || t == FOVEA_BOOL;
    return wide || (extremum && narrow) ? FOVEA_OK : refuse_type(t);
}

fovea_status shape_reduce(fovea_graph *g, struct node *n) {
    int64_t axes[FOVEA_MAX_RANK], dim[FOVEA_MAX_RANK];
    size_t n_axes;
    struct reduction r;
    int rank = 0;
    TRY(shape_want_inputs(g, n, 1, 2));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(reduce_type(n, x->dtype));
    TRY(shape_read_ints(g, n, 1, axes, FOVEA_MAX_RANK, &n_axes));
    TRY(reduction_make(&r, n, x, axes, n_axes));
    for (int d = 0; d < x->rank; d++)
        if (!r.axis[d] || attr_int(n, "keepdims", 1)) dim[rank++] = r.axis[d] ? 1 : x->dim[d];
    return shape_set(g, n, 0, x->dtype, rank, dim);
}

/* ---- ArgMax, ArgMin ---- */

fovea_status shape_arg_reduce(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    int rank = 0;
    TRY(shape_want_inputs(g, n, 1, 1));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    if (x->dtype == FOVEA_BOOL) return refuse_type(x->dtype);
    int axis = attr_axis(n, "axis", 0, x->rank);
    if (axis < 0) return FOVEA_INVALID;
    if (x->dim[axis] == 0)
        return fail(FOVEA_INVALID, "axis %d of the shape %s is empty", axis, desc_text(x));
    for (int d = 0; d < x->rank; d++)
        if (d != axis || attr_int(n, "keepdims", 1)) dim[rank++] = d == axis ? 1 : x->dim[d];
    return shape_set(g, n, 0, FOVEA_INT64, rank, dim);
}

/* ---- TopK: data, k (one number) ---- */

fovea_status shape_top_k(fovea_graph *g, struct node *n) {
    int64_t k;
    size_t count;
    TRY(shape_want_inputs(g, n, 2, 2));
    fovea_desc d = node_in(g, n, 0)->desc;
    if (d.dtype == FOVEA_BOOL) return refuse_type(d.dtype);
    int axis = attr_axis(n, "axis", -1, d.rank);
    if (axis < 0) return FOVEA_INVALID;
    TRY(shape_read_ints(g, n, 1, &k, 1, &count));
    if (count != 1 || k < 0 || k > d.dim[axis])
        return fail(FOVEA_INVALID, "k is %lld; 0 to %lld are possible", count ? (long long)k : -1,
                    (long long)d.dim[axis]);
    d.dim[axis] = k;
    TRY(shape_set(g, n, 0, d.dtype, d.rank, d.dim));
    return shape_set(g, n, 1, FOVEA_INT64, d.rank, d.dim);
}
