/* Reduction over axes resolved to numbers: which elements of the input fall into one of the output.
 * Neighbouring dimensions of one kind are merged; of the at most eight dimensions at most four are
 * kept and four are reduced. */
#ifndef GRAPH_REDUCTION_H
#define GRAPH_REDUCTION_H

#include "graph/graph.h"

enum { REDUCTION_DIMS = FOVEA_MAX_RANK / 2 };

struct reduction {
    bool axis[FOVEA_MAX_RANK]; /* reduced? */
    int64_t outputs, terms;    /* elements of the output; input elements behind each of them */
    /* Sizes and strides, outermost first; unused ones at the front have size 1. */
    int64_t kept[REDUCTION_DIMS], kept_stride[REDUCTION_DIMS];
    int64_t reduced[REDUCTION_DIMS], reduced_stride[REDUCTION_DIMS];
};

/* From the attributes of a ReduceX node and the contents of its input 1 (`axes`, NULL: none given).
 * Errors: INVALID (an axis out of range or given twice). */
fovea_status reduction_make(struct reduction *, const struct node *, const fovea_desc *x,
                            const int64_t *axes, size_t n_axes);
/* Where the index i over dimensions (sizes, strides) lies, in elements. */
int64_t reduction_offset(const int64_t *size, const int64_t *stride, int64_t i);

#endif
