/* Shapes given on the command line, as bindings for a plan. */
#ifndef HOST_SHAPES_H
#define HOST_SHAPES_H

#include "host.h"

struct shapes {
    fovea_binding *bindings;
    size_t count;
};

/* `words` are NAME=1x3x64x64; `batch` (0: none) fixes a free first dimension of every input that
 * has one. */
bool shapes_parse(struct shapes *out, const fovea_value_info *inputs, size_t n_inputs,
                  const struct text_list *words, int64_t batch, struct problem *p);
void shapes_free(struct shapes *shapes);

#endif
