/* Steps of gradient descent as an operator of our own: one node updates one parameter.
 *
 *     Update(control, w, g, factor, trust, state...) -> (w', state'...)      attribute `method`
 *
 *   control  float32 (UPDATE_CONTROL): what changes from step to step, see enum update_control
 *   w, g     the parameter and its gradient; states and outputs have their shape
 *   factor   one number by which the gradient is multiplied first (clipping by the global norm, the mean
 *            over micro-batches); may be left out
 *   trust    one number by which the rate is multiplied (lars, lamb); may be left out
 *
 * Element by element, so that each output may lie where its input does.
 *   attribute decay  "coupled": g + decay * w takes the place of g; "decoupled": w - decay * w takes the
 *                    place of w; absent: no weight decay
 *   attribute clip   1: each number of the gradient (after `factor`) is clipped to [-clip, clip]
 *   attribute limit  of the method clip: the largest norm */
#ifndef GRAPH_UPDATE_H
#define GRAPH_UPDATE_H

#include "graph/graph.h"

/* What a method makes of w and g; r: rate * trust; a, b, epsilon, first, second: of `control`. The formulas
 * are PyTorch's (torch.optim); v + b (x - v) is its (1 - b) v + b x. */
enum update_method {
    UPDATE_SGD,      /* w - r g */
    UPDATE_MOMENTUM, /* v' = a v + b g;  w - r v' (b: 1 - dampening) */
    UPDATE_NESTEROV, /* v' = a v + b g;  w - r (g + a v') */
    UPDATE_ADAGRAD,  /* s' = s + g^2;  w - r g / (sqrt(s') + epsilon) (Duchi et al. 2011) */
    UPDATE_RMSPROP,  /* s' = s + b (g^2 - s);  w - r g / (sqrt(s') + epsilon) (Hinton 2012) */
    UPDATE_RMSPROP_MOMENTUM, /* the same, with v' = a v + g / (sqrt(s') + epsilon);  w - r v' */
    /* m' = m + b (g - m);  v' = a v + g / (sqrt(s' - m'^2) + epsilon);  w - r v' (Graves 2013) */
    UPDATE_RMSPROP_CENTERED,
    /* s' = s + b (g^2 - s);  x = g sqrt(d + epsilon) / sqrt(s' + epsilon);  d' = d + b (x^2 - d);
     * w - r x (Zeiler 2012) */
    UPDATE_ADADELTA,
    /* m' = m + a (g - m);  s' = s + b (g^2 - s);  w - first r m' / (second sqrt(s') + epsilon)
     * (Kingma and Ba 2015) */
    UPDATE_ADAM,
    /* m', s' as adam's;  w - (first g + r m') / (second sqrt(s') + epsilon) (Dozat 2016) */
    UPDATE_NADAM,
    UPDATE_LARS, /* v' = a v + r g;  w - v' (You et al. 2017) */
    /* m', s' as adam's, of g without decay;  first m' / (second sqrt(s') + epsilon) + decay w in place of
     * w': the direction, by which sgd goes then (You et al. 2020) */
    UPDATE_LAMB,
    /* Helpers. In the next three w and g are one number each: norms. */
    UPDATE_CLIP,       /* min(1, limit / (sqrt(w) + 1e-6)): w is the sum of squares */
    UPDATE_TRUST_LARS, /* first w / (g + decay w) with g times factor; 1 if w or g is 0 */
    UPDATE_TRUST_LAMB, /* w / g; 1 if w or g is 0 */
    UPDATE_ACCUMULATE, /* w + g */
    UPDATE_SCALE,      /* w times factor */
    UPDATE_AVERAGE,    /* w + average (g - w): g is the parameter, w its moving average */
    UPDATE_METHODS
};

enum update_control {
    CONTROL_RATE,    /* learning rate; nadam: of m' */
    CONTROL_DECAY,   /* weight decay; decoupled: times the learning rate */
    CONTROL_CLIP,    /* the largest size of a number of the gradient */
    CONTROL_A,       /* momentum, rho; 1 - beta1 */
    CONTROL_B,       /* 1 - dampening, 1 - rho, 1 - beta2 */
    CONTROL_EPSILON, /* */
    CONTROL_FIRST,   /* 1 / (1 - beta1^t); nadam: rate of g; trust_lars: the trust coefficient */
    CONTROL_SECOND,  /* 1 / sqrt(1 - beta2^t) */
    CONTROL_AVERAGE, /* 1 - decay of the moving average */
    UPDATE_CONTROL
};

enum {
    UPDATE_IN_CONTROL,
    UPDATE_IN_W,
    UPDATE_IN_G,
    UPDATE_IN_FACTOR,
    UPDATE_IN_TRUST,
    UPDATE_IN_STATE
};
enum { UPDATE_STATES_MAX = 3 };

enum update_decay { DECAY_NONE, DECAY_COUPLED, DECAY_DECOUPLED };

struct update_form {
    const char *name;   /* of the attribute `method` */
    const char *define; /* of the kernel */
    size_t states;
    bool controlled, graded; /* reads control, reads g */
    bool single;             /* of single numbers */
};
const struct update_form *update_form(enum update_method);
/* UPDATE_METHODS if the attribute is absent or no method. */
enum update_method update_method_of(const struct node *);
enum update_decay update_decay_of(const struct node *);

/* ONNX's optimizers, many parameters in one node:
 *
 *     Adagrad(R, T, X..., G..., H...) -> (X'..., H'...)       Momentum(R, T, X..., G..., V...) -> (X'..., V'...)
 *     Adam(R, T, X..., G..., V..., H...) -> (X'..., V'..., H'...)
 *
 * R is the learning rate, T how many updates were made (int64). Each is what Update does with a method and a
 * control that follows from R, T and the attributes; after it X' is scaled by 1 - norm_coefficient_post. */
enum { OPTIMIZER_IN_RATE, OPTIMIZER_IN_COUNT, OPTIMIZER_IN_X };
enum update_method optimizer_method(const struct node *);
/* How many parameters there are. */
size_t optimizer_parameters(const struct node *);
/* The attributes, with ONNX's defaults. */
struct optimizer_attributes {
    float alpha,
        beta; /* adam: of the mean, of the squares; momentum: of the velocity, the gradient */
    float epsilon, rate_decay;
    float decay, post; /* norm_coefficient, norm_coefficient_post */
};
struct optimizer_attributes optimizer_attributes(const struct node *);

#endif
