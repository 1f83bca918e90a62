/* conv_depthwise: convolution in which each group has one input channel.
 *
 * Computes:     y = activate(bias + sum over kd, kh, kw of w * x); padding is zeros, multiplied like data.
 * Layouts:      x (n, ic, id, ih, iw), w (ic*multiplier, 1, KD, KH, KW), bias (ic*multiplier),
 *               y (n, ic*multiplier, od, oh, ow); all dense, the last axis fastest.
 * Launch:       x: tiles of 8 output columns, times oh, times od; y: output channel; z: image. A work-item
 *               owns 8 columns of one channel. lanes, for GPUs: x: output columns, times tiles of ROWS rows,
 *               times od, times output channel; y: image. Neighbours read neighbours of a row.
 * Defines:      KD KH KW filter size; SD SH SW stride; DD DH DW dilation; HAS_BIAS 0 or 1; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       the ONNX standard, operator Conv with group = channels. */

enum { ROWS = 4 }; /* output rows of a work-item of conv_depthwise_lanes */

/* Input of column c of a row of `width` elements; zero outside. */
real conv_depthwise_at(__global const real *row, int width, int c);
real conv_depthwise_at(__global const real *row, int width, int c) {
    return c >= 0 && c < width ? row[c] : 0;
}

/* Eight inputs, SW apart, of a row. Reads inside of the row only. */
float8 conv_depthwise_load(__global const real *row, int width, int first);
float8 conv_depthwise_load(__global const real *row, int width, int first) {
    if (SW == 1 && first >= 0 && first + 8 <= width) return vload8(0, row + first);
    if (SW == 2 && first >= 0 && first + 16 <= width) return vload16(0, row + first).even;
    return (float8)(conv_depthwise_at(row, width, first), conv_depthwise_at(row, width, first + SW),
                    conv_depthwise_at(row, width, first + 2 * SW),
                    conv_depthwise_at(row, width, first + 3 * SW),
                    conv_depthwise_at(row, width, first + 4 * SW),
                    conv_depthwise_at(row, width, first + 5 * SW),
                    conv_depthwise_at(row, width, first + 6 * SW),
                    conv_depthwise_at(row, width, first + 7 * SW));
}

__kernel void conv_depthwise(int ic, int id, int ih, int iw, int multiplier, int od, int oh, int ow,
                             int pd, int ph, int pw, __global const real *x, ulong x_offset,
                             __global const real *w, ulong w_offset, __global const real *bias,
                             ulong bias_offset, float alpha, float beta, __global real *y,
                             ulong y_offset) {
    int tiles = (ow + 7) / 8, item = (int)get_global_id(0);
    int ow0 = item % tiles * 8, h = item / tiles % oh, d = item / tiles / oh;
    int channel = (int)get_global_id(1), image = (int)get_global_id(2);
    if (d >= od) return;
    x += x_offset + (ulong)(image * ic + channel / multiplier) * id * ih * iw;
    w += w_offset + (ulong)channel * (KD * KH * KW);

    float8 sum = 0;
    for (int kd = 0; kd < KD; kd++)
        for (int kh = 0; kh < KH; kh++) {
            int xd = d * SD - pd + kd * DD, xh = h * SH - ph + kh * DH;
            bool inside = xd >= 0 && xd < id && xh >= 0 && xh < ih;
            __global const real *row = x + (inside ? (ulong)(xd * ih + xh) * iw : 0);
            int width = inside ? iw : 0; /* an empty row gives zeros */
            for (int kw = 0; kw < KW; kw++)
                sum += w[(kd * KH + kh) * KW + kw] *
                       conv_depthwise_load(row, width, ow0 * SW - pw + kw * DW);
        }

    acc b = HAS_BIAS ? bias[bias_offset + channel] : 0;
    real e[8];
    vstore8(sum, 0, e);
    y += y_offset + (((ulong)(image * ic * multiplier + channel) * od + d) * oh + h) * ow + ow0;
    for (int j = 0; j < 8 && ow0 + j < ow; j++) y[j] = activate(e[j] + b, alpha, beta);
}

__kernel void conv_depthwise_lanes(int ic, int id, int ih, int iw, int multiplier, int od, int oh,
                                   int ow, int pd, int ph, int pw, __global const real *x,
                                   ulong x_offset, __global const real *w, ulong w_offset,
                                   __global const real *bias, ulong bias_offset, float alpha,
                                   float beta, __global real *y, ulong y_offset) {
    int tiles = (oh + ROWS - 1) / ROWS, item = (int)get_global_id(0), image = (int)get_global_id(1);
    int column = item % ow, h0 = item / ow % tiles * ROWS, d = item / ow / tiles % od;
    int channel = item / ow / tiles / od;
    if (channel >= ic * multiplier) return;
    x += x_offset + (ulong)(image * ic + channel / multiplier) * id * ih * iw;
    w += w_offset + (ulong)channel * (KD * KH * KW);

    acc sum[ROWS];
    for (int r = 0; r < ROWS; r++) sum[r] = 0;
    for (int kd = 0; kd < KD; kd++)
        for (int kh = 0; kh < KH; kh++)
            for (int kw = 0; kw < KW; kw++, w++) {
                int xd = d * SD - pd + kd * DD, xw = column * SW - pw + kw * DW;
                bool inside = xd >= 0 && xd < id && xw >= 0 && xw < iw;
                for (int r = 0; r < ROWS; r++) {
                    int xh = (h0 + r) * SH - ph + kh * DH;
                    bool there = inside && xh >= 0 && xh < ih;
                    sum[r] += *w * (there ? x[(xd * ih + xh) * iw + xw] : 0);
                }
            }

    acc b = HAS_BIAS ? bias[bias_offset + channel] : 0;
    y += y_offset + (((ulong)(image * ic * multiplier + channel) * od + d) * oh + h0) * ow + column;
    for (int r = 0; r < ROWS; r++)
        if (h0 + r < oh) y[r * ow] = activate(sum[r] + b, alpha, beta);
}
