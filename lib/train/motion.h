/* Pictures moved, turned and mirrored on their way into a batch. */
#ifndef TRAIN_MOTION_H
#define TRAIN_MOTION_H

#include "fovea_data.h"

/* First the picture is moved, then turned about the middle, then mirrored; what comes from outside is
 * black. */
struct motion {
    int64_t up, left; /* by so many pixels */
    double angle;     /* radians, against the clock */
    bool mirror_x, mirror_y;
};

/* Without the angle: whole pixels. What is stored for a byte v of channel c is table[c][v].
 * x (channels, height, width), of the picture's size. */
void motion_apply(const fovea_picture *, const struct motion *, const float (*table)[256],
                  float *x);
/* With the angle: bilinear, values 0..255. */
void motion_turn(const fovea_picture *, const struct motion *, float *x);

#endif
