/* Matrix products for other operators: what a product is, and how to lower it. */
#ifndef OPS_GEMM_H
#define OPS_GEMM_H

#include "ops/algorithm.h"

/* C = activate(scale * op(A) op(B) + bias_scale * bias), row-major; batch0 * batch1 of them. */
struct gemm_task {
    bool trans_a, trans_b;
    int64_t m, n, k, lda, ldb, ldc;
    float scale, bias_scale;
    struct argument a, b, c, bias; /* a bias of FOVEA_NO_VALUE: none */
    int64_t bias_row, bias_column; /* strides in elements; 0 broadcasts */
    int64_t batch0, batch1; /* batch (i, j) of A starts at i * a_batch[0] + j * a_batch[1] ... */
    int64_t a_batch[2], b_batch[2],
        c_batch;             /* ... and of C at (i * batch1 + j) * c_batch; in elements */
    const struct node *node; /* whose fused activation is applied; NULL: none */
};

/* Of Gemm and MatMul alike: lib/ops/gemm_blocked.c, gemm_rows.c, gemv.c, gemv_group.c. */
extern const struct algorithm gemm_blocked, gemm_blocked_a, gemm_blocked_swapped, gemm_rows, gemv;
extern const struct algorithm gemv_group_subgroup, gemv_group_local;

/* Whether k is contiguous in A and B; a single row or column counts as either. */
bool gemm_along_k(const struct gemm_task *);
/* Such a product as one of W (m, k) and V (n, k): the longer side is W, whose rows stream by. */
struct gemm_vectors {
    struct argument w, v;
    int64_t m, n, w_row, v_row, w_batch[2], v_batch[2];
    int64_t c_row, c_column, bias_row, bias_column;
};
struct gemm_vectors gemm_vectors_of(const struct gemm_task *);
/* The arguments of its kernels from w_row on: strides, scales, operands, activation, C. */
void gemm_push_vectors(struct recipe *, const struct gemm_task *, const struct gemm_vectors *);

/* One kernel of cl_kernels/gemm_plain.cl. */
void gemm_lower_plain(const struct site *, struct recipe *, const struct gemm_task *);
/* CLBlast calls, without bias and activation. */
void gemm_lower_clblast(struct recipe *, const struct gemm_task *);
/* Why CLBlast is not to do the product; NULL if it may. */
const char *gemm_refuse_clblast(const struct gemm_task *);
/* Seconds for all batches, from the device's roof. */
double gemm_seconds_plain(const fovea_device_info *, const struct gemm_task *);
double gemm_seconds_clblast(const fovea_device_info *, const struct gemm_task *);

/* A Gemm is one product, a MatMul is this many, each with its two innermost batch axes. */
int64_t gemm_task_count(const struct site *);
struct gemm_task gemm_task_of(const struct site *, int64_t index);
/* Arguments of a kernel: an operand (two); -DACTIVATION= and its numbers, none if the task has no node. */
void gemm_push_operand(struct recipe *, const struct argument *);
void gemm_push_activation(struct recipe *, const struct gemm_task *);
/* A value, from an element on, as an operand. */
struct argument gemm_value(fovea_value, size_t offset);
/* The device runs neighbouring work-items side by side in the lanes of its vectors: GPUs, and CPU runtimes
 * that work like one (they report no vectors of their own). Elsewhere a work-item has vectors of its own. */
bool gemm_items_are_lanes(const struct site *);
/* Global size (x, y, z), all at least 1; the kernel ignores what is past the end of x. Where work-items are
 * lanes, groups of 64 along x, which is rounded up; else each work-item is a group of its own, so that a
 * program is specialised for one group size. */
void gemm_launch(const struct site *, struct recipe *, int64_t x, int64_t y, int64_t z);
/* Elements that one work-item does in turn in a kernel that only moves data (-DRUN). */
int64_t gemm_run_length(const struct site *);

#endif
