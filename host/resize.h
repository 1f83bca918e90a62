/* Pictures scaled by a bilinear filter that covers every source pixel, bit for bit as Pillow's. */
#ifndef HOST_RESIZE_H
#define HOST_RESIZE_H

#include "image.h"

bool image_resize(struct image *out, const struct image *in, int width, int height,
                  struct problem *p);
/* The rectangle of that size in the middle. */
bool image_crop(struct image *out, const struct image *in, int width, int height,
                struct problem *p);

#endif
