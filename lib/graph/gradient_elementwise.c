/* Gradients of element-wise operators. What was broadcast is summed. */
#include "graph/gradient.h"

#include <math.h>

#include "graph/unary_grad.h"

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

/* ---- Functions of one input ---- */

/* UnaryGrad of the function with these attributes, read from v, which is x or y. */
static fovea_value function_grad(struct gradient *gr, const char *function, fovea_value dy,
                                 fovea_value v, bool is_y, fovea_attribute *attr, size_t n_attr) {
    fovea_value in[3] = {dy, is_y ? FOVEA_NO_VALUE : v, v};
    attr[n_attr] =
        (fovea_attribute){.name = "function", .type = FOVEA_ATTRIBUTE_STRING, .s = function};
    return gradient_op(gr, OP_UnaryGrad, in, is_y ? 3 : 2, attr, n_attr + 1);
}

void gradient_function(struct gradient *gr, const struct node *n) {
    enum { MOST = 4 }; /* alpha, beta, gamma, approximate */
    fovea_attribute attr[MOST + 1];
    size_t n_attr = gradient_attributes(n, attr, MOST);
    bool by_y = unary_grad_takes_y(n);
    gradient_give(gr, 0,
                  function_grad(gr, op_name(n->op), gradient_of(gr, 0), by_y ? n->out[0] : n->in[0],
                                by_y, attr, n_attr));
}

/* A known limit of Clip; false if it is one of run time. */
static bool read_limit(const struct gradient *gr, const struct node *n, size_t i, float *limit) {
    const struct value *v = node_in(gr->graph, n, i);
    if (!v) return true;
    if (!value_data(v) || v->desc.dtype != FOVEA_FLOAT32) return false;
    *limit = *(const float *)value_data(v);
    return true;
}

void gradient_clip(struct gradient *gr, const struct node *n) {
    fovea_attribute attr[3] = {
        {.name = "alpha", .type = FOVEA_ATTRIBUTE_FLOAT, .f = -INFINITY},
        {.name = "beta", .type = FOVEA_ATTRIBUTE_FLOAT, .f = INFINITY},
    };
    if (!read_limit(gr, n, 1, &attr[0].f) || !read_limit(gr, n, 2, &attr[1].f))
        gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "limits that are no constants have no gradient"));
    gradient_give(gr, 0, function_grad(gr, "Clip", gradient_of(gr, 0), n->in[0], false, attr, 2));
}

/* Where x > 0 the gradient passes; what is left of it meets the slope, or flows to the slope times x. */
void gradient_prelu(struct gradient *gr, const struct node *n) {
    fovea_attribute attr[1];
    fovea_value dy = gradient_of(gr, 0);
    fovea_value pass = function_grad(gr, "Relu", dy, n->in[0], false, attr, 0);
    fovea_value rest = gradient_binary(gr, OP_Sub, dy, pass);
    if (gradient_wants(gr, 0))
        gradient_give(
            gr, 0, gradient_binary(gr, OP_Add, pass, gradient_binary(gr, OP_Mul, rest, n->in[1])));
    if (gradient_wants(gr, 1)) give_summed(gr, n, 1, gradient_binary(gr, OP_Mul, rest, n->in[0]));
}
