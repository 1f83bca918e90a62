/* Normalisation of channel-blocked values. */
#include "ops/blocked.h"

static int64_t pixels_of(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    return desc_span(x, 2, x->rank);
}

static double elements_of(const struct site *s) {
    return (double)(blocked_planes(s, site_in(s, 0)) * pixels_of(s)) * site_width(s);
}

/* ---- Local response normalisation ---- */

static int64_t size_of(const struct site *s) {
    return attr_int(s->node, "size", 1);
}

static const char *lrn_refuse(const struct site *s) {
    if (size_of(s) / 2 > site_width(s)) return "the window is wider than a block on one side";
    return blocked_refuse_rank(s);
}

int lrn_quarters(const struct site *s) {
    float beta = attr_float(s->node, "beta", 0.75f);
    return beta == 0.5f ? 2 : beta == 0.75f ? 3 : beta == 1 ? 4 : 0;
}

static double lrn_estimate(const struct site *s) {
    bool roots = lrn_quarters(s) != 0;
    return blocked_seconds(s, elements_of(s) * (roots ? 4 : 80));
}

static fovea_status lrn_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    float beta = attr_float(s->node, "beta", 0.75f);
    recipe_kernel(r, "lrn_blocked", "lrn_blocked");
    recipe_define(r, "BEFORE", (size_of(s) - 1) / 2);
    recipe_define(r, "AFTER", size_of(s) / 2);
    recipe_define(r, "QUARTERS", lrn_quarters(s));
    blocked_launch(s, r, x->dim[0] * pixels_of(s));
    recipe_int(r, site_channel_blocks(s, site_in(s, 0)));
    recipe_int(r, pixels_of(s));
    recipe_int(r, x->dim[1]);
    recipe_float(r, (float)((double)attr_float(s->node, "alpha", 1e-4f) / (double)size_of(s)));
    recipe_float(r, beta);
    recipe_float(r, attr_float(s->node, "bias", 1));
    recipe_value(r, site_in(s, 0));
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

const struct algorithm lrn_blocked = {
    .name = "lrn_blocked",
    .refuse = lrn_refuse,
    .blocked = blocked_first,
    .estimate = lrn_estimate,
    .inexact = true, /* the power */
    .lower = lrn_lower,
};

/* ---- Batch normalisation with given statistics ---- */

static const char *batch_norm_refuse(const struct site *s) {
    if (attr_int(s->node, "training_mode", 0)) return "training_mode must be 0";
    return blocked_refuse_rank(s);
}

static double batch_norm_estimate(const struct site *s) {
    return blocked_seconds(s, elements_of(s));
}

/* A factor and a shift for each channel. */
static size_t batch_norm_packed(const struct site *s) {
    return (size_t)(site_channel_blocks(s, site_in(s, 0)) * site_width(s)) * 2 * sizeof(float);
}

static fovea_status batch_norm_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int64_t blocks = site_channel_blocks(s, site_in(s, 0)),
            activation = node_activation(s->node).kind;
    recipe_kernel(r, "batch_norm_blocked", "batch_norm_blocked_pack");
    blocked_launch(s, r, blocks);
    recipe_define(r, "ACTIVATION", activation); /* one program for both kernels */
    recipe_int(r, x->dim[1]);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    for (size_t i = 1; i < 5; i++) recipe_value(r, site_in(s, i));
    recipe_packed(r, 0, sizeof(float));
    recipe_once(r);
    recipe_kernel(r, "batch_norm_blocked", "batch_norm_blocked");
    blocked_launch(s, r, blocked_planes(s, site_in(s, 0)) * pixels_of(s));
    recipe_int(r, blocks);
    recipe_int(r, pixels_of(s));
    recipe_value(r, site_in(s, 0));
    recipe_packed(r, 0, sizeof(float));
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

const struct algorithm batch_norm_blocked = {
    .name = "batch_norm_blocked",
    .refuse = batch_norm_refuse,
    .blocked = blocked_first,
    .packed = batch_norm_packed,
    .estimate = batch_norm_estimate,
    .inexact = true, /* the root */
    .lower = batch_norm_lower,
};
