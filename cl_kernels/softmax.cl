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
    acc8 largest = best;
    int k = 0;
    for (; inner == 1 && k + 8 <= size; k += 8) {
        acc8 v = load8(x + k);
        largest = select(v, largest, v <= largest || isnan(largest));
    }
    for (; k < size; k++) best = x[k * inner] <= best || isnan(best) ? best : x[k * inner];
    acc lanes[8];
    vstore8(largest, 0, lanes);
    for (int i = 0; i < 8; i++) best = lanes[i] <= best || isnan(best) ? best : lanes[i];
    return best;
}

/* sum exp(x - largest) */
acc softmax_sum(__global const real *x, int size, int inner, acc largest);
acc softmax_sum(__global const real *x, int size, int inner, acc largest) {
    acc8 sums = 0;
    int k = 0;
    for (; inner == 1 && k + 8 <= size; k += 8) sums += exp(load8(x + k) - largest);
    acc sum = sum8(sums);
    for (; k < size; k++) sum += exp(x[k * inner] - largest);
    return sum;
}

__kernel void softmax(int rows, int size, int inner, __global const real *x, ulong x_offset,
                      __global real *y, ulong y_offset) {
    int row = get_global_id(0), k = 0;
    if (row >= rows) return;
    size_t start = (size_t)(row / inner) * (size_t)(size * inner) + row % inner;
    x += x_offset + start;
    y += y_offset + start;
    acc largest = softmax_largest(x, size, inner);
    acc sum = softmax_sum(x, size, inner, largest);
    for (; inner == 1 && k + 8 <= size; k += 8)
        vstore8(exp(load8(x + k) - largest) / sum, 0, y + k);
    for (; k < size; k++) y[k * inner] = exp(x[k * inner] - largest) / sum;
}

__kernel void softmax_log(int rows, int size, int inner, __global const real *x, ulong x_offset,
                          __global real *y, ulong y_offset) {
    int row = get_global_id(0), k = 0;
    if (row >= rows) return;
    size_t start = (size_t)(row / inner) * (size_t)(size * inner) + row % inner;
    x += x_offset + start;
    y += y_offset + start;
    acc largest = softmax_largest(x, size, inner);
    acc log_sum = log(softmax_sum(x, size, inner, largest));
    for (; inner == 1 && k + 8 <= size; k += 8)
        vstore8((load8(x + k) - largest) - log_sum, 0, y + k);
    for (; k < size; k++) y[k * inner] = (x[k * inner] - largest) - log_sum;
}

/* Of equal elements the first counts. */
__kernel void softmax_hard(int rows, int size, int inner, __global const real *x, ulong x_offset,
                           __global real *y, ulong y_offset) {
    int row = get_global_id(0);
    if (row >= rows) return;
    size_t start = (size_t)(row / inner) * (size_t)(size * inner) + row % inner;
    x += x_offset + start;
    y += y_offset + start;
    acc largest = softmax_largest(x, size, inner);
    bool found = false;
    for (int k = 0; k < size; k++) {
        bool hit = !found && (x[k * inner] == largest || isnan(x[k * inner]));
        y[k * inner] = hit;
        found = found || hit;
    }
}
