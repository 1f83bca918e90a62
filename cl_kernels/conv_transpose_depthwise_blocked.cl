/* Computes       y = activate(bias + sum over ih, kh with ih * SH - ph + kh * DH = oh, the same along the width, of
 *                w * x), each channel by itself: no tap that meets none of x is multiplied
 * Layouts        x (n, blocks, ih, iw, X), y (n, blocks, oh, ow, X); w (channels, 1, KH, KW); bias (channels)
 * Launch         1-D, `run` rows of y for each work-item; rows = n * blocks * oh
 * Defines        KH KW SH SW DH DW: filter size, stride, dilation; PIXELS: neighbouring outputs done together, a
 *                multiple of SW; PLACE: pw modulo SW, so that the taps of each are known; X: channels of a block;
 *                HAS_BIAS; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/conv.c
 * Source         the ONNX standard, operator ConvTranspose with group = channels
 *
 * Each column of the input is loaded once for all taps and outputs that it meets. Column `shift` of the input is the
 * one that tap PLACE would take to output 0. The last tile of a row overlaps the one before it, and has less than
 * SW columns past the end, which are not stored. */

#ifndef PIXELS
#define PIXELS 8
#endif
#ifndef PLACE
#define PLACE 0
#endif

/* Input columns that meet a tile, at most 64; those in front of the one that stands at its start. */
#define BEFORE  (((KW - 1) * DW - PLACE) / SW)
#define COLUMNS (BEFORE + (PIXELS - 1 + PLACE) / SW + 1)

/* The taps of a block's filters, and its bias, lane by lane. */
INLINE void conv_transpose_depthwise_blocked_taps(int channel, int channels, __global const real *w,
                                                  __global const real *bias, real *taps) {
    for (int lane = 0; lane < X; lane++, channel++) {
        bool used = channel < channels;
        __global const real *from = w + (size_t)(used ? channel : 0) * (KH * KW);
        for (int tap = 0; tap < KH * KW; tap++) taps[tap * X + lane] = used ? from[tap] : 0;
        taps[KH * KW * X + lane] = HAS_BIAS && used ? bias[channel] : 0;
    }
}

/* Adds input column c, times the taps that meet it, to the outputs of a tile. */
INLINE void conv_transpose_depthwise_blocked_column(vec *sum, int c, vec v, const vec *tap) {
    UNROLL
    for (int kw = 0; kw < KW; kw++) {
        int p = (c - BEFORE) * SW + kw * DW - PLACE;
        if (p >= 0 && p < PIXELS) sum[p] += v * tap[kw];
    }
}

/* Adds one row of the input to a tile; `from` is its first column, `there` has a bit for each column that
 * lies inside the input, `all` of them do or not. */
INLINE void conv_transpose_depthwise_blocked_row(vec *sum, __global const real *from, bool all,
                                                 ulong there, const real *taps) {
    vec tap[KW];
    UNROLL
    for (int kw = 0; kw < KW; kw++) tap[kw] = load_vec(taps + kw * X);
    UNROLL
    for (int c = 0; c < COLUMNS; c++)
        if (all || there >> c & 1)
            conv_transpose_depthwise_blocked_column(sum, c, load_vec(from + c * X), tap);
}

/* A bit for each of the columns w0, w0 + 1, ... of a tile that lies inside the input. */
INLINE ulong conv_transpose_depthwise_blocked_inside(int w0, int iw) {
    int first = max(0, -w0), last = min(COLUMNS, iw - w0);
    return first < last ? ~0ul >> (64 - last) & ~0ul << first : 0;
}

__kernel void conv_transpose_depthwise_blocked(int rows, int run, int channels, int ih, int iw,
                                               int oh, int ow, int ph, int shift,
                                               __global const real *x, ulong x_offset,
                                               __global const real *w, ulong w_offset,
                                               __global const real *bias, ulong bias_offset,
                                               float alpha, float beta, __global real *y,
                                               ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(rows, first + run);
    int blocks = (channels + X - 1) / X, last_tile = max(0, (ow - PIXELS + SW - 1) / SW * SW);
    real taps[(KH * KW + 1) * X];
    for (int row = first, plane = first / oh; row < last; row++) {
        if (row == (plane + 1) * oh) plane++;
        if (row == first || row == plane * oh)
            conv_transpose_depthwise_blocked_taps(plane % blocks * X, channels, w + w_offset,
                                                  bias + bias_offset, taps);
        int h = row - plane * oh + ph;
        __global const real *in = x + x_offset + (size_t)plane * (size_t)(ih * iw) * X;
        __global real *out = y + y_offset + (size_t)row * (size_t)ow * X;
        for (int tile = 0; tile < ow; tile += PIXELS) {
            int o = min(tile, last_tile), w0 = o / SW + shift - BEFORE;
            bool all = w0 >= 0 && w0 + COLUMNS <= iw;
            ulong there = conv_transpose_depthwise_blocked_inside(w0, iw);
            vec sum[PIXELS];
            UNROLL
            for (int p = 0; p < PIXELS; p++) sum[p] = load_vec(taps + KH * KW * X);
            for (int kh = 0; kh < KH; kh++) {
                int place = h - kh * DH, from_row = place / SH;
                if (place < 0 || place % SH != 0 || from_row >= ih) continue;
                __global const real *from = in + (from_row * iw + w0) * X;
                if (all)
                    conv_transpose_depthwise_blocked_row(sum, from, true, 0, taps + kh * KW * X);
                else
                    conv_transpose_depthwise_blocked_row(sum, from, false, there,
                                                         taps + kh * KW * X);
            }
            UNROLL
            for (int p = 0; p < PIXELS; p++)
                if (o + p < ow) store_vec(activate_vec(sum[p], alpha, beta), out + (o + p) * X);
        }
    }
}
