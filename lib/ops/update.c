/* Updates of parameters on a device: one launch a parameter, as fast as memory gives and takes. */
#include "graph/update.h"

#include <math.h>

#include "ops/algorithm.h"

static const struct algorithm update, optimizer;

const struct algorithm *const update_algorithms[] = {&update, NULL};
const struct algorithm *const optimizer_algorithms[] = {&optimizer, NULL};

enum { CPU_RUN = 4096 }; /* elements of a work-item: a multiple of every vector's width */

static const char *refuse_activation(const struct site *s) {
    return node_activation(s->node).kind != ACTIVATION_NONE ? "no fused activation" : NULL;
}

/* ---- One launch ---- */

/* What a launch reads and writes; left out: FOVEA_NO_VALUE. */
struct launch {
    enum update_method method;
    enum update_decay decay;
    bool clips, settled; /* settled: control and factor lie in the workspace */
    float limit;
    fovea_value in[UPDATE_IN_STATE + UPDATE_STATES_MAX], out[1 + UPDATE_STATES_MAX];
};

static struct launch launch(enum update_method m) {
    struct launch l = {.method = m, .limit = 1};
    for (size_t i = 0; i < UPDATE_IN_STATE + UPDATE_STATES_MAX; i++) l.in[i] = FOVEA_NO_VALUE;
    for (size_t i = 0; i < 1 + UPDATE_STATES_MAX; i++) l.out[i] = FOVEA_NO_VALUE;
    return l;
}

static void define(const struct site *s, struct recipe *r, const struct launch *l, int64_t run) {
    const struct update_form *form = update_form(l->method);
    int64_t kept = 0;
    bool control = l->settled || l->in[UPDATE_IN_CONTROL] != FOVEA_NO_VALUE;
    bool factor = l->in[UPDATE_IN_FACTOR] != FOVEA_NO_VALUE;
    for (size_t i = 0; i < 1 + UPDATE_STATES_MAX; i++)
        kept |= (int64_t)(l->out[i] != FOVEA_NO_VALUE) << i;
    recipe_width(r, s);
    recipe_define_text(r, "METHOD", form->define);
    recipe_define(r, "DECAY", l->decay);
    recipe_define(r, "CLIP", l->clips);
    recipe_define(r, "HAS_CONTROL", control);
    recipe_define(r, "HAS_G", l->in[UPDATE_IN_G] != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_FACTOR", factor || (l->settled && l->method == UPDATE_SCALE));
    recipe_define(r, "HAS_TRUST", l->in[UPDATE_IN_TRUST] != FOVEA_NO_VALUE);
    recipe_define(r, "STATES", (int64_t)form->states);
    recipe_define(r, "KEPT", kept);
    recipe_define(r, "RUN", run);
}

static void push(const struct site *s, struct recipe *r, const struct launch *l) {
    int64_t n = value_elements(&s->graph->values[l->in[UPDATE_IN_W]]);
    int64_t run = s->device->local_memory_is_real ? site_width(s) : CPU_RUN;
    recipe_kernel(r, "update", "update");
    define(s, r, l, run);
    recipe_int(r, n);
    recipe_float(r, l->limit);
    for (size_t i = 0; i < UPDATE_IN_STATE + UPDATE_STATES_MAX; i++) {
        if (l->settled && i == UPDATE_IN_CONTROL) recipe_workspace(r, 0, sizeof(float));
        else if (l->settled && i == UPDATE_IN_FACTOR)
            recipe_workspace(r, UPDATE_CONTROL * sizeof(float), sizeof(float));
        else recipe_value(r, l->in[i]);
    }
    for (size_t i = 0; i < 1 + UPDATE_STATES_MAX; i++) recipe_value(r, l->out[i]);
    recipe_global(r, (size_t)ceil_div(n, run), 0, 0);
}

/* ---- Update ---- */

static const char *update_refuse(const struct site *s) {
    if (value_elements(node_in(s->graph, s->node, UPDATE_IN_W)) == 0)
        return "there is nothing to compute";
    return refuse_activation(s);
}

static fovea_status update_lower(const struct site *s, struct recipe *r) {
    const struct node *n = s->node;
    struct launch l = launch(update_method_of(n));
    l.decay = update_decay_of(n);
    l.clips = attr_int(n, "clip", 0) != 0;
    l.limit = attr_float(n, "limit", 1);
    for (size_t i = 0; i < UPDATE_IN_STATE + UPDATE_STATES_MAX; i++) l.in[i] = site_in(s, i);
    for (size_t i = 0; i < 1 + UPDATE_STATES_MAX; i++) l.out[i] = site_out(s, i);
    push(s, r, &l);
    return FOVEA_OK;
}

static const struct algorithm update = {
    .name = "update",
    .refuse = update_refuse,
    .inexact = true, /* roots and divisions */
    .lower = update_lower,
};

/* ---- ONNX's optimizers: the control is computed first, into the workspace ---- */

static const char *optimizer_refuse(const struct site *s) {
    const struct node *n = s->node;
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(s->graph, n, i);
        if (i != OPTIMIZER_IN_COUNT && v->desc.dtype != FOVEA_FLOAT32)
            return "element types must be float32";
        if (value_elements(v) == 0) return "a parameter is empty";
    }
    for (size_t i = 0; i < optimizer_parameters(n); i++)
        if (site_out(s, i) == FOVEA_NO_VALUE) return "every parameter must be wanted";
    return refuse_activation(s);
}

static size_t optimizer_workspace(const struct site *s) {
    (void)s;
    return (UPDATE_CONTROL + 1) * sizeof(float);
}

static void push_control(const struct site *s, struct recipe *r) {
    struct optimizer_attributes a = optimizer_attributes(s->node);
    bool adam = s->node->op == OP_Adam;
    recipe_kernel(r, "update", "update_control");
    recipe_width(r, s);
    recipe_define_text(r, "METHOD", update_form(optimizer_method(s->node))->define);
    recipe_float(r, adam ? (float)(1 - (double)a.alpha) : a.alpha);
    recipe_float(r, adam ? (float)(1 - (double)a.beta) : a.beta);
    recipe_float(r, (float)log((double)a.alpha));
    recipe_float(r, (float)log((double)a.beta));
    recipe_float(r, a.decay);
    recipe_float(r, a.epsilon);
    recipe_float(r, a.rate_decay);
    recipe_float(r, (float)(1 - (double)a.post));
    recipe_value(r, site_in(s, OPTIMIZER_IN_RATE));
    recipe_value(r, site_in(s, OPTIMIZER_IN_COUNT));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, 1, 0, 0);
}

static fovea_status optimizer_lower(const struct site *s, struct recipe *r) {
    struct launch l = launch(optimizer_method(s->node)), scale = launch(UPDATE_SCALE);
    size_t count = optimizer_parameters(s->node), states = update_form(l.method)->states;
    push_control(s, r);
    l.decay = DECAY_COUPLED;
    l.settled = scale.settled = true;
    for (size_t i = 0; i < count; i++) {
        l.in[UPDATE_IN_W] = site_in(s, OPTIMIZER_IN_X + i);
        l.in[UPDATE_IN_G] = site_in(s, OPTIMIZER_IN_X + count + i);
        for (size_t k = 0; k < states; k++)
            l.in[UPDATE_IN_STATE + k] = site_in(s, OPTIMIZER_IN_X + (2 + k) * count + i);
        for (size_t k = 0; k <= states; k++) l.out[k] = site_out(s, k * count + i);
        push(s, r, &l);
        scale.in[UPDATE_IN_W] = scale.out[0] = l.out[0];
        if (optimizer_attributes(s->node).post != 0) push(s, r, &scale);
    }
    return FOVEA_OK;
}

static const struct algorithm optimizer = {
    .name = "update",
    .refuse = optimizer_refuse,
    .any_type = true,
    .workspace = optimizer_workspace,
    .inexact = true, /* roots and divisions */
    .lower = optimizer_lower,
};
