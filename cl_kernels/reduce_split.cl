/* Computes       what reduce.cl does, for few outputs of many terms each: `parts` work-items share an
 *                output and leave partial results, which a second launch combines
 * Layouts        as reduce.cl; partial results (outputs, parts)
 * Launch         reduce_split: global (parts, outputs); work-item p takes the terms p, p + parts, ..., or
 *                if CONTIGUOUS the p-th piece of them
 *                reduce_split_finish: global (outputs)
 * Defines        OP: an enumerator below. CONTIGUOUS: 1 where one work-item walks best
 * Local memory   none
 * Truth          lib/reference/reduce.c
 * Source         https://onnx.ai/onnx/operators, Reduce* */

enum { SUM, MEAN, MAX, MIN, PROD, SUM_SQUARE, L1, L2, LOG_SUM };

#ifndef OP
#define OP SUM
#endif
#ifndef CONTIGUOUS
#define CONTIGUOUS 0
#endif

acc reduce_split_term(acc x);
acc reduce_split_term(acc x) {
    switch (OP) {
    case SUM_SQUARE:
    case L2: return x * x;
    case L1: return fabs(x);
    default: return x;
    }
}

/* NaN wins over every number, as in numpy. */
acc reduce_split_combine(acc a, acc b);
acc reduce_split_combine(acc a, acc b) {
    switch (OP) {
    case MAX: return a > b || a != a ? a : b;
    case MIN: return a < b || a != a ? a : b;
    case PROD: return a * b;
    default: return a + b;
    }
}

acc reduce_split_start(void);
acc reduce_split_start(void) {
    return OP == PROD ? 1.0f : OP == MAX ? -INFINITY : OP == MIN ? INFINITY : 0.0f;
}

__kernel void reduce_split(int parts, int terms, int k1, int k2, int k3, int s0, int s1, int s2,
                           int s3, int r1, int r2, int r3, int t0, int t1, int t2, int t3,
                           __global const real *x, ulong x_offset, __global acc *partial,
                           ulong partial_offset) {
    int p = (int)get_global_id(0), o = (int)get_global_id(1);
    x += x_offset + (ulong)(o / k3 / k2 / k1) * s0 + (ulong)(o / k3 / k2 % k1) * s1 +
         (ulong)(o / k3 % k2) * s2 + (ulong)(o % k3) * s3;
    int each = (terms + parts - 1) / parts, i = CONTIGUOUS ? p * each : p;
    int end = CONTIGUOUS && terms - i > each ? i + each : terms;
    acc sum = reduce_split_start();
    while (i < end) { /* a run along the last reduced dimension, or a single term */
        int outer = i / r3, d = i - outer * r3;
        int run = !CONTIGUOUS ? 1 : end - i < r3 - d ? end - i : r3 - d;
        ulong at = (ulong)d * t3 + (ulong)(outer % r2) * t2;
        if (outer >= r2) at += (ulong)(outer / r2 % r1) * t1 + (ulong)(outer / r2 / r1) * t0;
        for (int k = 0; k < run; k++)
            sum = reduce_split_combine(sum, reduce_split_term(x[at + (ulong)k * t3]));
        i += CONTIGUOUS ? run : parts;
    }
    partial[partial_offset + (ulong)o * parts + p] = sum;
}

__kernel void reduce_split_finish(int parts, int terms, __global const acc *partial,
                                  ulong partial_offset, __global real *y, ulong y_offset) {
    int o = (int)get_global_id(0);
    partial += partial_offset + (ulong)o * parts;
    acc sum = reduce_split_start();
    for (int p = 0; p < parts; p++) sum = reduce_split_combine(sum, partial[p]);
    if (OP == MEAN) sum /= (acc)terms;
    if (OP == L2) sum = sqrt(sum);
    if (OP == LOG_SUM) sum = log(sum);
    y[y_offset + o] = sum;
}
