/* What the files of the store share. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/store.h"

struct store {
    sqlite3 *db; /* NULL once it was given up */
    char *path;
    pthread_mutex_t mutex; /* around every call */
    void (*warn)(void *user, const char *sentence);
    void *user;
    bool warned;   /* one warning is enough */
    int64_t limit; /* bytes of all binaries */
};

/* open.c */
/* Tells the first trouble to the caller's function, later ones to the log. */
void store_warn(struct store *, const char *format, ...) PRINTF_LIKE(2, 3);
/* After an SQLite failure: a damaged file is moved aside and a fresh one opened; any other failure
 * costs a warning. */
void store_trouble(struct store *, int code, const char *doing);

#endif
