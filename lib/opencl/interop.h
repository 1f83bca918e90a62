/* The OpenCL room with its types in sight: for lib/plan/interop.c alone. */
#ifndef OPENCL_INTEROP_H
#define OPENCL_INTEROP_H

#include <CL/cl.h>

#include "opencl/opencl.h"

/* Opens the caller's device and context. queue NULL: makes one. Retains what it keeps. */
fovea_status opencl_wrap(struct opencl **out, cl_context, cl_device_id, cl_command_queue,
                         bool profile, struct store *store);
/* The first `bytes` bytes of the caller's memory as a buffer. Retains it. */
fovea_status opencl_buffer_wrap(struct opencl_buffer **out, struct opencl *, cl_mem, size_t bytes);

void opencl_native(const struct opencl *, cl_context *, cl_device_id *, cl_command_queue *);
cl_mem opencl_buffer_native(const struct opencl_buffer *);

#endif
