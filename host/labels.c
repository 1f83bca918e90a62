/* Names of classes, and the true class of each picture. */
#include "labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

enum { LABELS_MAX_BYTES = 1 << 26, TRUTH_MAX_BYTES = 1 << 28 };

/* "n01440764 tench" -> "tench" */
static char *without_synset(char *line) {
    return line[0] == 'n' && strspn(line + 1, "0123456789") == 8 && line[9] == ' ' ? line + 10
                                                                                   : line;
}

/* " 1: 'goldfish, Carassius auratus'," -> "goldfish, Carassius auratus"; NULL if it is no such line. */
static char *from_dictionary(char *line) {
    char *at = line + strspn(line, "{ ");
    size_t digits = strspn(at, "0123456789");
    if (!digits || at[digits] != ':') return NULL;
    at += digits + 1 + strspn(at + digits + 1, " ");
    char quote = *at;
    if (quote != '\'' && quote != '"') return NULL;
    char *end = strrchr(at + 1, quote);
    if (!end || end[1 + strspn(end + 1, " ,}")]) return NULL;
    *end = '\0';
    return at + 1;
}

bool labels_load(struct labels *out, const char *path, struct problem *p) {
    unsigned char *data;
    size_t size;
    *out = (struct labels){0};
    if (!file_read(&data, &size, path, LABELS_MAX_BYTES, p)) return false;
    out->text = (char *)data;
    out->text[size] = '\0';
    if (strlen(out->text) != size) {
        labels_free(out);
        return problem_set(p, EXIT_FILE, "%s: is no text file", path);
    }
    for (char *line = out->text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        char *name = from_dictionary(line);
        text_list_add(&out->names, name ? name : without_synset(line));
    }
    return true;
}

void labels_free(struct labels *labels) {
    text_list_free(&labels->names);
    free(labels->text);
    labels->text = NULL;
}

const char *labels_name(const struct labels *labels, int64_t i) {
    return i >= 0 && (size_t)i < labels->names.count ? labels->names.text[i] : "";
}

static bool truth_from_text(int64_t **out, size_t *count, char *text, const char *path,
                            struct problem *p) {
    *out = host_alloc(strlen(text) + 1, sizeof **out);
    for (char *at = text; *(at += strspn(at, " \t\r\n"));) {
        char *end;
        errno = 0;
        long long x = strtoll(at, &end, 10);
        if (errno || end == at || x < 0 || (*end && !isspace((unsigned char)*end)))
            return problem_set(p, EXIT_FILE, "%s: number %zu is not the number of a class", path,
                               *count + 1);
        (*out)[(*count)++] = x;
        at = end;
    }
    return true;
}

static bool truth_from_idx(int64_t **out, size_t *count, const unsigned char *data, size_t size,
                           const char *path, struct problem *p) {
    fovea_array a;
    if (!array_decode(&a, data, size, path, p)) return false;
    bool good = a.desc.rank == 1;
    if (!good)
        problem_set(p, EXIT_FILE, "%s: is not a list of labels but has %d dimensions", path,
                    a.desc.rank);
    *count = good ? (size_t)a.desc.dim[0] : 0;
    *out = host_alloc(*count, sizeof **out);
    for (size_t i = 0; i < *count; i++) (*out)[i] = (int64_t)array_get(&a, (int64_t)i);
    array_free(&a);
    return good;
}

bool truth_load(int64_t **out, size_t *count, const char *path, struct problem *p) {
    unsigned char *data;
    size_t size;
    *out = NULL;
    *count = 0;
    if (!file_read(&data, &size, path, TRUTH_MAX_BYTES, p)) return false;
    data[size] = '\0';
    bool good = array_is_idx(data, size) ? truth_from_idx(out, count, data, size, path, p)
                                         : truth_from_text(out, count, (char *)data, path, p);
    free(data);
    if (!good) {
        free(*out);
        *out = NULL;
    }
    return good;
}
