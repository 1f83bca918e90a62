/* Computes       max, average or power (Lp) of the taps of a sliding window in 1, 2 or 3 dimensions
 * Layouts        x (planes, id, ih, iw), y (planes, od, oh, ow); planes = batch * channels
 * Launch         1-D, one work-item for each element of y
 * Defines        KD KH KW: kernel sizes (1); ACTIVATION
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

__kernel void pool_direct_max(int planes, int id, int ih, int iw, int od, int oh, int ow, int sd,
                              int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                              __global const real *x, ulong x_offset, float alpha, float beta,
                              __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= planes * od * oh * ow) return;
    int w0 = i % ow * sw - pw, h0 = i / ow % oh * sh - ph, d0 = i / (ow * oh) % od * sd - pd;
    x += x_offset + (size_t)(i / (ow * oh * od)) * (size_t)(id * ih * iw);
    int index = pool_direct_largest(x, id, ih, iw, dd, dh, dw, d0, h0, w0);
    y[y_offset + i] = activate(index < 0 ? -INFINITY : x[index], alpha, beta);
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
            for (int w = w1; w < w2; w++)
                sum += x[((d0 + d * dd) * ih + h0 + h * dh) * iw + w0 + w * dw];
    int taps = (d2 - d1) * (h2 - h1) * (w2 - w1);
    float count = taps;
    if (include_pad && taps > 0)
        count = (float)pool_direct_tap(d0, ed, KD, dd) * (float)pool_direct_tap(h0, eh, KH, dh) *
                (float)pool_direct_tap(w0, ew, KW, dw);
    y[y_offset + i] = activate(taps > 0 ? sum / count : 0, alpha, beta);
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
