/* What tune.c (a network's problems) and tune_race.c (the candidates for one problem) share. */
#ifndef PLAN_TUNE_H
#define PLAN_TUNE_H

#include "plan/plan.h"

/* Steps of a network that are the same problem. */
struct tune_problem {
    char *line;
    enum op op;
    size_t steps;
    double cost; /* seconds of all these steps, roughly */
    const struct algorithm *before;
    int before_tuning[TUNABLES_MAX];
    double before_seconds, after_seconds; /* of one step; -1: not measured now */
    const struct algorithm *after;        /* NULL: not known yet */
    char *after_tuning;
    bool tuned;
};

struct tune {
    fovea_context *context;
    const fovea_tune_options *options;
    double start;
    fovea_tune_level level; /* of the pass */
    size_t done, total;     /* problems of all passes */
    /* Written before each timed run, as much as the network touches before it comes back to the same
     * weights: they are then as cold as they are there. Empty: steps are timed many in a row. */
    struct place other;
    size_t other_bytes;
    fovea_tune_info info;
};

double tune_now(void);
/* False once the budget is spent or the caller wants to stop. */
bool tune_goes_on(struct tune *);
/* The middle one; sorts them. */
double tune_median(double *samples, size_t count);
/* Device memory of a plan, roughly. */
double tune_plan_bytes(const struct fovea_plan *);
/* Measures the candidates for one problem; one row for each algorithm that has a time. No rows: it was
 * stopped too early. */
fovea_status tune_race(struct tune *, struct tune_problem *, struct store_tunings *rows);

#endif
