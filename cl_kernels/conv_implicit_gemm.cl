/* conv_implicit_gemm: convolution as a matrix product whose right matrix is never built, for GPUs: filters
 * (oc, k) times windows (k, pixels), by tiles through local memory. What k means is looked up in a table.
 *
 * Computes:     y = activate(bias + residual + sum over k = (ic, kd, kh, kw) of w * x); padding is zeros,
 *               multiplied like data. With splits > 1 each part of the sum goes to a workspace of its own,
 *               and conv_implicit_gemm_sum adds them in order.
 * Layouts:      x (n, groups*ic, id, ih, iw), w (groups*oc, k), bias (groups*oc), residual and y
 *               (n, groups*oc, od, oh, ow); packed (groups, tiles of TILE_M filters, chunks*TILE_K, TILE_M),
 *               zero past the last filter and the last k; table (chunks*TILE_K): element offset of the tap
 *               from the window's first, and its depth, row and column there; parts (splits, shape of y).
 * Launch:       groups of ITEMS work-items in one dimension. x: tiles of TILE_N pixels of all images,
 *               y: tiles of TILE_M filters, z: groups * splits. pack: x: k, y: filters, rounded up to tiles,
 *               of all groups. sum: x: elements of y.
 * Defines:      KD KH KW filter size; SD SH SW stride; DD DH DW dilation; TILE_M TILE_N TILE_K ITEM_M
 *               ITEM_N as in gemm_tiled, and ITEMS a multiple of TILE_N; VOLUME: three spatial axes;
 *               PADDED: some window reaches outside of x, or the last chunk past k; HAS_BIAS HAS_RESIDUAL
 *               0 or 1; ACTIVATION.
 * Local memory: 2 * TILE_K * (TILE_M + TILE_N) * 4 bytes.
 * Truth:        lib/reference/conv.c
 * Source:       Chetlur et al. 2014 (cuDNN); the register tile as in gemm_tiled. */
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
#ifndef VOLUME
#define VOLUME 0
#endif
#ifndef PADDED
#define PADDED 1
#endif

/* Work-items down and across the tile; each owns ITEM_M / 4 by ITEM_N / 4 pieces, that many apart. */
enum { DOWN = TILE_M / ITEM_M, ACROSS = TILE_N / ITEM_N, ITEMS = DOWN * ACROSS };
enum { W_COUNT = TILE_M * TILE_K / 4 / ITEMS, X_COUNT = TILE_N * TILE_K / ITEMS };
enum { OUTSIDE = -(1 << 30) }; /* a column that is outside of x for every window */

/* Filters in tiles, one k below the other; and the table, by the work-items of the first filter. */
__kernel void conv_implicit_gemm_pack(int ih, int iw, int plane, int oc, int k, int rows,
                                      int group_step, int out_step, int in_step, int tap_step,
                                      __global const real *w, ulong w_offset, __global real *packed,
                                      ulong packed_offset, __global int4 *table,
                                      ulong table_offset) {
    int at = (int)get_global_id(0), padded = (k + TILE_K - 1) / TILE_K * TILE_K;
    int row = (int)get_global_id(1) % rows, group = (int)get_global_id(1) / rows;
    if (at >= padded) return;
    ulong to = ((ulong)(group * (rows / TILE_M) + row / TILE_M) * padded + at) * TILE_M;
    int channel = at / (KD * KH * KW), tap = at % (KD * KH * KW);
    w += w_offset + (ulong)group * group_step + (ulong)row * out_step + (ulong)channel * in_step;
    packed[packed_offset + to + row % TILE_M] = row < oc && at < k ? w[tap * tap_step] : 0;
    if (get_global_id(1) > 0) return;
    int kw = at % KW * DW, kh = at / KW % KH * DH, kd = at / (KW * KH) % KD * DD;
    uint row_of_x = (uint)kd * (uint)ih + (uint)kh;
    int offset = (int)((uint)(at / (KW * KH * KD)) * (uint)plane + row_of_x * (uint)iw + (uint)kw);
    table[table_offset + at] = at < k ? (int4)(offset, kd, kh, kw) : (int4)(0, 0, 0, OUTSIDE);
}

/* sum += W X over the TILE_K products in local memory, for the pieces from (down, across) on. */
void conv_implicit_gemm_multiply(float4 sum[ITEM_M][ITEM_N / 4], __local const float4 *w,
                                 __local const float4 *x, int down, int across);
void conv_implicit_gemm_multiply(float4 sum[ITEM_M][ITEM_N / 4], __local const float4 *w,
                                 __local const float4 *x, int down, int across) {
#pragma unroll 4
    for (int k = 0; k < TILE_K; k++) {
        float4 u[ITEM_M / 4], v[ITEM_N / 4];
#pragma unroll
        for (int i = 0; i < ITEM_M / 4; i++) u[i] = w[k * (TILE_M / 4) + down + i * DOWN];
#pragma unroll
        for (int j = 0; j < ITEM_N / 4; j++) v[j] = x[k * (TILE_N / 4) + across + j * ACROSS];
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

/* The window of one output pixel: its first depth, row and column, and where that is in x; modulo 2^32, as
 * a window may start before x. */
typedef struct {
    int d, h, w;
    uint start;
} window;

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv_implicit_gemm(int images, int groups, int ic, int id, int ih, int iw, int oc, int od, int oh,
                   int ow, int pd, int ph, int pw, int chunks, int splits, __global const real *x,
                   ulong x_offset, __global const float4 *packed, ulong packed_offset,
                   __global const int4 *table, ulong table_offset, __global const real *bias,
                   ulong bias_offset, __global const real *residual, ulong residual_offset,
                   float alpha, float beta, __global real *y, ulong y_offset) {
    __local float4 w_kept[2][TILE_K * TILE_M / 4], x_kept[2][TILE_K * TILE_N / 4];
    int item = (int)get_local_id(0), lane = item % 32, warp = item / 32;
    int across = lane % 8 + warp % (ACROSS / 8) * 8, down = lane / 8 + warp / (ACROSS / 8) * 4;
    int group = (int)get_group_id(2) / splits, part = (int)get_group_id(2) % splits;
    int n0 = (int)get_group_id(0) * TILE_N, m0 = (int)get_group_id(1) * TILE_M;
    int pixels = od * oh * ow, plane = id * ih * iw, tiles = (oc + TILE_M - 1) / TILE_M;
    int chunk = (int)((long)chunks * part / splits);
    int end = (int)((long)chunks * (part + 1) / splits);

    /* Each item brings one pixel's inputs; past the last pixel it is the last one again. */
    int pixel = min(n0 + item % TILE_N, images * pixels - 1), p = pixel % pixels;
    window at = {p / (oh * ow) * SD - pd, p / ow % oh * SH - ph, p % ow * SW - pw, 0};
    at.start = (uint)((pixel / pixels * groups + group) * ic * plane);
    at.start += ((uint)at.d * (uint)ih + (uint)at.h) * (uint)iw + (uint)at.w;
    x += x_offset;
    packed += packed_offset +
              (ulong)(group * tiles + (int)get_group_id(1)) * chunks * (TILE_K * TILE_M / 4);
    table += table_offset + item / TILE_N;

    float4 w_held[W_COUNT], sum[ITEM_M][ITEM_N / 4];
    real x_held[X_COUNT];
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
#pragma unroll
        for (int j = 0; j < ITEM_N / 4; j++) sum[i][j] = 0;

    /* A chunk comes from global memory during the arithmetic with the one before it. */
    for (int c = chunk, now = 0; c <= end; c++, now = 1 - now) {
        if (c < end) {
#pragma unroll
            for (int i = 0; i < W_COUNT; i++)
                w_held[i] = packed[c * (TILE_K * TILE_M / 4) + item + i * ITEMS];
#pragma unroll
            for (int i = 0; i < X_COUNT; i++) {
                int4 tap = table[c * TILE_K + i * (ITEMS / TILE_N)];
                bool inside = (uint)(at.h + tap.s2) < (uint)ih && (uint)(at.w + tap.s3) < (uint)iw;
                if (VOLUME) inside = inside && (uint)(at.d + tap.s1) < (uint)id;
                if (!PADDED) inside = true;
                x_held[i] = inside ? x[at.start + (uint)tap.s0] : 0;
            }
        }
        if (c > chunk)
            conv_implicit_gemm_multiply(sum, w_kept[1 - now], x_kept[1 - now], down, across);
        if (c < end) {
#pragma unroll
            for (int i = 0; i < W_COUNT; i++) w_kept[now][item + i * ITEMS] = w_held[i];
#pragma unroll
            for (int i = 0; i < X_COUNT; i++)
                ((__local real *)x_kept[now])[item + i * ITEMS] = x_held[i];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    y += y_offset + (ulong)part * images * groups * oc * pixels;
#pragma unroll
    for (int j = 0; j < ITEM_N; j++) {
        pixel = n0 + 4 * (across + j / 4 * ACROSS) + j % 4;
        if (pixel >= images * pixels) continue;
        int image = pixel / pixels;
#pragma unroll
        for (int i = 0; i < ITEM_M; i++) {
            int filter = m0 + 4 * (down + i / 4 * DOWN) + i % 4, channel = group * oc + filter;
            if (filter >= oc) continue;
            size_t to = (size_t)(image * groups * oc + channel) * pixels + pixel % pixels;
            float4 four = sum[i][j / 4];
            acc v = j % 4 == 0 ? four.s0 : j % 4 == 1 ? four.s1 : j % 4 == 2 ? four.s2 : four.s3;
            if (splits == 1) {
                if (HAS_BIAS) v += bias[bias_offset + channel];
                if (HAS_RESIDUAL) v += residual[residual_offset + to];
                v = activate(v, alpha, beta);
            }
            y[to] = v;
        }
    }
}

__kernel void conv_implicit_gemm_sum(int count, int channels, int pixels, int splits,
                                     __global const real *parts, ulong parts_offset,
                                     __global const real *bias, ulong bias_offset,
                                     __global const real *residual, ulong residual_offset,
                                     float alpha, float beta, __global real *y, ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= count) return;
    parts += parts_offset + i;
    acc v = 0;
    for (int s = 0; s < splits; s++) v += parts[(ulong)s * count];
    if (HAS_BIAS) v += bias[bias_offset + i / pixels % channels];
    if (HAS_RESIDUAL) v += residual[residual_offset + i];
    y[y_offset + i] = activate(v, alpha, beta);
}
