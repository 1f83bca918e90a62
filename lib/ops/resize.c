/* Resize on a device. The active axes must lie in three neighbouring ones; the tensor is seen as
 * (outer, d, h, w, inner). Coordinates are affine in the output place, x(o) = a o + b, and go to the
 * kernels as 64-bit numbers with 40 bits after the point, so that every device finds the same taps. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "graph/resize.h"
#include "ops/algorithm.h"

static const char *nearest_refuse(const struct site *);
static fovea_status nearest_lower(const struct site *, struct recipe *);
static const char *interpolate_refuse(const struct site *);
static fovea_status interpolate_lower(const struct site *, struct recipe *);

const struct algorithm *const resize_algorithms[] = {
    &(const struct algorithm){.name = "resize_nearest",
                              .refuse = nearest_refuse,
                              .any_type = true,
                              .lower = nearest_lower},
    &(const struct algorithm){
        .name = "resize_interpolate", .refuse = interpolate_refuse, .lower = interpolate_lower},
    NULL};

enum { WINDOW = 3, FRACTION_BITS = 40 };

/* One of the three axes for a kernel. */
struct device_axis {
    int64_t in, out, start, step; /* coordinate = (start + step * o) / 2^40 */
    int64_t first, end;           /* output places that are not extrapolated */
    int64_t taps;
    float stretch;
};

struct device_resize {
    struct resize r;
    struct device_axis axis[WINDOW];
    int64_t inner, items;
};

/* ---- Coordinates as integers ---- */

static bool fits(double x) { /* beyond 2^22 the integers would not hold it */
    return fabs(x) < 0x1p22;
}

/* start and step nearest to the coordinates in double. */
static const char *affine(const struct resize *r, int axis, struct device_axis *a) {
    double b = resize_coordinate(r, axis, 0), last = resize_coordinate(r, axis, a->out - 1);
    double slope = a->out > 1 ? (last - b) / (double)(a->out - 1) : 0;
    if (!fits(b) || !fits(last) || !fits(slope)) return "a coordinate is beyond 2^22";
    a->start = llround(ldexp(b, FRACTION_BITS));
    a->step = llround(ldexp(slope, FRACTION_BITS));
    return NULL;
}

/* Moves start so that (start + step * o) >> 40 is the reference's index at every place: each place
 * allows an interval of starts, and a common one must be left. */
static const char *meet_indices(const struct resize *r, int axis, struct device_axis *a) {
    int64_t low = INT64_MIN, high = INT64_MAX;
    for (int64_t o = 0; o < a->out; o++) {
        int64_t index = resize_nearest_index(r, axis, o);
        if (!fits((double)index)) return "a coordinate is beyond 2^22";
        int64_t least = index * (INT64_C(1) << FRACTION_BITS) - a->step * o;
        int64_t most = least + (INT64_C(1) << FRACTION_BITS) - 1;
        if (least > low) low = least;
        if (most < high) high = most;
    }
    if (low > high) return "the rounding of its indices fits no line of integers";
    a->start = low + (high - low) / 2;
    return NULL;
}

static void find_inside(const struct resize *r, int axis, struct device_axis *a) {
    a->first = 0;
    a->end = a->out;
    while (a->first < a->end && resize_outside(r, axis, a->first)) a->first++;
    while (a->end > a->first && resize_outside(r, axis, a->end - 1)) a->end--;
}

static const char *resolve_axis(const struct resize *r, int axis, struct device_axis *a) {
    const struct resize_axis *from = &r->axis[axis];
    *a = (struct device_axis){.in = from->in, .out = from->out, .taps = 1, .stretch = 1};
    a->end = a->out;
    a->step = INT64_C(1) << FRACTION_BITS;
    if (!from->active) return NULL;
    const char *why = affine(r, axis, a);
    if (!why && r->mode == RESIZE_NEAREST) why = meet_indices(r, axis, a);
    if (!why) find_inside(r, axis, a);
    a->taps = resize_taps(r, axis);
    a->stretch = resize_stretch(r, axis);
    return why;
}

/* NULL, or why a device cannot. */
static const char *resolve(const struct site *s, struct device_resize *d) {
    struct resize_lists lists;
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    if (resize_read(s->graph, s->node, &lists) != FOVEA_OK ||
        resize_resolve(s->node, x, &lists, &d->r) != FOVEA_OK)
        return "its inputs are not known";
    if (node_activation(s->node).kind != ACTIVATION_NONE) return "has a fused activation";
    int first = x->rank, last = -1;
    for (int i = 0; i < x->rank; i++) {
        if (!d->r.axis[i].active) continue;
        if (i < first) first = i;
        last = i;
    }
    if (last - first >= WINDOW) return "the resized axes do not lie in three neighbouring ones";
    d->items = value_elements(node_out(s->graph, s->node, 0));
    d->inner = desc_span(x, last + 1, x->rank);
    for (int k = 0; d->items > 0 && k < WINDOW; k++) {
        int axis = last - (WINDOW - 1) + k; /* negative in front of a short shape: an axis of 1 */
        d->axis[k] = (struct device_axis){.in = 1, .out = 1, .end = 1, .taps = 1, .stretch = 1};
        const char *why = axis < 0 ? NULL : resolve_axis(&d->r, axis, &d->axis[k]);
        if (why) return why;
    }
    return NULL;
}

/* ---- Lowering ---- */

static void push_long(struct recipe *r, int64_t v) {
    recipe_int(r, v >> 32);
    recipe_int(r, (int32_t)(uint32_t)(v & UINT32_MAX));
}

static void push_axis(struct recipe *r, const struct device_axis *a) {
    recipe_int(r, a->in);
    recipe_int(r, a->out);
    push_long(r, a->start);
    push_long(r, a->step);
    recipe_int(r, a->first);
    recipe_int(r, a->end);
}

static const char *nearest_refuse(const struct site *s) {
    struct device_resize d = {0};
    const char *why = resolve(s, &d);
    if (d.r.mode != RESIZE_NEAREST) return "mode must be nearest";
    fovea_dtype t = node_in(s->graph, s->node, 0)->desc.dtype;
    if (d.r.coordinates == RESIZE_TF_CROP && fovea_dtype_size(t) == 8)
        return "the extrapolation value has 64 bits";
    return why;
}

/* The extrapolation value's bits in an element of the type. */
static int32_t filler_bits(fovea_dtype t, float value) {
    int32_t bits;
    if (t == FOVEA_FLOAT16) return half_from_double(value);
    if (t == FOVEA_BFLOAT16) return bfloat16_from_double(value);
    if (t != FOVEA_FLOAT32) return (int32_t)(int64_t)value;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static fovea_status nearest_lower(const struct site *s, struct recipe *r) {
    struct device_resize d = {0};
    const char *why = resolve(s, &d);
    fovea_dtype t = node_in(s->graph, s->node, 0)->desc.dtype;
    if (why) return fail(FOVEA_UNSUPPORTED, "%s", why);
    if (d.items == 0) return FOVEA_OK;
    recipe_kernel(r, "resize_nearest", "resize_nearest");
    recipe_define_text(r, "T", opencl_storage_type(t));
    recipe_int(r, d.items);
    recipe_int(r, d.inner);
    recipe_int(r, filler_bits(t, d.r.extrapolation));
    for (int k = 0; k < WINDOW; k++) push_axis(r, &d.axis[k]);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)d.items, 0, 0);
    return FOVEA_OK;
}

static const char *interpolate_refuse(const struct site *s) {
    struct device_resize d = {0};
    const char *why = resolve(s, &d);
    return d.r.mode == RESIZE_NEAREST ? "mode must be linear or cubic" : why;
}

static fovea_status interpolate_lower(const struct site *s, struct recipe *r) {
    struct device_resize d = {0};
    const char *why = resolve(s, &d);
    bool normalise = d.r.exclude_outside;
    if (why) return fail(FOVEA_UNSUPPORTED, "%s", why);
    if (d.items == 0) return FOVEA_OK;
    for (int k = 0; k < WINDOW; k++) normalise = normalise || d.axis[k].stretch < 1;
    recipe_kernel(r, "resize_interpolate", "resize_interpolate");
    recipe_define(r, "CUBIC", d.r.mode == RESIZE_CUBIC);
    recipe_int(r, d.items);
    recipe_int(r, d.inner);
    recipe_float(r, d.r.extrapolation);
    recipe_float(r, d.r.cubic_a);
    recipe_int(r, d.r.exclude_outside);
    recipe_int(r, normalise);
    for (int k = 0; k < WINDOW; k++) {
        push_axis(r, &d.axis[k]);
        recipe_int(r, d.axis[k].taps);
        recipe_float(r, d.axis[k].stretch);
    }
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)d.items, 0, 0);
    return FOVEA_OK;
}
