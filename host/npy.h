/* Writing NumPy's .npy files, little-endian and in C order.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef HOST_NPY_H
#define HOST_NPY_H

#include "array.h"

/* Version 1.0; float16, float32, float64, whole numbers and bool. */
bool npy_write(const fovea_array *a, const char *path, struct problem *p);

#endif
