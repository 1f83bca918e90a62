/* Element-by-element operators on a device. One algorithm for each kind of operand; the operator is a
 * define, so that a network compiles one small program for each operator it uses. */
#include <string.h>

#include "graph/broadcast.h"
#include "ops/blocked.h"

static const struct algorithm elementwise_unary, elementwise_not, elementwise_clip,
    elementwise_binary, elementwise_compare, elementwise_variadic, elementwise_where;

const struct algorithm *const unary_algorithms[] = {&elementwise_unary, &elementwise_not, NULL};
const struct algorithm *const clip_algorithms[] = {&elementwise_clip, NULL};
const struct algorithm *const binary_algorithms[] = {&elementwise_binary, &elementwise_compare,
                                                     NULL};
const struct algorithm *const variadic_algorithms[] = {&elementwise_variadic, NULL};
const struct algorithm *const where_algorithms[] = {&elementwise_where, NULL};

/* One line an operator: the enumerator in the kernel, and for functions of one input the defaults of
 * alpha and beta. Comparisons and logic are `compares`. */
static const struct kernel_op {
    enum op op;
    const char *define;
    float alpha, beta;
    bool compares;
} kernel_ops[] = {
    {OP_Relu, "RELU", 0, 0, false},
    {OP_LeakyRelu, "LEAKY_RELU", 0.01f, 0, false},
    {OP_Elu, "ELU", 1, 0, false},
    {OP_Selu, "SELU", 1.67326319217681884765625f, 1.05070102214813232421875f, false},
    {OP_Celu, "CELU", 1, 0, false},
    {OP_Sigmoid, "SIGMOID", 0, 0, false},
    {OP_HardSigmoid, "HARD_SIGMOID", 0.2f, 0.5f, false},
    {OP_HardSwish, "HARD_SWISH", 0, 0, false},
    {OP_Mish, "MISH", 0, 0, false},
    {OP_Gelu, "GELU", 0, 0, false},
    {OP_Tanh, "TANH", 0, 0, false},
    {OP_Softplus, "SOFTPLUS", 0, 0, false},
    {OP_Softsign, "SOFTSIGN", 0, 0, false},
    {OP_ThresholdedRelu, "THRESHOLDED_RELU", 1, 0, false},
    {OP_Sqrt, "SQRT", 0, 0, false},
    {OP_Exp, "EXP", 0, 0, false},
    {OP_Log, "LOG", 0, 0, false},
    {OP_Abs, "ABS", 0, 0, false},
    {OP_Neg, "NEG", 0, 0, false},
    {OP_Reciprocal, "RECIPROCAL", 0, 0, false},
    {OP_Floor, "FLOOR", 0, 0, false},
    {OP_Ceil, "CEIL", 0, 0, false},
    {OP_Round, "ROUND", 0, 0, false},
    {OP_Erf, "ERF", 0, 0, false},
    {OP_Sign, "SIGN", 0, 0, false},
    {OP_PRelu, "PRELU", 0, 0, false},
    {OP_Add, "ADD", 0, 0, false},
    {OP_Sub, "SUB", 0, 0, false},
    {OP_Mul, "MUL", 0, 0, false},
    {OP_Div, "DIV", 0, 0, false},
    {OP_Pow, "POW", 0, 0, false},
    {OP_Min, "MIN", 0, 0, false},
    {OP_Max, "MAX", 0, 0, false},
    {OP_Sum, "ADD", 0, 0, false},
    {OP_Mean, "ADD", 0, 0, false},
    {OP_And, "AND", 0, 0, true},
    {OP_Or, "OR", 0, 0, true},
    {OP_Xor, "XOR", 0, 0, true},
    {OP_Equal, "EQUAL", 0, 0, true},
    {OP_Greater, "GREATER", 0, 0, true},
    {OP_GreaterOrEqual, "GREATER_OR_EQUAL", 0, 0, true},
    {OP_Less, "LESS", 0, 0, true},
    {OP_LessOrEqual, "LESS_OR_EQUAL", 0, 0, true},
};

static const struct kernel_op *find(enum op op) {
    for (size_t i = 0; i < sizeof kernel_ops / sizeof *kernel_ops; i++)
        if (kernel_ops[i].op == op) return &kernel_ops[i];
    return NULL;
}

static const fovea_desc *in_desc(const struct site *s, size_t i) {
    return &node_in(s->graph, s->node, i)->desc;
}

static const fovea_desc *out_desc(const struct site *s) {
    return &node_out(s->graph, s->node, 0)->desc;
}

static const char *refuse_empty(const struct site *s) {
    return fovea_desc_elements(out_desc(s)) == 0 ? "there is nothing to compute" : NULL;
}

static const char *refuse_activation(const struct site *s) {
    return node_activation(s->node).kind != ACTIVATION_NONE ? "no fused activation" : NULL;
}

/* ---- Channel blocks: stored elements are as good as elements ---- */

/* Whether what the lanes past the channels get may be infinite or no number. */
static bool may_blow_up(enum op op) {
    return op == OP_Exp || op == OP_Log || op == OP_Sqrt || op == OP_Reciprocal || op == OP_Div ||
           op == OP_Pow;
}

static bool fills_blocks(const struct site *s) {
    return out_desc(s)->dim[1] % site_width(s) == 0;
}

static uint32_t unary_blocked(const struct site *s) {
    bool blocked = site_blocked(s, site_in(s, 0));
    if (blocked && may_blow_up(s->node->op) && !fills_blocks(s)) return 0;
    return blocked ? 1 | BLOCKED_OUT : 0;
}

/* A full operand is read as blocks (n, channel blocks, pixels, X), one number for each channel (n or 1, c,
 * 1...) as it is, a single number as well. `as` is set to the shape in memory. */
static bool operand_blocked(const struct site *s, size_t i, fovea_desc *as, bool *full) {
    const fovea_desc *d = in_desc(s, i), *y = out_desc(s);
    int64_t width = site_width(s), blocks = site_channel_blocks(s, site_out(s, 0));
    *full = desc_equal(d, y);
    *as = (fovea_desc){.dtype = y->dtype, .rank = 1, .dim = {1}};
    if (fovea_desc_elements(d) == 1 && !*full) return true;
    *as = (fovea_desc){.dtype = y->dtype, .rank = 4, .dim = {1, blocks, 1, width}};
    int channels = d->rank - y->rank + 1; /* the axis of d that meets the channels */
    if (channels >= 0 && channels < d->rank) as->dim[0] = desc_span(d, 0, channels);
    if (*full) as->dim[2] = desc_span(y, 2, y->rank);
    return *full || (channels >= 0 && d->dim[channels] == y->dim[1] && fills_blocks(s) &&
                     desc_span(d, channels + 1, d->rank) == 1);
}

static uint32_t binary_blocked(const struct site *s) {
    int rank = out_desc(s)->rank;
    uint32_t mask = BLOCKED_OUT;
    bool any = false, full;
    fovea_desc as;
    if (rank < 3 || rank > 5 || s->node->n_in > 31) return 0;
    if (may_blow_up(s->node->op) && !fills_blocks(s)) return 0;
    for (size_t i = 0; i < s->node->n_in; i++) {
        any = any || site_blocked(s, site_in(s, i));
        if (!operand_blocked(s, i, &as, &full)) return 0;
        if (full) mask |= 1u << i;
    }
    return any ? mask : 0;
}

/* The shapes of output and input i as they are in memory. */
static fovea_desc stored_out(const struct site *s) {
    const fovea_desc *y = out_desc(s);
    if (!site_blocked(s, site_out(s, 0))) return *y;
    return (fovea_desc){.dtype = y->dtype,
                        .rank = 4,
                        .dim = {y->dim[0], site_channel_blocks(s, site_out(s, 0)),
                                desc_span(y, 2, y->rank), site_width(s)}};
}

static fovea_desc stored_in(const struct site *s, size_t i) {
    fovea_desc as;
    bool full;
    if (!site_blocked(s, site_out(s, 0))) return *in_desc(s, i);
    (void)operand_blocked(s, i, &as, &full);
    return as;
}

/* ---- One input ---- */

enum { CPU_RUN = 1024 };

/* Elements that one work-item does in turn. */
static int64_t run_of(const struct site *s) {
    return s->device->local_memory_is_real ? 1 : CPU_RUN;
}

static const char *unary_refuse(const struct site *s) {
    if (s->node->op == OP_Not) return "elements must be float32";
    return refuse_empty(s);
}

/* y = OP(x); the attributes alpha and beta (Selu: gamma) go along. */
static void unary_launch(const struct site *s, struct recipe *r, const char *define, float alpha,
                         float beta) {
    int64_t n = site_stored_elements(s, site_out(s, 0)), run = run_of(s);
    recipe_kernel(r, "elementwise_unary", "elementwise_unary");
    recipe_define_text(r, "OP", define);
    recipe_define(r, "RUN", run);
    recipe_int(r, n);
    recipe_value(r, site_in(s, 0));
    recipe_float(r, alpha);
    recipe_float(r, beta);
    recipe_activation(r, s->node);
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)((n + run - 1) / run), 0, 0);
}

static fovea_status unary_lower(const struct site *s, struct recipe *r) {
    const struct node *n = s->node;
    const struct kernel_op *k = find(n->op);
    bool tanh_form = n->op == OP_Gelu && strcmp(attr_string(n, "approximate", "none"), "tanh") == 0;
    unary_launch(s, r, tanh_form ? "GELU_TANH" : k->define, attr_float(n, "alpha", k->alpha),
                 attr_float(n, n->op == OP_Selu ? "gamma" : "beta", k->beta));
    return FOVEA_OK;
}

static const char *not_refuse(const struct site *s) {
    if (s->node->op != OP_Not) return "only for Not";
    return refuse_empty(s);
}

static fovea_status not_lower(const struct site *s, struct recipe *r) {
    int64_t n = fovea_desc_elements(out_desc(s));
    recipe_kernel(r, "elementwise_not", "elementwise_not");
    recipe_int(r, n);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)n, 0, 0);
    return FOVEA_OK;
}

static const char *clip_refuse(const struct site *s) {
    const char *why = refuse_activation(s);
    return why ? why : refuse_empty(s);
}

static fovea_status clip_lower(const struct site *s, struct recipe *r) {
    int64_t n = site_stored_elements(s, site_out(s, 0)), run = run_of(s);
    recipe_kernel(r, "elementwise_clip", "elementwise_clip");
    recipe_define(r, "RUN", run);
    recipe_define(r, "HAS_LOW", site_in(s, 1) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_HIGH", site_in(s, 2) != FOVEA_NO_VALUE);
    recipe_int(r, n);
    for (size_t i = 0; i < 3; i++) recipe_value(r, site_in(s, i));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)((n + run - 1) / run), 0, 0);
    return FOVEA_OK;
}

/* ---- Broadcasting: kernels walk four dimensions; what is more becomes several launches ---- */

enum { KERNEL_DIMS = 4, LAUNCHES_MAX = 64, CPU_CHUNK = 256 };

struct launches {
    struct broadcast b; /* of what one launch walks; exactly KERNEL_DIMS dimensions */
    struct broadcast outer;
    int64_t count, rows, elements; /* launches; rows and elements of one */
    int inputs;
};

static struct launches launches_of(const fovea_desc *out, const fovea_desc *const *in, int inputs) {
    struct launches l = {.count = 1, .inputs = inputs};
    struct broadcast all;
    broadcast_make(&all, out, in, inputs);
    int extra = all.rank > KERNEL_DIMS ? all.rank - KERNEL_DIMS : 0;
    int missing = KERNEL_DIMS - (all.rank - extra);
    l.b.rank = KERNEL_DIMS;
    l.outer.rank = extra + 1; /* broadcast_row leaves the last dimension out */
    for (int d = 0; d < KERNEL_DIMS; d++) {
        l.b.dim[d] = d < missing ? 1 : all.dim[d - missing + extra];
        for (int k = 0; k < inputs; k++)
            l.b.stride[k][d] = d < missing ? 0 : all.stride[k][d - missing + extra];
    }
    for (int d = 0; d < extra; d++) {
        l.count *= l.outer.dim[d] = all.dim[d];
        for (int k = 0; k < inputs; k++) l.outer.stride[k][d] = all.stride[k][d];
    }
    l.rows = l.b.dim[0] * l.b.dim[1] * l.b.dim[2];
    l.elements = l.rows * l.b.dim[3];
    return l;
}

static struct launches site_launches(const struct site *s) {
    const fovea_desc *in[BROADCAST_INPUTS];
    fovea_desc as[BROADCAST_INPUTS], out = stored_out(s);
    for (size_t i = 0; i < s->node->n_in; i++) {
        as[i] = stored_in(s, i);
        in[i] = &as[i];
    }
    return launches_of(&out, in, (int)s->node->n_in);
}

/* The sizes, the strides and the global size, as all kernels with broadcasting want them. */
static void launch_begin(const struct site *s, struct recipe *r, const struct launches *l) {
    int64_t steps = 0, chunk = s->device->local_memory_is_real ? 1 : CPU_CHUNK;
    recipe_define(r, "CHUNK", chunk);
    for (int k = 0; k < l->inputs; k++) steps |= l->b.stride[k][KERNEL_DIMS - 1] << k;
    recipe_define(r, "STEPS", steps);
    for (int d = 0; d < KERNEL_DIMS; d++) recipe_int(r, l->b.dim[d]);
    for (int k = 0; k < l->inputs; k++)
        for (int d = 0; d < KERNEL_DIMS - 1; d++) recipe_int(r, l->b.stride[k][d]);
    recipe_global(r, (size_t)((l->b.dim[3] + chunk - 1) / chunk), (size_t)l->rows, 0);
}

/* Input k of launch i. */
static void launch_input(struct recipe *r, const struct launches *l, int k, fovea_value v,
                         int64_t i) {
    recipe_value_at(r, v, (size_t)broadcast_row(&l->outer, k, i));
}

static const char *refuse_launches(const struct launches *l) {
    return l->count > LAUNCHES_MAX ? "the shapes alternate too often between equal and repeated"
                                   : NULL;
}

static const char *broadcast_refuse(const struct site *s) {
    const char *why = refuse_empty(s);
    if (why) return why;
    struct launches l = site_launches(s);
    return refuse_launches(&l);
}

/* ---- Two inputs ---- */

static const char *binary_refuse(const struct site *s) {
    if (find(s->node->op)->compares) return "the result is a boolean";
    return broadcast_refuse(s);
}

struct binary {
    const char *define;
    fovea_value a, b;
    float divisor; /* 0: none */
    bool last;     /* the fused activation belongs here */
};

static void binary_launch(const struct site *s, struct recipe *r, const struct launches *l,
                          const struct binary *b) {
    struct activation act = node_activation(s->node);
    if (!b->last) act.kind = ACTIVATION_NONE;
    for (int64_t i = 0; i < l->count; i++) {
        recipe_kernel(r, "elementwise_binary", "elementwise_binary");
        recipe_define_text(r, "OP", b->define);
        launch_begin(s, r, l);
        recipe_define(r, "DIVIDE", b->divisor != 0);
        recipe_define(r, "ACTIVATION", act.kind);
        recipe_float(r, b->divisor);
        launch_input(r, l, 0, b->a, i);
        launch_input(r, l, 1, b->b, i);
        recipe_float(r, act.alpha);
        recipe_float(r, act.beta);
        recipe_value_at(r, site_out(s, 0), (size_t)(i * l->elements));
    }
}

static fovea_status binary_lower(const struct site *s, struct recipe *r) {
    struct launches l = site_launches(s);
    struct binary b = {find(s->node->op)->define, site_in(s, 0), site_in(s, 1), 0, true};
    binary_launch(s, r, &l, &b);
    return FOVEA_OK;
}

/* Types whose values the kernel compares as they are. */
static const char *compare_refuse(const struct site *s) {
    if (!find(s->node->op)->compares) return "only for comparisons and logic";
    fovea_dtype t = in_desc(s, 0)->dtype;
    if (!opencl_type(t) || t == FOVEA_FLOAT64) return "no arithmetic for this element type";
    const char *why = refuse_activation(s);
    return why ? why : broadcast_refuse(s);
}

static fovea_status compare_lower(const struct site *s, struct recipe *r) {
    struct launches l = site_launches(s);
    for (int64_t i = 0; i < l.count; i++) {
        recipe_kernel(r, "elementwise_compare", "elementwise_compare");
        recipe_define_text(r, "TYPE", opencl_type(in_desc(s, 0)->dtype));
        recipe_define_text(r, "OP", find(s->node->op)->define);
        launch_begin(s, r, &l);
        for (int k = 0; k < 2; k++) launch_input(r, &l, k, site_in(s, (size_t)k), i);
        recipe_value_at(r, site_out(s, 0), (size_t)(i * l.elements));
    }
    return FOVEA_OK;
}

/* ---- Min, Max, Sum, Mean: y = x0 op x1, then y = y op x2, and so on ---- */

static struct launches variadic_launches(const struct site *s, size_t i) {
    fovea_desc out = stored_out(s), first = i == 1 ? stored_in(s, 0) : out, other = stored_in(s, i);
    const fovea_desc *in[2] = {&first, &other};
    return launches_of(&out, in, 2);
}

static const char *variadic_refuse(const struct site *s) {
    const char *why = refuse_empty(s);
    for (size_t i = 1; i < s->node->n_in && !why; i++) {
        struct launches l = variadic_launches(s, i);
        why = refuse_launches(&l);
    }
    return why;
}

static fovea_status variadic_lower(const struct site *s, struct recipe *r) {
    const struct node *n = s->node;
    if (n->n_in == 1) unary_launch(s, r, "IDENTITY", 0, 0);
    for (size_t i = 1; i < n->n_in; i++) {
        bool last = i + 1 == n->n_in;
        struct launches l = variadic_launches(s, i);
        struct binary b = {find(n->op)->define, i == 1 ? site_in(s, 0) : site_out(s, 0),
                           site_in(s, i), last && n->op == OP_Mean ? (float)n->n_in : 0, last};
        binary_launch(s, r, &l, &b);
    }
    return FOVEA_OK;
}

/* ---- Where: elements only move, so that every type goes ---- */

static const char *where_refuse(const struct site *s) {
    const char *why = refuse_activation(s);
    return why ? why : broadcast_refuse(s);
}

static fovea_status where_lower(const struct site *s, struct recipe *r) {
    struct launches l = site_launches(s);
    for (int64_t i = 0; i < l.count; i++) {
        recipe_kernel(r, "elementwise_where", "elementwise_where");
        recipe_define_text(r, "T", opencl_storage_type(out_desc(s)->dtype));
        launch_begin(s, r, &l);
        for (int k = 0; k < 3; k++) launch_input(r, &l, k, site_in(s, (size_t)k), i);
        recipe_value_at(r, site_out(s, 0), (size_t)(i * l.elements));
    }
    return FOVEA_OK;
}

static const struct algorithm elementwise_unary = {.name = "elementwise_unary",
                                                   .refuse = unary_refuse,
                                                   .blocked = unary_blocked,
                                                   .lower = unary_lower};
static const struct algorithm elementwise_not = {
    .name = "elementwise_not", .refuse = not_refuse, .any_type = true, .lower = not_lower};
static const struct algorithm elementwise_clip = {.name = "elementwise_clip",
                                                  .refuse = clip_refuse,
                                                  .blocked = unary_blocked,
                                                  .lower = clip_lower};
static const struct algorithm elementwise_binary = {.name = "elementwise_binary",
                                                    .refuse = binary_refuse,
                                                    .blocked = binary_blocked,
                                                    .lower = binary_lower};
static const struct algorithm elementwise_compare = {.name = "elementwise_compare",
                                                     .refuse = compare_refuse,
                                                     .any_type = true,
                                                     .lower = compare_lower};
static const struct algorithm elementwise_variadic = {.name = "elementwise_binary",
                                                      .refuse = variadic_refuse,
                                                      .blocked = binary_blocked,
                                                      .lower = variadic_lower};
static const struct algorithm elementwise_where = {
    .name = "elementwise_where", .refuse = where_refuse, .any_type = true, .lower = where_lower};
