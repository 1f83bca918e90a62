/* Initialisers: moments, shapes of distributions, orthogonality, what each parameter of a graph gets, seeds. */
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "fovea_train.h"

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

enum { N = 4, IN = 96, OUT = 160 };

static fovea_value constant(fovea_graph *g, const char *name, int rank, const int64_t *dim) {
    static const float data[1 << 16] = {0};
    fovea_desc d = {.dtype = FOVEA_FLOAT32, .rank = rank};
    fovea_value v;
    for (int i = 0; i < rank; i++) d.dim[i] = dim[i];
    ck_assert_int_le(fovea_desc_elements(&d), 1 << 16);
    OK(fovea_graph_constant(g, name, &d, data, &v));
    return v;
}

#define CONSTANT(g, name, ...)                                                                     \
    constant(g, name, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static fovea_value input(fovea_graph *g, fovea_desc d) {
    fovea_value v;
    OK(fovea_graph_input(g, "input", &d, &v));
    return v;
}

/* A dense layer (N, IN) -> (N, OUT). */
static fovea_graph *dense(void) {
    fovea_graph *g;
    fovea_value y;
    OK(fovea_graph_create(&g));
    fovea_value x = input(g, (fovea_desc){.dtype = FOVEA_FLOAT32, .rank = 2, .dim = {N, IN}});
    fovea_value w = CONSTANT(g, "weight", OUT, IN), b = CONSTANT(g, "bias", OUT);
    OK(fovea_graph_dense(g, "dense", x, w, b, &y));
    OK(fovea_graph_output(g, y));
    return g;
}

static const float *numbers(const fovea_graph *g, const char *name, size_t *count) {
    fovea_value_info info;
    OK(fovea_graph_value(g, fovea_graph_find(g, name), &info));
    *count = (size_t)fovea_desc_elements(&info.desc);
    return info.data;
}

struct moments {
    double mean, variance, kurtosis, largest;
};

static struct moments moments(const fovea_graph *g, const char *name) {
    size_t n;
    const float *x = numbers(g, name, &n);
    struct moments m = {0, 0, 0, 0};
    double fourth = 0;
    for (size_t i = 0; i < n; i++) {
        double square = (double)x[i] * (double)x[i];
        m.mean += (double)x[i] / (double)n;
        m.variance += square / (double)n;
        fourth += square * square / (double)n;
        m.largest = fmax(m.largest, fabs((double)x[i]));
    }
    m.kurtosis = fourth / (m.variance * m.variance);
    return m;
}

/* Of n samples the variance is off by sqrt((kurtosis - 1) / n) relatively, the mean by sqrt(variance / n), one
 * deviation; five are allowed. */
static void expect_moments(const fovea_graph *g, const char *name, double variance,
                           double kurtosis) {
    size_t n;
    (void)numbers(g, name, &n);
    struct moments m = moments(g, name);
    double off = 5 * sqrt((kurtosis - 1) / (double)n);
    ck_assert_msg(fabs(m.variance / variance - 1) < off, "%s: variance %g, expected %g", name,
                  m.variance, variance);
    ck_assert_msg(fabs(m.mean) < 5 * sqrt(variance / (double)n), "%s: mean %g", name, m.mean);
    ck_assert_msg(fabs(m.kurtosis - kurtosis) < 0.3, "%s: kurtosis %g, expected %g", name,
                  m.kurtosis, kurtosis);
}

/* Fourth over squared second moment; between -2 and 2 a normal distribution has this one. */
static const double kurtosis[] = {3, 1.8, 2.3657};

static void initialize(fovea_graph *g, const char *text) {
    fovea_initializer o = {.seed = 5};
    OK(fovea_initializer_parse(text, &o));
    OK(fovea_graph_initialize(g, &o));
}

START_TEST(weights_have_their_moments) {
    static const struct {
        const char *text;
        double variance;
        fovea_distribution distribution;
    } cases[] = {
        {"he", 2.0 / IN, FOVEA_DISTRIBUTION_NORMAL},
        {"he:uniform", 2.0 / IN, FOVEA_DISTRIBUTION_UNIFORM},
        {"he:truncated", 2.0 / IN, FOVEA_DISTRIBUTION_TRUNCATED},
        {"he:fan_out", 2.0 / OUT, FOVEA_DISTRIBUTION_NORMAL},
        {"glorot", 2.0 / (IN + OUT), FOVEA_DISTRIBUTION_NORMAL},
        {"glorot:uniform", 2.0 / (IN + OUT), FOVEA_DISTRIBUTION_UNIFORM},
        {"lecun:truncated", 1.0 / IN, FOVEA_DISTRIBUTION_TRUNCATED},
        {"lecun:0.5", 0.25 / IN, FOVEA_DISTRIBUTION_NORMAL},
        {"normal:0.01", 1e-4, FOVEA_DISTRIBUTION_NORMAL},
        {"uniform:0.3", 0.03, FOVEA_DISTRIBUTION_UNIFORM},
        {"truncated:0.02", 4e-4 * 0.87962566 * 0.87962566, FOVEA_DISTRIBUTION_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fovea_graph *g = dense();
        initialize(g, cases[i].text);
        expect_moments(g, "weight", cases[i].variance, kurtosis[cases[i].distribution]);
        ck_assert_double_eq(moments(g, "bias").largest, 0);
        fovea_graph_destroy(g);
    }
}
END_TEST

static void expect_all(const fovea_graph *g, const char *name, float number) {
    size_t n;
    const float *x = numbers(g, name, &n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(x[i] == number, "%s[%zu] is %g, expected %g", name, i, x[i], number);
}

START_TEST(limits_are_kept) {
    fovea_graph *g = dense();
    initialize(g, "uniform:0.3");
    ck_assert(moments(g, "weight").largest <= 0.3F && moments(g, "weight").largest > 0.299);
    initialize(g, "truncated:0.02");
    ck_assert(moments(g, "weight").largest <= 0.04F && moments(g, "weight").largest > 0.0395);
    initialize(g, "constant:0.5");
    expect_all(g, "weight", 0.5F);
    fovea_graph_destroy(g);
}
END_TEST

/* Rows (or columns) of w (rows, columns) have the products of `gain^2` times the identity. */
static void expect_orthogonal(const fovea_graph *g, const char *name, size_t rows, size_t columns,
                              double gain) {
    size_t n;
    const float *w = numbers(g, name, &n);
    bool wide = rows <= columns;
    size_t count = wide ? rows : columns, length = wide ? columns : rows;
    ck_assert_uint_eq(n, rows * columns);
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t i = 0; i < length; i++)
                sum += (double)(wide ? w[a * columns + i] : w[i * columns + a]) *
                       (double)(wide ? w[b * columns + i] : w[i * columns + b]);
            /* Each factor was rounded to float. */
            ck_assert_double_lt(fabs(sum - (a == b ? gain * gain : 0)), 0x1p-23 * gain * gain);
        }
}

START_TEST(orthogonal_weights_are_orthogonal) {
    fovea_graph *g = dense();
    initialize(g, "orthogonal");
    expect_orthogonal(g, "weight", OUT, IN, 1);
    initialize(g, "orthogonal:2");
    expect_orthogonal(g, "weight", OUT, IN, 2);
    fovea_graph_destroy(g);
    OK(fovea_graph_from_problem(&g, "Conv 1x5x9x9 f:16x5x3x3[0] f:16[7]"));
    initialize(g, "orthogonal");
    expect_orthogonal(g, "x1", 16, 45, 1);
    ck_assert_double_eq(moments(g, "x2").largest, 0);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(fans_follow_the_use) {
    static const struct {
        const char *line;
        double in, out;
    } cases[] = {
        {"Conv 1x64x9x9 f:96x64x3x3[0]", 64 * 9, 96 * 9},
        {"Conv 1x64x9x9 f:96x16x3x3[0] group=4", 16 * 9, 24 * 9},
        {"ConvTranspose 1x64x9x9 f:64x48x3x3[0]", 64 * 9, 48 * 9},
        {"ConvTranspose 1x64x9x9 f:64x48x3x3[0] group=2", 32 * 9, 48 * 9},
        {"Gemm 4x96 f:96x160[0]", 96, 160},
        {"Gemm 4x96 f:160x96[0] transB=1", 96, 160},
        {"MatMul 4x96 f:96x160[0]", 96, 160},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fovea_graph *g;
        OK(fovea_graph_from_problem(&g, cases[i].line));
        initialize(g, "he");
        expect_moments(g, "x1", 2 / cases[i].in, 3);
        initialize(g, "he:fan_out");
        expect_moments(g, "x1", 2 / cases[i].out, 3);
        fovea_graph_destroy(g);
    }
}
END_TEST

START_TEST(weights_at_the_left_count_their_columns) {
    fovea_graph *g;
    OK(fovea_graph_from_problem(&g, "MatMul f:160x96[0] 96x4"));
    initialize(g, "he");
    expect_moments(g, "x0", 2.0 / 96, 3);
    fovea_graph_destroy(g);
    OK(fovea_graph_from_problem(&g, "Gemm f:96x160[0] 96x4 transA=1"));
    initialize(g, "he");
    expect_moments(g, "x0", 2.0 / 96, 3);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(other_parameters_begin_as_usual) {
    fovea_graph *g;
    OK(fovea_graph_from_problem(&g, "BatchNormalization 2x3x4x4 f:3[7] f:3[7] f:3[7] f:3[7]"));
    initialize(g, "he");
    expect_all(g, "x1", 1);
    expect_all(g, "x2", 0);
    expect_all(g, "x3", 0);
    expect_all(g, "x4", 1);
    fovea_graph_destroy(g);
    OK(fovea_graph_from_problem(&g, "PRelu 2x3x4x4 f:3x1x1[7]"));
    initialize(g, "he");
    expect_all(g, "x1", 0.25F);
    fovea_graph_destroy(g);
    OK(fovea_graph_from_problem(&g, "Clip 2x3 f[-7] f[7]"));
    initialize(g, "he");
    expect_all(g, "x1", -7);
    fovea_graph_destroy(g);
    OK(fovea_graph_from_problem(&g, "Sub 2x3 f:3[7]"));
    initialize(g, "he");
    expect_all(g, "x1", 7);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(a_constant_added_to_a_product_is_a_bias) {
    fovea_graph *g;
    fovea_value y, z;
    OK(fovea_graph_create(&g));
    fovea_value x = input(g, (fovea_desc){.dtype = FOVEA_FLOAT32, .rank = 2, .dim = {N, IN}});
    OK(fovea_graph_binary(g, "MatMul", "product", x, CONSTANT(g, "weight", IN, OUT), &y));
    fovea_value bias = CONSTANT(g, "bias", OUT);
    OK(fovea_graph_binary(g, "Add", "sum", bias, y, &z));
    OK(fovea_graph_output(g, z));
    initialize(g, "constant:3");
    expect_all(g, "weight", 3);
    expect_all(g, "bias", 0);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(residual_branches_may_begin_with_nothing) {
    fovea_graph *g;
    OK(fovea_zoo_create(&g, "resnet18", NULL));
    initialize(g, "he:zero_gamma");
    expect_all(g, "layer1.0.bn1.weight", 1);
    expect_all(g, "layer1.0.bn2.weight", 0);
    expect_all(g, "layer2.0.bn2.weight", 0);
    expect_all(g, "layer2.0.downsample.1.weight", 1);
    expect_all(g, "bn1.weight", 1);
    expect_all(g, "layer4.1.bn2.weight", 0);
    expect_all(g, "layer4.1.bn2.running_var", 1);
    initialize(g, "he");
    expect_all(g, "layer4.1.bn2.weight", 1);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(seeds_and_names_decide) {
    size_t n;
    fovea_graph *a = dense(), *b = dense();
    OK(fovea_graph_initialize(a, NULL));
    OK(fovea_graph_initialize(b, &(fovea_initializer){.seed = 0}));
    const float *x = numbers(a, "weight", &n);
    ck_assert_mem_eq(x, numbers(b, "weight", &n), n * sizeof *x);
    OK(fovea_graph_initialize(b, &(fovea_initializer){.seed = 1}));
    ck_assert_mem_ne(x, numbers(b, "weight", &n), n * sizeof *x);
    OK(fovea_graph_name(b, fovea_graph_find(b, "weight"), "weights"));
    OK(fovea_graph_initialize(b, NULL));
    ck_assert_mem_ne(x, numbers(b, "weights", &n), n * sizeof *x);
    fovea_graph_destroy(a);
    fovea_graph_destroy(b);
}
END_TEST

START_TEST(bad_texts_are_refused) {
    static const char *const bad[] = {"",
                                      "hee",
                                      "he:fan",
                                      "he:nan",
                                      "he:0.5x",
                                      "glorot:fan_out",
                                      "orthogonal:uniform",
                                      "normal:uniform",
                                      "normal",
                                      "uniform:0"};
    fovea_graph *g = dense();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fovea_initializer o = {.seed = 9};
        ck_assert_msg(fovea_initializer_parse(bad[i], &o) == FOVEA_INVALID, "'%s'", bad[i]);
        ck_assert_uint_gt(strlen(fovea_error()), 20);
    }
    ck_assert_int_eq(fovea_graph_initialize(g, &(fovea_initializer){.number = NAN}), FOVEA_INVALID);
    ck_assert_int_eq(
        fovea_graph_initialize(g, &(fovea_initializer){.kind = (fovea_initializer_kind)9}),
        FOVEA_INVALID);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(every_allocation_fails_once) {
    fovea_graph *g = dense();
    fovea_initializer o = {.seed = 3};
    fovea_status status = FOVEA_NO_MEMORY;
    size_t n = 1;
    for (; status != FOVEA_OK; n++) {
        mem_fail_after(n);
        status = fovea_initializer_parse("orthogonal:zero_gamma", &o);
        if (status == FOVEA_OK) status = fovea_graph_initialize(g, &o);
        mem_fail_after(0);
        ck_assert_msg(status == FOVEA_OK || status == FOVEA_NO_MEMORY, "%zu: %s", n, fovea_error());
    }
    ck_assert_uint_gt(n, 5);
    expect_orthogonal(g, "weight", OUT, IN, 1);
    fovea_graph_destroy(g);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_initializer");
    TCase *t = tcase_create("train_initializer");
    tcase_add_test(t, weights_have_their_moments);
    tcase_add_test(t, limits_are_kept);
    tcase_add_test(t, orthogonal_weights_are_orthogonal);
    tcase_add_test(t, fans_follow_the_use);
    tcase_add_test(t, weights_at_the_left_count_their_columns);
    tcase_add_test(t, other_parameters_begin_as_usual);
    tcase_add_test(t, a_constant_added_to_a_product_is_a_bias);
    tcase_add_test(t, residual_branches_may_begin_with_nothing);
    tcase_add_test(t, seeds_and_names_decide);
    tcase_add_test(t, bad_texts_are_refused);
    tcase_add_test(t, every_allocation_fails_once);
    suite_add_tcase(suite, t);
    return harness_main(suite);
}
