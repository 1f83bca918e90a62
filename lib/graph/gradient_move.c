/* Gradients of operators that move elements: the way back. */
#include "graph/gradient.h"

void gradient_reshape(struct gradient *gr, const struct node *n) {
    fovea_desc d = gradient_desc(gr, n->in[0]);
    gradient_give(gr, 0, gradient_shaped(gr, gradient_of(gr, 0), &d));
}
