/* The trainer: the same bits twice, stopping and going on, accumulation, recomputation, averages, frozen
 * parameters, losses, export, damaged checkpoints. On the device of $FOVEA_DEVICE or the fastest, and on the
 * reference. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "fovea_trainer.h"
#include "train/order.h"

enum { BATCH = 4, SIDE = 28, CLASSES = 10, PIXELS = SIDE * SIDE };

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s: %s", #call, fovea_error())

static const char *const devices[] = {"", "reference"};
static fovea_context *context;
static float pixels[8 * BATCH * PIXELS];
static int64_t labels[8 * BATCH];

static void open_device(int i) {
    OK(fovea_context_create(&context, devices[i], NULL));
    for (size_t k = 0; k < sizeof pixels / sizeof *pixels; k++)
        pixels[k] = (float)(random_mix(5, k) >> 40) * 0x1p-24f;
    for (size_t k = 0; k < sizeof labels / sizeof *labels; k++)
        labels[k] = (int64_t)(random_mix(6, k) % CLASSES);
}

static void close_device(void) {
    fovea_context_destroy(context);
}

static fovea_batch batch_at(int i) {
    return (fovea_batch){.x = pixels + i % 8 * BATCH * PIXELS,
                         .labels = labels + i % 8 * BATCH,
                         .labels2 = labels + (i + 3) % 8 * BATCH,
                         .lambda = 1,
                         .count = BATCH};
}

/* A network with everything that has a state of its own: dropout, batch normalisation. */
static fovea_graph *small_network(void) {
    fovea_graph *g;
    fovea_value x, w[2], b, scale, bias, mean, variance, y, z;
    fovea_desc in = {FOVEA_FLOAT32, 4, {-1, 1, SIDE, SIDE}},
               conv = {FOVEA_FLOAT32, 4, {6, 1, 5, 5}};
    fovea_desc vector = {FOVEA_FLOAT32, 1, {6}}, dense = {FOVEA_FLOAT32, 2, {CLASSES, 864}};
    fovea_desc out = {FOVEA_FLOAT32, 1, {CLASSES}};
    static float numbers[CLASSES * 864], zeros[16], ones[16];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] = ((float)(random_mix(9, i) >> 40) * 0x1p-23f - 1) * 0.1f;
    for (int i = 0; i < 16; i++) ones[i] = 1;
    OK(fovea_graph_create(&g));
    OK(fovea_graph_input(g, "x", &in, &x));
    OK(fovea_graph_constant(g, "conv.weight", &conv, numbers + 77, &w[0]));
    OK(fovea_graph_constant(g, "scale", &vector, ones, &scale));
    OK(fovea_graph_constant(g, "bias", &vector, zeros, &bias));
    OK(fovea_graph_constant(g, "mean", &vector, zeros, &mean));
    OK(fovea_graph_constant(g, "variance", &vector, ones, &variance));
    OK(fovea_graph_constant(g, "fc.weight", &dense, numbers, &w[1]));
    OK(fovea_graph_constant(g, "fc.bias", &out, zeros, &b));
    OK(fovea_graph_conv(g, "conv", x, w[0], FOVEA_NO_VALUE, NULL, &y));
    OK(fovea_graph_batch_norm(g, "norm", y, scale, bias, mean, variance, 1e-5f, &z));
    OK(fovea_graph_unary(g, "Relu", "relu", z, &y));
    OK(fovea_graph_max_pool(g, "pool", y, &(fovea_window){.kernel = {2, 2}, .stride = {2, 2}}, &z));
    OK(fovea_graph_flatten(g, "flatten", z, &y));
    OK(fovea_graph_dropout(g, "drop", y, 0.5f, &z));
    OK(fovea_graph_dense(g, "fc", z, w[1], b, &y));
    OK(fovea_graph_softmax(g, "softmax", y, 1, &z));
    OK(fovea_graph_output(g, z));
    return g;
}

static fovea_trainer *create(fovea_train_options o) {
    fovea_trainer *t;
    fovea_graph *g = small_network();
    if (!o.batch) o.batch = BATCH;
    OK(fovea_trainer_create(&t, context, g, &o));
    fovea_graph_destroy(g);
    return t;
}

static void steps(fovea_trainer *t, int from, int to) {
    for (int i = from; i < to; i++) {
        fovea_batch b = batch_at(i);
        OK(fovea_trainer_step(t, &b, 0.05, NULL));
    }
}

/* Reads parameter i; false past the end. The caller frees *data. */
static bool read_parameter(fovea_trainer *t, size_t i, const char **name, float **data,
                           size_t *count) {
    fovea_desc d;
    if (fovea_trainer_parameter(t, i, name, &d) != FOVEA_OK) return false;
    *count = (size_t)fovea_desc_elements(&d);
    *data = malloc(*count * sizeof **data);
    OK(fovea_trainer_read(t, *name, *data, *count * sizeof **data));
    return true;
}

/* The largest difference of any parameter, as a share of the largest number in it. */
static double distance(fovea_trainer *a, fovea_trainer *b) {
    double worst = 0;
    size_t i = 0, n;
    float *x, *y;
    const char *name;
    for (; read_parameter(a, i, &name, &x, &n); i++) {
        double most = 0, apart = 0;
        ck_assert(read_parameter(b, i, &name, &y, &n));
        for (size_t k = 0; k < n; k++) {
            most = fmax(most, fabs((double)x[k]));
            apart = fmax(apart, fabs((double)x[k] - (double)y[k]));
        }
        if (most > 0) worst = fmax(worst, apart / most);
        free(x);
        free(y);
    }
    ck_assert_uint_gt(i, 0);
    return worst;
}

static const fovea_train_options adam = {.optimizer = {.method = FOVEA_ADAM, .average = 0.9},
                                         .seed = 3};

START_TEST(the_same_seed_gives_the_same_bits) {
    open_device(_i);
    fovea_trainer *a = create(adam), *b = create(adam);
    fovea_train_options other = adam;
    other.seed = 4; /* of dropout alone */
    fovea_trainer *c = create(other);
    steps(a, 0, 5);
    steps(b, 0, 5);
    steps(c, 0, 5);
    ck_assert_double_eq(distance(a, b), 0);
    ck_assert_double_gt(distance(a, c), 1e-4);
    fovea_trainer_destroy(a);
    fovea_trainer_destroy(b);
    fovea_trainer_destroy(c);
    close_device();
}
END_TEST

static char *temporary(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/fovea-trainer-%d-%s",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid(), name);
    return path;
}

START_TEST(stopping_and_going_on_changes_no_bit) {
    open_device(_i);
    char *path = temporary("resume"), *note;
    fovea_train_options o = adam;
    o.accumulate = 2;
    fovea_trainer *whole = create(o), *first = create(o), *second = create(o);
    steps(whole, 0, 7);
    steps(first, 0, 3); /* in the middle of an accumulation */
    OK(fovea_trainer_save(first, path, "place 3\n\"quoted\" \xc3\xa4"));
    OK(fovea_trainer_load(second, path, &note));
    ck_assert_str_eq(note, "place 3\n\"quoted\" \xc3\xa4");
    fovea_free(note);
    steps(second, 3, 7);
    ck_assert_double_eq(distance(whole, second), 0);
    ck_assert_double_gt(distance(whole, first), 0);
    fovea_trainer_destroy(whole);
    fovea_trainer_destroy(first);
    fovea_trainer_destroy(second);
    unlink(path);
    close_device();
}
END_TEST

/* Another device goes on within rounding. */
START_TEST(a_checkpoint_moves_to_another_device) {
    char *path = temporary("move");
    open_device(0);
    fovea_train_options o = {.optimizer = {.method = FOVEA_MOMENTUM}, .seed = 3};
    fovea_trainer *here = create(o);
    steps(here, 0, 2);
    OK(fovea_trainer_save(here, path, NULL));
    steps(here, 2, 4);
    fovea_context *first = context;
    open_device(1);
    fovea_trainer *there = create(o);
    OK(fovea_trainer_load(there, path, NULL));
    steps(there, 2, 4);
    ck_assert_double_lt(distance(here, there), 1e-4);
    fovea_trainer_destroy(there);
    close_device();
    fovea_trainer_destroy(here);
    fovea_context_destroy(first);
    unlink(path);
}
END_TEST

/* Without batch normalisation and dropout, the mean of two halves is the whole. */
START_TEST(accumulation_is_a_larger_batch) {
    open_device(_i);
    fovea_graph *g;
    fovea_trainer *whole, *halves;
    OK(fovea_zoo_create(&g, "lenet5", &(fovea_zoo_options){.seed = 1}));
    fovea_train_options o = {.batch = 2 * BATCH, .optimizer = {.method = FOVEA_SGD}};
    OK(fovea_trainer_create(&whole, context, g, &o));
    o.batch = BATCH;
    o.accumulate = 2;
    OK(fovea_trainer_create(&halves, context, g, &o));
    for (int i = 0; i < 4; i += 2) { /* twice: the sums begin at zero again */
        fovea_batch large = batch_at(i);
        large.count = 2 * BATCH;
        OK(fovea_trainer_step(whole, &large, 0.05, NULL));
    }
    steps(halves, 0, 4);
    ck_assert_double_lt(distance(whole, halves), 1e-5);
    fovea_trainer_info info;
    fovea_trainer_get_info(halves, &info);
    ck_assert_int_eq(info.updates, 2);
    fovea_trainer_destroy(whole);
    fovea_trainer_destroy(halves);
    fovea_graph_destroy(g);
    close_device();
}
END_TEST

START_TEST(recomputation_changes_memory_alone) {
    open_device(_i);
    fovea_train_options o = adam;
    fovea_trainer *kept = create(o);
    o.recompute = true;
    fovea_trainer *again = create(o);
    steps(kept, 0, 3);
    steps(again, 0, 3);
    ck_assert_double_lt(distance(kept, again), _i == 1 ? 1e-12 : 1e-5);
    fovea_trainer_destroy(kept);
    fovea_trainer_destroy(again);
    close_device();
}
END_TEST

START_TEST(frozen_parameters_stay) {
    open_device(_i);
    const char *names[] = {"conv", "mean", "variance"};
    float before[150], after[150], moved[CLASSES];
    fovea_train_options o = adam;
    o.frozen = names;
    o.n_frozen = 3;
    fovea_trainer *t = create(o);
    OK(fovea_trainer_read(t, "conv.weight", before, sizeof before));
    steps(t, 0, 3);
    OK(fovea_trainer_read(t, "conv.weight", after, sizeof after));
    OK(fovea_trainer_read(t, "fc.bias", moved, sizeof moved));
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_double_gt(fabs((double)moved[0]), 0);
    OK(fovea_trainer_read(t, "mean", after, 6 * sizeof *after));
    for (int i = 0; i < 6; i++) ck_assert_double_eq((double)after[i], 0);
    fovea_trainer_destroy(t);
    close_device();
}
END_TEST

/* mean' = 0.9 mean + 0.1 (mean of the batch): the convolution is linear, so its mean is known. */
START_TEST(statistics_are_gathered) {
    open_device(_i);
    float w[150], mean[6], variance[6];
    fovea_trainer *t = create((fovea_train_options){.optimizer = {.method = FOVEA_SGD}});
    OK(fovea_trainer_read(t, "conv.weight", w, sizeof w));
    steps(t, 0, 1);
    OK(fovea_trainer_read(t, "mean", mean, sizeof mean));
    OK(fovea_trainer_read(t, "variance", variance, sizeof variance));
    double sum = 0;
    for (int n = 0; n < BATCH; n++)
        for (int y = 0; y < 24; y++)
            for (int x = 0; x < 24; x++)
                for (int k = 0; k < 25; k++)
                    sum += (double)w[50 + k] *
                           (double)pixels[(n * SIDE + y + k / 5) * SIDE + x + k % 5];
    ck_assert_double_eq_tol((double)mean[2], 0.1 * sum / (BATCH * 24 * 24), 1e-6);
    ck_assert_double_gt(fabs((double)variance[2] - 1), 1e-3);
    fovea_trainer_destroy(t);
    close_device();
}
END_TEST

static double first_loss(fovea_train_options o, fovea_batch b) {
    fovea_train_result r;
    const char *still[] = {"drop"}; /* nothing begins so: no parameter is frozen */
    o.frozen = still;
    o.n_frozen = 1;
    fovea_trainer *t = create(o);
    OK(fovea_trainer_step(t, &b, 0, &r));
    fovea_trainer_destroy(t);
    return r.loss;
}

/* The loss of a mixed batch is that mixture of the two losses. */
START_TEST(mixup_mixes_losses) {
    open_device(_i);
    fovea_train_options o = {.mixup = true};
    fovea_batch b = batch_at(0);
    double first = first_loss(o, b);
    b.lambda = 0;
    double second = first_loss(o, b);
    b.lambda = 0.25f;
    double mixed = first_loss(o, b);
    ck_assert_double_gt(fabs(first - second), 1e-3);
    ck_assert_double_eq_tol(mixed, 0.25 * first + 0.75 * second, 1e-5 * first);
    close_device();
}
END_TEST

/* What the step says of its loss is what the host finds in the scores (dropout aside: the network has none). */
START_TEST(losses_agree_with_the_host) {
    open_device(_i / 4);
    fovea_graph *g;
    fovea_trainer *t;
    fovea_train_result step, again;
    OK(fovea_zoo_create(&g, "lenet5", &(fovea_zoo_options){.seed = 2}));
    fovea_train_options o = {.batch = BATCH, .loss = (fovea_loss)(_i % 4), .scores = "fc3"};
    if (o.loss == FOVEA_LOSS_CROSS_ENTROPY) o.loss_options.label_smoothing = 0.1f;
    OK(fovea_trainer_create(&t, context, g, &o));
    fovea_batch b = batch_at(1);
    OK(fovea_trainer_evaluate(t, &b, &again));
    OK(fovea_trainer_step(t, &b, 0.01, &step));
    ck_assert_double_eq_tol(step.loss, again.loss, 1e-5 * fabs(again.loss));
    ck_assert_int_eq(step.correct, again.correct);
    OK(fovea_trainer_evaluate(t, &b, &again));
    ck_assert_double_lt(again.loss, step.loss); /* it went down */
    b.count = 3;                                /* evaluation takes what is there */
    OK(fovea_trainer_evaluate(t, &b, &again));
    ck_assert_int_eq(again.count, 3);
    fovea_trainer_destroy(t);
    fovea_graph_destroy(g);
    close_device();
}
END_TEST

/* The trained network as a graph gives what the trainer evaluates: here the loss of softmax outputs. */
START_TEST(the_export_is_the_trained_network) {
    open_device(_i);
    fovea_graph *g;
    fovea_plan *plan;
    fovea_tensor *in, *out;
    fovea_train_result r;
    float scores[BATCH * CLASSES];
    fovea_trainer *t = create(adam); /* with an average, which is what is evaluated and exported */
    steps(t, 0, 4);
    fovea_batch b = batch_at(2);
    OK(fovea_trainer_evaluate(t, &b, &r));
    OK(fovea_trainer_export(t, &g));
    fovea_binding bind = {.name = "x", .desc = {FOVEA_FLOAT32, 4, {BATCH, 1, SIDE, SIDE}}};
    OK(fovea_plan_create(&plan, context, g,
                         &(fovea_plan_options){.bindings = &bind, .n_bindings = 1}));
    fovea_value_info info;
    OK(fovea_graph_value(g, fovea_graph_output_at(g, 0), &info));
    OK(fovea_plan_tensor(plan, "x", &in));
    OK(fovea_plan_tensor(plan, info.name, &out));
    OK(fovea_tensor_write(in, b.x, BATCH * PIXELS * sizeof(float)));
    OK(fovea_plan_run(plan));
    OK(fovea_tensor_read(out, scores, sizeof scores));
    double loss = 0;
    for (int i = 0; i < BATCH; i++) loss -= log((double)scores[i * CLASSES + b.labels[i]]) / BATCH;
    ck_assert_double_eq_tol(loss, r.loss, 1e-5 * r.loss);
    fovea_plan_destroy(plan);
    fovea_graph_destroy(g);
    fovea_trainer_destroy(t);
    close_device();
}
END_TEST

START_TEST(a_step_is_verified_node_by_node) {
    open_device(_i);
    enum { CAPACITY = 256 };
    static fovea_verdict list[CAPACITY];
    size_t count, wrong;
    fovea_train_options o = adam;
    fovea_trainer *plain = create(o);
    o.check = true;
    fovea_trainer *t = create(o);
    for (int i = 0; i < 2; i++) {
        fovea_batch b = batch_at(i);
        OK(fovea_trainer_verify(t, &b, 0.05, NULL, list, CAPACITY, &count, &wrong));
        for (size_t k = 0; k < count && k < CAPACITY; k++)
            ck_assert_msg(list[k].right, "%s %s: %s, ratio %g", list[k].op, list[k].node,
                          list[k].reason, list[k].ratio);
        ck_assert_uint_gt(count, 20);
    }
    steps(plain, 0, 2); /* the checked steps are steps */
    ck_assert_double_lt(distance(plain, t), 1e-4);
    fovea_trainer_destroy(t);
    fovea_trainer_destroy(plain);
    close_device();
}
END_TEST

/* An update moves behind its gradient, but not in front of the last reader of what it overwrites. */
START_TEST(updates_wait_for_readers) {
    fovea_graph *g;
    fovea_desc d = {FOVEA_FLOAT32, 1, {3}};
    fovea_value w, v, x, a, gradient, reader, late, next[2];
    OK(fovea_graph_create(&g));
    OK(fovea_graph_input(g, "w", &d, &w));
    OK(fovea_graph_input(g, "v", &d, &v));
    OK(fovea_graph_input(g, "x", &d, &x));
    OK(fovea_graph_binary(g, "Mul", "forward", w, x, &a));
    OK(fovea_graph_unary(g, "Neg", "gradient", a, &gradient));
    OK(fovea_graph_binary(g, "Mul", "reader", gradient, w, &reader));
    OK(fovea_graph_unary(g, "Neg", "late", reader, &late));
    size_t first = g->n_nodes;
    OK(fovea_graph_binary(g, "Sub", "update w", w, gradient, &next[0]));
    OK(fovea_graph_binary(g, "Sub", "update v", v, gradient, &next[1]));
    OK(order_updates_early(g, first));
    static const char *const order[] = {"forward", "gradient", "update v",
                                        "reader",  "update w", "late"};
    for (size_t k = 0; k < 6; k++) ck_assert_str_eq(g->nodes[k].name, order[k]);
    ck_assert_uint_eq(g->values[next[0]].producer, 4);
    fovea_graph_destroy(g);
}
END_TEST

/* ---- Bad input ---- */

START_TEST(wrong_batches_are_refused) {
    open_device(1);
    fovea_trainer *t = create(adam);
    fovea_train_result r;
    int64_t bad[BATCH] = {0, 1, CLASSES, 2};
    fovea_batch b = batch_at(0);
    b.count = BATCH - 1;
    ck_assert_int_eq(fovea_trainer_step(t, &b, 0.1, &r), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "exactly 4"));
    b.count = BATCH;
    b.labels = bad;
    ck_assert_int_eq(fovea_trainer_step(t, &b, 0.1, &r), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "label 10 of picture 2"));
    b.labels = labels;
    ck_assert_int_eq(fovea_trainer_step(t, &b, NAN, &r), FOVEA_INVALID);
    ck_assert_int_eq(fovea_trainer_verify(t, &b, 0.1, NULL, NULL, 0, &(size_t){0}, &(size_t){0}),
                     FOVEA_INVALID);
    fovea_trainer_destroy(t);
    close_device();
}
END_TEST

static size_t read_file(const char *path, unsigned char **data) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    *data = malloc(size);
    ck_assert_uint_eq(fread(*data, 1, size, f), size);
    fclose(f);
    return size;
}

static void write_file(const char *path, const unsigned char *data, size_t size) {
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, size, f), size);
    fclose(f);
}

/* Cut anywhere, or with a byte of the header changed, a file is refused with a sentence or read whole; a
 * refused one changes nothing. */
START_TEST(damaged_checkpoints_change_nothing) {
    open_device(1);
    char *path = temporary("damaged");
    unsigned char *data;
    fovea_train_options o = {.optimizer = {.method = FOVEA_MOMENTUM}};
    fovea_trainer *t = create(o), *same = create(o);
    OK(fovea_trainer_save(t, path, NULL));
    size_t size = read_file(path, &data), refused = 0;
    steps(t, 0, 1);
    steps(same, 0, 1);
    for (int i = 0; i < 400; i++) {
        size_t at = (size_t)(random_mix(8, (uint64_t)i) % 2500), cut = size;
        unsigned char kept = data[at];
        if (i % 2) data[at] ^= (unsigned char)(1 + random_mix(10, (uint64_t)i) % 255);
        else cut = (size_t)(random_mix(12, (uint64_t)i) % size);
        write_file(path, data, cut);
        data[at] = kept;
        if (fovea_trainer_load(t, path, NULL) == FOVEA_OK) {
            ck_assert_uint_eq(cut, size); /* a cut file is never whole */
            fovea_trainer_destroy(t);
            t = create(o);
            steps(t, 0, 1);
            continue;
        }
        refused++;
        ck_assert_msg(strlen(fovea_error()) > 20, "%s", fovea_error());
        ck_assert_double_eq(distance(t, same), 0);
    }
    ck_assert_uint_gt(refused, 250);
    free(data);
    fovea_trainer_destroy(t);
    fovea_trainer_destroy(same);
    unlink(path);
    close_device();
}
END_TEST

START_TEST(checkpoints_of_others_are_refused) {
    open_device(1);
    char *path = temporary("others");
    fovea_trainer *t = create((fovea_train_options){.optimizer = {.method = FOVEA_MOMENTUM}});
    fovea_trainer *other = create(adam);
    OK(fovea_trainer_save(t, path, NULL));
    ck_assert_int_eq(fovea_trainer_load(other, path, NULL), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "momentum"));
    ck_assert_int_eq(fovea_trainer_load(t, "/nonexistent/file", NULL), FOVEA_BAD_FILE);
    ck_assert_int_eq(fovea_trainer_save(t, "/nonexistent/file", NULL), FOVEA_BAD_FILE);
    ck_assert_int_eq(fovea_trainer_save(t, "/dev/full", NULL), FOVEA_BAD_FILE);
    fovea_trainer_destroy(t);
    fovea_trainer_destroy(other);
    unlink(path);
    close_device();
}
END_TEST

START_TEST(networks_that_cannot_be_trained_are_refused) {
    open_device(1);
    fovea_graph *g;
    fovea_trainer *t;
    OK(fovea_graph_from_problem(&g, "Relu 2x3"));
    ck_assert_int_eq(fovea_trainer_create(&t, context, g, NULL), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "no parameter"));
    ck_assert_ptr_null(t);
    fovea_graph_destroy(g);
    g = small_network();
    fovea_train_options o = {.batch = BATCH, .scores = "nowhere"};
    ck_assert_int_eq(fovea_trainer_create(&t, context, g, &o), FOVEA_INVALID);
    o = (fovea_train_options){.batch = BATCH, .accumulate = -1};
    ck_assert_int_eq(fovea_trainer_create(&t, context, g, &o), FOVEA_INVALID);
    fovea_graph_destroy(g);
    close_device();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("trainer");
    TCase *tests = tcase_create("trainer");
    tcase_set_timeout(tests, 240);
    tcase_add_loop_test(tests, the_same_seed_gives_the_same_bits, 0, 2);
    tcase_add_loop_test(tests, stopping_and_going_on_changes_no_bit, 0, 2);
    tcase_add_test(tests, a_checkpoint_moves_to_another_device);
    tcase_add_loop_test(tests, accumulation_is_a_larger_batch, 0, 2);
    tcase_add_loop_test(tests, recomputation_changes_memory_alone, 0, 2);
    tcase_add_loop_test(tests, frozen_parameters_stay, 0, 2);
    tcase_add_loop_test(tests, statistics_are_gathered, 0, 2);
    tcase_add_loop_test(tests, mixup_mixes_losses, 0, 2);
    tcase_add_loop_test(tests, losses_agree_with_the_host, 0, 8);
    tcase_add_loop_test(tests, the_export_is_the_trained_network, 0, 2);
    tcase_add_loop_test(tests, a_step_is_verified_node_by_node, 0, 2);
    tcase_add_test(tests, updates_wait_for_readers);
    tcase_add_test(tests, wrong_batches_are_refused);
    tcase_add_test(tests, damaged_checkpoints_change_nothing);
    tcase_add_test(tests, checkpoints_of_others_are_refused);
    tcase_add_test(tests, networks_that_cannot_be_trained_are_refused);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
