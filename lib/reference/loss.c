/* The truth of the classification losses. With p the log-probability of the right class and w its
 * weight, the loss of one item is -p w (one product: u); an item whose label is ignore_index has loss 0
 * and weight 0.
 *     none   the losses       sum   their sum: gamma(n)       mean   sum of losses / sum of weights
 * Label smoothing s over c classes makes it -(1 - s) p w - s/c sum(w_k p_k): 1 - s and s/c are rounded, and
 * so are c products and their sum.
 * NegativeLogLikelihoodLoss takes p from its input, SoftmaxCrossEntropyLoss from softmax_log. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference/softmax.h"

/* A sum of numbers that have errors themselves: bound [0], probable bound [1]. */
struct total {
    double sum, size, errors[2], count;
};

struct loss {
    const double *x, *weights;
    const int64_t *labels;
    size_t classes, inner, items; /* x is (n, classes, inner), labels are (n, inner) */
    bool softmax, has_ignore, each;
    int64_t ignore;
    double smoothing;
    struct reference_out *y, *log_prob; /* log_prob NULL if it is not wanted */
    struct total losses, weight;
};

static void total_add(struct total *t, double x, const double errors[2]) {
    t->sum += x;
    t->size += fabs(x);
    t->errors[0] += errors[0];
    t->errors[1] += errors[1];
    t->count++;
}

static double total_bound(const struct total *t, int kind) {
    double g = kind ? gamma_probable(t->count) : gamma_bound(t->count);
    return t->errors[kind] + g * (t->size + t->errors[kind]);
}

static void store(struct reference_out *o, size_t i, double y, const double bounds[2]) {
    o->y[i] = y;
    o->bound[i] = bounds[0];
    if (o->probable) o->probable[i] = bounds[1];
}

static void log_probabilities(const struct loss *l, const struct softmax_sum *s, size_t start) {
    for (size_t k = 0; l->log_prob && k < l->classes; k++) {
        size_t at = start + k * l->inner;
        double bounds[2], y = softmax_log(s, l->x[at], bounds);
        store(l->log_prob, at, y, bounds);
    }
}

/* Adds what label smoothing changes: y and its bounds are those of the label alone. */
static double smooth(const struct loss *l, const struct softmax_sum *s, size_t start, double y,
                     double bounds[2]) {
    double share = l->smoothing / (double)l->classes, sum = 0, size = 0, errors[2] = {0, 0};
    for (size_t k = 0; k < l->classes; k++) {
        double w = l->weights ? l->weights[k] : 1, off[2];
        double p = softmax_log(s, l->x[start + k * l->inner], off);
        sum += w * p;
        size += fabs(w * p);
        for (int kind = 0; kind < 2; kind++) errors[kind] += fabs(w) * off[kind];
    }
    double near = (1 - l->smoothing) * y, far = share * sum;
    for (int kind = 0; kind < 2; kind++) {
        double n = (double)l->classes + 1, g = kind ? gamma_probable(n) : gamma_bound(n);
        double spread = errors[kind] + g * (size + errors[kind]);
        bounds[kind] += gamma_bound(2) * fabs(near) + share * spread * (1 + 4 * REFERENCE_U) +
                        gamma_bound(2) * fabs(far);
        bounds[kind] += REFERENCE_U * (fabs(near - far) + bounds[kind]);
    }
    return near - far;
}

static fovea_status loss_item(struct loss *l, size_t item) {
    size_t start = item / l->inner * l->classes * l->inner + item % l->inner;
    int64_t label = l->labels[item];
    bool ignored = l->has_ignore && label == l->ignore;
    struct softmax_sum s = {0};
    if (!ignored && (label < 0 || label >= (int64_t)l->classes))
        return fail(FOVEA_INVALID,
                    "label %" PRId64 " of item %zu is outside the %zu classes and is "
                    "not ignore_index",
                    label, item, l->classes);
    if (l->softmax) s = softmax_sum(l->x + start, l->classes, l->inner);
    if (l->softmax) log_probabilities(l, &s, start);
    double bounds[2] = {0, 0}, zeros[2] = {0, 0}, y = 0, w = 0;
    if (!ignored) {
        double x = l->x[start + (size_t)label * l->inner];
        double p = l->softmax ? softmax_log(&s, x, bounds) : x;
        w = l->weights ? l->weights[label] : 1;
        y = -p * w;
        for (int k = 0; k < 2; k++)
            bounds[k] =
                fabs(w) * bounds[k] * (1 + REFERENCE_U) + REFERENCE_U * fabs(y) + REFERENCE_TINY;
        if (l->smoothing > 0) y = smooth(l, &s, start, y, bounds);
    }
    total_add(&l->losses, y, bounds);
    total_add(&l->weight, w, zeros);
    if (l->each) store(l->y, item, y, bounds);
    return FOVEA_OK;
}

/* sum / weight, where both are off; 2.5 ulp of the division. */
static void store_mean(const struct loss *l) {
    double y = l->losses.sum / l->weight.sum, bounds[2];
    for (int kind = 0; kind < 2; kind++) {
        double off = total_bound(&l->weight, kind), left = fabs(l->weight.sum) - off;
        double carried = (total_bound(&l->losses, kind) + fabs(y) * off) / left;
        bounds[kind] =
            left > 0 ? carried + 5 * REFERENCE_U * (fabs(y) + carried) + REFERENCE_TINY : INFINITY;
    }
    store(l->y, 0, y, bounds);
}

static fovea_status loss_run(struct reference_call *c, bool softmax) {
    const fovea_desc *x = &c->in[0].desc;
    const char *reduction = attr_string(c->node, "reduction", "mean");
    struct loss l = {.x = reference_f64(c, 0),
                     .labels = reference_i64(c, 1),
                     .weights = reference_f64(c, 2),
                     .y = &c->out[0],
                     .softmax = softmax};
    if (!l.x || !l.labels || (reference_has(c, 2) && !l.weights)) return FOVEA_NO_MEMORY;
    l.classes = (size_t)x->dim[1];
    l.inner = (size_t)desc_span(x, 2, x->rank);
    l.items = (size_t)x->dim[0] * l.inner;
    l.has_ignore = node_attr(c->node, "ignore_index") != NULL;
    l.ignore = attr_int(c->node, "ignore_index", 0);
    l.smoothing = softmax ? attr_float(c->node, "label_smoothing", 0) : 0;
    bool wanted = c->out[0].data != NULL;
    l.each = wanted && strcmp(reduction, "none") == 0;
    l.log_prob = c->n_out > 1 && c->out[1].data ? &c->out[1] : NULL;
    for (size_t i = 0; i < l.items; i++) TRY(loss_item(&l, i));
    if (wanted && strcmp(reduction, "mean") == 0) store_mean(&l);
    if (wanted && strcmp(reduction, "sum") == 0)
        store(l.y, 0, l.losses.sum,
              (double[]){total_bound(&l.losses, 0), total_bound(&l.losses, 1)});
    return FOVEA_OK;
}

fovea_status reference_cross_entropy(struct reference_call *c) {
    return loss_run(c, true);
}

fovea_status reference_nll_loss(struct reference_call *c) {
    return loss_run(c, false);
}
