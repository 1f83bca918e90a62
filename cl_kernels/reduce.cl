/* Computes       y[o] = finish(sum, largest, ... of term(x[i])) over the elements of x behind output o
 * Layouts        y dense (k0, k1, k2, k3); x is walked with the strides s0.. of the kept dimensions and
 *                t0.. of the reduced dimensions (r0, r1, r2, r3), in elements
 * Launch         global (outputs): one output each, its terms one after the other
 * Defines        OP: an enumerator below
 * Local memory   none
 * Truth          lib/reference/reduce.c
 * Source         https://onnx.ai/onnx/operators, Reduce* */

enum { SUM, MEAN, MAX, MIN, PROD, SUM_SQUARE, L1, L2, LOG_SUM, LOG_SUM_EXP };

#ifndef OP
#define OP SUM
#endif

acc reduce_term(acc x, acc shift);
acc reduce_term(acc x, acc shift) {
    switch (OP) {
    case SUM_SQUARE:
    case L2: return x * x;
    case L1: return fabs(x);
    case LOG_SUM_EXP: return exp(x - shift);
    default: return x;
    }
}

/* NaN wins over every number, as in numpy. */
acc reduce_combine(acc a, acc b, int op);
acc reduce_combine(acc a, acc b, int op) {
    switch (op) {
    case MAX: return a > b || a != a ? a : b;
    case MIN: return a < b || a != a ? a : b;
    case PROD: return a * b;
    default: return a + b;
    }
}

acc reduce_finish(acc sum, int terms, acc shift);
acc reduce_finish(acc sum, int terms, acc shift) {
    switch (OP) {
    case MEAN: return sum / (acc)terms;
    case L2: return sqrt(sum);
    case LOG_SUM: return log(sum);
    case LOG_SUM_EXP: return shift + log(sum);
    default: return sum;
    }
}

__kernel void reduce(int outputs, int k1, int k2, int k3, int s0, int s1, int s2, int s3, int r0,
                     int r1, int r2, int r3, int t0, int t1, int t2, int t3, __global const real *x,
                     ulong x_offset, __global real *y, ulong y_offset) {
    int o = (int)get_global_id(0);
    if (o >= outputs) return;
    x += x_offset + (ulong)(o / k3 / k2 / k1) * s0 + (ulong)(o / k3 / k2 % k1) * s1 +
         (ulong)(o / k3 % k2) * s2 + (ulong)(o % k3) * s3;
    acc start = OP == PROD ? 1.0f : OP == MAX ? -INFINITY : OP == MIN ? INFINITY : 0.0f;
    acc shift = 0.0f, sum = start;
    if (OP == LOG_SUM_EXP) { /* the largest term keeps exp in range */
        shift = -INFINITY;
        for (int a = 0; a < r0; a++)
            for (int b = 0; b < r1; b++)
                for (int c = 0; c < r2; c++)
                    for (int d = 0; d < r3; d++)
                        shift = reduce_combine(shift, x[a * t0 + b * t1 + c * t2 + d * t3], MAX);
        shift = isinf(shift) ? 0.0f : shift;
    }
    for (int a = 0; a < r0; a++)
        for (int b = 0; b < r1; b++)
            for (int c = 0; c < r2; c++)
                for (int d = 0; d < r3; d++) {
                    acc term = reduce_term(x[a * t0 + b * t1 + c * t2 + d * t3], shift);
                    sum = reduce_combine(sum, term, OP);
                }
    y[y_offset + o] = reduce_finish(sum, r0 * r1 * r2 * r3, shift);
}
