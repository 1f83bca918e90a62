/* The gradient of a depthwise convolution's weights: cl_kernels/conv_grad_weights_depthwise_blocked.cl. */
#include "ops/conv_grad.h"

enum {
    TAPS_WIDE = 11,
    TAPS_MAX = 128,      /* of a filter: a work-item has a sum for each */
    SUMS = 12,           /* in 16 registers, beside a pixel and its taps; twice as many in 32 */
    ITEMS_PER_UNIT = 16, /* enough to balance */
    TURNS_MAX = 65535,   /* some runtimes end all loops of a work-item after so many turns */
};

struct depthwise {
    struct conv c;
    int64_t blocks;      /* of channels */
    int64_t rows;        /* of the filter, done together */
    int64_t each, parts; /* output rows of a part */
};

/* Turns of the loops of a work-item for a row of the output, one row of the filter at a time. */
static int64_t turns_of_row(const struct conv *c) {
    return 1 + c->w.kernel[1] * (c->w.out[2] + 1);
}

static struct depthwise depthwise_of(const struct site *s) {
    struct depthwise d = {.c = conv_grad_of(s)};
    int64_t units = s->device->compute_units > 0 ? s->device->compute_units : 1;
    int64_t sums = site_width(s) == 16 ? 2 * SUMS : SUMS, height = d.c.w.kernel[1];
    int64_t most = sums / d.c.w.kernel[2] < 1 ? 1 : sums / d.c.w.kernel[2];
    int64_t longest = (TURNS_MAX - 2 * d.c.taps) / turns_of_row(&d.c);
    d.blocks = site_channel_blocks(s, site_in(s, 0));
    d.rows = ceil_div(height, ceil_div(height, most));
    d.each = ceil_div(d.c.n * d.c.w.out[1], ceil_div(ITEMS_PER_UNIT * units, d.blocks));
    if (d.each > longest) d.each = longest;
    if (d.each < 1) d.each = 1;
    d.parts = ceil_div(d.c.n * d.c.w.out[1], d.each);
    return d;
}

static const char *depthwise_refuse(const struct site *s) {
    struct conv c = conv_grad_of(s);
    if (c.ic != 1 || c.oc != 1) return "a group must have one input and one output channel";
    if (c.w.rank > 2) return "more than two spatial axes";
    if (c.w.kernel[2] > TAPS_WIDE) return "the filter is wider than 11 taps";
    if (c.taps > TAPS_MAX) return "the filter has more than 128 taps";
    if (turns_of_row(&c) + 2 * c.taps > TURNS_MAX || depthwise_of(s).parts > TURNS_MAX)
        return "a work-item would loop more than 65535 times";
    return conv_refuse_span(&c);
}

static uint32_t depthwise_layouts(const struct site *s) {
    (void)s;
    return 3; /* x and grad_y */
}

static size_t depthwise_workspace(const struct site *s) {
    struct depthwise d = depthwise_of(s);
    return (size_t)(d.parts * d.blocks * d.c.taps * site_width(s)) * sizeof(float);
}

static double depthwise_estimate(const struct site *s) {
    struct conv c = conv_grad_of(s);
    double channels = (double)(site_channel_blocks(s, site_in(s, 0)) * site_width(s));
    double flops = 2 * (double)(c.n * c.taps) * channels * (double)c.pixels;
    return conv_seconds(s, flops, s->device->local_memory_is_real ? 0.01 : 0.35, 2);
}

static void begin(const struct site *s, struct recipe *r, const struct depthwise *d,
                  const char *function) {
    recipe_kernel(r, "conv_grad_weights_depthwise_blocked", function);
    recipe_width(r, s);
    conv_push_window(r, &d->c.w);
    recipe_define(r, "ROWS", d->rows);
}

static fovea_status depthwise_lower(const struct site *s, struct recipe *r) {
    struct depthwise d = depthwise_of(s);
    begin(s, r, &d, "conv_grad_weights_depthwise_blocked");
    recipe_int(r, d.c.n);
    recipe_int(r, d.blocks);
    for (int i = 1; i < 3; i++) recipe_int(r, d.c.w.in[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, d.c.w.out[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, d.c.w.pad_begin[i]);
    recipe_int(r, d.each);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, (size_t)d.blocks, (size_t)d.parts, 0);
    recipe_local(r, 1, 1, 1);
    begin(s, r, &d, "conv_grad_weights_depthwise_blocked_finish");
    recipe_int(r, d.parts);
    recipe_int(r, d.c.groups);
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)(d.blocks * d.c.taps), 0, 0);
    return FOVEA_OK;
}

const struct algorithm conv_grad_weights_depthwise_blocked = {
    .name = "conv_grad_weights_depthwise_blocked",
    .refuse = depthwise_refuse,
    .blocked = depthwise_layouts,
    .workspace = depthwise_workspace,
    .estimate = depthwise_estimate,
    .lower = depthwise_lower,
};
