/* Outputs of several batches, put together along the first dimension and written to files. */
#ifndef HOST_COLLECT_H
#define HOST_COLLECT_H

#include "array.h"

struct collected {
    const char *name, *path;
    fovea_desc desc;
    unsigned char *data;
    size_t bytes, capacity;
};

/* `words` are FILE (the first output) or OUTPUT=FILE. */
bool collect_open(struct collected **out, const struct text_list *words,
                  const fovea_value_info *outputs, size_t n_outputs, struct problem *p);
/* Adds the first `items` of an output whose first dimension is the batch, or all of it (items 0). */
bool collect_add(struct collected *c, const fovea_array *a, size_t items, struct problem *p);
/* Writes .npy, or an ONNX TensorProto where the name ends in .pb. */
bool collect_write(const struct collected *c, struct problem *p);
void collect_free(struct collected *list, size_t count);

#endif
