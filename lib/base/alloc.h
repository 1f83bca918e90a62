/* Host memory. Everything the library allocates goes through here, so that a test can make the n-th
 * allocation fail. All return NULL on failure or overflow, and set no error sentence. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t bytes);              /* 64-byte aligned; bytes 0 gives a valid pointer */
void *mem_zero(size_t count, size_t size);  /* checked product, zeroed */
void *mem_array(size_t count, size_t size); /* checked product, not zeroed */
void *mem_resize(void *old, size_t old_bytes, size_t new_bytes);
void mem_free(void *);
char *mem_string(const char *); /* a copy; NULL stays NULL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool size_multiply(size_t a, size_t b, size_t *product); /* false on overflow */

/* Grows an array by one element and returns the new, zeroed element; NULL if memory ran out.
 * `array` is a pointer to the array pointer. */
void *mem_push(void *array, size_t *count, size_t *capacity, size_t size);

/* Test hook: the n-th allocation from now fails (1 = the next); 0 turns it off. */
void mem_fail_after(size_t n);
/* Allocations still to come before the one that fails; 0 once it has failed. */
size_t mem_fail_left(void);

#endif
