/* Matrix products on a device: Gemm, MatMul, and what convolution needs of them. */
#include "ops/gemm.h"

#include <math.h>
#include <string.h>

#include "ops/gemm_tiled.h"
#include "ops/group.h"

static const struct algorithm gemm_clblast, gemm_plain, matmul_clblast, matmul_plain;

const struct algorithm *const gemm_algorithms[] = {&gemv_group_subgroup,
                                                   &gemv_group_local,
                                                   &gemv,
                                                   &gemm_rows,
                                                   &gemm_blocked,
                                                   &gemm_blocked_a,
                                                   &gemm_blocked_swapped,
                                                   &gemm_tiled,
                                                   &gemm_clblast,
                                                   &gemm_plain,
                                                   NULL};
const struct algorithm *const matmul_algorithms[] = {&gemv_group_subgroup,
                                                     &gemv_group_local,
                                                     &gemv,
                                                     &gemm_rows,
                                                     &gemm_blocked,
                                                     &gemm_blocked_a,
                                                     &gemm_blocked_swapped,
                                                     &gemm_tiled,
                                                     &matmul_clblast,
                                                     &matmul_plain,
                                                     NULL};

enum {
    WIDE = 16,                /* columns of a tile of gemm_plain_columns */
    OPERAND_LIMIT = 64 << 20, /* bytes: CLBlast copies its operands into buffers of its own */
    BATCH_CALLS_LIMIT = 4096, /* kernels or calls of one node */
};

struct argument gemm_value(fovea_value v, size_t offset) {
    return (struct argument){.kind = ARGUMENT_VALUE, .value = v, .offset = offset};
}

static void push_operand(struct recipe *r, const struct argument *a, size_t offset) {
    if (a->kind == ARGUMENT_WORKSPACE)
        recipe_workspace(r, a->offset + offset * a->element, a->element);
    else if (a->kind == ARGUMENT_PACKED)
        recipe_packed(r, a->offset + offset * a->element, a->element);
    else recipe_value_at(r, a->value, a->offset + offset);
}

void gemm_push_operand(struct recipe *r, const struct argument *a) {
    push_operand(r, a, 0);
}

static bool has_bias(const struct gemm_task *t) {
    return t->bias.value != FOVEA_NO_VALUE;
}

bool gemm_items_are_lanes(const struct site *s) {
    return s->device->local_memory_is_real || s->device->vector_width <= 1;
}

void gemm_launch(const struct site *s, struct recipe *r, int64_t x, int64_t y, int64_t z) {
    size_t local = 1, most = (size_t)s->device->max_work_group_size;
    if (gemm_items_are_lanes(s)) local = most && most < 64 ? most : 64;
    size_t groups = ((size_t)x + local - 1) / local;
    recipe_global(r, groups * local, (size_t)y, (size_t)z);
    recipe_local(r, local, 1, 1);
}

int64_t gemm_run_length(const struct site *s) {
    return gemm_items_are_lanes(s) ? 1 : 64;
}

/* ---- The plain kernel ---- */

static int64_t rows_of_tile(const struct gemm_task *t) {
    if (t->m == 1) return 1;
    if (gemm_along_k(t)) return 4;
    return t->m >= 6 ? 6 : t->m >= 4 ? 4 : 2;
}

static int64_t columns_of_tile(const struct gemm_task *t) {
    return t->m == 1 && gemm_along_k(t) ? 4 : 2;
}

/* The arguments that both kernels share, in their order. */
static void push_plain(struct recipe *r, const struct gemm_task *t) {
    recipe_int(r, t->m);
    recipe_int(r, t->n);
    recipe_int(r, t->k);
    recipe_int(r, gemm_along_k(t) ? t->lda * !t->trans_a : t->trans_a ? 1 : t->lda);
    recipe_int(r, t->trans_a ? t->lda : 1);
    recipe_int(r, gemm_along_k(t) ? t->ldb * t->trans_b : t->trans_b ? 1 : t->ldb);
    recipe_int(r, t->trans_b ? t->ldb : 1);
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
    push_operand(r, &t->a, 0);
    push_operand(r, &t->b, 0);
    push_operand(r, &t->bias, 0);
}

void gemm_push_activation(struct recipe *r, const struct gemm_task *t) {
    if (t->node) {
        recipe_activation(r, t->node);
        return;
    }
    recipe_define(r, "ACTIVATION", ACTIVATION_NONE);
    recipe_float(r, 0);
    recipe_float(r, 0);
}

void gemm_lower_plain(const struct site *s, struct recipe *r, const struct gemm_task *t) {
    bool dots = gemm_along_k(t), lanes = gemm_items_are_lanes(s);
    int64_t rows = rows_of_tile(t), columns = dots ? columns_of_tile(t) : lanes ? 1 : WIDE;
    int64_t row_tiles = (t->m + rows - 1) / rows, column_tiles = (t->n + columns - 1) / columns;
    recipe_kernel(r, "gemm_plain",
                  dots    ? "gemm_plain_dots"
                  : lanes ? "gemm_plain_lanes"
                          : "gemm_plain_columns");
    recipe_define(r, "ROWS", rows);
    recipe_define(r, "COLUMNS", columns_of_tile(t));
    recipe_define(r, "HAS_BIAS", has_bias(t));
    push_plain(r, t);
    gemm_push_activation(r, t);
    push_operand(r, &t->c, 0);
    if (dots) gemm_launch(s, r, row_tiles * column_tiles, t->batch0 * t->batch1, 1);
    else gemm_launch(s, r, column_tiles, row_tiles, t->batch0 * t->batch1);
}

static double launch_seconds(const fovea_device_info *d) {
    return d->launch_overhead_us * 1e-6;
}

/* Roofline with a share of the peak that a kernel of this kind reaches, padded to whole tiles; or what its
 * work-items wait, of which small products have few. */
double gemm_seconds_plain(const fovea_device_info *d, const struct gemm_task *t) {
    bool dots = gemm_along_k(t);
    double share = d->local_memory_is_real ? 0.1 : dots ? 0.14 : 0.3;
    double rows = (double)rows_of_tile(t), columns = dots ? (double)columns_of_tile(t) : WIDE;
    double m = ceil((double)t->m / rows) * rows, n = ceil((double)t->n / columns) * columns;
    double k = (double)t->k, batches = (double)(t->batch0 * t->batch1);
    double bytes = 4 * ((double)t->m * k + k * (double)t->n + 2 * (double)t->m * (double)t->n);
    double items = batches * m / rows * (dots ? n / columns : (double)t->n);
    double seconds =
        batches * fmax(2 * m * n * k / (share * d->flops_peak), bytes / d->bytes_per_second);
    return fmax(seconds, group_waiting(d, items, dots ? k / 8 : k / 4)) + launch_seconds(d);
}

/* ---- CLBlast ---- */

/* Its kernels live on local memory: without it they were measured at 1 to 3 % of the peak. */
double gemm_seconds_clblast(const fovea_device_info *d, const struct gemm_task *t) {
    double share = d->local_memory_is_real ? 0.5 : 0.015;
    double m = (double)t->m, n = (double)t->n, k = (double)t->k;
    double batches = (double)(t->batch0 * t->batch1);
    double bytes = 3 * 4 * (m * k + k * n + m * n); /* operands are copied: read, written, read */
    return batches * fmax(2 * m * n * k / (share * d->flops_peak), bytes / d->bytes_per_second) +
           4 * (double)t->batch0 * launch_seconds(d);
}

const char *gemm_refuse_clblast(const struct gemm_task *t) {
#ifndef HAVE_CLBLAST
    (void)t;
    return "the library was built without CLBlast";
#else
    double most = OPERAND_LIMIT / sizeof(float);
    if (t->m == 1 || t->n == 1)
        return "a matrix times a vector: copying the matrix costs more than the product";
    if (t->k == 0) return "an empty sum";
    if ((double)t->m * (double)t->k > most || (double)t->k * (double)t->n > most)
        return "an operand is above 64 MiB and would be copied";
    if (t->batch0 > BATCH_CALLS_LIMIT) return "more than 4096 calls would be needed";
    return NULL;
#endif
}

void gemm_lower_clblast(struct recipe *r, const struct gemm_task *t) {
    for (int64_t i = 0; i < t->batch0; i++) {
        struct gemm_call g = {.trans_a = t->trans_a, .trans_b = t->trans_b, .alpha = t->scale};
        g.m = (size_t)t->m, g.n = (size_t)t->n, g.k = (size_t)t->k;
        g.lda = (size_t)t->lda, g.ldb = (size_t)t->ldb, g.ldc = (size_t)t->ldc;
        g.a = t->a, g.b = t->b, g.c = t->c;
        g.a.offset +=
            (size_t)(i * t->a_batch[0]) * (g.a.kind == ARGUMENT_WORKSPACE ? g.a.element : 1);
        g.b.offset +=
            (size_t)(i * t->b_batch[0]) * (g.b.kind == ARGUMENT_WORKSPACE ? g.b.element : 1);
        g.c.offset += (size_t)(i * t->batch1 * t->c_batch);
        g.batch = (size_t)t->batch1;
        g.stride_a = (size_t)t->a_batch[1], g.stride_b = (size_t)t->b_batch[1];
        g.stride_c = (size_t)t->c_batch;
        recipe_gemm(r, &g);
    }
}

/* Adds bias and activation to what CLBlast wrote: batches lie one after the other. */
static void lower_finish(const struct site *s, struct recipe *r, const struct gemm_task *t) {
    bool active = t->node && node_activation(t->node).kind != ACTIVATION_NONE;
    int64_t run = gemm_run_length(s);
    if (!has_bias(t) && !active) return;
    recipe_kernel(r, "gemm_clblast", "gemm_clblast_finish");
    recipe_define(r, "RUN", run);
    recipe_define(r, "HAS_BIAS", has_bias(t));
    recipe_int(r, t->n);
    recipe_int(r, t->ldc);
    recipe_int(r, t->bias_row);
    recipe_int(r, t->bias_column);
    recipe_float(r, t->bias_scale);
    push_operand(r, &t->bias, 0);
    gemm_push_activation(r, t);
    push_operand(r, &t->c, 0);
    gemm_launch(s, r, (t->n + run - 1) / run, t->m * t->batch0 * t->batch1, 1);
}

/* ---- Gemm ---- */

static struct gemm_task task_of_gemm(const struct site *s) {
    const struct node *n = s->node;
    const fovea_desc *a = &node_in(s->graph, n, 0)->desc, *b = &node_in(s->graph, n, 1)->desc;
    const struct value *c = node_in(s->graph, n, 2);
    struct gemm_task t = {.trans_a = attr_int(n, "transA", 0) != 0,
                          .trans_b = attr_int(n, "transB", 0) != 0,
                          .lda = a->dim[1],
                          .ldb = b->dim[1],
                          .scale = attr_float(n, "alpha", 1),
                          .bias_scale = attr_float(n, "beta", 1),
                          .a = gemm_value(site_in(s, 0), 0),
                          .b = gemm_value(site_in(s, 1), 0),
                          .c = gemm_value(site_out(s, 0), 0),
                          .bias = gemm_value(site_in(s, 2), 0),
                          .batch0 = 1,
                          .batch1 = 1,
                          .node = n};
    t.m = a->dim[t.trans_a];
    t.k = a->dim[!t.trans_a];
    t.n = t.ldc = b->dim[!t.trans_b];
    if (!c) return t;
    int64_t rows = c->desc.rank == 2 ? c->desc.dim[0] : 1;
    int64_t columns = c->desc.rank ? c->desc.dim[c->desc.rank - 1] : 1;
    t.bias_row = rows == 1 ? 0 : columns;
    t.bias_column = columns == 1 ? 0 : 1;
    return t;
}

static const char *gemm_clblast_refuse(const struct site *s) {
    struct gemm_task t = task_of_gemm(s);
    return gemm_refuse_clblast(&t);
}

static double gemm_clblast_estimate(const struct site *s) {
    struct gemm_task t = task_of_gemm(s);
    return gemm_seconds_clblast(s->device, &t);
}

static fovea_status gemm_clblast_lower(const struct site *s, struct recipe *r) {
    struct gemm_task t = task_of_gemm(s);
    gemm_lower_clblast(r, &t);
    lower_finish(s, r, &t);
    return FOVEA_OK;
}

static double gemm_plain_estimate(const struct site *s) {
    struct gemm_task t = task_of_gemm(s);
    return gemm_seconds_plain(s->device, &t);
}

static fovea_status gemm_plain_lower(const struct site *s, struct recipe *r) {
    struct gemm_task t = task_of_gemm(s);
    gemm_lower_plain(s, r, &t);
    return FOVEA_OK;
}

static const struct algorithm gemm_clblast = {.name = "gemm_clblast",
                                              .refuse = gemm_clblast_refuse,
                                              .estimate = gemm_clblast_estimate,
                                              .lower = gemm_clblast_lower};
static const struct algorithm gemm_plain = {
    .name = "gemm_plain", .estimate = gemm_plain_estimate, .lower = gemm_plain_lower};

/* ---- MatMul ---- */

/* The batch axes of a MatMul, neighbours merged where both operands step evenly over them. Strides are
 * in elements, 0 where an operand broadcasts. */
struct batches {
    int rank;
    int64_t size[FOVEA_MAX_RANK], a[FOVEA_MAX_RANK], b[FOVEA_MAX_RANK];
};

/* Puts an axis in front of those collected so far. */
static void batches_add(struct batches *v, int64_t size, int64_t a, int64_t b) {
    int last = v->rank - 1;
    if (size == 1) return;
    if (v->rank && a == v->a[last] * v->size[last] && b == v->b[last] * v->size[last]) {
        v->size[last] *= size;
        return;
    }
    v->size[v->rank] = size;
    v->a[v->rank] = a;
    v->b[v->rank++] = b;
}

static struct batches batches_of(const fovea_desc *a, const fovea_desc *b, int64_t a_step,
                                 int64_t b_step) {
    struct batches v = {0};
    int front_a = a->rank > 2 ? a->rank - 2 : 0, front_b = b->rank > 2 ? b->rank - 2 : 0;
    for (int i = 1; i <= front_a || i <= front_b; i++) {
        int64_t p = i <= front_a ? a->dim[front_a - i] : 1,
                q = i <= front_b ? b->dim[front_b - i] : 1;
        batches_add(&v, p > q ? p : q, p == 1 ? 0 : a_step, q == 1 ? 0 : b_step);
        a_step *= p;
        b_step *= q;
    }
    return v;
}

/* Everything but the batches past the two innermost (see matmul_each). */
static struct gemm_task task_of_matmul(const struct site *s, struct batches *outer) {
    const fovea_desc *a = &node_in(s->graph, s->node, 0)->desc;
    const fovea_desc *b = &node_in(s->graph, s->node, 1)->desc;
    struct gemm_task t = {.scale = 1,
                          .batch0 = 1,
                          .batch1 = 1,
                          .node = s->node,
                          .a = gemm_value(site_in(s, 0), 0),
                          .b = gemm_value(site_in(s, 1), 0),
                          .c = gemm_value(site_out(s, 0), 0),
                          .bias = gemm_value(FOVEA_NO_VALUE, 0)};
    t.k = t.lda = a->dim[a->rank - 1];
    t.m = a->rank == 1 ? 1 : a->dim[a->rank - 2];
    t.n = t.ldb = t.ldc = b->rank == 1 ? 1 : b->dim[b->rank - 1];
    *outer = batches_of(a, b, t.m * t.k, t.k * t.n);
    if (outer->rank == 1 && outer->b[0] == 0) { /* one B for all: more rows instead of batches */
        t.m *= outer->size[0];
        outer->rank = 0;
    }
    t.c_batch = t.m * t.n;
    if (outer->rank > 0)
        t.batch1 = outer->size[0], t.a_batch[1] = outer->a[0], t.b_batch[1] = outer->b[0];
    if (outer->rank > 1)
        t.batch0 = outer->size[1], t.a_batch[0] = outer->a[1], t.b_batch[0] = outer->b[1];
    return t;
}

/* How many times the task has to be done for the axes past the two innermost. */
static int64_t outer_count(const struct batches *v) {
    int64_t count = 1;
    for (int i = 2; i < v->rank; i++) count *= v->size[i];
    return count;
}

/* The task with its operands moved to outer batch `index`. */
static struct gemm_task task_at(const struct gemm_task *t, const struct batches *v, int64_t index) {
    struct gemm_task moved = *t;
    moved.c.offset += (size_t)(index * t->batch0 * t->batch1 * t->c_batch);
    for (int i = 2; i < v->rank; i++) {
        moved.a.offset += (size_t)(index % v->size[i] * v->a[i]);
        moved.b.offset += (size_t)(index % v->size[i] * v->b[i]);
        index /= v->size[i];
    }
    return moved;
}

int64_t gemm_task_count(const struct site *s) {
    struct batches outer;
    if (s->node->op == OP_Gemm) return 1;
    (void)task_of_matmul(s, &outer);
    return outer_count(&outer);
}

struct gemm_task gemm_task_of(const struct site *s, int64_t index) {
    struct batches outer;
    if (s->node->op == OP_Gemm) return task_of_gemm(s);
    struct gemm_task t = task_of_matmul(s, &outer);
    return task_at(&t, &outer, index);
}

static const char *matmul_plain_refuse(const struct site *s) {
    struct batches outer;
    (void)task_of_matmul(s, &outer);
    return outer_count(&outer) > BATCH_CALLS_LIMIT ? "more than 4096 launches would be needed"
                                                   : NULL;
}

static const char *matmul_clblast_refuse(const struct site *s) {
    struct batches outer;
    struct gemm_task t = task_of_matmul(s, &outer);
    if (outer_count(&outer) * t.batch0 > BATCH_CALLS_LIMIT)
        return "more than 4096 calls would be needed";
    return gemm_refuse_clblast(&t);
}

static double matmul_clblast_estimate(const struct site *s) {
    struct batches outer;
    struct gemm_task t = task_of_matmul(s, &outer);
    return (double)outer_count(&outer) * gemm_seconds_clblast(s->device, &t);
}

static double matmul_plain_estimate(const struct site *s) {
    struct batches outer;
    struct gemm_task t = task_of_matmul(s, &outer);
    return (double)outer_count(&outer) * gemm_seconds_plain(s->device, &t);
}

static fovea_status matmul_clblast_lower(const struct site *s, struct recipe *r) {
    struct batches outer;
    struct gemm_task t = task_of_matmul(s, &outer);
    for (int64_t i = 0; i < outer_count(&outer); i++) {
        struct gemm_task moved = task_at(&t, &outer, i);
        gemm_lower_clblast(r, &moved);
        lower_finish(s, r, &moved);
    }
    return FOVEA_OK;
}

static fovea_status matmul_plain_lower(const struct site *s, struct recipe *r) {
    struct batches outer;
    struct gemm_task t = task_of_matmul(s, &outer);
    for (int64_t i = 0; i < outer_count(&outer); i++) {
        struct gemm_task moved = task_at(&t, &outer, i);
        gemm_lower_plain(s, r, &moved);
    }
    return FOVEA_OK;
}

static const struct algorithm matmul_clblast = {.name = "gemm_clblast",
                                                .refuse = matmul_clblast_refuse,
                                                .estimate = matmul_clblast_estimate,
                                                .lower = matmul_clblast_lower};
static const struct algorithm matmul_plain = {.name = "gemm_plain",
                                              .refuse = matmul_plain_refuse,
                                              .estimate = matmul_plain_estimate,
                                              .lower = matmul_plain_lower};
