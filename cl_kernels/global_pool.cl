/* Computes       max, average or power (Lp) of each whole plane
 * Layouts        x (planes, size), y (planes); planes = batch * channels, size = spatial elements
 * Launch         1-D, one work-item for each plane
 * Defines        ACTIVATION
 * Local memory   none
 * Truth          lib/reference/pool.c
 * Source         the ONNX standard, GlobalMaxPool, GlobalAveragePool, GlobalLpPool */

__kernel void global_pool_max(int planes, int size, __global const real *x, ulong x_offset,
                              float alpha, float beta, __global real *y, ulong y_offset) {
    int plane = get_global_id(0);
    if (plane >= planes) return;
    x += x_offset + (size_t)plane * (size_t)size;
    acc best = x[0]; /* NaN is larger than everything */
    acc8 largest = best;
    int i = 0;
    for (; i + 8 <= size; i += 8) {
        acc8 v = load8(x + i);
        largest = select(v, largest, v <= largest || isnan(largest));
    }
    for (; i < size; i++) best = x[i] <= best || isnan(best) ? best : x[i];
    acc lanes[8];
    vstore8(largest, 0, lanes);
    for (int k = 0; k < 8; k++) best = lanes[k] <= best || isnan(best) ? best : lanes[k];
    y[y_offset + plane] = activate(best, alpha, beta);
}

__kernel void global_pool_average(int planes, int size, __global const real *x, ulong x_offset,
                                  float alpha, float beta, __global real *y, ulong y_offset) {
    int plane = get_global_id(0);
    if (plane >= planes) return;
    x += x_offset + (size_t)plane * (size_t)size;
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= size; i += 8) sums += load8(x + i);
    acc sum = sum8(sums);
    for (; i < size; i++) sum += x[i];
    y[y_offset + plane] = activate(sum / (float)size, alpha, beta);
}

/* (sum |x|^p)^(1/p) */
__kernel void global_pool_lp(int planes, int size, float p, float inverse_p, __global const real *x,
                             ulong x_offset, float alpha, float beta, __global real *y,
                             ulong y_offset) {
    int plane = get_global_id(0);
    if (plane >= planes) return;
    x += x_offset + (size_t)plane * (size_t)size;
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= size; i += 8) {
        acc8 tap = fabs(load8(x + i));
        sums += p == 1 ? tap : p == 2 ? tap * tap : pow(tap, p);
    }
    acc sum = sum8(sums);
    for (; i < size; i++) {
        acc tap = fabs(x[i]);
        sum += p == 1 ? tap : p == 2 ? tap * tap : pow(tap, p);
    }
    acc root = p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, inverse_p);
    y[y_offset + plane] = activate(root, alpha, beta);
}
