/* Loading a model, and the inputs that someone must feed. */
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include "host.h"

/* ONNX, also compressed with zstd (`.zst`). */
bool model_load(fovea_graph **out, const char *path, struct problem *p);
/* The inputs that are not initialised by the file, in the graph's order; the caller frees *out. */
bool model_inputs(const fovea_graph *graph, fovea_value_info **out, size_t *count,
                  struct problem *p);
bool model_outputs(const fovea_graph *graph, fovea_value_info **out, size_t *count,
                   struct problem *p);

#endif
