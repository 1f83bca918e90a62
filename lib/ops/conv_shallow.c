/* The first convolution of a network: cl_kernels/conv_shallow.cl. */
#include "ops/conv.h"

enum { CHANNELS_MAX = 7 }; /* more fill a channel block well enough */

struct shallow {
    struct conv c;
    int64_t width, ocb, blocks, pixels,
        tiles; /* lanes; blocks of y; register tile: blocks, pixels */
    struct conv_rows rows;
};

struct conv_rows conv_rows_of(const struct conv *c) {
    const struct window *w = &c->w;
    struct conv_rows r = {.height = (w->out[1] - 1) * w->stride[1] + w->kernel[1],
                          .columns = (w->out[2] - 1) * w->stride[2] + w->kernel[2]};
    bool copies = c->ic > 1 || w->pad_begin[1] || w->pad_begin[2] || r.height > w->in[1] ||
                  r.columns > w->in[2];
    if (!copies) r.height = w->in[1], r.columns = w->in[2];
    else r.bytes = (size_t)(c->n * r.height * r.columns * c->ic) * sizeof(float);
    return r;
}

/* Pixels of a tile: as many as fill the registers, or some fewer where a row of the output then needs a tenth
 * less columns. */
static int64_t tile_pixels(int64_t columns, int64_t most) {
    int64_t best = most;
    for (int64_t p = most - 1; p >= most * 2 / 3; p--)
        if (10 * ceil_div(columns, p) * p < 9 * ceil_div(columns, best) * best) best = p;
    return best;
}

static void set_tile(const struct site *s, struct shallow *l) {
    l->width = site_width(s);
    l->ocb = ceil_div(l->c.oc, l->width);
    l->blocks = l->ocb > 1 ? 2 : 1;
    l->pixels = tile_pixels(l->c.w.out[2], l->width == 16 ? 14 : l->blocks == 2 ? 6 : 12);
    l->tiles = ceil_div(l->ocb, l->blocks);
}

static struct shallow shallow_of(const struct site *s) {
    struct shallow l = {.c = conv_of(s)};
    set_tile(s, &l);
    l.rows = conv_rows_of(&l.c);
    return l;
}

static uint32_t conv_shallow_blocked(const struct site *s) {
    return BLOCKED_OUT | (site_in(s, 3) != FOVEA_NO_VALUE ? 1u << 3 : 0);
}

static const char *conv_shallow_refuse(const struct site *s) {
    struct conv c = conv_of(s);
    if (c.w.kernel[0] != 1 || c.w.in[0] != 1 || c.w.out[0] != 1) return "a depth is convolved";
    if (c.groups != 1) return "there must be one group";
    if (c.ic > CHANNELS_MAX) return "there are more than 7 input channels";
    if (c.w.dilation[1] != 1 || c.w.dilation[2] != 1) return "the window must not be dilated";
    return conv_refuse_span(&c);
}

static size_t conv_shallow_workspace(const struct site *s) {
    return shallow_of(s).rows.bytes;
}

static size_t conv_shallow_packed(const struct site *s) {
    struct shallow l = shallow_of(s);
    return (size_t)(l.tiles * l.blocks * l.width * (l.c.k + 1)) * sizeof(float);
}

static double conv_shallow_estimate(const struct site *s) {
    struct shallow l = shallow_of(s);
    double columns = (double)ceil_div(l.c.w.out[2], l.pixels) * (double)l.pixels;
    double lanes = (double)(l.tiles * l.blocks * l.width);
    double flops = 2 * (double)(l.c.n * l.c.w.out[1] * l.c.k) * columns * lanes;
    return conv_seconds(s, flops, s->device->local_memory_is_real ? 0.01 : 0.55,
                        l.rows.bytes ? 2 : 1);
}

static void push_defines(const struct site *s, struct recipe *r, const struct shallow *l) {
    recipe_width(r, s);
    recipe_define(r, "P", l->pixels);
    recipe_define(r, "Q", l->blocks);
}

static void lower_pack(const struct site *s, struct recipe *r, const struct shallow *l) {
    recipe_kernel(r, "conv_shallow", "conv_shallow_pack");
    push_defines(s, r, l);
    recipe_int(r, l->c.ic);
    recipe_int(r, l->c.oc);
    recipe_int(r, l->c.w.kernel[1]);
    recipe_int(r, l->c.w.kernel[2]);
    recipe_int(r, site_in(s, 2) != FOVEA_NO_VALUE);
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_in(s, 2));
    recipe_packed(r, 0, sizeof(float));
    recipe_global(r, (size_t)(l->blocks * l->width), (size_t)l->tiles, 0);
    recipe_local(r, 1, 1, 1);
    recipe_once(r);
}

void conv_rows_lower(const struct site *s, struct recipe *r, const struct conv *c,
                     const struct conv_rows *rows) {
    struct shallow l = {.c = *c};
    set_tile(s, &l);
    recipe_kernel(r, "conv_shallow", "conv_shallow_rows");
    push_defines(s, r, &l);
    recipe_int(r, c->ic);
    recipe_int(r, c->w.in[1]);
    recipe_int(r, c->w.in[2]);
    recipe_int(r, c->w.pad_begin[1]);
    recipe_int(r, c->w.pad_begin[2]);
    recipe_int(r, rows->height);
    recipe_int(r, rows->columns);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, (size_t)rows->height, (size_t)c->n, 0);
    recipe_local(r, 1, 1, 1);
}

static void push_sizes(const struct site *s, struct recipe *r, const struct shallow *l) {
    const struct window *w = &l->c.w;
    recipe_int(r, w->kernel[2] * l->c.ic);
    recipe_int(r, w->kernel[1]);
    recipe_int(r, w->stride[2] * l->c.ic);
    recipe_int(r, l->rows.columns * l->c.ic);
    recipe_int(r, l->rows.height);
    recipe_int(r, w->stride[1]);
    recipe_int(r, l->ocb);
    recipe_int(r, w->out[1]);
    recipe_int(r, w->out[2]);
    recipe_int(r, site_in(s, 3) != FOVEA_NO_VALUE);
    recipe_int(r, node_activation(s->node).kind);
}

static fovea_status conv_shallow_lower(const struct site *s, struct recipe *r) {
    struct shallow l = shallow_of(s);
    struct activation a = node_activation(s->node);
    int64_t parts = ceil_div(conv_groups(s, &l.c), l.tiles * l.c.n);
    int64_t run = ceil_div(l.c.w.out[1], parts);
    lower_pack(s, r, &l);
    if (l.rows.bytes) conv_rows_lower(s, r, &l.c, &l.rows);
    recipe_kernel(r, "conv_shallow", "conv_shallow");
    push_defines(s, r, &l);
    push_sizes(s, r, &l);
    recipe_int(r, run);
    if (l.rows.bytes) recipe_workspace(r, 0, sizeof(float));
    else recipe_value(r, site_in(s, 0));
    recipe_packed(r, 0, sizeof(float));
    recipe_value(r, site_in(s, 3));
    recipe_float(r, a.alpha);
    recipe_float(r, a.beta);
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)l.tiles, (size_t)ceil_div(l.c.w.out[1], run), (size_t)l.c.n);
    recipe_local(r, 1, 1, 1);
    return FOVEA_OK;
}

const struct algorithm conv_shallow = {.name = "conv_shallow",
                                       .refuse = conv_shallow_refuse,
                                       .blocked = conv_shallow_blocked,
                                       .workspace = conv_shallow_workspace,
                                       .packed = conv_shallow_packed,
                                       .estimate = conv_shallow_estimate,
                                       .lower = conv_shallow_lower};
