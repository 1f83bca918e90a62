/* The truth of normalisation by statistics: y = (x - mean) / sqrt(variance + epsilon) * scale + bias.
 *
 * Bounds hold for two-pass code: first the mean, then the mean of squared differences from it. For n
 * numbers, true differences d, and a computed mean that is off by e:
 *     mean       e <= gamma(n + 7) * sum |x| / n: n - 1 additions, division or reciprocal and product
 *     variance   differences from the computed mean are d - e, rounded: sum (d - e)^2 =
 *                sum d^2 + n e^2, as the d sum to zero; squaring, summing and dividing gives
 *                |error| <= e^2 + gamma(n + 11) * (variance + e^2)
 *     in parts   (batch normalisation of a batch) each part i of the batch has a pivot m_i, the mean that
 *                it found, off by e_i, and leaves r_i = sum (x - m_i), q_i = sum (x - m_i)^2. About the
 *                computed mean m, d_i = m_i - m, sum (x - m)^2 = sum_i (q_i + 2 d_i r_i + n_i d_i^2)
 *                exactly. Each term is off by gamma(n + 11) of q_i + 2 |d_i| sum |x - m_i| + n_i d_i^2 <=
 *                2 (q_i + n_i d_i^2) (Cauchy, Schwarz), and T = sum_i (q_i + n_i d_i^2) exceeds the sum of
 *                squares by 2 |sum n_i d_i e_i| <= T / 3 + 3 sum n_i e_i^2, with
 *                sum n_i e_i^2 <= gamma(n + 7)^2 sum x^2 =: n E:
 *                |error| <= e^2 + gamma(n + 11) * (3 (variance + e^2) + 9 E)
 *     inverse    1 / sqrt(v) is monotonic, so the ends of the interval of v = variance + epsilon
 *                bound it; a computed variance is never negative, so v >= epsilon. Square root 3 ulp,
 *                division 2.5 ulp: <= gamma(12)
 *     result     the product rule, with u for each operation. Also allowed: x * a + (bias - mean * a)
 *                with given statistics (batch normalisation when not training) */
#include <math.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "reference/reference.h"

/* x seen as (outer, groups, inner): statistics are taken over outer and inner. */
struct layout {
    size_t outer, groups, inner;
};

/* Statistics of one group; errors[0] are bounds, errors[1] probable ones. */
struct statistics {
    double mean, variance, inverse;
    struct statistics_error {
        double mean, variance, inverse; /* absolute */
    } errors[2];
};

/* A parameter that broadcasts to x: element i of x takes data[sum (i / div % dim * stride)]. */
struct parameter {
    const double *data; /* NULL: left out */
    int terms;
    size_t div[FOVEA_MAX_RANK], dim[FOVEA_MAX_RANK], stride[FOVEA_MAX_RANK];
};

struct normalization {
    struct layout layout;
    const double *x;
    double epsilon;
    bool in_parts;                 /* the batch is cut into parts */
    struct statistics *statistics; /* of each group */
    struct parameter scale, bias;
    struct reference_out *y;
};

static double gamma_kind(int kind, double n) { /* 0: bound, 1: probable */
    return kind ? gamma_probable(n) : gamma_bound(n);
}

static double parameter_at(const struct parameter *p, size_t i, double otherwise) {
    size_t at = 0;
    for (int k = 0; k < p->terms; k++) at += i / p->div[k] % p->dim[k] * p->stride[k];
    return p->data ? p->data[at] : otherwise;
}

/* ---- Statistics ---- */

/* size = sum |x|, power = sum x^2 */
static void statistics_errors(const struct normalization *m, struct statistics *s, double n,
                              double size, double power, int kind) {
    struct statistics_error *e = &s->errors[kind];
    double v = s->variance + m->epsilon, least = m->epsilon * (1 - REFERENCE_U);
    double off_mean = gamma_kind(kind, n + 7);
    e->mean = off_mean * size / n + REFERENCE_TINY;
    double square = e->mean * e->mean, about = s->variance + square;
    if (m->in_parts) about = 3 * about + 9 * off_mean * off_mean * power / n;
    e->variance = square + gamma_kind(kind, n + 11) * about + REFERENCE_TINY;
    double off = e->variance + REFERENCE_U * (v + e->variance);
    double low = 1 / sqrt(v + off), high = 1 / sqrt(fmax(v - off, least));
    e->inverse = fmax(high - s->inverse, s->inverse - low) + gamma_kind(kind, 12) * high;
}

static void group_statistics(const struct normalization *m, size_t group) {
    const struct layout *l = &m->layout;
    struct statistics *s = &m->statistics[group];
    double n = (double)l->outer * (double)l->inner, sum = 0, size = 0, power = 0, squares = 0;
    for (size_t o = 0; o < l->outer; o++) {
        const double *x = m->x + (o * l->groups + group) * l->inner;
        for (size_t i = 0; i < l->inner; i++) sum += x[i], size += fabs(x[i]), power += x[i] * x[i];
    }
    s->mean = sum / n;
    for (size_t o = 0; o < l->outer; o++) {
        const double *x = m->x + (o * l->groups + group) * l->inner;
        for (size_t i = 0; i < l->inner; i++) squares += (x[i] - s->mean) * (x[i] - s->mean);
    }
    s->variance = squares / n;
    s->inverse = 1 / sqrt(s->variance + m->epsilon);
    for (int kind = 0; kind < 2; kind++) statistics_errors(m, s, n, size, power, kind);
}

/* ---- Results ---- */

static double result_bound(const struct statistics *s, double x, double scale, double bias,
                           int kind) {
    const struct statistics_error *e = &s->errors[kind];
    double d = fabs(x - s->mean), d_error = e->mean + REFERENCE_U * (d + e->mean);
    double d_high = d + d_error, inverse_high = s->inverse + e->inverse;
    double carried = e->inverse * d + inverse_high * d_error;
    double product = fabs(scale) * (carried + gamma_kind(kind, 3) * d_high * inverse_high);
    double total = fabs(scale) * d_high * inverse_high + fabs(bias);
    return product + gamma_kind(kind, 2) * total + 2 * REFERENCE_TINY;
}

static void store_group(const struct normalization *m, size_t group) {
    const struct layout *l = &m->layout;
    const struct statistics *s = &m->statistics[group];
    for (size_t o = 0; o < l->outer; o++)
        for (size_t i = 0; i < l->inner; i++) {
            size_t at = (o * l->groups + group) * l->inner + i;
            double scale = parameter_at(&m->scale, at, 1), bias = parameter_at(&m->bias, at, 0);
            m->y->y[at] = (m->x[at] - s->mean) * s->inverse * scale + bias;
            m->y->bound[at] = result_bound(s, m->x[at], scale, bias, 0);
            if (m->y->probable) m->y->probable[at] = result_bound(s, m->x[at], scale, bias, 1);
        }
}

static void groups(void *data, size_t begin, size_t end) {
    const struct normalization *m = data;
    for (size_t g = begin; g < end; g++) {
        group_statistics(m, g);
        if (m->y->data) store_group(m, g);
    }
}

/* Fills the statistics, which the caller frees, and y. */
static fovea_status normalize(struct reference_call *c, struct normalization *m) {
    const struct layout *l = &m->layout;
    m->y = &c->out[0];
    m->epsilon = attr_float(c->node, "epsilon", 1e-5f);
    m->x = reference_f64(c, 0);
    m->scale.data = reference_f64(c, 1);
    m->bias.data = reference_f64(c, 2);
    if (!m->x || !m->scale.data || (reference_has(c, 2) && !m->bias.data)) return FOVEA_NO_MEMORY;
    m->statistics = mem_array(l->groups, sizeof *m->statistics);
    if (!m->statistics) return fail_memory(l->groups * sizeof *m->statistics, "statistics");
    parallel_for(l->groups, 1 + 4096 / (l->outer * l->inner + 1), groups, m);
    return FOVEA_OK;
}

/* One number for each channel of (n, c, spatial...). */
static void per_channel(struct parameter *p, const fovea_desc *x) {
    size_t spatial = x->rank > 2 ? (size_t)desc_span(x, 2, x->rank) : 1;
    p->terms = x->rank > 1;
    p->div[0] = spatial ? spatial : 1;
    p->dim[0] = x->rank > 1 && x->dim[1] ? (size_t)x->dim[1] : 1;
    p->stride[0] = 1;
}

/* ---- Operators ---- */

static fovea_status grouped(struct reference_call *c, size_t count) {
    const fovea_desc *x = &c->in[0].desc;
    size_t groups_in_all = (size_t)x->dim[0] * count, elements = (size_t)fovea_desc_elements(x);
    struct normalization m = {.layout = {1, groups_in_all, 0}};
    if (elements == 0) return FOVEA_OK;
    m.layout.inner = elements / groups_in_all;
    per_channel(&m.scale, x);
    per_channel(&m.bias, x);
    fovea_status status = normalize(c, &m);
    mem_free(m.statistics);
    return status;
}

fovea_status reference_instance_norm(struct reference_call *c) {
    return grouped(c, (size_t)c->in[0].desc.dim[1]);
}

fovea_status reference_group_norm(struct reference_call *c) {
    return grouped(c, (size_t)attr_int(c->node, "num_groups", 1));
}

static void broadcast(struct parameter *p, const fovea_desc *x, const fovea_desc *d) {
    size_t div = 1, stride = 1;
    for (int k = 1; k <= d->rank; k++) {
        int64_t dim = d->dim[d->rank - k];
        if (dim > 1) {
            p->div[p->terms] = div;
            p->dim[p->terms] = (size_t)dim;
            p->stride[p->terms++] = stride;
        }
        stride *= (size_t)dim;
        div *= (size_t)x->dim[x->rank - k];
    }
}

/* Writes the mean (which 0) or the inverse deviation (1) of every group. */
static void store_statistics(const struct normalization *m, struct reference_out *o, int which) {
    for (size_t g = 0; o->data && g < m->layout.groups; g++) {
        const struct statistics *s = &m->statistics[g];
        o->y[g] = which ? s->inverse : s->mean;
        o->bound[g] = which ? s->errors[0].inverse : s->errors[0].mean;
        if (o->probable) o->probable[g] = which ? s->errors[1].inverse : s->errors[1].mean;
    }
}

fovea_status reference_layer_norm(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc;
    int axis = attr_axis(c->node, "axis", -1, x->rank);
    struct normalization m = {
        .layout = {1, (size_t)desc_span(x, 0, axis), (size_t)desc_span(x, axis, x->rank)}};
    if (fovea_desc_elements(x) == 0) return FOVEA_OK;
    broadcast(&m.scale, x, &c->in[1].desc);
    if (reference_has(c, 2)) broadcast(&m.bias, x, &c->in[2].desc);
    fovea_status status = normalize(c, &m);
    for (int i = 0; i < 2 && status == FOVEA_OK; i++)
        if (c->n_out > 1 + (size_t)i) store_statistics(&m, &c->out[1 + i], i);
    mem_free(m.statistics);
    return status;
}

/* Output 1 or 2 = old * momentum + new * (1 - momentum): 4 roundings, 1 - momentum's among them. */
static fovea_status store_running(struct reference_call *c, const struct normalization *m,
                                  size_t i) {
    const double *old = reference_f64(c, 2 + i);
    double momentum = attr_float(c->node, "momentum", 0.9f);
    struct reference_out *o = i < c->n_out ? &c->out[i] : NULL;
    if (!old) return FOVEA_NO_MEMORY;
    for (size_t g = 0; o && o->data && g < m->layout.groups; g++) {
        const struct statistics *s = &m->statistics[g];
        double fresh = i == 1 ? s->mean : s->variance;
        double size = fabs(old[g] * momentum) + fabs(fresh * (1 - momentum));
        o->y[g] = old[g] * momentum + fresh * (1 - momentum);
        for (int kind = 0; kind < 2; kind++) {
            double e = i == 1 ? s->errors[kind].mean : s->errors[kind].variance;
            double bound = (1 + gamma_bound(4)) * e * fabs(1 - momentum) +
                           gamma_kind(kind, 4) * size + REFERENCE_TINY;
            if (kind == 0) o->bound[g] = bound;
            else if (o->probable) o->probable[g] = bound;
        }
    }
    return FOVEA_OK;
}

/* (n, c, spatial...) with statistics for each channel. */
static fovea_status batch_norm_training(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc;
    size_t channels = x->rank > 1 ? (size_t)x->dim[1] : 1;
    struct normalization m = {.layout = {(size_t)x->dim[0], channels, 1}, .in_parts = true};
    if (x->rank > 2) m.layout.inner = (size_t)desc_span(x, 2, x->rank);
    per_channel(&m.scale, x);
    per_channel(&m.bias, x);
    fovea_status status = normalize(c, &m);
    if (status == FOVEA_OK) status = store_running(c, &m, 1);
    if (status == FOVEA_OK) status = store_running(c, &m, 2);
    for (size_t i = 3; i < 5 && i < c->n_out && status == FOVEA_OK; i++)
        store_statistics(&m, &c->out[i], i == 4);
    mem_free(m.statistics);
    return status;
}

struct batch_norm {
    const double *x, *scale, *bias, *mean, *variance;
    double epsilon;
    size_t channels, spatial;
    struct reference_out *y;
};

static void batch_norm_planes(void *data, size_t begin, size_t end) {
    const struct batch_norm *b = data;
    for (size_t plane = begin; plane < end; plane++) {
        size_t c = plane % b->channels;
        double a = b->scale[c] / sqrt(b->variance[c] + b->epsilon);
        for (size_t i = plane * b->spatial; i < (plane + 1) * b->spatial; i++) {
            /* variance + epsilon u, root 6 u, quotient 5 u, difference, product, fused or not. */
            double size = fabs(a) * (fabs(b->x[i]) + fabs(b->mean[c]));
            double rest = 2 * REFERENCE_U * fabs(b->bias[c]) + 2 * REFERENCE_TINY;
            b->y->y[i] = (b->x[i] - b->mean[c]) * a + b->bias[c];
            b->y->bound[i] = gamma_bound(16) * size + rest;
            if (b->y->probable) b->y->probable[i] = gamma_probable(16) * size + rest;
        }
    }
}

fovea_status reference_batch_norm(struct reference_call *c) {
    if (attr_int(c->node, "training_mode", 0)) return batch_norm_training(c);
    const fovea_desc *x = &c->in[0].desc;
    struct batch_norm b = {.x = reference_f64(c, 0),
                           .scale = reference_f64(c, 1),
                           .bias = reference_f64(c, 2),
                           .mean = reference_f64(c, 3),
                           .variance = reference_f64(c, 4)};
    if (!b.x || !b.scale || !b.bias || !b.mean || !b.variance) return FOVEA_NO_MEMORY;
    b.epsilon = attr_float(c->node, "epsilon", 1e-5f);
    b.channels = x->rank > 1 ? (size_t)x->dim[1] : 1;
    b.spatial = x->rank > 2 ? (size_t)desc_span(x, 2, x->rank) : 1;
    b.y = &c->out[0];
    size_t planes = x->rank > 1 ? (size_t)(x->dim[0] * x->dim[1]) : (size_t)x->dim[0];
    parallel_for(planes, 1 + 4096 / (b.spatial + 1), batch_norm_planes, &b);
    return FOVEA_OK;
}
