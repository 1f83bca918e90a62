/* The batch of a graph: the samples along axis 0 of its inputs, and whether each is computed by itself, so
 * that a batch may as well be run in parts.
 *
 * Inputs with the batch: those whose axis 0 is symbolic and as long as that of the first such input. Where
 * none is symbolic, all whose axis 0 is as long as that of the first input of rank 2 or more. An axis of
 * length 1 does not count. */
#ifndef GRAPH_BATCH_H
#define GRAPH_BATCH_H

#include "graph/graph.h"

/* The samples of the batch, 2 or more; 0 if no run-time input has one. The inputs' shapes are fixed. */
int64_t graph_batch(const fovea_graph *);
/* Makes the batch of all inputs that have it `parts` times smaller; it is a multiple of that. */
void graph_batch_divide(fovea_graph *, size_t parts);
/* Two copies of a graph as it was loaded, with all shapes inferred and known nodes folded: for a batch, and
 * for one of the equal parts of it. UNSUPPORTED, with the node that stands in the way, unless running the
 * parts one after the other is known to give the same. Then with_batch[v], for each value, says whether it
 * has the batch along axis 0; a value that has not is the same for every part. */
fovea_status graph_batch_check(const fovea_graph *whole, const fovea_graph *part, bool *with_batch);

#endif
