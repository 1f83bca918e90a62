/* Gradients of element-wise operators. What was broadcast is summed. */
#include "graph/gradient.h"

/* Gives input i the gradient, summed over what broadcasting repeated. */
static void give_summed(struct gradient *gr, const struct node *n, size_t i, fovea_value grad) {
    fovea_desc d = gradient_desc(gr, n->in[i]);
    if (gradient_wants(gr, i)) gradient_give(gr, i, gradient_sum_to(gr, grad, &d));
}

void gradient_add(struct gradient *gr, const struct node *n) {
    for (size_t i = 0; i < 2; i++) give_summed(gr, n, i, gradient_of(gr, 0));
}

void gradient_sub(struct gradient *gr, const struct node *n) {
    give_summed(gr, n, 0, gradient_of(gr, 0));
    if (gradient_wants(gr, 1))
        give_summed(gr, n, 1, gradient_unary(gr, OP_Neg, gradient_of(gr, 0)));
}

void gradient_mul(struct gradient *gr, const struct node *n) {
    for (size_t i = 0; i < 2; i++)
        if (gradient_wants(gr, i))
            give_summed(gr, n, i, gradient_binary(gr, OP_Mul, gradient_of(gr, 0), n->in[1 - i]));
}

void gradient_neg(struct gradient *gr, const struct node *n) {
    (void)n;
    gradient_give(gr, 0, gradient_unary(gr, OP_Neg, gradient_of(gr, 0)));
}
