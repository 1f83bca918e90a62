/* Computes:     Resize in mode nearest: y[d][h][w] = x[at(d)][at(h)][at(w)], at(o) = (start + step * o) /
 *               2^40, rounded down and clamped to the axis. The host has found a start and a step that
 *               give the index of the reference at every place.
 * Layouts:      x (outer, id, ih, iw, inner), y (outer, od, oh, ow, inner), dense.
 * Launch:       global 0: one work-item for each element of y.
 *               64-bit numbers come as two ints, *_1 the high and *_0 the low half. Places outside
 *               [first, end) of an axis become the bits of `filler`.
 * Defines:      T: a type of the element's size (uchar, ushort, uint, ulong)
 * Local memory: none
 * Truth:        lib/reference/resize.c
 * Source:       none */

int resize_nearest_at(int o, int in, int start_1, int start_0, int step_1, int step_0);

int resize_nearest_at(int o, int in, int start_1, int start_0, int step_1, int step_0) {
    long start = upsample(start_1, (uint)start_0), step = upsample(step_1, (uint)step_0);
    return (int)clamp((start + step * o) >> 40, 0L, (long)in - 1);
}

__kernel void resize_nearest(int items, int inner, int filler, int id, int od, int d_start_1,
                             int d_start_0, int d_step_1, int d_step_0, int d_first, int d_end,
                             int ih, int oh, int h_start_1, int h_start_0, int h_step_1,
                             int h_step_0, int h_first, int h_end, int iw, int ow, int w_start_1,
                             int w_start_0, int w_step_1, int w_step_0, int w_first, int w_end,
                             __global const T *x, ulong x_offset, __global T *y, ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= items) return;
    int c = i % inner, rest = i / inner;
    int w = rest % ow, h = rest / ow % oh, d = rest / ow / oh % od;
    int outer = rest / ow / oh / od;
    bool inside =
        d >= d_first && d < d_end && h >= h_first && h < h_end && w >= w_first && w < w_end;
    int from_d = resize_nearest_at(d, id, d_start_1, d_start_0, d_step_1, d_step_0);
    int from_h = resize_nearest_at(h, ih, h_start_1, h_start_0, h_step_1, h_step_0);
    int from_w = resize_nearest_at(w, iw, w_start_1, w_start_0, w_step_1, w_step_0);
    int from = (((outer * id + from_d) * ih + from_h) * iw + from_w) * inner + c;
    y[y_offset + (ulong)i] = inside ? x[x_offset + (ulong)from] : (T)filler;
}
