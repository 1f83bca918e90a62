/* Depthwise transposed convolution of channel-blocked values: cl_kernels/conv_transpose_depthwise_blocked.cl. It is also
 * the gradient of a strided depthwise convolution's input. */
#include "ops/blocked.h"
#include "ops/conv.h"

enum {
    TAPS_WIDE = 7,
    TAPS_MAX = 64,     /* of a filter: a work-item keeps those of a block */
    PIXELS = 8,        /* of a tile: with a row of the filter they fill 16 registers */
    COLUMNS = 64,      /* of the input that meet a tile; each is unrolled */
    TURNS_MAX = 65535, /* some runtimes end all loops of a work-item after so many turns */
};

struct depthwise {
    struct conv c;
    int64_t pixels, place, shift; /* as the kernel's header says */
};

static struct depthwise depthwise_of(const struct site *s) {
    struct depthwise d = {.c = conv_transposed_of(s)};
    int64_t stride = d.c.w.stride[2], wide = d.c.w.out[2] < PIXELS ? d.c.w.out[2] : PIXELS;
    d.pixels = d.c.w.out[2] < PIXELS ? ceil_div(wide, stride) * stride
               : stride < PIXELS     ? PIXELS / stride * stride
                                     : stride;
    d.place = (d.c.w.pad_begin[2] % stride + stride) % stride;
    d.shift = (d.c.w.pad_begin[2] - d.place) / stride;
    return d;
}

/* Turns of the loops of a work-item for a row: the taps if they are another block's, tiles, rows of the filter. */
static int64_t turns_of_row(const struct site *s, const struct depthwise *d) {
    return 1 + site_width(s) * (d->c.taps + 1) +
           ceil_div(d->c.w.out[2], d->pixels) * (d->c.w.kernel[1] + 1);
}

static const char *depthwise_refuse(const struct site *s) {
    struct depthwise d = depthwise_of(s);
    const struct window *w = &d.c.w;
    if (d.c.ic != 1 || d.c.oc != 1) return "a group must have one input and one output channel";
    if (w->rank > 2) return "more than two spatial axes";
    if (w->kernel[2] > TAPS_WIDE) return "the filter is wider than 7 taps";
    if (d.c.taps > TAPS_MAX) return "the filter has more than 64 taps";
    if (w->stride[2] > PIXELS) return "the stride is above 8 columns";
    if (w->dilation[2] > COLUMNS ||
        ((w->kernel[2] - 1) * w->dilation[2] + d.pixels) / w->stride[2] + 2 > COLUMNS)
        return "a tile meets more than 64 input columns";
    if (turns_of_row(s, &d) > TURNS_MAX) return "a work-item would loop more than 65535 times";
    const char *why = blocked_refuse_rank(s);
    return why ? why : conv_refuse_span(&d.c);
}

static double depthwise_estimate(const struct site *s) {
    double flops, bytes;
    graph_cost(s->graph, s->node, &flops, &bytes);
    return conv_seconds(s, flops, s->device->local_memory_is_real ? 0.01 : 0.2, 1);
}

static fovea_status depthwise_lower(const struct site *s, struct recipe *r) {
    struct depthwise d = depthwise_of(s);
    struct conv *c = &d.c;
    recipe_kernel(r, "conv_transpose_depthwise_blocked", "conv_transpose_depthwise_blocked");
    conv_push_window(r, &c->w);
    recipe_define(r, "PIXELS", d.pixels);
    recipe_define(r, "PLACE", d.place);
    blocked_launch_most(s, r, blocked_planes(s, site_in(s, 0)) * c->w.out[1],
                        TURNS_MAX / turns_of_row(s, &d));
    recipe_int(r, c->groups);
    for (int i = 1; i < 3; i++) recipe_int(r, c->w.in[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, c->w.out[i]);
    recipe_int(r, c->w.pad_begin[1]);
    recipe_int(r, d.shift);
    conv_push_inputs(s, r);
    conv_push_outputs(s, r);
    return FOVEA_OK;
}

const struct algorithm conv_transpose_depthwise_blocked = {
    .name = "conv_transpose_depthwise_blocked",
    .refuse = depthwise_refuse,
    .blocked = blocked_first,
    .estimate = depthwise_estimate,
    .lower = depthwise_lower,
};
