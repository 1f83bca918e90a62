/* Data sets: finding the format, the split, labels and names, and the picture of an item. */
#include "train/dataset.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"

enum { CLASSES_MAX = 1 << 20 };
#define USUAL_TEST_SHARE 0.2
/* Seeds of the hashes that split: test from train, validation from what is left of train. */
#define TEST_HASH     UINT64_C(0x7465737400000000)
#define HOLD_OUT_HASH UINT64_C(0x76616c6964000000)

static dataset_reader *const readers[] = {dataset_read_idx, dataset_read_cifar, dataset_read_npy,
                                          dataset_read_folder};

/* ---- Life ---- */

static fovea_status dataset_create(struct fovea_dataset **out,
                                   const fovea_dataset_options *options) {
    struct fovea_dataset *d = mem_zero(1, sizeof *d);
    if (!d) return fail_memory(sizeof *d, "a data set");
    if (pthread_mutex_init(&d->mutex, NULL)) {
        mem_free(d);
        return fail_memory(sizeof d->mutex, "a lock");
    }
    if (options) {
        d->decode = options->decode;
        d->warn = options->warn;
        d->user = d->source_user = options->user;
        d->skip_damaged = options->skip_damaged;
    }
    *out = d;
    return FOVEA_OK;
}

void fovea_dataset_destroy(fovea_dataset *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n_class_names; i++) mem_free(d->class_names[i]);
    mem_free(d->class_names);
    data_names_free(&d->paths);
    mem_free(d->labels);
    mem_free(d->numbers);
    mem_free(d->records);
    mem_free(d->damaged);
    pthread_mutex_destroy(&d->mutex);
    mem_free(d);
}

void dataset_warn(const struct fovea_dataset *d, const char *format, ...) {
    char sentence[1024];
    va_list args;
    if (!d->warn) return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    d->warn(d->user, sentence);
}

/* ---- Classes ---- */

fovea_status dataset_add_class(struct fovea_dataset *d, const char *name) {
    size_t bytes;
    if (d->n_class_names == CLASSES_MAX)
        return fail(FOVEA_UNSUPPORTED, "more than %d classes", CLASSES_MAX);
    if (d->n_class_names % 64 == 0) { /* grows in steps of 64 */
        bytes = d->n_class_names * sizeof *d->class_names;
        char **grown = mem_resize(d->class_names, bytes, bytes + 64 * sizeof *d->class_names);
        if (!grown) return fail_memory(bytes, "names of classes");
        d->class_names = grown;
    }
    char *copy = mem_string(name);
    if (!copy) return fail_memory(strlen(name) + 1, "the name of a class");
    d->class_names[d->n_class_names++] = copy;
    return FOVEA_OK;
}

static fovea_status add_lines(struct fovea_dataset *d, char *text, char *end, const char *path) {
    for (char *line = text; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        *stop = '\0';
        if (strlen(line) != (size_t)(stop - line))
            return fail(FOVEA_BAD_FILE, "%s: is no text file", path);
        line[strcspn(line, "\r")] = '\0';
        if (*line) TRY(dataset_add_class(d, line));
        line = stop + 1;
    }
    return FOVEA_OK;
}

fovea_status dataset_read_class_names(struct fovea_dataset *d, const char *path) {
    struct data_file file;
    TRY(data_file_read(&file, path));
    char *text = mem_alloc(file.bytes + 1);
    fovea_status status = text ? FOVEA_OK : fail_memory(file.bytes + 1, "names of classes");
    if (text) {
        memcpy(text, file.data, file.bytes);
        text[file.bytes] = '\0';
        status = add_lines(d, text, text + file.bytes, path);
    }
    mem_free(text);
    mem_free(file.data);
    return status;
}

/* Names that lie beside data of any format. */
static fovea_status read_names_beside(struct fovea_dataset *d, const char *path) {
    if (d->n_class_names) return FOVEA_OK;
    char *names = mem_format("%s/classes.txt", path);
    if (!names) return fail_memory(strlen(path), "a path");
    fovea_status status = data_file_exists(names) ? dataset_read_class_names(d, names) : FOVEA_OK;
    mem_free(names);
    return status;
}

static fovea_status add_numbers(struct fovea_dataset *d) {
    for (int64_t i = 0; i < d->classes; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)i);
        TRY(dataset_add_class(d, number));
    }
    return FOVEA_OK;
}

/* Settles the number of classes: as told, as the format or the names say, else by the greatest label; no
 * label may lie outside. */
static fovea_status settle_classes(struct fovea_dataset *d, int64_t told, const char *where) {
    if (told) d->classes = told;
    else if (d->n_class_names) d->classes = (int64_t)d->n_class_names;
    int64_t most = d->classes ? d->classes : CLASSES_MAX, greatest = 0;
    for (int64_t i = 0; i < d->count; i++) {
        if (d->labels[i] < 0 || d->labels[i] >= most)
            return fail(FOVEA_BAD_FILE, "%s: label %lld of item %lld is not within 0..%lld", where,
                        (long long)d->labels[i], (long long)i, (long long)most - 1);
        if (d->labels[i] > greatest) greatest = d->labels[i];
    }
    if (!d->classes) d->classes = greatest + 1;
    return d->n_class_names ? FOVEA_OK : add_numbers(d);
}

/* ---- Splits ---- */

/* A number in [0, 1) that belongs to the item: of its path within the data set, or of its number. */
static double item_hash(const struct fovea_dataset *d, int64_t item, uint64_t seed,
                        const char *path) {
    int64_t number = d->numbers ? d->numbers[item] : item;
    uint64_t key = (uint64_t)number;
    if (d->paths.count) {
        const char *name = d->paths.name[number];
        size_t n = strlen(path);
        key = hash_string(HASH_START, strncmp(name, path, n) == 0 ? name + n : name);
    }
    return (double)(random_mix(random_mix(seed, key), 0) >> 11) * 0x1p-53;
}

/* Keeps the items whose hash is below the share, or those for which it is not. */
static fovea_status keep_share(struct fovea_dataset *d, double share, uint64_t seed, bool below,
                               const char *path) {
    int64_t kept = 0;
    if (!d->numbers) {
        d->numbers = mem_array((size_t)d->count, sizeof *d->numbers);
        if (!d->numbers) return fail_memory((size_t)d->count * sizeof *d->numbers, "a split");
        for (int64_t i = 0; i < d->count; i++) d->numbers[i] = i;
    }
    for (int64_t i = 0; i < d->count; i++) {
        if ((item_hash(d, i, seed, path) < share) != below) continue;
        int64_t number = d->numbers[i];
        d->numbers[kept] = number;
        d->labels[kept++] = d->labels[i];
    }
    d->count = kept;
    return FOVEA_OK;
}

struct wanted {
    enum split split;
    bool validation;
    double hold_out, test_share;
};

static bool is_share(double x) {
    return x >= 0 && x < 1;
}

static fovea_status parse_split(struct wanted *w, const char *split,
                                const fovea_dataset_options *o) {
    *w = (struct wanted){.hold_out = o ? o->hold_out : 0, .test_share = o ? o->test_share : 0};
    if (!is_share(w->hold_out) || !is_share(w->test_share))
        return fail(FOVEA_INVALID, "hold_out and test_share are shares from 0 to below 1");
    if (o && (o->classes < 0 || o->classes > CLASSES_MAX))
        return fail(FOVEA_INVALID, "%lld classes: there are 1 to %d", (long long)o->classes,
                    CLASSES_MAX);
    w->test_share = w->test_share > 0 ? w->test_share : USUAL_TEST_SHARE;
    w->split = strcmp(split, "test") == 0 ? SPLIT_TEST : SPLIT_TRAIN;
    w->validation = strcmp(split, "validation") == 0;
    if (w->split == SPLIT_TRAIN && !w->validation && strcmp(split, "train") != 0)
        return fail(FOVEA_INVALID, "there is no split '%s': train, test and validation are", split);
    if (w->validation && w->hold_out <= 0)
        return fail(FOVEA_INVALID, "the split 'validation' needs hold_out, its share of train");
    return FOVEA_OK;
}

static fovea_status apply_split(struct fovea_dataset *d, const struct wanted *w, bool needs_split,
                                const char *path) {
    bool test = w->split == SPLIT_TEST;
    if (needs_split) TRY(keep_share(d, w->test_share, TEST_HASH, test, path));
    if (!test && w->hold_out > 0)
        TRY(keep_share(d, w->hold_out, HOLD_OUT_HASH, w->validation, path));
    if (d->count > 0) return FOVEA_OK;
    return fail(FOVEA_BAD_FILE, "%s: no item is left for the split '%s'", path,
                w->validation ? "validation"
                : test        ? "test"
                              : "train");
}

/* ---- Opening ---- */

static fovea_status read_any(struct fovea_dataset *d, const char *path, enum split split,
                             bool *needs_split) {
    bool found = false;
    for (size_t i = 0; i < sizeof readers / sizeof *readers && !found; i++)
        TRY(readers[i](d, path, split, &found, needs_split));
    if (found) return FOVEA_OK;
    const char *test = split == SPLIT_TEST ? "test" : "train";
    return fail(
        FOVEA_BAD_FILE,
        "%s: holds no data set for '%s': no idx files (%s-images-idx3-ubyte), no CIFAR files "
        "(%s), no images.npy, no folder of pictures for each class",
        path, test, split == SPLIT_TEST ? "t10k" : "train",
        split == SPLIT_TEST ? "test_batch.bin, test.bin" : "data_batch_1.bin, train.bin");
}

static fovea_status open_into(struct fovea_dataset *d, const char *path, const struct wanted *w,
                              int64_t classes) {
    bool needs_split = false;
    if (!data_folder_exists(path))
        return fail(FOVEA_BAD_FILE, "%s is not a folder that can be read", path);
    TRY(read_any(d, path, w->split, &needs_split));
    TRY(read_names_beside(d, path));
    TRY(settle_classes(d, classes, path));
    TRY(apply_split(d, w, needs_split, path));
    d->damaged = mem_zero((size_t)d->count, 1);
    return d->damaged ? FOVEA_OK : fail_memory((size_t)d->count, "a data set");
}

fovea_status fovea_dataset_open(fovea_dataset **out, const char *path, const char *split,
                                const fovea_dataset_options *options) {
    struct wanted w;
    if (!out) return fail(FOVEA_INVALID, "fovea_dataset_open: out is NULL");
    *out = NULL;
    if (!path || !split) return fail(FOVEA_INVALID, "fovea_dataset_open: path or split is NULL");
    TRY(parse_split(&w, split, options));
    struct fovea_dataset *d = NULL;
    TRY(dataset_create(&d, options));
    fovea_status status = open_into(d, path, &w, options ? options->classes : 0);
    if (status == FOVEA_OK) *out = d;
    else fovea_dataset_destroy(d);
    return status;
}

static fovea_status take_source(struct fovea_dataset *d, const fovea_dataset_source *s) {
    d->format = "callback";
    d->count = s->count;
    d->channels = s->channels;
    d->height = s->height;
    d->width = s->width;
    d->picture = s->picture;
    d->source_user = s->user;
    d->labels = mem_array((size_t)s->count, sizeof *d->labels);
    d->damaged = mem_zero((size_t)s->count, 1);
    if (!d->labels || !d->damaged)
        return fail_memory((size_t)s->count * sizeof *d->labels, "a data set");
    for (int64_t i = 0; i < s->count; i++) d->labels[i] = s->label(s->user, i);
    for (int64_t i = 0; s->class_names && i < s->classes; i++)
        TRY(dataset_add_class(d, s->class_names[i] ? s->class_names[i] : ""));
    fovea_status status = settle_classes(d, s->classes, "the data set");
    return status == FOVEA_BAD_FILE ? FOVEA_INVALID : status;
}

fovea_status fovea_dataset_from_callback(fovea_dataset **out, const fovea_dataset_source *source,
                                         const fovea_dataset_options *options) {
    if (!out) return fail(FOVEA_INVALID, "fovea_dataset_from_callback: out is NULL");
    *out = NULL;
    if (!source || !source->label || !source->picture)
        return fail(FOVEA_INVALID, "a data set needs a callback for labels and one for pictures");
    if (source->count < 1 || source->classes < 1 || source->classes > CLASSES_MAX ||
        source->channels < 0 || source->height < 0 || source->width < 0)
        return fail(FOVEA_INVALID,
                    "a data set of %lld items and %lld classes: there are at least one of each, at "
                    "most %d classes, and no negative sizes",
                    (long long)source->count, (long long)source->classes, CLASSES_MAX);
    struct fovea_dataset *d = NULL;
    TRY(dataset_create(&d, options));
    fovea_status status = take_source(d, source);
    if (status == FOVEA_OK) *out = d;
    else fovea_dataset_destroy(d);
    return status;
}

/* ---- Looking ---- */

void fovea_dataset_get_info(const fovea_dataset *d, fovea_dataset_info *out) {
    pthread_mutex_lock((pthread_mutex_t *)&d->mutex);
    *out = (fovea_dataset_info){d->count, d->classes, d->channels, d->height,
                                d->width, d->format,  d->n_damaged};
    pthread_mutex_unlock((pthread_mutex_t *)&d->mutex);
}

const char *fovea_dataset_class(const fovea_dataset *d, int64_t i) {
    return i >= 0 && i < d->classes && (size_t)i < d->n_class_names ? d->class_names[i] : NULL;
}

int64_t fovea_dataset_label(const fovea_dataset *d, int64_t item) {
    return item >= 0 && item < d->count ? d->labels[item] : -1;
}

/* ---- Pictures ---- */

/* What a callback made must be what the data set said it is. */
static fovea_status check_picture(const struct fovea_dataset *d, int64_t item,
                                  const fovea_picture *p) {
    if (!p->pixels)
        return fail(FOVEA_INVALID, "item %lld: the callback gave no picture", (long long)item);
    TRY(picture_check(p->height, p->width, p->channels));
    if ((d->channels && p->channels != d->channels) || (d->height && p->height != d->height) ||
        (d->width && p->width != d->width))
        return fail(
            FOVEA_INVALID,
            "item %lld: a picture of %lldx%lldx%lld (height, width, channels) in a data set "
            "of %lldx%lldx%lld",
            (long long)item, (long long)p->height, (long long)p->width, (long long)p->channels,
            (long long)d->height, (long long)d->width, (long long)d->channels);
    return FOVEA_OK;
}

fovea_status dataset_view(const struct fovea_dataset *d, int64_t item, fovea_picture *out,
                          bool *borrowed) {
    int64_t number = d->numbers ? d->numbers[item] : item;
    *out = (fovea_picture){0, 0, 0, NULL};
    *borrowed = d->records != NULL;
    if (d->records) {
        uint8_t *pixels = d->records + d->first + (size_t)number * d->stride;
        *out = (fovea_picture){d->width, d->height, d->channels, pixels};
        return FOVEA_OK;
    }
    fovea_status status = d->picture ? d->picture(d->source_user, number, out)
                                     : d->decode(d->user, d->paths.name[number], out);
    if (status == FOVEA_OK) status = check_picture(d, number, out);
    if (status != FOVEA_OK) fovea_picture_free(out);
    return status;
}

bool dataset_skips(struct fovea_dataset *d, int64_t item, fovea_status status) {
    if (!d->skip_damaged || (status != FOVEA_BAD_FILE && status != FOVEA_UNSUPPORTED)) return false;
    pthread_mutex_lock(&d->mutex);
    if (!d->damaged[item]) {
        d->damaged[item] = 1;
        d->n_damaged++;
        dataset_warn(d, "%s; skipped", fovea_error());
    }
    pthread_mutex_unlock(&d->mutex);
    return true;
}

fovea_status fovea_dataset_picture(const fovea_dataset *d, int64_t item, fovea_picture *out) {
    bool borrowed;
    fovea_picture view;
    if (!d || !out) return fail(FOVEA_INVALID, "fovea_dataset_picture: a pointer is NULL");
    *out = (fovea_picture){0, 0, 0, NULL};
    if (item < 0 || item >= d->count)
        return fail(FOVEA_INVALID, "the data set has %lld items; there is no item %lld",
                    (long long)d->count, (long long)item);
    TRY(dataset_view(d, item, &view, &borrowed));
    if (!borrowed) {
        *out = view;
        return FOVEA_OK;
    }
    TRY(fovea_picture_create(out, view.height, view.width, view.channels));
    memcpy(out->pixels, view.pixels, (size_t)(view.height * view.width * view.channels));
    return FOVEA_OK;
}
