/* Computes       softmax, its logarithm, or 1 at the largest element and 0 elsewhere, of each row
 * Layouts        x, y (outer, size, inner): a row has `size` elements with the distance `inner`
 * Launch         1-D, one work-item for each row; rows = outer * inner
 * Defines        none
 * Local memory   none
 * Truth          lib/reference/softmax.c
 * Source         the ONNX standard, Softmax, LogSoftmax, Hardmax */

/* The largest element; NaN is larger than everything. */
acc softmax_largest(__global const real *x, int size, int inner);
acc softmax_largest(__global const real *x, int size, int inner) {
    acc best = x[0];
    for (int k = 1; k < size; k++) best = x[k * inner] <= best || isnan(best) ? best : x[k * inner];
    return best;
}

__kernel void softmax(int rows, int size, int inner, __global const real *x, ulong x_offset,
                      __global real *y, ulong y_offset) {
    int row = get_global_id(0);
    if (row >= rows) return;
    size_t start = (size_t)(row / inner) * (size_t)(size * inner) + row % inner;
    x += x_offset + start;
    y += y_offset + start;
    acc largest = softmax_largest(x, size, inner), sum = 0;
    for (int k = 0; k < size; k++) sum += exp(x[k * inner] - largest);
    for (int k = 0; k < size; k++) y[k * inner] = exp(x[k * inner] - largest) / sum;
}

__kernel void softmax_log(int rows, int size, int inner, __global const real *x, ulong x_offset,
                          __global real *y, ulong y_offset) {
    int row = get_global_id(0);
    if (row >= rows) return;
    size_t start = (size_t)(row / inner) * (size_t)(size * inner) + row % inner;
    x += x_offset + start;
    y += y_offset + start;
    acc largest = softmax_largest(x, size, inner), sum = 0;
    for (int k = 0; k < size; k++) sum += exp(x[k * inner] - largest);
    acc log_sum = log(sum);
    for (int k = 0; k < size; k++) y[k * inner] = (x[k * inner] - largest) - log_sum;
}

/* Of equal elements the first counts. */
__kernel void softmax_hard(int rows, int size, int inner, __global const real *x, ulong x_offset,
                           __global real *y, ulong y_offset) {
    int row = get_global_id(0);
    if (row >= rows) return;
    size_t start = (size_t)(row / inner) * (size_t)(size * inner) + row % inner;
    x += x_offset + start;
    y += y_offset + start;
    int best = 0;
    for (int k = 1; k < size; k++) {
        acc top = x[best * inner];
        best = x[k * inner] <= top || isnan(top) ? best : k;
    }
    for (int k = 0; k < size; k++) y[k * inner] = k == best;
}
