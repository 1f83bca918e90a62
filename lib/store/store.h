/* What is remembered between runs: one SQLite file (WAL, safe for many processes). Every failure is
 * soft: a store that cannot be opened, read or written costs one warning and a run without it. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/status.h"

struct store;

/* path NULL: $XDG_CACHE_HOME/fovea/store.db, else ~/.cache/fovea/store.db; folders are made. NULL if
 * it cannot be opened: `warn` (may be NULL) then was told why. A damaged file is moved aside. */
struct store *store_open(const char *path, void (*warn)(void *user, const char *sentence),
                         void *user);
void store_close(struct store *);

/* Program binaries. `key` is a text that names platform, device, driver, UUID, source hash, options
 * and library version. A blob carries a checksum; a damaged row reads as absent and is deleted.
 * Get: *data from mem_alloc, or NULL if absent. */
void store_binary_get(struct store *, const char *key, void **data, size_t *bytes);
void store_binary_put(struct store *, const char *key, const void *data, size_t bytes);
void store_binary_delete(struct store *, const char *key);

/* Evidence that an algorithm told the truth on a device and driver (`device` is a key text), for a
 * problem line; or, with right = false, quarantine. */
void store_evidence_put(struct store *, const char *device, const char *algorithm,
                        const char *problem, bool right, double ratio, const char *reason);
/* 1: right, 0: quarantined, -1: nothing known. */
int store_evidence_get(struct store *, const char *device, const char *algorithm,
                       const char *problem);

/* A number that was measured of a device; get: false if it is not known. */
void store_number_put(struct store *, const char *device, const char *name, double value);
bool store_number_get(struct store *, const char *device, const char *name, double *value);

#endif
