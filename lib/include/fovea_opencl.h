/* Fovea in a program that uses OpenCL itself: Fovea on the program's context, queue and memory, and
 * Fovea's own handed out. The only public header that needs OpenCL's. Rules as in fovea.h. */
#ifndef FOVEA_OPENCL_H
#define FOVEA_OPENCL_H

#include <CL/cl.h>

#include "fovea.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A context on the caller's cl_context. Fovea retains the objects it is given and releases them with
 * the context. Everything is enqueued on `queue`, which must be in order, so that work before and
 * after it needs no waiting; NULL: Fovea makes a queue of its own (options->profile counts only then).
 * Errors: INVALID (device or queue not of this context, queue out of order), NO_DEVICE (the device has
 * no compiler, ...), DEVICE_ERROR. */
FOVEA_API fovea_status fovea_opencl_context_create(fovea_context **out, cl_context context,
                                                   cl_device_id device, cl_command_queue queue,
                                                   const fovea_context_options *options);
/* A tensor in the caller's memory, from byte `offset` on, which must be a multiple of the element size.
 * The tensor retains `memory`; contents and any mapping stay the caller's business. Errors: INVALID
 * (memory too small, of another context, read-only or write-only; the context is the reference). */
FOVEA_API fovea_status fovea_opencl_tensor_create(fovea_tensor **out, fovea_context *context,
                                                  const fovea_desc *desc, cl_mem memory,
                                                  size_t offset);

/* What Fovea uses; still Fovea's, so retain what must outlive the context. Any out-pointer may be
 * NULL. Errors: INVALID (the context is the reference). */
FOVEA_API fovea_status fovea_opencl_context_get(const fovea_context *context, cl_context *cl,
                                                cl_device_id *device, cl_command_queue *queue);
/* Where a tensor lies: element 0 is at byte *offset of *memory. Errors: INVALID (the reference). */
FOVEA_API fovea_status fovea_opencl_tensor_get(const fovea_tensor *tensor, cl_mem *memory,
                                               size_t *offset);

#ifdef __cplusplus
}
#endif
#endif
