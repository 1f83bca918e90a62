/* conv_pointwise: 1x1 convolution on channel blocks: a matrix product, pixels by channels.
 *
 * Computes:     y = activate(bias + residual + sum over ic of w * x)
 * Layouts:      those of conv_blocked.cl, which packs the weights as well. With stride 1 the pixels may be taken for
 *               one row (ow = pixels).
 * Launch:       x: tile of Q output channel blocks, times groups; y: chunk of `chunk` pixels, x and y exchanged if
 *               `chunks_first`; z: image. One work-item a group: it owns its chunk and holds P pixels by Q blocks in
 *               registers.
 * Defines:      X 4, 8 or 16; P 1 to 28, Q 1 to 4: P * Q accumulators.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication". */
#ifndef P
#define P 6
#endif
#ifndef Q
#define Q 2
#endif

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_pointwise(int groups, int icb, int plane, int iw, int ocb, int pixels, int ow, int sh, int sw,
               int chunk, int chunks_first, int has_residual, int activation, ulong zeros,
               __global const real *x, ulong x_offset, __global const real *packed,
               ulong packed_offset, __global const real *residual, ulong residual_offset,
               float alpha, float beta, __global real *y, ulong y_offset) {
    int tiles = (ocb + Q - 1) / Q, x_id = (int)get_global_id(0), y_id = (int)get_global_id(1);
    int item = chunks_first ? y_id : x_id, row = chunks_first ? x_id : y_id;
    int group = item / tiles, tile = item % tiles, image = (int)get_global_id(2);
    int begin = row * chunk, end = min(begin + chunk, pixels);
    packed += packed_offset;
    __global const real *weights = packed + (ulong)item * icb * (X * Q * X);
    __global const real *bias = packed + zeros - (ulong)(groups * tiles - item) * (Q * X);
    x += x_offset + (ulong)(image * groups + group) * icb * plane * X;
    ulong out = ((ulong)(image * groups + group) * ocb + tile * Q) * pixels * X;
    residual += residual_offset + out;
    y += y_offset + out;

    for (int first = begin; first < end; first += P) {
        int h = first / ow, w0 = first % ow;
        ulong at[P], in[P];
        vec sum[P][Q];
        UNROLL
        for (int p = 0; p < P; p++) {
            in[p] = ((ulong)h * sh * iw + w0 * sw) * X;
            at[p] = ((ulong)h * ow + w0) * X;
            w0 += first + p + 1 < end; /* the last tile does its last pixel again */
            h += w0 == ow;
            w0 = w0 == ow ? 0 : w0;
            UNROLL
            for (int q = 0; q < Q; q++) sum[p][q] = load_vec(bias + q * X);
        }
        __global const real *w = weights;
        for (int b = 0; b < icb; b++, w += X * Q * X) {
            __global const real
                *from[P]; /* one pointer a pixel: channels are constants beside it */
            UNROLL
            for (int p = 0; p < P; p++) from[p] = x + (ulong)b * plane * X + in[p];
            UNROLL
            for (int c = 0; c < X; c++) {
                vec v[Q];
                UNROLL
                for (int q = 0; q < Q; q++) v[q] = load_vec(w + (c * Q + q) * X);
                UNROLL
                for (int p = 0; p < P; p++) {
                    UNROLL
                    for (int q = 0; q < Q; q++) sum[p][q] += from[p][c] * v[q];
                }
            }
        }
        UNROLL
        for (int q = 0; q < Q; q++) {
            ulong block = (ulong)q * pixels * X;
            if (tile * Q + q >= ocb) continue;
            UNROLL
            for (int p = 0; p < P; p++) {
                vec z = sum[p][q];
                if (has_residual) z += load_vec(residual + block + at[p]);
                store_vec(activate_as(activation, z, alpha, beta), y + block + at[p]);
            }
        }
    }
}
