/* gemm_plain: matrix product on a register tile; three forms, for how B lies in memory and
 * what a work-item is.
 *
 * Computes:     C = activate(alpha * op(A) op(B) + beta * bias), bias broadcast through its strides; batched.
 * Layouts:      A: element (m, k) at m * a_row + k * a_column. columns, lanes: B (k, n) at k * b_row +
 *               n * b_column. dots: A (m, k), B (n, k), k contiguous in both: a_column and b_column
 *               are not used. C (m, n) at m * c_row + n. Batch b = b0 * batch1 + b1 starts at
 *               b0 * a_batch0 + b1 * a_batch1, the same for B; in C at b * c_batch.
 * Launch:       columns: x: tiles of 16 columns, y: tiles of ROWS rows, z: batch.
 *               lanes: x: columns (neighbours read neighbours of B), y: tiles of ROWS rows, z: batch.
 *               dots: x: tiles of ROWS rows (neighbours share B), times tiles of COLUMNS columns; y: batch.
 * Defines:      ROWS 1 to 8, at most m (but in dots), COLUMNS 1 to 4 (dots); HAS_BIAS 0 or 1; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/gemm.c
 * Source:       register tile after Goto and van de Geijn 2008. */
#ifndef ROWS
#define ROWS    4
#define COLUMNS 2
#endif

/* Elements n, ..., n + 15 of a row of B; zeros from `end` on. */
float16 gemm_plain_row(__global const real *b, int n, int end, int b_column);
float16 gemm_plain_row(__global const real *b, int n, int end, int b_column) {
    if (b_column == 1 && n + 16 <= end) return vload16(0, b + n);
    real e[16];
    for (int j = 0; j < 16; j++) e[j] = n + j < end ? b[(n + j) * b_column] : 0;
    return vload16(0, e);
}

__kernel void gemm_plain_columns(int m, int n, int k, int a_row, int a_column, int b_row,
                                 int b_column, int c_row, int batch1, int a_batch0, int a_batch1,
                                 int b_batch0, int b_batch1, int c_batch, int bias_row,
                                 int bias_column, float scale, float bias_scale,
                                 __global const real *a, ulong a_offset, __global const real *b,
                                 ulong b_offset, __global const real *bias, ulong bias_offset,
                                 float alpha, float beta, __global real *c, ulong c_offset) {
    int n0 = (int)get_global_id(0) * 16, first = (int)get_global_id(1) * ROWS;
    int m0 = min(first, m - ROWS); /* the last tile begins earlier, and stores from `first` on */
    int batch = (int)get_global_id(2);
    if (n0 >= n) return;
    a += a_offset + (ulong)(batch / batch1) * a_batch0 + (ulong)(batch % batch1) * a_batch1;
    b += b_offset + (ulong)(batch / batch1) * b_batch0 + (ulong)(batch % batch1) * b_batch1;
    c += c_offset + (ulong)batch * c_batch;

    float16 sum[ROWS];
    for (int i = 0; i < ROWS; i++) sum[i] = 0;
    a += (size_t)m0 * a_row;
    for (int t = 0; t < k; t++, a += a_column, b += b_row) {
        float16 v = gemm_plain_row(b, n0, n, b_column);
        for (int i = 0; i < ROWS; i++) sum[i] += a[i * (size_t)a_row] * v;
    }

    for (int i = 0; i < ROWS; i++) { /* no early end: sum[] must stay in registers */
        if (m0 + i < first) continue;
        real e[16];
        vstore16(sum[i], 0, e);
        for (int j = 0; j < 16 && n0 + j < n; j++) {
            acc y = scale * e[j];
            if (HAS_BIAS)
                y += bias_scale * bias[bias_offset + (m0 + i) * bias_row + (n0 + j) * bias_column];
            c[(ulong)(m0 + i) * c_row + n0 + j] = activate(y, alpha, beta);
        }
    }
}

__kernel void gemm_plain_lanes(int m, int n, int k, int a_row, int a_column, int b_row,
                               int b_column, int c_row, int batch1, int a_batch0, int a_batch1,
                               int b_batch0, int b_batch1, int c_batch, int bias_row,
                               int bias_column, float scale, float bias_scale,
                               __global const real *a, ulong a_offset, __global const real *b,
                               ulong b_offset, __global const real *bias, ulong bias_offset,
                               float alpha, float beta, __global real *c, ulong c_offset) {
    int column = (int)get_global_id(0), first = (int)get_global_id(1) * ROWS;
    int m0 = min(first, m - ROWS); /* the last tile begins earlier, and stores from `first` on */
    int batch = (int)get_global_id(2);
    if (column >= n) return;
    a += a_offset + (ulong)(batch / batch1) * a_batch0 + (ulong)(batch % batch1) * a_batch1;
    b += b_offset + (ulong)(batch / batch1) * b_batch0 + (ulong)(batch % batch1) * b_batch1;
    c += c_offset + (ulong)batch * c_batch;

    acc sum[ROWS];
    for (int i = 0; i < ROWS; i++) sum[i] = 0;
    a += (size_t)m0 * a_row;
    b += (size_t)column * b_column;
    for (int t = 0; t < k; t++, a += a_column, b += b_row) {
        acc v = *b;
        for (int i = 0; i < ROWS; i++) sum[i] += a[i * (size_t)a_row] * v;
    }

    for (int i = 0; i < ROWS; i++) {
        if (m0 + i < first) continue;
        acc y = scale * sum[i];
        if (HAS_BIAS)
            y += bias_scale * bias[bias_offset + (m0 + i) * bias_row + column * bias_column];
        c[(ulong)(m0 + i) * c_row + column] = activate(y, alpha, beta);
    }
}

__kernel void gemm_plain_dots(int m, int n, int k, int a_row, int a_column, int b_row, int b_column,
                              int c_row, int batch1, int a_batch0, int a_batch1, int b_batch0,
                              int b_batch1, int c_batch, int bias_row, int bias_column, float scale,
                              float bias_scale, __global const real *a, ulong a_offset,
                              __global const real *b, ulong b_offset, __global const real *bias,
                              ulong bias_offset, float alpha, float beta, __global real *c,
                              ulong c_offset) {
    int row_tiles = (m + ROWS - 1) / ROWS, item = (int)get_global_id(0);
    int m0 = item % row_tiles * ROWS, n0 = item / row_tiles * COLUMNS;
    int batch = (int)get_global_id(1);
    if (n0 >= n) return;
    a += a_offset + (ulong)(batch / batch1) * a_batch0 + (ulong)(batch % batch1) * a_batch1;
    b += b_offset + (ulong)(batch / batch1) * b_batch0 + (ulong)(batch % batch1) * b_batch1;
    c += c_offset + (ulong)batch * c_batch;

    float8 sum[ROWS][COLUMNS];
    int row[ROWS], column[COLUMNS]; /* past the last row or column, the last one again */
    for (int i = 0; i < ROWS; i++) row[i] = min(m0 + i, m - 1) * a_row;
    for (int j = 0; j < COLUMNS; j++) column[j] = min(n0 + j, n - 1) * b_row;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) sum[i][j] = 0;
    int whole = k - k % 8;
    for (int t = 0; t < whole; t += 8) {
        float8 v[COLUMNS];
        for (int j = 0; j < COLUMNS; j++) v[j] = vload8(0, b + column[j] + t);
        for (int i = 0; i < ROWS; i++) {
            float8 u = vload8(0, a + row[i] + t);
            for (int j = 0; j < COLUMNS; j++) sum[i][j] += u * v[j];
        }
    }

#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) {
            if (m0 + i >= m || n0 + j >= n) continue;
            float4 half_sum = sum[i][j].lo + sum[i][j].hi;
            acc y = half_sum.x + half_sum.y + half_sum.z + half_sum.w;
            for (int t = whole; t < k; t++) y += a[row[i] + t] * b[column[j] + t];
            y *= scale;
            if (HAS_BIAS)
                y += bias_scale * bias[bias_offset + (m0 + i) * bias_row + (n0 + j) * bias_column];
            c[(ulong)(m0 + i) * c_row + n0 + j] = activate(y, alpha, beta);
        }
}
