/* Computes       y = not x on booleans of one byte
 * Layouts        any; x and y have the same shape
 * Launch         global (n): one element each
 * Defines        none
 * Local memory   none
 * Truth          lib/reference/elementwise_unary.c
 * Source         https://onnx.ai/onnx/operators/onnx__Not.html */

__kernel void elementwise_not(int n, __global const uchar *x, ulong x_offset, __global uchar *y,
                              ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= n) return;
    y[y_offset + i] = x[x_offset + i] ? 0 : 1;
}
