/* Networks as strangers bring them to the trainer: written in training form, constants shared or made by nodes,
 * weights in two layers, several heads and inputs, inputs and labels of the wrong kind. On the reference. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "harness.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/random.h"
#include "fovea_trainer.h"

enum { BATCH = 4, CHANNELS = 2, SIDE = 4, CLASSES = 3, PIXELS = CHANNELS * SIDE * SIDE };

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s: %s", #call, fovea_error())

static fovea_context *context;
static fovea_graph *g;
static fovea_trainer *t;
static float pixels[BATCH * PIXELS];
static const int64_t labels[BATCH] = {0, 2, 1, 2};
static const fovea_batch batch = {.x = pixels, .labels = labels, .lambda = 1, .count = BATCH};

static void begin(void) {
    for (int i = 0; i < BATCH * PIXELS; i++)
        pixels[i] = (float)(random_mix(3, (uint64_t)i) >> 40) * 0x1p-23f - 1;
    OK(fovea_context_create(&context, "reference", NULL));
    OK(fovea_graph_create(&g));
}

static void end(void) {
    fovea_trainer_destroy(t);
    fovea_graph_destroy(g);
    fovea_context_destroy(context);
}

/* ---- Pieces ---- */

static fovea_value input(const char *name, fovea_dtype type) {
    fovea_value v;
    OK(fovea_graph_input(g, name, &(fovea_desc){type, 4, {-1, CHANNELS, SIDE, SIDE}}, &v));
    return v;
}

/* Small numbers around `middle`. */
static fovea_value constant(const char *name, fovea_desc d, float middle) {
    static float numbers[1024];
    fovea_value v;
    for (size_t i = 0; i < 1024; i++)
        numbers[i] = middle + ((float)(random_mix(9, i) >> 40) * 0x1p-23f - 1) * 0.2f;
    OK(fovea_graph_constant(g, name, &d, numbers, &v));
    return v;
}

static fovea_value vector(const char *name, float middle) {
    return constant(name, (fovea_desc){FOVEA_FLOAT32, 1, {CHANNELS}}, middle);
}

static fovea_value node(const char *op, const fovea_value *in, size_t n_in,
                        const fovea_attribute *attr, size_t n_attr) {
    fovea_value y;
    OK(fovea_graph_op(g, op, "", in, n_in, attr, n_attr, &y,
                      1)); /* without a name, as in many files */
    return y;
}

static fovea_value unary(const char *op, fovea_value x) {
    return node(op, &x, 1, NULL, 0);
}

static fovea_value norm(fovea_value x, fovea_value scale, fovea_value bias, fovea_value mean,
                        fovea_value variance) {
    return node("BatchNormalization", (fovea_value[]){x, scale, bias, mean, variance}, 5, NULL, 0);
}

/* Scores of x by weights of this name. */
static fovea_value head(fovea_value x, const char *name) {
    fovea_value flat, y;
    fovea_value w = constant(name, (fovea_desc){FOVEA_FLOAT32, 2, {CLASSES, PIXELS}}, 0);
    OK(fovea_graph_flatten(g, "", x, &flat));
    OK(fovea_graph_dense(g, "", flat, w, FOVEA_NO_VALUE, &y));
    return y;
}

static void create(fovea_train_options o) {
    o.batch = BATCH;
    OK(fovea_trainer_create(&t, context, g, &o));
}

static void refuse(fovea_train_options o, fovea_status status, const char *says) {
    if (!o.batch) o.batch = BATCH;
    fovea_status got = fovea_trainer_create(&t, context, g, &o);
    ck_assert_msg(got == status, "%s: %s", fovea_status_name(got), fovea_error());
    ck_assert_msg(strstr(fovea_error(), says) != NULL, "%s", fovea_error());
    ck_assert_ptr_null(t);
}

static double step(double rate) {
    fovea_train_result r;
    OK(fovea_trainer_step(t, &batch, rate, &r));
    return r.loss;
}

static double evaluate(void) {
    fovea_train_result r;
    OK(fovea_trainer_evaluate(t, &batch, &r));
    return r.loss;
}

/* The first number of a parameter. */
static double number_of(const char *name) {
    float data[1024];
    fovea_desc d;
    const char *got;
    for (size_t i = 0; fovea_trainer_parameter(t, i, &got, &d) == FOVEA_OK; i++)
        if (strcmp(got, name) == 0) {
            OK(fovea_trainer_read(t, name, data, desc_bytes(&d)));
            return (double)data[0];
        }
    return NAN;
}

static size_t parameters(void) {
    size_t n = 0;
    const char *name;
    fovea_desc d;
    while (fovea_trainer_parameter(t, n, &name, &d) == FOVEA_OK) n++;
    return n;
}

/* ---- Statistics and parameters that are one constant ---- */

/* Exporters store equal constants once: all scales and variances, all biases and means of a fresh network. */
START_TEST(shared_statistics_are_parted) {
    begin();
    fovea_value one = vector("one", 1), zero = vector("zero", 0);
    fovea_value x = norm(input("x", FOVEA_FLOAT32), one, zero, zero, one);
    x = norm(unary("Relu", x), one, zero, zero, one);
    OK(fovea_graph_output(g, head(x, "w")));
    create((fovea_train_options){.seed = 1});
    ck_assert_uint_eq(parameters(),
                      7); /* a scale and a bias for both, two statistics for each, w */
    double bias = number_of("zero"), scale = number_of("one");
    step(0); /* the rate 0 learns nothing; statistics are gathered */
    ck_assert_double_eq(number_of("zero"), bias);
    ck_assert_double_eq(number_of("one"), scale);
    ck_assert_double_eq_tol(number_of("zero:2"), 0.9 * bias, 0.1);
    ck_assert_double_ne(number_of("zero:2"), bias);
    ck_assert_double_ne(number_of("zero:2"), number_of("zero:3"));
    ck_assert_double_ne(number_of("one:2"), number_of("one:3"));
    step(0.1);
    ck_assert_double_ne(number_of("one"), scale);
    end();
}
END_TEST

START_TEST(the_mean_may_be_the_variance) {
    begin();
    fovea_value same = vector("same", 1);
    fovea_value x = norm(input("x", FOVEA_FLOAT32), vector("s", 1), vector("b", 0), same, same);
    OK(fovea_graph_output(g, head(x, "w")));
    create((fovea_train_options){.seed = 1});
    double before = number_of("same");
    step(0);
    ck_assert_double_ne(number_of("same"), before);
    ck_assert_double_ne(number_of("same"), number_of("same:2"));
    end();
}
END_TEST

/* The gradient of weights in two layers is the sum of both. */
START_TEST(layers_may_share_weights) {
    begin();
    fovea_window same = {.pads = {1, 1, 1, 1}};
    fovea_value x = input("x", FOVEA_FLOAT32), y;
    fovea_value w = constant("w", (fovea_desc){FOVEA_FLOAT32, 4, {CHANNELS, CHANNELS, 3, 3}}, 0.1f);
    OK(fovea_graph_conv(g, "", x, w, FOVEA_NO_VALUE, &same, &y));
    OK(fovea_graph_conv(g, "", y, w, FOVEA_NO_VALUE, &same, &x));
    OK(fovea_graph_output(g, head(x, "head")));
    create((fovea_train_options){.keep_gradients = true});
    float dw[CHANNELS * CHANNELS * 9], numbers[CHANNELS * CHANNELS * 9];
    OK(fovea_trainer_read(t, "w", numbers, sizeof numbers));
    step(0);
    OK(fovea_trainer_read_gradient(t, "w", dw, sizeof dw));
    float kept = numbers[5], by = 1e-2f; /* a difference quotient of the whole loss */
    numbers[5] = kept + by;
    OK(fovea_trainer_write(t, "w", numbers, sizeof numbers));
    double up = evaluate();
    numbers[5] = kept - by;
    OK(fovea_trainer_write(t, "w", numbers, sizeof numbers));
    ck_assert_double_eq_tol((double)dw[5], (up - evaluate()) / (2 * (double)by), 1e-3);
    ck_assert_double_gt(fabs((double)dw[5]), 1e-2);
    end();
}
END_TEST

/* Weights that a node turns, as exporters of x W^T write them, are learned. */
START_TEST(weights_behind_nodes_are_learned) {
    begin();
    fovea_value flat, w;
    fovea_value stored = constant("stored", (fovea_desc){FOVEA_FLOAT32, 2, {CLASSES, PIXELS}}, 0);
    OK(fovea_graph_flatten(g, "", input("x", FOVEA_FLOAT32), &flat));
    w = unary("Identity", unary("Transpose", stored));
    OK(fovea_graph_output(g, node("MatMul", (fovea_value[]){flat, w}, 2, NULL, 0)));
    create((fovea_train_options){.seed = 1});
    ck_assert_uint_eq(parameters(), 1);
    double first = step(0.5);
    ck_assert_double_lt(step(0.5), first - 1e-3);
    fovea_graph *exported;
    OK(fovea_trainer_export(t, &exported));
    fovea_graph_destroy(exported);
    end();
}
END_TEST

START_TEST(a_parameter_may_be_an_output) {
    begin();
    fovea_value x = input("x", FOVEA_FLOAT32), y = head(x, "w");
    OK(fovea_graph_output(g, y));
    OK(fovea_graph_output(g, fovea_graph_find(g, "w")));
    create((fovea_train_options){.auxiliary = -1});
    double first = step(0.5), before = number_of("w");
    ck_assert_double_lt(step(0.5), first);
    ck_assert_double_ne(number_of("w"), before);
    end();
}
END_TEST

/* ---- Training form in the file ---- */

/* A file written for training drops and normalises by the batch; the trainer says when. */
START_TEST(flags_of_training_in_the_file_do_not_matter) {
    double losses[2], trained[2];
    for (int i = 0; i < 2; i++) {
        unsigned char yes = 1;
        float ratio = 0.5f;
        fovea_desc flag = {FOVEA_BOOL, 0, {0}}, number = {FOVEA_FLOAT32, 0, {0}};
        fovea_attribute training = {.name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = i};
        fovea_value in[5], drop[3], out[3];
        begin();
        in[0] = input("x", FOVEA_FLOAT32);
        in[1] = vector("scale", 1), in[2] = vector("bias", 0);
        in[3] = vector("mean", 0.3f), in[4] = vector("variance", 2);
        OK(fovea_graph_op(g, "BatchNormalization", "n", in, 5, &training, 1, out, i ? 3 : 1));
        drop[0] = out[0];
        OK(fovea_graph_constant(g, "ratio", &number, &ratio, &drop[1]));
        OK(fovea_graph_constant(g, "flag", &flag, &yes, &drop[2]));
        fovea_value y = node("Dropout", drop, i ? 3 : 2, NULL, 0);
        OK(fovea_graph_output(g, head(y, "w")));
        if (i) OK(fovea_graph_output(g, out[1])); /* the new mean is no head */
        create((fovea_train_options){.seed = 1});
        losses[i] = evaluate();
        ck_assert_double_eq(evaluate(), losses[i]);
        trained[i] = step(0.1);
        ck_assert_double_ne(trained[i], losses[i]);
        fovea_graph *exported;
        OK(fovea_trainer_export(t, &exported));
        for (size_t k = 0; k < exported->n_nodes; k++)
            ck_assert_int_eq(attr_int(&exported->nodes[k], "training_mode", 0), 0);
        fovea_graph_destroy(exported);
        end();
    }
    ck_assert_double_eq(losses[0], losses[1]);
}
END_TEST

/* Nodes without names draw numbers of their own. */
START_TEST(two_dropouts_differ) {
    begin();
    fovea_value x = input("x", FOVEA_FLOAT32), a, b;
    OK(fovea_graph_dropout(g, "", x, 0.5f, &a));
    OK(fovea_graph_dropout(g, "", x, 0.5f, &b));
    /* Equal masks would give 0, whatever the weights. */
    OK(fovea_graph_output(g, head(node("Sub", (fovea_value[]){a, b}, 2, NULL, 0), "w")));
    create((fovea_train_options){.seed = 1});
    ck_assert_double_eq_tol(evaluate(), log(CLASSES), 1e-6);
    ck_assert_double_gt(fabs(step(0) - log(CLASSES)), 1e-3);
    end();
}
END_TEST

/* ---- Heads, inputs, batches ---- */

START_TEST(scores_beside_their_softmax_count_once) {
    begin();
    fovea_value y = head(input("x", FOVEA_FLOAT32), "w"), p;
    OK(fovea_graph_softmax(g, "", y, 1, &p));
    OK(fovea_graph_output(g, p));
    OK(fovea_graph_output(g, y));
    create((fovea_train_options){.seed = 1});
    ck_assert_double_eq_tol(step(0), evaluate(), 1e-6);
    end();
}
END_TEST

/* loss = main + 0.5 auxiliary; without it the head is neither trained nor exported. */
START_TEST(heads_are_weighted_or_left_out) {
    double losses[3];
    const float weights[3] = {0.5f, 1, -1};
    for (int i = 0; i < 3; i++) {
        fovea_graph *exported;
        begin();
        fovea_value x = input("x", FOVEA_FLOAT32);
        OK(fovea_graph_output(g, head(x, "main")));
        OK(fovea_graph_output(g, head(unary("Relu", x), "second")));
        create((fovea_train_options){.auxiliary = weights[i]});
        double before = number_of("second");
        losses[i] = step(0.1);
        ck_assert_int_eq(number_of("second") != before, weights[i] > 0);
        OK(fovea_trainer_export(t, &exported));
        ck_assert_uint_eq(exported->n_outputs, 1);
        fovea_graph_destroy(exported);
        end();
    }
    ck_assert_double_eq_tol(losses[0] - losses[2], 0.5 * (losses[1] - losses[2]), 1e-6);
    ck_assert_double_gt(losses[1], losses[2]);
}
END_TEST

START_TEST(what_cannot_be_fed_is_refused) {
    begin();
    fovea_value x = input("x", FOVEA_FLOAT32);
    OK(fovea_graph_output(g, head(x, "w")));
    refuse((fovea_train_options){.batch = INT64_MAX}, FOVEA_INVALID, "9223372036854775807x2x4x4");
    refuse((fovea_train_options){.scores = "x"}, FOVEA_INVALID, "depends on no parameter");
    const float weights[2] = {1, 2};
    refuse((fovea_train_options){.loss_options = {.class_weights = weights, .n_class_weights = 2}},
           FOVEA_INVALID, "");
    input("y", FOVEA_FLOAT32);
    refuse((fovea_train_options){.batch = 0}, FOVEA_INVALID, "2 inputs");
    fovea_graph_destroy(g);
    OK(fovea_graph_create(&g));
    fovea_attribute to = {.name = "to", .type = FOVEA_ATTRIBUTE_INT, .i = FOVEA_FLOAT32};
    x = input("x", FOVEA_INT64);
    OK(fovea_graph_output(g, head(node("Cast", &x, 1, &to, 1), "w")));
    refuse((fovea_train_options){.batch = BATCH}, FOVEA_UNSUPPORTED, "float32");
    end();
}
END_TEST

/* A file that says how many rows its batch has in a constant runs with that batch alone. */
START_TEST(a_batch_may_be_fixed) {
    begin();
    const int64_t shape[2] = {1, PIXELS};
    fovea_value in[2], y;
    OK(fovea_graph_input(g, "x", &(fovea_desc){FOVEA_FLOAT32, 4, {1, CHANNELS, SIDE, SIDE}}, in));
    OK(fovea_graph_constant(g, "shape", &(fovea_desc){FOVEA_INT64, 1, {2}}, shape, &in[1]));
    fovea_value w = constant("w", (fovea_desc){FOVEA_FLOAT32, 2, {CLASSES, PIXELS}}, 0);
    OK(fovea_graph_dense(g, "", node("Reshape", in, 2, NULL, 0), w, FOVEA_NO_VALUE, &y));
    OK(fovea_graph_output(g, y));
    refuse((fovea_train_options){.seed = 1}, FOVEA_INVALID, "batches of 1, and not for 4");
    OK(fovea_trainer_create(&t, context, g, NULL));
    fovea_batch one = batch;
    one.count = 1;
    OK(fovea_trainer_step(t, &one, 0.1, NULL));
    end();
}
END_TEST

START_TEST(a_free_size_must_be_given) {
    begin();
    fovea_value x, y,
        w = constant("w", (fovea_desc){FOVEA_FLOAT32, 4, {CLASSES, CHANNELS, 1, 1}}, 0);
    OK(fovea_graph_input(g, "x", &(fovea_desc){FOVEA_FLOAT32, 4, {-1, CHANNELS, -1, -1}}, &x));
    OK(fovea_graph_conv(g, "", x, w, FOVEA_NO_VALUE, NULL, &y));
    OK(fovea_graph_flatten(g, "", unary("GlobalAveragePool", y), &x));
    OK(fovea_graph_output(g, x));
    refuse((fovea_train_options){.seed = 1}, FOVEA_INVALID, "size of input 'x' free (?x2x?x?)");
    create((fovea_train_options){.height = SIDE, .width = SIDE});
    step(0.1);
    end();
}
END_TEST

/* A value of the network must not be taken for one of the trainer's. */
START_TEST(names_of_the_trainer_are_refused) {
    static const char *const names[] = {"train:targets", "train:loss", "train:next:w",
                                        "train:control", "__metadata__"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin();
        fovea_value x = input("x", FOVEA_FLOAT32);
        fovea_value own = constant(names[i], (fovea_desc){FOVEA_FLOAT32, 1, {SIDE}}, 1);
        x = node("Mul", (fovea_value[]){x, own}, 2, NULL, 0);
        OK(fovea_graph_output(g, head(x, "w")));
        ck_assert_int_ne(fovea_trainer_create(&t, context, g, NULL), FOVEA_OK);
        ck_assert_msg(strstr(fovea_error(), names[i]) != NULL, "%s", fovea_error());
        end();
    }
}
END_TEST

/* A loader's batches may be smaller than the trainer's: what lies behind their rows is not read. */
START_TEST(fewer_rows_may_be_evaluated) {
    begin();
    OK(fovea_graph_output(g, head(input("x", FOVEA_FLOAT32), "w")));
    create((fovea_train_options){0});
    size_t page = (size_t)sysconf(_SC_PAGESIZE), row = PIXELS * sizeof(float);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    memcpy(pages + page - row, pixels, row);
    fovea_batch one = batch, again = batch;
    fovea_train_result a, b;
    one.x = (const float *)(const void *)(pages + page - row);
    one.count = again.count = 1;
    OK(fovea_trainer_evaluate(t, &one, &a));
    OK(fovea_trainer_evaluate(t, &again, &b));
    ck_assert(a.count == 1 && a.loss == b.loss && a.correct == b.correct);
    munmap(pages, 2 * page);
    end();
}
END_TEST

START_TEST(bad_targets_change_nothing) {
    begin();
    OK(fovea_graph_output(g, head(input("x", FOVEA_FLOAT32), "w")));
    create((fovea_train_options){.seed = 1});
    double before = number_of("w");
    const int64_t bad[BATCH] = {0, 1, -1, 2};
    ck_assert_int_eq(fovea_trainer_step_arrays(t, pixels, bad, 0.1, NULL), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "target 2 is -1"));
    ck_assert_double_eq(number_of("w"), before);
    OK(fovea_trainer_step_arrays(t, pixels, labels, 0.1, NULL));
    ck_assert_double_ne(number_of("w"), before);
    fovea_trainer_destroy(t);
    create((fovea_train_options){.mixup = true});
    ck_assert_int_eq(fovea_trainer_step(t, &batch, 0.1, NULL), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "second labels"));
    end();
}
END_TEST

/* A network that cuts each picture in two has twice as many rows as a batch has labels. */
START_TEST(rows_that_are_no_pictures_take_arrays) {
    begin();
    const int64_t shape[2] = {-1, PIXELS / 2};
    fovea_value in[2] = {input("x", FOVEA_FLOAT32)}, y;
    OK(fovea_graph_constant(g, "shape", &(fovea_desc){FOVEA_INT64, 1, {2}}, shape, &in[1]));
    fovea_value w = constant("w", (fovea_desc){FOVEA_FLOAT32, 2, {CLASSES, PIXELS / 2}}, 0);
    OK(fovea_graph_dense(g, "", node("Reshape", in, 2, NULL, 0), w, FOVEA_NO_VALUE, &y));
    OK(fovea_graph_output(g, y));
    create((fovea_train_options){.seed = 1});
    ck_assert_int_eq(fovea_trainer_step(t, &batch, 0.1, NULL), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "8x3"));
    const int64_t targets[2 * BATCH] = {0, 1, 2, 0, 1, 2, 0, 1};
    fovea_train_result r;
    OK(fovea_trainer_step_arrays(t, pixels, targets, 0.1, &r));
    ck_assert_int_eq(r.count, 2 * BATCH);
    end();
}
END_TEST

/* Scores for each pixel: the loss is the mean over all of them; hits are not counted. */
START_TEST(each_pixel_may_have_a_class) {
    begin();
    fovea_value y, w = constant("w", (fovea_desc){FOVEA_FLOAT32, 4, {CLASSES, CHANNELS, 1, 1}}, 0);
    OK(fovea_graph_conv(g, "", input("x", FOVEA_FLOAT32), w, FOVEA_NO_VALUE, NULL, &y));
    OK(fovea_graph_output(g, y));
    create((fovea_train_options){.seed = 1});
    int64_t targets[BATCH * SIDE * SIDE];
    for (int i = 0; i < BATCH * SIDE * SIDE; i++) targets[i] = i % CLASSES;
    fovea_train_result first, second;
    OK(fovea_trainer_step_arrays(t, pixels, targets, 1, &first));
    OK(fovea_trainer_step_arrays(t, pixels, targets, 1, &second));
    ck_assert_double_lt(second.loss, first.loss);
    ck_assert_int_eq(first.correct, -1);
    targets[BATCH * SIDE * SIDE - 1] = CLASSES;
    ck_assert_int_eq(fovea_trainer_step_arrays(t, pixels, targets, 1, NULL), FOVEA_INVALID);
    end();
}
END_TEST

/* ---- Checkpoints ---- */

/* Writes the file again with a number of its notes replaced. */
static void change_note(const char *path, const char *key, const char *number) {
    char data[8192], header[8192];
    FILE *f = fopen(path, "rb");
    size_t size = fread(data, 1, sizeof data, f), length = (unsigned char)data[0];
    fclose(f);
    length |= (size_t)(unsigned char)data[1] << 8;
    ck_assert_uint_lt(size, sizeof data);
    data[8 + length - 1] = '\0'; /* a space behind the JSON */
    char *at = strstr(data + 8, key);
    ck_assert_ptr_nonnull(at);
    at += strlen(key) + strlen("\":\"");
    int written = snprintf(header + 8, sizeof header - 8, "%.*s%s%s", (int)(at - data - 8),
                           data + 8, number, strchr(at, '"'));
    for (int i = 0; i < 8; i++) header[i] = (char)(i < 2 ? written >> (8 * i) : 0);
    f = fopen(path, "wb");
    fwrite(header, 1, 8 + (size_t)written, f);
    fwrite(data + 8 + length, 1, size - 8 - length, f);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(counters_of_a_checkpoint_must_make_sense) {
    static const struct {
        const char *key, *number, *says;
    } bad[] = {{"fovea.steps", "9223372036854775807", "updates in"},
               {"fovea.steps", "-1", "updates in"},
               {"fovea.updates", "7", "updates in"},
               {"fovea.updates", "1e3", "does not say"},
               {"fovea.accumulate", "4", "4 steps behind an update, not 2"},
               {"fovea.seed", "2", "made with seed 2, not 1"}};
    char path[64];
    snprintf(path, sizeof path, "/tmp/fovea-network-%d", (int)getpid());
    begin();
    OK(fovea_graph_output(g, head(input("x", FOVEA_FLOAT32), "w")));
    create((fovea_train_options){.seed = 1, .accumulate = 2});
    step(0.1);
    OK(fovea_trainer_save(t, path, NULL));
    change_note(path, "fovea.updates", "1");
    OK(fovea_trainer_load(t, path, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        OK(fovea_trainer_save(t, path, NULL));
        change_note(path, bad[i].key, bad[i].number);
        ck_assert_int_ne(fovea_trainer_load(t, path, NULL), FOVEA_OK);
        ck_assert_msg(strstr(fovea_error(), bad[i].says) != NULL, "%s", fovea_error());
    }
    unlink(path);
    end();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("strangers");
    tcase_add_test(tests, shared_statistics_are_parted);
    tcase_add_test(tests, the_mean_may_be_the_variance);
    tcase_add_test(tests, layers_may_share_weights);
    tcase_add_test(tests, weights_behind_nodes_are_learned);
    tcase_add_test(tests, a_parameter_may_be_an_output);
    tcase_add_test(tests, flags_of_training_in_the_file_do_not_matter);
    tcase_add_test(tests, two_dropouts_differ);
    tcase_add_test(tests, scores_beside_their_softmax_count_once);
    tcase_add_test(tests, heads_are_weighted_or_left_out);
    tcase_add_test(tests, what_cannot_be_fed_is_refused);
    tcase_add_test(tests, a_batch_may_be_fixed);
    tcase_add_test(tests, a_free_size_must_be_given);
    tcase_add_test(tests, names_of_the_trainer_are_refused);
    tcase_add_test(tests, fewer_rows_may_be_evaluated);
    tcase_add_test(tests, bad_targets_change_nothing);
    tcase_add_test(tests, rows_that_are_no_pictures_take_arrays);
    tcase_add_test(tests, each_pixel_may_have_a_class);
    tcase_add_test(tests, counters_of_a_checkpoint_must_make_sense);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
