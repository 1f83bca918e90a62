/* Plans: bindings, folding, rewriting, memory, binding of tensors, verification. The device is
 * $FOVEA_TEST_DEVICE, else the reference. Numbers are chosen so that every sum is exact. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fovea_context *context;

static void open_context(void) {
    const char *device = getenv("FOVEA_TEST_DEVICE");
    fovea_context_options o = {.no_store = true};
    ck_assert_msg(fovea_context_create(&context, device ? device : "reference", &o) == FOVEA_OK,
                  "%s", fovea_error());
}

static void close_context(void) {
    fovea_context_destroy(context);
}

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

static fovea_value input(fovea_graph *g, const char *name, fovea_desc d) {
    fovea_value v;
    OK(fovea_graph_input(g, name, &d, &v));
    return v;
}

static fovea_value constant(fovea_graph *g, const char *name, fovea_desc d, const float *data) {
    fovea_value v;
    OK(fovea_graph_constant(g, name, &d, data, &v));
    return v;
}

static void output(fovea_graph *g, fovea_value v, const char *name) {
    OK(fovea_graph_name(g, v, name));
    OK(fovea_graph_output(g, v));
}

static void write_value(fovea_plan *p, const char *name, const float *data) {
    fovea_tensor *t;
    OK(fovea_plan_tensor(p, name, &t));
    OK(fovea_tensor_write(t, data, (size_t)fovea_desc_elements(fovea_tensor_desc(t)) * 4));
}

static void expect_value(fovea_plan *p, const char *name, const float *want, size_t count) {
    fovea_tensor *t;
    float got[256];
    OK(fovea_plan_tensor(p, name, &t));
    ck_assert_int_eq(fovea_desc_elements(fovea_tensor_desc(t)), (int64_t)count);
    OK(fovea_tensor_read(t, got, count * 4));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(got[i] == want[i], "%s[%zu] is %.9g, expected %.9g", name, i, got[i],
                      want[i]);
}

static const fovea_desc image = {FOVEA_FLOAT32, 4, {1, 2, 1, 2}};

/* Convolution, batch normalisation and Relu become one step that gives the same numbers. */
START_TEST(convolution_absorbs_its_followers) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_plan_info info;
    fovea_value x, y;
    const float w[] = {1, 2, 3, -4}, scale[] = {2, 4}, shift[] = {1, -1}, mean[] = {3, 0},
                variance[] = {4, 16}, in[] = {1, 2, 3, 4}, want[] = {5, 8, 0, 0};
    fovea_desc c = {FOVEA_FLOAT32, 1, {2}};
    OK(fovea_graph_create(&g));
    x = input(g, "x", image);
    fovea_value wv = constant(g, "w", (fovea_desc){FOVEA_FLOAT32, 4, {2, 2, 1, 1}}, w);
    OK(fovea_graph_conv(g, "conv", x, wv, FOVEA_NO_VALUE, NULL, &y));
    OK(fovea_graph_batch_norm(g, "bn", y, constant(g, "s", c, scale), constant(g, "t", c, shift),
                              constant(g, "m", c, mean), constant(g, "v", c, variance), 0, &y));
    OK(fovea_graph_unary(g, "Relu", "relu", y, &y));
    output(g, y, "y");
    for (int rewrite = 0; rewrite < 2; rewrite++) {
        fovea_plan_options o = {.no_rewrite = !rewrite};
        OK(fovea_plan_create(&p, context, g, &o));
        fovea_plan_get_info(p, &info);
        ck_assert_uint_eq(info.steps, rewrite ? 1 : 3);
        write_value(p, "x", in);
        OK(fovea_plan_run(p));
        expect_value(p, "y", want, 4);
        fovea_plan_destroy(p);
    }
    fovea_graph_destroy(g);
}
END_TEST

/* MatMul, a constant Add and Clip become one Gemm. */
START_TEST(matmul_and_add_become_gemm) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_step_info step;
    fovea_plan_info info;
    fovea_value y, in[3];
    const float w[] = {1, 0, 2, 0, 1, 3}, b[] = {1, 1, -20}, x[] = {2, 5}, lo[] = {-1}, hi[] = {4},
                want[] = {3, 4, -1};
    fovea_desc scalar = {FOVEA_FLOAT32, 0, {0}};
    OK(fovea_graph_create(&g));
    fovea_value xv = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 2, {1, 2}});
    OK(fovea_graph_binary(g, "MatMul", "mm", xv,
                          constant(g, "w", (fovea_desc){FOVEA_FLOAT32, 2, {2, 3}}, w), &y));
    OK(fovea_graph_binary(g, "Add", "add", constant(g, "b", (fovea_desc){FOVEA_FLOAT32, 1, {3}}, b),
                          y, &y));
    in[0] = y;
    in[1] = constant(g, "lo", scalar, lo);
    in[2] = constant(g, "hi", scalar, hi);
    OK(fovea_graph_op(g, "Clip", "clip", in, 3, NULL, 0, &y, 1));
    output(g, y, "y");
    OK(fovea_plan_create(&p, context, g, NULL));
    fovea_plan_get_info(p, &info);
    ck_assert_uint_eq(info.steps, 1);
    OK(fovea_plan_step(p, 0, &step));
    ck_assert_str_eq(step.op, "Gemm");
    write_value(p, "x", x);
    OK(fovea_plan_run(p));
    expect_value(p, "y", want, 3);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* A value that two nodes read is not fused away, and one that is an output stays. */
START_TEST(shared_values_are_kept) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_plan_info info;
    fovea_value y, r, s;
    const float w[] = {1, 0, 0, -1}, in[] = {1, 2, 3, 4}, relu[] = {1, 2, 0, 0},
                sum[] = {2, 4, -3, -4};
    OK(fovea_graph_create(&g));
    fovea_value x = input(g, "x", image);
    fovea_value wv = constant(g, "w", (fovea_desc){FOVEA_FLOAT32, 4, {2, 2, 1, 1}}, w);
    OK(fovea_graph_conv(g, "conv", x, wv, FOVEA_NO_VALUE, NULL, &y));
    OK(fovea_graph_unary(g, "Relu", "relu", y, &r));
    OK(fovea_graph_binary(g, "Add", "add", r, y, &s));
    output(g, r, "relu");
    output(g, s, "sum");
    OK(fovea_plan_create(&p, context, g, NULL));
    fovea_plan_get_info(p, &info);
    ck_assert_uint_eq(info.steps, 3);
    write_value(p, "x", in);
    OK(fovea_plan_run(p));
    expect_value(p, "relu", relu, 4);
    expect_value(p, "sum", sum, 4);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* A long chain needs two buffers, not one for each value; kept values each keep their own. */
START_TEST(memory_is_reused) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_plan_info info;
    fovea_value y;
    float in[64], want[64];
    char name[16];
    for (int i = 0; i < 64; i++) in[i] = (float)i, want[i] = (float)-i;
    OK(fovea_graph_create(&g));
    y = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 1, {64}});
    for (int i = 0; i < 11; i++) {
        OK(fovea_graph_unary(g, "Neg", "neg", y, &y));
        snprintf(name, sizeof name, "y%d", i);
        OK(fovea_graph_name(g, y, name));
    }
    OK(fovea_graph_output(g, y));
    OK(fovea_plan_create(&p, context, g, NULL));
    fovea_plan_get_info(p, &info);
    ck_assert_int_le(info.arena_bytes, 2 * 512);
    ck_assert_int_gt(info.arena_bytes, 0);
    write_value(p, "x", in);
    OK(fovea_plan_run(p));
    expect_value(p, "y10", want, 64);
    fovea_tensor *t;
    ck_assert_int_eq(fovea_plan_tensor(p, "y4", &t), FOVEA_INVALID);
    fovea_plan_destroy(p);
    fovea_plan_options keep = {.keep_values = true};
    OK(fovea_plan_create(&p, context, g, &keep));
    write_value(p, "x", in);
    OK(fovea_plan_run(p));
    expect_value(p, "y4", want, 64);
    expect_value(p, "y5", in, 64);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* Inputs of a Concat that only it reads are made in their places of its output. Verification gives every
 * value memory of its own, so it cannot see one that is put into a wrong place. */
START_TEST(concat_is_made_in_place) {
    static const float in[4] = {1, -2, 3, -4};
    static const float want[12] = {-1, -0.f, -3, -0.f, 1, -2, 3, -4, -1, -2, -3, -4};
    static const char *const ops[3] = {"Relu", "Neg", "Abs"};
    fovea_graph *g;
    fovea_plan *p;
    fovea_value x, parts[3], y;
    OK(fovea_graph_create(&g));
    x = input(g, "x", image);
    for (int i = 0; i < 3; i++) OK(fovea_graph_unary(g, ops[i], ops[i], x, &parts[i]));
    OK(fovea_graph_concat(g, "concat", parts, 3, 1, &y));
    OK(fovea_graph_unary(g, "Neg", "end", y, &y));
    output(g, y, "y");
    OK(fovea_plan_create(&p, context, g, NULL));
    fovea_step_info step;
    bool in_place = false;
    for (size_t i = 0; fovea_plan_step(p, i, &step) == FOVEA_OK; i++)
        if (strcmp(step.op, "Concat") == 0) in_place = strcmp(step.algorithm, "in_place") == 0;
    ck_assert_int_eq(in_place, fovea_context_device(context)->type != FOVEA_DEVICE_REFERENCE);
    write_value(p, "x", in);
    OK(fovea_plan_run(p));
    expect_value(p, "y", want, 12);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* A plan that names an algorithm gives it the nodes that it accepts, and the others to whoever does them. */
START_TEST(a_named_algorithm_does_what_it_accepts) {
    if (fovea_context_device(context)->type == FOVEA_DEVICE_REFERENCE) return; /* it has none */
    float w[16 * 16 * 9] = {0};
    const fovea_window strided = {.stride = {2, 2}};
    fovea_graph *g;
    fovea_plan *p;
    fovea_value x, wv, y, z;
    fovea_step_info step;
    OK(fovea_graph_create(&g));
    x = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 4, {1, 16, 9, 9}});
    wv = constant(g, "w", (fovea_desc){FOVEA_FLOAT32, 4, {16, 16, 3, 3}}, w);
    OK(fovea_graph_conv(g, "strided", x, wv, FOVEA_NO_VALUE, &strided, &y));
    OK(fovea_graph_conv(g, "dense", y, wv, FOVEA_NO_VALUE, NULL, &z));
    output(g, z, "z");
    fovea_plan_options o = {.algorithm = "conv_winograd_f2x3"};
    OK(fovea_plan_create(&p, context, g, &o));
    for (size_t i = 0; fovea_plan_step(p, i, &step) == FOVEA_OK; i++)
        if (strcmp(step.op, "Conv") == 0)
            ck_assert_int_eq(strcmp(step.algorithm, o.algorithm) == 0,
                             strcmp(step.node, "dense") == 0);
    fovea_plan_destroy(p);
    o.algorithm = "conv_depthwise_blocked";
    ck_assert_int_eq(fovea_plan_create(&p, context, g, &o), FOVEA_UNSUPPORTED);
    ck_assert_msg(strstr(fovea_error(), "conv_depthwise_blocked does no node of the graph; Conv "
                                        "node 'strided': a group must have one input"),
                  "%s", fovea_error());
    fovea_graph_destroy(g);
}
END_TEST

/* The caller's tensors take the place of the plan's own. */
START_TEST(tensors_can_be_bound) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_tensor *a, *b, *small;
    fovea_value y;
    const float in[] = {1, -2, 3, -4}, want[] = {1, 2, 3, 4};
    float got[4];
    fovea_desc d = {FOVEA_FLOAT32, 1, {4}}, other = {FOVEA_FLOAT32, 1, {3}};
    OK(fovea_graph_create(&g));
    OK(fovea_graph_unary(g, "Abs", "abs", input(g, "x", d), &y));
    output(g, y, "y");
    OK(fovea_plan_create(&p, context, g, NULL));
    OK(fovea_tensor_create(&a, context, &d));
    OK(fovea_tensor_create(&b, context, &d));
    OK(fovea_tensor_create(&small, context, &other));
    ck_assert_int_eq(fovea_plan_bind(p, "x", small), FOVEA_INVALID);
    ck_assert_int_eq(fovea_plan_bind(p, "z", a), FOVEA_INVALID);
    OK(fovea_plan_bind(p, "x", a));
    OK(fovea_plan_bind(p, "y", b));
    OK(fovea_tensor_write(a, in, sizeof in));
    ck_assert_int_eq(fovea_tensor_write(a, in, 3), FOVEA_INVALID);
    OK(fovea_plan_run(p));
    OK(fovea_tensor_read(b, got, sizeof got));
    ck_assert_mem_eq(got, want, sizeof want);
    fovea_plan_destroy(p);
    fovea_tensor_destroy(a);
    fovea_tensor_destroy(b);
    fovea_tensor_destroy(small);
    fovea_graph_destroy(g);
}
END_TEST

/* Free dimensions: a batch is 1 unless bound; another free dimension must be bound. */
START_TEST(free_dimensions_are_fixed) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_tensor *t;
    fovea_value y;
    OK(fovea_graph_create(&g));
    OK(fovea_graph_unary(g, "Relu", "r", input(g, "x", (fovea_desc){FOVEA_FLOAT32, 2, {-1, -1}}),
                         &y));
    output(g, y, "y");
    ck_assert_int_eq(fovea_plan_create(&p, context, g, NULL), FOVEA_INVALID);
    ck_assert_ptr_null(p);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "free dimension 1"));
    fovea_binding b = {.name = "x", .desc = {FOVEA_FLOAT32, 2, {3, 5}}};
    fovea_plan_options o = {.bindings = &b, .n_bindings = 1};
    OK(fovea_plan_create(&p, context, g, &o));
    OK(fovea_plan_tensor(p, "y", &t));
    ck_assert_int_eq(fovea_tensor_desc(t)->dim[0], 3);
    ck_assert_int_eq(fovea_tensor_desc(t)->dim[1], 5);
    fovea_plan_destroy(p);
    b.desc.rank = 3;
    ck_assert_int_eq(fovea_plan_create(&p, context, g, &o), FOVEA_INVALID);
    b.name = "nobody";
    ck_assert_int_eq(fovea_plan_create(&p, context, g, &o), FOVEA_INVALID);
    fovea_graph_destroy(g);
}
END_TEST

/* An input that decides shapes must be given with its contents; shape arithmetic is folded. */
START_TEST(shapes_decided_by_inputs) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_tensor *t;
    fovea_value y, in[2];
    fovea_value_info info;
    const int64_t shape[] = {3, -1};
    OK(fovea_graph_create(&g));
    in[0] = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 2, {2, 6}});
    in[1] = input(g, "shape", (fovea_desc){FOVEA_INT64, 1, {2}});
    OK(fovea_graph_op(g, "Reshape", "r", in, 2, NULL, 0, &y, 1));
    output(g, y, "y");
    OK(fovea_graph_value(g, in[0], &info));
    ck_assert(!info.decides_shape);
    OK(fovea_graph_value(g, in[1], &info));
    ck_assert(info.decides_shape);
    ck_assert_int_eq(fovea_plan_create(&p, context, g, NULL), FOVEA_INVALID);
    fovea_binding b = {.name = "shape", .desc = {FOVEA_INT64, 1, {2}}, .data = shape};
    fovea_plan_options o = {.bindings = &b, .n_bindings = 1};
    OK(fovea_plan_create(&p, context, g, &o));
    OK(fovea_plan_tensor(p, "y", &t));
    ck_assert_int_eq(fovea_tensor_desc(t)->dim[1], 4);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* Verification wants guards, and says which step is right. */
START_TEST(verification_reports_each_step) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_verdict v[2];
    size_t count, wrong;
    fovea_verify_options fill = {.fill = true, .seed = 1};
    OK(fovea_graph_from_problem(&g, "Gemm 3x33 5x33 5 transB=1"));
    OK(fovea_plan_create(&p, context, g, NULL));
    ck_assert_int_eq(fovea_plan_verify(p, &fill, v, 2, &count, &wrong), FOVEA_INVALID);
    fovea_plan_destroy(p);
    fovea_plan_options o = {.guard = true};
    OK(fovea_plan_create(&p, context, g, &o));
    OK(fovea_plan_verify(p, &fill, v, 2, &count, &wrong));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_str_eq(v[0].op, "Gemm");
    ck_assert(v[0].bound > 0 && v[0].bound < 1e-4);
    ck_assert_ptr_nonnull(strstr(v[0].problem, "Gemm 3x33 5x33 5"));
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* A consumed graph gives its constants to the plan, which still computes; a second plan is refused. */
START_TEST(a_graph_can_be_consumed) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_value y;
    const float w[] = {2, 0, 0, 3}, in[] = {1, 2}, want[] = {2, 6};
    OK(fovea_graph_create(&g));
    fovea_value x = input(g, "x", (fovea_desc){FOVEA_FLOAT32, 2, {1, 2}});
    OK(fovea_graph_binary(g, "MatMul", "mm", x,
                          constant(g, "w", (fovea_desc){FOVEA_FLOAT32, 2, {2, 2}}, w), &y));
    output(g, y, "y");
    fovea_plan_options o = {.consume = true, .guard = true};
    ck_assert_int_eq(fovea_plan_create(&p, context, g, &o), FOVEA_INVALID);
    o.guard = false;
    OK(fovea_plan_create(&p, context, g, &o));
    write_value(p, "x", in);
    OK(fovea_plan_run(p));
    expect_value(p, "y", want, 2);
    fovea_plan_destroy(p);
    bool reference = fovea_context_device(context)->type == FOVEA_DEVICE_REFERENCE;
    fovea_status second = fovea_plan_create(&p, context, g, NULL);
    ck_assert_int_eq(second, reference ? FOVEA_OK : FOVEA_INVALID);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* The same inputs give the same bits. */
START_TEST(runs_are_repeatable) {
    fovea_graph *g;
    fovea_plan *p;
    fovea_tensor *x, *y;
    float in[300], first[50], second[50];
    for (int i = 0; i < 300; i++) in[i] = (float)sin(i);
    OK(fovea_graph_from_problem(&g, "ReduceMean 50x6 i64[1] keepdims=0"));
    OK(fovea_plan_create(&p, context, g, NULL));
    OK(fovea_plan_tensor(p, "x0", &x));
    OK(fovea_plan_tensor(p, "y0", &y));
    OK(fovea_tensor_write(x, in, sizeof in));
    OK(fovea_plan_run(p));
    OK(fovea_tensor_read(y, first, sizeof first));
    OK(fovea_plan_run(p));
    OK(fovea_tensor_read(y, second, sizeof second));
    ck_assert_mem_eq(first, second, sizeof first);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(one_step_can_be_timed) {
    static const float x[4] = {1, -2, 3, -4}, want[4] = {1, 0, 3, 0};
    fovea_graph *g;
    fovea_plan *p;
    fovea_value y;
    double ms;
    OK(fovea_graph_create(&g));
    OK(fovea_graph_unary(g, "Relu", NULL, input(g, "x", image), &y));
    output(g, y, "y");
    OK(fovea_plan_create(&p, context, g, NULL));
    write_value(p, "x", x);
    OK(fovea_plan_time_step(p, 0, 3, &ms)); /* it runs the step, not only the clock */
    expect_value(p, "y", want, 4);
    ck_assert(ms > 0);
    ck_assert_int_eq(fovea_plan_time_step(p, 1, 1, &ms), FOVEA_INVALID);
    ck_assert_int_eq(fovea_plan_time_step(p, 0, 0, &ms), FOVEA_INVALID);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
}
END_TEST

/* The least of some profiles, each read after `runs` runs. */
static double profile_of(fovea_context *c, fovea_plan *p, int runs) {
    double least = INFINITY;
    for (int k = 0; k < 10; k++) {
        fovea_step_info step;
        for (int i = 0; i < runs; i++) OK(fovea_plan_run(p));
        OK(fovea_context_wait(c));
        OK(fovea_plan_step(p, 0, &step));
        if (step.ms < least) least = step.ms;
    }
    return least;
}

START_TEST(a_profile_is_of_the_last_run) {
    fovea_context *c;
    fovea_graph *g;
    fovea_plan *p;
    OK(fovea_context_create(&c, NULL, &(fovea_context_options){.no_store = true, .profile = true}));
    OK(fovea_graph_from_problem(&g, "Relu 1x64x64x64"));
    OK(fovea_plan_create(&p, c, g, NULL));
    double once = profile_of(c, p, 1), last = profile_of(c, p, 20);
    if (fovea_context_device(c)->type == FOVEA_DEVICE_REFERENCE) ck_assert(last < 0); /* has none */
    else ck_assert_msg(once > 0 && last > 0 && last < 8 * once, "%g and %g ms", once, last);
    fovea_plan_destroy(p);
    fovea_graph_destroy(g);
    fovea_context_destroy(c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, convolution_absorbs_its_followers);
    tcase_add_test(tests, matmul_and_add_become_gemm);
    tcase_add_test(tests, shared_values_are_kept);
    tcase_add_test(tests, memory_is_reused);
    tcase_add_test(tests, concat_is_made_in_place);
    tcase_add_test(tests, a_named_algorithm_does_what_it_accepts);
    tcase_add_test(tests, tensors_can_be_bound);
    tcase_add_test(tests, free_dimensions_are_fixed);
    tcase_add_test(tests, shapes_decided_by_inputs);
    tcase_add_test(tests, verification_reports_each_step);
    tcase_add_test(tests, a_graph_can_be_consumed);
    tcase_add_test(tests, runs_are_repeatable);
    tcase_add_test(tests, one_step_can_be_timed);
    tcase_add_test(tests, a_profile_is_of_the_last_run);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
