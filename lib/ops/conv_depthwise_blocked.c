/* Depthwise convolution of channel-blocked values. */
#include "ops/blocked.h"
#include "ops/conv.h"

enum {
    TAPS_WIDE = 7,
    COLUMNS = 64,      /* of one tile; each is unrolled */
    TURNS_MAX = 65535, /* some runtimes end all loops of a work-item after so many turns */
};

/* Neighbouring outputs done together: few different numbers, as each is a program of its own; what
 * divides the usual widths of maps first. */
static int64_t tile_pixels(const struct conv *c) {
    int64_t ow = c->w.out[2];
    return ow % 7 == 0 ? 7 : ow % 8 == 0 ? 8 : ow < 7 ? ow : 7;
}

static const char *depthwise_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    int64_t extent = (c.w.kernel[2] - 1) * c.w.dilation[2] + 1;
    if (c.ic != 1 || c.oc != 1) return "a group must have one input and one output channel";
    if (c.w.rank > 2) return "more than two spatial axes";
    if (c.w.kernel[2] > TAPS_WIDE) return "the filter is wider than 7 taps";
    if (c.w.stride[2] > COLUMNS || extent > COLUMNS ||
        (tile_pixels(&c) - 1) * c.w.stride[2] + extent > COLUMNS)
        return "a tile spans more than 64 input columns";
    const char *why = blocked_refuse_rank(s);
    return why ? why : conv_refuse_phases(&c);
}

static uint32_t depthwise_blocked(const struct site *s) {
    return 1 | (site_in(s, 3) != FOVEA_NO_VALUE ? 8 : 0) | BLOCKED_OUT;
}

static double depthwise_estimate(const struct site *s) {
    struct conv c = conv_of(s);
    double pixels = (double)tile_pixels(&c), tiles = (double)c.w.out[2] / pixels;
    double whole = tiles > (double)(int64_t)tiles ? (double)(int64_t)tiles + 1 : tiles;
    double channels = (double)blocked_planes(s, site_in(s, 0)) * site_width(s);
    double flops = 2 * channels * (double)c.w.out[1] * whole * pixels * (double)c.taps;
    return conv_seconds(s, flops, s->device->local_memory_is_real ? 0.01 : 0.35, 1);
}

/* Elements of a packed block: its taps and its bias. */
static int64_t packed_block(const struct site *s, const struct conv *c) {
    return (c->taps + 1) * site_width(s);
}

static size_t depthwise_packed(const struct site *s) {
    struct conv c = conv_of(s);
    return (size_t)(site_channel_blocks(s, site_in(s, 0)) * packed_block(s, &c)) * sizeof(float);
}

/* The same defines for both kernels: one program. */
static void start(const struct site *s, struct recipe *r, const char *function,
                  const struct conv *c) {
    recipe_kernel(r, "conv_depthwise_blocked", function);
    conv_push_window(r, &c->w);
    recipe_define(r, "PIXELS", tile_pixels(c));
    recipe_define(r, "HAS_BIAS", site_in(s, 2) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_RESIDUAL", site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_define(r, "ACTIVATION", node_activation(s->node).kind);
}

static fovea_status depthwise_lower(const struct site *s, struct recipe *r) {
    struct conv c = conv_of(s);
    struct activation a = node_activation(s->node);
    int64_t blocks = site_channel_blocks(s, site_in(s, 0));
    start(s, r, "conv_depthwise_blocked_pack", &c);
    blocked_launch(s, r, blocks);
    recipe_int(r, c.groups);
    recipe_int(r, c.weights.column);
    conv_push_weights(s, r, &c);
    recipe_value(r, site_in(s, 2));
    recipe_packed(r, 0, sizeof(float));
    recipe_once(r);
    start(s, r, "conv_depthwise_blocked", &c);
    int64_t turns = 1 + ceil_div(c.w.out[2], tile_pixels(&c)) * (c.w.kernel[1] + 1); /* of a row */
    blocked_launch_most(s, r, c.n * blocks * c.w.out[1], TURNS_MAX / turns);
    recipe_int(r, blocks);
    for (int i = 1; i < 3; i++) recipe_int(r, c.w.in[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, c.w.out[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, c.w.pad_begin[i]);
    recipe_value(r, site_in(s, 0));
    recipe_packed(r, 0, sizeof(float));
    recipe_value(r, site_in(s, 3));
    recipe_float(r, a.alpha);
    recipe_float(r, a.beta);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

const struct algorithm conv_depthwise_blocked = {
    .name = "conv_depthwise_blocked",
    .refuse = depthwise_refuse,
    .blocked = depthwise_blocked,
    .packed = depthwise_packed,
    .estimate = depthwise_estimate,
    .lower = depthwise_lower,
};
