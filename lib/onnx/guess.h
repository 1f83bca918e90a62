/* Types and ranks of values where shapes are not known yet: enough to give a constant the type of
 * its neighbour, or an old broadcast its axes. */
#ifndef ONNX_GUESS_H
#define ONNX_GUESS_H

#include "graph/graph.h"

struct guess {
    fovea_dtype dtype; /* FOVEA_UNDEFINED: unknown */
    int rank;          /* -1: unknown */
    int length;        /* elements of a list of rank 1, which may be a shape; -1: unknown */
};

struct guesses {
    struct guess *list; /* by value; values past `count` are unknown */
    size_t count;
};

/* What is known of a value: its description, else the guess. */
struct guess guess_of(const struct guesses *, const fovea_graph *, fovea_value);
fovea_status guess_set(struct guesses *, const fovea_graph *, fovea_value, struct guess);
/* Guesses the outputs of a node from its inputs. */
fovea_status guess_node(struct guesses *, const fovea_graph *, const struct node *);
void guess_free(struct guesses *);

#endif
