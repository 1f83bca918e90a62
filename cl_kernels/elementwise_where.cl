/* Computes       y = c ? a : b, element by element with numpy broadcasting
 * Layouts        y dense (d0, d1, d2, d3); c, a and b are read with the strides c0.., a0.., b0..
 *                (elements; 0 repeats); along a row they advance or stand still
 * Launch         global (ceil(d3 / CHUNK), d0 * d1 * d2): CHUNK elements of a row each
 * Defines        T: an unsigned type as wide as an element. STEPS: bits 0, 1, 2 if c,
 *                a, b advance along a row
 *                CHUNK: 1 where neighbours read together, more where one work-item walks best
 * Local memory   none
 * Truth          lib/reference/elementwise_binary.c
 * Source         https://onnx.ai/onnx/operators/onnx__Where.html */

#ifndef CHUNK
#define CHUNK 1
#endif
#ifndef STEPS
#define STEPS 7
#endif

__kernel void elementwise_where(int d0, int d1, int d2, int d3, int c0, int c1, int c2, int a0,
                                int a1, int a2, int b0, int b1, int b2, __global const uchar *c,
                                ulong c_offset, __global const T *a, ulong a_offset,
                                __global const T *b, ulong b_offset, __global T *y,
                                ulong y_offset) {
    int begin = (int)get_global_id(0) * CHUNK, row = (int)get_global_id(1);
    int end = d3 - begin < CHUNK ? d3 : begin + CHUNK;
    if (begin >= d3 || row >= d0 * d1 * d2) return;
    c += c_offset;
    a += a_offset;
    b += b_offset;
    y += y_offset;
    if (row > 0) {
        int i2 = row % d2, i1 = row / d2 % d1, i0 = row / d2 / d1;
        c += (ulong)i0 * c0 + (ulong)i1 * c1 + (ulong)i2 * c2;
        a += (ulong)i0 * a0 + (ulong)i1 * a1 + (ulong)i2 * a2;
        b += (ulong)i0 * b0 + (ulong)i1 * b1 + (ulong)i2 * b2;
        y += (ulong)row * d3;
    }
    for (int column = begin; column < end; column++) {
        T then = a[column * (STEPS >> 1 & 1)];
        T otherwise = b[column * (STEPS >> 2 & 1)];
        y[column] = c[column * (STEPS & 1)] ? then : otherwise;
    }
}
