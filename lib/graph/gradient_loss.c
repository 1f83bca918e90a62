/* Gradients of softmax, the classification losses, and dropout. */
#include "graph/gradient.h"

/* The sum of x along the axes of a Softmax or LogSoftmax node, kept as dimensions of 1. */
static fovea_value sum_along(struct gradient *gr, const struct node *n, fovea_value x) {
    fovea_desc d = gradient_desc(gr, x);
    int64_t axes[FOVEA_MAX_RANK];
    size_t count = 0;
    if (gr->status != FOVEA_OK || d.rank == 0) return x;
    int axis = attr_axis(n, "axis", -1, d.rank);
    int end = attr_int(n, "coerce", 0) ? d.rank : axis + 1;
    while (axis < end) axes[count++] = axis++;
    fovea_value in[2] = {x, gradient_ints(gr, axes, count)};
    if (count == 0) return x;
    return gradient_op(gr, OP_ReduceSum, in, 2, NULL, 0);
}

/* dx = y (dy - sum(dy y)) */
void gradient_softmax(struct gradient *gr, const struct node *n) {
    fovea_value dy = gradient_of(gr, 0), y = n->out[0];
    fovea_value sum = sum_along(gr, n, gradient_binary(gr, OP_Mul, dy, y));
    gradient_give(gr, 0, gradient_binary(gr, OP_Mul, y, gradient_binary(gr, OP_Sub, dy, sum)));
}

/* dx = dy - exp(y) sum(dy), y being log-probabilities */
static fovea_value log_softmax_grad(struct gradient *gr, fovea_value dy, fovea_value y,
                                    fovea_value sum) {
    fovea_value shares = gradient_unary(gr, OP_Exp, y);
    return gradient_binary(gr, OP_Sub, dy, gradient_binary(gr, OP_Mul, shares, sum));
}

void gradient_log_softmax(struct gradient *gr, const struct node *n) {
    fovea_value dy = gradient_of(gr, 0);
    gradient_give(gr, 0, log_softmax_grad(gr, dy, n->out[0], sum_along(gr, n, dy)));
}

/* The gradient operator of a loss: the loss's gradient, log-probabilities, labels, weights. */
static fovea_value loss_grad(struct gradient *gr, const struct node *n, enum op op,
                             fovea_value log_prob) {
    enum { MOST = 3 }; /* reduction, ignore_index, label_smoothing */
    fovea_attribute attr[MOST];
    fovea_value w = n->n_in > 2 ? n->in[2] : FOVEA_NO_VALUE;
    fovea_value in[4] = {gradient_of(gr, 0), log_prob, n->in[1], w};
    if (gradient_wants(gr, 2))
        gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "the weights of the classes have no gradient"));
    return gradient_op(gr, op, in, w == FOVEA_NO_VALUE ? 3 : 4, attr,
                       gradient_attributes(n, attr, MOST));
}

/* The log-probabilities are output 1, if the node has it; they may be a result in their own right. */
void gradient_cross_entropy(struct gradient *gr, const struct node *n) {
    fovea_attribute axis = {.name = "axis", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    fovea_value log_prob = n->n_out > 1 ? n->out[1] : FOVEA_NO_VALUE;
    fovea_value more = gradient_of(gr, 1);
    if (log_prob == FOVEA_NO_VALUE)
        log_prob = gradient_op(gr, OP_LogSoftmax, &n->in[0], 1, &axis, 1);
    if (gradient_of(gr, 0) != FOVEA_NO_VALUE)
        gradient_give(gr, 0, loss_grad(gr, n, OP_SoftmaxCrossEntropyLossGrad, log_prob));
    if (more == FOVEA_NO_VALUE) return;
    fovea_value in[2] = {more, gradient_ints(gr, &axis.i, 1)};
    fovea_value sum = gradient_op(gr, OP_ReduceSum, in, 2, NULL, 0);
    gradient_give(gr, 0, log_softmax_grad(gr, more, log_prob, sum));
}

void gradient_nll_loss(struct gradient *gr, const struct node *n) {
    gradient_give(gr, 0, loss_grad(gr, n, OP_NegativeLogLikelihoodLossGrad, n->in[0]));
}

/* What was dropped is dropped again: the mask depends on nothing but ratio, seed and counter. */
void gradient_dropout(struct gradient *gr, const struct node *n) {
    fovea_attribute seed = {
        .name = "seed", .type = FOVEA_ATTRIBUTE_INT, .i = attr_int(n, "seed", 0)};
    fovea_value in[4] = {gradient_of(gr, 0)};
    for (size_t i = 1; i < n->n_in; i++) in[i] = n->in[i];
    gradient_give(gr, 0, gradient_op(gr, OP_Dropout, in, n->n_in, &seed, 1));
}
