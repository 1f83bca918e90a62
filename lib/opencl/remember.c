/* Binaries of programs on their way into the store, after their kernels first ran: some runtimes compile
 * at the first launch. */
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "opencl/internal.h"
#include "store/store.h"

enum { DEVICES = 16 }; /* most of a context */

/* A bundle's binary. */
struct parcel {
    struct bundle *bundle;
    cl_device_id target;
    unsigned char *binary; /* NULL: the driver gives none */
    size_t bytes;
};

/* Which of the program's binaries is that of the device that it was built for; DEVICES if none is. A
 * runtime may count all devices of the context, or only that one (PoCL 3.1). */
static size_t place_of_binary(const struct parcel *p, size_t count) {
    cl_device_id devices[DEVICES];
    size_t bytes = 0;
    if (count == 1) return 0;
    if (clGetProgramInfo(p->bundle->program, CL_PROGRAM_DEVICES, sizeof devices, devices, &bytes) !=
        CL_SUCCESS)
        return DEVICES;
    for (size_t i = 0; i < count && i < bytes / sizeof *devices; i++)
        if (devices[i] == p->target) return i;
    return DEVICES;
}

static void fetch(struct parcel *p) {
    cl_program program = p->bundle->program;
    size_t sizes[DEVICES] = {0}, bytes = 0;
    unsigned char *binaries[DEVICES] = {0}; /* NULL: not wanted */
    cl_int code = clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof sizes, sizes, &bytes);
    size_t n = code == CL_SUCCESS ? place_of_binary(p, bytes / sizeof *sizes) : DEVICES;
    if (n == DEVICES || !sizes[n]) return;
    p->bytes = sizes[n];
    p->binary = binaries[n] = mem_alloc(p->bytes);
    if (!p->binary) return;
    code = clGetProgramInfo(program, CL_PROGRAM_BINARIES, bytes, binaries, NULL);
    if (code == CL_SUCCESS) return;
    mem_free(p->binary);
    p->binary = NULL;
}

static void fetch_all(void *data, size_t begin, size_t end) {
    struct parcel *parcels = data;
    for (size_t i = begin; i < end; i++) fetch(&parcels[i]);
}

/* The binary under the bundle's key, and the bundle's key under each member's. */
static void deliver(struct opencl *cl, struct parcel *p) {
    const struct bundle *b = p->bundle;
    if (p->binary) store_binary_put(cl->store, b->key, p->binary, p->bytes);
    else log_line("build", "the driver gives no binary: '%s'", b->key);
    for (size_t i = 0; p->binary && i < cl->n_programs; i++)
        if (cl->programs[i]->bundle == b)
            store_binary_put(cl->store, cl->programs[i]->key, b->key, strlen(b->key));
    mem_free(p->binary);
}

void programs_store(struct opencl *cl) {
    struct parcel *parcels = mem_zero(cl->n_bundles + 1, sizeof *parcels);
    size_t n = 0;
    if (!parcels) return;
    for (size_t i = 0; i < cl->n_bundles; i++) {
        struct bundle *b = cl->bundles[i];
        if (b->due) parcels[n++] = (struct parcel){.bundle = b, .target = cl->target};
        b->due = false;
    }
    if (cl->quirks.serial_build) fetch_all(parcels, 0, n);
    else parallel_for(n, 1, fetch_all, parcels);
    for (size_t i = 0; i < n; i++) deliver(cl, &parcels[i]);
    mem_free(parcels);
}

void opencl_remember(struct opencl *cl) {
    for (size_t i = 0; i < cl->n_bundles; i++) {
        struct bundle *b = cl->bundles[i];
        b->due = b->due || !b->stored;
        b->stored = true;
    }
    if (!cl->quirks.slow_binary) programs_store(cl);
}
