/* 3x3 convolutions by Winograd's minimal filtering, in channel blocks (cl_kernels/conv_winograd.cl).
 *
 * With few channels the transformed data of some tiles stay in a core's cache: one launch, whose groups each
 * take a run of tiles through all phases. With many channels the transformed weights are large: three
 * launches for each large chunk of tiles, so that weights are read once a chunk. */
#include "ops/conv.h"

enum {
    FUSED_CHANNELS = 128, /* inputs at most: two rows of tiles stay in half a mebibyte */
    FUSED_STEP = 2,       /* register tiles of a step of the fused form */
    FUSED_STEPS = 32, /* steps for each core at least: with fewer, three launches are as quick */
    CHUNK_BYTES = 24 << 20, /* workspace of a chunk of tiles: in a shared cache with the weights */
    CHUNK_STEPS = 4,        /* register tiles of a chunk at least */
    LAUNCH_LIMIT = 4096,    /* kernels of one node */
};

/* A convolution as a list of tiles. */
struct winograd {
    struct conv c;
    int64_t tile, places, rows;  /* outputs along a tile; products; tiles of a register tile */
    int64_t across, down, tiles; /* tiles of an image's row and column; of all images */
    int64_t x, in_blocks, out_blocks, pairs; /* channel blocks of x; pairs of them, of outputs */
    bool fused;
    int64_t chunk, padded;    /* tiles of a chunk or step; padded to register tiles */
    int64_t v_plane, m_plane; /* elements between places */
    int64_t groups, run;      /* fused: work-items, and tiles of each */
};

/* ---- Sizes ---- */

/* An odd number of cache lines: neighbouring planes then never meet in one set of a cache. */
static int64_t plane_of(int64_t elements) {
    return (elements + 15) / 16 * 16 + (ceil_div(elements, 16) % 2 == 0 ? 16 : 0);
}

static int64_t compute_units(const struct site *s) {
    return s->device->compute_units > 0 ? s->device->compute_units : 1;
}

/* The number of groups whose most loaded compute unit has least to do. */
static void balance(const struct site *s, struct winograd *w) {
    int64_t units = compute_units(s), best = INT64_MAX;
    for (int64_t groups = units; groups <= 8 * units; groups++) {
        int64_t run = ceil_div(ceil_div(w->tiles, groups), w->rows) * w->rows;
        int64_t used = ceil_div(w->tiles, run), load = ceil_div(used, units) * run;
        if (load >= best) continue;
        best = load;
        w->run = run;
        w->groups = used;
    }
}

static void split(const struct site *s, struct winograd *w) {
    int64_t each = w->places * (w->in_blocks + 2 * w->pairs) * w->x * (int64_t)sizeof(float);
    int64_t least = CHUNK_STEPS * w->rows;
    w->chunk = FUSED_STEP * w->rows;
    w->fused = w->c.ic <= FUSED_CHANNELS && w->c.oc <= 2 * FUSED_CHANNELS &&
               w->tiles >= FUSED_STEPS * compute_units(s) * w->chunk;
    if (w->fused) {
        balance(s, w);
        if (w->chunk > w->run) w->chunk = w->run;
    } else {
        int64_t most = CHUNK_BYTES / each > least ? CHUNK_BYTES / each : least;
        w->chunk = ceil_div(w->tiles, ceil_div(w->tiles, most));
    }
    w->padded = ceil_div(w->chunk, w->rows) * w->rows;
    w->v_plane = plane_of(w->in_blocks * w->padded * w->x);
    w->m_plane = plane_of((w->fused ? 2 : 2 * w->pairs) * w->padded * w->x);
}

static const struct tunable winograd_tunables[] = {{"rows", {4, 5, 6, 8, 12, 14}}, {0}};

/* 2 rows + 3 vectors fit the 16 registers that narrow vectors have, and the 32 that wide ones have. */
static struct winograd winograd_of(const struct site *s, int64_t tile) {
    struct winograd w = {.c = conv_of(s), .tile = tile, .x = site_width(s)};
    w.places = (tile + 2) * (tile + 2);
    w.rows = site_tuned(s, 0, w.x == 16 ? 14 : 6);
    w.across = ceil_div(w.c.w.out[2], tile);
    w.down = ceil_div(w.c.w.out[1], tile);
    w.tiles = w.c.n * w.down * w.across;
    w.in_blocks = ceil_div(w.c.ic, w.x);
    w.out_blocks = ceil_div(w.c.oc, w.x);
    w.pairs = ceil_div(w.out_blocks, 2);
    split(s, &w);
    return w;
}

static size_t packed_bytes(const struct winograd *w) {
    return (size_t)(w->places * w->in_blocks * w->pairs * 2 * w->x * w->x) * sizeof(float);
}

static size_t workspace_bytes(const struct winograd *w) {
    int64_t elements = w->places * (w->v_plane + w->m_plane) * (w->fused ? w->groups : 1);
    return (size_t)elements * sizeof(float);
}

/* ---- Whether ---- */

static const char *refuse(const struct site *s, int64_t tile) {
    struct conv c = conv_of(s);
    if (c.w.rank != 2) return "only two spatial axes";
    if (c.groups != 1) return "group must be 1";
    for (int i = 1; i < 3; i++) {
        if (c.w.kernel[i] != 3) return "the filter must be 3x3";
        if (c.w.stride[i] != 1) return "stride must be 1";
        if (c.w.dilation[i] != 1) return "dilation must be 1";
    }
    if (conv_refuse_phases(&c)) return conv_refuse_phases(&c);
    if (c.ic > 1 << 16 || c.oc > 1 << 16) return "more than 65536 channels";
    struct winograd w = winograd_of(s, tile);
    if (w.tiles > 1 << 30 || w.c.n * w.c.plane > INT64_MAX / (1 << 20)) return "too many tiles";
    if (packed_bytes(&w) > s->device->max_allocation_bytes)
        return "the transformed weights are larger than the device's maximum allocation";
    if (!w.fused && 3 * ceil_div(w.tiles, w.chunk) > LAUNCH_LIMIT)
        return "more than 4096 launches would be needed";
    return NULL;
}

static uint32_t winograd_blocked(const struct site *s) {
    return 1u | BLOCKED_OUT | (site_in(s, 3) != FOVEA_NO_VALUE ? 1u << 3 : 0);
}

/* Products at three quarters of the peak; the transformed weights come from memory, of which little hides behind
 * few tiles (in ResNet-50 on two cores about 0.7 of their time shows); each transformed element takes as long
 * as 70 operations. Groups that cannot be spread evenly wait. A device with local memory does little of its peak
 * with one work-item a group. */
static double estimate(const struct site *s, int64_t tile) {
    struct winograd w = winograd_of(s, tile);
    double peak = s->device->flops_peak * (s->device->local_memory_is_real ? 0.02 : 1);
    double chunks = w.fused ? 1 : (double)ceil_div(w.tiles, w.chunk);
    double tiles = w.fused
                       ? (double)(ceil_div(w.groups, compute_units(s)) * compute_units(s) * w.run)
                       : chunks * (double)w.padded;
    double in = (double)(w.in_blocks * w.x), out = (double)(2 * w.pairs * w.x);
    double products = 2 * (double)w.places * tiles * in * out / (0.75 * peak);
    double weights = (double)packed_bytes(&w) / s->device->bytes_per_second;
    double transforms = 70 * (double)w.places * tiles * (in + out) / peak;
    double launches = w.fused ? 1 : 3 * chunks;
    return products + weights + transforms + launches * s->device->launch_overhead_us * 1e-6;
}

/* ---- How ---- */

/* A kernel gets the defines that it reads and no other, so that networks with many kinds of nodes compile
 * it once: _multiply is the same for both sizes of tiles. */
static void begin(const struct site *s, struct recipe *r, const char *function) {
    recipe_kernel(r, "conv_winograd", function);
    recipe_width(r, s);
}

static void define_tile(struct recipe *r, const struct winograd *w) {
    recipe_define(r, "TILE", w->tile);
}

static void define_rows(struct recipe *r, const struct winograd *w) {
    recipe_define(r, "ROWS", w->rows);
}

static void define_end(const struct site *s, struct recipe *r) {
    recipe_define(r, "HAS_BIAS", site_in(s, 2) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_RESIDUAL", site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_define(r, "ACTIVATION", node_activation(s->node).kind);
}

static void groups(struct recipe *r, int64_t x, int64_t y) {
    recipe_global(r, (size_t)x, (size_t)y, 1);
    recipe_local(r, 1, 1, 1);
}

static void lower_pack(const struct site *s, struct recipe *r, const struct winograd *w) {
    begin(s, r, "conv_winograd_pack");
    define_tile(r, w);
    recipe_int(r, w->c.ic);
    recipe_int(r, w->c.oc);
    conv_push_weight_steps(r, &w->c);
    conv_push_weights(s, r, &w->c);
    recipe_packed(r, 0, sizeof(float));
    groups(r, w->in_blocks, w->pairs);
    recipe_once(r);
}

/* The bias, the residual, the activation's numbers, the output. */
static void push_end(const struct site *s, struct recipe *r) {
    struct activation a = node_activation(s->node);
    recipe_value(r, site_in(s, 2));
    recipe_value(r, site_in(s, 3));
    recipe_float(r, a.alpha);
    recipe_float(r, a.beta);
    recipe_value(r, site_out(s, 0));
}

static void push_all(struct recipe *r, const int64_t *numbers, size_t n) {
    for (size_t i = 0; i < n; i++) recipe_int(r, numbers[i]);
}
#define PUSH(r, ...)                                                                               \
    push_all(r, (const int64_t[]){__VA_ARGS__},                                                    \
             sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void lower_fused(const struct site *s, struct recipe *r, const struct winograd *w) {
    const struct window *v = &w->c.w;
    begin(s, r, "conv_winograd_fused");
    define_tile(r, w);
    define_rows(r, w);
    define_end(s, r);
    PUSH(r, w->tiles, w->run, w->across, w->down, w->c.ic, v->in[1], v->in[2], w->c.oc, v->out[1],
         v->out[2], v->pad_begin[1], v->pad_begin[2], w->padded, w->v_plane, w->m_plane);
    recipe_value(r, site_in(s, 0));
    recipe_packed(r, 0, sizeof(float));
    push_end(s, r);
    recipe_workspace(r, 0, sizeof(float));
    groups(r, w->groups, 1);
}

/* Tiles of a group, so that about eight groups come on a compute unit. */
static int64_t run_of(const struct site *s, int64_t count, int64_t blocks) {
    int64_t runs = ceil_div(8 * compute_units(s), blocks);
    return ceil_div(count, runs);
}

static void lower_input(const struct site *s, struct recipe *r, const struct winograd *w,
                        int64_t first, int64_t count) {
    const struct window *v = &w->c.w;
    int64_t run = run_of(s, count, w->in_blocks);
    begin(s, r, "conv_winograd_input");
    define_tile(r, w);
    PUSH(r, first, count, run, w->across, w->down, w->c.ic, v->in[1], v->in[2], v->pad_begin[1],
         v->pad_begin[2], w->padded, w->v_plane);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    groups(r, ceil_div(count, run), w->in_blocks);
}

/* Four groups for each place: few enough to cost nothing, enough to end together. */
static void lower_multiply(const struct site *s, struct recipe *r, const struct winograd *w) {
    int64_t run = ceil_div(w->pairs, 4);
    begin(s, r, "conv_winograd_multiply");
    define_rows(r, w);
    PUSH(r, w->in_blocks, w->pairs, run, w->padded, w->v_plane, w->m_plane);
    recipe_workspace(r, 0, sizeof(float));
    recipe_packed(r, 0, sizeof(float));
    recipe_workspace(r, (size_t)(w->places * w->v_plane) * sizeof(float), sizeof(float));
    groups(r, ceil_div(w->pairs, run), w->places);
}

static void lower_output(const struct site *s, struct recipe *r, const struct winograd *w,
                         int64_t first, int64_t count) {
    int64_t run = run_of(s, count, w->out_blocks);
    begin(s, r, "conv_winograd_output");
    define_tile(r, w);
    define_end(s, r);
    PUSH(r, first, count, run, w->across, w->down, w->c.oc, w->c.w.out[1], w->c.w.out[2], w->padded,
         w->m_plane);
    recipe_workspace(r, (size_t)(w->places * w->v_plane) * sizeof(float), sizeof(float));
    push_end(s, r);
    groups(r, ceil_div(count, run), w->out_blocks);
}

static fovea_status lower(const struct site *s, struct recipe *r, int64_t tile) {
    struct winograd w = winograd_of(s, tile);
    lower_pack(s, r, &w);
    if (w.fused) {
        lower_fused(s, r, &w);
        return FOVEA_OK;
    }
    for (int64_t first = 0; first < w.tiles; first += w.chunk) {
        int64_t count = w.tiles - first < w.chunk ? w.tiles - first : w.chunk;
        lower_input(s, r, &w, first, count);
        lower_multiply(s, r, &w);
        lower_output(s, r, &w, first, count);
    }
    return FOVEA_OK;
}

/* ---- F(4x4, 3x3) and F(2x2, 3x3) ---- */

#define FORM(id, tile)                                                                             \
    static const char *id##_refuse(const struct site *s) {                                         \
        return refuse(s, tile);                                                                    \
    }                                                                                              \
    static double id##_estimate(const struct site *s) {                                            \
        return estimate(s, tile);                                                                  \
    }                                                                                              \
    static size_t id##_workspace(const struct site *s) {                                           \
        struct winograd w = winograd_of(s, tile);                                                  \
        return workspace_bytes(&w);                                                                \
    }                                                                                              \
    static size_t id##_packed(const struct site *s) {                                              \
        struct winograd w = winograd_of(s, tile);                                                  \
        return packed_bytes(&w);                                                                   \
    }                                                                                              \
    static fovea_status id##_lower(const struct site *s, struct recipe *r) {                       \
        return lower(s, r, tile);                                                                  \
    }                                                                                              \
    const struct algorithm id = {.name = #id,                                                      \
                                 .refuse = id##_refuse,                                            \
                                 .blocked = winograd_blocked,                                      \
                                 .tunables = winograd_tunables,                                    \
                                 .workspace = id##_workspace,                                      \
                                 .packed = id##_packed,                                            \
                                 .estimate = id##_estimate,                                        \
                                 .winograd = tile,                                                 \
                                 .inexact = true,                                                  \
                                 .lower = id##_lower};

FORM(conv_winograd_f4x3, 4)
FORM(conv_winograd_f2x3, 2)
