/* Pictures scaled by the library's filter, and cut. */
#include "resize.h"

#include <string.h>

#include "fovea_data.h"

bool image_resize(struct image *out, const struct image *in, int width, int height,
                  struct problem *p) {
    *out = (struct image){0, 0, NULL};
    if (!image_create(out, (uint64_t)width, (uint64_t)height, "the scaled picture", p))
        return false;
    const fovea_picture from = {in->width, in->height, 3, in->rgb},
                        to = {width, height, 3, out->rgb};
    if (problem_check(p, fovea_picture_scale(&from, &to))) return true;
    image_free(out);
    return false;
}

bool image_crop(struct image *out, const struct image *in, int width, int height,
                struct problem *p) {
    if (width > in->width || height > in->height)
        return problem_set(p, EXIT_FILE, "a picture of %d x %d is smaller than the cut of %d x %d",
                           in->width, in->height, width, height);
    if (!image_create(out, (uint64_t)width, (uint64_t)height, "the cut picture", p)) return false;
    size_t left = (size_t)(in->width - width) / 2, top = (size_t)(in->height - height) / 2;
    for (size_t y = 0; y < (size_t)height; y++)
        memcpy(out->rgb + 3 * (size_t)width * y,
               in->rgb + 3 * ((top + y) * (size_t)in->width + left), 3 * (size_t)width);
    return true;
}
