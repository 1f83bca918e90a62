/* Which operators keep the samples of a batch apart: chosen lines, and a proof on the reference that whatever
 * is said to keep them apart gives the same bits for the whole batch and for its parts. */
#include "harness.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/batch.h"
#include "plan/plan.h"

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

static fovea_context *context;

static void open_context(void) {
    const fovea_context_options o = {.no_store = true};
    OK(fovea_context_create(&context, "reference", &o));
}

static void close_context(void) {
    fovea_context_destroy(context);
}

static fovea_graph *shaped(const fovea_graph *g, size_t parts) {
    const fovea_plan_options o = {.no_rewrite = true};
    fovea_graph *copy;
    OK(graph_copy(&copy, g));
    if (plan_prepare(copy, &o, parts) == FOVEA_OK) return copy;
    fovea_graph_destroy(copy);
    return NULL;
}

static size_t least_divisor(int64_t n) {
    for (int64_t k = 2; k <= n; k++)
        if (n % k == 0) return (size_t)k;
    return 0;
}

/* Whether the graph may run its batch in parts; with_batch has room for its values. */
static bool may_be_split(const fovea_graph *g, size_t parts, bool *with_batch) {
    fovea_graph *whole = shaped(g, 1), *part = shaped(g, parts);
    bool may = whole && part && graph_batch_check(whole, part, with_batch) == FOVEA_OK;
    fovea_graph_destroy(whole);
    fovea_graph_destroy(part);
    return may;
}

static int64_t batch_of(const fovea_graph *g) {
    fovea_graph *whole = shaped(g, 1);
    int64_t batch = whole ? graph_batch(whole) : 0;
    fovea_graph_destroy(whole);
    return batch;
}

/* ---- Running ---- */

static char *contents(const fovea_plan *p, fovea_value v, size_t *bytes) {
    const fovea_tensor *t = p->values[v].own;
    *bytes = desc_bytes(&t->desc);
    char *data = mem_alloc(*bytes);
    ck_assert_ptr_nonnull(data);
    OK(fovea_tensor_read(t, data, *bytes));
    return data;
}

/* The inputs of one part: its piece of those with the batch. */
static void feed_part(const fovea_plan *whole, fovea_plan *p, const bool *with_batch, size_t part) {
    for (size_t i = 0; i < p->graph->n_inputs; i++) {
        fovea_value v = p->graph->inputs[i];
        if (p->graph->values[v].storage) continue;
        size_t all, one = desc_bytes(&p->values[v].own->desc);
        char *data = contents(whole, v, &all);
        OK(fovea_tensor_write(p->values[v].own, data + (with_batch[v] ? part * one : 0), one));
        mem_free(data);
    }
}

static void expect_part(const char *line, const fovea_plan *whole, const fovea_plan *p,
                        const bool *with_batch, size_t part) {
    for (size_t i = 0; i < p->graph->n_outputs; i++) {
        fovea_value v = p->graph->outputs[i];
        size_t all, one;
        char *want = contents(whole, v, &all), *got = contents(p, v, &one);
        size_t at = with_batch[v] ? part * one : 0;
        ck_assert_uint_le(at + one, all);
        ck_assert_msg(memcmp(want + at, got, one) == 0, "%s: output %zu of part %zu differs", line,
                      i, part);
        mem_free(want);
        mem_free(got);
    }
}

/* False where random inputs are no inputs for it. */
static bool expect_same(const char *line, const fovea_graph *g, size_t parts,
                        const bool *with_batch) {
    fovea_graph *smaller;
    fovea_plan *whole, *p;
    OK(graph_copy(&smaller, g));
    graph_batch_divide(smaller, parts);
    OK(fovea_plan_create(&whole, context, g, NULL));
    OK(fovea_plan_create(&p, context, smaller, NULL));
    OK(plan_fill_inputs(whole, 5));
    bool runs = fovea_plan_run(whole) == FOVEA_OK;
    for (size_t part = 0; part < parts && runs; part++) {
        feed_part(whole, p, with_batch, part);
        OK(fovea_plan_run(p));
        expect_part(line, whole, p, with_batch, part);
    }
    fovea_plan_destroy(p);
    fovea_plan_destroy(whole);
    fovea_graph_destroy(smaller);
    return runs;
}

/* ---- Chosen lines ---- */

static const struct {
    bool apart;
    const char *line;
} lines[] = {
    {true, "Conv 6x3x8x8 4x3x3x3 4 pads=1,1,1,1"},
    {false, "Conv 6x3x8x8 6x3x3x3"}, /* weights that look like a batch */
    {true, "MaxPool 6x3x8x8 kernel_shape=2,2"},
    {false, "MaxPool 6x3x8x8 kernel_shape=2,2 -> 2"}, /* indices into the whole batch */
    {true, "BatchNormalization 6x3x8 3 3 3 3"},
    {false, "BatchNormalization 6x3x8 3 3 3 3 training_mode=1"},
    {true, "Softmax 6x5 axis=1"},
    {true, "Softmax 6x5 axis=-1"},
    {false, "Softmax 6x5 axis=0"},
    {false, "Softmax 6x5 axis=-2"},
    {true, "LayerNormalization 6x5x4 4 axis=-1"},
    {true, "Add 6x5x4 5x1"},
    {true, "Add 6x5x4 1x5x4"},
    {true, "Add 6x5x4 6x1x4"},
    {true, "Add 1x5x4 6x5x4"},
    {false, "Add 6x4 5x6x4"}, /* the batch of one operand is no batch of the other */
    {true, "ReduceSum 6x5x4 i64[1,2]"},
    {true, "ReduceSum 6x5x4 i64[-1] keepdims=0"},
    {false, "ReduceSum 6x5x4 i64[0]"},
    {false, "ReduceSum 6x5x4 i64[-3,1]"},
    {false, "ReduceMean 6x5x4"}, /* over everything */
    {true, "ReduceSum 6x5x4 noop_with_empty_axes=1"},
    {false, "ArgMax 6x5"},
    {true, "ArgMax 6x5 axis=1"},
    {true, "TopK 6x5 i64[2]"},
    {false, "TopK 6x5 i64[2] axis=0"},
    {true, "Reshape 6x8 i64[0,2,4]"},
    {true, "Reshape 6x8 i64[-1,2,4]"},
    {false, "Reshape 6x8 i64[6,-1]"}, /* fits another batch, but is no batch of it */
    {false, "Reshape 6x8 i64[3,16]"},
    {false, "Reshape 6x8 i64[8,-1]"},
    {true, "Flatten 6x2x4"},
    {false, "Flatten 6x2x4 axis=0"},
    {false, "Flatten 6x2x4 axis=2"},
    {true, "Flatten 6x1x4 axis=2"},
    {true, "Squeeze 6x1x4 i64[1]"},
    {true, "Unsqueeze 6x4 i64[1]"},
    {false, "Unsqueeze 6x4 i64[0]"},
    {true, "Transpose 6x2x4 perm=0,2,1"},
    {false, "Transpose 6x2x4 perm=1,0,2"},
    {false, "Transpose 6x2x4"},
    {false, "Transpose 6x6 perm=1,0"},
    {true, "Slice 6x5 i64[1] i64[4] i64[1]"},
    {true, "Slice 6x5 i64[0] i64[2147483647] i64[0]"},
    {false, "Slice 6x5 i64[0] i64[3] i64[0]"},
    {false, "Slice 6x5 i64[-1] i64[-9] i64[0] i64[-1]"}, /* backwards */
    {true, "Pad 6x5x4 i64[0,1,0,0,2,0]"},
    {false, "Pad 6x5x4 i64[1,0,0,0,0,0]"},
    {false, "Pad 6x5x4 i64[1,0,0,-1,0,0]"}, /* a shift */
    {true, "Split 6x4 axis=1 -> 2"},
    {false, "Split 6x4 -> 2"},
    {true, "Concat 6x4 6x3 axis=1"},
    {false, "Concat 6x4 6x4 axis=0"},
    {true, "Gemm 6x5 5x4 4"},
    {true, "Gemm 6x5 5x4 1x4"},
    {true, "Gemm 6x5 5x4 6x4"},
    {false, "Gemm 6x5 6x4 transA=1"},
    {true, "Gemm 6x5 4x5 4 transB=1"},
    {true, "MatMul 6x5 5x4"},
    {true, "MatMul 6x2x5 5x4"},
    {true, "MatMul 6x2x5 6x5x4"},
    {true, "MatMul 6x2x5 1x5x4"},
    {false, "MatMul 6x6 6x6"}, /* the batch of B is what is summed over */
    {false, "MatMul 6x5 3x5x4"},
    {true, "Expand 6x1x4 i64[1,5,4]"},
    {false, "Expand 6x1x4 i64[6,5,4]"}, /* would make 6 of a part too */
    {false, "Expand 6x4 i64[6,6,4]"},
    {true, "Tile 6x4 i64[1,3]"},
    {false, "Tile 6x4 i64[2,1]"},
    {true, "Gather 6x5 i64:2[0,3] axis=1"},
    {false, "Gather 6x5 i64:2[0,3] axis=0"},
    {true, "Gather f:5x4[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0] i64:6x2 axis=0"},
    {true, "Resize 6x2x4x4 - f[1,1,2,2]"},
    {true, "Resize 6x2x4x4 - - i64[8,8] axes=2,3"},
    {false, "Resize 6x2x4x4 - - i64[6,2,8,8]"},
    {false, "Resize 6x2x4x4 - f[2,1,1,1]"},
    {true, "Dropout 6x5"},
    {false, "Dropout 6x5 f[0.5] bool[1]"},
    {false, "SoftmaxCrossEntropyLoss 6x5 i64:6"},
    {false, "DynamicQuantizeLinear 6x5 -> 3"},
    {true, "QuantizeLinear 6x5 f[0.5]"},
    {false, "UnaryGrad 6x5 6x5 function=Relu"},
};

START_TEST(samples_are_kept_apart_or_not) {
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *line = lines[i].line;
        bool with_batch[64] = {0};
        fovea_graph *g;
        OK(fovea_graph_from_problem(&g, line));
        ck_assert_int_eq(batch_of(g), 6);
        bool apart = may_be_split(g, 2, with_batch);
        ck_assert_msg(apart == lines[i].apart, "%s: %s", line,
                      apart ? "is said to keep samples apart" : fovea_error());
        if (apart) ck_assert(expect_same(line, g, 2, with_batch));
        fovea_graph_destroy(g);
    }
}
END_TEST

/* ---- All lines ---- */

static void try_line(const char *line, size_t *split, size_t *kept) {
    enum { VALUES = 2048 };
    static bool with_batch[VALUES];
    fovea_graph *g;
    OK(fovea_graph_from_problem(&g, line));
    ck_assert_uint_lt(g->n_values, VALUES);
    size_t parts = least_divisor(batch_of(g));
    if (parts && may_be_split(g, parts, with_batch))
        *split += expect_same(line, g, parts, with_batch);
    else if (parts) ++*kept;
    fovea_graph_destroy(g);
}

START_TEST(what_may_be_split_gives_the_same) {
    char line[65536];
    size_t split = 0, kept = 0;
    glob_t tables;
    ck_assert_int_eq(glob(FOVEA_SOURCE_DIR "/tests/problems/*.txt", 0, NULL, &tables), 0);
    for (size_t i = 0; i < tables.gl_pathc; i++) {
        FILE *f = fopen(tables.gl_pathv[i], "r");
        ck_assert_ptr_nonnull(f);
        while (fgets(line, sizeof line, f)) {
            line[strcspn(line, "#\n")] = '\0';
            for (size_t n = strlen(line); n && line[n - 1] == ' ';) line[--n] = '\0';
            if (*line) try_line(line, &split, &kept);
        }
        fclose(f);
    }
    globfree(&tables);
    printf("%zu lines are the same in parts, %zu run as a whole\n", split, kept);
    ck_assert_uint_gt(split, 100);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("batch");
    TCase *tests = tcase_create("batch");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, samples_are_kept_apart_or_not);
    tcase_add_test(tests, what_may_be_split_gives_the_same);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
