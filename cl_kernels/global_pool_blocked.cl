/* Computes       max or average of each whole plane of channel blocks
 * Layouts        x (planes, size, X), y (planes, 1, X); planes = batch * channel blocks
 * Launch         1-D, `run` planes for each work-item
 * Defines        AVERAGE 0 or 1; X: channels of a block; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/pool.c
 * Source         the ONNX standard, GlobalMaxPool, GlobalAveragePool */

#ifndef AVERAGE
#define AVERAGE 0
#endif

enum { CHAINS = 4 }; /* independent sums: additions wait for each other */

/* NaN is larger than everything: one of the two orders of comparison keeps it. */
INLINE vec global_pool_blocked_join(vec sum, vec v) {
    if (AVERAGE) return sum + v;
    vec_int a = JOIN(as_int, X)(sum > v ? sum : v), b = JOIN(as_int, X)(v > sum ? v : sum);
    return JOIN(as_float, X)(a | b);
}

__kernel void global_pool_blocked(int planes, int run, int size, __global const real *x,
                                  ulong x_offset, float alpha, float beta, __global real *y,
                                  ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(planes, first + run);
    for (int plane = first; plane < last; plane++) {
        __global const real *at = x + x_offset + (size_t)plane * (size_t)size * X;
        vec sum[CHAINS];
        int i = 0;
        UNROLL
        for (int k = 0; k < CHAINS; k++) sum[k] = AVERAGE ? 0 : -INFINITY;
        for (; i + CHAINS <= size; i += CHAINS) {
            UNROLL
            for (int k = 0; k < CHAINS; k++)
                sum[k] = global_pool_blocked_join(sum[k], load_vec(at + (i + k) * X));
        }
        for (; i < size; i++) sum[0] = global_pool_blocked_join(sum[0], load_vec(at + i * X));
        UNROLL
        for (int k = 1; k < CHAINS; k++) sum[0] = global_pool_blocked_join(sum[0], sum[k]);
        if (AVERAGE) sum[0] /= (float)size;
        store_vec(activate_vec(sum[0], alpha, beta), y + y_offset + (size_t)plane * X);
    }
}
