/* The gradient of local response normalisation on a device: plain, and of channel blocks. */
#include "ops/blocked.h"
#include "ops/norm.h"

static const struct algorithm lrn_grad, lrn_grad_blocked;

const struct algorithm *const lrn_grad_algorithms[] = {&lrn_grad_blocked, &lrn_grad, NULL};

struct lrn {
    int64_t size;
    float share, power, bias, factor;
};

static struct lrn lrn_of(const struct site *s) {
    struct lrn l = {.size = attr_int(s->node, "size", 1),
                    .power = attr_float(s->node, "beta", 0.75f),
                    .bias = attr_float(s->node, "bias", 1)};
    double share = (double)attr_float(s->node, "alpha", 1e-4f) / (double)l.size;
    l.share = (float)share;
    l.factor = (float)(2 * (double)l.power * share);
    return l;
}

/* ---- Plain ---- */

static size_t lrn_grad_workspace(const struct site *s) {
    return (size_t)norm_planes(s).elements * sizeof(float);
}

static double lrn_grad_estimate(const struct site *s) {
    double operations = lrn_quarters(s) ? 40 : 120;
    return blocked_seconds(s, operations * (double)norm_planes(s).elements);
}

static void begin(const struct site *s, struct recipe *r, const char *function) {
    struct planes p = norm_planes(s);
    recipe_kernel(r, "lrn_grad", function);
    recipe_define(r, "QUARTERS", lrn_quarters(s));
    recipe_int(r, p.batch * p.channels);
    recipe_int(r, p.channels);
    recipe_int(r, p.spatial);
    recipe_int(r, (lrn_of(s).size - 1) / 2);
    recipe_int(r, lrn_of(s).size / 2);
}

static fovea_status lrn_grad_lower(const struct site *s, struct recipe *r) {
    struct lrn l = lrn_of(s);
    begin(s, r, "lrn_grad_terms");
    recipe_float(r, l.share);
    recipe_float(r, l.power);
    recipe_float(r, l.bias);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    norm_launch_runs(s, r);
    begin(s, r, "lrn_grad_gather");
    recipe_float(r, l.factor);
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    norm_launch_runs(s, r);
    return FOVEA_OK;
}

static const struct algorithm lrn_grad = {
    .name = "lrn_grad",
    .workspace = lrn_grad_workspace,
    .estimate = lrn_grad_estimate,
    .inexact = true, /* the power */
    .lower = lrn_grad_lower,
};

/* ---- Channel blocks ---- */

static const char *blocked_refuse(const struct site *s) {
    if (lrn_of(s).size / 2 > site_width(s)) return "the window is wider than a block on one side";
    return blocked_refuse_rank(s);
}

static uint32_t both_inputs(const struct site *s) {
    (void)s;
    return 3 | BLOCKED_OUT;
}

static double blocked_estimate(const struct site *s) {
    double operations = lrn_quarters(s) ? 6 : 90;
    return blocked_seconds(s, operations * (double)site_stored_elements(s, site_in(s, 1)));
}

static fovea_status blocked_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 1)->desc;
    int64_t pixels = desc_span(x, 2, x->rank);
    struct lrn l = lrn_of(s);
    recipe_kernel(r, "lrn_grad_blocked", "lrn_grad_blocked");
    recipe_define(r, "BEFORE", (l.size - 1) / 2);
    recipe_define(r, "AFTER", l.size / 2);
    recipe_define(r, "QUARTERS", lrn_quarters(s));
    blocked_launch(s, r, x->dim[0] * pixels);
    recipe_int(r, site_channel_blocks(s, site_in(s, 1)));
    recipe_int(r, pixels);
    recipe_int(r, x->dim[1]);
    recipe_float(r, l.share);
    recipe_float(r, l.power);
    recipe_float(r, l.bias);
    recipe_float(r, l.factor);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

static const struct algorithm lrn_grad_blocked = {
    .name = "lrn_grad_blocked",
    .refuse = blocked_refuse,
    .blocked = both_inputs,
    .estimate = blocked_estimate,
    .inexact = true, /* the power */
    .lower = blocked_lower,
};
