/* What the algorithms on channel-blocked values share. */
#include "ops/blocked.h"

#include <math.h>

enum {
    RUNS_A_UNIT = 8, /* work-items of a CPU's core: enough to balance, few enough to cost nothing */
    LANES = 64,      /* work-items of a group elsewhere */
};

uint32_t blocked_first(const struct site *s) {
    (void)s;
    return 1 | BLOCKED_OUT;
}

const char *blocked_refuse_rank(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    return x->rank < 3 || x->rank > 5 ? "rank must be 3 to 5" : NULL;
}

int64_t blocked_planes(const struct site *s, fovea_value v) {
    return s->graph->values[v].desc.dim[0] * site_channel_blocks(s, v);
}

void blocked_launch(const struct site *s, struct recipe *r, int64_t items) {
    blocked_launch_most(s, r, items, INT64_MAX);
}

void blocked_launch_most(const struct site *s, struct recipe *r, int64_t items, int64_t most) {
    bool lanes = s->device->local_memory_is_real;
    int64_t units = s->device->compute_units ? s->device->compute_units : 1;
    int64_t largest = (int64_t)s->device->max_work_group_size;
    int64_t local = !lanes ? 1 : largest && largest < LANES ? largest : LANES;
    int64_t run = lanes ? 1 : (items + units * RUNS_A_UNIT - 1) / (units * RUNS_A_UNIT);
    if (run > most) run = most;
    if (run < 1) run = 1;
    recipe_width(r, s);
    recipe_int(r, items);
    recipe_int(r, run);
    recipe_global(r, (size_t)(((items + run - 1) / run + local - 1) / local * local), 0, 0);
    recipe_local(r, (size_t)local, 0, 0);
}

double blocked_seconds(const struct site *s, double operations) {
    double flops, bytes, share = s->device->local_memory_is_real ? 0.01 : 0.08;
    double reached = s->device->local_memory_is_real ? 0.2 : 1; /* a block is a short stretch */
    graph_cost(s->graph, s->node, &flops, &bytes);
    return fmax(operations / (share * s->device->flops_peak),
                bytes / (reached * s->device->bytes_per_second)) +
           s->device->launch_overhead_us * 1e-6;
}
