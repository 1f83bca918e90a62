/* Random changes of colour, after torchvision's ColorJitter with a fixed order. */
#include "train/colour.h"

/* Grey of a pixel: ITU-R BT.601. */
static double grey(const float *x, int64_t colours, int64_t plane) {
    if (colours == 1) return (double)x[0];
    return 0.299 * (double)x[0] + 0.587 * (double)x[plane] + 0.114 * (double)x[2 * plane];
}

/* x becomes `about` + factor * (x - about), within 0..255. */
static float stretched(double x, double about, double factor) {
    double y = about + factor * (x - about);
    return (float)(y < 0 ? 0 : y > 255 ? 255 : y);
}

static double draw_factor(struct random *r, float amount) {
    double least = amount < 1 ? 1 - (double)amount : 0, most = 1 + (double)amount;
    return least + (most - least) * random_uniform(r);
}

static void stretch_all(float *x, int64_t count, double about, double factor) {
    for (int64_t i = 0; i < count; i++) x[i] = stretched((double)x[i], about, factor);
}

static double mean_grey(const float *x, int64_t colours, int64_t plane) {
    double sum = 0;
    for (int64_t i = 0; i < plane; i++) sum += grey(x + i, colours, plane);
    return sum / (double)plane;
}

static void saturate(float *x, int64_t plane, double factor) {
    for (int64_t i = 0; i < plane; i++) {
        double about = grey(x + i, 3, plane);
        for (int64_t c = 0; c < 3; c++)
            x[c * plane + i] = stretched((double)x[c * plane + i], about, factor);
    }
}

struct colour colour_draw(const fovea_augmentation *change, struct random *r) {
    struct colour c;
    c.brightness = draw_factor(r, change->brightness);
    c.contrast = draw_factor(r, change->contrast);
    c.saturation = draw_factor(r, change->saturation);
    return c;
}

void colour_change(const struct colour *c, int64_t channels, int64_t plane, float *x) {
    int64_t colours = channels >= 3 ? 3 : 1;
    if (c->brightness != 1) stretch_all(x, colours * plane, 0, c->brightness);
    if (c->contrast != 1)
        stretch_all(x, colours * plane, mean_grey(x, colours, plane), c->contrast);
    if (c->saturation != 1 && colours == 3) saturate(x, plane, c->saturation);
}
