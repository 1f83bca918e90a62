/* Mean and standard deviation of a data set's pixels. Sums are of whole numbers, so the order in which
 * threads add them does not show. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "train/dataset.h"

struct sums {
    uint64_t pixels, sum[FOVEA_PICTURE_CHANNELS], squares[FOVEA_PICTURE_CHANNELS];
};

struct measure {
    fovea_dataset *dataset;
    int64_t channels, items; /* items to read */
    pthread_mutex_t mutex;
    struct sums sums;
    fovea_status status;
    size_t failed; /* the first item that failed */
    char sentence[1024];
};

static void add_picture(struct sums *s, const fovea_picture *p, int64_t channels) {
    uint8_t value[FOVEA_PICTURE_CHANNELS];
    int64_t pixels = p->height * p->width;
    for (int64_t i = 0; i < pixels; i++) {
        picture_pixel(p->pixels + i * p->channels, p->channels, value, channels);
        for (int64_t c = 0; c < channels; c++) {
            s->sum[c] += value[c];
            s->squares[c] += (uint64_t)value[c] * value[c];
        }
    }
    s->pixels += (uint64_t)pixels;
}

/* The k-th of `items` items that are evenly spread over `count`. */
static int64_t spread(size_t k, int64_t items, int64_t count) {
    return items == count ? (int64_t)k : (int64_t)((double)k * (double)count / (double)items);
}

static void note_failure(struct measure *m, size_t k, fovea_status status) {
    if (m->status != FOVEA_OK && m->failed < k) return;
    m->status = status;
    m->failed = k;
    strncpy(m->sentence, fovea_error(), sizeof m->sentence - 1);
}

static void measure_part(void *data, size_t begin, size_t end) {
    struct measure *m = data;
    struct sums mine = {0};
    for (size_t k = begin; k < end; k++) {
        fovea_picture p;
        bool borrowed;
        int64_t item = spread(k, m->items, m->dataset->count);
        fovea_status status = dataset_view(m->dataset, item, &p, &borrowed);
        if (status == FOVEA_OK) add_picture(&mine, &p, m->channels);
        if (status == FOVEA_OK && !borrowed) fovea_picture_free(&p);
        if (status == FOVEA_OK || dataset_skips(m->dataset, item, status)) continue;
        pthread_mutex_lock(&m->mutex);
        note_failure(m, k, status);
        pthread_mutex_unlock(&m->mutex);
        return;
    }
    pthread_mutex_lock(&m->mutex);
    m->sums.pixels += mine.pixels;
    for (int64_t c = 0; c < m->channels; c++) {
        m->sums.sum[c] += mine.sum[c];
        m->sums.squares[c] += mine.squares[c];
    }
    pthread_mutex_unlock(&m->mutex);
}

static fovea_status conclude(const struct measure *m, float *mean, float *std) {
    if (m->status != FOVEA_OK) return fail(m->status, "%s", m->sentence);
    if (!m->sums.pixels) return fail(FOVEA_BAD_FILE, "every picture of the data set is damaged");
    double n = (double)m->sums.pixels;
    for (int64_t c = 0; c < m->channels; c++) {
        double average = (double)m->sums.sum[c] / n;
        double variance = (double)m->sums.squares[c] / n - average * average;
        mean[c] = (float)(average / 255);
        std[c] = (float)(sqrt(variance > 0 ? variance : 0) / 255);
    }
    return FOVEA_OK;
}

fovea_status fovea_dataset_measure(fovea_dataset *dataset, int64_t channels, int64_t most,
                                   float mean[FOVEA_PICTURE_CHANNELS],
                                   float std[FOVEA_PICTURE_CHANNELS]) {
    if (!dataset || !mean || !std)
        return fail(FOVEA_INVALID, "fovea_dataset_measure: a pointer is NULL");
    if (channels < 1 || channels > FOVEA_PICTURE_CHANNELS || most < 0)
        return fail(FOVEA_INVALID, "%lld channels of %lld items: there are 1 to %d channels",
                    (long long)channels, (long long)most, FOVEA_PICTURE_CHANNELS);
    struct measure m = {.dataset = dataset, .channels = channels};
    m.items = most && most < dataset->count ? most : dataset->count;
    pthread_mutex_init(&m.mutex, NULL);
    parallel_for((size_t)m.items, 16, measure_part, &m);
    pthread_mutex_destroy(&m.mutex);
    return conclude(&m, mean, std);
}
