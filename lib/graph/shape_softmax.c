/* Shapes of softmax and its relatives, of the classification losses, and of dropout. */
#include <string.h>

#include "base/half.h"
#include "graph/graph.h"

/* Softmax, LogSoftmax, Hardmax: along `axis`; with coerce=1 (what opsets before 13 mean) over all
 * axes from `axis` on as one. */
fovea_status shape_softmax(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(shape_want_floats(g, n, 1));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    if (x->rank > 0 && attr_axis(n, "axis", -1, x->rank) < 0) return FOVEA_INVALID;
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}

/* Labels have the shape of the scores without the channel axis. */
static fovea_status want_labels(const fovea_desc *x, const fovea_desc *labels) {
    if (labels->dtype != FOVEA_INT32 && labels->dtype != FOVEA_INT64)
        return fail(FOVEA_INVALID, "the labels (input 1) are %s; int32 or int64 is needed",
                    fovea_dtype_name(labels->dtype));
    bool fits = x->rank >= 2 && labels->rank == x->rank - 1;
    for (int i = 0; fits && i < labels->rank; i++) fits = labels->dim[i] == x->dim[i ? i + 1 : 0];
    if (fits) return FOVEA_OK;
    return fail(FOVEA_INVALID,
                "labels of shape %s do not fit scores of shape %s: the shape of the "
                "scores without axis 1 is needed",
                desc_text(labels), desc_text(x));
}

/* Scores x, labels and weights of a loss, which begin at input `first`; its attributes. `none`: is each
 * item's loss a result? */
static fovea_status want_loss(const fovea_graph *g, const struct node *n, size_t first,
                              bool *none) {
    const fovea_desc *x = &node_in(g, n, first)->desc, *labels = &node_in(g, n, first + 1)->desc;
    TRY(want_labels(x, labels));
    if (x->dim[1] < 1)
        return fail(FOVEA_INVALID, "the scores have shape %s: there is no class", desc_text(x));
    const struct value *w = node_in(g, n, first + 2);
    if (w && (!dtype_is_float(w->desc.dtype) || w->desc.rank != 1 || w->desc.dim[0] != x->dim[1]))
        return fail(FOVEA_INVALID,
                    "the weights (input %zu) have shape %s; %lld floats, one for each "
                    "class, are needed",
                    first + 2, desc_text(&w->desc), (long long)x->dim[1]);
    const char *reduction = attr_string(n, "reduction", "mean");
    *none = strcmp(reduction, "none") == 0;
    if (!*none && strcmp(reduction, "mean") != 0 && strcmp(reduction, "sum") != 0)
        return fail(FOVEA_INVALID, "reduction '%s' is none of none, mean, sum", reduction);
    float smoothing = attr_float(n, "label_smoothing", 0);
    if (!(smoothing >= 0 && smoothing < 1))
        return fail(FOVEA_INVALID, "label_smoothing is %g; it must be from 0 to below 1",
                    (double)smoothing);
    return FOVEA_OK;
}

/* scores (n, c, d...), labels (n, d...), weights (c) -> loss, log-probabilities as the scores. With the
 * attribute label_smoothing s, which is not in ONNX, the target is 1 - s at the label and s / c more at
 * every class. */
fovea_status shape_cross_entropy(fovea_graph *g, struct node *n) {
    bool none;
    TRY(shape_want_inputs(g, n, 2, 3));
    TRY(shape_want_floats(g, n, 1));
    TRY(want_loss(g, n, 0, &none));
    const fovea_desc *x = &node_in(g, n, 0)->desc, *labels = &node_in(g, n, 1)->desc;
    if (n->op == OP_NegativeLogLikelihoodLoss && node_attr(n, "label_smoothing"))
        return fail(FOVEA_INVALID, "NegativeLogLikelihoodLoss has no label_smoothing");
    if (n->op == OP_NegativeLogLikelihoodLoss && node_out(g, n, 1))
        return fail(FOVEA_INVALID, "NegativeLogLikelihoodLoss has one output");
    TRY(shape_set(g, n, 0, x->dtype, none ? labels->rank : 0, labels->dim));
    return shape_set(g, n, 1, x->dtype, x->rank, x->dim);
}

/* The gradient of the loss, log-probabilities, labels, weights -> the gradient of the scores. */
fovea_status shape_loss_grad(fovea_graph *g, struct node *n) {
    bool none;
    TRY(shape_want_inputs(g, n, 3, 4));
    TRY(shape_want_floats(g, n, 2));
    TRY(want_loss(g, n, 1, &none));
    const fovea_desc *dy = &node_in(g, n, 0)->desc, *x = &node_in(g, n, 1)->desc;
    const fovea_desc *labels = &node_in(g, n, 2)->desc;
    if (value_elements(node_in(g, n, 0)) != (none ? fovea_desc_elements(labels) : 1))
        return fail(FOVEA_INVALID, "the gradient of the loss has shape %s for labels of shape %s",
                    desc_text(dy), desc_text(labels));
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}

/* Inputs 1 and 2 are single numbers. */
static fovea_status want_scalar(const struct value *v, const char *what) {
    if (!v || (v->desc.rank <= 1 && value_elements(v) == 1)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the %s has shape %s; a single number is needed", what,
                desc_text(&v->desc));
}

/* The share of elements to drop, which only counts in training. */
static fovea_status want_ratio(const struct value *ratio) {
    const void *data = value_data(ratio);
    double r = 0.5;
    if (!data) return FOVEA_OK;
    switch (ratio->desc.dtype) {
    case FOVEA_FLOAT32: r = *(const float *)data; break;
    case FOVEA_FLOAT64: r = *(const double *)data; break;
    case FOVEA_FLOAT16: r = half_to_float(*(const uint16_t *)data); break;
    default: r = bfloat16_to_float(*(const uint16_t *)data);
    }
    if (r >= 0 && r < 1) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the ratio (input 1) is %g; it must be from 0 to below 1", r);
}

/* x, ratio, training_mode, counter -> y, mask (bool: what was kept). The counter is not in ONNX: what is
 * dropped depends on it beside the seed, so that each step of training draws anew. */
fovea_status shape_dropout(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 4));
    TRY(shape_want_floats(g, n, 2));
    const struct value *ratio = node_in(g, n, 1), *training = node_in(g, n, 2);
    TRY(want_scalar(ratio, "ratio (input 1)"));
    TRY(want_scalar(training, "training_mode (input 2)"));
    if (training && training->desc.dtype != FOVEA_BOOL)
        return fail(FOVEA_INVALID, "training_mode (input 2) is %s; bool is needed",
                    fovea_dtype_name(training->desc.dtype));
    const struct value *counter = node_in(g, n, 3);
    TRY(want_scalar(counter, "counter (input 3)"));
    if (counter && counter->desc.dtype != FOVEA_INT64)
        return fail(FOVEA_INVALID, "the counter (input 3) is %s; int64 is needed",
                    fovea_dtype_name(counter->desc.dtype));
    const uint8_t *train = value_data(training);
    if (train && *train) TRY(want_ratio(ratio));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(shape_set(g, n, 0, x->dtype, x->rank, x->dim));
    return shape_set(g, n, 1, FOVEA_BOOL, x->rank, x->dim);
}
