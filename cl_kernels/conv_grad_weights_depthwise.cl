/* Computes       dw[c][k] = sum over images and output pixels p of dy[c][p] * x[c][p * stride - pad + k * dilation], each
 *                channel by itself; taps that lie in the padding are passed over. Each of `parts` groups of output
 *                rows has sums of its own, which a second launch adds up in order
 * Layouts        x (n, blocks, ih, iw, X), dy (n, blocks, oh, ow, X); sums (parts, blocks, kh, KW, X);
 *                dw (channels, 1, kh, KW)
 * Launch         conv_grad_weights_depthwise: x: channel block; y: part; z: row of the window.
 *                conv_grad_weights_depthwise_finish: x: channel block. One work-item a group
 * Defines        KW SW DW: width, stride and dilation of the window; X: channels of a block
 * Local memory   none
 * Truth          lib/reference/conv_grad.c
 * Source         the derivative of the ONNX standard's operator Conv with group = channels */

/* Pixels w to end of a row, whose taps all lie in the input. */
INLINE void conv_grad_weights_depthwise_run(int w, int end, int pw, __global const real *x,
                                            __global const real *dy, vec sum[KW]) {
    for (; w < end; w++) {
        vec v = load_vec(dy + w * X);
        UNROLL
        for (int j = 0; j < KW; j++) sum[j] += v * load_vec(x + (w * SW - pw + j * DW) * X);
    }
}

/* The same where some may lie outside. */
INLINE void conv_grad_weights_depthwise_edge(int w, int end, int pw, int iw, __global const real *x,
                                             __global const real *dy, vec sum[KW]) {
    for (; w < end; w++) {
        vec v = load_vec(dy + w * X);
        UNROLL
        for (int j = 0; j < KW; j++) {
            int column = w * SW - pw + j * DW;
            if ((uint)column < (uint)iw) sum[j] += v * load_vec(x + column * X);
        }
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights_depthwise(int rows, int rows_each, int ih, int iw, int oh, int ow, int sh, int dh,
                            int ph, int pw, __global const real *x, ulong x_offset,
                            __global const real *dy, ulong dy_offset, __global acc *sums,
                            ulong sums_offset) {
    int block = (int)get_global_id(0), blocks = (int)get_global_size(0);
    int i = (int)get_global_id(2), part = (int)get_global_id(1);
    int begin = part * rows_each, end = min(begin + rows_each, rows);
    int low = pw > 0 ? min(ow, (pw + SW - 1) / SW) : 0, room = iw - 1 + pw - (KW - 1) * DW;
    int high = room < 0 ? low : max(low, min(ow, room / SW + 1));
    vec sum[KW];
    UNROLL
    for (int j = 0; j < KW; j++) sum[j] = 0;
    for (int r = begin; r < end; r++) {
        int image = r / oh, h = r % oh, row = h * sh - ph + i * dh;
        if ((uint)row >= (uint)ih) continue;
        ulong plane = (ulong)image * blocks + block;
        __global const real *from = x + x_offset + (plane * ih + row) * iw * X;
        __global const real *grads = dy + dy_offset + (plane * oh + h) * ow * X;
        conv_grad_weights_depthwise_edge(0, low, pw, iw, from, grads, sum);
        conv_grad_weights_depthwise_run(low, high, pw, from, grads, sum);
        conv_grad_weights_depthwise_edge(high, ow, pw, iw, from, grads, sum);
    }
    sums += sums_offset + (((ulong)part * blocks + block) * get_global_size(2) + i) * (KW * X);
    UNROLL
    for (int j = 0; j < KW; j++) store_vec(sum[j], sums + j * X);
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights_depthwise_finish(int parts, int channels, int taps, __global const acc *sums,
                                   ulong sums_offset, __global real *dw, ulong dw_offset) {
    int block = (int)get_global_id(0), blocks = (int)get_global_size(0);
    for (int t = 0; t < taps; t++) {
        real lane[X];
        vec sum = 0;
        for (int p = 0; p < parts; p++)
            sum += load_vec(sums + sums_offset + (((ulong)p * blocks + block) * taps + t) * X);
        store_vec(sum, lane);
        for (int c = 0; c < min(X, channels - block * X); c++)
            dw[dw_offset + (ulong)(block * X + c) * taps + t] = lane[c];
    }
}
