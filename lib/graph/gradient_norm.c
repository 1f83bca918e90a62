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

/* ---- Normalisation of rows ----
 * x seen as rows of numbers, each with its own statistics: a batch of one image with a channel for each row,
 * so that batch normalisation and its gradient serve. `scale` broadcasts to x. */

static void row_norm(struct gradient *gr, const struct node *n, int64_t rows, fovea_value scale) {
    fovea_desc x = gradient_desc(gr, n->in[0]), wide = gradient_desc(gr, scale);
    fovea_value dy = gradient_of(gr, 0), normal[5], back[3];
    int64_t elements = fovea_desc_elements(&x);
    if (gr->status != FOVEA_OK || dy == FOVEA_NO_VALUE || elements <= 0) return;
    fovea_desc view = {.dtype = x.dtype, .rank = 3, .dim = {1, rows, elements / rows}};
    fovea_value seen = gradient_shaped(gr, n->in[0], &view);
    fovea_value ones = filled(gr, 1, rows), zeros = filled(gr, 0, rows);
    fovea_attribute attr[2] = {epsilon_of(n),
                               {.name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = 1}};
    gradient_ops(gr, OP_BatchNormalization, (fovea_value[]){seen, ones, zeros, zeros, zeros}, 5,
                 attr, 2, normal, 5);
    if (gradient_wants(gr, 0)) {
        fovea_value scaled = gradient_shaped(gr, gradient_binary(gr, OP_Mul, dy, scale), &view);
        gradient_ops(gr, OP_BatchNormalizationGrad,
                     (fovea_value[]){scaled, seen, ones, normal[3], normal[4]}, 5, NULL, 0, back,
                     3);
        gradient_give(gr, 0, gradient_shaped(gr, back[0], &x));
    }
    if (gradient_wants(gr, 1)) {
        fovea_desc own = gradient_desc(gr, n->in[1]);
        fovea_value product = gradient_binary(gr, OP_Mul, dy, gradient_shaped(gr, normal[0], &x));
        gradient_give(gr, 1, gradient_shaped(gr, gradient_sum_to(gr, product, &wide), &own));
    }
}

void gradient_instance_norm(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), channels = channel_shape(&x);
    bool groups = n->op == OP_GroupNormalization;
    int64_t rows = x.dim[0] * (groups ? attr_int(n, "num_groups", 1) : x.dim[1]);
    row_norm(gr, n, rows, gradient_shaped(gr, n->in[1], &channels));
    if (gradient_wants(gr, 2)) gradient_give(gr, 2, sum_channels(gr, n, 2, gradient_of(gr, 0)));
}

void gradient_layer_norm(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    fovea_value dy = gradient_of(gr, 0);
    for (size_t i = 1; i < 3; i++)
        if (gradient_of(gr, i) != FOVEA_NO_VALUE)
            gradient_fail(gr, fail(FOVEA_UNSUPPORTED,
                                   "nothing flows back through its statistics (output %zu)", i));
    if (gr->status != FOVEA_OK || dy == FOVEA_NO_VALUE) return;
    int axis = attr_axis(n, "axis", -1, x.rank);
    row_norm(gr, n, desc_span(&x, 0, axis), n->in[1]);
    if (!gradient_wants(gr, 2)) return;
    fovea_desc bias = gradient_desc(gr, n->in[2]);
    gradient_give(gr, 2, gradient_sum_to(gr, dy, &bias));
}

/* ---- Local response normalisation ---- */

void gradient_lrn(struct gradient *gr, const struct node *n) {
    fovea_attribute attr[32];
    size_t n_attr = gradient_attributes(n, attr, sizeof attr / sizeof *attr);
    fovea_value in[2] = {gradient_of(gr, 0), n->in[0]};
    gradient_give(gr, 0, gradient_op(gr, OP_LRNGrad, in, 2, attr, n_attr));
}
