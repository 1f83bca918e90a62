/* Shapes of the operators that only rename a shape: the elements stay in their order. */
#include <string.h>

#include "graph/graph.h"

/* Resolves 0 (copied from x, unless allowzero) and -1 (what is left) in place. */
static fovea_status reshape_resolve(const fovea_desc *x, bool allow_zero, int64_t *dim, int rank) {
    int64_t known = 1, elements = fovea_desc_elements(x);
    int rest = -1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] == 0 && !allow_zero) {
            if (i >= x->rank)
                return fail(FOVEA_INVALID, "shape has a 0 at %d but the input has rank %d", i,
                            x->rank);
            dim[i] = x->dim[i];
        }
        if (dim[i] < -1 || (dim[i] == -1 && rest >= 0))
            return fail(FOVEA_INVALID, "shape may have one -1 and no other negative number");
        if (dim[i] == -1) rest = i;
        else if (__builtin_mul_overflow(known, dim[i], &known))
            return fail(FOVEA_INVALID, "shape has too many elements");
    }
    if (rest >= 0 && known > 0 && elements % known == 0) {
        dim[rest] = elements / known;
        known *= dim[rest];
    } else if (rest >= 0) {
        return fail(FOVEA_INVALID, "%s does not divide into the shape's other dimensions (%lld)",
                    desc_text(x), (long long)known);
    }
    if (known != elements)
        return fail(FOVEA_INVALID, "the input has %lld elements but the shape %lld",
                    (long long)elements, (long long)known);
    return FOVEA_OK;
}

fovea_status shape_reshape(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    size_t rank;
    TRY(shape_want_inputs(g, n, 2, 2));
    const fovea_desc x = node_in(g, n, 0)->desc;
    TRY(shape_read_ints(g, n, 1, dim, FOVEA_MAX_RANK, &rank));
    TRY(reshape_resolve(&x, attr_int(n, "allowzero", 0) != 0, dim, (int)rank));
    return shape_set(g, n, 0, x.dtype, (int)rank, dim);
}

fovea_status shape_flatten(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    const fovea_desc x = node_in(g, n, 0)->desc;
    int64_t axis = attr_int(n, "axis", 1);
    if (axis < -x.rank || axis > x.rank)
        return fail(FOVEA_INVALID, "axis %lld is outside a shape of rank %d", (long long)axis,
                    x.rank);
    int cut = (int)(axis < 0 ? axis + x.rank : axis);
    int64_t dim[2] = {1, 1};
    for (int i = 0; i < x.rank; i++)
        if (__builtin_mul_overflow(dim[i >= cut], x.dim[i], &dim[i >= cut]))
            return fail(FOVEA_INVALID, "%s has too many elements", desc_text(&x));
    return shape_set(g, n, 0, x.dtype, 2, dim);
}

/* Marks the axes of input 1, counted in a shape of `rank`. */
static fovea_status read_axes(const fovea_graph *g, const struct node *n, int rank,
                              unsigned *marks) {
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    TRY(shape_read_ints(g, n, 1, axes, FOVEA_MAX_RANK, &count));
    *marks = 0;
    for (size_t i = 0; i < count; i++) {
        if (axes[i] < -rank || axes[i] >= rank)
            return fail(FOVEA_INVALID, "axis %lld is outside a shape of rank %d",
                        (long long)axes[i], rank);
        unsigned bit = 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
        if (*marks & bit)
            return fail(FOVEA_INVALID, "axis %lld is named twice", (long long)axes[i]);
        *marks |= bit;
    }
    return FOVEA_OK;
}

fovea_status shape_squeeze(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    int rank = 0;
    unsigned marks = 0;
    TRY(shape_want_inputs(g, n, 1, 2));
    const fovea_desc x = node_in(g, n, 0)->desc;
    if (node_in(g, n, 1)) TRY(read_axes(g, n, x.rank, &marks));
    for (int i = 0; i < x.rank; i++) {
        bool drop = node_in(g, n, 1) ? marks >> i & 1 : x.dim[i] == 1;
        if (drop && x.dim[i] != 1)
            return fail(FOVEA_INVALID, "axis %d of %s is not 1 and cannot go", i, desc_text(&x));
        if (!drop) dim[rank++] = x.dim[i];
    }
    return shape_set(g, n, 0, x.dtype, rank, dim);
}

fovea_status shape_unsqueeze(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    unsigned marks;
    TRY(shape_want_inputs(g, n, 2, 2));
    const fovea_desc x = node_in(g, n, 0)->desc;
    int64_t rank = x.rank + value_elements(node_in(g, n, 1));
    if (rank > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "the output would have rank %lld; at most %d are covered",
                    (long long)rank, FOVEA_MAX_RANK);
    TRY(read_axes(g, n, (int)rank, &marks));
    for (int i = 0, k = 0; i < rank; i++) dim[i] = marks >> i & 1 ? 1 : x.dim[k++];
    return shape_set(g, n, 0, x.dtype, (int)rank, dim);
}

fovea_status shape_identity(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    const fovea_desc x = node_in(g, n, 0)->desc;
    return shape_set(g, n, 0, x.dtype, x.rank, x.dim);
}
