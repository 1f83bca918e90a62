/* Softmax, losses and dropout on the reference. "Recorded" values come from onnxruntime. */
#include "harness.h"

#include <math.h>
#include <string.h>

#define INPUTS(...) ((const double *const[]){__VA_ARGS__})
#define LIST(...)   ((const double[]){__VA_ARGS__})

/* (7 i mod 11 - 5) / 2 */
static double x[64];

START_TEST(softmax) {
    /* Recorded: along the middle axis; with the old meaning; by hand: far apart, a scalar. */
    expect_reference("Softmax 2x3x2 axis=1", INPUTS(x), 0,
                     LIST(0.039112572, 0.17973411, 0.17529039, 0.80551237, 0.78559703, 0.014753474,
                          0.90875989, 0.17973411, 0.016644519, 0.80551237, 0.074595556,
                          0.014753474),
                     12, 1e-6);
    expect_reference("Softmax 2x3x2 axis=1 coerce=1", INPUTS(x), 0,
                     LIST(0.0047661234, 0.15783234, 0.021360284, 0.70735544, 0.095730148,
                          0.012955667, 0.53955603, 0.073020965, 0.0098823132, 0.32725728,
                          0.044289455, 0.0059939264),
                     12, 1e-6);
    expect_reference("Softmax 3", INPUTS(LIST(1000, -INFINITY, 1000)), 0, LIST(0.5, 0, 0.5), 3, 0);
    expect_reference("Softmax 2", INPUTS(LIST(1, NAN)), 0, LIST(NAN, NAN), 2, 0);
    expect_reference("Softmax scalar", INPUTS(LIST(-7)), 0, LIST(1), 1, 0);
}
END_TEST

START_TEST(log_softmax) {
    expect_reference("LogSoftmax 2x3x2 axis=0", INPUTS(x), 0,
                     LIST(-4.5110478, -0.31326166, -0.31326166, -0.31326166, -0.31326166,
                          -0.31326166, -0.011047743, -1.3132616, -1.3132616, -1.3132616, -1.3132616,
                          -1.3132616),
                     12, 1e-6);
    expect_reference("LogSoftmax 2", INPUTS(LIST(0, -10000)), 0, LIST(0, -10000), 2, 0);
}
END_TEST

START_TEST(hardmax) {
    expect_reference("Hardmax 2x3x2 axis=2", INPUTS(x), 0, LIST(0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0),
                     12, 0);
    expect_reference("Hardmax 4", INPUTS(LIST(1, 3, 3, 2)), 0, LIST(0, 1, 0, 0), 4, 0);
    expect_reference("Hardmax 2x2x2 axis=1 coerce=1", INPUTS(LIST(1, 2, 9, 0, 4, 3, 2, 1)), 0,
                     LIST(0, 0, 1, 0, 1, 0, 0, 0), 8, 0);
}
END_TEST

START_TEST(cross_entropy) {
    /* Recorded. */
    const char *line = "SoftmaxCrossEntropyLoss 2x3x2 i64:2x2 3 ignore_index=2 -> 2";
    const double *const in[] = {x, LIST(0, 2, 1, 1), LIST(0.5, 2, 1)};
    expect_reference(line, in, 0, LIST(2.2765684), 1, 1e-6);
    expect_reference(line, in, 1,
                     LIST(-3.2413113, -1.7162768, -1.7413113, -0.21627675, -0.24131133, -4.2162766,
                          -0.095674373, -1.7162768, -4.0956745, -0.21627675, -2.5956743,
                          -4.2162766),
                     12, 1e-6);
    expect_reference("SoftmaxCrossEntropyLoss 2x3x2 i32:2x2 reduction=none", in, 0,
                     LIST(3.2413113, 4.2162766, 4.0956745, 0.21627675), 4, 1e-6);
}
END_TEST

START_TEST(nll_loss) {
    const double *const in[] = {x, LIST(0, 2, 1), LIST(0.5, 2, 1)};
    /* Recorded. */
    expect_reference("NegativeLogLikelihoodLoss 3x3 i64:3 3 reduction=sum", in, 0, LIST(2.75), 1,
                     0);
    /* By hand: -(0.5 x[0] + 1 x[5] + 2 x[7]) / 3.5 = 2.75 / 3.5 */
    expect_reference("NegativeLogLikelihoodLoss 3x3 i64:3 3", in, 0, LIST(2.75 / 3.5), 1, 1e-15);
    expect_reference("NegativeLogLikelihoodLoss 3x3 i64:3 reduction=none ignore_index=2", in, 0,
                     LIST(2.5, 0, -0.0), 3, 0);
    /* Nothing is left to average. */
    expect_reference("NegativeLogLikelihoodLoss 1x3 i64:1 ignore_index=9", INPUTS(x, LIST(9)), 0,
                     LIST(NAN), 1, 0);
}
END_TEST

static void expect_bad_label(const char *line, int64_t label) {
    fovea_graph *g;
    float scores[3] = {0}, loss;
    fovea_desc s = {FOVEA_FLOAT32, 2, {1, 3}}, l = {FOVEA_INT64, 1, {1}},
               o = {FOVEA_FLOAT32, 0, {0}};
    struct reference_in in[] = {{.desc = s, .data = scores}, {.desc = l, .data = &label}};
    struct reference_out out = {.desc = o, .data = &loss};
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    struct reference_call c = {&g->nodes[0], in, 2, &out, 1};
    ck_assert_int_eq(reference_run(&c), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "label"));
    fovea_graph_destroy(g);
}

START_TEST(labels_out_of_range) {
    expect_bad_label("NegativeLogLikelihoodLoss 1x3 i64:1", 3);
    expect_bad_label("NegativeLogLikelihoodLoss 1x3 i64:1 ignore_index=5", -1);
    expect_bad_label("SoftmaxCrossEntropyLoss 1x3 i64:1", INT64_MIN);
}
END_TEST

/* Known answers of Philox4x32-10 with counter 0 and key 0 (Random123's kat_vectors):
 * 6627e8d5 e169c58d bc57ac4c 9b00dbd8, that is 0.399, 0.881, 0.736, 0.606 of 2^32. */
START_TEST(dropout) {
    const double *const in[] = {LIST(1, 2, 3, 4)};
    const char *train = "Dropout 4 f[0.5] bool[1] -> 2";
    expect_reference("Dropout 4 -> 2", in, 0, LIST(1, 2, 3, 4), 4, 0);
    expect_reference("Dropout 4 f[0.9] -> 2", in, 1, LIST(1, 1, 1, 1), 4, 0);
    expect_reference("Dropout 4 f[0] bool[1]", in, 0, LIST(1, 2, 3, 4), 4, 0);
    expect_reference(train, in, 0, LIST(0, 4, 6, 8), 4, 0);
    expect_reference(train, in, 1, LIST(0, 1, 1, 1), 4, 0);
    expect_reference("Dropout 4 f[0.75] bool[1]", in, 0, LIST(0, 8, 0, 0), 4, 0);
    expect_reference("Dropout 4 - bool[1]", in, 0, LIST(0, 4, 6, 8), 4, 0);
    expect_reference("Dropout 4 f[0.90625] bool[0]", in, 0, LIST(1, 2, 3, 4), 4, 0);
    /* Counter 2^32 + 7: 0.549, 0.567, 0.895, 0.271; -1: 0.838, 0.507, 0.231, 0.325. */
    expect_reference("Dropout 4 f[0.5625] bool[1] i64:scalar[4294967303] -> 2", in, 1,
                     LIST(0, 1, 1, 0), 4, 0);
    expect_reference("Dropout 4 f[0.3125] bool[1] i64:scalar[-1] -> 2", in, 1, LIST(1, 1, 0, 1), 4,
                     0);
}
END_TEST

START_TEST(refusals) {
    expect_refused("Softmax 2x3 axis=2", FOVEA_INVALID);
    expect_refused("Softmax i32:2x3", FOVEA_INVALID);
    expect_refused("Softmax 2 2", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x3", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x3 2", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x0 i64:2", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x3 i64:3", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x3x4 i64:2x3", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x3 i64:2 2", FOVEA_INVALID);
    expect_refused("SoftmaxCrossEntropyLoss 2x3 i64:2 reduction=product", FOVEA_INVALID);
    expect_refused("NegativeLogLikelihoodLoss 2x3 i64:2 -> 2", FOVEA_INVALID);
    expect_refused("NegativeLogLikelihoodLoss 3 i64:3", FOVEA_INVALID);
    expect_refused("Dropout 4 f[1] bool[1]", FOVEA_INVALID);
    expect_refused("Dropout 4 f[-0.5] bool[1]", FOVEA_INVALID);
    expect_refused("Dropout 4 f:2[0.5,0.5] bool[1]", FOVEA_INVALID);
    expect_refused("Dropout 4 f[0.5] f[1]", FOVEA_INVALID);
    expect_refused("Dropout 4 f[0.5] bool[1] i32:1", FOVEA_INVALID);
    expect_refused("Dropout 4 f[0.5] bool[1] i64:2", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference_softmax");
    TCase *tests = tcase_create("reference_softmax");
    for (int i = 0; i < 64; i++) x[i] = (7 * i % 11 - 5) / 2.0;
    tcase_add_test(tests, softmax);
    tcase_add_test(tests, log_softmax);
    tcase_add_test(tests, hardmax);
    tcase_add_test(tests, cross_entropy);
    tcase_add_test(tests, nll_loss);
    tcase_add_test(tests, labels_out_of_range);
    tcase_add_test(tests, dropout);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
