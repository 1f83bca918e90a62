/* conv_grad_weights_depthwise_blocked: the gradient of the weights of a depthwise convolution, from channel blocks.
 *
 * Computes:     dw[c][k] = sum over images and output pixels p of dy[c][p] * x[c][p * stride - pad + k * dilation], taps
 *               that lie in the padding passed over. Each of `parts` groups of output rows has sums of its own, which
 *               a second launch adds up in order.
 * Layouts:      x (n, blocks, ih, iw, X), dy (n, blocks, oh, ow, X); sums (parts, blocks, KH * KW, X);
 *               dw (channels, 1, KH, KW).
 * Launch:       x: block of channels; y: part, of `each` of the n * oh rows. One work-item a group: it goes through its
 *               rows with ROWS rows of the filter at a time in registers.
 *               conv_grad_weights_depthwise_blocked_finish: x: block * KH * KW + tap.
 * Defines:      X 4, 8 or 16; KH KW SH SW DH DW: filter size, stride, dilation; ROWS at most KH.
 * Local memory: none.
 * Truth:        lib/reference/conv_grad.c
 * Source:       the derivative of the ONNX standard's operator Conv with group = channels. */
#ifndef ROWS
#define ROWS KH
#endif

/* Adds one pixel of dy times what the taps of `rows` rows of the filter find; `from` has the input of each row's first
 * tap, `column` is its place in the input, `inside`: all taps lie in it. */
INLINE void conv_grad_weights_depthwise_blocked_pixel(vec *sum, int rows, vec v,
                                                      __global const real *const *from, ulong at,
                                                      bool inside, int column, int iw) {
    UNROLL
    for (int j = 0; j < KW; j++)
        if (inside || (uint)(column + j * DW) < (uint)iw) {
            UNROLL
            for (int i = 0; i < rows; i++)
                sum[i * KW + j] += v * load_vec(from[i] + at + j * DW * X);
        }
}

/* Adds one row of dy to the sums of `rows` rows of the filter, the first of which meets row `x` of the input.
 * Pixels low to high - 1 find all their taps inside. */
INLINE void conv_grad_weights_depthwise_blocked_row(vec *sums, int rows, int iw, int ow, int pw,
                                                    int low, int high, __global const real *x,
                                                    __global const real *dy) {
    vec sum[ROWS * KW];
    __global const real *from[ROWS];
    UNROLL
    for (int i = 0; i < rows; i++) from[i] = x + (long)(i * DH * iw - pw) * X;
    UNROLL
    for (int k = 0; k < rows * KW; k++) sum[k] = sums[k];
    for (int w = 0; w < low; w++)
        conv_grad_weights_depthwise_blocked_pixel(sum, rows, load_vec(dy + w * X), from,
                                                  (ulong)w * SW * X, false, w * SW - pw, iw);
    for (int w = low; w < high; w++)
        conv_grad_weights_depthwise_blocked_pixel(sum, rows, load_vec(dy + w * X), from,
                                                  (ulong)w * SW * X, true, 0, iw);
    for (int w = high; w < ow; w++)
        conv_grad_weights_depthwise_blocked_pixel(sum, rows, load_vec(dy + w * X), from,
                                                  (ulong)w * SW * X, false, w * SW - pw, iw);
    UNROLL
    for (int k = 0; k < rows * KW; k++) sums[k] = sum[k];
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights_depthwise_blocked(int n, int blocks, int ih, int iw, int oh, int ow, int ph,
                                    int pw, int each, __global const real *x, ulong x_offset,
                                    __global const real *dy, ulong dy_offset, __global real *sums,
                                    ulong sums_offset) {
    int block = (int)get_global_id(0);
    int begin = (int)get_global_id(1) * each, end = min(begin + each, n * oh);
    int low = pw > 0 ? min(ow, (pw + SW - 1) / SW) : 0, reach = iw - 1 - (KW - 1) * DW + pw;
    int high = max(low, reach < 0 ? 0 : min(ow, reach / SW + 1));
    vec sum[KH * KW];
    for (int k = 0; k < KH * KW; k++) sum[k] = 0;
    for (int line = begin; line < end; line++) {
        int image = line / oh, h = line % oh, h0 = h * SH - ph;
        int first = h0 < 0 ? (-h0 + DH - 1) / DH : 0, last = min(KH, (ih - h0 + DH - 1) / DH);
        ulong plane = (ulong)image * blocks + block;
        __global const real *grads = dy + dy_offset + (plane * oh + h) * ow * X;
        __global const real *in = x + x_offset + plane * ih * iw * X;
        for (int k = first; k < last;) {
            __global const real *from = in + (ulong)(h0 + k * DH) * iw * X;
            if (ROWS > 1 && k + ROWS <= last) {
                conv_grad_weights_depthwise_blocked_row(sum + k * KW, ROWS, iw, ow, pw, low, high,
                                                        from, grads);
                k += ROWS;
            } else {
                conv_grad_weights_depthwise_blocked_row(sum + k * KW, 1, iw, ow, pw, low, high,
                                                        from, grads);
                k++;
            }
        }
    }
    sums += sums_offset + (get_global_id(1) * blocks + block) * (KH * KW * X);
    for (int k = 0; k < KH * KW; k++) store_vec(sum[k], sums + k * X);
}

__kernel void conv_grad_weights_depthwise_blocked_finish(int parts, int channels,
                                                         __global const real *sums,
                                                         ulong sums_offset, __global real *dw,
                                                         ulong dw_offset) {
    int i = (int)get_global_id(0), block = i / (KH * KW), tap = i % (KH * KW);
    int blocks = (channels + X - 1) / X;
    if (block >= blocks) return;
    sums += sums_offset + (ulong)i * X;
    vec sum = 0;
    for (int p = 0; p < parts; p++) sum += load_vec(sums + (ulong)p * blocks * (KH * KW * X));
    real lanes[X];
    store_vec(sum, lanes);
    for (int lane = 0; lane < min(X, channels - block * X); lane++)
        dw[dw_offset + (ulong)(block * X + lane) * (KH * KW) + tap] = lanes[lane];
}
