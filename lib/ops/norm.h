/* What the plain algorithms of normalisation share. */
#ifndef OPS_NORM_H
#define OPS_NORM_H

#include "ops/algorithm.h"

/* Input 0 as (batch, channels, spatial). */
struct planes {
    int64_t batch, channels, spatial, elements;
};
struct planes norm_planes(const struct site *);
/* Neighbouring elements of a plane that one work-item does in turn. */
int64_t norm_run(const struct site *);
/* Sets -DRUN and a launch over whole planes in such runs. */
void norm_launch_runs(const struct site *, struct recipe *);

extern const struct algorithm batch_norm_training, batch_norm_training_blocked;
extern const struct algorithm batch_norm_grad_blocked;

#endif
