/* Gradients where finite differences cannot look: at ties, at zeros and at kinks, as PyTorch gives them; and
 * what has none. */
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "fovea_train.h"

enum { MOST = 16, INPUTS_MOST = 2 };

/* The gradient of the sum of output 0 with respect to run-time input `input` of the line; all inputs get the
 * numbers of `in`. */
static void expect_gradient(const char *line, const float *const *in, size_t input,
                            const float *want, size_t count) {
    fovea_graph *g;
    fovea_context *context;
    fovea_plan *plan;
    fovea_tensor *t;
    fovea_value x[INPUTS_MOST], y, sum, grads[INPUTS_MOST];
    float got[MOST];
    size_t n = 0;
    fovea_attribute drop = {.name = "keepdims", .type = FOVEA_ATTRIBUTE_INT};
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    for (; n < g->n_inputs && n < INPUTS_MOST; n++) x[n] = g->inputs[n];
    y = g->outputs[0];
    ck_assert_int_eq(fovea_graph_op(g, "ReduceSum", "sum", &y, 1, &drop, 1, &sum, 1), FOVEA_OK);
    ck_assert_msg(fovea_graph_gradient(g, sum, x, n, grads) == FOVEA_OK, "%s: %s", line,
                  fovea_error());
    ck_assert_int_eq(fovea_graph_name(g, grads[input], "grad"), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_output(g, grads[input]), FOVEA_OK);
    ck_assert_int_eq(fovea_context_create(&context, "reference", NULL), FOVEA_OK);
    ck_assert_msg(fovea_plan_create(&plan, context, g, NULL) == FOVEA_OK, "%s", fovea_error());
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(fovea_plan_tensor(plan, g->values[x[i]].name, &t), FOVEA_OK);
        size_t bytes = (size_t)fovea_desc_elements(fovea_tensor_desc(t)) * sizeof(float);
        ck_assert_int_eq(fovea_tensor_write(t, in[i], bytes), FOVEA_OK);
    }
    ck_assert_int_eq(fovea_plan_run(plan), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_tensor(plan, "grad", &t), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_read(t, got, count * sizeof *got), FOVEA_OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(got[i] == want[i], "%s: element %zu is %g, expected %g", line, i,
                      (double)got[i], (double)want[i]);
    fovea_plan_destroy(plan);
    fovea_context_destroy(context);
    fovea_graph_destroy(g);
}

#define FLOATS(...) ((const float[]){__VA_ARGS__})
#define IN(...)     ((const float *const[]){__VA_ARGS__})

START_TEST(ties_share) {
    const float *const two[] = {FLOATS(1, 2, 3), FLOATS(1, 0, 3)};
    expect_gradient("Max 3 3", two, 0, FLOATS(0.5f, 1, 0.5f), 3);
    expect_gradient("Max 3 3", two, 1, FLOATS(0.5f, 0, 0.5f), 3);
    expect_gradient("Min 3 3", two, 1, FLOATS(0.5f, 1, 0.5f), 3);
    expect_gradient("ReduceMax 4", IN(FLOATS(1, 3, 3, 0)), 0, FLOATS(0, 0.5f, 0.5f, 0), 4);
    expect_gradient("ReduceMin 2x2 i64[1] keepdims=0", IN(FLOATS(1, 1, 3, 2)), 0,
                    FLOATS(0.5f, 0.5f, 0, 1), 4);
}
END_TEST

START_TEST(zeros) {
    expect_gradient("ReduceProd 4", IN(FLOATS(2, 5, 3, 4)), 0, FLOATS(60, 24, 40, 30), 4);
    expect_gradient("ReduceProd 4", IN(FLOATS(2, 0, 3, 4)), 0, FLOATS(0, 24, 0, 0), 4);
    expect_gradient("ReduceProd 4", IN(FLOATS(2, 0, 3, 0)), 0, FLOATS(0, 0, 0, 0), 4);
    expect_gradient("ReduceL2 3", IN(FLOATS(0, 0, 0)), 0, FLOATS(0, 0, 0), 3);
    expect_gradient("ReduceL1 3", IN(FLOATS(0, -2, 2)), 0, FLOATS(0, -1, 1), 3);
    expect_gradient("Pow 4 f:4[0,2,1,3]", IN(FLOATS(0, 0, 0, 2)), 0, FLOATS(0, 0, 1, 12), 4);
    expect_gradient("Pow 3 3", IN(FLOATS(0, 0, 1), FLOATS(2, 0, 5)), 1, FLOATS(0, 0, 0), 3);
    expect_gradient("Abs 3", IN(FLOATS(0, -2, 2)), 0, FLOATS(0, -1, 1), 3);
    expect_gradient("PRelu 3 f[0.25]", IN(FLOATS(0, -2, 2)), 0, FLOATS(0.25f, 0.25f, 1), 3);
}
END_TEST

START_TEST(clip) {
    const float *const limits[] = {FLOATS(1), FLOATS(-1)};
    expect_gradient("Clip 4 f[-1] f[2]", IN(FLOATS(-1, 2, -1.5f, 1.5f)), 0, FLOATS(0, 0, 0, 1), 4);
    /* Limits that cross: the upper one is the result. */
    expect_gradient("Clip f:3[0,2,-2] scalar scalar", limits, 1, FLOATS(3), 1);
    expect_gradient("Clip f:3[0,2,-2] scalar scalar", limits, 0, FLOATS(0), 1);
}
END_TEST

/* One maximum of a window takes all: the first in the order of memory, of a global pool too (PyTorch's
 * adaptive_max_pool; its amax shares instead). */
START_TEST(the_first_maximum_takes_all) {
    const float *const x[] = {FLOATS(1, 3, 3, 0)};
    expect_gradient("MaxPool 1x1x4 kernel_shape=3", x, 0, FLOATS(0, 2, 0, 0), 4);
    expect_gradient("MaxPool 1x1x2x2 kernel_shape=2,2 storage_order=1", x, 0, FLOATS(0, 1, 0, 0),
                    4);
    expect_gradient("GlobalMaxPool 1x1x2x2", x, 0, FLOATS(0, 1, 0, 0), 4);
    expect_gradient("LpPool 1x1x4 kernel_shape=2 strides=2", IN(FLOATS(0, 0, 3, 4)), 0,
                    FLOATS(0, 0, 0.6f, 0.8f), 4);
}
END_TEST

/* Every padding mode's places are asked once for each element that shows there. */
START_TEST(padding) {
    const float *const x[] = {FLOATS(1, 2, 3)};
    expect_gradient("Pad 3 i64[2,1] mode=reflect", x, 0, FLOATS(1, 3, 2), 3);
    expect_gradient("Pad 3 i64[2,1] mode=edge", x, 0, FLOATS(3, 1, 2), 3);
    expect_gradient("Pad 3 i64[2,1] mode=wrap", x, 0, FLOATS(2, 2, 2), 3);
    expect_gradient("Slice 3 i64[2] i64[-9] i64[0] i64[-2]", x, 0, FLOATS(1, 0, 1), 3);
    expect_gradient("Gather 3 i64[2,2,-3]", x, 0, FLOATS(1, 0, 2), 3);
}
END_TEST

static void expect_none(const char *line, const char *sentence) {
    fovea_graph *g;
    fovea_value grad;
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    ck_assert_int_eq(fovea_graph_gradient(g, g->outputs[0], g->inputs, 1, &grad),
                     FOVEA_UNSUPPORTED);
    ck_assert_msg(strstr(fovea_error(), sentence), "%s", fovea_error());
    fovea_graph_destroy(g);
}

START_TEST(what_has_no_gradient_is_named) {
    expect_none("UnaryGrad 3 f:3[1,2,3] function=Relu", "UnaryGrad node 'UnaryGrad'");
}
END_TEST

START_TEST(gathered_shapes) {
    expect_shape("GatherGrad 2x4x3 i64:4 axis=1 size=5", "2x5x3");
    expect_shape("GatherGrad 2x4x6x3 i64:4x6 axis=1 size=5", "2x5x3");
    expect_shape("GatherGrad 2x3 i64:scalar axis=1 size=5", "2x5x3");
    expect_refused("GatherGrad 2x4x3 i64:5 axis=1 size=5", FOVEA_INVALID);
    expect_refused("GatherGrad 2x4x3 i64:4 axis=3 size=5", FOVEA_INVALID);
    expect_refused("GatherGrad 2x4x3 i64:4 axis=1", FOVEA_INVALID);
    expect_refused("GatherGrad 2x4x3 4 axis=1 size=5", FOVEA_INVALID);
}
END_TEST

/* Appends the gradient of the line's output 0 with respect to its first input of floats. */
static fovea_status differentiate(fovea_graph *g) {
    fovea_value y = g->outputs[0], x = g->inputs[0], sum, grad;
    if (g->values[x].desc.dtype != FOVEA_FLOAT32) x = g->inputs[1];
    TRY(fovea_graph_op(g, "ReduceSum", "sum", &y, 1, NULL, 0, &sum, 1));
    return fovea_graph_gradient(g, sum, &x, 1, &grad);
}

START_TEST(every_allocation_fails_once) {
    static const char *const lines[] = {
        "LeakyRelu 5 alpha=0.5",
        "PRelu 2x3 3",
        "Clip 5 scalar scalar",
        "Div 2x3 3",
        "Pow 2x3 3",
        "Max 2x3 3 2x3",
        "Mean 2x3 3",
        "Where bool:2x3 2x3 3",
        "LogSoftmax 2x3",
        "SoftmaxCrossEntropyLoss 2x3 i64:2 3 label_smoothing=0.1 -> 2",
        "Dropout 5 f[0.5] bool[1] i64:scalar",
        "ReduceProd 2x3 i64[1]",
        "ReduceMax 2x3",
        "TopK 2x5 i64[2] -> 2",
        "Concat 2x3 2x1 axis=1",
        "Split 2x6 axis=1 -> 2",
        "Slice 8x9 i64[1,7] i64[7,0] i64[0,1] i64[2,-2]",
        "Pad 4x5 i64[2,0,1,0] mode=reflect",
        "Pad 4x5 i64[2,0,1,0] scalar",
        "Transpose 2x3",
        "Tile 2x3 i64[2,2]",
        "DepthToSpace 1x8x2x3 blocksize=2 mode=CRD",
        "Resize 1x1x3x4 - f:4[1,1,2,1.5] mode=linear",
    };
    size_t refused = 0;
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
        for (size_t n = 1, left = 0; left == 0; n++) {
            fovea_graph *g;
            ck_assert_msg(fovea_graph_from_problem(&g, lines[k]) == FOVEA_OK, "%s", fovea_error());
            mem_fail_after(n);
            fovea_status status = differentiate(g);
            left = mem_fail_left();
            mem_fail_after(0);
            ck_assert_msg(left > 0 || status == FOVEA_NO_MEMORY, "%s, allocation %zu: %s (%s)",
                          lines[k], n, fovea_status_name(status), fovea_error());
            ck_assert_msg(left == 0 || status == FOVEA_OK, "%s: %s", lines[k], fovea_error());
            ck_assert_msg(left > 0 || strstr(fovea_error(), "out of memory"),
                          "%s, allocation %zu: %s", lines[k], n, fovea_error());
            refused += left == 0;
            fovea_graph_destroy(g);
        }
    ck_assert_uint_gt(refused, 500);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("gradient rules");
    TCase *tests = tcase_create("gradient rules");
    tcase_add_test(tests, ties_share);
    tcase_add_test(tests, zeros);
    tcase_add_test(tests, clip);
    tcase_add_test(tests, the_first_maximum_takes_all);
    tcase_add_test(tests, padding);
    tcase_add_test(tests, what_has_no_gradient_is_named);
    tcase_add_test(tests, gathered_shapes);
    tcase_add_test(tests, every_allocation_fails_once);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
