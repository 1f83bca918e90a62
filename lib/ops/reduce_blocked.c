/* Sums over the batch and all pixels of a channel-blocked value: cl_kernels/reduce_blocked.cl. */
#include "graph/reduction.h"
#include "ops/blocked.h"

enum {
    PART_PIXELS =
        16384, /* of a part at most: some runtimes end a work-item's loops after 2^16 turns */
    PART_PIXELS_LEAST = 256,
    ITEMS_PER_UNIT = 8,
};

static const fovea_desc *input(const struct site *s) {
    return &node_in(s->graph, s->node, 0)->desc;
}

static const char *refuse(const struct site *s) {
    const fovea_desc *x = input(s);
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    struct reduction r;
    if (blocked_refuse_rank(s)) return blocked_refuse_rank(s);
    if (s->node->op != OP_ReduceSum && s->node->op != OP_ReduceMean) return "no sum or mean";
    if (node_activation(s->node).kind != ACTIVATION_NONE) return "no fused activation";
    if (fovea_desc_elements(x) == 0) return "an input without elements";
    shape_read_ints(s->graph, s->node, 1, axes, FOVEA_MAX_RANK, &count); /* the shape function */
    reduction_make(&r, s->node, x, axes, count);                         /* has checked them */
    for (int i = 0; i < x->rank; i++)
        if (r.axis[i] == (i == 1)) return "the axes must be all but that of the channels";
    return NULL;
}

static uint32_t layouts(const struct site *s) {
    (void)s;
    return 1;
}

static int64_t pixels_of(const struct site *s) {
    return desc_span(input(s), 2, input(s)->rank);
}

/* Pixels of a part: enough parts to keep the device busy. */
static int64_t each_of(const struct site *s) {
    int64_t units = s->device->compute_units > 0 ? s->device->compute_units : 1;
    int64_t all = input(s)->dim[0] * pixels_of(s);
    int64_t parts = ceil_div(ITEMS_PER_UNIT * units, site_channel_blocks(s, site_in(s, 0)));
    int64_t each = ceil_div(all, parts);
    if (each < PART_PIXELS_LEAST) each = PART_PIXELS_LEAST;
    return each > PART_PIXELS ? PART_PIXELS : each;
}

static int64_t parts_of(const struct site *s) {
    return ceil_div(input(s)->dim[0] * pixels_of(s), each_of(s));
}

static size_t workspace(const struct site *s) {
    int64_t blocks = site_channel_blocks(s, site_in(s, 0));
    return (size_t)(parts_of(s) * blocks * site_width(s)) * sizeof(float);
}

static double estimate(const struct site *s) {
    return blocked_seconds(s, 0) + s->device->launch_overhead_us * 1e-6;
}

static fovea_status lower(const struct site *s, struct recipe *r) {
    int64_t blocks = site_channel_blocks(s, site_in(s, 0)), n = input(s)->dim[0];
    bool mean = s->node->op == OP_ReduceMean;
    recipe_kernel(r, "reduce_blocked", "reduce_blocked");
    recipe_width(r, s);
    recipe_int(r, n);
    recipe_int(r, blocks);
    recipe_int(r, pixels_of(s));
    recipe_int(r, each_of(s));
    recipe_value(r, site_in(s, 0));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, (size_t)blocks, (size_t)parts_of(s), 0);
    recipe_local(r, 1, 1, 1);

    recipe_kernel(r, "reduce_blocked", "reduce_blocked_finish");
    recipe_width(r, s);
    recipe_int(r, parts_of(s));
    recipe_int(r, input(s)->dim[1]);
    recipe_float(r, mean ? (float)(n * pixels_of(s)) : 1);
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)blocks, 0, 0);
    recipe_local(r, 1, 1, 1);
    return FOVEA_OK;
}

const struct algorithm reduce_blocked = {.name = "reduce_blocked",
                                         .refuse = refuse,
                                         .blocked = layouts,
                                         .workspace = workspace,
                                         .estimate = estimate,
                                         .lower = lower};
