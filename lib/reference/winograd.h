/* The error bound of convolution by Winograd's minimal filtering. */
#ifndef REFERENCE_WINOGRAD_H
#define REFERENCE_WINOGRAD_H

#include "graph/window.h"
#include "reference/reference.h"

struct winograd_call {
    const struct window *window; /* 3x3, stride 1, dilation 1, one group */
    int64_t n, ic, oc;
    int tile;                                   /* 2 or 4 */
    const float *x, *weights, *bias, *residual; /* the last two may be NULL */
    struct reference_out *out;                  /* `bound` and `probable` are written */
};

fovea_status reference_winograd_bound(const struct winograd_call *);

#endif
