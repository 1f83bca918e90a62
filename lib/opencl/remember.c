/* Binaries of programs on their way into the store, after their kernels first ran: some runtimes compile
 * at the first launch. */
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "opencl/internal.h"
#include "store/store.h"

/* A bundle's binary. */
struct parcel {
    struct bundle *bundle;
    unsigned char *binary; /* NULL: the driver gives none */
    size_t bytes;
};

static void fetch(struct parcel *p) {
    cl_program program = p->bundle->program;
    cl_int code =
        clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof p->bytes, &p->bytes, NULL);
    if (code == CL_SUCCESS && p->bytes) p->binary = mem_alloc(p->bytes);
    if (!p->binary) return;
    code = clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof p->binary, &p->binary, NULL);
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
        if (b->due) parcels[n++].bundle = b;
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
