/* Checkpoints: the trainer's tensors and counters as one safetensors file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/safetensors.h"
#include "train/trainer.h"

#define NOTE_KIND      "fovea.checkpoint"
#define NOTE_STEPS     "fovea.steps"
#define NOTE_UPDATES   "fovea.updates"
#define NOTE_OPTIMIZER "fovea.optimizer"
#define NOTE_SEED      "fovea.seed"
#define NOTE_SUMS      "fovea.accumulate"
#define NOTE_CALLER    "fovea.note"

/* ---- Saving ---- */

static fovea_status describe(void *user, const char *name, fovea_tensor *tensor) {
    safetensors_add(user, name, &tensor->desc);
    return FOVEA_OK;
}

static fovea_status write_contents(void *user, const char *name, fovea_tensor *tensor) {
    size_t bytes = desc_bytes(&tensor->desc);
    void *data = mem_alloc(bytes);
    (void)name;
    if (!data) return fail_memory(bytes, "a tensor to save");
    fovea_status status = fovea_tensor_read(tensor, data, bytes);
    if (status == FOVEA_OK) safetensors_write(user, data, bytes);
    mem_free(data);
    return status;
}

static void add_number(struct safetensors_writer *w, const char *key, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    safetensors_add_note(w, key, text);
}

fovea_status fovea_trainer_save(fovea_trainer *t, const char *path, const char *note) {
    struct safetensors_writer w;
    TRY(safetensors_begin(&w));
    safetensors_add_note(&w, NOTE_KIND, "1");
    add_number(&w, NOTE_STEPS, t->steps);
    add_number(&w, NOTE_UPDATES, t->updates);
    safetensors_add_note(&w, NOTE_OPTIMIZER, fovea_optimizer_name(t->options.optimizer.method));
    add_number(&w, NOTE_SEED, (int64_t)t->options.seed);
    add_number(&w, NOTE_SUMS, t->options.accumulate);
    if (note) safetensors_add_note(&w, NOTE_CALLER, note);
    TRY(trainer_visit(t, describe, &w));
    TRY(safetensors_create(&w, path));
    fovea_status status = trainer_visit(t, write_contents, &w);
    fovea_status end = safetensors_finish(&w, status == FOVEA_OK);
    if (end == FOVEA_OK) file_remove_stale(path);
    return status != FOVEA_OK ? status : end;
}

/* ---- Loading ---- */

struct reader {
    const struct safetensors *file;
    const char *path;
};

/* Every tensor must be there in the right shape before any is changed. */
static fovea_status match(void *user, const char *name, fovea_tensor *tensor) {
    struct reader *r = user;
    const struct safetensor *s = safetensors_find(r->file, name);
    if (!s)
        return fail(FOVEA_INVALID,
                    "%s has no '%s': it is of another network, optimizer, or averaging", r->path,
                    name);
    if (!desc_equal(&s->desc, &tensor->desc))
        return fail(FOVEA_INVALID, "%s: '%s' has shape %s; this network wants %s", r->path, name,
                    desc_text(&s->desc), desc_text(&tensor->desc));
    return FOVEA_OK;
}

static fovea_status take(void *user, const char *name, fovea_tensor *tensor) {
    const struct reader *r = user;
    const struct safetensor *s = safetensors_find(r->file, name);
    return fovea_tensor_write(tensor, s->data, desc_bytes(&s->desc));
}

static fovea_status read_number(const struct reader *r, const char *key, int64_t *out) {
    const char *text = safetensors_note(r->file, key);
    char *end = NULL;
    if (text) *out = strtoll(text, &end, 10);
    if (text && end != text && !*end) return FOVEA_OK;
    return fail(FOVEA_BAD_FILE, "%s is no checkpoint of a training: it does not say '%s'", r->path,
                key);
}

static fovea_status check_optimizer(const struct fovea_trainer *t, const struct reader *r) {
    const char *got = safetensors_note(r->file, NOTE_OPTIMIZER);
    const char *want = fovea_optimizer_name(t->options.optimizer.method);
    if (!safetensors_note(r->file, NOTE_KIND) || !got)
        return fail(FOVEA_BAD_FILE, "%s is no checkpoint of a training", r->path);
    if (strcmp(got, want) == 0) return FOVEA_OK;
    return fail(FOVEA_INVALID, "%s was made with the optimizer %s; this training uses %s", r->path,
                got, want);
}

/* Steps that a training can count: far below where sums of them overflow. */
#define STEPS_MAX (INT64_C(1) << 53)

/* Sums of gradients go on only with as many steps behind an update as they began with. */
static fovea_status read_counters(const struct fovea_trainer *t, const struct reader *r,
                                  int64_t *steps, int64_t *updates) {
    int64_t accumulate = 0;
    TRY(read_number(r, NOTE_STEPS, steps));
    TRY(read_number(r, NOTE_UPDATES, updates));
    TRY(read_number(r, NOTE_SUMS, &accumulate));
    if (*steps < 0 || *steps > STEPS_MAX || *updates < 0 || *updates > *steps)
        return fail(FOVEA_BAD_FILE, "%s counts %" PRId64 " updates in %" PRId64 " steps", r->path,
                    *updates, *steps);
    if (accumulate == t->options.accumulate) return FOVEA_OK;
    return fail(FOVEA_INVALID, "%s was made with %" PRId64 " steps behind an update, not %" PRId64,
                r->path, accumulate, t->options.accumulate);
}

static fovea_status load(struct fovea_trainer *t, struct reader *r, char **note) {
    int64_t steps = 0, updates = 0, seed = 0;
    const char *text = safetensors_note(r->file, NOTE_CALLER);
    TRY(check_optimizer(t, r));
    TRY(read_counters(t, r, &steps, &updates));
    TRY(read_number(r, NOTE_SEED, &seed));
    if ((uint64_t)seed != t->options.seed)
        return fail(FOVEA_INVALID, "%s was made with seed %" PRIu64 ", not %" PRIu64, r->path,
                    (uint64_t)seed, t->options.seed);
    TRY(trainer_visit(t, match, r));
    if (note && !(*note = mem_string(text ? text : ""))) return fail_memory(1, "a note");
    TRY(trainer_visit(t, take, r));
    t->steps = steps;
    t->updates = updates;
    return FOVEA_OK;
}

fovea_status fovea_trainer_load(fovea_trainer *t, const char *path, char **note) {
    struct safetensors file;
    if (note) *note = NULL;
    TRY(safetensors_read(&file, path));
    struct reader r = {&file, path};
    fovea_status status = load(t, &r, note);
    safetensors_free(&file);
    if (status != FOVEA_OK && note) {
        mem_free(*note);
        *note = NULL;
    }
    return status;
}

void fovea_free(void *memory) {
    mem_free(memory);
}
