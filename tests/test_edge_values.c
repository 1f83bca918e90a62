/* Functions at the edges of their ranges: overflow, cancellation, halves, signed zero, infinities and
 * NaN, on a device against the reference:
 *     test_edge_values DEVICE
 * Exit code 77: no such device. The expected values themselves are tested in test_reference_*.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fovea.h"

static size_t passed, failed;

/* Whole and half numbers, ranges of exp, tanh and erfc, where tanh forms cancel, and what is no number. */
static const float values[] = {
    -1000,  -300.5f, -100,   -88.5f,   -87,       -44,    -20,   -14,         -9.25f,     -7,
    -5.5f,  -4,      -3,     -2.999f,  -2.5f,     -2,     -1.5f, -1,          -0.5f,      -1e-3f,
    -1e-6f, -0.0f,   0,      1e-30f,   1e-6f,     1e-4f,  0.25f, 0.49999997f, 0.5f,       0.9999f,
    1,      1.0001f, 1.5f,   2,        2.5f,      2.999f, 3,     4.5f,        7,          9,
    14,     19.9f,   20.1f,  44,       87,        88.5f,  90,    1000,        8388607.5f, 1e10f,
    1e30f,  3e38f,   -3e38f, INFINITY, -INFINITY, NAN};
enum { COUNT = sizeof values / sizeof *values };

/* The sizes are COUNT and, for pairs, COUNT x 1 against COUNT. */
static const char *const unary[] = {"Relu",
                                    "LeakyRelu",
                                    "Elu",
                                    "Elu alpha=1.5",
                                    "Selu",
                                    "Celu alpha=0.75",
                                    "Sigmoid",
                                    "HardSigmoid",
                                    "HardSwish",
                                    "Mish",
                                    "Gelu",
                                    "Gelu approximate=tanh",
                                    "Tanh",
                                    "Softplus",
                                    "Softsign",
                                    "ThresholdedRelu alpha=0.5",
                                    "Sqrt",
                                    "Exp",
                                    "Log",
                                    "Abs",
                                    "Neg",
                                    "Reciprocal",
                                    "Floor",
                                    "Ceil",
                                    "Round",
                                    "Erf",
                                    "Sign",
                                    "Cast to=9",
                                    "Cast to=7",
                                    "Cast to=6",
                                    "Cast to=3",
                                    "Cast to=2",
                                    "Cast to=13",
                                    "Cast to=12",
                                    "ReduceMax",
                                    "ReduceMin",
                                    "ArgMax",
                                    "ArgMin",
                                    "ArgMax select_last_index=1",
                                    "Max",
                                    "Mean"};
static const char *const binary[] = {"Add",
                                     "Sub",
                                     "Mul",
                                     "Div",
                                     "Pow",
                                     "PRelu",
                                     "Min",
                                     "Max",
                                     "Equal",
                                     "Greater",
                                     "GreaterOrEqual",
                                     "Less",
                                     "LessOrEqual"};

static void complain(const char *line, const char *what) {
    failed++;
    printf("FAILED %s: %s\n", line, what);
}

static fovea_status write_input(fovea_plan *p, const char *name) {
    fovea_tensor *t;
    fovea_status status = fovea_plan_tensor(p, name, &t);
    return status == FOVEA_OK ? fovea_tensor_write(t, values, sizeof values) : status;
}

static void verify(fovea_plan *p, const char *line, bool two) {
    fovea_verdict v;
    char text[512];
    size_t count, wrong;
    if (write_input(p, "x0") != FOVEA_OK || (two && write_input(p, "x1") != FOVEA_OK) ||
        fovea_plan_verify(p, NULL, &v, 1, &count, &wrong) != FOVEA_OK) {
        complain(line, fovea_error());
        return;
    }
    if (wrong == 0) {
        passed++;
        return;
    }
    float a = values[two ? v.index / COUNT % COUNT : v.index % COUNT];
    snprintf(text, sizeof text, "%s for %.9g, %.9g: %.9g, expected %.9g, bound %.3g", v.reason,
             (double)a, two ? (double)values[v.index % COUNT] : NAN, v.got, v.expected, v.bound);
    complain(line, text);
}

/* "Elu alpha=2" becomes "Elu 56 alpha=2"; for pairs "Add 56x1 56". */
static void run(fovea_context *c, const char *op, bool two) {
    char line[256];
    fovea_graph *g;
    fovea_plan *p;
    fovea_plan_options o = {.no_rewrite = true, .guard = true};
    int name = (int)strcspn(op, " ");
    if (two) snprintf(line, sizeof line, "%.*s %dx1 %d%s", name, op, COUNT, COUNT, op + name);
    else snprintf(line, sizeof line, "%.*s %d%s", name, op, COUNT, op + name);
    if (strncmp(op, "PRelu", 5) == 0) snprintf(line, sizeof line, "PRelu %d %d", COUNT, COUNT);
    if (fovea_graph_from_problem(&g, line) != FOVEA_OK) {
        complain(line, fovea_error());
        return;
    }
    if (fovea_plan_create(&p, c, g, &o) != FOVEA_OK) complain(line, fovea_error());
    else verify(p, line, two);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}

/* The padding of a Conv is zeros, data like any other: times a weight that is not finite it is no number. A
 * ConvTranspose has no padding. */
static const struct convolution {
    const char *line;
    size_t x, w; /* elements */
    const char *algorithms[5];
} convolutions[] = {
    {"Conv 1x17x9x15 20x17x3x3 20 pads=1,1,1,1",
     17 * 9 * 15,
     20 * 17 * 9,
     {"conv_strip", "conv_blocked", "conv_im2col_gemm", "conv_direct"}},
    {"Conv 1x17x9x31 20x17x5x5 20 pads=2,2,2,2 strides=2,2",
     17 * 9 * 31,
     20 * 17 * 25,
     {"conv_strip", "conv_blocked", "conv_im2col_gemm", "conv_direct"}},
    {"ConvTranspose 1x17x9x15 17x20x3x3 20 pads=1,1,1,1",
     17 * 9 * 15,
     17 * 20 * 9,
     {"conv_strip", "conv_transpose_direct"}},
};

/* The first of all weights is infinite, the last one no number: corners of two filters. */
static fovea_status write_convolution(fovea_plan *p, const struct convolution *v) {
    static float x[17 * 9 * 31], w[20 * 17 * 25];
    fovea_tensor *input, *weights;
    for (size_t i = 0; i < v->x; i++) x[i] = (float)(i % 7) - 2.5f;
    for (size_t i = 0; i < v->w; i++) w[i] = (float)(i % 5) - 1.75f;
    w[0] = INFINITY;
    w[v->w - 1] = NAN;
    fovea_status status = fovea_plan_tensor(p, "x0", &input);
    if (status == FOVEA_OK) status = fovea_tensor_write(input, x, v->x * sizeof *x);
    if (status == FOVEA_OK) status = fovea_plan_tensor(p, "x1", &weights);
    return status == FOVEA_OK ? fovea_tensor_write(weights, w, v->w * sizeof *w) : status;
}

/* The verdicts of all steps: the convolution and the conversions of layout around it. */
static void convolve(fovea_context *c, const struct convolution *v, const char *algorithm) {
    fovea_plan_options o = {.algorithm = algorithm, .no_rewrite = true, .guard = true};
    fovea_graph *g = NULL;
    fovea_plan *p = NULL;
    fovea_verdict verdicts[8];
    size_t count = 0, wrong;
    if (fovea_graph_from_problem(&g, v->line) != FOVEA_OK ||
        fovea_plan_create(&p, c, g, &o) != FOVEA_OK || write_convolution(p, v) != FOVEA_OK ||
        fovea_plan_verify(p, NULL, verdicts, 8, &count, &wrong) != FOVEA_OK)
        complain(v->line, fovea_error());
    for (size_t i = 0; i < count && i < 8; i++) {
        if (verdicts[i].right) passed++;
        else {
            printf("%s: %g, expected %g\n", algorithm, verdicts[i].got, verdicts[i].expected);
            complain(v->line, verdicts[i].reason);
        }
    }
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}

int main(int argc, char **argv) {
    enum { LINES = sizeof convolutions / sizeof *convolutions };
    fovea_context *c;
    if (argc != 2) return 2;
    if (fovea_context_create(&c, argv[1], NULL) != FOVEA_OK) {
        printf("skipped: %s\n", fovea_error());
        return 77;
    }
    for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) run(c, unary[i], false);
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++) run(c, binary[i], true);
    for (size_t i = 0; i < LINES; i++)
        for (size_t j = 0; convolutions[i].algorithms[j]; j++)
            convolve(c, &convolutions[i], convolutions[i].algorithms[j]);
    fovea_context_destroy(c);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || !passed;
}
