/* Element-by-element operators on the reference: values worked out by hand, or with Python's math
 * module (which is another implementation of the functions) to 9 digits. */
#include "harness.h"

#include <math.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define IN(...)  ((const double *const[]){__VA_ARGS__})

/* One input x and the results of a unary operator. */
static void unary(const char *line, const double *x, const double *y, size_t count) {
    expect_reference(line, IN(x), 0, y, count, 1e-7);
}

static const double x5[] = {-2, -0.5, 0, 0.5, 2};

START_TEST(activations) {
    static const struct {
        const char *line;
        double y[5];
    } rows[] = {
        {"Relu 5", {0, 0, 0, 0.5, 2}},
        {"LeakyRelu 5 alpha=0.25", {-0.5, -0.125, 0, 0.5, 2}},
        {"LeakyRelu 5", {-0.02, -0.005, 0, 0.5, 2}},
        {"Elu 5", {-0.864664717, -0.393469340, 0, 0.5, 2}},
        {"Elu 5 alpha=2", {-1.729329434, -0.786938681, 0, 0.5, 2}},
        {"Selu 5", {-1.520166469, -0.691758193, 0, 0.525350511, 2.101402044}},
        {"Celu 5 alpha=2", {-1.264241118, -0.442398434, 0, 0.5, 2}},
        {"Sigmoid 5", {0.119202922, 0.377540669, 0.5, 0.622459331, 0.880797078}},
        {"HardSigmoid 5", {0.1, 0.4, 0.5, 0.6, 0.9}},
        {"HardSigmoid 5 alpha=1 beta=0.25", {0, 0, 0.25, 0.75, 1}},
        {"HardSwish 5", {-1.0 / 3, -0.208333333, 0, 0.291666667, 5.0 / 3}},
        {"Mish 5", {-0.252501483, -0.220743775, 0, 0.375245211, 1.943958923}},
        {"Gelu 5", {-0.045500264, -0.154268769, 0, 0.345731231, 1.954499736}},
        {"Gelu 5 approximate=tanh", {-0.045402306, -0.154285988, 0, 0.345714012, 1.954597694}},
        {"Tanh 5", {-0.964027580, -0.462117157, 0, 0.462117157, 0.964027580}},
        {"Softplus 5", {0.126928011, 0.474076984, 0.693147181, 0.974076984, 2.126928011}},
        {"Softsign 5", {-2.0 / 3, -1.0 / 3, 0, 1.0 / 3, 2.0 / 3}},
        {"ThresholdedRelu 5", {0, 0, 0, 0, 2}},
        {"ThresholdedRelu 5 alpha=-1", {0, -0.5, 0, 0.5, 2}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) unary(rows[i].line, x5, rows[i].y, 5);
}
END_TEST

START_TEST(functions) {
    static const double positive[] = {0.25, 1, 4};
    unary("Sqrt 3", positive, (const double[]){0.5, 1, 2}, 3);
    unary("Log 3", positive, (const double[]){-1.386294361, 0, 1.386294361}, 3);
    unary("Exp 3", positive, (const double[]){1.284025417, 2.718281828, 54.598150033}, 3);
    unary("Reciprocal 3", positive, (const double[]){4, 1, 0.25}, 3);
    unary("Erf 3", positive, (const double[]){0.276326390, 0.842700793, 0.999999985}, 3);
    unary("Abs 5", x5, (const double[]){2, 0.5, 0, 0.5, 2}, 5);
    unary("Neg 5", x5, (const double[]){2, 0.5, 0, -0.5, -2}, 5);
    unary("Sign 5", x5, (const double[]){-1, -1, 0, 1, 1}, 5);
    static const double halves[] = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.75};
    unary("Round 7", halves, (const double[]){-2, -2, 0, 0, 2, 2, 3}, 7);
    unary("Floor 7", halves, (const double[]){-3, -2, -1, 0, 1, 2, 2}, 7);
    unary("Ceil 7", halves, (const double[]){-2, -1, 0, 1, 2, 3, 3}, 7);
}
END_TEST

START_TEST(limits_and_nan) {
    const double edge[] = {NAN, INFINITY, -INFINITY, 90, -90, 1000, -1000};
    unary("Relu 7", edge, (const double[]){NAN, INFINITY, 0, 90, 0, 1000, 0}, 7);
    unary("Sigmoid 7", edge, (const double[]){NAN, 1, 0, 1, 0, 1, 0}, 7);
    unary("Softplus 7", edge, (const double[]){NAN, INFINITY, 0, 90, 0, 1000, 0}, 7);
    unary("Exp 7", edge, (const double[]){NAN, INFINITY, 0, INFINITY, 0, INFINITY, 0}, 7);
    unary("Gelu 7", edge, (const double[]){NAN, INFINITY, NAN, 90, 0, 1000, 0}, 7);
    unary("Mish 7", edge, (const double[]){NAN, INFINITY, NAN, 90, 0, 1000, 0}, 7);
    unary("Sign 7", edge, (const double[]){NAN, 1, -1, 1, -1, 1, -1}, 7);
    unary("Max 7 f[1]", edge, (const double[]){NAN, INFINITY, 1, 90, 1, 1000, 1}, 7);
    unary("Min 7 f[1]", edge, (const double[]){NAN, 1, -INFINITY, 1, -90, 1, -1000}, 7);
    unary("Max f:1[1] 7", edge, (const double[]){NAN, INFINITY, 1, 90, 1, 1000, 1}, 7);
    unary("Clip 7 f[0] f[6]", edge, (const double[]){NAN, 6, 0, 6, 0, 6, 0}, 7);
}
END_TEST

START_TEST(clip_limits) {
    unary("Clip 5 f[-1] f[1]", x5, (const double[]){-1, -0.5, 0, 0.5, 1}, 5);
    unary("Clip 5 - f[1]", x5, (const double[]){-2, -0.5, 0, 0.5, 1}, 5);
    unary("Clip 5 f[-1]", x5, (const double[]){-1, -0.5, 0, 0.5, 2}, 5);
    unary("Clip 5", x5, x5, 5);
    unary("Clip 5 f[1] f[-1]", x5, (const double[]){-1, -1, -1, -1, -1}, 5);
    const double low = -1, high = 1;
    expect_reference("Clip 5 scalar scalar", IN(x5, &low, &high), 0,
                     (const double[]){-1, -0.5, 0, 0.5, 1}, 5, 0);
    const double bytes[] = {0, 100, 200, 255};
    expect_reference("Clip u8:4 u8:scalar[128] u8:scalar[250]", IN(bytes), 0,
                     (const double[]){128, 128, 200, 250}, 4, 0);
}
END_TEST

START_TEST(integers_of_one_input) {
    const double x[] = {-128, -1, 0, 127};
    expect_reference("Abs i8:4", IN(x), 0, (const double[]){-128, 1, 0, 127}, 4, 0);
    expect_reference("Neg i8:4", IN(x), 0, (const double[]){-128, 1, 0, -127}, 4, 0);
    expect_reference("Relu i8:4", IN(x), 0, (const double[]){0, 0, 0, 127}, 4, 0);
    expect_reference("Sign i8:4", IN(x), 0, (const double[]){-1, -1, 0, 1}, 4, 0);
    expect_reference("Sign u64:2[0,9e18]", IN(NULL), 0, (const double[]){0, 1}, 2, 0);
    expect_reference("Not bool:2", IN((const double[]){0, 1}), 0, (const double[]){1, 0}, 2, 0);
}
END_TEST

START_TEST(arithmetic) {
    const double a[] = {1, 2, 3, 4, 5, 6}, row[] = {10, 20, 30}, column[] = {2, 4};
    expect_reference("Add 2x3 3", IN(a, row), 0, (const double[]){11, 22, 33, 14, 25, 36}, 6, 0);
    expect_reference("Sub 3 2x3", IN(row, a), 0, (const double[]){9, 18, 27, 6, 15, 24}, 6, 0);
    expect_reference("Mul 2x3 2x1", IN(a, column), 0, (const double[]){2, 4, 6, 16, 20, 24}, 6, 0);
    expect_reference("Div 3 2x1", IN(row, column), 0, (const double[]){5, 10, 15, 2.5, 5, 7.5}, 6,
                     0);
    expect_reference("Pow 2x3 f[2]", IN(a), 0, (const double[]){1, 4, 9, 16, 25, 36}, 6, 0);
    expect_reference("PRelu 5 f[0.25]", IN(x5), 0, (const double[]){-0.5, -0.125, 0, 0.5, 2}, 5, 0);
    expect_reference("Add 5 5 activation=Relu", IN(x5, x5), 0, (const double[]){0, 0, 0, 1, 4}, 5,
                     0);
}
END_TEST

START_TEST(integer_arithmetic) {
    const double a[] = {-7, 7, -128, 100}, b[] = {2, -2, -1, 0};
    expect_reference("Div i8:4 i8:4", IN(a, b), 0, (const double[]){-3, -3, -128, 0}, 4, 0);
    expect_reference("Mul i8:4 i8:4", IN(a, b), 0, (const double[]){-14, -14, -128, 0}, 4, 0);
    expect_reference("Add i8:4 i8:scalar[100]", IN(a), 0, (const double[]){93, 107, -28, -56}, 4,
                     0);
    expect_reference("Sub u8:2 u8:scalar[10]", IN((const double[]){3, 30}), 0,
                     (const double[]){249, 20}, 2, 0);
    /* 1.5 * 2^63 / 2: as a signed number the dividend would be negative. */
    const double big[] = {13835058055282163712.0};
    const double minus = -4611686018427387904.0; /* the same bits, as fill takes them */
    expect_reference("Div u64:1 u64:scalar[2]", IN(&minus), 0,
                     (const double[]){6917529027641081856.0}, 1, 0);
    expect_reference("Max u64:1 u64:scalar[2]", IN(&minus), 0, big, 1, 0);
    expect_reference("Less u64:scalar[2] u64:1", IN(&minus), 0, (const double[]){1}, 1, 0);
    expect_reference("Less i64:scalar[2] i64:1", IN(&minus), 0, (const double[]){0}, 1, 0);
}
END_TEST

START_TEST(powers_of_mixed_types) {
    const double a[] = {1, 2, -3};
    expect_reference("Pow i32:3 i32:3", IN(a, ((const double[]){5, 10, 3})), 0,
                     (const double[]){1, 1024, -27}, 3, 0);
    expect_reference("Pow i32:3 i64:scalar[-1]", IN(a), 0, (const double[]){1, 0, 0}, 3, 0);
    expect_reference("Pow i64:3 f[0.5]", IN(a), 0, (const double[]){1, 1, 0}, 3, 0);
    expect_reference("Pow 3 i64:scalar[3]", IN(a), 0, (const double[]){1, 8, -27}, 3, 0);
}
END_TEST

START_TEST(comparisons_and_logic) {
    const double a[] = {1, 2, 3, NAN}, b[] = {2, 2, 2, 2};
    expect_reference("Less 4 4", IN(a, b), 0, (const double[]){1, 0, 0, 0}, 4, 0);
    expect_reference("LessOrEqual 4 f[2]", IN(a), 0, (const double[]){1, 1, 0, 0}, 4, 0);
    expect_reference("Greater 4 4", IN(a, b), 0, (const double[]){0, 0, 1, 0}, 4, 0);
    expect_reference("GreaterOrEqual 4 4", IN(a, b), 0, (const double[]){0, 1, 1, 0}, 4, 0);
    expect_reference("Equal 4 4", IN(a, b), 0, (const double[]){0, 1, 0, 0}, 4, 0);
    const double p[] = {0, 0, 1, 1}, q[] = {0, 1, 0, 1};
    expect_reference("And bool:4 bool:4", IN(p, q), 0, (const double[]){0, 0, 0, 1}, 4, 0);
    expect_reference("Or bool:4 bool:4", IN(p, q), 0, (const double[]){0, 1, 1, 1}, 4, 0);
    expect_reference("Xor bool:4 bool:4", IN(p, q), 0, (const double[]){0, 1, 1, 0}, 4, 0);
    expect_reference("Equal bool:2x1 bool:2", IN(q, q), 0, (const double[]){1, 0, 0, 1}, 4, 0);
}
END_TEST

START_TEST(many_inputs) {
    const double a[] = {1, 5, 3}, b[] = {4, 2, 6}, c = 3;
    expect_reference("Sum 3 3 scalar", IN(a, b, &c), 0, (const double[]){8, 10, 12}, 3, 0);
    expect_reference("Mean 3 3", IN(a, b), 0, (const double[]){2.5, 3.5, 4.5}, 3, 0);
    expect_reference("Min 3 3 scalar", IN(a, b, &c), 0, (const double[]){1, 2, 3}, 3, 0);
    expect_reference("Max 3", IN(a), 0, a, 3, 0);
    expect_reference("Sum 3x1 3", IN(a, b), 0, (const double[]){5, 3, 7, 9, 7, 11, 7, 5, 9}, 9, 0);
    expect_reference("Max u8:2 u8:2", IN(((const double[]){-1, 7}), ((const double[]){4, 9})), 0,
                     (const double[]){255, 9}, 2, 0);
}
END_TEST

START_TEST(where_chooses) {
    const double c[] = {1, 0, 1}, x[] = {1, 2, 3}, y[] = {7, 8};
    expect_reference("Where bool:3 3 2x1", IN(c, x, y), 0, (const double[]){1, 7, 3, 1, 8, 3}, 6,
                     0);
    expect_reference("Where bool:3 i64:3 i64:scalar[-4]", IN(c, x), 0, (const double[]){1, -4, 3},
                     3, 0);
}
END_TEST

START_TEST(shapes) {
    expect_shape("Relu 2x3x5", "2x3x5");
    expect_shape("Add 5x1x3 4x1", "5x4x3");
    expect_shape("Add scalar scalar", "scalar");
    expect_shape("Where bool:4x1 3 2x1x1", "2x4x3");
    expect_shape("Max 1x3 4x1 2x1x1", "2x4x3");
    expect_shape("PRelu 2x3x4 3x1", "2x3x4");
    expect_shape("Add 0x3 3", "0x3");
}
END_TEST

START_TEST(refusals) {
    expect_refused("Relu bool:2", FOVEA_INVALID);
    expect_refused("Exp i32:2", FOVEA_INVALID);
    expect_refused("Not 2", FOVEA_INVALID);
    expect_refused("Relu 2 2", FOVEA_INVALID);
    expect_refused("Relu -", FOVEA_INVALID);
    expect_refused("Add 2x3 2", FOVEA_INVALID);
    expect_refused("Add 2 i32:2", FOVEA_INVALID);
    expect_refused("Add 2", FOVEA_INVALID);
    expect_refused("And 2 2", FOVEA_INVALID);
    expect_refused("Less bool:2 bool:2", FOVEA_INVALID);
    expect_refused("PRelu 3 2x3", FOVEA_INVALID);
    expect_refused("Clip 3 2 -", FOVEA_INVALID);
    expect_refused("Clip 3 i32[2]", FOVEA_INVALID);
    expect_refused("Where 2 2 2", FOVEA_INVALID);
    expect_refused("Where bool:2 2 i32:2", FOVEA_INVALID);
    expect_refused("Gelu 2 approximate=erf", FOVEA_INVALID);
    expect_refused("Celu 2 alpha=0", FOVEA_INVALID);
    expect_refused("Max", FOVEA_INVALID);
    expect_refused("Max 2 -", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_elementwise");
    TCase *tests = tcase_create("elementwise");
    tcase_add_test(tests, activations);
    tcase_add_test(tests, functions);
    tcase_add_test(tests, limits_and_nan);
    tcase_add_test(tests, clip_limits);
    tcase_add_test(tests, integers_of_one_input);
    tcase_add_test(tests, arithmetic);
    tcase_add_test(tests, integer_arithmetic);
    tcase_add_test(tests, powers_of_mixed_types);
    tcase_add_test(tests, comparisons_and_logic);
    tcase_add_test(tests, many_inputs);
    tcase_add_test(tests, where_chooses);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
