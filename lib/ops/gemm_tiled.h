/* Matrix products on GPUs, for Gemm, MatMul and what is made of them. */
#ifndef OPS_GEMM_TILED_H
#define OPS_GEMM_TILED_H

#include "ops/gemm.h"
#include "ops/tile.h"

extern const struct algorithm gemm_tiled; /* of Gemm and of MatMul */

/* Why the device cannot do the product; NULL if it can. */
const char *gemm_refuse_tiled(const fovea_device_info *, const struct gemm_task *);
/* Seconds for all batches, with the launch. */
double gemm_seconds_tiled(const fovea_device_info *, const struct gemm_task *);
/* One kernel. `number`: a tile of ops/tile.h; 0: the quickest by its estimate. */
void gemm_lower_tiled(const struct site *, struct recipe *, const struct gemm_task *, int number);

#endif
