/* A model with the gradients of a class's score appended, ready to run on a device. */
#ifndef HOST_EXPLAIN_H
#define HOST_EXPLAIN_H

#include "layers.h"
#include "runner.h"

/* What of the model is differentiated by. */
struct explain_wish {
    bool input;                  /* by the first input */
    const struct layer **layers; /* by what these layers put out, which is then read too */
    size_t n_layers;
};

struct explain {
    fovea_graph *graph;
    fovea_plan *plan;
    fovea_desc fed; /* of the first input: what the shapes were fixed for */
    fovea_desc scores;
    int64_t batch, classes, places;                        /* scores are (batch, classes, places) */
    char *scores_name, *input_gradient, **layer_gradients; /* names of values */
    size_t n_layers;
    fovea_array values, mask; /* of the scores; the mask is 1 at the scores that are summed up */
};

/* Loads the model anew, fixes the shapes of its inputs to those of the arrays, and appends the gradients
 * of sum(scores * mask). Scores are the first output, or what goes into it if that is a Softmax. */
bool explain_create(struct explain **out, const char *model, const struct input *input,
                    const fovea_array *arrays, const struct explain_wish *wish,
                    fovea_context *context, struct problem *p);
void explain_destroy(struct explain *e);
/* Whether it was made for arrays of this shape. */
bool explain_serves(const struct explain *e, const struct input *input, const fovea_array *arrays);
/* Runs the model on the arrays; classes[k] is the class of picture k of the batch, and where it is
 * negative it becomes the one with the largest score. */
bool explain_run(struct explain *e, const struct input *input, const fovea_array *arrays,
                 int64_t *classes, struct problem *p);
/* The score of a class, summed over its places. */
double explain_score(const struct explain *e, int64_t k, int64_t class);

#endif
