/* Convolutions. Conv and its integer kin copy the inputs of PANEL output pixels into a panel
 * (ic * kd * kh * kw, PANEL), zeros where the window leaves the input, and multiply every filter with
 * it: the padding is data like any other, so that NaN in a weight reaches every output. */
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "graph/window.h"
#include "reference/panel.h"
#include "reference/reference.h"
#include "reference/requantise.h"
#include "reference/winograd.h"

struct conv {
    struct window w;
    int64_t groups, ic, oc; /* channels of one group */
    int64_t k;              /* terms of a sum: ic * kernel */
    int64_t pixels;         /* of one output plane */
    int64_t panels;         /* of one output plane */
    const float *x, *weights, *bias, *residual;
    const int32_t *xi, *weights_i; /* the integer forms, zero points subtracted */
    void (*filters)(const struct conv *, int64_t image, int64_t group, int64_t pixel,
                    const void *panel);
    struct reference_call *call;
    atomic_bool no_memory;
};

static fovea_status conv_begin(struct reference_call *c, size_t weight_input, struct conv *v) {
    const fovea_desc *x = &c->in[0].desc, *w = &c->in[weight_input].desc;
    *v = (struct conv){.call = c, .groups = attr_int(c->node, "group", 1)};
    TRY(window_resolve(c->node, x, w->dim + 2, &v->w));
    v->ic = w->dim[1];
    v->oc = w->dim[0] / v->groups;
    v->k = desc_span(w, 1, w->rank);
    v->pixels = v->w.out[0] * v->w.out[1] * v->w.out[2];
    v->panels = (v->pixels + PANEL - 1) / PANEL;
    return FOVEA_OK;
}

/* ---- Panels ---- */

/* Where the windows of PANEL pixels begin; pixels past the end lie outside of the input. */
static void window_origins(const struct window *w, int64_t pixels, int64_t pixel,
                           int64_t origin[][3]) {
    for (int j = 0; j < PANEL; j++) {
        int64_t p = pixel + j;
        int64_t at[3] = {p / (w->out[1] * w->out[2]), p / w->out[2] % w->out[1], p % w->out[2]};
        for (int i = 0; i < 3; i++)
            origin[j][i] = p < pixels ? at[i] * w->stride[i] - w->pad_begin[i] : INT64_MIN / 2;
    }
}

/* One row of a panel: the element at `tap` of the window, for each pixel. Elements have 4 bytes. */
static void panel_row(const struct window *w, const char *plane, int64_t origin[][3],
                      const int64_t tap[3], char *row) {
    for (int j = 0; j < PANEL; j++) {
        int64_t d = origin[j][0] + tap[0], h = origin[j][1] + tap[1], c = origin[j][2] + tap[2];
        bool inside = d >= 0 && d < w->in[0] && h >= 0 && h < w->in[1] && c >= 0 && c < w->in[2];
        if (inside) memcpy(row + 4 * j, plane + 4 * ((d * w->in[1] + h) * w->in[2] + c), 4);
        else memset(row + 4 * j, 0, 4);
    }
}

static void panel_fill(const struct conv *v, const char *x, int64_t pixel, char *panel) {
    const struct window *w = &v->w;
    int64_t origin[PANEL][3], plane = w->in[0] * w->in[1] * w->in[2];
    window_origins(w, v->pixels, pixel, origin);
    for (int64_t c = 0; c < v->ic; c++)
        for (int64_t kd = 0; kd < w->kernel[0]; kd++)
            for (int64_t kh = 0; kh < w->kernel[1]; kh++)
                for (int64_t kw = 0; kw < w->kernel[2]; kw++, panel += 4 * PANEL) {
                    int64_t tap[3] = {kd * w->dilation[0], kh * w->dilation[1],
                                      kw * w->dilation[2]};
                    panel_row(w, x + 4 * c * plane, origin, tap, panel);
                }
}

/* Items are panels of (image, group). */
static void conv_panels(void *data, size_t begin, size_t end) {
    struct conv *v = data;
    int64_t plane = v->w.in[0] * v->w.in[1] * v->w.in[2];
    char *panel = mem_array((size_t)v->k, 4 * PANEL);
    if (!panel) v->no_memory = true;
    for (size_t i = begin; panel && i < end; i++) {
        int64_t pixel = (int64_t)i % v->panels * PANEL, plane_group = (int64_t)i / v->panels;
        const char *x = v->x ? (const char *)v->x : (const char *)v->xi;
        panel_fill(v, x + 4 * plane_group * v->ic * plane, pixel, panel);
        v->filters(v, plane_group / v->groups, plane_group % v->groups, pixel, panel);
    }
    mem_free(panel);
}

static fovea_status conv_run(struct conv *v) {
    size_t items = (size_t)(v->call->in[0].desc.dim[0] * v->groups * v->panels);
    parallel_for(items, 1, conv_panels, v);
    return v->no_memory ? fail_memory((size_t)v->k * 4 * PANEL, "a panel of a convolution")
                        : FOVEA_OK;
}

/* ---- Conv ---- */

/* Writes one element of a sum of `terms` products with sum of absolute values `absolute`: every term
 * goes through one product and at most terms - 1 sums; one more operation of slack. Products below
 * the normal range may be flushed. */
static void store_sum(struct reference_out *o, size_t i, double y, double absolute, double terms) {
    double flushed = (terms + 2) * REFERENCE_TINY;
    o->y[i] = y;
    o->bound[i] = gamma_bound(terms + 1) * absolute + flushed;
    if (o->probable) o->probable[i] = gamma_probable(terms + 1) * absolute + flushed;
}

static void conv_filters(const struct conv *v, int64_t image, int64_t group, int64_t pixel,
                         const void *panel) {
    struct reference_out *o = &v->call->out[0];
    int64_t count = v->pixels - pixel < PANEL ? v->pixels - pixel : PANEL;
    double terms = (double)v->k + (v->bias ? 1 : 0) + (v->residual ? 1 : 0);
    for (int64_t c = group * v->oc; c < (group + 1) * v->oc; c++) {
        double y[PANEL], a[PANEL], bias = v->bias ? (double)v->bias[c] : 0;
        for (int j = 0; j < PANEL; j++) y[j] = bias, a[j] = fabs(bias);
        panel_sum(panel, v->weights + c * v->k, (size_t)v->k, y, a);
        int64_t at = (image * v->groups * v->oc + c) * v->pixels + pixel;
        for (int64_t j = 0; j < count; j++) {
            double r = v->residual ? (double)v->residual[at + j] : 0;
            store_sum(o, (size_t)(at + j), y[j] + r, a[j] + fabs(r), terms);
        }
    }
}

fovea_status reference_conv(struct reference_call *c) {
    struct conv v;
    TRY(conv_begin(c, 1, &v));
    v.filters = conv_filters;
    v.x = reference_f32(c, 0);
    v.weights = reference_f32(c, 1);
    v.bias = reference_f32(c, 2);
    v.residual = reference_f32(c, 3);
    if (!v.x || !v.weights || (reference_has(c, 2) && !v.bias) ||
        (reference_has(c, 3) && !v.residual))
        return FOVEA_NO_MEMORY;
    TRY(conv_run(&v));
    if (!c->out[0].winograd) return FOVEA_OK;
    struct winograd_call w = {.window = &v.w,
                              .n = c->in[0].desc.dim[0],
                              .ic = v.ic,
                              .oc = v.oc,
                              .tile = c->out[0].winograd,
                              .x = v.x,
                              .weights = v.weights,
                              .bias = v.bias,
                              .residual = v.residual,
                              .out = &c->out[0]};
    return reference_winograd_bound(&w);
}

/* ---- Integers ---- */

/* Input i as int32 with its zero point (input `zero`, one number or one for each of `rows`)
 * subtracted. From mem_alloc; NULL with the sentence set if memory ran out. */
static int32_t *centred(struct reference_call *c, size_t i, size_t zero, int64_t rows) {
    size_t n = (size_t)fovea_desc_elements(&c->in[i].desc), row = n / (size_t)rows;
    const int64_t *z = reference_i64(c, zero);
    if (!z && reference_has(c, zero)) return NULL;
    bool each = z && fovea_desc_elements(&c->in[zero].desc) > 1,
         sign = c->in[i].desc.dtype == FOVEA_INT8;
    int32_t *out = mem_array(n, sizeof *out);
    if (!out) fail_memory(n * sizeof *out, "a quantised operand");
    for (size_t k = 0; out && k < n; k++)
        out[k] = (sign ? ((const int8_t *)c->in[i].data)[k] : ((const uint8_t *)c->in[i].data)[k]) -
                 (z ? (int32_t)z[each ? k / row : 0] : 0);
    return out;
}

/* Exact sums of one filter at the pixels of a panel; returns the index of the first in the output. */
static int64_t integer_sums(const struct conv *v, int64_t image, int64_t channel, int64_t pixel,
                            const void *panel, int64_t start, int64_t *sum) {
    for (int j = 0; j < PANEL; j++) sum[j] = start;
    panel_sum_i32(panel, v->weights_i + channel * v->k, (size_t)v->k, sum);
    return (image * v->groups * v->oc + channel) * v->pixels + pixel;
}

static void integer_filters(const struct conv *v, int64_t image, int64_t group, int64_t pixel,
                            const void *panel) {
    int64_t count = v->pixels - pixel < PANEL ? v->pixels - pixel : PANEL, sum[PANEL];
    for (int64_t c = group * v->oc; c < (group + 1) * v->oc; c++) {
        int64_t at = integer_sums(v, image, c, pixel, panel, 0, sum);
        for (int64_t j = 0; j < count; j++)
            reference_store_i64(&v->call->out[0], (size_t)(at + j), sum[j]);
    }
}

static fovea_status integer_run(struct conv *v, size_t w, size_t x_zero, size_t w_zero) {
    struct reference_call *c = v->call;
    int32_t *x = centred(c, 0, x_zero, 1);
    int32_t *weights = x ? centred(c, w, w_zero, v->groups * v->oc) : NULL;
    v->xi = x;
    v->weights_i = weights;
    fovea_status status = weights ? conv_run(v) : FOVEA_NO_MEMORY;
    mem_free(x);
    mem_free(weights);
    return status;
}

fovea_status reference_conv_integer(struct reference_call *c) {
    struct conv v;
    TRY(conv_begin(c, 1, &v));
    v.filters = integer_filters;
    return integer_run(&v, 1, 2, 3);
}

static void qlinear_filters(const struct conv *v, int64_t image, int64_t group, int64_t pixel,
                            const void *panel) {
    struct reference_call *c = v->call;
    int64_t count = v->pixels - pixel < PANEL ? v->pixels - pixel : PANEL, sum[PANEL];
    double x_scale = *reference_f64(c, 1), y_scale = *reference_f64(c, 6);
    const double *w_scale = reference_f64(c, 4);
    const int64_t *bias = reference_i64(c, 8), zero = *reference_i64(c, 7);
    bool each = fovea_desc_elements(&c->in[4].desc) > 1;
    for (int64_t k = group * v->oc; k < (group + 1) * v->oc; k++) {
        int64_t at = integer_sums(v, image, k, pixel, panel, bias ? bias[k] : 0, sum);
        double scale = x_scale * w_scale[each ? k : 0] / y_scale;
        for (int64_t j = 0; j < count; j++)
            reference_store_i64(&c->out[0], (size_t)(at + j),
                                requantise(sum[j], scale, zero, c->out[0].desc.dtype));
    }
}

fovea_status reference_qlinear_conv(struct reference_call *c) {
    struct conv v;
    TRY(conv_begin(c, 3, &v));
    v.filters = qlinear_filters;
    /* The views are made here, once, before several threads read them. */
    bool ready = reference_f64(c, 1) && reference_f64(c, 4) && reference_f64(c, 6) &&
                 reference_i64(c, 7) && (!reference_has(c, 8) || reference_i64(c, 8));
    if (!ready) return FOVEA_NO_MEMORY;
    return integer_run(&v, 3, 2, 5);
}

/* ---- ConvTranspose ---- */

struct transposed {
    struct window w;
    int64_t groups, ic, oc; /* channels of one group */
    double terms;
    const float *x, *weights, *bias, *residual;
    struct reference_out *out;
};

/* Terms of one output element at most: along an axis, taps k with k * dilation equal to one number
 * modulo the stride. */
static double transposed_terms(const struct transposed *t) {
    double terms = (double)t->ic + 0;
    for (int i = 0; i < 3; i++) {
        int64_t a = t->w.stride[i], b = t->w.dilation[i];
        while (b) {
            int64_t rest = a % b;
            a = b;
            b = rest;
        }
        int64_t step = t->w.stride[i] / a;
        terms *= (double)((t->w.kernel[i] + step - 1) / step);
    }
    return terms + (t->bias ? 1 : 0);
}

/* Adds one input row times one weight to an output row that starts at `first`. */
static void scatter_row(const struct window *w, const float *x, double weight, int64_t first,
                        double *y, double *a) {
    for (int64_t i = 0; i < w->in[2]; i++) {
        int64_t o = first + i * w->stride[2];
        if (o < 0 || o >= w->out[2]) continue;
        double p = weight * (double)x[i];
        y[o] += p;
        a[o] += fabs(p);
    }
}

/* One input channel times one filter, scattered into an output plane. */
static void scatter_plane(const struct window *w, const float *x, const float *weights, double *y,
                          double *a) {
    for (int64_t k = 0; k < w->kernel[0] * w->kernel[1] * w->kernel[2]; k++) {
        int64_t kw = k % w->kernel[2], kh = k / w->kernel[2] % w->kernel[1];
        int64_t kd = k / w->kernel[2] / w->kernel[1];
        for (int64_t r = 0; r < w->in[0] * w->in[1]; r++) {
            int64_t d = r / w->in[1] * w->stride[0] - w->pad_begin[0] + kd * w->dilation[0];
            int64_t h = r % w->in[1] * w->stride[1] - w->pad_begin[1] + kh * w->dilation[1];
            if (d < 0 || d >= w->out[0] || h < 0 || h >= w->out[1]) continue;
            int64_t at = (d * w->out[1] + h) * w->out[2];
            scatter_row(w, x + r * w->in[2], (double)weights[k],
                        kw * w->dilation[2] - w->pad_begin[2], y + at, a + at);
        }
    }
}

/* Items are output planes (image, channel). The sum of absolute values is kept in `bound`. */
static void transposed_planes(void *data, size_t begin, size_t end) {
    const struct transposed *t = data;
    const struct window *w = &t->w;
    int64_t in = w->in[0] * w->in[1] * w->in[2], out = w->out[0] * w->out[1] * w->out[2];
    int64_t kernel = w->kernel[0] * w->kernel[1] * w->kernel[2];
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        int64_t channel = i % (t->groups * t->oc), image = i / (t->groups * t->oc);
        int64_t first = channel / t->oc * t->ic; /* input channel of the group */
        double bias = t->bias ? (double)t->bias[channel] : 0;
        double *y = t->out->y + i * out, *a = t->out->bound + i * out;
        for (int64_t j = 0; j < out; j++) y[j] = bias, a[j] = fabs(bias);
        for (int64_t c = first; c < first + t->ic; c++)
            scatter_plane(w, t->x + (image * t->groups * t->ic + c) * in,
                          t->weights + (c * t->oc + channel % t->oc) * kernel, y, a);
        for (int64_t j = i * out; j < (i + 1) * out; j++)
            store_sum(t->out, (size_t)j, t->out->y[j], t->out->bound[j], t->terms);
    }
}

/* The bound of Winograd's algorithm, for which this is a convolution with turned filters (oc, ic, 3, 3). */
static fovea_status transposed_winograd(const struct transposed *t, int64_t n) {
    size_t elements = (size_t)(t->ic * t->oc) * 9;
    float *turned = mem_array(elements, sizeof *turned);
    if (!turned) return fail_memory(elements * sizeof *turned, "turned filters");
    for (int64_t o = 0; o < t->oc; o++)
        for (int64_t i = 0; i < t->ic * 9; i++)
            turned[o * t->ic * 9 + i] = t->weights[(i / 9 * t->oc + o) * 9 + 8 - i % 9];
    struct window w = t->w;
    for (int i = 1; i < 3; i++) w.pad_begin[i] = 2 - w.pad_begin[i];
    struct winograd_call call = {.window = &w,
                                 .n = n,
                                 .ic = t->ic,
                                 .oc = t->oc,
                                 .tile = t->out->winograd,
                                 .x = t->x,
                                 .weights = turned,
                                 .bias = t->bias,
                                 .out = t->out};
    fovea_status status = reference_winograd_bound(&call);
    mem_free(turned);
    return status;
}

fovea_status reference_conv_transpose(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc, *w = &c->in[1].desc;
    struct transposed t = {
        .groups = attr_int(c->node, "group", 1), .oc = w->dim[1], .out = &c->out[0]};
    t.ic = x->dim[1] / t.groups;
    TRY(window_resolve_transposed(c->node, x, w->dim + 2, &t.w));
    t.x = reference_f32(c, 0);
    t.weights = reference_f32(c, 1);
    t.bias = reference_f32(c, 2);
    if (!t.x || !t.weights || (reference_has(c, 2) && !t.bias)) return FOVEA_NO_MEMORY;
    t.terms = transposed_terms(&t);
    parallel_for((size_t)(x->dim[0] * t.groups * t.oc), 1, transposed_planes, &t);
    return c->out[0].winograd ? transposed_winograd(&t, x->dim[0]) : FOVEA_OK;
}
