/* Gradients of functions of one input on a device: see graph/unary_grad.h. The function is a define, so that
 * a network compiles one small program for each that it uses. */
#include "graph/unary_grad.h"
#include "ops/algorithm.h"

static const struct algorithm unary_grad;

const struct algorithm *const unary_grad_algorithms[] = {&unary_grad, NULL};

enum { CPU_RUN = 1024 };

/* The enumerators in the kernel. */
static const char *define_of(const struct unary_grad *u) {
    switch (u->function) {
    case OP_Relu: return "RELU";
    case OP_LeakyRelu: return "LEAKY_RELU";
    case OP_Elu: return "ELU";
    case OP_Selu: return "SELU";
    case OP_Celu: return "CELU";
    case OP_Sigmoid: return "SIGMOID";
    case OP_HardSigmoid: return "HARD_SIGMOID";
    case OP_HardSwish: return "HARD_SWISH";
    case OP_Mish: return "MISH";
    case OP_Gelu: return u->tanh_form ? "GELU_TANH" : "GELU";
    case OP_Tanh: return "TANH";
    case OP_Softplus: return "SOFTPLUS";
    case OP_Softsign: return "SOFTSIGN";
    case OP_ThresholdedRelu: return "THRESHOLDED_RELU";
    case OP_Sqrt: return "SQRT";
    case OP_Exp: return "EXP";
    case OP_Log: return "LOG";
    case OP_Abs: return "ABS";
    case OP_Reciprocal: return "RECIPROCAL";
    case OP_Erf: return "ERF";
    default: return "CLIP";
    }
}

static const char *refuse(const struct site *s) {
    if (node_activation(s->node).kind != ACTIVATION_NONE) return "no fused activation";
    bool empty = value_elements(node_out(s->graph, s->node, 0)) == 0;
    return empty ? "there is nothing to compute" : NULL;
}

/* Whether what the lanes past the channels get may be infinite or no number. */
static bool may_blow_up(const struct unary_grad *u) {
    enum op f = u->function;
    return f == OP_Sqrt || f == OP_Log || f == OP_Softplus || (f == OP_Celu && !u->from_y);
}

/* Stored elements are as good as elements. */
static uint32_t blocked(const struct site *s) {
    struct unary_grad u;
    if (unary_grad_make(&u, s->node) != FOVEA_OK) return 0;
    fovea_value v = site_in(s, u.from_y ? 2 : 1);
    bool fills =
        s->graph->values[v].desc.rank > 1 && s->graph->values[v].desc.dim[1] % site_width(s) == 0;
    if (!site_blocked(s, site_in(s, 0)) && !site_blocked(s, v) && !site_blocked(s, site_in(s, 3)))
        return 0;
    if (may_blow_up(&u) && !fills) return 0;
    return 1u | 1u << (u.from_y ? 2 : 1) | 1u << 3 | BLOCKED_OUT;
}

static fovea_status lower(const struct site *s, struct recipe *r) {
    struct unary_grad u;
    TRY(unary_grad_make(&u, s->node));
    int64_t n = site_stored_elements(s, site_out(s, 0));
    int64_t run = s->device->local_memory_is_real ? 1 : CPU_RUN;
    recipe_kernel(r, "unary_grad", "unary_grad");
    recipe_define_text(r, "OP", define_of(&u));
    recipe_define(r, "FROM_Y", u.from_y);
    recipe_define(r, "HAS_MORE", node_in(s->graph, s->node, 3) != NULL);
    recipe_define(r, "RUN", run);
    recipe_int(r, n);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, u.from_y ? 2 : 1));
    recipe_value(r, site_in(s, 3));
    recipe_float(r, u.alpha);
    recipe_float(r, u.beta);
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)ceil_div(n, run), 0, 0);
    return FOVEA_OK;
}

static const struct algorithm unary_grad = {
    .name = "unary_grad", .refuse = refuse, .blocked = blocked, .lower = lower};
