/* gemm_tiled: matrix product through local memory, for GPUs: a work-group computes a tile, each work-item
 * a register tile of it.
 *
 * Computes:     C = activate(scale * op(A) op(B) + bias_scale * bias), bias broadcast through its strides;
 *               batched.
 * Layouts:      A (m, k), or (k, m) if TRANS_A, rows a_row apart; B (k, n), or (n, k) if TRANS_B, rows b_row
 *               apart; C (m, n), rows c_row apart. Batch b = b0 * batch1 + b1 starts at
 *               b0 * a_batch0 + b1 * a_batch1, the same for B; in C at b * c_batch.
 * Launch:       groups of ITEMS work-items in one dimension. x: tiles of TILE_N columns, y: tiles of TILE_M
 *               rows, z: batch. 32 neighbours own 4 x 8 pieces of the tile; a piece is 4 x 4 elements.
 * Defines:      TILE_M TILE_N TILE_K a tile and its depth: powers of two; ITEM_M ITEM_N the elements of a
 *               work-item, multiples of 4: TILE_M / ITEM_M is a multiple of 4, TILE_N / ITEM_N of 8;
 *               TRANS_A TRANS_B HAS_BIAS 0 or 1; ACTIVATION.
 * Local memory: 2 * TILE_K * (TILE_M + TILE_N + 2 * PAD) * 4 bytes.
 * Truth:        lib/reference/gemm.c
 * Source:       Volkov and Demmel 2008; the 4 x 4 pieces and two buffers after
 *               https://github.com/Yinghan-Li/YHs_Sample and https://github.com/siboehm/SGEMM_CUDA. */
#ifndef TILE_M
#define TILE_M 64
#endif
#ifndef TILE_N
#define TILE_N 64
#endif
#ifndef TILE_K
#define TILE_K 16
#endif
#ifndef ITEM_M
#define ITEM_M 4
#endif
#ifndef ITEM_N
#define ITEM_N 8
#endif
#ifndef TRANS_A
#define TRANS_A 0
#endif
#ifndef TRANS_B
#define TRANS_B 0
#endif

/* Work-items down and across the tile; each owns ITEM_M / 4 by ITEM_N / 4 pieces, that many apart. PAD keeps
 * rows in local memory on 16 bytes, and columns written one below the other off a single bank. */
enum { DOWN = TILE_M / ITEM_M, ACROSS = TILE_N / ITEM_N, ITEMS = DOWN * ACROSS, PAD = 4 };
enum { A_ROW = (TILE_M + PAD) / 4, B_ROW = (TILE_N + PAD) / 4 }; /* float4s in local memory */
enum { A_COUNT = TILE_M * TILE_K / ITEMS, B_COUNT = TILE_N * TILE_K / ITEMS };

/* Element e of a tile of an operand: `row` is along m or n, and neighbouring e are neighbours in memory. */
typedef struct {
    int row, k;
} place;

place gemm_tiled_place(int e, int tile, bool k_first);
place gemm_tiled_place(int e, int tile, bool k_first) {
    place p = {k_first ? e / TILE_K : e % tile, k_first ? e % TILE_K : e / tile};
    return p;
}

/* Brings the item's elements of a tile from global memory. Past the last row it is the last row again,
 * whose products nobody stores; past the last k it is zero. */
void gemm_tiled_fetch(real *held, int count, __global const real *x, int stride, int tile,
                      bool k_first, int row0, int rows, int k0, int k);
void gemm_tiled_fetch(real *held, int count, __global const real *x, int stride, int tile,
                      bool k_first, int row0, int rows, int k0, int k) {
#pragma unroll
    for (int i = 0; i < count; i++) {
        place p = gemm_tiled_place((int)get_local_id(0) + i * ITEMS, tile, k_first);
        uint row = (uint)min(row0 + p.row, rows - 1), at = (uint)(k0 + p.k);
        held[i] = at < (uint)k ? x[k_first ? row * stride + at : at * stride + row] : 0;
    }
}

/* Puts them into local memory, where a row of the tile's width holds one k. */
void gemm_tiled_keep(__local float4 *kept, const real *held, int count, int tile, bool k_first);
void gemm_tiled_keep(__local float4 *kept, const real *held, int count, int tile, bool k_first) {
    __local real *to = (__local real *)kept;
#pragma unroll
    for (int i = 0; i < count; i++) {
        place p = gemm_tiled_place((int)get_local_id(0) + i * ITEMS, tile, k_first);
        to[p.k * (tile + PAD) + p.row] = held[i];
    }
}

/* sum += A B over the TILE_K products in local memory, for the pieces from (down, across) on. */
void gemm_tiled_multiply(float4 sum[ITEM_M][ITEM_N / 4], __local const float4 *a,
                         __local const float4 *b, int down, int across);
void gemm_tiled_multiply(float4 sum[ITEM_M][ITEM_N / 4], __local const float4 *a,
                         __local const float4 *b, int down, int across) {
#pragma unroll 4
    for (int k = 0; k < TILE_K; k++) {
        float4 u[ITEM_M / 4], v[ITEM_N / 4];
#pragma unroll
        for (int i = 0; i < ITEM_M / 4; i++) u[i] = a[k * A_ROW + down + i * DOWN];
#pragma unroll
        for (int j = 0; j < ITEM_N / 4; j++) v[j] = b[k * B_ROW + across + j * ACROSS];
#pragma unroll
        for (int i = 0; i < ITEM_M / 4; i++)
#pragma unroll
            for (int j = 0; j < ITEM_N / 4; j++) {
                sum[4 * i][j] += u[i].s0 * v[j];
                sum[4 * i + 1][j] += u[i].s1 * v[j];
                sum[4 * i + 2][j] += u[i].s2 * v[j];
                sum[4 * i + 3][j] += u[i].s3 * v[j];
            }
    }
}

/* The first `count` of four neighbours. */
void gemm_tiled_store(__global real *c, float4 v, int count, bool aligned);
void gemm_tiled_store(__global real *c, float4 v, int count, bool aligned) {
    if (count >= 4 && aligned) {
        *(__global float4 *)c = v;
        return;
    }
    if (count > 0) c[0] = v.s0;
    if (count > 1) c[1] = v.s1;
    if (count > 2) c[2] = v.s2;
    if (count > 3) c[3] = v.s3;
}

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
gemm_tiled(int m, int n, int k, int a_row, int b_row, int c_row, int batch1, int a_batch0,
           int a_batch1, int b_batch0, int b_batch1, int c_batch, int bias_row, int bias_column,
           float scale, float bias_scale, __global const real *a, ulong a_offset,
           __global const real *b, ulong b_offset, __global const real *bias, ulong bias_offset,
           float alpha, float beta, __global real *c, ulong c_offset) {
    __local float4 a_kept[2][TILE_K * A_ROW], b_kept[2][TILE_K * B_ROW];
    int item = (int)get_local_id(0), lane = item % 32, warp = item / 32;
    int across = lane % 8 + warp % (ACROSS / 8) * 8, down = lane / 8 + warp / (ACROSS / 8) * 4;
    int n0 = (int)get_group_id(0) * TILE_N, m0 = (int)get_group_id(1) * TILE_M;
    int batch = (int)get_group_id(2);
    a += a_offset + (ulong)(batch / batch1) * a_batch0 + (ulong)(batch % batch1) * a_batch1;
    b += b_offset + (ulong)(batch / batch1) * b_batch0 + (ulong)(batch % batch1) * b_batch1;
    c += c_offset + (ulong)batch * c_batch;

    real a_held[A_COUNT], b_held[B_COUNT];
    float4 sum[ITEM_M][ITEM_N / 4];
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
#pragma unroll
        for (int j = 0; j < ITEM_N / 4; j++) sum[i][j] = 0;

    gemm_tiled_fetch(a_held, A_COUNT, a, a_row, TILE_M, !TRANS_A, m0, m, 0, k);
    gemm_tiled_fetch(b_held, B_COUNT, b, b_row, TILE_N, TRANS_B, n0, n, 0, k);
    gemm_tiled_keep(a_kept[0], a_held, A_COUNT, TILE_M, !TRANS_A);
    gemm_tiled_keep(b_kept[0], b_held, B_COUNT, TILE_N, TRANS_B);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k0 = 0, now = 0; k0 < k; k0 += TILE_K, now = 1 - now) {
        bool more = k0 + TILE_K < k; /* the next tile is on its way during the arithmetic */
        if (more) {
            gemm_tiled_fetch(a_held, A_COUNT, a, a_row, TILE_M, !TRANS_A, m0, m, k0 + TILE_K, k);
            gemm_tiled_fetch(b_held, B_COUNT, b, b_row, TILE_N, TRANS_B, n0, n, k0 + TILE_K, k);
        }
        gemm_tiled_multiply(sum, a_kept[now], b_kept[now], down, across);
        if (more) {
            gemm_tiled_keep(a_kept[1 - now], a_held, A_COUNT, TILE_M, !TRANS_A);
            gemm_tiled_keep(b_kept[1 - now], b_held, B_COUNT, TILE_N, TRANS_B);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    bool aligned = ((size_t)c & 15) == 0 && c_row % 4 == 0;
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
#pragma unroll
        for (int j = 0; j < ITEM_N / 4; j++) {
            int row = m0 + 4 * (down + i / 4 * DOWN) + i % 4;
            int column = n0 + 4 * (across + j * ACROSS);
            if (row >= m || column >= n) continue;
            float4 y = scale * sum[i][j];
            if (HAS_BIAS) {
                __global const real *from = bias + bias_offset + row * bias_row;
                int last = n - 1;
                y += bias_scale * (float4)(from[min(column, last) * bias_column],
                                           from[min(column + 1, last) * bias_column],
                                           from[min(column + 2, last) * bias_column],
                                           from[min(column + 3, last) * bias_column]);
            }
            y = (float4)(activate(y.s0, alpha, beta), activate(y.s1, alpha, beta),
                         activate(y.s2, alpha, beta), activate(y.s3, alpha, beta));
            gemm_tiled_store(c + (ulong)row * c_row + column, y, n - column, aligned);
        }
}
