/* Computes       y = a OP b as a boolean of one byte, with numpy broadcasting: comparisons of numbers of
 *                any type the device has, logic of booleans
 * Layouts        y dense (d0, d1, d2, d3); a and b are read with the strides a0.., b0.. (elements; 0
 *                repeats); along a row they advance or stand still
 * Launch         global (ceil(d3 / CHUNK), d0 * d1 * d2): CHUNK elements of a row each
 * Defines        TYPE: the type of a and b. OP: an enumerator below. STEPS: bit 0 if a
 *                advances along a row, bit 1 if b does
 *                CHUNK: 1 where neighbours read together, more where one work-item walks best
 * Local memory   none
 * Truth          lib/reference/elementwise_binary.c
 * Source         https://onnx.ai/onnx/repo-docs/Broadcasting.html */

enum { EQUAL, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL, AND, OR, XOR };

#ifndef TYPE
#define TYPE float
#endif
#ifndef OP
#define OP EQUAL
#endif
#ifndef CHUNK
#define CHUNK 1
#endif
#ifndef STEPS
#define STEPS 3
#endif

int elementwise_compare_apply(TYPE a, TYPE b);
int elementwise_compare_apply(TYPE a, TYPE b) {
    switch (OP) {
    case GREATER: return a > b;
    case GREATER_OR_EQUAL: return a >= b;
    case LESS: return a < b;
    case LESS_OR_EQUAL: return a <= b;
    case AND: return a != 0 && b != 0;
    case OR: return a != 0 || b != 0;
    case XOR: return (a != 0) != (b != 0);
    default: return a == b;
    }
}

__kernel void elementwise_compare(int d0, int d1, int d2, int d3, int a0, int a1, int a2, int b0,
                                  int b1, int b2, __global const TYPE *a, ulong a_offset,
                                  __global const TYPE *b, ulong b_offset, __global uchar *y,
                                  ulong y_offset) {
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
        y[column] = elementwise_compare_apply(a[column * (STEPS & 1)], b[column * (STEPS >> 1 & 1)])
                        ? 1
                        : 0;
    }
}
