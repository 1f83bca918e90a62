/* Reductions on a device. */
#include "graph/reduction.h"
#include "ops/blocked.h"
#include "ops/group.h"

static const struct algorithm reduce_split, reduce, arg_reduce, top_k;

const struct algorithm *const reduce_algorithms[] = {
    &reduce_blocked, &reduce_group_subgroup, &reduce_group_local, &reduce_split, &reduce, NULL};
const struct algorithm *const arg_reduce_algorithms[] = {&arg_reduce, NULL};
const struct algorithm *const top_k_algorithms[] = {&top_k, NULL};

static const fovea_desc *in_desc(const struct site *s, size_t i) {
    return &node_in(s->graph, s->node, i)->desc;
}

static const char *refuse_common(const struct site *s) {
    if (fovea_desc_elements(in_desc(s, 0)) == 0) return "an input without elements";
    if (node_activation(s->node).kind != ACTIVATION_NONE) return "no fused activation";
    return NULL;
}

/* Some runtimes end all loops of a work-item after 2^16 iterations (Mesa's llvmpipe), and on a GPU so
 * long a loop in one work-item is slower than the reference. */
enum { ITERATIONS_MAX = 65535 };
static const char too_long[] = "a work-item would loop more than 65535 times";

/* ---- ReduceX ---- */

/* The enumerator in the kernels. */
static const char *op_define(enum op op) {
    switch (op) {
    case OP_ReduceMean: return "MEAN";
    case OP_ReduceMax: return "MAX";
    case OP_ReduceMin: return "MIN";
    case OP_ReduceProd: return "PROD";
    case OP_ReduceSumSquare: return "SUM_SQUARE";
    case OP_ReduceL1: return "L1";
    case OP_ReduceL2: return "L2";
    case OP_ReduceLogSum: return "LOG_SUM";
    case OP_ReduceLogSumExp: return "LOG_SUM_EXP";
    default: return "SUM";
    }
}

static struct reduction site_reduction(const struct site *s) {
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    struct reduction r;
    shape_read_ints(s->graph, s->node, 1, axes, FOVEA_MAX_RANK, &count); /* the shape function */
    reduction_make(&r, s->node, in_desc(s, 0), axes, count);             /* has checked them */
    return r;
}

/* Sizes and strides of the kept dimensions, then of the reduced ones; `first`: where sizes begin. */
static void push_reduction(struct recipe *r, const struct reduction *d, int first_reduced) {
    for (int i = 1; i < REDUCTION_DIMS; i++) recipe_int(r, d->kept[i]);
    for (int i = 0; i < REDUCTION_DIMS; i++) recipe_int(r, d->kept_stride[i]);
    for (int i = first_reduced; i < REDUCTION_DIMS; i++) recipe_int(r, d->reduced[i]);
    for (int i = 0; i < REDUCTION_DIMS; i++) recipe_int(r, d->reduced_stride[i]);
}

static const char *reduce_refuse(const struct site *s) {
    const char *why = refuse_common(s);
    if (why) return why;
    struct reduction d = site_reduction(s);
    int64_t passes = s->node->op == OP_ReduceLogSumExp ? 2 : 1;
    /* The four nested loops count each time one of them turns. */
    return passes * d.terms > ITERATIONS_MAX / 2 ? too_long : NULL;
}

static double reduce_estimate(const struct site *s) {
    struct reduction d = site_reduction(s);
    return group_seconds_alone(s, d.outputs, d.terms, s->node->op == OP_ReduceLogSumExp ? 2 : 1);
}

static fovea_status reduce_lower(const struct site *s, struct recipe *r) {
    struct reduction d = site_reduction(s);
    recipe_kernel(r, "reduce", "reduce");
    recipe_define_text(r, "OP", op_define(s->node->op));
    recipe_int(r, d.outputs);
    push_reduction(r, &d, 0);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)d.outputs, 0, 0);
    return FOVEA_OK;
}

/* Work-items share an output where there are few outputs or many terms. */
enum {
    SPLIT_OUTPUTS_EACH = 32,
    SPLIT_TERMS_MIN = 1024,
    SPLIT_PARTS_MIN = 64,
    PART_TERMS_MAX = 16384
};

static int64_t split_parts(const struct reduction *d) {
    int64_t parts = d->terms / PART_TERMS_MAX + 1;
    return parts > SPLIT_PARTS_MIN ? parts : SPLIT_PARTS_MIN;
}

static const char *split_refuse(const struct site *s) {
    const char *why = refuse_common(s);
    if (why) return why;
    if (s->node->op == OP_ReduceLogSumExp) return "LogSumExp needs the largest term first";
    struct reduction d = site_reduction(s);
    if (d.terms > PART_TERMS_MAX) return NULL;
    if (d.outputs > SPLIT_OUTPUTS_EACH * (int64_t)s->device->compute_units)
        return "enough outputs to keep the device busy";
    return d.terms < SPLIT_TERMS_MIN ? "fewer than 1024 terms" : NULL;
}

static size_t split_workspace(const struct site *s) {
    struct reduction d = site_reduction(s);
    return (size_t)(d.outputs * split_parts(&d)) * sizeof(float);
}

/* Parts side by side, then a launch that walks what they left. */
static double split_estimate(const struct site *s) {
    struct reduction d = site_reduction(s);
    int64_t parts = split_parts(&d);
    double finish =
        s->device->local_memory_is_real ? group_seconds_alone(s, d.outputs, parts, 1) : 0;
    return group_seconds_alone(s, d.outputs * parts, ceil_div(d.terms, parts), 1) + finish;
}

static fovea_status split_lower(const struct site *s, struct recipe *r) {
    struct reduction d = site_reduction(s);
    recipe_kernel(r, "reduce_split", "reduce_split");
    recipe_define_text(r, "OP", op_define(s->node->op));
    recipe_define(r, "CONTIGUOUS", !s->device->local_memory_is_real);
    recipe_int(r, split_parts(&d));
    recipe_int(r, d.terms);
    push_reduction(r, &d, 1);
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, (size_t)split_parts(&d), (size_t)d.outputs, 0);

    recipe_kernel(r, "reduce_split", "reduce_split_finish");
    recipe_define_text(r, "OP", op_define(s->node->op));
    recipe_define(r, "CONTIGUOUS", !s->device->local_memory_is_real);
    recipe_int(r, split_parts(&d));
    recipe_int(r, d.terms);
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)d.outputs, 0, 0);
    return FOVEA_OK;
}

/* ---- Choosing along an axis ---- */

static const char *choose_refuse(const struct site *s) {
    fovea_dtype t = in_desc(s, 0)->dtype;
    if (!opencl_type(t) || t == FOVEA_FLOAT64) return "no arithmetic for this element type";
    return refuse_common(s);
}

static const char *arg_refuse(const struct site *s) {
    const fovea_desc *x = in_desc(s, 0);
    const char *why = choose_refuse(s);
    if (why) return why;
    return x->dim[attr_axis(s->node, "axis", 0, x->rank)] > ITERATIONS_MAX ? too_long : NULL;
}

static fovea_status arg_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = in_desc(s, 0);
    int axis = attr_axis(s->node, "axis", 0, x->rank);
    int64_t inner = desc_span(x, axis + 1, x->rank), outputs = desc_span(x, 0, axis) * inner;
    recipe_kernel(r, "arg_reduce", "arg_reduce");
    recipe_define_text(r, "TYPE", opencl_type(x->dtype));
    recipe_define(r, "LARGEST", s->node->op == OP_ArgMax);
    recipe_define(r, "LAST", attr_int(s->node, "select_last_index", 0) != 0);
    recipe_int(r, outputs);
    recipe_int(r, x->dim[axis]);
    recipe_int(r, inner);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)outputs, 0, 0);
    return FOVEA_OK;
}

static int64_t top_k_count(const struct site *s) {
    int64_t k = 0;
    size_t count;
    shape_read_ints(s->graph, s->node, 1, &k, 1, &count);
    return k;
}

static const char *top_k_refuse(const struct site *s) {
    const fovea_desc *x = in_desc(s, 0);
    const char *why = choose_refuse(s);
    if (why) return why;
    int64_t k = top_k_count(s), n = x->dim[attr_axis(s->node, "axis", -1, x->rank)];
    if (k == 0) return "there is nothing to compute";
    return n >= ITERATIONS_MAX / k ? too_long : NULL; /* k passes over the slice */
}

static fovea_status top_k_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = in_desc(s, 0);
    int axis = attr_axis(s->node, "axis", -1, x->rank);
    int64_t inner = desc_span(x, axis + 1, x->rank), slices = desc_span(x, 0, axis) * inner;
    recipe_kernel(r, "top_k", "top_k");
    recipe_define_text(r, "TYPE", opencl_type(x->dtype));
    recipe_define(r, "LARGEST", attr_int(s->node, "largest", 1) != 0);
    recipe_define(r, "HAS_VALUES", site_out(s, 0) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_INDICES", site_out(s, 1) != FOVEA_NO_VALUE);
    recipe_int(r, slices);
    recipe_int(r, x->dim[axis]);
    recipe_int(r, inner);
    recipe_int(r, top_k_count(s));
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_value(r, site_out(s, 1));
    recipe_global(r, (size_t)slices, 0, 0);
    return FOVEA_OK;
}

static const struct algorithm reduce_split = {.name = "reduce_split",
                                              .refuse = split_refuse,
                                              .workspace = split_workspace,
                                              .estimate = split_estimate,
                                              .lower = split_lower};
static const struct algorithm reduce = {
    .name = "reduce", .refuse = reduce_refuse, .estimate = reduce_estimate, .lower = reduce_lower};
static const struct algorithm arg_reduce = {
    .name = "arg_reduce", .refuse = arg_refuse, .any_type = true, .lower = arg_lower};
static const struct algorithm top_k = {
    .name = "top_k", .refuse = top_k_refuse, .any_type = true, .lower = top_k_lower};
