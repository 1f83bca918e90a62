/* Memory on a device, and tensors in it. */
#include <string.h>

#include "base/alloc.h"
#include "graph/graph.h"
#include "plan/context.h"

fovea_status place_create(struct place *out, fovea_context *c, size_t bytes) {
    *out = (struct place){0};
    if (c->cl) return opencl_buffer_create(&out->buffer, c->cl, bytes);
    out->host = mem_alloc(bytes);
    return out->host ? FOVEA_OK : fail_memory(bytes, "a tensor");
}

void place_destroy(struct place *p) {
    opencl_buffer_destroy(p->buffer);
    mem_free(p->host);
    *p = (struct place){0};
}

fovea_status place_write(const struct place *p, size_t offset, const void *data, size_t bytes) {
    if (bytes == 0) return FOVEA_OK;
    if (p->buffer) return opencl_buffer_write(p->buffer, p->offset + offset, data, bytes);
    memcpy(p->host + p->offset + offset, data, bytes);
    return FOVEA_OK;
}

fovea_status place_read(const struct place *p, size_t offset, void *data, size_t bytes) {
    if (bytes == 0) return FOVEA_OK;
    if (p->buffer) return opencl_buffer_read(p->buffer, p->offset + offset, data, bytes);
    memcpy(data, p->host + p->offset + offset, bytes);
    return FOVEA_OK;
}

/* Where OpenCL cannot: at a place that is no whole word. */
static fovea_status fill_from_host(const struct place *p, size_t offset, uint32_t pattern,
                                   size_t bytes) {
    char *words = mem_alloc(bytes);
    if (!words) return fail_memory(bytes, "a pattern");
    for (size_t i = 0; i < bytes; i += sizeof pattern) memcpy(words + i, &pattern, sizeof pattern);
    fovea_status status = place_write(p, offset, words, bytes);
    mem_free(words);
    return status;
}

fovea_status place_fill(const struct place *p, size_t offset, uint32_t pattern, size_t bytes) {
    if (bytes == 0) return FOVEA_OK;
    if (p->buffer && (p->offset + offset) % sizeof pattern)
        return fill_from_host(p, offset, pattern, bytes);
    if (p->buffer) return opencl_buffer_fill(p->buffer, p->offset + offset, pattern, bytes);
    for (size_t i = 0; i < bytes; i += sizeof pattern)
        memcpy(p->host + p->offset + offset + i, &pattern, sizeof pattern);
    return FOVEA_OK;
}

fovea_status fovea_tensor_create(fovea_tensor **out, fovea_context *c, const fovea_desc *desc) {
    *out = NULL;
    if (fovea_desc_elements(desc) < 0 || fovea_dtype_size(desc->dtype) == 0)
        return fail(FOVEA_INVALID, "a tensor needs a known type and shape, not %s of shape %s",
                    fovea_dtype_name(desc->dtype), desc_text(desc));
    fovea_tensor *t = mem_zero(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a tensor");
    t->context = c;
    t->desc = *desc;
    fovea_status status = place_create(&t->place, c, desc_bytes(desc));
    if (status == FOVEA_OK) *out = t;
    else mem_free(t);
    return status;
}

void fovea_tensor_destroy(fovea_tensor *t) {
    if (t && !t->borrows) place_destroy(&t->place);
    mem_free(t);
}

const fovea_desc *fovea_tensor_desc(const fovea_tensor *t) {
    return &t->desc;
}

static fovea_status want_bytes(const fovea_tensor *t, size_t bytes) {
    size_t wanted = desc_bytes(&t->desc);
    if (bytes == wanted) return FOVEA_OK;
    return fail(FOVEA_INVALID, "%zu bytes were given for a tensor of %zu bytes (%s %s)", bytes,
                wanted, fovea_dtype_name(t->desc.dtype), desc_text(&t->desc));
}

fovea_status fovea_tensor_write(fovea_tensor *t, const void *data, size_t bytes) {
    TRY(want_bytes(t, bytes));
    return place_write(&t->place, 0, data, bytes);
}

fovea_status fovea_tensor_read(const fovea_tensor *t, void *data, size_t bytes) {
    TRY(want_bytes(t, bytes));
    return place_read(&t->place, 0, data, bytes);
}
