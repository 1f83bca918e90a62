/* The classic networks: parameters to the last one, names, shapes, seeds, refusals. */
#include "harness.h"

#include <math.h>
#include <string.h>

static fovea_graph *create(const char *name, const fovea_zoo_options *o) {
    fovea_graph *g;
    ck_assert_msg(fovea_zoo_create(&g, name, o) == FOVEA_OK, "%s: %s", name, fovea_error());
    return g;
}

/* Counts from the papers and torchvision; where neither gives one, from the layers:
 *   LeNet-5    156 + 2,416 + 48,120 + 10,164 + 850
 *   AlexNet    34,944 + 307,456 + 885,120 + 663,936 + 442,624 for the convolutions (two groups), then
 *              37,752,832 + 16,781,312 + 4,097,000
 *   GoogLeNet  9,472 + 4,160 + 110,784 for the stem; the modules of table 1 have 163,696, 388,736,
 *              376,176, 449,160, 510,104, 605,376, 868,352, 1,043,456, 1,444,080; then 1,025,000. A head
 *              has 512 (or 528) x 128 + 128, 2,048 x 1,024 + 1,024, 1,024 x 1,000 + 1,000: 3,188,840 (or
 *              3,190,888).
 *   ResNet-20  269,722 as in the paper, whose shortcuts have no weights; here 32 x (16 + 2) and 64 x (32 + 2) more,
 *              and so have the three that are deeper */
static const struct {
    const char *name;
    int64_t parameters;
} published[] = {
    {"lenet5", 61706},         {"alexnet", 60965224},      {"vgg11", 132863336},
    {"vgg13", 133047848},      {"vgg16", 138357544},       {"vgg19", 143667240},
    {"googlenet", 6998552},    {"inception_v3", 23834568}, {"resnet20", 272474},
    {"resnet32", 466906},      {"resnet56", 855770},       {"resnet110", 1730714},
    {"resnet18", 11689512},    {"resnet34", 21797672},     {"resnet50", 25557032},
    {"resnet101", 44549160},   {"resnet152", 60192808},    {"squeezenet1_1", 1235496},
    {"mobilenet_v2", 3504872},
};
enum { PUBLISHED = sizeof published / sizeof *published };

static int64_t count_parameters(const char *name, bool training) {
    fovea_graph_info info;
    fovea_graph *g = create(name, &(fovea_zoo_options){.training = training});
    fovea_graph_get_info(g, &info);
    ck_assert_int_eq(info.parameter_bytes, 4 * info.parameters);
    fovea_graph_destroy(g);
    return info.parameters;
}

START_TEST(parameters_are_as_published) {
    ck_assert_str_eq(fovea_zoo_name((size_t)_i), published[_i].name);
    int64_t got = count_parameters(published[_i].name, false);
    ck_assert_msg(got == published[_i].parameters, "%s has %lld parameters, expected %lld",
                  published[_i].name, (long long)got, (long long)published[_i].parameters);
}
END_TEST

START_TEST(the_list_ends) {
    ck_assert_ptr_null(fovea_zoo_name(PUBLISHED));
    ck_assert_ptr_null(fovea_zoo_name(SIZE_MAX));
}
END_TEST

START_TEST(auxiliary_heads_belong_to_training) {
    ck_assert_int_eq(count_parameters("googlenet", true), 6998552 + 3188840 + 3190888);
    ck_assert_int_eq(count_parameters("inception_v3", true), 27161264);
    fovea_graph *g = create("googlenet", &(fovea_zoo_options){.training = true, .batch = 1});
    ck_assert_uint_ne(fovea_graph_find(g, "aux1"), FOVEA_NO_VALUE);
    ck_assert_uint_ne(fovea_graph_find(g, "aux2"), FOVEA_NO_VALUE);
    ck_assert_uint_eq(fovea_graph_output_at(g, 0), fovea_graph_find(g, "output"));
    fovea_graph_destroy(g);
}
END_TEST

/* Shapes of a few values, inferred from the input: a wrong pool or stride shows here. */
static const struct {
    const char *network, *value;
    int64_t dim[4];
} shapes[] = {
    {"lenet5", "pool2", {2, 16, 5, 5}},
    {"alexnet", "pool5", {2, 256, 6, 6}},
    {"googlenet", "inception3b", {2, 480, 28, 28}},
    {"googlenet", "inception5b", {2, 1024, 7, 7}},
    {"inception_v3", "Mixed_5d", {2, 288, 35, 35}},
    {"inception_v3", "Mixed_7c", {2, 2048, 8, 8}},
    {"resnet18", "layer4.1.relu", {2, 512, 7, 7}},
    {"resnet50", "layer3.5.conv2", {2, 256, 14, 14}},
    {"squeezenet1_1", "conv10.relu", {2, 1000, 13, 13}},
    {"mobilenet_v2", "bn2.relu6", {2, 1280, 7, 7}},
};

START_TEST(shapes_are_as_published) {
    fovea_value_info info;
    fovea_graph *g = create(shapes[_i].network, &(fovea_zoo_options){.batch = 2});
    fovea_value v = fovea_graph_find(g, shapes[_i].value);
    ck_assert_int_eq(fovea_graph_value(g, v, &info), FOVEA_OK);
    ck_assert_int_eq(info.desc.rank, 4);
    ck_assert_mem_eq(info.desc.dim, shapes[_i].dim, sizeof shapes[_i].dim);
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_output_at(g, 0), &info), FOVEA_OK);
    ck_assert_str_eq(info.name, "output");
    ck_assert_int_eq(info.desc.rank, 2);
    ck_assert_int_eq(info.desc.dim[0], 2);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(options_are_followed) {
    fovea_value_info info;
    fovea_zoo_options o = {.classes = 7, .channels = 2, .size = 64, .batch = 5};
    fovea_graph *g = create("resnet18", &o);
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_find(g, "input"), &info), FOVEA_OK);
    ck_assert_mem_eq(info.desc.dim, ((int64_t[]){5, 2, 64, 64}), 4 * sizeof(int64_t));
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_find(g, "output"), &info), FOVEA_OK);
    ck_assert_mem_eq(info.desc.dim, ((int64_t[]){5, 7}), 2 * sizeof(int64_t));
    fovea_graph_destroy(g);
    g = create("lenet5", NULL);
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_find(g, "input"), &info), FOVEA_OK);
    ck_assert_mem_eq(info.desc.dim, ((int64_t[]){-1, 1, 28, 28}), 4 * sizeof(int64_t));
    fovea_graph_destroy(g);
}
END_TEST

/* Every size down to the smallest that a network takes: sizes that the network works out for itself
 * must be those of the operators, or the dense layers would not fit. */
START_TEST(sizes_agree_with_the_operators) {
    for (int64_t size = 300; size > 0; size -= 23) {
        fovea_graph *g;
        fovea_zoo_options o = {.classes = 3, .size = size, .batch = 1, .training = true};
        const char *name = _i == 0 ? "googlenet" : _i == 1 ? "lenet5" : "squeezenet1_1";
        if (fovea_zoo_create(&g, name, &o) != FOVEA_OK)
            ck_assert_msg(strstr(fovea_error(), "too small") != NULL, "%s", fovea_error());
        else
            ck_assert_int_gt(fovea_desc_elements(&g->values[fovea_graph_find(g, "output")].desc),
                             0);
        fovea_graph_destroy(g);
    }
}
END_TEST

static const float *weights(const fovea_graph *g, const char *name, size_t *count) {
    fovea_value_info info;
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_find(g, name), &info), FOVEA_OK);
    *count = (size_t)fovea_desc_elements(&info.desc);
    return info.data;
}

/* Variance of uniform weights: of n samples it is off by sqrt(4/5 / n) relatively, one deviation; five
 * are allowed. */
static void expect_variance(const char *name, double variance) {
    size_t n;
    double sum = 0, squares = 0;
    fovea_graph *g = create("lenet5", NULL);
    const float *w = weights(g, name, &n);
    for (size_t i = 0; i < n; i++) {
        sum += w[i];
        squares += (double)w[i] * w[i];
    }
    ck_assert_double_lt(fabs(squares / (double)n / variance - 1), 5 * sqrt(0.8 / (double)n));
    ck_assert_double_lt(fabs(sum / (double)n), 5 * sqrt(variance / (double)n));
    fovea_graph_destroy(g);
}

START_TEST(weights_have_their_variance) {
    expect_variance("conv2.weight", 2.0 / 150);
    expect_variance("fc1.weight", 2.0 / 400);
    expect_variance("fc3.weight", 2.0 / 94);
}
END_TEST

START_TEST(seeds_decide_weights) {
    size_t n, m;
    fovea_graph *a = create("lenet5", NULL), *b = create("lenet5", NULL);
    fovea_graph *c = create("lenet5", &(fovea_zoo_options){.seed = 1});
    const float *first = weights(a, "fc1.weight", &n);
    ck_assert_mem_eq(first, weights(b, "fc1.weight", &m), n * sizeof *first);
    ck_assert_mem_ne(first, weights(c, "fc1.weight", &m), n * sizeof *first);
    ck_assert_mem_ne(first, weights(a, "fc2.weight", &m), m * sizeof *first);
    fovea_graph_destroy(a);
    fovea_graph_destroy(b);
    fovea_graph_destroy(c);
}
END_TEST

static void expect_no_network(const char *name, const fovea_zoo_options *o, const char *word) {
    fovea_graph *g;
    ck_assert_int_eq(fovea_zoo_create(&g, name, o), FOVEA_INVALID);
    ck_assert_ptr_null(g);
    ck_assert_msg(strstr(fovea_error(), word) != NULL, "%s", fovea_error());
}

START_TEST(wrong_wishes_are_refused) {
    expect_no_network("resnet51", NULL, "resnet152");
    expect_no_network(NULL, NULL, "lenet5");
    expect_no_network("lenet5", &(fovea_zoo_options){.size = 5}, "too small");
    expect_no_network("lenet5", &(fovea_zoo_options){.classes = -1}, "between");
    expect_no_network("lenet5", &(fovea_zoo_options){.size = INT64_MAX}, "between");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("zoo");
    TCase *tests = tcase_create("zoo");
    tcase_add_loop_test(tests, parameters_are_as_published, 0, PUBLISHED);
    tcase_add_test(tests, the_list_ends);
    tcase_add_test(tests, auxiliary_heads_belong_to_training);
    tcase_add_loop_test(tests, shapes_are_as_published, 0, sizeof shapes / sizeof *shapes);
    tcase_add_test(tests, options_are_followed);
    tcase_add_loop_test(tests, sizes_agree_with_the_operators, 0, 3);
    tcase_add_test(tests, weights_have_their_variance);
    tcase_add_test(tests, seeds_decide_weights);
    tcase_add_test(tests, wrong_wishes_are_refused);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
