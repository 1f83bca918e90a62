/* A data set: labels in memory, and where the pictures come from. */
#ifndef TRAIN_DATASET_H
#define TRAIN_DATASET_H

#include <pthread.h>

#include "train/data.h"

/* What is read of the files, before the split. Pictures lie in memory in one of the files' own records,
 * or each in a file, or behind a callback. */
struct fovea_dataset {
    int64_t count, classes;
    int64_t channels, height, width; /* 0: they vary */
    const char *format;
    int64_t *labels; /* (count) */
    int64_t
        *numbers; /* (count): which record, path or item of the source each is; NULL: the same */
    char **class_names;
    size_t n_class_names;

    /* Pictures in memory, channels fastest: picture i at `first` + i * `stride`. */
    uint8_t *records;
    size_t first, stride;
    /* Pictures in files. */
    struct data_names paths;
    fovea_status (*decode)(void *user, const char *path, fovea_picture *out);
    /* Pictures of a callback. */
    fovea_status (*picture)(void *user, int64_t item, fovea_picture *out);
    void *source_user;

    bool skip_damaged;
    void (*warn)(void *user, const char *sentence);
    void *user;
    pthread_mutex_t mutex; /* for what follows, and for calls of `warn` */
    uint8_t *damaged;      /* (count) */
    int64_t n_damaged;
};

enum split { SPLIT_TRAIN, SPLIT_TEST };

/* Readers of one format. *found stays false, and nothing is done, where the folder holds no file of it.
 * *needs_split becomes true where what was read is all there is, whatever split was wanted. */
typedef fovea_status dataset_reader(struct fovea_dataset *, const char *path, enum split,
                                    bool *found, bool *needs_split);
dataset_reader dataset_read_idx, dataset_read_cifar, dataset_read_npy, dataset_read_folder;

/* Names of classes, one a line of a text file: as many as there are lines that are not empty. */
fovea_status dataset_read_class_names(struct fovea_dataset *, const char *path);
fovea_status dataset_add_class(struct fovea_dataset *, const char *name);
void dataset_warn(const struct fovea_dataset *, const char *format, ...) PRINTF_LIKE(2, 3);

/* The picture of an item, its size checked; *borrowed where it lies in the data set and must not be freed.
 * Fails as the source fails. */
fovea_status dataset_view(const struct fovea_dataset *, int64_t item, fovea_picture *out,
                          bool *borrowed);
/* Whether the status says that the picture is damaged, and the data set skips such. If so, it is counted
 * and named once. */
bool dataset_skips(struct fovea_dataset *, int64_t item, fovea_status);

#endif
