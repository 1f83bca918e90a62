/* Computes       y = (x - mean) / sqrt(variance + epsilon) * scale + bias with the statistics of
 *                each row; also the mean and the inverse deviation
 * Layouts        x, y (rows, size); mean, inverse (rows). scale and bias broadcast to x: element i
 *                of x, seen as (outer, middle, inner) with their own sizes, takes element
 *                outer * s0 + middle * s1 + inner * s2
 * Launch         _statistics: 1-D, one work-item for each row, two passes: the mean, then the mean
 *                of squared differences; _apply: 1-D, one work-item for each element
 * Defines        HAS_BIAS (0, 1); ACTIVATION
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         Ba, Kiros and Hinton, Layer Normalization, 2016 */

acc layer_norm_sum(__global const real *x, int n);
acc layer_norm_sum(__global const real *x, int n) {
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) sums += load8(x + i);
    acc sum = sum8(sums);
    for (; i < n; i++) sum += x[i];
    return sum;
}

/* The sum of squared differences from the mean. */
acc layer_norm_spread(__global const real *x, int n, acc mean);
acc layer_norm_spread(__global const real *x, int n, acc mean) {
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

__kernel void layer_norm_statistics(int rows, int size, float epsilon, __global const real *x,
                                    ulong x_offset, __global real *means, ulong means_offset,
                                    __global real *inverses, ulong inverses_offset) {
    int row = get_global_id(0);
    if (row >= rows) return;
    x += x_offset + (size_t)row * (size_t)size;
    acc mean = layer_norm_sum(x, size) / (float)size;
    acc squares = layer_norm_spread(x, size, mean);
    means[means_offset + row] = mean;
    inverses[inverses_offset + row] = 1 / sqrt(squares / (float)size + epsilon);
}

int layer_norm_index(int i, int middle, int inner, int s0, int s1, int s2);
int layer_norm_index(int i, int middle, int inner, int s0, int s1, int s2) {
    return i / (middle * inner) * s0 + i / inner % middle * s1 + i % inner * s2;
}

__kernel void layer_norm_apply(int elements, int size, int scale_middle, int scale_inner,
                               int scale_s0, int scale_s1, int scale_s2, int bias_middle,
                               int bias_inner, int bias_s0, int bias_s1, int bias_s2,
                               __global const real *x, ulong x_offset, __global const real *scale,
                               ulong scale_offset, __global const real *bias, ulong bias_offset,
                               __global const real *means, ulong means_offset,
                               __global const real *inverses, ulong inverses_offset, float alpha,
                               float beta, __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= elements) return;
    int at = layer_norm_index(i, scale_middle, scale_inner, scale_s0, scale_s1, scale_s2);
    acc normal =
        (x[x_offset + i] - means[means_offset + i / size]) * inverses[inverses_offset + i / size];
    acc sum = normal * scale[scale_offset + at];
    at = layer_norm_index(i, bias_middle, bias_inner, bias_s0, bias_s1, bias_s2);
    if (HAS_BIAS) sum += bias[bias_offset + at];
    y[y_offset + i] = activate(sum, alpha, beta);
}
