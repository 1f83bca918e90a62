/* Reductions: ReduceX. The empty reduction gives the neutral element: 0, 1, the infinities (for
 * integers the limits of the type), the mean NaN.
 *
 * Bounds: a sum of K terms in any order is off by gamma(K) times the sum of magnitudes; terms that a
 * device flushes add K times the smallest normal number. What comes after the sum carries its error
 * on through the worst point of the interval, and adds its own. */
#include <string.h>

#include "base/threads.h"
#include "graph/reduction.h"
#include "reference/elementwise.h"

#define TINY REFERENCE_TINY

struct job {
    enum op op;
    struct reduction r;
    const double *x;
    const int64_t *k;
    bool is_unsigned;
    struct reference_out *o;
};

/* Calls body for runs of `count` terms at x + offset, stride apart, that make up one output. */
static void for_each_run(const struct reduction *r, int64_t output,
                         void (*body)(void *, int64_t at, int64_t count, int64_t stride),
                         void *data) {
    int64_t base = reduction_offset(r->kept, r->kept_stride, output);
    int64_t width = r->reduced[REDUCTION_DIMS - 1], outer[REDUCTION_DIMS];
    memcpy(outer, r->reduced, sizeof outer);
    outer[REDUCTION_DIMS - 1] = 1;
    for (int64_t i = 0; width && i < r->terms / width; i++)
        body(data, base + reduction_offset(outer, r->reduced_stride, i), width,
             r->reduced_stride[REDUCTION_DIMS - 1]);
}

/* ---- Floats ---- */

/* All that the ten operators need to know about the terms of one output. */
struct sums {
    const struct job *job;
    double shift;                      /* LogSumExp: the largest term */
    double sum, magnitude, square;     /* of x, |x|, x^2 */
    double product, largest, smallest; /* largest, smallest: partial products of any order */
    double low, high;
    double exponentials, exponential_error; /* sum of exp(x - shift), and of what it may be off */
};

static void add_terms(void *data, int64_t at, int64_t count, int64_t stride) {
    struct sums *s = data;
    const double *x = s->job->x + at;
    for (int64_t i = 0; i < count; i++, x += stride) {
        double m = fabs(*x);
        s->sum += *x;
        s->magnitude += m;
        s->square += m * m;
        s->low = *x < s->low || isnan(*x) ? *x : s->low;
        s->high = *x > s->high || isnan(*x) ? *x : s->high;
    }
}

static void multiply_terms(void *data, int64_t at, int64_t count, int64_t stride) {
    struct sums *s = data;
    const double *x = s->job->x + at;
    for (int64_t i = 0; i < count; i++, x += stride) {
        double m = fabs(*x);
        s->product *= *x;
        if (m > 1) s->largest *= m;
        if (m < 1 && m > 0) s->smallest *= m;
    }
}

/* The shift is rounded (u |x - shift|, which exp turns into a relative error), exp by 3 ulp. */
static void add_exponentials(void *data, int64_t at, int64_t count, int64_t stride) {
    struct sums *s = data;
    const double *x = s->job->x + at;
    for (int64_t i = 0; i < count; i++, x += stride) {
        double d = *x - s->shift, e = exp(d);
        s->exponentials += e;
        if (e > 0) s->exponential_error += e * expm1(REFERENCE_U * fabs(d)) + ulp_bound(e, 3);
    }
}

/* The terms added up: their value and the error of a device that does it in any order. */
struct sum {
    double value, error;
};

static struct sum sum_of(const struct sums *s, double k, double (*gamma)(double)) {
    switch (s->job->op) {
    case OP_ReduceL1: return (struct sum){s->magnitude, gamma(k) * s->magnitude + k * TINY};
    case OP_ReduceL2:
    case OP_ReduceSumSquare:
        return (struct sum){s->square, gamma(k + 1) * s->square + 2 * k * TINY};
    case OP_ReduceLogSumExp:
        return (struct sum){s->exponentials,
                            gamma(k) * s->exponentials + (1 + gamma(k)) * s->exponential_error};
    default: return (struct sum){s->sum, gamma(k) * s->magnitude + k * TINY};
    }
}

/* log carried through the interval value +- error; 3 ulp of its own. */
static double log_bound(struct sum a) {
    if (!(a.value - a.error > 0)) return INFINITY;
    return log(a.value) - log(a.value - a.error) + ulp_bound(log(a.value), 3);
}

static double root_bound(struct sum a) {
    double root = sqrt(a.value), low = a.value - a.error;
    double carried = low > 0 ? root - sqrt(low) : sqrt(a.value + a.error);
    return carried + ulp_bound(root + carried, 3);
}

/* A product of K factors is off by gamma(K) relative, unless a partial product leaves the range. */
static double product_bound(const struct sums *s, double k, double (*gamma)(double)) {
    if (s->largest > FLT_MAX) return INFINITY;
    double flushed = s->smallest < 4 * TINY ? k * TINY * s->largest : 0;
    return gamma(k) * fabs(s->product) + flushed + TINY;
}

static double result_of(const struct sums *s, double k) {
    double shift = isinf(s->high) ? 0 : s->high;
    switch (s->job->op) {
    case OP_ReduceMean: return s->sum / k;
    case OP_ReduceMax: return s->high;
    case OP_ReduceMin: return s->low;
    case OP_ReduceProd: return s->product;
    case OP_ReduceSumSquare: return s->square;
    case OP_ReduceL1: return s->magnitude;
    case OP_ReduceL2: return sqrt(s->square);
    case OP_ReduceLogSum: return log(s->sum);
    case OP_ReduceLogSumExp: return shift + log(s->exponentials);
    default: return s->sum;
    }
}

/* The mean's division: K as a float (u) and 2.5 ulp (5 u). */
static double bound_of(const struct sums *s, double k, double y, double (*gamma)(double)) {
    struct sum a = sum_of(s, k, gamma);
    bool plain_sum = s->job->op == OP_ReduceSum || s->job->op == OP_ReduceMean;
    if (plain_sum && s->magnitude > FLT_MAX) return INFINITY; /* may overflow on its way */
    switch (s->job->op) {
    case OP_ReduceMean: return (gamma(k + 6) * s->magnitude + k * TINY) / k + TINY;
    case OP_ReduceMax:
    case OP_ReduceMin: return exact_bound(y);
    case OP_ReduceProd: return product_bound(s, k, gamma);
    case OP_ReduceL2: return a.value + a.error > FLT_MAX ? INFINITY : root_bound(a);
    case OP_ReduceLogSum: return log_bound(a);
    case OP_ReduceLogSumExp: return log_bound(a) + REFERENCE_U * (fabs(y) + log_bound(a));
    default: return a.error;
    }
}

static void float_part(void *data, size_t begin, size_t end) {
    const struct job *j = data;
    for (size_t i = begin; i < end; i++) {
        struct sums s = {.job = j, .low = INFINITY, .high = -INFINITY};
        s.product = s.largest = s.smallest = 1;
        if (j->op == OP_ReduceProd) for_each_run(&j->r, (int64_t)i, multiply_terms, &s);
        else for_each_run(&j->r, (int64_t)i, add_terms, &s);
        s.shift = isinf(s.high) ? 0 : s.high;
        if (j->op == OP_ReduceLogSumExp) for_each_run(&j->r, (int64_t)i, add_exponentials, &s);
        double k = (double)j->r.terms, y = result_of(&s, k);
        write_float(j->o, i, y, bound_of(&s, k, y, gamma_bound));
        if (!j->o->probable) continue;
        double probable = bound_of(&s, k, y, gamma_probable);
        j->o->probable[i] = isfinite(y) && isfinite(probable) ? probable : j->o->bound[i];
    }
}

/* ---- Integers: 64 bits that wrap; roots and logarithms through double ---- */

struct integer_sums {
    const struct job *job;
    uint64_t sum, magnitude, square, product;
    int64_t low, high;
    double exponentials;
    bool any;
};

static void add_integers(void *data, int64_t at, int64_t count, int64_t stride) {
    struct integer_sums *s = data;
    const int64_t *x = s->job->k + at;
    bool is_unsigned = s->job->is_unsigned;
    for (int64_t i = 0; i < count; i++, x += stride, s->any = true) {
        uint64_t m = (uint64_t)*x;
        s->sum += m;
        s->magnitude += integer_less(*x, 0, is_unsigned) ? 0 - m : m;
        s->square += m * m;
        s->product *= m;
        if (!s->any || integer_less(*x, s->low, is_unsigned)) s->low = *x;
        if (!s->any || integer_less(s->high, *x, is_unsigned)) s->high = *x;
        if (s->job->op == OP_ReduceLogSumExp) s->exponentials += exp((double)*x);
    }
}

/* Lowest or highest value of a type, as 64 bits. */
static int64_t type_limit(fovea_dtype t, bool highest) {
    int bits = t == FOVEA_BOOL ? 1 : (int)fovea_dtype_size(t) * 8;
    if (dtype_is_unsigned(t)) return !highest ? 0 : bits == 64 ? -1 : (INT64_C(1) << bits) - 1;
    int64_t top = (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
    return highest ? top : -top - 1;
}

static int64_t integer_mean(uint64_t sum, int64_t k, bool is_unsigned) {
    if (k == 0) return 0;
    return is_unsigned ? (int64_t)(sum / (uint64_t)k) : (int64_t)sum / k;
}

static int64_t integer_result(const struct integer_sums *s, const struct job *j) {
    switch (j->op) {
    case OP_ReduceMean: return integer_mean(s->sum, j->r.terms, j->is_unsigned);
    case OP_ReduceMax: return s->any ? s->high : type_limit(j->o->desc.dtype, false);
    case OP_ReduceMin: return s->any ? s->low : type_limit(j->o->desc.dtype, true);
    case OP_ReduceProd: return (int64_t)s->product;
    case OP_ReduceSumSquare: return (int64_t)s->square;
    case OP_ReduceL1: return (int64_t)s->magnitude;
    case OP_ReduceL2: return (int64_t)sqrt((double)s->square);
    case OP_ReduceLogSum: return s->sum ? (int64_t)log((double)s->sum) : 0;
    case OP_ReduceLogSumExp:
        return s->exponentials > 0 && isfinite(s->exponentials) ? (int64_t)log(s->exponentials) : 0;
    default: return (int64_t)s->sum;
    }
}

static void integer_part(void *data, size_t begin, size_t end) {
    const struct job *j = data;
    for (size_t i = begin; i < end; i++) {
        struct integer_sums s = {.job = j, .product = 1};
        for_each_run(&j->r, (int64_t)i, add_integers, &s);
        reference_store_i64(j->o, i, integer_result(&s, j));
    }
}

/* ---- Entry ---- */

static fovea_status read_axes(struct reference_call *c, struct reduction *r) {
    int64_t count = reference_has(c, 1) ? fovea_desc_elements(&c->in[1].desc) : 0;
    const int64_t *axes = reference_i64(c, 1);
    if (count && !axes) return FOVEA_NO_MEMORY;
    return reduction_make(r, c->node, &c->in[0].desc, axes, (size_t)count);
}

fovea_status reference_reduce(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    struct job j = {.op = c->node->op, .o = o};
    if (!o->data) return FOVEA_OK;
    bool floats = dtype_is_float(o->desc.dtype);
    TRY(read_axes(c, &j.r));
    j.is_unsigned = dtype_is_unsigned(o->desc.dtype);
    if (floats) j.x = reference_f64(c, 0);
    else j.k = reference_i64(c, 0);
    if (!j.x && !j.k) return FOVEA_NO_MEMORY;
    size_t grain = 1 + 4096 / (size_t)(j.r.terms + 1);
    parallel_for((size_t)j.r.outputs, grain, floats ? float_part : integer_part, &j);
    return FOVEA_OK;
}
