/* Computes       the mean and 1 / sqrt(variance + epsilon) of each row, a work-group for a row: the statistics of
 *                layer_norm.cl and group_norm.cl, which apply them
 * Layouts        x (rows, size), a row without gaps; means, inverses: row r at r * stride
 * Launch         1-D: LANES work-items for each row; two passes: the mean, then the mean of squared differences
 * Defines        LANES, SUBGROUPS as in common.h
 * Local memory   LANES numbers
 * Truth          lib/reference/norm.c
 * Source         Ba, Kiros and Hinton, Layer Normalization, 2016; Wu and He, Group Normalization, 2018 */

__attribute__((reqd_work_group_size(LANES, 1, 1))) __kernel void
norm_group_statistics(int size, int stride, float epsilon, __global const real *x, ulong x_offset,
                      __global real *means, ulong means_offset, __global real *inverses,
                      ulong inverses_offset) {
    __local acc shared[LANES];
    int row = (int)get_group_id(0), lane = (int)get_local_id(0);
    acc sum = 0, squares = 0;
    x += x_offset + (ulong)row * size;
    UNROLL_4
    for (int i = lane; i < size; i += LANES) sum += x[i];
    acc mean = group_sum(sum, shared) / (float)size;
    UNROLL_4
    for (int i = lane; i < size; i += LANES) squares += (x[i] - mean) * (x[i] - mean);
    squares = group_sum(squares, shared);
    if (lane) return;
    means[means_offset + row * stride] = mean;
    inverses[inverses_offset + row * stride] = 1 / sqrt(squares / (float)size + epsilon);
}
