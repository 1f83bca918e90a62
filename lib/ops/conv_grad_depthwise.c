/* The gradient of a depthwise convolution's weights from channel blocks. */
#include "ops/blocked.h"
#include "ops/conv_grad.h"

enum { TAPS_WIDE = 11, ITEMS_PER_UNIT = 16, ROW_TURNS_MAX = 32768 };

struct depthwise {
    struct conv c;
    int64_t blocks, rows, rows_each, parts;
};

static struct depthwise depthwise_of(const struct site *s) {
    struct depthwise d = {.c = conv_grad_of(s)};
    const struct window *w = &d.c.w;
    int64_t units = s->device->compute_units > 0 ? s->device->compute_units : 1;
    d.blocks = site_channel_blocks(s, site_in(s, 0));
    d.rows = d.c.n * w->out[1];
    int64_t parts = ceil_div(ITEMS_PER_UNIT * units, d.blocks * w->kernel[1]);
    /* Some runtimes end all loops of a work-item after 2^16 turns. */
    int64_t most = ROW_TURNS_MAX / (w->out[2] + 1);
    d.rows_each = ceil_div(d.rows, parts < d.rows ? parts : d.rows);
    if (d.rows_each > most) d.rows_each = most > 1 ? most : 1;
    d.parts = ceil_div(d.rows, d.rows_each);
    return d;
}

static const char *refuse(const struct site *s) {
    struct conv c = conv_grad_of(s);
    if (c.ic != 1 || c.oc != 1) return "a group must have one input and one output channel";
    if (c.w.rank > 2) return "more than two spatial axes";
    if (c.w.kernel[2] > TAPS_WIDE) return "the filter is wider than 11 taps";
    if (c.w.out[2] > ROW_TURNS_MAX) return "a row has more than 32768 pixels";
    const char *why = blocked_refuse_rank(s);
    return why ? why : conv_refuse_span(&c);
}

static uint32_t layouts(const struct site *s) {
    (void)s;
    return 3; /* x and grad_y */
}

static size_t workspace(const struct site *s) {
    struct depthwise d = depthwise_of(s);
    return (size_t)(d.parts * d.blocks * d.c.taps * site_width(s)) * sizeof(float);
}

/* Two loads for each multiply-add. */
static double estimate(const struct site *s) {
    struct depthwise d = depthwise_of(s);
    double channels = (double)(d.c.n * d.blocks * site_width(s));
    double flops = 2 * channels * (double)d.c.pixels * (double)d.c.taps;
    return conv_seconds(s, flops, s->device->local_memory_is_real ? 0.01 : 0.3, 2);
}

static void begin(const struct site *s, struct recipe *r, const struct depthwise *d,
                  const char *function) {
    recipe_kernel(r, "conv_grad_weights_depthwise", function);
    recipe_width(r, s);
    recipe_define(r, "KW", d->c.w.kernel[2]);
    recipe_define(r, "SW", d->c.w.stride[2]);
    recipe_define(r, "DW", d->c.w.dilation[2]);
    recipe_define(r, "KD", 1); /* the window's defaults of common.h are all or none */
}

static fovea_status lower(const struct site *s, struct recipe *r) {
    struct depthwise d = depthwise_of(s);
    const struct window *w = &d.c.w;
    begin(s, r, &d, "conv_grad_weights_depthwise");
    recipe_int(r, d.rows);
    recipe_int(r, d.rows_each);
    for (int i = 1; i < 3; i++) recipe_int(r, w->in[i]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->out[i]);
    recipe_int(r, w->stride[1]);
    recipe_int(r, w->dilation[1]);
    for (int i = 1; i < 3; i++) recipe_int(r, w->pad_begin[i]);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, (size_t)d.blocks, (size_t)d.parts, (size_t)w->kernel[1]);
    recipe_local(r, 1, 1, 1);

    begin(s, r, &d, "conv_grad_weights_depthwise_finish");
    recipe_int(r, d.parts);
    recipe_int(r, d.c.groups);
    recipe_int(r, d.c.taps);
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)d.blocks, 0, 0);
    recipe_local(r, 1, 1, 1);
    return FOVEA_OK;
}

const struct algorithm conv_grad_weights_depthwise = {.name = "conv_grad_weights_depthwise",
                                                      .refuse = refuse,
                                                      .blocked = layouts,
                                                      .workspace = workspace,
                                                      .estimate = estimate,
                                                      .lower = lower};
