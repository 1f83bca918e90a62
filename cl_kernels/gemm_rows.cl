/* gemm_rows: few rows times a large matrix whose rows lie along n (the gradient of a dense layer's input), as fast
 * as the matrix comes from memory.
 *
 * Computes:     C = activate(scale * A B + bias_scale * bias), bias broadcast through its strides; batched.
 * Layouts:      A element (m, k) at m * a_row + k * a_column, B (k, n) at k * b_row + n, C (m, n) at m * c_row + n. Batch
 *               b = b0 * batch1 + b1 of A starts at b0 * a_batch0 + b1 * a_batch1, the same for B; of C at b * c_batch.
 * Launch:       x: strips of STRIP vectors of columns, y: tiles of ROWS rows, z: batch. One work-item a group. It walks k in
 *               steps of DEPTH, each step along the whole strip: DEPTH runs of B in sequence, while the sums of the
 *               strip wait in local memory.
 * Defines:      X vector width; ROWS of a tile; DEPTH of a step; STRIP; HAS_BIAS; ACTIVATION.
 * Local memory: ROWS * STRIP * X sums.
 * Truth:        lib/reference/gemm.c
 * Source:       the outer-product form of Golub and Van Loan, Matrix Computations, section 1.1. */
#ifndef ROWS
#define ROWS 8
#endif
#ifndef DEPTH
#define DEPTH 4
#endif
#ifndef STRIP
#define STRIP 64
#endif

/* sums[ROWS][STRIP] of vectors += `depth` numbers of each row times as many rows of B; past the last row, the last
 * one again. */
INLINE void gemm_rows_step(int depth, bool first, int rows, int a_row, int a_column,
                           __global const real *a, int vectors, int b_row, __global const real *b,
                           __local real *sums) {
    __global const real *from[DEPTH];
    real factor[ROWS][DEPTH];
    UNROLL
    for (int d = 0; d < DEPTH; d++) {
        from[d] = b + (ulong)min(d, depth - 1) * b_row;
        UNROLL
        for (int i = 0; i < ROWS; i++)
            factor[i][d] = d < depth ? a[(ulong)min(i, rows - 1) * a_row + d * a_column] : 0;
    }
    for (ulong t = 0; t < (ulong)vectors * X; t += X) {
        vec v[DEPTH];
        UNROLL
        for (int d = 0; d < DEPTH; d++) v[d] = load_vec(from[d] + t);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            vec sum = first ? 0 : load_vec(sums + i * STRIP * X + t);
            UNROLL
            for (int d = 0; d < DEPTH; d++) sum += factor[i][d] * v[d];
            store_vec(sum, sums + i * STRIP * X + t);
        }
    }
}

/* The columns past the last whole vector, one by one. */
INLINE void gemm_rows_rest(int rows, int k, int columns, int a_row, int a_column,
                           __global const real *a, int b_row, __global const real *b,
                           __local real *sums) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            acc sum = 0;
            for (int t = 0; t < k; t++)
                sum += a[(ulong)i * a_row + (ulong)t * a_column] * b[(ulong)t * b_row + j];
            sums[i * STRIP * X + j] = sum;
        }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
gemm_rows(int m, int n, int k, int a_row, int a_column, int b_row, int c_row, int batch1,
          int a_batch0, int a_batch1, int b_batch0, int b_batch1, int c_batch, int bias_row,
          int bias_column, float scale, float bias_scale, __global const real *a, ulong a_offset,
          __global const real *b, ulong b_offset, __global const real *bias, ulong bias_offset,
          float alpha, float beta, __global real *c, ulong c_offset) {
    __local real sums[ROWS * STRIP * X];
    int n0 = (int)get_global_id(0) * STRIP * X, columns = min(STRIP * X, n - n0);
    int m0 = (int)get_global_id(1) * ROWS, rows = min(ROWS, m - m0);
    int batch = (int)get_global_id(2), vectors = columns / X;
    a += a_offset + (ulong)(batch / batch1) * a_batch0 + (ulong)(batch % batch1) * a_batch1;
    b += b_offset + (ulong)(batch / batch1) * b_batch0 + (ulong)(batch % batch1) * b_batch1;
    a += (ulong)m0 * a_row;
    b += n0;
    for (int t = 0; t < k; t += DEPTH)
        gemm_rows_step(min(DEPTH, k - t), t == 0, rows, a_row, a_column, a + (ulong)t * a_column,
                       vectors, b_row, b + (ulong)t * b_row, sums);
    gemm_rows_rest(rows, k, columns - vectors * X, a_row, a_column, a, b_row, b + vectors * X,
                   sums + vectors * X);
    c += c_offset + (ulong)batch * c_batch + (ulong)m0 * c_row + n0;
    bias += bias_offset + m0 * bias_row + n0 * bias_column;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            acc y = scale * sums[i * STRIP * X + j];
            if (HAS_BIAS) y += bias_scale * bias[i * bias_row + j * bias_column];
            c[(ulong)i * c_row + j] = activate(y, alpha, beta);
        }
}
