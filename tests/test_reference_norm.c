/* Normalisation on the reference. "Recorded" values come from onnxruntime on the patterns below. */
#include "harness.h"

#include <math.h>

#define INPUTS(...) ((const double *const[]){__VA_ARGS__})
#define LIST(...)   ((const double[]){__VA_ARGS__})

/* (k i mod 11 - 5) / 2 for k = 7, 3, 5, 2 */
static double x[64], scale[64], bias[64], mean[64];

START_TEST(batch_norm) {
    /* Recorded. */
    expect_reference("BatchNormalization 2x3x2 3 3 3 f:3[0.5,1,2] epsilon=0.001",
                     INPUTS(x, scale, bias, mean), 0,
                     LIST(-2.5, -14.862013, -0.49975026, -3.9980016, 2.8534651, 2.1465349,
                          -18.394016, -11.330009, 0.49975014, -2.9985013, 2.5, 1.7930698),
                     12, 2e-6);
    /* By hand: rank 1 is a batch with one channel. */
    expect_reference("BatchNormalization 3 1 1 1 f:1[4] epsilon=0",
                     INPUTS(LIST(1, 3, 9), LIST(2), LIST(10), LIST(3)), 0, LIST(8, 10, 16), 3,
                     1e-15);
}
END_TEST

START_TEST(batch_norm_training) {
    /* By hand: channel 0 holds 1 3 5 7 (mean 4, variance 5), channel 1 a constant 2. */
    const char *line =
        "BatchNormalization 2x2x2 2 2 2 2 training_mode=1 momentum=0.75 epsilon=0.0625 "
        "-> 3";
    const double *const in[] = {LIST(1, 3, 2, 2, 5, 7, 2, 2), LIST(2, 9), LIST(1, -1), LIST(8, 0),
                                LIST(1, 4)};
    double a = 2 / sqrt(5.0625); /* 8 / 9 */
    expect_reference(line, in, 0, LIST(1 - 3 * a, 1 - a, -1, -1, 1 + a, 1 + 3 * a, -1, -1), 8,
                     1e-14);
    expect_reference(line, in, 1, LIST(8 * 0.75 + 4 * 0.25, 0.5), 2, 1e-15);
    expect_reference(line, in, 2, LIST(0.75 + 5 * 0.25, 3), 2, 1e-15);
}
END_TEST

START_TEST(instance_and_group_norm) {
    /* Recorded. */
    expect_reference("InstanceNormalization 2x2x3 2 2 epsilon=0.01", INPUTS(x, scale, bias), 0,
                     LIST(0.39914775, -5.6890621, -2.2100852, -1.2224549, 0, 1.2224549, -5.5561371,
                          -2.5, 0.55613732, -1.2224549, 0, 1.2224549),
                     12, 2e-6);
    expect_reference("GroupNormalization 1x4x3 4 4 num_groups=2 epsilon=0.01",
                     INPUTS(x, scale, bias), 0,
                     LIST(0.97643995, -4.2382202, -1.2584143, -1.5892298, -0.39730746, 0.79461491,
                          3.1797407, 2.5755267, 1.9713128, 1.614749, -0.80210698, -3.2189629),
                     12, 2e-6);
}
END_TEST

START_TEST(layer_norm) {
    /* Recorded. */
    const char *line = "LayerNormalization 2x3x4 3x4 3x4 axis=1 epsilon=0.01 -> 3";
    expect_reference(line, INPUTS(x, scale, bias), 0,
                     LIST(0.93668371, -0.72482783, 2.2625563, 2.749228, 1.1502018, -0.61259204,
                          2.8246853, -1.1875743, 2.6121171, -2, 0.23756233, 0.93668371, -3.986074,
                          0.70250773, 3.2835665, 0.040390551, 4.053484, -1.6214491, 1.445961,
                          -4.8774409, -0.37799588, -2, -2.012816, -3.986074),
                     24, 2e-6);
    expect_reference(line, INPUTS(x, scale, bias), 1, LIST(-0.20833333, 0.083333336), 2, 1e-6);
    expect_reference(line, INPUTS(x, scale, bias), 2, LIST(0.59985751, 0.64846867), 2, 1e-6);
    line = "LayerNormalization 2x3x4 4 -> 3";
    expect_reference(line, INPUTS(x, scale), 1, LIST(0, 0.25, -0.875, 0.75, -0.375, -0.125), 6,
                     1e-6);
    expect_reference(line, INPUTS(x, scale), 2,
                     LIST(0.52522498, 0.79999739, 0.64257413, 0.79999739, 0.64257413, 0.64257413),
                     6, 1e-6);
}
END_TEST

START_TEST(layer_norm_broadcasts) {
    /* By hand: each row is -1, 1: with variance 1 already normal. */
    const double *const in[] = {LIST(-1, 1, -1, 1, -1, 1, -1, 1), LIST(1, 2, 3, 4), LIST(10, 20)};
    expect_reference("LayerNormalization 2x2x2 2x2x1 1x2 epsilon=0", in, 0,
                     LIST(9, 21, 8, 22, 7, 23, 6, 24), 8, 1e-15);
    expect_reference("LayerNormalization 2x2x2 2x1x2 scalar epsilon=0", in, 0,
                     LIST(9, 12, 9, 12, 7, 14, 7, 14), 8, 1e-15);
}
END_TEST

START_TEST(lrn) {
    /* Recorded. */
    expect_reference("LRN 1x5x1x2 size=3 alpha=0.3 beta=0.6 bias=1.5", INPUTS(x), 0,
                     LIST(-1.5471841, 0.61887366, -0.61473858, 1.4602942, 0.32742736, -0.89836031,
                          1.2055248, 0, -1.2133701, 1.0814784),
                     10, 1e-6);
    /* By hand: an even window has its longer half behind. */
    expect_reference("LRN 1x3x1 size=2 alpha=2 beta=1 bias=1", INPUTS(LIST(1, 2, 3)), 0,
                     LIST(1.0 / 6, 2.0 / 14, 3.0 / 10), 3, 1e-15);
}
END_TEST

/* A channel of equal large numbers: the variance cancels, and the bound must say how badly. */
START_TEST(cancellation_is_in_the_bound) {
    fovea_desc d = {FOVEA_FLOAT32, 3, {1, 1, 4}}, v = {FOVEA_FLOAT32, 1, {1}};
    float numbers[4] = {1000.1f, 1000.1f, 1000.1f, 1000.1f}, one = 1, zero = 0, result[4];
    double y[4], bound[4];
    fovea_graph *g;
    struct reference_in in[] = {
        {.desc = d, .data = numbers}, {.desc = v, .data = &one}, {.desc = v, .data = &zero}};
    struct reference_out out = {.desc = d, .data = result, .y = y, .bound = bound};
    ck_assert_int_eq(fovea_graph_from_problem(&g, "InstanceNormalization 1x1x4 1 1"), FOVEA_OK);
    struct reference_call c = {&g->nodes[0], in, 3, &out, 1};
    ck_assert_int_eq(reference_run(&c), FOVEA_OK);
    /* A mean that is off by one unit in the last place (2^-14) gives 2^-14 / sqrt(1e-5) = 0.0193. */
    ck_assert_double_eq(y[0], 0);
    ck_assert_double_ge(bound[0], 0x1p-14 / sqrt(1e-5));
    ck_assert_double_le(bound[0], 100 * 0x1p-14 / sqrt(1e-5));
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(batch_norm_grad_by_hand) {
    const double v[] = {-1, 0, 1}, dy[] = {1, 2, 6}, factor[] = {2}, zero[] = {0},
                 inverse[] = {0.5};
    const char *line = "BatchNormalizationGrad 1x1x3 1x1x3 1 1 1 -> 3";
    const double *const in[] = {dy, v, factor, zero, inverse};
    /* h = x / 2; dx = dy - 3 - h * 2.5 / 3 */
    const double dx[] = {-2 + 1.25 / 3, -1, 3 - 1.25 / 3}, dscale[] = {2.5}, dbias[] = {9};
    expect_reference(line, in, 0, dx, 3, 1e-7);
    expect_reference(line, in, 1, dscale, 1, 0);
    expect_reference(line, in, 2, dbias, 1, 0);
    /* What it needs of the forward pass: mean and 1 / sqrt(variance + epsilon). */
    line = "BatchNormalization 1x1x3 1 1 1 1 training_mode=1 epsilon=0.25 -> 5";
    const double shifted[] = {1, 1, 4}, ends[] = {2, 1 / 1.5};
    const double *const forward[] = {shifted, factor, zero, zero, zero};
    expect_reference(line, forward, 3, ends, 1, 0);
    expect_reference(line, forward, 4, ends + 1, 1, 1e-7);
}
END_TEST

START_TEST(refusals) {
    expect_refused("BatchNormalization 2x3x2 3 3 3", FOVEA_INVALID);
    expect_refused("BatchNormalization 2x3x2 3 3 3 2", FOVEA_INVALID);
    expect_refused("BatchNormalization 2x3x2 3 3 3 3 -> 3", FOVEA_INVALID);
    expect_refused("BatchNormalization 2x3x2 3 3 3 3 epsilon=-1", FOVEA_INVALID);
    expect_refused("BatchNormalization 0x3x2 3 3 3 3 training_mode=1", FOVEA_INVALID);
    expect_refused("BatchNormalization i8:2x3x2 3 3 3 3", FOVEA_INVALID);
    expect_refused("InstanceNormalization 2x3 3 3", FOVEA_INVALID);
    expect_refused("InstanceNormalization 2x3x2 3 1x3", FOVEA_INVALID);
    expect_refused("GroupNormalization 2x4x2 4 4", FOVEA_INVALID);
    expect_refused("GroupNormalization 2x4x2 4 4 num_groups=3", FOVEA_INVALID);
    expect_refused("GroupNormalization 2x4x2 2 2 num_groups=2", FOVEA_INVALID);
    expect_refused("LayerNormalization 2x4", FOVEA_INVALID);
    expect_refused("LayerNormalization 2x4 3", FOVEA_INVALID);
    expect_refused("LayerNormalization 2x4 1x2x4", FOVEA_INVALID);
    expect_refused("LayerNormalization 2x4 4 axis=2", FOVEA_INVALID);
    expect_refused("LayerNormalization 3x0 0 -> 3", FOVEA_INVALID);
    expect_refused("LayerNormalization 2x4 4 stash_type=7", FOVEA_INVALID);
    expect_refused("LRN 1x3x2", FOVEA_INVALID);
    expect_refused("LRN 1x3x2 size=0", FOVEA_INVALID);
    expect_refused("LRN 3 size=1", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_norm");
    TCase *tests = tcase_create("reference_norm");
    for (int i = 0; i < 64; i++) {
        x[i] = (7 * i % 11 - 5) / 2.0;
        scale[i] = (3 * i % 11 - 5) / 2.0;
        bias[i] = (5 * i % 11 - 5) / 2.0;
        mean[i] = (2 * i % 11 - 5) / 2.0;
    }
    tcase_add_test(tests, batch_norm);
    tcase_add_test(tests, batch_norm_training);
    tcase_add_test(tests, instance_and_group_norm);
    tcase_add_test(tests, layer_norm);
    tcase_add_test(tests, layer_norm_broadcasts);
    tcase_add_test(tests, lrn);
    tcase_add_test(tests, cancellation_is_in_the_bound);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, batch_norm_grad_by_hand);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
