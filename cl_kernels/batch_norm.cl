/* Computes       y = (x - mean) * scale / sqrt(variance + epsilon) + bias, with given statistics
 * Layouts        x, y (n, channels, spatial); scale, bias, mean, variance (channels)
 * Launch         1-D, one work-item for each element
 * Defines        ACTIVATION
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         Ioffe and Szegedy, Batch Normalization, 2015 */

__kernel void batch_norm(int elements, int channels, int spatial, float epsilon,
                         __global const real *x, ulong x_offset, __global const real *scale,
                         ulong scale_offset, __global const real *bias, ulong bias_offset,
                         __global const real *mean, ulong mean_offset,
                         __global const real *variance, ulong variance_offset, float alpha,
                         float beta, __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= elements) return;
    int c = i / spatial % channels;
    acc factor = scale[scale_offset + c] / sqrt(variance[variance_offset + c] + epsilon);
    acc sum = (x[x_offset + i] - mean[mean_offset + c]) * factor + bias[bias_offset + c];
    y[y_offset + i] = activate(sum, alpha, beta);
}
