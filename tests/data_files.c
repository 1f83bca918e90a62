/* Small data sets in a folder that goes with the test. */
#include "data_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "train/data.h"

char folder[64];

void make_folder(void) {
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

void remove_folder(void) {
    remove_below(folder);
}

const char *in_folder(const char *name) {
    static char path[4][256];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof *path, "%s/%s", folder, name);
    return p;
}

void write_file(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(in_folder(name), "wb");
    ck_assert_msg(f && fwrite(data, 1, bytes, f) == bytes && fclose(f) == 0, "%s: %s", name,
                  strerror(errno));
}

void write_packed(const char *name, const void *data, size_t bytes) {
    gzFile f = gzopen(in_folder(name), "wb");
    ck_assert(f && gzwrite(f, data, (unsigned)bytes) == (int)bytes && gzclose(f) == Z_OK);
}

/* Picture i has pixels 20 i, 20 i + 1, ..., and label i % 4. */
uint8_t pixel_of(int i, int k) {
    return (uint8_t)(20 * i + k);
}

size_t idx_images(uint8_t *out, int n) {
    const uint8_t header[16] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)n, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
    memcpy(out, header, sizeof header);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < PLANE; k++) out[16 + i * PLANE + k] = pixel_of(i, k);
    return sizeof header + (size_t)(n * PLANE);
}

size_t idx_labels(uint8_t *out, int n) {
    const uint8_t header[8] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)n};
    memcpy(out, header, sizeof header);
    for (int i = 0; i < n; i++) out[8 + i] = (uint8_t)(i % 4);
    return sizeof header + (size_t)n;
}

void write_idx(bool packed) {
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

fovea_dataset *open_set(const char *split, const fovea_dataset_options *options) {
    fovea_dataset *d;
    ck_assert_msg(fovea_dataset_open(&d, folder, split, options) == FOVEA_OK, "%s", fovea_error());
    return d;
}

fovea_loader *open_loader(fovea_dataset *d, const fovea_loader_options *options) {
    fovea_loader *l;
    ck_assert_msg(fovea_loader_create(&l, d, options) == FOVEA_OK, "%s", fovea_error());
    return l;
}

fovea_batch next_batch(fovea_loader *l) {
    fovea_batch b;
    ck_assert_msg(fovea_loader_next(l, &b) == FOVEA_OK, "%s", fovea_error());
    return b;
}

/* Record r: `label_bytes` of labels, the last of them r % classes, and pixels that tell record, channel and
 * place. */
uint8_t cifar_pixel(int r, int c, int k) {
    return (uint8_t)(37 * r + 80 * c + k % 251);
}

void write_cifar(const char *name, int first, int records, int label_bytes, int classes) {
    size_t record = (size_t)label_bytes + CIFAR_PICTURE;
    uint8_t *data = mem_zero((size_t)records, record), *at = data;
    for (int r = first; r < first + records; r++) {
        if (label_bytes == 2) *at++ = 99; /* the coarse label, which is not used */
        *at++ = (uint8_t)(r % classes);
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < CIFAR_PLANE; k++) *at++ = cifar_pixel(r, c, k);
    }
    write_file(name, data, (size_t)records * record);
    mem_free(data);
}

void write_npy(const char *name, const char *type, const char *shape, const void *data,
               size_t bytes) {
    char header[256] = {0};
    int n = snprintf(header + 10, 118, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                     type, shape);
    memset(header + 10 + n, ' ', 118 - (size_t)n);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    header[127] = '\n';
    FILE *f = fopen(in_folder(name), "wb");
    ck_assert(f && fwrite(header, 1, 128, f) == 128 && fwrite(data, 1, bytes, f) == bytes);
    ck_assert(fclose(f) == 0);
}
