/* A team: threads that run launches themselves, in parts. See team.c. */
#ifndef OPENCL_TEAM_H
#define OPENCL_TEAM_H

#include "opencl/internal.h"

/* What goes in front of every program that a team runs: a work-item's place in the launch, from its place in
 * the part. */
#define TEAM_PRELUDE                                                                               \
    "static inline __attribute__((always_inline)) size_t team_group_id(uint d) {\n"                \
    "    uint group = (uint)get_global_id(2);\n"                                                   \
    "    uint n0 = (uint)get_global_offset(0), n1 = (uint)get_global_offset(1);\n"                 \
    "    uint row = group < n0 ? 0 : group / n0;\n"                                                \
    "    uint plane = row < n1 ? 0 : row / n1;\n"                                                  \
    "    return d == 0 ? group - row * n0 : d == 1 ? row - plane * n1 : plane;\n"                  \
    "}\n"                                                                                          \
    "static inline __attribute__((always_inline)) size_t team_global_id(uint d) {\n"               \
    "    return team_group_id(d) * get_local_size(d) + get_local_id(d);\n"                         \
    "}\n"                                                                                          \
    "#define get_group_id(d) team_group_id(d)\n"                                                   \
    "#define get_global_id(d) team_global_id(d)\n"

/* Makes cl->team, whose members all compute on `device`, one of the context's that runs a kernel in the
 * thread that enqueues it. */
fovea_status team_create(struct opencl *cl, cl_device_id device);
void team_destroy(struct team *);

/* Takes a launch, to be run by team_run at the latest. `local` has one work-item in the third dimension.
 * Errors: INVALID (too many work-groups to count), NO_MEMORY, and those of team_run. */
fovea_status team_add(struct team *, struct opencl_kernel *, int dims, const size_t *global,
                      const size_t *local, size_t slot);
/* Runs what was taken, in order, and returns when all is done. Does nothing without a team. Errors: those
 * of a launch. */
fovea_status team_run(struct opencl *);
/* The same where no failure can be returned: the next team_run returns it. */
void team_settle(struct opencl *);

#endif
