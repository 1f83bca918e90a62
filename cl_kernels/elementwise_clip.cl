/* Computes       y = min(max(x, low), high); NaN stays NaN; low above high gives high
 * Layouts        any; x and y have the same shape; low and high hold one element
 * Launch         global (n): one element each
 * Defines        HAS_LOW, HAS_HIGH: 1 if that limit is given
 * Local memory   none
 * Truth          lib/reference/elementwise_unary.c
 * Source         https://onnx.ai/onnx/operators/onnx__Clip.html */

#ifndef HAS_LOW
#define HAS_LOW 1
#endif
#ifndef HAS_HIGH
#define HAS_HIGH 1
#endif

__kernel void elementwise_clip(int n, __global const real *x, ulong x_offset,
                               __global const real *low, ulong low_offset,
                               __global const real *high, ulong high_offset, __global real *y,
                               ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= n) return;
    real value = x[x_offset + i];
    if (HAS_LOW) value = value < low[low_offset] ? low[low_offset] : value;
    if (HAS_HIGH) value = value > high[high_offset] ? high[high_offset] : value;
    y[y_offset + i] = value;
}
