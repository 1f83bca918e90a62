/* Whether an output that another engine computed and ours agree, within a bound that is derived.
 *
 * The rule. Where every element is equal, or within 2 ulp of the expected one, nothing more is asked.
 * Else the model runs on the reference, exactly as it is written, and up to three times more with
 * every intermediate result moved by up to its own error bound, random in sign (fovea_plan_options,
 * perturb). spread[e] is the largest distance of a moved run's element e from the plain run's. An
 * element is right if
 *     |got - expected| <= 2 * 2 * max(spread[e], rms of spread over the output) + 2 ulp(expected)
 * The first 2: both engines err, each by up to the spread. The second 2: three draws reach half of
 * their range with probability 7/8, and the rms of the whole output stands in where an element's own
 * draws are all small by chance. Outputs of 8 bits (quantised) are rounded up to whole steps, if any
 * element moved. Indices, truth values and other whole numbers have their own spread alone, which is 0
 * unless rounding can turn a decision. NaN equals NaN, and an infinity itself.
 *
 * Some expected floats were written by hand with four decimals (0.2841): every element is then the
 * float nearest to such a decimal. A unit of the fourth decimal is then added to what is allowed: half for
 * the rounding of the output, half for that of the inputs, which were written by the same hand. */
#ifndef HOST_COMPARE_H
#define HOST_COMPARE_H

#include "array.h"

struct comparison {
    double ratio; /* the worst |got - expected| / allowed */
    int64_t index;
    double got, expected, allowed;
};

/* Compares types and shapes; a problem tells the difference. */
bool compare_desc(const fovea_array *got, const fovea_array *expected, struct problem *p);
/* `spread` of each element, or NULL: nothing but 2 ulp is allowed. Right if ratio <= 1. */
struct comparison compare_arrays(const fovea_array *got, const fovea_array *expected,
                                 const double *spread);
/* spread[e] = max(spread[e], distance of moved[e] from plain[e]). */
void compare_widen(double *spread, const fovea_array *plain, const fovea_array *moved);

#endif
