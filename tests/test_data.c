/* Data sets: files of every format made here, splits, and what is said of damaged files. */
#include "data_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "train/data.h"

/* ---- idx ------------------------------------------------------------------------------------- */

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

/* ---- Other formats --------------------------------------------------------------------------- */

static void check_cifar(const char *split, const char *format, int count, int classes) {
    fovea_dataset *d = open_set(split, NULL);
    fovea_dataset_info info;
    fovea_dataset_get_info(d, &info);
    ck_assert_str_eq(info.format, format);
    ck_assert_int_eq(info.count, count);
    ck_assert_int_eq(info.classes, classes);
    ck_assert(info.channels == 3 && info.height == 32 && info.width == 32);
    for (int r = 0; r < count; r++) {
        fovea_picture p;
        ck_assert_int_eq(fovea_dataset_label(d, r), r % classes);
        ck_assert(fovea_dataset_picture(d, r, &p) == FOVEA_OK);
        int k = 0; /* an assertion a byte would take seconds */
        while (k < CIFAR_PICTURE && p.pixels[k] == cifar_pixel(r, k % 3, k / 3)) k++;
        ck_assert_msg(k == CIFAR_PICTURE, "record %d, byte %d", r, k);
        fovea_picture_free(&p);
    }
    fovea_dataset_destroy(d);
}

START_TEST(cifar_files_are_read) {
    static const char names[] = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\n"
                                "ship\ntruck\n\n";
    write_cifar("data_batch_1.bin", 0, 7, 1, 10);
    write_cifar("data_batch_2.bin", 7, 5, 1, 10);
    write_cifar("test_batch.bin", 0, 3, 1, 10);
    check_cifar("train", "CIFAR-10", 12, 10);
    check_cifar("test", "CIFAR-10", 3, 10);
    write_file("batches.meta.txt", names, sizeof names - 1);
    fovea_dataset *d = open_set("test", NULL);
    ck_assert_str_eq(fovea_dataset_class(d, 9), "truck");
    fovea_dataset_destroy(d);
}
END_TEST

START_TEST(cifar100_takes_the_fine_labels) {
    write_cifar("train.bin", 0, 103, 2, 100);
    write_cifar("test.bin", 0, 4, 2, 100);
    check_cifar("train", "CIFAR-100", 103, 100);
    check_cifar("test", "CIFAR-100", 4, 100);
}
END_TEST

static void check_npy_shape(const char *shape, const int *order, int channels) {
    /* 2 pictures of 2 x 5; the c-th channel of pixel k of picture i is order[...] bytes into it. */
    uint8_t data[2 * 2 * 5 * 3];
    const int64_t labels[2] = {1, 0};
    int size = 10 * channels;
    for (int i = 0; i < 2 * size; i++) data[i] = (uint8_t)(3 * i + 1);
    write_npy("train_images.npy", "|u1", shape, data, 2 * (size_t)size);
    write_npy("train_labels.npy", "<i8", "2,", labels, sizeof labels);
    fovea_dataset *d = open_set("train", NULL);
    for (int i = 0; i < 2; i++) {
        fovea_picture p;
        ck_assert(fovea_dataset_picture(d, i, &p) == FOVEA_OK);
        ck_assert(p.height == 2 && p.width == 5 && p.channels == channels);
        for (int k = 0; k < 10; k++)
            for (int c = 0; c < channels; c++)
                ck_assert_int_eq(p.pixels[k * channels + c],
                                 data[i * size + k * order[0] + c * order[1]]);
        fovea_picture_free(&p);
        ck_assert_int_eq(fovea_dataset_label(d, i), labels[i]);
    }
    fovea_dataset_destroy(d);
}

START_TEST(npy_files_are_read_in_each_layout) {
    check_npy_shape("2, 2, 5", (const int[]){1, 0}, 1);
    check_npy_shape("2, 2, 5, 3", (const int[]){3, 1}, 3);
    check_npy_shape("2, 3, 2, 5", (const int[]){1, 10}, 3);
}
END_TEST

START_TEST(npy_labels_are_whole_numbers_of_any_width) {
    static const struct {
        const char *type, *shape;
        uint8_t bytes[16];
        size_t size;
    } cases[] = {{"|u1", "2,", {7, 3}, 2},
                 {"|i1", "2, 1", {7, 3}, 2},
                 {"<i2", "2,", {7, 0, 3, 0}, 4},
                 {"<u2", "2,", {7, 0, 3, 0}, 4},
                 {"<i4", "2,", {7, 0, 0, 0, 3, 0, 0, 0}, 8},
                 {"<u4", "2,", {7, 0, 0, 0, 3, 0, 0, 0}, 8},
                 {"<u8", "2,", {7, 0, 0, 0, 0, 0, 0, 0, 3}, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy("train_images.npy", "|u1", "2, 1, 1", "ab", 2);
        write_npy("train_labels.npy", cases[i].type, cases[i].shape, cases[i].bytes, cases[i].size);
        fovea_dataset *d = open_set("train", NULL);
        fovea_dataset_info info;
        fovea_dataset_get_info(d, &info);
        ck_assert_int_eq(info.classes, 8);
        ck_assert_int_eq(fovea_dataset_label(d, 0), 7);
        ck_assert_int_eq(fovea_dataset_label(d, 1), 3);
        fovea_dataset_destroy(d);
    }
}
END_TEST

/* ---- Splits ---------------------------------------------------------------------------------- */

enum { MANY = 1000 };

/* 1000 pictures of two pixels that hold their number. */
static void write_many(void) {
    uint8_t pixels[2 * MANY], labels[MANY];
    for (int i = 0; i < MANY; i++) {
        pixels[2 * i] = (uint8_t)(i >> 8);
        pixels[2 * i + 1] = (uint8_t)i;
        labels[i] = (uint8_t)(i % 10);
    }
    write_npy("images.npy", "|u1", "1000, 1, 2", pixels, sizeof pixels);
    write_npy("labels.npy", "|u1", "1000,", labels, sizeof labels);
}

/* Marks the items of a split; none may be marked twice. */
static int64_t mark(bool *seen, const char *split, const fovea_dataset_options *o) {
    fovea_dataset *d = open_set(split, o);
    fovea_dataset_info info;
    fovea_dataset_get_info(d, &info);
    ck_assert_int_eq(info.classes, 10);
    for (int64_t i = 0; i < info.count; i++) {
        fovea_picture p;
        ck_assert(fovea_dataset_picture(d, i, &p) == FOVEA_OK);
        int number = p.pixels[0] << 8 | p.pixels[1];
        ck_assert_int_eq(fovea_dataset_label(d, i), number % 10);
        ck_assert(!seen[number]);
        seen[number] = true;
        fovea_picture_free(&p);
    }
    fovea_dataset_destroy(d);
    return info.count;
}

START_TEST(splits_share_no_item_and_lose_none) {
    static const fovea_dataset_options plain = {0}, o = {.hold_out = 0.25, .test_share = 0.1};
    bool seen[MANY] = {false}, again[MANY] = {false};
    write_many();
    int64_t train = mark(seen, "train", &o), validation = mark(seen, "validation", &o);
    int64_t test = mark(seen, "test", &o);
    ck_assert_int_eq(train + validation + test, MANY);
    /* Four standard deviations of the binomial distribution. */
    ck_assert_msg(llabs(test - 100) < 38, "%lld items for test", (long long)test);
    ck_assert_msg(llabs(validation - 225) < 55, "%lld to validate", (long long)validation);
    ck_assert_int_eq(mark(again, "train", &plain) + mark(again, "test", &plain), MANY);
}
END_TEST

/* ---- A folder of pictures per class ------------------------------------------------------------- */

/* A "picture": its bytes become the pixels of one row; "bad" is damaged. */
static fovea_status decode(void *user, const char *path, fovea_picture *out) {
    struct data_file f;
    (void)user;
    fovea_status status = data_file_read(&f, path);
    if (status != FOVEA_OK) return status;
    bool bad = f.bytes == 3 && memcmp(f.data, "bad", 3) == 0;
    status = bad ? fovea_fail(FOVEA_BAD_FILE, "this picture is damaged")
                 : fovea_picture_create(out, 1, (int64_t)f.bytes, 1);
    if (status == FOVEA_OK) memcpy(out->pixels, f.data, f.bytes);
    mem_free(f.data);
    return status;
}

static void remember(void *user, const char *sentence) {
    snprintf(user, 256, "%s", sentence);
}

static void make_below(const char *name) {
    ck_assert_int_eq(mkdir(in_folder(name), 0777), 0);
}

static void write_text(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

static void expect_item(const fovea_dataset *d, int64_t item, int64_t label, const char *pixels) {
    fovea_picture p;
    ck_assert_int_eq(fovea_dataset_label(d, item), label);
    ck_assert_msg(fovea_dataset_picture(d, item, &p) == FOVEA_OK, "%s", fovea_error());
    ck_assert(p.width == (int64_t)strlen(pixels) && memcmp(p.pixels, pixels, strlen(pixels)) == 0);
    fovea_picture_free(&p);
}

START_TEST(folders_are_classes) {
    char warning[256] = "";
    const fovea_dataset_options o = {.decode = decode, .warn = remember, .user = warning};
    fovea_dataset_info info;
    static const char *const folders[] = {"train",      "train/dog", "train/Cat", "train/ant",
                                          "train/.git", "val",       "val/dog"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) make_below(folders[i]);
    write_text("train/dog/b.png", "bb");
    write_text("train/dog/a.JPEG", "a");
    write_text("train/dog/.hidden.png", "h");
    write_text("train/Cat/c.ppm", "ccc");
    write_text("train/ant/d.bmp", "d");
    write_text("train/ant/notes.txt", "no picture");
    write_text("train/list.txt", "no class");
    write_text("val/dog/e.pgm", "e");
    fovea_dataset *d = open_set("train", &o);
    fovea_dataset_get_info(d, &info);
    ck_assert_str_eq(info.format, "pictures");
    ck_assert_int_eq(info.count, 4);
    ck_assert_int_eq(info.classes, 3);
    ck_assert_int_eq(info.width, 0);
    ck_assert_str_eq(fovea_dataset_class(d, 0), "Cat");
    ck_assert_str_eq(fovea_dataset_class(d, 1), "ant");
    ck_assert_str_eq(fovea_dataset_class(d, 2), "dog");
    expect_item(d, 0, 0, "ccc");
    expect_item(d, 1, 1, "d");
    expect_item(d, 2, 2, "a");
    expect_item(d, 3, 2, "bb");
    ck_assert_msg(strstr(warning, "ant: 1 files that are no pictures"), "%s", warning);
    fovea_dataset_destroy(d);
    /* A split without all classes numbers them as train does. */
    d = open_set("test", &o);
    fovea_dataset_get_info(d, &info);
    ck_assert(info.count == 1 && info.classes == 3);
    expect_item(d, 0, 2, "e");
    fovea_dataset_destroy(d);
}
END_TEST

/* The names of the files of a split, by their contents. */
static int letters(char *out, const char *split) {
    const fovea_dataset_options o = {.decode = decode, .test_share = 0.3};
    fovea_dataset_info info;
    fovea_dataset *d = open_set(split, &o);
    fovea_dataset_get_info(d, &info);
    for (int64_t i = 0; i < info.count; i++) {
        fovea_picture p;
        ck_assert(fovea_dataset_picture(d, i, &p) == FOVEA_OK);
        out[i] = (char)p.pixels[0];
        fovea_picture_free(&p);
    }
    out[info.count] = '\0';
    fovea_dataset_destroy(d);
    return (int)info.count;
}

START_TEST(a_new_file_moves_no_old_one_to_another_split) {
    char name[] = "x/?.png", before[64], after[64], test[64];
    make_below("x");
    for (char c = 'b'; c <= 'z'; c++) {
        name[2] = c;
        write_file(name, &c, 1);
    }
    int train = letters(before, "train"), tests = letters(test, "test");
    ck_assert(train + tests == 25 && tests > 1 && train > 10);
    write_text("x/A.png", "A");
    write_text("x/a.png", "a");
    ck_assert(letters(after, "train") + letters(test, "test") == 27);
    for (int i = 0; i < train; i++) ck_assert(strchr(after, before[i]));
}
END_TEST

START_TEST(damaged_pictures_fail_or_are_named) {
    char warning[256] = "";
    fovea_dataset_options o = {.decode = decode, .test_share = 1e-9};
    float mean[4], std[4];
    fovea_picture p;
    make_below("x");
    write_text("x/a.png", "bad");
    write_text("x/b.png", "\xff\xff\x01\x01");
    fovea_dataset *d = open_set("train", &o);
    ck_assert(fovea_dataset_picture(d, 0, &p) == FOVEA_BAD_FILE && !p.pixels);
    ck_assert_str_eq(fovea_error(), "this picture is damaged");
    ck_assert(fovea_dataset_measure(d, 1, 0, mean, std) == FOVEA_BAD_FILE);
    fovea_dataset_destroy(d);
    o.skip_damaged = true;
    o.warn = remember;
    o.user = warning;
    d = open_set("train", &o);
    ck_assert_msg(fovea_dataset_measure(d, 1, 0, mean, std) == FOVEA_OK, "%s", fovea_error());
    /* 255, 255, 1, 1: the mean is 128, the deviation 127. */
    ck_assert(fabs((double)mean[0] - 128.0 / 255) < 1e-6);
    ck_assert(fabs((double)std[0] - 127.0 / 255) < 1e-6);
    ck_assert_str_eq(warning, "this picture is damaged; skipped");
    fovea_dataset_destroy(d);
}
END_TEST

/* ---- Damage ---------------------------------------------------------------------------------- */

static void refuse(const char *split, const fovea_dataset_options *o, fovea_status status,
                   const char *words) {
    fovea_dataset *d = (fovea_dataset *)1;
    fovea_status got = fovea_dataset_open(&d, folder, split, o);
    ck_assert_msg(got == status, "'%s': %s (%s)", words, fovea_status_name(got), fovea_error());
    ck_assert_ptr_null(d);
    ck_assert_msg(strstr(fovea_error(), words), "'%s' does not say '%s'", fovea_error(), words);
}

START_TEST(damaged_idx_files_are_named) {
    static const struct {
        int at, value; /* the byte of the images that is changed; -1: cut to so many bytes */
        const char *words;
    } cases[] = {
        {0, 1, "is no idx file: it begins with 01 00 08 03"},
        {2, 7, "is no idx file"},
        {2, 13, "cut short"}, /* floats are four times as long */
        {3, 0, "is no idx file"},
        {3, 2, "more bytes than the 30"},
        {3, 9, "is no idx file"},
        {4, 255, "its header promises more elements than its bytes can hold"},
        {7, 11, "cut short"},
        {7, 9, "has more bytes than the 108 that its header promises"},
        {11, 0, "more bytes"},
        {-1, 3, "is no idx file: it has 3 bytes"},
        {-1, 15, "its header is cut short"},
        {-1, 16, "cut short"},
        {-1, 135, "cut short"},
        {-1, 0, "is no idx file: it has 0 bytes"},
    };
    for (int packed = 0; packed < 2; packed++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            uint8_t images[16 + N * PLANE];
            size_t bytes = idx_images(images, N);
            write_idx(packed);
            if (cases[i].at < 0) bytes = (size_t)cases[i].value;
            else images[cases[i].at] = (uint8_t)cases[i].value;
            if (packed) write_packed("train-images-idx3-ubyte.gz", images, bytes);
            else write_file("train-images-idx3-ubyte", images, bytes);
            const char *words = cases[i].words;
            if (packed && strstr(words, "promises more")) words = "cut short";
            refuse("train", NULL, FOVEA_BAD_FILE, words);
            ck_assert(strstr(fovea_error(), "train-images-idx3-ubyte"));
            remove_folder();
            make_folder();
        }
}
END_TEST

START_TEST(damaged_gzip_files_are_named) {
    struct data_file f;
    write_idx(true);
    ck_assert(data_file_read(&f, in_folder("train-images-idx3-ubyte.gz")) == FOVEA_OK);
    static const size_t cuts[] = {10, 11, 40};
    for (size_t i = 0; i < 3; i++) {
        write_file("train-images-idx3-ubyte.gz", f.data, cuts[i]);
        refuse("train", NULL, FOVEA_BAD_FILE, "gzip data are damaged or cut short");
    }
    write_file("train-images-idx3-ubyte.gz", f.data, f.bytes - 1);
    refuse("train", NULL, FOVEA_BAD_FILE, "gzip data are damaged or cut short");
    f.data[f.bytes - 6] ^= 1; /* of the checksum */
    write_file("train-images-idx3-ubyte.gz", f.data, f.bytes);
    refuse("train", NULL, FOVEA_BAD_FILE, "incorrect data check");
    mem_free(f.data);
}
END_TEST

START_TEST(labels_that_do_not_fit_are_named) {
    const fovea_dataset_options three = {.classes = 3};
    uint8_t labels[8 + N + 1];
    write_idx(false);
    write_file("train-labels-idx1-ubyte", labels, idx_labels(labels, N - 1));
    refuse("train", NULL, FOVEA_BAD_FILE, "has 9 labels, and ");
    ck_assert(strstr(fovea_error(), "has 10 pictures"));
    write_idx(false);
    refuse("train", &three, FOVEA_BAD_FILE, "label 3 of item 3 is not within 0..2");
    write_text("classes.txt", "one\r\ntwo\n\nthree");
    refuse("train", NULL, FOVEA_BAD_FILE, "label 3 of item 3 is not within 0..2");
    write_text("classes.txt", "one\r\ntwo\n\nthree\nfour");
    fovea_dataset *d = open_set("train", NULL);
    ck_assert_str_eq(fovea_dataset_class(d, 0), "one");
    ck_assert_str_eq(fovea_dataset_class(d, 3), "four");
    fovea_dataset_destroy(d);
    write_file("classes.txt", "a\0b\n", 4);
    refuse("train", NULL, FOVEA_BAD_FILE, "is no text file");
    ck_assert_int_eq(unlink(in_folder("train-labels-idx1-ubyte")), 0);
    refuse("train", NULL, FOVEA_BAD_FILE, "there is no file of labels beside it");
}
END_TEST

START_TEST(damaged_cifar_files_are_named) {
    uint8_t record[3073] = {10};
    write_file("data_batch_1.bin", record, sizeof record - 1);
    refuse("train", NULL, FOVEA_BAD_FILE, "its 3072 bytes are not a multiple of 3073");
    write_file("data_batch_1.bin", record, 0);
    refuse("train", NULL, FOVEA_BAD_FILE, "its 0 bytes are not a multiple");
    write_file("data_batch_1.bin", record, sizeof record);
    refuse("train", NULL, FOVEA_BAD_FILE, "label 10 of item 0 is not within 0..9");
    record[0] = 9;
    write_file("data_batch_1.bin", record, sizeof record);
    write_text("batches.meta.txt", "a\nb\n");
    refuse("train", NULL, FOVEA_BAD_FILE, "has 2 names; CIFAR-10 has 10 classes");
}
END_TEST

START_TEST(damaged_npy_files_are_named) {
    static const struct {
        const char *type, *shape;
        size_t bytes;
        fovea_status status;
        const char *words;
    } cases[] = {
        {"|u1", "2, 2, 3", 11, FOVEA_BAD_FILE, "wants 12 elements of 1 bytes, and 11 bytes"},
        {"|u1", "2, 2, 3", 13, FOVEA_BAD_FILE, "wants 12 elements of 1 bytes, and 13 bytes"},
        {"|u1", "2, 6", 12, FOVEA_BAD_FILE, "holds no pictures"},
        {"|u1", "2, 5, 1, 5", 50, FOVEA_BAD_FILE, "holds no pictures"},
        {"|u1", "0, 2, 3", 0, FOVEA_BAD_FILE, "one of its dimensions is 0"},
        {"|u1", "1, 1, 70000", 70000, FOVEA_BAD_FILE, "a side is 1 to 65536"},
        {"|u1", "2, -2, 3", 12, FOVEA_BAD_FILE, "its shape is damaged"},
        {"|u1", "4294967296, 4294967296, 3", 12, FOVEA_BAD_FILE, "its shape is damaged"},
        {"<f4", "2, 2, 3", 48, FOVEA_UNSUPPORTED, "pictures are bytes (uint8), not float32"},
        {">i2", "2, 2, 3", 24, FOVEA_UNSUPPORTED, "its element type is not read"},
    };
    uint8_t *data = mem_zero(70000, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy("train_images.npy", cases[i].type, cases[i].shape, data, cases[i].bytes);
        refuse("train", NULL, cases[i].status, cases[i].words);
        ck_assert(strstr(fovea_error(), "train_images.npy"));
    }
    write_npy("train_images.npy", "|u1", "2, 2, 3", data, 12);
    refuse("train", NULL, FOVEA_BAD_FILE, "train_labels.npy cannot be opened");
    write_npy("train_labels.npy", "<f4", "2,", data, 8);
    refuse("train", NULL, FOVEA_BAD_FILE, "labels are whole numbers, not float32");
    write_npy("train_labels.npy", "|u1", "1, 2", data, 2);
    refuse("train", NULL, FOVEA_BAD_FILE, "is not a list of labels");
    write_npy("train_labels.npy", "|i1", "2,", "\0\xff", 2);
    refuse("train", NULL, FOVEA_BAD_FILE, "label -1 of item 1");
    write_npy("train_labels.npy", "<u8", "2,", "\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
              16);
    refuse("train", NULL, FOVEA_BAD_FILE, "of item 1 is not within");
    mem_free(data);
}
END_TEST

START_TEST(folders_that_are_no_data_set_are_named) {
    const fovea_dataset_options o = {.decode = decode};
    refuse("train", &o, FOVEA_BAD_FILE, "holds no data set for 'train'");
    refuse("test", &o, FOVEA_BAD_FILE, "holds no data set for 'test'");
    make_below("train");
    refuse("test", &o, FOVEA_BAD_FILE, "neither 'test' nor 'val'");
    make_below("train/x");
    refuse("train", NULL, FOVEA_INVALID, "needs the callback `decode`");
    refuse("train", &o, FOVEA_BAD_FILE, "train/x: holds no pictures");
    make_below("test");
    make_below("test/y");
    refuse("test", &o, FOVEA_BAD_FILE, "test/y: is a class that the folder 'train' does not have");
    write_text("train/x/a.png", "a");
    refuse("validation", &(fovea_dataset_options){.decode = decode, .hold_out = 1e-12},
           FOVEA_BAD_FILE, "no item is left for the split 'validation'");
    fovea_dataset *d;
    ck_assert(fovea_dataset_open(&d, in_folder("nowhere"), "train", NULL) == FOVEA_BAD_FILE);
    ck_assert(strstr(fovea_error(), "nowhere is not a folder that can be read"));
    if (geteuid() == 0) return; /* whom no folder refuses */
    ck_assert_int_eq(chmod(in_folder("train/x"), 0), 0);
    refuse("train", &o, FOVEA_BAD_FILE, "cannot be opened: Permission denied");
    ck_assert_int_eq(chmod(in_folder("train/x"), 0777), 0);
}
END_TEST

static int64_t always_seven(void *user, int64_t item) {
    (void)user;
    return item * 0 + 7;
}

START_TEST(senseless_options_are_refused) {
    write_idx(false);
    refuse("training", NULL, FOVEA_INVALID, "there is no split 'training'");
    refuse("validation", NULL, FOVEA_INVALID, "needs hold_out");
    refuse("train", &(fovea_dataset_options){.hold_out = 1}, FOVEA_INVALID, "hold_out");
    refuse("train", &(fovea_dataset_options){.hold_out = NAN}, FOVEA_INVALID, "hold_out");
    refuse("train", &(fovea_dataset_options){.test_share = -1}, FOVEA_INVALID, "test_share");
    refuse("train", &(fovea_dataset_options){.classes = -1}, FOVEA_INVALID, "-1 classes");
    fovea_dataset *d;
    fovea_dataset_source s = {.count = 2, .classes = 7, .label = always_seven};
    ck_assert(fovea_dataset_from_callback(&d, &s, NULL) == FOVEA_INVALID);
    s.picture = (fovea_status(*)(void *, int64_t, fovea_picture *))(void (*)(void))abort;
    ck_assert(fovea_dataset_from_callback(&d, &s, NULL) == FOVEA_INVALID);
    ck_assert_msg(strstr(fovea_error(), "label 7 of item 0"), "%s", fovea_error());
    s.count = 0;
    ck_assert(fovea_dataset_from_callback(&d, &s, NULL) == FOVEA_INVALID);
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
    tcase_add_test(tests, cifar_files_are_read);
    tcase_add_test(tests, cifar100_takes_the_fine_labels);
    tcase_add_test(tests, npy_files_are_read_in_each_layout);
    tcase_add_test(tests, npy_labels_are_whole_numbers_of_any_width);
    tcase_add_test(tests, splits_share_no_item_and_lose_none);
    tcase_add_test(tests, folders_are_classes);
    tcase_add_test(tests, a_new_file_moves_no_old_one_to_another_split);
    tcase_add_test(tests, damaged_pictures_fail_or_are_named);
    tcase_add_test(tests, damaged_idx_files_are_named);
    tcase_add_test(tests, damaged_gzip_files_are_named);
    tcase_add_test(tests, labels_that_do_not_fit_are_named);
    tcase_add_test(tests, damaged_cifar_files_are_named);
    tcase_add_test(tests, damaged_npy_files_are_named);
    tcase_add_test(tests, folders_that_are_no_data_set_are_named);
    tcase_add_test(tests, senseless_options_are_refused);
    tcase_add_test(tests, mnist_is_read);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
