/* Shapes given on the command line, as bindings for a plan. */
#include "shapes.h"

#include <stdlib.h>
#include <string.h>

static bool parse_dims(fovea_desc *desc, const char *text) {
    for (desc->rank = 0; desc->rank < FOVEA_MAX_RANK;) {
        char *end;
        long long n = strtoll(text, &end, 10);
        if (end == text || n < 0) return false;
        desc->dim[desc->rank++] = n;
        if (*end == '\0') return true;
        if (*end != 'x') return false;
        text = end + 1;
    }
    return false;
}

static bool parse_word(struct shapes *s, const fovea_value_info *inputs, size_t n_inputs,
                       const char *word, struct problem *p) {
    const char *equals = strrchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : 0;
    fovea_binding *b = &s->bindings[s->count];
    for (size_t i = 0; i < n_inputs; i++) {
        if (!equals && n_inputs > 1) break;
        if (equals &&
            (strlen(inputs[i].name) != length || memcmp(inputs[i].name, word, length) != 0))
            continue;
        *b = (fovea_binding){.name = inputs[i].name, .desc = inputs[i].desc};
        if (!parse_dims(&b->desc, equals ? equals + 1 : word)) break;
        s->count++;
        return true;
    }
    return problem_set(p, EXIT_USAGE, "--shape needs INPUT=1x3x224x224, not '%s'", word);
}

static bool is_bound(const struct shapes *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->bindings[i].name, name) == 0) return true;
    return false;
}

bool shapes_parse(struct shapes *out, const fovea_value_info *inputs, size_t n_inputs,
                  const struct text_list *words, int64_t batch, struct problem *p) {
    *out = (struct shapes){host_alloc(words->count + n_inputs, sizeof *out->bindings), 0};
    for (size_t i = 0; i < words->count; i++)
        if (!parse_word(out, inputs, n_inputs, words->text[i], p)) return false;
    for (size_t i = 0; batch && i < n_inputs; i++) {
        const fovea_desc *d = &inputs[i].desc;
        if (d->rank < 1 || d->dim[0] >= 0 || is_bound(out, inputs[i].name)) continue;
        out->bindings[out->count] = (fovea_binding){.name = inputs[i].name, .desc = *d};
        out->bindings[out->count++].desc.dim[0] = batch;
    }
    return true;
}

void shapes_free(struct shapes *shapes) {
    free(shapes->bindings);
    *shapes = (struct shapes){NULL, 0};
}
