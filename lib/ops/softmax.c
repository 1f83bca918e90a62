/* Softmax and its relatives, and dropout on a device. */
#include "ops/group.h"

static const struct algorithm softmax, hardmax, dropout;

const struct algorithm *const softmax_algorithms[] = {&softmax_group_subgroup, &softmax_group_local,
                                                      &softmax, &hardmax, NULL};
const struct algorithm *const dropout_algorithms[] = {&dropout, NULL};

static const char *refuse_activation(const struct site *s) {
    return node_activation(s->node).kind ? "no activation can be fused" : NULL;
}

/* ---- Softmax ---- */

static const char *softmax_refuse(const struct site *s) {
    return s->node->op == OP_Hardmax ? "this is for sums of exponentials" : refuse_activation(s);
}

static const char *hardmax_refuse(const struct site *s) {
    return s->node->op == OP_Hardmax ? refuse_activation(s) : "only Hardmax needs no exponentials";
}

/* (outer, size, inner): a row has `size` elements with the distance `inner`. */
struct rows {
    int64_t count, size, inner;
};

static struct rows rows_of(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int axis = x->rank ? attr_axis(s->node, "axis", -1, x->rank) : 0;
    int last = attr_int(s->node, "coerce", 0) || !x->rank ? x->rank : axis + 1;
    int64_t inner = desc_span(x, last, x->rank);
    return (struct rows){desc_span(x, 0, axis) * inner, desc_span(x, axis, last), inner};
}

enum { PASSES = 3 }; /* the largest element, the sum, the results */

static double softmax_estimate(const struct site *s) {
    struct rows rows = rows_of(s);
    return group_seconds_alone(s, rows.count, rows.size, PASSES);
}

static fovea_status softmax_lower(const struct site *s, struct recipe *r) {
    struct rows rows = rows_of(s);
    recipe_kernel(r, "softmax",
                  s->node->op == OP_Softmax      ? "softmax"
                  : s->node->op == OP_LogSoftmax ? "softmax_log"
                                                 : "softmax_hard");
    recipe_int(r, rows.count);
    recipe_int(r, rows.size);
    recipe_int(r, rows.inner);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)rows.count, 0, 0);
    return FOVEA_OK;
}

static const struct algorithm softmax = {
    .name = "softmax",
    .refuse = softmax_refuse,
    .estimate = softmax_estimate,
    .inexact = true, /* exponentials */
    .lower = softmax_lower,
};
static const struct algorithm hardmax = {
    .name = "softmax",
    .refuse = hardmax_refuse,
    .lower = softmax_lower,
};

/* ---- Softmax, a work-group for a row ---- */

static struct group_task group_of(const struct site *s, bool subgroups) {
    struct rows rows = rows_of(s);
    struct group_task t = {.groups = rows.count,
                           .length = rows.size,
                           .in_flight = 4,
                           .passes = PASSES,
                           .subgroups = subgroups};
    graph_cost(s->graph, s->node, &t.flops, &t.bytes);
    return t;
}

static const char *softmax_group_refuse(const struct site *s, bool subgroups) {
    struct group_task t = group_of(s, subgroups);
    if (softmax_refuse(s)) return softmax_refuse(s);
    if (rows_of(s).inner != 1) return "the elements of a row must be neighbours";
    return group_refuse(s, &t, 1);
}

static double softmax_group_estimate(const struct site *s, bool subgroups) {
    struct group_task t = group_of(s, subgroups);
    return group_seconds(s, &t, group_lanes(s, &t, site_tuned(s, GROUP_TUNED_LANES, 0)));
}

static fovea_status softmax_group_lower(const struct site *s, struct recipe *r, bool subgroups) {
    struct group_task t = group_of(s, subgroups);
    recipe_kernel(r, "softmax_group",
                  s->node->op == OP_Softmax ? "softmax_group" : "softmax_group_log");
    group_launch(r, &t, group_lanes(s, &t, site_tuned(s, GROUP_TUNED_LANES, 0)), t.groups, 0, 0);
    recipe_int(r, t.length);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

/* Exponentials are inexact. */
GROUP_ENTRIES(softmax_group, .tunables = group_tunables, .inexact = true)

/* ---- Dropout ---- */

static bool is_float32(const struct value *v) {
    return !v || v->desc.dtype == FOVEA_FLOAT32;
}

static const char *dropout_refuse(const struct site *s) {
    if (!is_float32(node_in(s->graph, s->node, 0)) || !is_float32(node_in(s->graph, s->node, 1)))
        return "element types must be float32";
    return refuse_activation(s);
}

/* Single numbers of any type are read as they are; masks are plain. */
static uint32_t dropout_blocked(const struct site *s) {
    return node_out(s->graph, s->node, 1) || !site_blocked(s, site_in(s, 0)) ? 0 : 1 | BLOCKED_OUT;
}

static void dropout_sizes(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    bool blocked = site_blocked(s, site_in(s, 0));
    recipe_define(r, "BLOCKED", blocked);
    recipe_width(r, s);
    recipe_int(r, fovea_desc_elements(x));
    recipe_int(r, blocked ? x->dim[1] : 1);
    recipe_int(r, blocked ? desc_span(x, 2, x->rank) : 1);
}

static fovea_status dropout_lower(const struct site *s, struct recipe *r) {
    const float *given = value_data(node_in(s->graph, s->node, 1));
    const uint8_t *training = value_data(node_in(s->graph, s->node, 2));
    float ratio = !training || !*training ? 0 : given ? *given : 0.5f;
    uint64_t seed = (uint64_t)attr_int(s->node, "seed", 0);
    int64_t elements = value_elements(node_in(s->graph, s->node, 0));
    recipe_kernel(r, "dropout", "dropout");
    dropout_sizes(s, r);
    recipe_int(r, ratio > 0);
    recipe_int(r, node_in(s->graph, s->node, 3) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 0) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, (int32_t)(uint32_t)seed);
    recipe_int(r, (int32_t)(uint32_t)(seed >> 32));
    recipe_float(r, ratio);
    recipe_float(r, (float)(1 / (1 - (double)ratio)));
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 3));
    recipe_value(r, site_out(s, 0));
    recipe_value(r, site_out(s, 1));
    recipe_global(r, (size_t)ceil_div(elements, 32), 0,
                  0); /* eight blocks of random numbers each */
    return FOVEA_OK;
}

static const struct algorithm dropout = {
    .name = "dropout",
    .refuse = dropout_refuse,
    .any_type = true,
    .blocked = dropout_blocked,
    .inexact = true, /* the scale */
    .lower = dropout_lower,
};
