/* Pictures scaled by a bilinear filter: a triangle of half-width max(1, scale) source pixels around
 * the centre of each destination pixel, weights as whole numbers of 22 bits, rows first, 8-bit
 * rounding between the passes. This is Pillow's Image.resize(BILINEAR) (src/libImaging/Resample.c)
 * to the last bit, the preprocessing most published models were trained with. */
#include "resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_BITS = 32 - 8 - 2 };

/* For each destination pixel the first source pixel, their number, and the weights. */
struct filter {
    int taps; /* room for weights of one destination pixel */
    int *first, *count;
    int32_t *weight;
};

static void filter_free(struct filter *f) {
    free(f->first);
    free(f->count);
    free(f->weight);
}

/* The weights of one destination pixel. */
static void filter_fill(struct filter *f, int i, int from, double scale, double *weight) {
    double support = scale < 1 ? 1 : scale, centre = (i + 0.5) * scale, sum = 0;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > from) end = from;
    for (int k = 0; k < end - first; k++) {
        double d = fabs((k + first - centre + 0.5) / support);
        weight[k] = d < 1 ? 1 - d : 0;
        sum += weight[k];
    }
    f->first[i] = first;
    f->count[i] = end - first;
    for (int k = 0; k < end - first; k++) {
        double w = sum != 0 ? weight[k] / sum : 0;
        f->weight[(size_t)i * (size_t)f->taps + (size_t)k] =
            (int32_t)(0.5 + w * (1 << WEIGHT_BITS));
    }
}

static bool filter_create(struct filter *f, int from, int to) {
    double scale = (double)from / to;
    f->taps = (int)ceil(scale < 1 ? 1 : scale) * 2 + 1;
    f->first = calloc((size_t)to, sizeof *f->first);
    f->count = calloc((size_t)to, sizeof *f->count);
    f->weight = calloc((size_t)to * (size_t)f->taps, sizeof *f->weight);
    double *weight = calloc((size_t)f->taps, sizeof *weight);
    bool good = f->first && f->count && f->weight && weight;
    for (int i = 0; good && i < to; i++) filter_fill(f, i, from, scale, weight);
    free(weight);
    return good;
}

static unsigned char rounded(int64_t sum) {
    int64_t x = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
    return (unsigned char)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* One line of destination pixels; `step` and `to_step` are the bytes between pixels of the line. */
static void filter_line(const struct filter *f, const unsigned char *from, size_t step,
                        unsigned char *to, size_t to_step, int length) {
    for (int i = 0; i < length; i++)
        for (size_t c = 0; c < 3; c++) {
            const int32_t *weight = f->weight + (size_t)i * (size_t)f->taps;
            const unsigned char *at = from + (size_t)f->first[i] * step + c;
            int64_t sum = 0;
            for (int k = 0; k < f->count[i]; k++) sum += (int64_t)weight[k] * at[(size_t)k * step];
            to[(size_t)i * to_step + c] = rounded(sum);
        }
}

static bool copy(struct image *out, const struct image *in, struct problem *p) {
    return image_crop(out, in, in->width, in->height, p);
}

static bool resize_width(struct image *out, const struct image *in, int width, struct problem *p) {
    struct filter f = {0, NULL, NULL, NULL};
    if (width == in->width) return copy(out, in, p);
    if (!image_create(out, (uint64_t)width, (uint64_t)in->height, "the scaled picture", p))
        return false;
    bool good = filter_create(&f, in->width, width);
    for (size_t y = 0; good && y < (size_t)in->height; y++)
        filter_line(&f, in->rgb + 3 * (size_t)in->width * y, 3, out->rgb + 3 * (size_t)width * y, 3,
                    width);
    filter_free(&f);
    return good ? good : problem_set(p, EXIT_DEVICE, "out of memory to scale a picture");
}

static bool resize_height(struct image *out, const struct image *in, int height,
                          struct problem *p) {
    struct filter f = {0, NULL, NULL, NULL};
    if (height == in->height) return copy(out, in, p);
    if (!image_create(out, (uint64_t)in->width, (uint64_t)height, "the scaled picture", p))
        return false;
    bool good = filter_create(&f, in->height, height);
    size_t row = 3 * (size_t)in->width;
    for (size_t x = 0; good && x < (size_t)in->width; x++)
        filter_line(&f, in->rgb + 3 * x, row, out->rgb + 3 * x, row, height);
    filter_free(&f);
    return good ? good : problem_set(p, EXIT_DEVICE, "out of memory to scale a picture");
}

bool image_resize(struct image *out, const struct image *in, int width, int height,
                  struct problem *p) {
    struct image wide = {0, 0, NULL};
    *out = wide;
    bool good = resize_width(&wide, in, width, p) && resize_height(out, &wide, height, p);
    image_free(&wide);
    if (!good) image_free(out);
    return good;
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
