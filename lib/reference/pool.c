/* The truth of pooling.
 *
 * MaxPool        the largest tap inside the input and where it is; exact, but for numbers below the
 *                normal range, which a device may flush to zero
 * AveragePool    sum of taps / their number: n - 1 additions, and a division (2.5 ulp <= 5 u) or a
 *                reciprocal (5 u) and a product, the number rounded:  gamma(n + 7) * sum |x| / number
 * LpPool         (sum |x|^p)^(1/p): each power within 16 ulp (<= 32 u), n - 1 additions, and the
 *                root within 16 ulp of a base that is off by so much; 1/p itself is off by u
 * A window without a single tap gives -infinity (index -1), 0 and 0.
 *
 * Gradients: a tap gets dy of each of its n windows, or its share of it
 * MaxPoolGrad      n - 1 additions:  gamma(n) * sum |dy|
 * AveragePoolGrad  each dy divided (2.5 ulp <= 5 u) or multiplied with a reciprocal (5 u, u), n - 1
 *                  additions:  gamma(n + 6) * sum |dy| / number */
#include "graph/window.h"

#include <float.h>
#include <math.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "reference/reference.h"

struct pooling {
    struct window w;
    const double *x;
    struct reference_out *y, *indices; /* indices NULL where they are not wanted */
    bool include_pad, column_major;
    double p;
    size_t x_plane, y_plane; /* elements of one channel */
    void (*window)(const struct pooling *, size_t plane, const int64_t *o, size_t out);
};

/* The taps k in [begin, end) of a window that fall inside the input; start may be negative. */
struct taps {
    int64_t start[3], begin[3], end[3];
};

static int64_t divide_up(int64_t a, int64_t b) { /* a > 0 */
    return (a + b - 1) / b;
}

/* Number of taps from the window's start to before `limit`. */
static int64_t taps_before(const struct window *w, int axis, int64_t start, int64_t limit) {
    if (start >= limit) return 0;
    int64_t n = divide_up(limit - start, w->dilation[axis]);
    return n < w->kernel[axis] ? n : w->kernel[axis];
}

static struct taps taps_of(const struct window *w, const int64_t *o) {
    struct taps t;
    for (int a = 0; a < 3; a++) {
        t.start[a] = o[a] * w->stride[a] - w->pad_begin[a];
        t.begin[a] = taps_before(w, a, t.start[a], 0);
        t.end[a] = taps_before(w, a, t.start[a], w->in[a]);
    }
    return t;
}

#define FOR_TAPS(t, w, d, h, v)                                                                    \
    for (int64_t kd = (t).begin[0], d = (t).start[0] + kd * (w).dilation[0]; kd < (t).end[0];      \
         kd++, d += (w).dilation[0])                                                               \
        for (int64_t kh = (t).begin[1], h = (t).start[1] + kh * (w).dilation[1]; kh < (t).end[1];  \
             kh++, h += (w).dilation[1])                                                           \
            for (int64_t kv = (t).begin[2], v = (t).start[2] + kv * (w).dilation[2];               \
                 kv < (t).end[2]; kv++, v += (w).dilation[2])

/* ---- Maximum ---- */

static int64_t index_of(const struct pooling *p, size_t plane, const int64_t *at) {
    const int64_t *n = p->w.in;
    int64_t inside = p->column_major ? at[0] + n[0] * (at[1] + n[1] * at[2])
                                     : (at[0] * n[1] + at[1]) * n[2] + at[2];
    return (int64_t)(plane * p->x_plane) + inside;
}

static double lowest(fovea_dtype t) {
    return t == FOVEA_INT8 ? INT8_MIN : t == FOVEA_UINT8 ? 0 : -INFINITY;
}

/* Where the largest tap is; false if there is none. The first of equal maxima wins; NaN is larger than
 * everything. */
static bool find_max(const struct window *w, const double *x, const int64_t *o, int64_t *at) {
    struct taps t = taps_of(w, o);
    double best = -INFINITY;
    bool found = false;
    FOR_TAPS(t, *w, d, h, v) {
        double candidate = x[(d * w->in[1] + h) * w->in[2] + v];
        if (found && (candidate <= best || isnan(best))) continue;
        best = candidate;
        found = true;
        at[0] = d, at[1] = h, at[2] = v;
    }
    return found;
}

static void max_window(const struct pooling *p, size_t plane, const int64_t *o, size_t out) {
    const struct window *w = &p->w;
    int64_t at[3];
    bool found = find_max(w, p->x + plane * p->x_plane, o, at);
    int64_t index = found ? index_of(p, plane, at) : -1;
    double best =
        found ? p->x[plane * p->x_plane + (size_t)((at[0] * w->in[1] + at[1]) * w->in[2] + at[2])]
              : lowest(p->y->desc.dtype);
    if (p->indices) reference_store_i64(p->indices, out, index);
    if (!p->y->data) return;
    if (!p->y->y) {
        reference_store_i64(p->y, out, (int64_t)best);
        return;
    }
    p->y->y[out] = best;
    p->y->bound[out] = fabs(best) < REFERENCE_TINY && best != 0 ? REFERENCE_TINY : 0;
    if (p->y->probable) p->y->probable[out] = p->y->bound[out];
}

/* ---- Average ---- */

/* What the sum of a window's taps is divided by; *inside: those inside the input. */
static double window_count(const struct window *w, const struct taps *t, bool include_pad,
                           double *inside) {
    double count = 1;
    *inside = 1;
    for (int a = 0; a < 3; a++) {
        /* What lies beyond the padding, in a window that ceil_mode added, never counts. */
        int64_t padded = taps_before(w, a, t->start[a], w->in[a] + w->pad_end[a]);
        int64_t taps = t->end[a] > t->begin[a] ? t->end[a] - t->begin[a] : 0;
        count *= (double)(include_pad ? padded : taps);
        *inside *= (double)taps;
    }
    return *inside == 0 ? 1 : count;
}

static void average_window(const struct pooling *p, size_t plane, const int64_t *o, size_t out) {
    const struct window *w = &p->w;
    const double *x = p->x + plane * p->x_plane;
    struct taps t = taps_of(w, o);
    double sum = 0, size = 0, inside, count = window_count(w, &t, p->include_pad, &inside);
    FOR_TAPS(t, *w, d, h, v) {
        double tap = x[(d * w->in[1] + h) * w->in[2] + v];
        sum += tap;
        size += fabs(tap);
    }
    p->y->y[out] = sum / count;
    p->y->bound[out] = gamma_bound(inside + 7) * size / count + REFERENCE_TINY;
    if (p->y->probable)
        p->y->probable[out] = gamma_probable(inside + 7) * size / count + REFERENCE_TINY;
}

/* ---- Power mean without the mean ---- */

/* (sum of n powers)^(1/p) with a sum that is off by at most `error`. */
static double root_bound(double sum, double error, double p) {
    double y = pow(sum, 1 / p), high = pow(sum + error, 1 / p);
    double low = sum > error ? pow(sum - error, 1 / p) : 0;
    /* 16 ulp of the root; 1/p rounded moves it by |ln sum| / p * u. */
    double root =
        p == 1 ? 0 : (32 + fabs(log(fmax(sum + error, REFERENCE_TINY))) / p) * REFERENCE_U;
    return fmax(high - y, y - low) + root * high + REFERENCE_TINY;
}

static void lp_store(const struct pooling *p, size_t out, double sum, double n) {
    double power = p->p == 1 ? 0 : p->p == 2 ? 1 : 32, flushed = n * REFERENCE_TINY;
    p->y->y[out] = pow(sum, 1 / p->p);
    p->y->bound[out] = root_bound(sum, gamma_bound(n + power) * sum + flushed, p->p);
    /* Beyond binary32 a device's sum is infinite. */
    if (sum > 0.99 * (double)FLT_MAX) p->y->bound[out] = INFINITY;
    if (p->y->probable)
        p->y->probable[out] = root_bound(sum, gamma_probable(n + power) * sum + flushed, p->p);
}

static void lp_window(const struct pooling *p, size_t plane, const int64_t *o, size_t out) {
    const struct window *w = &p->w;
    const double *x = p->x + plane * p->x_plane;
    struct taps t = taps_of(w, o);
    double sum = 0, n = 0;
    FOR_TAPS(t, *w, d, h, v) {
        double tap = fabs(x[(d * w->in[1] + h) * w->in[2] + v]);
        sum += p->p == 2 ? tap * tap : pow(tap, p->p);
        n++;
    }
    lp_store(p, out, sum, n);
}

/* ---- Loops ---- */

static void planes(void *data, size_t begin, size_t end) {
    const struct pooling *p = data;
    const int64_t *n = p->w.out;
    for (size_t plane = begin; plane < end; plane++) {
        size_t out = plane * p->y_plane;
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++)
                for (int64_t v = 0; v < n[2]; v++) p->window(p, plane, (int64_t[]){d, h, v}, out++);
    }
}

static fovea_status pool(struct reference_call *c, struct pooling *p) {
    p->y = &c->out[0];
    p->x = reference_f64(c, 0);
    p->p = (double)attr_int(c->node, "p", 2);
    if (!p->x) return FOVEA_NO_MEMORY;
    const fovea_desc *x = &c->in[0].desc;
    p->x_plane = (size_t)(p->w.in[0] * p->w.in[1] * p->w.in[2]);
    p->y_plane = (size_t)(p->w.out[0] * p->w.out[1] * p->w.out[2]);
    parallel_for((size_t)(x->dim[0] * x->dim[1]), 1 + 4096 / p->y_plane, planes, p);
    return FOVEA_OK;
}

fovea_status reference_max_pool(struct reference_call *c) {
    struct pooling p = {.window = max_window};
    p.indices = c->n_out > 1 && c->out[1].data ? &c->out[1] : NULL;
    p.column_major = attr_int(c->node, "storage_order", 0) != 0;
    TRY(window_resolve(c->node, &c->in[0].desc, NULL, &p.w));
    return pool(c, &p);
}

fovea_status reference_average_pool(struct reference_call *c) {
    struct pooling p = {.window = average_window};
    p.include_pad = attr_int(c->node, "count_include_pad", 0) != 0;
    TRY(window_resolve(c->node, &c->in[0].desc, NULL, &p.w));
    return pool(c, &p);
}

fovea_status reference_lp_pool(struct reference_call *c) {
    struct pooling p = {.window = lp_window};
    TRY(window_resolve(c->node, &c->in[0].desc, NULL, &p.w));
    return pool(c, &p);
}

/* One window over the whole plane, whatever its rank. */
static fovea_status global_pool(struct reference_call *c,
                                void (*window)(const struct pooling *, size_t, const int64_t *,
                                               size_t)) {
    const fovea_desc *x = &c->in[0].desc;
    int64_t n = desc_span(x, 2, x->rank);
    struct pooling p = {.window = window};
    p.w = (struct window){1, {1, 1, n}, {1, 1, n}, {1, 1, 1}, {1, 1, 1}, {0}, {0}, {1, 1, 1}};
    return pool(c, &p);
}

fovea_status reference_global_average_pool(struct reference_call *c) {
    return global_pool(c, average_window);
}

fovea_status reference_global_max_pool(struct reference_call *c) {
    return global_pool(c, max_window);
}

fovea_status reference_global_lp_pool(struct reference_call *c) {
    return global_pool(c, lp_window);
}

/* ---- Gradients ---- */

struct pooling_grad {
    struct window w;
    const double *dy, *x; /* x NULL for an average */
    struct reference_out *dx;
    bool include_pad, divide;
    size_t x_plane, y_plane;
    double *windows; /* by element of dx: those that gave to it */
};

/* `number` to element i of dx; `bound` holds the sum of magnitudes for now. */
static void tap_add(const struct pooling_grad *g, size_t i, double number) {
    g->dx->y[i] += number;
    g->dx->bound[i] += fabs(number);
    g->windows[i]++;
}

static void window_grad(const struct pooling_grad *g, size_t plane, const int64_t *o, double dy) {
    const struct window *w = &g->w;
    size_t first = plane * g->x_plane;
    int64_t at[3];
    if (g->x) {
        if (find_max(w, g->x + first, o, at))
            tap_add(g, first + (size_t)((at[0] * w->in[1] + at[1]) * w->in[2] + at[2]), dy);
        return;
    }
    struct taps t = taps_of(w, o);
    double inside, count = window_count(w, &t, g->include_pad, &inside);
    if (g->divide) dy /= count;
    FOR_TAPS(t, *w, d, h, v) tap_add(g, first + (size_t)((d * w->in[1] + h) * w->in[2] + v), dy);
}

static void plane_grad(const struct pooling_grad *g, size_t plane) {
    const int64_t *n = g->w.out;
    size_t first = plane * g->x_plane, out = plane * g->y_plane;
    for (size_t i = first; i < first + g->x_plane; i++)
        g->dx->y[i] = g->dx->bound[i] = g->windows[i] = 0;
    for (int64_t d = 0; d < n[0]; d++)
        for (int64_t h = 0; h < n[1]; h++)
            for (int64_t v = 0; v < n[2]; v++)
                window_grad(g, plane, (int64_t[]){d, h, v}, g->dy[out++]);
    for (size_t i = first; i < first + g->x_plane; i++) {
        double size = g->dx->bound[i], k = g->windows[i] + (g->divide ? 6 : 0);
        double flushed = (g->windows[i] + 1) * REFERENCE_TINY;
        g->dx->bound[i] = gamma_bound(k) * size + flushed;
        if (g->dx->probable) g->dx->probable[i] = gamma_probable(k) * size + flushed;
    }
}

static void planes_grad(void *data, size_t begin, size_t end) {
    for (size_t plane = begin; plane < end; plane++) plane_grad(data, plane);
}

static fovea_status pool_grad(struct reference_call *c, struct pooling_grad *g) {
    const fovea_desc *x = &c->out[0].desc;
    g->dx = &c->out[0];
    g->dy = reference_f64(c, 0);
    if (!g->dy) return FOVEA_NO_MEMORY;
    TRY(window_resolve(c->node, x, NULL, &g->w));
    g->x_plane = (size_t)(g->w.in[0] * g->w.in[1] * g->w.in[2]);
    g->y_plane = (size_t)(g->w.out[0] * g->w.out[1] * g->w.out[2]);
    size_t n = (size_t)fovea_desc_elements(x);
    g->windows = mem_array(n, sizeof *g->windows);
    if (!g->windows) return fail_memory(n * sizeof *g->windows, "counts of windows");
    parallel_for((size_t)(x->dim[0] * x->dim[1]), 1 + 4096 / g->x_plane, planes_grad, g);
    mem_free(g->windows);
    return FOVEA_OK;
}

fovea_status reference_max_pool_grad(struct reference_call *c) {
    struct pooling_grad g = {.x = reference_f64(c, 1)};
    return g.x ? pool_grad(c, &g) : FOVEA_NO_MEMORY;
}

fovea_status reference_average_pool_grad(struct reference_call *c) {
    struct pooling_grad g = {.include_pad = attr_int(c->node, "count_include_pad", 0) != 0,
                             .divide = attr_int(c->node, "divide", 1) != 0};
    return pool_grad(c, &g);
}
