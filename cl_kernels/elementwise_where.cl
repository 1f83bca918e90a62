/* Computes       y = c ? a : b, element by element with numpy broadcasting
 * Layouts        y dense (d0, d1, d2, d3); c, a and b are read with the strides c0.., a0.., b0..
 *                (elements; 0 repeats); along a row they advance or stand still
 * Launch         global (d3, d0 * d1 * d2): one element each
 * Defines        T: an unsigned type as wide as an element. STEPS: bits 0, 1, 2 if c,
 *                a, b advance along a row
 * Local memory   none
 * Truth          lib/reference/elementwise_binary.c
 * Source         https://onnx.ai/onnx/operators/onnx__Where.html */

#ifndef STEPS
#define STEPS 7
#endif

__kernel void elementwise_where(int d0, int d1, int d2, int d3, int c0, int c1, int c2, int a0,
                                int a1, int a2, int b0, int b1, int b2, __global const uchar *c,
                                ulong c_offset, __global const T *a, ulong a_offset,
                                __global const T *b, ulong b_offset, __global T *y,
                                ulong y_offset) {
    int column = (int)get_global_id(0), row = (int)get_global_id(1);
    if (column >= d3 || row >= d0 * d1 * d2) return;
    if (row > 0) {
        int i2 = row % d2, i1 = row / d2 % d1, i0 = row / d2 / d1;
        c_offset += (ulong)i0 * c0 + (ulong)i1 * c1 + (ulong)i2 * c2;
        a_offset += (ulong)i0 * a0 + (ulong)i1 * a1 + (ulong)i2 * a2;
        b_offset += (ulong)i0 * b0 + (ulong)i1 * b1 + (ulong)i2 * b2;
        y_offset += (ulong)row * d3;
    }
    T then = a[a_offset + column * (STEPS >> 1 & 1)];
    T otherwise = b[b_offset + column * (STEPS >> 2 & 1)];
    y[y_offset + column] = c[c_offset + column * (STEPS & 1)] ? then : otherwise;
}
