/* Products of a matrix and few vectors, a work-group for some rows: cl_kernels/gemv_group.cl. */
#include <math.h>

#include "ops/gemm.h"
#include "ops/group.h"

enum {
    COLUMNS_MOST = 8,
    VECTORS_MOST = 32,    /* W is read once for each block of columns */
    RESULTS_MOST = 16,    /* sums of a group */
    LAUNCH_LIMIT = 4096,  /* kernels of one node */
    GROUPS_LIMIT = 65535, /* of work-groups along y and z on some devices */
};
/* Of caches, beside memory: what the groups read of V. */
static const double CACHE_FACTOR = 3;

static const struct tunable tunables[] = {
    {"lanes", {GROUP_LANES}}, {"rows", {1, 2, 4, 8}}, {"vector", {1, 4}}, {0}};
enum { TUNED_LANES, TUNED_ROWS, TUNED_VECTOR };

/* Columns of a group: V is read once for each block of rows, W once for each block of columns. */
static int64_t columns_of(const struct gemm_vectors *v) {
    int64_t columns = 1;
    while (columns < v->n && columns < COLUMNS_MOST) columns *= 2;
    return columns;
}

/* Rows of a group: several share what is read of V, while there are groups for all units. */
static int64_t rows_of(const struct site *s, const struct gemm_vectors *v) {
    int64_t units = s->device->compute_units ? s->device->compute_units : 1;
    int64_t most = RESULTS_MOST / columns_of(v), rows = most < 4 ? most : 4;
    if (site_tuned(s, TUNED_ROWS, 0)) rows = site_tuned(s, TUNED_ROWS, 0);
    else
        while (rows > 1 && v->m < rows * units * 4) rows /= 2;
    return rows < most ? rows : most;
}

/* Everything W, V and C are read or written for, and V once more for each block of rows, from a cache. */
static struct group_task group_of(const struct site *s, const struct gemm_task *t,
                                  const struct gemm_vectors *v, bool subgroups) {
    int64_t batches = t->batch0 * t->batch1, rows = rows_of(s, v), columns = columns_of(v);
    int64_t blocks = ceil_div(v->m, rows), sets = ceil_div(v->n, columns);
    double k = (double)t->k, m = (double)v->m, n = (double)v->n, b = (double)batches;
    double again = (double)blocks * n * k / CACHE_FACTOR;
    return (struct group_task){.groups = blocks * sets * batches,
                               .length = t->k,
                               .in_flight = 4,
                               .passes = 1,
                               .bytes = sizeof(float) * b * ((double)sets * m * k + again + m * n),
                               .flops = 2 * b * m * k * (double)(sets * columns),
                               .subgroups = subgroups};
}

static const char *gemv_group_refuse(const struct site *s, bool subgroups) {
    struct gemm_task t = gemm_task_of(s, 0);
    if (!gemm_along_k(&t)) return "k must be contiguous in both operands";
    struct gemm_vectors v = gemm_vectors_of(&t);
    struct group_task g = group_of(s, &t, &v, subgroups);
    if (v.n > VECTORS_MOST) return "more than 32 vectors";
    if (gemm_task_count(s) > LAUNCH_LIMIT) return "more than 4096 launches would be needed";
    if (t.batch0 * t.batch1 > GROUPS_LIMIT) return "more than 65535 matrices";
    return group_refuse(s, &g, RESULTS_MOST);
}

static double gemv_group_estimate(const struct site *s, bool subgroups) {
    struct gemm_task t = gemm_task_of(s, 0);
    struct gemm_vectors v = gemm_vectors_of(&t);
    struct group_task g = group_of(s, &t, &v, subgroups);
    return (double)gemm_task_count(s) *
           group_seconds(s, &g, group_lanes(s, &g, site_tuned(s, TUNED_LANES, 0)));
}

static void lower_task(const struct site *s, struct recipe *r, const struct gemm_task *t,
                       bool subgroups) {
    struct gemm_vectors v = gemm_vectors_of(t);
    struct group_task g = group_of(s, t, &v, subgroups);
    int64_t rows = rows_of(s, &v), columns = columns_of(&v);
    recipe_kernel(r, "gemv_group", "gemv_group");
    recipe_define(r, "ROWS", rows);
    recipe_define(r, "COLUMNS", columns);
    recipe_define(r, "VECTOR", site_tuned(s, TUNED_VECTOR, subgroups ? 4 : 1));
    recipe_define(r, "HAS_BIAS", t->bias.value != FOVEA_NO_VALUE);
    recipe_int(r, v.m);
    recipe_int(r, v.n);
    recipe_int(r, t->k);
    gemm_push_vectors(r, t, &v);
    group_launch(r, &g, group_lanes(s, &g, site_tuned(s, TUNED_LANES, 0)), ceil_div(v.m, rows),
                 ceil_div(v.n, columns), t->batch0 * t->batch1);
}

static fovea_status gemv_group_lower(const struct site *s, struct recipe *r, bool subgroups) {
    for (int64_t i = 0; i < gemm_task_count(s); i++) {
        struct gemm_task t = gemm_task_of(s, i);
        lower_task(s, r, &t, subgroups);
    }
    return FOVEA_OK;
}

GROUP_ENTRIES(gemv_group, .tunables = tunables)
