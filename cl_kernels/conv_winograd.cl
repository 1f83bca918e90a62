/* conv_winograd: 3x3 convolution by Winograd's minimal filtering F(TILE x TILE, 3 x 3), in channel blocks.
 *
 * Computes:     y = activate(bias + residual + conv(x, w)), 3x3, stride 1, dilation 1, one group, any padding. Each tile of
 *               TILE x TILE outputs comes from SIDE x SIDE inputs d, SIDE = TILE + 2, and a filter g as
 *               A^T [sum over ic of (G g G^T) .* (B^T d B)] A: SIDE^2 products in place of 9 TILE^2. A number that is not
 *               finite reaches every output of the tiles that hold it.
 * Layouts:      x, residual, y nChwXc (n, blocks, h, w, X); w (oc, ic, 3, 3); bias (oc);
 *               u = G g G^T: (SIDE^2, oc / 2X, ic / X, X, 2X), zero past oc and ic;
 *               v = B^T d B: (SIDE^2, stride v_plane; ic / X, tiles, X);  m, the sums: (SIDE^2, stride m_plane; oc / X, tiles, X).
 *               Tiles of all images are one list; a launch does `count` of them from `first` on. `tiles` is a multiple of ROWS:
 *               those past `count` hold anything and reach nothing. Planes begin an odd number of cache lines apart.
 * Launch:       one work-item a group. conv_winograd_pack: x blocks of ic, y pairs of blocks of oc. _input, _output: x runs of tiles, y channel
 *               blocks. _multiply: x runs of pairs of output channel blocks, y places of the SIDE^2. _fused: x runs of tiles,
 *               which each take in steps of `tiles` through all three phases, in a workspace of their own.
 * Defines:      TILE 2 or 4; X 4, 8 or 16; ROWS tiles of the register tile of ROWS x 2X sums, such that 2 ROWS + 3 vectors fit
 *               the registers; HAS_BIAS, HAS_RESIDUAL 0 or 1; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/conv.c; the error bound in lib/reference/winograd.c
 * Source:       Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016; Toom and Cook's
 *               construction with the points 0, 1, -1, infinity for TILE 2, and 0, 5/8, -5/8, 3/2, -3/2, infinity for
 *               TILE 4, which err half as much as 0, 1, -1, 2, -2 do (Barabasz et al., Error Analysis and Improving the
 *               Accuracy of Winograd Convolution, 2020): coefficients of B and A are exact in binary32. */
#ifndef TILE
#define TILE 4
#endif
#ifndef ROWS
#define ROWS 6
#endif

enum { SIDE = TILE + 2, PLACES = SIDE * SIDE, WIDE = 2 * X };
/* The points p and q, their squares, and the coefficients of the polynomials that have them as roots. */
__constant const real P1 = 0.625f, P2 = 0.390625f, P3 = 0.244140625f;
__constant const real Q1 = 1.5f, Q2 = 2.25f, Q3 = 3.375f;
__constant const real PQQ = 1.40625f, QPP = 0.5859375f, SUM = 2.640625f, PRODUCT = 0.87890625f;

/* ---- Transforms of one line: elements d[0], d[step], ... ---- */

/* G: 3 filter taps to SIDE places. */
INLINE void conv_winograd_filter(const vec *g, int step, vec *u, int u_step) {
    vec a = g[0], b = g[step], c = g[2 * step];
    u[(SIDE - 1) * u_step] = c;
    if (TILE == 2) {
        u[0] = a;
        u[u_step] = 0.5f * (a + c + b);
        u[2 * u_step] = 0.5f * (a + c - b);
    } else {
        real p = -0.68840336f, q = 0.11951447f; /* 1 / (2 p^2 (p^2 - q^2)), and p, q swapped */
        u[0] = 1.1377778f * a;                  /* 1 / (p^2 q^2) */
        u[u_step] = p * (a + P2 * c + P1 * b);
        u[2 * u_step] = p * (a + P2 * c - P1 * b);
        u[3 * u_step] = q * (a + Q2 * c + Q1 * b);
        u[(SIDE - 2) * u_step] = q * (a + Q2 * c - Q1 * b);
    }
}

/* B^T: SIDE inputs to SIDE places. */
INLINE void conv_winograd_line_in(vec *d, int step) {
    vec d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    if (TILE == 2) {
        d[0] -= d2;
        d[step] = d1 + d2;
        d[2 * step] = d2 - d1;
        d[3 * step] = d3 - d1;
    } else {
        vec d4 = d[(SIDE - 2) * step];
        vec even_p = d4 - Q2 * d2, odd_p = P1 * d3 - PQQ * d1;
        vec even_q = d4 - P2 * d2, odd_q = Q1 * d3 - QPP * d1;
        d[0] = PRODUCT * d[0] + (d4 - SUM * d2);
        d[step] = even_p + odd_p;
        d[2 * step] = even_p - odd_p;
        d[3 * step] = even_q + odd_q;
        d[(SIDE - 2) * step] = even_q - odd_q;
        d[(SIDE - 1) * step] = PRODUCT * d1 + (d[(SIDE - 1) * step] - SUM * d3);
    }
}

/* A^T: SIDE places to TILE outputs. */
INLINE void conv_winograd_line_out(vec *d, int step) {
    vec sum_p = d[step] + d[2 * step], difference_p = d[step] - d[2 * step];
    vec last = d[(SIDE - 1) * step];
    if (TILE == 2) {
        d[0] += sum_p;
        d[step] = difference_p + last;
    } else {
        vec sum_q = d[3 * step] + d[(SIDE - 2) * step];
        vec difference_q = d[3 * step] - d[(SIDE - 2) * step];
        d[0] += sum_p + sum_q;
        d[step] = P1 * difference_p + Q1 * difference_q;
        d[2 * step] = P2 * sum_p + Q2 * sum_q;
        d[3 * step] = P3 * difference_p + Q3 * difference_q + last;
    }
}

/* ---- One tile and channel block ---- */

/* Image, first output row and column of a tile. */
INLINE int3 conv_winograd_place(int tile, int across, int down) {
    return (int3)(tile / (across * down), tile / across % down * TILE, tile % across * TILE);
}

/* v[place * v_plane] = B^T d B of the inputs from (row, column) of a block on, of which `lanes` channels count. */
INLINE void conv_winograd_gather(int ih, int iw, int row, int column, int lanes,
                                 __global const real *x, ulong v_plane, __global real *v) {
    vec d[PLACES];
    int lane[X], rows[SIDE], columns[SIDE];
    vec_int keep[SIDE];
    for (int i = 0; i < X; i++) lane[i] = i < lanes ? -1 : 0;
    UNROLL
    for (int i = 0; i < SIDE;
         i++) { /* reads inside of the input only, and then masks: no branches */
        rows[i] = clamp(row + i, 0, ih - 1) * iw;
        columns[i] = clamp(column + i, 0, iw - 1);
        keep[i] = JOIN(vload, X)(0, lane);
        if ((uint)(row + i) >= (uint)ih) keep[i] = 0;
    }
    UNROLL
    for (int i = 0; i < PLACES; i++) {
        int r = i / SIDE, c = i % SIDE;
        vec_int there = (uint)(column + c) < (uint)iw ? keep[r] : (vec_int)(0);
        vec all = load_vec(x + (ulong)(rows[r] + columns[c]) * X);
        d[i] = JOIN(as_float, X)(JOIN(as_int, X)(all) & there);
    }
    UNROLL
    for (int i = 0; i < SIDE; i++) conv_winograd_line_in(d + i * SIDE, 1);
    UNROLL
    for (int i = 0; i < SIDE; i++) conv_winograd_line_in(d + i, SIDE);
    UNROLL
    for (int i = 0; i < PLACES; i++) store_vec(d[i], v + i * v_plane);
}

/* y = activate(A^T m A + bias + residual) for one tile whose first output is (row, column). */
INLINE void conv_winograd_scatter(ulong m_plane, __global const real *m, int oh, int ow, int row,
                                  int column, vec bias, __global const real *residual, float alpha,
                                  float beta, __global real *y) {
    vec d[PLACES];
    UNROLL
    for (int i = 0; i < PLACES; i++) d[i] = load_vec(m + i * m_plane);
    UNROLL
    for (int i = 0; i < SIDE; i++) conv_winograd_line_out(d + i, SIDE);
    UNROLL
    for (int i = 0; i < TILE; i++) conv_winograd_line_out(d + i * SIDE, 1);
    UNROLL
    for (int i = TILE * TILE - 1; i >= 0; i--) { /* backwards: what lies outside is overwritten */
        int r = min(row + i / TILE, oh - 1), c = min(column + i % TILE, ow - 1);
        ulong at = ((ulong)r * ow + c) * X;
        vec sum = d[i / TILE * SIDE + i % TILE] + bias;
        if (HAS_RESIDUAL) sum += load_vec(residual + at);
        store_vec(activate_vec(sum, alpha, beta), y + at);
    }
}

/* The bias of the block of channels from `first` on. */
INLINE vec conv_winograd_bias(__global const real *bias, int first, int oc) {
    real lane[X];
    for (int i = 0; i < X; i++) lane[i] = HAS_BIAS && first + i < oc ? bias[first + i] : 0;
    return load_vec(lane);
}

/* m (2, m_block, X) = v (ic / X, v_block, X) times u (ic / X, X, 2X) for `tiles` tiles of one place. */
INLINE void conv_winograd_product(int blocks, int tiles, ulong v_block, __global const real *v,
                                  __global const real *u, ulong m_block, __global real *m) {
    for (int t = 0; t < tiles; t += ROWS) {
        __global const real *factor = v + t * X, *weight = u;
        vec sum[ROWS][2];
        UNROLL
        for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = 0;
        for (int b = 0; b < blocks; b++, factor += v_block, weight += X * WIDE) {
            UNROLL
            for (int c = 0; c < X; c++) {
                vec w0 = load_vec(weight + c * WIDE), w1 = load_vec(weight + c * WIDE + X);
                UNROLL
                for (int i = 0; i < ROWS; i++) {
                    sum[i][0] += factor[i * X + c] * w0;
                    sum[i][1] += factor[i * X + c] * w1;
                }
            }
        }
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            store_vec(sum[i][0], m + (t + i) * X);
            store_vec(sum[i][1], m + m_block + (t + i) * X);
        }
    }
}

/* ---- The kernels ---- */

/* u of one input channel and X output channels, of which `lanes` are there. */
INLINE void conv_winograd_pack_block(int lanes, int out_step, int row_step, int column_step,
                                     __global const real *w, ulong plane, __global real *u) {
    real taps[9 * X];
    vec g[9], partly[3 * SIDE], line[SIDE];
    for (int o = 0; o < X; o++) {
        UNROLL
        for (int i = 0; i < 9; i++)
            taps[i * X + o] =
                o < lanes ? w[(ulong)o * out_step + i / 3 * row_step + i % 3 * column_step] : 0;
    }
    UNROLL
    for (int i = 0; i < 9; i++) g[i] = JOIN(vload, X)(i, taps);
    UNROLL
    for (int i = 0; i < 3; i++) conv_winograd_filter(g + i, 3, partly + i, 3);
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        conv_winograd_filter(partly + 3 * i, 1, line, 1);
        UNROLL
        for (int j = 0; j < SIDE; j++) store_vec(line[j], u + (i * SIDE + j) * plane);
    }
}

/* A pair of blocks of outputs lies together, so that whole cache lines are written. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd_pack(int ic, int oc, int out_step, int in_step, int row_step, int column_step,
                   __global const real *w, ulong w_offset, __global real *u, ulong u_offset) {
    int first = (int)get_global_id(0) * X, o = (int)get_global_id(1) * WIDE;
    int blocks = (ic + X - 1) / X, pairs = (oc + WIDE - 1) / WIDE;
    ulong columns = (ulong)blocks * X * WIDE, plane = columns * pairs;
    w += w_offset + (ulong)o * out_step;
    u += u_offset + get_global_id(1) * columns;
    for (int c = first; c < first + X; c++)
        for (int b = 0; b < 2; b++)
            conv_winograd_pack_block(c < ic ? oc - o - b * X : 0, out_step, row_step, column_step,
                                     w + (ulong)c * in_step + (ulong)b * X * out_step, plane,
                                     u + (ulong)c * WIDE + b * X);
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd_input(int first, int count, int run, int across, int down, int ic, int ih, int iw,
                    int ph, int pw, int tiles, int v_plane, __global const real *x, ulong x_offset,
                    __global real *v, ulong v_offset) {
    int block = (int)get_global_id(1), blocks = (ic + X - 1) / X;
    int begin = (int)get_global_id(0) * run, end = min(count, begin + run);
    for (int t = begin; t < end; t++) {
        int3 at = conv_winograd_place(first + t, across, down);
        conv_winograd_gather(ih, iw, at.y - ph, at.z - pw, ic - block * X,
                             x + x_offset + ((ulong)at.x * blocks + block) * ih * iw * X, v_plane,
                             v + v_offset + ((ulong)block * tiles + t) * X);
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd_multiply(int blocks, int pairs, int run, int tiles, int v_plane, int m_plane,
                       __global const real *v, ulong v_offset, __global const real *u,
                       ulong u_offset, __global real *m, ulong m_offset) {
    ulong place = get_global_id(1), block = (ulong)tiles * X;
    int begin = (int)get_global_id(0) * run, end = min(pairs, begin + run);
    for (int o = begin; o < end; o++)
        conv_winograd_product(blocks, tiles, block, v + v_offset + place * v_plane,
                              u + u_offset + (place * pairs + o) * blocks * X * WIDE, block,
                              m + m_offset + place * m_plane + 2 * o * block);
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd_output(int first, int count, int run, int across, int down, int oc, int oh, int ow,
                     int tiles, int m_plane, __global const real *m, ulong m_offset,
                     __global const real *bias, ulong bias_offset, __global const real *residual,
                     ulong residual_offset, float alpha, float beta, __global real *y,
                     ulong y_offset) {
    int block = (int)get_global_id(1), blocks = (oc + X - 1) / X;
    int begin = (int)get_global_id(0) * run, end = min(count, begin + run);
    vec b = conv_winograd_bias(bias + bias_offset, block * X, oc);
    for (int t = begin; t < end; t++) {
        int3 at = conv_winograd_place(first + t, across, down);
        ulong plane = ((ulong)at.x * blocks + block) * oh * ow * X;
        conv_winograd_scatter(m_plane, m + m_offset + ((ulong)block * tiles + t) * X, oh, ow, at.y,
                              at.z, b, residual + residual_offset + plane, alpha, beta,
                              y + y_offset + plane);
    }
}

/* Tiles begin .. end of the list, `tiles` at a time. v and m, for two blocks of outputs only, are the work-item's own. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd_fused(int count, int run, int across, int down, int ic, int ih, int iw, int oc,
                    int oh, int ow, int ph, int pw, int tiles, int v_plane, int m_plane,
                    __global const real *x, ulong x_offset, __global const real *u, ulong u_offset,
                    __global const real *bias, ulong bias_offset, __global const real *residual,
                    ulong residual_offset, float alpha, float beta, __global real *y,
                    ulong y_offset, __global real *v, ulong v_offset) {
    int begin = (int)get_global_id(0) * run, end = min(count, begin + run);
    int in_blocks = (ic + X - 1) / X, out_blocks = (oc + X - 1) / X, pairs = (out_blocks + 1) / 2;
    ulong block = (ulong)tiles * X;
    v += v_offset + get_global_id(0) * PLACES * ((ulong)v_plane + m_plane);
    __global real *m = v + (ulong)PLACES * v_plane;
    for (int first = begin; first < end; first += tiles) {
        int here = min(tiles, end - first);
        for (int i = 0; i < in_blocks * here; i++) {
            int3 at = conv_winograd_place(first + i / in_blocks, across, down);
            int b = i % in_blocks;
            conv_winograd_gather(ih, iw, at.y - ph, at.z - pw, ic - b * X,
                                 x + x_offset + ((ulong)at.x * in_blocks + b) * ih * iw * X,
                                 v_plane, v + b * block + i / in_blocks * X);
        }
        for (int o = 0; o < out_blocks; o += 2) {
            for (ulong i = 0; i < PLACES; i++)
                conv_winograd_product(in_blocks, (here + ROWS - 1) / ROWS * ROWS, block,
                                      v + i * v_plane,
                                      u + u_offset + (i * pairs + o / 2) * in_blocks * X * WIDE,
                                      block, m + i * m_plane);
            for (int b = o; b < min(out_blocks, o + 2); b++) {
                vec lanes = conv_winograd_bias(bias + bias_offset, b * X, oc);
                for (int t = 0; t < here; t++) {
                    int3 at = conv_winograd_place(first + t, across, down);
                    ulong plane = ((ulong)at.x * out_blocks + b) * oh * ow * X;
                    conv_winograd_scatter(m_plane, m + (b - o) * block + t * X, oh, ow, at.y, at.z,
                                          lanes, residual + residual_offset + plane, alpha, beta,
                                          y + y_offset + plane);
                }
            }
        }
    }
}
