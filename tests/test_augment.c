/* Augmentation: changes of pictures worked out by hand, and the random numbers behind them. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/augment.h"
#include "train/colour.h"
#include "train/motion.h"

static void expect_floats(const float *got, const double *want, size_t n, double tolerance,
                          const char *what) {
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)got[i] - want[i]) <= tolerance, "%s: element %zu is %g, not %g",
                      what, i, (double)got[i], want[i]);
}

static struct augment settle(const fovea_loader_options *o) {
    struct augment a = {.channels = o->channels, .height = o->height, .width = o->width};
    ck_assert_msg(augment_init(&a, o) == FOVEA_OK, "%s", fovea_error());
    return a;
}

/* Values 0..255 come out as they are. */
static fovea_loader_options bytes_of(int64_t channels, int64_t height, int64_t width) {
    fovea_loader_options o = {.channels = channels, .height = height, .width = width};
    for (int c = 0; c < FOVEA_PICTURE_CHANNELS; c++) o.std[c] = 1.0f / 255;
    return o;
}

static void make_row(const struct augment *a, const fovea_picture *p, uint64_t key, float *x) {
    fovea_picture fitted;
    ck_assert(fovea_picture_create(&fitted, a->height, a->width, a->channels) == FOVEA_OK);
    ck_assert_msg(augment_row(a, p, key, &fitted, x) == FOVEA_OK, "%s", fovea_error());
    fovea_picture_free(&fitted);
}

/* ---- Motion ---------------------------------------------------------------------------------- */

START_TEST(moving_and_mirroring) {
    static uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const struct {
        struct motion motion;
        double want[12];
    } cases[] = {
        {{0, 0, 0, false, false}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
        {{1, -1, 0, false, false}, {0, 5, 6, 7, 0, 9, 10, 11, 0, 0, 0, 0}},
        {{-2, 3, 0, false, false}, {0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0}},
        {{0, 0, 0, true, false}, {4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9}},
        {{0, 0, 0, false, true}, {9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4}},
        {{1, -1, 0, true, false}, {7, 6, 5, 0, 11, 10, 9, 0, 0, 0, 0, 0}},
        {{1, -1, 0, true, true}, {0, 0, 0, 0, 11, 10, 9, 0, 7, 6, 5, 0}},
        {{3, 0, 0, false, false}, {0}},
    };
    const fovea_loader_options o = bytes_of(1, 3, 4);
    struct augment a = settle(&o);
    const fovea_picture p = {4, 3, 1, pixels};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float moved[12], turned[12];
        motion_apply(&p, &cases[i].motion, a.plain, moved);
        expect_floats(moved, cases[i].want, 12, 0, "moved");
        motion_turn(&p, &cases[i].motion, turned); /* by no angle */
        expect_floats(turned, cases[i].want, 12, 0, "turned by 0");
    }
}
END_TEST

START_TEST(channels_become_planes) {
    static uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
    const fovea_picture p = {2, 1, 3, pixels};
    const struct motion mirrored = {0, 0, 0, true, false};
    const fovea_loader_options o = bytes_of(3, 1, 2);
    struct augment a = settle(&o);
    float x[6];
    motion_apply(&p, &mirrored, a.plain, x);
    expect_floats(x, (const double[]){4, 1, 5, 2, 6, 3}, 6, 0, "moved");
    motion_turn(&p, &mirrored, x);
    expect_floats(x, (const double[]){4, 1, 5, 2, 6, 3}, 6, 0, "turned");
}
END_TEST

START_TEST(turning) {
    static uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const fovea_picture p = {3, 3, 1, pixels};
    const double quarter = acos(0);
    float x[9];
    motion_turn(&p, &(struct motion){0, 0, quarter, false, false}, x);
    expect_floats(x, (const double[]){3, 6, 9, 2, 5, 8, 1, 4, 7}, 9, 1e-5, "a quarter");
    motion_turn(&p, &(struct motion){0, 0, 2 * quarter, false, false}, x);
    expect_floats(x, (const double[]){9, 8, 7, 6, 5, 4, 3, 2, 1}, 9, 1e-5, "a half");
    motion_turn(&p, &(struct motion){0, 0, quarter, true, false}, x);
    expect_floats(x, (const double[]){9, 6, 3, 8, 5, 2, 7, 4, 1}, 9, 1e-5, "and mirrored");
    motion_turn(&p, &(struct motion){1, 0, quarter, false, false}, x);
    expect_floats(x, (const double[]){6, 9, 0, 5, 8, 0, 4, 7, 0}, 9, 1e-5, "moved first");
    /* An eighth, s = sqrt(1/2): the corner comes from (1 - 2 s, 1), 2 - 2 s of which is row 0; the middle
     * of the upper edge from (1 - s, 1 + s), which is 1 + 3 (1 - s) + (1 + s). */
    motion_turn(&p, &(struct motion){0, 0, quarter / 2, false, false}, x);
    double s = sqrt(0.5);
    expect_floats(x, (const double[]){(2 - 2 * s) * 2, 1 + 3 * (1 - s) + 1 + s}, 2, 1e-5,
                  "an eighth");
    expect_floats(x + 4, (const double[]){5}, 1, 1e-5, "its middle");
}
END_TEST

/* ---- Colour ---------------------------------------------------------------------------------- */

START_TEST(colours) {
    float bright[] = {100, 200, 0};
    colour_change(&(struct colour){1.5, 1, 1}, 1, 3, bright);
    expect_floats(bright, (const double[]){150, 255, 0}, 3, 0, "brightness");

    float contrast[] = {0, 100, 200, 100};
    colour_change(&(struct colour){1, 0.5, 1}, 1, 4, contrast);
    expect_floats(contrast, (const double[]){50, 100, 150, 100}, 4, 0, "contrast");

    /* One pixel of grey 29.9 + 29.35 + 22.8 = 82.05; with factor 2 it would reach 317.95. */
    float pale[] = {100, 50, 200}, rich[] = {100, 50, 200};
    colour_change(&(struct colour){1, 1, 0}, 3, 1, pale);
    expect_floats(pale, (const double[]){82.05, 82.05, 82.05}, 3, 1e-4, "no saturation");
    colour_change(&(struct colour){1, 1, 2}, 3, 1, rich);
    expect_floats(rich, (const double[]){117.95, 17.95, 255}, 3, 1e-4, "saturation");

    /* Two pixels: grey 100 and 0, so 50 on average. */
    float both[] = {100, 0, 100, 0, 100, 0, 7, 9};
    colour_change(&(struct colour){1, 2, 1}, 4, 2, both);
    expect_floats(both, (const double[]){150, 0, 150, 0, 150, 0, 7, 9}, 8, 1e-4,
                  "contrast beside transparency");
}
END_TEST

START_TEST(factors_fill_their_range) {
    fovea_augmentation c = {.brightness = 0.4f, .contrast = 1.5f, .saturation = 0};
    struct random r = {3};
    double low = 2, high = 0, most = 0;
    for (int i = 0; i < 2000; i++) {
        struct colour f = colour_draw(&c, &r);
        ck_assert(f.brightness >= 0.6 - 1e-6 && f.brightness <= 1.4 + 1e-6);
        ck_assert(f.contrast >= 0 && f.contrast <= 2.5);
        ck_assert(f.saturation == 1);
        low = fmin(low, f.brightness);
        high = fmax(high, f.brightness);
        most = fmax(most, f.contrast);
    }
    ck_assert(low < 0.61 && high > 1.39 && most > 2.45);
}
END_TEST

/* ---- Size ------------------------------------------------------------------------------------ */

static void expect_fit(fovea_fit fit, int64_t height, int64_t width, uint8_t *pixels,
                       int64_t to_height, int64_t to_width, const double *want) {
    fovea_loader_options o = bytes_of(1, to_height, to_width);
    float x[64];
    o.fit = fit;
    struct augment a = settle(&o);
    make_row(&a, &(fovea_picture){width, height, 1, pixels}, 0, x);
    expect_floats(x, want, (size_t)(to_height * to_width), 1e-4, "fitted");
}

START_TEST(pictures_are_fitted) {
    uint8_t small[] = {1, 2, 3, 4}, wide[] = {1, 2, 3, 4, 5, 6, 7, 8}, flat[64], count[64];
    memset(flat, 9, sizeof flat);
    for (int i = 0; i < 64; i++) count[i] = (uint8_t)i;
    expect_fit(FOVEA_FIT_PAD, 2, 2, small, 4, 4,
               (const double[]){0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0});
    expect_fit(FOVEA_FIT_PAD, 4, 2, flat, 2, 2, (const double[]){9, 0, 9, 0});
    expect_fit(FOVEA_FIT_COVER, 2, 4, wide, 2, 2, (const double[]){2, 3, 6, 7});
    expect_fit(FOVEA_FIT_SQUASH, 4, 2, flat, 2, 2, (const double[]){9, 9, 9, 9});
    /* Half the size: each pixel is 1/8, 3/8, 3/8, 1/8 of four; at the edges 3/7, 3/7, 1/7 of three. */
    expect_fit(FOVEA_FIT_SQUASH, 1, 8, (uint8_t[]){0, 70, 140, 210, 0, 0, 0, 0}, 1, 4,
               (const double[]){50, 140, 26, 0});
    /* 8/7 of 7 is 8, so only the cut is left: of one pixel, at the end. */
    double want[49];
    for (int i = 0; i < 49; i++) want[i] = i / 7 * 8 + i % 7;
    expect_fit(FOVEA_FIT_CROP, 8, 8, count, 7, 7, want);
}
END_TEST

START_TEST(channels_change) {
    static const struct {
        int64_t from, to;
        uint8_t pixel[4], want[4];
    } cases[] = {
        {3, 1, {255, 0, 0}, {76}},  /* 0.299 of 255 */
        {3, 1, {10, 20, 30}, {18}}, /* 2.99 + 11.74 + 3.42 */
        {1, 3, {7}, {7, 7, 7}},
        {4, 3, {1, 2, 3, 4}, {1, 2, 3}},
        {3, 4, {1, 2, 3}, {1, 2, 3, 255}}, /* opaque */
        {2, 1, {5, 6}, {5}},
        {2, 4, {5, 6}, {5, 5, 5, 6}},
        {2, 3, {5, 6}, {5, 5, 5}},
        {4, 2, {255, 0, 0, 9}, {76, 9}},
        {1, 2, {7}, {7, 255}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t got[4] = {0};
        picture_pixel(cases[i].pixel, cases[i].from, got, cases[i].to);
        ck_assert_msg(memcmp(got, cases[i].want, (size_t)cases[i].to) == 0, "case %zu", i);
    }
}
END_TEST

START_TEST(crops_keep_to_area_and_ratio) {
    const fovea_augmentation c = {.crop_area = 0.1f, .crop_ratio = 2};
    struct random r = {1};
    double least = 1, most = 0;
    bool edges[4] = {false};
    for (int i = 0; i < 5000; i++) {
        struct picture_box b = augment_draw_crop(&c, &r, 100, 150);
        ck_assert(b.top >= 0 && b.left >= 0 && b.height > 0 && b.width > 0);
        ck_assert(b.top + b.height <= 100 && b.left + b.width <= 150);
        double h = (double)b.height, w = (double)b.width, area = h * w / 15000;
        ck_assert_msg((h + 0.5) * (w + 0.5) >= 1500, "area %g", area);
        ck_assert_msg((w - 0.5) / (h + 0.5) <= 2 && (h - 0.5) / (w + 0.5) <= 2, "%g x %g", h, w);
        least = fmin(least, area);
        most = fmax(most, area);
        edges[0] |= b.top == 0;
        edges[1] |= b.left == 0;
        edges[2] |= b.top + b.height == 100;
        edges[3] |= b.left + b.width == 150;
    }
    ck_assert_msg(least < 0.12 && most > 0.9, "areas from %g to %g", least, most);
    ck_assert(edges[0] && edges[1] && edges[2] && edges[3]);
    /* No rectangle of that ratio has half the area of a line: the middle two pixels. */
    const fovea_augmentation half = {.crop_area = 0.5f, .crop_ratio = 2};
    struct picture_box b = augment_draw_crop(&half, &r, 1, 1000);
    ck_assert(b.top == 0 && b.left == 499 && b.height == 1 && b.width == 2);
}
END_TEST

/* ---- Random choices -------------------------------------------------------------------------- */

START_TEST(every_shift_happens_and_no_other) {
    enum { SIDE = 5, KEYS = 1000 };
    uint8_t pixels[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) pixels[i] = (uint8_t)(i + 1);
    fovea_loader_options o = bytes_of(1, SIDE, SIDE);
    o.augment.shift = 2;
    struct augment a = settle(&o);
    int seen[SIDE][SIDE] = {{0}};
    for (uint64_t key = 0; key < KEYS; key++) {
        float x[SIDE * SIDE];
        int matches = 0;
        make_row(&a, &(fovea_picture){SIDE, SIDE, 1, pixels}, random_mix(key, 9), x);
        for (int up = -2; up <= 2; up++)
            for (int left = -2; left <= 2; left++) {
                bool equal = true;
                for (int i = 0; i < SIDE * SIDE; i++) {
                    int y = i / SIDE + up, k = i % SIDE + left;
                    bool inside = y >= 0 && y < SIDE && k >= 0 && k < SIDE;
                    float want = inside ? pixels[y * SIDE + k] : 0;
                    equal = equal && fabsf(x[i] - want) < 1e-3f;
                }
                matches += equal;
                seen[up + 2][left + 2] += equal;
            }
        ck_assert_int_eq(matches, 1);
    }
    for (int i = 0; i < SIDE * SIDE; i++) /* 40 on average, 6.2 the standard deviation */
        ck_assert_msg(seen[i / SIDE][i % SIDE] > 12, "shift %d: %d times", i,
                      seen[i / SIDE][i % SIDE]);
}
END_TEST

START_TEST(one_choice_does_not_move_another) {
    uint8_t pixels[20];
    for (int i = 0; i < 20; i++) pixels[i] = (uint8_t)(i + 1);
    const fovea_picture p = {5, 4, 1, pixels};
    fovea_loader_options o = bytes_of(1, 4, 5);
    o.augment.shift = 3;
    struct augment moved = settle(&o);
    o.augment.flip_horizontal = 1;
    struct augment mirrored = settle(&o);
    for (uint64_t key = 0; key < 50; key++) {
        float x[20], y[20];
        make_row(&moved, &p, key, x);
        make_row(&mirrored, &p, key, y);
        for (int i = 0; i < 20; i++) ck_assert(y[i] == x[i / 5 * 5 + 4 - i % 5]);
    }
}
END_TEST

START_TEST(flips_happen_as_often_as_asked) {
    uint8_t pixels[4] = {1, 2, 3, 4};
    fovea_loader_options o = bytes_of(1, 2, 2);
    o.augment.flip_horizontal = 0.25f;
    o.augment.flip_vertical = 0.75f;
    struct augment a = settle(&o);
    int horizontal = 0, vertical = 0;
    for (uint64_t key = 0; key < 4000; key++) {
        float x[4];
        make_row(&a, &(fovea_picture){2, 2, 1, pixels}, random_mix(5, key), x);
        horizontal += x[0] > x[1];
        vertical += x[0] > x[2];
    }
    /* Five standard deviations, 27 each. */
    ck_assert_msg(abs(horizontal - 1000) < 137 && abs(vertical - 3000) < 137, "%d and %d of 4000",
                  horizontal, vertical);
}
END_TEST

START_TEST(cutout_is_a_square_about_a_pixel) {
    enum { SIDE = 8 };
    uint8_t pixels[SIDE * SIDE];
    memset(pixels, 10, sizeof pixels);
    fovea_loader_options o = bytes_of(1, SIDE, SIDE);
    o.augment.cutout = 3;
    struct augment a = settle(&o);
    bool centre[SIDE][SIDE] = {{false}};
    int centres = 0;
    for (uint64_t key = 0; key < 2000; key++) {
        float x[SIDE * SIDE];
        int top = SIDE, left = SIDE, bottom = -1, right = -1, zeros = 0;
        make_row(&a, &(fovea_picture){SIDE, SIDE, 1, pixels}, random_mix(key, 1), x);
        for (int i = 0; i < SIDE * SIDE; i++) {
            if (x[i] != 0) continue;
            zeros++;
            top = i / SIDE < top ? i / SIDE : top;
            bottom = i / SIDE > bottom ? i / SIDE : bottom;
            left = i % SIDE < left ? i % SIDE : left;
            right = i % SIDE > right ? i % SIDE : right;
        }
        int height = bottom - top + 1, width = right - left + 1;
        ck_assert_int_eq(zeros, height * width);
        ck_assert(height == 3 || (height == 2 && (top == 0 || bottom == SIDE - 1)));
        ck_assert(width == 3 || (width == 2 && (left == 0 || right == SIDE - 1)));
        int y = height == 3 ? top + 1 : top == 0 ? 0 : SIDE - 1;
        int k = width == 3 ? left + 1 : left == 0 ? 0 : SIDE - 1;
        centres += !centre[y][k];
        centre[y][k] = true;
    }
    ck_assert_int_eq(centres, SIDE * SIDE);
}
END_TEST

/* ---- Mixup ----------------------------------------------------------------------------------- */

START_TEST(rows_are_mixed_with_their_mirrors) {
    float x[] = {1, 10, 2, 20, 4, 40};
    augment_mix(x, 3, 2, 0.75f);
    expect_floats(x, (const double[]){1.75, 17.5, 2, 20, 3.25, 32.5}, 6, 1e-6, "mixed");
}
END_TEST

/* Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2 a + 1)). */
START_TEST(lambda_has_the_moments_of_its_distribution) {
    static const float alphas[] = {0.001f, 0.2f, 1, 5};
    for (size_t k = 0; k < sizeof alphas / sizeof *alphas; k++) {
        enum { DRAWS = 20000 };
        fovea_loader_options o = bytes_of(1, 1, 1);
        o.augment.mixup = alphas[k];
        struct augment a = settle(&o);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            double lambda = (double)augment_lambda(&a, i % 7, i);
            ck_assert(lambda >= 0 && lambda <= 1);
            sum += lambda;
            squares += (lambda - 0.5) * (lambda - 0.5);
        }
        double variance = 1 / (4 * (2 * (double)alphas[k] + 1));
        ck_assert_msg(fabs(sum / DRAWS - 0.5) < 5 * sqrt(variance / DRAWS), "alpha %g: mean %g",
                      (double)alphas[k], sum / DRAWS);
        ck_assert_msg(fabs(squares / DRAWS / variance - 1) < 0.06, "alpha %g: variance %g, not %g",
                      (double)alphas[k], squares / DRAWS, variance);
        ck_assert(augment_lambda(&a, 3, 4) == augment_lambda(&a, 3, 4));
        ck_assert(alphas[k] < 0.1f || augment_lambda(&a, 3, 4) != augment_lambda(&a, 3, 5));
    }
}
END_TEST

/* ---- Refusals -------------------------------------------------------------------------------- */

static void refuse(fovea_augmentation change, const char *word) {
    fovea_loader_options o = bytes_of(3, 8, 8);
    struct augment a = {.channels = 3, .height = 8, .width = 8};
    o.augment = change;
    ck_assert_msg(augment_init(&a, &o) == FOVEA_INVALID, "%s is accepted", word);
    ck_assert_msg(strstr(fovea_error(), word), "'%s' does not name %s", fovea_error(), word);
}

START_TEST(senseless_changes_are_refused) {
    refuse((fovea_augmentation){.crop_area = 1.5f}, "crop_area");
    refuse((fovea_augmentation){.crop_area = NAN}, "crop_area");
    refuse((fovea_augmentation){.crop_ratio = 0.5f}, "crop_ratio");
    refuse((fovea_augmentation){.shift = -1}, "shift");
    refuse((fovea_augmentation){.cutout = INT64_MAX}, "cutout");
    refuse((fovea_augmentation){.rotation = 181}, "rotation");
    refuse((fovea_augmentation){.flip_horizontal = 2}, "flips");
    refuse((fovea_augmentation){.flip_vertical = NAN}, "flips");
    refuse((fovea_augmentation){.brightness = -1}, "brightness");
    refuse((fovea_augmentation){.contrast = INFINITY}, "contrast");
    refuse((fovea_augmentation){.saturation = 11}, "saturation");
    refuse((fovea_augmentation){.mixup = -1}, "mixup");
    struct augment a = {.channels = 3, .height = 8, .width = 8};
    fovea_loader_options o = bytes_of(3, 8, 8);
    o.std[1] = 0;
    ck_assert(augment_init(&a, &o) == FOVEA_INVALID && strstr(fovea_error(), "channel 1"));
    o = bytes_of(3, 8, 8);
    o.fit = (fovea_fit)9;
    ck_assert(augment_init(&a, &o) == FOVEA_INVALID && strstr(fovea_error(), "fit 9"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("augment");
    TCase *tests = tcase_create("changes");
    tcase_add_test(tests, moving_and_mirroring);
    tcase_add_test(tests, channels_become_planes);
    tcase_add_test(tests, turning);
    tcase_add_test(tests, colours);
    tcase_add_test(tests, factors_fill_their_range);
    tcase_add_test(tests, pictures_are_fitted);
    tcase_add_test(tests, channels_change);
    tcase_add_test(tests, crops_keep_to_area_and_ratio);
    tcase_add_test(tests, every_shift_happens_and_no_other);
    tcase_add_test(tests, one_choice_does_not_move_another);
    tcase_add_test(tests, flips_happen_as_often_as_asked);
    tcase_add_test(tests, cutout_is_a_square_about_a_pixel);
    tcase_add_test(tests, rows_are_mixed_with_their_mirrors);
    tcase_add_test(tests, lambda_has_the_moments_of_its_distribution);
    tcase_add_test(tests, senseless_changes_are_refused);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
