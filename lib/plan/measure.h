/* What the files that measure a device share. */
#ifndef PLAN_MEASURE_H
#define PLAN_MEASURE_H

#include "plan/context.h"

enum { MEASURE_SAMPLES = 9 };

/* A measurement on its way. */
struct meter {
    fovea_context *context;
    fovea_measure *out; /* the caller's, `capacity` long */
    size_t capacity, count;
    double flops, bytes_per_second, launch_us; /* the roofs: the best found so far */
};

double measure_now(void); /* seconds */
/* Adds one line from its samples, which become sorted. Of a rate the largest is the best. */
void measure_add(struct meter *, const char *group, const char *name, const char *unit,
                 double *samples, size_t count, bool is_rate, bool right);
/* measure.cl with vectors of `width` floats, `salt` in its options if not NULL. */
fovea_status measure_build(struct opencl *, int width, const char *salt,
                           struct opencl_program **out);
/* Launches and waits; *seconds is what it took. */
fovea_status measure_launch(struct opencl *, struct opencl_kernel *, size_t global, size_t local,
                            double *seconds);

/* measure_kernels.c: groups "peak" and "memory" */
fovea_status measure_peak(struct meter *);
fovea_status measure_memory(struct meter *);

/* roofs.c: puts the roofs that were measured into the context and its store. */
fovea_status context_keep_roofs(fovea_context *, double flops, double bytes_per_second,
                                double launch_us);

#endif
