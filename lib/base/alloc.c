/* Host memory with checked sizes and a hook that makes an allocation fail. */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t countdown;

void mem_fail_after(size_t n) {
    atomic_store(&countdown, n);
}

size_t mem_fail_left(void) {
    return atomic_load(&countdown);
}

static bool must_fail(void) {
    size_t left = atomic_load(&countdown);
    while (left && !atomic_compare_exchange_weak(&countdown, &left, left - 1)) {
    }
    return left == 1;
}

bool size_multiply(size_t a, size_t b, size_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

void *mem_alloc(size_t bytes) {
    void *p = NULL;
    if (must_fail() || bytes > PTRDIFF_MAX) return NULL;
    return posix_memalign(&p, 64, bytes ? bytes : 1) ? NULL : p;
}

void *mem_array(size_t count, size_t size) {
    size_t bytes;
    return size_multiply(count, size, &bytes) ? mem_alloc(bytes) : NULL;
}

void *mem_zero(size_t count, size_t size) {
    size_t bytes;
    if (!size_multiply(count, size, &bytes)) return NULL;
    void *p = mem_alloc(bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *mem_resize(void *old, size_t old_bytes, size_t new_bytes) {
    void *p = mem_alloc(new_bytes);
    if (!p) return NULL;
    if (old) memcpy(p, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    mem_free(old);
    return p;
}

void mem_free(void *p) {
    free(p);
}

char *mem_string(const char *s) {
    if (!s) return NULL;
    size_t bytes = strlen(s) + 1;
    char *copy = mem_alloc(bytes);
    return copy ? memcpy(copy, s, bytes) : NULL;
}

char *mem_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *s = n < 0 ? NULL : mem_alloc((size_t)n + 1);
    if (!s) return NULL;
    va_start(args, format);
    vsnprintf(s, (size_t)n + 1, format, args);
    va_end(args);
    return s;
}

void *mem_push(void *array, size_t *count, size_t *capacity, size_t size) {
    void **base = array;
    if (*count == *capacity) {
        size_t wanted = *capacity ? *capacity * 2 : 8, bytes;
        if (!size_multiply(wanted, size, &bytes)) return NULL;
        void *grown = mem_resize(*base, *count * size, bytes);
        if (!grown) return NULL;
        *base = grown;
        *capacity = wanted;
    }
    return memset((char *)*base + (*count)++ * size, 0, size);
}
