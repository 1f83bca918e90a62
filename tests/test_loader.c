/* Loaders: order, the same bits from any number of threads, seeking, damaged pictures, lack of memory. */
#include "data_files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "train/data.h"

/* ---- Order -------------------------------------------------------------------------------------- */

START_TEST(batches_come_in_order) {
    write_idx(true);
    fovea_dataset *d = open_set("train", NULL);
    fovea_loader_options o = {.batch = 4, .threads = 2, .mean = {0.5f}, .std = {0.25f}};
    fovea_loader *l = open_loader(d, &o);
    ck_assert_int_eq(fovea_loader_batches(l), 3);
    for (int round = 0; round < 7; round++) {
        fovea_batch b = next_batch(l);
        int index = round % 3, count = index < 2 ? 4 : 2;
        ck_assert_int_eq(b.epoch, round / 3);
        ck_assert_int_eq(b.index, index);
        ck_assert_int_eq(b.count, count);
        ck_assert(b.lambda == 1 && b.labels2 == b.labels);
        for (int i = 0; i < 4; i++) {
            int item = 4 * index + i;
            ck_assert_int_eq(b.items[i], i < count ? item : -1);
            ck_assert_int_eq(b.labels[i], i < count ? item % 4 : -1);
            for (int k = 0; k < PLANE; k++) {
                float want = (float)((pixel_of(item, k) / 255.0 - 0.5) / 0.25);
                ck_assert_msg(b.x[i * PLANE + k] == (i < count ? want : 0), "item %d, pixel %d",
                              item, k);
            }
        }
    }
    fovea_loader_destroy(l);
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(shuffled_epochs_hold_every_item_once_in_another_order) {
    write_idx(true);
    fovea_dataset *d = open_set("train", NULL);
    fovea_loader_options o = {.batch = 5, .shuffle = true, .seed = 7};
    fovea_loader *l = open_loader(d, &o);
    int64_t order[3][N];
    for (int epoch = 0; epoch < 3; epoch++) {
        bool seen[N] = {false};
        for (int half = 0; half < 2; half++) {
            fovea_batch b = next_batch(l);
            memcpy(order[epoch] + 5 * half, b.items, 5 * sizeof *b.items);
        }
        for (int i = 0; i < N; i++) {
            ck_assert(!seen[order[epoch][i]]);
            seen[order[epoch][i]] = true;
        }
    }
    ck_assert(memcmp(order[0], order[1], sizeof *order) != 0);
    ck_assert(memcmp(order[1], order[2], sizeof *order) != 0);
    fovea_loader_destroy(l);
    fovea_dataset_destroy(d);
}
END_TEST

/* ---- A data set of a program's own ------------------------------------------------------------- */

enum { ITEMS = 23 };

/* Which items are damaged, by what status. */
struct wrong {
    uint32_t items; /* bit i: item i */
    fovea_status status;
    int warnings;
    bool slow; /* a picture takes a millisecond */
};

static int64_t label_of(void *user, int64_t item) {
    (void)user;
    return item * 3 % 7;
}

/* Pictures of 5 to 12 pixels a side with three channels; no two are alike. */
static fovea_status picture_of(void *user, int64_t item, fovea_picture *out) {
    const struct wrong *w = user;
    if (w->slow) nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (w->items >> item & 1) {
        char sentence[32];
        snprintf(sentence, sizeof sentence, "picture %d is damaged", (int)item);
        return fovea_fail(w->status, sentence);
    }
    fovea_status status = fovea_picture_create(out, 5 + item % 8, 12 - item % 5, 3);
    if (status != FOVEA_OK) return status;
    for (int64_t i = 0; i < out->width * out->height * 3; i++)
        out->pixels[i] = (uint8_t)(item * 41 + i * i % 97 + i);
    return FOVEA_OK;
}

static void count_warning(void *user, const char *sentence) {
    struct wrong *w = user;
    ck_assert_msg(strstr(sentence, "is damaged; skipped"), "%s", sentence);
    w->warnings++;
}

static fovea_dataset *own_set(struct wrong *w, bool skip) {
    const fovea_dataset_source source = {
        .count = ITEMS, .classes = 7, .label = label_of, .picture = picture_of, .user = w};
    const fovea_dataset_options o = {.skip_damaged = skip, .warn = count_warning, .user = w};
    fovea_dataset *d;
    ck_assert_msg(fovea_dataset_from_callback(&d, &source, &o) == FOVEA_OK, "%s", fovea_error());
    return d;
}

static const fovea_loader_options everything = {.batch = 4,
                                                .channels = 3,
                                                .height = 6,
                                                .width = 7,
                                                .mean = {0.4f, 0.5f, 0.6f},
                                                .std = {0.2f, 0.3f, 0.25f},
                                                .seed = 42,
                                                .shuffle = true,
                                                .augment = {.crop_area = 0.3f,
                                                            .shift = 2,
                                                            .rotation = 20,
                                                            .flip_horizontal = 0.5f,
                                                            .flip_vertical = 0.5f,
                                                            .brightness = 0.3f,
                                                            .contrast = 0.3f,
                                                            .saturation = 0.3f,
                                                            .cutout = 2,
                                                            .mixup = 0.4f}};

/* ---- The same bits --------------------------------------------------------------------------- */

enum { ROW = 3 * 6 * 7, SHOTS = 18 };

/* A batch, kept. */
struct shot {
    float x[4 * ROW], lambda;
    int64_t labels[4], labels2[4], items[4], count, index, epoch;
};

static struct shot keep(const fovea_batch *b) {
    struct shot s;
    memset(&s, 0, sizeof s);
    memcpy(s.x, b->x, sizeof s.x);
    memcpy(s.labels, b->labels, sizeof s.labels);
    memcpy(s.labels2, b->labels2, sizeof s.labels2);
    memcpy(s.items, b->items, sizeof s.items);
    s.lambda = b->lambda;
    s.count = b->count;
    s.index = b->index;
    s.epoch = b->epoch;
    return s;
}

static void record(struct shot *out, fovea_dataset *d, const fovea_loader_options *o) {
    fovea_loader *l = open_loader(d, o);
    for (int i = 0; i < SHOTS; i++) {
        fovea_batch b = next_batch(l);
        out[i] = keep(&b);
    }
    fovea_loader_destroy(l);
}

START_TEST(the_number_of_threads_changes_no_bit) {
    static struct shot one[SHOTS], other[SHOTS];
    struct wrong none = {0};
    fovea_dataset *d = own_set(&none, false);
    fovea_loader_options o = everything;
    o.threads = 1;
    record(one, d, &o);
    for (int k = 2; k < 8; k++) {
        o.threads = 1 + k / 2;
        o.prefetch = k % 2 ? 1 : 7;
        record(other, d, &o);
        ck_assert_msg(memcmp(one, other, sizeof one) == 0, "%d threads differ from one", o.threads);
    }
    o.seed++;
    record(other, d, &o);
    ck_assert(memcmp(one[0].x, other[0].x, sizeof one[0].x) != 0);
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(an_epoch_changes_a_picture_anew) {
    struct wrong none = {0};
    fovea_dataset *d = own_set(&none, false);
    fovea_loader_options o = everything;
    static struct shot shots[SHOTS];
    o.shuffle = false;
    record(shots, d, &o);
    ck_assert_int_eq(shots[6].epoch, 1);
    ck_assert(shots[0].lambda != shots[6].lambda);
    o.augment.mixup = 0;
    record(shots, d, &o);
    ck_assert(memcmp(shots[0].items, shots[6].items, sizeof shots[0].items) == 0);
    ck_assert(memcmp(shots[0].x, shots[6].x, sizeof shots[0].x) != 0);
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(seeking_equals_running_through) {
    static struct shot shots[SHOTS];
    struct wrong none = {.slow = true}; /* so that a seek finds threads at work */
    fovea_dataset *d = own_set(&none, false);
    fovea_loader_options o = everything;
    o.threads = 2;
    record(shots, d, &o);
    fovea_loader *l = open_loader(d, &o);
    int64_t batches = fovea_loader_batches(l);
    ck_assert_int_eq(batches, 6);
    for (int i = SHOTS - 2; i >= 0; i -= 3) {
        ck_assert(fovea_loader_seek(l, i / batches, i % batches) == FOVEA_OK);
        for (int k = 0; k < 5 && i + k < SHOTS; k++) {
            fovea_batch b = next_batch(l);
            struct shot s = keep(&b);
            ck_assert_msg(memcmp(&s, &shots[i + k], sizeof s) == 0, "batch %d, %d after a seek", i,
                          k);
        }
    }
    ck_assert(fovea_loader_seek(l, 0, batches) == FOVEA_INVALID);
    ck_assert(fovea_loader_seek(l, -1, 0) == FOVEA_INVALID);
    fovea_loader_destroy(l);
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(mixup_is_lambda_of_two_rows) {
    static struct shot plain[SHOTS], mixed[SHOTS];
    struct wrong none = {0};
    fovea_dataset *d = own_set(&none, false);
    fovea_loader_options o = everything;
    record(mixed, d, &o);
    o.augment.mixup = 0;
    record(plain, d, &o);
    for (int i = 0; i < SHOTS; i++) {
        int64_t n = mixed[i].count;
        float lambda = mixed[i].lambda;
        ck_assert_int_eq(n, i % 6 < 5 ? 4 : 3);
        ck_assert(plain[i].lambda == 1 && lambda > 0 && lambda < 1);
        for (int64_t k = 0; k < n; k++) {
            int64_t mirror = n - 1 - k;
            ck_assert_int_eq(mixed[i].labels[k], mixed[i].items[k] * 3 % 7);
            ck_assert_int_eq(mixed[i].labels2[k], mixed[i].labels[mirror]);
            for (int64_t e = 0; e < ROW; e++) {
                double want = (double)(lambda * plain[i].x[k * ROW + e]) +
                              (double)((1 - lambda) * plain[i].x[mirror * ROW + e]);
                if (mirror == k) want = (double)plain[i].x[k * ROW + e];
                ck_assert(fabs((double)mixed[i].x[k * ROW + e] - want) < 1e-5);
            }
        }
        for (int64_t k = n; k < 4; k++) ck_assert(mixed[i].labels2[k] == -1);
    }
    fovea_dataset_destroy(d);
}
END_TEST

/* ---- Damage ---------------------------------------------------------------------------------- */

static int64_t damaged_of(const fovea_dataset *d) {
    fovea_dataset_info info;
    fovea_dataset_get_info(d, &info);
    return info.damaged;
}

START_TEST(a_damaged_picture_fails_its_batch_until_a_seek) {
    struct wrong w = {1u << 5 | 1u << 6, FOVEA_BAD_FILE, 0, false};
    fovea_dataset *d = own_set(&w, false);
    fovea_loader_options o = everything;
    o.shuffle = false;
    o.threads = 3;
    fovea_loader *l = open_loader(d, &o);
    fovea_batch b = next_batch(l);
    for (int i = 0; i < 3; i++) {
        ck_assert(fovea_loader_next(l, &b) == FOVEA_BAD_FILE);
        ck_assert_str_eq(fovea_error(), "picture 5 is damaged");
    }
    ck_assert(fovea_loader_seek(l, 0, 2) == FOVEA_OK);
    b = next_batch(l);
    ck_assert_int_eq(b.items[0], 8);
    ck_assert_int_eq(w.warnings, 0);
    fovea_loader_destroy(l);
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(a_damaged_picture_is_left_out_named_and_counted) {
    struct wrong w = {1u << 0 | 1u << 5 | 1u << 22, FOVEA_BAD_FILE, 0, false};
    fovea_dataset *d = own_set(&w, true);
    fovea_loader_options o = everything;
    static struct shot shots[SHOTS];
    o.shuffle = false;
    o.augment.mixup = 0;
    record(shots, d, &o);
    for (int i = 0; i < SHOTS; i++) {
        int64_t want = 4 * (i % 6);
        ck_assert_int_eq(shots[i].count, i % 6 == 0 || i % 6 == 1 ? 3 : i % 6 == 5 ? 2 : 4);
        for (int64_t k = 0; k < 4; k++) {
            if (want == 0 || want == 5) want++;
            bool there = k < shots[i].count;
            ck_assert_int_eq(shots[i].items[k], there ? want : -1);
            ck_assert_int_eq(shots[i].labels[k], there ? want * 3 % 7 : -1);
            want++;
            for (int64_t e = 0; e < ROW && !there; e++) ck_assert(shots[i].x[k * ROW + e] == 0);
        }
    }
    ck_assert_int_eq(w.warnings, 3);
    ck_assert_int_eq(damaged_of(d), 3);
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(a_shuffled_batch_takes_another_picture) {
    static struct shot one[SHOTS], other[SHOTS];
    for (int threads = 1; threads <= 3; threads++) {
        struct wrong w = {1u << 3 | 1u << 4 | 1u << 20, FOVEA_UNSUPPORTED, 0, false};
        fovea_dataset *d = own_set(&w, true);
        fovea_loader_options o = everything;
        o.threads = threads;
        record(threads == 1 ? one : other, d, &o);
        ck_assert(threads == 1 || memcmp(one, other, sizeof one) == 0);
        ck_assert_int_eq(w.warnings, 3);
        ck_assert_int_eq(damaged_of(d), 3);
        fovea_dataset_destroy(d);
    }
    for (int i = 0; i < SHOTS; i++) {
        ck_assert_int_eq(one[i].count, i % 6 == 5 ? 3 : 4);
        for (int64_t k = 0; k < one[i].count; k++) {
            ck_assert(one[i].items[k] != 3 && one[i].items[k] != 4 && one[i].items[k] != 20);
            ck_assert_int_eq(one[i].labels[k], one[i].items[k] * 3 % 7);
        }
    }
}
END_TEST

START_TEST(where_nothing_is_good_the_work_ends) {
    struct wrong w = {UINT32_MAX, FOVEA_BAD_FILE, 0, false};
    float mean[4], std[4];
    fovea_batch b;
    fovea_dataset *d = own_set(&w, true);
    fovea_loader *l = open_loader(d, &everything);
    ck_assert(fovea_loader_next(l, &b) == FOVEA_BAD_FILE);
    ck_assert_msg(strstr(fovea_error(), "all damaged"), "%s", fovea_error());
    fovea_loader_destroy(l);
    ck_assert(fovea_dataset_measure(d, 3, 0, mean, std) == FOVEA_BAD_FILE);
    fovea_dataset_destroy(d);

    /* Only damage is skipped, not want of memory. */
    struct wrong poor = {1u << 9, FOVEA_NO_MEMORY, 0, false};
    d = own_set(&poor, true);
    fovea_loader_options o = everything;
    o.shuffle = false;
    l = open_loader(d, &o);
    ck_assert(fovea_loader_seek(l, 0, 2) == FOVEA_OK);
    ck_assert(fovea_loader_next(l, &b) == FOVEA_NO_MEMORY);
    ck_assert(fovea_dataset_measure(d, 3, 0, mean, std) == FOVEA_NO_MEMORY);
    fovea_loader_destroy(l);
    fovea_dataset_destroy(d);
}
END_TEST

/* ---- Refusals -------------------------------------------------------------------------------- */

static void refuse(fovea_dataset *d, fovea_loader_options o, const char *word) {
    fovea_loader *l = (fovea_loader *)1;
    ck_assert_msg(fovea_loader_create(&l, d, &o) == FOVEA_INVALID, "%s is accepted", word);
    ck_assert_ptr_null(l);
    ck_assert_msg(strstr(fovea_error(), word), "'%s' does not say %s", fovea_error(), word);
}

START_TEST(senseless_options_are_refused) {
    struct wrong none = {0};
    fovea_dataset *d = own_set(&none, false);
    refuse(d, (fovea_loader_options){.batch = 4}, "differ in size");
    fovea_loader_options o = everything;
    o.batch = -1;
    refuse(d, o, "a batch of -1");
    o.batch = 24;
    o.drop_last = true;
    refuse(d, o, "23 items");
    o = everything;
    o.height = 1 << 17;
    refuse(d, o, "a side is 1 to");
    o = everything;
    o.channels = 5;
    refuse(d, o, "5 channels");
    o = everything;
    o.threads = 1000;
    refuse(d, o, "1000 threads");
    o = everything;
    o.augment.mixup = -1;
    refuse(d, o, "mixup");
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(drop_last_leaves_out_what_is_not_full) {
    struct wrong none = {0};
    fovea_dataset *d = own_set(&none, false);
    fovea_loader_options o = everything;
    o.drop_last = true;
    fovea_loader *l = open_loader(d, &o);
    ck_assert_int_eq(fovea_loader_batches(l), 5);
    for (int i = 0; i < 12; i++) {
        fovea_batch b = next_batch(l);
        ck_assert_int_eq(b.count, 4);
        ck_assert_int_eq(b.epoch, i / 5);
        ck_assert_int_eq(b.index, i % 5);
    }
    fovea_loader_destroy(l);
    fovea_dataset_destroy(d);
}
END_TEST

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Opens what is in the folder, measures it and takes a few batches. */
static fovea_status use(const char *split, fovea_dataset **d, fovea_loader **l) {
    const fovea_dataset_options o = {.hold_out = 0.3};
    float mean[4], std[4];
    fovea_batch b;
    fovea_loader_options options = everything;
    options.threads = 2;
    TRY(fovea_dataset_open(d, folder, split, &o));
    TRY(fovea_dataset_measure(*d, 3, 0, mean, std));
    TRY(fovea_loader_create(l, *d, &options));
    for (int i = 0; i < 3; i++) TRY(fovea_loader_next(*l, &b));
    return FOVEA_OK;
}

static size_t fail_each(const char *split) {
    size_t refused = 0;
    for (size_t n = 1;; n++) {
        fovea_dataset *d = NULL;
        fovea_loader *l = NULL;
        mem_fail_after(n);
        fovea_status status = use(split, &d, &l);
        bool untouched = mem_fail_left() > 0;
        mem_fail_after(0);
        ck_assert_msg(status == FOVEA_OK || status == FOVEA_NO_MEMORY, "allocation %zu: %s (%s)", n,
                      fovea_status_name(status), fovea_error());
        ck_assert(status == FOVEA_OK || strlen(fovea_error()) > 10);
        refused += status != FOVEA_OK;
        fovea_loader_destroy(l);
        fovea_dataset_destroy(d);
        if (untouched) return refused;
    }
}

START_TEST(every_allocation_fails_once) {
    size_t refused;
    write_idx(true);
    refused = fail_each("train");
    ck_assert_msg(refused > 40, "idx: only %zu failures were noticed", refused);
    remove_folder();
    make_folder();
    write_cifar("data_batch_1.bin", 0, 7, 1, 10);
    write_cifar("data_batch_2.bin", 7, 5, 1, 10);
    refused = fail_each("train");
    ck_assert_msg(refused > 40, "CIFAR: only %zu failures were noticed", refused);
    remove_folder();
    make_folder();
    write_npy("images.npy", "|u1", "9, 2, 3",
              "123456123456123456123456123456123456123456123456123456", 54);
    write_npy("labels.npy", "|u1", "9,", "\0\1\2\0\1\2\0\1\2", 9);
    refused = fail_each("train");
    ck_assert_msg(refused > 40, "npy: only %zu failures were noticed", refused);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loader");
    TCase *tests = tcase_create("batches");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, batches_come_in_order);
    tcase_add_test(tests, shuffled_epochs_hold_every_item_once_in_another_order);
    tcase_add_test(tests, the_number_of_threads_changes_no_bit);
    tcase_add_test(tests, an_epoch_changes_a_picture_anew);
    tcase_add_test(tests, seeking_equals_running_through);
    tcase_add_test(tests, mixup_is_lambda_of_two_rows);
    tcase_add_test(tests, a_damaged_picture_fails_its_batch_until_a_seek);
    tcase_add_test(tests, a_damaged_picture_is_left_out_named_and_counted);
    tcase_add_test(tests, a_shuffled_batch_takes_another_picture);
    tcase_add_test(tests, where_nothing_is_good_the_work_ends);
    tcase_add_test(tests, senseless_options_are_refused);
    tcase_add_test(tests, drop_last_leaves_out_what_is_not_full);
    tcase_add_test(tests, every_allocation_fails_once);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
