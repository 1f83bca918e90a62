/* Fovea: training by backpropagation. The rules of fovea.h hold here too.
 *
 * The short way:
 *
 *     fovea_trainer_create     a network, a loss, an optimizer, a device
 *     fovea_trainer_step       one batch: forward, backward, update (data: fovea_data.h)
 *     fovea_trainer_evaluate   a batch without learning
 *     fovea_trainer_save, fovea_trainer_load, fovea_trainer_export
 *
 * The long way: fovea_graph_fix, fovea_graph_loss and fovea_graph_gradient append loss and gradients to any
 * graph as ordinary nodes, which a plan runs, verifies and profiles like all others. */
#ifndef FOVEA_TRAIN_H
#define FOVEA_TRAIN_H

#include "fovea.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Gradients as graph ---------------------------------------------------------------------- */

/* Fixes the shapes of the inputs (as the bindings of a plan do), infers all others and folds what is known.
 * Errors: INVALID (shapes do not fit, or stay unknown), UNSUPPORTED. */
FOVEA_API fovea_status fovea_graph_fix(fovea_graph *graph, const fovea_binding *bindings,
                                       size_t n_bindings);
/* Appends d sum(y) / d values[i]: grads[i] has the shape of values[i], or is FOVEA_NO_VALUE where y does not
 * depend on it. y and values are float32, all shapes are known (fovea_graph_fix). After a failure the graph
 * can only be destroyed. Errors: INVALID; UNSUPPORTED with the operator that has no gradient. */
FOVEA_API fovea_status fovea_graph_gradient(fovea_graph *graph, fovea_value y,
                                            const fovea_value *values, size_t count,
                                            fovea_value *grads);

/* ---- Losses ------------------------------------------------------------------------------------ */

typedef enum fovea_loss {
    FOVEA_LOSS_CROSS_ENTROPY = 0, /* of softmax(scores); targets: int64 classes (n) */
    FOVEA_LOSS_MEAN_SQUARED,      /* mean (scores - targets)^2; targets as scores */
    FOVEA_LOSS_BINARY, /* cross-entropy of sigmoid(scores); targets in [0, 1] as scores */
    FOVEA_LOSS_HINGE,  /* mean max(0, 1 - targets * scores); targets -1 or 1 as scores */
} fovea_loss;

typedef struct fovea_loss_options {
    float label_smoothing; /* cross-entropy: share of the target spread over all classes, [0, 1) */
    const float *class_weights; /* cross-entropy: one for each class, else NULL; copied */
    size_t n_class_weights;
} fovea_loss_options;

/* Appends the mean loss of scores, a float32 scalar. Errors: INVALID (shapes, types, options). */
FOVEA_API fovea_status fovea_graph_loss(fovea_graph *graph, const char *name, fovea_loss loss,
                                        fovea_value scores, fovea_value targets,
                                        const fovea_loss_options *options, fovea_value *out);

#ifdef __cplusplus
}
#endif
#endif
