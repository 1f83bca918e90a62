/* What `fovea tune` and `--tune` of other commands share: the level, the budget, progress, Ctrl-C. */
#ifndef HOST_TUNING_H
#define HOST_TUNING_H

#include "host.h"

/* Of a command line: `level` is a word or NULL for none, `seconds` 0 for the level's default budget. */
struct tuning {
    const char *level;
    int64_t seconds;
};

#define TUNING_ARGS(t)                                                                             \
    {"tune",     0,       ARG_TEXT,                                                                \
     &(t).level, "LEVEL", "first measure algorithms: none, quick or full; default none"},          \
    {                                                                                              \
        "tune-seconds", 0, ARG_COUNT, &(t).seconds, "S",                                           \
            "measure for S seconds; default 60, for full 600"                                      \
    }

/* Options that show progress and end with Ctrl-C. */
bool tuning_options(fovea_tune_options *out, const struct tuning *t, struct problem *p);
/* Between the two, the first Ctrl-C ends tuning alone. */
void tuning_begin(void);
void tuning_end(void);
/* fovea_plan_create; if it tunes, with progress. */
bool tuning_plan(fovea_plan **out, fovea_context *context, const fovea_graph *graph,
                 const fovea_plan_options *options, struct problem *p);

#endif
