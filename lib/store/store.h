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

/* What an algorithm was measured to take for a problem, with the best values of its tunables. */
struct store_tuning {
    char *problem, *algorithm;
    char *tuning; /* "P=6,Q=2"; "": untuned */
    double seconds;
    int level; /* how thoroughly: a fovea_tune_level */
};
struct store_tunings {
    struct store_tuning *rows;
    size_t count, capacity;
};

/* Rows take the place of everything that was known of their problems. */
void store_tuning_put(struct store *, const char *device, const struct store_tuning *rows,
                      size_t count);
/* All rows of the device, by problem, then by algorithm. */
void store_tuning_read(struct store *, const char *device, struct store_tunings *out);
/* Deletes all rows of the device. */
void store_tuning_forget(struct store *, const char *device);
/* Appends a copy of the row; false if memory ran out. */
bool store_tuning_add(struct store_tunings *, const struct store_tuning *);
void store_tuning_drop(struct store_tuning *); /* frees the texts of one row */
void store_tunings_free(struct store_tunings *);

#endif
