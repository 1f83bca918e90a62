/* Shape, Size, ConstantOfShape, Range: arithmetic on shapes, folded when the plan is made. */
#include <math.h>

#include "graph/graph.h"

/* start and end of Shape, clamped to [0, rank]; negative ones count from the end. */
static int64_t clamp_axis(int64_t axis, int rank) {
    if (axis < 0) axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

fovea_status shape_shape(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    int rank = node_in(g, n, 0)->desc.rank;
    int64_t start = clamp_axis(attr_int(n, "start", 0), rank);
    int64_t end = clamp_axis(attr_int(n, "end", rank), rank);
    int64_t length = end > start ? end - start : 0;
    return shape_set(g, n, 0, FOVEA_INT64, 1, &length);
}

fovea_status shape_size(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    return shape_set(g, n, 0, FOVEA_INT64, 0, NULL);
}

fovea_status shape_constant_of_shape(fovea_graph *g, struct node *n) {
    int64_t dim[FOVEA_MAX_RANK];
    size_t rank;
    TRY(shape_want_inputs(g, n, 1, 2));
    const struct value *fill = node_in(g, n, 1);
    TRY(shape_read_ints(g, n, 0, dim, FOVEA_MAX_RANK, &rank));
    if (fill && value_elements(fill) != 1)
        return fail(FOVEA_INVALID, "the value to fill with has shape %s; one element is needed",
                    desc_text(&fill->desc));
    return shape_set(g, n, 0, fill ? fill->desc.dtype : FOVEA_FLOAT32, (int)rank, dim);
}

/* The one number of a static scalar; false if its type is none that Range covers. */
static bool read_scalar(const struct value *v, double *real, int64_t *integer) {
    const void *data = value_data(v);
    *real = 0;
    *integer = 0;
    switch (v->desc.dtype) {
    case FOVEA_FLOAT32: *real = *(const float *)data; return true;
    case FOVEA_FLOAT64: *real = *(const double *)data; return true;
    case FOVEA_INT16: *integer = *(const int16_t *)data; return true;
    case FOVEA_INT32: *integer = *(const int32_t *)data; return true;
    case FOVEA_INT64: *integer = *(const int64_t *)data; return true;
    default: return false;
    }
}

/* max(ceil((limit - start) / delta), 0) */
static fovea_status range_length(fovea_dtype t, const double *real, const int64_t *integer,
                                 int64_t *length) {
    if (dtype_is_float(t)) {
        double count = ceil((real[1] - real[0]) / real[2]);
        if (real[2] == 0 || !(fabs(count) < 0x1p40))
            return fail(FOVEA_INVALID, "from %g to %g by %g is no range", real[0], real[1],
                        real[2]);
        *length = count > 0 ? (int64_t)count : 0;
        return FOVEA_OK;
    }
    int64_t span, step = integer[2];
    if (step == 0 || step == INT64_MIN || __builtin_sub_overflow(integer[1], integer[0], &span) ||
        span == INT64_MIN)
        return fail(FOVEA_INVALID, "from %lld to %lld by %lld is no range", (long long)integer[0],
                    (long long)integer[1], (long long)step);
    if (step < 0) {
        step = -step;
        span = -span;
    }
    *length = span > 0 ? span / step + (span % step != 0) : 0;
    return FOVEA_OK;
}

fovea_status shape_range(fovea_graph *g, struct node *n) {
    double real[3];
    int64_t integer[3], length;
    TRY(shape_want_inputs(g, n, 3, 3));
    fovea_dtype t = node_in(g, n, 0)->desc.dtype;
    for (size_t i = 0; i < 3; i++) {
        const struct value *v = node_in(g, n, i);
        if (v->desc.dtype != t || value_elements(v) != 1)
            return fail(FOVEA_INVALID, "start, limit and delta must be scalars of one type");
        if (!read_scalar(v, &real[i], &integer[i]))
            return fail(FOVEA_UNSUPPORTED, "element type %s is not covered", fovea_dtype_name(t));
    }
    TRY(range_length(t, real, integer, &length));
    return shape_set(g, n, 0, t, 1, &length);
}
