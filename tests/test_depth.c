/* Scales do not die with depth: the root mean square of each layer's activations, and of its weights' gradients
 * as a share of the weights, in VGG16 and ResNet-152 as they begin. Limits follow from how He et al. 2015 derive
 * their weights; weights as of 2012 (normal, 0.01) must miss them. On the device of $FOVEA_DEVICE or the
 * fastest. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "fovea_trainer.h"

enum { BATCH = 4, CLASSES = 10, SIDE_MAX = 64, CHANNELS = 3, LAYERS_MAX = 256 };

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s: %s", #call, fovea_error())

static fovea_context *context;
static float pixels[BATCH * CHANNELS * SIDE_MAX * SIDE_MAX];
static const int64_t labels[BATCH] = {3, 1, 4, 5};

/* What was seen of one network. */
struct scales {
    double activation[LAYERS_MAX]; /* behind each Relu: root mean square */
    size_t n_activations;
    double gradient
        [LAYERS_MAX]; /* of each layer's weights: norm of the gradient / norm of the weights */
    double product[LAYERS_MAX]; /* sum of weight times gradient */
    size_t n_gradients;
};

static double norm(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static double dot(const float *x, const float *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

/* ---- Activations ---- */

/* A copy whose outputs are those of each Relu, with normalisation as in training. */
static fovea_graph *open_up(const fovea_graph *g) {
    fovea_attribute training = {.name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    fovea_graph *copy;
    OK(graph_copy(&copy, g));
    for (size_t k = 0; k < copy->n_nodes; k++) {
        struct node *n = &copy->nodes[k];
        if (n->op == OP_BatchNormalization) OK(node_attr_set(n, &training));
        if (n->op == OP_Relu) OK(fovea_graph_output(copy, n->out[0]));
    }
    return copy;
}

static void see_activations(const fovea_graph *g, int64_t side, struct scales *s) {
    fovea_graph *copy = open_up(g);
    fovea_binding bind = {"input", {FOVEA_FLOAT32, 4, {BATCH, CHANNELS, side, side}}, NULL};
    fovea_plan_options o = {.bindings = &bind, .n_bindings = 1};
    fovea_plan *plan;
    fovea_tensor *tensor;
    OK(fovea_plan_create(&plan, context, copy, &o));
    OK(fovea_plan_tensor(plan, "input", &tensor));
    OK(fovea_tensor_write(tensor, pixels, desc_bytes(&bind.desc)));
    OK(fovea_plan_run(plan));
    for (size_t i = 1; i < copy->n_outputs; i++) { /* 0: of the Softmax */
        OK(fovea_plan_tensor(plan, copy->values[copy->outputs[i]].name, &tensor));
        size_t n = (size_t)fovea_desc_elements(fovea_tensor_desc(tensor));
        float *x = malloc(n * sizeof *x);
        OK(fovea_tensor_read(tensor, x, n * sizeof *x));
        ck_assert_uint_lt(s->n_activations, LAYERS_MAX);
        s->activation[s->n_activations++] = norm(x, n) / sqrt((double)n);
        free(x);
    }
    fovea_plan_destroy(plan);
    fovea_graph_destroy(copy);
}

/* ---- Gradients ---- */

/* Of the weights of each Conv and Gemm, in their order. */
static void see_gradient(fovea_trainer *t, const struct value *weights, struct scales *s) {
    size_t bytes = desc_bytes(&weights->desc), n = bytes / sizeof(float);
    float *w = malloc(bytes), *dw = malloc(bytes);
    OK(fovea_trainer_read(t, weights->name, w, bytes));
    OK(fovea_trainer_read_gradient(t, weights->name, dw, bytes));
    ck_assert_uint_lt(s->n_gradients, LAYERS_MAX);
    s->gradient[s->n_gradients] = norm(dw, n) / norm(w, n);
    s->product[s->n_gradients++] = dot(w, dw, n);
    free(w);
    free(dw);
}

static void see_gradients(const fovea_graph *g, struct scales *s) {
    fovea_train_options o = {.batch = BATCH, .keep_gradients = true};
    fovea_batch b = {.x = pixels, .labels = labels, .lambda = 1, .count = BATCH};
    fovea_trainer *t;
    OK(fovea_trainer_create(&t, context, g, &o));
    OK(fovea_trainer_step(t, &b, 0, NULL)); /* the rate 0: weights stay */
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        if (n->op == OP_Conv || n->op == OP_Gemm) see_gradient(t, node_in(g, n, 1), s);
    }
    fovea_trainer_destroy(t);
}

/* ---- Networks ---- */

static void print(const char *name, const char *initializer, const struct scales *s) {
    printf("%s, %s: activations", name, initializer);
    for (size_t i = 0; i < s->n_activations; i++) printf(" %.3g", s->activation[i]);
    printf("\n  gradients as a share of the weights");
    for (size_t i = 0; i < s->n_gradients; i++) printf(" %.3g", s->gradient[i]);
    printf("\n");
}

/* initializer NULL: the zoo's own weights. */
static struct scales *look(const char *name, int64_t side, const char *initializer) {
    static struct scales s;
    fovea_graph *g;
    fovea_initializer init = {.seed = 5};
    fovea_zoo_options o = {.classes = CLASSES, .size = side, .batch = BATCH, .seed = 1};
    struct random r = {7};
    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
        pixels[i] = (float)random_normal(&r);
    OK(fovea_context_create(&context, getenv("FOVEA_DEVICE"), NULL));
    OK(fovea_zoo_create(&g, name, &o));
    if (initializer) {
        OK(fovea_initializer_parse(initializer, &init));
        OK(fovea_graph_initialize(g, &init));
    }
    see_activations(g, side, &s);
    see_gradients(g, &s);
    fovea_graph_destroy(g);
    fovea_context_destroy(context);
    print(name, initializer ? initializer : "as it comes", &s);
    return &s;
}

/* How many of the numbers are not within [least, most]. */
static size_t outside(const double *x, size_t n, double least, double most) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += !(x[i] >= least && x[i] <= most);
    return count;
}

/* A share of 1 at the rate 0.01 changes the weights by a hundredth of their size in a step. Below SHARE_LEAST a layer
 * stands still for ten thousand steps; above SHARE_MOST the first step throws its weights away. */
#define SHARE_LEAST 0.01
#define SHARE_MOST  100

/* Variance 2 / fan in keeps the second moment through convolution and Relu. Not kept: a window over the border
 * has fewer numbers, (1 - 2 / 3 side)^2 of them, which over 13 convolutions from 32 x 32 down to 2 x 2 leaves
 * 0.0135 of it, 0.116 of the root; and a pool of four keeps between the mean of the four squares and their
 * sum, up to 2 of the root, four pools up to 16. */
#define VGG_LEAST 0.1
#define VGG_MOST  16

/* Without biases the scores are of degree 1 in the weights of every layer, so the sum of weight times gradient
 * is the same for all of them (Euler): a gradient that is lost or doubled on the way would show. */
static void every_layer_carries_the_same(const struct scales *s) {
    for (size_t i = 1; i < s->n_gradients; i++)
        ck_assert_double_eq_tol(s->product[i], s->product[0], 1e-4 * fabs(s->product[0]));
}

START_TEST(vgg16_by_he) {
    const struct scales *s = look("vgg16", 32, _i ? "he" : NULL);
    ck_assert_uint_eq(s->n_activations, 15);
    ck_assert_uint_eq(s->n_gradients, 16);
    ck_assert_uint_eq(outside(s->activation, 15, VGG_LEAST, VGG_MOST), 0);
    ck_assert_uint_eq(outside(s->gradient, 16, SHARE_LEAST, SHARE_MOST), 0);
    every_layer_carries_the_same(s);
}
END_TEST

/* The limits can be missed: from the first layer on, sqrt(fan in / 2) * 0.01 of the root is left of each. */
START_TEST(vgg16_of_2012_fades) {
    const struct scales *s = look("vgg16", 32, "normal:0.01");
    ck_assert_uint_eq(outside(s->activation, 15, VGG_LEAST, VGG_MOST), 15);
    ck_assert_uint_eq(outside(s->gradient, 16, SHARE_LEAST, SHARE_MOST), 16);
    ck_assert_double_lt(s->activation[14], 1e-6);
}
END_TEST

/* Behind normalisation and Relu the second moment is 1/2. A stage begins with a sum of two normalised branches
 * and each further block adds at most 1: 2 + 35 in the longest, half of the first sum being lost to Relu.
 * Backwards, normalisation and Relu multiply the second moment by pi / (pi - 1) (Yang et al. 2019, A mean field
 * theory of batch normalization), three of them a branch by 3.15, and block k's branch has 1 / k of the
 * sum: a stage of B blocks multiplies by about B^3.15, the root by B^1.58. For 3, 8, 36 and 3 blocks that
 * is 2592^1.58. */
#define RESNET_LEAST  0.5
#define RESNET_MOST   sqrt(37)
#define RESNET_SPREAD pow(2592, 1.58)

static double largest(const double *x, size_t n) {
    double most = x[0];
    for (size_t i = 1; i < n; i++) most = fmax(most, x[i]);
    return most;
}

START_TEST(resnet152_by_he) {
    const struct scales *s = look("resnet152", 64, "he");
    ck_assert_uint_eq(s->n_activations, 1 + 3 * 50);
    ck_assert_uint_eq(s->n_gradients, 1 + 3 * 50 + 4 + 1);
    ck_assert_uint_eq(outside(s->activation, s->n_activations, RESNET_LEAST, RESNET_MOST), 0);
    ck_assert_uint_eq(outside(s->gradient, s->n_gradients, SHARE_LEAST,
                              s->gradient[s->n_gradients - 2] * RESNET_SPREAD),
                      0);
    ck_assert_double_gt(s->gradient[0],
                        s->gradient[s->n_gradients - 2]); /* the first is not the least */
}
END_TEST

/* With zero_gamma a block begins as its shortcut: what has a gradient at all has one of the same size. */
START_TEST(resnet152_by_he_with_zero_gamma) {
    const struct scales *s = look("resnet152", 64, "he:zero_gamma");
    size_t some = 0;
    for (size_t i = 0; i < s->n_gradients; i++) some += s->gradient[i] > 0;
    ck_assert_uint_eq(some, 1 + 4 + 1); /* the first, four shortcuts with weights, the last */
    ck_assert_uint_eq(outside(s->gradient, s->n_gradients, SHARE_LEAST, SHARE_MOST),
                      s->n_gradients - some);
    ck_assert_uint_eq(outside(s->activation, s->n_activations, RESNET_LEAST, 1.5), 0);
    ck_assert_double_lt(largest(s->gradient, s->n_gradients), SHARE_MOST);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("depth");
    TCase *tests = tcase_create("scales");
    tcase_set_timeout(tests, 240);
    tcase_add_loop_test(tests, vgg16_by_he, 0, 2);
    tcase_add_test(tests, vgg16_of_2012_fades);
    tcase_add_test(tests, resnet152_by_he);
    tcase_add_test(tests, resnet152_by_he_with_zero_gamma);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
