/* Resize: every output element is a sum over taps, with weights that are products of one weight an
 * axis. Filters: linear 1 - |d|; cubic as Keys 1981, with `a` for his -1/2. */
#include "graph/resize.h"

#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "reference/move.h"

/* A weight and a bound for what computing it in binary32 adds. */
struct weight {
    double w, error;
    int64_t from; /* input element */
};

struct resize_job {
    const struct resize *r;
    struct reference_out *o;
    const double *x;
    struct weight *weights[FOVEA_MAX_RANK]; /* of each axis: taps for each output place */
    int64_t taps[FOVEA_MAX_RANK], stride[FOVEA_MAX_RANK];
    double terms;
};

/* ---- Weights ---- */

/* The filter at distance d >= 0, known to +- de. Derivation: the rounding of each operation, plus the
 * slope times de. */
static double filter(const struct resize *r, double d, double de, double *error) {
    double a = r->cubic_a, u = REFERENCE_U;
    *error = 0;
    if (r->mode == RESIZE_LINEAR) {
        if (d < 1 + de) *error = de + u;
        return d < 1 ? 1 - d : 0;
    }
    if (d >= 2 + de) return 0;
    double bend = 6 * fabs(a + 2) + 2 * fabs(a + 3) + 8 * fabs(a); /* |second derivative| at most */
    if (d <= 1) {
        double cube = (a + 2) * d * d * d, square = (a + 3) * d * d;
        double slope = fabs(3 * (a + 2) * d * d - 2 * (a + 3) * d);
        *error = 6 * u * (fabs(cube) + fabs(square) + 1) + (slope + bend * de) * de;
        return cube - square + 1;
    }
    double w = d < 2 ? a * (d - 1) * (d - 2) * (d - 2) : 0;
    *error = 6 * u * fabs(w) + (fabs(a * (d - 2) * (3 * d - 4)) + bend * de) * de;
    return w;
}

/* Divides the weights of one place by their sum. */
static void normalise(struct weight *list, int64_t taps) {
    double sum = 0, size = 0, error = 0;
    for (int64_t k = 0; k < taps; k++) {
        sum += list[k].w;
        size += fabs(list[k].w);
        error += list[k].error;
    }
    if (sum == 0) return;
    error += gamma_bound((double)taps) * size;
    for (int64_t k = 0; k < taps; k++) {
        double w = list[k].w / sum;
        list[k].error =
            (list[k].error + fabs(w) * error) / fmax(fabs(sum) - error, 0) + ulp_bound(w, 2.5);
        list[k].w = w;
    }
}

/* The weights of output place o. A device knows a coordinate to 40 bits after the point for each step
 * of o, and rounds its fraction to binary32 once; the coordinate here has the roundings of double. The
 * list has one element more on either side, which a coordinate beside an integer may reach. */
static void place_weights(const struct resize *r, int axis, int64_t o, int64_t taps,
                          struct weight *list) {
    const struct resize_axis *a = &r->axis[axis];
    double x = resize_coordinate(r, axis, o), stretch = resize_stretch(r, axis);
    double dx = REFERENCE_U + (double)(o + 2) * 0x1p-40 + fabs(x) * 0x1p-50;
    int64_t first = (int64_t)floor(x) + 1 - taps / 2;
    for (int64_t k = 0; k < taps; k++) {
        int64_t i = first + k;
        double d = fabs((double)i - x) * stretch, de = stretch * dx + 2 * REFERENCE_U * d;
        bool outside = i < 0 || i >= a->in;
        list[k].from = i < 0 ? 0 : i >= a->in ? a->in - 1 : i;
        list[k].w = filter(r, d, de, &list[k].error);
        if (outside && r->exclude_outside) list[k].w = list[k].error = 0;
    }
    if (stretch < 1 || r->exclude_outside) normalise(list, taps);
}

static fovea_status axis_weights(struct resize_job *job, int axis) {
    const struct resize_axis *a = &job->r->axis[axis];
    int64_t taps = resize_taps(job->r, axis) + (a->active ? 2 : 0);
    size_t count;
    struct weight *list = NULL;
    if (size_multiply((size_t)a->out, (size_t)taps, &count)) list = mem_array(count, sizeof *list);
    job->weights[axis] = list;
    job->taps[axis] = taps;
    if (!list) return fail_memory((size_t)a->out, "weights of Resize");
    for (int64_t o = 0; o < a->out; o++) {
        if (a->active) place_weights(job->r, axis, o, taps, list + o * taps);
        else list[o] = (struct weight){1, 0, o};
    }
    return FOVEA_OK;
}

/* ---- Sums ---- */

struct sum {
    double y, size, error; /* sum w x, sum |w x|, what the weights' errors make of it */
};

/* Adds the taps of the axes from `axis` on. w: product so far; low and high: |w| without and with the
 * errors of the weights. */
static void add_taps(const struct resize_job *job, const int64_t *at, int axis, int64_t offset,
                     double w, double low, double high, struct sum *sum) {
    if (axis == job->r->rank) {
        double x = job->x[offset];
        sum->y += w * x;
        sum->size += high * fabs(x);
        sum->error += (high - low) * fabs(x);
        return;
    }
    const struct weight *list = job->weights[axis] + at[axis] * job->taps[axis];
    for (int64_t k = 0; k < job->taps[axis]; k++) {
        double size = fabs(list[k].w);
        if (size + list[k].error == 0) continue;
        add_taps(job, at, axis + 1, offset + list[k].from * job->stride[axis], w * list[k].w,
                 low * size, high * (size + list[k].error), sum);
    }
}

static void interpolate_one(const struct resize_job *job, size_t i) {
    struct reference_out *o = job->o;
    int64_t at[FOVEA_MAX_RANK], rest = (int64_t)i;
    struct sum sum = {0};
    bool outside = false;
    for (int k = job->r->rank; k-- > 0; rest /= o->desc.dim[k]) {
        at[k] = rest % o->desc.dim[k];
        outside = outside || resize_outside(job->r, k, at[k]);
    }
    if (outside) sum.y = job->r->extrapolation;
    else add_taps(job, at, 0, 0, 1, 1, 1, &sum);
    if (!o->y) { /* integers: rounded towards zero, as a cast does */
        reference_store_i64(o, i, (int64_t)sum.y);
        return;
    }
    double tiny = outside ? 0 : job->terms * REFERENCE_TINY;
    o->y[i] = sum.y;
    o->bound[i] = sum.error + gamma_bound(job->terms) * sum.size + tiny;
    if (o->probable) o->probable[i] = sum.error + gamma_probable(job->terms) * sum.size + tiny;
}

static void interpolate_part(void *data, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) interpolate_one(data, i);
}

static fovea_status interpolate(struct reference_call *c, const struct resize *r) {
    struct resize_job job = {.r = r, .o = &c->out[0], .x = reference_f64(c, 0)};
    int64_t stride = 1;
    double taps = 1;
    fovea_status status = job.x ? FOVEA_OK : FOVEA_NO_MEMORY;
    for (int k = r->rank; status == FOVEA_OK && k-- > 0; stride *= r->axis[k].in) {
        job.stride[k] = stride;
        status = axis_weights(&job, k);
        taps *= (double)resize_taps(r, k);
    }
    job.terms = taps + r->rank; /* additions, and the product of the weights */
    if (status == FOVEA_OK)
        parallel_for((size_t)fovea_desc_elements(&job.o->desc), 1024, interpolate_part, &job);
    for (int k = 0; k < r->rank; k++) mem_free(job.weights[k]);
    return status;
}

/* ---- Nearest ---- */

static int64_t nearest_source(const void *parameters, const fovea_desc *x, const int64_t *at) {
    const struct resize *r = parameters;
    int64_t from[FOVEA_MAX_RANK];
    for (int k = 0; k < r->rank; k++) {
        if (resize_outside(r, k, at[k])) return -1;
        int64_t i = r->axis[k].active ? resize_nearest_index(r, k, at[k]) : at[k];
        from[k] = i < 0 ? 0 : i >= x->dim[k] ? x->dim[k] - 1 : i;
    }
    return move_offset(x, from);
}

/* The extrapolation value in the output's type. */
static fovea_status nearest(struct reference_call *c, const struct resize *r) {
    char filler[8] = {0};
    fovea_desc d = {.dtype = c->out[0].desc.dtype, .rank = 0};
    double real = r->extrapolation; /* rounded to the output's type by the caller */
    struct reference_in value = {.desc = {.dtype = FOVEA_FLOAT64}, .data = &real};
    struct reference_out typed = {.desc = d, .data = filler};
    if (!dtype_is_float(d.dtype)) {
        reference_store_i64(&typed, 0, (int64_t)r->extrapolation);
        value = (struct reference_in){.desc = d, .data = filler};
    }
    move_all(c, &value, nearest_source, r);
    return FOVEA_OK;
}

/* ---- Inputs ---- */

static fovea_status read_lists(struct reference_call *c, struct resize_lists *l) {
    const double *roi = reference_f64(c, 1), *scales = reference_f64(c, 2);
    const int64_t *sizes = reference_i64(c, 3);
    *l = (struct resize_lists){0};
    if ((!roi && reference_has(c, 1)) || (!scales && reference_has(c, 2)) ||
        (!sizes && reference_has(c, 3)))
        return FOVEA_NO_MEMORY;
    if (roi) l->n_roi = (size_t)fovea_desc_elements(&c->in[1].desc);
    if (scales) l->n_scales = (size_t)fovea_desc_elements(&c->in[2].desc);
    if (sizes) l->n_sizes = (size_t)fovea_desc_elements(&c->in[3].desc);
    if (l->n_roi > 2 * FOVEA_MAX_RANK || l->n_scales > FOVEA_MAX_RANK ||
        l->n_sizes > FOVEA_MAX_RANK)
        return fail(FOVEA_INVALID, "roi, scales or sizes are too long");
    for (size_t i = 0; i < l->n_roi; i++) l->roi[i] = roi[i];
    for (size_t i = 0; i < l->n_scales; i++) l->scales[i] = scales[i];
    for (size_t i = 0; i < l->n_sizes; i++) l->sizes[i] = sizes[i];
    return FOVEA_OK;
}

fovea_status reference_resize(struct reference_call *c) {
    struct resize_lists lists;
    struct resize r;
    TRY(read_lists(c, &lists));
    TRY(resize_resolve(c->node, &c->in[0].desc, &lists, &r));
    if (!c->out[0].data || fovea_desc_elements(&c->out[0].desc) == 0) return FOVEA_OK;
    return r.mode == RESIZE_NEAREST ? nearest(c, &r) : interpolate(c, &r);
}
