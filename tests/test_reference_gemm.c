/* Matrix products on the reference. Numbers said to be recorded are from onnxruntime 1.20 with the same
 * inputs; the others were worked out by hand. Small integers, so they must be equal. */
#include "harness.h"

enum { MOST = 64 };

/* i * factor mod modulus - offset: small integers without a pattern. */
static const double *numbers(double *out, size_t count, int factor, int modulus, int offset) {
    ck_assert(count <= MOST);
    for (size_t i = 0; i < count; i++) out[i] = (double)((int)i * factor % modulus - offset);
    return out;
}

START_TEST(gemm_by_hand) {
    const double a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 2, 0, 1, 3}, c[] = {10, 20, 30};
    const double y[] = {11, 22, 38, 13, 24, 48, 15, 26, 58};
    const double *contents[] = {a, b, c};
    expect_reference("Gemm 3x2 2x3 3", contents, 0, y, 9, 0);
    /* A (2, 3) times B (3, 2) transposed twice over, alpha 0.5, no C: rows 1 2 3 and 4 5 6 */
    const double columns[] = {1, 4, 2, 5, 3, 6}, *turned[] = {columns, b};
    const double products[] = {3.5, 5.5, 8, 11.5};
    expect_reference("Gemm 3x2 2x3 transA=1 transB=1 alpha=0.5", turned, 0, products, 4, 0);
}
END_TEST

START_TEST(gemm_recorded) {
    double a[MOST], b[MOST], c[MOST];
    const double y[] = {1.5, -1.5, 2.5, -0.5, 4, 6, -9.5, -7.5};
    const double *contents[] = {numbers(a, 6, 7, 11, 5), numbers(b, 12, 5, 7, 3),
                                numbers(c, 2, 3, 5, 2)};
    expect_reference("Gemm 3x2 4x3 2x1 transA=1 transB=1 alpha=0.5 beta=2", contents, 0, y, 8, 0);
}
END_TEST

START_TEST(gemm_broadcasts_its_bias) {
    const double a[] = {1, 2}, b[] = {3, 4}, scalar[] = {100}, column[] = {10, 20},
                 row[] = {10, 20};
    const double *with_scalar[] = {a, b, scalar}, *with_column[] = {a, b, column},
                 *with_row[] = {a, b, row};
    const double y_scalar[] = {103, 104, 106, 108}, y_column[] = {13, 14, 26, 28},
                 y_row[] = {13, 24, 16, 28};
    expect_reference("Gemm 2x1 1x2 scalar", with_scalar, 0, y_scalar, 4, 0);
    expect_reference("Gemm 2x1 1x2 1x1", with_scalar, 0, y_scalar, 4, 0);
    expect_reference("Gemm 2x1 1x2 2x1", with_column, 0, y_column, 4, 0);
    expect_reference("Gemm 2x1 1x2 1x2", with_row, 0, y_row, 4, 0);
    expect_reference("Gemm i32:2x1 i32:1x2 i32:2", with_row, 0, y_row, 4, 0);
}
END_TEST

START_TEST(long_sums_cross_panels) {
    /* 1 * 1 + 2 * 1 + ... = k (k + 1) / 2 for k past a panel's rows, in columns past a panel's width. */
    static double a[1030], b[1030 * 18], y[18];
    for (int i = 0; i < 1030; i++) a[i] = i + 1;
    for (int i = 0; i < 1030 * 18; i++) b[i] = 1;
    for (int j = 0; j < 18; j++) y[j] = 1030.0 * 1031 / 2;
    const double *contents[] = {a, b};
    expect_reference("Gemm 1x1030 1030x18", contents, 0, y, 18, 0);
    expect_reference("Gemm 1x1030 18x1030 transB=1", contents, 0, y, 18, 0);
    expect_reference("Gemm 1030x1 18x1030 transA=1 transB=1", contents, 0, y, 18, 0);
}
END_TEST

START_TEST(empty_sums_are_zero) {
    const double c[] = {5, 6}, zeros[] = {0, 0, 0, 0}, y[] = {5, 6, 5, 6}, *contents[] = {c, c, c};
    expect_reference("Gemm 2x0 0x2 2", contents, 0, y, 4, 0);
    expect_reference("MatMul 2x0 0x2", contents, 0, zeros, 4, 0);
    expect_shape("MatMul 0x3x4 4x5", "0x3x5");
}
END_TEST

START_TEST(matmul_broadcasts) {
    double a[MOST], b[MOST];
    const double *contents[] = {numbers(a, 12, 7, 11, 5), numbers(b, 12, 5, 7, 3)};
    /* Recorded. */
    const double y[] = {9, -16, -24, 5, 13, 9, 3, -24, -24, 4, -24, 3, 4, -24, 5, -24};
    const double vector[] = {9, -16, 13, 9};
    expect_reference("MatMul 2x1x2x3 2x3x2", contents, 0, y, 16, 0);
    expect_reference("MatMul f64:2x1x2x3 f64:2x3x2", contents, 0, y, 16, 0);
    expect_reference("MatMul i64:2x1x2x3 i64:2x3x2", contents, 0, y, 16, 0);
    expect_reference("MatMul 3 2x3x2", contents, 0, vector, 4, 0);
    expect_shape("MatMul 3 3", "scalar");
    expect_shape("MatMul 2x5x3 3", "2x5");
    expect_shape("MatMul 3 7x3x4", "7x4");
    expect_shape("MatMul 2x1x5x3 7x3x4", "2x7x5x4");
}
END_TEST

START_TEST(integer_products) {
    double a[MOST], b[MOST];
    const double *contents[] = {numbers(a, 6, 7, 11, 0), numbers(b, 6, 5, 7, 3)};
    const double y[] = {11, -19, -30, 18}; /* recorded */
    expect_reference("MatMulInteger u8:2x3 i8:3x2 u8[4] i8:2[1,-2]", contents, 0, y, 4, 0);
    /* By hand: rows of A centred with 1 and 2: (0 1) and (1 2); times the identity. */
    const double rows[] = {1, 2, 3, 4}, identity[] = {1, 0, 0, 1}, centred[] = {0, 1, 1, 2};
    const double *by_hand[] = {rows, identity};
    expect_reference("MatMulInteger u8:2x2 u8:2x2 u8:2[1,2]", by_hand, 0, centred, 4, 0);
}
END_TEST

START_TEST(quantised_products) {
    /* The ONNX standard's own test, uint8 with float32 and float16 scales. */
    const double a[] = {208, 236, 0, 238, 3, 214, 255, 29};
    const double b[] = {152, 51, 244, 60, 26, 255, 0, 127, 246, 127, 254, 247};
    const double y[] = {168, 115, 255, 1, 66, 151}, *contents[] = {a, b};
    expect_reference(
        "QLinearMatMul u8:2x4 f:1[0.0066] u8[113] u8:4x3 f:1[0.00705] u8[114] f:1[0.0107] u8[118]",
        contents, 0, y, 6, 0);
    expect_reference("QLinearMatMul u8:2x4 f16:1[0.0066] u8[113] u8:4x3 f16:1[0.00705] u8[114] "
                     "f16:1[0.0107] u8[118]",
                     contents, 0, y, 6, 0);
    /* By hand: 0.5 and 1.5 round to even; both ends saturate. */
    const double small[] = {1, 3, 255}, one[] = {1}, rounded[] = {0, 2, 127},
                 *halves[] = {small, one};
    expect_reference("QLinearMatMul u8:3x1 f[0.5] u8[0] u8:1x1 f[1] u8[0] f[1] i8[0]", halves, 0,
                     rounded, 3, 0);
}
END_TEST

START_TEST(bad_products_are_refused) {
    expect_refused("Gemm 2x3 2x3", FOVEA_INVALID);
    expect_refused("Gemm 2x3x4 4x2", FOVEA_INVALID);
    expect_refused("Gemm 2x3 3x4 5", FOVEA_INVALID);
    expect_refused("Gemm 2x3 3x4 1x2x4", FOVEA_INVALID);
    expect_refused("Gemm 1x3 3x4 2x4", FOVEA_INVALID);
    expect_refused("Gemm 2x3 f16:3x4", FOVEA_INVALID);
    expect_refused("Gemm 2x3 3x4 i32:4", FOVEA_INVALID);
    expect_refused("Gemm u8:2x3 u8:3x4", FOVEA_UNSUPPORTED);
    expect_refused("MatMul scalar 3", FOVEA_INVALID);
    expect_refused("MatMul 3 4", FOVEA_INVALID);
    expect_refused("MatMul 2x5x3 3x3x4", FOVEA_INVALID);
    expect_refused("MatMul 2x5x3", FOVEA_INVALID);
    expect_refused("MatMulInteger 2x3 u8:3x2", FOVEA_INVALID);
    expect_refused("MatMulInteger u8:2x3 u8:3x2 i8[1]", FOVEA_INVALID);
    expect_refused("MatMulInteger u8:2x3 u8:3x2 u8:3[1,2,3]", FOVEA_INVALID);
    expect_refused("QLinearMatMul u8:2x3 f[1] u8[0] u8:3x2 f[1] u8[0] f[1]", FOVEA_INVALID);
    expect_refused("QLinearMatMul u8:2x3 i32[1] u8[0] u8:3x2 f[1] u8[0] f[1] u8[0]", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_gemm");
    TCase *tests = tcase_create("gemm");
    tcase_add_test(tests, gemm_by_hand);
    tcase_add_test(tests, gemm_recorded);
    tcase_add_test(tests, gemm_broadcasts_its_bias);
    tcase_add_test(tests, long_sums_cross_panels);
    tcase_add_test(tests, empty_sums_are_zero);
    tcase_add_test(tests, matmul_broadcasts);
    tcase_add_test(tests, integer_products);
    tcase_add_test(tests, quantised_products);
    tcase_add_test(tests, bad_products_are_refused);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
