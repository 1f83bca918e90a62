/* fovea tune: measures algorithms on a model's own shapes and keeps what it finds. */
#include <stdlib.h>

#include "json.h"
#include "model.h"
#include "shapes.h"
#include "table.h"
#include "tuning.h"

static struct {
    struct tuning tuning;
    int64_t batch;
    struct text_list shapes;
    const char *export_path, *import_path;
    bool forget, force, again;
} options = {.tuning = {.level = "quick"}};

static const struct arg args[] = {
    {"level", 'l', ARG_TEXT, &options.tuning.level, "LEVEL",
     "quick: algorithms as they are; full: also the values of their tunables; default quick"},
    {"seconds", 's', ARG_COUNT, &options.tuning.seconds, "S",
     "the budget; default 60, for full 600"},
    {"again", 0, ARG_FLAG, &options.again, NULL, "measure too what was measured before"},
    {"batch", 'b', ARG_COUNT, &options.batch, "N", "pictures at once"},
    {"shape", 0, ARG_LIST, &options.shapes, "NAME=1x3x64x64", "fix the shape of an input"},
    {"forget", 0, ARG_FLAG, &options.forget, NULL, "first forget all that is known of the device"},
    {"import", 0, ARG_TEXT, &options.import_path, "FILE", "first take the results in a file"},
    {"force", 0, ARG_FLAG, &options.force, NULL, "import results of another device or driver"},
    {"export", 0, ARG_TEXT, &options.export_path, "FILE", "at the end write all results to a file"},
    {0}};

struct session {
    const struct common *common;
    fovea_context *context;
    fovea_tune_options tune;
    size_t imported, exported;
    fovea_tune_result *result; /* NULL: no model was given */
    fovea_tune_info info;
};

static bool tune_graph(struct session *s, const fovea_graph *graph, struct problem *p) {
    fovea_value_info *inputs = NULL;
    size_t n;
    struct shapes shapes = {0};
    bool good = model_inputs(graph, &inputs, &n, p) &&
                shapes_parse(&shapes, inputs, n, &options.shapes, options.batch, p);
    if (good) {
        fovea_plan_options how = {.bindings = shapes.bindings, .n_bindings = shapes.count};
        tuning_begin();
        good = problem_check(p, fovea_tune(&s->result, s->context, graph, &how, &s->tune));
        tuning_end();
    }
    if (good) fovea_tune_get_info(s->result, &s->info);
    shapes_free(&shapes);
    free(inputs);
    return good;
}

static bool tune_model(struct session *s, const char *path, struct problem *p) {
    fovea_graph *graph = NULL;
    bool good = model_load(&graph, path, p) && tune_graph(s, graph, p);
    fovea_graph_destroy(graph);
    return good;
}

static bool work(struct session *s, const struct text_list *operands, struct problem *p) {
    if (!operands->count && !options.export_path && !options.import_path && !options.forget)
        return problem_set(p, EXIT_USAGE, "a MODEL, --import, --export or --forget is needed");
    if (!tuning_options(&s->tune, &options.tuning, p)) return false;
    s->tune.again = options.again;
    return host_context(&s->context, s->common->device, false, p) &&
           (!options.forget || problem_check(p, fovea_tuning_forget(s->context))) &&
           (!options.import_path ||
            problem_check(p, fovea_tuning_import(s->context, options.import_path, options.force,
                                                 &s->imported))) &&
           (!operands->count || tune_model(s, operands->text[0], p)) &&
           (!options.export_path ||
            problem_check(p, fovea_tuning_export(s->context, options.export_path, &s->exported)));
}

/* ---- Text ---- */

static void cell_ms(struct table *t, double ms) {
    if (ms < 0) table_cell(t, "-");
    else table_cell(t, "%.4g", ms);
}

static void print_lines(const struct session *s) {
    struct table t;
    fovea_tune_line line;
    table_begin(&t, "problem|>steps|before|after|>before ms|>after ms");
    for (size_t i = 0; fovea_tune_get_line(s->result, i, &line) == FOVEA_OK; i++) {
        if (!line.tuned && !s->common->verbose) continue;
        table_cell(&t, "%s", line.problem);
        table_cell(&t, "%zu", line.steps);
        table_cell(&t, "%s", line.before);
        table_cell(&t, "%s%s%s", line.after, *line.tuning ? " " : "", line.tuning);
        cell_ms(&t, line.before_ms);
        cell_ms(&t, line.after_ms);
    }
    table_print(&t);
}

static void print_end(const struct session *s) {
    const fovea_tune_info *i = &s->info;
    if (i->tuned) print_lines(s);
    printf("problems %zu: %zu tuned now, %zu known before, %zu left%s\n", i->problems, i->tuned,
           i->known, i->problems - i->tuned - i->known,
           i->stopped ? " when time ran out or Ctrl-C came" : "");
    if (i->candidates)
        printf("tried    %zu candidates in %.1f s, %zu failed, of these %zu with a wrong result\n",
               i->candidates, i->seconds, i->failed, i->wrong);
    if (i->after_ms > 0)
        printf("network  %.4g ms before, %.4g ms after\n", i->before_ms, i->after_ms);
}

static void print_text(const struct session *s) {
    const fovea_device_info *d = fovea_context_device(s->context);
    if (options.forget) printf("forgot   what was known of %s\n", d->name);
    if (options.import_path) printf("imported %zu rows of %s\n", s->imported, options.import_path);
    if (s->result) print_end(s);
    if (options.export_path) printf("exported %zu rows to %s\n", s->exported, options.export_path);
    printf("device   %s (%s)\n", d->id, d->name);
}

/* ---- JSON ---- */

static void json_ms(const char *key, double ms) {
    if (ms < 0) json_text(key, NULL);
    else json_number(key, ms);
}

static void json_lines(const struct session *s) {
    fovea_tune_line line;
    json_array("lines");
    for (size_t i = 0; fovea_tune_get_line(s->result, i, &line) == FOVEA_OK; i++) {
        json_object(NULL);
        json_text("problem", line.problem);
        json_integer("steps", (int64_t)line.steps);
        json_text("before", line.before);
        json_text("after", line.after);
        json_text("tuning", line.tuning);
        json_ms("before_ms", line.before_ms);
        json_ms("after_ms", line.after_ms);
        json_bool("tuned", line.tuned);
        json_close();
    }
    json_close();
}

static void json_end(const struct session *s) {
    const fovea_tune_info *i = &s->info;
    json_integer("problems", (int64_t)i->problems);
    json_integer("tuned", (int64_t)i->tuned);
    json_integer("known", (int64_t)i->known);
    json_integer("candidates", (int64_t)i->candidates);
    json_integer("failed", (int64_t)i->failed);
    json_integer("wrong", (int64_t)i->wrong);
    json_bool("stopped", i->stopped);
    json_number("seconds", i->seconds);
    json_number("before_ms", i->before_ms);
    json_number("after_ms", i->after_ms);
    json_lines(s);
}

static void print_json(const struct session *s) {
    const fovea_device_info *d = fovea_context_device(s->context);
    json_object(NULL);
    json_text("device", d->id);
    json_text("device_name", d->name);
    if (options.import_path) json_integer("imported", (int64_t)s->imported);
    if (options.export_path) json_integer("exported", (int64_t)s->exported);
    if (s->result) json_end(s);
    json_close();
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct session s = {.common = common};
    bool good = work(&s, operands, &p);
    if (good && common->json) print_json(&s);
    else if (good) print_text(&s);
    fovea_tune_result_destroy(s.result);
    fovea_context_destroy(s.context);
    text_list_free(&options.shapes);
    return good ? EXIT_GOOD : problem_report(&p);
}

const struct command tune_command = {
    .name = "tune",
    .summary = "measure algorithms on a model's shapes; keep the fastest",
    .usage = "[MODEL]",
    .text =
        "Times the algorithms that can do each layer of the model, the most expensive layers\n"
        "first, each checked against the CPU reference before it may win. What is found is kept\n"
        "in the store and used by every later plan on this device; layers that were tuned before\n"
        "are left as they are. The end of the budget, or Ctrl-C, keeps what was measured so far.\n"
        "--export and --import carry results to another machine with the same device and driver.",
    .examples = "  fovea tune resnet50.onnx\n"
                "  fovea tune resnet50.onnx --batch 8 --level full --seconds 900\n"
                "  fovea tune --export results.txt\n"
                "  fovea tune --import results.txt\n",
    .args = args,
    .min_operands = 0,
    .max_operands = 1,
    .run = run,
};
