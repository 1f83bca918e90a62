/* Arrays in host memory: elements as numbers, files of any form. */
#ifndef HOST_ARRAY_H
#define HOST_ARRAY_H

#include "host.h"

/* Allocates zeroed data for a.desc, whose shape must be known. */
bool array_create(fovea_array *a, const fovea_desc *desc, struct problem *p);
void array_free(fovea_array *a);
size_t array_bytes(const fovea_array *a);
/* An element as a number; integers beyond 2^53 are rounded. */
double array_get(const fovea_array *a, int64_t i);
/* Rounds to the element type; integers saturate, NaN becomes 0 in them. False for a type it cannot
 * write (bfloat16 and the 4-bit types). */
bool array_set(fovea_array *a, int64_t i, double x);
/* A copy of another type. */
bool array_convert(fovea_array *out, const fovea_array *a, fovea_dtype dtype, struct problem *p);
/* The distance between neighbouring numbers of the type at x; 0 for integers. */
double array_ulp(fovea_dtype dtype, double x);

/* Whether the bytes are those of an idx or npy file, and their array; `name` stands in a problem. */
bool array_is_idx(const unsigned char *data, size_t size);
bool array_is_npy(const unsigned char *data, size_t size);
bool array_decode(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                  struct problem *p);
/* An ONNX TensorProto file. */
bool array_load_pb(fovea_array *out, const char *path, struct problem *p);
/* The whole file, at most `limit` bytes; the caller frees it. */
bool file_read(unsigned char **data, size_t *size, const char *path, size_t limit,
               struct problem *p);

#endif
