/* Rows that work-groups share. */
#include "ops/group.h"

#include <math.h>

enum {
    LANES_LEAST = 32,
    LANES_MOST = 256,
    LANES_DEFAULT = 64, /* where the size of a subgroup is not known */
    RESIDENT = 1024,    /* work-items that a unit has in flight; GPUs have room for 1024 to 2048 */
    GROUPS_LIMIT = INT32_MAX / LANES_MOST,
    TURNS_MAX = 65535 / 2, /* some runtimes end all loops of a work-item after so many turns */
};

/* Of the bandwidth that streams reach: FluidX3D measured 73 % on an H200, 80 % on an H100. */
static const double STREAM_SHARE = 0.75;
/* Of the peak, without reuse in registers beyond a few rows. */
static const double PEAK_SHARE = 0.2;
/* From a load to its number, as in lib/ops/tile.c. */
static const double LATENCY = 0.5e-6;
/* A step of the tree through local memory, write, barrier and read: some 60 cycles at 1.5 GHz; and a whole join
 * in a subgroup: five shuffles of some 25 cycles. */
static const double TREE_STEP = 40e-9, SUBGROUP_JOIN = 80e-9;
/* Elsewhere a group runs as loops between its barriers. */
static const double CPU_FACTOR = 50;

const struct tunable group_tunables[] = {{"lanes", {GROUP_LANES}}, {0}};

/* GPUs, also those whose local memory is a part of their ordinary memory, if they have subgroups. */
static bool runs_side_by_side(const fovea_device_info *d) {
    return d->local_memory_is_real || (d->has_subgroups && d->type == FOVEA_DEVICE_GPU);
}

static double units_of(const struct site *s) {
    return fmax(1, s->device->compute_units);
}

const char *group_refuse(const struct site *s, const struct group_task *t, int64_t results) {
    if (s->device->max_work_group_size < LANES_LEAST) return "groups of 32 work-items are needed";
    if ((uint64_t)(results * LANES_MOST) * sizeof(float) > s->device->local_memory_bytes)
        return "what a group joins does not fit the device's local memory";
    if (t->groups > GROUPS_LIMIT) return "more than 8388607 work-groups";
    if (t->passes * ceil_div(t->length, LANES_LEAST) > TURNS_MAX)
        return "a work-item would loop more than 65535 times";
    return NULL;
}

/* A group of one subgroup needs no barrier; more work-items where rows are long and groups are few. */
int64_t group_lanes(const struct site *s, const struct group_task *t, int tuned) {
    int64_t most = LANES_MOST, lanes = LANES_LEAST;
    int64_t size = s->device->subgroup_size ? s->device->subgroup_size : LANES_DEFAULT;
    while (most > (int64_t)s->device->max_work_group_size) most /= 2;
    if (tuned) return tuned < most ? tuned : most;
    while (lanes < size && lanes < most) lanes *= 2;
    while (lanes < most && t->length > 2 * lanes * t->in_flight &&
           (double)(t->groups * lanes) < units_of(s) * RESIDENT / 2)
        lanes *= 2;
    return lanes;
}

static double join_seconds(const struct site *s, const struct group_task *t, int64_t lanes) {
    double size = s->device->subgroup_size ? s->device->subgroup_size : LANES_LEAST;
    if (!t->subgroups) return TREE_STEP * (2 + log2((double)lanes));
    double parts = ceil((double)lanes / size);
    return SUBGROUP_JOIN + (parts > 1 ? TREE_STEP * (2 + ceil(log2(parts))) : 0);
}

static double waves_of(const fovea_device_info *d, double items) {
    return ceil(items / (fmax(1, d->compute_units) * RESIDENT));
}

double group_waiting(const fovea_device_info *d, double items, double loads) {
    return runs_side_by_side(d) ? waves_of(d, items) * loads * LATENCY : 0;
}

/* `items` work-items, each with `length` elements in each pass: as fast as memory brings them, or as their number
 * hides its latency. */
static double seconds_of(const struct site *s, const struct group_task *t, double items,
                         double length, double join) {
    const fovea_device_info *d = s->device;
    double loads = ceil(length / (double)t->in_flight);
    double waiting = waves_of(d, items) * t->passes * (loads * LATENCY + join);
    double memory = t->bytes / (STREAM_SHARE * d->bytes_per_second);
    return fmax(fmax(memory, waiting), t->flops / (PEAK_SHARE * d->flops_peak)) +
           d->launch_overhead_us * 1e-6;
}

double group_seconds(const struct site *s, const struct group_task *t, int64_t lanes) {
    double join = join_seconds(s, t, lanes), each = ceil((double)t->length / (double)lanes);
    double factor = runs_side_by_side(s->device) ? 1 : CPU_FACTOR;
    return factor * seconds_of(s, t, (double)(t->groups * lanes), each, join);
}

double group_seconds_alone(const struct site *s, int64_t rows, int64_t length, int passes) {
    enum { IN_FLIGHT = 8 }; /* a vector of 8 */
    struct group_task t = {.in_flight = IN_FLIGHT, .passes = passes};
    if (!runs_side_by_side(s->device)) return algorithm_roofline(s);
    graph_cost(s->graph, s->node, &t.flops, &t.bytes);
    return seconds_of(s, &t, (double)rows, (double)length, 0);
}

void group_launch(struct recipe *r, const struct group_task *t, int64_t lanes, int64_t x, int64_t y,
                  int64_t z) {
    recipe_define(r, "LANES", lanes);
    recipe_define(r, "SUBGROUPS", t->subgroups);
    recipe_global(r, (size_t)(x * lanes), (size_t)y, (size_t)z);
    recipe_local(r, (size_t)lanes, 1, 1);
}
