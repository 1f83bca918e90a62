/* Optimizers: which Update nodes (graph/update.h) a method takes, and what their control holds. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "fovea_train.h"
#include "graph/update.h"

/* States of one parameter; each has its shape, and begins with zeros. */
size_t optimizer_states(const fovea_optimizer *);
/* "momentum", "variance", ...: of state i, for names in checkpoints. */
const char *optimizer_state_name(const fovea_optimizer *, size_t i);

/* Contents of the control before step `step`, which counts from 0: computed in double, rounded once. */
void optimizer_control(const fovea_optimizer *, double rate, int64_t step,
                       float out[UPDATE_CONTROL]);

struct update {
    const char *name; /* of the nodes; NULL: fresh ones */
    fovea_value parameter, gradient;
    fovea_value control; /* a run-time input, float32 (UPDATE_CONTROL) */
    fovea_value factor;  /* one number by which the gradient is multiplied, or FOVEA_NO_VALUE */
    bool decay;          /* weight decay; see optimizer_decays */
    fovea_value state[UPDATE_STATES_MAX];
    /* Set by optimizer_append. Each may be bound to the memory of what it follows. */
    fovea_value next, next_state[UPDATE_STATES_MAX];
};
/* Whether a parameter of this shape takes weight decay. lars and lamb take the others' rate as it is, too. */
bool optimizer_decays(const fovea_optimizer *, const fovea_desc *);
/* Appends the update of one parameter. All shapes are known. Errors: INVALID, NO_MEMORY. */
fovea_status optimizer_append(fovea_graph *, const fovea_optimizer *, struct update *);
/* Appends min(1, limit / (norm + 1e-6)), norm being the 2-norm of all gradients together (PyTorch's
 * clip_grad_norm_): a `factor`. Sums go in a fixed order. */
fovea_status optimizer_append_clip(fovea_graph *, const fovea_value *gradients, size_t count,
                                   double limit, fovea_value *factor);
/* Appends average + (1 - decay) (parameter - average); the control says the decay. */
fovea_status optimizer_append_average(fovea_graph *, fovea_value control, fovea_value average,
                                      fovea_value parameter, fovea_value *next);
/* Appends sum + gradient, for micro-batches. */
fovea_status optimizer_append_accumulate(fovea_graph *, fovea_value sum, fovea_value gradient,
                                         fovea_value *next);
/* Appends x times a scalar value. */
fovea_status optimizer_append_scale(fovea_graph *, fovea_value x, fovea_value factor,
                                    fovea_value *next);

#endif
