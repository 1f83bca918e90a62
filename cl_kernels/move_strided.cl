/* Computes:     y[sum i_k t_k] = x[sum i_k s_k] for every place (i_0, ..., i_7) of a grid: Transpose,
 *               Slice, Expand, Tile, one piece of Concat or Split, DepthToSpace, plain copies.
 * Layouts:      none of its own: strides are in elements and may be 0 or negative.
 * Launch:       global 0: one work-item for each `vec` elements (1, 4 or 16) that lie together in x
 *               and in y.
 * Defines:      T: a type of the element's size (uchar, ushort, uint, ulong); AXES: 1 to 8, the last
 *               AXES of the eight sizes count.
 * Local memory: none
 * Truth:        lib/reference/move.c, lib/reference/slice.c
 * Source:       none */

#ifndef AXES
#define AXES 8
#endif

__kernel void move_strided(int items, int vec, int n0, int n1, int n2, int n3, int n4, int n5,
                           int n6, int n7, int s0, int s1, int s2, int s3, int s4, int s5, int s6,
                           int s7, int t0, int t1, int t2, int t3, int t4, int t5, int t6, int t7,
                           __global const T *x, ulong x_offset, __global T *y, ulong y_offset) {
    const int size[8] = {n0, n1, n2, n3, n4, n5, n6, n7};
    const int from_stride[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
    const int to_stride[8] = {t0, t1, t2, t3, t4, t5, t6, t7};
    int rest = (int)get_global_id(0), from = 0, to = 0;
    if (rest >= items) return;
    for (int k = 7; k > 8 - AXES; k--) {
        int at = rest % size[k];
        rest /= size[k];
        from += at * from_stride[k];
        to += at * to_stride[k];
    }

    /* What is left is the place on the slowest axis. */
    x += (long)x_offset + from + rest * from_stride[8 - AXES];
    y += (long)y_offset + to + rest * to_stride[8 - AXES];
    /* `vec` is the same for all work-items: a branch that costs nothing. */
    if (vec == 16) vstore16(vload16(0, x), 0, y);
    else if (vec == 4) vstore4(vload4(0, x), 0, y);
    else *y = *x;
}
