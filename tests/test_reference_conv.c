/* Convolutions on the reference. Unless a test says otherwise its numbers were recorded from onnxruntime
 * 1.20 with the same inputs; they are small integers, so they must be equal. */
#include "harness.h"
#include "reference/reference.h"

enum { MOST = 512 };

/* i * factor mod modulus - offset: small integers without a pattern. */
static const double *numbers(double *out, size_t count, int factor, int modulus, int offset) {
    ck_assert(count <= MOST);
    for (size_t i = 0; i < count; i++) out[i] = (double)((int)i * factor % modulus - offset);
    return out;
}

static void expect(const char *line, size_t nx, size_t nw, const double *bias, const double *y,
                   size_t ny) {
    double x[MOST], w[MOST];
    const double *contents[] = {numbers(x, nx, 7, 11, 5), numbers(w, nw, 5, 7, 3), bias};
    expect_reference(line, contents, 0, y, ny, 0);
}

START_TEST(conv_by_hand) {
    /* 2x2 filter of ones over 1..9 with one row and column of zeros around. */
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 1, 1, 1}, bias[] = {0.5};
    const double y[] = {1.5,  3.5,  5.5,  3.5,  5.5, 12.5, 16.5, 9.5,
                        11.5, 24.5, 28.5, 15.5, 7.5, 15.5, 17.5, 9.5};
    const double *contents[] = {x, w, bias};
    expect_reference("Conv 1x1x3x3 1x1x2x2 1 pads=1,1,1,1", contents, 0, y, 16, 0);
    const double full[] = {1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9};
    expect_reference("Conv 1x1x3x3 1x1x2x2 auto_pad=FULL", contents, 0, full, 16, 0);
    const double clipped[] = {12, 15, 15, 15};
    expect_reference("Conv 1x1x3x3 1x1x2x2 activation=Clip activation_alpha=0 activation_beta=15",
                     contents, 0, clipped, 4, 0);
}
END_TEST

START_TEST(conv_with_groups_strides_dilations_and_pads) {
    const double bias[] = {-2, -1, 0, 1, 2, 3};
    const double y[] = {22, -42, -2,  31,  20, -12, 7,   27, -25, 10,  8,  12, -3,  -32,
                        17, 8,   -54, 13,  5,  9,   -30, 12, 42,  -38, 16, 26, -19, 11,
                        10, -22, -15, 35,  -9, -20, 24,  1,  25,  -19, 12, 44, -72, 6,
                        28, 18,  3,   -38, 29, 11,  -79, 45, 14,  -50, 12, 5};
    expect("Conv 1x4x5x4 6x2x3x2 6 group=2 strides=2,1 dilations=1,2 pads=1,0,2,1", 80, 72, bias, y,
           54);
}
END_TEST

START_TEST(conv_pads_automatically) {
    const double lower[] = {8, 5, 29, -20, 8, 2, 8, -7},
                 upper[] = {-11, -5, -25, 21, 8, -17, 22, -2};
    expect("Conv 1x2x7 2x2x4 auto_pad=SAME_LOWER strides=2", 14, 16, NULL, lower, 8);
    expect("Conv 1x2x7 2x2x4 auto_pad=SAME_UPPER strides=2", 14, 16, NULL, upper, 8);
    expect_shape("Conv 1x2x5x6 3x2x3x4 auto_pad=FULL", "1x3x7x9");
    expect_shape("Conv 1x2x5x6 3x2x3x4 auto_pad=VALID", "1x3x3x3");
}
END_TEST

START_TEST(conv_has_one_to_three_axes) {
    const double y[] = {29, -25, -1, -11, -12, -13, -23, 13, -3, 0, 12, -7};
    expect("Conv 1x1x2x3x3 2x1x2x2x2 pads=0,0,0,0,1,0", 18, 16, NULL, y, 12);
}
END_TEST

START_TEST(conv_transpose_scatters) {
    const double bias[] = {-1, 0, 1, 2};
    const double y[] = {-1, 9,  -1, -1, -5,  -1, -1, 3, -31, 4,  -1,  2,  3,   -1,  2,  -9, -1, -11,
                        -1, -1, -3, -1, -1,  5,  14, 4, -1,  2,  0,   -1, -10, -4,  -1, -1, -1, -1,
                        -1, -1, -1, -1, -10, 0,  0,  4, 0,   0,  -4,  0,  5,   -30, 0,  -5, 3,  0,
                        7,  3,  10, 0,  0,   2,  0,  0, -6,  0,  -10, 15, 0,   -2,  3,  0,  6,  -9,
                        0,  0,  0,  0,  0,   0,  0,  0, -11, 9,  1,   1,  1,   1,   13, -7, 4,  -10,
                        1,  0,  2,  1,  -4,  14, -8, 7, 1,   4,  -1,  1,  16,  -9,  1,  -5, 1,  1,
                        3,  1,  1,  11, 1,   1,  1,  1, 1,   1,  1,   1,  -2,  -10, 2,  2,  2,  2,
                        6,  14, 19, 5,  2,   -1, 1,  2, -21, -3, -1,  -7, 2,   3,   5,  2,  7,  17,
                        8,  2,  2,  0,  2,   2,  -8, 2, 2,   2,  2,   2,  2,   2,   2,  2};
    expect("ConvTranspose 1x2x2x3 2x2x3x2 4 group=2 strides=2,3 pads=1,0,0,1 output_padding=1,1",
           12, 24, bias, y, 160);
}
END_TEST

START_TEST(gradient_of_weights_by_hand) {
    /* 2x2 filter over 1..9: each element sums what it met, weighted. */
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, grad_y[] = {1, 10, 100, 1000};
    const double *contents[] = {x, grad_y}, dw[] = {5421, 6532, 8754, 9865};
    expect_reference("ConvGradWeights 1x1x3x3 1x1x2x2 kernel_shape=2,2", contents, 0, dw, 4, 0);
    /* With a pad in front and a stride of 2, tap 0 meets the padding and 5. */
    const double strided[] = {5000, 6400, 8020, 9731};
    expect_reference("ConvGradWeights 1x1x3x3 1x1x2x2 kernel_shape=2,2 pads=1,1,0,0 strides=2,2",
                     contents, 0, strided, 4, 0);
}
END_TEST

START_TEST(conv_transpose_chooses_its_pads) {
    const double same[] = {15,  -10, -6,  4,  6,  -4, 10,  -15, -9, 6, 6, -6,
                           -10, 25,  -15, -4, 15, 0,  -10, 15,  3,  3, 7, -9};
    const double dilated[] = {15, -6, -4, 4, -4,  -15, -3, 19, 2, -6, -12, 0, 30,
                              -4, -4, 0,  0, -10, -2,  6,  0,  0, -8, 0,   8};
    const double given[] = {10, 0, -4, -4, -15, 10, 4, 0, -10};
    expect("ConvTranspose 1x1x2x3 1x1x3x3 strides=2,2 auto_pad=SAME_UPPER", 6, 9, NULL, same, 24);
    expect("ConvTranspose 1x1x3x3 1x1x2x2 dilations=2,2", 9, 4, NULL, dilated, 25);
    expect("ConvTranspose 1x1x2x2 1x1x2x2 strides=2,2 output_shape=3,3", 4, 4, NULL, given, 9);
}
END_TEST

START_TEST(integer_convolutions) {
    double x[9], w[8];
    const double sums[] = {-5, 12, 0, 44, 8, -3, 35, -1, -6, -6, 8, 0, 12, 30, -2, 66, 18, -10};
    const double *contents[] = {numbers(x, 9, 7, 11, 0), numbers(w, 8, 5, 7, 0)};
    expect_reference("ConvInteger u8:1x1x3x3 u8:2x1x2x2 u8[3] pads=1,0,0,1", contents, 0, sums, 18,
                     0);
    const double bytes[] = {104, 102, 86, 81, 89, 83, 102, 81};
    numbers(x, 9, 37, 251, 0);
    numbers(w, 8, 29, 101, 50);
    expect_reference(
        "QLinearConv u8:1x1x3x3 f[0.02] u8[100] i8:2x1x2x2 f:2[0.03,0.05] i8:2[0,0] f[0.4] "
        "u8[90] i32:2[1000,-2000]",
        contents, 0, bytes, 8, 0);
}
END_TEST

START_TEST(convinteger_takes_a_zero_point_for_each_filter) {
    /* The ONNX standard's own test: x - 1 is 1..9, w is ones minus {0, 1}. */
    const double x[] = {2, 3, 4, 5, 6, 7, 8, 9, 10}, w[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const double y[] = {12, 16, 24, 28, 0, 0, 0, 0};
    const double *contents[] = {x, w};
    expect_reference("ConvInteger u8:1x1x3x3 u8:2x1x2x2 u8[1] u8:2[0,1]", contents, 0, y, 8, 0);
}
END_TEST

START_TEST(not_a_number_reaches_what_it_must) {
    /* By hand: the NaN weight meets every output, the padding included. */
    const double x[] = {1, 2, 3}, w[] = {1, NAN}, y[] = {NAN, NAN, NAN, NAN};
    const double *contents[] = {x, w};
    expect_reference("Conv 1x1x3 1x1x2 pads=1,1", contents, 0, y, 4, 0);
    const double x2[] = {1, NAN, 3, 4}, w2[] = {1, 1}, y2[] = {NAN, NAN, 7};
    const double *contents2[] = {x2, w2};
    expect_reference("Conv 1x1x4 1x1x2", contents2, 0, y2, 3, 0);
}
END_TEST

START_TEST(bad_convolutions_are_refused) {
    expect_refused("Conv 1x3x5x5", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x2x3x3", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3", FOVEA_INVALID);
    expect_refused("Conv 3x5 4x3", FOVEA_UNSUPPORTED);
    expect_refused("Conv 0x3x5x5 4x3x3x3", FOVEA_INVALID);
    expect_refused("Conv 1x0x5x5 4x0x3x3", FOVEA_INVALID);
    expect_refused("Conv 1x3x0x5 4x3x3x3 pads=3,3,3,3", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 0x3x3x3", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x0x3", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 3", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 4x1", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 f16:4x3x3x3", FOVEA_INVALID);
    expect_refused("Conv i32:1x3x5x5 i32:4x3x3x3", FOVEA_UNSUPPORTED);
    expect_refused("Conv 1x3x5x5 4x3x6x3", FOVEA_INVALID);
    expect_refused("Conv 1x4x5x5 6x2x3x3 group=3", FOVEA_INVALID);
    expect_refused("Conv 1x4x5x5 6x4x3x3 group=0", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 strides=0,1", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 strides=1", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 pads=1,1,-1,1", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 kernel_shape=3,2", FOVEA_INVALID);
    expect_refused("Conv 1x3x5x5 4x3x3x3 auto_pad=SOME", FOVEA_INVALID);
    expect_refused("ConvTranspose 1x3x5x5 4x3x3x3", FOVEA_INVALID);
    expect_refused("ConvTranspose 1x4x5x5 4x3x3x3 group=9223372036854775807", FOVEA_INVALID);
    expect_refused("ConvTranspose 1x4x5x5 4x3x3x3 group=3", FOVEA_INVALID);
    expect_refused("ConvTranspose 1x4x5x5 4x3x3x3 pads=9,9,9,9", FOVEA_INVALID);
    expect_refused("ConvGradWeights 1x3x5x5 1x4x3x3", FOVEA_INVALID);
    expect_refused("ConvGradWeights 1x3x5x5 1x4x4x3 kernel_shape=3,3", FOVEA_INVALID);
    expect_refused("ConvGradWeights 1x3x5x5 2x4x3x3 kernel_shape=3,3", FOVEA_INVALID);
    expect_refused("ConvGradWeights 1x3x5x5 1x4x3 kernel_shape=3,3", FOVEA_INVALID);
    expect_refused("ConvGradWeights 1x4x5x5 1x6x3x3 kernel_shape=3,3 group=4", FOVEA_INVALID);
    expect_refused("ConvInteger 1x1x3x3 u8:1x1x2x2", FOVEA_INVALID);
    expect_refused("ConvInteger u8:1x1x3x3 u8:1x1x2x2 i8[1]", FOVEA_INVALID);
    expect_refused("ConvInteger u8:1x1x3x3 u8:2x1x2x2 u8[1] u8:3[1,2,3]", FOVEA_INVALID);
    expect_refused("QLinearConv u8:1x1x3x3 f[1] u8[0] u8:1x1x2x2 f[1] u8[0] f[1] i32[0]",
                   FOVEA_INVALID);
}
END_TEST

/* The bound of one image and channel under Winograd's algorithm. */
static void winograd_bound(const char *line, int tile, float *x, float *w, double *bound) {
    fovea_graph *g;
    ck_assert(fovea_graph_from_problem(&g, line) == FOVEA_OK);
    const struct node *n = &g->nodes[0];
    float y[64];
    struct reference_in in[2] = {{.desc = node_in(g, n, 0)->desc, .data = x},
                                 {.desc = node_in(g, n, 1)->desc, .data = w}};
    struct reference_out out = {
        .desc = node_out(g, n, 0)->desc, .data = y, .bound = bound, .winograd = tile};
    struct reference_call call = {n, in, 2, &out, 1};
    ck_assert(reference_run(&call) == FOVEA_OK);
    fovea_graph_destroy(g);
}

START_TEST(winograd_bounds_by_hand) {
    /* Ones: |A|^T [(|G| 1 |G|^T) .* (|B|^T 1 |B|)] |A| is the outer square of a vector. For tile 2 it is
     * (4, 4): rows of |G| sum to 1, 1.5, 1.5, 1 and those of |B|^T to 2. For tile 4 it was worked out in Python. */
    float ones[36], w[9];
    double bound[16];
    const double four[4] = {23.745602240896361, 15.080952380952381, 14.606355042016805,
                            21.419642857142858};
    for (int i = 0; i < 36; i++) ones[i] = 1;
    for (int i = 0; i < 9; i++) w[i] = 1;
    winograd_bound("Conv 1x1x4x4 1x1x3x3", 2, ones, w, bound);
    for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(bound[i], gamma_bound(29) * 64, 1e-12);
    winograd_bound("Conv 1x1x6x6 1x1x3x3", 4, ones, w, bound);
    for (int i = 0; i < 16; i++)
        ck_assert_double_eq_tol(bound[i], gamma_bound(29) * four[i / 4] * four[i % 4], 1e-9);
}
END_TEST

START_TEST(winograd_errs_where_the_direct_sum_is_zero) {
    /* The one tap and the one pixel meet in no output, but in products that cancel. */
    float x[36] = {0}, w[9] = {1000};
    double direct[16], bound[16];
    x[4 * 6 + 4] = 1000;
    winograd_bound("Conv 1x1x6x6 1x1x3x3", 0, x, w, direct);
    winograd_bound("Conv 1x1x6x6 1x1x3x3", 4, x, w, bound);
    for (int i = 0; i < 16; i++) {
        ck_assert(direct[i] < 1e-30);
        ck_assert(bound[i] > 1e-2 && bound[i] < 1e3);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_conv");
    TCase *tests = tcase_create("conv");
    tcase_add_test(tests, conv_by_hand);
    tcase_add_test(tests, conv_with_groups_strides_dilations_and_pads);
    tcase_add_test(tests, conv_pads_automatically);
    tcase_add_test(tests, conv_has_one_to_three_axes);
    tcase_add_test(tests, conv_transpose_scatters);
    tcase_add_test(tests, gradient_of_weights_by_hand);
    tcase_add_test(tests, conv_transpose_chooses_its_pads);
    tcase_add_test(tests, integer_convolutions);
    tcase_add_test(tests, convinteger_takes_a_zero_point_for_each_filter);
    tcase_add_test(tests, not_a_number_reaches_what_it_must);
    tcase_add_test(tests, winograd_bounds_by_hand);
    tcase_add_test(tests, winograd_errs_where_the_direct_sum_is_zero);
    tcase_add_test(tests, bad_convolutions_are_refused);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
