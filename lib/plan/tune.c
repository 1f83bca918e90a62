/* Tuning a network: its distinct problems, the most expensive first; what its plan takes before and
 * after. */
#include "plan/tune.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "plan/tuning.h"

struct fovea_tune_result {
    fovea_tune_info info;
    struct tune_problem *problems;
    size_t count, capacity;
};

double tune_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

bool tune_goes_on(struct tune *t) {
    double budget = t->options->seconds;
    if (budget > 0 && tune_now() - t->start >= budget) t->info.stopped = true;
    return !t->info.stopped;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tune_median(double *samples, size_t count) {
    qsort(samples, count, sizeof *samples, by_size);
    return (samples[count / 2] + samples[(count - 1) / 2]) / 2;
}

/* ---- The network ---- */

static struct tune_problem *find(struct fovea_tune_result *r, const char *line) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->problems[i].line, line) == 0) return &r->problems[i];
    return NULL;
}

/* Whether there is anything to choose. */
static bool has_choice(const struct plan_step *s) {
    return s->algorithm && !s->shared && s->recipe.n_steps > 0 && strchr(s->accepted, ' ');
}

static fovea_status collect(struct fovea_tune_result *r, const struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        if (!has_choice(s)) continue;
        struct tune_problem *q = find(r, s->problem);
        if (!q) {
            q = mem_push(&r->problems, &r->count, &r->capacity, sizeof *q);
            if (!q) return fail_memory(sizeof *q, "a tuning problem");
            *q = (struct tune_problem){.line = mem_string(s->problem),
                                       .op = s->node->op,
                                       .before = s->algorithm,
                                       .before_seconds = -1,
                                       .after_seconds = -1};
            memcpy(q->before_tuning, s->tuning, sizeof q->before_tuning);
            if (!q->line) return fail_memory(strlen(s->problem), "a tuning problem");
        }
        q->steps++;
    }
    return FOVEA_OK;
}

static fovea_status time_run(struct fovea_plan *p, double *ms) {
    double start = tune_now();
    TRY(fovea_plan_run(p));
    TRY(fovea_context_wait(p->context));
    *ms = 1e3 * (tune_now() - start);
    return FOVEA_OK;
}

/* Milliseconds of whole runs, in turns: the median of some. A plan may be NULL. */
static fovea_status time_runs(struct fovea_plan *const plans[2], double *const ms[2]) {
    enum { LEAST = 3, MOST = 25 };
    double samples[2][MOST], start;
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        if (plans[i]) TRY(plan_fill_inputs(plans[i], 1));
        if (plans[i]) TRY(time_run(plans[i], &samples[i][0])); /* the first is not counted */
    }
    start = tune_now();
    for (; n < LEAST || (n < MOST && tune_now() - start < 1.5); n++)
        for (int i = 0; i < 2; i++)
            if (plans[i]) TRY(time_run(plans[i], &samples[i][n]));
    for (int i = 0; i < 2; i++)
        if (plans[i]) *ms[i] = tune_median(samples[i], n);
    return FOVEA_OK;
}

/* A glance at each step: enough to know which are worth the effort. */
static fovea_status weigh(struct fovea_tune_result *r, struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) {
        struct tune_problem *q = has_choice(&p->steps[i]) ? find(r, p->steps[i].problem) : NULL;
        double ms;
        if (!q) continue;
        TRY(fovea_plan_time_step(p, i, 1, &ms));
        q->cost += 1e-3 * ms;
    }
    return FOVEA_OK;
}

static int by_cost(const void *a, const void *b) {
    const struct tune_problem *x = a, *y = b;
    return (x->cost < y->cost) - (x->cost > y->cost);
}

static bool is_known(const struct tune *t, const struct tune_problem *q, fovea_tune_level level) {
    return !t->options->again && tuning_level(t->context, q->line) >= (int)level;
}

static fovea_status survey(struct tune *t, struct fovea_tune_result *r, struct fovea_plan *p) {
    TRY(collect(r, p));
    for (size_t i = 0; i < r->count; i++)
        t->info.known += is_known(t, &r->problems[i], t->options->level);
    t->info.problems = r->count;
    if (t->info.known == r->count) return FOVEA_OK;
    TRY(time_runs((struct fovea_plan *const[2]){p}, (double *const[2]){&t->info.before_ms}));
    TRY(weigh(r, p));
    qsort(r->problems, r->count, sizeof *r->problems, by_cost);
    return FOVEA_OK;
}

/* ---- Tuning ---- */

/* Less stays in the caches of small cores from run to run; more is beyond those of large ones. */
enum { OTHER_LEAST = 4 << 20, OTHER_MOST = 64 << 20 };

/* On a device with its own local memory launches are too short to be timed one by one. */
static fovea_status make_other(struct tune *t, const struct fovea_plan *network) {
    double bytes = tune_plan_bytes(network);
    if (t->context->info.local_memory_is_real || bytes < OTHER_LEAST) return FOVEA_OK;
    t->other_bytes = bytes < OTHER_MOST ? (size_t)bytes / 4 * 4 : OTHER_MOST;
    return place_create(&t->other, t->context, t->other_bytes);
}

static fovea_status tune_problem(struct tune *t, struct tune_problem *q) {
    struct store_tunings rows = {0};
    fovea_status status = tune_race(t, q, &rows);
    if (status == FOVEA_OK && rows.count) {
        status = tuning_keep(t->context, &rows);
        t->info.tuned += !q->tuned;
        q->tuned = true;
    }
    store_tunings_free(&rows);
    return status;
}

static fovea_status tune_pass(struct tune *t, struct fovea_tune_result *r) {
    for (size_t i = 0; i < r->count; i++) {
        if (is_known(t, &r->problems[i], t->level)) continue;
        if (!tune_goes_on(t)) break;
        TRY(tune_problem(t, &r->problems[i]));
        t->done++;
    }
    return FOVEA_OK;
}

/* All problems quickly, then all fully if that is wanted, so that an early end has left none out. */
static fovea_status tune_problems(struct tune *t, struct fovea_tune_result *r) {
    for (int level = FOVEA_TUNE_QUICK; level <= (int)t->options->level; level++)
        for (size_t i = 0; i < r->count; i++)
            t->total += !is_known(t, &r->problems[i], (fovea_tune_level)level);
    for (int level = FOVEA_TUNE_QUICK; level <= (int)t->options->level; level++) {
        t->level = (fovea_tune_level)level;
        TRY(tune_pass(t, r));
    }
    return FOVEA_OK;
}

static fovea_status look_again(struct tune *t, struct fovea_tune_result *r,
                               const struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        struct tune_problem *q = has_choice(s) ? find(r, s->problem) : NULL;
        if (!q || q->after) continue;
        mem_free(q->after_tuning);
        const struct store_tuning *row = tuning_find(t->context, q->line, s->algorithm->name);
        q->after = s->algorithm;
        q->after_tuning = tuning_text(s->algorithm, s->tuning);
        if (!q->after_tuning) return fail_memory(64, "a tuning result");
        if (q->tuned && row) q->after_seconds = row->seconds;
    }
    return FOVEA_OK;
}

/* The plan that is made now, and both plans' times; the old one is NULL where it was large. */
static fovea_status compare_plans(struct tune *t, struct fovea_tune_result *r,
                                  const fovea_graph *graph, const fovea_plan_options *o,
                                  struct fovea_plan *old) {
    struct fovea_plan *p;
    TRY(plan_create(&p, t->context, graph, o, NULL));
    for (size_t i = 0; i < r->count; i++) r->problems[i].after = NULL;
    fovea_status status = look_again(t, r, p);
    if (status == FOVEA_OK)
        status = time_runs((struct fovea_plan *const[2]){old, p},
                           (double *const[2]){&t->info.before_ms, &t->info.after_ms});
    fovea_plan_destroy(p);
    return status;
}

/* Nothing counts as faster than what the problem had before. */
static fovea_status keep_old(struct tune *t, const struct tune_problem *q) {
    const struct store_tuning *old = tuning_find(t->context, q->line, q->before->name);
    const struct algorithm *const *list = algorithms_of(q->op);
    struct store_tunings rows = {0};
    bool good = true;
    for (size_t i = 0; old && good && list[i]; i++) {
        const struct store_tuning *known = tuning_find(t->context, q->line, list[i]->name);
        if (!known) continue;
        struct store_tuning row = *known;
        if (known != old && row.seconds <= old->seconds) row.seconds = old->seconds * (1 + 1e-6);
        good = store_tuning_add(&rows, &row);
    }
    fovea_status status = good ? FOVEA_OK : fail_memory(rows.count, "tuning results");
    if (status == FOVEA_OK && rows.count) status = tuning_keep(t->context, &rows);
    store_tunings_free(&rows);
    return status;
}

/* An algorithm that wins by itself may cost its neighbours conversions of layout, which they were not
 * asked about. Where the network got slower, such changes are taken back. */
static fovea_status take_back(struct tune *t, struct fovea_tune_result *r, bool *any) {
    for (size_t i = 0; i < r->count; i++) {
        const struct tune_problem *q = &r->problems[i];
        if (!q->tuned || !q->after || !q->after->blocked == !q->before->blocked) continue;
        TRY(keep_old(t, q));
        *any = true;
    }
    return FOVEA_OK;
}

static fovea_status tune_and_compare(struct tune *t, struct fovea_tune_result *r,
                                     const fovea_graph *graph, const fovea_plan_options *o,
                                     struct fovea_plan *old) {
    bool any = false;
    TRY(tune_problems(t, r));
    TRY(compare_plans(t, r, graph, o, old));
    if (t->info.after_ms > t->info.before_ms) TRY(take_back(t, r, &any));
    return any ? compare_plans(t, r, graph, o, old) : FOVEA_OK;
}

static fovea_status tune_plan(struct tune *t, struct fovea_tune_result *r, const fovea_graph *graph,
                              const fovea_plan_options *o) {
    struct fovea_plan *p;
    TRY(plan_create(&p, t->context, graph, o, NULL));
    fovea_status status = survey(t, r, p);
    bool nothing = status == FOVEA_OK && t->info.known == r->count;
    if (nothing) status = look_again(t, r, p);
    if (status == FOVEA_OK && !nothing) status = make_other(t, p);
    if (tune_plan_bytes(p) > (double)t->context->info.memory_bytes / 8) {
        fovea_plan_destroy(p); /* its memory is for the candidates */
        p = NULL;
    }
    if (status == FOVEA_OK && !nothing) status = tune_and_compare(t, r, graph, o, p);
    fovea_plan_destroy(p);
    place_destroy(&t->other);
    return status;
}

fovea_status fovea_tune(fovea_tune_result **out, fovea_context *context, const fovea_graph *graph,
                        const fovea_plan_options *plan_options, const fovea_tune_options *options) {
    static const fovea_plan_options none;
    static const fovea_tune_options quick = {.level = FOVEA_TUNE_QUICK};
    struct tune t = {.context = context, .options = options ? options : &quick};
    fovea_plan_options o = plan_options ? *plan_options : none;
    struct fovea_tune_result *r = mem_zero(1, sizeof *r);
    fovea_status status = FOVEA_OK;
    if (out) *out = NULL;
    if (!r) return fail_memory(sizeof *r, "a tuning result");
    o.guard = o.consume = false;
    o.tune = NULL;
    t.start = tune_now();
    if (context->cl && t.options->level != FOVEA_TUNE_NONE) status = tune_plan(&t, r, graph, &o);
    t.info.seconds = tune_now() - t.start;
    r->info = t.info;
    if (out && status == FOVEA_OK) *out = r;
    else fovea_tune_result_destroy(r);
    return status;
}

/* ---- The result ---- */

void fovea_tune_result_destroy(fovea_tune_result *r) {
    if (!r) return;
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->problems[i].line);
        mem_free(r->problems[i].after_tuning);
    }
    mem_free(r->problems);
    mem_free(r);
}

void fovea_tune_get_info(const fovea_tune_result *r, fovea_tune_info *out) {
    *out = r->info;
}

static double to_ms(double seconds) {
    return seconds < 0 ? -1 : 1e3 * seconds;
}

fovea_status fovea_tune_get_line(const fovea_tune_result *r, size_t i, fovea_tune_line *out) {
    if (i >= r->count)
        return fail(FOVEA_INVALID, "the result has %zu problems; there is none %zu", r->count, i);
    const struct tune_problem *q = &r->problems[i];
    *out = (fovea_tune_line){.problem = q->line,
                             .steps = q->steps,
                             .before = q->before->name,
                             .after = q->after ? q->after->name : q->before->name,
                             .tuning = q->after_tuning ? q->after_tuning : "",
                             .before_ms = to_ms(q->before_seconds),
                             .after_ms = to_ms(q->after_seconds),
                             .tuned = q->tuned};
    return FOVEA_OK;
}
