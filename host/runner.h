/* A graph on a device, fed piece by piece: the plan is made anew only where shapes change. */
#ifndef HOST_RUNNER_H
#define HOST_RUNNER_H

#include "input.h"

struct runner {
    fovea_context *context;
    const fovea_graph *graph;
    const struct input *input;
    fovea_plan_options options; /* bindings are filled in here */
    fovea_plan *plan;           /* NULL before the first feed */
    fovea_desc *fed;            /* shapes the plan was made for */
    double plan_seconds;        /* spent on making plans */
};

/* Loads the arrays of a piece, makes a plan for their shapes, writes them to the device. *used is the
 * number of items that are not padding (0: arrays are fed). */
bool runner_feed(struct runner *r, size_t piece, size_t *used, struct problem *p);
/* The same for arrays that were loaded already, one for each feed of the input. */
bool runner_feed_arrays(struct runner *r, const fovea_array *arrays, struct problem *p);
void runner_end(struct runner *r);
/* Copies an output of the plan; the caller frees it. */
bool plan_read(const fovea_plan *plan, const char *name, fovea_array *out, struct problem *p);
bool plan_write(const fovea_plan *plan, const char *name, const fovea_array *a, struct problem *p);

#endif
