/* fovea bench MODEL: the whole network, and its layers. */
#include <stdlib.h>

#include "bench.h"
#include "json.h"
#include "model.h"
#include "shapes.h"

enum { MOST_PROFILED_RUNS = 50 };
static const double default_seconds = 2;

struct session {
    const struct common *common;
    const struct bench_options *o;
    const char *path;
    fovea_graph *graph;
    fovea_context *context;
    fovea_value_info *inputs;
    size_t n_inputs;
    struct shapes shapes;
    int64_t batch;
    fovea_plan_info plan; /* of the timed plan */
    double roof_ms;       /* its layers at the device's roof */
    double load_ms, context_ms, first_ms;
    struct bench_timing time;
    int64_t peak_bytes;
    struct bench_rows layers;
    const char *verdict;
};

static void drop_graph(struct session *s) {
    shapes_free(&s->shapes);
    free(s->inputs);
    s->inputs = NULL;
    fovea_graph_destroy(s->graph);
    s->graph = NULL;
}

static bool load_graph(struct session *s, struct problem *p) {
    drop_graph(s);
    return model_load(&s->graph, s->path, p) &&
           model_inputs(s->graph, &s->inputs, &s->n_inputs, p) &&
           shapes_parse(&s->shapes, s->inputs, s->n_inputs, &s->o->shapes, s->o->batch, p);
}

static bool make_plan(struct session *s, fovea_context *context, fovea_plan_options how,
                      fovea_plan **out, struct problem *p) {
    how.bindings = s->shapes.bindings;
    how.n_bindings = s->shapes.count;
    how.algorithm = s->o->algorithm;
    return tuning_plan(out, context, s->graph, &how, p);
}

/* The first dimension of the first input; a model may have fixed it. */
static bool find_batch(struct session *s, const fovea_plan *plan, struct problem *p) {
    fovea_tensor *tensor;
    s->batch = 1;
    if (s->n_inputs == 0) return true;
    if (!problem_check(p, fovea_plan_tensor(plan, s->inputs[0].name, &tensor))) return false;
    const fovea_desc *d = fovea_tensor_desc(tensor);
    if (d->rank > 1) s->batch = d->dim[0];
    if (s->o->batch == 0 || s->batch == s->o->batch) return true;
    return problem_set(p, EXIT_USAGE, "--batch %lld: the first dimension of input '%s' is %lld",
                       (long long)s->o->batch, s->inputs[0].name, (long long)s->batch);
}

static double sum_of_roofs(const struct session *s, const fovea_plan *plan) {
    const fovea_device_info *d = fovea_context_device(s->context);
    fovea_step_info step;
    double sum = 0;
    for (size_t i = 0; fovea_plan_step(plan, i, &step) == FOVEA_OK; i++)
        sum += bench_roof_ms(d, step.flops, step.bytes);
    return sum;
}

/* As a program would do it: load, open the device, plan, run, run again. The plan takes the weights
 * away from the graph, so the peak holds them once. */
static bool time_model(struct session *s, struct problem *p) {
    fovea_plan *plan = NULL;
    fovea_tune_options tuning, *tune = NULL;
    double start = host_seconds();
    if (!tuning_options(&tuning, &s->o->tuning, p) || !load_graph(s, p)) return false;
    if (tuning.level != FOVEA_TUNE_NONE) tune = &tuning;
    s->load_ms = 1e3 * (host_seconds() - start);
    start = host_seconds();
    if (!host_context(&s->context, s->common->device, false, p)) return false;
    s->context_ms = 1e3 * (host_seconds() - start);
    bool good =
        make_plan(s, s->context, (fovea_plan_options){.consume = true, .tune = tune}, &plan, p) &&
        find_batch(s, plan, p) &&
        bench_fill(plan, s->inputs, s->n_inputs, (uint64_t)s->o->seed, p) &&
        bench_run_once(s->context, plan, &s->first_ms, p) &&
        bench_time(s->context, plan, s->o, default_seconds, &s->time, p);
    if (good) {
        fovea_plan_get_info(plan, &s->plan);
        s->roof_ms = sum_of_roofs(s, plan);
        s->peak_bytes = bench_peak_bytes();
    }
    fovea_plan_destroy(plan);
    return good;
}

/* ---- Layers ---- */

/* One row for each step; ms[step][run] becomes its timing. */
static void add_layers(struct session *s, const fovea_plan *plan, double *ms, size_t runs) {
    fovea_step_info step;
    for (size_t i = 0; fovea_plan_step(plan, i, &step) == FOVEA_OK; i++) {
        struct bench_row *r = bench_add(&s->layers, step.node, step.problem, &step);
        r->chosen = true;
        /* A step that launches nothing has no time. */
        if (runs && ms[i * MOST_PROFILED_RUNS] > 0)
            bench_summary(&r->time, &ms[i * MOST_PROFILED_RUNS], runs);
    }
}

static bool profile_runs(struct session *s, fovea_context *context, fovea_plan *plan,
                         struct problem *p) {
    fovea_plan_info info;
    fovea_plan_get_info(plan, &info);
    double *ms = host_alloc(info.steps * MOST_PROFILED_RUNS, sizeof *ms), once;
    bool good = bench_run_once(context, plan, &once, p);
    size_t runs = 0;
    double start = host_seconds();
    while (good && runs < MOST_PROFILED_RUNS && bench_more(s->o, default_seconds, runs, start)) {
        good = bench_run_once(context, plan, &once, p);
        fovea_step_info step;
        for (size_t i = 0; i < info.steps && fovea_plan_step(plan, i, &step) == FOVEA_OK; i++)
            ms[i * MOST_PROFILED_RUNS + runs] = step.ms;
        runs++;
    }
    if (good) add_layers(s, plan, ms, runs);
    free(ms);
    return good;
}

/* In a context of its own: timing each step costs time. */
static bool profile_model(struct session *s, struct problem *p) {
    fovea_context *context = NULL;
    fovea_plan *plan = NULL;
    bool good = host_context(&context, fovea_context_device(s->context)->id, true, p) &&
                make_plan(s, context, (fovea_plan_options){0}, &plan, p) &&
                bench_fill(plan, s->inputs, s->n_inputs, (uint64_t)s->o->seed, p) &&
                profile_runs(s, context, plan, p);
    fovea_plan_destroy(plan);
    fovea_context_destroy(context);
    return good;
}

/* After the timing, so that neither its memory nor its compiled programs flatter or burden it. */
static bool verify_model(struct session *s, struct problem *p) {
    fovea_plan *plan = NULL;
    bool good = make_plan(s, s->context, (fovea_plan_options){.guard = true}, &plan, p) &&
                bench_verify(plan, (uint64_t)s->o->seed, &s->layers, &s->verdict, p);
    fovea_plan_destroy(plan);
    return good;
}

/* ---- Results ---- */

static double gflops(const struct session *s) {
    return s->time.median > 0 ? s->plan.flops / s->time.median * 1e-6 : 0;
}

static double images_per_second(const struct session *s) {
    return s->time.median > 0 ? 1e3 * (double)s->batch / s->time.median : 0;
}

/* 0 to 1, above it where caches beat the memory's roof; 0 where the roofs are unknown. */
static double roof_share(const struct session *s) {
    return s->time.median > 0 ? s->roof_ms / s->time.median : 0;
}

static void print_text(const struct session *s) {
    const fovea_device_info *d = fovea_context_device(s->context);
    const struct bench_timing *t = &s->time;
    char arena[32], weights[32], peak[32];
    host_bytes(arena, sizeof arena, (double)s->plan.arena_bytes);
    host_bytes(weights, sizeof weights, (double)s->plan.parameter_bytes);
    host_bytes(peak, sizeof peak, (double)s->peak_bytes);
    printf("model    %s, batch %lld\n", s->path, (long long)s->batch);
    printf("device   %s (%s)\n", d->id, d->name);
    printf("time     median %.4g ms, half of them %.4g to %.4g, best %.4g, %zu runs: %s\n",
           t->median, t->q1, t->q3, t->best, t->runs, bench_verdict_text(s->verdict));
    printf("speed    %.4g images/s, %.4g GFLOP/s, %.1f %% of the roof\n", images_per_second(s),
           gflops(s), 100 * roof_share(s));
    bench_print_roof(d);
    printf("memory   %s arena, %s weights, %s at the peak of the process\n", arena, weights, peak);
    if (s->plan.parts > 1)
        printf("parts    the batch runs in %zu, one after the other: it does not fit at once\n",
               s->plan.parts);
    printf("before   load %.4g ms, device %.4g ms, plan %.4g ms (build %.4g ms, %zu programs, %zu "
           "stored; tune %.4g ms), first run %.4g ms\n",
           s->load_ms, s->context_ms, s->plan.plan_ms, s->plan.build_ms, s->plan.programs,
           s->plan.programs_stored, s->plan.tune_ms, s->first_ms);
    if (s->plan.fallbacks)
        printf("%zu of %zu steps ran on the reference for want of a kernel\n", s->plan.fallbacks,
               s->plan.steps);
    if (s->layers.count == 0) return;
    printf("\n");
    bench_print_table(&s->layers, d);
}

static void print_json(const struct session *s) {
    const fovea_device_info *d = fovea_context_device(s->context);
    json_object(NULL);
    json_text("model", s->path);
    json_text("device", d->id);
    json_text("device_name", d->name);
    json_integer("batch", s->batch);
    bench_json_timing(&s->time);
    json_text("verdict", s->verdict);
    json_number("images_per_second", images_per_second(s));
    json_number("gflops", gflops(s));
    bench_json_roof(d);
    json_number("roof_share", roof_share(s));
    json_number("load_ms", s->load_ms);
    json_number("device_ms", s->context_ms);
    json_number("build_ms", s->plan.build_ms);
    json_number("tune_ms", s->plan.tune_ms);
    json_number("plan_ms", s->plan.plan_ms);
    json_number("first_run_ms", s->first_ms);
    json_integer("arena_bytes", s->plan.arena_bytes);
    json_integer("parameter_bytes", s->plan.parameter_bytes);
    json_integer("parts", (int64_t)s->plan.parts);
    json_integer("peak_bytes", s->peak_bytes);
    json_integer("programs", (int64_t)s->plan.programs);
    json_integer("programs_stored", (int64_t)s->plan.programs_stored);
    json_integer("fallbacks", (int64_t)s->plan.fallbacks);
    bench_print_json(&s->layers, "layers", d);
    json_close();
}

/* The network's row stands before those of its layers. */
static void print_csv(const struct session *s) {
    struct bench_rows rows = {0};
    fovea_step_info whole = {.op = "model", .algorithm = "", .flops = s->plan.flops};
    struct bench_row *r = bench_add(&rows, s->path, "", &whole);
    r->chosen = true;
    r->time = s->time;
    const fovea_device_info *d = fovea_context_device(s->context);
    r->verdict = s->verdict;
    bench_print_csv_head();
    bench_print_csv(&rows, d);
    bench_print_csv(&s->layers, d);
    bench_rows_free(&rows);
}

int bench_model(const struct common *common, const struct bench_options *o, const char *path) {
    struct problem p = {0};
    struct session s = {.common = common, .o = o, .path = path, .verdict = "not verified"};
    bool layers = !o->no_layers && (o->profile || common->verbose || common->json || o->csv);
    bool good = time_model(&s, &p);
    if (good && (layers || !o->no_verify)) good = load_graph(&s, &p);
    if (good && layers) good = profile_model(&s, &p);
    if (good && !o->no_verify) good = verify_model(&s, &p);
    if (good && common->json) print_json(&s);
    else if (good && o->csv) print_csv(&s);
    else if (good) print_text(&s);
    int code = !good ? problem_report(&p) : s.verdict[0] == 'w' ? EXIT_WRONG : EXIT_GOOD;
    bench_rows_free(&s.layers);
    drop_graph(&s);
    fovea_context_destroy(s.context);
    return code;
}
