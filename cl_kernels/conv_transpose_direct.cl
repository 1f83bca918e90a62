/* conv_transpose_direct: transposed convolution; each output gathers what reaches it.
 *
 * Computes:     y[o] = activate(bias + sum over ic, k with i * stride - pad + k * dilation = o of w[k] * x[i])
 * Layouts:      x (n, groups*ic, id, ih, iw), w (groups*ic, oc, KD, KH, KW), bias (groups*oc),
 *               y (n, groups*oc, od, oh, ow); all dense, the last axis fastest.
 * Launch:       x: output pixels; y: tiles of OC_TILE output channels of a group, times groups; z: image.
 *               A work-item owns OC_TILE channels of one pixel.
 * Defines:      KD KH KW filter size; SD SH SW stride; DD DH DW dilation; OC_TILE; HAS_BIAS; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       the ONNX standard, operator ConvTranspose. */
#ifndef OC_TILE
#define OC_TILE 4
#endif

/* The input that reaches place `o` (pad added, tap subtracted) of an axis; -1 if none does. */
int conv_transpose_direct_source(int o, int stride, int size);
int conv_transpose_direct_source(int o, int stride, int size) {
    return o >= 0 && o % stride == 0 && o / stride < size ? o / stride : -1;
}

__kernel void conv_transpose_direct(int groups, int ic, int id, int ih, int iw, int oc, int od,
                                    int oh, int ow, int pd, int ph, int pw, __global const real *x,
                                    ulong x_offset, __global const real *w, ulong w_offset,
                                    __global const real *bias, ulong bias_offset, float alpha,
                                    float beta, __global real *y, ulong y_offset) {
    int pixel = (int)get_global_id(0), image = (int)get_global_id(2);
    int column = pixel % ow, h = pixel / ow % oh, d = pixel / ow / oh;
    int oc_tiles = (oc + OC_TILE - 1) / OC_TILE;
    int group = (int)get_global_id(1) / oc_tiles, oc0 = (int)get_global_id(1) % oc_tiles * OC_TILE;
    if (d >= od) return;
    x += x_offset + (ulong)(image * groups + group) * ic * id * ih * iw;
    w += w_offset + (ulong)group * ic * oc * (KD * KH * KW);
    y += y_offset;

    acc sum[OC_TILE];
    for (int o = 0; o < OC_TILE; o++) sum[o] = 0;
    for (int kd = 0; kd < KD; kd++)
        for (int kh = 0; kh < KH; kh++)
            for (int kw = 0; kw < KW; kw++) {
                int xd = conv_transpose_direct_source(d + pd - kd * DD, SD, id);
                int xh = conv_transpose_direct_source(h + ph - kh * DH, SH, ih);
                int xw = conv_transpose_direct_source(column + pw - kw * DW, SW, iw);
                if (xd < 0 || xh < 0 || xw < 0) continue;
                int at = (xd * ih + xh) * iw + xw, tap = (kd * KH + kh) * KW + kw;
                for (int c = 0; c < ic; c++) {
                    acc v = x[at + c * id * ih * iw];
                    for (int o = 0; o < OC_TILE; o++)
                        sum[o] += v * w[(c * oc + min(oc0 + o, oc - 1)) * (KD * KH * KW) + tap];
                }
            }
    for (int o = 0; o < OC_TILE && oc0 + o < oc; o++) {
        int channel = group * oc + oc0 + o;
        acc b = HAS_BIAS ? bias[bias_offset + channel] : 0;
        y[(ulong)(image * groups * oc + channel) * od * oh * ow + pixel] =
            activate(sum[o] + b, alpha, beta);
    }
}
