/* Computes       batch normalisation with the statistics of the batch itself, and the new running
 *                mean and variance: old * momentum + new * (1 - momentum)
 * Layouts        x, y (batch, channels, spatial); scale, bias, mean, variance (channels)
 * Launch         _statistics: 1-D, one work-item for each channel, two passes: the mean, then the
 *                mean of squared differences; _apply: 1-D, one work-item for each element
 * Defines        ACTIVATION
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         the ONNX standard, BatchNormalization with training_mode=1
 *
 * has_mean and has_variance: the new running values are wanted. */

acc batch_norm_training_sum(__global const real *x, int n);
acc batch_norm_training_sum(__global const real *x, int n) {
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) sums += load8(x + i);
    acc sum = sum8(sums);
    for (; i < n; i++) sum += x[i];
    return sum;
}

/* The sum of squared differences from the mean. */
acc batch_norm_training_spread(__global const real *x, int n, acc mean);
acc batch_norm_training_spread(__global const real *x, int n, acc mean) {
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        acc8 difference = load8(x + i) - mean;
        sums += difference * difference;
    }
    acc sum = sum8(sums);
    for (; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

/* statistics (channels, 2): mean, 1 / sqrt(variance + epsilon) */
__kernel void batch_norm_training_statistics(
    int batch, int channels, int spatial, int has_mean, int has_variance, float epsilon,
    float momentum, float rest, __global const real *x, ulong x_offset, __global const real *mean,
    ulong mean_offset, __global const real *variance, ulong variance_offset,
    __global float *statistics, ulong statistics_offset, __global real *new_mean,
    ulong new_mean_offset, __global real *new_variance, ulong new_variance_offset) {
    int c = get_global_id(0);
    if (c >= channels) return;
    acc sum = 0, squares = 0;
    float count = (float)(batch * spatial);
    for (int n = 0; n < batch; n++) {
        __global const real *plane = x + x_offset + (size_t)(n * channels + c) * (size_t)spatial;
        sum += batch_norm_training_sum(plane, spatial);
    }
    acc average = sum / count;
    for (int n = 0; n < batch; n++) {
        __global const real *plane = x + x_offset + (size_t)(n * channels + c) * (size_t)spatial;
        squares += batch_norm_training_spread(plane, spatial, average);
    }
    acc spread = squares / count;
    statistics += statistics_offset;
    statistics[2 * c] = average;
    statistics[2 * c + 1] = 1 / sqrt(spread + epsilon);
    if (has_mean) new_mean[new_mean_offset + c] = mean[mean_offset + c] * momentum + average * rest;
    if (has_variance)
        new_variance[new_variance_offset + c] =
            variance[variance_offset + c] * momentum + spread * rest;
}

__kernel void batch_norm_training_apply(int elements, int channels, int spatial,
                                        __global const real *x, ulong x_offset,
                                        __global const real *scale, ulong scale_offset,
                                        __global const real *bias, ulong bias_offset,
                                        __global const float *statistics, ulong statistics_offset,
                                        float alpha, float beta, __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= elements) return;
    int c = i / spatial % channels;
    statistics += statistics_offset;
    acc normal = (x[x_offset + i] - statistics[2 * c]) * statistics[2 * c + 1];
    acc sum = normal * scale[scale_offset + c] + bias[bias_offset + c];
    y[y_offset + i] = activate(sum, alpha, beta);
}
