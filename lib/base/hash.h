/* 64-bit FNV-1a (Fowler, Noll, Vo), for keys of the store: not for security. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u
uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes);
uint64_t hash_string(uint64_t hash, const char *s); /* includes the terminating zero */

#endif
