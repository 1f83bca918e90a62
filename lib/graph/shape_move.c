/* Shapes of the operators that put elements into other places. See also shape_slice.c and
 * shape_reshape.c. */
#include <string.h>

#include "graph/graph.h"

fovea_status shape_concat(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, n->n_in ? n->n_in : 1, n->n_in));
    fovea_desc d = node_in(g, n, 0)->desc;
    if (!node_attr(n, "axis")) return fail(FOVEA_INVALID, "attribute axis is missing");
    int axis = attr_axis(n, "axis", 0, d.rank);
    if (axis < 0) return FOVEA_INVALID;
    for (size_t i = 1; i < n->n_in; i++) {
        fovea_desc x = node_in(g, n, i)->desc, same = d;
        if (x.rank == d.rank) same.dim[axis] = x.dim[axis];
        if (!desc_equal(&x, &same))
            return fail(FOVEA_INVALID, "input %zu is %s %s, which does not fit %s %s on axis %d", i,
                        fovea_dtype_name(x.dtype), desc_text(&x), fovea_dtype_name(d.dtype),
                        desc_text(&d), axis);
        if (__builtin_add_overflow(d.dim[axis], x.dim[axis], &d.dim[axis]))
            return fail(FOVEA_INVALID, "axis %d becomes too long", axis);
    }
    return shape_set(g, n, 0, d.dtype, d.rank, d.dim);
}

fovea_status shape_transpose(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    const int64_t *perm;
    unsigned seen = 0;
    TRY(shape_want_inputs(g, n, 1, 1));
    const fovea_desc x = node_in(g, n, 0)->desc;
    size_t count = attr_ints(n, "perm", &perm);
    if (perm && count != (size_t)x.rank)
        return fail(FOVEA_INVALID, "perm has %zu numbers for rank %d", count, x.rank);
    for (int i = 0; i < x.rank; i++) {
        int64_t p = perm ? perm[i] : x.rank - 1 - i;
        if (p < 0 || p >= x.rank || seen >> p & 1)
            return fail(FOVEA_INVALID, "perm is no permutation of 0 to %d", x.rank - 1);
        seen |= 1u << p;
        dim[i] = x.dim[p];
    }
    return shape_set(g, n, 0, x.dtype, x.rank, dim);
}

fovea_status shape_expand(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    size_t rank;
    TRY(shape_want_inputs(g, n, 2, 2));
    const fovea_desc x = node_in(g, n, 0)->desc;
    TRY(shape_read_ints(g, n, 1, dim, FOVEA_MAX_RANK, &rank));
    fovea_desc shape = {.dtype = x.dtype, .rank = (int)rank}, d;
    for (size_t i = 0; i < rank; i++) {
        if (dim[i] < 0) return fail(FOVEA_INVALID, "shape has the number %lld", (long long)dim[i]);
        shape.dim[i] = dim[i];
    }
    TRY(shape_broadcast(&x, &shape, &d));
    return shape_set(g, n, 0, x.dtype, d.rank, d.dim);
}

fovea_status shape_tile(fovea_graph *g, struct node *n) {
    int64_t repeats[FOVEA_MAX_RANK];
    size_t count;
    TRY(shape_want_inputs(g, n, 2, 2));
    fovea_desc d = node_in(g, n, 0)->desc;
    TRY(shape_read_ints(g, n, 1, repeats, FOVEA_MAX_RANK, &count));
    if (count != (size_t)d.rank)
        return fail(FOVEA_INVALID, "repeats has %zu numbers for rank %d", count, d.rank);
    for (int i = 0; i < d.rank; i++)
        if (repeats[i] < 0 || __builtin_mul_overflow(d.dim[i], repeats[i], &d.dim[i]))
            return fail(FOVEA_INVALID, "repeats has the number %lld", (long long)repeats[i]);
    return shape_set(g, n, 0, d.dtype, d.rank, d.dim);
}

fovea_status shape_gather(fovea_graph *g, struct node *n) {
    int64_t dim[2 * FOVEA_MAX_RANK];
    int rank = 0;
    TRY(shape_want_inputs(g, n, 2, 2));
    const fovea_desc x = node_in(g, n, 0)->desc, indices = node_in(g, n, 1)->desc;
    int axis = attr_axis(n, "axis", 0, x.rank);
    if (axis < 0) return FOVEA_INVALID;
    if (indices.dtype != FOVEA_INT64 && indices.dtype != FOVEA_INT32)
        return fail(FOVEA_INVALID, "indices are %s; they must be int32 or int64",
                    fovea_dtype_name(indices.dtype));
    if (x.dim[axis] == 0 && fovea_desc_elements(&indices) > 0)
        return fail(FOVEA_INVALID, "axis %d is empty, so that every index is out of range", axis);
    for (int i = 0; i < axis; i++) dim[rank++] = x.dim[i];
    for (int i = 0; i < indices.rank; i++) dim[rank++] = indices.dim[i];
    for (int i = axis + 1; i < x.rank; i++) dim[rank++] = x.dim[i];
    return shape_set(g, n, 0, x.dtype, rank, dim);
}

/* x (n, c, h, w) and the block size of DepthToSpace and SpaceToDepth. */
static fovea_status read_block(const fovea_graph *g, const struct node *n, fovea_desc *x,
                               int64_t *b) {
    TRY(shape_want_inputs(g, n, 1, 1));
    *x = node_in(g, n, 0)->desc;
    *b = attr_int(n, "blocksize", 0);
    if (x->rank != 4) return fail(FOVEA_INVALID, "the input has rank %d; 4 is needed", x->rank);
    if (*b < 1 || *b > INT16_MAX)
        return fail(FOVEA_INVALID, "blocksize is %lld; it must be between 1 and %d", (long long)*b,
                    INT16_MAX);
    return FOVEA_OK;
}

fovea_status shape_depth_to_space(fovea_graph *g, struct node *n) {
    fovea_desc x;
    int64_t b;
    TRY(read_block(g, n, &x, &b));
    const char *mode = attr_string(n, "mode", "DCR");
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return fail(FOVEA_INVALID, "mode '%s' is neither DCR nor CRD", mode);
    if (x.dim[1] % (b * b))
        return fail(FOVEA_INVALID, "%lld channels do not divide by %lld", (long long)x.dim[1],
                    (long long)(b * b));
    int64_t dim[4] = {x.dim[0], x.dim[1] / (b * b)};
    for (int i = 2; i < 4; i++)
        if (__builtin_mul_overflow(x.dim[i], b, &dim[i]))
            return fail(FOVEA_INVALID, "the output has too many elements");
    return shape_set(g, n, 0, x.dtype, 4, dim);
}

fovea_status shape_space_to_depth(fovea_graph *g, struct node *n) {
    fovea_desc x;
    int64_t b;
    TRY(read_block(g, n, &x, &b));
    if (x.dim[2] % b || x.dim[3] % b)
        return fail(FOVEA_INVALID, "%s does not divide into blocks of %lld", desc_text(&x),
                    (long long)b);
    int64_t dim[4] = {x.dim[0], 0, x.dim[2] / b, x.dim[3] / b};
    if (__builtin_mul_overflow(x.dim[1], b * b, &dim[1]))
        return fail(FOVEA_INVALID, "the output has too many elements");
    return shape_set(g, n, 0, x.dtype, 4, dim);
}

/* The gradient of what Gather took, and its indices -> the gradient of what it took from: along `axis`, the
 * indices' axes become one of `size`. */
fovea_status shape_gather_grad(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK], size = attr_int(n, "size", -1);
    TRY(shape_want_inputs(g, n, 2, 2));
    TRY(shape_want_floats(g, n, 1));
    const fovea_desc dy = node_in(g, n, 0)->desc, indices = node_in(g, n, 1)->desc;
    int64_t axis = attr_int(n, "axis", 0);
    if (indices.dtype != FOVEA_INT64 && indices.dtype != FOVEA_INT32)
        return fail(FOVEA_INVALID, "indices are %s; they must be int32 or int64",
                    fovea_dtype_name(indices.dtype));
    if (axis < 0 || axis + indices.rank > dy.rank || size < 0)
        return fail(FOVEA_INVALID, "axis %lld and size %lld do not fit indices of shape %s",
                    (long long)axis, (long long)size, desc_text(&indices));
    for (int i = 0; i < indices.rank; i++)
        if (dy.dim[axis + i] != indices.dim[i])
            return fail(FOVEA_INVALID, "a gradient of shape %s does not fit indices of shape %s",
                        desc_text(&dy), desc_text(&indices));
    int rank = dy.rank - indices.rank + 1;
    if (rank > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "the output would have rank %d", rank);
    for (int i = 0; i < rank; i++)
        dim[i] = i < axis ? dy.dim[i] : i == axis ? size : dy.dim[i + indices.rank - 1];
    return shape_set(g, n, 0, dy.dtype, rank, dim);
}
