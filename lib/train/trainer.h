/* The trainer's inside. Parameters, optimizer state and averages are tensors of the trainer, to which the
 * plans' inputs and outputs are bound: an update writes its parameter's new contents over the old ones. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "plan/plan.h"
#include "train/network.h"
#include "train/optimizer.h"

/* What belongs to one parameter; NULL where there is none of it. */
struct slot {
    fovea_tensor *value;
    fovea_tensor *gradient; /* the sum so far, with accumulation */
    fovea_tensor *average;
    fovea_tensor *states[UPDATE_STATES_MAX];
    bool learned; /* the loss depends on it */
};

struct fovea_trainer {
    fovea_context *context;
    fovea_train_options options;
    fovea_graph *graph; /* as it was given, for export */
    struct network network;
    struct slot *slots; /* by parameter */
    size_t n_states;
    fovea_plan *step, *apply, *evaluate; /* apply: the update alone, with accumulation; else NULL */
    int64_t steps, updates;
    float *scores; /* of one batch on the host */
    void *targets; /* what labels were turned into */
    float *class_weights;
};

/* build.c: the graphs of the three plans. Names of values that belong to parameter NAME:
 *     NAME, "train:gradient:NAME", "train:average:NAME", "train:state0:NAME", ... inputs
 *     NETWORK_NEXT in front of each: what takes their place */
#define TRAINER_GRADIENT "train:gradient:"
#define TRAINER_AVERAGE  "train:average:"
#define TRAINER_STATE    "train:state%zu:"
#define TRAINER_CONTROL  "train:control"
#define TRAINER_KEPT     "gradient:" /* outputs, with options.keep_gradients */
fovea_status trainer_step_graph(struct fovea_trainer *, fovea_graph **out);
fovea_status trainer_apply_graph(struct fovea_trainer *, fovea_graph **out);
fovea_status trainer_evaluate_graph(struct fovea_trainer *, fovea_graph **out);

/* tensors.c: memory of all slots, and binding the plans to it. */
fovea_status trainer_create_tensors(struct fovea_trainer *);
void trainer_free_tensors(struct fovea_trainer *);
/* Initial contents: weights from the graph, zeros else. After all plans are made: making them runs kernels
 * on random numbers. */
fovea_status trainer_fill_tensors(struct fovea_trainer *);
fovea_status trainer_bind(struct fovea_trainer *, fovea_plan *);
/* Where plans may not write over their inputs (options.check): moves what they made into place. */
fovea_status trainer_move_results(struct fovea_trainer *, fovea_plan *);
/* Calls `visit` with each tensor that a checkpoint holds and its name there. */
fovea_status trainer_visit(struct fovea_trainer *,
                           fovea_status (*visit)(void *user, const char *name, fovea_tensor *),
                           void *user);

/* metrics.c: mean loss and hits of `count` rows of scores, in double. */
fovea_status metrics_of(fovea_loss, const fovea_loss_options *, const fovea_desc *scores,
                        const float *data, const void *targets, int64_t count,
                        fovea_train_result *out);

#endif
