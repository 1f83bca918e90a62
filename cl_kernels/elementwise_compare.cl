/* Computes       y = a OP b as a boolean of one byte, with numpy broadcasting: comparisons of numbers of
 *                any type the device has, logic of booleans
 * Layouts        y dense (d0, d1, d2, d3); a and b are read with the strides a0.., b0.. (elements; 0
 *                repeats); along a row they advance or stand still
 * Launch         global (d3, d0 * d1 * d2): one element each
 * Defines        TYPE: the type of a and b. OP: an enumerator below. STEPS: bit 0 if a
 *                advances along a row, bit 1 if b does
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
    int column = (int)get_global_id(0), row = (int)get_global_id(1);
    if (column >= d3 || row >= d0 * d1 * d2) return;
    if (row > 0) {
        int i2 = row % d2, i1 = row / d2 % d1, i0 = row / d2 / d1;
        a_offset += (ulong)i0 * a0 + (ulong)i1 * a1 + (ulong)i2 * a2;
        b_offset += (ulong)i0 * b0 + (ulong)i1 * b1 + (ulong)i2 * b2;
        y_offset += (ulong)row * d3;
    }
    y[y_offset + column] = elementwise_compare_apply(a[a_offset + column * (STEPS & 1)],
                                                     b[b_offset + column * (STEPS >> 1 & 1)])
                               ? 1
                               : 0;
}
