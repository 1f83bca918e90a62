/* Computes       softmax or its logarithm of each row, a work-group for a row: what softmax.cl does, for devices
 *                whose work-items run side by side
 * Layouts        x, y (rows, size), a row without gaps
 * Launch         1-D: LANES work-items for each row
 * Defines        LANES, SUBGROUPS as in common.h
 * Local memory   LANES numbers
 * Truth          lib/reference/softmax.c
 * Source         the ONNX standard, Softmax, LogSoftmax
 *
 * A NaN may be lost where the largest element is looked for; it is not in the sum of exponentials. */

/* The largest element of the row, and sum exp(x - largest). */
INLINE float2 softmax_group_statistics(int size, __global const real *x, __local acc *shared) {
    acc largest = -INFINITY, sum = 0;
    int lane = (int)get_local_id(0);
    UNROLL_4
    for (int k = lane; k < size; k += LANES) largest = x[k] > largest ? x[k] : largest;
    largest = group_largest(largest, shared);
    UNROLL_4
    for (int k = lane; k < size; k += LANES) sum += exp(x[k] - largest);
    return (float2)(largest, group_sum(sum, shared));
}

__attribute__((reqd_work_group_size(LANES, 1, 1))) __kernel void
softmax_group(int size, __global const real *x, ulong x_offset, __global real *y, ulong y_offset) {
    __local acc shared[LANES];
    x += x_offset + (ulong)get_group_id(0) * size;
    y += y_offset + (ulong)get_group_id(0) * size;
    float2 s = softmax_group_statistics(size, x, shared);
    UNROLL_4
    for (int k = (int)get_local_id(0); k < size; k += LANES) y[k] = exp(x[k] - s.x) / s.y;
}

__attribute__((reqd_work_group_size(LANES, 1, 1))) __kernel void
softmax_group_log(int size, __global const real *x, ulong x_offset, __global real *y,
                  ulong y_offset) {
    __local acc shared[LANES];
    x += x_offset + (ulong)get_group_id(0) * size;
    y += y_offset + (ulong)get_group_id(0) * size;
    float2 s = softmax_group_statistics(size, x, shared);
    acc log_sum = log(s.y);
    UNROLL_4
    for (int k = (int)get_local_id(0); k < size; k += LANES) y[k] = (x[k] - s.x) - log_sum;
}
