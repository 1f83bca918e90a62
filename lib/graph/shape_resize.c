/* The shape of Resize: attributes, scales or sizes, axes, region of interest. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "graph/resize.h"

/* The number of `value` in a list of names; -1 with the sentence set if it is none of them. */
static int find_name(const struct node *n, const char *attribute, const char *otherwise,
                     const char *const *names, int count) {
    const char *name = attr_string(n, attribute, otherwise);
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return i;
    fail(FOVEA_INVALID, "%s '%s' is unknown", attribute, name);
    return -1;
}

static fovea_status read_attributes(const struct node *n, struct resize *r) {
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil", "floor_or_ceil"};
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    int m = find_name(n, "mode", "nearest", modes, 3);
    int k = find_name(n, "nearest_mode", "round_prefer_floor", nearest, 5);
    int c = find_name(n, "coordinate_transformation_mode", "half_pixel", coordinates, 7);
    if (m < 0 || k < 0 || c < 0) return FOVEA_INVALID;
    r->mode = (enum resize_mode)m;
    r->nearest = (enum resize_nearest)k;
    r->coordinates = (enum resize_coordinates)c;
    r->antialias = attr_int(n, "antialias", 0) != 0;
    r->exclude_outside = attr_int(n, "exclude_outside", 0) != 0;
    r->cubic_a = attr_float(n, "cubic_coeff_a", -0.75f);
    r->extrapolation = attr_float(n, "extrapolation_value", 0);
    return FOVEA_OK;
}

/* The axes that the lists speak of, in their order; all axes without the attribute. */
static fovea_status read_axes(const struct node *n, int rank, int *axes, size_t *count) {
    const int64_t *list;
    unsigned seen = 0;
    size_t given = attr_ints(n, "axes", &list);
    *count = list ? given : (size_t)rank;
    if (*count > (size_t)rank) return fail(FOVEA_INVALID, "has more axes than rank %d", rank);
    for (size_t i = 0; i < *count; i++) {
        int64_t a = list ? list[i] : (int64_t)i;
        if (a < -rank || a >= rank)
            return fail(FOVEA_INVALID, "axis %lld is outside a shape of rank %d", (long long)a,
                        rank);
        axes[i] = (int)(a < 0 ? a + rank : a);
        if (seen >> axes[i] & 1) return fail(FOVEA_INVALID, "axis %d is named twice", axes[i]);
        seen |= 1u << axes[i];
    }
    return FOVEA_OK;
}

static fovea_status apply_scales(struct resize *r, const double *scales, const int *axes,
                                 size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct resize_axis *a = &r->axis[axes[i]];
        a->scale = (float)scales[i];
        a->length = (float)a->in * a->scale;
        if (!(a->scale > 0) || !(a->length < 0x1p40f))
            return fail(FOVEA_INVALID, "scale %g of axis %d is out of range", scales[i], axes[i]);
        a->out = (int64_t)floorf(a->length);
    }
    return FOVEA_OK;
}

/* With a policy, one scale serves all axes: the smallest or largest that the sizes ask for. */
static fovea_status apply_sizes(struct resize *r, const struct node *n, const int64_t *sizes,
                                const int *axes, size_t count) {
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int policy = find_name(n, "keep_aspect_ratio_policy", "stretch", policies, 3);
    double best = 0;
    if (policy < 0) return FOVEA_INVALID;
    for (size_t i = 0; i < count; i++) {
        struct resize_axis *a = &r->axis[axes[i]];
        if (sizes[i] < 0 || sizes[i] > INT64_C(1) << 40 || (a->in == 0 && sizes[i] > 0))
            return fail(FOVEA_INVALID, "size %lld of axis %d is out of range", (long long)sizes[i],
                        axes[i]);
        double scale = a->in ? (double)sizes[i] / (double)a->in : 1;
        if (i == 0 || (policy == 1 ? scale < best : scale > best)) best = scale;
        a->out = sizes[i];
        a->scale = (float)sizes[i] / (float)a->in;
        a->length = (float)sizes[i];
    }
    for (size_t i = 0; policy > 0 && i < count; i++) {
        struct resize_axis *a = &r->axis[axes[i]];
        a->scale = (float)best;
        a->length = (float)(best * (double)a->in);
        if (!(a->length < 0x1p40f))
            return fail(FOVEA_INVALID, "the sizes make axis %d too long", axes[i]);
        a->out = (int64_t)floor(best * (double)a->in + 0.5);
    }
    return FOVEA_OK;
}

static fovea_status apply_roi(struct resize *r, const double *roi, size_t n_roi, const int *axes,
                              size_t count) {
    if (r->coordinates != RESIZE_TF_CROP) return FOVEA_OK;
    if (n_roi != 2 * count)
        return fail(FOVEA_INVALID, "tf_crop_and_resize wants %zu numbers in roi, but it has %zu",
                    2 * count, n_roi);
    for (size_t i = 0; i < count; i++) {
        struct resize_axis *a = &r->axis[axes[i]];
        a->roi_start = (float)roi[i];
        a->roi_end = (float)roi[count + i];
        if (!(fabsf(a->roi_start) < 0x1p20f && fabsf(a->roi_end) < 0x1p20f))
            return fail(FOVEA_INVALID, "roi [%g, %g] of axis %d is out of range", roi[i],
                        roi[count + i], axes[i]);
    }
    return FOVEA_OK;
}

/* Opset 10 rounded down where it makes larger, up where it makes smaller ("floor_or_ceil"). */
static fovea_status settle_nearest(struct resize *r) {
    bool larger = false, smaller = false;
    if (r->nearest <= NEAREST_CEIL) return FOVEA_OK;
    for (int i = 0; i < r->rank; i++) {
        larger = larger || r->axis[i].scale > 1;
        smaller = smaller || r->axis[i].scale < 1;
    }
    if (larger && smaller)
        return fail(FOVEA_UNSUPPORTED,
                    "nearest_mode floor_or_ceil wants all axes to grow or to shrink");
    r->nearest = smaller ? NEAREST_CEIL : NEAREST_FLOOR;
    return FOVEA_OK;
}

fovea_status resize_resolve(const struct node *n, const fovea_desc *x, const struct resize_lists *l,
                            struct resize *r) {
    int axes[FOVEA_MAX_RANK];
    size_t count;
    *r = (struct resize){.rank = x->rank};
    TRY(read_attributes(n, r));
    TRY(read_axes(n, x->rank, axes, &count));
    for (int i = 0; i < x->rank; i++)
        r->axis[i] = (struct resize_axis){.in = x->dim[i],
                                          .out = x->dim[i],
                                          .scale = 1,
                                          .length = (float)x->dim[i],
                                          .roi_end = 1};
    if ((l->n_scales > 0) == (l->n_sizes > 0) && count > 0)
        return fail(FOVEA_INVALID, "wants either scales or sizes");
    if (l->n_scales + l->n_sizes != count)
        return fail(FOVEA_INVALID, "has %zu scales or sizes for %zu axes", l->n_scales + l->n_sizes,
                    count);
    if (l->n_sizes) TRY(apply_sizes(r, n, l->sizes, axes, count));
    else TRY(apply_scales(r, l->scales, axes, count));
    TRY(apply_roi(r, l->roi, l->n_roi, axes, count));
    TRY(settle_nearest(r));
    for (int i = 0; i < x->rank; i++) {
        struct resize_axis *a = &r->axis[i];
        a->active = a->in != a->out || a->scale != 1 || a->roi_start != 0 || a->roi_end != 1;
    }
    return FOVEA_OK;
}

/* ---- Static inputs ---- */

static fovea_status read_floats(const fovea_graph *g, const struct node *n, size_t input,
                                size_t capacity, double *out, size_t *count) {
    const struct value *v = node_in(g, n, input);
    const void *data = value_data(v);
    *count = 0;
    if (!v || value_elements(v) == 0) return FOVEA_OK;
    if (!data || v->desc.rank > 1 || value_elements(v) > (int64_t)capacity)
        return fail(FOVEA_INVALID, "input %zu must be a known list of at most %zu numbers", input,
                    capacity);
    *count = (size_t)value_elements(v);
    for (size_t i = 0; i < *count; i++) {
        switch (v->desc.dtype) {
        case FOVEA_FLOAT32: out[i] = ((const float *)data)[i]; break;
        case FOVEA_FLOAT64: out[i] = ((const double *)data)[i]; break;
        case FOVEA_FLOAT16: out[i] = half_to_float(((const uint16_t *)data)[i]); break;
        default:
            return fail(FOVEA_UNSUPPORTED, "input %zu has element type %s", input,
                        fovea_dtype_name(v->desc.dtype));
        }
    }
    return FOVEA_OK;
}

fovea_status resize_read(const fovea_graph *g, const struct node *n, struct resize_lists *l) {
    TRY(read_floats(g, n, 1, 2 * FOVEA_MAX_RANK, l->roi, &l->n_roi));
    TRY(read_floats(g, n, 2, FOVEA_MAX_RANK, l->scales, &l->n_scales));
    return shape_read_ints(g, n, 3, l->sizes, FOVEA_MAX_RANK, &l->n_sizes);
}

fovea_status shape_resize(fovea_graph *g, struct node *n) {
    struct resize_lists lists;
    struct resize r;
    int64_t dim[FOVEA_MAX_RANK];
    TRY(shape_want_inputs(g, n, 1, 4));
    const fovea_desc x = node_in(g, n, 0)->desc;
    TRY(resize_read(g, n, &lists));
    TRY(resize_resolve(n, &x, &lists, &r));
    for (int i = 0; i < x.rank; i++) {
        dim[i] = r.axis[i].out;
        if (r.axis[i].active && r.axis[i].in == 0 && dim[i] > 0)
            return fail(FOVEA_INVALID, "axis %d has no elements to resize", i);
        int64_t taps = dim[i] > 0 && r.axis[i].in > 0 ? resize_taps(&r, i) : 1;
        if (taps > 1 << 24) return fail(FOVEA_UNSUPPORTED, "axis %d shrinks by too much", i);
    }
    return shape_set(g, n, 0, x.dtype, x.rank, dim);
}
