/* Which activations to keep where memory is short. */
#ifndef TRAIN_RECOMPUTE_H
#define TRAIN_RECOMPUTE_H

#include "graph/graph.h"

/* Chooses values at which the forward pass is cut into stretches; what lies inside of a stretch is computed
 * again when the backward pass comes to it (Chen et al., Training Deep Nets with Sublinear Memory Cost,
 * 2016: about sqrt(n) stretches). A cut is only where little is alive: one activation, as between residual
 * blocks. `kept` is by value and the caller's to free. Errors: NO_MEMORY. */
fovea_status recompute_choose(const fovea_graph *, bool **kept);

#endif
