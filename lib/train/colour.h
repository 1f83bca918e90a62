/* Random changes of colour. */
#ifndef TRAIN_COLOUR_H
#define TRAIN_COLOUR_H

#include "base/random.h"
#include "fovea_data.h"

/* Factors: of the values; of the distance from the mean grey of the picture; of the distance of a pixel's
 * colours from its grey. 1 changes nothing. */
struct colour {
    double brightness, contrast, saturation;
};
/* All three are drawn, so that switching one off leaves the others as they were. */
struct colour colour_draw(const fovea_augmentation *, struct random *);
/* Changes x (channels, plane), values 0..255, in place and in the order above, each time clamped. A channel
 * of transparency (the last of two or four) stays as it is. */
void colour_change(const struct colour *, int64_t channels, int64_t plane, float *x);

#endif
