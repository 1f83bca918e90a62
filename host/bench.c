/* fovea bench: how fast, and is it right? */
#include "bench.h"

#include <string.h>

static struct bench_options options = {.seed = 1};
static struct text_list problems, files;
static struct arg_floats seconds;

static const struct arg args[] = {
    {"batch", 'b', ARG_COUNT, &options.batch, "N", "pictures at once"},
    {"shape", 0, ARG_LIST, &options.shapes, "NAME=1x3x64x64",
     "fix the shape of an input; after a family: a line, as --problem"},
    {"runs", 'n', ARG_COUNT, &options.runs, "N", "time N runs"},
    {"seconds", 0, ARG_FLOATS, &seconds, "S",
     "time runs for S seconds, at least 5; default 2, 0.3 for a problem"},
    {"profile", 'p', ARG_FLAG, &options.profile, NULL, "also time each layer (--verbose too)"},
    {"problem", 0, ARG_LIST, &problems, "LINE", "time one operator, as a report names it"},
    {"file", 0, ARG_LIST, &files, "FILE", "time the problems of a file, one a line, # comments"},
    {"constant", 0, ARG_LIST, &options.constants, "x0",
     "an input of a problem that is a weight; default: all but x0 of Conv, Gemm, ..."},
    {"all-algorithms", 'a', ARG_FLAG, &options.all_algorithms, NULL,
     "time a problem with each algorithm that accepts it"},
    {"fastest", 0, ARG_FLAG, &options.fastest, NULL,
     "a problem with the algorithm whose step is fastest, as amid a network"},
    {"algorithm", 0, ARG_TEXT, &options.algorithm, "NAME", "use this algorithm where it fits"},
    TUNING_ARGS(options.tuning),
    {"no-layers", 0, ARG_FLAG, &options.no_layers, NULL, "--json and --csv without the layers"},
    {"no-verify", 0, ARG_FLAG, &options.no_verify, NULL, "do not verify what is timed"},
    {"csv", 0, ARG_FLAG, &options.csv, NULL, "print rows as CSV"},
    {"seed", 0, ARG_NUMBER, &options.seed, "S", "of the random inputs; default 1"},
    {0}};

static bool take_seconds(struct problem *p) {
    if (seconds.count == 0) return true;
    if (seconds.count > 1 || seconds.value[0] <= 0)
        return problem_set(p, EXIT_USAGE, "--seconds needs one number above 0");
    if (options.runs) return problem_set(p, EXIT_USAGE, "either --runs or --seconds, not both");
    options.seconds = seconds.value[0];
    return true;
}

static bool file_exists(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file) fclose(file);
    return file != NULL;
}

static bool is_family(const struct text_list *operands) {
    bool any_line = problems.count || files.count || options.shapes.count;
    return operands->count == 1 && any_line && bench_is_family(operands->text[0]);
}

/* After a family's word --shape gives lines, as --problem does. */
static void take_family(const struct text_list *operands) {
    options.family = operands->text[0];
    for (size_t i = 0; i < options.shapes.count; i++)
        text_list_add(&problems, options.shapes.text[i]);
}

static bool check_usage(const struct common *common, size_t operands, struct problem *p) {
    bool any_problem = problems.count || files.count;
    if (common->json && options.csv)
        return problem_set(p, EXIT_USAGE, "either --json or --csv, not both");
    if (operands > 1)
        return problem_set(p, EXIT_USAGE, "too many operands: one MODEL, or compare A.json B.json");
    if (any_problem && operands)
        return problem_set(p, EXIT_USAGE, "--problem and --file take no MODEL");
    if (!any_problem && !operands)
        return problem_set(p, EXIT_USAGE, "a MODEL, --problem LINE or --file FILE is needed");
    if (options.tuning.level && !operands)
        return problem_set(p, EXIT_USAGE, "--tune goes with a MODEL");
    if (options.all_algorithms && !any_problem)
        return problem_set(p, EXIT_USAGE, "--all-algorithms goes with --problem or --file");
    if (options.fastest && !any_problem)
        return problem_set(p, EXIT_USAGE, "--fastest goes with --problem or --file");
    if (options.all_algorithms + options.fastest + (options.algorithm != NULL) > 1)
        return problem_set(p, EXIT_USAGE,
                           "only one of --algorithm, --all-algorithms and --fastest");
    return take_seconds(p);
}

static int run_what(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    bool family = is_family(operands);
    if (operands->count == 3 && strcmp(operands->text[0], "compare") == 0)
        return bench_compare(common, operands->text[1], operands->text[2]);
    if (operands->count == 1 && strcmp(operands->text[0], "device") == 0)
        return bench_device(common, &options);
    if (family) take_family(operands);
    if (!check_usage(common, family ? 0 : operands->count, &p)) return problem_report(&p);
    if (operands->count == 0 || family) return bench_problems(common, &options, &problems, &files);
    if (bench_is_family(operands->text[0]) && !file_exists(operands->text[0])) {
        problem_set(&p, EXIT_USAGE, "%s needs --shape LINE or --file FILE", operands->text[0]);
        return problem_report(&p);
    }
    return bench_model(common, &options, operands->text[0]);
}

static int run(const struct common *common, const struct text_list *operands) {
    int code = run_what(common, operands);
    text_list_free(&options.shapes);
    text_list_free(&options.constants);
    text_list_free(&problems);
    text_list_free(&files);
    return code;
}

const struct command bench_command = {
    .name = "bench",
    .summary = "measure a model or single operators; compare two measurements",
    .usage =
        "MODEL | [FAMILY] --shape LINE | [FAMILY] --file FILE | device | compare A.json B.json",
    .text =
        "Times the steady runs of a model on random inputs, after a first run that is timed by\n"
        "itself, and prints median, quartiles, best, rates, memory and what came before the first\n"
        "answer. What was timed is then verified against the CPU reference, and the verdict "
        "stands\n"
        "on the line of the time. A problem's weights are constants, as in a model; its step is\n"
        "also timed by itself, without waiting and without conversions of layout. FAMILY (conv,\n"
        "gemm, pool, norm, softmax, reduce, elementwise, move, resize) keeps to such lines.\n"
        "'device' measures the device itself, and what it finds is the roof of later runs.\n"
        "'compare' reads two files that --json wrote; a difference counts where the quartiles do\n"
        "not overlap.",
    .examples = "  fovea bench resnet50.onnx --batch 8 --profile\n"
                "  fovea bench conv --shape \"Conv 1x64x56x56 64x64x3x3 64 pads=1,1,1,1\" -a\n"
                "  fovea bench --file benchmarks/shapes/resnet50_conv.txt --json > after.json\n"
                "  fovea bench device --json\n"
                "  fovea bench compare before.json after.json\n",
    .args = args,
    .min_operands = 0,
    .max_operands = 3,
    .run = run,
};
