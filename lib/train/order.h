/* The order of a training graph's nodes. */
#ifndef TRAIN_ORDER_H
#define TRAIN_ORDER_H

#include "graph/graph.h"

/* Moves the nodes from `first` on, which update parameters, as far forward as they can go: behind what makes
 * their inputs, and behind the last reader of what they overwrite (their inputs that are inputs of the graph).
 * A gradient then lives from its layer's backward pass to the update that follows it, instead of to the end.
 * Errors: NO_MEMORY. */
fovea_status order_updates_early(fovea_graph *, size_t first);

#endif
