/* fovea_graph_loss: losses made of operators, each in the form that neither overflows nor cancels. */
#include <math.h>

#include "fovea_train.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/graph.h"

static fovea_status check_value(const fovea_graph *g, fovea_value v, const char *what) {
    if (v >= g->n_values)
        return fail(FOVEA_INVALID, "the loss's %s are no value of the graph", what);
    return FOVEA_OK;
}

/* A constant without a name of its own. */
static fovea_status constant(fovea_graph *g, const fovea_desc *d, const float *numbers,
                             fovea_value *out) {
    size_t bytes = desc_bytes(d);
    float *copy = mem_alloc(bytes);
    if (!copy) return fail_memory(bytes, "a loss's constants");
    memcpy(copy, numbers, bytes);
    return graph_constant_take(g, NULL, d, copy, out);
}

static fovea_status one(fovea_graph *g, fovea_value *out) {
    return constant(g, &(fovea_desc){.dtype = FOVEA_FLOAT32}, &(float){1}, out);
}

/* The mean over everything, a scalar. */
static fovea_status mean(fovea_graph *g, const char *name, fovea_value x, fovea_value *out) {
    fovea_attribute keep = {.name = "keepdims", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    return fovea_graph_op(g, "ReduceMean", name, &x, 1, &keep, 1, out, 1);
}

static fovea_status mean_squared(fovea_graph *g, const char *name, fovea_value scores,
                                 fovea_value targets, fovea_value *out) {
    fovea_value off, square;
    TRY(fovea_graph_binary(g, "Sub", name, scores, targets, &off));
    TRY(fovea_graph_binary(g, "Mul", name, off, off, &square));
    return mean(g, name, square, out);
}

/* -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)) = t softplus(-x) + (1 - t) softplus(x) */
static fovea_status binary(fovea_graph *g, const char *name, fovea_value scores,
                           fovea_value targets, fovea_value *out) {
    fovea_value number, other, negative, is, is_not, sum;
    TRY(one(g, &number));
    TRY(fovea_graph_binary(g, "Sub", name, number, targets, &other));
    TRY(fovea_graph_unary(g, "Neg", name, scores, &negative));
    TRY(fovea_graph_unary(g, "Softplus", name, negative, &is));
    TRY(fovea_graph_unary(g, "Softplus", name, scores, &is_not));
    TRY(fovea_graph_binary(g, "Mul", name, targets, is, &is));
    TRY(fovea_graph_binary(g, "Mul", name, other, is_not, &is_not));
    TRY(fovea_graph_binary(g, "Add", name, is, is_not, &sum));
    return mean(g, name, sum, out);
}

static fovea_status hinge(fovea_graph *g, const char *name, fovea_value scores, fovea_value targets,
                          fovea_value *out) {
    fovea_value number, product, margin, missing;
    TRY(one(g, &number));
    TRY(fovea_graph_binary(g, "Mul", name, targets, scores, &product));
    TRY(fovea_graph_binary(g, "Sub", name, number, product, &margin));
    TRY(fovea_graph_unary(g, "Relu", name, margin, &missing));
    return mean(g, name, missing, out);
}

static fovea_status cross_entropy(fovea_graph *g, const char *name, fovea_value scores,
                                  fovea_value targets, const fovea_loss_options *o,
                                  fovea_value *out) {
    fovea_value in[3] = {scores, targets, FOVEA_NO_VALUE}, results[2];
    fovea_attribute smoothing = {
        .name = "label_smoothing", .type = FOVEA_ATTRIBUTE_FLOAT, .f = o->label_smoothing};
    if (o->class_weights) {
        fovea_desc d = {FOVEA_FLOAT32, 1, {(int64_t)o->n_class_weights}};
        TRY(constant(g, &d, o->class_weights, &in[2]));
    }
    TRY(fovea_graph_op(g, "SoftmaxCrossEntropyLoss", name, in, o->class_weights ? 3 : 2, &smoothing,
                       o->label_smoothing != 0, results, 2));
    *out = results[0];
    return FOVEA_OK;
}

/* Classes are int64; other targets are as the scores. */
static fovea_status check_targets(const fovea_graph *g, fovea_loss loss, fovea_value scores,
                                  fovea_value targets) {
    const fovea_desc *x = &g->values[scores].desc, *t = &g->values[targets].desc;
    if (x->rank < 0 || t->rank < 0) return FOVEA_OK; /* seen when shapes are fixed */
    if (x->dtype != FOVEA_FLOAT32)
        return fail(FOVEA_INVALID, "the scores of a loss are %s; float32 is needed",
                    fovea_dtype_name(x->dtype));
    if (loss != FOVEA_LOSS_CROSS_ENTROPY && !desc_equal(x, t))
        return fail(FOVEA_INVALID, "targets of shape %s and type %s do not fit scores of shape %s",
                    desc_text(t), fovea_dtype_name(t->dtype), desc_text(x));
    return FOVEA_OK;
}

fovea_status fovea_graph_loss(fovea_graph *g, const char *name, fovea_loss loss, fovea_value scores,
                              fovea_value targets, const fovea_loss_options *options,
                              fovea_value *out) {
    static const fovea_loss_options none;
    const fovea_loss_options *o = options ? options : &none;
    *out = FOVEA_NO_VALUE;
    TRY(check_value(g, scores, "scores"));
    TRY(check_value(g, targets, "targets"));
    if ((unsigned)loss > FOVEA_LOSS_HINGE)
        return fail(FOVEA_INVALID, "there is no loss %d", (int)loss);
    if (!(o->label_smoothing >= 0 && o->label_smoothing < 1))
        return fail(FOVEA_INVALID, "label smoothing of %g; it is from 0 to below 1",
                    (double)o->label_smoothing);
    if (loss != FOVEA_LOSS_CROSS_ENTROPY && (o->label_smoothing != 0 || o->class_weights))
        return fail(FOVEA_INVALID, "label smoothing and class weights are cross-entropy's alone");
    TRY(check_targets(g, loss, scores, targets));
    switch (loss) {
    case FOVEA_LOSS_CROSS_ENTROPY: return cross_entropy(g, name, scores, targets, o, out);
    case FOVEA_LOSS_MEAN_SQUARED: return mean_squared(g, name, scores, targets, out);
    case FOVEA_LOSS_BINARY: return binary(g, name, scores, targets, out);
    default: return hinge(g, name, scores, targets, out);
    }
}
