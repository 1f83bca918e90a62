/* Timing one step of a plan by itself, without the conversions of layout around it. */
#include <time.h>

#include "plan/plan.h"

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static fovea_status wait(const struct fovea_plan *p) {
    return p->context->cl ? opencl_finish(p->context->cl) : FOVEA_OK;
}

fovea_status fovea_plan_time_step(fovea_plan *p, size_t i, size_t repeats, double *ms) {
    *ms = 0;
    if (i >= p->n_steps)
        return fail(FOVEA_INVALID, "the plan has %zu steps; there is no step %zu", p->n_steps, i);
    if (repeats == 0) return fail(FOVEA_INVALID, "a step is timed over at least 1 run, not 0");
    TRY(wait(p));
    double start = now_ms();
    for (size_t k = 0; k < repeats; k++) TRY(plan_run_step(p, i, p->steps[i].packs_every_run));
    TRY(wait(p));
    *ms = (now_ms() - start) / (double)repeats;
    /* Times of these launches would count as times of the plan's last run. */
    return p->context->cl ? opencl_times(p->context->cl, NULL, 0) : FOVEA_OK;
}
