/* Shapes of Slice, Pad and Split, whose numbers come from static inputs. */
#include <string.h>

#include "graph/move.h"

/* An axis made non-negative; -1 with the sentence set if it is outside or was seen before. */
static int axis_once(int64_t axis, int rank, unsigned *seen) {
    if (axis < -rank || axis >= rank) {
        fail(FOVEA_INVALID, "axis %lld is outside a shape of rank %d", (long long)axis, rank);
        return -1;
    }
    int a = (int)(axis < 0 ? axis + rank : axis);
    if (*seen >> a & 1) {
        fail(FOVEA_INVALID, "axis %d is named twice", a);
        return -1;
    }
    *seen |= 1u << a;
    return a;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* ---- Slice ---- */

static void slice_axis(struct slice *s, int a, int64_t dim, int64_t start, int64_t end,
                       int64_t step) {
    if (start < 0) start += dim;
    if (end < 0) end += dim;
    step = clamp(step, -dim - 1, dim + 1); /* a longer step also meets at most one element */
    int64_t span;
    if (step > 0) {
        start = clamp(start, 0, dim);
        span = clamp(end, 0, dim) - start;
    } else {
        start = clamp(start, -1, dim - 1);
        span = start - clamp(end, -1, dim - 1);
    }
    int64_t stride = step > 0 ? step : -step;
    s->start[a] = start;
    s->step[a] = step;
    s->count[a] = span > 0 ? (span + stride - 1) / stride : 0;
    if (s->count[a] == 0) s->start[a] = 0;
}

fovea_status slice_resolve(const fovea_desc *x, const int64_t *starts, const int64_t *ends,
                           const int64_t *axes, const int64_t *steps, size_t count,
                           struct slice *out) {
    unsigned seen = 0;
    for (int a = 0; a < x->rank; a++) {
        out->start[a] = 0;
        out->step[a] = 1;
        out->count[a] = x->dim[a];
    }
    for (size_t i = 0; i < count; i++) {
        int a = axis_once(axes ? axes[i] : (int64_t)i, x->rank, &seen);
        if (a < 0) return FOVEA_INVALID;
        if (steps && steps[i] == 0) return fail(FOVEA_INVALID, "the step of axis %d is 0", a);
        slice_axis(out, a, x->dim[a], starts[i], ends[i], steps ? steps[i] : 1);
    }
    return FOVEA_OK;
}

fovea_status shape_slice(fovea_graph *g, struct node *n) {
    int64_t list[4][FOVEA_MAX_RANK];
    size_t count[4];
    struct slice s;
    TRY(shape_want_inputs(g, n, 3, 5));
    const fovea_desc x = node_in(g, n, 0)->desc;
    for (size_t i = 0; i < 4; i++)
        TRY(shape_read_ints(g, n, i + 1, list[i], FOVEA_MAX_RANK, &count[i]));
    bool axes = node_in(g, n, 3) != NULL, steps = node_in(g, n, 4) != NULL;
    if (count[1] != count[0] || (axes && count[2] != count[0]) || (steps && count[3] != count[0]))
        return fail(FOVEA_INVALID, "starts, ends, axes and steps must have the same length");
    TRY(slice_resolve(&x, list[0], list[1], axes ? list[2] : NULL, steps ? list[3] : NULL, count[0],
                      &s));
    return shape_set(g, n, 0, x.dtype, x.rank, s.count);
}

/* ---- Pad ---- */

static fovea_status pad_mode(const struct node *n, enum pad_mode *mode) {
    static const char *const names[] = {"constant", "edge", "reflect", "wrap"};
    const char *name = attr_string(n, "mode", "constant");
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *mode = (enum pad_mode)i;
        return FOVEA_OK;
    }
    return fail(FOVEA_INVALID, "mode '%s' is none of constant, edge, reflect, wrap", name);
}

static fovea_status pad_axis(struct pad *p, int a, int64_t dim, int64_t begin, int64_t end) {
    const int64_t limit = INT64_C(1) << 40; /* far beyond any memory, and sums cannot overflow */
    if (begin < -limit || begin > limit || end < -limit || end > limit)
        return fail(FOVEA_INVALID, "pads %lld, %lld of axis %d are out of range", (long long)begin,
                    (long long)end, a);
    p->start[a] = begin < 0 ? -begin : 0;
    p->extent[a] = dim - p->start[a] + (end < 0 ? end : 0);
    p->begin[a] = begin > 0 ? begin : 0;
    p->end[a] = end > 0 ? end : 0;
    if (p->extent[a] < 0)
        return fail(FOVEA_INVALID, "negative pads crop more than the %lld elements of axis %d",
                    (long long)dim, a);
    if (p->mode != PAD_CONSTANT && p->extent[a] == 0 && p->begin[a] + p->end[a] > 0)
        return fail(FOVEA_INVALID, "axis %d has no element to pad from; only mode constant can", a);
    return FOVEA_OK;
}

fovea_status pad_resolve(const struct node *n, const fovea_desc *x, const int64_t *pads,
                         size_t n_pads, const int64_t *axes, size_t n_axes, struct pad *out) {
    unsigned seen = 0;
    TRY(pad_mode(n, &out->mode));
    size_t count = axes ? n_axes : (size_t)x->rank;
    if (n_pads != 2 * count)
        return fail(FOVEA_INVALID, "has %zu pads for %zu axes; two an axis are needed", n_pads,
                    count);
    for (int a = 0; a < x->rank; a++) TRY(pad_axis(out, a, x->dim[a], 0, 0));
    for (size_t i = 0; i < count; i++) {
        int a = axis_once(axes ? axes[i] : (int64_t)i, x->rank, &seen);
        if (a < 0) return FOVEA_INVALID;
        TRY(pad_axis(out, a, x->dim[a], pads[i], pads[count + i]));
    }
    return FOVEA_OK;
}

int64_t pad_position(enum pad_mode mode, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (mode == PAD_CONSTANT) return -1;
    if (mode == PAD_EDGE) return i < 0 ? 0 : n - 1;
    int64_t period = mode == PAD_WRAP ? n : n > 1 ? 2 * (n - 1) : 1;
    int64_t k = (i % period + period) % period;
    return mode == PAD_REFLECT && k >= n ? period - k : k;
}

fovea_status shape_pad(fovea_graph *g, struct node *n) {
    int64_t pads[2 * FOVEA_MAX_RANK], axes[FOVEA_MAX_RANK], dim[FOVEA_MAX_RANK];
    size_t n_pads, n_axes;
    struct pad p;
    TRY(shape_want_inputs(g, n, 2, 4));
    const fovea_desc x = node_in(g, n, 0)->desc;
    const struct value *value = node_in(g, n, 2);
    TRY(shape_read_ints(g, n, 1, pads, 2 * FOVEA_MAX_RANK, &n_pads));
    TRY(shape_read_ints(g, n, 3, axes, FOVEA_MAX_RANK, &n_axes));
    if (value && (value->desc.dtype != x.dtype || value_elements(value) != 1))
        return fail(FOVEA_INVALID, "the padding value must be one %s", fovea_dtype_name(x.dtype));
    TRY(pad_resolve(n, &x, pads, n_pads, node_in(g, n, 3) ? axes : NULL, n_axes, &p));
    for (int a = 0; a < x.rank; a++) dim[a] = p.begin[a] + p.extent[a] + p.end[a];
    return shape_set(g, n, 0, x.dtype, x.rank, dim);
}

/* ---- Split ---- */

static fovea_status split_equal(const struct node *n, int64_t dim, int64_t *sizes) {
    int64_t parts = (int64_t)n->n_out, chunk = (dim + parts - 1) / parts;
    if (attr_int(n, "num_outputs", parts) != parts)
        return fail(FOVEA_INVALID, "num_outputs is %lld but there are %lld outputs",
                    (long long)attr_int(n, "num_outputs", parts), (long long)parts);
    if (chunk * parts != dim && (!node_attr(n, "num_outputs") || chunk * (parts - 1) > dim))
        return fail(FOVEA_INVALID, "%lld elements do not split into %lld parts", (long long)dim,
                    (long long)parts);
    for (int64_t i = 0; i < parts; i++) sizes[i] = chunk;
    sizes[parts - 1] = dim - chunk * (parts - 1);
    return FOVEA_OK;
}

fovea_status split_resolve(const struct node *n, int64_t dim, const int64_t *split, size_t n_split,
                           int64_t *sizes) {
    int64_t sum = 0;
    if (n->n_out > SPLIT_OUTPUTS_MAX)
        return fail(FOVEA_UNSUPPORTED, "has %zu outputs; at most %d are covered", n->n_out,
                    SPLIT_OUTPUTS_MAX);
    if (!split) return split_equal(n, dim, sizes);
    if (n_split != n->n_out)
        return fail(FOVEA_INVALID, "split has %zu numbers for %zu outputs", n_split, n->n_out);
    for (size_t i = 0; i < n_split; i++) {
        if (split[i] < 0 || __builtin_add_overflow(sum, split[i], &sum))
            return fail(FOVEA_INVALID, "split has the number %lld", (long long)split[i]);
        sizes[i] = split[i];
    }
    if (sum != dim)
        return fail(FOVEA_INVALID, "split sums to %lld but the axis has %lld elements",
                    (long long)sum, (long long)dim);
    return FOVEA_OK;
}

fovea_status shape_split(fovea_graph *g, struct node *n) {
    int64_t split[SPLIT_OUTPUTS_MAX], sizes[SPLIT_OUTPUTS_MAX];
    size_t n_split;
    TRY(shape_want_inputs(g, n, 1, 2));
    fovea_desc d = node_in(g, n, 0)->desc;
    int axis = attr_axis(n, "axis", 0, d.rank);
    if (axis < 0) return FOVEA_INVALID;
    TRY(shape_read_ints(g, n, 1, split, SPLIT_OUTPUTS_MAX, &n_split));
    TRY(split_resolve(n, d.dim[axis], node_in(g, n, 1) ? split : NULL, n_split, sizes));
    for (size_t i = 0; i < n->n_out; i++) {
        d.dim[axis] = sizes[i];
        TRY(shape_set(g, n, i, d.dtype, d.rank, d.dim));
    }
    return FOVEA_OK;
}
