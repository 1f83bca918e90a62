/* Rows that work-groups share: each of its work-items takes its share of a row, then they join what they have,
 * through subgroups where the device has them or through local memory (group_join of cl_kernels/common.h). An
 * algorithm of this kind is two entries of a list, NAME_subgroup and NAME_local, so that a driver whose subgroups
 * lie still has the other.
 *
 * Growth of the error: 1. A row of K terms is at most K - 1 additions in some order, and what is added beside
 * (zeros, of work-items without a term) is exact: lib/reference bounds a sum in any order. */
#ifndef OPS_GROUP_H
#define OPS_GROUP_H

#include "ops/algorithm.h"

/* Work-items of a group: the legal values of a tunable, which may be 0 for untuned. */
#define GROUP_LANES 32, 64, 128, 256

struct group_task {
    int64_t groups, length; /* work-groups; elements of a row */
    int64_t in_flight;      /* elements of a row that a work-item loads before it needs one */
    int passes;             /* over the row, each with a join at its end */
    double bytes, flops;    /* of all */
    bool subgroups;
};

/* Why the device cannot; NULL if it can. `results`: numbers that a group joins. */
const char *group_refuse(const struct site *, const struct group_task *, int64_t results);
/* Work-items of a group: the tuned number if it is one, else enough for short rows and to keep the device busy. */
int64_t group_lanes(const struct site *, const struct group_task *, int tuned);
/* Of the launch, with its overhead. */
double group_seconds(const struct site *, const struct group_task *, int64_t lanes);
/* The same where one work-item has a whole row to itself; the roofline where work-items do not run side by side. */
double group_seconds_alone(const struct site *, int64_t rows, int64_t length, int passes);
/* What `items` work-items wait for `loads` of each, one after the other; 0 where they do not run side by side. */
double group_waiting(const fovea_device_info *, double items, double loads);
/* LANES and SUBGROUPS of the launch started last, and its sizes: `x` blocks of one group, by y, by z (0: unused). */
void group_launch(struct recipe *, const struct group_task *, int64_t lanes, int64_t x, int64_t y,
                  int64_t z);

/* The two entries of a family, from its functions FAMILY_refuse, _estimate and _lower, to which `subgroups` is
 * passed; then what else they have in common. */
#define GROUP_ENTRIES(family, ...)                                                                 \
    GROUP_ENTRY(family, subgroup, true, __VA_ARGS__)                                               \
    GROUP_ENTRY(family, local, false, __VA_ARGS__)
#define GROUP_ENTRY(family, kind, with, ...)                                                       \
    static const char *family##_refuse_##kind(const struct site *s) {                              \
        return family##_refuse(s, with);                                                           \
    }                                                                                              \
    static double family##_estimate_##kind(const struct site *s) {                                 \
        return family##_estimate(s, with);                                                         \
    }                                                                                              \
    static fovea_status family##_lower_##kind(const struct site *s, struct recipe *r) {            \
        return family##_lower(s, r, with);                                                         \
    }                                                                                              \
    const struct algorithm family##_##kind = {.name = #family "_" #kind,                           \
                                              .subgroups = with,                                   \
                                              .refuse = family##_refuse_##kind,                    \
                                              .estimate = family##_estimate_##kind,                \
                                              .lower = family##_lower_##kind,                      \
                                              __VA_ARGS__};

/* One that has no tunable but the work-items of a group. */
extern const struct tunable group_tunables[];
enum { GROUP_TUNED_LANES };

/* lib/ops/reduce_group.c, of ReduceX and whole planes; softmax.c; norm.c, of layers and of groups of channels. */
extern const struct algorithm reduce_group_subgroup, reduce_group_local;
extern const struct algorithm softmax_group_subgroup, softmax_group_local;
extern const struct algorithm norm_group_subgroup, norm_group_local;

#endif
