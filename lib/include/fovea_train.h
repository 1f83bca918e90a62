/* Fovea: what training is made of: gradients and losses as nodes of a graph, optimizers, initial weights,
 * schedules. The rules of fovea.h hold here too. fovea_trainer.h puts them together.
 *
 * fovea_graph_fix, fovea_graph_loss and fovea_graph_gradient append loss and gradients to any graph as
 * ordinary nodes, which a plan runs, verifies and profiles like all others. */
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
    /* Weight decay shrinks the weights by rate * weight_decay instead of being added to the gradient;
     * adamw's always does, lars's and lamb's never. */
    bool decoupled;
    bool decay_all;    /* parameters of one dimension decay too (biases, scales of normalisation) */
    double clip_value; /* each number of the gradient is clipped to so much on both sides; 0: not */
    double clip_norm;  /* the gradient of all parameters is scaled down to this 2-norm; 0: not */
    double average;    /* decay of the moving average of the weights, e.g. 0.999; 0: none is kept */
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

/* ---- Schedules of the learning rate ------------------------------------------------------------- */

typedef enum fovea_schedule_kind {
    FOVEA_SCHEDULE_CONSTANT = 0,
    FOVEA_SCHEDULE_STEP,        /* times factor after every `every` epochs */
    FOVEA_SCHEDULE_MULTI_STEP,  /* times factor at each of the milestones */
    FOVEA_SCHEDULE_EXPONENTIAL, /* times factor each epoch */
    FOVEA_SCHEDULE_COSINE,     /* down to the floor by half a cosine (Loshchilov and Hutter 2017) */
    FOVEA_SCHEDULE_ONE_CYCLE,  /* up from rate / start, down to rate / start / end (Smith 2018) */
    FOVEA_SCHEDULE_POLYNOMIAL, /* down to the floor by (1 - t)^power */
    FOVEA_SCHEDULE_PLATEAU,    /* times factor when the metric has not got better for a while */
} fovea_schedule_kind;

#define FOVEA_MILESTONES 16

/* Values are those of torch.optim.lr_scheduler. Of the numbers, 0 means the default. */
typedef struct fovea_schedule {
    fovea_schedule_kind kind;
    double rate; /* the learning rate; a one-cycle's highest */
    /* In all: when cosine, one-cycle and polynomial end. They stay where they ended. */
    double epochs;
    /* Epochs at the beginning in which the rate rises linearly from nothing. What spans all epochs begins
     * after them; epochs and milestones count from the start. */
    double warmup;
    double factor;                       /* default 0.1; exponential 0.95 */
    double every;                        /* epochs; default 30 */
    double milestones[FOVEA_MILESTONES]; /* epochs, ascending */
    size_t n_milestones;
    double floor;      /* the lowest rate, as a share of `rate`; default 0 */
    double power;      /* default 1 */
    double rise;       /* one-cycle: the share of the epochs in which the rate rises; default 0.3 */
    double start, end; /* one-cycle; default 25, 10000 */
    int64_t patience;  /* plateau: evaluations without a better metric; default 10 */
    double threshold;  /* plateau: a metric is better by at least this share; default 0.0001 */
    int64_t cooldown;  /* plateau: evaluations that do not count after a change; default 0 */
    bool rising; /* plateau: the metric gets better upwards (accuracy), not downwards (loss) */
} fovea_schedule;

/* What a plateau has seen; begins with zeros. It may be saved and read back number by number. */
typedef struct fovea_plateau {
    double best;
    int64_t seen, bad, cooldown; /* evaluations: in all, without a better one, still not to count */
    int64_t changes;             /* how often the rate was multiplied */
} fovea_plateau;

/* Errors: INVALID with the number that is out of range, or that is missing. */
FOVEA_API fovea_status fovea_schedule_check(const fovea_schedule *schedule);
/* The rate of step `step`, which counts from 0. plateau may be NULL for all other kinds. */
FOVEA_API double fovea_schedule_rate(const fovea_schedule *schedule, int64_t step,
                                     int64_t steps_per_epoch, const fovea_plateau *plateau);
/* Shows a plateau the metric of an evaluation; does nothing for other kinds. */
FOVEA_API void fovea_schedule_observe(const fovea_schedule *schedule, fovea_plateau *plateau,
                                      double metric);
/* From text: a kind, its usual numbers, then others by the names above; rate, epochs, and warmup if it is not
 * named, are left as they are:
 *     constant   step:30:0.1   multistep:30,60,80:0.1   exponential:0.95   cosine   cosine:floor=0.01,warmup=5
 *     onecycle:0.3   polynomial:2   plateau:10:0.1,rising
 * Errors: INVALID with the word. */
FOVEA_API fovea_status fovea_schedule_parse(const char *text, fovea_schedule *schedule);

/* ---- Initialisers ------------------------------------------------------------------------------- */

typedef enum fovea_initializer_kind {
    FOVEA_INITIALIZER_HE = 0,     /* variance 2 / fan in (He et al. 2015): before Relu */
    FOVEA_INITIALIZER_GLOROT,     /* 2 / (fan in + fan out) (Glorot and Bengio 2010) */
    FOVEA_INITIALIZER_LECUN,      /* 1 / fan in (LeCun et al. 1998) */
    FOVEA_INITIALIZER_ORTHOGONAL, /* orthonormal rows or columns (Saxe et al. 2014); takes n m min(n, m)
                                   * operations, minutes for the largest dense layers */
    FOVEA_INITIALIZER_CONSTANT, /* `number` everywhere */
    FOVEA_INITIALIZER_NUMBER, /* normal, truncated: the deviation is `number`; uniform: the limit is */
} fovea_initializer_kind;

typedef enum fovea_distribution {
    FOVEA_DISTRIBUTION_NORMAL = 0,
    FOVEA_DISTRIBUTION_UNIFORM,
    FOVEA_DISTRIBUTION_TRUNCATED, /* normal, drawn again beyond two deviations; the variance that a kind
                                   * asks for is what is left */
} fovea_distribution;

typedef struct fovea_initializer {
    fovea_initializer_kind kind;
    fovea_distribution distribution; /* for all kinds but orthogonal and constant */
    bool fan_out;  /* He: 2 / fan out, which keeps the gradients' scale and not the activations' */
    double number; /* what the kind says; he, glorot, lecun, orthogonal: a gain, 0 means 1 */
    bool
        zero_gamma; /* the last normalisation of a residual branch begins with the scale 0, so that the
                      * network begins as if the branch were not there (Goyal et al. 2017) */
    uint64_t seed;
} fovea_initializer;

/* Makes all parameters of a graph anew: the weights of Conv, ConvTranspose, Gemm and MatMul as the
 * initialiser says, fans counted from how they are used; biases 0; of normalisations scale 1, bias 0,
 * running mean 0, variance 1; slopes of PRelu 0.25. Other constants are left alone. The same seed and name
 * of a parameter give the same numbers. NULL: He, normal. Errors: INVALID, NO_MEMORY. */
FOVEA_API fovea_status fovea_graph_initialize(fovea_graph *graph,
                                              const fovea_initializer *initializer);
/* From text; the seed is left as it is:
 *     he   he:uniform   he:fan_out,zero_gamma   glorot:truncated   orthogonal:1.4   normal:0.01
 * Errors: INVALID with the word. */
FOVEA_API fovea_status fovea_initializer_parse(const char *text, fovea_initializer *out);

#ifdef __cplusplus
}
#endif
#endif
