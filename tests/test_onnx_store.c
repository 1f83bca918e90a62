/* Writing ONNX files and tensor files, and reading them back. That other programs accept what is written
 * is the business of onnx_export.py. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "harness.h"
#include "onnx/store.h"

static char folder[] = "/tmp/fovea_store_XXXXXX";

static const char *path_of(const char *file) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static size_t files_in_folder(void) {
    DIR *d = opendir(folder);
    size_t count = 0;
    for (struct dirent *e; (e = readdir(d));) count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static void make_folder(void) {
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') unlink(path_of(e->d_name));
    closedir(d);
    rmdir(folder);
}

static void ok(fovea_status status) {
    ck_assert_msg(status == FOVEA_OK, "%s", fovea_error());
}

/* x (N, 2, 6, 6) -> conv 3x3 -> relu -> max pool -> flatten -> dense -> softmax */
static fovea_graph *small_network(void) {
    static float w[4 * 2 * 3 * 3], dense[5 * 16];
    static const float bias[4] = {1, -2, 3, -4};
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) w[i] = (float)i / 8;
    for (size_t i = 0; i < sizeof dense / sizeof *dense; i++) dense[i] = -(float)i / 4;
    fovea_graph *g;
    fovea_value x, k, b, d, y;
    fovea_window two = {.kernel = {2, 2}, .stride = {2, 2}};
    ok(fovea_graph_create(&g));
    ok(fovea_graph_input(g, "x", &(fovea_desc){FOVEA_FLOAT32, 4, {-1, 2, 6, 6}}, &x));
    ok(fovea_graph_constant(g, "w", &(fovea_desc){FOVEA_FLOAT32, 4, {4, 2, 3, 3}}, w, &k));
    ok(fovea_graph_constant(g, "b", &(fovea_desc){FOVEA_FLOAT32, 1, {4}}, bias, &b));
    ok(fovea_graph_constant(g, "d", &(fovea_desc){FOVEA_FLOAT32, 2, {5, 16}}, dense, &d));
    ok(fovea_graph_conv(g, "conv", x, k, b, NULL, &y));
    ok(fovea_graph_unary(g, "Relu", "relu", y, &y));
    ok(fovea_graph_max_pool(g, "pool", y, &two, &y));
    ok(fovea_graph_flatten(g, "flatten", y, &y));
    ok(fovea_graph_dense(g, "dense", y, d, FOVEA_NO_VALUE, &y));
    ok(fovea_graph_softmax(g, "softmax", y, -1, &y));
    ok(fovea_graph_name(g, y, "y"));
    ok(fovea_graph_output(g, y));
    return g;
}

static void expect_same_attribute(const struct attribute *a, const struct attribute *b) {
    ck_assert_ptr_nonnull(b);
    ck_assert_int_eq(a->type, b->type);
    if (a->type == FOVEA_ATTRIBUTE_INT) ck_assert_int_eq(a->i, b->i);
    if (a->type == FOVEA_ATTRIBUTE_FLOAT) ck_assert_float_eq(a->f, b->f);
    if (a->type == FOVEA_ATTRIBUTE_STRING) ck_assert_str_eq(a->s, b->s);
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        if (a->ints) ck_assert_int_eq(a->ints[i], b->ints[i]);
        if (a->floats) ck_assert_float_eq(a->floats[i], b->floats[i]);
    }
}

static void expect_same_value(const struct value *a, const struct value *b) {
    ck_assert_str_eq(a->name, b->name);
    ck_assert_int_eq(a->is_input, b->is_input);
    ck_assert_int_eq(a->is_output, b->is_output);
    ck_assert_int_eq(a->storage != NULL, b->storage != NULL);
    if (!a->storage && !a->is_input) return; /* shapes of the rest are not stored */
    ck_assert(desc_equal(&a->desc, &b->desc));
    for (int i = 0; i < a->desc.rank; i++) ck_assert_pstr_eq(a->dim_name[i], b->dim_name[i]);
    if (a->storage) ck_assert_mem_eq(a->storage->data, b->storage->data, a->storage->bytes);
}

/* Node by node: operator, name, attributes, inputs and outputs. */
static void expect_same_graph(const fovea_graph *a, const fovea_graph *b) {
    ck_assert_uint_eq(a->n_nodes, b->n_nodes);
    ck_assert_uint_eq(a->n_inputs, b->n_inputs);
    ck_assert_uint_eq(a->n_outputs, b->n_outputs);
    for (size_t i = 0; i < a->n_nodes; i++) {
        const struct node *p = &a->nodes[i], *q = &b->nodes[i];
        ck_assert_int_eq(p->op, q->op);
        ck_assert_str_eq(p->name, q->name);
        ck_assert_uint_eq(p->n_in, q->n_in);
        ck_assert_uint_eq(p->n_out, q->n_out);
        ck_assert_uint_eq(p->n_attr, q->n_attr);
        for (size_t k = 0; k < p->n_attr; k++)
            expect_same_attribute(&p->attr[k], node_attr(q, p->attr[k].name));
        for (size_t k = 0; k < p->n_in; k++)
            if (node_in(a, p, k)) expect_same_value(node_in(a, p, k), node_in(b, q, k));
        for (size_t k = 0; k < p->n_out; k++)
            expect_same_value(node_out(a, p, k), node_out(b, q, k));
    }
}

START_TEST(round_trip) {
    fovea_graph *g = small_network(), *back;
    ok(fovea_graph_store_onnx(g, path_of("small.onnx")));
    ok(fovea_graph_load_onnx(&back, path_of("small.onnx")));
    expect_same_graph(g, back);
    ck_assert_str_eq(back->producer, "fovea");
    ck_assert_int_eq(back->opset, 17);
    ok(fovea_graph_store_onnx(g, path_of("small.onnx"))); /* replaces it */
    ck_assert_uint_eq(files_in_folder(), 1);
    fovea_graph_destroy(back);
    fovea_graph_destroy(g);
}
END_TEST

/* With a small limit the constants of 1024 bytes and more go into a second file. */
START_TEST(two_files) {
    fovea_graph *g = small_network(), *back;
    static float large[300];
    fovea_value v, y = g->outputs[0], sum;
    for (int i = 0; i < 300; i++) large[i] = (float)i;
    ok(fovea_graph_constant(g, "large", &(fovea_desc){FOVEA_FLOAT32, 3, {60, 1, 5}}, large, &v));
    ok(fovea_graph_binary(g, "Add", "sum", y, v, &sum));
    ok(fovea_graph_constant(g, "large2", &(fovea_desc){FOVEA_FLOAT32, 3, {60, 1, 5}}, large, &v));
    ok(fovea_graph_binary(g, "Mul", "product", sum, v, &sum));
    ok(fovea_graph_output(g, sum));
    ok(store_model(g, path_of("two.onnx"), 1000));
    ck_assert_uint_eq(files_in_folder(), 2);
    struct stat s;
    ck_assert_int_eq(stat(path_of("two.onnx.data"), &s), 0);
    ck_assert_int_eq(s.st_size, 1216 + 1200); /* the second is aligned to 64 bytes */
    ok(fovea_graph_load_onnx(&back, path_of("two.onnx")));
    expect_same_graph(g, back);
    fovea_graph_destroy(back);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(names) {
    fovea_graph *g;
    fovea_value x, y[3];
    ok(fovea_graph_create(&g));
    ok(fovea_graph_input(g, "x", &(fovea_desc){FOVEA_FLOAT32, 1, {4}}, &x));
    for (int i = 0; i < 3; i++) {
        ok(fovea_graph_unary(g, "Relu", "same", i ? y[i - 1] : x, &y[i]));
        mem_free(g->values[y[i]].name);
        g->values[y[i]].name = mem_string("x");
    }
    ok(fovea_graph_output(g, y[2]));
    ok(fovea_graph_store_onnx(g, path_of("names.onnx")));
    fovea_graph_destroy(g);
    ok(fovea_graph_load_onnx(&g, path_of("names.onnx")));
    ck_assert_str_eq(g->values[g->inputs[0]].name, "x");
    ck_assert_str_ne(g->nodes[0].name, g->nodes[1].name);
    ck_assert_str_ne(g->nodes[1].name, g->nodes[2].name);
    fovea_graph_destroy(g);
}
END_TEST

/* The loaded form of a stored problem line has the opset that its operators need, and their form. */
static const struct form {
    const char *line;
    int64_t opset;
    size_t nodes;
    const char *op; /* of the last node */
} forms[] = {
    {"Relu 1x4", 17, 1, "Relu"},
    {"Gelu 1x4", 20, 1, "Gelu"},
    {"Mish 1x4", 18, 1, "Mish"},
    {"GroupNormalization 1x4x2 4 4 num_groups=2", 21, 1, "GroupNormalization"},
    {"Softmax 2x3x4 axis=1 coerce=1", 17, 4, "Reshape"},
    {"Softmax 2x3x4 axis=2 coerce=1", 17, 1, "Softmax"},
    {"ReduceMean 2x3x4 i64[1]", 17, 1, "ReduceMean"},
    {"ReduceMean 2x3x4 - noop_with_empty_axes=1", 18, 1, "ReduceMean"},
    {"ReduceSum 2x3x4 i64[1]", 17, 1, "ReduceSum"},
    {"Pad 2x3 i64[1,1] - i64[1]", 18, 1, "Pad"},
    {"Split 4x2 num_outputs=2 -> 2", 18, 1, "Split"},
    {"AveragePool 1x1x6x6 kernel_shape=2,2 dilations=1,1", 17, 1, "AveragePool"},
    {"AveragePool 1x1x6x6 kernel_shape=2,2 dilations=2,2", 19, 1, "AveragePool"},
    {"ConstantOfShape i64[2,3] f[7]", 17, 1, "ConstantOfShape"},
    {"Conv 1x1x4x4 1x1x3x2 dilations=1,2 auto_pad=FULL", 17, 1, "Conv"},
    {"Concat i4:2 i4:3 axis=0", 21, 1, "Concat"},
};

START_TEST(form) {
    fovea_graph *g, *back;
    ok(fovea_graph_from_problem(&g, forms[_i].line));
    ok(fovea_graph_store_onnx(g, path_of("form.onnx")));
    ok(fovea_graph_load_onnx(&back, path_of("form.onnx")));
    ck_assert_int_eq(back->opset, forms[_i].opset);
    ck_assert_uint_eq(back->n_nodes, forms[_i].nodes);
    const struct node *last = &back->nodes[back->n_nodes - 1];
    ck_assert_str_eq(op_name(last->op), forms[_i].op);
    if (last->op == OP_Conv) { /* "full" became (k - 1) * dilation on every side */
        static const int64_t expected[4] = {2, 2, 2, 2};
        const int64_t *pads;
        ck_assert_uint_eq(attr_ints(last, "pads", &pads), 4);
        ck_assert_mem_eq(pads, expected, sizeof expected);
    }
    fovea_graph_destroy(back);
    fovea_graph_destroy(g);
}
END_TEST

/* A device without room, a folder that is not there: a sentence, and no file left behind. */
START_TEST(disk_errors) {
    fovea_graph *g = small_network();
    if (access("/dev/full", W_OK) == 0) {
        ck_assert_int_eq(symlink("/dev/full", path_of("full.onnx")), 0);
        ck_assert_int_eq(fovea_graph_store_onnx(g, path_of("full.onnx")), FOVEA_BAD_FILE);
        ck_assert_msg(strstr(fovea_error(), "No space left"), "%s", fovea_error());
        ck_assert_uint_eq(files_in_folder(), 1); /* the link */
    }
    ck_assert_int_eq(fovea_graph_store_onnx(g, path_of("none/small.onnx")), FOVEA_BAD_FILE);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "none/small.onnx cannot be created"));
    g->n_outputs = 0;
    ck_assert_int_eq(fovea_graph_store_onnx(g, path_of("small.onnx")), FOVEA_INVALID);
    fovea_graph_destroy(g);
}
END_TEST

/* Puts `to` wherever `from` stands in a file; both have the same length. */
static void patch(const char *path, const char *from, const char *to) {
    char data[4096];
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(data, 1, sizeof data, f), length = strlen(from);
    ck_assert(strlen(to) == length);
    for (size_t i = 0; i + length <= n; i++)
        if (memcmp(data + i, from, length) == 0) memcpy(data + i, to, length);
    rewind(f);
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    fclose(f);
}

START_TEST(operators_of_our_own) {
    fovea_graph *g;
    ok(fovea_graph_from_problem(&g, "ConvGradWeights 1x1x5x5 1x1x3x3 kernel_shape=3,3"));
    ck_assert_int_eq(fovea_graph_store_onnx(g, path_of("own.onnx")), FOVEA_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "ONNX has no such operator"));
    ck_assert_uint_eq(files_in_folder(), 0);
    fovea_graph_destroy(g);
    ok(fovea_graph_from_problem(&g, "ThresholdedRelu 1x1x5x5"));
    ok(fovea_graph_store_onnx(g, path_of("own.onnx")));
    fovea_graph_destroy(g);
    patch(path_of("own.onnx"), "ThresholdedRelu", "ConvGradWeights");
    ck_assert_int_eq(fovea_graph_load_onnx(&g, path_of("own.onnx")), FOVEA_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "ConvGradWeights (domain ai.onnx"));
}
END_TEST

/* ONNX's optimizers belong to a domain, and to no other. */
START_TEST(operators_of_training) {
    fovea_graph *g, *back;
    ok(fovea_graph_from_problem(&g,
                                "Adam f[0.1] i64:1[3] 2x3 2x3 2x3 2x3 alpha=0.5 beta=0.25 -> 3"));
    ok(fovea_graph_store_onnx(g, path_of("adam.onnx")));
    ok(fovea_graph_load_onnx(&back, path_of("adam.onnx")));
    expect_same_graph(g, back);
    fovea_graph_destroy(back);
    fovea_graph_destroy(g);
    patch(path_of("adam.onnx"), "ai.onnx.preview.training", "ai.onnx.preview.drainage");
    ck_assert_int_eq(fovea_graph_load_onnx(&g, path_of("adam.onnx")), FOVEA_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "Adam (domain ai.onnx.preview.drainage, opset 1"));
    ok(fovea_graph_from_problem(&g, "Relu 2x3"));
    ok(fovea_graph_store_onnx(g, path_of("relu.onnx")));
    fovea_graph_destroy(g);
    patch(path_of("relu.onnx"), "Relu", "Adam");
    ck_assert_int_eq(fovea_graph_load_onnx(&g, path_of("relu.onnx")), FOVEA_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(fovea_error(), "Adam (domain ai.onnx, opset 17"));
}
END_TEST

START_TEST(out_of_memory) {
    fovea_graph *g = small_network();
    fovea_status status = FOVEA_NO_MEMORY;
    for (size_t n = 1; status != FOVEA_OK; n++) {
        mem_fail_after(n);
        status = fovea_graph_store_onnx(g, path_of("small.onnx"));
        mem_fail_after(0);
        ck_assert_msg(status == FOVEA_OK || status == FOVEA_NO_MEMORY || status == FOVEA_BAD_FILE,
                      "%zu: %s", n, fovea_error());
        ck_assert_uint_eq(files_in_folder(), status == FOVEA_OK);
    }
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(tensor_files) {
    static const fovea_dtype kinds[] = {FOVEA_FLOAT32,  FOVEA_UINT8,   FOVEA_INT8,   FOVEA_UINT16,
                                        FOVEA_INT16,    FOVEA_INT32,   FOVEA_INT64,  FOVEA_BOOL,
                                        FOVEA_FLOAT16,  FOVEA_FLOAT64, FOVEA_UINT32, FOVEA_UINT64,
                                        FOVEA_BFLOAT16, FOVEA_UINT4,   FOVEA_INT4};
    uint8_t data[3 * 5 * 8];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        fovea_array a = {{kinds[i], 2, {3, 5}}, data}, back;
        bool bits = kinds[i] == FOVEA_BOOL;
        for (size_t k = 0; k < sizeof data; k++) data[k] = (uint8_t)(bits ? k & 1 : k * 37);
        for (size_t k = 0; k < sizeof data; k++) {
            if (kinds[i] == FOVEA_UINT4) data[k] &= 15;
            if (kinds[i] == FOVEA_INT4) data[k] = (uint8_t)((int)(data[k] & 15) - 8);
        }
        ok(fovea_array_store(&a, "t", path_of("t.pb")));
        ok(fovea_array_load(&back, path_of("t.pb")));
        ck_assert(desc_equal(&a.desc, &back.desc));
        ck_assert_mem_eq(back.data, data, desc_bytes(&a.desc));
        fovea_array_free(&back);
    }
    fovea_array empty = {{FOVEA_FLOAT32, 2, {0, 5}}, data}, back;
    ok(fovea_array_store(&empty, "t", path_of("t.pb")));
    ok(fovea_array_load(&back, path_of("t.pb")));
    ck_assert(desc_equal(&empty.desc, &back.desc));
    fovea_array_free(&back);
    ck_assert_int_eq(fovea_array_load(&back, path_of("none.pb")), FOVEA_BAD_FILE);
    ck_assert_ptr_null(back.data);
}
END_TEST

int main(void) {
    Suite *s = suite_create("onnx_store");
    TCase *c = tcase_create("store");
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, round_trip);
    tcase_add_test(c, two_files);
    tcase_add_test(c, names);
    tcase_add_loop_test(c, form, 0, (int)(sizeof forms / sizeof *forms));
    tcase_add_test(c, disk_errors);
    tcase_add_test(c, operators_of_our_own);
    tcase_add_test(c, operators_of_training);
    tcase_add_test(c, out_of_memory);
    tcase_add_test(c, tensor_files);
    suite_add_tcase(s, c);
    return harness_main(s);
}
