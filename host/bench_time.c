/* Timing runs of a plan, and verifying what was timed. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "array.h"
#include "bench.h"
#include "progress.h"
#include "runner.h"

enum { LEAST_RUNS = 5, MOST_RUNS = 100000, WARM_UP_RUNS = 2 };

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the two neighbours, linearly: the definition that most statistics programs use. */
static double quantile(const double *sorted, size_t count, double share) {
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void bench_summary(struct bench_timing *out, double *ms, size_t count) {
    *out = (struct bench_timing){0};
    if (count == 0) return;
    qsort(ms, count, sizeof *ms, by_size);
    *out = (struct bench_timing){quantile(ms, count, 0.5), quantile(ms, count, 0.25),
                                 quantile(ms, count, 0.75), ms[0], count};
}

bool bench_run_once(fovea_context *context, fovea_plan *plan, double *ms, struct problem *p) {
    double start = host_seconds();
    bool good =
        problem_check(p, fovea_plan_run(plan)) && problem_check(p, fovea_context_wait(context));
    *ms = 1e3 * (host_seconds() - start);
    return good;
}

bool bench_more(const struct bench_options *o, double seconds, size_t done, double start) {
    if (o->runs) return done < (size_t)o->runs && done < MOST_RUNS;
    if (o->seconds > 0) seconds = o->seconds;
    return done < LEAST_RUNS || (done < MOST_RUNS && host_seconds() - start < seconds);
}

bool bench_time(fovea_context *context, fovea_plan *plan, const struct bench_options *o,
                double seconds, struct bench_timing *out, struct problem *p) {
    double *ms = host_alloc(MOST_RUNS, sizeof *ms);
    bool good = true;
    size_t done = 0;
    for (int i = 0; good && i < WARM_UP_RUNS; i++) good = bench_run_once(context, plan, &ms[0], p);
    double start = host_seconds();
    while (good && bench_more(o, seconds, done, start))
        good = bench_run_once(context, plan, &ms[done++], p);
    if (good) bench_summary(out, ms, done);
    free(ms);
    return good;
}

/* So many runs make one sample that the clock and the waiting do not count. */
static bool find_repeats(fovea_plan *plan, size_t i, size_t *repeats, struct problem *p) {
    enum { MOST_REPEATS = 4096 };
    const double sample_ms = 1;
    double ms = 0;
    for (*repeats = 1;; *repeats *= 4) {
        if (!problem_check(p, fovea_plan_time_step(plan, i, *repeats, &ms))) return false;
        if (ms * (double)*repeats >= sample_ms || *repeats >= MOST_REPEATS) return true;
    }
}

bool bench_time_step(fovea_plan *plan, size_t i, const struct bench_options *o, double seconds,
                     struct bench_timing *out, struct problem *p) {
    double *ms = host_alloc(MOST_RUNS, sizeof *ms);
    size_t done = 0, repeats = 1;
    bool good = find_repeats(plan, i, &repeats, p);
    double start = host_seconds();
    while (good && bench_more(o, seconds, done, start))
        good = problem_check(p, fovea_plan_time_step(plan, i, repeats, &ms[done++]));
    if (good) bench_summary(out, ms, done);
    free(ms);
    return good;
}

/* Sebastiano Vigna's splitmix64. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool holds_fractions(fovea_dtype dtype) {
    return dtype == FOVEA_FLOAT32 || dtype == FOVEA_FLOAT64 || dtype == FOVEA_FLOAT16;
}

void bench_random(fovea_array *a, uint64_t seed) {
    int64_t n = fovea_desc_elements(&a->desc);
    bool fractions = holds_fractions(a->desc.dtype);
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = next_random(&seed);
        double x = fractions ? (double)(bits >> 40) / (1 << 23) - 1 : (double)(bits & 1);
        if (!array_set(a, i, x)) return; /* a type that has no numbers here: zeros do */
    }
}

bool bench_fill(const fovea_plan *plan, const fovea_value_info *inputs, size_t n_inputs,
                uint64_t seed, struct problem *p) {
    bool good = true;
    for (size_t i = 0; good && i < n_inputs; i++) {
        fovea_tensor *tensor;
        fovea_array a = {{0}, NULL};
        good = problem_check(p, fovea_plan_tensor(plan, inputs[i].name, &tensor)) &&
               array_create(&a, fovea_tensor_desc(tensor), p);
        if (good) {
            bench_random(&a, seed + i);
            good = plan_write(plan, inputs[i].name, &a, p);
        }
        array_free(&a);
    }
    return good;
}

struct judge {
    struct bench_rows *rows;
    bool told;
};

static bool take_verdict(void *user, size_t done, size_t total, const fovea_verdict *v) {
    struct judge *judge = user;
    progress_show("verify", done, total, v->node);
    for (size_t i = 0; i < judge->rows->count; i++) {
        struct bench_row *r = &judge->rows->row[i];
        if (r->node && strcmp(r->node, v->node) == 0 && strcmp(r->algorithm, v->algorithm) == 0)
            r->verdict = v->right ? "right" : "wrong";
    }
    if (v->right || judge->told) return true;
    judge->told = true;
    progress_end();
    fflush(stdout);
    fprintf(stderr, "fovea: warning: wrong: %s '%s', algorithm %s: %s; to repeat it: %s \"%s\"\n",
            v->op, v->node, v->algorithm, v->reason, "fovea verify --problem", v->problem);
    return true;
}

bool bench_verify(fovea_plan *plan, uint64_t seed, struct bench_rows *rows, const char **verdict,
                  struct problem *p) {
    struct judge judge = {rows, false};
    fovea_verify_options options = {
        .seed = seed, .fill = true, .progress = take_verdict, .user = &judge};
    size_t count, wrong;
    bool good = problem_check(p, fovea_plan_verify(plan, &options, NULL, 0, &count, &wrong));
    progress_end();
    if (good) *verdict = wrong ? "wrong" : "right";
    return good;
}

/* Linux hands a parent's largest size down to getrusage of its child; VmHWM is this program's own. */
static int64_t peak_of_status(void) {
    char line[256];
    long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && !kib && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0) kib = strtoll(line + 6, NULL, 10);
    if (file) fclose(file);
    return 1024 * kib;
}

int64_t bench_peak_bytes(void) {
    int64_t peak = peak_of_status();
    struct rusage usage;
    if (peak > 0 || getrusage(RUSAGE_SELF, &usage) != 0) return peak;
    return 1024 * (int64_t)usage.ru_maxrss;
}
