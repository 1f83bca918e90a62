/* Computes       max, average or power (Lp) of the taps of a sliding window in 1, 2 or 3 dimensions
 * Layouts        x (planes, id, ih, iw), y (planes, od, oh, ow); planes = batch * channels
 * Launch         1-D: max and average, RUN neighbouring elements of a row of y for each work-item; the
 *                others, one element
 * Defines        KD KH KW: kernel sizes (1); ACTIVATION; RUN as in common.h
 * Local memory   none
 * Truth          lib/reference/pool.c
 * Source         the ONNX standard, MaxPool, AveragePool, LpPool
 *
 * sd sh sw are strides, dd dh dw dilations, pd ph pw the pads before the input; ed eh ew are where
 * the padded input ends, which counts for an average with count_include_pad. Taps outside the input
 * are left out. */

/* First tap of a window that starts at `start` and does not lie before `limit`; at most k. */
int pool_direct_tap(int start, int limit, int k, int dilation);
int pool_direct_tap(int start, int limit, int k, int dilation) {
    if (start >= limit) return 0;
    return min(k, (limit - start + dilation - 1) / dilation);
}

/* Index of the largest tap within its plane; -1 if there is none. Of equal taps the first wins, and
 * NaN is larger than everything. */
int pool_direct_largest(__global const real *x, int id, int ih, int iw, int dd, int dh, int dw,
                        int d0, int h0, int w0);
int pool_direct_largest(__global const real *x, int id, int ih, int iw, int dd, int dh, int dw,
                        int d0, int h0, int w0) {
    int index = -1;
    acc best = -INFINITY;
    for (int kd = 0; kd < KD; kd++) {
        int d = d0 + kd * dd;
        if (d < 0 || d >= id) continue;
        for (int kh = 0; kh < KH; kh++) {
            int h = h0 + kh * dh;
            if (h < 0 || h >= ih) continue;
            for (int kw = 0; kw < KW; kw++) {
                int w = w0 + kw * dw;
                if (w < 0 || w >= iw) continue;
                int at = (d * ih + h) * iw + w;
                acc tap = x[at];
                if (index >= 0 && (tap <= best || isnan(best))) continue;
                best = tap;
                index = at;
            }
        }
    }
    return index;
}

/* Whether eight neighbouring windows from column w0 on have all their columns inside; a stride of two
 * reads one more. */
INLINE bool pool_direct_inside(int w0, int iw, int sw, int dw) {
    return w0 >= 0 && (sw == 1 || sw == 2) &&
           (long)w0 + 7 * sw + (long)(KW - 1) * dw + (sw - 1) < iw;
}

/* The same tap of eight neighbouring windows. */
INLINE float8 pool_direct_load(__global const real *x, int sw) {
    return sw == 1 ? vload8(0, x) : vload16(0, x).even;
}

/* NaN is larger than everything: one of the two orders of comparison keeps it. */
INLINE float8 pool_direct_larger(float8 best, float8 v) {
    int8 a = as_int8(best > v ? best : v), b = as_int8(v > best ? v : best);
    return as_float8(a | b);
}

__kernel void pool_direct_max(int planes, int id, int ih, int iw, int od, int oh, int ow, int sd,
                              int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                              __global const real *x, ulong x_offset, float alpha, float beta,
                              __global real *y, ulong y_offset) {
    int runs = (ow + RUN - 1) / RUN, row = (int)get_global_id(0) / runs;
    int w = (int)get_global_id(0) % runs * RUN, last = min(ow, w + RUN);
    if (row >= planes * od * oh) return;
    int h0 = row % oh * sh - ph, d0 = row / oh % od * sd - pd;
    int h1 = pool_direct_tap(h0, 0, KH, dh), h2 = pool_direct_tap(h0, ih, KH, dh);
    int d1 = pool_direct_tap(d0, 0, KD, dd), d2 = pool_direct_tap(d0, id, KD, dd);
    x += x_offset + (size_t)(row / oh / od) * (size_t)(id * ih * iw);
    y += y_offset + (size_t)row * (size_t)ow;
    while (w < last) {
        int w0 = w * sw - pw;
        if (RUN > 1 && w + 8 <= last && pool_direct_inside(w0, iw, sw, dw)) {
            float8 best = -INFINITY;
            for (int d = d1; d < d2; d++)
                for (int h = h1; h < h2; h++) {
                    __global const real *at = x + ((d0 + d * dd) * ih + h0 + h * dh) * iw + w0;
                    for (int k = 0; k < KW; k++)
                        best = pool_direct_larger(best, pool_direct_load(at + k * dw, sw));
                }
            float e[8];
            vstore8(best, 0, e);
            for (int k = 0; k < 8; k++) y[w + k] = activate(e[k], alpha, beta);
            w += 8;
        } else {
            int index = pool_direct_largest(x, id, ih, iw, dd, dh, dw, d0, h0, w0);
            y[w++] = activate(index < 0 ? -INFINITY : x[index], alpha, beta);
        }
    }
}

/* As above; also writes where the maximum is in the whole of x. column_major: the first spatial
 * axis counts fastest. */
__kernel void pool_direct_max_indices(int planes, int id, int ih, int iw, int od, int oh, int ow,
                                      int sd, int sh, int sw, int dd, int dh, int dw, int pd,
                                      int ph, int pw, int column_major, __global const real *x,
                                      ulong x_offset, float alpha, float beta, __global real *y,
                                      ulong y_offset, __global long *indices,
                                      ulong indices_offset) {
    int i = get_global_id(0);
    if (i >= planes * od * oh * ow) return;
    int w0 = i % ow * sw - pw, h0 = i / ow % oh * sh - ph, d0 = i / (ow * oh) % od * sd - pd;
    int plane = i / (ow * oh * od), size = id * ih * iw;
    x += x_offset + (size_t)plane * (size_t)size;
    int index = pool_direct_largest(x, id, ih, iw, dd, dh, dw, d0, h0, w0);
    int w = index % iw, h = index / iw % ih, d = index / (iw * ih);
    long inside = column_major ? d + id * (h + ih * w) : index;
    y[y_offset + i] = activate(index < 0 ? -INFINITY : x[index], alpha, beta);
    indices[indices_offset + i] = index < 0 ? -1 : (long)plane * size + inside;
}

__kernel void pool_direct_average(int planes, int id, int ih, int iw, int od, int oh, int ow,
                                  int sd, int sh, int sw, int dd, int dh, int dw, int pd, int ph,
                                  int pw, int ed, int eh, int ew, int include_pad,
                                  __global const real *x, ulong x_offset, float alpha, float beta,
                                  __global real *y, ulong y_offset) {
    int runs = (ow + RUN - 1) / RUN, row = (int)get_global_id(0) / runs;
    int w = (int)get_global_id(0) % runs * RUN, last = min(ow, w + RUN);
    if (row >= planes * od * oh) return;
    int h0 = row % oh * sh - ph, d0 = row / oh % od * sd - pd;
    int h1 = pool_direct_tap(h0, 0, KH, dh), h2 = pool_direct_tap(h0, ih, KH, dh);
    int d1 = pool_direct_tap(d0, 0, KD, dd), d2 = pool_direct_tap(d0, id, KD, dd);
    float rows = (float)(d2 - d1) * (float)(h2 - h1);
    float padded_rows =
        (float)pool_direct_tap(d0, ed, KD, dd) * (float)pool_direct_tap(h0, eh, KH, dh);
    x += x_offset + (size_t)(row / oh / od) * (size_t)(id * ih * iw);
    y += y_offset + (size_t)row * (size_t)ow;
    while (w < last) {
        int w0 = w * sw - pw;
        if (RUN > 1 && w + 8 <= last && pool_direct_inside(w0, iw, sw, dw)) {
            float8 sums = 0;
            for (int d = d1; d < d2; d++)
                for (int h = h1; h < h2; h++) {
                    __global const real *at = x + ((d0 + d * dd) * ih + h0 + h * dh) * iw + w0;
                    for (int k = 0; k < KW; k++) sums += pool_direct_load(at + k * dw, sw);
                }
            float e[8], count = (include_pad ? padded_rows : rows) * KW;
            vstore8(sums, 0, e);
            for (int k = 0; k < 8; k++)
                y[w + k] = activate(rows > 0 ? e[k] / count : 0, alpha, beta);
            w += 8;
            continue;
        }
        int w1 = pool_direct_tap(w0, 0, KW, dw), w2 = pool_direct_tap(w0, iw, KW, dw);
        acc sum = 0;
        for (int d = d1; d < d2; d++)
            for (int h = h1; h < h2; h++)
                for (int k = w1; k < w2; k++)
                    sum += x[((d0 + d * dd) * ih + h0 + h * dh) * iw + w0 + k * dw];
        float taps = rows * (float)(w2 - w1), count = taps;
        if (include_pad) count = padded_rows * (float)pool_direct_tap(w0, ew, KW, dw);
        y[w++] = activate(taps > 0 ? sum / count : 0, alpha, beta);
    }
}

/* (sum |x|^p)^(1/p) */
__kernel void pool_direct_lp(int planes, int id, int ih, int iw, int od, int oh, int ow, int sd,
                             int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                             float p, float inverse_p, __global const real *x, ulong x_offset,
                             float alpha, float beta, __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= planes * od * oh * ow) return;
    int w0 = i % ow * sw - pw, h0 = i / ow % oh * sh - ph, d0 = i / (ow * oh) % od * sd - pd;
    int w1 = pool_direct_tap(w0, 0, KW, dw), w2 = pool_direct_tap(w0, iw, KW, dw);
    int h1 = pool_direct_tap(h0, 0, KH, dh), h2 = pool_direct_tap(h0, ih, KH, dh);
    int d1 = pool_direct_tap(d0, 0, KD, dd), d2 = pool_direct_tap(d0, id, KD, dd);
    x += x_offset + (size_t)(i / (ow * oh * od)) * (size_t)(id * ih * iw);
    acc sum = 0;
    for (int d = d1; d < d2; d++)
        for (int h = h1; h < h2; h++)
            for (int w = w1; w < w2; w++) {
                acc tap = fabs(x[((d0 + d * dd) * ih + h0 + h * dh) * iw + w0 + w * dw]);
                sum += p == 1 ? tap : p == 2 ? tap * tap : pow(tap, p);
            }
    acc root = p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, inverse_p);
    y[y_offset + i] = activate(root, alpha, beta);
}
