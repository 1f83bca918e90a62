/* A plan of a training graph: test_training_plan DEVICE. What gradients read must not be fused away, what they do
 * not read must be; every step is right in the layout it got; and fusion, layouts and the order of sums change the
 * gradients by rounding alone. Exit code 77: no such device. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fovea_train.h"

#define WANT(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            failed++;                                                                              \
            printf("FAILED line %d: ", __LINE__);                                                  \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)
#define OK(call) WANT((call) == FOVEA_OK, "%s", fovea_error())

static int failed;

enum { WEIGHTS = 6, BATCH = 2, CLASSES = 5 };

struct network {
    fovea_graph *graph;
    fovea_value weights[WEIGHTS], grads[WEIGHTS];
    size_t n_weights;
};

static fovea_value weights(struct network *n, const char *name, fovea_desc d) {
    fovea_value v;
    OK(fovea_graph_input(n->graph, name, &d, &v));
    return n->weights[n->n_weights++] = v;
}

static fovea_value conv(struct network *n, const char *name, fovea_value x, int64_t from,
                        int64_t to) {
    fovea_window same = {.pads = {1, 1, 1, 1}};
    fovea_value y, w = weights(n, name, (fovea_desc){FOVEA_FLOAT32, 4, {to, from, 3, 3}});
    OK(fovea_graph_conv(n->graph, name, x, w, FOVEA_NO_VALUE, &same, &y));
    return y;
}

/* y = Dropout(x) with a counter that comes with each run. */
static fovea_value dropout(struct network *n, fovea_value x) {
    float ratio = 0.25f;
    unsigned char training = 1;
    fovea_desc number = {FOVEA_FLOAT32, 0, {0}}, flag = {FOVEA_BOOL, 0, {0}};
    fovea_desc count = {FOVEA_INT64, 0, {0}};
    fovea_value in[4] = {x}, y;
    OK(fovea_graph_constant(n->graph, "ratio", &number, &ratio, &in[1]));
    OK(fovea_graph_constant(n->graph, "training", &flag, &training, &in[2]));
    OK(fovea_graph_input(n->graph, "counter", &count, &in[3]));
    OK(fovea_graph_op(n->graph, "Dropout", "dropout", in, 4, NULL, 0, &y, 1));
    return y;
}

/* Batch normalisation with the statistics of the batch. */
static fovea_value batch_norm(struct network *n, fovea_value x, int64_t channels) {
    static const float ones[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, zeros[64];
    fovea_desc d = {FOVEA_FLOAT32, 1, {channels}};
    fovea_attribute training = {.name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    fovea_value in[5] = {x}, y;
    OK(fovea_graph_constant(n->graph, "scale", &d, ones, &in[1]));
    OK(fovea_graph_constant(n->graph, "shift", &d, zeros, &in[2]));
    in[3] = in[2];
    in[4] = in[1];
    OK(fovea_graph_op(n->graph, "BatchNormalization", "norm", in, 5, &training, 1, &y, 1));
    return y;
}

/* Two convolutions with a residual around the second, one with channels that fill no block; every kind of
 * activation that is read from x or from y; dropout; batch
 * normalisation; a dense layer; cross-entropy. */
static void build(struct network *n) {
    fovea_desc image = {FOVEA_FLOAT32, 4, {BATCH, 3, 12, 12}}, labels = {FOVEA_INT64, 1, {BATCH}};
    fovea_value x, target, y, first, pooled, scores, loss;
    fovea_window half = {.kernel = {2, 2}, .stride = {2, 2}};
    OK(fovea_graph_create(&n->graph));
    fovea_graph *g = n->graph;
    OK(fovea_graph_input(g, "x", &image, &x));
    OK(fovea_graph_input(g, "target", &labels, &target));
    OK(fovea_graph_unary(g, "Relu", "relu1", conv(n, "conv1", x, 3, 16), &first));
    OK(fovea_graph_binary(g, "Add", "add", conv(n, "conv2", first, 16, 16), first, &y));
    OK(fovea_graph_unary(g, "Relu", "relu2", y, &y));
    y = dropout(n, y);
    y = batch_norm(n, conv(n, "conv3", y, 16, 13), 13);
    OK(fovea_graph_unary(g, "LeakyRelu", "leaky", y, &y));
    OK(fovea_graph_unary(g, "Sigmoid", "sigmoid", conv(n, "conv4", y, 13, 13), &y));
    OK(fovea_graph_max_pool(g, "pool", y, &half, &y));
    OK(fovea_graph_unary(g, "Gelu", "gelu", conv(n, "conv5", y, 13, 16), &y));
    OK(fovea_graph_unary(g, "GlobalAveragePool", "mean", y, &pooled));
    OK(fovea_graph_unary(g, "Flatten", "flat", pooled, &pooled));
    fovea_value w = weights(n, "dense", (fovea_desc){FOVEA_FLOAT32, 2, {16, CLASSES}});
    OK(fovea_graph_binary(g, "MatMul", "scores", pooled, w, &scores));
    OK(fovea_graph_loss(g, "loss", FOVEA_LOSS_CROSS_ENTROPY, scores, target, NULL, &loss));
    OK(fovea_graph_gradient(g, loss, n->weights, n->n_weights, n->grads));
    for (size_t i = 0; i < n->n_weights; i++) {
        char name[32];
        snprintf(name, sizeof name, "grad%zu", i);
        OK(fovea_graph_name(g, n->grads[i], name));
        OK(fovea_graph_output(g, n->grads[i]));
    }
}

/* Numbers of about 1 / sqrt(fan in), the same for every plan. */
static void fill(fovea_plan *p, const char *name, float size) {
    static float data[16384];
    fovea_tensor *t;
    uint32_t bits = 12345;
    OK(fovea_plan_tensor(p, name, &t));
    size_t count = (size_t)fovea_desc_elements(fovea_tensor_desc(t));
    for (size_t i = 0; i < count && count <= sizeof data / sizeof *data; i++) {
        bits = bits * 1664525 + 1013904223;
        data[i] = size * ((float)(bits >> 8) * 0x1p-23f - 1);
    }
    OK(fovea_tensor_write(t, data, count * sizeof *data));
}

static void write_inputs(fovea_plan *p, int64_t counter) {
    static const char *const names[] = {"conv1", "conv2", "conv3", "conv4", "conv5", "dense"};
    const int64_t labels[BATCH] = {3, 1};
    fovea_tensor *t;
    fill(p, "x", 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) fill(p, names[i], 0.25f);
    OK(fovea_plan_tensor(p, "target", &t));
    OK(fovea_tensor_write(t, labels, sizeof labels));
    OK(fovea_plan_tensor(p, "counter", &t));
    OK(fovea_tensor_write(t, &counter, sizeof counter));
}

/* The gradients of the weights of `n`, one behind the other; gives how many numbers. */
static size_t gradients(fovea_context *c, const struct network *n, bool rewrite, int64_t counter,
                        float *out) {
    fovea_plan_options o = {.no_rewrite = !rewrite};
    fovea_plan *p;
    size_t count = 0;
    if (fovea_plan_create(&p, c, n->graph, &o) != FOVEA_OK) {
        WANT(false, "%s", fovea_error());
        return 0;
    }
    write_inputs(p, counter);
    OK(fovea_plan_run(p));
    for (size_t i = 0; i < n->n_weights; i++) {
        char name[32];
        fovea_tensor *t;
        snprintf(name, sizeof name, "grad%zu", i);
        OK(fovea_plan_tensor(p, name, &t));
        size_t elements = (size_t)fovea_desc_elements(fovea_tensor_desc(t));
        OK(fovea_tensor_read(t, out + count, elements * sizeof *out));
        count += elements;
    }
    fovea_plan_destroy(p);
    return count;
}

static double difference(const float *a, const float *b, size_t count) {
    double off = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        off += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return size > 0 ? sqrt(off / size) : INFINITY;
}

/* Plans differ by rounding alone, steps of training in what is dropped. */
static void compare(fovea_context *c, fovea_context *reference, const struct network *n) {
    static float plain[32768], fused[32768], truth[32768], next[32768];
    size_t count = gradients(reference, n, false, 1, truth);
    WANT(gradients(c, n, false, 1, plain) == count && count > 0, "gradients are missing");
    WANT(gradients(c, n, true, 1, fused) == count, "gradients are missing");
    WANT(gradients(c, n, true, 2, next) == count, "gradients are missing");
    WANT(difference(plain, truth, count) < 1e-5, "without rewriting the gradients are off by %g",
         difference(plain, truth, count));
    WANT(difference(fused, truth, count) < 1e-5, "with rewriting the gradients are off by %g",
         difference(fused, truth, count));
    WANT(difference(next, fused, count) > 1e-3, "the next step drops the same elements");
}

/* Every step on the inputs that the device gave it. */
static void verify(fovea_plan *p, bool exact) {
    static fovea_verdict verdicts[256];
    fovea_verify_options o = {.fill = true, .seed = 3, .exact = exact};
    size_t count = 0, wrong = 0;
    OK(fovea_plan_verify(p, &o, verdicts, 256, &count, &wrong));
    for (size_t i = 0; i < count && i < 256; i++)
        WANT(verdicts[i].right, "%s %s [%s]: %s, got %g, expected %g", verdicts[i].node,
             verdicts[i].problem, verdicts[i].algorithm, verdicts[i].reason, verdicts[i].got,
             verdicts[i].expected);
    WANT(count > 30, "only %zu steps", count);
}

/* The problem of the step with this node name and operator; "" if there is none. */
static const char *problem_of(const fovea_plan *p, const char *node, const char *op) {
    fovea_step_info s;
    for (size_t i = 0; fovea_plan_step(p, i, &s) == FOVEA_OK; i++)
        if (strcmp(s.node, node) == 0 && strcmp(s.op, op) == 0) return s.problem;
    return "";
}

static size_t count_steps(const fovea_plan *p, const char *op) {
    fovea_step_info s;
    size_t count = 0;
    for (size_t i = 0; fovea_plan_step(p, i, &s) == FOVEA_OK; i++) count += strcmp(s.op, op) == 0;
    return count;
}

static void inspect(const fovea_plan *p) {
    fovea_step_info s;
    WANT(strstr(problem_of(p, "conv1", "Conv"), "activation=Relu"), "conv1 has no Relu in it: %s",
         problem_of(p, "conv1", "Conv"));
    WANT(strstr(problem_of(p, "conv2", "Conv"), "16x16x3x3 - 2x16x12x12"),
         "conv2 has no residual in it: %s", problem_of(p, "conv2", "Conv"));
    WANT(strstr(problem_of(p, "conv2", "Conv"), "activation=Relu"), "conv2 has no Relu in it: %s",
         problem_of(p, "conv2", "Conv"));
    WANT(strstr(problem_of(p, "norm", "BatchNormalization"), "activation=LeakyRelu"),
         "norm has no LeakyRelu in it: %s", problem_of(p, "norm", "BatchNormalization"));
    WANT(count_steps(p, "BatchNormalizationGrad") == 1, "the way back of norm is missing");
    WANT(strstr(problem_of(p, "relu1.grad", "UnaryGrad"), "- 2x16x12x12 2x16x12x12"),
         "relu1.grad adds no second gradient: %s", problem_of(p, "relu1.grad", "UnaryGrad"));
    WANT(count_steps(p, "Relu") == 0, "a Relu is left");
    WANT(count_steps(p, "UnaryGrad") == 5, "%zu slopes", count_steps(p, "UnaryGrad"));
    WANT(count_steps(p, "Dropout") == 2, "%zu dropouts", count_steps(p, "Dropout"));
    for (size_t i = 0; fovea_plan_step(p, i, &s) == FOVEA_OK; i++)
        WANT(strcmp(s.algorithm, "reference") != 0, "%s runs on the reference: %s", s.problem,
             s.refusals);
}

int main(int argc, char **argv) {
    struct network n = {0};
    fovea_context *c, *reference;
    fovea_plan *p;
    fovea_plan_options o = {.guard = true};
    if (argc < 2) return 2;
    if (fovea_context_create(&c, argv[1], NULL) != FOVEA_OK) {
        printf("skipped: %s\n", fovea_error());
        return 77;
    }
    OK(fovea_context_create(&reference, "reference", NULL));
    build(&n);
    if (failed) return 1;
    compare(c, reference, &n);
    OK(fovea_plan_create(&p, c, n.graph, &o));
    if (failed) return 1;
    if (strcmp(argv[1], "reference") != 0) inspect(p);
    verify(p, false);
    verify(p, true);
    fovea_plan_destroy(p);
    fovea_graph_destroy(n.graph);
    fovea_context_destroy(c);
    fovea_context_destroy(reference);
    printf("%s\n", failed ? "wrong" : "right");
    return failed != 0;
}
