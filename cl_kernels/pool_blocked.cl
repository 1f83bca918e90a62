/* Computes       max or average of the taps of a sliding window in 1, 2 or 3 dimensions
 * Layouts        x (planes, id, ih, iw, X), y (planes, od, oh, ow, X): planes = batch * channel blocks; with
 *                `channels` that many channels of an image, and y is plain: (batch, channels, od, oh, ow)
 * Launch         1-D, `run` rows of y for each work-item; rows = planes * od * oh
 * Defines        KD KH KW: kernel sizes (1); AVERAGE 0 or 1; X: channels of a block; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/pool.c
 * Source         the ONNX standard, MaxPool, AveragePool
 *
 * sd sh sw are strides, dd dh dw dilations, pd ph pw the pads before the input; ed eh ew are where
 * the padded input ends, which counts for an average with include_pad. Taps outside the input are
 * left out. TILE neighbouring outputs, all of whose columns are inside, are done together. */

#ifndef AVERAGE
#define AVERAGE 0
#endif

enum { TILE = 4 };

/* First tap of a window that starts at `start` and does not lie before `limit`; at most k. */
INLINE int pool_blocked_tap(int start, int limit, int k, int dilation) {
    if (start >= limit) return 0;
    return min(k, (limit - start + dilation - 1) / dilation);
}

/* Of two orders of comparison, one keeps a NaN of either side; joined bit by bit it stays NaN, and
 * two equal numbers stay what they are. */
INLINE vec pool_blocked_join(vec sum, vec v) {
    if (AVERAGE) return sum + v;
    vec_int a = JOIN(as_int, X)(sum > v ? sum : v), b = JOIN(as_int, X)(v > sum ? v : sum);
    return JOIN(as_float, X)(a | b);
}

/* The taps of a window, or of neighbouring windows: rows [d1, d2) x [h1, h2) of the filter. */
struct pool_blocked_rows {
    int d0, h0, d1, d2, h1, h2, dd, dh, ih, iw;
};

/* TILE outputs, all of whose columns are inside; `step` and `dw` in columns. */
INLINE void pool_blocked_tile(vec *sum, struct pool_blocked_rows r, __global const real *x,
                              int step, int dw) {
    for (int kd = r.d1; kd < r.d2; kd++)
        for (int kh = r.h1; kh < r.h2; kh++) {
            __global const real *at = x + ((r.d0 + kd * r.dd) * r.ih + r.h0 + kh * r.dh) * r.iw * X;
            UNROLL
            for (int p = 0; p < TILE; p++) UNROLL
            for (int kw = 0; kw < KW; kw++)
                sum[p] = pool_blocked_join(sum[p], load_vec(at + (p * step + kw * dw) * X));
        }
}

/* One output with the columns [w1, w2) of its window. */
INLINE vec pool_blocked_one(struct pool_blocked_rows r, __global const real *x, int w1, int w2,
                            int dw) {
    vec sum = AVERAGE ? 0 : -INFINITY;
    for (int kd = r.d1; kd < r.d2; kd++)
        for (int kh = r.h1; kh < r.h2; kh++) {
            int row = ((r.d0 + kd * r.dd) * r.ih + r.h0 + kh * r.dh) * r.iw;
            for (int kw = w1; kw < w2; kw++)
                sum = pool_blocked_join(sum, load_vec(x + (row + kw * dw) * X));
        }
    return sum;
}

/* Plain outputs: of `count` neighbours the first `lanes` channels, `plane` apart. `count` is 1 or TILE. */
INLINE void pool_blocked_store(const vec *v, int count, int lanes, int plane, __global real *y) {
    real part[TILE * X];
    UNROLL
    for (int p = 0; p < count; p++) store_vec(v[p], part + p * X);
    if (count == TILE)
        for (int e = 0; e < lanes; e++)
            vstore4((float4)(part[e], part[X + e], part[2 * X + e], part[3 * X + e]), 0,
                    y + (ulong)e * plane);
    else
        for (int e = 0; e < lanes; e++) y[(ulong)e * plane] = part[e];
}

__kernel void pool_blocked(int rows, int run, int id, int ih, int iw, int od, int oh, int ow,
                           int sd, int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                           int ed, int eh, int ew, int include_pad, int channels,
                           __global const real *x, ulong x_offset, float alpha, float beta,
                           __global real *y, ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(rows, first + run);
    for (int row = first; row < last; row++) {
        struct pool_blocked_rows r = {
            row / oh % od * sd - pd, row % oh * sh - ph, 0, 0, 0, 0, dd, dh, ih, iw};
        r.d1 = pool_blocked_tap(r.d0, 0, KD, dd);
        r.d2 = pool_blocked_tap(r.d0, id, KD, dd);
        r.h1 = pool_blocked_tap(r.h0, 0, KH, dh);
        r.h2 = pool_blocked_tap(r.h0, ih, KH, dh);
        float counted = (float)(r.d2 - r.d1) * (float)(r.h2 - r.h1);
        if (include_pad)
            counted = (float)pool_blocked_tap(r.d0, ed, KD, dd) *
                      (float)pool_blocked_tap(r.h0, eh, KH, dh);
        __global const real *plane =
            x + x_offset + (size_t)(row / oh / od) * (size_t)(id * ih * iw) * X;
        int blocks = channels ? (channels + X - 1) / X : 1, q = row / oh / od;
        int image = q / blocks, block = q % blocks, area = od * oh * ow;
        int lanes = channels ? min(X, channels - block * X) : 0;
        ulong begin = channels ? ((ulong)image * channels + block * X) * area + row % (od * oh) * ow
                               : (ulong)row * ow * X;
        __global real *out = y + y_offset + begin;
        for (int w = 0; w < ow;) {
            int w0 = w * sw - pw;
            if (w + TILE <= ow && w0 >= 0 && w0 + (TILE - 1) * sw + (KW - 1) * dw < iw) {
                vec sum[TILE];
                UNROLL
                for (int p = 0; p < TILE; p++) sum[p] = AVERAGE ? 0 : -INFINITY;
                pool_blocked_tile(sum, r, plane + w0 * X, sw, dw);
                UNROLL
                for (int p = 0; p < TILE; p++) {
                    sum[p] = activate_vec(AVERAGE ? sum[p] / (counted * KW) : sum[p], alpha, beta);
                    if (!lanes) store_vec(sum[p], out + (w + p) * X);
                }
                if (lanes) pool_blocked_store(sum, TILE, lanes, area, out + w);
                w += TILE;
            } else {
                int w1 = pool_blocked_tap(w0, 0, KW, dw), w2 = pool_blocked_tap(w0, iw, KW, dw);
                int columns = include_pad ? pool_blocked_tap(w0, ew, KW, dw) : w2 - w1;
                vec sum = pool_blocked_one(r, plane + w0 * X, w1, w2, dw);
                sum = activate_vec(AVERAGE ? sum / (counted * (float)columns) : sum, alpha, beta);
                if (lanes) pool_blocked_store(&sum, 1, lanes, area, out + w);
                else store_vec(sum, out + w * X);
                w++;
            }
        }
    }
}
