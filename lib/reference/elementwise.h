/* What the element-by-element reference functions share. Bounds speak of binary32: a device may
 * flush what lies below the normal range, and overflows where the double does not. */
#ifndef REFERENCE_ELEMENTWISE_H
#define REFERENCE_ELEMENTWISE_H

#include <float.h>

#include "reference/reference.h"

/* Not zero, but a device may take it for zero. */
static inline bool is_flushed(double x) {
    return x != 0 && fabs(x) < REFERENCE_TINY;
}

/* The error bound of a result that is exact but for flushing. */
static inline double exact_bound(double y) {
    return is_flushed(y) ? REFERENCE_TINY : 0;
}

/* Writes one element. Where binary32 overflows for certain, that is the result. */
static inline void write_float(struct reference_out *o, size_t i, double y, double bound) {
    if (o->desc.dtype != FOVEA_FLOAT64 && fabs(y) - bound > FLT_MAX * (1 + REFERENCE_U))
        y = copysign(INFINITY, y);
    if (isnan(y) || isinf(y)) bound = 0; /* no distance: the device must give the same */
    else if (isnan(bound)) bound = INFINITY;
    o->y[i] = y;
    o->bound[i] = bound;
    if (o->probable) o->probable[i] = bound;
}

static inline bool dtype_is_unsigned(fovea_dtype t) {
    return t == FOVEA_UINT8 || t == FOVEA_UINT16 || t == FOVEA_UINT32 || t == FOVEA_UINT64 ||
           t == FOVEA_UINT4 || t == FOVEA_BOOL;
}

/* a < b of two integers of that signedness. */
static inline bool integer_less(int64_t a, int64_t b, bool is_unsigned) {
    return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

#endif
