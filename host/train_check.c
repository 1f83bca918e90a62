/* fovea train --check and --benchmark: is each layer right, and how long does a step take? */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "progress.h"
#include "table.h"
#include "train.h"

/* ---- Checking ---- */

static bool show_step(void *user, size_t done, size_t total, const fovea_verdict *v) {
    (void)user;
    progress_show("check", done, total, v->node);
    return true;
}

static void json_verdict(const fovea_verdict *v) {
    json_object(NULL);
    json_text("node", v->node);
    json_text("op", v->op);
    json_text("algorithm", v->algorithm);
    json_bool("right", v->right);
    json_number("ratio", v->ratio);
    json_number("probable_ratio", v->probable_ratio);
    json_text("problem", v->problem);
    json_close();
}

/* The first layer that lies, with all that is known of it. */
static void print_liar(const fovea_verdict *v) {
    printf("WRONG %s node '%s' [%s]: output %zu element %lld is %.9g, expected %.9g, error %.3g, "
           "bound %.3g (%s)\n      fovea verify --problem \"%s\"\n      build options: %s\n",
           v->op, v->node, v->algorithm, v->output, (long long)v->index, v->got, v->expected,
           v->error, v->bound, v->reason, v->problem, v->options);
}

static void print_check(const struct train_session *s, int64_t step, const fovea_verdict *list,
                        size_t count, size_t wrong) {
    const fovea_verdict *worst = NULL, *liar = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!worst || list[i].ratio > worst->ratio) worst = &list[i];
        if (!liar && !list[i].right) liar = &list[i];
        if (s->common->json) json_verdict(&list[i]);
    }
    if (s->common->json || !worst) return;
    if (liar) print_liar(liar);
    printf(
        "step %lld: %zu steps of the plan checked, forward and backward, %zu wrong; worst %.4f of "
        "the bound (%s '%s')\n",
        (long long)step + 1, count, wrong, worst->ratio, worst->op, worst->node);
    host_flush();
}

bool train_check(struct train_session *s, int64_t steps, bool *wrong, struct problem *p) {
    enum { CAPACITY = 1 << 16 };
    fovea_verdict *list = host_alloc(CAPACITY, sizeof *list);
    fovea_verify_options o = {.progress = show_step};
    bool good = true;
    for (int64_t i = 0; i < steps && good; i++) {
        fovea_batch b;
        size_t count, bad;
        good = problem_check(p, fovea_loader_next(s->loader, &b)) &&
               problem_check(p, fovea_trainer_verify(s->trainer, &b, s->schedule.rate, &o, list,
                                                     CAPACITY, &count, &bad));
        progress_end();
        if (!good) break;
        print_check(s, i, list, count, bad);
        *wrong = *wrong || bad > 0;
    }
    free(list);
    return good;
}

/* ---- Timing ---- */

static void fill_random(float *x, int64_t n, uint64_t seed) {
    uint64_t state = seed * 2654435769u + 1;
    for (int64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(state >> 40) * 0x1p-23f - 1;
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const struct train_session *s, double *ms, int64_t n, double first,
                        double open_ms) {
    fovea_trainer_info info;
    fovea_plan_info plan;
    fovea_trainer_get_info(s->trainer, &info);
    fovea_plan_get_info(info.plan, &plan);
    qsort(ms, (size_t)n, sizeof *ms, by_size);
    double median = ms[n / 2], pictures = 1e3 * (double)s->batch / median;
    if (s->common->json) {
        json_object(NULL);
        json_text("model", s->network);
        json_text("device", fovea_context_device(s->context)->name);
        json_integer("batch", s->batch);
        json_number("median_ms", median);
        json_number("best_ms", ms[0]);
        json_number("low_ms", ms[n / 4]);
        json_number("high_ms", ms[3 * n / 4]);
        json_number("first_ms", first);
        json_number("open_ms", open_ms);
        json_number("images_per_second", pictures);
        json_number("gflops", plan.flops / median * 1e-6);
        json_integer("peak_bytes", info.peak_bytes);
        json_close();
    } else {
        char peak[32];
        host_bytes(peak, sizeof peak, (double)info.peak_bytes);
        printf(
            "%s N=%lld on %s: %.3f ms a step (best %.3f, half from %.3f to %.3f), %.1f images/s, "
            "%.1f GFLOP/s, %s; ready after %.0f ms, first step %.0f ms\n",
            s->network, (long long)s->batch, fovea_context_device(s->context)->name, median, ms[0],
            ms[n / 4], ms[3 * n / 4], pictures, plan.flops / median * 1e-6, peak, open_ms, first);
    }
}

static int by_time(const void *a, const void *b) {
    double x = ((const struct layer *)a)->ms, y = ((const struct layer *)b)->ms;
    return (x < y) - (x > y);
}

bool train_layers(struct train_session *s, struct layer **out, size_t *count, struct problem *p) {
    fovea_trainer_info t;
    fovea_plan_info plan;
    fovea_trainer_get_info(s->trainer, &t);
    fovea_plan_get_info(t.plan, &plan);
    *out = host_alloc(plan.steps, sizeof **out);
    *count = plan.steps;
    for (size_t i = 0; i < plan.steps; i++) {
        struct layer *l = &(*out)[i];
        if (!problem_check(p, fovea_plan_step(t.plan, i, &l->info)) ||
            !problem_check(p, fovea_trainer_time_step(s->trainer, i, 3, &l->ms)))
            return false;
    }
    qsort(*out, *count, sizeof **out, by_time);
    return true;
}

static bool print_layers(struct train_session *s, struct problem *p) {
    struct layer *list;
    size_t count;
    bool good = train_layers(s, &list, &count, p);
    if (good && !s->common->json) {
        struct table t;
        table_begin(&t, "node|op|algorithm|>ms|>GFLOP/s|>GB/s");
        for (size_t i = 0; i < count && i < 40; i++) {
            const fovea_step_info *f = &list[i].info;
            table_cell(&t, "%.40s", f->node);
            table_cell(&t, "%s", f->op);
            table_cell(&t, "%s", f->algorithm);
            table_cell(&t, "%.3f", list[i].ms);
            table_cell(&t, "%.2f", f->flops / list[i].ms * 1e-6);
            table_cell(&t, "%.2f", f->bytes / list[i].ms * 1e-6);
        }
        table_print(&t);
    }
    free(list);
    return good;
}

static bool time_steps(struct train_session *s, double *ms, int64_t n, double *first,
                       struct problem *p) {
    fovea_trainer_info info;
    fovea_trainer_get_info(s->trainer, &info);
    int64_t elements = fovea_desc_elements(&info.input), classes = info.scores.dim[1];
    float *x = host_alloc((size_t)elements, sizeof *x);
    int64_t *labels = host_alloc((size_t)s->batch, sizeof *labels);
    bool good = true;
    fill_random(x, elements, 1);
    for (int64_t i = 0; i < s->batch; i++) labels[i] = i * 7 % classes;
    fovea_batch b = {.x = x, .labels = labels, .labels2 = labels, .lambda = 1, .count = s->batch};
    for (int64_t i = -1; i < n && good; i++) {
        fovea_train_result r;
        double begin = host_seconds();
        good = problem_check(p, fovea_trainer_step(s->trainer, &b, 1e-6, &r));
        *(i < 0 ? first : &ms[i]) = (host_seconds() - begin) * 1e3;
        progress_show("step", (size_t)(i + 1), (size_t)n, s->network);
    }
    progress_end();
    free(x);
    free(labels);
    return good;
}

int train_benchmark(struct train_session *s) {
    struct problem p = {0};
    int64_t n = s->options->benchmark;
    double *ms = host_alloc((size_t)n, sizeof *ms), first = 0, begin = host_seconds();
    bool good = train_open_alone(s, &p);
    double open_ms = (host_seconds() - begin) * 1e3;
    good = good && time_steps(s, ms, n, &first, &p);
    if (good) print_times(s, ms, n, first, open_ms);
    if (good && s->common->verbose) good = print_layers(s, &p);
    train_close(s);
    free(ms);
    return good ? EXIT_GOOD : problem_report(&p);
}
