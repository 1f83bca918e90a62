/* The roofs of a device, once they were measured: kept in the store, and from then on in the place of the
 * estimates of every context on this device. */
#include "base/alloc.h"
#include "plan/measure.h"

static const char *const names[] = {"flops_peak", "bytes_per_second", "launch_overhead_us"};
enum { ROOFS = sizeof names / sizeof *names };

/* A driver or a part of a device (fewer compute units) is another device. */
static char *make_key(const fovea_device_info *d) {
    return mem_format("%s|%s|%s|%u units", d->platform, d->name, d->driver,
                      (unsigned)d->compute_units);
}

static void set(fovea_device_info *d, const double *roofs) {
    d->flops_peak = roofs[0];
    d->bytes_per_second = roofs[1];
    d->launch_overhead_us = roofs[2];
    d->measured = true;
}

void context_recall_roofs(fovea_context *c) {
    double roofs[ROOFS];
    char *key = c->store ? make_key(&c->info) : NULL;
    if (!key) return;
    bool all = true;
    for (int i = 0; i < ROOFS && all; i++)
        all = store_number_get(c->store, key, names[i], &roofs[i]) && roofs[i] > 0;
    mem_free(key);
    if (all) set(&c->info, roofs);
}

fovea_status context_keep_roofs(fovea_context *c, double flops, double bytes_per_second,
                                double launch_us) {
    const double roofs[ROOFS] = {flops, bytes_per_second, launch_us};
    char *key = make_key(&c->info);
    if (!key) return fail_memory(512, "the key of a device");
    for (int i = 0; i < ROOFS; i++) store_number_put(c->store, key, names[i], roofs[i]);
    mem_free(key);
    set(&c->info, roofs);
    return FOVEA_OK;
}
