/* Gradients of element-wise operators. What was broadcast is summed. */
#include "graph/gradient.h"

#include <math.h>

#include "base/alloc.h"
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

static fovea_value where(struct gradient *gr, fovea_value c, fovea_value a, fovea_value b) {
    return gradient_op(gr, OP_Where, (fovea_value[]){c, a, b}, 3, NULL, 0);
}

static fovea_value cast(struct gradient *gr, fovea_value x, fovea_dtype to) {
    fovea_attribute type = {.name = "to", .type = FOVEA_ATTRIBUTE_INT, .i = to};
    return gradient_op(gr, OP_Cast, &x, 1, &type, 1);
}

void gradient_div(struct gradient *gr, const struct node *n) {
    fovea_value each = gradient_binary(gr, OP_Div, gradient_of(gr, 0), n->in[1]);
    give_summed(gr, n, 0, each);
    if (!gradient_wants(gr, 1)) return;
    fovea_value product = gradient_binary(gr, OP_Mul, each, n->out[0]);
    give_summed(gr, n, 1, gradient_unary(gr, OP_Neg, product));
}

/* d a^b / da = b a^(b - 1), and 0 for b = 0, also where a is 0. */
static fovea_value pow_base(struct gradient *gr, fovea_value a, fovea_value b) {
    fovea_value zero = gradient_scalar(gr, 0), less;
    const float *known = NULL;
    if (gr->status == FOVEA_OK && value_elements(&gr->graph->values[b]) == 1)
        known = value_data(&gr->graph->values[b]);
    if (known && *known == 2) return gradient_binary(gr, OP_Mul, b, a);
    less = gradient_binary(gr, OP_Sub, b, gradient_scalar(gr, 1));
    fovea_value slope = gradient_binary(gr, OP_Mul, b, gradient_binary(gr, OP_Pow, a, less));
    if (known && *known != 0) return slope;
    return where(gr, gradient_binary(gr, OP_Equal, b, zero), zero, slope);
}

/* d a^b / db = a^b log(a), and 0 where a is 0 and b is not negative. */
static fovea_value pow_exponent(struct gradient *gr, fovea_value a, fovea_value b, fovea_value y) {
    fovea_value zero = gradient_scalar(gr, 0);
    fovea_value flat = gradient_binary(gr, OP_And, gradient_binary(gr, OP_Equal, a, zero),
                                       gradient_binary(gr, OP_GreaterOrEqual, b, zero));
    return gradient_binary(gr, OP_Mul, y, where(gr, flat, zero, gradient_unary(gr, OP_Log, a)));
}

void gradient_pow(struct gradient *gr, const struct node *n) {
    fovea_value a = n->in[0], b = n->in[1], dy = gradient_of(gr, 0);
    if (gradient_desc(gr, b).dtype != FOVEA_FLOAT32) b = cast(gr, b, FOVEA_FLOAT32);
    if (gradient_wants(gr, 0))
        give_summed(gr, n, 0, gradient_binary(gr, OP_Mul, dy, pow_base(gr, a, b)));
    if (gradient_wants(gr, 1))
        give_summed(gr, n, 1, gradient_binary(gr, OP_Mul, dy, pow_exponent(gr, a, b, n->out[0])));
}

void gradient_sum(struct gradient *gr, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++) give_summed(gr, n, i, gradient_of(gr, 0));
}

void gradient_mean(struct gradient *gr, const struct node *n) {
    fovea_value count = gradient_scalar(gr, (float)n->n_in);
    fovea_value each = gradient_binary(gr, OP_Div, gradient_of(gr, 0), count);
    for (size_t i = 0; i < n->n_in; i++) give_summed(gr, n, i, each);
}

/* Min, Max: inputs that are the extremum share evenly, as PyTorch's maximum has it. */
void gradient_extremum(struct gradient *gr, const struct node *n) {
    fovea_value *hit = mem_array(n->n_in, sizeof *hit), y = n->out[0];
    if (!hit) {
        gradient_fail(gr, fail_memory(n->n_in * sizeof *hit, "a gradient"));
        return;
    }
    for (size_t i = 0; i < n->n_in; i++)
        hit[i] = cast(gr, gradient_binary(gr, OP_Equal, n->in[i], y), FOVEA_FLOAT32);
    fovea_value hits = gradient_op(gr, OP_Sum, hit, n->n_in, NULL, 0);
    fovea_value share = gradient_binary(gr, OP_Div, gradient_of(gr, 0), hits);
    for (size_t i = 0; i < n->n_in; i++)
        if (gradient_wants(gr, i))
            give_summed(gr, n, i, gradient_binary(gr, OP_Mul, share, hit[i]));
    mem_free(hit);
}

void gradient_where(struct gradient *gr, const struct node *n) {
    fovea_value dy = gradient_of(gr, 0), zero = gradient_scalar(gr, 0);
    if (gradient_wants(gr, 1)) give_summed(gr, n, 1, where(gr, n->in[0], dy, zero));
    if (gradient_wants(gr, 2)) give_summed(gr, n, 2, where(gr, n->in[0], zero, dy));
}

void gradient_cast(struct gradient *gr, const struct node *n) {
    fovea_dtype from = gradient_desc(gr, n->in[0]).dtype;
    if (gradient_wants(gr, 0)) gradient_give(gr, 0, cast(gr, gradient_of(gr, 0), from));
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

/* min(max(x, low), high): what the upper limit lets through meets the lower one. */
static void clip_to_inputs(struct gradient *gr, const struct node *n) {
    fovea_value x = n->in[0], dy = gradient_of(gr, 0), zero = gradient_scalar(gr, 0);
    fovea_value low = n->in[1], high = n->n_in > 2 ? n->in[2] : FOVEA_NO_VALUE, raised = x;
    if (low != FOVEA_NO_VALUE) raised = gradient_binary(gr, OP_Max, x, low);
    if (high != FOVEA_NO_VALUE) {
        fovea_value over = gradient_binary(gr, OP_Greater, raised, high);
        give_summed(gr, n, 2, where(gr, over, dy, zero));
        dy = where(gr, over, zero, dy);
    }
    if (low != FOVEA_NO_VALUE) {
        fovea_value under = gradient_binary(gr, OP_Less, x, low);
        give_summed(gr, n, 1, where(gr, under, dy, zero));
        dy = where(gr, under, zero, dy);
    }
    gradient_give(gr, 0, dy);
}

void gradient_clip(struct gradient *gr, const struct node *n) {
    fovea_attribute attr[3] = {
        {.name = "alpha", .type = FOVEA_ATTRIBUTE_FLOAT, .f = -INFINITY},
        {.name = "beta", .type = FOVEA_ATTRIBUTE_FLOAT, .f = INFINITY},
    };
    bool known = read_limit(gr, n, 1, &attr[0].f) && read_limit(gr, n, 2, &attr[1].f);
    if (!known || !(attr[0].f <= attr[1].f)) clip_to_inputs(gr, n);
    else
        gradient_give(gr, 0,
                      function_grad(gr, "Clip", gradient_of(gr, 0), n->out[0], true, attr, 2));
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
