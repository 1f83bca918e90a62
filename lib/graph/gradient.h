/* Gradients as graph: reverse-mode differentiation that appends nodes (Griewank and Walther, Evaluating
 * Derivatives, 2008). The rule of an operator stands beside its kind in lib/graph/gradient_<family>.c and
 * is named in op_list.h:
 *
 *     void gradient_NAME(struct gradient *, const struct node *);
 *
 * A rule reads the node's inputs and outputs as values, appends nodes, and gives each input that wants it
 * its gradient. Failures are remembered, so that rules need no checks: after one, helpers give
 * FOVEA_NO_VALUE and do nothing. Appending moves the graph's arrays: keep values, never pointers to them. */
#ifndef GRAPH_GRADIENT_H
#define GRAPH_GRADIENT_H

#include "graph/graph.h"

struct gradient {
    fovea_graph *graph;
    fovea_status status;
    const struct node *original; /* of the rule that runs: as in the graph, before recomputation */
    char *name;                  /* of the nodes that the rule appends */
    size_t n_values;             /* before anything was appended */
    bool *wanted;                /* by value: depends on what is asked for */
    fovea_value *of;             /* by value: its gradient so far */
};

/* Whether input i wants a gradient. */
bool gradient_wants(const struct gradient *, size_t i);
/* The gradient of output i; FOVEA_NO_VALUE if nothing depends on it (never for a node's only output). */
fovea_value gradient_of(const struct gradient *, size_t i);
/* Adds to the gradient of input i. The shape must be the input's. Does nothing if input i wants none. */
void gradient_give(struct gradient *, size_t i, fovea_value);

/* Appends a node with one output, or with n_out of them. */
fovea_value gradient_op(struct gradient *, enum op, const fovea_value *in, size_t n_in,
                        const fovea_attribute *attr, size_t n_attr);
void gradient_ops(struct gradient *, enum op, const fovea_value *in, size_t n_in,
                  const fovea_attribute *attr, size_t n_attr, fovea_value *out, size_t n_out);
fovea_value gradient_unary(struct gradient *, enum op, fovea_value x);
fovea_value gradient_binary(struct gradient *, enum op, fovea_value a, fovea_value b);
/* Constants: a float scalar, a list of int64. */
fovea_value gradient_scalar(struct gradient *, float number);
fovea_value gradient_ints(struct gradient *, const int64_t *numbers, size_t count);
/* x summed over the axes along which `shape` was broadcast to it, and reshaped to `shape`. */
fovea_value gradient_sum_to(struct gradient *, fovea_value x, const fovea_desc *shape);
fovea_value gradient_shaped(struct gradient *, fovea_value x, const fovea_desc *shape);
/* Type and shape of a value; all zeros after a failure. */
fovea_desc gradient_desc(const struct gradient *, fovea_value);
/* The node's attributes as builders take them, at most `capacity`; gives how many. */
size_t gradient_attributes(const struct node *, fovea_attribute *out, size_t capacity);
/* Remembers a failure: the sentence has been set by fail(). */
void gradient_fail(struct gradient *, fovea_status);

/* Appends the gradients of sum(y) with respect to `values`: fovea_graph_gradient with more choices. */
struct gradient_options {
    /* Bit set by value (n_values of them): kept from the forward pass. Other values are computed again
     * when the backward pass needs them, one stretch between kept values at a time. NULL: all are kept. */
    const bool *kept;
};
fovea_status graph_gradient(fovea_graph *, fovea_value y, const fovea_value *values, size_t count,
                            fovea_value *grads, const struct gradient_options *);

#define OP(name, shape, reference, device, static_inputs, rule)                                    \
    void gradient_##rule(struct gradient *, const struct node *);
#include "graph/op_list.h"
#undef OP

#endif
