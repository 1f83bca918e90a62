/* 3x3 convolution on GPUs by Winograd's minimal filtering: transforms around a batched matrix product, see
 * cl_kernels/conv_winograd_tiled.cl. The error bound is that of lib/reference/winograd.c, whose count of
 * roundings these transforms keep to. */
#include <math.h>

#include "ops/conv.h"
#include "ops/gemm_tiled.h"

enum {
    CHUNK_MIB = 128, /* of transformed inputs and sums at a time; see tiles_at_once */
    LAUNCH_LIMIT = 4096,
    BY_TILED = 1, /* who does the product */
    BY_CLBLAST = 2,
};

static const struct tunable tunables[] = {{"chunk_mib", {16, 32, 64, 128, 256}},
                                          {"product", {BY_TILED, BY_CLBLAST}},
                                          {"tile", {TILE_NUMBERS}},
                                          {0}};

/* The node as tiles. */
struct winograd {
    struct conv c;
    int64_t outputs, places; /* outputs along the side of a tile; numbers of a transformed tile */
    int64_t down, across, tiles; /* of an image; of all */
    int64_t chunk;               /* tiles at a time */
};

/* Few enough that what one launch writes is still in a cache when the next reads it, enough to fill the device. */
static int64_t tiles_at_once(const struct site *s, const struct winograd *w) {
    int64_t tile = (int64_t)sizeof(float) * w->places * (w->c.ic + w->c.oc + 1);
    int64_t fit = ((int64_t)site_tuned(s, 0, CHUNK_MIB) << 20) / tile / 128 * 128;
    if (fit < 128) fit = 128;
    return w->tiles > fit ? fit : w->tiles > 0 ? w->tiles : 1;
}

static struct winograd winograd_of(const struct site *s, int64_t outputs) {
    struct winograd w = {.c = conv_of(s), .outputs = outputs};
    w.places = (outputs + 2) * (outputs + 2);
    w.down = (w.c.w.out[1] + outputs - 1) / outputs;
    w.across = (w.c.w.out[2] + outputs - 1) / outputs;
    w.tiles = w.c.n * w.down * w.across;
    w.chunk = tiles_at_once(s, &w);
    return w;
}

/* Transformed inputs, and behind them the sums. */
static size_t sums_start(const struct winograd *w) {
    return sizeof(float) * (size_t)(w->places * w->c.ic * w->chunk);
}

/* sums (places; oc, count) = filters (places; oc, ic) inputs (places; ic, count) */
static struct gemm_task product(const struct winograd *w, int64_t count) {
    struct argument packed = {.kind = ARGUMENT_PACKED, .element = sizeof(float)};
    struct argument work = {.kind = ARGUMENT_WORKSPACE, .element = sizeof(float)};
    struct gemm_task t = {.m = w->c.oc,
                          .n = count,
                          .k = w->c.ic,
                          .lda = w->c.ic,
                          .ldb = count,
                          .ldc = count,
                          .scale = 1,
                          .bias_scale = 1,
                          .batch0 = 1,
                          .batch1 = w->places,
                          .a_batch = {0, w->c.oc * w->c.ic},
                          .b_batch = {0, w->c.ic * count},
                          .c_batch = w->c.oc * count,
                          .a = packed,
                          .b = work,
                          .c = work,
                          .bias = gemm_value(FOVEA_NO_VALUE, 0)};
    t.c.offset = sums_start(w);
    return t;
}

static bool by_clblast(const struct site *s, const struct gemm_task *t) {
    if (gemm_refuse_clblast(t)) return false;
    int tuned = site_tuned(s, 1, 0);
    if (tuned || !s->device->local_memory_is_real) return tuned == BY_CLBLAST;
    return gemm_seconds_clblast(s->device, t) < gemm_seconds_tiled(s->device, t);
}

static const char *refuse(const struct site *s, int64_t outputs) {
    struct winograd w = winograd_of(s, outputs);
    const struct window *v = &w.c.w;
    if (v->rank != 2 || v->kernel[1] != 3 || v->kernel[2] != 3) return "the filter must be 3x3";
    if (v->stride[1] != 1 || v->stride[2] != 1) return "stride must be 1";
    if (v->dilation[1] != 1 || v->dilation[2] != 1) return "dilation must be 1";
    if (w.c.groups != 1) return "there must be one group";
    if (w.c.ic == 0) return "an empty sum";
    if (w.places * w.c.oc * w.c.ic > INT32_MAX ||
        w.places * (w.c.oc + w.c.ic) * w.chunk > INT32_MAX)
        return "transformed filters or tiles have more than 2^31 - 1 elements";
    if (w.tiles / w.chunk > LAUNCH_LIMIT / 3 - 1) return "more than 4096 launches would be needed";
    struct gemm_task t = product(&w, w.chunk);
    const char *reason = gemm_refuse_tiled(s->device, &t);
    return reason ? reason : conv_refuse_phases(&w.c);
}

/* The product, and what the transforms move. */
static double estimate(const struct site *s, int64_t outputs) {
    struct winograd w = winograd_of(s, outputs);
    struct gemm_task t = product(&w, w.chunk);
    double chunks = ceil((double)w.tiles / (double)w.chunk), flops, bytes;
    double gemm =
        by_clblast(s, &t) ? gemm_seconds_clblast(s->device, &t) : gemm_seconds_tiled(s->device, &t);
    double transformed = (double)(w.places * (w.c.ic + w.c.oc) * w.tiles);
    graph_cost(s->graph, s->node, &flops, &bytes);
    return chunks * gemm + (bytes + sizeof(float) * transformed) / s->device->bytes_per_second +
           2 * chunks * s->device->launch_overhead_us * 1e-6;
}

static size_t workspace(const struct site *s, int64_t outputs) {
    struct winograd w = winograd_of(s, outputs);
    return sums_start(&w) + sizeof(float) * (size_t)(w.places * w.c.oc * w.chunk);
}

static size_t packed(const struct site *s, int64_t outputs) {
    struct winograd w = winograd_of(s, outputs);
    return sizeof(float) * (size_t)(w.places * w.c.oc * w.c.ic);
}

/* ---- Lowering ---- */

/* Starts a launch. All three have the same defines, so that they are one program. */
static void start(const struct site *s, struct recipe *r, const struct winograd *w,
                  const char *function) {
    recipe_kernel(r, "conv_winograd_tiled", function);
    recipe_define(r, "OUTPUTS", w->outputs);
    recipe_define(r, "HAS_BIAS", site_in(s, 2) != FOVEA_NO_VALUE);
}

static void end(const struct site *s, struct recipe *r) {
    recipe_define(r, "HAS_RESIDUAL", site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_define(r, "ACTIVATION", node_activation(s->node).kind);
}

static void lower_filters(const struct site *s, struct recipe *r, const struct winograd *w) {
    start(s, r, w, "conv_winograd_tiled_filters");
    end(s, r);
    recipe_once(r);
    recipe_int(r, w->c.oc);
    recipe_int(r, w->c.ic);
    conv_push_weight_steps(r, &w->c);
    conv_push_weights(s, r, &w->c);
    recipe_packed(r, 0, sizeof(float));
    gemm_launch(s, r, w->c.oc * w->c.ic, 1, 1);
}

static void lower_inputs(const struct site *s, struct recipe *r, const struct winograd *w,
                         int64_t first, int64_t count) {
    start(s, r, w, "conv_winograd_tiled_inputs");
    end(s, r);
    recipe_int(r, w->c.ic);
    recipe_int(r, w->c.w.in[1]);
    recipe_int(r, w->c.w.in[2]);
    recipe_int(r, w->down);
    recipe_int(r, w->across);
    recipe_int(r, w->c.w.pad_begin[1]);
    recipe_int(r, w->c.w.pad_begin[2]);
    recipe_int(r, first);
    recipe_int(r, count);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    gemm_launch(s, r, count, w->c.ic, 1);
}

static void lower_outputs(const struct site *s, struct recipe *r, const struct winograd *w,
                          int64_t first, int64_t count) {
    start(s, r, w, "conv_winograd_tiled_outputs");
    recipe_int(r, w->c.oc);
    recipe_int(r, w->c.w.out[1]);
    recipe_int(r, w->c.w.out[2]);
    recipe_int(r, w->down);
    recipe_int(r, w->across);
    recipe_int(r, first);
    recipe_int(r, count);
    recipe_workspace(r, sums_start(w), sizeof(float));
    recipe_value(r, site_in(s, 2));
    conv_push_residual(s, r);
    conv_push_outputs(s, r);
    gemm_launch(s, r, count, w->c.oc, 1);
}

static fovea_status lower(const struct site *s, struct recipe *r, int64_t outputs) {
    struct winograd w = winograd_of(s, outputs);
    struct gemm_task whole = product(&w, w.chunk);
    bool clblast = by_clblast(s, &whole); /* decided for a whole chunk: the same for all */
    lower_filters(s, r, &w);
    for (int64_t first = 0; first < w.tiles; first += w.chunk) {
        int64_t count = w.tiles - first < w.chunk ? w.tiles - first : w.chunk;
        struct gemm_task t = product(&w, count);
        lower_inputs(s, r, &w, first, count);
        if (clblast) gemm_lower_clblast(r, &t);
        else gemm_lower_tiled(s, r, &t, site_tuned(s, 2, 0));
        lower_outputs(s, r, &w, first, count);
    }
    return FOVEA_OK;
}

/* ---- F(2x2, 3x3) and F(4x4, 3x3) ---- */

static const char *refuse2(const struct site *s) {
    return refuse(s, 2);
}
static size_t workspace2(const struct site *s) {
    return workspace(s, 2);
}
static size_t packed2(const struct site *s) {
    return packed(s, 2);
}
static double estimate2(const struct site *s) {
    return estimate(s, 2);
}
static fovea_status lower2(const struct site *s, struct recipe *r) {
    return lower(s, r, 2);
}

const struct algorithm conv_winograd_tiled_f2x3 = {.name = "conv_winograd_tiled_f2x3",
                                                   .refuse = refuse2,
                                                   .tunables = tunables,
                                                   .workspace = workspace2,
                                                   .packed = packed2,
                                                   .estimate = estimate2,
                                                   .winograd = 2,
                                                   .inexact = true,
                                                   .lower = lower2};

static const char *refuse4(const struct site *s) {
    return refuse(s, 4);
}
static size_t workspace4(const struct site *s) {
    return workspace(s, 4);
}
static size_t packed4(const struct site *s) {
    return packed(s, 4);
}
static double estimate4(const struct site *s) {
    return estimate(s, 4);
}
static fovea_status lower4(const struct site *s, struct recipe *r) {
    return lower(s, r, 4);
}

const struct algorithm conv_winograd_tiled_f4x3 = {.name = "conv_winograd_tiled_f4x3",
                                                   .refuse = refuse4,
                                                   .tunables = tunables,
                                                   .workspace = workspace4,
                                                   .packed = packed4,
                                                   .estimate = estimate4,
                                                   .winograd = 4,
                                                   .inexact = true,
                                                   .lower = lower4};
