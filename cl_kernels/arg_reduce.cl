/* Computes       the index along an axis of the largest or smallest element; of equal ones the first or
 *                last; NaN counts as the largest number
 * Layouts        x dense (outer, n, inner), y dense (outer, inner)
 * Launch         global (outer * inner): one output each
 * Defines        TYPE: the element type. LARGEST: 1 for ArgMax. LAST: 1 for the last of equal ones
 * Local memory   none
 * Truth          lib/reference/select.c
 * Source         https://onnx.ai/onnx/operators/onnx__ArgMax.html */

#ifndef TYPE
#define TYPE float
#endif
#ifndef LARGEST
#define LARGEST 1
#endif
#ifndef LAST
#define LAST 0
#endif

/* Only NaN is on neither side of 0. */
int arg_reduce_is_nan(TYPE v);
int arg_reduce_is_nan(TYPE v) {
    return !(v <= 0 || v >= 0);
}

int arg_reduce_before(TYPE a, TYPE b);
int arg_reduce_before(TYPE a, TYPE b) {
    if (LARGEST) return a > b || (arg_reduce_is_nan(a) && !arg_reduce_is_nan(b));
    return a < b || (arg_reduce_is_nan(b) && !arg_reduce_is_nan(a));
}

__kernel void arg_reduce(int outputs, int n, int inner, __global const TYPE *x, ulong x_offset,
                         __global long *y, ulong y_offset) {
    int o = (int)get_global_id(0);
    if (o >= outputs) return;
    x += x_offset + (ulong)(o / inner) * n * inner + o % inner;
    int best = 0;
    TYPE best_value = x[0];
    for (int i = 1; i < n; i++) {
        TYPE value = x[(ulong)i * inner];
        int wins =
            LAST ? !arg_reduce_before(best_value, value) : arg_reduce_before(value, best_value);
        if (!wins) continue;
        best = i;
        best_value = value;
    }
    y[y_offset + o] = best;
}
