/* Batches that run in parts where a device does not give the memory for all of it: test_split DEVICE. The same
 * bits come out as from the whole batch; what cannot be run in parts is refused with a sentence. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fovea_trainer.h"

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

static const char *device;

/* A context on a device that gives so many bytes in one piece, and has so many; 0: as it is. */
static fovea_context *open_device(size_t piece, size_t all, bool profile) {
    const fovea_context_options o = {.no_store = true, .profile = profile};
    fovea_context *c;
    char text[32];
    snprintf(text, sizeof text, "%zu", piece);
    setenv("FOVEA_MAX_ALLOCATION", text, 1);
    snprintf(text, sizeof text, "%zu", all);
    setenv("FOVEA_MEMORY", text, 1);
    OK(fovea_context_create(&c, device, &o));
    return c;
}

static void end(fovea_plan *p, fovea_context *c, fovea_graph *g) {
    fovea_plan_destroy(p);
    fovea_context_destroy(c);
    fovea_graph_destroy(g);
}

/* ---- Graphs ---- */

static fovea_value input(fovea_graph *g, const char *name, fovea_desc d) {
    fovea_value v;
    OK(fovea_graph_input(g, name, &d, &v));
    return v;
}

static fovea_value weights(fovea_graph *g, const char *name, fovea_desc d) {
    size_t n = (size_t)fovea_desc_elements(&d);
    float *data = malloc(n * sizeof *data);
    fovea_value v;
    for (size_t i = 0; i < n; i++) data[i] = sinf((float)(i + strlen(name))) / 4;
    OK(fovea_graph_constant(g, name, &d, data, &v));
    free(data);
    return v;
}

static fovea_value numbers(fovea_graph *g, const char *name, const int64_t *data, int64_t count) {
    fovea_desc d = {FOVEA_INT64, 1, {count}};
    fovea_value v;
    OK(fovea_graph_constant(g, name, &d, data, &v));
    return v;
}

static void output(fovea_graph *g, fovea_value v, const char *name) {
    OK(fovea_graph_name(g, v, name));
    OK(fovea_graph_output(g, v));
}

static fovea_value op(fovea_graph *g, const char *name, const char *node, const fovea_value *in,
                      size_t count, const fovea_attribute *a) {
    fovea_value y;
    OK(fovea_graph_op(g, name, node, in, count, a, a ? 1 : 0, &y, 1));
    return y;
}

enum { CHANNELS = 32, PLANE = 256 }; /* of the value in the middle of `wide` */
/* Bytes in the arena of that value for one sample, and what is added to them. */
static const size_t SAMPLE = (size_t)CHANNELS * PLANE * 4, EXTRA = 256;

/* x (batch, 4, 16, 16), eight times side by side, then what `middle` makes of it, then the mean of each
 * plane: y (batch, 32). Of all values only those in the middle are large. */
static fovea_graph *wide(int64_t batch, fovea_value (*middle)(fovea_graph *, fovea_value)) {
    fovea_graph *g;
    fovea_value xs[8], y;
    OK(fovea_graph_create(&g));
    xs[0] = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 4, {batch, 4, 16, 16}});
    for (int i = 1; i < 8; i++) xs[i] = xs[0];
    OK(fovea_graph_concat(g, "side by side", xs, 8, 1, &y));
    if (middle) y = middle(g, y);
    OK(fovea_graph_unary(g, "GlobalAveragePool", "mean", y, &y));
    OK(fovea_graph_flatten(g, "flatten", y, &y));
    output(g, y, "y");
    return g;
}

static fovea_graph *zoo(const char *name, int64_t size) {
    const fovea_zoo_options o = {.size = size, .classes = 10, .seed = 3};
    fovea_graph *g;
    OK(fovea_zoo_create(&g, name, &o));
    return g;
}

static fovea_value conv(fovea_graph *g, const char *name, fovea_value x, int64_t from, int64_t to,
                        int64_t kernel) {
    const fovea_window w = {.padding = FOVEA_PADDING_SAME};
    fovea_value y;
    char relu[32];
    fovea_value k = weights(g, name, (fovea_desc){FOVEA_FLOAT32, 4, {to, from, kernel, kernel}});
    snprintf(relu, sizeof relu, "%s relu", name);
    OK(fovea_graph_conv(g, name, x, k, FOVEA_NO_VALUE, &w, &y));
    OK(fovea_graph_unary(g, "Relu", relu, y, &y));
    return y;
}

/* Branches, a Concat, a residual, a value that is an output beside the end of the net, a second input that
 * serves all samples, and the batch's own size in a Reshape. */
static fovea_graph *branchy(void) {
    static const int64_t first[] = {0}, rest[] = {-1};
    const fovea_attribute axis = {.name = "axis", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    fovea_graph *g;
    fovea_value y, both[2], pair[2], scores;
    OK(fovea_graph_create(&g));
    fovea_value x = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 4, {-1, 3, 12, 12}});
    fovea_value gain = input(g, "gain", (fovea_desc){FOVEA_FLOAT32, 4, {1, 24, 1, 1}});
    y = conv(g, "stem", x, 3, 24, 3);
    both[0] = conv(g, "narrow", y, 24, 8, 1);
    both[1] = conv(g, "broad", y, 24, 16, 3);
    OK(fovea_graph_concat(g, "concat", both, 2, 1, &pair[0]));
    OK(fovea_graph_binary(g, "Add", "residual", pair[0], y, &y));
    OK(fovea_graph_binary(g, "Mul", "gained", y, gain, &y));
    OK(fovea_graph_unary(g, "GlobalAveragePool", "pool", y, &y));
    output(g, y, "features");
    pair[0] = op(g, "Shape", "shape", &x, 1, NULL);
    pair[1] = numbers(g, "first", first, 1);
    both[0] = op(g, "Gather", "size", pair, 2, NULL);
    both[1] = numbers(g, "rest", rest, 1);
    pair[0] = y;
    pair[1] = op(g, "Concat", "sizes", both, 2, &axis);
    y = op(g, "Reshape", "rows", pair, 2, NULL);
    OK(fovea_graph_dense(g, "dense", y, weights(g, "w", (fovea_desc){FOVEA_FLOAT32, 2, {10, 24}}),
                         FOVEA_NO_VALUE, &scores));
    OK(fovea_graph_softmax(g, "softmax", scores, 1, &y));
    output(g, y, "y");
    return g;
}

/* ---- Running ---- */

static size_t bytes_of(const fovea_tensor *t) {
    return (size_t)fovea_desc_elements(fovea_tensor_desc(t)) *
           fovea_dtype_size(fovea_tensor_desc(t)->dtype);
}

static void fill(fovea_tensor *t, double seed) {
    size_t n = bytes_of(t) / sizeof(float);
    float *data = malloc(n * sizeof *data);
    for (size_t i = 0; i < n; i++) data[i] = (float)sin(seed + 1.7 * (double)i);
    OK(fovea_tensor_write(t, data, n * sizeof *data));
    free(data);
}

static fovea_tensor *tensor(const fovea_plan *p, const char *name) {
    fovea_tensor *t;
    OK(fovea_plan_tensor(p, name, &t));
    return t;
}

static fovea_value_info value_of(const fovea_graph *g, bool is_output, size_t i) {
    fovea_value_info v;
    OK(fovea_graph_value(g, is_output ? fovea_graph_output_at(g, i) : fovea_graph_input_at(g, i),
                         &v));
    return v;
}

/* A plan for a batch of inputs that leave it free, and for others as they are. */
static fovea_status make(fovea_plan **p, fovea_context *c, const fovea_graph *g, int64_t batch,
                         fovea_plan_options o) {
    fovea_binding b[4];
    fovea_graph_info info;
    fovea_graph_get_info(g, &info);
    for (size_t i = 0; i < info.inputs; i++) {
        fovea_value_info v = value_of(g, false, i);
        b[i] = (fovea_binding){v.name, v.desc, NULL};
        if (v.desc.dim[0] < 0) b[i].desc.dim[0] = batch;
    }
    o.bindings = b;
    o.n_bindings = info.inputs;
    return fovea_plan_create(p, c, g, &o);
}

static size_t parts_of(const fovea_plan *p) {
    fovea_plan_info info;
    fovea_plan_get_info(p, &info);
    return info.parts;
}

static void feed(const fovea_graph *g, const fovea_plan *p, double seed) {
    fovea_graph_info info;
    fovea_graph_get_info(g, &info);
    for (size_t i = 0; i < info.inputs; i++)
        fill(tensor(p, value_of(g, false, i).name), seed + (double)i);
}

static char *read_tensor(const fovea_tensor *t) {
    char *data = malloc(bytes_of(t) + 1);
    OK(fovea_tensor_read(t, data, bytes_of(t)));
    return data;
}

static void expect_equal(const fovea_tensor *want, const fovea_tensor *got) {
    char *a = read_tensor(want), *b = read_tensor(got);
    ck_assert(desc_equal(fovea_tensor_desc(want), fovea_tensor_desc(got)));
    ck_assert_mem_eq(a, b, bytes_of(want));
    free(a);
    free(b);
}

/* Bytes of a tensor's piece that belongs to one of `parts` parts: all of what serves every part. */
static size_t piece_of(const fovea_tensor *whole, const fovea_tensor *part, size_t i) {
    return bytes_of(whole) > bytes_of(part) ? i * bytes_of(part) : 0;
}

static bool same_algorithms(const fovea_plan *a, const fovea_plan *b) {
    fovea_step_info s, t;
    for (size_t i = 0; fovea_plan_step(a, i, &s) == FOVEA_OK; i++)
        if (fovea_plan_step(b, i, &t) != FOVEA_OK || strcmp(s.algorithm, t.algorithm) != 0)
            return false;
    return true;
}

/* What a plan for one part gives of each piece of the input is what the split plan gave. */
static void expect_pieces(const fovea_graph *g, const fovea_plan *split, fovea_plan *part) {
    fovea_graph_info info;
    fovea_graph_get_info(g, &info);
    for (size_t k = 0; k < parts_of(split); k++) {
        for (size_t i = 0; i < info.inputs; i++) {
            const char *name = value_of(g, false, i).name;
            fovea_tensor *from = tensor(split, name), *to = tensor(part, name);
            char *data = read_tensor(from);
            OK(fovea_tensor_write(to, data + piece_of(from, to, k), bytes_of(to)));
            free(data);
        }
        OK(fovea_plan_run(part));
        for (size_t i = 0; i < info.outputs; i++) {
            const char *name = value_of(g, true, i).name;
            fovea_tensor *all = tensor(split, name), *one = tensor(part, name);
            char *a = read_tensor(all), *b = read_tensor(one);
            ck_assert_mem_eq(a + piece_of(all, one, k), b, bytes_of(one));
            free(a);
            free(b);
        }
    }
}

static void expect_whole(const fovea_graph *g, const fovea_plan *split, fovea_plan *whole,
                         double seed) {
    fovea_graph_info info;
    fovea_graph_get_info(g, &info);
    feed(g, whole, seed);
    OK(fovea_plan_run(whole));
    for (size_t i = 0; i < info.outputs; i++) {
        const char *name = value_of(g, true, i).name;
        expect_equal(tensor(whole, name), tensor(split, name));
    }
}

/* Twice, with different numbers: what a device with room for it gives, of all at once where its plan takes the
 * same algorithms (it must if `alike`), and of each part by itself. parts 0: more than one. */
static void expect_same_bits(const fovea_graph *g, int64_t batch, size_t piece, size_t all,
                             size_t parts, bool alike) {
    const fovea_plan_options none = {0};
    fovea_context *roomy = open_device(0, 0, false), *tight = open_device(piece, all, false);
    fovea_plan *whole, *split, *part;
    OK(make(&whole, roomy, g, batch, none));
    OK(make(&split, tight, g, batch, none));
    ck_assert_uint_eq(parts_of(whole), 1);
    if (parts) ck_assert_uint_eq(parts_of(split), parts);
    else ck_assert_uint_gt(parts_of(split), 1);
    OK(make(&part, roomy, g, batch / (int64_t)parts_of(split), none));
    bool same = same_algorithms(whole, split);
    ck_assert(same || !alike);
    for (int run = 0; run < 2; run++) {
        feed(g, split, run);
        OK(fovea_plan_run(split));
        if (same) expect_whole(g, split, whole, run);
        expect_pieces(g, split, part);
    }
    fovea_plan_destroy(part);
    end(split, tight, NULL);
    end(whole, roomy, NULL);
}

/* All that the plan holds at a time, as the refusal of a device that has next to nothing tells. */
static size_t held(const fovea_graph *g, int64_t batch) {
    static const char words[] = " bytes for all that it holds";
    fovea_context *c = open_device(0, 1, false);
    fovea_plan *p;
    ck_assert_int_eq(make(&p, c, g, batch, (fovea_plan_options){.whole = true}), FOVEA_NO_MEMORY);
    const char *end = strstr(fovea_error(), words), *begin = end;
    ck_assert_msg(end, "%s", fovea_error());
    while (begin[-1] >= '0' && begin[-1] <= '9') begin--;
    size_t bytes = (size_t)strtoull(begin, NULL, 10);
    fovea_context_destroy(c);
    return bytes;
}

/* Less than it holds, by a fraction of its arena: inputs, outputs and weights stay. */
static size_t too_little(const fovea_graph *g, int64_t batch) {
    fovea_context *c = open_device(0, 0, false);
    fovea_plan_info info;
    fovea_plan *p;
    OK(make(&p, c, g, batch, (fovea_plan_options){0}));
    fovea_plan_get_info(p, &info);
    end(p, c, NULL);
    return held(g, batch) - (size_t)info.arena_bytes / 8;
}

/* ---- The same bits ---- */

START_TEST(as_many_parts_as_are_needed) {
    const struct {
        size_t batch, piece, parts;
    } cases[] = {
        {8, 8 * SAMPLE + EXTRA, 1},     {8, 8 * SAMPLE + EXTRA - 1, 2}, {8, 4 * SAMPLE + EXTRA, 2},
        {8, 4 * SAMPLE + EXTRA - 1, 4}, {8, 2 * SAMPLE + EXTRA - 1, 8}, {6, 2 * SAMPLE + EXTRA, 3},
        {7, 6 * SAMPLE + EXTRA, 7},     {9, 8 * SAMPLE + EXTRA, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fovea_graph *g = wide(-1, NULL);
        expect_same_bits(g, (int64_t)cases[i].batch, cases[i].piece, 0, cases[i].parts, true);
        fovea_graph_destroy(g);
    }
}
END_TEST

START_TEST(all_memory_counts) {
    fovea_graph *g = wide(-1, NULL);
    size_t least = held(g, 8);
    expect_same_bits(g, 8, 0, least - 1, 2, true);
    expect_same_bits(g, 8, 0, least, 1, true);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(branches_residuals_and_shapes) {
    fovea_graph *g = branchy();
    expect_same_bits(g, 8, 60000, 0, 0, false);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(classic_networks) {
    const struct {
        const char *name;
        int64_t size;
    } cases[] = {{"lenet5", 28}, {"resnet18", 32}, {"googlenet", 48}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fovea_graph *g = zoo(cases[i].name, cases[i].size);
        expect_same_bits(g, 8, 0, too_little(g, 8), 2, false);
        fovea_graph_destroy(g);
    }
}
END_TEST

/* Which tensors are bound is seen by each run, and each part gets its piece of them. */
START_TEST(tensors_of_the_caller) {
    fovea_graph *g = wide(8, NULL);
    fovea_context *roomy = open_device(0, 0, false),
                  *tight = open_device(2 * SAMPLE + EXTRA, 0, false);
    fovea_plan *whole, *split;
    fovea_tensor *x[2], *y[2];
    const fovea_desc dx = {FOVEA_FLOAT32, 4, {8, 4, 16, 16}}, dy = {FOVEA_FLOAT32, 2, {8, 32}};
    const fovea_desc one = {FOVEA_FLOAT32, 4, {2, 4, 16, 16}};
    OK(fovea_plan_create(&whole, roomy, g, NULL));
    OK(fovea_plan_create(&split, tight, g, NULL));
    ck_assert_uint_eq(parts_of(split), 4);
    for (int i = 0; i < 2; i++) {
        OK(fovea_tensor_create(&x[i], tight, &dx));
        OK(fovea_tensor_create(&y[i], tight, &dy));
        fill(x[i], 10 + i);
    }
    for (int run = 0; run < 4; run++) {
        int a = run % 2, b = run / 2;
        OK(fovea_plan_bind(split, "x", x[a]));
        OK(fovea_plan_bind(split, "y", y[b]));
        OK(fovea_plan_run(split));
        fill(tensor(whole, "x"), 10 + a);
        OK(fovea_plan_run(whole));
        expect_equal(tensor(whole, "y"), y[b]);
    }
    fovea_tensor *small;
    OK(fovea_tensor_create(&small, tight, &one)); /* a part is no batch */
    ck_assert_int_eq(fovea_plan_bind(split, "x", small), FOVEA_INVALID);
    fovea_tensor_destroy(small);
    fovea_plan_destroy(split); /* it borrows the tensors, which belong to the context */
    for (int i = 0; i < 2; i++) {
        fovea_tensor_destroy(x[i]);
        fovea_tensor_destroy(y[i]);
    }
    end(NULL, tight, g);
    end(whole, roomy, NULL);
}
END_TEST

/* ---- What is told of it ---- */

static size_t seen;

static bool see(void *user, size_t done, size_t total, const fovea_verdict *verdict) {
    (void)user;
    ck_assert_uint_eq(done, ++seen);
    ck_assert_uint_ge(total, done);
    return verdict->right;
}

/* Outputs of one byte an element, so that parts begin anywhere. */
static fovea_value compare(fovea_graph *g, fovea_value x) {
    fovea_value pair[2] = {x, weights(g, "zero", (fovea_desc){FOVEA_FLOAT32, 1, {1}})};
    const int64_t axes[] = {1, 2, 3};
    fovea_value sum[2] = {x, numbers(g, "axes", axes, 3)};
    const fovea_attribute drop = {.name = "keepdims", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    pair[0] = op(g, "ReduceSum", "sum", sum, 2, &drop);
    output(g, op(g, "Greater", "flag", pair, 2, NULL), "flags");
    return x;
}

/* All parts are verified, in guarded memory, and each step is told of once. */
START_TEST(parts_are_verified) {
    fovea_graph *g = wide(6, compare);
    fovea_context *c = open_device(3 * SAMPLE, 0, false);
    fovea_plan *p;
    fovea_plan_info info;
    fovea_verify_options o = {.fill = true, .progress = see};
    size_t count, wrong;
    seen = 0;
    OK(make(&p, c, g, 0, (fovea_plan_options){.guard = true}));
    fovea_plan_get_info(p, &info);
    ck_assert_uint_eq(info.parts, 3);
    OK(fovea_plan_verify(p, &o, NULL, 0, &count, &wrong));
    ck_assert_uint_eq(count, info.steps);
    ck_assert_uint_eq(seen, info.steps);
    ck_assert_uint_eq(wrong, 0);
    /* Each part has written its piece, and no guard of another is left in it. */
    const char *names[] = {"y", "flags"};
    char *verified[2];
    for (int i = 0; i < 2; i++) verified[i] = read_tensor(tensor(p, names[i]));
    fill(tensor(p, "y"), 0);
    OK(fovea_plan_run(p));
    for (int i = 0; i < 2; i++) {
        char *again = read_tensor(tensor(p, names[i]));
        ck_assert_mem_eq(again, verified[i], bytes_of(tensor(p, names[i])));
        free(verified[i]);
        free(again);
    }
    o.exact = true;
    seen = 0;
    OK(fovea_plan_verify(p, &o, NULL, 0, &count, &wrong));
    ck_assert_uint_eq(wrong, 0);
    end(p, c, g);
}
END_TEST

/* Arithmetic and time are those of the whole batch. */
START_TEST(costs_are_of_the_whole_batch) {
    fovea_graph *g = wide(8, NULL);
    fovea_plan_info info[2];
    fovea_step_info step[2];
    for (int i = 0; i < 2; i++) {
        fovea_context *c = open_device(i ? 2 * SAMPLE + EXTRA : 0, 0, true);
        fovea_plan *p;
        OK(fovea_plan_create(&p, c, g, NULL));
        OK(fovea_plan_run(p));
        fovea_plan_get_info(p, &info[i]);
        for (size_t k = 0; k < info[i].steps; k++) {
            OK(fovea_plan_step(p, k, &step[i]));
            if (strcmp(step[i].op, "GlobalAveragePool") == 0) break;
        }
        ck_assert_int_eq(step[i].output.dim[0], i ? 2 : 8);
        if (fovea_context_device(c)->type != FOVEA_DEVICE_REFERENCE) ck_assert(step[i].ms > 0);
        end(p, c, NULL);
    }
    ck_assert_uint_eq(info[1].parts, 4);
    ck_assert(info[0].flops > 0 && info[0].flops == info[1].flops);
    ck_assert(step[0].flops == step[1].flops && step[0].bytes == step[1].bytes);
    ck_assert_int_lt(info[1].arena_bytes, info[0].arena_bytes / 3);
    fovea_graph_destroy(g);
}
END_TEST

/* ---- What cannot be done ---- */

static void expect_too_large(const fovea_graph *g, size_t piece, size_t all, fovea_plan_options o,
                             const char *const words[3]) {
    fovea_context *c = open_device(piece, all, false);
    fovea_plan *p;
    ck_assert_int_eq(make(&p, c, g, 8, o), FOVEA_NO_MEMORY);
    ck_assert_ptr_null(p);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(!words[i] || strstr(fovea_error(), words[i]), "no '%s' in: %s", words[i],
                      fovea_error());
    fovea_context_destroy(c);
}

static fovea_value softmax_across(fovea_graph *g, fovea_value x) {
    OK(fovea_graph_softmax(g, "mixer", x, 0, &x));
    return x;
}

static fovea_value fixed_shape(fovea_graph *g, fovea_value x) {
    static const int64_t shape[] = {8, 32, 256, 1};
    fovea_value in[] = {x, numbers(g, "shape", shape, 4)};
    return op(g, "Reshape", "fixed", in, 2, NULL);
}

/* The numbers that a constant holds may depend on the size of the batch too. */
static fovea_value over_batch(fovea_graph *g, fovea_value x) {
    const fovea_attribute to = {.name = "to", .type = FOVEA_ATTRIBUTE_INT, .i = FOVEA_FLOAT32};
    fovea_value size = op(g, "Size", "size", &x, 1, NULL);
    fovea_value pair[] = {x, op(g, "Cast", "cast", &size, 1, &to)};
    return op(g, "Div", "over size", pair, 2, NULL);
}

/* Sixteen times as many channels: one sample is then larger than the whole input. */
static fovea_value widen(fovea_graph *g, fovea_value x) {
    fovea_value xs[16];
    for (int i = 0; i < 16; i++) xs[i] = x;
    OK(fovea_graph_concat(g, "wider", xs, 16, 1, &x));
    return x;
}

START_TEST(what_does_not_fit_is_told) {
    const size_t in = 8 * 4 * PLANE * 4; /* bytes of the whole input */
    const struct {
        fovea_value (*middle)(fovea_graph *, fovea_value);
        int64_t batch;
        size_t piece, all;
        const char *words[3];
        fovea_plan_options options;
    } cases[] = {
        {softmax_across,
         8,
         8 * SAMPLE + EXTRA - 1,
         0,
         {"Softmax node 'mixer' does not treat the samples of a batch one by one",
          " are 1 more than the ", "of Concat node 'side by side'"},
         {0}},
        {fixed_shape, 8, 4 * SAMPLE, 0, {"Reshape node 'fixed'", "cannot be run in parts"}, {0}},
        {over_batch, 8, 4 * SAMPLE, 0, {"Div node 'over size'"}, {0}},
        {widen,
         8,
         4 * SAMPLE,
         0,
         {"even with its batch in 8 parts", "there are no smaller parts of its batch"},
         {0}},
        {NULL, 1, SAMPLE, 0, {"no input has a batch", "gives in one piece"}, {0}},
        {NULL, 8, in - 1, 0, {"for input 'x' are", "parts of a batch would need no less"}, {0}},
        {NULL, 8, 0, in, {"for all that it holds", "that the device has", "need no less"}, {0}},
        {NULL, 8, 4 * SAMPLE, 0, {"its batch as a whole"}, {.whole = true}},
        {NULL, 8, 4 * SAMPLE, 0, {"keeps all values"}, {.keep_values = true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fovea_graph *g = wide(cases[i].batch, cases[i].middle);
        expect_too_large(g, cases[i].piece, cases[i].all, cases[i].options, cases[i].words);
        fovea_graph_destroy(g);
    }
}
END_TEST

START_TEST(training_runs_whole_batches) {
    const fovea_train_options o = {.batch = 8};
    fovea_context *c = open_device(100000, 0, false);
    fovea_graph *g = zoo("lenet5", 28);
    fovea_trainer *t;
    ck_assert_int_eq(fovea_trainer_create(&t, c, g, &o), FOVEA_NO_MEMORY);
    ck_assert_msg(strstr(fovea_error(), "a smaller batch, or `recompute`, needs less"), "%s",
                  fovea_error());
    end(NULL, c, g);
}
END_TEST

int main(int argc, char **argv) {
    fovea_context *c;
    device = argc > 1 ? argv[1] : "reference";
    if (fovea_context_create(&c, device, NULL) != FOVEA_OK) {
        printf("%s\n", fovea_error());
        return 77;
    }
    fovea_context_destroy(c);
    setenv("CK_FORK", "no", 1); /* runtimes have threads by now, which no fork takes along */
    Suite *suite = suite_create("split");
    TCase *tests = tcase_create("split");
    tcase_add_test(tests, as_many_parts_as_are_needed);
    tcase_add_test(tests, all_memory_counts);
    tcase_add_test(tests, branches_residuals_and_shapes);
    tcase_add_test(tests, classic_networks);
    tcase_add_test(tests, tensors_of_the_caller);
    tcase_add_test(tests, parts_are_verified);
    tcase_add_test(tests, costs_are_of_the_whole_batch);
    tcase_add_test(tests, what_does_not_fit_is_told);
    tcase_add_test(tests, training_runs_whole_batches);
    tcase_set_timeout(tests, 300);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
