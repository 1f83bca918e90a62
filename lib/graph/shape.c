/* Helpers that the shape functions share. */
#include <string.h>

#include "graph/graph.h"

fovea_status shape_set(fovea_graph *g, struct node *n, size_t output, fovea_dtype dtype, int rank,
                       const int64_t *dim) {
    struct value *v = node_out(g, n, output);
    if (!v) return FOVEA_OK;
    fovea_desc d = {.dtype = dtype, .rank = rank};
    if (rank < 0 || rank > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "output %zu would have rank %d; at most %d are covered",
                    output, rank, FOVEA_MAX_RANK);
    if (rank) memcpy(d.dim, dim, (size_t)rank * sizeof *dim);
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0)
            return fail(FOVEA_INVALID, "output %zu would have the negative dimension %lld", output,
                        (long long)dim[i]);
    int64_t elements = fovea_desc_elements(&d);
    if (elements < 0 || elements > PTRDIFF_MAX / 8)
        return fail(FOVEA_INVALID, "output %zu of shape %s has too many elements", output,
                    desc_text(&d));
    v->desc = d;
    return FOVEA_OK;
}

fovea_status shape_want_inputs(const fovea_graph *g, const struct node *n, size_t least,
                               size_t most) {
    if (n->n_in > most)
        return fail(FOVEA_INVALID, "has %zu inputs; at most %zu are allowed", n->n_in, most);
    for (size_t i = 0; i < least; i++)
        if (!node_in(g, n, i))
            return fail(FOVEA_INVALID, "input %zu is missing; %zu are needed", i, least);
    return FOVEA_OK;
}

fovea_status shape_want_floats(const fovea_graph *g, const struct node *n, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && !dtype_is_float(v->desc.dtype))
            return fail(FOVEA_INVALID, "input %zu is %s; a floating-point type is needed", i,
                        fovea_dtype_name(v->desc.dtype));
    }
    return FOVEA_OK;
}

fovea_status shape_broadcast(const fovea_desc *a, const fovea_desc *b, fovea_desc *out) {
    fovea_desc d = {.dtype = a->dtype, .rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= d.rank; i++) {
        int64_t p = i <= a->rank ? a->dim[a->rank - i] : 1;
        int64_t q = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (p != q && p != 1 && q != 1)
            return fail(FOVEA_INVALID, "shapes %s and %s do not broadcast", desc_text(a),
                        desc_text(b));
        d.dim[d.rank - i] = p == 1 ? q : p;
    }
    *out = d;
    return FOVEA_OK;
}

fovea_status shape_read_ints(const fovea_graph *g, const struct node *n, size_t input, int64_t *out,
                             size_t capacity, size_t *count) {
    const struct value *v = node_in(g, n, input);
    *count = 0;
    if (!v) return FOVEA_OK;
    const void *data = value_data(v);
    int64_t elements = value_elements(v);
    if (!data || v->desc.rank > 1 || (v->desc.dtype != FOVEA_INT64 && v->desc.dtype != FOVEA_INT32))
        return fail(FOVEA_INVALID, "input %zu must be a known list of int64 or int32", input);
    if (elements > (int64_t)capacity)
        return fail(FOVEA_INVALID, "input %zu has %lld numbers; at most %zu fit", input,
                    (long long)elements, capacity);
    for (int64_t i = 0; i < elements; i++)
        out[i] =
            v->desc.dtype == FOVEA_INT64 ? ((const int64_t *)data)[i] : ((const int32_t *)data)[i];
    *count = (size_t)elements;
    return FOVEA_OK;
}
