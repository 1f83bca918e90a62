/* What a checkpoint remembers for the program: the place in the data, sums of the epoch that runs, and the
 * history. Lines of a word and numbers; reals in hexadecimal, so that they come back to the last bit. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

enum { ROWS_MAX = 1 << 20 };

/* Appends formatted text to a growing string. */
static void add(char **text, const char *format, ...) HOST_PRINTF(2, 3);
static void add(char **text, const char *format, ...) {
    va_list args;
    char line[512];
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    char *longer = host_format("%s%s", *text ? *text : "", line);
    free(*text);
    *text = longer;
}

char *train_note_write(const struct train_session *s) {
    char *text = NULL;
    add(&text, "place %" PRId64 " %" PRId64 "\n", s->epoch, s->at);
    add(&text, "sums %a %" PRId64 " %" PRId64 "\n", s->loss_sum, s->correct, s->seen);
    add(&text, "best %a %" PRId64 "\n", s->best, s->stale);
    add(&text, "data %" PRId64 " %" PRId64 "\n", s->batch, s->batches);
    add(&text, "seconds %a\n", s->seconds);
    add(&text, "plateau %a %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", s->plateau.best,
        s->plateau.seen, s->plateau.bad, s->plateau.cooldown, s->plateau.changes);
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct train_row *r = &s->rows[i];
        add(&text, "row %" PRId64 " %" PRId64 " %a %a %a %a %a %a %a\n", r->epoch, r->updates,
            r->rate, r->loss, r->accuracy, r->test_loss, r->test_accuracy, r->seconds,
            r->images_per_second);
    }
    return text;
}

static bool read_row(struct train_session *s, const char *line) {
    struct train_row r;
    if (sscanf(line, "row %" SCNd64 " %" SCNd64 " %la %la %la %la %la %la %la", &r.epoch,
               &r.updates, &r.rate, &r.loss, &r.accuracy, &r.test_loss, &r.test_accuracy,
               &r.seconds, &r.images_per_second) != 9 ||
        s->n_rows == ROWS_MAX)
        return false;
    train_row_add(s, &r);
    return true;
}

static bool read_plateau(fovea_plateau *p, const char *line) {
    return sscanf(line, "plateau %la %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &p->best,
                  &p->seen, &p->bad, &p->cooldown, &p->changes) == 5;
}

static bool read_line(struct train_session *s, const char *line) {
    int64_t batch, batches;
    if (strncmp(line, "row ", 4) == 0) return read_row(s, line);
    if (strncmp(line, "place ", 6) == 0)
        return sscanf(line, "place %" SCNd64 " %" SCNd64, &s->epoch, &s->at) == 2 &&
               s->epoch >= 0 && s->at >= 0;
    if (strncmp(line, "sums ", 5) == 0)
        return sscanf(line, "sums %la %" SCNd64 " %" SCNd64, &s->loss_sum, &s->correct, &s->seen) ==
               3;
    if (strncmp(line, "best ", 5) == 0)
        return sscanf(line, "best %la %" SCNd64, &s->best, &s->stale) == 2;
    if (strncmp(line, "plateau ", 8) == 0) return read_plateau(&s->plateau, line);
    if (strncmp(line, "seconds ", 8) == 0) return sscanf(line, "seconds %la", &s->seconds) == 1;
    if (strncmp(line, "data ", 5) == 0)
        return sscanf(line, "data %" SCNd64 " %" SCNd64, &batch, &batches) == 2 &&
               batch == s->batch && batches == s->batches;
    return false;
}

bool train_note_read(struct train_session *s, const char *note, const char *path,
                     struct problem *p) {
    char *copy = host_format("%s", note), *save = NULL;
    size_t lines = 0;
    bool good = true;
    for (char *l = strtok_r(copy, "\n", &save); l && good; l = strtok_r(NULL, "\n", &save)) {
        lines++;
        good = read_line(s, l);
        if (!good)
            problem_set(
                p, EXIT_FILE,
                "%s: its note '%.60s' does not fit this training: resume with the same data, "
                "batch and program",
                path, l);
    }
    free(copy);
    if (good && lines == 0)
        return problem_set(p, EXIT_FILE, "%s does not say where its training stopped", path);
    return good;
}
