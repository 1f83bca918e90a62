/* Computes       gradient of max and average pooling with respect to the input
 * Layouts        x, dx (planes, id, ih, iw, X), dy (planes, od, oh, ow, X): planes = batch * channel blocks
 * Launch         1-D, `run` bands for each work-item: `band` rows of a slice (plane, d) of dx
 * Defines        KD KH KW: kernel sizes (1); AVERAGE 0 or 1; X: channels of a block
 * Local memory   none
 * Truth          lib/reference/pool.c
 * Source         the ONNX standard, MaxPool, AveragePool
 *
 * A work-item owns the rows of its band: it walks the windows that touch them and adds dy, or its share, to
 * those taps that lie in the band; a window across two bands is looked at by both. sd sh sw are strides, dd dh dw
 * dilations, pd ph pw the pads before the input; ed eh ew are where the padded input ends, which counts for an
 * average with include_pad. */

#ifndef AVERAGE
#define AVERAGE 0
#endif

enum { COLUMNS = KW <= 8 ? KW : 0 }; /* of a window whose row is unrolled */

/* First tap of a window that starts at `start` and does not lie before `limit`; at most k. */
INLINE int pool_grad_blocked_tap(int start, int limit, int k, int dilation) {
    if (start >= limit) return 0;
    return min(k, (limit - start + dilation - 1) / dilation);
}

/* The first window of an axis whose extent covers `at`, a place in the padded input. */
INLINE int pool_grad_blocked_first(int at, int extent, int stride) {
    return at < extent ? 0 : (at - extent) / stride + 1;
}

/* A window: where it starts, and its taps inside the input. */
struct pool_grad_blocked_window {
    int d0, h0, w0, d1, d2, h1, h2;
};

/* The taps' places: a filter row kd, kh of the window begins at this element of its plane. */
struct pool_grad_blocked_steps {
    int dd, dh, dw, ih, iw;
};

INLINE size_t pool_grad_blocked_row(struct pool_grad_blocked_window w,
                                    struct pool_grad_blocked_steps s, int kd, int kh) {
    return (size_t)(((w.d0 + kd * s.dd) * s.ih + w.h0 + kh * s.dh) * s.iw) * X;
}

/* The first of equals is the largest, and NaN is larger than everything. */
INLINE void pool_grad_blocked_look(vec *best, vec_int *found, vec v, int number) {
    vec_int larger = ~(v <= *best) & (*best == *best);
    *best = select(*best, v, larger);
    *found = select(*found, (vec_int)(number), larger);
}

/* Which tap of each lane is the largest, of the columns [w1, w2); all of them where `inside`. */
INLINE vec_int pool_grad_blocked_largest(struct pool_grad_blocked_window w,
                                         struct pool_grad_blocked_steps s, bool inside, int w1,
                                         int w2, __global const real *x) {
    vec best = load_vec(x + pool_grad_blocked_row(w, s, w.d1, w.h1) + (w.w0 + w1 * s.dw) * X);
    vec_int found = (w.d1 * KH + w.h1) * KW + w1;
    for (int kd = w.d1; kd < w.d2; kd++) {
        __global const real *row = x + pool_grad_blocked_row(w, s, kd, w.h1) + w.w0 * X;
        for (int kh = w.h1; kh < w.h2; kh++, row += s.dh * s.iw * X) {
            int number = (kd * KH + kh) * KW;
            if (inside) {
                UNROLL
                for (int kw = 0; kw < COLUMNS; kw++)
                    pool_grad_blocked_look(&best, &found, load_vec(row + kw * s.dw * X),
                                           number + kw);
                continue;
            }
            for (int kw = w1; kw < w2; kw++)
                pool_grad_blocked_look(&best, &found, load_vec(row + kw * s.dw * X), number + kw);
        }
    }
    return found;
}

INLINE void pool_grad_blocked_give(__global real *at, vec share, vec_int found, int number) {
    vec own = AVERAGE ? share : select((vec)(0), share, found == number);
    store_vec(load_vec(at) + own, at);
}

/* Adds `share` to the taps of filter slice kd in the rows [k1, k2) of the filter: to all, or to those found. */
INLINE void pool_grad_blocked_add(struct pool_grad_blocked_window w,
                                  struct pool_grad_blocked_steps s, bool inside, int w1, int w2,
                                  int kd, int k1, int k2, vec share, vec_int found,
                                  __global real *dx) {
    __global real *row = dx + pool_grad_blocked_row(w, s, kd, k1) + w.w0 * X;
    for (int kh = k1; kh < k2; kh++, row += s.dh * s.iw * X) {
        int number = (kd * KH + kh) * KW;
        if (inside) {
            UNROLL
            for (int kw = 0; kw < COLUMNS; kw++)
                pool_grad_blocked_give(row + kw * s.dw * X, share, found, number + kw);
            continue;
        }
        for (int kw = w1; kw < w2; kw++)
            pool_grad_blocked_give(row + kw * s.dw * X, share, found, number + kw);
    }
}

__kernel void pool_grad_blocked(int items, int run, int band, int bands, int id, int ih, int iw,
                                int od, int oh, int ow, int sd, int sh, int sw, int dd, int dh,
                                int dw, int pd, int ph, int pw, int ed, int eh, int ew,
                                int include_pad, int divide, __global const real *dy,
                                ulong dy_offset, __global const real *x, ulong x_offset,
                                __global real *dx, ulong dx_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    struct pool_grad_blocked_steps s = {dd, dh, dw, ih, iw};
    for (int item = first; item < last; item++) {
        int d = item / bands % id, begin = item % bands * band, end = min(ih, begin + band);
        size_t plane = (size_t)(item / bands / id);
        __global const real *in = x + x_offset + plane * (size_t)(id * ih * iw) * X;
        __global const real *grad = dy + dy_offset + plane * (size_t)(od * oh * ow) * X;
        __global real *out = dx + dx_offset + plane * (size_t)(id * ih * iw) * X;
        int zeroed = begin; /* rows before it are: just before they are needed, for the cache */
        int a2 = min((d + pd) / sd, od - 1), b2 = min((end - 1 + ph) / sh, oh - 1);
        for (int a = pool_grad_blocked_first(d + pd, (KD - 1) * dd + 1, sd); a <= a2; a++) {
            int kd = (d + pd - a * sd) / dd;
            if (kd * dd != d + pd - a * sd) continue;
            for (int b = pool_grad_blocked_first(begin + ph, (KH - 1) * dh + 1, sh); b <= b2; b++) {
                struct pool_grad_blocked_window w = {a * sd - pd, b * sh - ph, 0, 0, 0, 0, 0};
                w.d1 = pool_grad_blocked_tap(w.d0, 0, KD, dd);
                w.d2 = pool_grad_blocked_tap(w.d0, id, KD, dd);
                w.h1 = pool_grad_blocked_tap(w.h0, 0, KH, dh);
                w.h2 = pool_grad_blocked_tap(w.h0, ih, KH, dh);
                for (int until = min(end, w.h0 + (KH - 1) * dh + 1); zeroed < until; zeroed++)
                    for (int i = 0; i < iw; i++)
                        store_vec((vec)(0), out + ((size_t)(d * ih + zeroed) * (size_t)iw + i) * X);
                if (w.h1 >= w.h2) continue;
                float rows = (float)(w.d2 - w.d1) * (float)(w.h2 - w.h1);
                if (include_pad)
                    rows = (float)pool_grad_blocked_tap(w.d0, ed, KD, dd) *
                           (float)pool_grad_blocked_tap(w.h0, eh, KH, dh);
                /* Rows of the filter that lie in the band. */
                int k1 = pool_grad_blocked_tap(w.h0, begin, KH, dh);
                int k2 = pool_grad_blocked_tap(w.h0, end, KH, dh);
                for (int c = 0; c < ow; c++) {
                    vec share = load_vec(grad + (size_t)((a * oh + b) * ow + c) * X);
                    vec_int found = 0;
                    w.w0 = c * sw - pw;
                    if (COLUMNS && w.w0 >= 0 && w.w0 + (KW - 1) * dw < iw) {
                        if (AVERAGE && divide) share /= rows * KW;
                        if (!AVERAGE) found = pool_grad_blocked_largest(w, s, true, 0, KW, in);
                        pool_grad_blocked_add(w, s, true, 0, KW, kd, k1, k2, share, found, out);
                        continue;
                    }
                    int w1 = pool_grad_blocked_tap(w.w0, 0, KW, dw);
                    int w2 = pool_grad_blocked_tap(w.w0, iw, KW, dw);
                    int columns = include_pad ? pool_grad_blocked_tap(w.w0, ew, KW, dw) : w2 - w1;
                    if (w1 >= w2) continue;
                    if (AVERAGE && divide) share /= rows * (float)columns;
                    if (!AVERAGE) found = pool_grad_blocked_largest(w, s, false, w1, w2, in);
                    pool_grad_blocked_add(w, s, false, w1, w2, kd, k1, k2, share, found, out);
                }
            }
        }
        for (; zeroed < end; zeroed++)
            for (int i = 0; i < iw; i++)
                store_vec((vec)(0), out + ((size_t)(d * ih + zeroed) * (size_t)iw + i) * X);
    }
}
