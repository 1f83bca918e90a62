/* fovea check: ONNX test directories, their expected outputs against ours. */
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "json.h"
#include "model.h"
#include "progress.h"
#include "runner.h"
#include "testset.h"

static const struct arg args[] = {{0}};

enum verdict { PASS, FAIL, UNSUPPORTED, ERROR, N_VERDICTS };
static const char *const verdict_names[] = {"pass", "fail", "unsupported", "error"};
enum { MOVED_RUNS = 3 };

/* Contexts live as long as the command, so that programs stay built. */
struct bench {
    const struct common *common;
    fovea_context *device, *reference;
    size_t count[N_VERDICTS];
};

/* A model with one data set. */
struct trial {
    const fovea_graph *graph;
    fovea_value_info *inputs, *outputs;
    size_t n_inputs, n_outputs;
    struct arrays given, expected, got;
};

/* ---- Running ---- */

/* Binds every input's shape, and the contents of those that decide shapes (or of all whole-number
 * inputs). */
static bool make_plan(fovea_plan **out, fovea_context *context, const struct trial *t,
                      const fovea_plan_options *like, bool whole_numbers, bool *bound,
                      struct problem *p) {
    fovea_binding *bindings = host_alloc(t->n_inputs, sizeof *bindings);
    fovea_plan_options options = *like;
    for (size_t i = 0; i < t->n_inputs; i++) {
        const fovea_array *a = &t->given.array[i];
        bool whole = a->desc.dtype != FOVEA_FLOAT32 && a->desc.dtype != FOVEA_FLOAT16;
        bound[i] = t->inputs[i].decides_shape || (whole_numbers && whole);
        bindings[i] = (fovea_binding){t->inputs[i].name, a->desc, bound[i] ? a->data : NULL};
    }
    options.bindings = bindings;
    options.n_bindings = t->n_inputs;
    bool good = problem_check(p, fovea_plan_create(out, context, t->graph, &options));
    free(bindings);
    return good;
}

/* Runs the model once and reads its outputs. */
static bool run_once(fovea_context *context, const struct trial *t,
                     const fovea_plan_options *options, struct arrays *out, struct problem *p) {
    fovea_plan *plan = NULL;
    bool *bound = host_alloc(t->n_inputs, sizeof *bound);
    bool good = make_plan(&plan, context, t, options, false, bound, p) ||
                (p->code != EXIT_DEVICE && make_plan(&plan, context, t, options, true, bound, p));
    *out = (struct arrays){host_alloc(t->n_outputs, sizeof *out->array), 0};
    for (size_t i = 0; good && i < t->n_inputs; i++)
        good = bound[i] || plan_write(plan, t->inputs[i].name, &t->given.array[i], p);
    good = good && problem_check(p, fovea_plan_run(plan)) &&
           problem_check(p, fovea_context_wait(context));
    for (size_t k = 0; good && k < t->n_outputs; k++, out->count++)
        good = plan_read(plan, t->outputs[k].name, &out->array[k], p);
    fovea_plan_destroy(plan);
    free(bound);
    if (!good) arrays_free(out);
    return good;
}

/* ---- Comparing ---- */

/* The worst output; spreads NULL: before any was measured. */
static struct comparison worst_output(const struct trial *t, double *const *spreads,
                                      size_t *output) {
    struct comparison worst = {.ratio = -1};
    for (size_t k = 0; k < t->expected.count; k++) {
        struct comparison c =
            compare_arrays(&t->got.array[k], &t->expected.array[k], spreads ? spreads[k] : NULL);
        if (c.ratio <= worst.ratio) continue;
        worst = c;
        *output = k;
    }
    return worst;
}

/* Widens the spreads by moved runs until the outputs agree or the last run is done. */
static bool judge_by_spread(const struct bench *b, const struct trial *t, double **spreads,
                            struct comparison *worst, size_t *output, struct problem *p) {
    struct arrays plain;
    fovea_plan_options options = {.no_rewrite = true};
    if (!run_once(b->reference, t, &options, &plain, p)) return problem_in(p, "on the reference");
    bool good = true;
    for (uint64_t seed = 1; good && seed <= MOVED_RUNS && worst->ratio > 1; seed++) {
        struct arrays moved;
        options.perturb = seed;
        good = run_once(b->reference, t, &options, &moved, p) || problem_in(p, "on the reference");
        for (size_t k = 0; good && k < t->expected.count; k++)
            compare_widen(spreads[k], &plain.array[k], &moved.array[k]);
        if (good) *worst = worst_output(t, spreads, output);
        arrays_free(&moved);
    }
    arrays_free(&plain);
    return good;
}

static bool judge(const struct bench *b, const struct trial *t, struct comparison *worst,
                  size_t *output, struct problem *p) {
    for (size_t k = 0; k < t->expected.count; k++)
        if (!compare_desc(&t->got.array[k], &t->expected.array[k], p))
            return problem_in(p, t->outputs[k].name);
    *worst = worst_output(t, NULL, output);
    if (worst->ratio <= 1) return true;
    double **spreads = host_alloc(t->expected.count, sizeof *spreads);
    for (size_t k = 0; k < t->expected.count; k++) {
        int64_t n = fovea_desc_elements(&t->expected.array[k].desc);
        spreads[k] = host_alloc((size_t)n, sizeof **spreads);
    }
    bool good = judge_by_spread(b, t, spreads, worst, output, p);
    for (size_t k = 0; k < t->expected.count; k++) free(spreads[k]);
    free(spreads);
    return good;
}

/* ---- One directory ---- */

static enum verdict verdict_of(const struct problem *p) {
    return p->status == FOVEA_UNSUPPORTED ? UNSUPPORTED : p->code == EXIT_WRONG ? FAIL : ERROR;
}

/* Inputs that the file initialises come last in nobody's data sets: files go to the others, in order. */
static bool load_data(struct trial *t, const char *dir, struct problem *p) {
    if (!testset_load(&t->given, dir, "input", p) || !testset_load(&t->expected, dir, "output", p))
        return false;
    if (t->given.count != t->n_inputs)
        return problem_set(p, EXIT_FILE, "%s: has %zu inputs, the model wants %zu", dir,
                           t->given.count, t->n_inputs);
    if (t->expected.count == 0 || t->expected.count > t->n_outputs)
        return problem_set(p, EXIT_FILE, "%s: has %zu outputs, the model gives %zu", dir,
                           t->expected.count, t->n_outputs);
    /* Old data sets keep bfloat16 as the 16-bit numbers with the same bits. */
    for (size_t i = 0; i < t->n_inputs; i++)
        if (t->inputs[i].desc.dtype == FOVEA_BFLOAT16 &&
            t->given.array[i].desc.dtype == FOVEA_UINT16)
            t->given.array[i].desc.dtype = FOVEA_BFLOAT16;
    return true;
}

/* One data set; raises *ratio to its worst. The sentence of a verdict that is not PASS is in *p. */
static enum verdict check_set(const struct bench *b, struct trial *t, const char *dir,
                              double *ratio, struct problem *p) {
    struct comparison worst = {0};
    size_t output = 0;
    fovea_plan_options options = {0};
    bool good = load_data(t, dir, p) && run_once(b->device, t, &options, &t->got, p) &&
                judge(b, t, &worst, &output, p);
    if (good && worst.ratio > 1)
        good = problem_set(p, EXIT_WRONG,
                           "%s: output '%s', element %lld: got %.9g, expected %.9g, which is %.3g "
                           "times the allowed %.3g",
                           strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir, t->outputs[output].name,
                           (long long)worst.index, worst.got, worst.expected, worst.ratio,
                           worst.allowed);
    if (worst.ratio > *ratio) *ratio = worst.ratio;
    arrays_free(&t->given);
    arrays_free(&t->expected);
    arrays_free(&t->got);
    return good ? PASS : verdict_of(p);
}

static enum verdict check_sets(const struct bench *b, struct trial *t, const char *dir,
                               struct problem *p) {
    struct text_list sets = {0};
    double ratio = 0;
    if (!testset_data(&sets, dir, p)) return ERROR;
    enum verdict v = PASS;
    if (sets.count == 0) problem_set(p, EXIT_FILE, "there is no test_data_set_0");
    for (size_t i = 0; v == PASS && i < sets.count; i++)
        v = check_set(b, t, sets.text[i], &ratio, p);
    if (sets.count == 0) v = ERROR;
    if (v == PASS)
        problem_set(p, EXIT_GOOD, "%zu data set%s, at most %.3f of what is allowed", sets.count,
                    sets.count == 1 ? "" : "s", ratio);
    testset_free(&sets);
    return v;
}

/* The sentence is in *p, whatever the verdict. */
static enum verdict check_dir(const struct bench *b, const char *dir, struct problem *p) {
    struct trial t = {0};
    fovea_graph *graph = NULL;
    char *model = testset_model(dir);
    bool good = model_load(&graph, model, p);
    t.graph = graph;
    good = good && model_inputs(graph, &t.inputs, &t.n_inputs, p) &&
           model_outputs(graph, &t.outputs, &t.n_outputs, p);
    enum verdict v = good ? check_sets(b, &t, dir, p) : verdict_of(p);
    fovea_graph_destroy(graph);
    free(t.inputs);
    free(t.outputs);
    free(model);
    return v;
}

/* ---- All ---- */

static bool open_bench(struct bench *b, struct problem *p) {
    return host_context(&b->device, b->common->device, false, p) &&
           host_context(&b->reference, "reference", false, p);
}

static void close_bench(struct bench *b) {
    fovea_context_destroy(b->device);
    fovea_context_destroy(b->reference);
    b->device = b->reference = NULL;
}

static void print_result(const struct bench *b, const char *dir, enum verdict v,
                         const struct problem *p) {
    progress_end();
    if (b->common->json) {
        json_object(NULL);
        json_text("dir", dir);
        json_text("status", verdict_names[v]);
        json_text("detail", p->text);
        json_close();
    } else if (v == PASS && !b->common->verbose) {
        printf("%-11s  %s\n", verdict_names[v], dir);
    } else {
        printf("%-11s  %s: %s\n", verdict_names[v], dir, p->text);
    }
}

static bool check_all(struct bench *b, const struct text_list *dirs, struct problem *p) {
    for (size_t i = 0; i < dirs->count; i++) {
        struct problem found = {0};
        progress_show("check", i, dirs->count, dirs->text[i]);
        enum verdict v = check_dir(b, dirs->text[i], &found);
        b->count[v]++;
        print_result(b, dirs->text[i], v, &found);
        if (!host_flush()) return true; /* main says why */
        /* A device that failed may be lost to this context. */
        if (found.status != FOVEA_DEVICE_ERROR) continue;
        close_bench(b);
        if (!open_bench(b, p)) return false;
    }
    return true;
}

static void print_totals(const struct bench *b, const char *device) {
    static const char *const keys[] = {"passed", "failed", "unsupported", "errors"};
    if (b->common->json) {
        json_close();
        for (int v = 0; v < N_VERDICTS; v++) json_integer(keys[v], (int64_t)b->count[v]);
        json_close();
    } else {
        printf("%s: %zu passed, %zu failed, %zu unsupported, %zu errors\n", device, b->count[PASS],
               b->count[FAIL], b->count[UNSUPPORTED], b->count[ERROR]);
    }
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct bench b = {.common = common};
    struct text_list dirs = {0};
    bool good = true;
    for (size_t i = 0; good && i < operands->count; i++)
        good = testset_find(&dirs, operands->text[i], &p);
    good = good && open_bench(&b, &p);
    if (good) {
        char device[32];
        snprintf(device, sizeof device, "%s", fovea_context_device(b.device)->id);
        if (common->json) {
            json_object(NULL);
            json_text("device", device);
            json_array("results");
        }
        good = check_all(&b, &dirs, &p);
        print_totals(&b, device);
    }
    close_bench(&b);
    testset_free(&dirs);
    if (!good) return problem_report(&p);
    return b.count[FAIL] || b.count[ERROR] ? EXIT_WRONG : EXIT_GOOD;
}

const struct command check_command = {
    .name = "check",
    .summary = "run ONNX test directories and compare with their expected outputs",
    .usage = "DIR...",
    .text =
        "A test directory holds model.onnx (or model.onnx.zst) and test_data_set_N with "
        "input_K.pb\n"
        "and output_K.pb; other directories are searched for such. Whole numbers must be equal.\n"
        "An element that another engine computed may differ by\n"
        "    2 * 2 * max(spread, rms of the output's spread) + 2 ulp\n"
        "where spread is how far the element moves when the reference moves every intermediate\n"
        "result by up to its own error bound, random in sign, the largest of up to three such\n"
        "runs; 2 because both engines err, and 2 because three draws may be small by chance.\n"
        "Quantised outputs are rounded up to whole steps; other whole numbers have their own\n"
        "spread alone. Expected floats written with four decimals count as rounded there. Status: "
        "pass, fail, unsupported (load or plan refuses), error.",
    .examples =
        "  fovea check onnx/node/test_relu\n  fovea check --json models --device reference\n",
    .args = args,
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
