/* From the INPUT words of a command line to the arrays that a model's inputs are fed with. */
#include "input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model.h"

enum { INPUT_MAX_BYTES = INT32_MAX, USUAL_BATCH = 16 };

enum entry_kind { ENTRY_PICTURE, ENTRY_IDX, ENTRY_ARRAY };

struct entry {
    const char *path;
    enum entry_kind kind;
    fovea_array array;    /* of idx and array files */
    int64_t first, items; /* pictures (1), pictures of an idx file, or batches of an array */
};

struct feed {
    fovea_value_info info;
    struct entry *entries;
    size_t n_entries;
    int64_t items, batch, pieces;
    struct preprocess settled; /* for pictures */
};

static bool ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* ---- Arrays ------------------------------------------------------------------------------- */

static bool dims_fit(const fovea_desc *want, const fovea_desc *have, int from) {
    for (int d = from; d < want->rank; d++)
        if (want->dim[d] >= 0 && want->dim[d] != have->dim[d]) return false;
    return true;
}

/* Makes the array's shape the input's, adding a batch of one where it lacks; else says what fits. */
static bool fit_array(struct feed *f, struct entry *e, struct problem *p) {
    const fovea_desc *want = &f->info.desc;
    fovea_desc *have = &e->array.desc;
    e->items = 1;
    if (want->rank < 0) return true;
    if (have->rank == want->rank - 1 && want->rank <= FOVEA_MAX_RANK) {
        memmove(have->dim + 1, have->dim, (size_t)have->rank * sizeof *have->dim);
        have->dim[0] = 1;
        have->rank++;
    }
    if (have->rank == want->rank && dims_fit(want, have, 0)) return true;
    if (have->rank == want->rank && have->rank > 0 && dims_fit(want, have, 1) && want->dim[0] > 0 &&
        have->dim[0] > 0 && have->dim[0] % want->dim[0] == 0) {
        e->items = have->dim[0] / want->dim[0];
        have->dim[0] = want->dim[0]; /* of one batch; the data hold `items` of them */
        return true;
    }
    char a[128], b[128];
    host_shape(a, sizeof a, want, f->info.dim_name);
    host_shape(b, sizeof b, have, NULL);
    return problem_set(p, EXIT_FILE, "%s: has shape %s; input '%s' wants %s", e->path, b,
                       f->info.name, a);
}

static bool open_array(struct feed *f, struct entry *e, fovea_array *a, struct problem *p) {
    bool good = array_convert(&e->array, a, f->info.desc.dtype, p) || problem_in(p, e->path);
    array_free(a);
    e->kind = ENTRY_ARRAY;
    return good && fit_array(f, e, p);
}

/* ---- Pictures ----------------------------------------------------------------------------- */

static bool open_idx(struct entry *e, const struct input_options *o, struct problem *p) {
    const fovea_desc *d = &e->array.desc;
    e->kind = ENTRY_IDX;
    if (d->rank != 3 || d->dtype != FOVEA_UINT8 || d->dim[1] < 1 || d->dim[2] < 1)
        return problem_set(p, EXIT_FILE, "%s: holds no pictures (bytes: number, height, width)",
                           e->path);
    e->first = o->index < 0 ? 0 : o->index;
    int64_t left = d->dim[0] - e->first;
    if (left < 1)
        return problem_set(p, EXIT_FILE, "%s: has %lld pictures; none has --index %lld", e->path,
                           (long long)d->dim[0], (long long)e->first);
    if (o->count > left)
        return problem_set(p, EXIT_FILE, "%s: has %lld pictures from --index %lld on, not %lld",
                           e->path, (long long)left, (long long)e->first, (long long)o->count);
    e->items = o->count ? o->count : o->index >= 0 ? 1 : left;
    return true;
}

static bool idx_picture(struct image *out, const struct entry *e, int64_t i, struct problem *p) {
    int64_t height = e->array.desc.dim[1], width = e->array.desc.dim[2];
    if (!image_create(out, (uint64_t)width, (uint64_t)height, e->path, p)) return false;
    const unsigned char *from =
        (const unsigned char *)e->array.data + (e->first + i) * height * width;
    for (int64_t k = 0; k < height * width; k++) memset(out->rgb + 3 * k, from[k], 3);
    return true;
}

static bool load_picture(struct image *out, const struct entry *e, int64_t i, struct problem *p) {
    unsigned char *data;
    size_t size;
    *out = (struct image){0, 0, NULL};
    if (e->kind == ENTRY_IDX) return idx_picture(out, e, i, p);
    if (!file_read(&data, &size, e->path, INPUT_MAX_BYTES, p)) return false;
    bool good = image_decode(out, data, size, e->path, p);
    free(data);
    return good;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static bool open_entry(struct feed *f, struct entry *e, const struct input_options *o,
                       struct problem *p) {
    unsigned char *data;
    size_t size;
    fovea_array a = {{0}, NULL};
    if (ends_with(e->path, ".pb")) return array_load_pb(&a, e->path, p) && open_array(f, e, &a, p);
    if (!file_read(&data, &size, e->path, INPUT_MAX_BYTES, p)) return false;
    bool good;
    e->items = 1;
    if (image_is_picture(data, size)) good = true;
    else if (array_is_npy(data, size))
        good = array_decode(&a, data, size, e->path, p) && open_array(f, e, &a, p);
    else if (array_is_idx(data, size))
        good = array_decode(&e->array, data, size, e->path, p) && open_idx(e, o, p);
    else
        good = problem_set(
            p, EXIT_FILE,
            "%s: is no picture (jpg, png, bmp, ppm, pgm) and no .npy, .pb or idx file", e->path);
    free(data);
    return good;
}

/* The input a word names, else the first of those without a file (the only one takes them all). */
static struct feed *find_feed(struct input *in, const char **word) {
    const char *equals = strchr(*word, '=');
    for (size_t k = 0; equals && k < in->n_feeds; k++) {
        const char *name = in->feeds[k].info.name;
        if (strlen(name) != (size_t)(equals - *word) ||
            memcmp(name, *word, (size_t)(equals - *word)) != 0)
            continue;
        *word = equals + 1;
        return &in->feeds[k];
    }
    if (in->n_feeds == 1) return &in->feeds[0];
    for (size_t k = 0; k < in->n_feeds; k++)
        if (in->feeds[k].n_entries == 0) return &in->feeds[k];
    return NULL;
}

static bool assign_words(struct input *in, const struct text_list *words, size_t first,
                         struct problem *p) {
    for (size_t k = 0; k < in->n_feeds; k++)
        in->feeds[k].entries = host_alloc(words->count, sizeof *in->feeds[k].entries);
    for (size_t i = first; i < words->count; i++) {
        const char *word = words->text[i];
        struct feed *f = find_feed(in, &word);
        if (!f)
            return problem_set(
                p, EXIT_USAGE,
                "'%s' is one file too many: the model has %zu inputs; NAME=FILE names "
                "one",
                word, in->n_feeds);
        f->entries[f->n_entries++].path = word;
    }
    return true;
}

/* The batch and the number of pieces of a feed whose entries are open. */
static bool settle_feed(struct feed *f, const struct input_options *o, struct problem *p) {
    const fovea_desc *d = &f->info.desc;
    bool pictures = f->entries[0].kind != ENTRY_ARRAY;
    for (size_t i = 0; i < f->n_entries; i++) {
        if ((f->entries[i].kind != ENTRY_ARRAY) != pictures)
            return problem_set(p, EXIT_USAGE, "input '%s' has pictures and arrays: one kind a run",
                               f->info.name);
        f->items += f->entries[i].items;
    }
    f->batch = 1;
    f->pieces = f->items;
    if (!pictures) return true;
    if (!preprocess_settle(&f->settled, &o->picture, d, p)) return false;
    int64_t usual = o->usual_batch ? o->usual_batch : USUAL_BATCH;
    if (usual > f->items) usual = f->items;
    /* Pictures that keep their own sizes do not share a batch. */
    if (!f->settled.height || !f->settled.width) usual = 1;
    f->batch = d->rank < 4 ? 1 : d->dim[0] > 0 ? d->dim[0] : o->batch ? o->batch : usual;
    if (d->rank == 4 && d->dim[0] > 0 && o->batch && o->batch != d->dim[0])
        return problem_set(p, EXIT_FILE,
                           "the model fixes its batch at %lld; --batch %lld does not fit",
                           (long long)d->dim[0], (long long)o->batch);
    f->pieces = (f->items + f->batch - 1) / f->batch;
    return true;
}

static bool open_feed(struct feed *f, const struct input_options *o, struct problem *p) {
    if (f->n_entries == 0)
        return problem_set(p, EXIT_USAGE, "input '%s' has no file: give %s=FILE", f->info.name,
                           f->info.name);
    for (size_t i = 0; i < f->n_entries; i++)
        if (!open_entry(f, &f->entries[i], o, p)) return false;
    return settle_feed(f, o, p);
}

bool input_open(struct input *in, const fovea_graph *graph, const struct text_list *words,
                size_t first_word, const struct input_options *options, struct problem *p) {
    fovea_value_info *infos;
    *in = (struct input){0};
    if (!model_inputs(graph, &infos, &in->n_feeds, p)) return false;
    in->feeds = host_alloc(in->n_feeds, sizeof *in->feeds);
    for (size_t k = 0; k < in->n_feeds; k++) in->feeds[k].info = infos[k];
    free(infos);
    bool good = assign_words(in, words, first_word, p);
    in->pieces = in->n_feeds ? 0 : 1;
    for (size_t k = 0; good && k < in->n_feeds; k++) {
        struct feed *f = &in->feeds[k];
        good = open_feed(f, options, p);
        if ((size_t)f->pieces > in->pieces) in->pieces = (size_t)f->pieces;
    }
    for (size_t k = 0; good && k < in->n_feeds; k++)
        if (in->feeds[k].pieces != 1 && (size_t)in->feeds[k].pieces != in->pieces)
            good = problem_set(p, EXIT_USAGE, "input '%s' has %lld batches, another has %zu",
                               in->feeds[k].info.name, (long long)in->feeds[k].pieces, in->pieces);
    if (good && in->n_feeds && in->feeds[0].entries[0].kind != ENTRY_ARRAY)
        in->items = (size_t)in->feeds[0].items;
    if (!good) input_close(in);
    return good;
}

void input_close(struct input *in) {
    for (size_t k = 0; k < in->n_feeds; k++) {
        struct feed *f = &in->feeds[k];
        for (size_t i = 0; i < f->n_entries; i++) array_free(&f->entries[i].array);
        free(f->entries);
    }
    free(in->feeds);
    *in = (struct input){0};
}

const char *input_name(const struct input *in, size_t feed) {
    return in->feeds[feed].info.name;
}

bool input_decides_shape(const struct input *in, size_t feed) {
    return in->feeds[feed].info.decides_shape;
}

/* ---- Pieces ------------------------------------------------------------------------------- */

/* The entry that holds the item, and its number within. */
static const struct entry *find_item(const struct feed *f, int64_t item, int64_t *within) {
    const struct entry *e = f->entries;
    while (item >= e->items) item -= e++->items;
    *within = item;
    return e;
}

static bool array_piece(const struct feed *f, int64_t piece, fovea_array *out, struct problem *p) {
    int64_t within;
    const struct entry *e = find_item(f, piece, &within);
    if (!array_create(out, &e->array.desc, p)) return false;
    size_t bytes = array_bytes(out);
    memcpy(out->data, (const char *)e->array.data + (size_t)within * bytes, bytes);
    return true;
}

/* Adds picture `k` of the batch; the first decides the shape. */
static bool add_picture(const struct feed *f, int64_t item, int64_t k, fovea_array *out,
                        struct problem *p) {
    struct image image;
    int64_t within;
    const struct entry *e = find_item(f, item, &within);
    if (!load_picture(&image, e, within, p)) return false;
    fovea_desc one = preprocess_desc(&f->settled, &image, f->info.desc.dtype), all = one;
    all.dim[0] = f->batch;
    if (f->info.desc.rank == 3) {
        memmove(all.dim, all.dim + 1, 3 * sizeof *all.dim);
        all.rank = 3;
    }
    bool good = k > 0 || array_create(out, &all, p);
    if (good && memcmp(out->desc.dim, all.dim, (size_t)all.rank * sizeof *all.dim) != 0)
        good = problem_set(p, EXIT_FILE,
                           "%s: has another size than the first picture of its batch; "
                           "give --size HxW",
                           e->path);
    good = good && preprocess_picture(&f->settled, &image, out, k * fovea_desc_elements(&one), p);
    image_free(&image);
    return good;
}

bool input_piece(const struct input *in, size_t feed, size_t piece, fovea_array *out, size_t *used,
                 struct problem *p) {
    const struct feed *f = &in->feeds[feed];
    int64_t at = f->pieces == 1 ? 0 : (int64_t)piece;
    *out = (fovea_array){{0}, NULL};
    *used = 0;
    if (f->entries[0].kind == ENTRY_ARRAY) return array_piece(f, at, out, p);
    for (int64_t k = 0; k < f->batch; k++) {
        int64_t item = at * f->batch + k;
        *used += item < f->items;
        if (item >= f->items)
            item = f->items - 1; /* the last batch is filled up with the last one */
        if (!add_picture(f, item, k, out, p)) {
            array_free(out);
            return false;
        }
    }
    return true;
}

const struct preprocess *input_preprocess(const struct input *in) {
    return in->items ? &in->feeds[0].settled : NULL;
}

void input_item_name(const struct input *in, size_t item, char *out, size_t size) {
    int64_t within;
    const struct entry *e = find_item(&in->feeds[0], (int64_t)item, &within);
    if (e->kind == ENTRY_IDX)
        snprintf(out, size, "%s#%lld", e->path, (long long)(e->first + within));
    else snprintf(out, size, "%s", e->path);
}

void input_piece_name(const struct input *in, size_t piece, size_t k, char *out, size_t size) {
    const struct feed *f = &in->feeds[0];
    int64_t at = f->pieces == 1 ? 0 : (int64_t)piece, within;
    if (in->items) {
        input_item_name(in, (size_t)at * (size_t)f->batch + k, out, size);
        return;
    }
    const struct entry *e = find_item(f, at, &within);
    const fovea_desc *d = &e->array.desc;
    int64_t batch = d->rank > 0 ? d->dim[0] : 1;
    if (e->items == 1 && batch == 1) snprintf(out, size, "%s", e->path);
    else snprintf(out, size, "%s#%lld", e->path, (long long)(within * batch + (int64_t)k));
}
