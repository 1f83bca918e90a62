/* What is known of an algorithm's speed on this device. */
#include "plan/tuning.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* ---- The table ---- */

static int compare(const struct store_tuning *a, const char *problem, const char *algorithm) {
    int order = strcmp(a->problem, problem);
    return order ? order : strcmp(a->algorithm, algorithm);
}

static int by_name(const void *a, const void *b) {
    const struct store_tuning *y = b;
    return compare(a, y->problem, y->algorithm);
}

static struct store_tunings *table_of(fovea_context *c) {
    if (!c->tuning_is_read) store_tuning_read(c->store, c->device_key, &c->tuning);
    c->tuning_is_read = true;
    return &c->tuning;
}

/* The first row that is not before (problem, algorithm). */
static size_t lower_bound(const struct store_tunings *t, const char *problem,
                          const char *algorithm) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&t->rows[middle], problem, algorithm) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

const struct store_tuning *tuning_find(fovea_context *c, const char *problem,
                                       const char *algorithm) {
    const struct store_tunings *t = table_of(c);
    size_t at = lower_bound(t, problem, algorithm);
    return at < t->count && compare(&t->rows[at], problem, algorithm) == 0 ? &t->rows[at] : NULL;
}

int tuning_level(fovea_context *c, const char *problem) {
    const struct store_tunings *t = table_of(c);
    int most = 0;
    for (size_t i = lower_bound(t, problem, "");
         i < t->count && strcmp(t->rows[i].problem, problem) == 0; i++)
        if (t->rows[i].level > most) most = t->rows[i].level;
    return most;
}

static bool names(const struct store_tunings *t, const char *problem) {
    size_t at = lower_bound(t, problem, "");
    return at < t->count && strcmp(t->rows[at].problem, problem) == 0;
}

static void sort(struct store_tunings *t) {
    if (t->count) qsort(t->rows, t->count, sizeof *t->rows, by_name);
}

fovea_status tuning_keep(fovea_context *c, struct store_tunings *fresh) {
    struct store_tunings *t = table_of(c);
    size_t kept = 0;
    bool good = true;
    sort(fresh);
    for (size_t i = 0; i < t->count; i++)
        if (names(fresh, t->rows[i].problem)) store_tuning_drop(&t->rows[i]);
        else t->rows[kept++] = t->rows[i];
    t->count = kept;
    for (size_t i = 0; good && i < fresh->count; i++) good = store_tuning_add(t, &fresh->rows[i]);
    sort(t);
    if (!good) return fail_memory(fresh->count * sizeof *fresh->rows, "tuning results");
    /* What kernels in the making were measured to take is for this context alone. */
    if (!getenv("FOVEA_KERNEL_DIR"))
        store_tuning_put(c->store, c->device_key, fresh->rows, fresh->count);
    return FOVEA_OK;
}

fovea_status fovea_tuning_forget(fovea_context *c) {
    store_tunings_free(&c->tuning);
    store_tuning_forget(c->store, c->device_key);
    return FOVEA_OK;
}

/* ---- Values as text ---- */

static bool is_legal(const struct tunable *t, long value) {
    for (size_t i = 0; i < sizeof t->values / sizeof *t->values && t->values[i]; i++)
        if (t->values[i] == value) return true;
    return false;
}

/* One "P=6" of `length` characters. */
static bool take_value(const struct algorithm *a, const char *text, size_t length, int *values) {
    for (size_t i = 0; a->tunables && a->tunables[i].name; i++) {
        size_t n = strlen(a->tunables[i].name);
        char *end;
        if (n + 1 >= length || memcmp(text, a->tunables[i].name, n) != 0 || text[n] != '=')
            continue;
        if (text[n + 1] < '1' || text[n + 1] > '9') return false;
        long value = strtol(text + n + 1, &end, 10);
        if (end != text + length || !is_legal(&a->tunables[i], value) || values[i]) return false;
        values[i] = (int)value;
        return true;
    }
    return false;
}

fovea_status tuning_parse(const struct algorithm *a, const char *text, int values[TUNABLES_MAX]) {
    memset(values, 0, TUNABLES_MAX * sizeof *values);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        if (!take_value(a, at, length, values) || (at[length] && !at[length + 1]))
            return fail(FOVEA_INVALID, "'%.60s' is no tuning of %s", text, a->name);
        at += length + (at[length] == ',');
    }
    return FOVEA_OK;
}

char *tuning_text(const struct algorithm *a, const int values[TUNABLES_MAX]) {
    struct text t = {0};
    for (size_t i = 0; a->tunables && a->tunables[i].name; i++)
        if (values[i]) text_add(&t, "%s%s=%d", t.length ? "," : "", a->tunables[i].name, values[i]);
    return text_take(&t);
}
