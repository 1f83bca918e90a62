/* A hash map with open addressing. */
#include "onnx/names.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

static struct names_slot *slot_of(const struct names *n, const char *name) {
    size_t mask = n->capacity - 1, i = (size_t)hash_string(HASH_START, name) & mask;
    while (n->slots[i].name && strcmp(n->slots[i].name, name) != 0) i = (i + 1) & mask;
    return &n->slots[i];
}

static bool grow(struct names *n) {
    struct names larger = {.count = n->count, .capacity = n->capacity ? n->capacity * 2 : 64};
    larger.slots = mem_zero(larger.capacity, sizeof *larger.slots);
    if (!larger.slots) return false;
    for (size_t i = 0; i < n->capacity; i++)
        if (n->slots[i].name) *slot_of(&larger, n->slots[i].name) = n->slots[i];
    mem_free(n->slots);
    *n = larger;
    return true;
}

bool names_add(struct names *n, const char *name, uint32_t number) {
    if (n->count * 2 >= n->capacity && !grow(n)) return false;
    *slot_of(n, name) = (struct names_slot){name, number};
    n->count++;
    return true;
}

uint32_t names_find(const struct names *n, const char *name) {
    if (n->capacity == 0) return NAMES_NONE;
    const struct names_slot *slot = slot_of(n, name);
    return slot->name ? slot->number : NAMES_NONE;
}

void names_free(struct names *n) {
    mem_free(n->slots);
    *n = (struct names){0};
}
