/* Pooling of channel-blocked values. */
#include "graph/window.h"
#include "ops/blocked.h"

/* ---- Sliding windows ---- */

static struct window window_of(const struct site *s) {
    struct window w;
    /* The shape function has resolved the same window before, so this cannot fail. */
    (void)window_resolve(s->node, &node_in(s->graph, s->node, 0)->desc, NULL, &w);
    return w;
}

/* A window without a tap would write -infinity or 0 / 0 into lanes that have no meaning. */
static bool has_empty_window(const struct window *w) {
    for (int a = 0; a < 3; a++)
        for (int64_t o = 0; o < w->out[a]; o++) {
            int64_t start = o * w->stride[a] - w->pad_begin[a], step = w->dilation[a];
            int64_t first = start < 0 ? (-start + step - 1) / step : 0;
            if (first >= w->kernel[a] || start + first * step >= w->in[a]) return true;
        }
    return false;
}

static const char *pool_refuse(const struct site *s) {
    if (node_out(s->graph, s->node, 1)) return "Indices are wanted";
    const char *why = blocked_refuse_rank(s);
    if (why) return why;
    struct window w = window_of(s);
    return has_empty_window(&w) ? "a window lies in the padding" : NULL;
}

static double pool_estimate(const struct site *s) {
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    struct window w = window_of(s);
    double taps = (double)(w.kernel[0] * w.kernel[1]) * (double)w.kernel[2];
    return blocked_seconds(s, (double)blocked_planes(s, site_in(s, 0)) * site_width(s) *
                                  (double)desc_span(y, 2, y->rank) * taps);
}

static void push_axes(struct recipe *r, const int64_t *axes) {
    for (int i = 0; i < 3; i++) recipe_int(r, axes[i]);
}

/* `channels`: 0 for an output in channel blocks, else it is plain and has so many. */
static fovea_status lower(const struct site *s, struct recipe *r, int64_t channels) {
    static const char *const names[] = {"KD", "KH", "KW"};
    struct window w = window_of(s);
    recipe_kernel(r, "pool_blocked", "pool_blocked");
    for (int i = 0; i < 3; i++) recipe_define(r, names[i], w.kernel[i]);
    recipe_define(r, "AVERAGE", s->node->op == OP_AveragePool);
    blocked_launch(s, r, blocked_planes(s, site_in(s, 0)) * w.out[0] * w.out[1]);
    push_axes(r, w.in);
    push_axes(r, w.out);
    push_axes(r, w.stride);
    push_axes(r, w.dilation);
    push_axes(r, w.pad_begin);
    for (int i = 0; i < 3; i++) recipe_int(r, w.in[i] + w.pad_end[i]);
    recipe_int(r, attr_int(s->node, "count_include_pad", 0));
    recipe_int(r, channels);
    recipe_value(r, site_in(s, 0));
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

static fovea_status pool_lower(const struct site *s, struct recipe *r) {
    return lower(s, r, 0);
}

/* For an operator behind it that reads a plain array: no conversion is needed between. */
static fovea_status pool_plain_lower(const struct site *s, struct recipe *r) {
    return lower(s, r, node_in(s->graph, s->node, 0)->desc.dim[1]);
}

static uint32_t blocked_in(const struct site *s) {
    (void)s;
    return 1;
}

const struct algorithm max_pool_blocked = {
    .name = "pool_blocked",
    .refuse = pool_refuse,
    .blocked = blocked_first,
    .estimate = pool_estimate,
    .lower = pool_lower,
};
const struct algorithm average_pool_blocked = {
    .name = "pool_blocked",
    .refuse = pool_refuse,
    .blocked = blocked_first,
    .estimate = pool_estimate,
    .inexact = true, /* the division */
    .lower = pool_lower,
};

const struct algorithm max_pool_blocked_plain = {
    .name = "pool_blocked_plain",
    .refuse = pool_refuse,
    .blocked = blocked_in,
    .estimate = pool_estimate,
    .lower = pool_plain_lower,
};
const struct algorithm average_pool_blocked_plain = {
    .name = "pool_blocked_plain",
    .refuse = pool_refuse,
    .blocked = blocked_in,
    .estimate = pool_estimate,
    .inexact = true, /* the division */
    .lower = pool_plain_lower,
};

/* ---- Whole planes ---- */

static const char *global_pool_refuse(const struct site *s) {
    if (s->node->op == OP_GlobalLpPool) return "only for the average and the maximum";
    return blocked_refuse_rank(s);
}

static double global_pool_estimate(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    return blocked_seconds(s, (double)blocked_planes(s, site_in(s, 0)) * site_width(s) *
                                  (double)desc_span(x, 2, x->rank));
}

static fovea_status global_pool_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    recipe_kernel(r, "global_pool_blocked", "global_pool_blocked");
    recipe_define(r, "AVERAGE", s->node->op == OP_GlobalAveragePool);
    blocked_launch(s, r, blocked_planes(s, site_in(s, 0)));
    recipe_int(r, desc_span(x, 2, x->rank));
    recipe_value(r, site_in(s, 0));
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

const struct algorithm global_pool_blocked = {
    .name = "global_pool_blocked",
    .refuse = global_pool_refuse,
    .blocked = blocked_first,
    .estimate = global_pool_estimate,
    .inexact = true, /* the division */
    .lower = global_pool_lower,
};
