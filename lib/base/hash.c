/* 64-bit FNV-1a. */
#include "base/hash.h"

#include <string.h>

uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

uint64_t hash_string(uint64_t hash, const char *s) {
    return hash_bytes(hash, s, strlen(s) + 1);
}
