/* Loaders: threads that make batches ahead of time.
 *
 * Batches lie in a ring of slots, filled in the order in which they will be asked for. A slot is opened with
 * its items; threads take some of its rows at a time; whoever makes the last row finishes the batch. The
 * slot that was given out last is opened anew at the next call. What is in a row depends on seed, epoch and
 * item alone, so it does not matter which thread makes it, or when. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"
#include "train/augment.h"
#include "train/dataset.h"

enum {
    USUAL_BATCH = 32,
    BATCH_MAX = 1 << 20,
    USUAL_PREFETCH = 4,
    PREFETCH_MAX = 1024,
    THREADS_MAX = 256,
    SENTENCE_MAX = 1024,
    MOST_TRIES = 100, /* to find a good picture in the place of a damaged one */
};

struct slot {
    int64_t epoch, index;
    int64_t rows, claimed, done;
    bool ready;
    fovea_status status; /* of the first row that failed */
    int64_t failed_row;
    char sentence[SENTENCE_MAX];
    float *x;
    int64_t *labels, *labels2, *items;
    int64_t count;
    float lambda;
};

struct worker {
    struct fovea_loader *loader;
    fovea_picture fitted; /* scratch */
    pthread_t thread;
};

struct fovea_loader {
    fovea_dataset *dataset;
    struct augment augment;
    bool shuffle, drop_last;
    int64_t batch, batches, row_elements, grain;

    pthread_mutex_t mutex; /* for everything below */
    pthread_cond_t work, ready;
    struct slot
        *slots; /* a ring; slot `first` is the next to give out, or was given out last (held) */
    size_t n_slots, first;
    bool held, paused, stop;
    size_t in_flight;            /* threads that are making rows */
    int64_t epoch, index;        /* of the next slot to open */
    int64_t *order, order_epoch; /* items of an epoch; -1: of none yet */

    struct worker *workers; /* the last is the caller's */
    size_t n_workers, started;
};

/* ---- Order ---- */

/* Fisher and Yates. */
static void shuffle(struct fovea_loader *l, int64_t epoch) {
    struct random r = {~random_mix(augment_epoch_key(&l->augment, epoch), 0)};
    int64_t n = l->dataset->count;
    for (int64_t i = 0; i < n; i++) l->order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)(random_uniform(&r) * (double)(i + 1)), t = l->order[i];
        l->order[i] = l->order[k];
        l->order[k] = t;
    }
    l->order_epoch = epoch;
}

/* Opens a slot for the next batch. With the mutex held, or before there are threads. */
static void open_slot(struct fovea_loader *l, struct slot *s) {
    int64_t first = l->index * l->batch, left = l->dataset->count - first;
    if (l->shuffle && l->order_epoch != l->epoch) shuffle(l, l->epoch);
    s->epoch = l->epoch;
    s->index = l->index;
    s->rows = left < l->batch ? left : l->batch;
    s->claimed = s->done = s->count = 0;
    s->ready = false;
    s->status = FOVEA_OK;
    for (int64_t i = 0; i < s->rows; i++)
        s->items[i] = l->shuffle ? l->order[first + i] : first + i;
    if (++l->index == l->batches) {
        l->index = 0;
        l->epoch++;
    }
}

static void open_all(struct fovea_loader *l) {
    l->first = 0;
    l->held = false;
    for (size_t i = 0; i < l->n_slots; i++) open_slot(l, &l->slots[i]);
}

/* ---- Rows ---- */

static fovea_status make_row(struct fovea_loader *l, struct slot *s, int64_t row, int64_t item,
                             const fovea_picture *fitted) {
    fovea_picture picture;
    bool borrowed;
    TRY(dataset_view(l->dataset, item, &picture, &borrowed));
    uint64_t key = augment_item_key(&l->augment, s->epoch, item);
    fovea_status status =
        augment_row(&l->augment, &picture, key, fitted, s->x + row * l->row_elements);
    if (!borrowed) fovea_picture_free(&picture);
    s->items[row] = item;
    s->labels[row] = l->dataset->labels[item];
    return status;
}

/* In the place of a damaged picture a row takes another, drawn from the same random numbers whoever draws;
 * where the order is that of the data set, the row stays out. */
static fovea_status make_good_row(struct fovea_loader *l, struct slot *s, int64_t row,
                                  const fovea_picture *fitted) {
    int64_t wanted = s->items[row], item = wanted;
    struct random r = {~augment_item_key(&l->augment, s->epoch, wanted)};
    for (int i = 0; i < MOST_TRIES; i++) {
        fovea_status status = make_row(l, s, row, item, fitted);
        if (!dataset_skips(l->dataset, item, status)) return status;
        if (!l->shuffle) {
            s->items[row] = -1;
            return FOVEA_OK;
        }
        item = (int64_t)(random_uniform(&r) * (double)l->dataset->count);
    }
    return fail(FOVEA_BAD_FILE, "%d pictures that were tried are all damaged, the last: %s",
                MOST_TRIES, fovea_error());
}

/* Moves the rows that are pictures to the front and empties the others. */
static void pack_rows(struct fovea_loader *l, struct slot *s) {
    size_t row_bytes = (size_t)l->row_elements * sizeof *s->x;
    for (int64_t i = 0; i < s->rows; i++) {
        if (s->items[i] < 0) continue;
        int64_t to = s->count++;
        if (to == i) continue;
        memcpy(s->x + to * l->row_elements, s->x + i * l->row_elements, row_bytes);
        s->items[to] = s->items[i];
        s->labels[to] = s->labels[i];
    }
    memset(s->x + s->count * l->row_elements, 0, (size_t)(l->batch - s->count) * row_bytes);
    for (int64_t i = s->count; i < l->batch; i++) s->items[i] = s->labels[i] = -1;
}

static void finish_batch(struct fovea_loader *l, struct slot *s) {
    pack_rows(l, s);
    s->lambda = augment_lambda(&l->augment, s->epoch, s->index);
    if (l->augment.change.mixup == 0) return;
    for (int64_t i = 0; i < l->batch; i++)
        s->labels2[i] = i < s->count ? s->labels[s->count - 1 - i] : -1;
    augment_mix(s->x, s->count, l->row_elements, s->lambda);
}

static void note_failure(struct slot *s, int64_t row, fovea_status status) {
    if (s->status != FOVEA_OK && s->failed_row < row) return;
    s->status = status;
    s->failed_row = row;
    snprintf(s->sentence, sizeof s->sentence, "%s", fovea_error());
}

/* Makes some rows of a slot. Called and returns with the mutex held. */
static void work_on(struct fovea_loader *l, struct slot *s, const fovea_picture *fitted) {
    int64_t begin = s->claimed, end = begin + l->grain < s->rows ? begin + l->grain : s->rows;
    s->claimed = end;
    l->in_flight++;
    for (int64_t row = begin; row < end; row++) {
        pthread_mutex_unlock(&l->mutex);
        fovea_status status = make_good_row(l, s, row, fitted);
        pthread_mutex_lock(&l->mutex);
        if (status != FOVEA_OK) note_failure(s, row, status);
    }
    s->done += end - begin;
    if (s->done == s->rows) {
        pthread_mutex_unlock(&l->mutex);
        if (s->status == FOVEA_OK) finish_batch(l, s);
        pthread_mutex_lock(&l->mutex);
        s->ready = true;
    }
    l->in_flight--;
    if (s->ready || l->in_flight == 0) pthread_cond_broadcast(&l->ready);
}

static struct slot *find_work(struct fovea_loader *l) {
    for (size_t i = 0; i < l->n_slots && !l->paused; i++) {
        struct slot *s = &l->slots[(l->first + i) % l->n_slots];
        if (s->claimed < s->rows) return s;
    }
    return NULL;
}

static void *run_worker(void *data) {
    struct worker *w = data;
    struct fovea_loader *l = w->loader;
    pthread_mutex_lock(&l->mutex);
    while (!l->stop) {
        struct slot *s = find_work(l);
        if (s) work_on(l, s, &w->fitted);
        else pthread_cond_wait(&l->work, &l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* ---- Life ---- */

static fovea_status settle_sizes(struct fovea_loader *l, const fovea_loader_options *o) {
    const fovea_dataset *d = l->dataset;
    struct augment *a = &l->augment;
    a->channels = o->channels ? o->channels : d->channels;
    a->height = o->height ? o->height : d->height;
    a->width = o->width ? o->width : d->width;
    if (!a->channels || !a->height || !a->width)
        return fail(FOVEA_INVALID,
                    "the pictures of the data set differ in size: say channels, height and width");
    TRY(picture_check(a->height, a->width, a->channels));
    l->row_elements = a->channels * a->height * a->width;
    l->batch = o->batch ? o->batch : USUAL_BATCH;
    if (l->batch < 1 || l->batch > BATCH_MAX)
        return fail(FOVEA_INVALID, "a batch of %lld: it is 1 to %d", (long long)l->batch,
                    BATCH_MAX);
    l->shuffle = o->shuffle;
    l->drop_last = o->drop_last;
    l->batches = d->count / l->batch + (!o->drop_last && d->count % l->batch != 0);
    if (!l->batches)
        return fail(FOVEA_INVALID, "the data set has %lld items, fewer than a batch of %lld",
                    (long long)d->count, (long long)l->batch);
    return augment_init(a, o);
}

static fovea_status create_slot(struct fovea_loader *l, struct slot *s) {
    size_t n = (size_t)l->batch, elements;
    bool fits = size_multiply(n, (size_t)l->row_elements, &elements);
    s->x = fits ? mem_array(elements, sizeof *s->x) : NULL;
    s->labels = mem_array(n, sizeof *s->labels);
    s->labels2 = mem_array(n, sizeof *s->labels2);
    s->items = mem_array(n, sizeof *s->items);
    if (s->x && s->labels && s->labels2 && s->items) return FOVEA_OK;
    return fail_memory(elements * sizeof *s->x, "a batch");
}

static fovea_status create_memory(struct fovea_loader *l, const fovea_loader_options *o) {
    int threads = o->threads ? o->threads : (int)parallel_width() - 1;
    if (threads < 1) threads = 1;
    if (o->threads < 0 || threads > THREADS_MAX || o->prefetch < 0 || o->prefetch > PREFETCH_MAX)
        return fail(FOVEA_INVALID, "%d threads and %d batches ahead: there are 0 to %d and 0 to %d",
                    o->threads, o->prefetch, THREADS_MAX, PREFETCH_MAX);
    l->grain = l->batch / (4 * (threads + 1));
    if (l->grain < 1) l->grain = 1;
    size_t slots = (size_t)(o->prefetch ? o->prefetch : USUAL_PREFETCH) + 1;
    l->slots = mem_zero(slots, sizeof *l->slots);
    l->workers = mem_zero((size_t)threads + 1, sizeof *l->workers);
    l->order = mem_array(l->shuffle ? (size_t)l->dataset->count : 1, sizeof *l->order);
    if (!l->slots || !l->workers || !l->order) return fail_memory(sizeof *l->slots, "a loader");
    while (l->n_slots < slots) TRY(create_slot(l, &l->slots[l->n_slots++]));
    const struct augment *a = &l->augment;
    for (; l->n_workers <= (size_t)threads; l->n_workers++) {
        struct worker *w = &l->workers[l->n_workers];
        w->loader = l;
        TRY(fovea_picture_create(&w->fitted, a->height, a->width, a->channels));
    }
    return FOVEA_OK;
}

/* Where no thread can be had, fovea_loader_next does the work. Signals are for the program's threads. */
static void start_threads(struct fovea_loader *l) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before)) return;
    while (l->started + 1 < l->n_workers) {
        struct worker *w = &l->workers[l->started];
        if (pthread_create(&w->thread, NULL, run_worker, w)) break;
        l->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

fovea_status fovea_loader_create(fovea_loader **out, fovea_dataset *dataset,
                                 const fovea_loader_options *options) {
    static const fovea_loader_options usual;
    if (!out) return fail(FOVEA_INVALID, "fovea_loader_create: out is NULL");
    *out = NULL;
    if (!dataset) return fail(FOVEA_INVALID, "fovea_loader_create: the data set is NULL");
    if (!options) options = &usual;
    struct fovea_loader *l = mem_zero(1, sizeof *l);
    if (!l) return fail_memory(sizeof *l, "a loader");
    l->dataset = dataset;
    l->order_epoch = -1;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    fovea_status status = settle_sizes(l, options);
    if (status == FOVEA_OK) status = create_memory(l, options);
    if (status != FOVEA_OK) {
        fovea_loader_destroy(l);
        return status;
    }
    open_all(l);
    start_threads(l);
    *out = l;
    return FOVEA_OK;
}

static void stop_threads(struct fovea_loader *l) {
    pthread_mutex_lock(&l->mutex);
    l->stop = l->paused = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (size_t i = 0; i < l->started; i++) pthread_join(l->workers[i].thread, NULL);
}

void fovea_loader_destroy(fovea_loader *l) {
    if (!l) return;
    stop_threads(l);
    for (size_t i = 0; i < l->n_slots; i++) {
        mem_free(l->slots[i].x);
        mem_free(l->slots[i].labels);
        mem_free(l->slots[i].labels2);
        mem_free(l->slots[i].items);
    }
    for (size_t i = 0; i < l->n_workers; i++) fovea_picture_free(&l->workers[i].fitted);
    mem_free(l->slots);
    mem_free(l->workers);
    mem_free(l->order);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    mem_free(l);
}

/* ---- Use ---- */

static void give(const struct fovea_loader *l, const struct slot *s, fovea_batch *out) {
    bool mixed = l->augment.change.mixup != 0;
    *out = (fovea_batch){.x = s->x,
                         .labels = s->labels,
                         .labels2 = mixed ? s->labels2 : s->labels,
                         .items = s->items,
                         .lambda = s->lambda,
                         .count = s->count,
                         .index = s->index,
                         .epoch = s->epoch};
}

fovea_status fovea_loader_next(fovea_loader *l, fovea_batch *out) {
    if (!l || !out) return fail(FOVEA_INVALID, "fovea_loader_next: a pointer is NULL");
    pthread_mutex_lock(&l->mutex);
    if (l->held) { /* the caller is done with it */
        open_slot(l, &l->slots[l->first]);
        l->first = (l->first + 1) % l->n_slots;
        l->held = false;
        pthread_cond_broadcast(&l->work);
    }
    struct slot *s = &l->slots[l->first];
    while (!s->ready) {
        if (s->claimed < s->rows) work_on(l, s, &l->workers[l->n_workers - 1].fitted);
        else pthread_cond_wait(&l->ready, &l->mutex);
    }
    l->held = s->status == FOVEA_OK;
    if (l->held) give(l, s, out);
    pthread_mutex_unlock(&l->mutex);
    return l->held ? FOVEA_OK : fail(s->status, "%s", s->sentence);
}

fovea_status fovea_loader_seek(fovea_loader *l, int64_t epoch, int64_t batch) {
    if (!l) return fail(FOVEA_INVALID, "fovea_loader_seek: the loader is NULL");
    if (epoch < 0 || batch < 0 || batch >= l->batches)
        return fail(FOVEA_INVALID, "epoch %lld, batch %lld: an epoch has %lld batches, from 0 on",
                    (long long)epoch, (long long)batch, (long long)l->batches);
    pthread_mutex_lock(&l->mutex);
    l->paused = true;
    while (l->in_flight) pthread_cond_wait(&l->ready, &l->mutex);
    l->epoch = epoch;
    l->index = batch;
    open_all(l);
    l->paused = false;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    return FOVEA_OK;
}

int64_t fovea_loader_batches(const fovea_loader *l) {
    return l ? l->batches : 0;
}
