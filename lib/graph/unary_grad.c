/* Which functions UnaryGrad knows, and from what it reads their slopes: see unary_grad.h. */
#include "graph/unary_grad.h"

#include <math.h>
#include <string.h>

/* BY_EITHER: by y where the function rises, which its attributes decide. */
enum source { BY_X = 1, BY_Y = 2, BY_EITHER = 3 };

static const struct function {
    enum op op;
    enum source source;
    float alpha, beta; /* the attributes' defaults */
} functions[] = {
    {OP_Relu, BY_EITHER, 0, 0},
    {OP_LeakyRelu, BY_EITHER, 0.01f, 0},
    {OP_Elu, BY_EITHER, 1, 0},
    {OP_Selu, BY_EITHER, 1.67326319217681884765625f, 1.05070102214813232421875f},
    {OP_Celu, BY_EITHER, 1, 0},
    {OP_Sigmoid, BY_Y, 0, 0},
    {OP_HardSigmoid, BY_Y, 0.2f, 0.5f},
    {OP_HardSwish, BY_X, 0, 0},
    {OP_Mish, BY_X, 0, 0},
    {OP_Gelu, BY_X, 0, 0},
    {OP_Tanh, BY_Y, 0, 0},
    {OP_Softplus, BY_Y, 0, 0},
    {OP_Softsign, BY_X, 0, 0},
    {OP_ThresholdedRelu, BY_X, 1, 0},
    {OP_Sqrt, BY_Y, 0, 0},
    {OP_Exp, BY_Y, 0, 0},
    {OP_Log, BY_X, 0, 0},
    {OP_Abs, BY_X, 0, 0},
    {OP_Reciprocal, BY_Y, 0, 0},
    {OP_Erf, BY_X, 0, 0},
    {OP_Clip, BY_EITHER, -INFINITY, INFINITY},
};

static const struct function *find(enum op op) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (functions[i].op == op) return &functions[i];
    return NULL;
}

static float beta_of(const struct node *n, const struct function *f) {
    return attr_float(n, f->op == OP_Selu ? "gamma" : "beta", f->beta);
}

/* Below 0 the output has the input's sign; Clip's output meets its limits where the input does. */
static bool rises(const struct node *n, const struct function *f) {
    if (f->op == OP_Clip) return true;
    return attr_float(n, "alpha", f->alpha) >= 0 && (f->op != OP_Selu || beta_of(n, f) > 0);
}

bool unary_grad_takes_y(const struct node *n) {
    const struct function *f = find(n->op);
    return f && (f->source == BY_Y || (f->source == BY_EITHER && rises(n, f)));
}

fovea_status unary_grad_make(struct unary_grad *u, const struct node *n) {
    const char *name = attr_string(n, "function", "");
    const struct function *f = find(op_find(name));
    bool x = n->n_in > 1 && n->in[1] != FOVEA_NO_VALUE;
    bool y = n->n_in > 2 && n->in[2] != FOVEA_NO_VALUE;
    if (!f) return fail(FOVEA_INVALID, "function '%s' is none with a slope", name);
    if (x == y) return fail(FOVEA_INVALID, "wants either x (input 1) or y (input 2)");
    if (!(f->source & (x ? BY_X : BY_Y)) || (y && f->source == BY_EITHER && !rises(n, f)))
        return fail(FOVEA_INVALID, "the slope of %s is not read from %s", name, x ? "x" : "y");
    const char *form = attr_string(n, "approximate", "none");
    *u = (struct unary_grad){.function = f->op,
                             .tanh_form = f->op == OP_Gelu && strcmp(form, "tanh") == 0,
                             .from_y = y,
                             .alpha = attr_float(n, "alpha", f->alpha),
                             .beta = beta_of(n, f)};
    return FOVEA_OK;
}
