/* fovea verify: does the device tell the truth? */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "progress.h"
#include "runner.h"
#include "shapes.h"

static struct {
    struct input_options input;
    struct text_list shapes;
    const char *problem, *algorithm;
    bool exact;
    int64_t seed;
} options = {.input = {.index = -1}, .seed = 1};

static const struct arg args[] = {
    {"exact", 'e', ARG_FLAG, &options.exact, NULL,
     "feed small whole numbers, for which sums must be right to the last bit"},
    {"problem", 0, ARG_TEXT, &options.problem, "LINE", "verify one operator, as a report names it"},
    {"algorithm", 0, ARG_TEXT, &options.algorithm, "NAME", "use this algorithm where it fits"},
    {"seed", 0, ARG_NUMBER, &options.seed, "S", "of the random inputs; default 1"},
    {"shape", 0, ARG_LIST, &options.shapes, "NAME=1x3x64x64", "fix the shape of an input"},
    INPUT_ARGS(options.input),
    {0}};

/* What is verified: a model with its inputs, a problem, or the self-test. */
struct subject {
    fovea_graph *graph;
    bool has_input;
    struct input input;
};

static bool verify_random(fovea_context *context, const struct subject *subject,
                          struct verify_sink *sink, struct problem *p) {
    fovea_value_info *inputs = NULL;
    size_t n = 0;
    struct shapes shapes = {0};
    fovea_plan *plan = NULL;
    bool good = model_inputs(subject->graph, &inputs, &n, p) &&
                shapes_parse(&shapes, inputs, n, &options.shapes, options.input.batch, p);
    if (good) {
        fovea_plan_options o = {.guard = true,
                                .bindings = shapes.bindings,
                                .n_bindings = shapes.count,
                                .algorithm = options.algorithm};
        good = problem_check(p, fovea_plan_create(&plan, context, subject->graph, &o)) &&
               verify_plan(plan, options.exact, true, (uint64_t)options.seed, sink, p);
    }
    fovea_plan_destroy(plan);
    shapes_free(&shapes);
    free(inputs);
    return good;
}

static bool verify_inputs(fovea_context *context, const struct subject *subject,
                          struct verify_sink *sink, struct problem *p) {
    struct runner r = {.context = context,
                       .graph = subject->graph,
                       .input = &subject->input,
                       .options = {.guard = true, .algorithm = options.algorithm}};
    bool good = true;
    for (size_t i = 0; good && i < subject->input.pieces; i++) {
        size_t used;
        good = runner_feed(&r, i, &used, p) &&
               verify_plan(r.plan, options.exact, false, (uint64_t)options.seed, sink, p);
    }
    runner_end(&r);
    return good;
}

static bool verify_subject(fovea_context *context, const struct subject *subject,
                           struct verify_sink *sink, struct problem *p) {
    uint64_t seed = (uint64_t)options.seed;
    if (options.problem)
        return verify_problem(context, options.problem, options.algorithm, options.exact, seed,
                              sink, NULL, p);
    if (!subject->graph) return verify_self_test(context, options.exact, seed, sink, p);
    return subject->has_input ? verify_inputs(context, subject, sink, p)
                              : verify_random(context, subject, sink, p);
}

static void print_end(struct verify_sink *s, const fovea_device_info *d, double seconds) {
    table_print(&s->table);
    sink_print_wrong(s, d->id);
    printf("%s (%s): %zu checked, %zu wrong, worst ratio %.4f of the bound, %.4f of the probable "
           "bound, %.1f s\n",
           d->id, d->name, s->checked, s->wrong, s->worst, s->probable, seconds);
}

static void json_begin(const fovea_device_info *d) {
    json_object(NULL);
    json_text("device", d->id);
    json_text("name", d->name);
    json_array("layers");
}

static void json_end(const struct verify_sink *s, const struct problem *p, bool good) {
    json_close();
    json_integer("checked", (int64_t)s->checked);
    json_integer("wrong", (int64_t)s->wrong);
    json_number("worst_ratio", s->worst);
    if (!good) json_text("error", p->text);
    json_close();
}

/* One device; returns the exit code. */
static int verify_device(const struct common *common, const struct subject *subject,
                         const char *device, struct problem *p) {
    fovea_context *context = NULL;
    struct verify_sink sink;
    double start = host_seconds();
    if (!host_context(&context, device, false, p)) return problem_report(p);
    const fovea_device_info *d = fovea_context_device(context);
    sink_begin(&sink, common);
    if (common->json) json_begin(d);
    bool good = verify_subject(context, subject, &sink, p);
    progress_end();
    if (common->json) json_end(&sink, p, good);
    else print_end(&sink, d, host_seconds() - start);
    int code = !good ? problem_report(p) : sink.wrong ? EXIT_WRONG : EXIT_GOOD;
    sink_end(&sink);
    fovea_context_destroy(context);
    return code;
}

/* Every usable device, one after the other. A wrong result outweighs a device that fails. */
static int verify_all(const struct common *common, const struct subject *subject,
                      struct problem *p) {
    size_t count = 0, capacity;
    int code = EXIT_GOOD;
    if (!problem_check(p, fovea_device_list(NULL, 0, &count))) return problem_report(p);
    fovea_device_info *devices = host_alloc(capacity = count, sizeof *devices);
    if (!problem_check(p, fovea_device_list(devices, capacity, &count))) count = 0;
    if (common->json) {
        json_object(NULL);
        json_array("devices");
    }
    for (size_t i = 0; i < count && i < capacity; i++) {
        if (*devices[i].problem) {
            fprintf(stderr, "fovea: warning: %s (%s) is left out: %s\n", devices[i].id,
                    devices[i].name, devices[i].problem);
            continue;
        }
        if (!common->json) printf("%s%s  %s\n", i ? "\n" : "", devices[i].id, devices[i].name);
        int one = verify_device(common, subject, devices[i].id, p);
        if (one == EXIT_WRONG || code == EXIT_GOOD) code = one;
    }
    if (common->json) {
        json_close();
        json_close();
    }
    free(devices);
    return code;
}

static bool open_subject(struct subject *s, const struct text_list *operands, struct problem *p) {
    if (options.problem && operands->count)
        return problem_set(p, EXIT_USAGE, "--problem takes no MODEL");
    if (operands->count == 0) return true;
    if (!model_load(&s->graph, operands->text[0], p)) return false;
    if (operands->count == 1) return true;
    s->has_input = true;
    return input_open(&s->input, s->graph, operands, 1, &options.input, p);
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct subject subject = {0};
    int code;
    if (!open_subject(&subject, operands, &p)) code = problem_report(&p);
    else if (common->device && strcmp(common->device, "all") == 0)
        code = verify_all(common, &subject, &p);
    else code = verify_device(common, &subject, common->device, &p);
    input_close(&subject.input);
    fovea_graph_destroy(subject.graph);
    return code;
}

const struct command verify_command = {
    .name = "verify",
    .summary = "prove a device's results against the CPU reference, layer by layer",
    .usage = "[MODEL [INPUT...]]",
    .text =
        "Each layer runs on the very inputs the device gave it, into memory poisoned with NaN, "
        "and\n"
        "every element is compared with the reference within a bound that holds for any order of\n"
        "summation. Without INPUT the inputs are random. Without MODEL it is a self-test of every\n"
        "algorithm. --device all goes over all usable devices. The first wrong layer is printed\n"
        "in full with the line that repeats it.",
    .examples = "  fovea verify\n  fovea verify model.onnx cat.jpg --device all\n"
                "  fovea verify vgg16.onnx --batch 2 --exact\n"
                "  fovea verify --problem \"Conv 1x3x8x8 4x3x3x3 4 pads=1,1,1,1\" --device gpu\n",
    .args = args,
    .min_operands = 0,
    .max_operands = SIZE_MAX,
    .run = run,
};
