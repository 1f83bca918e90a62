/* The CPU truth. One short obvious function per operator, in double, with an error bound beside each
 * floating-point output that holds for any order of summation (DESIGN: Higham, Accuracy and
 * Stability of Numerical Algorithms, ch. 3):
 *     a sum of K products:   gamma(K + c) * sum |x_i w_i| + u |y|,  gamma(n) = n u / (1 - n u)
 *     functions:             the ULP limits of the OpenCL specification, carried through
 * with u = 2^-24 (binary32). Outputs of other float types get their own rounding added by the caller. */
#ifndef REFERENCE_REFERENCE_H
#define REFERENCE_REFERENCE_H

#include <math.h>

#include "graph/graph.h"

struct reference_in {
    fovea_desc desc;
    const void *data; /* NULL: the input is left out */
    void *view[3];    /* made by reference_f32, _f64, _i64; freed by the caller */
};

struct reference_out {
    fovea_desc desc;
    void *
        data; /* integers and bool: write here, in the type of desc. NULL: the output is not wanted */
    /* Floats: write these instead; the caller rounds y to data. NULL for other types. */
    double *y, *bound;
    /* Optional: the bound with sqrt(K) in place of K (Higham and Mary 2019), element by element; NULL
     * if the caller does not want it. Left as NaN where a function does not fill it. */
    double *probable;
    /* Conv: the bounds are to cover Winograd's algorithm with tiles of so many outputs (2 or 4) a side, see
     * winograd.c; 0: any order of summation. */
    int winograd;
};

/* One operator to compute. Shapes are those of `in` and `out` (the graph's values may be stale). */
struct reference_call {
    const struct node *node;
    struct reference_in *in;
    size_t n_in;
    struct reference_out *out;
    size_t n_out;
};

/* Computes one node: converts, computes, applies the fused activation, rounds into data. The y and
 * bound of a float output may be NULL on entry: then they are temporary. Errors: NO_MEMORY,
 * UNSUPPORTED (element type), INVALID (contents, e.g. an index out of range). */
fovea_status reference_run(const struct reference_call *call);

/* ---- For the functions, which have the signature  fovea_status reference_NAME(struct reference_call *) ---- */

/* Input i converted to one type; kept until the call ends. NULL if memory ran out (fail_memory has
 * been called) or the input is left out. The data itself where the type is already right. */
const float *reference_f32(struct reference_call *, size_t i);
const double *reference_f64(struct reference_call *, size_t i);
const int64_t *reference_i64(struct reference_call *, size_t i); /* any integer type or bool */
static inline bool reference_has(const struct reference_call *c, size_t i) {
    return i < c->n_in && c->in[i].data;
}
/* Writes integers into an integer output, wrapping to its width. */
void reference_store_i64(struct reference_out *, size_t index, int64_t value);

#define REFERENCE_U    0x1p-24  /* unit roundoff of binary32 */
#define REFERENCE_TINY 0x1p-126 /* smallest normal: devices may flush below it */
/* gamma(n), the most that n roundings change a product: n u / (1 - n u), Higham 2002, lemma 3.1. It says
 * nothing from n u = 1 on (16777216 terms); (1 - u)^-n <= exp(n u (1 + u)) always holds. */
static inline double gamma_bound(double n) {
    double x = n * REFERENCE_U;
    return x < 0.5 ? x / (1 - x) : fmax(1, expm1(x * (1 + REFERENCE_U)));
}
static inline double gamma_probable(double n) { /* gamma with sqrt(n) in place of n */
    return gamma_bound(sqrt(n));
}
/* An error of `ulps` units in the last place at y: the OpenCL specification's measure. */
double ulp_bound(double y, double ulps);

#define OP(name, shape, reference, device, static_inputs, rule)                                    \
    fovea_status reference_##reference(struct reference_call *);
#include "graph/op_list.h"
#undef OP

#endif
