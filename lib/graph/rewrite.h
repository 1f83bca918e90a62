/* Rewrites that keep what a graph computes and make it cheaper. All shapes are known. */
#ifndef GRAPH_REWRITE_H
#define GRAPH_REWRITE_H

#include "graph/graph.h"

/* Marks nodes dead that no output needs, and drops outputs that nobody reads. */
void graph_remove_unused(fovea_graph *);
/* Bypasses Identity and inference Dropout; folds BatchNormalization into Conv; turns a constant Add
 * after Conv or MatMul into a bias; fuses Relu, LeakyRelu and Clip into Conv and Gemm. */
fovea_status graph_rewrite(fovea_graph *);

#endif
