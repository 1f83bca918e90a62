/* conv_im2col_gemm: the inputs of output pixels as columns of a matrix; the product with the filters is
 * then done by a GEMM (gemm_plain, or CLBlast and conv_im2col_gemm_finish).
 *
 * Computes:     column[k][p] = x at tap k = (ic, kd, kh, kw) of the window of output pixel first + p, zero
 *               outside of x. conv_im2col_gemm_finish: y = activate(y + bias), for what CLBlast wrote.
 * Layouts:      x (ic, id, ih, iw): one image, one group; column (ic*KD*KH*KW, count); y (oc, pixels).
 * Launch:       x: runs of RUN neighbouring pixels; y: k. Finish: x: runs of RUN pixels; y: oc.
 * Defines:      KD KH KW filter size; SD SH SW stride; DD DH DW dilation; RUN pixels of a work-item (1 where
 *               neighbours share a memory transaction, more where they do not); HAS_BIAS; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       Chellapilla, Puri, Simard 2006. */

__kernel void conv_im2col_gemm_columns(int id, int ih, int iw, int oh, int ow, int pd, int ph,
                                       int pw, int first, int count, __global const real *x,
                                       ulong x_offset, __global real *column, ulong column_offset) {
    int p = (int)get_global_id(0) * RUN, end = min(p + RUN, count), k = (int)get_global_id(1);
    int kw = k % KW, kh = k / KW % KH, kd = k / (KW * KH) % KD, c = k / (KW * KH * KD);
    int w = (first + p) % ow, h = (first + p) / ow % oh, d = (first + p) / ow / oh;
    x += x_offset + (ulong)c * id * ih * iw;
    column += column_offset + (ulong)k * count;
    for (; p < end; p++) {
        int xd = d * SD - pd + kd * DD, xh = h * SH - ph + kh * DH, xw = w * SW - pw + kw * DW;
        bool inside = xd >= 0 && xd < id && xh >= 0 && xh < ih && xw >= 0 && xw < iw;
        column[p] = inside ? x[(xd * ih + xh) * iw + xw] : 0;
        w++;
        if (w == ow) w = 0, h++;
        if (h == oh) h = 0, d++;
    }
}

__kernel void conv_im2col_gemm_finish(int pixels, __global const real *bias, ulong bias_offset,
                                      float alpha, float beta, __global real *y, ulong y_offset) {
    int p = (int)get_global_id(0) * RUN, end = min(p + RUN, pixels), c = (int)get_global_id(1);
    acc b = HAS_BIAS ? bias[bias_offset + c] : 0;
    y += y_offset + (ulong)c * pixels;
    for (; p < end; p++) y[p] = activate(y[p] + b, alpha, beta);
}
