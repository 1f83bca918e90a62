/* The truth of Softmax, LogSoftmax and Hardmax.
 *
 * With d = x - max (off by u |d|) an exponential is off by the factor exp(u |d|) and 3 ulp (<= 6 u), and
 * may be flushed to zero below the normal range; n - 1 additions make the sum. Then
 *     share   exp(d) / sum: division 2.5 ulp or reciprocal and product: <= gamma(7)
 *     log     d - log(sum): the sum's error through the logarithm, 3 ulp of that, u of the result */
#include "reference/softmax.h"

#include <math.h>

#include "base/threads.h"

static double exp_error(double d, double e) {
    double factor = e > 0 ? expm1(REFERENCE_U * fabs(d)) + 6.5 * REFERENCE_U : 0;
    return e * factor + REFERENCE_TINY;
}

struct softmax_sum softmax_sum(const double *x, size_t n, size_t stride) {
    struct softmax_sum s = {.max = -INFINITY};
    double errors = 0;
    for (size_t i = 0; i < n; i++)
        if (!(x[i * stride] <= s.max)) {
            s.max = x[i * stride];
            if (isnan(s.max)) break;
        }
    for (size_t i = 0; i < n; i++) {
        double d = x[i * stride] - s.max, e = exp(d);
        s.sum += e;
        errors += exp_error(d, e);
    }
    s.error[0] = errors + gamma_bound((double)n) * (s.sum + errors);
    s.error[1] = errors + gamma_probable((double)n) * (s.sum + errors);
    return s;
}

double softmax_share(const struct softmax_sum *s, double x, double bounds[2]) {
    double d = x - s->max, e = exp(d), y = e / s->sum;
    for (int kind = 0; kind < 2; kind++) {
        double carried = (exp_error(d, e) + y * s->error[kind]) / (s->sum - s->error[kind]);
        bounds[kind] = carried + gamma_bound(7) * (y + carried) + REFERENCE_TINY;
    }
    return y;
}

double softmax_log(const struct softmax_sum *s, double x, double bounds[2]) {
    double d = x - s->max, log_sum = log(s->sum), y = d - log_sum;
    for (int kind = 0; kind < 2; kind++) {
        double carried = -log1p(-s->error[kind] / s->sum);
        double logarithm = carried + 6 * REFERENCE_U * (fabs(log_sum) + carried);
        double inner = REFERENCE_U * fabs(d) + logarithm;
        bounds[kind] = isinf(y) ? 0 : inner + REFERENCE_U * (fabs(y) + inner) + REFERENCE_TINY;
    }
    return y;
}

struct softmax {
    const double *x;
    size_t length, inner; /* of a row, and the distance of its elements */
    struct reference_out *y;
    double (*function)(const struct softmax_sum *, double, double *);
};

static void softmax_rows(void *data, size_t begin, size_t end) {
    const struct softmax *f = data;
    for (size_t row = begin; row < end; row++) {
        size_t start = row / f->inner * f->length * f->inner + row % f->inner;
        struct softmax_sum s = softmax_sum(f->x + start, f->length, f->inner);
        for (size_t i = 0; i < f->length; i++) {
            size_t at = start + i * f->inner;
            double bounds[2];
            f->y->y[at] = f->function(&s, f->x[at], bounds);
            f->y->bound[at] = bounds[0];
            if (f->y->probable) f->y->probable[at] = bounds[1];
        }
    }
}

/* 1 at the first of the largest elements, NaN being largest, else 0: exact. */
static void hardmax_rows(void *data, size_t begin, size_t end) {
    const struct softmax *f = data;
    for (size_t row = begin; row < end; row++) {
        size_t start = row / f->inner * f->length * f->inner + row % f->inner, best = 0;
        for (size_t i = 1; i < f->length; i++) {
            double top = f->x[start + best * f->inner];
            if (!(f->x[start + i * f->inner] <= top) && !isnan(top)) best = i;
        }
        for (size_t i = 0; i < f->length; i++) {
            size_t at = start + i * f->inner;
            f->y->y[at] = i == best;
            f->y->bound[at] = 0;
            if (f->y->probable) f->y->probable[at] = 0;
        }
    }
}

static fovea_status along_axis(struct reference_call *c, struct softmax *f,
                               void (*rows)(void *, size_t, size_t)) {
    const fovea_desc *x = &c->in[0].desc;
    int axis = x->rank ? attr_axis(c->node, "axis", -1, x->rank) : 0;
    int end = attr_int(c->node, "coerce", 0) || !x->rank ? x->rank : axis + 1;
    f->x = reference_f64(c, 0);
    f->y = &c->out[0];
    f->length = (size_t)desc_span(x, axis, end);
    f->inner = (size_t)desc_span(x, end, x->rank);
    if (!f->x) return FOVEA_NO_MEMORY;
    size_t count = (size_t)desc_span(x, 0, axis) * f->inner;
    if (f->length) parallel_for(count, 1 + 1024 / f->length, rows, f);
    return FOVEA_OK;
}

fovea_status reference_softmax(struct reference_call *c) {
    return along_axis(c, &(struct softmax){.function = softmax_share}, softmax_rows);
}

fovea_status reference_log_softmax(struct reference_call *c) {
    return along_axis(c, &(struct softmax){.function = softmax_log}, softmax_rows);
}

fovea_status reference_hardmax(struct reference_call *c) {
    return along_axis(c, &(struct softmax){0}, hardmax_rows);
}
