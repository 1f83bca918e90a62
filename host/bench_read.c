/* Reads what `fovea bench --json` wrote. json-c and json.h share names, so no writing here. */
#include "bench.h"

#if HAVE_JSON_C
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

enum { MOST_FILE_BYTES = 1 << 28 };

static const char *text_of(json_object *object, const char *key) {
    json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value)) return "";
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static double number_of(json_object *object, const char *key) {
    json_object *value = NULL;
    bool is_number =
        json_object_object_get_ex(object, key, &value) &&
        (json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int));
    return is_number ? json_object_get_double(value) : 0;
}

/* The chosen algorithm of a problem keeps its key when the choice changes. */
static char *key_of(json_object *o) {
    json_object *chosen = NULL;
    if (json_object_object_get_ex(o, "model", NULL)) return host_format("(whole model)");
    if (json_object_object_get_ex(o, "node", NULL)) return host_format("%s", text_of(o, "node"));
    bool is_chosen =
        json_object_object_get_ex(o, "chosen", &chosen) && json_object_get_boolean(chosen);
    if (is_chosen) return host_format("%s", text_of(o, "problem"));
    return host_format("%s (%s)", text_of(o, "problem"), text_of(o, "algorithm"));
}

/* A line without a time is left out: a layer that launches nothing. */
static void add_line(struct bench_lines *lines, json_object *object) {
    double median = number_of(object, "median_ms");
    if (!(median > 0)) return;
    double q1 = number_of(object, "q1_ms"), q3 = number_of(object, "q3_ms");
    lines->line[lines->count++] =
        (struct bench_line){key_of(object), median, q1 > 0 ? q1 : median, q3 > 0 ? q3 : median,
                            strcmp(text_of(object, "verdict"), "wrong") == 0};
}

static void take_lines(struct bench_lines *lines, json_object *root) {
    static const char *const keys[] = {"layers", "rows"};
    json_object *list[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    for (int k = 0; k < 2; k++)
        if (json_object_object_get_ex(root, keys[k], &list[k]) &&
            json_object_is_type(list[k], json_type_array))
            n[k] = json_object_array_length(list[k]);
    lines->line = host_alloc(1 + n[0] + n[1], sizeof *lines->line);
    add_line(lines, root);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < n[k]; i++) add_line(lines, json_object_array_get_idx(list[k], i));
}

bool bench_read(struct bench_lines *lines, const char *path, struct problem *p) {
    unsigned char *data = NULL;
    size_t size;
    if (!file_read(&data, &size, path, MOST_FILE_BYTES, p)) return false;
    struct json_tokener *reader = json_tokener_new();
    json_object *root =
        reader ? json_tokener_parse_ex(reader, (const char *)data, (int)size) : NULL;
    if (json_object_is_type(root, json_type_object)) take_lines(lines, root);
    else
        problem_set(p, EXIT_FILE, "%s: is no JSON object: %s", path,
                    reader ? json_tokener_error_desc(json_tokener_get_error(reader)) : "no memory");
    bool good = lines->count > 0;
    if (!good && lines->line)
        problem_set(p, EXIT_FILE, "%s: holds no measurement of 'fovea bench --json'", path);
    json_object_put(root);
    if (reader) json_tokener_free(reader);
    free(data);
    return good;
}

#else

bool bench_read(struct bench_lines *lines, const char *path, struct problem *p) {
    (void)lines;
    return problem_set(p, EXIT_FILE, "%s: this build has no json-c, so it cannot be read", path);
}

#endif
