/* One element of a tensor in host memory, whatever its type. */
#ifndef GRAPH_ELEMENT_H
#define GRAPH_ELEMENT_H

#include "fovea.h"

double element_load(fovea_dtype, const void *data, size_t i);
int64_t element_load_i64(fovea_dtype, const void *data, size_t i); /* integers and bool */
/* Floats are rounded once; integers are truncated and wrap to their width. */
void element_store(fovea_dtype, void *data, size_t i, double x);

#endif
