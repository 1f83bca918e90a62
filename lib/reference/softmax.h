/* What softmax and the classification losses share on the reference: the sum of exponentials. */
#ifndef REFERENCE_SOFTMAX_H
#define REFERENCE_SOFTMAX_H

#include "reference/reference.h"

/* Of one row x: max x and sum exp(x - max), with the bound [0] and probable bound [1] of the sum. */
struct softmax_sum {
    double max, sum, error[2];
};

struct softmax_sum softmax_sum(const double *x, size_t n, size_t stride);
/* exp(x - max) / sum and its bounds. */
double softmax_share(const struct softmax_sum *, double x, double bounds[2]);
/* (x - max) - log(sum) and its bounds. */
double softmax_log(const struct softmax_sum *, double x, double bounds[2]);

#endif
