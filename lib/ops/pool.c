/* Pooling on a device. */
#include "graph/window.h"
#include "ops/blocked.h"
#include "ops/group.h"

static const struct algorithm max_pool_direct, average_pool_direct, lp_pool_direct, global_pool;

const struct algorithm *const max_pool_algorithms[] = {&max_pool_blocked, &max_pool_blocked_plain,
                                                       &max_pool_direct, NULL};
const struct algorithm *const average_pool_algorithms[] = {
    &average_pool_blocked, &average_pool_blocked_plain, &average_pool_direct, NULL};
const struct algorithm *const lp_pool_algorithms[] = {&lp_pool_direct, NULL};
const struct algorithm *const global_pool_algorithms[] = {
    &global_pool_blocked, &reduce_group_subgroup, &reduce_group_local, &global_pool, NULL};

/* ---- Sliding windows ---- */

enum { CPU_RUN = 64 };

static const char *max_pool_refuse(const struct site *s) {
    const struct value *x = node_in(s->graph, s->node, 0);
    if (!node_out(s->graph, s->node, 0)) return "the maximum itself must be wanted";
    return x->desc.dtype == FOVEA_FLOAT32 ? NULL : "element type must be float32";
}

static void push_axes(struct recipe *r, const int64_t *axes) {
    for (int i = 0; i < 3; i++) recipe_int(r, axes[i]);
}

/* Neighbouring outputs that one work-item does in turn. */
static int64_t run_of(const struct site *s) {
    return s->device->local_memory_is_real ? 1 : CPU_RUN;
}

/* The launch and the sizes that all window kernels begin with. */
static fovea_status window_begin(const struct site *s, struct recipe *r, const char *function,
                                 int64_t run, struct window *w) {
    static const char *const names[] = {"KD", "KH", "KW"};
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int64_t planes = x->dim[0] * x->dim[1];
    TRY(window_resolve(s->node, x, NULL, w));
    recipe_kernel(r, "pool_direct", function);
    for (int i = 0; i < 3; i++) recipe_define(r, names[i], w->kernel[i]);
    recipe_define(r, "RUN", run);
    recipe_global(r, (size_t)(planes * w->out[0] * w->out[1] * ((w->out[2] + run - 1) / run)), 0,
                  0);
    recipe_int(r, planes);
    push_axes(r, w->in);
    push_axes(r, w->out);
    push_axes(r, w->stride);
    push_axes(r, w->dilation);
    push_axes(r, w->pad_begin);
    return FOVEA_OK;
}

static void window_end(const struct site *s, struct recipe *r) {
    recipe_value(r, site_in(s, 0));
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
}

/* What a work-item does for the taps of a window, in vectors where rows are long enough for them. */
static double window_estimate(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    struct window w;
    if (window_resolve(s->node, x, NULL, &w) != FOVEA_OK) return 0;
    double outputs = (double)(x->dim[0] * x->dim[1]) * (double)(w.out[0] * w.out[1] * w.out[2]);
    double taps = outputs * (double)(w.kernel[0] * w.kernel[1]) * (double)w.kernel[2];
    bool vectors = w.out[2] >= 16 && w.stride[2] <= 2 && !node_out(s->graph, s->node, 1);
    return blocked_seconds(s, taps * (s->device->local_memory_is_real ? 0.25 : vectors ? 3 : 8));
}

static fovea_status max_pool_lower(const struct site *s, struct recipe *r) {
    struct window w;
    bool indices = node_out(s->graph, s->node, 1) != NULL;
    TRY(window_begin(s, r, indices ? "pool_direct_max_indices" : "pool_direct_max",
                     indices ? 1 : run_of(s), &w));
    if (indices) recipe_int(r, attr_int(s->node, "storage_order", 0));
    window_end(s, r);
    if (indices) recipe_value(r, site_out(s, 1));
    return FOVEA_OK;
}

static fovea_status average_pool_lower(const struct site *s, struct recipe *r) {
    struct window w;
    TRY(window_begin(s, r, "pool_direct_average", run_of(s), &w));
    for (int i = 0; i < 3; i++) recipe_int(r, w.in[i] + w.pad_end[i]);
    recipe_int(r, attr_int(s->node, "count_include_pad", 0));
    window_end(s, r);
    return FOVEA_OK;
}

static void push_exponent(const struct site *s, struct recipe *r) {
    double p = (double)attr_int(s->node, "p", 2);
    recipe_float(r, (float)p);
    recipe_float(r, (float)(1 / p));
}

static fovea_status lp_pool_lower(const struct site *s, struct recipe *r) {
    struct window w;
    TRY(window_begin(s, r, "pool_direct_lp", 1, &w));
    push_exponent(s, r);
    window_end(s, r);
    return FOVEA_OK;
}

static const struct algorithm max_pool_direct = {
    .name = "pool_direct",
    .refuse = max_pool_refuse,
    .any_type = true,
    .estimate = window_estimate,
    .lower = max_pool_lower,
};
static const struct algorithm average_pool_direct = {
    .name = "pool_direct",
    .inexact = true, /* the division */
    .estimate = window_estimate,
    .lower = average_pool_lower,
};
static const struct algorithm lp_pool_direct = {
    .name = "pool_direct",
    .inexact = true, /* the root */
    .lower = lp_pool_lower,
};

/* ---- Whole planes ---- */

static double global_pool_estimate(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    return group_seconds_alone(s, x->dim[0] * x->dim[1], desc_span(x, 2, x->rank), 1);
}

static fovea_status global_pool_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int64_t planes = x->dim[0] * x->dim[1];
    enum op op = s->node->op;
    recipe_kernel(r, "global_pool",
                  op == OP_GlobalMaxPool  ? "global_pool_max"
                  : op == OP_GlobalLpPool ? "global_pool_lp"
                                          : "global_pool_average");
    recipe_global(r, (size_t)planes, 0, 0);
    recipe_int(r, planes);
    recipe_int(r, desc_span(x, 2, x->rank));
    if (op == OP_GlobalLpPool) push_exponent(s, r);
    window_end(s, r);
    return FOVEA_OK;
}

static const struct algorithm global_pool = {
    .name = "global_pool",
    .estimate = global_pool_estimate,
    .inexact = true, /* the division or the root */
    .lower = global_pool_lower,
};
