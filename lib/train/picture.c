/* Pictures in memory: making them, changing their channels, and scaling them.
 *
 * Scaling is a bilinear filter that covers every source pixel: a triangle of half-width max(1, scale)
 * source pixels around the centre of each destination pixel, weights as whole numbers of 22 bits, rows
 * first, 8-bit rounding between the passes. This is Pillow's Image.resize(BILINEAR)
 * (src/libImaging/Resample.c) to the last bit, the preprocessing most published models were trained with. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/data.h"

enum { WEIGHT_BITS = 32 - 8 - 2, SIDE_MAX = 65536 };

fovea_status picture_check(int64_t height, int64_t width, int64_t channels) {
    if (height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX)
        return fail(FOVEA_INVALID, "a picture of %lld x %lld pixels: a side is 1 to %d pixels",
                    (long long)width, (long long)height, SIDE_MAX);
    if (channels < 1 || channels > FOVEA_PICTURE_CHANNELS)
        return fail(FOVEA_INVALID, "a picture of %lld channels: there are 1 to %d",
                    (long long)channels, FOVEA_PICTURE_CHANNELS);
    if (height * width * channels > INT64_C(1) << 31)
        return fail(FOVEA_INVALID, "a picture of %lld x %lld pixels and %lld channels is too large",
                    (long long)width, (long long)height, (long long)channels);
    return FOVEA_OK;
}

fovea_status fovea_picture_create(fovea_picture *out, int64_t height, int64_t width,
                                  int64_t channels) {
    if (!out) return fail(FOVEA_INVALID, "fovea_picture_create: out is NULL");
    *out = (fovea_picture){0, 0, 0, NULL};
    TRY(picture_check(height, width, channels));
    size_t bytes = (size_t)(height * width * channels);
    uint8_t *pixels = mem_zero(bytes, 1);
    if (!pixels) return fail_memory(bytes, "a picture");
    *out = (fovea_picture){width, height, channels, pixels};
    return FOVEA_OK;
}

void fovea_picture_free(fovea_picture *picture) {
    if (!picture) return;
    mem_free(picture->pixels);
    *picture = (fovea_picture){0, 0, 0, NULL};
}

fovea_status fovea_fail(fovea_status status, const char *sentence) {
    return fail(status, "%s", sentence ? sentence : "");
}

/* Luma is ITU-R BT.601 with Pillow's weights and rounding. */
void picture_pixel(const uint8_t *pixel, int64_t from, uint8_t *out, int64_t to) {
    if (to <= 2 && from >= 3) {
        out[0] =
            (uint8_t)((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
        if (to == 2) out[1] = from == 4 ? pixel[3] : 255;
        return;
    }
    bool grey = from <= 2; /* perhaps with transparency behind */
    int64_t colours = to <= 2 ? 1 : 3;
    for (int64_t c = 0; c < colours; c++) out[c] = pixel[grey ? 0 : c];
    if (colours < to) out[colours] = from == 2 || from == 4 ? pixel[from - 1] : 255;
}

/* ---- Scaling ---- */

/* For each destination pixel the first source pixel, their number, and the weights. */
struct filter {
    size_t taps; /* room for weights of one destination pixel */
    int64_t *first, *count;
    int32_t *weight;
    double *exact; /* weights of one pixel before rounding */
};

static void filter_free(struct filter *f) {
    mem_free(f->first);
    mem_free(f->count);
    mem_free(f->weight);
    mem_free(f->exact);
}

static void filter_fill(struct filter *f, size_t i, int64_t from, double scale) {
    double support = scale < 1 ? 1 : scale, centre = ((double)i + 0.5) * scale, sum = 0;
    int64_t first = (int64_t)(centre - support + 0.5), end = (int64_t)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > from) end = from;
    for (int64_t k = 0; k < end - first; k++) {
        double d = fabs(((double)(k + first) - centre + 0.5) / support);
        f->exact[k] = d < 1 ? 1 - d : 0;
        sum += f->exact[k];
    }
    f->first[i] = first;
    f->count[i] = end - first;
    for (int64_t k = 0; k < end - first; k++) {
        double w = sum != 0 ? f->exact[k] / sum : 0;
        f->weight[i * f->taps + (size_t)k] = (int32_t)(0.5 + w * (1 << WEIGHT_BITS));
    }
}

static fovea_status filter_create(struct filter *f, int64_t from, int64_t to) {
    double scale = (double)from / (double)to;
    size_t n = (size_t)to, weights;
    f->taps = (size_t)ceil(scale < 1 ? 1 : scale) * 2 + 1;
    if (!size_multiply(n, f->taps, &weights)) return fail_memory(SIZE_MAX, "scaling a picture");
    f->first = mem_array(n, sizeof *f->first);
    f->count = mem_array(n, sizeof *f->count);
    f->weight = mem_array(weights, sizeof *f->weight);
    f->exact = mem_array(f->taps, sizeof *f->exact);
    if (!f->first || !f->count || !f->weight || !f->exact)
        return fail_memory(weights * sizeof *f->weight, "scaling a picture");
    for (size_t i = 0; i < n; i++) filter_fill(f, i, from, scale);
    return FOVEA_OK;
}

static uint8_t rounded(int64_t sum) {
    int64_t x = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* One line of destination pixels; the steps are the bytes between pixels of a line. */
static void filter_line(const struct filter *f, const uint8_t *from, size_t step, uint8_t *to,
                        size_t to_step, size_t length, size_t channels) {
    for (size_t i = 0; i < length; i++)
        for (size_t c = 0; c < channels; c++) {
            const int32_t *weight = f->weight + i * f->taps;
            const uint8_t *at = from + (size_t)f->first[i] * step + c;
            int64_t sum = 0;
            for (int64_t k = 0; k < f->count[i]; k++)
                sum += (int64_t)weight[k] * at[(size_t)k * step];
            to[i * to_step + c] = rounded(sum);
        }
}

/* `from` to lines of the width of `to`. */
static fovea_status scale_rows(const fovea_picture *from, struct picture_box box,
                               const fovea_picture *to) {
    struct filter f = {0, NULL, NULL, NULL, NULL};
    size_t pixel = (size_t)from->channels, row = (size_t)from->width * pixel;
    size_t to_row = (size_t)to->width * pixel;
    const uint8_t *first = from->pixels + (size_t)box.top * row + (size_t)box.left * pixel;
    fovea_status status = FOVEA_OK;
    if (box.width != to->width) status = filter_create(&f, box.width, to->width);
    for (size_t y = 0; status == FOVEA_OK && y < (size_t)box.height; y++)
        if (box.width == to->width) memcpy(to->pixels + y * to_row, first + y * row, to_row);
        else
            filter_line(&f, first + y * row, pixel, to->pixels + y * to_row, pixel,
                        (size_t)to->width, pixel);
    filter_free(&f);
    return status;
}

/* `from`, of the same width, to the height of `to`. */
static fovea_status scale_columns(const fovea_picture *from, const fovea_picture *to) {
    struct filter f = {0, NULL, NULL, NULL, NULL};
    size_t pixel = (size_t)from->channels, row = (size_t)from->width * pixel;
    fovea_status status = filter_create(&f, from->height, to->height);
    for (size_t x = 0; status == FOVEA_OK && x < (size_t)from->width; x++)
        filter_line(&f, from->pixels + x * pixel, row, to->pixels + x * pixel, row,
                    (size_t)to->height, pixel);
    filter_free(&f);
    return status;
}

fovea_status picture_scale(const fovea_picture *from, struct picture_box box,
                           const fovea_picture *to) {
    if (box.height == to->height) return scale_rows(from, box, to);
    fovea_picture wide;
    TRY(fovea_picture_create(&wide, box.height, to->width, from->channels));
    fovea_status status = scale_rows(from, box, &wide);
    if (status == FOVEA_OK) status = scale_columns(&wide, to);
    fovea_picture_free(&wide);
    return status;
}

fovea_status fovea_picture_scale(const fovea_picture *from, const fovea_picture *to) {
    if (!from || !to || !from->pixels || !to->pixels)
        return fail(FOVEA_INVALID, "fovea_picture_scale: a picture is NULL");
    TRY(picture_check(from->height, from->width, from->channels));
    TRY(picture_check(to->height, to->width, to->channels));
    if (from->channels != to->channels)
        return fail(FOVEA_INVALID, "a picture of %lld channels cannot be scaled to one of %lld",
                    (long long)from->channels, (long long)to->channels);
    return picture_scale(from, (struct picture_box){0, 0, from->height, from->width}, to);
}
