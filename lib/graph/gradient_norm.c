/* Gradients of normalisation. */
#include "graph/gradient.h"

/* One number for each channel in the rank of x: (1, c, 1, ...). */
static fovea_desc channel_shape(const fovea_desc *x) {
    fovea_desc d = {.dtype = x->dtype, .rank = x->rank};
    for (int i = 0; i < d.rank; i++) d.dim[i] = i == 1 ? x->dim[1] : 1;
    return d;
}

/* Sums x over everything but its channels, to the shape of the parameter that input i is. */
static fovea_value sum_channels(struct gradient *gr, const struct node *n, size_t i,
                                fovea_value x) {
    fovea_desc d = gradient_desc(gr, x), parameter = gradient_desc(gr, n->in[i]);
    fovea_desc channels = channel_shape(&d);
    return gradient_shaped(gr, gradient_sum_to(gr, x, &channels), &parameter);
}

/* A vector of `count` equal numbers. */
static fovea_value filled(struct gradient *gr, float number, int64_t count) {
    fovea_value in[2] = {gradient_scalar(gr, number), gradient_ints(gr, &count, 1)};
    return gradient_op(gr, OP_Expand, in, 2, NULL, 0);
}

/* ---- Batch normalisation ---- */

static fovea_attribute epsilon_of(const struct node *n) {
    return (fovea_attribute){
        .name = "epsilon", .type = FOVEA_ATTRIBUTE_FLOAT, .f = attr_float(n, "epsilon", 1e-5f)};
}

static void batch_norm_training(struct gradient *gr, const struct node *n) {
    fovea_value out[3], in[5] = {gradient_of(gr, 0), n->in[0], n->in[1], n->out[3], n->out[4]};
    for (size_t i = 1; i < 3; i++)
        if (gradient_of(gr, i) != FOVEA_NO_VALUE)
            gradient_fail(gr,
                          fail(FOVEA_UNSUPPORTED,
                               "nothing flows back through running statistics (output %zu)", i));
    if (gr->status != FOVEA_OK || in[0] == FOVEA_NO_VALUE) return;
    gradient_ops(gr, OP_BatchNormalizationGrad, in, 5, NULL, 0, out, 3);
    for (size_t i = 0; i < 3; i++) gradient_give(gr, i, out[i]);
}

/* With given statistics y is linear in x: batch normalisation itself, without its shift, is the way back. */
static fovea_value batch_norm_dx(struct gradient *gr, const struct node *n, fovea_value dy) {
    fovea_desc d = gradient_desc(gr, n->in[1]);
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    fovea_value zeros = filled(gr, 0, d.dim[0]);
    fovea_attribute epsilon = epsilon_of(n);
    return gradient_op(gr, OP_BatchNormalization,
                       (fovea_value[]){dy, n->in[1], zeros, zeros, n->in[4]}, 5, &epsilon, 1);
}

/* sum dy (x - mean) of each channel. */
static fovea_value batch_norm_slope(struct gradient *gr, const struct node *n, fovea_value dy) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    fovea_desc channels = channel_shape(&x);
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    fovea_value mean = gradient_shaped(gr, n->in[3], &channels);
    fovea_value centred = gradient_binary(gr, OP_Sub, n->in[0], mean);
    return sum_channels(gr, n, 1, gradient_binary(gr, OP_Mul, dy, centred));
}

static void batch_norm_inference(struct gradient *gr, const struct node *n) {
    fovea_value dy = gradient_of(gr, 0), scale = n->in[1], bias_grad = FOVEA_NO_VALUE;
    if (gradient_wants(gr, 0)) gradient_give(gr, 0, batch_norm_dx(gr, n, dy));
    if (gradient_wants(gr, 2) || gradient_wants(gr, 3)) bias_grad = sum_channels(gr, n, 2, dy);
    gradient_give(gr, 2, bias_grad);
    if (!gradient_wants(gr, 1) && !gradient_wants(gr, 3) && !gradient_wants(gr, 4)) return;
    fovea_value v =
        gradient_binary(gr, OP_Add, n->in[4], gradient_scalar(gr, attr_float(n, "epsilon", 1e-5f)));
    fovea_value inverse = gradient_unary(gr, OP_Reciprocal, gradient_unary(gr, OP_Sqrt, v));
    if (gradient_wants(gr, 3)) {
        fovea_value factor =
            gradient_unary(gr, OP_Neg, gradient_binary(gr, OP_Mul, scale, inverse));
        gradient_give(gr, 3, gradient_binary(gr, OP_Mul, bias_grad, factor));
    }
    if (!gradient_wants(gr, 1) && !gradient_wants(gr, 4)) return;
    fovea_value scale_grad = gradient_binary(gr, OP_Mul, batch_norm_slope(gr, n, dy), inverse);
    gradient_give(gr, 1, scale_grad);
    if (!gradient_wants(gr, 4)) return;
    /* d 1/sqrt(v) / dv = -1/2 1/sqrt(v) / v */
    fovea_value share = gradient_binary(
        gr, OP_Div, gradient_binary(gr, OP_Mul, scale, gradient_scalar(gr, -0.5f)), v);
    gradient_give(gr, 4, gradient_binary(gr, OP_Mul, scale_grad, share));
}

void gradient_batch_norm(struct gradient *gr, const struct node *n) {
    if (attr_int(n, "training_mode", 0)) batch_norm_training(gr, n);
    else batch_norm_inference(gr, n);
}
