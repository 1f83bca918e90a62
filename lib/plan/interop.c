/* fovea_opencl.h: contexts and tensors of a program that uses OpenCL itself. */
#include "fovea_opencl.h"

#include "base/alloc.h"
#include "graph/graph.h"
#include "opencl/interop.h"
#include "plan/context.h"

fovea_status fovea_opencl_context_create(fovea_context **out, cl_context context,
                                         cl_device_id device, cl_command_queue queue,
                                         const fovea_context_options *options) {
    static const fovea_context_options none;
    const fovea_context_options *o = options ? options : &none;
    struct opencl *cl;
    *out = NULL;
    struct store *store = o->no_store ? NULL : store_open(o->store_path, o->warn, o->user);
    fovea_status status = opencl_wrap(&cl, context, device, queue, o->profile, store);
    if (status == FOVEA_OK) return context_wrap(out, cl, opencl_info(cl), o, store);
    store_close(store);
    return status;
}

static fovea_status wrap_memory(fovea_tensor *t, cl_mem memory, size_t offset) {
    size_t bytes = desc_bytes(&t->desc), end, element = fovea_dtype_size(t->desc.dtype);
    if (offset % element)
        return fail(FOVEA_INVALID, "offset %zu is no multiple of the element size %zu", offset,
                    element);
    if (__builtin_add_overflow(offset, bytes, &end))
        return fail(FOVEA_INVALID, "offset %zu is too large", offset);
    t->place.offset = offset;
    return opencl_buffer_wrap(&t->place.buffer, t->context->cl, memory, end);
}

fovea_status fovea_opencl_tensor_create(fovea_tensor **out, fovea_context *context,
                                        const fovea_desc *desc, cl_mem memory, size_t offset) {
    *out = NULL;
    if (!context->cl) return fail(FOVEA_INVALID, "the CPU reference has no OpenCL memory");
    if (fovea_desc_elements(desc) < 0 || fovea_dtype_size(desc->dtype) == 0)
        return fail(FOVEA_INVALID, "a tensor needs a known type and shape, not %s of shape %s",
                    fovea_dtype_name(desc->dtype), desc_text(desc));
    fovea_tensor *t = mem_zero(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a tensor");
    t->context = context;
    t->desc = *desc;
    fovea_status status = wrap_memory(t, memory, offset);
    if (status == FOVEA_OK) *out = t;
    else mem_free(t);
    return status;
}

fovea_status fovea_opencl_context_get(const fovea_context *context, cl_context *cl,
                                      cl_device_id *device, cl_command_queue *queue) {
    if (!context->cl) return fail(FOVEA_INVALID, "the CPU reference has no OpenCL context");
    opencl_native(context->cl, cl, device, queue);
    return FOVEA_OK;
}

fovea_status fovea_opencl_tensor_get(const fovea_tensor *tensor, cl_mem *memory, size_t *offset) {
    if (!tensor->place.buffer) return fail(FOVEA_INVALID, "the CPU reference has no OpenCL memory");
    if (memory) *memory = opencl_buffer_native(tensor->place.buffer);
    if (offset) *offset = tensor->place.offset;
    return FOVEA_OK;
}
