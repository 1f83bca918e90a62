/* A growing string. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

static bool text_reserve(struct text *t, size_t more) {
    if (t->length + more < t->capacity) return true;
    size_t capacity = (t->length + more + 1) * 2;
    char *s = mem_resize(t->s, t->length, capacity);
    if (!s) return false;
    t->s = s;
    t->capacity = capacity;
    return true;
}

void text_add(struct text *t, const char *format, ...) {
    if (t->failed) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !text_reserve(t, (size_t)n)) {
        t->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(t->s + t->length, (size_t)n + 1, format, args);
    va_end(args);
    t->length += (size_t)n;
}

void text_free(struct text *t) {
    mem_free(t->s);
    *t = (struct text){0};
}

char *text_take(struct text *t) {
    text_add(t, "%s", "");
    char *s = t->failed ? NULL : t->s;
    if (!s) mem_free(t->s);
    *t = (struct text){0};
    return s;
}
