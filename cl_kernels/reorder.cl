/* reorder: copies between a plain tensor and channel blocks.
 *
 * Computes:     y = x
 * Layouts:      plain (n, c, pixels), blocked (n, ceil(c / X), pixels, X); the lanes past c are written as zeros.
 * Launch:       x: RUN pixels; y: channel block; z: image.
 * Defines:      X 4, 8 or 16; RUN at least 1.
 * Local memory: none.
 * Truth:        lib/reference/shape.c (Identity)
 * Source:       the layout nChwXc of oneDNN. */

__kernel void reorder_to_blocks(int channels, int pixels, __global const real *x, ulong x_offset,
                                __global real *y, ulong y_offset) {
    int first = (int)get_global_id(0) * RUN, block = (int)get_global_id(1);
    int blocks = (channels + X - 1) / X, here = min(X, channels - block * X);
    ulong image = get_global_id(2);
    x += x_offset + (image * channels + block * X) * pixels;
    y += y_offset + (image * blocks + block) * pixels * X;
    for (int i = first; i < min(first + RUN, pixels); i++)
        for (int c = 0; c < X; c++) y[(ulong)i * X + c] = c < here ? x[(ulong)c * pixels + i] : 0;
}

__kernel void reorder_to_plain(int channels, int pixels, __global const real *x, ulong x_offset,
                               __global real *y, ulong y_offset) {
    int first = (int)get_global_id(0) * RUN, block = (int)get_global_id(1);
    int blocks = (channels + X - 1) / X, here = min(X, channels - block * X);
    ulong image = get_global_id(2);
    x += x_offset + (image * blocks + block) * pixels * X;
    y += y_offset + (image * channels + block * X) * pixels;
    for (int c = 0; c < here; c++)
        for (int i = first; i < min(first + RUN, pixels); i++)
            y[(ulong)c * pixels + i] = x[(ulong)i * X + c];
}
