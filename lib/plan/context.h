/* A context: one device, opened; and tensors: memory on it. */
#ifndef PLAN_CONTEXT_H
#define PLAN_CONTEXT_H

#include "base/status.h"
#include "opencl/opencl.h"
#include "store/store.h"

struct fovea_context {
    fovea_device_info info;
    struct opencl *cl;   /* NULL: the CPU reference */
    struct store *store; /* NULL: nothing is remembered */
    char *device_key;    /* names device, driver, kernels and library in the store's evidence */
    fovea_context_options options;
    struct store_tunings tuning; /* what was measured here; see tuning.h */
    bool tuning_is_read;
};

/* Bytes on a device: one of buffer and host is set. */
struct place {
    struct opencl_buffer *buffer;
    char *host;
    size_t offset;
};

struct fovea_tensor {
    fovea_context *context;
    fovea_desc desc;
    struct place place;
    bool borrows; /* the memory belongs to somebody else */
};

/* Makes a context of an opened device (cl NULL: the reference), which the context then owns together
 * with the store; both are closed on failure. */
fovea_status context_wrap(fovea_context **out, struct opencl *cl, const fovea_device_info *info,
                          const fovea_context_options *options, struct store *store);

/* roofs.c: takes the device's roofs from the store, if they were measured. */
void context_recall_roofs(fovea_context *);

/* New memory of `bytes` (0 is fine); contents undefined. */
fovea_status place_create(struct place *out, fovea_context *, size_t bytes);
void place_destroy(struct place *);
fovea_status place_write(const struct place *, size_t offset, const void *, size_t bytes);
fovea_status place_read(const struct place *, size_t offset, void *, size_t bytes);
/* Repeats a 4-byte pattern over `bytes`, a multiple of 4. */
fovea_status place_fill(const struct place *, size_t offset, uint32_t pattern, size_t bytes);

#endif
