/* conv_pack: the weights and the bias of a convolution as conv_strip and conv_blocked read them. A file of its own, so that a
 * network needs few such programs and none of them has a heavy kernel beside it.
 *
 * Computes:     a copy in another order, and what of it is not finite.
 * Layouts:      weights: o, c and tap (i, j) of a group at o * out_step + c * in_step + i * row_step + j * column_step; bias (groups, oc).
 *               packed: weights (groups, tiles of Q blocks, icb, kh, kw, X, Q*X), then bias (groups, tiles, Q*X), zero where
 *               there is no channel; from `zeros` on X zeros; then (groups, tiles, icb): 1 where one of those weights is not
 *               finite, else 0.
 * Launch:       x: input channel block of a group; y: tile, times groups.
 * Defines:      X 4, 8 or 16; Q 1 to 4.
 * Local memory: none.
 * Truth:        lib/reference/conv.c
 * Source:       Georganas et al. 2018, "Anatomy of high-performance deep learning convolutions on SIMD architectures". */
#ifndef Q
#define Q 2
#endif

/* The weights of one input channel and tap for a tile of output channels, of which `lanes` are there. Returns the
 * largest magnitude as the bits of a float: integers in the order of the floats, infinity and NaN the last. */
INLINE uint conv_pack_line(int lanes, int out_step, __global const real *w, __global real *packed) {
    uint largest = 0;
    if (lanes >= Q * X) {
        UNROLL
        for (int o = 0; o < Q * X; o++) {
            packed[o] = w[(ulong)o * out_step];
            largest = max(largest, as_uint(packed[o]) & 0x7fffffff);
        }
    } else {
        for (int o = 0; o < Q * X; o++) {
            packed[o] = o < lanes ? w[(ulong)o * out_step] : 0;
            largest = max(largest, as_uint(packed[o]) & 0x7fffffff);
        }
    }
    return largest;
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_pack(int groups, int ic, int oc, int kh, int kw, int group_step, int out_step, int in_step,
          int row_step, int column_step, int has_bias, ulong zeros, __global const real *w,
          ulong w_offset, __global const real *bias, ulong bias_offset, __global real *packed,
          ulong packed_offset) {
    int blocks = (ic + X - 1) / X, tiles = (oc + Q * X - 1) / (Q * X);
    int block = (int)get_global_id(0), item = (int)get_global_id(1);
    int group = item / tiles, tile = item % tiles;
    int channel = tile * Q * X, lanes = oc - channel, taps = kh * kw;
    packed += packed_offset;
    w += w_offset + (ulong)group * group_step + (ulong)channel * out_step;
    __global real *to = packed + ((ulong)item * blocks + block) * ((ulong)taps * X * Q * X);
    uint largest = 0;
    for (int c = 0; c < X; c++) {
        bool there = block * X + c < ic;
        __global const real *from = w + (ulong)(block * X + c) * in_step;
        for (int i = 0; i < kh; i++)
            for (int j = 0; j < kw; j++)
                largest = max(largest, conv_pack_line(there ? lanes : 0, out_step,
                                                      from + i * row_step + j * column_step,
                                                      to + ((i * kw + j) * X + c) * (Q * X)));
    }
    packed[zeros + X + (ulong)item * blocks + block] = largest >= as_uint(INFINITY);
    if (block > 0) return;
    __global real *add = packed + zeros - (ulong)(groups * tiles - item) * (Q * X);
    for (int o = 0; o < Q * X; o++)
        add[o] = has_bias && o < lanes ? bias[bias_offset + group * oc + channel + o] : 0;
    for (int c = 0; c < X && item == 0; c++) packed[zeros + c] = 0;
}
