/* Pooling on the reference. "Recorded" values come from onnxruntime on `pattern`. */
#include "harness.h"

#include <math.h>

#define INPUTS(...) ((const double *const[]){__VA_ARGS__})
#define LIST(...)   ((const double[]){__VA_ARGS__})
#define EXPECT(line, input, output, tolerance, ...)                                                \
    expect_reference(line, INPUTS(input), output, LIST(__VA_ARGS__),                               \
                     sizeof LIST(__VA_ARGS__) / sizeof(double), tolerance)

/* (7 i mod 11 - 5) / 2 */
static double pattern[64];

START_TEST(max_pool_recorded) {
    const char *line = "MaxPool 1x2x6x5 kernel_shape=2,3 dilations=2,1 strides=2,2 pads=1,1,0,1 "
                       "ceil_mode=1 storage_order=1 -> 2";
    EXPECT(line, pattern, 0, 0, 2, 2, 1.5, 2, 2, 1.5, 2.5, 2, 2, 2.5, 2.5, 2, 2.5, 2.5, 2, 1, 2.5,
           2.5);
    EXPECT(line, pattern, 1, 0, 7, 7, 25, 7, 7, 25, 5, 15, 23, 37, 37, 55, 37, 37, 55, 33, 45, 53);
    line = "MaxPool 1x1x3x3x4 kernel_shape=2,2,3 strides=1,2,1 -> 2";
    EXPECT(line, pattern, 0, 0, 2.5, 2.5, 2.5, 2.5);
    EXPECT(line, pattern, 1, 0, 14, 3, 14, 14);
}
END_TEST

START_TEST(max_pool_by_hand) {
    const double x[] = {1, 5, 5, -2};
    EXPECT("MaxPool 1x1x4 kernel_shape=2 -> 2", x, 0, 0, 5, 5, 5);
    EXPECT("MaxPool 1x1x4 kernel_shape=2 -> 2", x, 1, 0, 1, 1, 2); /* the first of equals */
    EXPECT("MaxPool 1x1x4 kernel_shape=1 strides=3", x, 0, 0, 1, -2);
    EXPECT("MaxPool i8:1x1x4 kernel_shape=2 strides=2", x, 0, 0, 5, 5);
    EXPECT("MaxPool u8:1x1x4 kernel_shape=3 auto_pad=SAME_UPPER", LIST(1, 5, 200, 7), 0, 0, 5, 200,
           200, 200);
    EXPECT("MaxPool 1x1x4 kernel_shape=2", LIST(1, NAN, 3, -INFINITY), 0, 0, NAN, NAN, 3);
    EXPECT("MaxPool 1x1x4 kernel_shape=2 activation=Relu", LIST(-1, -2, 3, 4), 0, 0, 0, 3, 4);
    /* A window that lies in the padding has no maximum. */
    EXPECT("MaxPool 1x1x2 kernel_shape=2 pads=2,2 -> 2", x, 0, 0, -INFINITY, 1, 5, 5, -INFINITY);
    EXPECT("MaxPool 1x1x2 kernel_shape=2 pads=2,2 -> 2", x, 1, 0, -1, 0, 1, 1, -1);
}
END_TEST

START_TEST(pool_grad_by_hand) {
    const double x[] = {1, 5, 5, -2}, dy[] = {1, 2, 4};
    /* The first of equals takes all: windows (1, 5), (5, 5), (5, -2). */
    expect_reference("MaxPoolGrad 1x1x3 1x1x4 kernel_shape=2", INPUTS(dy, x), 0, LIST(0, 3, 4, 0),
                     4, 0);
    expect_reference("MaxPoolGrad 1x1x1 1x1x4 kernel_shape=4", INPUTS(dy, x), 0, LIST(0, 1, 0, 0),
                     4, 0);
    /* A window that lies in the padding gives to nobody. */
    expect_reference("MaxPoolGrad 1x1x3 1x1x2 kernel_shape=2 strides=2 pads=2,2", INPUTS(dy, x), 0,
                     LIST(0, 2), 2, 0);
    EXPECT("AveragePoolGrad 1x1x3 kernel_shape=2 input_shape=1,1,4", dy, 0, 0, 0.5, 1.5, 3, 2);
    EXPECT("AveragePoolGrad 1x1x3 kernel_shape=2 input_shape=1,1,4 divide=0", dy, 0, 0, 1, 3, 6, 4);
    EXPECT("AveragePoolGrad 1x1x3 kernel_shape=2 strides=2 pads=1,1 input_shape=1,1,4", dy, 0, 0, 1,
           1, 1, 4);
    EXPECT("AveragePoolGrad 1x1x3 kernel_shape=2 strides=2 pads=1,1 input_shape=1,1,4 "
           "count_include_pad=1",
           dy, 0, 0, 0.5, 1, 1, 2);
}
END_TEST

START_TEST(average_pool_recorded) {
    EXPECT("AveragePool 1x1x5x4 kernel_shape=3,2 strides=2,3 pads=1,0,1,1 ceil_mode=1", pattern, 0,
           1e-6, -0.625, 1.25, -0.25, -0.66666669, 0.125, -0.75);
    EXPECT("AveragePool 1x1x5x4 kernel_shape=3,2 strides=2,3 pads=1,0,1,1 ceil_mode=1 "
           "count_include_pad=1",
           pattern, 0, 1e-6, -0.41666666, 0.41666666, -0.25, -0.33333334, 0.083333336, -0.25);
    EXPECT("AveragePool 1x2x9 kernel_shape=3 dilations=2 strides=2 pads=2,1", pattern, 0, 1e-6,
           -1.75, -1, 0.5, 0.16666667, -0.5, -0.66666669, -1, 0.5);
}
END_TEST

START_TEST(average_pool_by_hand) {
    const double x[] = {1, 2, 3, 4, 5};
    /* The window that ceil_mode adds reaches beyond the padding, which counts only so far. */
    EXPECT("AveragePool 1x1x5 kernel_shape=3 strides=3 ceil_mode=1", x, 0, 0, 2, 4.5);
    EXPECT("AveragePool 1x1x5 kernel_shape=4 strides=3 pads=1,1 ceil_mode=1 count_include_pad=1", x,
           0, 1e-15, 1.5, 3);
    EXPECT("AveragePool 1x1x4 kernel_shape=4 strides=3 pads=0,1 ceil_mode=1 count_include_pad=1", x,
           0, 1e-15, 2.5, 2);
    EXPECT("AveragePool 1x1x2 kernel_shape=2 pads=2,0", x, 0, 0, 0, 1, 1.5);
    EXPECT("AveragePool 1x1x5 kernel_shape=2 auto_pad=SAME_LOWER strides=2", x, 0, 0, 1, 2.5, 4.5);
}
END_TEST

START_TEST(lp_pool) {
    const double x[] = {3, -4, 0, 12};
    EXPECT("LpPool 1x1x4x5 kernel_shape=2,2 p=3 strides=1,2", pattern, 0, 1e-6, 3.0365891,
           2.9093239, 3.0046227, 2.1544347, 2.6800542, 2.1544347);
    EXPECT("LpPool 1x1x4 kernel_shape=2", x, 0, 1e-15, 5, 4, 12);
    EXPECT("LpPool 1x1x4 kernel_shape=2 strides=2 p=1", x, 0, 1e-15, 7, 12);
    EXPECT("LpPool 1x1x4 kernel_shape=3 strides=2 ceil_mode=1", x, 0, 1e-15, 5, 12);
    EXPECT("LpPool 1x1x2 kernel_shape=2 pads=2,0", x, 0, 1e-15, 0, 3, 5);
}
END_TEST

START_TEST(global_pools) {
    EXPECT("GlobalLpPool 1x2x3x2 p=3", pattern, 0, 1e-6, 3.3247001, 3.274956);
    EXPECT("GlobalLpPool 1x1x4", LIST(3, -4, 0, 12), 0, 1e-15, 13);
    EXPECT("GlobalAveragePool 2x1x2x2", LIST(1, 2, 3, 6, -1, 1, 0, 0), 0, 1e-15, 3, 0);
    EXPECT("GlobalMaxPool 1x2x1x2x1", LIST(-1, -2, 7, INFINITY), 0, 0, -1, INFINITY);
    EXPECT("GlobalMaxPool 1x1x3", LIST(1, NAN, 2), 0, 0, NAN);
}
END_TEST

START_TEST(shapes) {
    expect_shape("MaxPool 1x64x112x112 kernel_shape=3,3 strides=2,2 pads=1,1,1,1", "1x64x56x56");
    expect_shape("MaxPool 1x64x112x112 kernel_shape=3,3 strides=2,2 ceil_mode=1", "1x64x56x56");
    expect_shape("MaxPool 1x64x112x112 kernel_shape=3,3 strides=2,2", "1x64x55x55");
    expect_shape("AveragePool 1x1x2x2 kernel_shape=3,3 strides=3,3 pads=1,1,1,1 ceil_mode=1",
                 "1x1x1x1");
    expect_shape("LpPool 2x3x4x5x6 kernel_shape=1,2,3", "2x3x4x4x4");
    expect_shape("GlobalAveragePool 2x3x4x5x6", "2x3x1x1x1");
}
END_TEST

START_TEST(refusals) {
    expect_refused("MaxPool 1x1x4x4", FOVEA_INVALID);
    expect_refused("MaxPool 1x1x4x4 kernel_shape=5,5", FOVEA_INVALID);
    expect_refused("MaxPool 1x1x4x4 kernel_shape=2", FOVEA_INVALID);
    expect_refused("MaxPool 1x1x4x4 kernel_shape=0,2", FOVEA_INVALID);
    expect_refused("MaxPool 1x1x4x4 kernel_shape=2,2 strides=0,1", FOVEA_INVALID);
    expect_refused("MaxPool 1x1x4x4 kernel_shape=2,2 pads=-1,0,0,0", FOVEA_INVALID);
    expect_refused("MaxPool 1x1x4x4 kernel_shape=2,2 storage_order=2", FOVEA_INVALID);
    expect_refused("MaxPool i64:1x1x4x4 kernel_shape=2,2", FOVEA_INVALID);
    expect_refused("MaxPool 4x4 kernel_shape=2,2", FOVEA_UNSUPPORTED);
    expect_refused("MaxPool 1x1x4x4 1 kernel_shape=2,2", FOVEA_INVALID);
    expect_refused("AveragePool i8:1x1x4 kernel_shape=2", FOVEA_INVALID);
    expect_refused("AveragePool 1x1x4 kernel_shape=2 count_include_pad=7", FOVEA_INVALID);
    expect_refused("AveragePool 1x1x0 kernel_shape=1", FOVEA_INVALID);
    expect_refused("LpPool 1x1x4 kernel_shape=2 p=0", FOVEA_INVALID);
    expect_refused("GlobalLpPool 1x1x4 p=-1", FOVEA_INVALID);
    expect_refused("GlobalMaxPool 1x4", FOVEA_INVALID);
    expect_refused("GlobalAveragePool 1x4x0x2", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_pool");
    TCase *tests = tcase_create("reference_pool");
    for (int i = 0; i < 64; i++) pattern[i] = (7 * i % 11 - 5) / 2.0;
    tcase_add_test(tests, max_pool_recorded);
    tcase_add_test(tests, max_pool_by_hand);
    tcase_add_test(tests, pool_grad_by_hand);
    tcase_add_test(tests, average_pool_recorded);
    tcase_add_test(tests, average_pool_by_hand);
    tcase_add_test(tests, lp_pool);
    tcase_add_test(tests, global_pools);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
