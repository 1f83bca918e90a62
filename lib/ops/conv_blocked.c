/* Convolution on channel blocks: cl_kernels/conv_strip.cl, and conv_blocked.cl, which can do more windows;
 * both with the weights that conv_pack.cl packs. */
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
 * the first: one that reads a weight for few pixels is slower. That of 28 pixels was measured; the others are
 * its likes. */
struct choice {
    struct tile tile;
    double speed;
};
static const struct choice wide[] = {{{14, 2}, 1}, {{28, 1}, 0.92}, {{14, 1}, 0.9}, {{0}, 0}};
static const struct choice narrow[] = {{{6, 2}, 1}, {{12, 1}, 0.9}, {{0}, 0}};

/* Vector operations for each input channel, those on the last pixels and blocks included that nobody
 * needs. */
static double tile_cost(const struct conv *c, int64_t blocks, const struct choice *o) {
    int64_t pixels = ceil_div(c->pixels, o->tile.pixels) * o->tile.pixels;
    return (double)(pixels * ceil_div(blocks, o->tile.blocks) * o->tile.blocks) / o->speed;
}

static struct tile tile_of(const struct site *s, const struct conv *c) {
    int64_t width = site_width(s), blocks = (c->oc + width - 1) / width;
    const struct choice *all = width == 16 ? wide : narrow, *best = all;
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
    int64_t runs;                   /* tiles of pixels of an image */
    int64_t weights, zeros, packed; /* elements of the packed weights; where the zeros begin; all */
};

static void measure(struct blocked *b) {
    b->icb = ceil_div(b->c.ic, b->width);
    b->ocb = ceil_div(b->c.oc, b->width);
    b->tiles = ceil_div(b->ocb, b->tile.blocks);
    int64_t items = b->c.groups * b->tiles, lanes = b->tile.blocks * b->width;
    b->weights = items * b->icb * b->c.taps * b->width * lanes;
    b->zeros = b->weights + items * lanes;
    b->packed = b->zeros + b->width + items * b->icb;
}

static struct blocked blocked_of(const struct site *s, int64_t phase) {
    struct blocked b = {.c = conv_phase_of(s, phase), .width = site_width(s)};
    b.tile = tile_of(s, &b.c);
    b.runs = ceil_div(b.c.pixels, b.tile.pixels);
    measure(&b);
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

/* Tiles of pixels of a work-item: little traffic, and enough work-items to keep all compute units busy to
 * the end. */
static int64_t chunk_of(const struct site *s, const struct blocked *b) {
    int64_t wanted = conv_groups(s, &b->c);
    int64_t runs = b->runs;
    int64_t best = ceil_div(wanted, b->c.groups * b->tiles * b->c.n);
    if (best > runs) best = runs;
    for (int64_t chunks = best; chunks <= runs; chunks *= 2)
        if (traffic(b, chunks) < traffic(b, best)) best = chunks;
    return ceil_div(runs, balanced(s, b, runs, best));
}

/* Operations of a phase at the share of the peak that its tile reaches: 0.65 with 6 pixels and more. */
static double padded_flops(const struct blocked *b) {
    double pixels = (double)(b->runs * b->tile.pixels);
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
    recipe_kernel(r, "conv_pack", "conv_pack");
    recipe_width(r, s);
    recipe_define(r, "Q", b->tile.blocks);
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

/* In a Conv the padding is data, and what is not finite in a weight shows; a ConvTranspose has none. */
static bool padding_is_data(const struct site *s) {
    return s->node->op == OP_Conv;
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
    recipe_int(r, chunk_of(s, b) * b->tile.pixels);
    recipe_int(r, chunks_first(b));
    recipe_int(r, site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_int(r, node_activation(s->node).kind);
    recipe_int(r, padding_is_data(s));
    recipe_ulong(r, (uint64_t)b->zeros);
}

/* The tensors, and a work-item for each tile of channels and chunk of pixels. */
static void push_end(const struct site *s, struct recipe *r, const struct blocked *b, size_t at) {
    struct activation a = node_activation(s->node);
    int64_t chunks = ceil_div(b->runs, chunk_of(s, b));
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

/* ---- conv_strip ---- */

/* Pixels of a strip that a tap finds outside: the kernel has a copy of its innermost loop for each. */
enum { CLIP_MAX = 2 };

static const struct tunable strip_tunables[] = {
    [TILE_PIXELS] = {"P", {4, 6, 7, 9, 12, 14, 28}}, /* at most */
    [TILE_BLOCKS] = {"Q", {1, 2, 3, 4}},
    {0},
};

/* The longest strip that fits the registers with 1, 2, ... channel blocks, and its speed as above: measured of
 * the wide ones. */
static const struct choice wide_strips[] = {
    {{28, 1}, 0.97}, {{14, 2}, 1}, {{9, 3}, 0.95}, {{7, 4}, 0.82}, {{0}, 0}};
/* With a stride: 3 % slower than the double, but rows of 7 pixels take them as well, and a program is spared. */
static const struct choice wide_strided[] = {
    {{14, 1}, 0.97}, {{7, 2}, 1}, {{5, 3}, 0.95}, {{4, 4}, 0.82}, {{0}, 0}};
static const struct choice narrow_strips[] = {
    {{12, 1}, 0.95}, {{6, 2}, 1}, {{4, 3}, 0.95}, {{0}, 0}};

/* The length of a row's strips with which least is made twice, the longest of such. One half as long as can be is
 * as fast, but it takes 8 sums to keep the processor's pipelines full. */
static int strip_pixels(int64_t row, struct tile most) {
    int64_t best = most.pixels < row ? most.pixels : row;
    int64_t least = most.pixels / 2 > 8 / most.blocks ? most.pixels / 2 : 8 / most.blocks;
    for (int64_t p = best; p >= least; p--)
        if (ceil_div(row, p) * p < ceil_div(row, best) * best) best = p;
    return (int)best;
}

static double strip_cost(const struct conv *c, int64_t blocks, const struct choice *o) {
    int64_t row = c->w.out[2], pixels = strip_pixels(row, o->tile);
    int64_t made = ceil_div(row, pixels) * pixels * ceil_div(blocks, o->tile.blocks);
    return (double)(made * o->tile.blocks) / o->speed;
}

static struct tile strip_tile_of(const struct site *s, const struct conv *c) {
    int64_t width = site_width(s), blocks = ceil_div(c->oc, width), row = c->w.out[2];
    const struct choice *all = width != 16           ? narrow_strips
                               : c->w.stride[2] == 1 ? wide_strips
                                                     : wide_strided;
    const struct choice *best = all;
    for (; all->tile.pixels; all++)
        if (strip_cost(c, blocks, all) < strip_cost(c, blocks, best)) best = all;
    struct tile t = {.pixels = site_tuned(s, TILE_PIXELS, best->tile.pixels),
                     .blocks = site_tuned(s, TILE_BLOCKS, best->tile.blocks)};
    t.pixels = strip_pixels(row, t);
    return t;
}

/* Pixels by channels: all pixels are one row. */
static void one_row(struct conv *c) {
    c->w.in[2] *= c->w.in[1];
    c->w.out[2] *= c->w.out[1];
    c->w.in[1] = c->w.out[1] = 1;
}

static struct blocked strip_of(const struct site *s) {
    struct blocked b = {.c = conv_of(s), .width = site_width(s)};
    if (conv_is_pointwise(&b.c)) one_row(&b.c);
    b.tile = strip_tile_of(s, &b.c);
    b.runs = b.c.w.out[1] * ceil_div(b.c.w.out[2], b.tile.pixels);
    measure(&b);
    return b;
}

/* Pixels of the strip from `first` on that tap j finds before the row's begin, or past its end. */
static int64_t clipped(const struct blocked *b, int64_t first, int64_t j, bool at_end) {
    const struct window *w = &b->c.w;
    int64_t stride = w->stride[2], column = first * stride - w->pad_begin[2] + j * w->dilation[2];
    int64_t past = column + (b->tile.pixels - 1) * stride - w->in[2] + 1;
    int64_t outside = at_end ? past : -column;
    return outside > 0 ? ceil_div(outside, stride) : 0;
}

/* The most that a tap clips of a strip on one side; more than any strip has if one clips on both. */
static int64_t most_clipped(const struct blocked *b) {
    int64_t most = 0, last = b->c.w.out[2] - b->tile.pixels;
    for (int64_t next = 0; next < b->c.w.out[2]; next += b->tile.pixels)
        for (int64_t j = 0; j < b->c.w.kernel[2]; j++) {
            int64_t first = next < last ? next : last;
            int64_t left = clipped(b, first, j, false), right = clipped(b, first, j, true);
            if (left && right) return INT64_MAX;
            if (left > most) most = left;
            if (right > most) most = right;
        }
    return most;
}

static const char *conv_strip_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    if (c.w.kernel[0] != 1 || c.w.in[0] != 1 || c.whole[0] != 1) return "a depth is convolved";
    if (c.groups > 1 && (c.ic % site_width(s) || c.oc % site_width(s)))
        return "the channels of a group must be a multiple of the vector width";
    if (conv_refuse_phases(&c)) return conv_refuse_phases(&c);
    struct blocked b = strip_of(s);
    return most_clipped(&b) > CLIP_MAX ? "more than 2 pixels of a strip are padding" : NULL;
}

/* Taps of the rows that lie inside, and of the pixels of a strip. */
static double strip_flops(const struct blocked *b) {
    const struct window *w = &b->c.w;
    int64_t rows = 0, taps = 0;
    for (int64_t h = 0; h < w->out[1]; h++)
        for (int64_t i = 0; i < w->kernel[1]; i++) {
            int64_t row = h * w->stride[1] - w->pad_begin[1] + i * w->dilation[1];
            rows += row >= 0 && row < w->in[1];
        }
    for (int64_t first = 0; first < w->out[2]; first += b->tile.pixels)
        for (int64_t j = 0; j < w->kernel[2]; j++)
            taps += b->tile.pixels - clipped(b, first, j, false);
    double channels = (double)(b->tiles * b->tile.blocks * b->width);
    return 2 * (double)(b->c.n * b->c.groups) * (double)rows * (double)taps * channels *
           (double)(b->icb * b->width);
}

static double conv_strip_estimate(const struct site *s) {
    struct blocked b = strip_of(s);
    double share = b.tile.pixels * b.tile.blocks >= 7 ? 0.65 : 0.4;
    return conv_seconds(s, strip_flops(&b), s->device->local_memory_is_real ? 0.01 : share, 1);
}

static size_t conv_strip_packed(const struct site *s) {
    return (size_t)strip_of(s).packed * sizeof(float);
}

static fovea_status conv_strip_lower(const struct site *s, struct recipe *r) {
    struct blocked b = strip_of(s);
    const struct window *w = &b.c.w;
    lower_pack(s, r, &b, 0);
    recipe_kernel(r, "conv_strip", "conv_strip");
    push_defines(s, r, &b);
    recipe_define(r, "S", w->stride[2]);
    recipe_define(r, "CLIP",
                  most_clipped(&b) > 1 ? CLIP_MAX : 1); /* few programs: the first run is short */
    recipe_int(r, b.c.groups);
    recipe_int(r, b.icb);
    for (int i = 1; i < 3; i++) recipe_int(r, w->in[i]);
    recipe_int(r, b.ocb);
    for (int i = 1; i < 3; i++) recipe_int(r, w->out[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->kernel[i]);
    recipe_int(r, w->stride[1]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->dilation[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->pad_begin[i]);
    recipe_int(r, chunk_of(s, &b));
    recipe_int(r, chunks_first(&b));
    recipe_int(r, site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_int(r, node_activation(s->node).kind);
    recipe_int(r, padding_is_data(s));
    recipe_ulong(r, (uint64_t)b.zeros);
    push_end(s, r, &b, 0);
    return FOVEA_OK;
}

const struct algorithm conv_strip = {.name = "conv_strip",
                                     .refuse = conv_strip_refuse,
                                     .blocked = conv_blocked_blocked,
                                     .tunables = strip_tunables,
                                     .packed = conv_strip_packed,
                                     .estimate = conv_strip_estimate,
                                     .lower = conv_strip_lower};
