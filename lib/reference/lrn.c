/* The truth of local response normalisation (Krizhevsky et al. 2012):
 * y = x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta.
 *
 * Bound: the base t is off by gamma(n + 8) of the n squares' part (alpha / size: 5 u, product u, each
 * square u) and u of itself; t^beta is monotonic, so the ends of t's interval bound it; the power is
 * within 16 ulp (<= 32 u), the division within 2.5 ulp or the product with t^-beta within u.
 *
 * Gradient: dx_i = dy_i t_i^-beta - 2 beta alpha / size * x_i * sum_j dy_j x_j t_j^(-beta - 1) over the channels
 * j whose windows hold i. Each term of the sum is off as t^(-beta - 1) is, and by 3 products and a quotient
 * more; n - 1 additions, two products with the factor in front, the difference. dy_i t_i^-beta may be the
 * product of t and the quotient of t^(beta + 1): 3 products, a quotient and the power, gamma(40). */
#include <math.h>

#include "base/threads.h"
#include "reference/reference.h"

struct lrn {
    const double *x;
    size_t channels, spatial;
    int64_t before, after;    /* channels of the window beside the middle one */
    double share, beta, bias; /* share = alpha / size */
    struct reference_out *y;
};

/* The error of x * t^-power, which takes `roundings` beside t's. */
static double lrn_bound(double x, double power, double t, double t_error, double roundings) {
    double factor = pow(t, -power), a = pow(t - t_error, -power), b = pow(t + t_error, -power);
    if (!(t > t_error)) return INFINITY; /* a base that may be negative */
    double off = fmax(fabs(a - factor), fabs(b - factor));
    return fabs(x) * (off + roundings * fmax(a, b)) + REFERENCE_TINY;
}

/* The base of the power at element i of a plane, and its errors: bound and probable bound. */
static double lrn_base(const struct lrn *l, size_t plane, size_t i, double *errors) {
    int64_t c = (int64_t)(plane % l->channels), first = c - l->before, last = c + l->after;
    double squares = 0;
    if (first < 0) first = 0;
    if (last >= (int64_t)l->channels) last = (int64_t)l->channels - 1;
    for (int64_t k = first; k <= last; k++) {
        double tap = l->x[(plane - (size_t)c + (size_t)k) * l->spatial + i];
        squares += tap * tap;
    }
    double n = (double)(last - first + 1), part = fabs(l->share) * squares;
    double t = l->bias + l->share * squares, rounded = REFERENCE_U * fabs(t) + n * REFERENCE_TINY;
    errors[0] = gamma_bound(n + 8) * part + rounded;
    errors[1] = gamma_probable(n + 8) * part + rounded;
    return t;
}

static void lrn_element(const struct lrn *l, size_t plane, size_t i) {
    size_t at = plane * l->spatial + i;
    double errors[2], t = lrn_base(l, plane, i, errors), x = l->x[at];
    l->y->y[at] = x * pow(t, -l->beta);
    l->y->bound[at] = lrn_bound(x, l->beta, t, errors[0], gamma_bound(39));
    if (l->y->probable) l->y->probable[at] = lrn_bound(x, l->beta, t, errors[1], gamma_bound(39));
}

static void lrn_planes(void *data, size_t begin, size_t end) {
    const struct lrn *l = data;
    for (size_t plane = begin; plane < end; plane++)
        for (size_t i = 0; i < l->spatial; i++) lrn_element(l, plane, i);
}

static fovea_status lrn_read(struct reference_call *c, size_t input, struct lrn *l) {
    const fovea_desc *x = &c->in[input].desc;
    int64_t size = attr_int(c->node, "size", 1);
    *l = (struct lrn){
        .x = reference_f64(c, input), .before = (size - 1) / 2, .after = size / 2, .y = &c->out[0]};
    if (!l->x) return FOVEA_NO_MEMORY;
    l->channels = (size_t)x->dim[1];
    l->spatial = x->rank > 2 ? (size_t)desc_span(x, 2, x->rank) : 1;
    l->share = (double)attr_float(c->node, "alpha", 1e-4f) / (double)size;
    l->beta = attr_float(c->node, "beta", 0.75f);
    l->bias = attr_float(c->node, "bias", 1);
    return FOVEA_OK;
}

fovea_status reference_lrn(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc;
    struct lrn l;
    TRY(lrn_read(c, 0, &l));
    parallel_for((size_t)(x->dim[0] * x->dim[1]), 1 + 1024 / (l.spatial + 1), lrn_planes, &l);
    return FOVEA_OK;
}

/* ---- Gradient ---- */

struct lrn_grad {
    struct lrn l;
    const double *dy;
};

static void lrn_grad_element(const struct lrn_grad *g, size_t plane, size_t i) {
    const struct lrn *l = &g->l;
    size_t at = plane * l->spatial + i;
    int64_t c = (int64_t)(plane % l->channels), first = c - l->after, last = c + l->before;
    double sum = 0, size = 0, off[2] = {0}, errors[2];
    if (first < 0) first = 0;
    if (last >= (int64_t)l->channels) last = (int64_t)l->channels - 1;
    double n = (double)(last - first + 1);
    for (int64_t k = first; k <= last; k++) {
        size_t other = plane - (size_t)c + (size_t)k, j = other * l->spatial + i;
        double t = lrn_base(l, other, i, errors), product = g->dy[j] * l->x[j];
        double term = product * pow(t, -l->beta - 1);
        sum += term;
        size += fabs(term);
        for (int kind = 0; kind < 2; kind++)
            off[kind] += lrn_bound(product, l->beta + 1, t, errors[kind], gamma_bound(47));
    }
    double t = lrn_base(l, plane, i, errors), factor = 2 * l->beta * l->share * l->x[at];
    double own = g->dy[at] * pow(t, -l->beta), y = own - factor * sum;
    l->y->y[at] = y;
    for (int kind = 0; kind < 2; kind++) {
        double summed = off[kind] + (kind ? gamma_probable(n + 3) : gamma_bound(n + 3)) * size;
        double bound = lrn_bound(g->dy[at], l->beta, t, errors[kind], gamma_bound(40)) +
                       (1 + gamma_bound(3)) * fabs(factor) * summed +
                       REFERENCE_U * (fabs(own) + fabs(factor * sum)) + REFERENCE_TINY;
        if (kind == 0) l->y->bound[at] = bound;
        else if (l->y->probable) l->y->probable[at] = bound;
    }
}

static void lrn_grad_planes(void *data, size_t begin, size_t end) {
    const struct lrn_grad *g = data;
    for (size_t plane = begin; plane < end; plane++)
        for (size_t i = 0; i < g->l.spatial; i++) lrn_grad_element(g, plane, i);
}

fovea_status reference_lrn_grad(struct reference_call *c) {
    const fovea_desc *x = &c->in[1].desc;
    struct lrn_grad g = {.dy = reference_f64(c, 0)};
    if (!g.dy) return FOVEA_NO_MEMORY;
    TRY(lrn_read(c, 1, &g.l));
    parallel_for((size_t)(x->dim[0] * x->dim[1]), 1 + 1024 / (g.l.spatial + 1), lrn_grad_planes,
                 &g);
    return FOVEA_OK;
}
