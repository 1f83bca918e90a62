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

/* statistics (groups, 2): mean, 1 / sqrt(variance + epsilon) */
__kernel void group_norm_statistics(int groups, int size, float epsilon, __global const real *x,
                                    ulong x_offset, __global float *statistics,
                                    ulong statistics_offset) {
    int group = get_global_id(0);
    if (group >= groups) return;
    x += x_offset + (size_t)group * (size_t)size;
    acc sum = 0, squares = 0;
    for (int i = 0; i < size; i++) sum += x[i];
    acc mean = sum / (float)size;
    for (int i = 0; i < size; i++) squares += (x[i] - mean) * (x[i] - mean);
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
