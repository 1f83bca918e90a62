/* UnaryGrad (dy, x, y, more) -> dx = (dy + more) f'(x): the gradient of a function f of one input, y = f(x).
 * Its attribute `function` names f's operator, whose own attributes come along; Clip's limits come as alpha
 * and beta. f' is read from y where that is as good, so that x need not be kept; of x and y one is left out.
 * `more`, which may be left out, is what rewriting put there: the other operand of an Add that made dy. */
#ifndef GRAPH_UNARY_GRAD_H
#define GRAPH_UNARY_GRAD_H

#include "graph/graph.h"

struct unary_grad {
    enum op function;
    bool tanh_form;    /* Gelu with approximate=tanh */
    bool from_y;       /* y is there, not x */
    float alpha, beta; /* Selu's gamma is beta */
};

/* From a UnaryGrad node. Errors: INVALID (no such function, or not from what is there). */
fovea_status unary_grad_make(struct unary_grad *, const struct node *);
/* Whether the gradient of a node with such a function can be read from its output. */
bool unary_grad_takes_y(const struct node *function);

#endif
