/* Data sets of few large files: idx (MNIST and its kin), CIFAR-10 and CIFAR-100, npy. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "train/dataset.h"

/* The path of the first of these files that is there, "" if none is; NULL if memory ran out. */
static char *find_file(const char *folder, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char *path = mem_format("%s/%s", folder, names[i]);
        if (!path || data_file_exists(path)) return path;
        mem_free(path);
    }
    return mem_string("");
}

/* ---- Arrays of pictures and of labels ---- */

/* Whole numbers of any width to labels. */
static bool label_at(const fovea_array *a, size_t i, int64_t *out) {
    const void *d = a->data;
    switch (a->desc.dtype) {
    case FOVEA_BOOL:
    case FOVEA_UINT8: *out = ((const uint8_t *)d)[i]; return true;
    case FOVEA_INT8: *out = ((const int8_t *)d)[i]; return true;
    case FOVEA_UINT16: *out = ((const uint16_t *)d)[i]; return true;
    case FOVEA_INT16: *out = ((const int16_t *)d)[i]; return true;
    case FOVEA_UINT32: *out = ((const uint32_t *)d)[i]; return true;
    case FOVEA_INT32: *out = ((const int32_t *)d)[i]; return true;
    case FOVEA_UINT64: /* beyond int64 becomes negative, which is refused as every such label */
    case FOVEA_INT64: *out = ((const int64_t *)d)[i]; return true;
    default: return false;
    }
}

static fovea_status take_labels(struct fovea_dataset *d, const fovea_array *a, const char *path,
                                const char *pictures) {
    const fovea_desc *desc = &a->desc;
    bool list = desc->rank == 1 || (desc->rank == 2 && desc->dim[1] == 1);
    if (!list)
        return fail(FOVEA_BAD_FILE, "%s: is not a list of labels but has %d dimensions", path,
                    desc->rank);
    if (desc->dim[0] != d->count)
        return fail(FOVEA_BAD_FILE, "%s: has %lld labels, and %s has %lld pictures", path,
                    (long long)desc->dim[0], pictures, (long long)d->count);
    d->labels = mem_array((size_t)d->count, sizeof *d->labels);
    if (!d->labels) return fail_memory((size_t)d->count * sizeof *d->labels, "labels");
    for (size_t i = 0; i < (size_t)d->count; i++)
        if (!label_at(a, i, &d->labels[i]))
            return fail(FOVEA_BAD_FILE, "%s: labels are whole numbers, not %s", path,
                        fovea_dtype_name(desc->dtype));
    return FOVEA_OK;
}

/* Planes of each picture to channels that are fastest, in place. */
static fovea_status interleave(uint8_t *at, size_t count, size_t stride, size_t channels,
                               size_t plane) {
    if (channels == 1) return FOVEA_OK;
    uint8_t *copy = mem_alloc(channels * plane);
    if (!copy) return fail_memory(channels * plane, "a picture");
    for (size_t i = 0; i < count; i++, at += stride) {
        memcpy(copy, at, channels * plane);
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < plane; k++) at[k * channels + c] = copy[c * plane + k];
    }
    mem_free(copy);
    return FOVEA_OK;
}

static bool is_channels(int64_t n) {
    return n >= 1 && n <= FOVEA_PICTURE_CHANNELS;
}

/* Takes the pictures over: (n,h,w), (n,h,w,c), or (n,c,h,w) where only that can be. */
static fovea_status take_pictures(struct fovea_dataset *d, fovea_array *a, const char *path) {
    const int64_t *dim = a->desc.dim;
    int rank = a->desc.rank;
    if (a->desc.dtype != FOVEA_UINT8)
        return fail(FOVEA_UNSUPPORTED, "%s: pictures are bytes (uint8), not %s", path,
                    fovea_dtype_name(a->desc.dtype));
    bool last = rank == 4 && is_channels(dim[3]), first = rank == 4 && !last && is_channels(dim[1]);
    if (rank != 3 && !last && !first)
        return fail(FOVEA_BAD_FILE,
                    "%s: holds no pictures: they are (number, height, width), with 1 to 4 channels "
                    "at the end or after the number",
                    path);
    d->count = dim[0];
    d->channels = last ? dim[3] : first ? dim[1] : 1;
    d->height = dim[first ? 2 : 1];
    d->width = dim[first ? 3 : 2];
    if (d->count < 1 || d->height < 1 || d->width < 1)
        return fail(FOVEA_BAD_FILE, "%s: holds no pictures: one of its dimensions is 0", path);
    if (picture_check(d->height, d->width, d->channels) != FOVEA_OK)
        return fail(FOVEA_BAD_FILE, "%s: holds %s", path, fovea_error());
    d->records = a->data;
    a->data = NULL;
    size_t plane = (size_t)(d->height * d->width);
    d->stride = plane * (size_t)d->channels;
    if (!first) return FOVEA_OK;
    return interleave(d->records, (size_t)d->count, d->stride, (size_t)d->channels, plane);
}

/* A file of pictures and one of labels. */
static fovea_status read_pair(struct fovea_dataset *d, const char *images, const char *labels,
                              array_decoder *decode) {
    fovea_array a;
    TRY(data_array_read(&a, images, decode));
    fovea_status status = take_pictures(d, &a, images);
    fovea_array_free(&a);
    TRY(status);
    TRY(data_array_read(&a, labels, decode));
    status = take_labels(d, &a, labels, images);
    fovea_array_free(&a);
    return status;
}

/* ---- idx ---- */

enum { IDX_NAMES = 4 };

static char *find_idx(const char *path, enum split split, const char *what, int rank) {
    char text[IDX_NAMES][64];
    const char *names[IDX_NAMES];
    for (int i = 0; i < IDX_NAMES; i++) {
        const char *dash = i < 2 ? "-" : ".";
        snprintf(text[i], sizeof text[i], "%s-%s%sidx%d-ubyte%s",
                 split == SPLIT_TEST ? "t10k" : "train", what, dash, rank, i % 2 ? ".gz" : "");
        names[i] = text[i];
    }
    return find_file(path, names, IDX_NAMES);
}

fovea_status dataset_read_idx(struct fovea_dataset *d, const char *path, enum split split,
                              bool *found, bool *needs_split) {
    (void)needs_split;
    char *images = find_idx(path, split, "images", 3), *labels = find_idx(path, split, "labels", 1);
    fovea_status status = FOVEA_OK;
    if (!images || !labels) {
        status = fail_memory(strlen(path), "a path");
    } else if (*images) {
        *found = true;
        d->format = "idx";
        status = *labels ? read_pair(d, images, labels, idx_decode)
                         : fail(FOVEA_BAD_FILE, "%s: there is no file of labels beside it", images);
    }
    mem_free(images);
    mem_free(labels);
    return status;
}

/* ---- npy ---- */

static fovea_status read_npy_pair(struct fovea_dataset *d, const char *path, const char *prefix,
                                  bool *found) {
    char *images = mem_format("%s/%simages.npy", path, prefix);
    char *labels = mem_format("%s/%slabels.npy", path, prefix);
    fovea_status status = FOVEA_OK;
    if (!images || !labels) {
        status = fail_memory(strlen(path), "a path");
    } else if (data_file_exists(images)) {
        *found = true;
        d->format = "npy";
        status = read_pair(d, images, labels, npy_decode);
    }
    mem_free(images);
    mem_free(labels);
    return status;
}

fovea_status dataset_read_npy(struct fovea_dataset *d, const char *path, enum split split,
                              bool *found, bool *needs_split) {
    TRY(read_npy_pair(d, path, split == SPLIT_TEST ? "test_" : "train_", found));
    if (*found) return FOVEA_OK;
    TRY(read_npy_pair(d, path, "", found));
    *needs_split = *found;
    return FOVEA_OK;
}

/* ---- CIFAR: https://www.cs.toronto.edu/~kriz/cifar.html ---- */

enum { CIFAR_SIDE = 32, CIFAR_PLANE = CIFAR_SIDE * CIFAR_SIDE, CIFAR_PICTURE = 3 * CIFAR_PLANE };

/* Records of 1 label (of CIFAR-100: coarse, then fine) and three planes. */
struct cifar {
    const char *format, *names;
    size_t labels; /* bytes in front of the planes, the last of which is the label */
    int64_t classes;
};
static const struct cifar cifar10 = {"CIFAR-10", "batches.meta.txt", 1, 10};
static const struct cifar cifar100 = {"CIFAR-100", "fine_label_names.txt", 2, 100};

/* Appends the records of one file. */
static fovea_status add_cifar_file(struct fovea_dataset *d, const struct cifar *kind,
                                   const char *path) {
    struct data_file file;
    TRY(data_file_read(&file, path));
    fovea_status status = FOVEA_OK;
    size_t old = (size_t)d->count * d->stride;
    if (file.bytes == 0 || file.bytes % d->stride) {
        status =
            fail(FOVEA_BAD_FILE,
                 "%s: is no %s file: its %zu bytes are not a multiple of %zu, those of a record",
                 path, kind->format, file.bytes, d->stride);
    } else if (d->count == 0) { /* the first, mostly the only one, is taken as it is */
        d->records = file.data;
        file.data = NULL;
    } else {
        uint8_t *grown = mem_resize(d->records, old, old + file.bytes);
        if (!grown) status = fail_memory(old + file.bytes, "pictures");
        else memcpy(grown + old, file.data, file.bytes);
        d->records = grown ? grown : d->records;
    }
    if (status == FOVEA_OK) d->count += (int64_t)(file.bytes / d->stride);
    mem_free(file.data);
    return status;
}

static fovea_status finish_cifar(struct fovea_dataset *d, const struct cifar *kind,
                                 const char *path) {
    size_t count = (size_t)d->count;
    d->labels = mem_array(count, sizeof *d->labels);
    if (!d->labels) return fail_memory(count * sizeof *d->labels, "labels");
    for (size_t i = 0; i < count; i++) d->labels[i] = d->records[i * d->stride + kind->labels - 1];
    TRY(interleave(d->records + d->first, count, d->stride, 3, CIFAR_PLANE));
    char *names = mem_format("%s/%s", path, kind->names);
    if (!names) return fail_memory(strlen(path), "a path");
    fovea_status status = data_file_exists(names) ? dataset_read_class_names(d, names) : FOVEA_OK;
    mem_free(names);
    if (status != FOVEA_OK || !d->n_class_names || d->n_class_names == (size_t)kind->classes)
        return status;
    return fail(FOVEA_BAD_FILE, "%s/%s: has %zu names; %s has %lld classes", path, kind->names,
                d->n_class_names, kind->format, (long long)kind->classes);
}

static bool is_cifar_file(const char *name, const struct cifar *kind, enum split split) {
    if (kind == &cifar100) return strcmp(name, split == SPLIT_TEST ? "test.bin" : "train.bin") == 0;
    if (split == SPLIT_TEST) return strcmp(name, "test_batch.bin") == 0;
    size_t n = strlen(name);
    return n > 15 && strncmp(name, "data_batch_", 11) == 0 && strcmp(name + n - 4, ".bin") == 0;
}

static fovea_status read_cifar(struct fovea_dataset *d, const char *path,
                               const struct data_names *names, const struct cifar *kind,
                               enum split split) {
    d->format = kind->format;
    d->classes = kind->classes;
    d->channels = 3;
    d->height = d->width = CIFAR_SIDE;
    d->first = kind->labels;
    d->stride = kind->labels + CIFAR_PICTURE;
    for (size_t i = 0; i < names->count; i++) {
        if (!is_cifar_file(names->name[i], kind, split)) continue;
        char *file = mem_format("%s/%s", path, names->name[i]);
        fovea_status status =
            file ? add_cifar_file(d, kind, file) : fail_memory(strlen(path), "a path");
        mem_free(file);
        TRY(status);
    }
    return finish_cifar(d, kind, path);
}

fovea_status dataset_read_cifar(struct fovea_dataset *d, const char *path, enum split split,
                                bool *found, bool *needs_split) {
    static const struct cifar *const kinds[] = {&cifar10, &cifar100};
    struct data_names names;
    fovea_status status = FOVEA_OK;
    (void)needs_split;
    TRY(data_names_read(&names, path));
    for (size_t k = 0; k < 2 && !*found; k++) {
        for (size_t i = 0; i < names.count; i++)
            *found = *found || is_cifar_file(names.name[i], kinds[k], split);
        if (*found) status = read_cifar(d, path, &names, kinds[k], split);
    }
    data_names_free(&names);
    return status;
}
