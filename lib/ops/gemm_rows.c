/* Products of few rows and a large matrix as it is: cl_kernels/gemm_rows.cl. */
#include <math.h>

#include "ops/gemm.h"

enum {
    ROWS = 8,
    DEPTH = 4,
    SUMS_BYTES = 16 << 10, /* of a strip: half of a first-level cache */
    ROWS_MOST = 32,        /* B is read once for each tile of rows */
    TURNS_MAX = 65535,     /* some runtimes end all loops of a work-item after so many turns */
    LAUNCH_LIMIT = 4096,   /* kernels of one node */
};

static int64_t rows_of(const struct gemm_task *t) {
    return t->m < ROWS ? t->m : ROWS;
}

/* Vectors of a strip: long runs of B, but enough strips to keep all units busy to the end. */
static int64_t strip_of(const struct site *s, const struct gemm_task *t) {
    int64_t width = site_width(s), units = s->device->compute_units ? s->device->compute_units : 1;
    int64_t strip = SUMS_BYTES / (int64_t)sizeof(float) / width / ROWS, least = 8;
    while (strip > least && t->n < 8 * units * strip * width) strip /= 2;
    return strip;
}

static const char *refuse(const struct site *s) {
    struct gemm_task t = gemm_task_of(s, 0);
    int64_t strip = strip_of(s, &t), width = site_width(s);
    if (t.k == 0) return "an empty sum";
    if (t.trans_b) return "B must lie along n";
    if (t.m > ROWS_MOST) return "more than 32 rows";
    if (gemm_task_count(s) > LAUNCH_LIMIT) return "more than 4096 launches would be needed";
    if ((size_t)(ROWS * strip * width) * sizeof(float) > s->device->local_memory_bytes)
        return "the sums of a strip do not fit the device's local memory";
    double turns = (double)t.k * ((double)strip / DEPTH + (double)(ROWS * width));
    if (gemm_items_are_lanes(s) && turns + (double)(ROWS * strip * width) > TURNS_MAX)
        return "a work-item would loop more than 65535 times";
    return NULL;
}

/* B from memory once for each tile of rows, or the products, whose sums come and go: half of the peak. */
static double estimate(const struct site *s) {
    const fovea_device_info *d = s->device;
    struct gemm_task t = gemm_task_of(s, 0);
    double tiles = (double)ceil_div(t.m, ROWS), k = (double)t.k, n = (double)t.n;
    double share = d->local_memory_is_real ? 0.01 : gemm_items_are_lanes(s) ? 0.03 : 0.4;
    double memory = tiles * k * n * sizeof(float) / d->bytes_per_second;
    double products = 2 * tiles * (double)rows_of(&t) * k * n / (share * d->flops_peak);
    return (double)gemm_task_count(s) *
           ((double)(t.batch0 * t.batch1) * fmax(memory, products) + d->launch_overhead_us * 1e-6);
}

static void lower_task(const struct site *s, struct recipe *r, const struct gemm_task *t) {
    int64_t strip = strip_of(s, t), rows = rows_of(t);
    recipe_kernel(r, "gemm_rows", "gemm_rows");
    recipe_width(r, s);
    recipe_define(r, "ROWS", rows);
    recipe_define(r, "DEPTH", DEPTH);
    recipe_define(r, "STRIP", strip);
    recipe_define(r, "HAS_BIAS", t->bias.value != FOVEA_NO_VALUE);
    recipe_int(r, t->m);
    recipe_int(r, t->n);
    recipe_int(r, t->k);
    recipe_int(r, t->trans_a ? 1 : t->lda);
    recipe_int(r, t->trans_a ? t->lda : 1);
    recipe_int(r, t->ldb);
    recipe_int(r, t->ldc);
    recipe_int(r, t->batch1);
    for (int i = 0; i < 2; i++) recipe_int(r, t->a_batch[i]);
    for (int i = 0; i < 2; i++) recipe_int(r, t->b_batch[i]);
    recipe_int(r, t->c_batch);
    recipe_int(r, t->bias_row);
    recipe_int(r, t->bias_column);
    recipe_float(r, t->scale);
    recipe_float(r, t->bias_scale);
    gemm_push_operand(r, &t->a);
    gemm_push_operand(r, &t->b);
    gemm_push_operand(r, &t->bias);
    gemm_push_activation(r, t);
    gemm_push_operand(r, &t->c);
    recipe_global(r, (size_t)ceil_div(t->n, strip * site_width(s)), (size_t)ceil_div(t->m, rows),
                  (size_t)(t->batch0 * t->batch1));
    recipe_local(r, 1, 1, 1);
}

static fovea_status lower(const struct site *s, struct recipe *r) {
    for (int64_t i = 0; i < gemm_task_count(s); i++) {
        struct gemm_task t = gemm_task_of(s, i);
        lower_task(s, r, &t);
    }
    return FOVEA_OK;
}

const struct algorithm gemm_rows = {
    .name = "gemm_rows", .refuse = refuse, .estimate = estimate, .lower = lower};
