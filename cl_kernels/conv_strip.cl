/* conv_strip: convolution on channel blocks, a strip of an output row at a time, without the products of padding.
 *
 * Computes:     y = activate(bias + residual + sum over ic, kh, kw of w * x). Padding is zeros: its products are left
 *               out unless a weight is not finite, which then shows.
 * Layouts:      x (n, groups*icb, ih, iw, X), residual and y (n, groups*ocb, oh, ow, X), with icb and ocb channel
 *               blocks of a group; packed: what conv_pack.cl makes of weights and bias.
 * Launch:       x: tile of Q output channel blocks, times groups; y: chunk of `chunk` strips, x and y exchanged if
 *               `chunks_first`; z: image. One work-item a group: it owns its chunk and holds P pixels by Q blocks in
 *               registers. A row is cut into strips of P pixels from its begin on, the last one into its end: what of
 *               it the strip before has is made again, and stored where the first pixel of its own comes right after.
 * Defines:      X 4, 8 or 16; P 1 to 28, Q 1 to 4: P * Q accumulators; S the stride along a row; CLIP 1 or 2: of a strip, no tap
 *               has more pixels than that before the row's begin, or past its end, and none at both.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       Georganas et al. 2018, "Anatomy of high-performance deep learning convolutions on SIMD
 *               architectures". */
#ifndef P
#define P 6
#endif
#ifndef Q
#define Q 2
#endif
#ifndef S
#define S 1
#endif
#ifndef CLIP
#define CLIP 1
#endif

/* The products of the taps begin .. end - 1 of a row and an input channel block, for the pixels lo .. hi - 1. */
INLINE void conv_strip_taps(int lo, int hi, int begin, int end, int step, __global const real *from,
                            __global const real *w, vec sum[P][Q]) {
    from += begin * step;
    w += begin * (X * Q * X);
    for (int j = begin; j < end; j++, from += step, w += X * Q * X) {
        for (int c = 0; c < X; c++) {
            vec v[Q];
            UNROLL
            for (int q = 0; q < Q; q++) v[q] = load_vec(w + (c * Q + q) * X);
            UNROLL
            for (int p = 0; p < P; p++) UNROLL
            for (int q = 0; q < Q; q++)
                if (p >= lo && p < hi) sum[p][q] += from[p * S * X + c] * v[q];
        }
    }
}

/* Zero times the weights of an input channel block, for the pixels and taps that lie outside. `zero` is read, since
 * Mesa's compiler takes a product with a constant zero for zero. */
INLINE void conv_strip_outside(int row0, int column0, int ih, int iw, int kh, int kw, int dh,
                               int dw, real zero, __global const real *w, vec sum[P][Q]) {
    for (int i = 0; i < kh; i++)
        for (int j = 0; j < kw; j++, w += X * Q * X) {
            bool row_outside = (uint)(row0 + i * dh) >= (uint)ih;
            vec bad[Q];
            UNROLL
            for (int q = 0; q < Q; q++) bad[q] = 0;
            for (int c = 0; c < X; c++) UNROLL
            for (int q = 0; q < Q; q++) bad[q] += zero * load_vec(w + (c * Q + q) * X);
            UNROLL
            for (int p = 0; p < P; p++) {
                bool outside = row_outside | ((uint)(column0 + j * dw + p * S) >= (uint)iw);
                UNROLL
                for (int q = 0; q < Q; q++) sum[p][q] += outside ? bad[q] : (vec)(0);
            }
        }
}

/* activate_as() of common.h without a branch: each would join all sums, which takes the compiler long. */
INLINE void conv_strip_activate(int kind, float alpha, float beta, vec sum[P][Q]) {
    real slope = kind == 2 ? alpha : 1, most = kind == 3 ? beta : INFINITY;
    real least = kind == 3 ? alpha : kind == 1 ? 0 : -INFINITY;
    UNROLL
    for (int p = 0; p < P; p++) UNROLL
    for (int q = 0; q < Q; q++) {
        vec x = select(sum[p][q], slope * sum[p][q], sum[p][q] < 0);
        sum[p][q] = select(select(x, (vec)(most), x > most), (vec)(least), x < least);
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_strip(int groups, int icb, int ih, int iw, int ocb, int oh, int ow, int kh, int kw, int sh,
           int dh, int dw, int ph, int pw, int chunk, int chunks_first, int has_residual,
           int activation, int padding_is_data, ulong zeros, __global const real *x, ulong x_offset,
           __global const real *packed, ulong packed_offset, __global const real *residual,
           ulong residual_offset, float alpha, float beta, __global real *y, ulong y_offset) {
    int tiles = (ocb + Q - 1) / Q, x_id = (int)get_global_id(0), y_id = (int)get_global_id(1);
    int item = chunks_first ? y_id : x_id, part = chunks_first ? x_id : y_id;
    int group = item / tiles, tile = item % tiles, image = (int)get_global_id(2);
    int strips = (ow + P - 1) / P, step = dw * X, begin = part * chunk,
        end = min(begin + chunk, oh * strips);
    long plane = (long)ih * iw * X;
    packed += packed_offset;
    __global const real *weights = packed + (ulong)item * icb * (kh * kw * X * Q * X);
    __global const real *bias = packed + zeros - (ulong)(groups * tiles - item) * (Q * X);
    __global const real *not_finite = packed + zeros + X + (ulong)item * icb;
    x += x_offset + (ulong)(image * groups + group) * icb * plane;
    ulong plane_y = (ulong)oh * ow;
    ulong out = ((ulong)(image * groups + group) * ocb + tile * Q) * plane_y;
    residual = has_residual ? residual + residual_offset : packed + zeros;
    y += y_offset;

    for (int strip = begin; strip < end; strip++) {
        int h = strip / strips, next = strip % strips * P, first = min(next, ow - P);
        int row0 = h * sh - ph, column0 = first * S - pw;
        int left2 = 0, left1 = 0, right1 = 0, right2 = 0; /* taps before which pixels are clipped */
        for (int j = 0; j < kw; j++) {
            int column = column0 + j * dw, last = column + (P - 1) * S;
            left2 += column + S < 0;
            left1 += column < 0;
            right1 += last < iw;
            right2 += last - S < iw;
        }
        ulong row_y = out + (ulong)h * ow;
        vec sum[P][Q];
        UNROLL
        for (int q = 0; q < Q; q++) {
            ulong add = row_y + min(q, ocb - 1 - tile * Q) * plane_y + first;
            UNROLL
            for (int p = 0; p < P; p++)
                sum[p][q] =
                    load_vec(bias + q * X) + load_vec(residual + (add + p) * X * has_residual);
        }
        __global const real *w = weights;
        for (int b = 0; b < icb; b++) {
            for (int i = 0; i < kh; i++) {
                int row = row0 + i * dh;
                if ((uint)row >= (uint)ih) {
                    w += kw * (X * Q * X);
                    continue;
                }
                __global const real *from = x + (b * plane + ((long)row * iw + column0) * X);
                if (CLIP >= 2) conv_strip_taps(2, P, 0, left2, step, from, w, sum);
                conv_strip_taps(1, P, left2, left1, step, from, w, sum);
                conv_strip_taps(0, P, left1, right1, step, from, w, sum);
                conv_strip_taps(0, P - 1, right1, right2, step, from, w, sum);
                if (CLIP >= 2) conv_strip_taps(0, P - 2, right2, kw, step, from, w, sum);
                w += kw * (X * Q * X);
            }
        }
        for (int b = 0; b < icb && padding_is_data; b++)
            if (not_finite[b] != 0)
                conv_strip_outside(row0, column0, ih, iw, kh, kw, dh, dw, packed[zeros],
                                   weights + (ulong)b * (kh * kw * X * Q * X), sum);
        conv_strip_activate(activation, alpha, beta, sum);
        UNROLL
        for (int q = 0; q < Q; q++) {
            if (tile * Q + q >= ocb) continue;
            UNROLL
            for (int p = 0; p < P; p++)
                store_vec(sum[p][q], y + (row_y + q * plane_y + max(first + p, next)) * X);
        }
    }
}
