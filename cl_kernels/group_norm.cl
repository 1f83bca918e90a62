/* Computes       y = (x - mean) / sqrt(variance + epsilon) * scale + bias with the statistics of
 *                each group of neighbouring channels; with one channel a group, instance
 *                normalisation
 * Layouts        x, y (batch, channels, spatial), seen as (groups, size); scale, bias (channels)
 * Launch         _statistics: 1-D, one work-item for each group, two passes: the mean, then the
 *                mean of squared differences; _apply: 1-D, one work-item for each element
 * Defines        ACTIVATION
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         Wu and He, Group Normalization, 2018 */

acc group_norm_sum(__global const real *x, int n);
acc group_norm_sum(__global const real *x, int n) {
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) sums += load8(x + i);
    acc sum = sum8(sums);
    for (; i < n; i++) sum += x[i];
    return sum;
}

/* The sum of squared differences from the mean. */
acc group_norm_spread(__global const real *x, int n, acc mean);
acc group_norm_spread(__global const real *x, int n, acc mean) {
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

/* statistics (groups, 2): mean, 1 / sqrt(variance + epsilon) */
__kernel void group_norm_statistics(int groups, int size, float epsilon, __global const real *x,
                                    ulong x_offset, __global float *statistics,
                                    ulong statistics_offset) {
    int group = get_global_id(0);
    if (group >= groups) return;
    x += x_offset + (size_t)group * (size_t)size;
    acc mean = group_norm_sum(x, size) / (float)size;
    acc squares = group_norm_spread(x, size, mean);
    statistics += statistics_offset;
    statistics[2 * group] = mean;
    statistics[2 * group + 1] = 1 / sqrt(squares / (float)size + epsilon);
}

__kernel void group_norm_apply(int elements, int size, int channels, int spatial,
                               __global const real *x, ulong x_offset, __global const real *scale,
                               ulong scale_offset, __global const real *bias, ulong bias_offset,
                               __global const float *statistics, ulong statistics_offset,
                               float alpha, float beta, __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= elements) return;
    int group = i / size, c = i / spatial % channels;
    statistics += statistics_offset;
    acc normal = (x[x_offset + i] - statistics[2 * group]) * statistics[2 * group + 1];
    acc sum = normal * scale[scale_offset + c] + bias[bias_offset + c];
    y[y_offset + i] = activate(sum, alpha, beta);
}
