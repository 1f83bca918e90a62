/* conv_grad_weights_direct: the gradient of a convolution's weights, straight from the definition.
 *
 * Computes:     dw[o][c][k] = sum over images and output pixels p of dy[o][p] * x[c][p * stride - pad + k * dilation];
 *               padding is zeros, multiplied like data. Each of `parts` work-items sums `pieces` pieces, which are
 *               `segment` neighbouring pixels of an output row at most; a second launch adds up the parts in order.
 * Layouts:      x (n, groups*ic, id, ih, iw), dy (n, groups*oc, od, oh, ow), dw (groups*oc, ic, KD, KH, KW); partial
 *               sums (parts, elements of dw), dw itself where there is one part; all dense, the last axis fastest.
 * Launch:       x: elements of a filter (ic * KD * KH * KW); y: tiles of OC_TILE output channels of a group, times
 *               groups; z: part. A work-item owns OC_TILE partial sums.
 *               conv_grad_weights_direct_finish: x: element of dw.
 * Defines:      KD KH KW filter size; SD SH SW stride; DD DH DW dilation; OC_TILE.
 * Local memory: none.
 * Truth:        lib/reference/conv_grad.c
 * Source:       the derivative of the ONNX standard's operator Conv. */
#ifndef OC_TILE
#define OC_TILE 4
#endif

__kernel void conv_grad_weights_direct(int n, int groups, int ic, int id, int ih, int iw, int oc,
                                       int od, int oh, int ow, int pd, int ph, int pw, int segment,
                                       int pieces, __global const real *x, ulong x_offset,
                                       __global const real *dy, ulong dy_offset, __global acc *sums,
                                       ulong sums_offset) {
    int k = (int)get_global_id(0), filter = ic * (KD * KH * KW), part = (int)get_global_id(2);
    int oc_tiles = (oc + OC_TILE - 1) / OC_TILE;
    int group = (int)get_global_id(1) / oc_tiles, oc0 = (int)get_global_id(1) % oc_tiles * OC_TILE;
    if (k >= filter) return;
    int c = k / (KD * KH * KW), kd = k / (KH * KW) % KD, kh = k / KW % KH, kw = k % KW;
    int segments = (ow + segment - 1) / segment, pixels = od * oh * ow;
    int end = min((part + 1) * pieces, n * od * oh * segments);
    x += x_offset;
    dy += dy_offset;

    acc sum[OC_TILE];
    for (int o = 0; o < OC_TILE; o++) sum[o] = 0;
    for (int piece = part * pieces; piece < end; piece++) {
        int row = piece / segments, first = piece % segments * segment;
        int image = row / (od * oh), d = row / oh % od, h = row % oh;
        int xd = d * SD - pd + kd * DD, xh = h * SH - ph + kh * DH;
        bool inside = xd >= 0 && xd < id && xh >= 0 && xh < ih;
        ulong from = inside ? ((((ulong)image * groups + group) * ic + c) * id + xd) * ih + xh : 0;
        ulong at = ((ulong)image * groups + group) * oc * pixels + (ulong)(d * oh + h) * ow;
        for (int w = first; w < min(first + segment, ow); w++) {
            int xw = w * SW - pw + kw * DW;
            acc v = inside && xw >= 0 && xw < iw ? x[from * iw + xw] : 0;
            for (int o = 0; o < OC_TILE; o++)
                sum[o] += v * dy[at + (ulong)min(oc0 + o, oc - 1) * pixels + w];
        }
    }
    sums += sums_offset + ((ulong)part * groups * oc + group * oc + oc0) * filter + k;
    for (int o = 0; o < OC_TILE && oc0 + o < oc; o++) sums[o * filter] = sum[o];
}

__kernel void conv_grad_weights_direct_finish(int parts, int elements, __global const acc *partial,
                                              ulong partial_offset, __global real *dw,
                                              ulong dw_offset) {
    int i = (int)get_global_id(0);
    if (i >= elements) return;
    acc sum = 0;
    for (int p = 0; p < parts; p++) sum += partial[partial_offset + (ulong)p * elements + i];
    dw[dw_offset + i] = sum;
}
