/* Resize: values recorded from onnxruntime, by hand where it says so;
 * shapes, refusals. The input is 0, 7, 3, 10, ...: 7 i modulo 11. */
#include "harness.h"

enum { INPUT = 32, OUTPUT = 40 };

static const struct {
    const char *line, *shape;
    size_t count;
    double expected[OUTPUT];
} recorded[] = {
    {"Resize 1x1x2x3 - f[1,1,2,1.5]",
     "1x1x4x4",
     16,
     {0, 0, 7, 3, 0, 0, 7, 3, 10, 10, 6, 2, 10, 10, 6, 2}},
    {"Resize 1x1x2x4 - f[1,1,0.6,0.6] nearest_mode=round_prefer_ceil", "1x1x1x2", 2, {0, 3}},
    {"Resize 1x1x3x3 - - i64[1,1,2,5] nearest_mode=ceil "
     "coordinate_transformation_mode=asymmetric",
     "1x1x2x5",
     10,
     {0, 7, 3, 3, 3, 9, 5, 1, 1, 1}},
    {"Resize 1x1x3x3 - - i64[1,1,5,2] nearest_mode=floor "
     "coordinate_transformation_mode=align_corners",
     "1x1x5x2",
     10,
     {0, 3, 0, 3, 10, 2, 10, 2, 9, 1}},
    {"Resize 1x1x2x2 - f[1,1,2,2] mode=linear",
     "1x1x4x4",
     16,
     {0, 1.75, 5.25, 7, 0.75, 2.5, 6, 7.75, 2.25, 4, 7.5, 9.25, 3, 4.75, 8.25, 10}},
    {"Resize 1x1x3x4 - - i64[1,1,2,3] mode=linear "
     "coordinate_transformation_mode=align_corners",
     "1x1x2x3",
     6,
     {0, 5, 10, 1, 6, 0}},
    {"Resize 1x1x3x4 - - i64[1,1,1,3] mode=linear "
     "coordinate_transformation_mode=pytorch_half_pixel",
     "1x1x1x3",
     3,
     {1.16666675, 5, 8.83333206}},
    {"Resize 1x1x3x4 - f[1,1,1.7,0.6] mode=linear coordinate_transformation_mode=asymmetric",
     "1x1x5x2",
     10,
     {0, 4.33333349, 3.52941155, 5.70588207, 5.11764717, 6.43137312, 2.17647123, 5.64705944, 1,
      5.33333302}},
    {"Resize 1x1x4x5 - f[1,1,0.6,0.5] mode=linear antialias=1",
     "1x1x2x2",
     4,
     {3.75000024, 5.70312548, 3.79166698, 5}},
    {"Resize 1x1x3x3 f[0,0,0.2,-0.2,1,1,0.9,1.2] - i64[1,1,4,5] mode=linear "
     "coordinate_transformation_mode=tf_crop_and_resize extrapolation_value=7.5",
     "1x1x4x5",
     20,
     {7.5, 4.78000021, 6.59999943, 3.79999924, 7.5, 7.5, 7.90666676, 6.13333273, 3.33333278, 7.5,
      7.5, 8.46666622, 5.66666651, 2.86666584, 7.5, 7.5, 7.99999952, 5.19999886, 2.39999938, 7.5}},
    {"Resize 1x1x3x4 - f[1,1,1.5,0.7] mode=linear "
     "coordinate_transformation_mode=half_pixel_symmetric",
     "1x1x4x2",
     8,
     {5.5, 4.49999905, 3.73809528, 6.92857122, 4.07142878, 6.47619057, 6.5, 3.14285755}},
    {"Resize 1x1x4x4 - f[1,1,1.5,0.75] mode=cubic",
     "1x1x6x3",
     18,
     {0.706858873, 4.95659924, 9.20634079, 3.49207973, 5.10644531, 7.79741859, 5.13456297,
      5.77239132, 4.56271172, 2.24391437, 6.86628437, 0.656137764, 3.88639402, 6.90917969,
      3.11346221, 6.67161465, 6.45388603, 7.23301315}},
    {"Resize 1x1x4x4 - f[1,1,0.75,1.5] mode=cubic cubic_coeff_a=-0.5 exclude_outside=1",
     "1x1x3x6",
     18,
     {0.36715591, 3.54048181, 6.30825281, 3.78623319, 6.62607956, 9.86395931, 3.4013164, 4.11764765,
      5.32161474, 6.60807419, 4.10661793, 1.50411177, 6.43547678, 4.69481325, 4.20623159,
      8.78620148, 7.47599411, 4.9994235}},
    {"Resize 1x1x4x4 - f[1,1,0.5,0.5] mode=cubic antialias=1",
     "1x1x2x2",
     4,
     {3.64331436, 6.228405, 5.26848984, 5.16417313}},
    {"Resize 1x1x2x3 - - i64[4,7] mode=linear axes=2,3 keep_aspect_ratio_policy=not_larger",
     "1x1x4x6",
     24,
     {0,   1.75,   5.25,   6,    4,    3,    2.5, 3.5625, 5.6875, 5.75, 3.75, 2.75,
      7.5, 7.1875, 6.5625, 5.25, 3.25, 2.25, 10,  9,      7,      5,    3,    2}},
};

static void fill(double *x) {
    for (int i = 0; i < INPUT; i++) x[i] = i * 7 % 11;
}

/* onnxruntime computes in binary32: sums of at most 64 products with numbers below 11, so that 1e-5
 * leaves it some 150 units of 2^-24. It does not move an axis of scale 1, so no crop has one here. */
START_TEST(values_are_those_of_onnxruntime) {
    double x[INPUT];
    fill(x);
    expect_shape(recorded[_i].line, recorded[_i].shape);
    expect_reference(recorded[_i].line, (const double *const[]){x}, 0, recorded[_i].expected,
                     recorded[_i].count, 1e-5);
}
END_TEST

/* Worked out by hand. */
START_TEST(other_types_and_axes) {
    const double x[] = {10, 20, 31, 40};
    expect_reference("Resize u8:2x2 - - i64[3] axes=1", (const double *const[]){x}, 0,
                     (const double[]){10, 10, 20, 31, 31, 40}, 6, 0);
    /* Half way between is 15 and 35.5, which a cast to an integer cuts to 35. */
    expect_reference("Resize u8:2x2 - - i64[1] axes=1 mode=linear", (const double *const[]){x}, 0,
                     (const double[]){15, 35}, 2, 0);
    expect_reference("Resize i64:2x2 - f:2[2,1] mode=nearest", (const double *const[]){x}, 0,
                     (const double[]){10, 20, 10, 20, 31, 40, 31, 40}, 8, 0);
    expect_reference("Resize f64:2 f[-0.5,0.5] - i64[3] extrapolation_value=2.5 "
                     "coordinate_transformation_mode=tf_crop_and_resize",
                     (const double *const[]){x}, 0, (const double[]){2.5, 10, 10}, 3, 0);
    expect_reference("Resize f16:2x2 - f:2[1,1] mode=cubic", (const double *const[]){x}, 0, x, 4,
                     0);
}
END_TEST

START_TEST(shapes) {
    expect_shape("Resize 1x1x5x7 - f:4[1,1,0.7,1.3]", "1x1x3x9");
    expect_shape("Resize 1x1x10x7 - f:4[1,1,0.7,1]", "1x1x7x7"); /* 10 * 0.7f is 7 in float */
    expect_shape("Resize 1x1x13x17 - - i64[26,60] axes=2,3 keep_aspect_ratio_policy=not_larger",
                 "1x1x26x34");
    expect_shape("Resize 1x1x13x17 - - i64[26,60] axes=2,3 keep_aspect_ratio_policy=not_smaller",
                 "1x1x46x60");
    expect_shape("Resize 0x4 - f:2[1,2]", "0x8");
}
END_TEST

START_TEST(wrong_wishes_are_refused) {
    expect_refused("Resize 2x2", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[1,2] i64[2,4]", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:1[2]", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[1,-2]", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[1,nan]", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[1,1e30]", FOVEA_INVALID);
    expect_refused("Resize 2x2 - - i64[2,-1]", FOVEA_INVALID);
    expect_refused("Resize 2x0 - - i64[2,3]", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[2,2] mode=lanczos", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[2,2] nearest_mode=up", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[2,2] coordinate_transformation_mode=none", FOVEA_INVALID);
    expect_refused("Resize 2x2 - - i64[4,4] keep_aspect_ratio_policy=maybe", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[2,2] axes=0,0", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[2,2] axes=0,2", FOVEA_INVALID);
    expect_refused("Resize 2x2 - f:2[2,2] coordinate_transformation_mode=tf_crop_and_resize",
                   FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_resize");
    TCase *tests = tcase_create("resize");
    tcase_add_loop_test(tests, values_are_those_of_onnxruntime, 0,
                        sizeof recorded / sizeof *recorded);
    tcase_add_test(tests, other_types_and_axes);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, wrong_wishes_are_refused);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
