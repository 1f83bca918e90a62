/* Tuning as every command does it. */
#define _GNU_SOURCE
#include "tuning.h"

#include <signal.h>
#include <string.h>

#include "progress.h"

static const double quick_seconds = 60, full_seconds = 600;

static volatile sig_atomic_t interrupted;
static struct sigaction before;

static void on_interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

void tuning_begin(void) {
    /* A second Ctrl-C finds the default again and ends the program. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND | SA_RESTART};
    interrupted = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before);
}

void tuning_end(void) {
    sigaction(SIGINT, &before, NULL);
    progress_end();
}

static bool show(void *user, const fovea_tune_progress *t) {
    char detail[160], took[32] = "failed";
    (void)user;
    if (t->ms >= 0) snprintf(took, sizeof took, "%.3g ms", t->ms);
    snprintf(detail, sizeof detail, "%.0f/%.0f s %s %s: %s", t->seconds, t->budget, t->algorithm,
             t->tuning, took);
    progress_show("tune", t->done, t->total, detail);
    return !interrupted;
}

bool tuning_options(fovea_tune_options *out, const struct tuning *t, struct problem *p) {
    static const char *const levels[] = {
        [FOVEA_TUNE_NONE] = "none", [FOVEA_TUNE_QUICK] = "quick", [FOVEA_TUNE_FULL] = "full"};
    *out = (fovea_tune_options){.progress = show};
    for (int i = 0; i < 3; i++) {
        if (strcmp(t->level ? t->level : "none", levels[i]) != 0) continue;
        out->level = (fovea_tune_level)i;
        out->seconds = t->seconds             ? (double)t->seconds
                       : i == FOVEA_TUNE_FULL ? full_seconds
                                              : quick_seconds;
        return true;
    }
    return problem_set(p, EXIT_USAGE, "a level of tuning is none, quick or full, not '%s'",
                       t->level);
}

bool tuning_plan(fovea_plan **out, fovea_context *context, const fovea_graph *graph,
                 const fovea_plan_options *options, struct problem *p) {
    if (options->tune) tuning_begin();
    bool good = problem_check(p, fovea_plan_create(out, context, graph, options));
    if (options->tune) tuning_end();
    return good;
}
