/* Random changes of colour. */
#ifndef TRAIN_COLOUR_H
#define TRAIN_COLOUR_H

#include "base/random.h"
#include "fovea_data.h"

/* Changes x (channels, plane), values 0..255, in place: brightness, contrast, saturation, in this order. A
 * channel of transparency (the last of two or four) stays as it is. */
void colour_jitter(const fovea_augmentation *, struct random *, int64_t channels, int64_t plane,
                   float *x);

#endif
