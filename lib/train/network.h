/* A network made ready for training: parameters become inputs, so that one memory serves the plans that
 * train and those that evaluate; normalisation takes the batch's statistics; dropout drops. */
#ifndef TRAIN_NETWORK_H
#define TRAIN_NETWORK_H

#include "base/status.h"
#include "fovea_trainer.h"
#include "graph/graph.h"

/* A value that training changes. Its name is that of the constant it was. */
struct parameter {
    char *name;
    fovea_desc desc;
    bool statistic; /* gathered by a node that trains, not learned */
    bool frozen;    /* stays as it is */
};

struct network {
    struct parameter *parameters;
    size_t n_parameters, capacity;
    char *input;                   /* the one run-time input */
    fovea_desc input_desc, scores; /* once shapes are fixed */
    char **score_names;            /* values that the loss takes, the main one first */
    size_t n_scores, scores_capacity;
    bool counts; /* some node draws random numbers: there is an input NETWORK_COUNTER */
};

/* Names of run-time inputs and outputs beside the network's own. */
#define NETWORK_TARGETS  "train:targets"
#define NETWORK_TARGETS2 "train:targets2"
#define NETWORK_LAMBDA   "train:lambda"
#define NETWORK_COUNTER  "train:counter"
#define NETWORK_LOSS     "train:loss"
#define NETWORK_NEXT     "train:next:" /* in front of a name: the value that takes its place */

/* Brings a graph into inference form, whatever its file was written for: no node trains, what depends on constants
 * alone is a constant (a transposed weight is learned as it is used), statistics of a normalisation are its
 * own; heads that are left out are no outputs. Errors: as a plan's. */
fovea_status network_settle(fovea_graph *, const fovea_train_options *);
/* Finds what there is to train, what the loss takes, and the input. Errors: INVALID (no input or several, no
 * scores), UNSUPPORTED. */
fovea_status network_find(struct network *, const fovea_graph *, const fovea_train_options *);
void network_free(struct network *);
/* A copy of the graph whose parameters are inputs and whose outputs are the scores (`all`: of the
 * auxiliary heads too), in training form if `training`; shapes are fixed. */
fovea_status network_graph(struct network *, const fovea_graph *, const fovea_train_options *,
                           bool training, fovea_graph **out);

#endif
