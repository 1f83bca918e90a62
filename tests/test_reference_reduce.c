/* Reductions on the reference: values worked out by hand. */
#include "harness.h"

#include <math.h>

#define IN(...)  ((const double *const[]){__VA_ARGS__})
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const double x[] = {1, 2, 3, 4, -5, 6}; /* 2x3 */

START_TEST(each_operator) {
    static const struct {
        const char *line;
        double y[2];
    } rows[] = {
        {"ReduceSum 2x3 i64[1]", {6, 5}},
        {"ReduceMean 2x3 i64[1]", {2, 5.0 / 3}},
        {"ReduceMax 2x3 i64[1]", {3, 6}},
        {"ReduceMin 2x3 i64[1]", {1, -5}},
        {"ReduceProd 2x3 i64[1]", {6, -120}},
        {"ReduceSumSquare 2x3 i64[1]", {14, 77}},
        {"ReduceL1 2x3 i64[1]", {6, 15}},
        {"ReduceL2 2x3 i64[1]", {3.741657387, 8.774964387}},
        {"ReduceLogSum 2x3 i64[1]", {1.791759469, 1.609437912}},
        {"ReduceLogSumExp 2x3 i64[1]", {3.407605964, 6.126942675}},
        {"ReduceSum i32:2x3 i64[1]", {6, 5}},
        {"ReduceMean i32:2x3 i64[1]", {2, 1}},
        {"ReduceMax i8:2x3 i64[1]", {3, 6}},
        {"ReduceMin i64:2x3 i64[-1]", {1, -5}},
        {"ReduceProd i32:2x3 i64[1]", {6, -120}},
        {"ReduceSumSquare i64:2x3 i64[1]", {14, 77}},
        {"ReduceL1 i32:2x3 i64[1]", {6, 15}},
        {"ReduceL2 i32:2x3 i64[1]", {3, 8}},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_reference(rows[i].line, IN(x), 0, rows[i].y, 2, 1e-8);
}
END_TEST

START_TEST(axes) {
    expect_reference("ReduceSum 2x3 i64[0]", IN(x), 0, (const double[]){5, -3, 9}, 3, 0);
    expect_reference("ReduceSum 2x3", IN(x), 0, (const double[]){11}, 1, 0);
    expect_reference("ReduceSum 2x3 i64[0,1]", IN(x), 0, (const double[]){11}, 1, 0);
    expect_reference("ReduceSum 2x3 noop_with_empty_axes=1", IN(x), 0, x, 6, 0);
    expect_reference("ReduceSum 1x2x3x1 i64[1]", IN(x), 0, (const double[]){5, -3, 9}, 3, 0);
    double cube[24], y[3] = {0};
    for (int i = 0; i < 24; i++) y[i / 4 % 3] += cube[i] = i * i;
    expect_reference("ReduceSum 2x3x4 i64[0,2]", IN(cube), 0, y, 3, 0);
    expect_reference("ReduceSum 2x3x2x2 i64[-1,0,2]", IN(cube), 0, y, 3, 0);
}
END_TEST

START_TEST(empty_sets) {
    static const struct {
        const char *line;
        double y;
    } rows[] = {{"ReduceSum 0x1 i64[0]", 0},
                {"ReduceProd 0x1 i64[0]", 1},
                {"ReduceMax 0x1 i64[0]", -INFINITY},
                {"ReduceMin 0x1 i64[0]", INFINITY},
                {"ReduceMean 0x1 i64[0]", NAN},
                {"ReduceL2 0x1 i64[0]", 0},
                {"ReduceLogSum 0x1 i64[0]", -INFINITY},
                {"ReduceLogSumExp 0x1 i64[0]", -INFINITY},
                {"ReduceMax bool:0x1 i64[0]", 0},
                {"ReduceMin bool:0x1 i64[0]", 1},
                {"ReduceMax i8:0x1 i64[0]", -128},
                {"ReduceMin u8:0x1 i64[0]", 255},
                {"ReduceMax i32:0x1 i64[0]", -2147483648.0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_reference(rows[i].line, IN(x), 0, &rows[i].y, 1, 0);
}
END_TEST

START_TEST(nan_and_infinity) {
    const double odd[] = {1, NAN, INFINITY, -INFINITY, 2, 1000};
    expect_reference("ReduceMax 2x3 i64[1]", IN(odd), 0, (const double[]){NAN, 1000}, 2, 0);
    expect_reference("ReduceMin 2x3 i64[1]", IN(odd), 0, (const double[]){NAN, -INFINITY}, 2, 0);
    expect_reference("ReduceLogSumExp 2x3 i64[1]", IN(odd), 0, (const double[]){NAN, 1000}, 2, 0);
    const double low[] = {-INFINITY, -INFINITY};
    expect_reference("ReduceLogSumExp 2", IN(low), 0, low, 1, 0);
}
END_TEST

START_TEST(booleans_and_unsigned) {
    const double b[] = {1, 0, 0, 0};
    expect_reference("ReduceMax bool:2x2 i64[1]", IN(b), 0, (const double[]){1, 0}, 2, 0);
    expect_reference("ReduceMin bool:2x2 i64[1]", IN(b), 0, (const double[]){0, 0}, 2, 0);
    const double top = -1; /* all bits set: the largest u64 */
    expect_reference("ReduceMin u64:1x1 i64[1]", IN(&top), 0, (const double[]){0x1p64}, 1, 0);
    const double two[] = {-1, 5};
    expect_reference("ReduceMin u64:2", IN(two), 0, (const double[]){5}, 1, 0);
    expect_reference("ReduceMin i64:2", IN(two), 0, (const double[]){-1}, 1, 0);
}
END_TEST

START_TEST(arg) {
    const double a[] = {3, 7, 7, 1, 1, 5}; /* 2x3 */
    expect_reference("ArgMax 2x3", IN(a), 0, (const double[]){0, 0, 0}, 3, 0);
    expect_reference("ArgMax 2x3 axis=1", IN(a), 0, (const double[]){1, 2}, 2, 0);
    expect_reference("ArgMax 2x3 axis=1 select_last_index=1", IN(a), 0, (const double[]){2, 2}, 2,
                     0);
    expect_reference("ArgMin 2x3 axis=-1", IN(a), 0, (const double[]){0, 0}, 2, 0);
    expect_reference("ArgMin 2x3 axis=-1 select_last_index=1", IN(a), 0, (const double[]){0, 1}, 2,
                     0);
    expect_reference("ArgMax i32:2x3 axis=1 keepdims=0", IN(a), 0, (const double[]){1, 2}, 2, 0);
    const double odd[] = {3, NAN, 7, NAN, 1, 5};
    expect_reference("ArgMax 2x3 axis=1", IN(odd), 0, (const double[]){1, 0}, 2, 0);
    expect_reference("ArgMin 2x3 axis=1", IN(odd), 0, (const double[]){0, 1}, 2, 0);
}
END_TEST

START_TEST(top_k) {
    const double a[] = {3, 7, 1, 7, 5, 1, 0, 2}; /* 2x4 */
    expect_reference("TopK 2x4 i64[3] -> 2", IN(a), 0, (const double[]){7, 7, 3, 5, 2, 1}, 6, 0);
    expect_reference("TopK 2x4 i64[3] -> 2", IN(a), 1, (const double[]){1, 3, 0, 0, 3, 1}, 6, 0);
    expect_reference("TopK 2x4 i64[2] largest=0 -> 2", IN(a), 0, (const double[]){1, 3, 0, 1}, 4,
                     0);
    expect_reference("TopK 2x4 i64[2] largest=0 -> 2", IN(a), 1, (const double[]){2, 0, 2, 1}, 4,
                     0);
    expect_reference("TopK 2x4 i64[1] axis=0 -> 2", IN(a), 0, (const double[]){5, 7, 1, 7}, 4, 0);
    expect_reference("TopK 2x4 i64[1] axis=0 -> 2", IN(a), 1, (const double[]){1, 0, 0, 0}, 4, 0);
    expect_reference("TopK i8:4x2 i64[2] axis=0 -> 2", IN(a), 1, (const double[]){2, 0, 0, 1}, 4,
                     0);
    const double odd[] = {3, NAN, 7, 1};
    expect_reference("TopK 4 i64[2] -> 2", IN(odd), 1, (const double[]){1, 2}, 2, 0);
    expect_reference("TopK 4 i64[4] largest=0 -> 2", IN(odd), 1, (const double[]){3, 0, 2, 1}, 4,
                     0);
}
END_TEST

/* All slices of a longer axis against insertion into a sorted list. */
START_TEST(top_k_order) {
    enum { N = 200, K = 50 };
    double a[N], y[N];
    unsigned state = 1;
    for (int i = 0; i < N; i++) a[i] = (state = state * 1103515245 + 12345) >> 16 & 63;
    for (int i = 0; i < N; i++) {
        int at = i;
        for (; at > 0 && y[at - 1] < a[i]; at--) y[at] = y[at - 1];
        y[at] = a[i];
    }
    expect_reference("TopK 200 i64[50] -> 2", IN(a), 0, y, K, 0);
    expect_reference("TopK 200 i64[200] -> 2", IN(a), 0, y, N, 0);
}
END_TEST

START_TEST(shapes) {
    expect_shape("ReduceSum 2x3x5 i64[1]", "2x1x5");
    expect_shape("ReduceSum 2x3x5 i64[0,-1] keepdims=0", "3");
    expect_shape("ReduceSum 2x3x5 keepdims=0", "scalar");
    expect_shape("ReduceMax 2x0x4 i64[1]", "2x1x4");
    expect_shape("ArgMax 2x3x5 axis=1", "2x1x5");
    expect_shape("ArgMax 2x3x5 axis=1 keepdims=0", "2x5");
    expect_shape("TopK 2x3x5 i64[2] axis=1 -> 2", "2x2x5");
}
END_TEST

START_TEST(refusals) {
    expect_refused("ReduceSum 2x3 i64[2]", FOVEA_INVALID);
    expect_refused("ReduceSum 2x3 i64[-3]", FOVEA_INVALID);
    expect_refused("ReduceSum 2x3 i64[1,-1]", FOVEA_INVALID);
    expect_refused("ReduceSum bool:2", FOVEA_INVALID);
    expect_refused("ReduceSum 2x3 f[1]", FOVEA_INVALID);
    expect_refused("ArgMax 2x3 axis=2", FOVEA_INVALID);
    expect_refused("ArgMax 2x0 axis=1", FOVEA_INVALID);
    expect_refused("TopK 2x3 i64[4] -> 2", FOVEA_INVALID);
    expect_refused("TopK 2x3 i64[-1] -> 2", FOVEA_INVALID);
    expect_refused("TopK 2x3 i64[1,2] -> 2", FOVEA_INVALID);
    expect_refused("TopK 2x3 i64[1] axis=-3 -> 2", FOVEA_INVALID);
}
END_TEST

/* Sums of more terms than 1 / u, as the norm of a large layer's gradient is, have a bound, too. */
START_TEST(bounds_of_long_sums) {
    double before = 0;
    for (double n = 1; n < 0x1p30; n *= 1.25) {
        double bound = gamma_bound(n);
        ck_assert_double_ge(bound, before);
        ck_assert_double_ge(bound, n * REFERENCE_U);
        ck_assert_double_ge(bound, expm1(-n * log1p(-REFERENCE_U)) * (1 - 1e-12));
        ck_assert(isfinite(bound));
        before = bound;
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_reduce");
    TCase *tests = tcase_create("reduce");
    tcase_add_test(tests, each_operator);
    tcase_add_test(tests, axes);
    tcase_add_test(tests, empty_sets);
    tcase_add_test(tests, nan_and_infinity);
    tcase_add_test(tests, booleans_and_unsigned);
    tcase_add_test(tests, arg);
    tcase_add_test(tests, top_k);
    tcase_add_test(tests, top_k_order);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, bounds_of_long_sums);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
