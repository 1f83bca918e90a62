/* Elements that change place, not value: every type is copied as it is. */
#ifndef REFERENCE_MOVE_H
#define REFERENCE_MOVE_H

#include "reference/reference.h"

/* out[to .. to + count) = in[from .. from + count), bit by bit; floats also into y, with bound 0. */
void move_block(const struct reference_out *, size_t to, const struct reference_in *, size_t from,
                size_t count);

/* Where the output element with these coordinates comes from: the offset in input 0; -1: nowhere. */
typedef int64_t move_source(const void *parameters, const fovea_desc *x, const int64_t *at);

/* Output 0, element by element; `fill` (a one-element input, or NULL for zero) where the source is -1. */
void move_all(const struct reference_call *, const struct reference_in *fill, move_source *,
              const void *parameters);

/* Offset of coordinates in a dense tensor. */
static inline int64_t move_offset(const fovea_desc *d, const int64_t *at) {
    int64_t offset = 0;
    for (int i = 0; i < d->rank; i++) offset = offset * d->dim[i] + at[i];
    return offset;
}

#endif
