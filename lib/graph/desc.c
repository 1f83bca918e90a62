/* Element types and shapes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

static const struct {
    fovea_dtype dtype;
    const char *name;
    size_t size;
} types[] = {
    {FOVEA_FLOAT32, "float32", 4},   {FOVEA_UINT8, "uint8", 1},   {FOVEA_INT8, "int8", 1},
    {FOVEA_UINT16, "uint16", 2},     {FOVEA_INT16, "int16", 2},   {FOVEA_INT32, "int32", 4},
    {FOVEA_INT64, "int64", 8},       {FOVEA_BOOL, "bool", 1},     {FOVEA_FLOAT16, "float16", 2},
    {FOVEA_FLOAT64, "float64", 8},   {FOVEA_UINT32, "uint32", 4}, {FOVEA_UINT64, "uint64", 8},
    {FOVEA_BFLOAT16, "bfloat16", 2}, {FOVEA_UINT4, "uint4", 1},   {FOVEA_INT4, "int4", 1},
};
enum { TYPES = sizeof types / sizeof *types };

const char *fovea_dtype_name(fovea_dtype dtype) {
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].dtype == dtype) return types[i].name;
    return "undefined";
}

size_t fovea_dtype_size(fovea_dtype dtype) {
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].dtype == dtype) return types[i].size;
    return 0;
}

int64_t fovea_desc_elements(const fovea_desc *d) {
    int64_t n = 1;
    if (d->rank < 0) return -1;
    for (int i = 0; i < d->rank; i++)
        if (d->dim[i] < 0) return -1;
    for (int i = 0; i < d->rank; i++)
        if (d->dim[i] == 0) return 0;
    for (int i = 0; i < d->rank; i++)
        if (__builtin_mul_overflow(n, d->dim[i], &n)) return -1;
    return n;
}

size_t desc_bytes(const fovea_desc *d) {
    int64_t n = fovea_desc_elements(d);
    return n < 0 ? 0 : (size_t)n * fovea_dtype_size(d->dtype);
}

int64_t desc_span(const fovea_desc *d, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++) n *= d->dim[i];
    return n;
}

bool desc_equal(const fovea_desc *a, const fovea_desc *b) {
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

const char *desc_text(const fovea_desc *d) {
    static _Thread_local char ring[8][FOVEA_MAX_RANK * 21 + 8];
    static _Thread_local int next;
    char *s = ring[next++ & 7], *p = s;
    if (d->rank <= 0) return d->rank == 0 ? "scalar" : "unknown";
    for (int i = 0; i < d->rank; i++)
        p += d->dim[i] < 0 ? sprintf(p, i ? "x?" : "?")
                           : sprintf(p, i ? "x%" PRId64 : "%" PRId64, d->dim[i]);
    return s;
}
