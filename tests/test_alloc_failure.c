/* Every allocation fails once: loads a network, plans it on the reference and runs it, and trains another, with
 * the n-th allocation failing, for n = 1, 2, ... until nothing fails any more. Each failure must come back as
 * NO_MEMORY with a sentence and leave nothing behind (the leak check of a sanitizer build sees to that). */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "fovea_trainer.h"

enum { PICTURE = 28 * 28, CLASSES = 10, MOST_ALLOCATIONS = 1000000 };

struct work {
    fovea_graph *graph;
    fovea_context *context;
    fovea_plan *plan;
    fovea_trainer *trainer;
    fovea_graph *exported;
    char *note;
};

static fovea_status classify(struct work *w, float *scores) {
    static const fovea_context_options options = {.no_store = true};
    static const float picture[PICTURE];
    fovea_tensor *input, *output;
    TRY(fovea_graph_load_onnx(&w->graph, getenv("FOVEA_TEST_MODEL")));
    TRY(fovea_context_create(&w->context, "reference", &options));
    TRY(fovea_plan_create(&w->plan, w->context, w->graph, NULL));
    TRY(fovea_plan_tensor(w->plan, "input", &input));
    TRY(fovea_plan_tensor(w->plan, "output", &output));
    TRY(fovea_tensor_write(input, picture, sizeof picture));
    TRY(fovea_plan_run(w->plan));
    return fovea_tensor_read(output, scores, CLASSES * sizeof *scores);
}

/* A batch that has to run in parts. */
static fovea_status classify_in_parts(struct work *w, float *scores) {
    static const fovea_context_options options = {.no_store = true};
    static const float pictures[4 * PICTURE];
    static const fovea_binding batch = {"input", {FOVEA_FLOAT32, 4, {4, 1, 28, 28}}, NULL};
    static const fovea_plan_options o = {.bindings = &batch, .n_bindings = 1};
    float all[4 * CLASSES];
    fovea_plan_info info;
    fovea_tensor *input, *output;
    setenv("FOVEA_MAX_ALLOCATION", "40000", 1);
    TRY(fovea_graph_load_onnx(&w->graph, getenv("FOVEA_TEST_MODEL")));
    TRY(fovea_context_create(&w->context, "reference", &options));
    TRY(fovea_plan_create(&w->plan, w->context, w->graph, &o));
    fovea_plan_get_info(w->plan, &info);
    ck_assert_uint_gt(info.parts, 1);
    TRY(fovea_plan_tensor(w->plan, "input", &input));
    TRY(fovea_plan_tensor(w->plan, "output", &output));
    TRY(fovea_tensor_write(input, pictures, sizeof pictures));
    TRY(fovea_plan_run(w->plan));
    TRY(fovea_tensor_read(output, all, sizeof all));
    memcpy(scores, all + 3 * CLASSES, CLASSES * sizeof *scores);
    return FOVEA_OK;
}

/* ---- Training ---- */

static fovea_graph *network; /* what is trained */
static char checkpoint[64];

static fovea_value constant(fovea_graph *g, const char *name, fovea_desc d, float number) {
    float numbers[64];
    fovea_value v;
    for (int i = 0; i < 64; i++) numbers[i] = number * (float)(1 + i % 5);
    ck_assert_int_eq(fovea_graph_constant(g, name, &d, numbers, &v), FOVEA_OK);
    return v;
}

/* Something of everything that training changes in a graph: normalisation, dropout, a residual, a head. */
static void make_network(void) {
    fovea_desc in = {FOVEA_FLOAT32, 4, {-1, 1, 4, 4}}, filter = {FOVEA_FLOAT32, 4, {2, 1, 3, 3}};
    fovea_desc vector = {FOVEA_FLOAT32, 1, {2}}, dense = {FOVEA_FLOAT32, 2, {3, 8}};
    fovea_value x, y, scale, bias, mean, variance;
    fovea_graph *g;
    ck_assert_int_eq(fovea_graph_create(&g), FOVEA_OK);
    ck_assert_int_eq(fovea_graph_input(g, "x", &in, &x), FOVEA_OK);
    fovea_value w = constant(g, "w", filter, 0.1f), w2 = constant(g, "w2", dense, 0.05f);
    scale = constant(g, "scale", vector, 1);
    bias = constant(g, "bias", vector, 0);
    mean = bias; /* shared, as exporters have it */
    variance = constant(g, "variance", vector, 1);
    bool well =
        fovea_graph_conv(g, "conv", x, w, FOVEA_NO_VALUE, NULL, &y) == FOVEA_OK &&
        fovea_graph_batch_norm(g, "norm", y, scale, bias, mean, variance, 1e-5f, &x) == FOVEA_OK &&
        fovea_graph_unary(g, "Relu", "relu", x, &y) == FOVEA_OK &&
        fovea_graph_flatten(g, "flatten", y, &x) == FOVEA_OK &&
        fovea_graph_dropout(g, "drop", x, 0.25f, &y) == FOVEA_OK &&
        fovea_graph_dense(g, "fc", y, w2, FOVEA_NO_VALUE, &x) == FOVEA_OK &&
        fovea_graph_softmax(g, "softmax", x, 1, &y) == FOVEA_OK &&
        fovea_graph_output(g, y) == FOVEA_OK;
    ck_assert_msg(well, "%s", fovea_error());
    network = g;
}

static fovea_status train(struct work *w, float *scores) {
    static const fovea_context_options options = {.no_store = true};
    static const fovea_train_options o = {
        .batch = 2,
        .accumulate = 2,
        .optimizer = {.method = FOVEA_ADAM, .clip_norm = 1, .average = 0.5},
        .loss_options = {.label_smoothing = 0.1f},
        .recompute = true,
        .keep_gradients = true};
    static const float x[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -2, -3, -4};
    static const int64_t labels[2] = {2, 0};
    const fovea_batch b = {.x = x, .labels = labels, .count = 2};
    fovea_train_result r;
    TRY(fovea_context_create(&w->context, "reference", &options));
    TRY(fovea_trainer_create(&w->trainer, w->context, network, &o));
    TRY(fovea_trainer_step(w->trainer, &b, 0.1, &r));
    TRY(fovea_trainer_save(w->trainer, checkpoint, "here"));
    TRY(fovea_trainer_load(w->trainer, checkpoint, &w->note));
    TRY(fovea_trainer_step(w->trainer, &b, 0.1, &r));
    TRY(fovea_trainer_evaluate(w->trainer, &b, &r));
    TRY(fovea_trainer_export(w->trainer, &w->exported));
    TRY(fovea_trainer_read_gradient(w->trainer, "scale", scores + 1, 2 * sizeof *scores));
    scores[0] = (float)r.loss;
    return FOVEA_OK;
}

/* ---- One after the other ---- */

static void clean(struct work *w) {
    fovea_trainer_destroy(w->trainer);
    fovea_graph_destroy(w->exported);
    fovea_free(w->note);
    fovea_plan_destroy(w->plan);
    fovea_context_destroy(w->context);
    fovea_graph_destroy(w->graph);
}

static void fail_each(fovea_status (*work)(struct work *, float *)) {
    float expected[CLASSES] = {0}, scores[CLASSES];
    struct work w = {0};
    ck_assert_msg(work(&w, expected) == FOVEA_OK, "%s", fovea_error());
    clean(&w);

    size_t n = 1, refused = 0;
    for (;; n++) {
        ck_assert_msg(n < MOST_ALLOCATIONS, "still failing after %zu allocations", n);
        memset(&w, 0, sizeof w);
        memset(scores, 0, sizeof scores);
        mem_fail_after(n);
        fovea_status status = work(&w, scores);
        bool untouched = mem_fail_left() > 0;
        mem_fail_after(0);
        if (status != FOVEA_OK) {
            refused++;
            ck_assert_msg(status == FOVEA_NO_MEMORY, "allocation %zu: %s (%s)", n,
                          fovea_status_name(status), fovea_error());
            ck_assert_msg(strlen(fovea_error()) > 10, "allocation %zu: no sentence", n);
        } else {
            /* Work that goes on without the memory must still give the same answer. */
            ck_assert_msg(memcmp(scores, expected, sizeof scores) == 0,
                          "allocation %zu: wrong answer", n);
        }
        clean(&w);
        if (untouched) break;
    }
    printf("%zu allocations, %zu of their failures refused\n", n - 1, refused);
    ck_assert_msg(refused > 50, "only %zu of %zu failures were noticed", refused, n - 1);
}

START_TEST(every_allocation_fails_once) {
    fail_each(classify);
}
END_TEST

START_TEST(every_allocation_of_a_batch_in_parts_fails_once) {
    fail_each(classify_in_parts);
}
END_TEST

START_TEST(every_allocation_of_training_fails_once) {
    make_network();
    snprintf(checkpoint, sizeof checkpoint, "/tmp/fovea-alloc-%d", (int)getpid());
    fail_each(train);
    unlink(checkpoint);
    fovea_graph_destroy(network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("alloc_failure");
    TCase *tests = tcase_create("network");
    tcase_add_test(tests, every_allocation_fails_once);
    tcase_add_test(tests, every_allocation_of_a_batch_in_parts_fails_once);
    tcase_add_test(tests, every_allocation_of_training_fails_once);
    tcase_set_timeout(tests, 240);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
