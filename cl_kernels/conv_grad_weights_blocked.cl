/* conv_grad_weights_blocked: the gradient of a convolution's weights from channel blocks, for devices whose
 * work-items have vectors of their own.
 *
 * Computes:     dw[o][c][k] = sum over images and output pixels p of dy[o][p] * x[c][p * stride - pad + k * dilation], taps
 *               that lie in the padding passed over. Each of `parts` groups of lines has sums of its own, which
 *               a second launch adds up in order.
 * Layouts:      dy (n, groups*ocb, oh, ow, X). x: channel c of a group at c / lanes * plane + c % lanes of its image
 *               and group, a pixel's channels being `size` numbers apart: (n, groups*icb, ih, iw, X) with lanes = size = X; or
 *               the rows of conv_shallow.cl, whose pixels' channels and neighbours in a row of the window are one
 *               run of kw * ic "channels" (lanes = ic = the run, size = channels of x, kw = 1).
 *               A line is a run of `segment` pixels of an output row, or the rest of the row.
 *               Sums (parts, groups, tiles of Q blocks, tiles of C channels, kh * kw, C, Q*X). dw (groups*oc, ic, kh, kw).
 * Launch:       x: run of `each` tiles of output channel blocks, times groups; y: part. One work-item a group. It goes
 *               through its lines `chunk` at a time; for each tile and tap C channels by Q blocks are in registers.
 *               conv_grad_weights_blocked_finish: x: tile of channels; y: tile of blocks, times groups.
 * Defines:      X 4, 8 or 16; C channels and Q blocks of the register tile; TAPS most taps of a row of the window.
 * Local memory: none.
 * Truth:        lib/reference/conv_grad.c
 * Source:       Georganas et al. 2018, "Anatomy of high-performance deep learning convolutions on SIMD architectures",
 *               section II-J. */
#ifndef C
#define C 6
#endif
#ifndef Q
#define Q 2
#endif
#ifndef TAPS
#define TAPS 16
#endif

/* sum += x (C channels, `step` apart from pixel to pixel) times dy (Q blocks) for `count` pixels. */
INLINE void conv_grad_weights_blocked_line(int count, ulong step, __global const real *const *x,
                                           ulong block, __global const real *dy, vec sum[C][Q]) {
    __global const real *from[C];
    UNROLL
    for (int c = 0; c < C; c++) from[c] = x[c];
    for (ulong t = 0, k = 0; t < (ulong)count * X; t += X, k += step) {
        vec v[Q];
        UNROLL
        for (int q = 0; q < Q; q++) v[q] = load_vec(dy + q * block + t);
        UNROLL
        for (int c = 0; c < C; c++) UNROLL
        for (int q = 0; q < Q; q++) sum[c][q] += from[c][k] * v[q];
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void conv_grad_weights_blocked(
    int n, int groups, int ic, int lanes, int size, int plane, int blocks, int ih, int iw, int ocb,
    int oh, int ow, int kh, int kw, int sh, int sw, int dh, int dw, int ph, int pw, int each,
    int segment, int chunk, int lines_each, __global const real *x, ulong x_offset,
    __global const real *dy, ulong dy_offset, __global real *sums, ulong sums_offset) {
    int tiles = (ocb + Q - 1) / Q, runs = (tiles + each - 1) / each, item = (int)get_global_id(0);
    int group = item / runs, first_tile = item % runs * each;
    int last_tile = min(first_tile + each, tiles), channel_tiles = (ic + C - 1) / C;
    int segments = (ow + segment - 1) / segment, lines = oh * segments;
    int begin = (int)get_global_id(1) * lines_each, end = min(begin + lines_each, n * lines);
    ulong pixels = (ulong)oh * ow, tile_sums = (ulong)channel_tiles * kh * kw * (C * Q * X);
    x += x_offset;
    dy += dy_offset;
    sums += sums_offset + (get_global_id(1) * groups + group) * tiles * tile_sums;
    int low[TAPS], high[TAPS]; /* columns whose tap lies in the input */
    for (int j = 0; j < kw; j++) {
        int shift = pw - j * dw;
        low[j] = shift > 0 ? (shift + sw - 1) / sw : 0;
        high[j] = iw - 1 + shift < 0 ? 0 : min(ow, (iw - 1 + shift) / sw + 1);
    }

    for (int line = begin, next; line < end; line = next) {
        int image = line / lines, in_image = line % lines;
        next = min(min(line + chunk, end), (image + 1) * lines);
        __global const real *from = x + (ulong)(image * groups + group) * blocks * plane;
        __global const real *grads = dy + (ulong)(image * groups + group) * ocb * pixels * X;
        for (int ct = 0; ct < channel_tiles; ct++) {
            __global const real *channel[C];
            UNROLL
            for (int c = 0; c < C; c++) {
                int at = min(ct * C + c, ic - 1); /* past the last channel: it again, for nothing */
                channel[c] = from + (ulong)(at / lanes) * plane + at % lanes;
            }
            for (int tile = first_tile; tile < last_tile; tile++) {
                /* past the last block: it again */
                ulong block = min(tile * Q + Q, ocb) - tile * Q == Q ? pixels * X : 0;
                for (int tap = 0; tap < kh * kw; tap++) {
                    int i = tap / kw, j = tap % kw;
                    __global real *to =
                        sums + tile * tile_sums + (ulong)(ct * kh * kw + tap) * (C * Q * X);
                    vec sum[C][Q];
                    UNROLL
                    for (int c = 0; c < C; c++) UNROLL
                    for (int q = 0; q < Q; q++)
                        sum[c][q] = line == begin ? 0 : load_vec(to + (c * Q + q) * X);
                    for (int l = in_image; l < in_image + next - line; l++) {
                        int h = l / segments, w = l % segments * segment;
                        int row = h * sh - ph + i * dh, last = min(high[j], w + segment);
                        int column = max(low[j], w);
                        if ((uint)row >= (uint)ih || column >= last) continue;
                        __global const real *place[C];
                        UNROLL
                        for (int c = 0; c < C; c++)
                            place[c] =
                                channel[c] + ((ulong)row * iw + column * sw - pw + j * dw) * size;
                        conv_grad_weights_blocked_line(
                            last - column, (ulong)sw * size, place, block,
                            grads + ((ulong)tile * Q * pixels + (ulong)h * ow + column) * X, sum);
                    }
                    UNROLL
                    for (int c = 0; c < C; c++) UNROLL
                    for (int q = 0; q < Q; q++) store_vec(sum[c][q], to + (c * Q + q) * X);
                }
            }
        }
    }
}

/* `mixed`: channel c of the sums is tap c / mixed of a row of the window and channel c % mixed of the
 * filter; 0: they are what they are called. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights_blocked_finish(int parts, int groups, int ic, int oc, int taps, int mixed,
                                 __global real *sums, ulong sums_offset, __global real *dw,
                                 ulong dw_offset) {
    int channel_tiles = (ic + C - 1) / C, tiles = (oc + Q * X - 1) / (Q * X);
    int ct = (int)get_global_id(0), item = (int)get_global_id(1);
    int group = item / tiles, tile = item % tiles;
    ulong size = (ulong)taps * (C * Q * X), at = (ulong)item * channel_tiles + ct;
    ulong part = (ulong)groups * tiles * channel_tiles * size;
    int channels = min(C, ic - ct * C), filter = ic * taps;
    sums += sums_offset + at * size;
    for (ulong i = 0; i < size && parts > 1; i += X) {
        vec sum = load_vec(sums + i);
        for (int p = 1; p < parts; p++) sum += load_vec(sums + p * part + i);
        store_vec(sum, sums + i);
    }
    for (int o = 0; o < min(Q * X, oc - tile * Q * X); o++) {
        __global real *to = dw + dw_offset + (ulong)(group * oc + tile * Q * X + o) * filter;
        for (int c = 0; c < channels; c++)
            for (int t = 0; t < taps; t++) {
                int channel = ct * C + c;
                int place = mixed ? (channel % mixed * taps + t) * (ic / mixed) + channel / mixed
                                  : channel * taps + t;
                to[place] = sums[(t * C + c) * (Q * X) + o];
            }
    }
}
