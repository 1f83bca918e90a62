/* conv_shallow: the first convolution of a network, from a plain tensor of few channels to channel blocks.
 *
 * Computes:     y = activate(bias + residual + sum over ic, kh, kw of w * x); padding is zeros, multiplied like data.
 * Layouts:      x (n, ic, ih, iw); residual and y (n, ocb, oh, ow, X) in channel blocks. Rows: x with its padding and
 *               the channels of a pixel together, (n, rows, row), so that a row of the window is one run of
 *               kw * ic numbers. Packed: weights (tiles of Q blocks, kh, kw * ic, Q*X), then bias (tiles, Q*X), zero
 *               where there is no channel.
 * Launch:       conv_shallow_pack: x: output channel of a tile; y: tile. conv_shallow_rows: x: row; y: image.
 *               conv_shallow: x: tile of output channels; y: band of output rows; z: image. One work-item a group; it
 *               holds P pixels by Q blocks in registers.
 * Defines:      X 4, 8 or 16; P 1 to 14, Q 1 to 4: P * Q accumulators.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       register tile after Goto and van de Geijn 2008. */
#ifndef P
#define P 6
#endif
#ifndef Q
#define Q 2
#endif

__kernel void conv_shallow_pack(int ic, int oc, int kh, int kw, int has_bias,
                                __global const real *w, ulong w_offset, __global const real *bias,
                                ulong bias_offset, __global real *packed, ulong packed_offset) {
    int lane = (int)get_global_id(0), tile = (int)get_global_id(1), channel = tile * Q * X + lane;
    int tiles = (oc + Q * X - 1) / (Q * X);
    bool there = channel < oc;
    packed += packed_offset + lane;
    w += w_offset + (ulong)channel * ic * kh * kw;
    for (int i = 0; i < kh * kw; i++)
        for (int c = 0; c < ic; c++)
            packed[((ulong)(tile * kh * kw + i) * ic + c) * (Q * X)] =
                there ? w[c * kh * kw + i] : 0;
    ulong biases = (ulong)tiles * kh * kw * ic;
    packed[(biases + tile) * (Q * X)] = has_bias && there ? bias[bias_offset + channel] : 0;
}

__kernel void conv_shallow_rows(int ic, int ih, int iw, int ph, int pw, int height, int width,
                                __global const real *x, ulong x_offset, __global real *rows,
                                ulong rows_offset) {
    int row = (int)get_global_id(0), h = row - ph, image = (int)get_global_id(1);
    x += x_offset + (ulong)image * ic * ih * iw + h * iw;
    rows += rows_offset + ((ulong)image * height + row) * width * ic;
    for (int c = 0; c < ic; c++)
        for (int i = 0; i < width; i++) {
            int column = i - pw;
            bool inside = h >= 0 && h < ih && column >= 0 && column < iw;
            rows[i * ic + c] = inside ? x[(ulong)c * ih * iw + column] : 0;
        }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_shallow(int run, int kh, int step, int row, int height, int sh, int ocb, int oh, int ow,
             int has_residual, int activation, int band, __global const real *rows,
             ulong rows_offset, __global const real *packed, ulong packed_offset,
             __global const real *residual, ulong residual_offset, float alpha, float beta,
             __global real *y, ulong y_offset) {
    int tile = (int)get_global_id(0), tiles = (ocb + Q - 1) / Q;
    int image = (int)get_global_id(2), h0 = (int)get_global_id(1) * band;
    packed += packed_offset;
    __global const real *weights = packed + (ulong)tile * kh * run * (Q * X);
    __global const real *bias = packed + ((ulong)tiles * kh * run + tile) * (Q * X);
    rows += rows_offset + (ulong)image * height * row;
    ulong out = ((ulong)image * ocb + tile * Q) * oh * ow;

    for (int h = h0; h < min(h0 + band, oh); h++)
        for (int first = 0; first < ow; first += P) {
            int column[P];
            vec sum[P][Q];
            UNROLL
            for (int p = 0; p < P; p++) {
                column[p] = min(first + p, ow - 1); /* the last tile does its last pixel again */
                UNROLL
                for (int q = 0; q < Q; q++) sum[p][q] = load_vec(bias + q * X);
            }
            __global const real *w = weights;
            for (int i = 0; i < kh; i++) {
                __global const real *from[P];
                UNROLL
                for (int p = 0; p < P; p++)
                    from[p] = rows + (ulong)(h * sh + i) * row + column[p] * step;
                for (ulong k = 0; k < (ulong)run; k++, w += Q * X) {
                    vec v[Q];
                    UNROLL
                    for (int q = 0; q < Q; q++) v[q] = load_vec(w + q * X);
                    UNROLL
                    for (int p = 0; p < P; p++) {
                        UNROLL
                        for (int q = 0; q < Q; q++) sum[p][q] += from[p][k] * v[q];
                    }
                }
            }
            UNROLL
            for (int p = 0; p < P; p++) UNROLL
            for (int q = 0; q < Q; q++) {
                ulong to = (out + ((ulong)q * oh + h) * ow + column[p]) * X;
                if (tile * Q + q >= ocb) continue;
                vec z = sum[p][q];
                if (has_residual) z += load_vec(residual + residual_offset + to);
                store_vec(activate_as(activation, z, alpha, beta), y + y_offset + to);
            }
        }
}
