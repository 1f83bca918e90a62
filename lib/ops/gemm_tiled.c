/* Matrix products on GPUs: cl_kernels/gemm_tiled.cl. */
#include "ops/gemm_tiled.h"

enum {
    PAD = 4,             /* of the kernel: elements added to a row in local memory */
    LAUNCH_LIMIT = 4096, /* kernels of one node */
    GROUPS_LIMIT = 65535 /* of work-groups along y and z on some devices */
};

static const struct tunable tunables[] = {{"tile", {TILE_NUMBERS}}, {0}};

static struct tile_task tile_task_of(const struct gemm_task *t) {
    double m = (double)t->m, n = (double)t->n, k = (double)t->k;
    int64_t batches = t->batch0 * t->batch1;
    double bytes = sizeof(float) * (m * k + k * n + m * n) * (double)batches;
    return (struct tile_task){t->m, t->n, t->k, batches, bytes};
}

static struct tile_choice choose(const fovea_device_info *d, const struct gemm_task *t,
                                 int number) {
    struct tile_task task = tile_task_of(t);
    return tile_choose(d, &task, PAD, number, 1, 1);
}

const char *gemm_refuse_tiled(const fovea_device_info *d, const struct gemm_task *t) {
    const char *reason = tile_refuse(d, PAD);
    if (reason) return reason;
    if (t->batch0 * t->batch1 > GROUPS_LIMIT) return "more than 65535 matrices";
    if (t->m > (int64_t)GROUPS_LIMIT * 32) return "more than 65535 tiles of rows";
    return NULL;
}

double gemm_seconds_tiled(const fovea_device_info *d, const struct gemm_task *t) {
    return choose(d, t, 0).seconds + d->launch_overhead_us * 1e-6;
}

static void push_sizes(struct recipe *r, const struct gemm_task *t) {
    recipe_int(r, t->m);
    recipe_int(r, t->n);
    recipe_int(r, t->k);
    recipe_int(r, t->lda);
    recipe_int(r, t->ldb);
    recipe_int(r, t->ldc);
    recipe_int(r, t->batch1);
    recipe_int(r, t->a_batch[0]);
    recipe_int(r, t->a_batch[1]);
    recipe_int(r, t->b_batch[0]);
    recipe_int(r, t->b_batch[1]);
    recipe_int(r, t->c_batch);
    recipe_int(r, t->bias_row);
    recipe_int(r, t->bias_column);
    recipe_float(r, t->scale);
    recipe_float(r, t->bias_scale);
}

void gemm_lower_tiled(const struct site *s, struct recipe *r, const struct gemm_task *t,
                      int number) {
    const struct tile *tile = choose(s->device, t, number).tile;
    size_t items = (size_t)tile_items(tile);
    recipe_kernel(r, "gemm_tiled", "gemm_tiled");
    tile_define(r, tile);
    recipe_define(r, "TRANS_A", t->trans_a);
    recipe_define(r, "TRANS_B", t->trans_b);
    recipe_define(r, "HAS_BIAS", t->bias.value != FOVEA_NO_VALUE);
    push_sizes(r, t);
    gemm_push_operand(r, &t->a);
    gemm_push_operand(r, &t->b);
    gemm_push_operand(r, &t->bias);
    gemm_push_activation(r, t);
    gemm_push_operand(r, &t->c);
    recipe_global(r, (size_t)((t->n + tile->n - 1) / tile->n) * items,
                  (size_t)((t->m + tile->m - 1) / tile->m), (size_t)(t->batch0 * t->batch1));
    recipe_local(r, items, 1, 1);
}

/* ---- Gemm and MatMul ---- */

static const char *gemm_tiled_refuse(const struct site *s) {
    struct gemm_task t = gemm_task_of(s, 0);
    if (gemm_task_count(s) > LAUNCH_LIMIT) return "more than 4096 launches would be needed";
    return gemm_refuse_tiled(s->device, &t);
}

static double gemm_tiled_estimate(const struct site *s) {
    struct gemm_task t = gemm_task_of(s, 0);
    return (double)gemm_task_count(s) * gemm_seconds_tiled(s->device, &t);
}

static fovea_status gemm_tiled_lower(const struct site *s, struct recipe *r) {
    for (int64_t i = 0; i < gemm_task_count(s); i++) {
        struct gemm_task t = gemm_task_of(s, i);
        gemm_lower_tiled(s, r, &t, site_tuned(s, 0, 0));
    }
    return FOVEA_OK;
}

const struct algorithm gemm_tiled = {.name = "gemm_tiled",
                                     .refuse = gemm_tiled_refuse,
                                     .tunables = tunables,
                                     .estimate = gemm_tiled_estimate,
                                     .lower = gemm_tiled_lower};
