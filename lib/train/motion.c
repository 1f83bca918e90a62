/* Pictures moved, turned and mirrored on their way into a batch. */
#include "train/motion.h"

#include <math.h>

void motion_apply(const fovea_picture *p, const struct motion *m, const float (*table)[256],
                  float *x) {
    int64_t plane = p->height * p->width;
    for (int64_t i = 0; i < p->height; i++) {
        int64_t y = (m->mirror_y ? p->height - 1 - i : i) + m->up;
        for (int64_t k = 0; k < p->width; k++) {
            int64_t at = (m->mirror_x ? p->width - 1 - k : k) + m->left;
            bool inside = y >= 0 && y < p->height && at >= 0 && at < p->width;
            const uint8_t *pixel = p->pixels + (inside ? (y * p->width + at) * p->channels : 0);
            for (int64_t c = 0; c < p->channels; c++)
                x[c * plane + i * p->width + k] = table[c][inside ? pixel[c] : 0];
        }
    }
}

static double pixel_at(const fovea_picture *p, int64_t y, int64_t x, int64_t c) {
    bool inside = y >= 0 && y < p->height && x >= 0 && x < p->width;
    return inside ? p->pixels[(y * p->width + x) * p->channels + c] : 0;
}

/* floor, which without the instruction for it would be a call. */
static int64_t whole_below(double x) {
    int64_t i = (int64_t)x;
    return i - ((double)i > x);
}

/* The value of channel c between pixel (i, k) and its neighbours below and to the right. */
static double bilinear(const fovea_picture *p, int64_t i, int64_t k, double v, double u,
                       int64_t c) {
    double upper, lower;
    if (i >= 0 && i + 1 < p->height && k >= 0 && k + 1 < p->width) {
        const uint8_t *at = p->pixels + (i * p->width + k) * p->channels + c;
        const uint8_t *below = at + p->width * p->channels;
        upper = (1 - u) * at[0] + u * at[p->channels];
        lower = (1 - u) * below[0] + u * below[p->channels];
    } else {
        upper = (1 - u) * pixel_at(p, i, k, c) + u * pixel_at(p, i, k + 1, c);
        lower = (1 - u) * pixel_at(p, i + 1, k, c) + u * pixel_at(p, i + 1, k + 1, c);
    }
    return (1 - v) * upper + v * lower;
}

void motion_turn(const fovea_picture *p, const struct motion *m, float *x) {
    double cosine = cos(m->angle), sine = sin(m->angle);
    double middle_y = (double)(p->height - 1) / 2, middle_x = (double)(p->width - 1) / 2;
    int64_t plane = p->height * p->width;
    for (int64_t i = 0; i < p->height; i++)
        for (int64_t k = 0; k < p->width; k++, x++) {
            double dy = (double)(m->mirror_y ? p->height - 1 - i : i) - middle_y;
            double dx = (double)(m->mirror_x ? p->width - 1 - k : k) - middle_x;
            double from_y = middle_y + cosine * dy + sine * dx + (double)m->up;
            double from_x = middle_x + cosine * dx - sine * dy + (double)m->left;
            int64_t top = whole_below(from_y), left = whole_below(from_x);
            double v = from_y - (double)top, u = from_x - (double)left;
            for (int64_t c = 0; c < p->channels; c++)
                x[c * plane] = (float)bilinear(p, top, left, v, u, c);
        }
}
