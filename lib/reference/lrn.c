/* The truth of local response normalisation (Krizhevsky et al. 2012):
 * y = x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta.
 *
 * Bound: the base t is off by gamma(n + 8) of the n squares' part (alpha / size: 5 u, product u, each
 * square u) and u of itself; t^beta is monotonic, so the ends of t's interval bound it; the power is
 * within 16 ulp (<= 32 u), the division within 2.5 ulp or the product with t^-beta within u. */
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

static double lrn_bound(const struct lrn *l, double x, double t, double t_error) {
    double factor = pow(t, -l->beta), a = pow(t - t_error, -l->beta),
           b = pow(t + t_error, -l->beta);
    if (!(t > t_error)) return INFINITY; /* a base that may be negative */
    double off = fmax(fabs(a - factor), fabs(b - factor));
    return fabs(x) * (off + gamma_bound(39) * fmax(a, b)) + REFERENCE_TINY;
}

static void lrn_element(const struct lrn *l, size_t plane, size_t i) {
    int64_t c = (int64_t)(plane % l->channels), first = c - l->before, last = c + l->after;
    double squares = 0, x = l->x[plane * l->spatial + i];
    if (first < 0) first = 0;
    if (last >= (int64_t)l->channels) last = (int64_t)l->channels - 1;
    for (int64_t k = first; k <= last; k++) {
        double tap = l->x[(plane - (size_t)c + (size_t)k) * l->spatial + i];
        squares += tap * tap;
    }
    double n = (double)(last - first + 1), part = fabs(l->share) * squares;
    double t = l->bias + l->share * squares, rounded = REFERENCE_U * fabs(t) + n * REFERENCE_TINY;
    size_t at = plane * l->spatial + i;
    l->y->y[at] = x * pow(t, -l->beta);
    l->y->bound[at] = lrn_bound(l, x, t, gamma_bound(n + 8) * part + rounded);
    if (l->y->probable)
        l->y->probable[at] = lrn_bound(l, x, t, gamma_probable(n + 8) * part + rounded);
}

static void lrn_planes(void *data, size_t begin, size_t end) {
    const struct lrn *l = data;
    for (size_t plane = begin; plane < end; plane++)
        for (size_t i = 0; i < l->spatial; i++) lrn_element(l, plane, i);
}

fovea_status reference_lrn(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc;
    int64_t size = attr_int(c->node, "size", 1);
    struct lrn l = {.x = reference_f64(c, 0), .before = (size - 1) / 2, .after = size / 2};
    if (!l.x) return FOVEA_NO_MEMORY;
    l.channels = (size_t)x->dim[1];
    l.spatial = x->rank > 2 ? (size_t)desc_span(x, 2, x->rank) : 1;
    l.share = (double)attr_float(c->node, "alpha", 1e-4f) / (double)size;
    l.beta = attr_float(c->node, "beta", 0.75f);
    l.bias = attr_float(c->node, "bias", 1);
    l.y = &c->out[0];
    parallel_for((size_t)(x->dim[0] * x->dim[1]), 1 + 1024 / (l.spatial + 1), lrn_planes, &l);
    return FOVEA_OK;
}
