/* Computes       y = activate(bias + sum over kh, kw of w * x + residual), each channel by itself
 * Layouts        x (n, blocks, ih, iw, X), y and residual (n, blocks, oh, ow, X); w (channels, 1, KH, KW);
 *                bias (channels); packed (blocks, KH * KW + 1, X): the taps, the bias
 * Launch         conv_depthwise_blocked: 1-D, `run` rows of y for each work-item; rows = n * blocks * oh.
 *                conv_depthwise_blocked_pack: 1-D, a block for each work-item
 * Defines        KH KW SH SW DH DW: filter size, stride, dilation; PIXELS: neighbouring outputs done
 *                together, at most ow; X: channels of a block; HAS_BIAS; HAS_RESIDUAL; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/conv.c
 * Source         the ONNX standard, operator Conv with group = channels
 *
 * Each column of the input is loaded once for all taps and outputs that it meets. The last tile of a
 * row overlaps the one before it. Columns outside the input are passed over. */

#ifndef PIXELS
#define PIXELS 7
#endif

/* Vectors of a packed block; input columns under a tile, at most 64. */
#define PACKED  (KH * KW + 1)
#define COLUMNS ((PIXELS - 1) * SW + (KW - 1) * DW + 1)

__kernel void conv_depthwise_blocked_pack(int blocks, int run, int channels, int tap_step,
                                          __global const real *w, ulong w_offset,
                                          __global const real *bias, ulong bias_offset,
                                          __global real *packed, ulong packed_offset) {
    int first = (int)get_global_id(0) * run, last = min(blocks, first + run);
    for (int block = first; block < last; block++) {
        __global real *to = packed + packed_offset + (size_t)block * PACKED * X;
        for (int lane = 0; lane < X; lane++) {
            int channel = block * X + lane;
            bool used = channel < channels;
            __global const real *from = w + w_offset + (size_t)(used ? channel : 0) * (KH * KW);
            for (int tap = 0; tap < KH * KW; tap++)
                to[tap * X + lane] = used ? from[tap * tap_step] : 0;
            to[KH * KW * X + lane] = HAS_BIAS && used ? bias[bias_offset + channel] : 0;
        }
    }
}

/* Adds input column c, times the taps that meet it, to the outputs of a tile. */
INLINE void conv_depthwise_blocked_column(vec *sum, int c, vec v, const vec *tap) {
    UNROLL
    for (int kw = 0; kw < KW; kw++) {
        int p = c - kw * DW;
        if (p >= 0 && p % SW == 0 && p / SW < PIXELS) sum[p / SW] += v * tap[kw];
    }
}

/* Adds one row of the filter to a tile; `from` is its first column, `there` has a bit for each column
 * that lies inside the input, `all` of them do or not. */
INLINE void conv_depthwise_blocked_row(vec *sum, __global const real *from, bool all, ulong there,
                                       __global const real *taps) {
    vec tap[KW];
    UNROLL
    for (int kw = 0; kw < KW; kw++) tap[kw] = load_vec(taps + kw * X);
    UNROLL
    for (int c = 0; c < COLUMNS; c++)
        if (all || there >> c & 1)
            conv_depthwise_blocked_column(sum, c, load_vec(from + c * X), tap);
}

/* A bit for each of the columns w0, w0 + 1, ... of a tile that lies inside the input. */
INLINE ulong conv_depthwise_blocked_inside(int w0, int iw) {
    int first = max(0, -w0), last = min(COLUMNS, iw - w0);
    return first < last ? ~0ul >> (64 - last) & ~0ul << first : 0;
}

__kernel void conv_depthwise_blocked(int rows, int run, int blocks, int ih, int iw, int oh, int ow,
                                     int ph, int pw, __global const real *x, ulong x_offset,
                                     __global const real *packed, ulong packed_offset,
                                     __global const real *residual, ulong residual_offset,
                                     float alpha, float beta, __global real *y, ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(rows, first + run);
    for (int row = first, plane = first / oh; row < last; row++) {
        if (row == (plane + 1) * oh) plane++;
        int h0 = (row - plane * oh) * SH - ph;
        int h1 = h0 < 0 ? (-h0 + DH - 1) / DH : 0, h2 = min(KH, (ih - h0 + DH - 1) / DH);
        __global const real *taps = packed + packed_offset + (size_t)(plane % blocks) * PACKED * X;
        __global const real *in = x + x_offset + (size_t)plane * (size_t)(ih * iw) * X;
        size_t out = (size_t)row * (size_t)ow * X;
        for (int tile = 0; tile < ow; tile += PIXELS) {
            int o = min(tile, ow - PIXELS), w0 = o * SW - pw;
            __global const real *from = in + (h0 + h1 * DH) * iw * X + w0 * X;
            __global const real *tap = taps + h1 * KW * X;
            vec sum[PIXELS];
            UNROLL
            for (int p = 0; p < PIXELS; p++) sum[p] = load_vec(taps + KH * KW * X);
            if (w0 >= 0 && w0 + COLUMNS <= iw) {
                for (int kh = h1; kh < h2; kh++, from += DH * iw * X, tap += KW * X)
                    conv_depthwise_blocked_row(sum, from, true, 0, tap);
            } else {
                ulong there = conv_depthwise_blocked_inside(w0, iw);
                for (int kh = h1; kh < h2; kh++, from += DH * iw * X, tap += KW * X)
                    conv_depthwise_blocked_row(sum, from, false, there, tap);
            }
            UNROLL
            for (int p = 0; p < PIXELS; p++) {
                size_t at = out + (size_t)(o + p) * X;
                if (HAS_RESIDUAL) sum[p] += load_vec(residual + residual_offset + at);
                store_vec(activate_vec(sum[p], alpha, beta), y + y_offset + at);
            }
        }
    }
}
