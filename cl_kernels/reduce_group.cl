/* Computes       what reduce.cl does, and the average or largest element of whole planes, where the terms of an
 *                output are neighbours: a work-group for a row of them
 * Layouts        x (rows, size), y (rows)
 * Launch         1-D: LANES work-items for each row
 * Defines        OP: an enumerator below; LANES, SUBGROUPS, ACTIVATION as in common.h
 * Local memory   LANES numbers
 * Truth          lib/reference/reduce.c, lib/reference/pool.c
 * Source         https://onnx.ai/onnx/operators, Reduce*, GlobalAveragePool, GlobalMaxPool */

enum { SUM, MEAN, MAX, MIN, SUM_SQUARE, L1, L2, LOG_SUM, LOG_SUM_EXP };

#ifndef OP
#define OP SUM
#endif

acc reduce_group_term(acc x, acc shift);
acc reduce_group_term(acc x, acc shift) {
    switch (OP) {
    case SUM_SQUARE:
    case L2: return x * x;
    case L1: return fabs(x);
    case LOG_SUM_EXP: return exp(x - shift);
    default: return x;
    }
}

/* The largest element of the row times `sign`; NaN wins over every number, as in numpy. */
INLINE acc reduce_group_extreme(int size, __global const real *x, acc sign, __local acc *shared) {
    acc best = -INFINITY, not_a_number = 0;
    UNROLL_4
    for (int i = (int)get_local_id(0); i < size; i += LANES) {
        acc v = sign * x[i];
        best = v > best ? v : best;
        not_a_number = isnan(v) ? v : not_a_number;
    }
    best = group_largest(best, shared);
    not_a_number = group_sum(not_a_number, shared);
    return isnan(not_a_number) ? not_a_number : best;
}

INLINE acc reduce_group_sum(int size, __global const real *x, acc shift, __local acc *shared) {
    acc sum = 0;
    UNROLL_4
    for (int i = (int)get_local_id(0); i < size; i += LANES) sum += reduce_group_term(x[i], shift);
    return group_sum(sum, shared);
}

acc reduce_group_finish(acc sum, int size, acc shift);
acc reduce_group_finish(acc sum, int size, acc shift) {
    switch (OP) {
    case MEAN: return sum / (acc)size;
    case L2: return sqrt(sum);
    case LOG_SUM: return log(sum);
    case LOG_SUM_EXP: return shift + log(sum);
    default: return sum;
    }
}

__attribute__((reqd_work_group_size(LANES, 1, 1))) __kernel void
reduce_group(int size, __global const real *x, ulong x_offset, float alpha, float beta,
             __global real *y, ulong y_offset) {
    __local acc shared[LANES];
    acc result, shift = 0;
    x += x_offset + (ulong)get_group_id(0) * size;
    if (OP == MAX) result = reduce_group_extreme(size, x, 1, shared);
    else if (OP == MIN) result = -reduce_group_extreme(size, x, -1, shared);
    else {
        if (OP == LOG_SUM_EXP) shift = reduce_group_extreme(size, x, 1, shared);
        shift = isinf(shift) ? 0 : shift; /* the largest term keeps exp in range */
        result = reduce_group_finish(reduce_group_sum(size, x, shift, shared), size, shift);
    }
    if (get_local_id(0) == 0) y[y_offset + get_group_id(0)] = activate(result, alpha, beta);
}
