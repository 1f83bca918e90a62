/* Computes:     y[o_0, ..., o_7] = x[sum f(o_k - begin_k) * stride_k], where f maps a place outside the
 *               axis into it (edge, reflect, wrap), or y is the padding value (constant).
 * Layouts:      y dense; x by strides in elements, `extent` elements of each axis.
 * Launch:       global 0: one work-item for each element of y.
 *               mode: 0 constant, 1 edge, 2 reflect, 3 wrap; has_value: the padding value is read
 *               from `value`, else it is zero.
 * Defines:      T: a type of the element's size (uchar, ushort, uint, ulong); AXES: 1 to 8, the last
 *               AXES of the eight sizes count.
 * Local memory: none
 * Truth:        lib/reference/slice.c
 * Source:       none */

#ifndef AXES
#define AXES 8
#endif

int pad_place(int mode, int i, int n);

/* The place in [0, n) that i stands for; -1: the padding value. */
int pad_place(int mode, int i, int n) {
    if (i >= 0 && i < n) return i;
    if (mode == 0) return -1;
    if (mode == 1) return i < 0 ? 0 : n - 1;
    int period = mode == 3 ? n : max(2 * (n - 1), 1);
    int k = i % period;
    k = k < 0 ? k + period : k;
    return mode == 2 && k >= n ? period - k : k;
}

__kernel void pad(int items, int mode, int has_value, int n0, int n1, int n2, int n3, int n4,
                  int n5, int n6, int n7, int b0, int b1, int b2, int b3, int b4, int b5, int b6,
                  int b7, int e0, int e1, int e2, int e3, int e4, int e5, int e6, int e7, int s0,
                  int s1, int s2, int s3, int s4, int s5, int s6, int s7, __global const T *x,
                  ulong x_offset, __global const T *value, ulong value_offset, __global T *y,
                  ulong y_offset) {
    const int size[8] = {n0, n1, n2, n3, n4, n5, n6, n7};
    const int begin[8] = {b0, b1, b2, b3, b4, b5, b6, b7};
    const int extent[8] = {e0, e1, e2, e3, e4, e5, e6, e7};
    const int stride[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
    int i = (int)get_global_id(0), rest = i, from = 0;
    bool inside = true;
    if (i >= items) return;
    for (int k = 7; k >= 8 - AXES; k--) {
        int place = pad_place(mode, rest % size[k] - begin[k], extent[k]);
        rest /= size[k];
        inside = inside && place >= 0;
        from += place * stride[k];
    }
    T filler = has_value ? value[value_offset] : 0;
    y[y_offset + (ulong)i] = inside ? x[x_offset + (ulong)from] : filler;
}
