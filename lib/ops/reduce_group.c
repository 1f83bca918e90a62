/* Reductions of rows without gaps, and of whole planes, a work-group for a row: cl_kernels/reduce_group.cl. */
#include "graph/reduction.h"
#include "ops/group.h"

/* The enumerator in the kernel; NULL: it has none. */
static const char *op_define(enum op op) {
    switch (op) {
    case OP_GlobalAveragePool:
    case OP_ReduceMean: return "MEAN";
    case OP_GlobalMaxPool:
    case OP_ReduceMax: return "MAX";
    case OP_ReduceMin: return "MIN";
    case OP_ReduceSum: return "SUM";
    case OP_ReduceSumSquare: return "SUM_SQUARE";
    case OP_ReduceL1: return "L1";
    case OP_ReduceL2: return "L2";
    case OP_ReduceLogSum: return "LOG_SUM";
    case OP_ReduceLogSumExp: return "LOG_SUM_EXP";
    default: return NULL;
    }
}

static bool is_pool(const struct site *s) {
    return s->node->op == OP_GlobalAveragePool || s->node->op == OP_GlobalMaxPool;
}

/* False if the terms of an output are no neighbours. */
static bool rows_of(const struct site *s, int64_t *rows, int64_t *length) {
    enum { LAST = REDUCTION_DIMS - 1 };
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    struct reduction r;
    *rows = x->rank > 1 ? x->dim[0] * x->dim[1] : 1;
    *length = desc_span(x, 2, x->rank);
    if (is_pool(s)) return true;
    shape_read_ints(s->graph, s->node, 1, axes, FOVEA_MAX_RANK, &count); /* the shape function */
    reduction_make(&r, s->node, x, axes, count);                         /* has checked them */
    *rows = r.outputs;
    *length = r.terms;
    return (r.terms == 1 || r.reduced_stride[LAST] == 1) && r.reduced[LAST] == r.terms &&
           r.kept[LAST] == r.outputs;
}

static struct group_task task_of(const struct site *s, int64_t rows, int64_t length,
                                 bool subgroups) {
    bool twice = s->node->op == OP_ReduceLogSumExp;
    struct group_task t = {.groups = rows,
                           .length = length,
                           .in_flight = 4,
                           .passes = twice ? 3 : 1, /* with the join that no NaN is lost in */
                           .subgroups = subgroups};
    graph_cost(s->graph, s->node, &t.flops, &t.bytes);
    return t;
}

static const char *reduce_group_refuse(const struct site *s, bool subgroups) {
    int64_t rows, length;
    if (!op_define(s->node->op)) return "a product or a power";
    if (value_elements(node_in(s->graph, s->node, 0)) == 0) return "an input without elements";
    if (!is_pool(s) && node_activation(s->node).kind) return "no fused activation";
    if (!rows_of(s, &rows, &length)) return "the terms of an output must be neighbours";
    struct group_task t = task_of(s, rows, length, subgroups);
    return group_refuse(s, &t, 1);
}

static double reduce_group_estimate(const struct site *s, bool subgroups) {
    int64_t rows, length;
    rows_of(s, &rows, &length);
    struct group_task t = task_of(s, rows, length, subgroups);
    return group_seconds(s, &t, group_lanes(s, &t, site_tuned(s, GROUP_TUNED_LANES, 0)));
}

static fovea_status reduce_group_lower(const struct site *s, struct recipe *r, bool subgroups) {
    int64_t rows, length;
    rows_of(s, &rows, &length);
    struct group_task t = task_of(s, rows, length, subgroups);
    recipe_kernel(r, "reduce_group", "reduce_group");
    recipe_define_text(r, "OP", op_define(s->node->op));
    group_launch(r, &t, group_lanes(s, &t, site_tuned(s, GROUP_TUNED_LANES, 0)), rows, 0, 0);
    recipe_int(r, length);
    recipe_value(r, site_in(s, 0));
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    return FOVEA_OK;
}

GROUP_ENTRIES(reduce_group, .tunables = group_tunables)
