/* Numpy broadcasting resolved to numbers: how the elements of an output find those of its inputs.
 * Dimensions of size 1 are dropped and neighbours that every input walks alike are merged, so that
 * tensors of equal shape become one dimension. */
#ifndef GRAPH_BROADCAST_H
#define GRAPH_BROADCAST_H

#include "graph/graph.h"

enum { BROADCAST_INPUTS = 3 };

struct broadcast {
    int rank; /* at least 1 */
    int64_t dim[FOVEA_MAX_RANK];
    /* In elements; 0 where the input repeats. That of the last dimension is always 0 or 1. */
    int64_t stride[BROADCAST_INPUTS][FOVEA_MAX_RANK];
};

/* `out` is a shape that every one of the `count` inputs broadcasts to. */
void broadcast_make(struct broadcast *, const fovea_desc *out, const fovea_desc *const *in,
                    int count);
/* Where row `row` (an index over all dimensions but the last) of an input begins, in elements. */
int64_t broadcast_row(const struct broadcast *, int input, int64_t row);

#endif
