/* The truth of UnaryGrad: dx = (dy + more) f'(x), where f' is read from v, which is x or y = f(x). The values at
 * kinks are PyTorch's: Relu, LeakyRelu and their like take the slope below 0, Abs 0, Clip and HardSigmoid 0 at their limits, HardSwish the slope beyond.
 *
 * Bounds follow the formulas of cl_kernels/unary_grad.cl, with the limits of the OpenCL specification as in
 * elementwise_unary.c: an error of k ulp is at most 2 k u relative. */
#include "graph/unary_grad.h"

#include "base/threads.h"
#include "reference/elementwise.h"

#define U    REFERENCE_U
#define TINY REFERENCE_TINY

struct slope {
    double d, bound;
};
typedef struct slope (*function)(double v, const struct unary_grad *);

static struct slope exact(double d) {
    return (struct slope){d, 0};
}

/* Off by `n` roundings relative to its size. */
static struct slope rounded(double d, double n) {
    return (struct slope){d, gamma_bound(n) * fabs(d) + TINY};
}

/* exp(-a), a >= 0 off by `roundings`: 3 ulp more, and nothing where it has vanished. */
static double falling(double a, double roundings, double *relative) {
    double e = exp(-a);
    *relative = e > TINY ? expm1(gamma_bound(roundings) * a) + gamma_bound(6) : 0;
    return e;
}

/* ---- Piecewise linear ---- */

static struct slope relu(double v, const struct unary_grad *u) {
    (void)u;
    return exact(v <= 0 ? 0 : 1);
}

static struct slope leaky_relu(double v, const struct unary_grad *u) {
    return exact(v <= 0 ? u->alpha : 1);
}

static struct slope thresholded_relu(double x, const struct unary_grad *u) {
    return exact(x <= u->alpha ? 0 : 1);
}

static struct slope clip(double x, const struct unary_grad *u) {
    return exact(x <= u->alpha || x >= u->beta ? 0 : 1);
}

static struct slope absolute(double x, const struct unary_grad *u) {
    (void)u;
    return exact(isnan(x) ? x : (x > 0) - (x < 0));
}

static struct slope hard_sigmoid(double y, const struct unary_grad *u) {
    return exact(y <= 0 || y >= 1 ? 0 : u->alpha);
}

/* x / 3 + 1/2 between: the constant 1/3, the product and the sum are rounded. */
static struct slope hard_swish(double x, const struct unary_grad *u) {
    (void)u;
    if (x <= -3 || x >= 3) return exact(x >= 3);
    double d = x / 3 + 0.5;
    return (struct slope){d, gamma_bound(2) * fabs(x / 3) * (1 + U) + U * fabs(d)};
}

/* ---- Exponentials: below 0 from y, the slope of alpha (exp(x) - 1) is y + alpha ---- */

static struct slope elu(double v, const struct unary_grad *u) {
    if (!(v <= 0)) return exact(1);
    if (u->from_y) return rounded(v + u->alpha, 1);
    return (struct slope){u->alpha * exp(v), fabs(u->alpha) * ulp_bound(exp(v), 3) * (1 + U) +
                                                 U * fabs(u->alpha * exp(v)) +
                                                 TINY * (1 + fabs(u->alpha))};
}

/* gamma times that; the product of the two constants is rounded. */
static struct slope selu(double v, const struct unary_grad *u) {
    double scale = (double)u->beta * u->alpha;
    if (!(v <= 0)) return exact(u->beta);
    if (u->from_y) return (struct slope){v + scale, U * fabs(scale) * 2 + U * fabs(v + scale)};
    double e = exp(v);
    return (struct slope){scale * e, fabs(scale) * ulp_bound(e, 3) * (1 + 3 * U) +
                                         gamma_bound(2) * fabs(scale * e) +
                                         TINY * (1 + fabs(scale))};
}

/* exp(x / alpha) = 1 + y / alpha: the quotient is off by dz, which exp carries on. */
static struct slope celu(double v, const struct unary_grad *u) {
    double z = v / u->alpha, dz = ulp_bound(z, 2.5) + TINY, e = exp(z);
    if (!(v <= 0)) return exact(1);
    if (u->from_y) return (struct slope){1 + z, dz + U * (fabs(1 + z) + dz)};
    return (struct slope){e, exp(z + dz) * dz * (1 + 8 * U) + ulp_bound(e, 3) + TINY};
}

static struct slope sigmoid(double y, const struct unary_grad *u) {
    (void)u;
    return rounded(y * (1 - y), 2);
}

/* 1 - y^2: the square and the difference are rounded. */
static struct slope hyperbolic_tangent(double y, const struct unary_grad *u) {
    (void)u;
    return (struct slope){1 - y * y, U * y * y * (1 + U) + U * fabs(1 - y * y)};
}

/* sigmoid(x) = 1 - exp(-y). */
static struct slope softplus(double y, const struct unary_grad *u) {
    (void)u;
    return (struct slope){-expm1(-y), ulp_bound(expm1(-y), 3) + TINY};
}

/* With e = exp(x), w = e (e + 2), q = w + 2: w/q + x 4 e (e + 1) / q^2. e is off by 6 u, w by 14, q by 15:
 * the share by 14 + 15 + 5, its slope by 14 + 31 + 5, the product by one more. */
static struct slope mish(double x, const struct unary_grad *u) {
    (void)u;
    if (x > 20) return exact(1);
    double e = exp(x), w = e * (e + 2), q = w + 2, share = w / q,
           turn = x * (4 * e * (e + 1) / q / q);
    return (struct slope){share + turn, gamma_bound(35) * share + gamma_bound(52) * fabs(turn) +
                                            TINY * (1 + fabs(x)) * 4};
}

/* erfc(z) / 2 + x exp(-x^2 / 2) / sqrt(2 pi), z = -x / sqrt(2); for erfc see elementwise_unary.c. */
static struct slope gelu(double x, const struct unary_grad *u) {
    (void)u;
    const double steep = 1.1283791670955126, density = 0.39894228040143268;
    double z = -x * 0.70710678118654752, dz = gamma_bound(2) * fabs(z), near = fabs(z) - dz;
    double c = erfc(z), off = steep * exp(-near * near) * dz + ulp_bound(c, 16) * (1 + 64 * U);
    double relative, e = falling(0.5 * x * x, 1, &relative), turn = x * e * density;
    return (struct slope){0.5 * c + turn, 0.5 * off + (relative + gamma_bound(4)) * fabs(turn) +
                                              U * fabs(0.5 * c + turn) + TINY * (1 + fabs(x))};
}

/* s + x s (1 - s) v', s = 1 / (1 + exp(-v)), v = 2 sqrt(2/pi) (x + 0.044715 x^3), off by 7 u. Both s and
 * s (1 - s) follow e = exp(-|v|) at most in proportion; 6 roundings make s, 8 s (1 - s), 6 v'. */
static struct slope gelu_tanh(double x, const struct unary_grad *u) {
    (void)u;
    if (fabs(x) > 16) return exact(x > 0);
    double v = 1.5957691216057308 * x * (1 + 0.044715 * x * x), relative;
    double e = falling(fabs(v), 7, &relative), s = (v < 0 ? e : 1) / (1 + e);
    double steep = 1.5957691216057308 * (1 + 0.134145 * x * x);
    double turn = x * (e / (1 + e) / (1 + e)) * steep;
    double bound = (relative + gamma_bound(6)) * s + (relative + gamma_bound(17)) * fabs(turn);
    return (struct slope){s + turn, bound * (1 + 2 * relative + 8 * U) + U * fabs(s + turn) +
                                        TINY * (2 + fabs(x * steep))};
}

static struct slope error_function(double x, const struct unary_grad *u) {
    (void)u;
    double relative, d = 1.1283791670955126 * falling(x * x, 1, &relative);
    return (struct slope){d, (relative + gamma_bound(2)) * d * (1 + 2 * U) + 2 * TINY};
}

/* ---- The rest ---- */

/* 1 / (1 + |x|)^2 */
static struct slope softsign(double x, const struct unary_grad *u) {
    (void)u;
    return rounded(1 / (1 + fabs(x)) / (1 + fabs(x)), 8);
}

static struct slope square_root(double y, const struct unary_grad *u) {
    (void)u;
    return (struct slope){0.5 / y, ulp_bound(0.5 / y, 2.5) + TINY};
}

static struct slope exponential(double y, const struct unary_grad *u) {
    (void)u;
    return exact(y);
}

static struct slope logarithm(double x, const struct unary_grad *u) {
    (void)u;
    return (struct slope){1 / x, ulp_bound(1 / x, 2.5) + TINY};
}

static struct slope reciprocal(double y, const struct unary_grad *u) {
    (void)u;
    return rounded(-y * y, 1);
}

static const struct {
    enum op op;
    function f;
} table[] = {
    {OP_Relu, relu},
    {OP_LeakyRelu, leaky_relu},
    {OP_Elu, elu},
    {OP_Selu, selu},
    {OP_Celu, celu},
    {OP_Sigmoid, sigmoid},
    {OP_HardSigmoid, hard_sigmoid},
    {OP_HardSwish, hard_swish},
    {OP_Mish, mish},
    {OP_Gelu, gelu},
    {OP_Tanh, hyperbolic_tangent},
    {OP_Softplus, softplus},
    {OP_Softsign, softsign},
    {OP_ThresholdedRelu, thresholded_relu},
    {OP_Sqrt, square_root},
    {OP_Exp, exponential},
    {OP_Log, logarithm},
    {OP_Abs, absolute},
    {OP_Reciprocal, reciprocal},
    {OP_Erf, error_function},
    {OP_Clip, clip},
};

struct job {
    function f;
    struct unary_grad u;
    const double *dy, *v, *more; /* more: NULL if there is none */
    struct reference_out *o;
};

/* A slope of 0 lets nothing through, not even infinity. What lies below the normal range may count as 0. */
static void grad_part(void *data, size_t begin, size_t end) {
    struct job *j = data;
    for (size_t i = begin; i < end; i++) {
        struct slope s = j->f(j->v[i], &j->u);
        double dy = j->dy[i] + (j->more ? j->more[i] : 0);
        double dx = s.d == 0 ? 0 : dy * s.d, bound = exact_bound(dx);
        if (is_flushed(j->v[i])) s.bound += fabs(s.d - j->f(0, &j->u).d);
        if (fabs(s.d) != 1 && s.d != 0) bound = U * fabs(dx) + TINY;
        if (s.bound > 0) bound += fabs(dy) * s.bound * (1 + U);
        if (is_flushed(dy)) bound += fabs(dx);
        if (j->more && s.d != 0)
            bound += (U * fabs(dy) + 2 * TINY) * (fabs(s.d) + s.bound) * (1 + U);
        write_float(j->o, i, dx, bound);
    }
}

fovea_status reference_unary_grad(struct reference_call *c) {
    struct job j = {.o = &c->out[0]};
    if (!j.o->data) return FOVEA_OK;
    TRY(unary_grad_make(&j.u, c->node));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == j.u.function) j.f = table[i].f;
    if (j.u.tanh_form) j.f = gelu_tanh;
    j.dy = reference_f64(c, 0);
    j.v = reference_f64(c, j.u.from_y ? 2 : 1);
    j.more = reference_f64(c, 3);
    if (!j.dy || !j.v || (reference_has(c, 3) && !j.more)) return FOVEA_NO_MEMORY;
    parallel_for((size_t)fovea_desc_elements(&j.o->desc), 4096, grad_part, &j);
    return FOVEA_OK;
}
