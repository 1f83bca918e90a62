/* The methods of Update and the shape function, which checks everything about a node. See update.h. */
#include "graph/update.h"

#include <string.h>

static const struct update_form forms[UPDATE_METHODS] = {
    [UPDATE_SGD] = {"sgd", "SGD", 0, true, true, false},
    [UPDATE_MOMENTUM] = {"momentum", "MOMENTUM", 1, true, true, false},
    [UPDATE_NESTEROV] = {"nesterov", "NESTEROV", 1, true, true, false},
    [UPDATE_ADAGRAD] = {"adagrad", "ADAGRAD", 1, true, true, false},
    [UPDATE_RMSPROP] = {"rmsprop", "RMSPROP", 1, true, true, false},
    [UPDATE_RMSPROP_MOMENTUM] = {"rmsprop_momentum", "RMSPROP_MOMENTUM", 2, true, true, false},
    [UPDATE_RMSPROP_CENTERED] = {"rmsprop_centered", "RMSPROP_CENTERED", 3, true, true, false},
    [UPDATE_ADADELTA] = {"adadelta", "ADADELTA", 2, true, true, false},
    [UPDATE_ADAM] = {"adam", "ADAM", 2, true, true, false},
    [UPDATE_NADAM] = {"nadam", "NADAM", 2, true, true, false},
    [UPDATE_LARS] = {"lars", "LARS", 1, true, true, false},
    [UPDATE_LAMB] = {"lamb", "LAMB", 2, true, true, false},
    [UPDATE_CLIP] = {"clip", "CLIP_NORM", 0, false, false, true},
    [UPDATE_TRUST_LARS] = {"trust_lars", "TRUST_LARS", 0, true, true, true},
    [UPDATE_TRUST_LAMB] = {"trust_lamb", "TRUST_LAMB", 0, false, true, true},
    [UPDATE_ACCUMULATE] = {"accumulate", "ACCUMULATE", 0, false, true, false},
    [UPDATE_SCALE] = {"scale", "SCALE", 0, false, false, false},
    [UPDATE_AVERAGE] = {"average", "AVERAGE", 0, true, true, false},
};

const struct update_form *update_form(enum update_method m) {
    return &forms[m];
}

enum update_method update_method_of(const struct node *n) {
    const char *name = attr_string(n, "method", "");
    int m = 0;
    while (m < UPDATE_METHODS && strcmp(forms[m].name, name) != 0) m++;
    return (enum update_method)m;
}

enum update_decay update_decay_of(const struct node *n) {
    const char *decay = attr_string(n, "decay", "");
    return strcmp(decay, "coupled") == 0     ? DECAY_COUPLED
           : strcmp(decay, "decoupled") == 0 ? DECAY_DECOUPLED
                                             : DECAY_NONE;
}

static fovea_status want_single(const fovea_graph *g, const struct node *n, size_t i,
                                const char *what) {
    const struct value *v = node_in(g, n, i);
    if (!v || (v->desc.rank <= 1 && value_elements(v) == 1)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the %s (input %zu) has shape %s; a single number is needed", what,
                i, desc_text(&v->desc));
}

static fovea_status want_same(const fovea_graph *g, const struct node *n, size_t i) {
    const struct value *v = node_in(g, n, i), *w = node_in(g, n, UPDATE_IN_W);
    if (!v) return fail(FOVEA_INVALID, "input %zu is missing", i);
    if (desc_equal(&v->desc, &w->desc)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "input %zu has shape %s, the parameter (input 1) has %s", i,
                desc_text(&v->desc), desc_text(&w->desc));
}

static fovea_status want_float32(const fovea_graph *g, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && v->desc.dtype != FOVEA_FLOAT32)
            return fail(FOVEA_UNSUPPORTED, "input %zu is %s; updates are made in float32", i,
                        fovea_dtype_name(v->desc.dtype));
    }
    return FOVEA_OK;
}

static fovea_status want_control(const fovea_graph *g, const struct node *n,
                                 const struct update_form *form) {
    const struct value *v = node_in(g, n, UPDATE_IN_CONTROL);
    if (!v && !form->controlled) return FOVEA_OK;
    if (v && v->desc.rank == 1 && v->desc.dim[0] == UPDATE_CONTROL) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the control (input 0) of %s must have shape %d", form->name,
                UPDATE_CONTROL);
}

/* control, w, g, factor, trust, state... -> w', state'... */
fovea_status shape_update(fovea_graph *g, struct node *n) {
    enum update_method m = update_method_of(n);
    const char *decay = attr_string(n, "decay", "coupled");
    if (m == UPDATE_METHODS)
        return fail(FOVEA_INVALID, "method '%s' is unknown", attr_string(n, "method", ""));
    if (strcmp(decay, "coupled") != 0 && strcmp(decay, "decoupled") != 0)
        return fail(FOVEA_INVALID, "decay '%s' is neither coupled nor decoupled", decay);
    TRY(shape_want_inputs(g, n, 0, UPDATE_IN_STATE + forms[m].states));
    TRY(want_float32(g, n));
    if (!node_in(g, n, UPDATE_IN_W))
        return fail(FOVEA_INVALID, "the parameter (input 1) is missing");
    if (forms[m].single) TRY(want_single(g, n, UPDATE_IN_W, "norm"));
    TRY(want_control(g, n, &forms[m]));
    if (forms[m].graded) TRY(want_same(g, n, UPDATE_IN_G));
    TRY(want_single(g, n, UPDATE_IN_FACTOR, "factor"));
    TRY(want_single(g, n, UPDATE_IN_TRUST, "trust"));
    for (size_t i = 0; i < forms[m].states; i++) TRY(want_same(g, n, UPDATE_IN_STATE + i));
    const fovea_desc d = node_in(g, n, UPDATE_IN_W)->desc;
    if (n->n_out > 1 + forms[m].states)
        return fail(FOVEA_INVALID, "%s has %zu outputs", forms[m].name, 1 + forms[m].states);
    for (size_t i = 0; i < n->n_out; i++) TRY(shape_set(g, n, i, d.dtype, d.rank, d.dim));
    return FOVEA_OK;
}

/* ---- ONNX's optimizers: https://onnx.ai/onnx/operators, ai.onnx.preview.training ---- */

enum update_method optimizer_method(const struct node *n) {
    if (n->op == OP_Adagrad) return UPDATE_ADAGRAD;
    if (n->op == OP_Adam) return UPDATE_ADAM;
    return strcmp(attr_string(n, "mode", ""), "nesterov") == 0 ? UPDATE_NESTEROV : UPDATE_MOMENTUM;
}

size_t optimizer_parameters(const struct node *n) {
    return (n->n_in - OPTIMIZER_IN_X) / (2 + forms[optimizer_method(n)].states);
}

struct optimizer_attributes optimizer_attributes(const struct node *n) {
    return (struct optimizer_attributes){
        .alpha = attr_float(n, "alpha", 0.9f),
        .beta = attr_float(n, "beta", 0.999f),
        .epsilon = n->op == OP_Momentum ? 0 : attr_float(n, "epsilon", 1e-6f),
        .rate_decay = attr_float(n, "decay_factor", 0),
        .decay = attr_float(n, "norm_coefficient", 0),
        .post = attr_float(n, "norm_coefficient_post", 0)};
}

static fovea_status want_attributes(const struct node *n) {
    const char *mode = attr_string(n, "mode", "");
    struct optimizer_attributes a = optimizer_attributes(n);
    if (n->op == OP_Adam && !(a.alpha >= 0 && a.alpha < 1 && a.beta >= 0 && a.beta < 1))
        return fail(FOVEA_INVALID, "alpha is %g and beta %g; both must be from 0 to below 1",
                    (double)a.alpha, (double)a.beta);
    if (n->op != OP_Momentum) return FOVEA_OK;
    if (strcmp(mode, "standard") != 0 && strcmp(mode, "nesterov") != 0)
        return fail(FOVEA_INVALID, "mode '%s' is neither standard nor nesterov", mode);
    static const char *const needed[] = {"alpha", "beta", "norm_coefficient"};
    for (size_t i = 0; i < 3; i++)
        if (!node_attr(n, needed[i]))
            return fail(FOVEA_INVALID, "the attribute %s is missing", needed[i]);
    return FOVEA_OK;
}

/* The rate and the count of updates. */
static fovea_status want_rate(const fovea_graph *g, const struct node *n) {
    const fovea_desc *rate = &node_in(g, n, OPTIMIZER_IN_RATE)->desc;
    const fovea_desc *count = &node_in(g, n, OPTIMIZER_IN_COUNT)->desc;
    TRY(want_single(g, n, OPTIMIZER_IN_RATE, "learning rate"));
    TRY(want_single(g, n, OPTIMIZER_IN_COUNT, "count of updates"));
    if (rate->dtype != FOVEA_FLOAT32 && rate->dtype != FOVEA_FLOAT64)
        return fail(FOVEA_INVALID,
                    "the learning rate (input 0) is %s; float32 or float64 is needed",
                    fovea_dtype_name(rate->dtype));
    if (count->dtype != FOVEA_INT64)
        return fail(FOVEA_INVALID, "the count of updates (input 1) is %s; int64 is needed",
                    fovea_dtype_name(count->dtype));
    return FOVEA_OK;
}

fovea_status shape_optimizer(fovea_graph *g, struct node *n) {
    size_t states = forms[optimizer_method(n)].states, each = 2 + states;
    TRY(want_attributes(n));
    TRY(shape_want_inputs(g, n, n->n_in, n->n_in));
    if (n->n_in <= OPTIMIZER_IN_X || (n->n_in - OPTIMIZER_IN_X) % each != 0)
        return fail(FOVEA_INVALID,
                    "it has %zu inputs; a rate, a count and %zu for each parameter are needed",
                    n->n_in, each);
    TRY(want_rate(g, n));
    size_t count = optimizer_parameters(n);
    if (n->n_out > count * (1 + states))
        return fail(FOVEA_INVALID, "it has %zu outputs; %zu are made", n->n_out,
                    count * (1 + states));
    for (size_t i = 0; i < count * each; i++) {
        const struct value *x = node_in(g, n, OPTIMIZER_IN_X + i % count);
        const struct value *v = node_in(g, n, OPTIMIZER_IN_X + i);
        bool known = x->desc.dtype == FOVEA_FLOAT32 || x->desc.dtype == FOVEA_FLOAT64;
        if (!known || !desc_equal(&x->desc, &v->desc))
            return fail(
                FOVEA_INVALID,
                "input %zu is %s of shape %s; what belongs to a parameter has one shape and "
                "is float32 or float64",
                OPTIMIZER_IN_X + i, fovea_dtype_name(v->desc.dtype), desc_text(&v->desc));
    }
    for (size_t i = 0; i < n->n_out; i++) {
        const fovea_desc d = node_in(g, n, OPTIMIZER_IN_X + i % count)->desc;
        TRY(shape_set(g, n, i, d.dtype, d.rank, d.dim));
    }
    return FOVEA_OK;
}
