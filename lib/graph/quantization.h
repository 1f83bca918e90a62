/* Which scale and zero point belong to an element of QuantizeLinear and DequantizeLinear. */
#ifndef GRAPH_QUANTIZATION_H
#define GRAPH_QUANTIZATION_H

#include "graph/graph.h"

struct quantization {
    enum { PER_TENSOR, PER_AXIS, BLOCKED } kind;
    int64_t size, inner;        /* of the axis; elements behind it */
    int64_t block_size, blocks; /* BLOCKED: elements that share a scale; blocks along the axis */
};

/* Errors: INVALID (the scale's shape fits none of the kinds). */
fovea_status quantization_make(struct quantization *, const struct node *, const fovea_desc *x,
                               const fovea_desc *scale);
/* Index into scale and zero point for element i of x. */
static inline int64_t quantization_index(const struct quantization *q, int64_t i) {
    int64_t along = i / q->inner % q->size, outer = i / q->inner / q->size;
    if (q->kind == PER_TENSOR) return 0;
    if (q->kind == PER_AXIS) return along;
    return (outer * q->blocks + along / q->block_size) * q->inner + i % q->inner;
}

#endif
