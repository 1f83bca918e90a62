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

static double bilinear(const fovea_picture *p, double y, double x, int64_t c) {
    double y0 = floor(y), x0 = floor(x), v = y - y0, u = x - x0;
    int64_t i = (int64_t)y0, k = (int64_t)x0;
    double upper = (1 - u) * pixel_at(p, i, k, c) + u * pixel_at(p, i, k + 1, c);
    double lower = (1 - u) * pixel_at(p, i + 1, k, c) + u * pixel_at(p, i + 1, k + 1, c);
    return (1 - v) * upper + v * lower;
}

void motion_turn(const fovea_picture *p, const struct motion *m, float *x) {
    double cosine = cos(m->angle), sine = sin(m->angle);
    double middle_y = (double)(p->height - 1) / 2, middle_x = (double)(p->width - 1) / 2;
    for (int64_t c = 0; c < p->channels; c++)
        for (int64_t i = 0; i < p->height; i++)
            for (int64_t k = 0; k < p->width; k++) {
                double dy = (double)(m->mirror_y ? p->height - 1 - i : i) - middle_y;
                double dx = (double)(m->mirror_x ? p->width - 1 - k : k) - middle_x;
                double from_y = middle_y + cosine * dy + sine * dx + (double)m->up;
                double from_x = middle_x + cosine * dx - sine * dy + (double)m->left;
                *x++ = (float)bilinear(p, from_y, from_x, c);
            }
}
