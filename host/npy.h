/* NumPy's .npy files, little-endian and in C order.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef HOST_NPY_H
#define HOST_NPY_H

#include "array.h"

bool npy_is(const unsigned char *data, size_t size);
bool npy_decode(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                struct problem *p);
/* Version 1.0; float16, float32, float64, whole numbers and bool. */
bool npy_write(const fovea_array *a, const char *path, struct problem *p);

#endif
