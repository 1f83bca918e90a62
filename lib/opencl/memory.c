/* Memory on the device. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "opencl/internal.h"
#include "opencl/team.h"

static fovea_status create_mem(struct opencl_buffer *b, struct opencl *cl, size_t bytes) {
    uint64_t most = cl->info.max_allocation_bytes;
    if (most && bytes > most)
        return fail(FOVEA_NO_MEMORY,
                    "a buffer of %zu bytes is more than the %" PRIu64
                    " bytes that device '%s' gives in one piece",
                    bytes, most, cl->info.name);
    cl_int code;
    /* OpenCL has no empty buffers. */
    b->mem = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, bytes < 4 ? 4 : bytes, NULL, &code);
    if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_INVALID_BUFFER_SIZE ||
        code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY)
        return fail(FOVEA_NO_MEMORY,
                    "clCreateBuffer failed with %s (%d): %zu bytes on device '%s', which has "
                    "%" PRIu64 " bytes in all",
                    opencl_error_name(code), (int)code, bytes, cl->info.name,
                    cl->info.memory_bytes);
    TRY_CL(cl, code, "clCreateBuffer");
    b->cl = cl;
    b->bytes = bytes;
    return FOVEA_OK;
}

fovea_status opencl_buffer_create(struct opencl_buffer **out, struct opencl *cl, size_t bytes) {
    *out = NULL;
    struct opencl_buffer *b = mem_zero(1, sizeof *b);
    if (!b) return fail_memory(sizeof *b, "a device buffer");
    fovea_status status = create_mem(b, cl, bytes);
    if (status == FOVEA_OK) *out = b;
    else mem_free(b);
    return status;
}

void opencl_buffer_destroy(struct opencl_buffer *b) {
    if (!b) return;
    team_settle(b->cl);
    clReleaseMemObject(b->mem);
    mem_free(b);
}

static fovea_status check_range(const struct opencl_buffer *b, size_t offset, size_t bytes,
                                const char *what) {
    if (offset <= b->bytes && bytes <= b->bytes - offset) return FOVEA_OK;
    return fail(FOVEA_INVALID, "%s %zu bytes at %zu goes past the end of a buffer of %zu bytes",
                what, bytes, offset, b->bytes);
}

fovea_status opencl_buffer_write(struct opencl_buffer *b, size_t offset, const void *data,
                                 size_t bytes) {
    TRY(check_range(b, offset, bytes, "writing"));
    if (!bytes) return FOVEA_OK;
    TRY(team_run(b->cl));
    TRY_CL(b->cl,
           clEnqueueWriteBuffer(b->cl->queue, b->mem, CL_TRUE, offset, bytes, data, 0, NULL, NULL),
           "clEnqueueWriteBuffer");
    return FOVEA_OK;
}

fovea_status opencl_buffer_read(struct opencl_buffer *b, size_t offset, void *data, size_t bytes) {
    TRY(check_range(b, offset, bytes, "reading"));
    if (!bytes) return FOVEA_OK;
    TRY(team_run(b->cl));
    TRY_CL(b->cl,
           clEnqueueReadBuffer(b->cl->queue, b->mem, CL_TRUE, offset, bytes, data, 0, NULL, NULL),
           "clEnqueueReadBuffer");
    return FOVEA_OK;
}

fovea_status opencl_buffer_fill(struct opencl_buffer *b, size_t offset, uint32_t pattern,
                                size_t bytes) {
    TRY(check_range(b, offset, bytes, "filling"));
    if (offset % 4 || bytes % 4)
        return fail(FOVEA_INVALID, "filling %zu bytes at %zu: both must be multiples of 4", bytes,
                    offset);
    if (!bytes) return FOVEA_OK;
    TRY(team_run(b->cl));
    TRY_CL(b->cl,
           clEnqueueFillBuffer(b->cl->queue, b->mem, &pattern, sizeof pattern, offset, bytes, 0,
                               NULL, NULL),
           "clEnqueueFillBuffer");
    return FOVEA_OK;
}

fovea_status opencl_buffer_map(struct opencl_buffer *b, size_t bytes, void *copy, size_t some) {
    cl_int code;
    TRY(check_range(b, 0, bytes, "mapping"));
    TRY(team_run(b->cl));
    void *mapped = clEnqueueMapBuffer(b->cl->queue, b->mem, CL_TRUE, CL_MAP_READ, 0, bytes, 0, NULL,
                                      NULL, &code);
    TRY_CL(b->cl, code, "clEnqueueMapBuffer");
    if (copy && some <= bytes) memcpy(copy, mapped, some);
    TRY_CL(b->cl, clEnqueueUnmapMemObject(b->cl->queue, b->mem, mapped, 0, NULL, NULL),
           "clEnqueueUnmapMemObject");
    return opencl_finish(b->cl);
}
