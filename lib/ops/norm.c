/* Normalisation on a device. Instance normalisation is group normalisation with one channel a group. */
#include "ops/blocked.h"
#include "ops/group.h"
#include "ops/norm.h"

static const struct algorithm batch_norm, group_norm, layer_norm, lrn;

const struct algorithm *const batch_norm_algorithms[] = {
    &batch_norm_blocked, &batch_norm, &batch_norm_training_blocked, &batch_norm_training, NULL};
const struct algorithm *const instance_norm_algorithms[] = {&norm_group_subgroup, &norm_group_local,
                                                            &group_norm, NULL};
const struct algorithm *const group_norm_algorithms[] = {&norm_group_subgroup, &norm_group_local,
                                                         &group_norm, NULL};
const struct algorithm *const layer_norm_algorithms[] = {&norm_group_subgroup, &norm_group_local,
                                                         &layer_norm, NULL};
const struct algorithm *const lrn_algorithms[] = {&lrn_blocked, &lrn, NULL};

static double norm_estimate(const struct site *);

struct planes norm_planes(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    struct planes p = {x->dim[0], 1, 1, fovea_desc_elements(x)};
    if (x->rank > 1) p.channels = x->dim[1];
    if (x->rank > 2) p.spatial = desc_span(x, 2, x->rank);
    return p;
}

/* A launch with one work-item for each element, its activation and output. */
static void end(const struct site *s, struct recipe *r) {
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)norm_planes(s).elements, 0, 0);
}

enum { CPU_RUN = 256 };

int64_t norm_run(const struct site *s) {
    return s->device->local_memory_is_real ? 1 : CPU_RUN;
}

void norm_launch_runs(const struct site *s, struct recipe *r) {
    struct planes p = norm_planes(s);
    recipe_define(r, "RUN", norm_run(s));
    recipe_global(r, (size_t)(p.batch * p.channels * ceil_div(p.spatial, norm_run(s))), 0, 0);
}

/* A launch over whole planes, in runs of neighbouring elements: the defines, and what `end` does. */
static void end_runs(const struct site *s, struct recipe *r) {
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    norm_launch_runs(s, r);
}

/* ---- Batch normalisation ---- */

static const char *batch_norm_refuse(const struct site *s) {
    return attr_int(s->node, "training_mode", 0) ? "training_mode must be 0" : NULL;
}

static fovea_status batch_norm_lower(const struct site *s, struct recipe *r) {
    struct planes p = norm_planes(s);
    recipe_kernel(r, "batch_norm", "batch_norm");
    recipe_int(r, p.batch * p.channels);
    recipe_int(r, p.channels);
    recipe_int(r, p.spatial);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    for (size_t i = 0; i < 5; i++) recipe_value(r, site_in(s, i));
    end_runs(s, r);
    return FOVEA_OK;
}

static const struct algorithm batch_norm = {
    .name = "batch_norm",
    .refuse = batch_norm_refuse,
    .inexact = true, /* the root */
    .lower = batch_norm_lower,
};

/* ---- Group and instance normalisation ---- */

static int64_t groups_of(const struct site *s) {
    struct planes p = norm_planes(s);
    return p.batch * (s->node->op == OP_InstanceNormalization ? p.channels
                                                              : attr_int(s->node, "num_groups", 1));
}

static size_t group_norm_workspace(const struct site *s) {
    return (size_t)groups_of(s) * 2 * sizeof(float);
}

static void lower_group_apply(const struct site *s, struct recipe *r) {
    struct planes p = norm_planes(s);
    int64_t groups = groups_of(s);
    recipe_kernel(r, "group_norm", "group_norm_apply");
    recipe_int(r, p.elements);
    recipe_int(r, groups ? p.elements / groups : 0);
    recipe_int(r, p.channels);
    recipe_int(r, p.spatial);
    for (size_t i = 0; i < 3; i++) recipe_value(r, site_in(s, i));
    recipe_workspace(r, 0, sizeof(float));
    end(s, r);
}

static fovea_status group_norm_lower(const struct site *s, struct recipe *r) {
    int64_t groups = groups_of(s);
    recipe_kernel(r, "group_norm", "group_norm_statistics");
    recipe_int(r, groups);
    recipe_int(r, groups ? norm_planes(s).elements / groups : 0);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    recipe_define(r, "ACTIVATION",
                  node_activation(s->node).kind); /* one program for both kernels */
    recipe_global(r, (size_t)groups, 0, 0);
    lower_group_apply(s, r);
    return FOVEA_OK;
}

static const struct algorithm group_norm = {
    .name = "group_norm",
    .workspace = group_norm_workspace,
    .estimate = norm_estimate,
    .inexact = true, /* the root */
    .lower = group_norm_lower,
};

/* ---- Layer normalisation ---- */

/* A parameter that broadcasts to x, with x seen as (outer, middle, inner). */
struct broadcast {
    int64_t middle, inner, stride[3];
};

/* Joins neighbouring axes of x that the parameter has, and those it has not, into at most three. */
static bool broadcast_of(const fovea_desc *x, const fovea_desc *d, struct broadcast *b) {
    int64_t sizes[3] = {1, 1, 1}, stride = 1;
    int parts = 0, had = -1;
    *b = (struct broadcast){1, 1, {0, 0, 0}};
    for (int k = 1; k <= x->rank; k++) {
        int64_t own = k <= d->rank ? d->dim[d->rank - k] : 1;
        if (x->dim[x->rank - k] == 1) continue;
        if (had != (own > 1) && parts++ == 3) return false;
        if (had != (own > 1)) b->stride[3 - parts] = own > 1 ? stride : 0;
        had = own > 1;
        sizes[3 - parts] *= x->dim[x->rank - k];
        stride *= own;
    }
    b->middle = sizes[1];
    b->inner = sizes[2];
    return true;
}

static const char *layer_norm_refuse(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    struct broadcast b;
    if (!node_out(s->graph, s->node, 0)) return "the normalised output must be wanted";
    for (size_t i = 1; i < 3; i++) {
        const struct value *v = node_in(s->graph, s->node, i);
        if (v && !broadcast_of(x, &v->desc, &b))
            return "scale and bias must broadcast over at most two runs of axes";
    }
    return NULL;
}

static int64_t rows_of(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    return desc_span(x, 0, attr_axis(s->node, "axis", -1, x->rank));
}

static size_t layer_norm_workspace(const struct site *s) {
    return (size_t)rows_of(s) * 2 * sizeof(float);
}

/* The mean (output 1) and inverse deviation (output 2), in workspace where they are not wanted. */
static void push_statistics(const struct site *s, struct recipe *r) {
    for (size_t i = 1; i < 3; i++)
        if (node_out(s->graph, s->node, i)) recipe_value(r, site_out(s, i));
        else recipe_workspace(r, (i - 1) * (size_t)rows_of(s) * sizeof(float), sizeof(float));
}

static void push_broadcast(const struct site *s, struct recipe *r, size_t i) {
    const struct value *v = node_in(s->graph, s->node, i);
    struct broadcast b = {1, 1, {0, 0, 0}};
    if (v) broadcast_of(&node_in(s->graph, s->node, 0)->desc, &v->desc, &b);
    recipe_int(r, b.middle);
    recipe_int(r, b.inner);
    for (int k = 0; k < 3; k++) recipe_int(r, b.stride[k]);
}

static void lower_layer_apply(const struct site *s, struct recipe *r) {
    int64_t rows = rows_of(s), elements = norm_planes(s).elements;
    recipe_kernel(r, "layer_norm", "layer_norm_apply");
    recipe_define(r, "HAS_BIAS", node_in(s->graph, s->node, 2) != NULL);
    recipe_int(r, elements);
    recipe_int(r, rows ? elements / rows : 0);
    push_broadcast(s, r, 1);
    push_broadcast(s, r, 2);
    for (size_t i = 0; i < 3; i++) recipe_value(r, site_in(s, i));
    push_statistics(s, r);
    end(s, r);
}

static fovea_status layer_norm_lower(const struct site *s, struct recipe *r) {
    int64_t rows = rows_of(s);
    recipe_kernel(r, "layer_norm", "layer_norm_statistics");
    recipe_define(r, "HAS_BIAS", node_in(s->graph, s->node, 2) != NULL);
    recipe_define(r, "ACTIVATION",
                  node_activation(s->node).kind); /* one program for both kernels */
    recipe_int(r, rows);
    recipe_int(r, rows ? norm_planes(s).elements / rows : 0);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    recipe_value(r, site_in(s, 0));
    push_statistics(s, r);
    recipe_global(r, (size_t)rows, 0, 0);
    lower_layer_apply(s, r);
    return FOVEA_OK;
}

static const struct algorithm layer_norm = {
    .name = "layer_norm",
    .refuse = layer_norm_refuse,
    .workspace = layer_norm_workspace,
    .estimate = norm_estimate,
    .inexact = true, /* the root */
    .lower = layer_norm_lower,
};

/* ---- Layer, group and instance normalisation, a work-group for the statistics of a row ---- */

static bool is_layer(const struct site *s) {
    return s->node->op == OP_LayerNormalization;
}

static struct group_task group_task_of(const struct site *s, bool subgroups) {
    int64_t rows = is_layer(s) ? rows_of(s) : groups_of(s), elements = norm_planes(s).elements;
    return (struct group_task){.groups = rows,
                               .length = rows ? elements / rows : 0,
                               .in_flight = 4,
                               .passes = 2,
                               .bytes = (double)elements * sizeof(float),
                               .flops = 4 * (double)elements,
                               .subgroups = subgroups};
}

/* The second launch is the same for all. */
static double apply_seconds(const struct site *s) {
    return algorithm_roofline(s);
}

static double norm_estimate(const struct site *s) {
    struct group_task t = group_task_of(s, false);
    return group_seconds_alone(s, t.groups, t.length, t.passes) + apply_seconds(s);
}

static const char *norm_group_refuse(const struct site *s, bool subgroups) {
    struct group_task t = group_task_of(s, subgroups);
    const char *why = is_layer(s) ? layer_norm_refuse(s) : NULL;
    return why ? why : group_refuse(s, &t, 1);
}

static double norm_group_estimate(const struct site *s, bool subgroups) {
    struct group_task t = group_task_of(s, subgroups);
    return group_seconds(s, &t, group_lanes(s, &t, site_tuned(s, GROUP_TUNED_LANES, 0))) +
           apply_seconds(s);
}

static size_t norm_group_workspace(const struct site *s) {
    return is_layer(s) ? layer_norm_workspace(s) : group_norm_workspace(s);
}

static fovea_status norm_group_lower(const struct site *s, struct recipe *r, bool subgroups) {
    struct group_task t = group_task_of(s, subgroups);
    recipe_kernel(r, "norm_group", "norm_group_statistics");
    group_launch(r, &t, group_lanes(s, &t, site_tuned(s, GROUP_TUNED_LANES, 0)), t.groups, 0, 0);
    recipe_int(r, t.length);
    recipe_int(r, is_layer(s) ? 1 : 2);
    recipe_float(r, attr_float(s->node, "epsilon", 1e-5f));
    recipe_value(r, site_in(s, 0));
    if (is_layer(s)) push_statistics(s, r);
    for (size_t i = 0; i < 2 && !is_layer(s); i++)
        recipe_workspace(r, i * sizeof(float), sizeof(float));
    if (is_layer(s)) lower_layer_apply(s, r);
    else lower_group_apply(s, r);
    return FOVEA_OK;
}

/* The root is inexact. */
GROUP_ENTRIES(norm_group, .tunables = group_tunables, .workspace = norm_group_workspace,
              .inexact = true)

/* ---- Local response normalisation ---- */

static double lrn_estimate(const struct site *s) {
    double operations =
        lrn_quarters(s) ? 6 : 100; /* for each element: loads again, roots or a power */
    return blocked_seconds(s, operations * (double)norm_planes(s).elements);
}

static fovea_status lrn_lower(const struct site *s, struct recipe *r) {
    struct planes p = norm_planes(s);
    int64_t size = attr_int(s->node, "size", 1);
    recipe_kernel(r, "lrn", "lrn");
    recipe_define(r, "QUARTERS", lrn_quarters(s));
    recipe_int(r, p.batch * p.channels);
    recipe_int(r, p.channels);
    recipe_int(r, p.spatial);
    recipe_int(r, (size - 1) / 2);
    recipe_int(r, size / 2);
    recipe_float(r, (float)((double)attr_float(s->node, "alpha", 1e-4f) / (double)size));
    recipe_float(r, attr_float(s->node, "beta", 0.75f));
    recipe_float(r, attr_float(s->node, "bias", 1));
    recipe_value(r, site_in(s, 0));
    end_runs(s, r);
    return FOVEA_OK;
}

static const struct algorithm lrn = {
    .name = "lrn",
    .estimate = lrn_estimate,
    .inexact = true, /* the power */
    .lower = lrn_lower,
};
