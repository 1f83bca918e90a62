/* Kernels: arguments are set once, then the kernel is launched often. */
#include <inttypes.h>

#include "base/alloc.h"
#include "opencl/internal.h"
#include "opencl/team.h"

static fovea_status create(struct opencl_kernel *k, struct opencl_program *p,
                           const char *function) {
    k->cl = p->cl;
    k->function = mem_string(function);
    if (!k->function) return fail_memory(64, "the name of a kernel");
    char *name = mem_format("%s%s", function, p->suffix);
    if (!name) return fail_memory(64, "the name of a kernel");
    cl_int code;
    k->kernel = clCreateKernel(p->bundle->program, name, &code);
    mem_free(name);
    if (code == CL_INVALID_KERNEL_NAME)
        return fail(FOVEA_INVALID, "kernel file %s.cl has no kernel '%s'", p->stem, function);
    TRY_CL(p->cl, code, "clCreateKernel");
    return FOVEA_OK;
}

fovea_status opencl_kernel_create(struct opencl_kernel **out, struct opencl_program *program,
                                  const char *function) {
    *out = NULL;
    struct opencl_kernel *k = mem_zero(1, sizeof *k);
    if (!k) return fail_memory(sizeof *k, "a kernel");
    fovea_status status = create(k, program, function);
    if (status == FOVEA_OK) *out = k;
    else opencl_kernel_destroy(k);
    return status;
}

void opencl_kernel_destroy(struct opencl_kernel *k) {
    if (!k) return;
    if (k->kernel) team_settle(k->cl);
    if (k->kernel) clReleaseKernel(k->kernel);
    mem_free(k->function);
    mem_free(k);
}

fovea_status opencl_kernel_set(struct opencl_kernel *k, unsigned index, const void *value,
                               size_t bytes) {
    TRY(team_run(k->cl));
    cl_int code = clSetKernelArg(k->kernel, index, bytes, value);
    if (code == CL_SUCCESS) return FOVEA_OK;
    opencl_fail(k->cl, code, "clSetKernelArg");
    return fail_in(code == CL_INVALID_ARG_INDEX || code == CL_INVALID_ARG_SIZE ? FOVEA_INVALID
                                                                               : FOVEA_DEVICE_ERROR,
                   "kernel '%s', argument %u of %zu bytes: ", k->function, index, bytes);
}

fovea_status opencl_kernel_set_buffer(struct opencl_kernel *k, unsigned index,
                                      struct opencl_buffer *buffer) {
    return opencl_kernel_set(k, index, &buffer->mem, sizeof buffer->mem);
}

static fovea_status check_range(const struct opencl_kernel *k, int dims, const size_t *global,
                                const size_t *local) {
    if (dims < 1 || dims > 3)
        return fail(FOVEA_INVALID, "kernel '%s': a range has 1 to 3 dimensions, not %d",
                    k->function, dims);
    bool chosen = local && local[0];
    size_t items = 1;
    for (int i = 0; i < dims; i++) {
        if (!global[i] || (chosen && (!local[i] || global[i] % local[i])))
            return fail(FOVEA_INVALID,
                        "kernel '%s': the range of dimension %d is %zu work-items in groups of %zu",
                        k->function, i, global[i], chosen ? local[i] : (size_t)0);
        if (chosen && !size_multiply(items, local[i], &items)) items = SIZE_MAX;
    }
    if (chosen && items > k->cl->info.max_work_group_size)
        return fail(FOVEA_INVALID,
                    "kernel '%s': %zu work-items in a group; device '%s' has at most %" PRIu64,
                    k->function, items, k->cl->info.name, k->cl->info.max_work_group_size);
    return FOVEA_OK;
}

fovea_status opencl_launch(struct opencl_kernel *k, int dims, const size_t *global,
                           const size_t *local, size_t slot) {
    TRY(check_range(k, dims, global, local));
    if (k->cl->team) return team_add(k->cl->team, k, dims, global, local, slot);
    cl_event event = NULL;
    cl_int code = clEnqueueNDRangeKernel(k->cl->queue, k->kernel, (cl_uint)dims, NULL, global,
                                         local && local[0] ? local : NULL, 0, NULL,
                                         queue_begin(k->cl, slot) ? &event : NULL);
    if (code != CL_SUCCESS)
        return fail_in(opencl_fail(k->cl, code, "clEnqueueNDRangeKernel"),
                       "kernel '%s': ", k->function);
    queue_end(k->cl, slot, event);
    return FOVEA_OK;
}
