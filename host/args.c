/* A small parser of command lines. */
#include "args.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

void text_list_add(struct text_list *list, const char *text) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        const char **grown = host_alloc(capacity, sizeof *grown);
        if (list->count) memcpy(grown, list->text, list->count * sizeof *grown);
        free(list->text);
        list->text = grown;
        list->capacity = capacity;
    }
    list->text[list->count++] = text;
}

void text_list_free(struct text_list *list) {
    free(list->text);
    *list = (struct text_list){0};
}

bool args_floats(struct arg_floats *out, const char *text) {
    struct arg_floats list = {{0}, 0};
    for (const char *at = text;; at++) {
        char *end;
        double x = strtod(at, &end);
        if (end == at || !isfinite(x) || list.count == ARG_FLOATS_MAX) return false;
        list.value[list.count++] = x;
        if (*end == '\0') break;
        if (*end != ',') return false;
        at = end;
    }
    *out = list;
    return true;
}

static bool whole_number(int64_t *out, const char *text, int64_t least) {
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    if (errno || end == text || *end || x < least) return false;
    *out = x;
    return true;
}

static bool set_value(const struct arg *a, const char *value, struct problem *p) {
    const char *wanted = "";
    switch (a->kind) {
    case ARG_TEXT: *(const char **)a->target = value; return true;
    case ARG_LIST: text_list_add(a->target, value); return true;
    case ARG_COUNT:
        if (whole_number(a->target, value, 1)) return true;
        wanted = "a whole number from 1 up";
        break;
    case ARG_NUMBER:
        if (whole_number(a->target, value, 0)) return true;
        wanted = "a whole number from 0 up";
        break;
    default:
        if (args_floats(a->target, value)) return true;
        wanted = "numbers separated by commas";
    }
    return problem_set(p, EXIT_USAGE, "--%s needs %s, not '%s'", a->name, wanted, value);
}

static const struct arg *find(const struct arg *const *tables, size_t n_tables, const char *name,
                              size_t length, char letter) {
    for (size_t t = 0; t < n_tables; t++)
        for (const struct arg *a = tables[t]; a && a->kind != ARG_END; a++)
            if (letter ? a->letter == letter
                       : strlen(a->name) == length && memcmp(a->name, name, length) == 0)
                return a;
    return NULL;
}

/* The number of letters that must change to make b of a: Levenshtein's distance, for hints. */
static size_t distance(const char *a, size_t la, const char *b) {
    size_t row[64], lb = strlen(b);
    if (la >= 64 || lb >= 64) return 64;
    for (size_t j = 0; j <= lb; j++) row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[lb];
}

static bool unknown(const struct arg *const *tables, size_t n_tables, const char *word,
                    struct problem *p) {
    size_t length = strcspn(word, "="), dashes = strspn(word, "-"), best = 3;
    const char *hint = NULL;
    for (size_t t = 0; t < n_tables; t++)
        for (const struct arg *a = tables[t]; a && a->kind != ARG_END; a++) {
            size_t d = distance(word + dashes, length - dashes, a->name);
            if (d < best) {
                best = d;
                hint = a->name;
            }
        }
    if (hint)
        return problem_set(p, EXIT_USAGE, "unknown option '%.*s'; did you mean --%s?", (int)length,
                           word, hint);
    return problem_set(p, EXIT_USAGE, "unknown option '%.*s'; --help lists the known ones",
                       (int)length, word);
}

/* words[*at] is an option; takes its value from the next word if it has one. */
static bool parse_option(const struct arg *const *tables, size_t n_tables, int count, char **words,
                         int *at, struct problem *p) {
    const char *word = words[*at];
    bool is_long = word[1] == '-';
    const char *equals = is_long ? strchr(word, '=') : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (!is_long && length != 2) return unknown(tables, n_tables, word, p);
    const struct arg *a = is_long ? find(tables, n_tables, word + 2, length - 2, 0)
                                  : find(tables, n_tables, NULL, 0, word[1]);
    if (!a) return unknown(tables, n_tables, word, p);
    if (a->kind == ARG_FLAG) {
        if (equals) return problem_set(p, EXIT_USAGE, "--%s takes no value", a->name);
        *(bool *)a->target = true;
        return true;
    }
    if (equals) return set_value(a, equals + 1, p);
    if (*at + 1 >= count)
        return problem_set(p, EXIT_USAGE, "--%s needs a value: --%s %s", a->name, a->name,
                           a->value);
    return set_value(a, words[++*at], p);
}

bool args_parse(const struct arg *const *tables, size_t n_tables, int count, char **words,
                struct text_list *operands, struct problem *p) {
    bool options = true;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && word[0] == '-' && word[1]) {
            if (!parse_option(tables, n_tables, count, words, &i, p)) return false;
        } else {
            text_list_add(operands, word);
        }
    }
    return true;
}

void args_help(const struct arg *table) {
    for (const struct arg *a = table; a && a->kind != ARG_END; a++) {
        char left[64], letter[8] = "    ";
        if (a->letter) snprintf(letter, sizeof letter, "-%c, ", a->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, a->name, a->value ? " " : "",
                 a->value ? a->value : "");
        if (strlen(left) > 27) printf("  %s\n  %-27s %s\n", left, "", a->help);
        else printf("  %-27s %s\n", left, a->help);
    }
}
