/* The candidates for one problem: each is built, timed and checked; the fastest are then timed again in
 * turns, so that what else the machine does hits all of them alike. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/tune.h"
#include "plan/tuning.h"

enum {
    PILOT = 3,     /* samples of each candidate */
    ROUNDS = 9,    /* samples of each finalist */
    FINALISTS = 4, /* plans that are kept */
    VALUES = 64,   /* combinations of values of tunables that are tried of an algorithm */
    REPEATS = 4096,
};
static const double SAMPLE_SECONDS = 2e-3;
static const double CLOSE = 1.5;     /* within this factor of the best: a finalist */
static const double PROMISING = 2.5; /* within this factor of the best: its tunables are tried */
static const double GAIN = 1.03;     /* less is no gain: what the network has stays */
static const double QUICK_REACH = 4, FULL_REACH = 16; /* factors of the best estimate */

struct entrant {
    const struct algorithm *algorithm;
    int tuning[TUNABLES_MAX];
    fovea_plan *plan; /* NULL: the time it has stands */
    size_t step, repeats;
    double seconds, samples[ROUNDS];
};

struct race {
    struct tune *tune;
    struct tune_problem *problem;
    fovea_graph *graph;
    struct entrant *entrants; /* one for each algorithm, and the one that the network had */
    size_t count, capacity;
    char reason[256]; /* why the last candidate failed */
};

static struct entrant *fastest(const struct race *r, const struct algorithm *a) {
    struct entrant *best = NULL;
    for (size_t i = 0; i < r->count; i++) {
        struct entrant *e = &r->entrants[i];
        if ((!a || e->algorithm == a) && (!best || e->seconds < best->seconds)) best = e;
    }
    return best;
}

static bool is_incumbent(const struct race *r, const struct entrant *e) {
    return e->algorithm == r->problem->before &&
           memcmp(e->tuning, r->problem->before_tuning, sizeof e->tuning) == 0;
}

static bool deserves_entry(const struct race *r, const struct entrant *e) {
    const struct entrant *best = fastest(r, e->algorithm);
    return !best || e->seconds < best->seconds || is_incumbent(r, e);
}

/* ---- Building and timing ---- */

static fovea_status find_step(const struct race *r, struct entrant *e) {
    for (size_t i = 0; i < e->plan->n_steps; i++) {
        const struct plan_step *s = &e->plan->steps[i];
        if (s->node->op != r->problem->op || s->algorithm != e->algorithm) continue;
        e->step = i;
        return FOVEA_OK;
    }
    return fail(FOVEA_UNSUPPORTED, "the plan has no step with %s", e->algorithm->name);
}

static fovea_status open_entrant(const struct race *r, struct entrant *e) {
    fovea_context *c = r->tune->context;
    fovea_plan_options o = {.algorithm = e->algorithm->name, .no_rewrite = true, .whole = true};
    TRY(plan_create(&e->plan, c, r->graph, &o, e->tuning));
    TRY(find_step(r, e));
    TRY(plan_fill_step(e->plan, e->plan->steps[e->step].node));
    TRY(plan_run_step(e->plan, e->step, true));
    return fovea_context_wait(c);
}

static fovea_status sample(const struct race *r, struct entrant *e, double *seconds) {
    const struct tune *t = r->tune;
    double ms;
    if (t->other_bytes) TRY(place_fill(&t->other, 0, 1, t->other_bytes));
    TRY(fovea_plan_time_step(e->plan, e->step, e->repeats, &ms));
    *seconds = 1e-3 * ms;
    return FOVEA_OK;
}

static fovea_status pilot(const struct race *r, struct entrant *e) {
    const struct entrant *best = fastest(r, NULL);
    e->repeats = 1;
    TRY(sample(r, e, &e->seconds));
    if (best && e->seconds > 2 * PROMISING * best->seconds) return FOVEA_OK;
    double once = fmax(e->seconds, SAMPLE_SECONDS / REPEATS), samples[PILOT];
    if (!r->tune->other_bytes) e->repeats = (size_t)ceil(SAMPLE_SECONDS / once);
    for (int i = 0; i < PILOT; i++) TRY(sample(r, e, &samples[i]));
    e->seconds = tune_median(samples, PILOT);
    return FOVEA_OK;
}

/* ---- Checking ---- */

/* 1: the kernels, or the algorithm for the problem, were seen to be right here; 0: wrong; -1: unknown. */
static int evidence(const struct race *r, const struct plan_step *s) {
    const fovea_context *c = r->tune->context;
    if (getenv("FOVEA_KERNEL_DIR")) return -1;
    int kernels = store_evidence_get(c->store, c->device_key, s->algorithm->name, s->options);
    int problem = store_evidence_get(c->store, c->device_key, s->algorithm->name, s->problem);
    return kernels == 0 || problem == 0 ? 0 : kernels == 1 || problem == 1 ? 1 : -1;
}

static fovea_status check(struct race *r, const struct entrant *e, bool *right) {
    const struct plan_step *s = &e->plan->steps[e->step];
    int known = evidence(r, s);
    fovea_verdict v;
    *right = known == 1;
    if (known >= 0) return FOVEA_OK;
    TRY(plan_examine(e->plan, e->step, &v));
    plan_testify(e->plan, s, &v);
    *right = v.right;
    return FOVEA_OK;
}

/* ---- Entering ---- */

double tune_plan_bytes(const struct fovea_plan *p) {
    double bytes = 0;
    for (size_t v = 0; v < p->graph->n_values; v++)
        if (p->values[v].used) bytes += (double)p->values[v].stored;
    for (size_t i = 0; i < p->n_steps; i++)
        bytes += (double)p->steps[i].workspace + (double)p->steps[i].packed_bytes;
    return bytes;
}

static void close_plan(struct entrant *e) {
    fovea_plan_destroy(e->plan);
    e->plan = NULL;
}

/* Gives up the plans of the slowest, until few are left and they are small beside the memory. */
static void limit_plans(struct race *r) {
    for (;;) {
        struct entrant *slowest = NULL;
        size_t plans = 0;
        double bytes = 0;
        for (size_t i = 0; i < r->count; i++) {
            struct entrant *e = &r->entrants[i];
            if (!e->plan) continue;
            plans++;
            bytes += tune_plan_bytes(e->plan);
            if (!slowest || e->seconds > slowest->seconds) slowest = e;
        }
        bool large = bytes > (double)r->tune->context->info.memory_bytes / 4;
        if (!slowest || (plans <= FINALISTS && !large)) return;
        close_plan(slowest);
    }
}

/* The entrant takes the place of a slower one of its algorithm, but not that of the incumbent. */
static fovea_status enter(struct race *r, struct entrant *e) {
    struct entrant *place = NULL;
    for (size_t i = 0; i < r->count && !place; i++)
        if (r->entrants[i].algorithm == e->algorithm && !is_incumbent(r, &r->entrants[i]) &&
            e->seconds < r->entrants[i].seconds)
            place = &r->entrants[i];
    if (place) close_plan(place);
    else place = mem_push(&r->entrants, &r->count, &r->capacity, sizeof *place);
    if (!place) {
        close_plan(e);
        return fail_memory(sizeof *e, "a tuning candidate");
    }
    *place = *e;
    limit_plans(r);
    return FOVEA_OK;
}

/* ---- One candidate ---- */

/* False with a reason where it has no time that counts. */
static bool attempt(struct race *r, struct entrant *e) {
    fovea_status status = open_entrant(r, e);
    bool right = true;
    if (status == FOVEA_OK) status = pilot(r, e);
    if (status == FOVEA_OK && deserves_entry(r, e)) status = check(r, e, &right);
    r->tune->info.candidates++;
    r->tune->info.failed += status != FOVEA_OK || !right;
    r->tune->info.wrong += status == FOVEA_OK && !right;
    *r->reason = 0;
    if (status != FOVEA_OK) snprintf(r->reason, sizeof r->reason, "%s", fovea_error());
    else if (!right) snprintf(r->reason, sizeof r->reason, "a wrong result");
    return status == FOVEA_OK && right;
}

static void tell(struct race *r, const struct entrant *e, bool good) {
    struct tune *t = r->tune;
    char *tuning = tuning_text(e->algorithm, e->tuning);
    fovea_tune_progress progress = {t->done,
                                    t->total,
                                    r->problem->line,
                                    e->algorithm->name,
                                    tuning ? tuning : "",
                                    good ? 1e3 * e->seconds : -1,
                                    r->reason,
                                    tune_now() - t->start,
                                    t->options->seconds};
    log_line("tune", "%s | %s %s: %.4g ms %s", progress.problem, progress.algorithm,
             progress.tuning, progress.ms, progress.reason);
    if (t->options->progress && !t->options->progress(t->options->user, &progress))
        t->info.stopped = true;
    mem_free(tuning);
}

static bool was_tried(const struct race *r, const struct algorithm *a, const int *tuning) {
    for (size_t i = 0; i < r->count; i++)
        if (r->entrants[i].algorithm == a &&
            memcmp(r->entrants[i].tuning, tuning, sizeof r->entrants[i].tuning) == 0)
            return true;
    return false;
}

static fovea_status consider(struct race *r, const struct algorithm *a, const int *tuning) {
    struct entrant e = {.algorithm = a, .repeats = 1};
    if (was_tried(r, a, tuning)) return FOVEA_OK;
    memcpy(e.tuning, tuning, sizeof e.tuning);
    bool good = attempt(r, &e);
    tell(r, &e, good);
    if (good && deserves_entry(r, &e)) return enter(r, &e);
    close_plan(&e);
    return FOVEA_OK;
}

/* ---- All candidates ---- */

struct estimated {
    const struct algorithm *algorithm;
    double seconds;
};

static int by_seconds(const void *a, const void *b) {
    const struct estimated *x = a, *y = b;
    return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

/* Those who accept the node, the best estimate first; *out from mem_alloc. */
static fovea_status list_candidates(const struct race *r, const struct site *site,
                                    struct estimated **out, size_t *count) {
    const struct algorithm *const *list = algorithms_of(site->node->op);
    const fovea_context *c = r->tune->context;
    size_t n = 0;
    while (list[n]) n++;
    *count = 0;
    if (!(*out = mem_array(n + 1, sizeof **out)))
        return fail_memory(n * sizeof **out, "tuning candidates");
    for (size_t i = 0; i < n; i++) {
        if (algorithm_refuses(list[i], site)) continue;
        if (!getenv("FOVEA_KERNEL_DIR") &&
            store_evidence_get(c->store, c->device_key, list[i]->name, r->problem->line) == 0)
            continue;
        (*out)[(*count)++] = (struct estimated){list[i], algorithm_estimate(list[i], site)};
    }
    qsort(*out, *count, sizeof **out, by_seconds);
    return FOVEA_OK;
}

/* The algorithms as they are, the one of the network first. False in *complete: stopped before the end. */
static fovea_status run_untuned(struct race *r, const struct estimated *list, size_t count,
                                bool *complete) {
    static const int untuned[TUNABLES_MAX];
    bool quick = r->tune->level == FOVEA_TUNE_QUICK;
    double reach = (quick ? QUICK_REACH : FULL_REACH) * (count ? list[0].seconds : 0);
    TRY(consider(r, r->problem->before, r->problem->before_tuning));
    for (size_t i = 0; i < count; i++) {
        if (list[i].seconds > reach && list[i].algorithm != r->problem->before) continue;
        *complete = tune_goes_on(r->tune);
        if (!*complete) return FOVEA_OK;
        TRY(consider(r, list[i].algorithm, untuned));
    }
    return FOVEA_OK;
}

/* Combination `index` of the values of the tunables; 0 stands for the untuned value. */
static void set_values(const struct algorithm *a, size_t index, int *values) {
    memset(values, 0, TUNABLES_MAX * sizeof *values);
    for (size_t i = 0; i < TUNABLES_MAX && a->tunables[i].name; i++) {
        size_t n = 0;
        while (n < sizeof a->tunables[i].values / sizeof(int) && a->tunables[i].values[n]) n++;
        if (index % (n + 1)) values[i] = a->tunables[i].values[index % (n + 1) - 1];
        index /= n + 1;
    }
}

static size_t count_values(const struct algorithm *a) {
    size_t product = 1;
    for (size_t i = 0; a->tunables && i < TUNABLES_MAX && a->tunables[i].name; i++) {
        size_t n = 0;
        while (n < sizeof a->tunables[i].values / sizeof(int) && a->tunables[i].values[n]) n++;
        product *= n + 1;
    }
    return product;
}

/* The tunables of an algorithm that is fast without them. *level falls back where it is stopped. */
static fovea_status run_values(struct race *r, const struct algorithm *a, int *level) {
    size_t all = count_values(a), tried = all < VALUES ? all : VALUES;
    const struct entrant *own = fastest(r, a);
    if (!own || own->seconds > PROMISING * fastest(r, NULL)->seconds) return FOVEA_OK;
    for (size_t i = 1; i < tried; i++) {
        int values[TUNABLES_MAX];
        if (!tune_goes_on(r->tune)) {
            *level = FOVEA_TUNE_QUICK;
            return FOVEA_OK;
        }
        set_values(a, i * all / tried, values);
        TRY(consider(r, a, values));
    }
    return FOVEA_OK;
}

/* ---- The end ---- */

static void run_finals(struct race *r) {
    const struct entrant *best = fastest(r, NULL);
    double limit = best ? CLOSE * best->seconds : 0;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < r->count; i++) {
            struct entrant *e = &r->entrants[i];
            if (!e->plan || (e->seconds > limit && !is_incumbent(r, e))) continue;
            if (sample(r, e, &e->samples[round]) != FOVEA_OK) close_plan(e); /* its time stands */
        }
    for (size_t i = 0; i < r->count; i++) {
        struct entrant *e = &r->entrants[i];
        if (e->plan && (e->seconds <= limit || is_incumbent(r, e)))
            e->seconds = tune_median(e->samples, ROUNDS);
    }
}

/* An entrant that is hardly faster than the incumbent is made to look hardly slower. */
static double settled_seconds(const struct race *r, const struct entrant *e) {
    for (size_t i = 0; i < r->count; i++) {
        const struct entrant *old = &r->entrants[i];
        if (is_incumbent(r, old) && e != old && e->seconds <= old->seconds &&
            e->seconds * GAIN > old->seconds)
            return old->seconds * (1 + 1e-6);
    }
    return e->seconds;
}

static void settle(struct race *r) {
    for (size_t i = 0; i < r->count; i++)
        r->entrants[i].seconds = settled_seconds(r, &r->entrants[i]);
}

/* The incumbent may also be the fastest of its algorithm. */
static fovea_status add_rows(struct race *r, int level, struct store_tunings *rows) {
    for (size_t i = 0; i < r->count; i++) {
        const struct entrant *e = &r->entrants[i];
        if (is_incumbent(r, e)) r->problem->before_seconds = e->seconds;
        if (fastest(r, e->algorithm) != e) continue;
        char *tuning = tuning_text(e->algorithm, e->tuning);
        struct store_tuning row = {r->problem->line, (char *)(uintptr_t)e->algorithm->name, tuning,
                                   e->seconds, level};
        bool good = tuning && store_tuning_add(rows, &row);
        mem_free(tuning);
        if (!good) return fail_memory(sizeof row, "a tuning result");
    }
    return FOVEA_OK;
}

static fovea_status run_candidates(struct race *r, const struct site *site,
                                   struct store_tunings *rows) {
    struct estimated *list;
    size_t count;
    bool complete = true;
    int level = (int)r->tune->level;
    TRY(list_candidates(r, site, &list, &count));
    fovea_status status = run_untuned(r, list, count, &complete);
    for (size_t i = 0; status == FOVEA_OK && complete && i < count && level == FOVEA_TUNE_FULL; i++)
        status = run_values(r, list[i].algorithm, &level);
    mem_free(list);
    TRY(status);
    if (!complete) return FOVEA_OK;
    run_finals(r);
    settle(r);
    return add_rows(r, level, rows);
}

/* The problem's node, with every shape known; NULL if none is left after folding. */
static const struct node *node_of(const fovea_graph *g, enum op op) {
    for (size_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead && g->nodes[i].op == op) return &g->nodes[i];
    return NULL;
}

static fovea_status run_race(struct race *r, struct store_tunings *rows) {
    static const fovea_plan_options as_it_is = {.no_rewrite = true};
    fovea_graph *shaped = NULL;
    TRY(graph_copy(&shaped, r->graph));
    fovea_status status = plan_prepare(shaped, &as_it_is, 1);
    struct site site = {.graph = shaped, .device = &r->tune->context->info};
    if (status == FOVEA_OK) site.node = node_of(shaped, r->problem->op);
    if (site.node) status = run_candidates(r, &site, rows);
    fovea_graph_destroy(shaped);
    return status;
}

fovea_status tune_race(struct tune *t, struct tune_problem *problem, struct store_tunings *rows) {
    struct race r = {.tune = t, .problem = problem};
    TRY(fovea_graph_from_problem(&r.graph, problem->line));
    fovea_status status = run_race(&r, rows);
    if (t->context->store) opencl_remember(t->context->cl);
    for (size_t i = 0; i < r.count; i++) close_plan(&r.entrants[i]);
    mem_free(r.entrants);
    fovea_graph_destroy(r.graph);
    return status;
}
