/* Gradients of reductions: what was summed is spread. */
#include "graph/gradient.h"
#include "graph/reduction.h"

/* A value of the output's shape, repeated along the axes that were reduced. */
static fovea_value spread(struct gradient *gr, const struct node *n, fovea_value y) {
    fovea_desc x = gradient_desc(gr, n->in[0]), kept = x;
    struct reduction r;
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    fovea_status status = shape_read_ints(gr->graph, n, 1, axes, FOVEA_MAX_RANK, &count);
    if (status == FOVEA_OK) status = reduction_make(&r, n, &x, axes, count);
    if (status != FOVEA_OK) {
        gradient_fail(gr, status);
        return FOVEA_NO_VALUE;
    }
    for (int i = 0; i < x.rank; i++)
        if (r.axis[i]) kept.dim[i] = 1;
    fovea_value in[2] = {gradient_shaped(gr, y, &kept), gradient_ints(gr, x.dim, (size_t)x.rank)};
    return gradient_op(gr, OP_Expand, in, 2, NULL, 0);
}

void gradient_reduce_sum(struct gradient *gr, const struct node *n) {
    gradient_give(gr, 0, spread(gr, n, gradient_of(gr, 0)));
}

/* Input elements behind one of the output. */
static float terms(const struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), y = gradient_desc(gr, n->out[0]);
    double outputs = (double)fovea_desc_elements(&y);
    return outputs > 0 ? (float)((double)fovea_desc_elements(&x) / outputs) : 1;
}

void gradient_reduce_mean(struct gradient *gr, const struct node *n) {
    fovea_value each =
        gradient_binary(gr, OP_Div, gradient_of(gr, 0), gradient_scalar(gr, terms(gr, n)));
    gradient_give(gr, 0, spread(gr, n, each));
}
