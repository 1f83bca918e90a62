/* Tuning results as a text file:
 *
 *     fovea tuning 1
 *     device PLATFORM|NAME|DRIVER|VERSION|KERNELS
 *     1.25e-05 2 conv_blocked P=6,Q=2 Conv 1x64x56x56 64x64x3x3 64 pads=1,1,1,1
 *
 * A row is: seconds, level, algorithm, tuning ("-": untuned), problem. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"
#include "plan/tuning.h"

static const char header[] = "fovea tuning 1";
enum { LONGEST = 1 << 16, MOST_ROWS = 1 << 20 };

/* ---- Out ---- */

static bool write_rows(const struct store_tunings *t, const char *device, FILE *file) {
    fprintf(file, "%s\ndevice %s\n", header, device);
    for (size_t i = 0; i < t->count; i++) {
        const struct store_tuning *r = &t->rows[i];
        fprintf(file, "%.9g %d %s %s %s\n", r->seconds, r->level, r->algorithm,
                *r->tuning ? r->tuning : "-", r->problem);
    }
    return fflush(file) == 0 && !ferror(file);
}

fovea_status fovea_tuning_export(fovea_context *c, const char *path, size_t *rows) {
    tuning_level(c, ""); /* what the store knows is there now */
    FILE *file = fopen(path, "w");
    bool good = file && write_rows(&c->tuning, c->device_key, file);
    int error = errno;
    if (file && fclose(file) != 0) good = false;
    if (rows) *rows = good ? c->tuning.count : 0;
    if (good) return FOVEA_OK;
    return fail(FOVEA_BAD_FILE, "%s: cannot be written: %s", path, strerror(error));
}

/* ---- In ---- */

struct reader {
    const char *path;
    FILE *file;
    char *line;
    size_t number;
};

static fovea_status bad(const struct reader *r, const char *what) {
    return fail(FOVEA_BAD_FILE, "%s:%zu: %s", r->path, r->number, what);
}

/* The next line without its end; *more is false at the end of the file. */
static fovea_status next_line(struct reader *r, bool *more) {
    *more = fgets(r->line, LONGEST, r->file) != NULL;
    if (!*more)
        return ferror(r->file) ? fail(FOVEA_BAD_FILE, "%s: cannot be read", r->path) : FOVEA_OK;
    r->number++;
    size_t length = strlen(r->line);
    if (length == 0 || r->line[length - 1] != '\n')
        return bad(r, "the line is too long, holds a zero byte, or has no end");
    r->line[length - 1] = 0;
    return FOVEA_OK;
}

static fovea_status read_head(struct reader *r, const char *device, bool force) {
    bool more;
    TRY(next_line(r, &more));
    if (!more || strcmp(r->line, header) != 0)
        return fail(FOVEA_BAD_FILE, "%s: is no file of tuning results: its first line is not '%s'",
                    r->path, header);
    TRY(next_line(r, &more));
    if (!more || strncmp(r->line, "device ", 7) != 0)
        return bad(r, "'device' and the device's key should stand here");
    if (force || strcmp(r->line + 7, device) == 0) return FOVEA_OK;
    return fail(
        FOVEA_INVALID,
        "%s: was measured on '%.300s', but this is '%.300s'; nothing was taken (force it if "
        "the two are alike)",
        r->path, r->line + 7, device);
}

/* Cuts the next word off; NULL if there is none. */
static char *cut_word(char **at) {
    char *word = *at, *end = strchr(word, ' ');
    if (!end || end == word) return NULL;
    *end = 0;
    *at = end + 1;
    return word;
}

/* The algorithm of the problem's operator that has this name. */
static fovea_status find_algorithm(const char *problem, const char *name,
                                   const struct algorithm **out) {
    fovea_graph *g;
    *out = NULL;
    TRY(fovea_graph_from_problem(&g, problem));
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct algorithm *const *list = algorithms_of(g->nodes[i].op);
        for (size_t k = 0; list[k]; k++)
            if (strcmp(list[k]->name, name) == 0) *out = list[k];
    }
    fovea_graph_destroy(g);
    return *out ? FOVEA_OK
                : fail(FOVEA_INVALID, "'%.60s' is no algorithm of '%.60s'", name, problem);
}

static fovea_status take_row(struct reader *r, struct store_tunings *out) {
    char *at = r->line, *end;
    const char *seconds = cut_word(&at), *level = seconds ? cut_word(&at) : NULL;
    char *algorithm = level ? cut_word(&at) : NULL, *tuning = algorithm ? cut_word(&at) : NULL;
    const struct algorithm *a;
    int values[TUNABLES_MAX];
    if (!tuning || !*at) return bad(r, "a row is: seconds, level, algorithm, tuning, problem");
    struct store_tuning row = {at, algorithm, tuning, strtod(seconds, &end), 0};
    if (*end || !(row.seconds > 0) || !isfinite(row.seconds))
        return bad(r, "the seconds are no number above 0");
    if (strlen(level) != 1 || *level < '0' + FOVEA_TUNE_QUICK || *level > '0' + FOVEA_TUNE_FULL)
        return bad(r, "the level is neither 1 (quick) nor 2 (full)");
    row.level = *level - '0';
    if (strcmp(tuning, "-") == 0) *tuning = 0;
    fovea_status status = find_algorithm(at, algorithm, &a);
    if (status == FOVEA_OK) status = tuning_parse(a, tuning, values);
    if (status == FOVEA_NO_MEMORY) return status;
    if (status != FOVEA_OK) return fail_in(FOVEA_BAD_FILE, "%s:%zu: ", r->path, r->number);
    if (out->count >= MOST_ROWS) return bad(r, "the file has too many rows");
    return store_tuning_add(out, &row) ? FOVEA_OK : fail_memory(sizeof row, "a tuning result");
}

static fovea_status read_rows(struct reader *r, const char *device, bool force,
                              struct store_tunings *out) {
    bool more = true;
    TRY(read_head(r, device, force));
    for (;;) {
        TRY(next_line(r, &more));
        if (!more) return FOVEA_OK;
        TRY(take_row(r, out));
    }
}

fovea_status fovea_tuning_import(fovea_context *c, const char *path, bool force, size_t *rows) {
    struct store_tunings taken = {0};
    struct reader r = {path, fopen(path, "r"), mem_alloc(LONGEST), 0};
    fovea_status status = FOVEA_OK;
    if (rows) *rows = 0;
    if (!r.file) status = fail(FOVEA_BAD_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    else if (!r.line) status = fail_memory(LONGEST, "a line");
    if (status == FOVEA_OK) status = read_rows(&r, c->device_key, force, &taken);
    if (status == FOVEA_OK) status = tuning_keep(c, &taken);
    if (status == FOVEA_OK && rows) *rows = taken.count;
    store_tunings_free(&taken);
    if (r.file) fclose(r.file);
    mem_free(r.line);
    return status;
}
