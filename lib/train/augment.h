/* From a picture to a row of a batch: size, random changes, normalising. */
#ifndef TRAIN_AUGMENT_H
#define TRAIN_AUGMENT_H

#include "base/random.h"
#include "train/data.h"

/* What is the same for every row. */
struct augment {
    int64_t channels, height, width;
    double mean[FOVEA_PICTURE_CHANNELS], std[FOVEA_PICTURE_CHANNELS];
    float normal[FOVEA_PICTURE_CHANNELS][256]; /* of each byte, what the network gets */
    float plain[FOVEA_PICTURE_CHANNELS][256];  /* of each byte, itself */
    fovea_fit fit;
    fovea_augmentation change;
    uint64_t seed;
};

/* The sizes must be set. Errors: INVALID. */
fovea_status augment_init(struct augment *, const fovea_loader_options *);
/* Random numbers of an epoch, an item in it, and a batch in it. */
uint64_t augment_epoch_key(const struct augment *, int64_t epoch);
uint64_t augment_item_key(const struct augment *, int64_t epoch, int64_t item);
/* One row: x (channels, height, width). `fitted` is scratch of the network's size.
 * Errors: NO_MEMORY. */
fovea_status augment_row(const struct augment *, const fovea_picture *, uint64_t key,
                         const fovea_picture *fitted, float *x);
/* The rectangle of a random resized crop. */
struct picture_box augment_draw_crop(const fovea_augmentation *, struct random *, int64_t height,
                                     int64_t width);
/* Lambda of a batch: Beta(mixup, mixup). */
float augment_lambda(const struct augment *, int64_t epoch, int64_t batch);
/* Mixes each of `rows` rows with its mirror. */
void augment_mix(float *x, int64_t rows, int64_t row_elements, float lambda);

#endif
