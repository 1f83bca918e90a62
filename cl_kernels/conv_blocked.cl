/* conv_blocked: convolution on channel blocks for devices whose work-items have vectors of their own.
 *
 * Computes:     y = activate(bias + residual + sum over ic, kh, kw of w * x); padding is zeros. Their products
 *               are left out where all pixels of a tile find padding, unless a weight is not finite, which then shows. Not
 *               exact in one respect: of a ConvTranspose, which has no padding, it may show in more pixels of the tile.
 * Layouts:      x (n, groups*icb, ih, iw, X), residual and y (n, groups*ocb, oh, ow, X), with icb and ocb channel
 *               blocks of a group; packed: what conv_pack.cl makes of weights and bias; its zeros are read in place of the
 *               padding. The pixels made may be some of y's `whole`: (h, w) is y_first + h * y_row + w * y_column.
 * Launch:       x: tile of Q output channel blocks, times groups; y: chunk of `chunk` output pixels, x and y exchanged if
 *               `chunks_first`; z: image. One work-item a group: it owns its chunk and holds P pixels by Q blocks in
 *               registers.
 * Defines:      X 4, 8 or 16; P 1 to 28, Q 1 to 4: P * Q accumulators. All else is an argument, so that a network
 *               needs one program: nothing but the innermost product is worth a specialised one.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       Georganas et al. 2018, "Anatomy of high-performance deep learning convolutions on SIMD
 *               architectures"; pixels by pointer after Dukhan 2019, "The indirect convolution algorithm". */
#ifndef P
#define P 6
#endif
#ifndef Q
#define Q 2
#endif

INLINE ulong conv_blocked_inside(int row, int column, int ih, int iw, int kh, int kw, int dh,
                                 int dw) {
    ulong inside = 0, bit = 1;
    for (int i = 0; i < kh; i++)
        for (int j = 0; j < kw; j++, bit <<= 1)
            if ((uint)(row + i * dh) < (uint)ih && (uint)(column + j * dw) < (uint)iw)
                inside |= bit;
    return inside;
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_blocked(int groups, int icb, int ih, int iw, int ocb, int oh, int ow, int kh, int kw, int sh,
             int sw, int dh, int dw, int ph, int pw, int whole, int y_first, int y_row,
             int y_column, int chunk, int chunks_first, int has_residual, int activation,
             int padding_is_data, ulong zeros, __global const real *x, ulong x_offset,
             __global const real *packed, ulong packed_offset, __global const real *residual,
             ulong residual_offset, float alpha, float beta, __global real *y, ulong y_offset) {
    int tiles = (ocb + Q - 1) / Q, x_id = (int)get_global_id(0), y_id = (int)get_global_id(1);
    int item = chunks_first ? y_id : x_id, row = chunks_first ? x_id : y_id;
    int group = item / tiles, tile = item % tiles, image = (int)get_global_id(2);
    int pixels = oh * ow, begin = row * chunk, end = min(begin + chunk, pixels);
    int plane = ih * iw * X;
    packed += packed_offset;
    __global const real *zero = packed + zeros;
    __global const real *weights = packed + (ulong)item * icb * (kh * kw * X * Q * X);
    __global const real *bias = zero - (ulong)(groups * tiles - item) * (Q * X);
    __global const real *not_finite = zero + X + (ulong)item * icb;
    x += x_offset + (ulong)(image * groups + group) * icb * plane;
    ulong out = ((ulong)(image * groups + group) * ocb + tile * Q) * whole + y_first;

    for (int first = begin; first < end; first += P) {
        int h = first / ow, c0 = first % ow;
        long start[P];     /* of a pixel's window, from x */
        ulong inside[P];   /* bit i * kw + j: that tap of the window lies in the input */
        ulong reached = 0; /* the same for any of them */
        ulong at[P];
        vec sum[P][Q];
        UNROLL
        for (int p = 0; p < P; p++) {
            int row = h * sh - ph, column = c0 * sw - pw;
            start[p] = ((long)row * iw + column) * X;
            inside[p] = conv_blocked_inside(row, column, ih, iw, kh, kw, dh, dw);
            reached |= inside[p];
            at[p] = (out + (ulong)h * y_row + c0 * y_column) * X;
            c0 += first + p + 1 < end; /* the last tile does its last pixel again */
            h += c0 == ow;
            c0 = c0 == ow ? 0 : c0;
            UNROLL
            for (int q = 0; q < Q; q++) sum[p][q] = load_vec(bias + q * X);
        }
        __global const real *w = weights;
        for (int b = 0; b < icb; b++) {
            ulong needed = padding_is_data && not_finite[b] != 0 ? ~(ulong)0 : reached;
            for (int i = 0; i < kh; i++)
                for (int j = 0; j < kw; j++, w += X * Q * X) {
                    if (!(needed >> (i * kw + j) & 1)) continue;
                    __global const real *tap = x + (ulong)b * plane + (i * dh * iw + j * dw) * X;
                    __global const real *from[P];
                    UNROLL
                    for (int p = 0; p < P; p++)
                        from[p] = inside[p] >> (i * kw + j) & 1 ? tap + start[p] : zero;
                    UNROLL
                    for (int c = 0; c < X; c++) {
                        vec v[Q];
                        UNROLL
                        for (int q = 0; q < Q; q++) v[q] = load_vec(w + (c * Q + q) * X);
                        UNROLL
                        for (int p = 0; p < P; p++) UNROLL
                        for (int q = 0; q < Q; q++) sum[p][q] += from[p][c] * v[q];
                    }
                }
        }
        UNROLL
        for (int p = 0; p < P; p++) UNROLL
        for (int q = 0; q < Q; q++) {
            ulong to = at[p] + (ulong)q * whole * X;
            if (tile * Q + q >= ocb) continue;
            vec z = sum[p][q];
            if (has_residual) z += load_vec(residual + residual_offset + to);
            store_vec(activate_as(activation, z, alpha, beta), y + y_offset + to);
        }
    }
}
