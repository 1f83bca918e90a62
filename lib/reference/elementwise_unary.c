/* Functions of one input: activations, roots, exponentials, rounding; and Clip.
 *
 * Bounds follow the formulas of cl_kernels/elementwise_unary.cl with the limits of the OpenCL
 * specification, section 7.4: exp, log, expm1, sqrt 3 ulp; log1p 2; tanh 5; erf, erfc 16; division
 * 2.5. An error of k ulp is at most 2 k u relative. */
#include <string.h>

#include "base/threads.h"
#include "reference/elementwise.h"

#define U    REFERENCE_U
#define TINY REFERENCE_TINY

struct parameters {
    double alpha, beta;
};
struct result {
    double y, bound;
};
typedef struct result (*function)(double x, const struct parameters *);

static struct result exact(double y) {
    return (struct result){y, exact_bound(y)};
}

/* A result off by `n` roundings relative to its size. */
static struct result rounded(double y, double n) {
    return (struct result){y, gamma_bound(n) * fabs(y) + TINY};
}

/* ---- Piecewise linear ---- */

static struct result relu(double x, const struct parameters *p) {
    (void)p;
    return exact(x < 0 ? 0 : x);
}

static struct result leaky_relu(double x, const struct parameters *p) {
    return x < 0 ? rounded(p->alpha * x, 1) : exact(x);
}

static struct result thresholded_relu(double x, const struct parameters *p) {
    return exact(x > p->alpha ? x : 0);
}

/* v known within `error`, clamped to [0, 1]: far outside the interval the error is gone. */
static struct result clamped(double v, double error) {
    if (v - error >= 1) return (struct result){1, 0};
    if (v + error <= 0) return (struct result){0, 0};
    return (struct result){v < 0 ? 0 : v > 1 ? 1 : v, error};
}

static struct result hard_sigmoid(double x, const struct parameters *p) {
    double product = p->alpha * x, v = product + p->beta;
    return clamped(v, U * (fabs(product) + fabs(v)) * (1 + U) + TINY);
}

/* x * clamp(x / 6 + 1/2): the constant 1/6 is rounded, so is the product, the sum and the result. */
static struct result hard_swish(double x, const struct parameters *p) {
    (void)p;
    double v = x / 6 + 0.5;
    struct result h = clamped(v, gamma_bound(2) * fabs(x / 6) + U * fabs(v) * (1 + U) + TINY);
    double bound = fabs(x) * h.bound;
    return (struct result){x * h.y, bound + U * (fabs(x * h.y) + bound) + exact_bound(x)};
}

/* ---- Exponentials ---- */

static struct result exponential(double x, const struct parameters *p) {
    (void)p;
    return (struct result){exp(x), ulp_bound(exp(x), 3)};
}

static struct result elu(double x, const struct parameters *p) {
    if (!(x < 0)) return exact(x);
    double y = p->alpha * expm1(x);
    return (struct result){y, fabs(p->alpha) * ulp_bound(expm1(x), 3) + gamma_bound(2) * fabs(y) +
                                  TINY};
}

/* gamma (alpha expm1(x)): the product of the constants and the product with them are rounded. */
static struct result selu(double x, const struct parameters *p) {
    if (!(x < 0)) return rounded(p->beta * x, 1);
    double scale = p->beta * p->alpha, y = scale * expm1(x);
    return (struct result){y,
                           fabs(scale) * ulp_bound(expm1(x), 3) + gamma_bound(3) * fabs(y) + TINY};
}

/* alpha expm1(x / alpha): the quotient is off by dz, which expm1 carries on by at most
 * exp(z + dz) dz since its derivative grows. */
static struct result celu(double x, const struct parameters *p) {
    if (!(x < 0)) return exact(x);
    double z = x / p->alpha, y = p->alpha * expm1(z), dz = ulp_bound(z, 2.5);
    double error = exp(z + dz) * dz + ulp_bound(expm1(z), 3) * (1 + 8 * U);
    return (struct result){y, fabs(p->alpha) * error + gamma_bound(2) * fabs(y) + TINY};
}

/* 1 / (1 + exp(-x)): 6 u from exp, 1 u from the sum, 5 u from the division. */
static struct result sigmoid(double x, const struct parameters *p) {
    (void)p;
    return rounded(1 / (1 + exp(-x)), 12);
}

/* max(x, 0) + log1p(exp(-|x|)): e/((1+e) log1p(e)) <= 1, so 6 u of exp stay 6 u; 4 u from log1p. */
static struct result softplus(double x, const struct parameters *p) {
    (void)p;
    double l = log1p(exp(-fabs(x))), y = (x > 0 ? x : 0) + l;
    return (struct result){y, gamma_bound(11) * l + U * fabs(y) + 2 * TINY};
}

/* x w / (w + 2), w = e (e + 2), e = exp(x), which is x tanh(log(1 + e)) without cancellation: w is off
 * by 14 u, w/(w + 2) by at most 14 + 1 + 5, the product by one more. Above 20 the factor is 1 - 2^-56. */
static struct result mish(double x, const struct parameters *p) {
    (void)p;
    if (x > 20) return exact(x);
    double e = exp(x), w = e * (e + 2), y = x * (w / (w + 2));
    return (struct result){y, gamma_bound(21) * fabs(y) + TINY * (fabs(x) + 1)};
}

static struct result hyperbolic_tangent(double x, const struct parameters *p) {
    (void)p;
    return (struct result){tanh(x), ulp_bound(tanh(x), 5)};
}

static struct result error_function(double x, const struct parameters *p) {
    (void)p;
    return (struct result){erf(x), ulp_bound(erf(x), 16)};
}

/* x/2 erfc(z), z = -x / sqrt(2), which keeps its accuracy for negative x. z is off by dz (constant and
 * product); the slope of erfc between z - dz and z + dz is at most 2/sqrt(pi) exp(-(|z| - dz)^2). */
static struct result gelu(double x, const struct parameters *p) {
    (void)p;
    const double slope = 1.1283791670955126;
    double z = -x * 0.70710678118654752, dz = gamma_bound(2) * fabs(z), near = fabs(z) - dz;
    double c = erfc(z), y = 0.5 * x * c;
    double error = slope * exp(-near * near) * dz + ulp_bound(c, 16) * (1 + 64 * U);
    return (struct result){y, fabs(0.5 * x) * error * (1 + U) + U * fabs(y) + TINY};
}

/* x / (1 + exp(-v)), v = 2 sqrt(2/pi) x (1 + 0.044715 x^2), which is x/2 (1 + tanh(v/2)) without
 * cancellation. v is off by 7 u, exp by 6 u and by that; the sum, and the division: 1 + 5 u. */
static struct result gelu_tanh(double x, const struct parameters *p) {
    (void)p;
    double v = 1.5957691216057308 * x * (1 + 0.044715 * x * x), e = exp(-v), y = x / (1 + e);
    double weight = isinf(e) ? 1 : e / (1 + e);
    double relative = weight * expm1(gamma_bound(7) * fabs(v) + gamma_bound(6));
    if (e > FLT_MAX) return (struct result){y, fabs(y) + TINY * (fabs(x) + 1)};
    return (struct result){y, fabs(y) * (relative + gamma_bound(6)) * (1 + relative) +
                                  TINY * (fabs(x) + 1)};
}

/* ---- The rest ---- */

static struct result softsign(double x, const struct parameters *p) {
    (void)p;
    return rounded(x / (1 + fabs(x)), 6);
}

static struct result square_root(double x, const struct parameters *p) {
    (void)p;
    return (struct result){sqrt(x), ulp_bound(sqrt(x), 3)};
}

static struct result logarithm(double x, const struct parameters *p) {
    (void)p;
    return (struct result){log(x), ulp_bound(log(x), 3)};
}

static struct result reciprocal(double x, const struct parameters *p) {
    (void)p;
    return (struct result){1 / x, ulp_bound(1 / x, 2.5)};
}

static struct result absolute(double x, const struct parameters *p) {
    (void)p;
    return exact(fabs(x));
}

static struct result negative(double x, const struct parameters *p) {
    (void)p;
    return exact(-x);
}

static struct result round_down(double x, const struct parameters *p) {
    (void)p;
    return exact(floor(x));
}

static struct result round_up(double x, const struct parameters *p) {
    (void)p;
    return exact(ceil(x));
}

/* Half to even: the default rounding direction. */
static struct result round_near(double x, const struct parameters *p) {
    (void)p;
    return exact(nearbyint(x));
}

static struct result sign(double x, const struct parameters *p) {
    (void)p;
    return exact(isnan(x) ? x : (x > 0) - (x < 0));
}

/* One line an operator: the function, and the defaults of its attributes alpha and beta (Selu: gamma). */
static const struct unary {
    enum op op;
    function f;
    float alpha, beta;
} table[] = {
    {OP_Relu, relu, 0, 0},
    {OP_LeakyRelu, leaky_relu, 0.01f, 0},
    {OP_Elu, elu, 1, 0},
    {OP_Selu, selu, 1.67326319217681884765625f, 1.05070102214813232421875f},
    {OP_Celu, celu, 1, 0},
    {OP_Sigmoid, sigmoid, 0, 0},
    {OP_HardSigmoid, hard_sigmoid, 0.2f, 0.5f},
    {OP_HardSwish, hard_swish, 0, 0},
    {OP_Mish, mish, 0, 0},
    {OP_Gelu, gelu, 0, 0},
    {OP_Tanh, hyperbolic_tangent, 0, 0},
    {OP_Softplus, softplus, 0, 0},
    {OP_Softsign, softsign, 0, 0},
    {OP_ThresholdedRelu, thresholded_relu, 1, 0},
    {OP_Sqrt, square_root, 0, 0},
    {OP_Exp, exponential, 0, 0},
    {OP_Log, logarithm, 0, 0},
    {OP_Abs, absolute, 0, 0},
    {OP_Neg, negative, 0, 0},
    {OP_Reciprocal, reciprocal, 0, 0},
    {OP_Floor, round_down, 0, 0},
    {OP_Ceil, round_up, 0, 0},
    {OP_Round, round_near, 0, 0},
    {OP_Erf, error_function, 0, 0},
    {OP_Sign, sign, 0, 0},
};

struct job {
    function f;
    struct parameters p;
    const double *x, *low, *high; /* low, high: Clip's limits, NULL if there is none */
    struct reference_out *o;
};

/* An input below the normal range may count as zero: the bound then reaches the result at zero. */
static void unary_part(void *data, size_t begin, size_t end) {
    struct job *j = data;
    for (size_t i = begin; i < end; i++) {
        struct result r = j->f(j->x[i], &j->p);
        if (is_flushed(j->x[i])) r.bound += fabs(r.y - j->f(0, &j->p).y);
        write_float(j->o, i, r.y, r.bound);
    }
}

static int64_t unary_integer(enum op op, int64_t x, bool is_unsigned) {
    bool below = integer_less(x, 0, is_unsigned);
    switch (op) {
    case OP_Not: return !x;
    case OP_Abs: return below ? (int64_t)(0 - (uint64_t)x) : x;
    case OP_Neg: return (int64_t)(0 - (uint64_t)x);
    case OP_Relu: return below ? 0 : x;
    default: return below ? -1 : x != 0; /* Sign */
    }
}

static fovea_status unary_integers(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    const int64_t *x = reference_i64(c, 0);
    size_t n = (size_t)fovea_desc_elements(&o->desc);
    if (!x) return FOVEA_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        reference_store_i64(o, i,
                            unary_integer(c->node->op, x[i], dtype_is_unsigned(o->desc.dtype)));
    return FOVEA_OK;
}

fovea_status reference_unary(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    const struct node *n = c->node;
    const struct unary *u = table;
    if (!o->data) return FOVEA_OK;
    if (!dtype_is_float(o->desc.dtype)) return unary_integers(c);
    while (u->op != n->op) u++;
    const char *beta = n->op == OP_Selu ? "gamma" : "beta";
    struct job j = {.f = u->f, .x = reference_f64(c, 0), .o = o};
    j.p.alpha = attr_float(n, "alpha", u->alpha);
    j.p.beta = attr_float(n, beta, u->beta);
    if (n->op == OP_Gelu && strcmp(attr_string(n, "approximate", "none"), "tanh") == 0)
        j.f = gelu_tanh;
    if (!j.x) return FOVEA_NO_MEMORY;
    parallel_for((size_t)fovea_desc_elements(&o->desc), 4096, unary_part, &j);
    return FOVEA_OK;
}

/* ---- Clip: min(max(x, low), high) ---- */

static void clip_part(void *data, size_t begin, size_t end) {
    struct job *j = data;
    for (size_t i = begin; i < end; i++) {
        double y = j->x[i];
        if (j->low && y < *j->low) y = *j->low;
        if (j->high && y > *j->high) y = *j->high;
        write_float(j->o, i, y, exact_bound(y));
    }
}

static fovea_status clip_integers(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    bool is_unsigned = dtype_is_unsigned(o->desc.dtype);
    const int64_t *x = reference_i64(c, 0), *low = reference_i64(c, 1), *high = reference_i64(c, 2);
    size_t n = (size_t)fovea_desc_elements(&o->desc);
    if (!x || (reference_has(c, 1) && !low) || (reference_has(c, 2) && !high))
        return FOVEA_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        int64_t y = x[i];
        if (low && integer_less(y, *low, is_unsigned)) y = *low;
        if (high && integer_less(*high, y, is_unsigned)) y = *high;
        reference_store_i64(o, i, y);
    }
    return FOVEA_OK;
}

fovea_status reference_clip(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    if (!o->data) return FOVEA_OK;
    if (!dtype_is_float(o->desc.dtype)) return clip_integers(c);
    struct job j = {.x = reference_f64(c, 0), .o = o};
    j.low = reference_f64(c, 1);
    j.high = reference_f64(c, 2);
    if (!j.x || (reference_has(c, 1) && !j.low) || (reference_has(c, 2) && !j.high))
        return FOVEA_NO_MEMORY;
    parallel_for((size_t)fovea_desc_elements(&o->desc), 4096, clip_part, &j);
    return FOVEA_OK;
}
