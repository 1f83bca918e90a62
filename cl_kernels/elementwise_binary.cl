/* Computes       y = f(a, b), element by element with numpy broadcasting; then y / divisor if DIVIDE
 * Layouts        y dense (d0, d1, d2, d3); a and b are read with the strides a0.., b0.. (elements; 0
 *                repeats); along a row they advance or stand still
 * Launch         global (ceil(d3 / CHUNK), d0 * d1 * d2): CHUNK elements of a row each
 * Defines        OP: an enumerator below. STEPS: bit 0 if a advances along a row,
 *                bit 1 if b does. DIVIDE: 1 to divide by `divisor` (Mean). ACTIVATION as in common.h
 *                CHUNK: 1 where neighbours read together, more where one work-item walks best
 * Local memory   none
 * Truth          lib/reference/elementwise_binary.c
 * Source         https://onnx.ai/onnx/repo-docs/Broadcasting.html */

enum { ADD, SUB, MUL, DIV, POW, PRELU, MIN, MAX };

#ifndef OP
#define OP ADD
#endif
#ifndef CHUNK
#define CHUNK 1
#endif
#ifndef STEPS
#define STEPS 3
#endif
#ifndef DIVIDE
#define DIVIDE 0
#endif

/* Min and Max: NaN wins, as in numpy. */
float elementwise_binary_apply(float a, float b);
float elementwise_binary_apply(float a, float b) {
    switch (OP) {
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case POW: return pow(a, b);
    case PRELU: return a < 0.0f ? a * b : a;
    case MIN: return a < b || a != a ? a : b;
    case MAX: return a > b || a != a ? a : b;
    default: return a + b;
    }
}

__kernel void elementwise_binary(int d0, int d1, int d2, int d3, int a0, int a1, int a2, int b0,
                                 int b1, int b2, float divisor, __global const real *a,
                                 ulong a_offset, __global const real *b, ulong b_offset,
                                 float alpha, float beta, __global real *y, ulong y_offset) {
    int begin = (int)get_global_id(0) * CHUNK, row = (int)get_global_id(1);
    int end = d3 - begin < CHUNK ? d3 : begin + CHUNK;
    if (begin >= d3 || row >= d0 * d1 * d2) return;
    a += a_offset;
    b += b_offset;
    y += y_offset;
    if (row > 0) {
        int i2 = row % d2, i1 = row / d2 % d1, i0 = row / d2 / d1;
        a += (ulong)i0 * a0 + (ulong)i1 * a1 + (ulong)i2 * a2;
        b += (ulong)i0 * b0 + (ulong)i1 * b1 + (ulong)i2 * b2;
        y += (ulong)row * d3;
    }
    for (int column = begin; column < end; column++) {
        float value =
            elementwise_binary_apply(a[column * (STEPS & 1)], b[column * (STEPS >> 1 & 1)]);
        if (DIVIDE) value /= divisor;
        y[column] = activate(value, alpha, beta);
    }
}
