/* The layers of a model: what its nodes put out, and statistics of it over many pictures. */
#ifndef HOST_LAYERS_H
#define HOST_LAYERS_H

#include "array.h"

struct layer {
    const char *name, *op; /* the node's; the value's name where the node has none */
    const char *value;     /* the name of its first output */
    fovea_value out;
    size_t node;
    size_t number; /* among all layers, from 1 */
    bool wanted;
    /* Over all pictures: Welford's mean and sum of squared deviations, of finite values. */
    int64_t values, finite, zeros;
    double mean, squares, least, most;
    int64_t channels; /* 0: it has none, or their number varies */
    bool *alive;      /* of a channel: it was not zero somewhere */
};

struct layers {
    struct layer *list;
    size_t count;
};

/* Everything that a node computes from the model's inputs, in order. */
bool layers_list(struct layers *out, const fovea_graph *graph, struct problem *p);
void layers_free(struct layers *layers);
/* Marks layers as wanted: by node's or value's name, or "all", which leaves out those that move
 * numbers only (Reshape, Transpose...). An unknown name is a problem that lists close ones. */
bool layers_want(struct layers *layers, const char *name, struct problem *p);
/* The last convolution; NULL if there is none. */
struct layer *layers_last_conv(const struct layers *layers);

/* Whether zeros of this layer are cut off by its activation, so that dead channels mean something. */
bool layer_rectifies(const struct layer *layer);
/* Adds the first `items` of a batch (0: all of it). */
void layer_count(struct layer *layer, const fovea_array *a, size_t items);
int64_t layer_dead(const struct layer *layer);
double layer_deviation(const struct layer *layer);

#endif
