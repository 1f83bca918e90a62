/* Convolutions on a device: Conv and ConvTranspose. */
#include "ops/conv.h"

#include <math.h>

#include "ops/blocked.h"
#include "ops/gemm.h"

static const struct algorithm conv_depthwise, conv_im2col_gemm, conv_direct;

const struct algorithm *const conv_algorithms[] = {
    &conv_shallow,
    &conv_depthwise_blocked,
    &conv_winograd_f4x3,
    &conv_winograd_f2x3,
    &conv_strip,
    &conv_blocked,
    &conv_depthwise,
    &conv_winograd_tiled_f4x3,
    &conv_winograd_tiled_f2x3,
    &conv_implicit_gemm,
    &conv_im2col_gemm,
    &conv_direct,
    NULL,
};
const struct algorithm *const conv_transpose_algorithms[] = {
    &conv_depthwise_blocked,
    &conv_transpose_depthwise_blocked,
    &conv_winograd_f4x3,
    &conv_winograd_f2x3,
    &conv_strip,
    &conv_blocked,
    &conv_winograd_tiled_f4x3,
    &conv_winograd_tiled_f2x3,
    &conv_implicit_gemm,
    &conv_transpose_direct,
    NULL,
};

enum {
    ROWS = 4,                 /* output rows of a work-item of conv_depthwise_lanes */
    WIDE = 8,                 /* output columns of a tile of conv_direct and conv_depthwise */
    COLUMNS_LIMIT = 32 << 20, /* bytes of an im2col matrix: a few big products keep a GPU busy */
    COLUMNS_CACHED = 1 << 20, /* the same on a CPU, where the matrix is to stay in its cache */
    LAUNCH_LIMIT = 4096,      /* kernels of one node */
};

/* The output places first, first + step, ... of one axis of a ConvTranspose, as a convolution of stride 1. A tap k
 * reaches them if k * dilation and first + pad are equal modulo the stride: every tap_step-th from k0 on. */
static void phase_axis(struct conv *c, int i, int64_t first, int64_t *tap, int64_t *tap_step) {
    struct window *w = &c->w;
    int64_t stride = w->stride[i], dilation = w->dilation[i], k = 0, common = stride, b = dilation;
    while (b) {
        int64_t rest = common % b;
        common = b;
        b = rest;
    }
    int64_t step = stride / common, place = first + w->pad_begin[i];
    while (k < step && (place - k * dilation) % stride != 0) k++;
    int64_t taps = k < step && k < w->kernel[i] ? ceil_div(w->kernel[i] - k, step) : 0;
    c->first[i] = first;
    c->step[i] = stride;
    c->whole[i] = w->out[i];
    *tap = k + (taps - 1) * step; /* turned: from the last one back */
    *tap_step = -step;
    w->pad_begin[i] = taps ? (taps - 1) * (dilation / common) - (place - k * dilation) / stride : 0;
    w->kernel[i] = taps;
    w->dilation[i] = dilation / common;
    w->stride[i] = 1;
    w->out[i] = ceil_div(w->out[i] - first, stride);
    w->pad_end[i] =
        taps ? (w->out[i] - 1) - w->pad_begin[i] + (taps - 1) * w->dilation[i] + 1 - w->in[i] : 0;
}

/* Phases of an axis: no more than outputs. */
static int64_t phases_of(const struct window *w, int i) {
    return w->stride[i] < w->out[i] ? w->stride[i] : w->out[i];
}

static struct conv transposed_phase(const struct site *s, int64_t phase) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc,
                     *weights = &node_in(s->graph, s->node, 1)->desc;
    struct conv c = {.n = x->dim[0], .groups = attr_int(s->node, "group", 1), .phases = 1};
    int64_t ic = x->dim[1] / c.groups, oc = weights->dim[1], tap[3], step[3];
    (void)window_resolve_transposed(s->node, x, weights->dim + 2, &c.w);
    int64_t kernel[3] = {c.w.kernel[0], c.w.kernel[1], c.w.kernel[2]};
    int64_t all = kernel[0] * kernel[1] * kernel[2];
    for (int i = 2; i >= 0; i--) {
        int64_t count = phases_of(&c.w, i);
        c.phases *= count;
        phase_axis(&c, i, phase % count, &tap[i], &step[i]);
        phase /= count;
    }
    c.weights = (struct conv_weights){.first = (tap[0] * kernel[1] + tap[1]) * kernel[2] + tap[2],
                                      .group = ic * oc * all,
                                      .out = all,
                                      .in = oc * all,
                                      .row = step[1] * kernel[2],
                                      .column = step[2]};
    conv_measure(&c, ic, oc);
    return c;
}

struct conv conv_phase_of(const struct site *s, int64_t phase) {
    if (s->node->op == OP_ConvTranspose) return transposed_phase(s, phase);
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc,
                     *w = &node_in(s->graph, s->node, 1)->desc;
    struct conv c = {.n = x->dim[0], .groups = attr_int(s->node, "group", 1), .phases = 1};
    /* The shape function has resolved the same window before, so this cannot fail. */
    (void)window_resolve(s->node, x, w->dim + 2, &c.w);
    conv_measure(&c, x->dim[1] / c.groups, w->dim[0] / c.groups);
    for (int i = 0; i < 3; i++) c.step[i] = 1, c.whole[i] = c.w.out[i];
    c.weights = (struct conv_weights){
        .group = c.oc * c.k, .out = c.k, .in = c.taps, .row = c.w.kernel[2], .column = 1};
    return c;
}

struct conv conv_of(const struct site *s) {
    return conv_phase_of(s, 0);
}

void conv_measure(struct conv *c, int64_t ic, int64_t oc) {
    const struct window *w = &c->w;
    c->ic = ic;
    c->oc = oc;
    c->plane = w->in[0] * w->in[1] * w->in[2];
    c->pixels = w->out[0] * w->out[1] * w->out[2];
    c->taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    c->k = ic * c->taps;
    c->fits = true;
    for (int i = 0; i < 3; i++) {
        int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t reach = (w->out[i] + 8) * w->stride[i];
        if (w->in[i] + w->pad_begin[i] + extent + reach > CONV_SPAN_LIMIT) c->fits = false;
    }
}

const char *conv_refuse_phases(const struct conv *c) {
    if (c->phases != 1) return "a transposed convolution must have stride 1";
    return conv_refuse_span(c);
}

const char *conv_refuse_span(const struct conv *c) {
    return c->fits ? NULL : "a padded axis is longer than 2^30";
}

void conv_push_weight_steps(struct recipe *r, const struct conv *c) {
    recipe_int(r, c->weights.out);
    recipe_int(r, c->weights.in);
    recipe_int(r, c->weights.row);
    recipe_int(r, c->weights.column);
}

void conv_push_weights(const struct site *s, struct recipe *r, const struct conv *c) {
    recipe_value_at(r, site_in(s, 1), (size_t)c->weights.first);
}

void conv_push_window(struct recipe *r, const struct window *w) {
    static const char *const names[3][3] = {
        {"KD", "KH", "KW"}, {"SD", "SH", "SW"}, {"DD", "DH", "DW"}};
    for (int i = 0; i < 3; i++) recipe_define(r, names[0][i], w->kernel[i]);
    for (int i = 0; i < 3; i++) recipe_define(r, names[1][i], w->stride[i]);
    for (int i = 0; i < 3; i++) recipe_define(r, names[2][i], w->dilation[i]);
}

void conv_push_ints(struct recipe *r, const int64_t *three) {
    for (int i = 0; i < 3; i++) recipe_int(r, three[i]);
}

/* The start and the end of the operands: input, weights and bias; activation and output. */
void conv_push_inputs(const struct site *s, struct recipe *r) {
    recipe_define(r, "HAS_BIAS", site_in(s, 2) != FOVEA_NO_VALUE);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_in(s, 2));
}

void conv_push_outputs(const struct site *s, struct recipe *r) {
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
}

void conv_push_residual(const struct site *s, struct recipe *r) {
    recipe_define(r, "HAS_RESIDUAL", site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_value(r, site_in(s, 3));
}

const char *conv_refuse_residual(const struct site *s) {
    return site_in(s, 3) != FOVEA_NO_VALUE ? "a residual is to be added" : NULL;
}

int64_t conv_groups(const struct site *s, const struct conv *c) {
    enum { EACH = 32 }; /* for a compute unit */
    static const double FLOPS_LEAST = 2e5;
    double flops = 2 * (double)(c->n * c->groups * c->oc) * (double)c->pixels * (double)c->k;
    double most = EACH * (double)s->device->compute_units;
    return (int64_t)fmax(1, fmin(most, flops / FLOPS_LEAST));
}

double conv_seconds(const struct site *s, double flops, double share, double launches) {
    double ignored, bytes;
    graph_cost(s->graph, s->node, &ignored, &bytes);
    return fmax(flops / (share * s->device->flops_peak), bytes / s->device->bytes_per_second) +
           launches * s->device->launch_overhead_us * 1e-6;
}

/* Operations with the output rows padded to whole tiles of WIDE columns. */
static double tiled_flops(const struct conv *c, int64_t channels) {
    double columns = ceil((double)c->w.out[2] / WIDE) * WIDE;
    return 2 * (double)(c->n * c->groups * channels * c->w.out[0] * c->w.out[1]) * columns *
           (double)c->k;
}

static int64_t column_tiles(const struct conv *c) {
    return (c->w.out[2] + WIDE - 1) / WIDE * c->w.out[1] * c->w.out[0];
}

/* ---- conv_direct ---- */

/* Few different tiles: each is a program of its own. */
static int64_t oc_tile(int64_t oc) {
    return oc >= 8 ? 8 : oc >= 4 ? 4 : oc >= 2 ? 2 : 1;
}

static const char *conv_direct_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    return conv_refuse_span(&c);
}

/* Wide strides load element by element. */
static double conv_direct_estimate(const struct site *s) {
    struct conv c = conv_of(s);
    int64_t tile = oc_tile(c.oc), tiles = (c.oc + tile - 1) / tile;
    double share = (s->device->local_memory_is_real ? 0.08 : 0.22) * (c.w.stride[2] > 2 ? 0.5 : 1);
    return conv_seconds(s, tiled_flops(&c, tiles * tile), share * sqrt((double)tile / 8), 1);
}

static fovea_status conv_direct_lower(const struct site *s, struct recipe *r) {
    struct conv c = conv_of(s);
    int64_t tile = oc_tile(c.oc);
    recipe_kernel(r, "conv_direct", "conv_direct");
    conv_push_window(r, &c.w);
    recipe_define(r, "OC_TILE", tile);
    recipe_int(r, c.groups);
    recipe_int(r, c.ic);
    conv_push_ints(r, c.w.in);
    recipe_int(r, c.oc);
    conv_push_ints(r, c.w.out);
    conv_push_ints(r, c.w.pad_begin);
    recipe_int(r, c.n * c.groups * c.ic * c.plane);
    conv_push_inputs(s, r);
    conv_push_residual(s, r);
    conv_push_outputs(s, r);
    gemm_launch(s, r, column_tiles(&c), (c.oc + tile - 1) / tile * c.groups, c.n);
    return FOVEA_OK;
}

static const struct algorithm conv_direct = {.name = "conv_direct",
                                             .refuse = conv_direct_refuse,
                                             .estimate = conv_direct_estimate,
                                             .lower = conv_direct_lower};

/* ---- conv_depthwise ---- */

static const char *conv_depthwise_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    if (c.ic != 1) return "a group must have one input channel";
    if (conv_refuse_residual(s)) return conv_refuse_residual(s);
    return conv_refuse_span(&c);
}

/* Work-items of an image where neighbours are lanes: each does ROWS output rows of a column. */
static int64_t lane_items(const struct conv *c) {
    return c->w.out[2] * ((c->w.out[1] + ROWS - 1) / ROWS) * c->w.out[0] * c->groups * c->oc;
}

static bool lanes_fit(const struct site *s, const struct conv *c) {
    return gemm_items_are_lanes(s) && lane_items(c) < INT32_MAX - 64;
}

static double conv_depthwise_estimate(const struct site *s) {
    struct conv c = conv_of(s);
    if (lanes_fit(s, &c)) return conv_seconds(s, tiled_flops(&c, c.oc), 0.1, 1);
    double share = 0.05 * (c.w.stride[2] > 2 ? 0.5 : 1);
    return conv_seconds(s, tiled_flops(&c, c.oc), share, 1);
}

static fovea_status conv_depthwise_lower(const struct site *s, struct recipe *r) {
    struct conv c = conv_of(s);
    bool lanes = lanes_fit(s, &c);
    recipe_kernel(r, "conv_depthwise", lanes ? "conv_depthwise_lanes" : "conv_depthwise");
    conv_push_window(r, &c.w);
    recipe_int(r, c.groups);
    conv_push_ints(r, c.w.in);
    recipe_int(r, c.oc);
    conv_push_ints(r, c.w.out);
    conv_push_ints(r, c.w.pad_begin);
    conv_push_inputs(s, r);
    conv_push_outputs(s, r);
    if (lanes) gemm_launch(s, r, lane_items(&c), c.n, 1);
    else gemm_launch(s, r, column_tiles(&c), c.groups * c.oc, c.n);
    return FOVEA_OK;
}

static const struct algorithm conv_depthwise = {.name = "conv_depthwise",
                                                .refuse = conv_depthwise_refuse,
                                                .estimate = conv_depthwise_estimate,
                                                .lower = conv_depthwise_lower};

/* ---- conv_im2col_gemm ---- */

bool conv_is_pointwise(const struct conv *c) {
    for (int i = 0; i < 3; i++)
        if (c->w.kernel[i] != 1 || c->w.stride[i] != 1 || c->w.pad_begin[i] || c->w.pad_end[i])
            return false;
    return true;
}

/* Output pixels whose columns are in the workspace at a time: all, or a multiple of 16 (0 if not even
 * that fits). */
static int64_t chunk_of(const struct site *s, const struct conv *c) {
    int64_t bytes = s->device->local_memory_is_real ? COLUMNS_LIMIT : COLUMNS_CACHED;
    int64_t most = bytes / (int64_t)sizeof(float) / c->k;
    if (conv_is_pointwise(c) || c->pixels <= most) return c->pixels;
    return most >= 16 ? most / 16 * 16 : COLUMNS_LIMIT / (int64_t)sizeof(float) / c->k / 16 * 16;
}

static int64_t im2col_launches(const struct site *s, const struct conv *c) {
    int64_t chunk = chunk_of(s, c), chunks = chunk ? (c->pixels + chunk - 1) / chunk : 1;
    return c->n * (c->groups * chunks * 2 + 1);
}

static const char *conv_im2col_gemm_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    if (conv_refuse_residual(s)) return conv_refuse_residual(s);
    if (chunk_of(s, &c) == 0) return "16 columns of the matrix are above 32 MiB";
    if (im2col_launches(s, &c) > LAUNCH_LIMIT) return "more than 4096 launches would be needed";
    return conv_refuse_span(&c);
}

static size_t conv_im2col_gemm_workspace(const struct site *s) {
    struct conv c = conv_of(s);
    return conv_is_pointwise(&c) ? 0 : (size_t)(c.k * chunk_of(s, &c)) * sizeof(float);
}

/* y (oc, pixels) = w (oc, k) columns (k, count), for the pixels from `first` on of one image and group. */
static struct gemm_task im2col_task(const struct site *s, const struct conv *c, int64_t image,
                                    int64_t group, int64_t first, int64_t count) {
    int64_t plane_group = image * c->groups + group;
    struct gemm_task t = {.m = c->oc,
                          .n = count,
                          .k = c->k,
                          .lda = c->k,
                          .ldb = count,
                          .ldc = c->pixels,
                          .scale = 1,
                          .bias_scale = 1,
                          .bias_row = 1,
                          .batch0 = 1,
                          .batch1 = 1,
                          .node = s->node};
    t.a = gemm_value(site_in(s, 1), (size_t)(group * c->oc * c->k));
    t.b = (struct argument){.kind = ARGUMENT_WORKSPACE, .element = sizeof(float)};
    if (conv_is_pointwise(c))
        t.b = gemm_value(site_in(s, 0), (size_t)(plane_group * c->ic * c->plane));
    t.c = gemm_value(site_out(s, 0), (size_t)(plane_group * c->oc * c->pixels + first));
    t.bias = gemm_value(site_in(s, 2), (size_t)(group * c->oc));
    return t;
}

static bool use_clblast(const struct site *s, const struct gemm_task *t) {
    return !gemm_refuse_clblast(t) &&
           gemm_seconds_clblast(s->device, t) < gemm_seconds_plain(s->device, t);
}

static double conv_im2col_gemm_estimate(const struct site *s) {
    struct conv c = conv_of(s);
    int64_t chunk = chunk_of(s, &c);
    struct gemm_task t = im2col_task(s, &c, 0, 0, 0, chunk);
    double times = (double)(c.n * c.groups) * ceil((double)c.pixels / (double)chunk);
    double gemm = use_clblast(s, &t) ? gemm_seconds_clblast(s->device, &t)
                                     : gemm_seconds_plain(s->device, &t);
    double columns = conv_is_pointwise(&c) ? 0 : 2 * sizeof(float) * (double)(c.k * chunk);
    double move = s->device->local_memory_is_real ? 1 : 0.25; /* scattered reads, one by one */
    return times * (gemm + columns / (move * s->device->bytes_per_second)) +
           (double)im2col_launches(s, &c) * s->device->launch_overhead_us * 1e-6;
}

void conv_columns_lower(const struct site *s, struct recipe *r, const struct conv *c,
                        int64_t plane_group, size_t at, int64_t first, int64_t count) {
    int64_t run = gemm_run_length(s);
    recipe_kernel(r, "conv_im2col_gemm", "conv_im2col_gemm_columns");
    conv_push_window(r, &c->w);
    recipe_define(r, "RUN", run);
    conv_push_ints(r, c->w.in);
    recipe_int(r, c->w.out[1]);
    recipe_int(r, c->w.out[2]);
    conv_push_ints(r, c->w.pad_begin);
    recipe_int(r, first);
    recipe_int(r, count);
    recipe_value_at(r, site_in(s, 0), (size_t)(plane_group * c->ic * c->plane));
    recipe_workspace(r, at, sizeof(float));
    gemm_launch(s, r, (count + run - 1) / run, c->k, 1);
}

/* Bias and activation of one image, after CLBlast. */
static void lower_finish(const struct site *s, struct recipe *r, const struct conv *c,
                         int64_t image) {
    bool bias = site_in(s, 2) != FOVEA_NO_VALUE;
    int64_t run = gemm_run_length(s), channels = c->groups * c->oc;
    if (!bias && node_activation(s->node).kind == ACTIVATION_NONE) return;
    recipe_kernel(r, "conv_im2col_gemm", "conv_im2col_gemm_finish");
    recipe_define(r, "RUN", run);
    recipe_define(r, "HAS_BIAS", bias);
    recipe_int(r, c->pixels);
    recipe_value(r, site_in(s, 2));
    recipe_activation(r, s->node);
    recipe_value_at(r, site_out(s, 0), (size_t)(image * channels * c->pixels));
    gemm_launch(s, r, (c->pixels + run - 1) / run, channels, 1);
}

/* Returns true if the product went to CLBlast and bias and activation are left to do. */
static bool lower_group(const struct site *s, struct recipe *r, const struct conv *c, int64_t image,
                        int64_t group) {
    int64_t chunk = chunk_of(s, c);
    bool unfinished = false;
    for (int64_t first = 0; first < c->pixels; first += chunk) {
        int64_t count = c->pixels - first < chunk ? c->pixels - first : chunk;
        struct gemm_task t = im2col_task(s, c, image, group, first, chunk);
        bool clblast = use_clblast(s, &t); /* decided for a whole chunk: the same for all */
        t = im2col_task(s, c, image, group, first, count);
        if (!conv_is_pointwise(c))
            conv_columns_lower(s, r, c, image * c->groups + group, 0, first, count);
        if (clblast) gemm_lower_clblast(r, &t);
        else gemm_lower_plain(s, r, &t);
        unfinished = unfinished || clblast;
    }
    return unfinished;
}

static fovea_status conv_im2col_gemm_lower(const struct site *s, struct recipe *r) {
    struct conv c = conv_of(s);
    for (int64_t image = 0; image < c.n; image++) {
        bool unfinished = false;
        for (int64_t group = 0; group < c.groups; group++)
            unfinished = lower_group(s, r, &c, image, group);
        if (unfinished) lower_finish(s, r, &c, image);
    }
    return FOVEA_OK;
}

static const struct algorithm conv_im2col_gemm = {.name = "conv_im2col_gemm",
                                                  .refuse = conv_im2col_gemm_refuse,
                                                  .workspace = conv_im2col_gemm_workspace,
                                                  .estimate = conv_im2col_gemm_estimate,
                                                  .lower = conv_im2col_gemm_lower};
