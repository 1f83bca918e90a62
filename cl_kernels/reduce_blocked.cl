/* Computes       y[c] = the sum of x over the batch and all pixels, over `divisor`: the gradient of a bias
 * Layouts        x (n, blocks, pixels, X); y (channels); partial sums (parts, blocks, X)
 * Launch         reduce_blocked: global (blocks, parts): part p sums the pixels p * each, ... of all images in one row
 *                reduce_blocked_finish: global (blocks)
 * Defines        X: channels of a block
 * Local memory   none
 * Truth          lib/reference/reduce.c
 * Source         https://onnx.ai/onnx/operators, ReduceSum, ReduceMean */

enum { CHAINS = 4 }; /* sums at a time: one alone waits for each addition */

/* The sum of `count` neighbouring vectors. */
INLINE vec reduce_blocked_run(__global const real *x, int count) {
    vec sum[CHAINS];
    int i = 0;
    UNROLL
    for (int j = 0; j < CHAINS; j++) sum[j] = 0;
    for (; i + CHAINS <= count; i += CHAINS) {
        UNROLL
        for (int j = 0; j < CHAINS; j++) sum[j] += load_vec(x + (ulong)(i + j) * X);
    }
    for (; i < count; i++) sum[0] += load_vec(x + (ulong)i * X);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

__kernel void reduce_blocked(int n, int blocks, int pixels, int each, __global const real *x,
                             ulong x_offset, __global acc *partial, ulong partial_offset) {
    int block = (int)get_global_id(0);
    int i = (int)get_global_id(1) * each, end = min(i + each, n * pixels);
    vec sum = 0;
    while (i < end) {
        int image = i / pixels, first = i % pixels, count = min(pixels - first, end - i);
        ulong plane = (ulong)image * blocks + block;
        sum += reduce_blocked_run(x + x_offset + (plane * pixels + first) * X, count);
        i += count;
    }
    store_vec(sum, partial + partial_offset + (get_global_id(1) * blocks + block) * X);
}

__kernel void reduce_blocked_finish(int parts, int channels, float divisor,
                                    __global const acc *partial, ulong partial_offset,
                                    __global real *y, ulong y_offset) {
    int block = (int)get_global_id(0), blocks = (channels + X - 1) / X;
    vec sum = 0;
    for (int p = 0; p < parts; p++)
        sum += load_vec(partial + partial_offset + ((ulong)p * blocks + block) * X);
    real lane[X];
    store_vec(sum / divisor, lane);
    for (int i = 0; i < min(X, channels - block * X); i++) y[y_offset + block * X + i] = lane[i];
}
