/* What is known of an algorithm's speed on this device: read from the store once, kept in the context. */
#ifndef PLAN_TUNING_H
#define PLAN_TUNING_H

#include "ops/algorithm.h"
#include "plan/context.h"

/* NULL: it was not measured. */
const struct store_tuning *tuning_find(fovea_context *, const char *problem, const char *algorithm);
/* How thoroughly the problem was tuned: the most of its rows' levels; 0: not at all. */
int tuning_level(fovea_context *, const char *problem);
/* Takes the rows in place of what was known of their problems, into the store too; sorts them. */
fovea_status tuning_keep(fovea_context *, struct store_tunings *);

/* "P=6,Q=2" into the values of the algorithm's tunables, 0 for those not named. Errors: INVALID (no such
 * tunable, or no legal value of it). */
fovea_status tuning_parse(const struct algorithm *, const char *text, int values[TUNABLES_MAX]);
/* The same backwards; from mem_alloc, NULL if memory ran out. */
char *tuning_text(const struct algorithm *, const int values[TUNABLES_MAX]);

#endif
