/* From a picture to a row of a batch. Every random choice is drawn from a stream of its own, keyed by seed,
 * epoch, item and choice, so that neither threads nor other choices can move it. */
#include "train/augment.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "train/colour.h"
#include "train/motion.h"

enum choice {
    CHOICE_CROP,
    CHOICE_SHIFT,
    CHOICE_ROTATION,
    CHOICE_FLIP_HORIZONTAL,
    CHOICE_FLIP_VERTICAL,
    CHOICE_COLOUR,
    CHOICE_CUTOUT,
    CHOICE_MIXUP,
};

static struct random stream(uint64_t key, enum choice choice) {
    return (struct random){random_mix(key, (uint64_t)choice)};
}

/* From least to most, both included. */
static int64_t whole(struct random *r, int64_t least, int64_t most) {
    return least + (int64_t)(random_uniform(r) * (double)(most - least + 1));
}

static double within(struct random *r, double least, double most) {
    return least + (most - least) * random_uniform(r);
}

uint64_t augment_epoch_key(const struct augment *a, int64_t epoch) {
    return random_mix(a->seed, (uint64_t)epoch);
}

uint64_t augment_item_key(const struct augment *a, int64_t epoch, int64_t item) {
    return random_mix(augment_epoch_key(a, epoch), (uint64_t)item);
}

/* ---- Settling ---- */

static bool in_range(float x, float least, float most) {
    return x >= least && x <= most; /* false for NaN */
}

static fovea_status check_change(const fovea_augmentation *c) {
    if (!in_range(c->crop_area, 0, 1))
        return fail(FOVEA_INVALID, "crop_area %g: it is a share from 0 to 1", (double)c->crop_area);
    if (c->crop_ratio != 0 && !in_range(c->crop_ratio, 1, 100))
        return fail(FOVEA_INVALID, "crop_ratio %g: it is 1 to 100", (double)c->crop_ratio);
    if (c->shift < 0 || c->shift > UINT16_MAX || c->cutout < 0 || c->cutout > UINT16_MAX)
        return fail(FOVEA_INVALID, "shift and cutout are 0 to %d pixels", UINT16_MAX);
    if (!in_range(c->rotation, 0, 180))
        return fail(FOVEA_INVALID, "rotation %g: it is 0 to 180 degrees", (double)c->rotation);
    if (!in_range(c->flip_horizontal, 0, 1) || !in_range(c->flip_vertical, 0, 1))
        return fail(FOVEA_INVALID, "flips are probabilities from 0 to 1");
    if (!in_range(c->brightness, 0, 10) || !in_range(c->contrast, 0, 10) ||
        !in_range(c->saturation, 0, 10))
        return fail(FOVEA_INVALID, "brightness, contrast and saturation are 0 to 10");
    if (c->mixup != 0 && !in_range(c->mixup, 1e-3f, 1e3f))
        return fail(FOVEA_INVALID, "mixup %g: it is 0, or 0.001 to 1000", (double)c->mixup);
    return FOVEA_OK;
}

static fovea_status settle_normal(struct augment *a, const fovea_loader_options *o) {
    bool none = true;
    for (int64_t c = 0; c < a->channels; c++) none = none && o->std[c] == 0;
    for (int64_t c = 0; c < a->channels; c++) {
        a->mean[c] = none ? 0 : (double)o->mean[c];
        a->std[c] = none ? 1 : (double)o->std[c];
        if (!isfinite(a->mean[c]) || !isfinite(a->std[c]) || a->std[c] <= 0)
            return fail(FOVEA_INVALID,
                        "channel %lld: mean %g, standard deviation %g; the second is "
                        "above 0",
                        (long long)c, a->mean[c], a->std[c]);
        for (int v = 0; v < 256; v++) {
            a->normal[c][v] = (float)((v / 255.0 - a->mean[c]) / a->std[c]);
            a->plain[c][v] = (float)v;
        }
    }
    return FOVEA_OK;
}

fovea_status augment_init(struct augment *a, const fovea_loader_options *o) {
    if (o->fit < FOVEA_FIT_SQUASH || o->fit > FOVEA_FIT_PAD)
        return fail(FOVEA_INVALID, "fit %d is unknown", (int)o->fit);
    TRY(check_change(&o->augment));
    a->fit = o->fit;
    a->change = o->augment;
    a->seed = o->seed;
    return settle_normal(a, o);
}

/* ---- To the network's size ---- */

/* Copies `from` to the place (top, left) of `to`, which may lie partly outside; black around it. */
static void place(const fovea_picture *to, const fovea_picture *from, int64_t top, int64_t left) {
    memset(to->pixels, 0, (size_t)(to->height * to->width * to->channels));
    int64_t first_y = top < 0 ? 0 : top, first_x = left < 0 ? 0 : left;
    int64_t end_y = top + from->height < to->height ? top + from->height : to->height;
    int64_t end_x = left + from->width < to->width ? left + from->width : to->width;
    for (int64_t y = first_y; y < end_y; y++)
        for (int64_t x = first_x; x < end_x; x++)
            picture_pixel(from->pixels + ((y - top) * from->width + x - left) * from->channels,
                          from->channels, to->pixels + (y * to->width + x) * to->channels,
                          to->channels);
}

static fovea_status place_scaled(const fovea_picture *to, const fovea_picture *from,
                                 struct picture_box box, int64_t height, int64_t width) {
    fovea_picture scaled;
    TRY(fovea_picture_create(&scaled, height, width, from->channels));
    fovea_status status = picture_scale(from, box, &scaled);
    if (status == FOVEA_OK) place(to, &scaled, (to->height - height) / 2, (to->width - width) / 2);
    fovea_picture_free(&scaled);
    return status;
}

static int64_t at_least(double x, int64_t least) {
    double rounded = nearbyint(x);
    return rounded < (double)least ? least : (int64_t)rounded;
}

static fovea_status fit_whole(const fovea_picture *to, const fovea_picture *from, fovea_fit fit) {
    struct picture_box box = {0, 0, from->height, from->width};
    int64_t height = to->height, width = to->width;
    if (fit == FOVEA_FIT_COVER || fit == FOVEA_FIT_CROP) {
        double room = fit == FOVEA_FIT_CROP ? 8.0 / 7 : 1;
        double by_height = nearbyint((double)height * room) / (double)from->height;
        double by_width = nearbyint((double)width * room) / (double)from->width;
        double k = by_height > by_width ? by_height : by_width;
        height = at_least((double)from->height * k, height);
        width = at_least((double)from->width * k, width);
    } else if (fit == FOVEA_FIT_PAD) {
        double by_height = (double)height / (double)from->height;
        double k = fmin(1, fmin(by_height, (double)width / (double)from->width));
        height = at_least((double)from->height * k, 1);
        width = at_least((double)from->width * k, 1);
    }
    if (height != from->height || width != from->width)
        return place_scaled(to, from, box, height, width);
    place(to, from, (to->height - height) / 2, (to->width - width) / 2);
    return FOVEA_OK;
}

/* Ten tries to find a rectangle of the area and ratio drawn that lies inside; else the largest one in the
 * middle whose ratio is allowed. */
struct picture_box augment_draw_crop(const fovea_augmentation *c, struct random *r, int64_t height,
                                     int64_t width) {
    double limit = log(c->crop_ratio != 0 ? (double)c->crop_ratio : 4.0 / 3);
    double area = (double)height * (double)width;
    for (int i = 0; i < 10; i++) {
        double part = area * within(r, (double)c->crop_area, 1);
        double ratio = exp(within(r, -limit, limit));
        double h = nearbyint(sqrt(part / ratio)), w = nearbyint(sqrt(part * ratio));
        if (h < 1 || w < 1 || h > (double)height || w > (double)width) continue;
        int64_t top = whole(r, 0, height - (int64_t)h), left = whole(r, 0, width - (int64_t)w);
        return (struct picture_box){top, left, (int64_t)h, (int64_t)w};
    }
    double most = exp(limit);
    int64_t h = height, w = width;
    if ((double)w > (double)h * most) w = at_least((double)h * most, 1);
    if ((double)h > (double)w * most) h = at_least((double)w * most, 1);
    return (struct picture_box){(height - h) / 2, (width - w) / 2, h, w};
}

static fovea_status fit_picture(const struct augment *a, const fovea_picture *to,
                                const fovea_picture *from, uint64_t key) {
    if (a->change.crop_area == 0) return fit_whole(to, from, a->fit);
    struct random r = stream(key, CHOICE_CROP);
    struct picture_box box = augment_draw_crop(&a->change, &r, from->height, from->width);
    return place_scaled(to, from, box, to->height, to->width);
}

/* ---- Moving ---- */

static bool happens(uint64_t key, enum choice choice, float probability) {
    struct random r = stream(key, choice);
    return random_uniform(&r) < (double)probability;
}

static struct motion draw_motion(const fovea_augmentation *c, uint64_t key) {
    struct random shift = stream(key, CHOICE_SHIFT), turn = stream(key, CHOICE_ROTATION);
    struct motion m;
    m.up = whole(&shift, -c->shift, c->shift);
    m.left = whole(&shift, -c->shift, c->shift);
    m.angle = within(&turn, -(double)c->rotation, (double)c->rotation) * 0x1.921fb54442d18p+1 / 180;
    m.mirror_x = happens(key, CHOICE_FLIP_HORIZONTAL, c->flip_horizontal);
    m.mirror_y = happens(key, CHOICE_FLIP_VERTICAL, c->flip_vertical);
    return m;
}

/* ---- Rows ---- */

static void normalise(const struct augment *a, float *x) {
    int64_t plane = a->height * a->width;
    for (int64_t c = 0; c < a->channels; c++)
        for (int64_t i = 0; i < plane; i++, x++)
            *x = (float)(((double)*x / 255 - a->mean[c]) / a->std[c]);
}

static void cut_out(const struct augment *a, uint64_t key, float *x) {
    struct random r = stream(key, CHOICE_CUTOUT);
    int64_t side = a->change.cutout;
    int64_t top = whole(&r, 0, a->height - 1) - side / 2;
    int64_t left = whole(&r, 0, a->width - 1) - side / 2;
    for (int64_t c = 0; c < a->channels; c++)
        for (int64_t i = top < 0 ? 0 : top; i < top + side && i < a->height; i++)
            for (int64_t k = left < 0 ? 0 : left; k < left + side && k < a->width; k++)
                x[(c * a->height + i) * a->width + k] = 0;
}

fovea_status augment_row(const struct augment *a, const fovea_picture *picture, uint64_t key,
                         const fovea_picture *fitted, float *x) {
    const fovea_augmentation *c = &a->change;
    bool ready = picture->height == a->height && picture->width == a->width &&
                 picture->channels == a->channels && c->crop_area == 0 && a->fit != FOVEA_FIT_CROP;
    if (!ready) TRY(fit_picture(a, fitted, picture, key));
    if (ready) fitted = picture;
    struct motion m = draw_motion(c, key);
    bool colour = c->brightness != 0 || c->contrast != 0 || c->saturation != 0;
    if (c->rotation == 0 && !colour) {
        motion_apply(fitted, &m, a->normal, x);
    } else {
        if (c->rotation != 0) motion_turn(fitted, &m, x);
        else motion_apply(fitted, &m, a->plain, x);
        struct random r = stream(key, CHOICE_COLOUR);
        struct colour factors = colour_draw(c, &r);
        if (colour) colour_change(&factors, a->channels, a->height * a->width, x);
        normalise(a, x);
    }
    if (c->cutout) cut_out(a, key, x);
    return FOVEA_OK;
}

/* ---- Mixup ---- */

/* The logarithm of a Gamma(shape) variate (Marsaglia and Tsang 2000), which a small shape would make 0. */
static double log_gamma_variate(struct random *r, double shape) {
    if (shape < 1) {
        double u = 1 - random_uniform(r);
        return log_gamma_variate(r, shape + 1) + log(u) / shape;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = random_normal(r), v = (1 + c * x) * (1 + c * x) * (1 + c * x);
        double u = 1 - random_uniform(r);
        if (v > 0 && log(u) < 0.5 * x * x + d - d * v + d * log(v)) return log(d * v);
    }
}

float augment_lambda(const struct augment *a, int64_t epoch, int64_t batch) {
    if (a->change.mixup == 0) return 1;
    /* Keyed by the batch's number where rows are keyed by their item's: another branch of the epoch's. */
    uint64_t key = random_mix(~augment_epoch_key(a, epoch), (uint64_t)batch);
    struct random r = stream(key, CHOICE_MIXUP);
    double first = log_gamma_variate(&r, (double)a->change.mixup);
    double second = log_gamma_variate(&r, (double)a->change.mixup);
    return (float)(1 / (1 + exp(second - first)));
}

void augment_mix(float *x, int64_t rows, int64_t row_elements, float lambda) {
    for (int64_t i = 0; i < rows / 2; i++) {
        float *a = x + i * row_elements, *b = x + (rows - 1 - i) * row_elements;
        for (int64_t k = 0; k < row_elements; k++) {
            float first = a[k], second = b[k];
            a[k] = lambda * first + (1 - lambda) * second;
            b[k] = lambda * second + (1 - lambda) * first;
        }
    }
}
