/* conv_direct: convolution, straight from the definition.
 *
 * Computes:     y = activate(bias + residual + sum over ic, kd, kh, kw of w * x); padding is zeros, multiplied like data.
 * Layouts:      x (n, groups*ic, id, ih, iw), w (groups*oc, ic, KD, KH, KW), bias (groups*oc),
 *               residual and y (n, groups*oc, od, oh, ow); all dense, the last axis fastest.
 * Launch:       x: tiles of 8 output columns, times oh, times od; y: tiles of OC_TILE output channels of a
 *               group, times groups; z: image. A work-item owns OC_TILE channels of 8 columns.
 * Defines:      KD KH KW filter size; SD SH SW stride; DD DH DW dilation; OC_TILE 1 to 8, at most oc; HAS_BIAS,
 *               HAS_RESIDUAL 0 or 1; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       the ONNX standard, operator Conv; register tile after Goto and van de Geijn 2008. */
#ifndef OC_TILE
#define OC_TILE 8
#endif

typedef float8 columns; /* eight neighbours along the width */

/* Inputs first, first + SW, ... of a row of `width` elements that starts at x[row]; zeros outside of the
 * row. Reads within the tensor of `total` elements only, perhaps past the row: those are masked. */
columns conv_direct_load(__global const real *x, int total, int row, int width, int first);
columns conv_direct_load(__global const real *x, int total, int row, int width, int first) {
    int at = row + first;
    columns v;
    if (SW == 1 && at >= 0 && at <= total - 8) {
        v = vload8(0, x + at);
    } else if (SW == 2 && at >= 0 && at <= total - 16) {
        v = vload16(0, x + at).even;
    } else {
        real e[8];
        for (int j = 0; j < 8; j++) {
            int c = first + j * SW;
            e[j] = c >= 0 && c < width ? x[row + c] : 0;
        }
        v = vload8(0, e);
    }
    if (first >= 0 && first + 7 * SW < width) return v;
    int8 column = first + SW * (int8)(0, 1, 2, 3, 4, 5, 6, 7);
    return select((columns)(0), v, column >= 0 && column < width);
}

__kernel void conv_direct(int groups, int ic, int id, int ih, int iw, int oc, int od, int oh,
                          int ow, int pd, int ph, int pw, int total, __global const real *x,
                          ulong x_offset, __global const real *w, ulong w_offset,
                          __global const real *bias, ulong bias_offset,
                          __global const real *residual, ulong residual_offset, float alpha,
                          float beta, __global real *y, ulong y_offset) {
    int tiles = (ow + 7) / 8, item = (int)get_global_id(0);
    int ow0 = item % tiles * 8, h = item / tiles % oh, d = item / tiles / oh;
    int oc_tiles = (oc + OC_TILE - 1) / OC_TILE;
    int group = (int)get_global_id(1) / oc_tiles,
        first = (int)get_global_id(1) % oc_tiles * OC_TILE;
    int oc0 =
        min(first, oc - OC_TILE); /* the last tile begins earlier, and stores from `first` on */
    int image = (int)get_global_id(2);
    if (d >= od) return;
    x += x_offset;
    size_t k = (size_t)ic * (KD * KH * KW); /* elements of a filter */
    w += w_offset + ((size_t)group * oc + oc0) * k;
    y += y_offset;

    columns sum[OC_TILE];
    for (int o = 0; o < OC_TILE; o++) sum[o] = 0;
    for (int c = 0; c < ic; c++)
        for (int kd = 0; kd < KD; kd++)
            for (int kh = 0; kh < KH; kh++) {
                int xd = d * SD - pd + kd * DD, xh = h * SH - ph + kh * DH;
                bool inside = xd >= 0 && xd < id && xh >= 0 && xh < ih;
                int row = inside ? (((image * groups + group) * ic + c) * id + xd) * ih + xh : 0;
                int width = inside ? iw : 0; /* an empty row gives zeros */
                for (int kw = 0; kw < KW; kw++, w++) {
                    columns v =
                        conv_direct_load(x, total, row * iw, width, ow0 * SW - pw + kw * DW);
                    for (int o = 0; o < OC_TILE; o++) sum[o] += w[o * k] * v;
                }
            }

    for (int o = 0; o < OC_TILE; o++) { /* no early end: sum[] must stay in registers */
        if (oc0 + o < first) continue;
        int channel = group * oc + oc0 + o;
        acc b = HAS_BIAS ? bias[bias_offset + channel] : 0;
        real e[8];
        vstore8(sum[o], 0, e);
        ulong at = (((ulong)(image * groups * oc + channel) * od + d) * oh + h) * ow + ow0;
        for (int j = 0; j < 8 && ow0 + j < ow; j++) {
            acc z = HAS_RESIDUAL ? b + residual[residual_offset + at + j] : b;
            y[at + j] = activate(e[j] + z, alpha, beta);
        }
    }
}
