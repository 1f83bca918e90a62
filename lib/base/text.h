/* A growing string. A failed allocation is remembered in `failed` and later calls do nothing, so
 * that callers check once. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *s; /* "" is NULL until the first append */
    size_t length, capacity;
    bool failed;
};

void text_add(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *);
/* The string, now the caller's (mem_free); NULL if an allocation failed. Never NULL otherwise. */
char *text_take(struct text *);

#endif
