/* Outputs of several batches, put together along the first dimension and written to files. */
#include "collect.h"

#include <stdlib.h>
#include <string.h>

#include "npy.h"

bool collect_open(struct collected **out, const struct text_list *words,
                  const fovea_value_info *outputs, size_t n_outputs, struct problem *p) {
    *out = host_alloc(words->count, sizeof **out);
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->text[i], *equals = strchr(word, '=');
        (*out)[i] = (struct collected){.name = n_outputs ? outputs[0].name : "", .path = word};
        for (size_t k = 0; equals && k < n_outputs; k++) {
            size_t length = (size_t)(equals - word);
            if (strlen(outputs[k].name) != length || memcmp(outputs[k].name, word, length) != 0)
                continue;
            (*out)[i].name = outputs[k].name;
            (*out)[i].path = equals + 1;
        }
    }
    if (!words->count || n_outputs) return true;
    return problem_set(p, EXIT_FILE, "the model has no output to write");
}

bool collect_add(struct collected *c, const fovea_array *a, size_t items, struct problem *p) {
    fovea_desc desc = a->desc;
    size_t bytes = array_bytes(a);
    if (items && desc.rank > 0 && desc.dim[0] > (int64_t)items) {
        bytes = bytes / (size_t)desc.dim[0] * items;
        desc.dim[0] = (int64_t)items;
    }
    bool fits = c->bytes == 0 || (c->desc.rank == desc.rank && desc.rank > 0 &&
                                  memcmp(c->desc.dim + 1, desc.dim + 1,
                                         (size_t)(desc.rank - 1) * sizeof *desc.dim) == 0);
    if (!fits)
        return problem_set(p, EXIT_FILE, "%s: outputs of different shapes do not fit one file",
                           c->path);
    if (c->bytes + bytes > c->capacity) {
        size_t capacity = 2 * (c->bytes + bytes);
        unsigned char *grown = realloc(c->data, capacity);
        if (!grown) return problem_set(p, EXIT_DEVICE, "out of memory for the outputs");
        c->data = grown;
        c->capacity = capacity;
    }
    if (bytes) memcpy(c->data + c->bytes, a->data, bytes);
    if (c->bytes) c->desc.dim[0] += desc.dim[0];
    else c->desc = desc;
    c->bytes += bytes;
    return true;
}

bool collect_write(const struct collected *c, struct problem *p) {
    fovea_array a = {c->desc, c->data};
    size_t n = strlen(c->path);
    if (n > 3 && strcmp(c->path + n - 3, ".pb") == 0)
        return problem_check(p, fovea_array_store(&a, c->name, c->path));
    return npy_write(&a, c->path, p);
}

void collect_free(struct collected *list, size_t count) {
    for (size_t i = 0; list && i < count; i++) free(list[i].data);
    free(list);
}
