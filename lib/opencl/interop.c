/* Other people's contexts, queues and memory, and ours handed out. Every handle is asked about before
 * it is used, as far as OpenCL answers. */
#include "opencl/internal.h"

#include "base/alloc.h"
#include "opencl/interop.h"

/* A sentence about an object that was passed in. */
static fovea_status refuse(cl_int code, const char *call, const char *what) {
    return fail(FOVEA_INVALID, "%s does not accept the %s: %s (%d)", call, what,
                opencl_error_name(code), (int)code);
}

static fovea_status check_device(cl_context context, cl_device_id device) {
    size_t bytes = 0;
    cl_int code = clGetContextInfo(context, CL_CONTEXT_DEVICES, 0, NULL, &bytes);
    if (code != CL_SUCCESS) return refuse(code, "clGetContextInfo", "context");
    cl_device_id *devices = mem_zero(bytes, 1);
    if (!devices) return fail_memory(bytes, "a list of devices");
    clGetContextInfo(context, CL_CONTEXT_DEVICES, bytes, devices, NULL);
    bool found = false;
    for (size_t i = 0; i < bytes / sizeof *devices; i++) found |= devices[i] == device;
    mem_free(devices);
    return found ? FOVEA_OK : fail(FOVEA_INVALID, "the device is not one of the context's");
}

static fovea_status check_queue(cl_context context, cl_device_id device, cl_command_queue queue) {
    cl_context its_context = NULL;
    cl_device_id its_device = NULL;
    cl_command_queue_properties properties = 0;
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof its_context,
                                        (void *)&its_context, NULL);
    if (code == CL_SUCCESS)
        code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof its_device, (void *)&its_device,
                                     NULL);
    if (code == CL_SUCCESS)
        code =
            clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
    if (code != CL_SUCCESS) return refuse(code, "clGetCommandQueueInfo", "queue");
    if (its_context != context || its_device != device)
        return fail(FOVEA_INVALID, "the queue belongs to another context or device");
    if (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        return fail(FOVEA_INVALID, "the queue is out of order; make one that is in order");
    return FOVEA_OK;
}

static fovea_status adopt(struct opencl **out, cl_context context, cl_device_id device,
                          cl_command_queue queue, struct store *store) {
    TRY(opencl_adopt(out, context, device, queue, store));
    struct opencl *cl = *out;
    device_name_id(cl->info.id, sizeof cl->info.id, device);
    if (!cl->info.problem[0]) return FOVEA_OK;
    fail(FOVEA_NO_DEVICE, "device '%s' cannot be used: %s", cl->info.name, cl->info.problem);
    opencl_close(cl);
    *out = NULL;
    return FOVEA_NO_DEVICE;
}

fovea_status opencl_wrap(struct opencl **out, cl_context context, cl_device_id device,
                         cl_command_queue queue, bool profile, struct store *store) {
    *out = NULL;
    if (!context || !device) return fail(FOVEA_INVALID, "a context and a device are needed");
    TRY(check_device(context, device));
    if (queue) {
        TRY(check_queue(context, device, queue));
        return adopt(out, context, device, queue, store);
    }
    cl_int code;
    queue = clCreateCommandQueue(context, device, profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (code != CL_SUCCESS) return refuse(code, "clCreateCommandQueue", "context");
    fovea_status status = adopt(out, context, device, queue, store);
    clReleaseCommandQueue(queue);
    return status;
}

fovea_status opencl_buffer_wrap(struct opencl_buffer **out, struct opencl *cl, cl_mem mem,
                                size_t bytes) {
    cl_context context = NULL;
    cl_mem_flags flags = 0;
    size_t size = 0;
    *out = NULL;
    if (!mem) return fail(FOVEA_INVALID, "no memory was given");
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof context, (void *)&context, NULL);
    if (code == CL_SUCCESS) code = clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code == CL_SUCCESS)
        code = clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL);
    if (code != CL_SUCCESS) return refuse(code, "clGetMemObjectInfo", "memory");
    if (context != cl->context) return fail(FOVEA_INVALID, "the memory is of another context");
    if (flags & (CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY))
        return fail(FOVEA_INVALID, "the memory must be for reading and writing by kernels");
    if (size < bytes)
        return fail(FOVEA_INVALID, "the memory has %zu bytes; %zu are needed", size, bytes);
    struct opencl_buffer *b = mem_zero(1, sizeof *b);
    if (!b) return fail_memory(sizeof *b, "a device buffer");
    clRetainMemObject(mem);
    *b = (struct opencl_buffer){cl, mem, bytes};
    *out = b;
    return FOVEA_OK;
}

void opencl_native(const struct opencl *cl, cl_context *context, cl_device_id *device,
                   cl_command_queue *queue) {
    if (context) *context = cl->context;
    if (device) *device = cl->device;
    if (queue) *queue = cl->queue;
}

cl_mem opencl_buffer_native(const struct opencl_buffer *b) {
    return b->mem;
}
