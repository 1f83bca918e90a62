/* What the algorithms on channel-blocked values share. */
#ifndef OPS_BLOCKED_H
#define OPS_BLOCKED_H

#include "ops/algorithm.h"

/* The answer of `blocked` for an algorithm that reads input 0 and writes its outputs in blocks. */
uint32_t blocked_first(const struct site *);
/* NULL if input 0 and output 0 have the rank of a blocked value; else why not. */
const char *blocked_refuse_rank(const struct site *);
/* Planes of a value as the kernels see it: batch * channel blocks. */
int64_t blocked_planes(const struct site *, fovea_value);
/* A 1-D launch over `items` equal pieces of work: pushes -DX and the ints items and run, and sets the
 * sizes so that each work-item does `run` pieces in turn: few long runs on a CPU, single ones elsewhere. */
void blocked_launch(const struct site *, struct recipe *, int64_t items);
/* The same with a run of `most` pieces at most, for runtimes that end a work-item's loops early. */
void blocked_launch_most(const struct site *, struct recipe *, int64_t items, int64_t most);
/* Seconds for the traffic of the node, or for vector `operations` on single elements at the share of the
 * peak that a chain of them without multiply-adds reaches; one launch. */
double blocked_seconds(const struct site *, double operations);

/* 4 * beta of an LRN node where roots can take the place of the power; else 0. */
int lrn_quarters(const struct site *);

extern const struct algorithm max_pool_blocked, max_pool_blocked_plain, average_pool_blocked,
    average_pool_blocked_plain, global_pool_blocked;
extern const struct algorithm lrn_blocked, batch_norm_blocked;
extern const struct algorithm conv_depthwise_blocked, conv_transpose_depthwise_blocked;
extern const struct algorithm reduce_blocked;

#endif
