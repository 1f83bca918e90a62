/* Computes     nothing that a network needs: arithmetic and memory traffic whose cost and result are known.
 *              measure_peak: CHAINS recurrences a = a * b + c for each lane, and their sum.
 *              measure_read, measure_strided, measure_random: sums of x. measure_copy: y = x.
 *              measure_triad: z = x * 3 + y. measure_empty: nothing.
 * Layouts      x, y, z: one dimension, read as vectors of WIDTH floats
 * Launch       one dimension. A work-item takes `count` vectors from jump * id on, `stride` apart: (jump,
 *              stride) = (count, 1) gives each its own stretch, (1, number of work-items) interleaves
 *              them. measure_strided and measure_random take `count` single floats.
 * Defines      WIDTH 1, 2, 4, 8 or 16: floats of a vector; V: its type (float, float2, ..., float16)
 * Local memory none
 * Truth        the host fills x and y with ones, so that sums are counts: lib/plan/measure_kernels.c
 * Source       the triad is that of STREAM (McCalpin 1995) */
#ifndef WIDTH
#define WIDTH 1
#endif
#ifndef V
#define V float
#endif

#define CHAINS 12 /* enough to fill two FMA units of latency 4 and 5, few enough for 16 registers */
#define STEPS  4  /* of each chain in one round, so that the loop itself costs nothing */

__kernel void measure_peak(int rounds, float start, float b, float c, __global float *y,
                           ulong y_offset) {
    V a[CHAINS];
#pragma unroll
    for (int k = 0; k < CHAINS; k++) a[k] = (V)(start + k);
    for (int i = 0; i < rounds; i++) {
#pragma unroll
        for (int s = 0; s < STEPS; s++) {
#pragma unroll
            for (int k = 0; k < CHAINS; k++) a[k] = a[k] * b + c;
        }
    }
    V sum = a[0];
#pragma unroll
    for (int k = 1; k < CHAINS; k++) sum += a[k];
    ((__global V *)(y + y_offset))[get_global_id(0)] = sum;
}

__kernel void measure_read(int count, int jump, int stride, __global const float *x, ulong x_offset,
                           __global float *y, ulong y_offset) {
    __global const V *from = (__global const V *)(x + x_offset) + get_global_id(0) * (size_t)jump;
    size_t next = (size_t)stride;
    V sum[4] = {(V)(0), (V)(0), (V)(0), (V)(0)}; /* four chains of additions; count % 4 is 0 */
    for (int i = 0; i < count; i += 4, from += 4 * next) {
        sum[0] += from[0];
        sum[1] += from[next];
        sum[2] += from[2 * next];
        sum[3] += from[3 * next];
    }
    ((__global V *)(y + y_offset))[get_global_id(0)] = sum[0] + sum[1] + sum[2] + sum[3];
}

__kernel void measure_copy(int count, int jump, int stride, __global const float *x, ulong x_offset,
                           __global float *y, ulong y_offset) {
    size_t at = get_global_id(0) * (size_t)jump;
    __global const V *from = (__global const V *)(x + x_offset) + at;
    __global V *to = (__global V *)(y + y_offset) + at;
    for (int i = 0; i < count; i++) to[i * (size_t)stride] = from[i * (size_t)stride];
}

__kernel void measure_triad(int count, int jump, int stride, __global const float *x,
                            ulong x_offset, __global const float *y, ulong y_offset,
                            __global float *z, ulong z_offset) {
    size_t at = get_global_id(0) * (size_t)jump;
    __global const V *a = (__global const V *)(x + x_offset) + at;
    __global const V *b = (__global const V *)(y + y_offset) + at;
    __global V *to = (__global V *)(z + z_offset) + at;
    for (int i = 0; i < count; i++)
        to[i * (size_t)stride] = a[i * (size_t)stride] * 3.0f + b[i * (size_t)stride];
}

__kernel void measure_strided(int count, int jump, int stride, __global const float *x,
                              ulong x_offset, __global float *y, ulong y_offset) {
    __global const float *from = x + x_offset + get_global_id(0) * (size_t)jump;
    float sum[4] = {0, 0, 0, 0};
    size_t next = (size_t)stride;
    for (int i = 0; i < count; i += 4, from += 4 * next) {
        sum[0] += from[0];
        sum[1] += from[next];
        sum[2] += from[2 * next];
        sum[3] += from[3 * next];
    }
    y[y_offset + get_global_id(0)] = sum[0] + sum[1] + sum[2] + sum[3];
}

/* `mask` + 1 floats, a power of two. The next place does not depend on what was read. */
__kernel void measure_random(int count, int mask, __global const float *x, ulong x_offset,
                             __global float *y, ulong y_offset) {
    uint at = (uint)get_global_id(0) * 2654435761u;
    float sum = 0;
    for (int i = 0; i < count; i++) {
        at = at * 1664525u + 1013904223u;
        sum += x[x_offset + ((at >> 4) & (uint)mask)];
    }
    y[y_offset + get_global_id(0)] = sum;
}

__kernel void measure_empty(void) {}
