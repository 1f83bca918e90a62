/* Data sets, augmentation and loaders: files of every format made here, changes worked out by hand, the
 * same bits from any number of threads, and what is said of damaged files. */
#include "harness.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "train/data.h"

/* ---- A folder of files that goes with the test ------------------------------------------------- */

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/fovea-test-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_below(const char *path) {
    struct data_names names;
    if (data_names_read(&names, path) == FOVEA_OK) {
        for (size_t i = 0; i < names.count; i++) {
            char *below = mem_format("%s/%s", path, names.name[i]);
            if (data_folder_exists(below)) remove_below(below);
            else unlink(below);
            mem_free(below);
        }
        data_names_free(&names);
    }
    rmdir(path);
}

static void remove_folder(void) {
    remove_below(folder);
}

static const char *in_folder(const char *name) {
    static char path[4][256];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof *path, "%s/%s", folder, name);
    return p;
}

static void write_file(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(in_folder(name), "wb");
    ck_assert_msg(f && fwrite(data, 1, bytes, f) == bytes && fclose(f) == 0, "%s: %s", name,
                  strerror(errno));
}

static void write_packed(const char *name, const void *data, size_t bytes) {
    gzFile f = gzopen(in_folder(name), "wb");
    ck_assert(f && gzwrite(f, data, (unsigned)bytes) == (int)bytes && gzclose(f) == Z_OK);
}

/* ---- idx ------------------------------------------------------------------------------------- */

enum { N = 10, HEIGHT = 3, WIDTH = 4, PLANE = HEIGHT * WIDTH };

/* Picture i has pixels 20 i, 20 i + 1, ..., and label i % 4. */
static uint8_t pixel_of(int i, int k) {
    return (uint8_t)(20 * i + k);
}

static size_t idx_images(uint8_t *out, int n) {
    const uint8_t header[16] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)n, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
    memcpy(out, header, sizeof header);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < PLANE; k++) out[16 + i * PLANE + k] = pixel_of(i, k);
    return sizeof header + (size_t)(n * PLANE);
}

static size_t idx_labels(uint8_t *out, int n) {
    const uint8_t header[8] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)n};
    memcpy(out, header, sizeof header);
    for (int i = 0; i < n; i++) out[8 + i] = (uint8_t)(i % 4);
    return sizeof header + (size_t)n;
}

static void write_idx(bool packed) {
    uint8_t images[16 + N * PLANE], labels[8 + N];
    size_t image_bytes = idx_images(images, N), label_bytes = idx_labels(labels, N);
    if (packed) {
        write_packed("train-images-idx3-ubyte.gz", images, image_bytes);
        write_packed("train-labels-idx1-ubyte.gz", labels, label_bytes);
    } else {
        write_file("train-images-idx3-ubyte", images, image_bytes);
        write_file("train-labels-idx1-ubyte", labels, label_bytes);
    }
}

static fovea_dataset *open_set(const char *split, const fovea_dataset_options *options) {
    fovea_dataset *d;
    ck_assert_msg(fovea_dataset_open(&d, folder, split, options) == FOVEA_OK, "%s", fovea_error());
    return d;
}

static fovea_loader *open_loader(fovea_dataset *d, const fovea_loader_options *options) {
    fovea_loader *l;
    ck_assert_msg(fovea_loader_create(&l, d, options) == FOVEA_OK, "%s", fovea_error());
    return l;
}

static fovea_batch next_batch(fovea_loader *l) {
    fovea_batch b;
    ck_assert_msg(fovea_loader_next(l, &b) == FOVEA_OK, "%s", fovea_error());
    return b;
}

static void check_idx(void) {
    fovea_dataset *d = open_set("train", NULL);
    fovea_dataset_info info;
    fovea_picture p;
    fovea_dataset_get_info(d, &info);
    ck_assert_int_eq(info.count, N);
    ck_assert_int_eq(info.classes, 4);
    ck_assert_int_eq(info.channels, 1);
    ck_assert_int_eq(info.height, HEIGHT);
    ck_assert_int_eq(info.width, WIDTH);
    ck_assert_str_eq(info.format, "idx");
    ck_assert_str_eq(fovea_dataset_class(d, 3), "3");
    ck_assert_ptr_null(fovea_dataset_class(d, 4));
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(fovea_dataset_label(d, i), i % 4);
        ck_assert(fovea_dataset_picture(d, i, &p) == FOVEA_OK);
        for (int k = 0; k < PLANE; k++) ck_assert_int_eq(p.pixels[k], pixel_of(i, k));
        fovea_picture_free(&p);
    }
    ck_assert(fovea_dataset_picture(d, N, &p) == FOVEA_INVALID);
    fovea_dataset_destroy(d);
}

START_TEST(idx_files_are_read) {
    write_idx(false);
    check_idx();
}
END_TEST

START_TEST(packed_idx_files_are_read) {
    write_idx(true);
    check_idx();
}
END_TEST

/* ---- Loaders --------------------------------------------------------------------------------- */

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

/* ---- MNIST itself ---------------------------------------------------------------------------- */

START_TEST(mnist_is_read) {
    const char *data = getenv("FOVEA_TEST_DATA");
    char path[1024];
    snprintf(path, sizeof path, "%s/mnist", data ? data : "");
    if (!data || !data_folder_exists(path)) {
        printf("%s is not here: MNIST itself was not read\n", path);
        return;
    }
    fovea_dataset *d;
    fovea_dataset_info info;
    float mean[4], std[4];
    ck_assert_msg(fovea_dataset_open(&d, path, "train", NULL) == FOVEA_OK, "%s", fovea_error());
    fovea_dataset_get_info(d, &info);
    ck_assert_int_eq(info.count, 60000);
    ck_assert_int_eq(info.classes, 10);
    ck_assert_int_eq(fovea_dataset_label(d, 0), 5);
    /* The numbers that everybody uses: 0.1307 and 0.3081. */
    ck_assert_msg(fovea_dataset_measure(d, 1, 0, mean, std) == FOVEA_OK, "%s", fovea_error());
    ck_assert_msg(fabs((double)mean[0] - 0.1307) < 5e-5 && fabs((double)std[0] - 0.3081) < 5e-5,
                  "mean %g, standard deviation %g", (double)mean[0], (double)std[0]);
    fovea_dataset_destroy(d);
    ck_assert_msg(fovea_dataset_open(&d, path, "test", NULL) == FOVEA_OK, "%s", fovea_error());
    fovea_dataset_get_info(d, &info);
    ck_assert_int_eq(info.count, 10000);
    ck_assert_int_eq(fovea_dataset_label(d, 0), 7);
    fovea_dataset_destroy(d);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("data");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, idx_files_are_read);
    tcase_add_test(tests, packed_idx_files_are_read);
    tcase_add_test(tests, batches_come_in_order);
    tcase_add_test(tests, shuffled_epochs_hold_every_item_once_in_another_order);
    tcase_add_test(tests, mnist_is_read);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
