/* Products of a matrix and few vectors, both lying along k: cl_kernels/gemv.cl. */
#include <math.h>

#include "ops/gemm.h"

enum {
    BLOCK_K = 2048,    /* elements of k at a time, where several rows of V are to stay in a cache */
    TURNS_MAX = 65535, /* some runtimes end all loops of a work-item after so many turns */
    LAUNCH_LIMIT = 4096, /* kernels of one node */
};

struct shape {
    int64_t rows, columns, groups, sets; /* see the kernel */
};

bool gemm_along_k(const struct gemm_task *t) {
    bool a = !t->trans_a || (t->m == 1 && t->lda == 1),
         b = t->trans_b || (t->n == 1 && t->ldb == 1);
    return a && b;
}

struct gemm_vectors gemm_vectors_of(const struct gemm_task *t) {
    bool swap = t->m < t->n;
    int64_t a_row = t->trans_a ? 0 : t->lda, b_row = t->trans_b ? t->ldb : 0;
    struct gemm_vectors v = {.w = swap ? t->b : t->a,
                             .v = swap ? t->a : t->b,
                             .m = swap ? t->n : t->m,
                             .n = swap ? t->m : t->n,
                             .w_row = swap ? b_row : a_row,
                             .v_row = swap ? a_row : b_row,
                             .c_row = swap ? 1 : t->ldc,
                             .c_column = swap ? t->ldc : 1,
                             .bias_row = swap ? t->bias_column : t->bias_row,
                             .bias_column = swap ? t->bias_row : t->bias_column};
    for (int i = 0; i < 2; i++) {
        v.w_batch[i] = swap ? t->b_batch[i] : t->a_batch[i];
        v.v_batch[i] = swap ? t->a_batch[i] : t->b_batch[i];
    }
    return v;
}

void gemm_push_vectors(struct recipe *r, const struct gemm_task *t, const struct gemm_vectors *v) {
    recipe_int(r, v->w_row);
    recipe_int(r, v->v_row);
    recipe_int(r, v->c_row);
    recipe_int(r, v->c_column);
    recipe_int(r, t->batch1);
    recipe_int(r, v->w_batch[0]);
    recipe_int(r, v->w_batch[1]);
    recipe_int(r, v->v_batch[0]);
    recipe_int(r, v->v_batch[1]);
    recipe_int(r, t->c_batch);
    recipe_int(r, v->bias_row);
    recipe_int(r, v->bias_column);
    recipe_float(r, t->scale);
    recipe_float(r, t->bias_scale);
    gemm_push_operand(r, &v->w);
    gemm_push_operand(r, &v->v);
    gemm_push_operand(r, &t->bias);
    gemm_push_activation(r, t);
    gemm_push_operand(r, &t->c);
}

static struct shape shape_of(const struct site *s, const struct gemm_vectors *v) {
    if (v->n == 1) return (struct shape){8, 1, 1, 1};
    bool lanes = gemm_items_are_lanes(s);
    return (struct shape){4, 2, lanes ? 1 : 2, lanes ? 1 : 8};
}

static const char *refuse(const struct site *s) {
    struct gemm_task t = gemm_task_of(s, 0);
    if (!gemm_along_k(&t)) return "k must be contiguous in both operands";
    if (gemm_task_count(s) > LAUNCH_LIMIT) return "more than 4096 launches would be needed";
    if (gemm_items_are_lanes(s) && t.k / site_width(s) > TURNS_MAX - 1024)
        return "a work-item would loop more than 65535 times";
    return NULL;
}

/* W from memory once for each set of V, which the products do not hide but where there is one vector. */
static double estimate(const struct site *s) {
    const fovea_device_info *d = s->device;
    struct gemm_task t = gemm_task_of(s, 0);
    struct gemm_vectors v = gemm_vectors_of(&t);
    struct shape p = shape_of(s, &v);
    double k = (double)t.k, m = (double)v.m,
           passes = ceil((double)v.n / (double)(p.columns * p.sets));
    double padded = ceil(m / (double)p.rows) * (double)p.rows *
                    ceil((double)v.n / (double)p.columns) * (double)p.columns;
    double share = d->local_memory_is_real ? 0.02 : gemm_items_are_lanes(s) ? 0.05 : 0.8;
    double alone =
        d->local_memory_is_real ? 0.03 : 1; /* of the bandwidth, lanes without neighbours */
    double memory = (passes * m + (double)v.n) * k * sizeof(float) / (alone * d->bytes_per_second);
    double products = 2 * padded * k / (share * d->flops_peak);
    double one = v.n == 1 ? fmax(memory, 2 * products) : memory + products;
    return (double)gemm_task_count(s) *
           ((double)(t.batch0 * t.batch1) * one + d->launch_overhead_us * 1e-6);
}

static void lower_task(const struct site *s, struct recipe *r, const struct gemm_task *t) {
    struct gemm_vectors v = gemm_vectors_of(t);
    struct shape p = shape_of(s, &v);
    recipe_kernel(r, "gemv", "gemv");
    recipe_width(r, s);
    recipe_define(r, "ROWS", p.rows);
    recipe_define(r, "COLUMNS", p.columns);
    recipe_define(r, "GROUPS", p.groups);
    recipe_define(r, "SETS", p.sets);
    recipe_define(r, "HAS_BIAS", t->bias.value != FOVEA_NO_VALUE);
    recipe_int(r, v.m);
    recipe_int(r, v.n);
    recipe_int(r, t->k);
    recipe_int(r, v.n <= 2 ? INT32_MAX / 32 * 16 : BLOCK_K);
    gemm_push_vectors(r, t, &v);
    recipe_global(r, (size_t)ceil_div(v.m, p.groups * p.rows),
                  (size_t)ceil_div(v.n, p.sets * p.columns), (size_t)(t->batch0 * t->batch1));
    recipe_local(r, 1, 1, 1);
}

static fovea_status lower(const struct site *s, struct recipe *r) {
    for (int64_t i = 0; i < gemm_task_count(s); i++) {
        struct gemm_task t = gemm_task_of(s, i);
        lower_task(s, r, &t);
    }
    return FOVEA_OK;
}

const struct algorithm gemv = {
    .name = "gemv", .refuse = refuse, .estimate = estimate, .lower = lower};
