/* The truth of the gradients of the classification losses. With the log-probabilities l, p = exp(l), the
 * label y, weights w (or 1), smoothing s over c classes, and g = dloss, for a mean over the sum of the labels'
 * weights:
 *     SoftmaxCrossEntropyLossGrad     dx_k = g ((1 - s) w_y (p_k - [k = y]) + s/c (sum(w) p_k - w_k))
 *     NegativeLogLikelihoodLossGrad   dx_k = -g w_y [k = y]
 * and 0 at an ignored label. exp is off by 3 ulp; 1 - s and s/c are rounded; the division is off by 2.5 ulp. */
#include <inttypes.h>
#include <string.h>

#include "reference/reference.h"

#define U REFERENCE_U

struct loss_grad {
    const double *dloss, *log_prob, *weights;
    const int64_t *labels;
    size_t classes, inner, items;
    bool softmax, has_ignore, each, mean;
    int64_t ignore;
    double smoothing, total, total_error; /* of all classes' weights */
    double divisor, divisor_error;        /* the labels' weights */
    struct reference_out *dx;
};

static double weight_of(const struct loss_grad *l, size_t k) {
    return l->weights ? l->weights[k] : 1;
}

static bool is_ignored(const struct loss_grad *l, size_t item) {
    return l->has_ignore && l->labels[item] == l->ignore;
}

/* Sums of weights, in any order; of numbers 1 they are exact. */
static fovea_status add_weights(struct loss_grad *l) {
    double size = 0, label_size = 0;
    for (size_t k = 0; k < l->classes; k++) {
        l->total += weight_of(l, k);
        size += fabs(weight_of(l, k));
    }
    for (size_t item = 0; item < l->items; item++) {
        int64_t y = l->labels[item];
        if (is_ignored(l, item)) continue;
        if (y < 0 || y >= (int64_t)l->classes)
            return fail(FOVEA_INVALID,
                        "label %" PRId64 " of item %zu is outside the %zu classes and is not "
                        "ignore_index",
                        y, item, l->classes);
        l->divisor += weight_of(l, (size_t)y);
        label_size += fabs(weight_of(l, (size_t)y));
    }
    if (l->weights) {
        l->total_error = gamma_bound((double)l->classes) * size;
        l->divisor_error = gamma_bound((double)l->items) * label_size;
    }
    return FOVEA_OK;
}

/* The gradient but for g. */
static double pull(const struct loss_grad *l, size_t k, size_t label, double log_prob,
                   double *error) {
    double w = weight_of(l, label), hit = k == label, p = exp(log_prob), off = ulp_bound(p, 3);
    *error = 0;
    if (!l->softmax) return -hit * w;
    double near = (1 - l->smoothing) * w * (p - hit);
    double near_error =
        fabs(w) * (off + U * fabs(p - hit)) * (1 + 4 * U) + gamma_bound(3) * fabs(near);
    if (l->smoothing == 0) {
        *error = near_error;
        return near;
    }
    double share = l->smoothing / (double)l->classes, product = l->total * p;
    double inner = product - weight_of(l, k);
    double inner_error = fabs(l->total) * off + l->total_error * (p + off) + U * fabs(product);
    inner_error = inner_error * (1 + 2 * U) + U * fabs(inner);
    double far = share * inner,
           far_error = share * inner_error * (1 + 3 * U) + gamma_bound(2) * fabs(far);
    *error = near_error + far_error + U * (fabs(near + far) + near_error + far_error);
    return near + far;
}

static void store(struct reference_out *o, size_t at, double y, double bound) {
    o->y[at] = y;
    o->bound[at] = isnan(bound) ? INFINITY : bound;
    if (o->probable) o->probable[at] = o->bound[at];
}

static void item_gradient(const struct loss_grad *l, size_t item) {
    size_t start = item / l->inner * l->classes * l->inner + item % l->inner;
    double g = l->dloss[l->each ? item : 0];
    for (size_t k = 0; k < l->classes; k++) {
        size_t at = start + k * l->inner;
        double error, y = 0, bound = 0;
        if (!is_ignored(l, item)) {
            double d = pull(l, k, (size_t)l->labels[item], l->log_prob[at], &error);
            y = g * d;
            bound = fabs(g) * error * (1 + U) + U * fabs(y) + REFERENCE_TINY;
            if (l->mean) {
                double left = fabs(l->divisor) - l->divisor_error;
                y /= l->divisor;
                bound = left > 0 ? (bound + fabs(y) * l->divisor_error) / left : INFINITY;
                bound += 5 * U * (fabs(y) + bound) + REFERENCE_TINY;
            }
        }
        store(l->dx, at, y, bound);
    }
}

fovea_status reference_loss_grad(struct reference_call *c) {
    const fovea_desc *x = &c->in[1].desc;
    const char *reduction = attr_string(c->node, "reduction", "mean");
    struct loss_grad l = {.dloss = reference_f64(c, 0),
                          .log_prob = reference_f64(c, 1),
                          .labels = reference_i64(c, 2),
                          .weights = reference_f64(c, 3),
                          .softmax = c->node->op == OP_SoftmaxCrossEntropyLossGrad,
                          .smoothing = attr_float(c->node, "label_smoothing", 0),
                          .dx = &c->out[0]};
    if (!l.dloss || !l.log_prob || !l.labels || (reference_has(c, 3) && !l.weights))
        return FOVEA_NO_MEMORY;
    l.classes = (size_t)x->dim[1];
    l.inner = (size_t)desc_span(x, 2, x->rank);
    l.items = (size_t)x->dim[0] * l.inner;
    l.has_ignore = node_attr(c->node, "ignore_index") != NULL;
    l.ignore = attr_int(c->node, "ignore_index", 0);
    l.each = strcmp(reduction, "none") == 0;
    l.mean = strcmp(reduction, "mean") == 0;
    TRY(add_weights(&l));
    for (size_t item = 0; item < l.items && c->out[0].data; item++) item_gradient(&l, item);
    return FOVEA_OK;
}
