/* Conversions and linear quantisation on the reference: values worked out by hand. */
#include "harness.h"

#include <math.h>

#define IN(...)  ((const double *const[]){__VA_ARGS__})
#define COUNT(a) (sizeof(a) / sizeof *(a))

START_TEST(floats_to_integers) {
    const double x[] = {-1.9, 1.9, 300, -300.5, NAN, 1e30};
    expect_reference("Cast 6 to=7", IN(x), 0,
                     (const double[]){-1, 1, 300, -300, 0, 9223372036854775807.0}, 6, 0);
    expect_reference("Cast 6 to=6", IN(x), 0, (const double[]){-1, 1, 300, -300, 0, -1}, 6, 0);
    expect_reference("Cast 6 to=3", IN(x), 0, (const double[]){-1, 1, 44, -44, 0, -1}, 6, 0);
    expect_reference("Cast 6 to=2", IN(x), 0, (const double[]){255, 1, 44, 212, 0, 255}, 6, 0);
    expect_reference("Cast 6 to=9", IN(x), 0, (const double[]){1, 1, 1, 1, 1, 1}, 6, 0);
    const double nearly[] = {0, -0.0, 0.25};
    expect_reference("Cast 3 to=9", IN(nearly), 0, (const double[]){0, 0, 1}, 3, 0);
    const double big[] = {13835058055282163712.0, 1e20}; /* 1.5 * 2^63, above 2^64 */
    expect_reference("Cast f64:2 to=13", IN(big), 0,
                     (const double[]){13835058055282163712.0, 0x1p64}, 2, 0);
}
END_TEST

START_TEST(integers_to_floats) {
    const double x[] = {16777217, -16777219}; /* 2^24 + 1 is a tie, to even; 2^24 + 3 */
    expect_reference("Cast i32:2 to=1", IN(x), 0, (const double[]){16777216, -16777220}, 2, 0);
    expect_reference("Cast i32:2 to=11", IN(x), 0, x, 2, 0);
    const double top = -1; /* all bits set: 2^64 - 1, which rounds up */
    expect_reference("Cast u64:1 to=1", IN(&top), 0, (const double[]){0x1p64}, 1, 0);
    expect_reference("Cast i64:1 to=1", IN(&top), 0, &top, 1, 0);
    expect_reference("Cast u8:1 to=1", IN(&top), 0, (const double[]){255}, 1, 0);
    expect_reference("Cast u4:2[7,15] to=1", IN(NULL), 0, (const double[]){7, 15}, 2, 0);
    expect_reference("Cast i4:2[-8,7] to=3", IN(NULL), 0, (const double[]){-8, 7}, 2, 0);
}
END_TEST

START_TEST(integers_wrap) {
    const double x[] = {-9, 8, 255, 65537};
    expect_reference("Cast i64:4 to=2", IN(x), 0, (const double[]){247, 8, 255, 1}, 4, 0);
    expect_reference("Cast i64:4 to=5", IN(x), 0, (const double[]){-9, 8, 255, 1}, 4, 0);
    expect_reference("Cast 4 to=22", IN(x), 0, (const double[]){7, -8, -1, 1}, 4, 0);
    expect_reference("Cast i64:4 to=21", IN(x), 0, (const double[]){7, 8, 15, 1}, 4, 0);
    expect_reference("CastLike i64:4 u8:2", IN(x, x), 0, (const double[]){247, 8, 255, 1}, 4, 0);
    expect_reference("Cast bool:2[0,1] to=7", IN(NULL), 0, (const double[]){0, 1}, 2, 0);
}
END_TEST

START_TEST(quantize_rounds_and_saturates) {
    const double x[] = {0, 1, 3, 5, -1, -3, 1000, -1000, NAN};
    expect_reference("QuantizeLinear 9 f[2] u8:scalar[128]", IN(x), 0,
                     (const double[]){128, 128, 130, 130, 128, 126, 255, 0, 128}, 9, 0);
    expect_reference("QuantizeLinear 9 f[2] i8:scalar[0]", IN(x), 0,
                     (const double[]){0, 0, 2, 2, 0, -2, 127, -128, 0}, 9, 0);
    expect_reference("QuantizeLinear 9 f[2]", IN(x), 0,
                     (const double[]){0, 0, 2, 2, 0, 0, 255, 0, 0}, 9, 0);
    expect_reference("QuantizeLinear 9 f[2] output_dtype=5", IN(x), 0,
                     (const double[]){0, 0, 2, 2, 0, -2, 500, -500, 0}, 9, 0);
    expect_reference("QuantizeLinear 9 f[2] i4:scalar[1]", IN(x), 0,
                     (const double[]){1, 1, 3, 3, 1, -1, 7, -8, 1}, 9, 0);
    expect_reference("QuantizeLinear 9 f[2] u4:scalar[1]", IN(x), 0,
                     (const double[]){1, 1, 3, 3, 1, 0, 15, 0, 1}, 9, 0);
}
END_TEST

START_TEST(quantize_by_axis_and_block) {
    const double x[] = {2, 4, 6, 8, 10, 12, 14, 16}; /* 2x4 */
    expect_reference("QuantizeLinear 2x4 f:2[1,2] u8:2[0,100] axis=0", IN(x), 0,
                     (const double[]){2, 4, 6, 8, 105, 106, 107, 108}, 8, 0);
    expect_reference("QuantizeLinear 2x4 f:4[1,2,2,4]", IN(x), 0,
                     (const double[]){2, 2, 3, 2, 10, 6, 7, 4}, 8, 0);
    expect_reference("QuantizeLinear 2x4 f:2x2[1,2,2,4] axis=1 block_size=2", IN(x), 0,
                     (const double[]){2, 4, 3, 4, 5, 6, 4, 4}, 8, 0); /* 14/4 is a tie */
    expect_reference("QuantizeLinear 2x4 f:1x4[1,2,2,4] axis=-2 block_size=3", IN(x), 0,
                     (const double[]){2, 2, 3, 2, 10, 6, 7, 4}, 8, 0);
}
END_TEST

START_TEST(dequantize) {
    const double x[] = {0, 3, 128, 255};
    expect_reference("DequantizeLinear u8:4 f[2] u8:scalar[128]", IN(x), 0,
                     (const double[]){-256, -250, 0, 254}, 4, 0);
    expect_reference("DequantizeLinear i8:4 f[0.5]", IN(x), 0, (const double[]){0, 1.5, -64, -0.5},
                     4, 0);
    expect_reference("DequantizeLinear u8:2x2 f:2[1,10] u8:2[1,2]", IN(x), 0,
                     (const double[]){-1, 10, 127, 2530}, 4, 0);
    expect_reference("DequantizeLinear i32:4 f16:scalar[0.25]", IN(x), 0,
                     (const double[]){0, 0.75, 32, 63.75}, 4, 0);
    expect_reference("DequantizeLinear i4:4[-8,-1,0,7] f:2[1,2] axis=0 block_size=2", IN(NULL), 0,
                     (const double[]){-8, -1, 0, 14}, 4, 0);
    expect_reference("DequantizeLinear u8:4 f:1[2] u8:1[128]", IN(x), 0,
                     (const double[]){-256, -250, 0, 254}, 4, 0);
}
END_TEST

/* The range -2.5..4 with zero inside onto 0..255: scale 6.5/255, zero round(2.5/scale) = 98. */
START_TEST(dynamic_quantize) {
    const double x[] = {0, 4, -2.5, 1};
    const char *line = "DynamicQuantizeLinear 4 -> 3";
    expect_reference(line, IN(x), 0, (const double[]){98, 255, 0, 137}, 4, 0);
    expect_reference(line, IN(x), 1, (const double[]){6.5 / 255}, 1, 1e-7);
    expect_reference(line, IN(x), 2, (const double[]){98}, 1, 0);
    const double above[] = {1, 2, 3, 5.1};
    expect_reference(line, IN(above), 0, (const double[]){50, 100, 150, 255}, 4, 0);
    expect_reference(line, IN(above), 2, (const double[]){0}, 1, 0);
    const double zeros[] = {0, 0, 0, 0};
    expect_reference(line, IN(zeros), 0, zeros, 4, 0);
}
END_TEST

START_TEST(shapes_and_refusals) {
    expect_shape("Cast 2x3 to=7", "2x3");
    expect_shape("DynamicQuantizeLinear 2x3 -> 3", "2x3");
    expect_refused("Cast 2", FOVEA_UNSUPPORTED);
    expect_refused("Cast 2 to=8", FOVEA_UNSUPPORTED); /* string */
    expect_refused("Cast 2 to=17", FOVEA_UNSUPPORTED);
    expect_refused("QuantizeLinear 2x3 2", FOVEA_INVALID);
    expect_refused("QuantizeLinear 2x3 3 u8:2", FOVEA_INVALID);
    expect_refused("QuantizeLinear 2x3 3 axis=2", FOVEA_INVALID);
    expect_refused("QuantizeLinear 2x3 f[1] i32:scalar[0]", FOVEA_UNSUPPORTED);
    expect_refused("QuantizeLinear 2x3 f[1] u8:scalar[0] output_dtype=3", FOVEA_INVALID);
    expect_refused("QuantizeLinear 2x4 2x3 block_size=2", FOVEA_INVALID);
    expect_refused("QuantizeLinear 2x4 2x3 block_size=-2", FOVEA_INVALID);
    expect_refused("QuantizeLinear 2x3 i32:scalar[1]", FOVEA_INVALID);
    expect_refused("DequantizeLinear 2 f[1]", FOVEA_UNSUPPORTED);
    expect_refused("DequantizeLinear u8:2 f[1] i8:scalar[1]", FOVEA_INVALID);
    expect_refused("DynamicQuantizeLinear f16:2 -> 3", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_cast");
    TCase *tests = tcase_create("cast");
    tcase_add_test(tests, floats_to_integers);
    tcase_add_test(tests, integers_to_floats);
    tcase_add_test(tests, integers_wrap);
    tcase_add_test(tests, quantize_rounds_and_saturates);
    tcase_add_test(tests, quantize_by_axis_and_block);
    tcase_add_test(tests, dequantize);
    tcase_add_test(tests, dynamic_quantize);
    tcase_add_test(tests, shapes_and_refusals);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
