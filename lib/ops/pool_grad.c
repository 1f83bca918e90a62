/* Gradients of pooling on a device. */
#include "graph/window.h"
#include "ops/blocked.h"

static const struct algorithm max_pool_grad, average_pool_grad, max_pool_grad_blocked,
    average_pool_grad_blocked;

const struct algorithm *const max_pool_grad_algorithms[] = {&max_pool_grad_blocked, &max_pool_grad,
                                                            NULL};
const struct algorithm *const average_pool_grad_algorithms[] = {&average_pool_grad_blocked,
                                                                &average_pool_grad, NULL};

/* Some runtimes end a work-item's loops after so many turns in all. */
enum { TURNS_MAX = 65535 };

static struct window window_of(const struct site *s) {
    struct window w;
    /* The shape function has resolved the same window before, so this cannot fail. */
    (void)window_resolve(s->node, &node_out(s->graph, s->node, 0)->desc, NULL, &w);
    return w;
}

static int64_t planes_of(const struct site *s) {
    const fovea_desc *x = &node_out(s->graph, s->node, 0)->desc;
    return x->dim[0] * x->dim[1];
}

static int64_t product(const int64_t *axes) {
    return axes[0] * axes[1] * axes[2];
}

static const char *refuse_long(const struct site *s) {
    struct window w = window_of(s);
    return product(w.kernel) > TURNS_MAX / 2 ? "a window is too long for one work-item" : NULL;
}

static void push_axes(struct recipe *r, const int64_t *axes) {
    for (int i = 0; i < 3; i++) recipe_int(r, axes[i]);
}

static void define_kernel(struct recipe *r, const struct window *w) {
    static const char *const names[] = {"KD", "KH", "KW"};
    for (int i = 0; i < 3; i++) recipe_define(r, names[i], w->kernel[i]);
}

static void push_window(struct recipe *r, const struct window *w) {
    push_axes(r, w->in);
    push_axes(r, w->out);
    push_axes(r, w->stride);
    push_axes(r, w->dilation);
    push_axes(r, w->pad_begin);
}

/* ---- Plain ---- */

static size_t max_workspace(const struct site *s) {
    struct window w = window_of(s);
    return (size_t)(planes_of(s) * product(w.out)) * sizeof(int32_t);
}

static double max_estimate(const struct site *s) {
    struct window w = window_of(s);
    double planes = (double)planes_of(s), taps = (double)product(w.kernel);
    double operations = planes * taps * (double)product(w.out) * 2;
    return blocked_seconds(s, operations * (s->device->local_memory_is_real ? 0.25 : 8));
}

static fovea_status max_lower(const struct site *s, struct recipe *r) {
    struct window w = window_of(s);
    recipe_kernel(r, "pool_grad", "pool_grad_index");
    define_kernel(r, &w);
    recipe_int(r, planes_of(s));
    push_window(r, &w);
    recipe_value(r, site_in(s, 1));
    recipe_workspace(r, 0, sizeof(int32_t));
    recipe_global(r, (size_t)(planes_of(s) * product(w.out)), 0, 0);
    recipe_kernel(r, "pool_grad", "pool_grad_max");
    define_kernel(r, &w);
    recipe_int(r, planes_of(s));
    push_window(r, &w);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(int32_t));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)(planes_of(s) * product(w.in)), 0, 0);
    return FOVEA_OK;
}

static double average_estimate(const struct site *s) {
    struct window w = window_of(s);
    double operations = (double)planes_of(s) * (double)product(w.kernel) * (double)product(w.out);
    return blocked_seconds(s, operations * (s->device->local_memory_is_real ? 0.25 : 8));
}

static fovea_status average_lower(const struct site *s, struct recipe *r) {
    struct window w = window_of(s);
    recipe_kernel(r, "pool_grad", "pool_grad_average");
    define_kernel(r, &w);
    recipe_int(r, planes_of(s));
    push_window(r, &w);
    for (int i = 0; i < 3; i++) recipe_int(r, w.in[i] + w.pad_end[i]);
    recipe_int(r, attr_int(s->node, "count_include_pad", 0));
    recipe_int(r, attr_int(s->node, "divide", 1));
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)(planes_of(s) * product(w.in)), 0, 0);
    return FOVEA_OK;
}

static const struct algorithm max_pool_grad = {
    .name = "pool_grad",
    .refuse = refuse_long,
    .workspace = max_workspace,
    .estimate = max_estimate,
    .lower = max_lower,
};
static const struct algorithm average_pool_grad = {
    .name = "pool_grad",
    .refuse = refuse_long,
    .estimate = average_estimate,
    .inexact = true, /* the division */
    .lower = average_lower,
};

/* ---- Channel blocks ---- */

enum {
    BANDS_A_UNIT = 8, /* work-items of a CPU's core */
    GPU_BAND = 4,     /* rows */
};

/* Slices (plane, d) of dx, and the rows of a band: whole slices where there are enough of them. */
static int64_t slices_of(const struct site *s) {
    return blocked_planes(s, site_out(s, 0)) * window_of(s).in[0];
}

static int64_t band_of(const struct site *s) {
    int64_t rows = window_of(s).in[1],
            units = s->device->compute_units ? s->device->compute_units : 1;
    if (s->device->local_memory_is_real) return rows < GPU_BAND ? rows : GPU_BAND;
    return ceil_div(rows, ceil_div(units * BANDS_A_UNIT, slices_of(s)));
}

static double blocked_estimate(const struct site *s) {
    struct window w = window_of(s);
    double taps =
        (double)product(w.kernel) * (double)(blocked_planes(s, site_out(s, 0)) * product(w.out));
    return blocked_seconds(s, taps * site_width(s) * (s->node->op == OP_MaxPoolGrad ? 2 : 1));
}

static uint32_t all_inputs(const struct site *s) {
    return (s->node->op == OP_MaxPoolGrad ? 3 : 1) | BLOCKED_OUT;
}

static fovea_status blocked_lower(const struct site *s, struct recipe *r) {
    struct window w = window_of(s);
    bool average = s->node->op == OP_AveragePoolGrad;
    int64_t band = band_of(s), bands = ceil_div(w.in[1], band);
    recipe_kernel(r, "pool_grad_blocked", "pool_grad_blocked");
    define_kernel(r, &w);
    recipe_define(r, "AVERAGE", average);
    blocked_launch(s, r, slices_of(s) * bands);
    recipe_int(r, band);
    recipe_int(r, bands);
    push_window(r, &w);
    for (int i = 0; i < 3; i++) recipe_int(r, w.in[i] + w.pad_end[i]);
    recipe_int(r, attr_int(s->node, "count_include_pad", 0));
    recipe_int(r, attr_int(s->node, "divide", 1));
    recipe_value(r, site_in(s, 0));
    recipe_value(r, average ? site_in(s, 0) : site_in(s, 1));
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

static const struct algorithm max_pool_grad_blocked = {
    .name = "pool_grad_blocked",
    .refuse = refuse_long,
    .blocked = all_inputs,
    .estimate = blocked_estimate,
    .lower = blocked_lower,
};
static const struct algorithm average_pool_grad_blocked = {
    .name = "pool_grad_blocked",
    .refuse = refuse_long,
    .blocked = all_inputs,
    .estimate = blocked_estimate,
    .inexact = true, /* the division */
    .lower = blocked_lower,
};
