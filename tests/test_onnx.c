/* Reading ONNX files: encodings, old forms, files that must be refused. The files are those of
 * data/make_onnx.py, whose values are repeated here by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/half.h"
#include "harness.h"

#define DATA FOVEA_SOURCE_DIR "/tests/data/onnx/"

static fovea_graph *load(const char *file) {
    fovea_graph *g;
    char path[512];
    snprintf(path, sizeof path, DATA "%s", file);
    fovea_status status = fovea_graph_load_onnx(&g, path);
    ck_assert_msg(status == FOVEA_OK, "%s", fovea_error());
    return g;
}

/* The only node with this first output; fails the test if there is none. */
static const struct node *node_of(const fovea_graph *g, const char *output) {
    fovea_value v = fovea_graph_find(g, output);
    ck_assert_msg(v != FOVEA_NO_VALUE && g->values[v].producer != FOVEA_NO_VALUE, "no '%s'",
                  output);
    return &g->nodes[g->values[v].producer];
}

static void expect_op(const struct node *n, const char *op, size_t inputs) {
    ck_assert_str_eq(op_name(n->op), op);
    ck_assert_uint_eq(n->n_in, inputs);
}

static double element(const struct value *v, size_t i) {
    const void *p = value_data(v);
    switch (v->desc.dtype) {
    case FOVEA_FLOAT32: return (double)((const float *)p)[i];
    case FOVEA_FLOAT64: return ((const double *)p)[i];
    case FOVEA_FLOAT16: return (double)half_to_float(((const uint16_t *)p)[i]);
    case FOVEA_BFLOAT16: return (double)bfloat16_to_float(((const uint16_t *)p)[i]);
    case FOVEA_INT64: return (double)((const int64_t *)p)[i];
    case FOVEA_UINT64: return (double)((const uint64_t *)p)[i];
    case FOVEA_INT32: return (double)((const int32_t *)p)[i];
    case FOVEA_UINT32: return (double)((const uint32_t *)p)[i];
    case FOVEA_INT16: return (double)((const int16_t *)p)[i];
    case FOVEA_UINT16: return (double)((const uint16_t *)p)[i];
    case FOVEA_INT8:
    case FOVEA_INT4: return (double)((const int8_t *)p)[i];
    default: return (double)((const uint8_t *)p)[i];
    }
}

/* Fails the test unless input `i` of the node is a constant with these elements. */
static void expect_constant(const fovea_graph *g, const struct node *n, size_t i, int rank,
                            const double *expected, int64_t count) {
    const struct value *v = node_in(g, n, i);
    ck_assert_msg(v && v->storage, "input %zu of '%s' is no constant", i, n->name);
    ck_assert_int_eq(v->desc.rank, rank);
    ck_assert_int_eq(value_elements(v), count);
    for (int64_t k = 0; k < count; k++) ck_assert_double_eq(element(v, (size_t)k), expected[k]);
}
#define LIST(...) (const double[]){__VA_ARGS__}, sizeof(double[]){__VA_ARGS__} / sizeof(double)

START_TEST(every_encoding) {
    static const fovea_dtype kinds[] = {FOVEA_FLOAT32,  FOVEA_UINT8,   FOVEA_INT8,   FOVEA_UINT16,
                                        FOVEA_INT16,    FOVEA_INT32,   FOVEA_INT64,  FOVEA_BOOL,
                                        FOVEA_FLOAT16,  FOVEA_FLOAT64, FOVEA_UINT32, FOVEA_UINT64,
                                        FOVEA_BFLOAT16, FOVEA_UINT4,   FOVEA_INT4};
    static const double bools[] = {0, 1, 1, 0, 1};
    fovea_graph *g = load("encodings.onnx");
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
        fovea_dtype kind = kinds[i / 2];
        char name[32];
        snprintf(name, sizeof name, "%s_%d", i % 2 ? "raw" : "typed", (int)kind);
        fovea_value v = fovea_graph_find(g, name);
        ck_assert_msg(v != FOVEA_NO_VALUE, "no %s", name);
        ck_assert_int_eq(g->values[v].desc.dtype, kind);
        bool is_signed = dtype_is_float(kind) || strncmp(fovea_dtype_name(kind), "int", 3) == 0;
        for (size_t k = 0; k < 5; k++) {
            double expected = kind == FOVEA_BOOL ? bools[k] : (double)k - 2 * is_signed;
            ck_assert_msg(element(&g->values[v], k) == expected, "%s[%zu] is %g, not %g", name, k,
                          element(&g->values[v], k), expected);
        }
    }
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(constant_nodes) {
    static const struct {
        const char *name;
        fovea_dtype dtype;
        int rank;
        int64_t count;
        double first, last;
    } expected[] = {{"f", FOVEA_FLOAT32, 0, 1, 1.5, 1.5},
                    {"fs", FOVEA_FLOAT32, 1, 2, 1, 2},
                    {"i", FOVEA_INT64, 0, 1, -7, -7},
                    {"is", FOVEA_INT64, 1, 3, 3, 5},
                    {"t", FOVEA_FLOAT32, 1, 2, 8, 9}};
    fovea_graph *g = load("constants.onnx");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct value *v = &g->values[fovea_graph_find(g, expected[i].name)];
        ck_assert_ptr_nonnull(v->storage);
        ck_assert_int_eq(v->desc.dtype, expected[i].dtype);
        ck_assert_int_eq(v->desc.rank, expected[i].rank);
        ck_assert_int_eq(value_elements(v), expected[i].count);
        ck_assert_double_eq(element(v, 0), expected[i].first);
        ck_assert_double_eq(element(v, (size_t)expected[i].count - 1), expected[i].last);
    }
    ck_assert_uint_eq(g->n_nodes, 1);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(external_data) {
    fovea_graph *g = load("external.onnx");
    expect_constant(g, node_of(g, "y"), 1, 1, LIST(0, 1, 2, 3));
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(opset_6) {
    fovea_graph *g = load("opset6.onnx");
    ck_assert_int_eq(g->opset, 6);
    ck_assert_uint_eq(g->n_inputs, 1); /* "b" and "s" have initializers: they are constants */
    const struct node *aligned = &g->nodes[node_in(g, node_of(g, "a"), 1)->producer];
    expect_op(aligned, "Unsqueeze", 2); /* (3) to (3, 1, 1) along axis 1 */
    expect_constant(g, aligned, 1, 1, LIST(1, 2));
    expect_op(&g->nodes[node_in(g, node_of(g, "p"), 1)->producer], "Unsqueeze", 2);
    expect_constant(g, node_of(g, "q"), 1, 1, LIST(0.5)); /* one slope for all */
    ck_assert_ptr_null(node_attr(node_of(g, "n"), "is_test"));
    ck_assert_uint_eq(node_of(g, "d")->n_out, 1);
    ck_assert_uint_eq(fovea_graph_find(g, "mask"), FOVEA_NO_VALUE);
    expect_constant(g, node_of(g, "d"), 1, 0, LIST(0.25));
    expect_op(node_of(g, "c"), "Clip", 3);
    ck_assert_uint_eq(node_of(g, "c")->in[1], FOVEA_NO_VALUE);
    expect_constant(g, node_of(g, "c"), 2, 0, LIST(6));
    expect_constant(g, node_of(g, "l"), 1, 1, LIST(1));
    expect_constant(g, node_of(g, "l"), 2, 1, LIST(3));
    expect_constant(g, node_of(g, "l"), 3, 1, LIST(2));
    expect_constant(g, node_of(g, "e"), 1, 1, LIST(0, 0, 1, 0, 0, 0, 1, 0));
    expect_constant(g, node_of(g, "e"), 2, 0, LIST(2));
    expect_constant(g, node_of(g, "r"), 1, 1, LIST(2, 3));
    ck_assert_int_eq(attr_int(node_of(g, "r"), "keepdims", 1), 0);
    expect_constant(g, node_of(g, "u"), 1, 1, LIST(2, 3));
    expect_constant(g, node_of(g, "v"), 1, 1, LIST(2, 3));
    expect_constant(g, node_of(g, "k"), 1, 1, LIST(2));
    ck_assert_int_eq(attr_int(node_of(g, "z"), "axis", -1), 1);
    ck_assert_int_eq(attr_int(node_of(g, "z"), "coerce", 0), 1); /* (n, c, h, w): three axes */
    ck_assert_ptr_null(node_attr(node_of(g, "y"), "coerce"));    /* (n, c): the last axis alone */
    for (size_t i = 0; i < g->n_nodes; i++) ck_assert_ptr_null(node_attr(&g->nodes[i], "axes"));
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(opsets_8_to_18) {
    fovea_graph *g = load("opset8.onnx");
    expect_op(node_of(g, "b"), "Add", 2); /* spatial = 0 is written out */
    expect_op(node_of(g, "u"), "Resize", 3);
    expect_constant(g, node_of(g, "u"), 2, 1, LIST(1, 1, 2, 2));
    ck_assert_str_eq(attr_string(node_of(g, "u"), "coordinate_transformation_mode", ""),
                     "asymmetric");
    ck_assert_str_eq(attr_string(node_of(g, "u"), "nearest_mode", ""), "floor");
    ck_assert_int_eq(attr_int(node_of(g, "s"), "num_outputs", 0), 2);
    fovea_graph_destroy(g);
    g = load("opset10.onnx");
    expect_constant(g, node_of(g, "r"), 2, 1, LIST(1, 1, 0.5, 0.5));
    ck_assert_str_eq(attr_string(node_of(g, "r"), "nearest_mode", ""), "ceil");
    expect_constant(g, node_of(g, "c"), 1, 0, LIST(7));
    fovea_graph_destroy(g);
    g = load("opset18.onnx");
    for (size_t i = 1; i < 3; i++) /* scale and bias: one number a channel, worked out by nodes */
        expect_op(&g->nodes[node_in(g, node_of(g, "y"), i)->producer], "Reshape", 2);
    fovea_graph_destroy(g);
}
END_TEST

START_TEST(open_shapes) {
    fovea_graph *g = load("symbolic.onnx");
    fovea_value_info info;
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_input_at(g, 0), &info), FOVEA_OK);
    ck_assert_int_eq(info.desc.rank, 4);
    ck_assert_int_eq(info.desc.dim[0], -1);
    ck_assert_str_eq(info.dim_name[0], "N");
    ck_assert_int_eq(info.desc.dim[1], 3);
    ck_assert_int_eq(info.desc.dim[2], -1);
    ck_assert_ptr_null(info.dim_name[2]);
    ck_assert_uint_eq(node_of(g, "y")->n_out, 1); /* the second output has no name: not wanted */
    ck_assert_int_eq(g->values[fovea_graph_find(g, "y")].desc.rank, -1);
    fovea_graph_destroy(g);
    g = load("no_shape.onnx");
    ck_assert_int_eq(fovea_graph_value(g, fovea_graph_input_at(g, 0), &info), FOVEA_OK);
    ck_assert_int_eq(info.desc.rank, -1);
    ck_assert_int_eq(info.desc.dtype, FOVEA_FLOAT32);
    fovea_graph_destroy(g);
    g = load("unsorted.onnx");
    ck_assert_str_eq(op_name(g->nodes[0].op), "Abs");
    ck_assert_str_eq(op_name(g->nodes[1].op), "Neg");
    ck_assert_str_eq(op_name(g->nodes[2].op), "Relu");
    fovea_graph_destroy(g);
}
END_TEST

/* Each must be refused with this status and a sentence that names the file and these words. */
static const struct refusal {
    const char *file;
    fovea_status status;
    const char *words;
} refusals[] = {
    {"does_not_exist.onnx", FOVEA_BAD_FILE, "No such file"},
    {".", FOVEA_BAD_FILE, "not a regular file"},
    {"empty.onnx", FOVEA_BAD_FILE, "empty"},
    {"garbage.onnx", FOVEA_BAD_FILE, "not an ONNX model"},
    {"truncated.onnx", FOVEA_BAD_FILE, "truncated"},
    {"no_graph.onnx", FOVEA_BAD_FILE, "no graph"},
    {"no_opset.onnx", FOVEA_UNSUPPORTED, "opset_import"},
    {"opset5.onnx", FOVEA_UNSUPPORTED, "opset 5"},
    {"opset99.onnx", FOVEA_UNSUPPORTED, "opset 99"},
    {"ir2.onnx", FOVEA_UNSUPPORTED, "IR version 2"},
    {"unknown.onnx", FOVEA_UNSUPPORTED, "Frobnicate (domain ai.onnx, opset 17, node 'first')"},
    {"unknown.onnx", FOVEA_UNSUPPORTED, "NonZero (domain ai.onnx, opset 17, node 'second')"},
    {"unknown.onnx", FOVEA_UNSUPPORTED, "Gelu (domain com.example, opset 3, node 'third')"},
    {"gradient_open.onnx", FOVEA_UNSUPPORTED, "the shape of 'x' is not known"},
    {"gradient_elsewhere.onnx", FOVEA_UNSUPPORTED, "the values that xs and zs name"},
    {"gradient_cycle.onnx", FOVEA_BAD_FILE, "cycle"},
    {"gradient_double.onnx", FOVEA_UNSUPPORTED, "'y' is float64"},
    {"if.onnx", FOVEA_UNSUPPORTED, "needs a subgraph"},
    {"cycle.onnx", FOVEA_BAD_FILE, "cycle"},
    {"made_twice.onnx", FOVEA_BAD_FILE, "'y', which something else makes"},
    {"input_missing.onnx", FOVEA_BAD_FILE, "'nothing', which nothing makes"},
    {"output_missing.onnx", FOVEA_BAD_FILE, "nothing makes the output 'z'"},
    {"output_twice.onnx", FOVEA_BAD_FILE, "listed twice"},
    {"no_outputs.onnx", FOVEA_BAD_FILE, "no outputs"},
    {"sequence.onnx", FOVEA_UNSUPPORTED, "input 'x' is no tensor"},
    {"string.onnx", FOVEA_UNSUPPORTED, "string"},
    {"raw_length.onnx", FOVEA_BAD_FILE, "'w' of shape 1099511627776x1024"},
    {"too_many_elements.onnx", FOVEA_BAD_FILE, "too many elements"},
    {"negative_dimension.onnx", FOVEA_BAD_FILE, "dimension -1"},
    {"typed_length.onnx", FOVEA_BAD_FILE, "needs 3 numbers; the file has 2"},
    {"conv_residual.onnx", FOVEA_BAD_FILE, "'four'"},
    {"conv_residual.onnx", FOVEA_BAD_FILE, "it has 4 inputs; a Conv has 2 or 3"},
    {"batch_norm_statistics.onnx", FOVEA_BAD_FILE,
     "it has 5 outputs; a BatchNormalization has 1 to 3"},
    {"rank9.onnx", FOVEA_UNSUPPORTED, "9 dimensions"},
    {"attribute_unknown.onnx", FOVEA_UNSUPPORTED, "'slope'"},
    {"attribute_type.onnx", FOVEA_BAD_FILE, "'axis' has the wrong type"},
    {"attribute_twice.onnx", FOVEA_BAD_FILE, "'axis' is there twice"},
    {"attribute_old.onnx", FOVEA_BAD_FILE, "'axes' does not belong to opset 17"},
    {"training_output.onnx", FOVEA_UNSUPPORTED, "'b' is made in training only"},
    {"sparse.onnx", FOVEA_UNSUPPORTED, "sparse"},
    {"external_absolute.onnx", FOVEA_BAD_FILE, "outside the model's folder"},
    {"external_parent.onnx", FOVEA_BAD_FILE, "outside the model's folder"},
    {"external_short.onnx", FOVEA_BAD_FILE, "has 32 bytes; 16 at offset 20 are needed"},
    {"external_length.onnx", FOVEA_BAD_FILE, "external data has 8"},
    {"external_missing.onnx", FOVEA_BAD_FILE, "none.data cannot be opened"},
};

START_TEST(refused) {
    const struct refusal *r = &refusals[_i];
    fovea_graph *g = (fovea_graph *)&g;
    char path[512];
    snprintf(path, sizeof path, DATA "%s", r->file);
    fovea_status status = fovea_graph_load_onnx(&g, path);
    ck_assert_ptr_null(g);
    ck_assert_msg(status == r->status, "%s: %s, %s", r->file, fovea_status_name(status),
                  fovea_error());
    ck_assert_msg(strstr(fovea_error(), r->file) && strstr(fovea_error(), r->words), "%s",
                  fovea_error());
    ck_assert_ptr_null(strchr(fovea_error(), '\n'));
}
END_TEST

static void expect_output(fovea_plan *p, const char *name, const float *expected) {
    fovea_tensor *t;
    float got[4];
    ck_assert_int_eq(fovea_plan_tensor(p, name, &t), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_read(t, got, sizeof got), FOVEA_OK);
    for (int i = 0; i < 4; i++)
        ck_assert_msg(got[i] == expected[i], "%s[%d] is %g, expected %g", name, i, got[i],
                      expected[i]);
}

/* y = x x + z: 2 x, nothing, 1. */
START_TEST(gradients) {
    static const float x[4] = {1, -2, 0.5f, 8}, twice[4] = {2, -4, 1, 16}, zeros[4];
    static const float ones[4] = {1, 1, 1, 1};
    fovea_graph *g = load("gradient.onnx");
    fovea_context *c;
    fovea_plan *p;
    fovea_tensor *t;
    ck_assert_int_eq(fovea_context_create(&c, "reference", NULL), FOVEA_OK);
    ck_assert_msg(fovea_plan_create(&p, c, g, NULL) == FOVEA_OK, "%s", fovea_error());
    ck_assert_int_eq(fovea_plan_tensor(p, "x", &t), FOVEA_OK);
    ck_assert_int_eq(fovea_tensor_write(t, x, sizeof x), FOVEA_OK);
    ck_assert_int_eq(fovea_plan_run(p), FOVEA_OK);
    expect_output(p, "dx", twice);
    expect_output(p, "du", zeros);
    expect_output(p, "dz", ones);
    fovea_plan_destroy(p);
    fovea_context_destroy(c);
    fovea_graph_destroy(g);
}
END_TEST

/* Puts the head of a protobuf field before `*begin`. */
static void put_head(uint8_t **begin, uint8_t tag, size_t length) {
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)((length & 127) | (length > 127 ? 128 : 0));
    } while (length >>= 7);
    *begin -= n;
    memcpy(*begin, bytes, n);
    *--*begin = tag;
}

/* A graph in an attribute of a node of a graph, 100,000 levels deep, must not exhaust the stack. */
START_TEST(nested) {
    enum { LEVELS = 100000, ROOM = LEVELS * 3 * 5 + 100 };
    uint8_t *buffer = malloc(ROOM), *end = buffer + ROOM, *begin = end;
    char path[] = "/tmp/fovea_nested_XXXXXX";
    int fd = mkstemp(path);
    for (int i = 0; i < LEVELS; i++) {
        put_head(&begin, 0x32, (size_t)(end - begin)); /* AttributeProto.g */
        put_head(&begin, 0x2a, (size_t)(end - begin)); /* NodeProto.attribute */
        put_head(&begin, 0x0a, (size_t)(end - begin)); /* GraphProto.node */
    }
    put_head(&begin, 0x3a, (size_t)(end - begin)); /* ModelProto.graph */
    FILE *f = fdopen(fd, "wb");
    ck_assert_uint_eq(fwrite(begin, 1, (size_t)(end - begin), f), (size_t)(end - begin));
    fclose(f);
    free(buffer);
    fovea_graph *g;
    ck_assert_int_eq(fovea_graph_load_onnx(&g, path), FOVEA_UNSUPPORTED);
    ck_assert_msg(strstr(fovea_error(), "(no operator)"), "%s", fovea_error());
    remove(path);
}
END_TEST

/* Every allocation fails once: no crash, no leak (the address sanitizer looks), the right status. */
START_TEST(out_of_memory) {
    static const char *const files[] = {"opset6.onnx", "encodings.onnx", "gradient.onnx",
                                        "unknown.onnx"};
    char path[512];
    snprintf(path, sizeof path, DATA "%s", files[_i]);
    for (size_t n = 1;; n++) {
        fovea_graph *g;
        mem_fail_after(n);
        fovea_status status = fovea_graph_load_onnx(&g, path);
        mem_fail_after(0);
        fovea_graph_destroy(g);
        ck_assert_uint_lt(n, 100000);
        if (status == (_i == 3 ? FOVEA_UNSUPPORTED : FOVEA_OK) && n > 20) break;
        if (_i < 3) ck_assert_msg(status == FOVEA_NO_MEMORY, "%zu: %s", n, fovea_error());
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("onnx");
    TCase *c = tcase_create("load");
    tcase_add_test(c, every_encoding);
    tcase_add_test(c, constant_nodes);
    tcase_add_test(c, external_data);
    tcase_add_test(c, opset_6);
    tcase_add_test(c, opsets_8_to_18);
    tcase_add_test(c, open_shapes);
    tcase_add_loop_test(c, refused, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(c, gradients);
    tcase_add_test(c, nested);
    tcase_add_loop_test(c, out_of_memory, 0, 4);
    suite_add_tcase(s, c);
    return harness_main(s);
}
