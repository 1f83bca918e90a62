/* Computes       the k largest or smallest elements along an axis, in order, and their indices; of equal
 *                ones the lower index comes first; NaN counts as the largest number
 * Layouts        x dense (outer, n, inner); values and indices dense (outer, k, inner)
 * Launch         global (outer * inner): one slice each, by k passes over it
 * Defines        TYPE: the element type. LARGEST: 1 for the largest. HAS_VALUES, HAS_INDICES: 1 if that
 *                output is wanted
 * Local memory   none
 * Truth          lib/reference/select.c
 * Source         https://onnx.ai/onnx/operators/onnx__TopK.html */

#ifndef TYPE
#define TYPE float
#endif
#ifndef LARGEST
#define LARGEST 1
#endif
#ifndef HAS_VALUES
#define HAS_VALUES 1
#endif
#ifndef HAS_INDICES
#define HAS_INDICES 1
#endif

/* Only NaN is on neither side of 0. */
int top_k_is_nan(TYPE v);
int top_k_is_nan(TYPE v) {
    return !(v <= 0 || v >= 0);
}

int top_k_before(TYPE a, TYPE b);
int top_k_before(TYPE a, TYPE b) {
    if (LARGEST) return a > b || (top_k_is_nan(a) && !top_k_is_nan(b));
    return a < b || (top_k_is_nan(b) && !top_k_is_nan(a));
}

__kernel void top_k(int slices, int n, int inner, int k, __global const TYPE *x, ulong x_offset,
                    __global TYPE *values, ulong values_offset, __global long *indices,
                    ulong indices_offset) {
    int s = (int)get_global_id(0);
    if (s >= slices) return;
    x += x_offset + (ulong)(s / inner) * n * inner + s % inner;
    ulong to = (ulong)(s / inner) * k * inner + s % inner;
    int previous = -1;
    TYPE previous_value = x[0];
    for (int j = 0; j < k; j++, to += inner) {
        int best = -1;
        TYPE best_value = x[0];
        for (int i = 0; i < n; i++) { /* the first in order of those behind the previous one */
            TYPE value = x[(ulong)i * inner];
            int behind = previous < 0 || top_k_before(previous_value, value) ||
                         (i > previous && !top_k_before(value, previous_value));
            if (!behind || (best >= 0 && !top_k_before(value, best_value))) continue;
            best = i;
            best_value = value;
        }
        previous = best;
        previous_value = best_value;
        if (HAS_VALUES) values[values_offset + to] = best_value;
        if (HAS_INDICES) indices[indices_offset + to] = best;
    }
}
