/* The OpenCL room's face: what the plan needs of OpenCL, without an OpenCL type in sight. Only the
 * .c files of this folder (and fovea_opencl.h) include CL/cl.h or clblast_c.h.
 *
 * An OpenCL failure returns DEVICE_ERROR (or NO_MEMORY, BUILD_ERROR) with a sentence that names the
 * call, the error code in words, and the device. */
#ifndef OPENCL_OPENCL_H
#define OPENCL_OPENCL_H

#include "base/status.h"

struct opencl;         /* a device with its context and in-order queue */
struct opencl_buffer;  /* memory on the device */
struct opencl_program; /* one kernel file with one set of options, built */
struct opencl_kernel;  /* a kernel object; arguments set once, launched often */
struct store;          /* lib/store/store.h */

/* ---- Devices ---- */
/* All devices, usable or not; *out from mem_alloc. Never fails but for memory: no loader, no platform
 * or a platform that fails is told through `warn` (may be NULL). */
fovea_status opencl_list(fovea_device_info **out, size_t *count,
                         void (*warn)(void *user, const char *sentence), void *user);
/* Opens "opencl:P:D". `profile`: a queue with profiling. `store` may be NULL; borrowed. */
fovea_status opencl_open(struct opencl **out, const char *id, bool profile, struct store *store);
void opencl_close(struct opencl *);
const fovea_device_info *opencl_info(const struct opencl *);
fovea_status opencl_finish(struct opencl *);
/* Sees that what was enqueued is done without further calls. Where the runtime computes in the thread
 * that calls it, this is where it does. */
fovea_status opencl_submit(struct opencl *);
/* Whether launches are run by a team of threads of this library; the runtime's own times differ. */
bool opencl_has_team(const struct opencl *);

/* ---- Memory ---- */
fovea_status opencl_buffer_create(struct opencl_buffer **out, struct opencl *, size_t bytes);
void opencl_buffer_destroy(struct opencl_buffer *);
/* Blocking. */
fovea_status opencl_buffer_write(struct opencl_buffer *, size_t offset, const void *, size_t bytes);
fovea_status opencl_buffer_read(struct opencl_buffer *, size_t offset, void *, size_t bytes);
/* Repeats a 4-byte pattern; offset and bytes are multiples of 4. Enqueued. */
fovea_status opencl_buffer_fill(struct opencl_buffer *, size_t offset, uint32_t pattern,
                                size_t bytes);

/* Maps the first `bytes` for reading and unmaps them; `some` of them are copied between. Blocking. */
fovea_status opencl_buffer_map(struct opencl_buffer *, size_t bytes, void *copy, size_t some);

/* ---- Programs ---- */
struct opencl_source { /* what to build */
    const char *stem;  /* cl_kernels/<stem>.cl, embedded; from $FOVEA_KERNEL_DIR if that is set */
    const char
        *options; /* "-DKH=3"; with "-DSUBGROUPS=1" built as the OpenCL C that has subgroups */
    const char *function; /* the only kernel of the file that is wanted; NULL: all */
};
/* Builds all. A program that the context already has is reused, else the store's binary is tried, else
 * the source is compiled: all those together, in as many bundles as threads may compile. The programs
 * belong to the opencl. out[i] is NULL and statuses[i] says why where one failed; logs[i] (mem_alloc, or
 * NULL) is its sentence with the build log. *compiled counts those that were not taken from the
 * store. */
fovea_status opencl_build(struct opencl *, const struct opencl_source *sources, size_t count,
                          struct opencl_program **out, fovea_status *statuses, char **logs,
                          size_t *compiled);
/* Puts binaries that are not in the store yet into it; call it after the kernels have run once, since
 * some runtimes compile at the first launch. Where asking for a binary takes long it is put off until
 * the opencl is closed. */
void opencl_remember(struct opencl *);

/* ---- Kernels ---- */
fovea_status opencl_kernel_create(struct opencl_kernel **out, struct opencl_program *,
                                  const char *function);
void opencl_kernel_destroy(struct opencl_kernel *);
fovea_status opencl_kernel_set(struct opencl_kernel *, unsigned index, const void *, size_t bytes);
fovea_status opencl_kernel_set_buffer(struct opencl_kernel *, unsigned index,
                                      struct opencl_buffer *);
/* Enqueues. local[0] == 0: the driver chooses. `slot`: time it under this number (see opencl_times);
 * SIZE_MAX: do not. */
fovea_status opencl_launch(struct opencl_kernel *, int dims, const size_t *global,
                           const size_t *local, size_t slot);

/* C = alpha op(A) op(B) + beta C by CLBlast, row-major; offsets in elements. Enqueued. */
struct opencl_gemm {
    bool trans_a, trans_b;
    size_t m, n, k, lda, ldb, ldc;
    float alpha, beta;
    struct opencl_buffer *a, *b, *c;
    size_t offset_a, offset_b, offset_c;
    size_t batch, stride_a, stride_b, stride_c;
};
fovea_status opencl_gemm(struct opencl *, const struct opencl_gemm *, size_t slot);
bool opencl_has_gemm(const struct opencl *); /* built with CLBlast, and the device can use it */

/* Milliseconds of each slot since the last call, summed; 0 where nothing ran. Waits. */
fovea_status opencl_times(struct opencl *, double *ms, size_t count);
void opencl_forget_times(struct opencl *); /* of what was launched so far */

#endif
