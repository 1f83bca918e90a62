/* Listing devices, choosing one by name, opening it. */
#include "plan/context.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/threads.h"
#include "opencl/kernel_table.h"

/* ---- Listing ---- */

static fovea_device_info reference_info(void) {
    fovea_device_info d = {.id = "reference",
                           .name = "CPU reference",
                           .driver = FOVEA_VERSION,
                           .type = FOVEA_DEVICE_REFERENCE,
                           .compute_units = (uint32_t)parallel_width(),
                           .max_allocation_bytes = PTRDIFF_MAX,
                           .max_work_group_size = 1,
                           .vector_width = 1,
                           .address_bits = 8 * sizeof(void *),
                           .has_fp64 = true,
                           .unified_memory = true,
                           .flops_peak = 2e9 * (double)parallel_width(),
                           .bytes_per_second = 5e9,
                           .launch_overhead_us = 1};
    env_lower("FOVEA_MEMORY", &d.memory_bytes);
    env_lower("FOVEA_MAX_ALLOCATION", &d.max_allocation_bytes);
    return d;
}

/* All devices with the reference at the end; *out from mem_alloc. */
static fovea_status list_all(fovea_device_info **out, size_t *count,
                             const fovea_context_options *o) {
    fovea_device_info *devices = NULL, *all;
    size_t n = 0;
    *out = NULL;
    TRY(opencl_list(&devices, &n, o ? o->warn : NULL, o ? o->user : NULL));
    all = mem_array(n + 1, sizeof *all);
    if (all && n) memcpy(all, devices, n * sizeof *all);
    mem_free(devices);
    if (!all) return fail_memory((n + 1) * sizeof *all, "a list of devices");
    all[n] = reference_info();
    *out = all;
    *count = n + 1;
    return FOVEA_OK;
}

fovea_status fovea_device_list(fovea_device_info *out, size_t capacity, size_t *count) {
    fovea_device_info *all;
    *count = 0;
    TRY(list_all(&all, count, NULL));
    for (size_t i = 0; i < *count && i < capacity; i++) out[i] = all[i];
    mem_free(all);
    return FOVEA_OK;
}

/* ---- Choosing ---- */

static bool contains(const char *text, const char *piece) {
    size_t length = strlen(piece);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)piece[i]))
            i++;
        if (i == length) return true;
    }
    return false;
}

static bool answers_to(const fovea_device_info *d, const char *name) {
    if (!*name) return true;
    if (strcmp(name, "gpu") == 0) return d->type == FOVEA_DEVICE_GPU;
    if (strcmp(name, "cpu") == 0) return d->type == FOVEA_DEVICE_CPU;
    if (strcmp(d->id, name) == 0) return true;
    if (strncmp(name, "opencl:", 7) == 0) return false;
    return contains(d->name, name) || contains(d->platform, name);
}

static int type_rank(const fovea_device_info *d) {
    static const int ranks[] = {0, 1, 3, 2}; /* reference, CPU, GPU, accelerator */
    return ranks[d->type];
}

/* The best device that answers and was not tried yet; count if there is none. Ties go to the fastest
 * by estimate, then to the first. */
static size_t best_device(const fovea_device_info *devices, size_t count, const char *name,
                          const bool *tried) {
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        const fovea_device_info *d = &devices[i], *b = best < count ? &devices[best] : NULL;
        if (tried[i] || !answers_to(d, name)) continue;
        if (!b || type_rank(d) > type_rank(b) ||
            (type_rank(d) == type_rank(b) && d->flops_peak > b->flops_peak))
            best = i;
    }
    return best;
}

/* ---- Opening ---- */

static uint64_t hash_kernels(void) {
    uint64_t hash = HASH_START;
    for (const struct kernel_source *k = kernel_table; k->stem; k++)
        hash = hash_string(hash, k->source);
    return hash;
}

fovea_status context_wrap(fovea_context **out, struct opencl *cl, const fovea_device_info *info,
                          const fovea_context_options *options, struct store *store) {
    static const fovea_context_options none;
    fovea_context *c = mem_zero(1, sizeof *c);
    char *key =
        mem_format("%s|%s|%s|%s|%016llx%s", info->platform, info->name, info->driver, FOVEA_VERSION,
                   (unsigned long long)hash_kernels(), cl && opencl_has_team(cl) ? "|team" : "");
    *out = NULL;
    if (!c || !key) {
        mem_free(c);
        mem_free(key);
        opencl_close(cl);
        store_close(store);
        return fail_memory(sizeof *c, "a context");
    }
    *c = (fovea_context){.info = *info,
                         .cl = cl,
                         .store = store,
                         .device_key = key,
                         .options = options ? *options : none};
    context_recall_roofs(c);
    *out = c;
    return FOVEA_OK;
}

static fovea_status open_device(fovea_context **out, const fovea_device_info *d,
                                const fovea_context_options *o) {
    struct opencl *cl = NULL;
    struct store *store = NULL;
    if (*d->problem) return fail(FOVEA_NO_DEVICE, "device %s (%s): %s", d->id, d->name, d->problem);
    if (d->type != FOVEA_DEVICE_REFERENCE) {
        if (!o->no_store) store = store_open(o->store_path, o->warn, o->user);
        fovea_status status = opencl_open(&cl, d->id, o->profile, store);
        if (status != FOVEA_OK) {
            store_close(store);
            return status;
        }
    }
    return context_wrap(out, cl, cl ? opencl_info(cl) : d, o, store);
}

/* Tries the devices that answer to `name`, the best first. With a name, only the best is tried: the
 * caller asked for it. */
static fovea_status open_best(fovea_context **out, const fovea_device_info *devices, size_t count,
                              const char *name, const fovea_context_options *o) {
    bool *tried = mem_zero(count, sizeof *tried);
    if (!tried) return fail_memory(count, "a list of devices");
    fovea_status status =
        fail(FOVEA_NO_DEVICE, "no device answers to '%s'; `fovea devices` lists them", name);
    for (size_t i; (i = best_device(devices, count, name, tried)) < count;) {
        tried[i] = true;
        status = open_device(out, &devices[i], o);
        if (status == FOVEA_OK || *name) break;
        log_line("context", "%s", fovea_error());
        if (o->warn) o->warn(o->user, fovea_error());
    }
    mem_free(tried);
    return status;
}

fovea_status fovea_context_create(fovea_context **out, const char *device,
                                  const fovea_context_options *options) {
    static const fovea_context_options none;
    const fovea_context_options *o = options ? options : &none;
    const char *name = device && *device ? device : getenv("FOVEA_DEVICE");
    fovea_device_info *all, reference = reference_info();
    size_t count;
    *out = NULL;
    if (!name) name = "";
    if (strcmp(name, "reference") == 0) return open_device(out, &reference, o);
    TRY(list_all(&all, &count, *name ? NULL : o));
    fovea_status status = open_best(out, all, count, name, o);
    mem_free(all);
    return status;
}

void fovea_context_destroy(fovea_context *c) {
    if (!c) return;
    opencl_close(c->cl);
    store_close(c->store);
    store_tunings_free(&c->tuning);
    mem_free(c->device_key);
    mem_free(c);
}

fovea_status fovea_context_wait(fovea_context *c) {
    return c->cl ? opencl_finish(c->cl) : FOVEA_OK;
}

const fovea_device_info *fovea_context_device(const fovea_context *c) {
    return &c->info;
}
