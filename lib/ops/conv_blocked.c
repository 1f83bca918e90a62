/* Convolution on channel blocks: cl_kernels/conv_blocked.cl, and conv_pointwise.cl for 1x1. */
#include "ops/conv.h"

enum {
    CACHE_BYTES = 384 << 10, /* of an input that stays near a core */
    TAPS_MAX = 64,           /* of a window: the kernel keeps a bit for each */
    PHASES_MAX = 64,         /* of a transposed convolution: a launch for each */
};

enum { TILE_PIXELS, TILE_BLOCKS };
static const struct tunable tunables[] = {
    [TILE_PIXELS] = {"P", {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 28}},
    [TILE_BLOCKS] = {"Q", {1, 2, 3, 4}},
    {0},
};

/* A tile of pixels by channel blocks whose sums are vector registers. */
struct tile {
    int pixels, blocks;
};

/* Tiles that fill the registers (32 of them where vectors have 16 lanes, else 16), and their speed against
 * the first: one that reads a weight for few pixels is slower, above all where pixels are found by pointers.
 * Those with 28 pixels or 4 blocks were measured; the others are their likes. */
struct choice {
    struct tile tile;
    double speed;
};
static const struct choice wide[] = {{{14, 2}, 1}, {{28, 1}, 0.92}, {{14, 1}, 0.9}, {{0}, 0}};
static const struct choice wide_1x1[] = {
    {{14, 2}, 1}, {{28, 1}, 0.98}, {{7, 4}, 0.95}, {{14, 1}, 0.95}, {{0}, 0}};
static const struct choice narrow[] = {{{6, 2}, 1}, {{12, 1}, 0.9}, {{0}, 0}};

/* Vector operations for each input channel, those on the last pixels and blocks included that nobody
 * needs. */
static double tile_cost(const struct conv *c, int64_t blocks, const struct choice *o) {
    int64_t pixels = ceil_div(c->pixels, o->tile.pixels) * o->tile.pixels;
    return (double)(pixels * ceil_div(blocks, o->tile.blocks) * o->tile.blocks) / o->speed;
}

static struct tile tile_of(const struct site *s, const struct conv *c) {
    int64_t width = site_width(s), blocks = (c->oc + width - 1) / width;
    const struct choice *all = width != 16 ? narrow : c->taps == 1 ? wide_1x1 : wide, *best = all;
    for (; all->tile.pixels; all++)
        if (tile_cost(c, blocks, all) < tile_cost(c, blocks, best)) best = all;
    struct tile t = best->tile;
    if (c->pixels < t.pixels) t.pixels = c->pixels >= 4 ? 4 : c->pixels >= 2 ? 2 : 1;
    t.pixels = site_tuned(s, TILE_PIXELS, t.pixels);
    t.blocks = site_tuned(s, TILE_BLOCKS, t.blocks);
    return t;
}

struct blocked {
    struct conv c;
    struct tile tile;
    int64_t width, icb, ocb, tiles; /* of one group */
    int64_t weights, zeros, packed; /* elements of the packed weights; where the zeros begin; all */
};

static struct blocked blocked_of(const struct site *s, int64_t phase) {
    struct blocked b = {.c = conv_phase_of(s, phase), .width = site_width(s)};
    b.tile = tile_of(s, &b.c);
    b.icb = ceil_div(b.c.ic, b.width);
    b.ocb = ceil_div(b.c.oc, b.width);
    b.tiles = ceil_div(b.ocb, b.tile.blocks);
    int64_t lanes = b.tile.blocks * b.width;
    b.weights = b.c.groups * b.tiles * b.icb * b.c.taps * b.width * lanes;
    b.zeros = b.weights + b.c.groups * b.tiles * lanes;
    b.packed = b.zeros + b.width;
    return b;
}

static uint32_t conv_blocked_blocked(const struct site *s) {
    return 1u | (site_in(s, 3) != FOVEA_NO_VALUE ? 1u << 3 : 0) | BLOCKED_OUT;
}

static const char *conv_blocked_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    int width = site_width(s);
    if (c.w.kernel[0] != 1 || c.w.in[0] != 1 || c.whole[0] != 1) return "a depth is convolved";
    if (c.phases > PHASES_MAX) return "the strides have more than 64 phases";
    if (c.groups > 1 && (c.ic % width || c.oc % width))
        return "the channels of a group must be a multiple of the vector width";
    for (int64_t i = 0; i < c.phases; i++) {
        struct conv phase = conv_phase_of(s, i);
        if (phase.taps > TAPS_MAX) return "the window has more than 64 taps";
        if (!phase.fits) return conv_refuse_span(&phase);
    }
    return NULL;
}

/* Bytes read when the pixels are cut into chunks: every chunk reads all weights; every tile of output
 * channels reads the chunk's input, from the second-level cache if it fits there. */
static double traffic(const struct blocked *b, int64_t chunks) {
    double input = (double)(b->icb * b->width * b->c.plane) * sizeof(float) * (double)b->c.groups;
    double weights = (double)b->weights * sizeof(float);
    bool fits = input / (double)(chunks * b->c.groups) <= CACHE_BYTES;
    return (double)chunks * weights + (fits ? 1 : (double)b->tiles) * input;
}

/* Whether neighbouring work-items do the chunks of one tile, and not the tiles of one chunk: what they then
 * share and keep in the cache are the weights, where those are the larger part. A 1x1 window gains from it
 * only where they are larger than the cache as well. */
static bool chunks_first(const struct blocked *b) {
    enum { LARGE = (2 << 20) / sizeof(float) };
    int64_t input = b->c.groups * b->icb * b->width * b->c.plane;
    return b->weights > input && (b->c.taps > 1 || b->weights > LARGE);
}

/* As many chunks as asked for or somewhat more, so that the compute units have equal shares. */
static int64_t balanced(const struct site *s, const struct blocked *b, int64_t runs,
                        int64_t wanted) {
    int64_t items = b->c.groups * b->tiles * b->c.n, best = wanted, least = INT64_MAX;
    for (int64_t chunks = wanted; chunks <= runs && chunks <= 4 * wanted; chunks++) {
        int64_t each = ceil_div(runs, chunks), units = s->device->compute_units;
        int64_t longest = ceil_div(items * ceil_div(runs, each), units > 0 ? units : 1) * each;
        if (longest < least) best = chunks, least = longest;
    }
    return best;
}

/* Output pixels of a work-item: little traffic, and enough work-items to keep all compute units busy to
 * the end. */
static int64_t chunk_of(const struct site *s, const struct blocked *b) {
    int64_t wanted = conv_groups(s, &b->c);
    int64_t runs = ceil_div(b->c.pixels, b->tile.pixels);
    int64_t best = ceil_div(wanted, b->c.groups * b->tiles * b->c.n);
    if (best > runs) best = runs;
    for (int64_t chunks = best; chunks <= runs; chunks *= 2)
        if (traffic(b, chunks) < traffic(b, best)) best = chunks;
    return ceil_div(runs, balanced(s, b, runs, best)) * b->tile.pixels;
}

/* Operations of a phase at the share of the peak that its tile reaches: 0.65 with 6 pixels and more. */
static double padded_flops(const struct blocked *b) {
    double pixels = (double)ceil_div(b->c.pixels, b->tile.pixels) * b->tile.pixels;
    double channels = (double)(b->tiles * b->tile.blocks * b->width);
    return 2 * (double)(b->c.n * b->c.groups) * pixels * channels *
           (double)(b->icb * b->width * b->c.taps) * (b->tile.pixels >= 6 ? 1 : 2);
}

static double conv_blocked_estimate(const struct site *s) {
    struct blocked b = blocked_of(s, 0);
    double flops = padded_flops(&b);
    for (int64_t i = 1; i < b.c.phases; i++) {
        struct blocked phase = blocked_of(s, i);
        flops += padded_flops(&phase);
    }
    return conv_seconds(s, flops, s->device->local_memory_is_real ? 0.01 : 0.65,
                        (double)b.c.phases);
}

static size_t conv_blocked_packed(const struct site *s) {
    struct blocked b = blocked_of(s, 0);
    int64_t elements = b.packed;
    for (int64_t i = 1; i < b.c.phases; i++) elements += blocked_of(s, i).packed;
    return (size_t)elements * sizeof(float);
}

static void push_defines(const struct site *s, struct recipe *r, const struct blocked *b) {
    recipe_width(r, s);
    recipe_define(r, "P", b->tile.pixels);
    recipe_define(r, "Q", b->tile.blocks);
}

/* `at`: bytes of packed memory before those of the phase. */
static void lower_pack(const struct site *s, struct recipe *r, const struct blocked *b, size_t at) {
    recipe_kernel(r, "conv_blocked", "conv_blocked_pack");
    push_defines(s, r, b);
    recipe_int(r, b->c.groups);
    recipe_int(r, b->c.ic);
    recipe_int(r, b->c.oc);
    recipe_int(r, b->c.w.kernel[1]);
    recipe_int(r, b->c.w.kernel[2]);
    recipe_int(r, b->c.weights.group);
    conv_push_weight_steps(r, &b->c);
    recipe_int(r, site_in(s, 2) != FOVEA_NO_VALUE);
    recipe_ulong(r, (uint64_t)b->zeros);
    conv_push_weights(s, r, &b->c);
    recipe_value(r, site_in(s, 2));
    recipe_packed(r, at, sizeof(float));
    recipe_global(r, (size_t)b->icb, (size_t)(b->tiles * b->c.groups), 0);
    recipe_local(r, 1, 1, 1);
    recipe_once(r);
}

static void push_sizes(const struct site *s, struct recipe *r, const struct blocked *b) {
    const struct window *w = &b->c.w;
    recipe_int(r, b->c.groups);
    recipe_int(r, b->icb);
    recipe_int(r, w->in[1]);
    recipe_int(r, w->in[2]);
    recipe_int(r, b->ocb);
    recipe_int(r, w->out[1]);
    recipe_int(r, w->out[2]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->kernel[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->stride[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->dilation[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->pad_begin[i]);
    recipe_int(r, b->c.whole[1] * b->c.whole[2]);
    recipe_int(r, b->c.first[1] * b->c.whole[2] + b->c.first[2]);
    recipe_int(r, b->c.step[1] * b->c.whole[2]);
    recipe_int(r, b->c.step[2]);
    recipe_int(r, chunk_of(s, b));
    recipe_int(r, chunks_first(b));
    recipe_int(r, site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_int(r, node_activation(s->node).kind);
    /* In a Conv the padding is data, and what is not finite in a weight shows; a ConvTranspose has none. */
    recipe_ulong(r, s->node->op == OP_Conv ? UINT64_MAX : 0);
    recipe_ulong(r, (uint64_t)b->zeros);
}

/* The tensors, and a work-item for each tile of channels and chunk of pixels. */
static void push_end(const struct site *s, struct recipe *r, const struct blocked *b, size_t at) {
    struct activation a = node_activation(s->node);
    int64_t chunks = ceil_div(b->c.pixels, chunk_of(s, b));
    recipe_value(r, site_in(s, 0));
    recipe_packed(r, at, sizeof(float));
    recipe_value(r, site_in(s, 3));
    recipe_float(r, a.alpha);
    recipe_float(r, a.beta);
    recipe_value(r, site_out(s, 0));
    size_t tiles = (size_t)(b->tiles * b->c.groups), parts = (size_t)chunks;
    bool first = chunks_first(b);
    recipe_global(r, first ? parts : tiles, first ? tiles : parts, (size_t)b->c.n);
    recipe_local(r, 1, 1, 1);
}

static fovea_status conv_blocked_lower(const struct site *s, struct recipe *r) {
    int64_t phases = conv_of(s).phases;
    size_t at = 0;
    for (int64_t i = 0; i < phases; i++) {
        struct blocked b = blocked_of(s, i);
        lower_pack(s, r, &b, at);
        at += (size_t)b.packed * sizeof(float);
    }
    at = 0;
    for (int64_t i = 0; i < phases; i++) {
        struct blocked b = blocked_of(s, i);
        recipe_kernel(r, "conv_blocked", "conv_blocked");
        push_defines(s, r, &b);
        push_sizes(s, r, &b);
        push_end(s, r, &b, at);
        at += (size_t)b.packed * sizeof(float);
    }
    return FOVEA_OK;
}

const struct algorithm conv_blocked = {.name = "conv_blocked",
                                       .refuse = conv_blocked_refuse,
                                       .blocked = conv_blocked_blocked,
                                       .tunables = tunables,
                                       .packed = conv_blocked_packed,
                                       .estimate = conv_blocked_estimate,
                                       .lower = conv_blocked_lower};

/* ---- conv_pointwise ---- */

static const char *conv_pointwise_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    for (int i = 0; i < 3; i++)
        if (c.w.kernel[i] != 1 || c.w.pad_begin[i] || c.w.pad_end[i])
            return "the window must be 1x1, without padding";
    if (c.w.in[0] != 1 || c.whole[0] != 1) return "a depth is convolved";
    if (c.groups > 1 && (c.ic % site_width(s) || c.oc % site_width(s)))
        return "the channels of a group must be a multiple of the vector width";
    return conv_refuse_phases(&c);
}

/* Like conv_blocked, without the work that finds pixels. */
static double conv_pointwise_estimate(const struct site *s) {
    return conv_blocked_estimate(s) * 0.95;
}

static fovea_status conv_pointwise_lower(const struct site *s, struct recipe *r) {
    struct blocked b = blocked_of(s, 0);
    bool strides = b.c.w.stride[1] != 1 || b.c.w.stride[2] != 1;
    lower_pack(s, r, &b, 0);
    recipe_kernel(r, "conv_pointwise", "conv_pointwise");
    push_defines(s, r, &b);
    recipe_int(r, b.c.groups);
    recipe_int(r, b.icb);
    recipe_int(r, b.c.plane);
    recipe_int(r, b.c.w.in[2]);
    recipe_int(r, b.ocb);
    recipe_int(r, b.c.pixels);
    recipe_int(r, strides ? b.c.w.out[2] : b.c.pixels);
    recipe_int(r, b.c.w.stride[1]);
    recipe_int(r, b.c.w.stride[2]);
    recipe_int(r, chunk_of(s, &b));
    recipe_int(r, chunks_first(&b));
    recipe_int(r, site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_int(r, node_activation(s->node).kind);
    recipe_ulong(r, (uint64_t)b.zeros);
    push_end(s, r, &b, 0);
    return FOVEA_OK;
}

const struct algorithm conv_pointwise = {.name = "conv_pointwise",
                                         .refuse = conv_pointwise_refuse,
                                         .blocked = conv_blocked_blocked,
                                         .tunables = tunables,
                                         .packed = conv_blocked_packed,
                                         .estimate = conv_pointwise_estimate,
                                         .lower = conv_pointwise_lower};
