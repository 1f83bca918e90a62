/* The gradient of a convolution's weights from channel blocks: cl_kernels/conv_grad_weights_blocked.cl. */
#include <math.h>

#include "ops/conv_grad.h"
#include "ops/gemm.h"

enum {
    TURNS_MAX = 65535, /* some runtimes end all loops of a work-item after so many turns */
    TAPS_MAX = 16,     /* of a row of the window */
    CHUNK_PIXELS =
        192, /* of dy that a tile goes through at a time: in a first-level cache with x */
    SEGMENT_PIXELS = 256, /* of a line */
    SLICE_BYTES =
        192 << 10, /* of sums that a work-item holds: in a second-level cache with the lines */
    ITEMS_PER_UNIT = 16,
    CHANNELS_MAX =
        7, /* of a first layer, whose rows are copied with the channels of a pixel together */
};

struct blocked {
    struct conv c;
    struct conv_rows rows; /* shallow: x as the kernel reads it */
    bool shallow;
    int64_t width, channels, wide; /* lanes; register tile: channels by blocks of output channels */
    int64_t ic, taps, kw;          /* as the kernel counts them */
    int64_t ocb, tiles, channel_tiles;
    int64_t each, items, segment, chunk, lines, lines_each, parts;
};

/* Channels of the tile, so that few are past the end: C * 2 sums, 2 vectors and a number in 16 registers,
 * or in 32 where vectors have 16 lanes. */
static int64_t channels_of_tile(int64_t ic, int64_t width) {
    static const int64_t narrow[] = {6, 5, 4, 0}, many[] = {14, 12, 9, 6, 5, 4, 0};
    int64_t best = 4;
    double least = INFINITY;
    for (const int64_t *c = width == 16 ? many : narrow; *c; c++) {
        double cost = (double)ceil_div(ic, *c) * ((double)*c + 0.5);
        if (cost < least) least = cost, best = *c;
    }
    return best;
}

/* Pixels of the output as lines: a 1x1 window without padding has one long row an image. */
static void cut_lines(struct blocked *b) {
    struct window *w = &b->c.w;
    bool one = b->taps == 1 && !b->shallow;
    for (int i = 1; i < 3; i++)
        one = one && w->stride[i] == 1 && !w->pad_begin[i] && w->in[i] == w->out[i];
    if (one) {
        w->in[2] = w->out[2] = b->c.pixels;
        w->in[1] = w->out[1] = 1;
    }
    int64_t segments = ceil_div(w->out[2], SEGMENT_PIXELS);
    b->segment = ceil_div(w->out[2], segments);
    b->lines = w->out[1] * segments;
    b->chunk = ceil_div(CHUNK_PIXELS, b->segment);
}

/* Turns of a work-item's loops: of each launch's, the more. */
static double turns(const struct blocked *b) {
    double tiles = (double)(b->channel_tiles * b->each * b->taps);
    double lines = (double)b->lines_each * (double)(b->segment + 2);
    double sums = (double)(b->taps * b->channels * b->wide);
    double finish = sums * (double)(b->parts + b->width + 1);
    return fmax(tiles * (lines + 2 * ceil((double)b->lines_each / (double)b->chunk)), finish);
}

/* Tiles, then lines, so that all units are busy to the end and sums stay in a cache. */
static void share_out(const struct site *s, struct blocked *b, int64_t most) {
    int64_t units = s->device->compute_units > 0 ? s->device->compute_units : 1;
    int64_t tile_bytes =
        b->channel_tiles * b->taps * b->channels * b->wide * b->width * (int64_t)sizeof(float);
    b->each = SLICE_BYTES / tile_bytes < 1 ? 1 : SLICE_BYTES / tile_bytes;
    if (b->each > b->tiles) b->each = b->tiles;
    if (b->each > most) b->each = most;
    b->items = ceil_div(b->tiles, b->each) * b->c.groups;
    int64_t all = b->c.n * b->lines, parts = ceil_div(ITEMS_PER_UNIT * units, b->items);
    if (parts > ceil_div(all, b->chunk)) parts = ceil_div(all, b->chunk);
    b->lines_each = ceil_div(all, parts);
    b->parts = ceil_div(all, b->lines_each);
}

static struct blocked blocked_of(const struct site *s, bool shallow) {
    struct blocked b = {.c = conv_grad_of(s), .width = site_width(s), .shallow = shallow};
    b.ocb = ceil_div(b.c.oc, b.width);
    b.kw = shallow ? 1 : b.c.w.kernel[2];
    b.ic = shallow ? b.c.ic * b.c.w.kernel[2] : b.c.ic;
    b.taps = b.c.w.kernel[1] * b.kw;
    b.channels = channels_of_tile(b.ic, b.width);
    b.wide = b.ocb > 1 ? 2 : 1;
    b.tiles = ceil_div(b.ocb, b.wide);
    b.channel_tiles = ceil_div(b.ic, b.channels);
    if (shallow) b.rows = conv_rows_of(&b.c);
    cut_lines(&b);
    share_out(s, &b, INT64_MAX);
    if (gemm_items_are_lanes(s) && turns(&b) > TURNS_MAX) share_out(s, &b, 1);
    return b;
}

static const char *refuse_any(const struct site *s, bool shallow) {
    struct conv c = conv_grad_of(s);
    if (c.w.kernel[0] != 1 || c.w.in[0] != 1 || c.w.out[0] != 1) return "a depth is convolved";
    if (c.w.kernel[2] > TAPS_MAX) return "the window is wider than 16 taps";
    struct blocked b = blocked_of(s, shallow);
    if (gemm_items_are_lanes(s) && turns(&b) > TURNS_MAX)
        return "a work-item would loop more than 65535 times";
    return conv_refuse_span(&c);
}

static const char *blocked_refuse(const struct site *s) {
    struct conv c = conv_grad_of(s);
    int width = site_width(s);
    if (c.groups > 1 && (c.ic % width || c.oc % width))
        return "the channels of a group must be a multiple of the vector width";
    return refuse_any(s, false);
}

static const char *shallow_refuse(const struct site *s) {
    struct conv c = conv_grad_of(s);
    if (c.groups != 1) return "there must be one group";
    if (c.ic > CHANNELS_MAX) return "there are more than 7 input channels";
    if (c.w.dilation[1] != 1 || c.w.dilation[2] != 1) return "the window must not be dilated";
    return refuse_any(s, true);
}

static uint32_t blocked_layouts(const struct site *s) {
    (void)s;
    return 3; /* x and grad_y */
}

static uint32_t shallow_layouts(const struct site *s) {
    (void)s;
    return 2; /* grad_y */
}

/* The rows of x, then the sums. */
static size_t workspace(const struct blocked *b) {
    int64_t sums = b->parts * b->c.groups * b->tiles * b->channel_tiles * b->taps * b->channels *
                   b->wide * b->width;
    return b->rows.bytes + (size_t)sums * sizeof(float);
}

static double estimate(const struct site *s, const struct blocked *b) {
    double share = s->device->local_memory_is_real ? 0.01 : 0.6;
    double sums = (double)(b->c.groups * b->tiles * b->channel_tiles * b->taps) *
                  (double)(b->channels * b->wide * b->width);
    double flops = 2 * sums * (double)(b->c.n * b->c.pixels);
    double finish = sums * sizeof(float) * (double)(b->parts + 3) / s->device->bytes_per_second;
    return conv_seconds(s, flops, share, b->shallow ? 3 : 2) + finish;
}

static void begin(const struct site *s, struct recipe *r, const struct blocked *b,
                  const char *function) {
    recipe_kernel(r, "conv_grad_weights_blocked", function);
    recipe_width(r, s);
    recipe_define(r, "C", b->channels);
    recipe_define(r, "Q", b->wide);
    recipe_define(r, "TAPS", TAPS_MAX);
}

/* How x lies: see the kernel. */
static void push_x(struct recipe *r, const struct blocked *b) {
    int64_t size = b->shallow ? b->c.ic : b->width;
    int64_t height = b->shallow ? b->rows.height : b->c.w.in[1];
    int64_t columns = b->shallow ? b->rows.columns : b->c.w.in[2];
    recipe_int(r, b->ic);
    recipe_int(r, b->shallow ? b->ic : b->width);
    recipe_int(r, size);
    recipe_int(r, height * columns * size);
    recipe_int(r, b->shallow ? 1 : ceil_div(b->ic, b->width));
    recipe_int(r, height);
    recipe_int(r, columns);
}

static void push_window(struct recipe *r, const struct blocked *b) {
    const struct window *w = &b->c.w;
    recipe_int(r, b->ocb);
    recipe_int(r, w->out[1]);
    recipe_int(r, w->out[2]);
    recipe_int(r, w->kernel[1]);
    recipe_int(r, b->kw);
    for (int i = 1; i < 3; i++) recipe_int(r, w->stride[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->dilation[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, b->shallow ? 0 : w->pad_begin[i]);
}

static void lower_finish(const struct site *s, struct recipe *r, const struct blocked *b) {
    begin(s, r, b, "conv_grad_weights_blocked_finish");
    recipe_int(r, b->parts);
    recipe_int(r, b->c.groups);
    recipe_int(r, b->ic);
    recipe_int(r, b->c.oc);
    recipe_int(r, b->taps);
    recipe_int(r, b->shallow ? b->c.ic : 0);
    recipe_workspace(r, b->rows.bytes, sizeof(float));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)b->channel_tiles, (size_t)(b->tiles * b->c.groups), 0);
    recipe_local(r, 1, 1, 1);
}

static fovea_status lower(const struct site *s, struct recipe *r, const struct blocked *b) {
    if (b->rows.bytes) conv_rows_lower(s, r, &b->c, &b->rows);
    begin(s, r, b, "conv_grad_weights_blocked");
    recipe_int(r, b->c.n);
    recipe_int(r, b->c.groups);
    push_x(r, b);
    push_window(r, b);
    recipe_int(r, b->each);
    recipe_int(r, b->segment);
    recipe_int(r, b->chunk);
    recipe_int(r, b->lines_each);
    if (b->rows.bytes) recipe_workspace(r, 0, sizeof(float));
    else recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, b->rows.bytes, sizeof(float));
    recipe_global(r, (size_t)b->items, (size_t)b->parts, 0);
    recipe_local(r, 1, 1, 1);
    lower_finish(s, r, b);
    return FOVEA_OK;
}

#define FORM(id, is_shallow)                                                                       \
    static size_t id##_workspace(const struct site *s) {                                           \
        struct blocked b = blocked_of(s, is_shallow);                                              \
        return workspace(&b);                                                                      \
    }                                                                                              \
    static double id##_estimate(const struct site *s) {                                            \
        struct blocked b = blocked_of(s, is_shallow);                                              \
        return estimate(s, &b);                                                                    \
    }                                                                                              \
    static fovea_status id##_lower(const struct site *s, struct recipe *r) {                       \
        struct blocked b = blocked_of(s, is_shallow);                                              \
        return lower(s, r, &b);                                                                    \
    }                                                                                              \
    const struct algorithm conv_grad_weights_##id = {.name = "conv_grad_weights_" #id,             \
                                                     .refuse = id##_refuse,                        \
                                                     .blocked = id##_layouts,                      \
                                                     .workspace = id##_workspace,                  \
                                                     .estimate = id##_estimate,                    \
                                                     .lower = id##_lower};

FORM(blocked, false)
FORM(shallow, true)
