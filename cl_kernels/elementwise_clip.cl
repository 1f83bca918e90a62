/* Computes       y = min(max(x, low), high); NaN stays NaN; low above high gives high
 * Layouts        any; x and y have the same shape; low and high hold one element
 * Launch         global (ceil(n / RUN)): RUN elements each
 * Defines        HAS_LOW, HAS_HIGH: 1 if that limit is given; RUN as in common.h
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
    int begin = (int)get_global_id(0) * RUN, end = n - begin < RUN ? n : begin + RUN;
    real least = HAS_LOW ? low[low_offset] : 0, most = HAS_HIGH ? high[high_offset] : 0;
    x += x_offset;
    y += y_offset;
    for (int i = begin; i < end; i++) {
        real value = x[i];
        if (HAS_LOW) value = value < least ? least : value;
        if (HAS_HIGH) value = value > most ? most : value;
        y[i] = value;
    }
}
