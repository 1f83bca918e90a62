/* The idx files of MNIST and its kin, plain or gzipped: http://yann.lecun.com/exdb/mnist */
#ifndef HOST_IDX_H
#define HOST_IDX_H

#include "array.h"

/* True also for a gzipped file, whose contents are then unpacked to see. */
bool idx_is(const unsigned char *data, size_t size);
bool idx_decode(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                struct problem *p);

#endif
