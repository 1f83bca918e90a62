/* Tiles of matrix products on GPUs: what a work-group computes through local memory, and how long the
 * tiles of a product take together. gemm_tiled and conv_implicit_gemm share them. */
#ifndef OPS_TILE_H
#define OPS_TILE_H

#include "ops/algorithm.h"

/* A work-group computes m x n elements, k products at a time; a work-item item_m x item_n of them. */
struct tile {
    int m, n, k, item_m, item_n;
    double share; /* of the peak, with enough tiles to keep the device busy */
};

/* Their numbers, from 1 on: the legal values of a tunable. */
#define TILE_NUMBERS 1, 2, 3, 4, 5, 6, 7
/* NULL if there is no such tile. */
const struct tile *tile_number(int number);
/* Work-items of a group. */
int tile_items(const struct tile *);
/* Why the device cannot run any tile; NULL if it can. `pad`: elements added to a row in local memory. */
const char *tile_refuse(const fovea_device_info *, int pad);
/* Whether the device has the local memory and the group size for the tile. */
bool tile_fits(const fovea_device_info *, const struct tile *, int pad);

/* `batches` products of (m, k) by (k, n); `bytes` of their operands and results in memory. */
struct tile_task {
    int64_t m, n, k, batches;
    double bytes;
};
/* A tile, and the parts into which the sums over k are split, summed up by another kernel if > 1. */
struct tile_choice {
    const struct tile *tile;
    int number, splits;
    double seconds; /* without the time of a launch, with that of the second if there is one */
};
/* Seconds with a given tile and number of parts. */
double tile_seconds(const fovea_device_info *, const struct tile *, const struct tile_task *,
                    int splits);
/* The quickest of the tiles that fit, with up to most_splits parts. `number` and `splits`: what a tuner
 * has fixed; 0: free. A number that does not fit the device is as good as 0. */
struct tile_choice tile_choose(const fovea_device_info *, const struct tile_task *, int pad,
                               int number, int splits, int most_splits);
/* Chunks of tile->k that part i of `splits` sums. */
int64_t tile_chunks(const struct tile *, int64_t k);
/* TILE_M, TILE_N, TILE_K, ITEM_M, ITEM_N of the launch started last. */
void tile_define(struct recipe *, const struct tile *);

#endif
