/* Computes       y = (x - mean) * scale / sqrt(variance + epsilon) + bias, with given statistics
 * Layouts        x, y (n, channels, spatial); scale, bias, mean, variance (channels)
 * Launch         1-D, RUN neighbouring elements of a plane for each work-item
 * Defines        ACTIVATION, RUN as in common.h
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         Ioffe and Szegedy, Batch Normalization, 2015 */

__kernel void batch_norm(int planes, int channels, int spatial, float epsilon,
                         __global const real *x, ulong x_offset, __global const real *scale,
                         ulong scale_offset, __global const real *bias, ulong bias_offset,
                         __global const real *mean, ulong mean_offset,
                         __global const real *variance, ulong variance_offset, float alpha,
                         float beta, __global real *y, ulong y_offset) {
    int runs = (spatial + RUN - 1) / RUN, plane = (int)get_global_id(0) / runs;
    int i = (int)get_global_id(0) % runs * RUN, last = min(spatial, i + RUN), c = plane % channels;
    if (plane >= planes) return;
    acc factor = scale[scale_offset + c] / sqrt(variance[variance_offset + c] + epsilon);
    acc middle = mean[mean_offset + c], shift = bias[bias_offset + c];
    x += x_offset + (size_t)plane * (size_t)spatial;
    y += y_offset + (size_t)plane * (size_t)spatial;
    for (; i < last; i++) y[i] = activate((x[i] - middle) * factor + shift, alpha, beta);
}
