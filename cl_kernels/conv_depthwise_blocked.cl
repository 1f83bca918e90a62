/* Computes       y = activate(bias + sum over kh, kw of w * x + residual), each channel by itself
 * Layouts        x (n, blocks, ih, iw, X), y and residual (n, blocks, oh, ow, X); w (channels, 1, KH, KW);
 *                bias (channels); packed (blocks, KH * KW + 2, X): the taps, the bias, zeros
 * Launch         conv_depthwise_blocked: 1-D, `run` rows of y for each work-item; rows = n * blocks * oh.
 *                conv_depthwise_blocked_pack: 1-D, a block for each work-item
 * Defines        KH KW SH SW DH DW: filter size, stride, dilation; PIXELS: neighbouring outputs done
 *                together, at most ow; X: channels of a block; HAS_BIAS; HAS_RESIDUAL; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/conv.c
 * Source         the ONNX standard, operator Conv with group = channels
 *
 * Each column of the input is loaded once for all taps and outputs that it meets. The last tile of a
 * row overlaps the one before it. Columns outside the input are read from the packed zeros. */

#ifndef PIXELS
#define PIXELS 7
#endif

/* Vectors of a packed block; input columns under a tile. */
#define PACKED  (KH * KW + 2)
#define COLUMNS ((PIXELS - 1) * SW + (KW - 1) * DW + 1)

__kernel void conv_depthwise_blocked_pack(int blocks, int run, int channels, __global const real *w,
                                          ulong w_offset, __global const real *bias,
                                          ulong bias_offset, __global real *packed,
                                          ulong packed_offset) {
    int first = (int)get_global_id(0) * run, last = min(blocks, first + run);
    for (int block = first; block < last; block++) {
        __global real *to = packed + packed_offset + (size_t)block * PACKED * X;
        for (int lane = 0; lane < X; lane++) {
            int channel = block * X + lane;
            bool used = channel < channels;
            __global const real *from = w + w_offset + (size_t)(used ? channel : 0) * (KH * KW);
            for (int tap = 0; tap < KH * KW; tap++) to[tap * X + lane] = used ? from[tap] : 0;
            to[KH * KW * X + lane] = HAS_BIAS && used ? bias[bias_offset + channel] : 0;
            to[(KH * KW + 1) * X + lane] = 0;
        }
    }
}

/* Adds one row of the filter to a tile whose first column is w0. */
INLINE void conv_depthwise_blocked_row(vec *sum, __global const real *row, int w0, int iw,
                                       __global const real *taps, __global const real *zeros) {
    bool inside = w0 >= 0 && w0 + COLUMNS <= iw;
    vec tap[KW];
    UNROLL
    for (int kw = 0; kw < KW; kw++) tap[kw] = load_vec(taps + kw * X);
    if (inside) {
        UNROLL
        for (int c = 0; c < COLUMNS; c++) {
            vec v = load_vec(row + (w0 + c) * X);
            UNROLL
            for (int kw = 0; kw < KW; kw++) {
                int p = c - kw * DW;
                if (p >= 0 && p % SW == 0 && p / SW < PIXELS) sum[p / SW] += v * tap[kw];
            }
        }
        return;
    }
    UNROLL
    for (int c = 0; c < COLUMNS; c++) {
        bool there = (uint)(w0 + c) < (uint)iw;
        vec v = load_vec(there ? row + (w0 + c) * X : zeros);
        UNROLL
        for (int kw = 0; kw < KW; kw++) {
            int p = c - kw * DW;
            if (p >= 0 && p % SW == 0 && p / SW < PIXELS) sum[p / SW] += v * tap[kw];
        }
    }
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
            int o = min(tile, ow - PIXELS);
            vec sum[PIXELS];
            UNROLL
            for (int p = 0; p < PIXELS; p++) sum[p] = load_vec(taps + KH * KW * X);
            for (int kh = h1; kh < h2; kh++)
                conv_depthwise_blocked_row(sum, in + (size_t)((h0 + kh * DH) * iw) * X, o * SW - pw,
                                           iw, taps + kh * KW * X, taps + (KH * KW + 1) * X);
            UNROLL
            for (int p = 0; p < PIXELS; p++) {
                size_t at = out + (size_t)(o + p) * X;
                if (HAS_RESIDUAL) sum[p] += load_vec(residual + residual_offset + at);
                store_vec(activate_vec(sum[p], alpha, beta), y + y_offset + at);
            }
        }
    }
}
