/* gemv: products whose rows both lie along k (a dense layer's weights and its few inputs), as fast as the
 * weights come from memory.
 *
 * Computes:     C = activate(scale * W V^T + bias_scale * bias), bias broadcast through its strides; batched.
 * Layouts:      W element (m, k) at m * w_row + k, V element (n, k) at n * v_row + k, C (m, n) at m * c_row +
 *               n * c_column. Batch b = b0 * batch1 + b1 of W starts at b0 * w_batch0 + b1 * w_batch1, the
 *               same for V; of C at b * c_batch.
 * Launch:       x: blocks of GROUPS * ROWS rows of W, y: blocks of SETS * COLUMNS rows of V, z: batch.
 * Defines:      X vector width; ROWS, COLUMNS register tile; GROUPS, SETS tiles of a work-item, whose sums
 *               wait in local memory while the others go through k_block elements; HAS_BIAS; ACTIVATION.
 * Local memory: GROUPS * SETS * ROWS * COLUMNS * X sums.
 * Truth:        lib/reference/gemm.c
 * Source:       ROWS streams in sequence, for the hardware's prefetchers. */
#ifndef ROWS
#define ROWS 8
#endif
#ifndef COLUMNS
#define COLUMNS 1
#endif
#ifndef GROUPS
#define GROUPS 1
#endif
#ifndef SETS
#define SETS 1
#endif

/* sums[ROWS][COLUMNS] of vectors += (or, at the first block of k, =) `length` elements of the rows; past the
 * last row or column, the last one again. */
void gemv_tile(int length, bool first, int rows, int w_row, int columns, int v_row,
               __global const real *w, __global const real *v, __local real *sums);
void gemv_tile(int length, bool first, int rows, int w_row, int columns, int v_row,
               __global const real *w, __global const real *v, __local real *sums) {
    __global const real *row[ROWS], *column[COLUMNS];
    vec sum[ROWS][COLUMNS];
    UNROLL
    for (int i = 0; i < ROWS; i++) row[i] = w + (ulong)min(i, rows - 1) * w_row;
    UNROLL
    for (int j = 0; j < COLUMNS; j++) column[j] = v + (ulong)min(j, columns - 1) * v_row;
    UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < COLUMNS; j++)
        sum[i][j] = first ? 0 : load_vec(sums + (i * COLUMNS + j) * X);
    for (int t = 0; t < length; t += X) {
        vec u[COLUMNS];
        UNROLL
        for (int j = 0; j < COLUMNS; j++) u[j] = load_vec(column[j] + t);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            vec weights = load_vec(row[i] + t);
            UNROLL
            for (int j = 0; j < COLUMNS; j++) sum[i][j] += weights * u[j];
        }
    }
    UNROLL
    for (int i = 0; i < ROWS; i++) UNROLL
    for (int j = 0; j < COLUMNS; j++) store_vec(sum[i][j], sums + (i * COLUMNS + j) * X);
}

__constant int gemv_lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The sum of a row's lanes and of what is left of k past whole vectors: the last vector of the row once
 * more, without the lanes that are in the sum already. */
acc gemv_sum(int k, __global const real *w, __global const real *v, __local const real *lanes);
acc gemv_sum(int k, __global const real *w, __global const real *v, __local const real *lanes) {
    vec sum = load_vec(lanes);
    int left = k % X;
    acc rest = 0;
    if (left > 0 && k >= X) {
        vec_int fresh = JOIN(vload, X)(0, gemv_lanes) >= X - left;
        sum += select((vec)(0), load_vec(w + k - X), fresh) *
               select((vec)(0), load_vec(v + k - X), fresh);
    } else {
        for (int t = 0; t < left; t++) rest += w[t] * v[t];
    }
    return sum_vec(sum) + rest;
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
gemv(int m, int n, int k, int k_block, int w_row, int v_row, int c_row, int c_column, int batch1,
     int w_batch0, int w_batch1, int v_batch0, int v_batch1, int c_batch, int bias_row,
     int bias_column, float scale, float bias_scale, __global const real *w, ulong w_offset,
     __global const real *v, ulong v_offset, __global const real *bias, ulong bias_offset,
     float alpha, float beta, __global real *c, ulong c_offset) {
    __local real sums[GROUPS * SETS * ROWS * COLUMNS * X];
    int m0 = (int)get_global_id(0) * GROUPS * ROWS, rows = min(GROUPS * ROWS, m - m0);
    int n0 = (int)get_global_id(1) * SETS * COLUMNS, columns = min(SETS * COLUMNS, n - n0);
    int batch = (int)get_global_id(2), whole = k - k % X;
    w += w_offset + (ulong)(batch / batch1) * w_batch0 + (ulong)(batch % batch1) * w_batch1;
    v += v_offset + (ulong)(batch / batch1) * v_batch0 + (ulong)(batch % batch1) * v_batch1;
    w += (ulong)m0 * w_row;
    v += (ulong)n0 * v_row;
    bias += bias_offset + m0 * bias_row + n0 * bias_column;
    c += c_offset + (ulong)batch * c_batch + (ulong)m0 * c_row + (ulong)n0 * c_column;

    for (int first = 0; first < whole || first == 0; first += k_block)
        for (int i = 0; i < rows; i += ROWS)
            for (int j = 0; j < columns; j += COLUMNS)
                gemv_tile(min(k_block, whole - first), first == 0, rows - i, w_row, columns - j,
                          v_row, w + (ulong)i * w_row + first, v + (ulong)j * v_row + first,
                          sums + (i * SETS + j / COLUMNS * ROWS) * COLUMNS * X);

    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            int tile = i / ROWS * SETS + j / COLUMNS;
            int place = (tile * ROWS + i % ROWS) * COLUMNS + j % COLUMNS;
            acc y = gemv_sum(k, w + (ulong)i * w_row, v + (ulong)j * v_row, sums + place * X);
            y *= scale;
            if (HAS_BIAS) y += bias_scale * bias[i * bias_row + j * bias_column];
            c[(ulong)i * c_row + (ulong)j * c_column] = activate(y, alpha, beta);
        }
}
