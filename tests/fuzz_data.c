/* Damaged data sets: fuzz_data COUNT opens COUNT mutations of small data sets that it makes itself, one of
 * each format, with one of their files damaged. Each must give a data set whose batches can be taken, or a
 * sentence; a sanitizer watches the memory. COUNT 0: $FOVEA_MUTATIONS, else 1000. The mutations are the same
 * in every run; a crash names its number. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "fovea_data.h"
#include "mutate.h"

enum { FILE_MAX = 1 << 16, N_SETS = 5, ITEMS = 6, HEIGHT = 7, WIDTH = 5 };

struct file {
    const char *name;
    unsigned char data[FILE_MAX];
    size_t size;
};
struct set {
    const char *name;
    struct file files[2]; /* pictures, labels; CIFAR: two of both */
};

static char folder[64];

/* ---- Sets ---- */

static void add(struct file *f, const void *data, size_t size) {
    if (f->size + size > FILE_MAX) abort();
    memcpy(f->data + f->size, data, size);
    f->size += size;
}

static void add_noise(struct file *f, size_t size, size_t below) {
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)mutate_below(below);
        add(f, &byte, 1);
    }
}

static void make_idx(struct set *s) {
    static const unsigned char images[] = {0, 0, 8, 3,      0, 0, 0, ITEMS,
                                           0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, ITEMS};
    s->files[0].name = "train-images-idx3-ubyte";
    s->files[1].name = "train-labels-idx1-ubyte";
    add(&s->files[0], images, sizeof images);
    add_noise(&s->files[0], ITEMS * HEIGHT * WIDTH, 256);
    add(&s->files[1], labels, sizeof labels);
    add_noise(&s->files[1], ITEMS, 10);
}

static void pack(struct file *f, const char *name) {
    static unsigned char packed[FILE_MAX];
    z_stream z = {
        .next_in = f->data, .avail_in = (uInt)f->size, .next_out = packed, .avail_out = FILE_MAX};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    f->name = name;
    f->size = z.total_out;
    memcpy(f->data, packed, f->size);
    deflateEnd(&z);
}

static void add_npy(struct file *f, const char *name, const char *header) {
    unsigned char start[10] = "\x93NUMPY\x01\x00";
    start[8] = (unsigned char)strlen(header);
    f->name = name;
    add(f, start, sizeof start);
    add(f, header, strlen(header));
}

static void make_npy(struct set *s) {
    add_npy(&s->files[0], "images.npy",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 3, 7, 5), }\n");
    add_noise(&s->files[0], 3 * ITEMS * HEIGHT * WIDTH, 256);
    add_npy(&s->files[1], "labels.npy",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (6,), }\n");
    for (int i = 0; i < ITEMS; i++) {
        const int64_t label = i % 3;
        add(&s->files[1], &label, sizeof label);
    }
}

static void make_cifar(struct file *f, const char *name, size_t label_bytes) {
    f->name = name;
    for (int i = 0; i < 2; i++) {
        add_noise(f, label_bytes, 10);
        add_noise(f, 3 * 32 * 32, 256);
    }
}

static void make_sets(struct set *s) {
    s[0].name = "idx set", make_idx(&s[0]);
    s[1].name = "packed idx set", make_idx(&s[1]);
    pack(&s[1].files[0], "train-images-idx3-ubyte.gz");
    pack(&s[1].files[1], "train-labels-idx1-ubyte.gz");
    s[2].name = "npy set", make_npy(&s[2]);
    s[3].name = "CIFAR-10 set", make_cifar(&s[3].files[0], "data_batch_1.bin", 1);
    make_cifar(&s[3].files[1], "data_batch_2.bin", 1);
    s[4].name = "CIFAR-100 set", make_cifar(&s[4].files[0], "train.bin", 2);
    s[4].files[1].name = "fine_label_names.txt";
    for (int i = 0; i < 100; i++) add(&s[4].files[1], "name\n", 5);
}

/* ---- Use ---- */

static void write_file(const struct file *f, const unsigned char *data, size_t size) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, f->name);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0) abort();
}

static void remove_files(const struct set *s) {
    for (int k = 0; k < 2; k++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", folder, s->files[k].name);
        unlink(path);
    }
}

/* Takes an epoch; every label must be one of the classes and every number finite. */
static bool take_epoch(fovea_dataset *d) {
    const fovea_loader_options o = {
        .batch = 3, .channels = 3, .height = 4, .width = 6, .threads = 1};
    fovea_dataset_info info;
    fovea_loader *l;
    bool sane = true;
    fovea_dataset_get_info(d, &info);
    if (fovea_loader_create(&l, d, &o) != FOVEA_OK) return *fovea_error() != '\0';
    for (int64_t b = 0; b < fovea_loader_batches(l) && sane; b++) {
        fovea_batch batch;
        if (fovea_loader_next(l, &batch) != FOVEA_OK) sane = false;
        for (int64_t i = 0; sane && i < batch.count; i++)
            sane = batch.labels[i] >= 0 && batch.labels[i] < info.classes;
        for (int64_t i = 0; sane && i < 3 * 3 * 4 * 6; i++) sane = isfinite(batch.x[i]);
    }
    fovea_loader_destroy(l);
    return sane;
}

/* False if the answer is neither good nor a sentence. */
static bool open_set(bool *read) {
    const fovea_dataset_options o = {.test_share = 0.3};
    fovea_dataset *d = NULL;
    *read = fovea_dataset_open(&d, folder, "train", &o) == FOVEA_OK;
    bool sane = *read ? take_epoch(d) : !d && strstr(fovea_error(), folder);
    fovea_dataset_destroy(d);
    return sane;
}

static void write_set(const struct set *s) {
    for (int k = 0; k < 2; k++) write_file(&s->files[k], s->files[k].data, s->files[k].size);
}

static bool is_read(const struct set *s) {
    bool read = false;
    write_set(s);
    bool sane = open_set(&read) && read;
    if (!sane) printf("the undamaged %s is not read: %s\n", s->name, fovea_error());
    remove_files(s);
    return sane;
}

int main(int argc, char **argv) {
    static struct set sets[N_SETS];
    static unsigned char data[FILE_MAX];
    long count = mutate_begin(argc > 1 ? argv[1] : NULL), good = 0, insane = 0;
    snprintf(folder, sizeof folder, "/tmp/fovea-fuzz-data-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    make_sets(sets);
    for (int i = 0; i < N_SETS; i++) insane += !is_read(&sets[i]);
    for (long i = 0; i < count && insane == 0; i++) {
        const struct set *s = &sets[i % N_SETS];
        bool read = false;
        mutate_at(i, s->name);
        const struct file *f = &s->files[mutate_below(3) / 2]; /* pictures are damaged more often */
        memcpy(data, f->data, f->size);
        write_set(s);
        write_file(f, data, mutate_bytes(data, f->size));
        if (!open_set(&read)) {
            printf("%s: neither a data set nor a sentence: %s\n", mutate_place(), fovea_error());
            insane++;
        }
        good += read;
        remove_files(s);
    }
    rmdir(folder);
    printf("%ld mutations: %ld still read, %ld refused with a sentence, %ld neither\n", count, good,
           count - good - insane, insane);
    return insane != 0;
}
