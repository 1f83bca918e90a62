/* A map from names to numbers, for the values of a file. */
#ifndef ONNX_NAMES_H
#define ONNX_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_NONE UINT32_MAX

struct names {
    struct names_slot {
        const char *name; /* borrowed; NULL: free */
        uint32_t number;
    } * slots;
    size_t count, capacity; /* a power of two */
};

/* Adds a name that is not there yet. False if memory ran out. */
bool names_add(struct names *, const char *name, uint32_t number);
uint32_t names_find(const struct names *, const char *name); /* NAMES_NONE if there is none */
void names_free(struct names *);

#endif
