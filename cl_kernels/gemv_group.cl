/* gemv_group: products whose rows both lie along k, a work-group for some rows: what gemv.cl does, for devices whose
 * work-items run side by side and read memory best as neighbours.
 *
 * Computes:     C = activate(scale * W V^T + bias_scale * bias), bias broadcast through its strides; batched.
 * Layouts:      as gemv.cl: W element (m, k) at m * w_row + k, V element (n, k) at n * v_row + k, C (m, n) at m * c_row +
 *               n * c_column. Batch b = b0 * batch1 + b1 of W starts at b0 * w_batch0 + b1 * w_batch1, the same for V;
 *               of C at b * c_batch.
 * Launch:       x: blocks of ROWS rows of W, a group of LANES work-items each; y: blocks of COLUMNS rows of V; z: batch.
 * Defines:      LANES, SUBGROUPS, HAS_BIAS, ACTIVATION as in common.h; ROWS * COLUMNS of a group, at most LANES; VECTOR:
 *               elements that a work-item reads at once, 4, or 1 where a vector of unknown alignment is read apart.
 * Local memory: ROWS * COLUMNS * LANES sums; none is touched where a subgroup is the group.
 * Truth:        lib/reference/gemm.c
 * Source:       Bell and Garland, Implementing sparse matrix-vector multiplication on throughput-oriented processors,
 *               2009: a row for a warp. */
#ifndef ROWS
#define ROWS 4
#endif
#ifndef COLUMNS
#define COLUMNS 1
#endif
#ifndef VECTOR
#define VECTOR 4
#endif

/* 4 elements of a row for this work-item, of the next 4 * LANES. */
INLINE float4 gemv_group_load(__global const real *x) {
    if (VECTOR == 4) return vload4(0, x);
    return (float4)(x[0], x[LANES], x[2 * LANES], x[3 * LANES]);
}

/* sums[ROWS][COLUMNS]: this work-item's share of the products; past the last row or column, the last one again. */
INLINE void gemv_group_multiply(int k, int rows, int w_row, int columns, int v_row,
                                __global const real *w, __global const real *v, acc *sums) {
    __global const real *row[ROWS], *column[COLUMNS];
    float4 sum[ROWS][COLUMNS];
    int lane = (int)get_local_id(0), whole = k - k % (4 * LANES);
    UNROLL
    for (int i = 0; i < ROWS; i++) row[i] = w + (ulong)min(i, rows - 1) * w_row;
    UNROLL
    for (int j = 0; j < COLUMNS; j++) column[j] = v + (ulong)min(j, columns - 1) * v_row;
    UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < COLUMNS; j++) sum[i][j] = 0;
    for (int t = VECTOR * lane; t < whole; t += 4 * LANES) {
        float4 u[COLUMNS];
        UNROLL
        for (int j = 0; j < COLUMNS; j++) u[j] = gemv_group_load(column[j] + t);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            float4 weights = gemv_group_load(row[i] + t);
            UNROLL
            for (int j = 0; j < COLUMNS; j++) sum[i][j] += weights * u[j];
        }
    }
    for (int t = whole + lane; t < k; t += LANES) UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < COLUMNS; j++) sum[i][j].x += row[i][t] * column[j][t];
    UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < COLUMNS; j++) {
        float4 s = sum[i][j];
        sums[i * COLUMNS + j] = (s.x + s.z) + (s.y + s.w);
    }
}

__attribute__((reqd_work_group_size(LANES, 1, 1))) __kernel void
gemv_group(int m, int n, int k, int w_row, int v_row, int c_row, int c_column, int batch1,
           int w_batch0, int w_batch1, int v_batch0, int v_batch1, int c_batch, int bias_row,
           int bias_column, float scale, float bias_scale, __global const real *w, ulong w_offset,
           __global const real *v, ulong v_offset, __global const real *bias, ulong bias_offset,
           float alpha, float beta, __global real *c, ulong c_offset) {
    __local acc shared[ROWS * COLUMNS * LANES];
    acc sums[ROWS * COLUMNS], y = 0;
    int m0 = (int)get_group_id(0) * ROWS, n0 = (int)get_group_id(1) * COLUMNS;
    int batch = (int)get_group_id(2), lane = (int)get_local_id(0);
    w += w_offset + (ulong)(batch / batch1) * w_batch0 + (ulong)(batch % batch1) * w_batch1;
    v += v_offset + (ulong)(batch / batch1) * v_batch0 + (ulong)(batch % batch1) * v_batch1;
    gemv_group_multiply(k, m - m0, w_row, n - n0, v_row, w + (ulong)m0 * w_row,
                        v + (ulong)n0 * v_row, sums);
    group_join(ROWS * COLUMNS, sums, shared, false);

    /* A work-item stores one element. */
    int row = m0 + lane / COLUMNS, column = n0 + lane % COLUMNS;
    if (lane >= ROWS * COLUMNS || row >= m || column >= n) return;
    UNROLL
    for (int e = 0; e < ROWS * COLUMNS; e++) y = lane == e ? sums[e] : y;
    y *= scale;
    if (HAS_BIAS) y += bias_scale * bias[bias_offset + row * bias_row + column * bias_column];
    c[c_offset + (ulong)batch * c_batch + (ulong)row * c_row + (ulong)column * c_column] =
        activate(y, alpha, beta);
}
