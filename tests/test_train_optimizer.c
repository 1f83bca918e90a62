/* Optimizers: three steps of each against PyTorch's in double (tests/data/optimizers.txt, written by
 * tests/record_optimizers.py), on the reference and on the default device; outputs in the memory of their inputs;
 * text forms; refusals. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/optimizer.h"

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

enum { WEIGHTS = 12, BIASES = 4, NUMBERS = WEIGHTS + BIASES, STEPS = 3, PARAMETERS = 2 };

static const fovea_desc shapes[PARAMETERS] = {
    {.dtype = FOVEA_FLOAT32, .rank = 2, .dim = {3, 4}},
    {.dtype = FOVEA_FLOAT32, .rank = 1, .dim = {BIASES}},
};

/* A small training: parameters, their states and a moving average of the weights, in tensors that stand for
 * input and output of the plan at once. */
struct training {
    fovea_optimizer optimizer;
    fovea_context *context;
    fovea_graph *graph;
    fovea_plan *plan;
    fovea_tensor *tensors[16];
    char in[16][24], out[16][24];
    size_t count; /* of tensors */
};

static fovea_value declare(struct training *t, const char *name, const fovea_desc *d) {
    fovea_value v;
    OK(fovea_graph_input(t->graph, name, d, &v));
    return v;
}

/* Input `in` and output `out` are one tensor. */
static void join(struct training *t, fovea_value in, fovea_value out) {
    fovea_value_info info;
    OK(fovea_graph_value(t->graph, in, &info));
    snprintf(t->in[t->count], sizeof *t->in, "%s", info.name);
    snprintf(t->out[t->count], sizeof *t->out, "%s'", info.name);
    OK(fovea_graph_name(t->graph, out, t->out[t->count]));
    OK(fovea_graph_output(t->graph, out));
    OK(fovea_tensor_create(&t->tensors[t->count], t->context, &info.desc));
    t->count++;
}

/* The inputs of parameter i's update. */
static void declare_update(struct training *t, size_t i, struct update *u) {
    char name[24];
    snprintf(name, sizeof name, "w%zu", i);
    u->parameter = declare(t, name, &shapes[i]);
    snprintf(name, sizeof name, "g%zu", i);
    u->gradient = declare(t, name, &shapes[i]);
    for (size_t k = 0; k < optimizer_states(&t->optimizer); k++) {
        snprintf(name, sizeof name, "w%zu.%s", i, optimizer_state_name(&t->optimizer, k));
        u->state[k] = declare(t, name, &shapes[i]);
    }
    u->decay = optimizer_decays(&t->optimizer, &shapes[i]);
}

static void build(struct training *t) {
    const fovea_desc control = {.dtype = FOVEA_FLOAT32, .rank = 1, .dim = {UPDATE_CONTROL}};
    struct update u[PARAMETERS] = {{0}};
    fovea_value in = declare(t, "control", &control), factor = FOVEA_NO_VALUE, next;
    fovea_value average = declare(t, "average", &shapes[0]);
    for (size_t i = 0; i < PARAMETERS; i++) declare_update(t, i, &u[i]);
    fovea_value grads[] = {u[0].gradient, u[1].gradient};
    if (t->optimizer.clip_norm > 0)
        OK(optimizer_append_clip(t->graph, grads, 2, t->optimizer.clip_norm, &factor));
    for (size_t i = 0; i < PARAMETERS; i++) {
        u[i].control = in;
        u[i].factor = factor;
        OK(optimizer_append(t->graph, &t->optimizer, &u[i]));
        join(t, u[i].parameter, u[i].next);
        for (size_t k = 0; k < optimizer_states(&t->optimizer); k++)
            join(t, u[i].state[k], u[i].next_state[k]);
    }
    OK(optimizer_append_average(t->graph, in, average, u[0].next, &next));
    join(t, average, next);
}

static void start_weights(float *w) {
    for (int i = 0; i < NUMBERS; i++) w[i] = (float)((i * 37 + 11) % 64 - 32) / 32;
}

static void open_training(struct training *t, const char *text, fovea_context *context) {
    float w[NUMBERS], zeros[NUMBERS] = {0};
    *t = (struct training){.context = context};
    OK(fovea_optimizer_parse(text, &t->optimizer));
    t->optimizer.average = 0.9;
    OK(fovea_graph_create(&t->graph));
    build(t);
    OK(fovea_plan_create(&t->plan, t->context, t->graph, NULL));
    start_weights(w);
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->in[i];
        const float *from = strcmp(name, "w0") == 0 || strcmp(name, "average") == 0 ? w
                            : strcmp(name, "w1") == 0                               ? w + WEIGHTS
                                                                                    : zeros;
        size_t bytes = desc_bytes(fovea_tensor_desc(t->tensors[i]));
        OK(fovea_tensor_write(t->tensors[i], from, bytes));
        OK(fovea_plan_bind(t->plan, t->in[i], t->tensors[i]));
        OK(fovea_plan_bind(t->plan, t->out[i], t->tensors[i]));
    }
}

static void close_training(struct training *t) {
    fovea_plan_destroy(t->plan);
    for (size_t i = 0; i < t->count; i++) fovea_tensor_destroy(t->tensors[i]);
    fovea_graph_destroy(t->graph);
}

static void write_input(struct training *t, const char *name, const float *x, size_t n) {
    fovea_tensor *tensor;
    OK(fovea_plan_tensor(t->plan, name, &tensor));
    OK(fovea_tensor_write(tensor, x, n * sizeof *x));
}

static void run_step(struct training *t, double rate, int step) {
    float control[UPDATE_CONTROL], g[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) g[i] = (float)((i * 23 + step * 17 + 5) % 64 - 31) / 64;
    optimizer_control(&t->optimizer, rate, step, control);
    write_input(t, "control", control, UPDATE_CONTROL);
    write_input(t, "g0", g, WEIGHTS);
    write_input(t, "g1", g + WEIGHTS, BIASES);
    OK(fovea_plan_run(t->plan));
}

static void read_tensor(struct training *t, const char *name, float *out) {
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->in[i], name) == 0)
            OK(fovea_tensor_read(t->tensors[i], out, desc_bytes(fovea_tensor_desc(t->tensors[i]))));
}

/* Weights are below 2 and move by at most 1 a step, in a dozen operations each: 2^-24 * 2 * 12 covers what
 * one step rounds, and no method makes more of an earlier error than a few times as much. */
#define ALLOWED (0x1p-24 * 2 * 12 * 4)

static void compare(struct training *t, const char *text, int step, const double *want) {
    float got[NUMBERS], average[WEIGHTS];
    double norm = 0;
    read_tensor(t, "w0", got);
    read_tensor(t, "w1", got + WEIGHTS);
    read_tensor(t, "average", average);
    for (int i = 0; i < NUMBERS; i++)
        ck_assert_msg(fabs((double)got[i] - want[i]) <= ALLOWED,
                      "%s, step %d: weight %d is %.9g, expected %.9g", text, step, i, got[i],
                      want[i]);
    for (int i = 0; i < WEIGHTS; i++) norm += (double)average[i] * (double)average[i];
    ck_assert_msg(fabs(sqrt(norm) - want[NUMBERS]) <= ALLOWED,
                  "%s, step %d: the average's norm is %.9g, expected %.9g", text, step, sqrt(norm),
                  want[NUMBERS]);
}

static int follow_recording(const char *device) {
    FILE *file = fopen(FOVEA_SOURCE_DIR "/tests/data/optimizers.txt", "r");
    char text[128];
    double rate, want[NUMBERS + 1];
    int cases = 0;
    fovea_context *context;
    ck_assert_ptr_nonnull(file);
    OK(fovea_context_create(&context, device, NULL));
    for (; fscanf(file, "%127s %lf", text, &rate) == 2; cases++) {
        struct training t;
        open_training(&t, text, context);
        for (int step = 0; step < STEPS; step++) {
            for (int i = 0; i <= NUMBERS; i++) ck_assert_int_eq(fscanf(file, "%lf", &want[i]), 1);
            run_step(&t, rate, step);
            compare(&t, text, step, want);
        }
        close_training(&t);
    }
    fclose(file);
    fovea_context_destroy(context);
    return cases;
}

START_TEST(steps_are_as_recorded_on_the_reference) {
    ck_assert_int_eq(follow_recording("reference"), 22);
}
END_TEST

START_TEST(steps_are_as_recorded_in_place_on_a_device) {
    ck_assert_int_eq(follow_recording(NULL), 22);
}
END_TEST

/* ---- The control ---- */

START_TEST(corrections_follow_the_step) {
    fovea_optimizer o = {.method = FOVEA_ADAM};
    float c[UPDATE_CONTROL];
    optimizer_control(&o, 0.5, 0, c);
    ck_assert_float_eq(c[CONTROL_RATE], 0.5F);
    ck_assert_float_eq(c[CONTROL_A], 0.1F);
    ck_assert_float_eq(c[CONTROL_FIRST], 10.0F);
    optimizer_control(&o, 0.5, 1, c);
    ck_assert_float_eq(c[CONTROL_FIRST], (float)(1 / 0.19));
    optimizer_control(&o, 0.5, 1000000000, c);
    ck_assert_float_eq(c[CONTROL_FIRST], 1.0F);
    ck_assert_float_eq(c[CONTROL_SECOND], 1.0F);
}
END_TEST

START_TEST(late_steps_of_nadam_are_quick_and_finite) {
    fovea_optimizer o = {.method = FOVEA_NADAM};
    float c[UPDATE_CONTROL];
    optimizer_control(&o, 0.5, INT64_C(1) << 50, c);
    ck_assert_float_eq_tol(c[CONTROL_FIRST], 0.05F, 1e-6F); /* the momentum has become beta1 */
    ck_assert_float_eq_tol(c[CONTROL_RATE], 0.45F, 1e-6F);
}
END_TEST

/* ---- Text ---- */

START_TEST(texts_say_what_they_say) {
    fovea_optimizer o;
    OK(fovea_optimizer_parse("adamw:beta1=0.8,weight_decay=0.05,clip_norm=1,decay_all", &o));
    ck_assert_int_eq(o.method, FOVEA_ADAMW);
    ck_assert(o.beta1 == 0.8 && o.weight_decay == 0.05 && o.clip_norm == 1 && o.decay_all);
    ck_assert(o.beta2 == 0 && !o.centered);
    OK(fovea_optimizer_parse("momentum:momentum=0", &o));
    float c[UPDATE_CONTROL];
    optimizer_control(&o, 1, 0, c);
    ck_assert_float_eq(c[CONTROL_A], 0.0F); /* nought is nought, not the default */
    for (int m = 0; fovea_optimizer_name((fovea_optimizer_method)m); m++) {
        OK(fovea_optimizer_parse(fovea_optimizer_name((fovea_optimizer_method)m), &o));
        ck_assert_int_eq(o.method, m);
        ck_assert(fovea_optimizer_rate(&o) > 0);
    }
}
END_TEST

START_TEST(bad_texts_are_refused) {
    static const char *const bad[] = {"",
                                      "adamx",
                                      "adam:beta3=1",
                                      "adam:beta1",
                                      "adam:beta1=",
                                      "adam:beta1=x",
                                      "adam:beta1=0.9x",
                                      "adam:beta1=1",
                                      "adam:beta2=1.5",
                                      "sgd:weight_decay=-1",
                                      "sgd:weight_decay=nan",
                                      "sgd:clip_norm=inf",
                                      "rmsprop:centered=x"};
    fovea_optimizer o;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(fovea_optimizer_parse(bad[i], &o) == FOVEA_INVALID, "'%s'", bad[i]);
        ck_assert_uint_gt(strlen(fovea_error()), 20);
    }
}
END_TEST

/* ---- The operator ---- */

START_TEST(updates_that_do_not_fit_are_refused) {
    static const char *const bad[] = {
        "Update 9 3x5 3x5",
        "Update 9 3x5 3x5 method=newton",
        "Update 8 3x5 3x5 method=sgd",
        "Update - 3x5 3x5 method=sgd",
        "Update 9 3x5 5x3 method=sgd",
        "Update 9 3x5 - method=sgd",
        "Update 9 3x5 3x5 2 method=sgd",
        "Update 9 3x5 3x5 - 2 method=sgd",
        "Update 9 3x5 3x5 method=adam -> 3",
        "Update 9 3x5 3x5 - - 3x5 5x3 method=adam -> 3",
        "Update 9 3x5 3x5 - - 3x5 method=sgd",
        "Update 9 3x5 3x5 method=sgd -> 2",
        "Update 9 3x5 3x5 method=sgd decay=both",
        "Update - 3x5 method=clip",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect_refused(bad[i], FOVEA_INVALID);
    static const char *const bad_in_files[] = {
        "Adam 1 i64:1",
        "Adam 1",
        "Adam",
        "Adam 1 i64:1 3x5 3x5 3x5 3x5 3x5",
        "Adam 1 i64:1 3x5 3x5 3x5 3x4 -> 3",
        "Adam 1 i64:1 3x5 3x5 3x5 - -> 3",
        "Adam 1 i64:1 3x5 3x5 3x5 3x5 alpha=1",
        "Adam 1 i64:1 3x5 3x5 3x5 3x5 -> 4",
        "Adam 2 i64:1 3x5 3x5 3x5 3x5",
        "Adam 1 1 3x5 3x5 3x5 3x5",
        "Adam i64:1 i64:1 3x5 3x5 3x5 3x5",
        "Adam 1 i64:1 f16:3x5 f16:3x5 f16:3x5 f16:3x5",
        "Adagrad 1 i64:1 3x5 3x5 f64:3x5 -> 2",
        "Momentum 1 i64:1 3x5 3x5 3x5 -> 2",
        "Momentum 1 i64:1 3x5 3x5 3x5 mode=standard alpha=0.9 beta=1",
        "Momentum 1 i64:1 3x5 3x5 3x5 mode=heavy alpha=0.9 beta=1 norm_coefficient=0",
    };
    for (size_t i = 0; i < sizeof bad_in_files / sizeof *bad_in_files; i++)
        expect_refused(bad_in_files[i], FOVEA_INVALID);
    expect_refused("Update 9 f16:3x5 f16:3x5 method=sgd", FOVEA_UNSUPPORTED);
}
END_TEST

START_TEST(helpers_do_their_sums) {
    expect_reference("Update - f[16] method=clip limit=1", NULL, 0, (double[]){1 / (4 + 1e-6)}, 1,
                     1e-9);
    expect_reference("Update - f[0.25] method=clip limit=1", NULL, 0, (double[]){1}, 1, 0);
    expect_reference("Update - f[3] f[0.5] method=trust_lamb", NULL, 0, (double[]){6}, 1, 0);
    expect_reference("Update - f[0] f[0.5] method=trust_lamb", NULL, 0, (double[]){1}, 1, 0);
    expect_reference("Update - f:2[1,2] f:2[0.5,8] method=accumulate", NULL, 0, (double[]){1.5, 10},
                     2, 0);
    expect_reference("Update - f:2[1,2] - f[0.25] method=scale", NULL, 0, (double[]){0.25, 0.5}, 2,
                     0);
    /* What is no number stays none: a loss that blew up is seen. */
    expect_reference("Update f:9[1,0,1,0,0,0,0,0,0] f:2[1,2] f:2[nan,inf] method=sgd clip=1", NULL,
                     0, (double[]){NAN, 1}, 2, 0);
}
END_TEST

START_TEST(lars_takes_no_clipping_by_value) {
    fovea_optimizer o = {.method = FOVEA_LARS, .clip_value = 1};
    struct update u = {0};
    fovea_graph *g;
    OK(fovea_graph_create(&g));
    ck_assert_int_eq(optimizer_append(g, &o, &u), FOVEA_INVALID);
    fovea_graph_destroy(g);
}
END_TEST

/* ---- Memory ---- */

/* What a trainer appends, with all that may go with it. */
static fovea_status append_everything(fovea_graph **g) {
    static const fovea_desc control = {.dtype = FOVEA_FLOAT32, .rank = 1, .dim = {UPDATE_CONTROL}};
    fovea_optimizer o;
    struct update u = {.decay = true};
    fovea_value next;
    TRY(fovea_optimizer_parse("lamb:weight_decay=0.1,clip_value=1", &o));
    TRY(fovea_graph_create(g));
    TRY(fovea_graph_input(*g, "control", &control, &u.control));
    TRY(fovea_graph_input(*g, "w", &shapes[0], &u.parameter));
    TRY(fovea_graph_input(*g, "g", &shapes[0], &u.gradient));
    TRY(fovea_graph_input(*g, "m", &shapes[0], &u.state[0]));
    TRY(fovea_graph_input(*g, "v", &shapes[0], &u.state[1]));
    TRY(optimizer_append_clip(*g, &u.gradient, 1, 0.5, &u.factor));
    TRY(optimizer_append(*g, &o, &u));
    TRY(optimizer_append_average(*g, u.control, u.parameter, u.next, &next));
    TRY(optimizer_append_accumulate(*g, u.parameter, u.gradient, &next));
    return optimizer_append_scale(*g, next, u.factor, &next);
}

START_TEST(every_allocation_fails_once) {
    fovea_status status = FOVEA_NO_MEMORY;
    size_t n = 1;
    for (; status != FOVEA_OK; n++) {
        fovea_graph *g = NULL;
        mem_fail_after(n);
        status = append_everything(&g);
        mem_fail_after(0);
        ck_assert_msg(status == FOVEA_OK || status == FOVEA_NO_MEMORY, "%zu: %s", n, fovea_error());
        fovea_graph_destroy(g);
    }
    ck_assert_uint_gt(n, 50);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_optimizer");
    TCase *t = tcase_create("train_optimizer");
    tcase_add_test(t, steps_are_as_recorded_on_the_reference);
    tcase_add_test(t, steps_are_as_recorded_in_place_on_a_device);
    tcase_add_test(t, corrections_follow_the_step);
    tcase_add_test(t, late_steps_of_nadam_are_quick_and_finite);
    tcase_add_test(t, texts_say_what_they_say);
    tcase_add_test(t, bad_texts_are_refused);
    tcase_add_test(t, updates_that_do_not_fit_are_refused);
    tcase_add_test(t, helpers_do_their_sums);
    tcase_add_test(t, lars_takes_no_clipping_by_value);
    tcase_add_test(t, every_allocation_fails_once);
    suite_add_tcase(suite, t);
    return harness_main(suite);
}
