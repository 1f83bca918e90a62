/* Losses appended to a graph, and slopes at kinks. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fovea_train.h"

#define INPUTS(...) ((const double *const[]){__VA_ARGS__})
#define LIST(...)   ((const double[]){__VA_ARGS__})

enum { MOST = 12 };

/* A loss on four items of three scores (or whatever the shape says), with its gradient, on the reference. */
struct check {
    fovea_loss kind;
    fovea_desc scores, targets;
    const void *targets_data;
    fovea_loss_options options;
    float x[MOST], loss, grad[MOST];
};

static void run(struct check *c) {
    fovea_graph *g;
    fovea_context *context;
    fovea_plan *plan;
    fovea_tensor *t;
    fovea_value scores, targets, loss, grad;
    size_t bytes = (size_t)fovea_desc_elements(&c->scores) * sizeof(float);
    ck_assert_int_eq(fovea_graph_create(&g), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_input(g, "scores", &c->scores, &scores), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_constant(g, "targets", &c->targets, c->targets_data, &targets),
                     FOVEA_OK);
    ck_assert_msg(fovea_graph_loss(g, "loss", c->kind, scores, targets, &c->options, &loss) ==
                      FOVEA_OK,
                  "%s", fovea_error());
    ck_assert_msg(fovea_graph_gradient(g, loss, &scores, 1, &grad) == FOVEA_OK, "%s",
                  fovea_error());
    ck_assert_int_eq(fovea_graph_name(g, loss, "y"), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_name(g, grad, "dx"), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_output(g, loss), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_output(g, grad), FOVEA_OK);
    ck_assert_int_eq(fovea_context_create(&context, "reference", NULL), FOVEA_OK);
    ck_assert_msg(fovea_plan_create(&plan, context, g, NULL) == FOVEA_OK, "%s", fovea_error());
    ck_assert_int_eq(fovea_plan_tensor(plan, "scores", &t), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_write(t, c->x, bytes), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_run(plan), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_tensor(plan, "y", &t), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_read(t, &c->loss, sizeof c->loss), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_tensor(plan, "dx", &t), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_read(t, c->grad, bytes), FOVEA_OK);
    fovea_plan_destroy(plan);
    fovea_context_destroy(context);
    fovea_graph_destroy(g);
}

START_TEST(cross_entropy) {
    const int64_t labels[] = {0, 2, 1, 1};
    const float weights[] = {0.5f, 2, 1};
    struct check c = {.kind = FOVEA_LOSS_CROSS_ENTROPY,
                      .scores = {FOVEA_FLOAT32, 2, {4, 3}},
                      .targets = {FOVEA_INT64, 1, {4}},
                      .targets_data = labels,
                      .options = {0.1f, weights, 3}};
    for (int i = 0; i < MOST; i++) c.x[i] = (float)((7 * i % 11 - 5) / 2.0);
    run(&c);
    ck_assert_double_eq_tol((double)c.loss, 2.560003524, 1e-6); /* the definition, computed apart */
    c.options = (fovea_loss_options){0};
    run(&c);
    for (int i = 0; i < 4; i++) { /* the gradient of a softmax sums to nothing */
        ck_assert_double_eq_tol((double)(c.grad[3 * i] + c.grad[3 * i + 1] + c.grad[3 * i + 2]), 0,
                                1e-7);
        ck_assert(c.grad[3 * i + labels[i]] < 0);
    }
}
END_TEST

START_TEST(mean_squared) {
    const float targets[] = {1, 0, -1, 2};
    struct check c = {.kind = FOVEA_LOSS_MEAN_SQUARED,
                      .scores = {FOVEA_FLOAT32, 2, {2, 2}},
                      .targets = {FOVEA_FLOAT32, 2, {2, 2}},
                      .targets_data = targets,
                      .x = {0, 3, -1, 4}};
    run(&c);
    ck_assert(c.loss == 3.5f); /* (1 + 9 + 0 + 4) / 4 */
    ck_assert(c.grad[0] == -0.5f && c.grad[1] == 1.5f && c.grad[2] == 0 && c.grad[3] == 1);
}
END_TEST

/* Sure and right: next to nothing, not a difference of large numbers. Sure and wrong: as much as sure. */
START_TEST(binary) {
    const float targets[] = {1, 1, 0, 0.25f};
    struct check c = {.kind = FOVEA_LOSS_BINARY,
                      .scores = {FOVEA_FLOAT32, 1, {4}},
                      .targets = {FOVEA_FLOAT32, 1, {4}},
                      .targets_data = targets,
                      .x = {30, -200, -30, 0}};
    run(&c);
    ck_assert_double_eq_tol((double)c.loss, (200 + 0.693147180559945 + 2 * exp(-30)) / 4, 1e-5);
    ck_assert_double_eq_tol((double)c.grad[0] * 4, -exp(-30), 1e-18);
    ck_assert_double_eq_tol((double)c.grad[1] * 4, -1, 1e-6);
    ck_assert_double_eq_tol((double)c.grad[2] * 4, exp(-30), 1e-18);
    ck_assert_double_eq_tol((double)c.grad[3] * 4, 0.25, 1e-6);
}
END_TEST

START_TEST(hinge) {
    const float targets[] = {1, 1, -1, -1};
    struct check c = {.kind = FOVEA_LOSS_HINGE,
                      .scores = {FOVEA_FLOAT32, 1, {4}},
                      .targets = {FOVEA_FLOAT32, 1, {4}},
                      .targets_data = targets,
                      .x = {2, 0.5f, -3, 1}};
    run(&c);
    ck_assert(c.loss == 0.625f); /* (0 + 0.5 + 0 + 2) / 4 */
    ck_assert(c.grad[0] == 0 && c.grad[1] == -0.25f && c.grad[2] == 0 && c.grad[3] == 0.25f);
}
END_TEST

static void refused(fovea_loss kind, fovea_dtype type, int64_t items, float smoothing,
                    const char *sentence) {
    fovea_graph *g;
    fovea_value scores, targets, loss;
    fovea_desc x = {FOVEA_FLOAT32, 2, {4, 3}}, t = {type, 1, {items}};
    fovea_loss_options o = {.label_smoothing = smoothing};
    ck_assert_int_eq(fovea_graph_create(&g), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_input(g, "scores", &x, &scores), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_input(g, "targets", &t, &targets), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_loss(g, "loss", kind, scores, targets, &o, &loss), FOVEA_INVALID);
    ck_assert_msg(strstr(fovea_error(), sentence), "%s", fovea_error());
    ck_assert_uint_eq(loss, FOVEA_NO_VALUE);
    fovea_graph_destroy(g);
}

START_TEST(misuse_is_refused) {
    refused(FOVEA_LOSS_CROSS_ENTROPY, FOVEA_INT64, 5, 0, "labels of shape 5");
    refused(FOVEA_LOSS_CROSS_ENTROPY, FOVEA_FLOAT32, 4, 0, "int32 or int64");
    refused(FOVEA_LOSS_CROSS_ENTROPY, FOVEA_INT64, 4, 1, "label smoothing of 1");
    refused(FOVEA_LOSS_CROSS_ENTROPY, FOVEA_INT64, 4, NAN, "label smoothing of");
    refused(FOVEA_LOSS_MEAN_SQUARED, FOVEA_FLOAT32, 4, 0, "targets of shape 4");
    refused(FOVEA_LOSS_HINGE, FOVEA_FLOAT32, 4, 0.1f, "cross-entropy's alone");
    refused((fovea_loss)9, FOVEA_INT64, 4, 0, "no loss 9");
}
END_TEST

/* What ONNX cannot say is not written. */
START_TEST(label_smoothing_is_not_stored) {
    fovea_graph *g;
    ck_assert_int_eq(
        fovea_graph_from_problem(&g, "SoftmaxCrossEntropyLoss 4x3 i64:4 label_smoothing=0.1"),
        FOVEA_OK);
    ck_assert_int_eq(fovea_graph_store_onnx(g, "smoothing.onnx"), FOVEA_UNSUPPORTED);
    ck_assert_msg(strstr(fovea_error(), "label smoothing"), "%s", fovea_error());
    ck_assert_int_ne(remove("smoothing.onnx"), 0);
    fovea_graph_destroy(g);
}
END_TEST

/* At a kink, PyTorch's answer. */
START_TEST(kinks) {
    const double *ones = LIST(1, 1, 1, 1), *zeros = LIST(0, -0.0, 1e-9, -1e-9);
    expect_reference("UnaryGrad 4 4 function=Relu", INPUTS(ones, zeros), 0, LIST(0, 0, 1, 0), 4, 0);
    expect_reference("UnaryGrad 4 - 4 function=Relu", INPUTS(ones, zeros), 0, LIST(0, 0, 1, 0), 4,
                     0);
    expect_reference("UnaryGrad 4 4 function=LeakyRelu alpha=0.25", INPUTS(ones, zeros), 0,
                     LIST(0.25, 0.25, 1, 0.25), 4, 0);
    expect_reference("UnaryGrad 4 4 function=Abs", INPUTS(ones, zeros), 0, LIST(0, 0, 1, -1), 4, 0);
    expect_reference("UnaryGrad 4 4 function=Clip alpha=-1 beta=2",
                     INPUTS(ones, LIST(-1, 2, -1.5, 1.5)), 0, LIST(0, 0, 0, 1), 4, 0);
    expect_reference("UnaryGrad 4 4 function=HardSwish", INPUTS(ones, LIST(-3, 3, -3.5, 3.5)), 0,
                     LIST(0, 1, 0, 1), 4, 1e-12);
    expect_reference("UnaryGrad 4 - 4 function=HardSigmoid alpha=0.25",
                     INPUTS(ones, LIST(0, 1, 0.5, 0.25)), 0, LIST(0, 0, 0.25, 0.25), 4, 0);
    expect_reference("UnaryGrad 2 - 2 function=Relu", INPUTS(LIST(INFINITY, NAN), LIST(0, 0)), 0,
                     LIST(0, 0), 2, 0);
}
END_TEST

START_TEST(slopes_want_one_source) {
    expect_refused("UnaryGrad 4 4 4 function=Relu", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 function=Relu", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 4 function=Sigmoid", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 - 4 function=Abs", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 - 4 function=LeakyRelu alpha=-1", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 4 function=Conv", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 5 function=Relu", FOVEA_INVALID);
    expect_refused("UnaryGrad 4 - 4 1 function=Relu", FOVEA_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loss");
    TCase *tests = tcase_create("loss");
    tcase_add_test(tests, cross_entropy);
    tcase_add_test(tests, mean_squared);
    tcase_add_test(tests, binary);
    tcase_add_test(tests, hinge);
    tcase_add_test(tests, misuse_is_refused);
    tcase_add_test(tests, label_smoothing_is_not_stored);
    tcase_add_test(tests, kinks);
    tcase_add_test(tests, slopes_want_one_source);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
