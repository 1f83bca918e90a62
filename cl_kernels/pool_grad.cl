/* Computes       gradient of max and average pooling with respect to the input: each element gathers from the
 *                windows that cover it
 * Layouts        x, dx (planes, id, ih, iw), dy, index (planes, od, oh, ow); planes = batch * channels
 * Launch         _index: 1-D, one work-item for each element of dy; _max, _average: 1-D, one for each of dx
 * Defines        KD KH KW: kernel sizes (1)
 * Local memory   none
 * Truth          lib/reference/pool.c
 * Source         the ONNX standard, MaxPool, AveragePool
 *
 * sd sh sw are strides, dd dh dw dilations, pd ph pw the pads before the input; ed eh ew are where the
 * padded input ends, which counts for an average with include_pad. index: where in its plane the maximum
 * of a window is, found once and read by all elements that the window covers. */

/* First tap of a window that starts at `start` and does not lie before `limit`; at most k. */
int pool_grad_tap(int start, int limit, int k, int dilation);
int pool_grad_tap(int start, int limit, int k, int dilation) {
    if (start >= limit) return 0;
    return min(k, (limit - start + dilation - 1) / dilation);
}

/* Of equal taps the first wins, and NaN is larger than everything; -1 if there is none. */
__kernel void pool_grad_index(int planes, int id, int ih, int iw, int od, int oh, int ow, int sd,
                              int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                              __global const real *x, ulong x_offset, __global int *index,
                              ulong index_offset) {
    int i = get_global_id(0);
    if (i >= planes * od * oh * ow) return;
    int w0 = i % ow * sw - pw, h0 = i / ow % oh * sh - ph, d0 = i / (ow * oh) % od * sd - pd;
    int w1 = pool_grad_tap(w0, 0, KW, dw), w2 = pool_grad_tap(w0, iw, KW, dw);
    int h1 = pool_grad_tap(h0, 0, KH, dh), h2 = pool_grad_tap(h0, ih, KH, dh);
    int d1 = pool_grad_tap(d0, 0, KD, dd), d2 = pool_grad_tap(d0, id, KD, dd);
    x += x_offset + (size_t)(i / (ow * oh * od)) * (size_t)(id * ih * iw);
    int found = -1;
    acc best = -INFINITY;
    for (int d = d1; d < d2; d++)
        for (int h = h1; h < h2; h++)
            for (int w = w1; w < w2; w++) {
                int at = ((d0 + d * dd) * ih + h0 + h * dh) * iw + w0 + w * dw;
                acc tap = x[at];
                if (found >= 0 && (tap <= best || isnan(best))) continue;
                best = tap;
                found = at;
            }
    index[index_offset + i] = found;
}

/* The windows [first, last] of an axis whose extent covers `at`, a place in the padded input. */
int pool_grad_first(int at, int extent, int stride);
int pool_grad_first(int at, int extent, int stride) {
    return at < extent ? 0 : (at - extent) / stride + 1;
}

__kernel void pool_grad_max(int planes, int id, int ih, int iw, int od, int oh, int ow, int sd,
                            int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                            __global const real *dy, ulong dy_offset, __global const int *index,
                            ulong index_offset, __global real *dx, ulong dx_offset) {
    int i = get_global_id(0), size = id * ih * iw;
    if (i >= planes * size) return;
    int own = i % size, w = i % iw + pw, h = i / iw % ih + ph, d = i / (iw * ih) % id + pd;
    size_t plane = (size_t)(i / size) * (size_t)(od * oh * ow);
    int w1 = pool_grad_first(w, (KW - 1) * dw + 1, sw), w2 = min(w / sw, ow - 1);
    int h1 = pool_grad_first(h, (KH - 1) * dh + 1, sh), h2 = min(h / sh, oh - 1);
    int d1 = pool_grad_first(d, (KD - 1) * dd + 1, sd), d2 = min(d / sd, od - 1);
    dy += dy_offset + plane;
    index += index_offset + plane;
    acc sum = 0;
    for (int a = d1; a <= d2; a++)
        for (int b = h1; b <= h2; b++)
            for (int c = w1; c <= w2; c++) {
                int at = (a * oh + b) * ow + c;
                if (index[at] == own) sum += dy[at];
            }
    dx[dx_offset + i] = sum;
}

__kernel void pool_grad_average(int planes, int id, int ih, int iw, int od, int oh, int ow, int sd,
                                int sh, int sw, int dd, int dh, int dw, int pd, int ph, int pw,
                                int ed, int eh, int ew, int include_pad, int divide,
                                __global const real *dy, ulong dy_offset, __global real *dx,
                                ulong dx_offset) {
    int i = get_global_id(0), size = id * ih * iw;
    if (i >= planes * size) return;
    int w = i % iw + pw, h = i / iw % ih + ph, d = i / (iw * ih) % id + pd;
    int w1 = pool_grad_first(w, (KW - 1) * dw + 1, sw), w2 = min(w / sw, ow - 1);
    int h1 = pool_grad_first(h, (KH - 1) * dh + 1, sh), h2 = min(h / sh, oh - 1);
    int d1 = pool_grad_first(d, (KD - 1) * dd + 1, sd), d2 = min(d / sd, od - 1);
    dy += dy_offset + (size_t)(i / size) * (size_t)(od * oh * ow);
    acc sum = 0;
    for (int a = d1; a <= d2; a++) {
        int d0 = a * sd - pd;
        float ds = (float)(pool_grad_tap(d0, include_pad ? ed : id, KD, dd) -
                           (include_pad ? 0 : pool_grad_tap(d0, 0, KD, dd)));
        for (int b = h1; b <= h2; b++) {
            int h0 = b * sh - ph;
            float hs = (float)(pool_grad_tap(h0, include_pad ? eh : ih, KH, dh) -
                               (include_pad ? 0 : pool_grad_tap(h0, 0, KH, dh)));
            for (int c = w1; c <= w2; c++) {
                int w0 = c * sw - pw;
                float ws = (float)(pool_grad_tap(w0, include_pad ? ew : iw, KW, dw) -
                                   (include_pad ? 0 : pool_grad_tap(w0, 0, KW, dw)));
                /* Between the taps of a dilated window the element is not covered. */
                if ((d - a * sd) % dd || (h - b * sh) % dh || (w - c * sw) % dw) continue;
                acc share = dy[(a * oh + b) * ow + c];
                sum += divide ? share / (ds * hs * ws) : share;
            }
        }
    }
    dx[dx_offset + i] = sum;
}
