/* Computes       y = x * factor + shift, with factor = scale / sqrt(variance + epsilon) and
 *                shift = bias - mean * factor, with given statistics
 * Layouts        x, y (n, blocks, pixels, X); scale, bias, mean, variance (channels);
 *                packed (blocks, 2, X): factors, shifts
 * Launch         batch_norm_blocked: 1-D, `run` pixels of all planes for each work-item.
 *                batch_norm_blocked_pack: 1-D, `run` blocks for each work-item
 * Defines        X: channels of a block; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         Ioffe and Szegedy, Batch Normalization, 2015 */

__kernel void batch_norm_blocked_pack(int blocks, int run, int channels, float epsilon,
                                      __global const real *scale, ulong scale_offset,
                                      __global const real *bias, ulong bias_offset,
                                      __global const real *mean, ulong mean_offset,
                                      __global const real *variance, ulong variance_offset,
                                      __global real *packed, ulong packed_offset) {
    int first = (int)get_global_id(0) * run, last = min(blocks, first + run);
    for (int c = first * X; c < last * X; c++) {
        acc factor = 0, shift = 0;
        if (c < channels) {
            factor = scale[scale_offset + c] / sqrt(variance[variance_offset + c] + epsilon);
            shift = bias[bias_offset + c] - mean[mean_offset + c] * factor;
        }
        __global real *to = packed + packed_offset + (size_t)(c / X) * 2 * X + c % X;
        to[0] = factor;
        to[X] = shift;
    }
}

__kernel void batch_norm_blocked(int items, int run, int blocks, int pixels, __global const real *x,
                                 ulong x_offset, __global const real *packed, ulong packed_offset,
                                 float alpha, float beta, __global real *y, ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    x += x_offset;
    y += y_offset;
    for (int i = first; i < last;) {
        int plane = i / pixels, end = min(last, (plane + 1) * pixels);
        __global const real *own = packed + packed_offset + (size_t)(plane % blocks) * 2 * X;
        vec factor = load_vec(own), shift = load_vec(own + X);
        for (; i < end; i++) {
            vec v = load_vec(x + (size_t)i * X) * factor + shift;
            store_vec(activate_vec(v, alpha, beta), y + (size_t)i * X);
        }
    }
}
