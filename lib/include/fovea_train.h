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

/* ---- Optimizers -------------------------------------------------------------------------------- */

typedef enum fovea_optimizer_method {
    FOVEA_SGD = 0,  /* w -= rate g */
    FOVEA_MOMENTUM, /* Polyak 1964, as torch.optim.SGD(momentum) */
    FOVEA_NESTEROV, /* Sutskever et al. 2013, as torch.optim.SGD(nesterov) */
    FOVEA_ADAGRAD,  /* Duchi et al. 2011 */
    FOVEA_RMSPROP,  /* Hinton 2012; with momentum and centered (Graves 2013) if asked */
    FOVEA_ADADELTA, /* Zeiler 2012 */
    FOVEA_ADAM,     /* Kingma and Ba 2015 */
    FOVEA_ADAMW,    /* Loshchilov and Hutter 2019: Adam with decoupled weight decay */
    FOVEA_NADAM,    /* Dozat 2016 */
    FOVEA_LARS,     /* You, Gitman and Ginsburg 2017 */
    FOVEA_LAMB,     /* You et al. 2020 */
} fovea_optimizer_method;

/* Formulas and defaults are PyTorch's where it has the method (torch.optim), else the paper's. Of the numbers,
 * 0 means the default and a negative number means 0. */
typedef struct fovea_optimizer {
    fovea_optimizer_method method;
    double momentum;       /* default 0.9; rmsprop: none */
    double dampening;      /* momentum: default 0 */
    double beta1, beta2;   /* adam and its kin: default 0.9, 0.999 */
    double rho;            /* default: rmsprop 0.99 (PyTorch's alpha), adadelta 0.9 */
    double epsilon;        /* default: 1e-8, adagrad 1e-10, adadelta and lamb 1e-6 */
    double rate_decay;     /* adagrad: rate / (1 + rate_decay * step); default 0 */
    double momentum_decay; /* nadam: default 0.004 */
    double trust;          /* lars: the trust coefficient; default 0.001 */
    bool centered;         /* rmsprop */
    double weight_decay;   /* default 0; adamw 0.01 */
    bool
        decoupled; /* weight decay shrinks the weights by rate * weight_decay instead of being added to
                     * the gradient; adamw's always does, lars's and lamb's never */
    bool decay_all; /* parameters of one dimension decay too (biases, scales of normalisation) */
    double
        clip_value; /* each number of the gradient is clipped to [-clip_value, clip_value]; 0: not */
    double clip_norm; /* the gradient of all parameters is scaled down to this 2-norm; 0: not */
    double average;   /* decay of the moving average of the weights, e.g. 0.999; 0: none is kept */
} fovea_optimizer;

/* Errors: INVALID with the number that is out of range. */
FOVEA_API fovea_status fovea_optimizer_check(const fovea_optimizer *optimizer);
/* From text: a method, then what differs from the defaults by the names above: "adamw",
 * "momentum:momentum=0.95,weight_decay=5e-4,clip_norm=1". Errors: INVALID with the word. */
FOVEA_API fovea_status fovea_optimizer_parse(const char *text, fovea_optimizer *out);
/* "adamw"; NULL for a number that is no method. */
FOVEA_API const char *fovea_optimizer_name(fovea_optimizer_method method);
/* The learning rate that the method is usually begun with (PyTorch's default; lars 0.1, lamb 0.001). */
FOVEA_API double fovea_optimizer_rate(const fovea_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif
