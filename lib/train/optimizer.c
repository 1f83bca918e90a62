/* Optimizers as Update nodes: see optimizer.h and, for the formulas, graph/update.h. */
#include "train/optimizer.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* One line a method: its kernel, its states, its defaults. */
static const struct method {
    const char *name;
    enum update_method update;
    const char *states[UPDATE_STATES_MAX];
    double rate, momentum, rho, epsilon, weight_decay;
} methods[] = {
    [FOVEA_SGD] = {"sgd", UPDATE_SGD, {NULL}, 0.01, 0, 0, 1e-8, 0},
    [FOVEA_MOMENTUM] = {"momentum", UPDATE_MOMENTUM, {"velocity"}, 0.01, 0.9, 0, 1e-8, 0},
    [FOVEA_NESTEROV] = {"nesterov", UPDATE_NESTEROV, {"velocity"}, 0.01, 0.9, 0, 1e-8, 0},
    [FOVEA_ADAGRAD] = {"adagrad", UPDATE_ADAGRAD, {"squares"}, 0.01, 0, 0, 1e-10, 0},
    [FOVEA_RMSPROP] =
        {"rmsprop", UPDATE_RMSPROP, {"squares", "velocity", "mean"}, 0.01, 0, 0.99, 1e-8, 0},
    [FOVEA_ADADELTA] = {"adadelta", UPDATE_ADADELTA, {"squares", "steps"}, 1, 0, 0.9, 1e-6, 0},
    [FOVEA_ADAM] = {"adam", UPDATE_ADAM, {"mean", "squares"}, 0.001, 0, 0, 1e-8, 0},
    [FOVEA_ADAMW] = {"adamw", UPDATE_ADAM, {"mean", "squares"}, 0.001, 0, 0, 1e-8, 0.01},
    [FOVEA_NADAM] = {"nadam", UPDATE_NADAM, {"mean", "squares"}, 0.002, 0, 0, 1e-8, 0},
    [FOVEA_LARS] = {"lars", UPDATE_LARS, {"velocity"}, 0.1, 0.9, 0, 1e-8, 0},
    [FOVEA_LAMB] = {"lamb", UPDATE_LAMB, {"mean", "squares"}, 0.001, 0, 0, 1e-6, 0},
};
enum { METHODS = sizeof methods / sizeof *methods };

/* ---- Settings ---- */

/* 0: the default; negative: 0. */
static double chosen(double given, double otherwise) {
    return given == 0 ? otherwise : given < 0 ? 0 : given;
}

/* What a zero in fovea_optimizer stands for is put in. */
static fovea_optimizer resolved(const fovea_optimizer *o) {
    const struct method *m = &methods[o->method];
    fovea_optimizer r = *o;
    r.momentum = chosen(o->momentum, m->momentum);
    r.dampening = o->method == FOVEA_MOMENTUM ? chosen(o->dampening, 0) : 0;
    r.beta1 = chosen(o->beta1, 0.9);
    r.beta2 = chosen(o->beta2, 0.999);
    r.rho = chosen(o->rho, m->rho);
    r.epsilon = chosen(o->epsilon, m->epsilon);
    r.rate_decay = chosen(o->rate_decay, 0);
    r.momentum_decay = chosen(o->momentum_decay, 0.004);
    r.trust = chosen(o->trust, 0.001);
    r.weight_decay = chosen(o->weight_decay, m->weight_decay);
    r.decoupled = o->method == FOVEA_ADAMW ||
                  (o->decoupled && o->method != FOVEA_LARS && o->method != FOVEA_LAMB);
    r.clip_value = chosen(o->clip_value, 0);
    r.clip_norm = chosen(o->clip_norm, 0);
    r.average = chosen(o->average, 0);
    return r;
}

static enum update_method update_of(const fovea_optimizer *o) {
    if (o->method != FOVEA_RMSPROP) return methods[o->method].update;
    if (o->centered) return UPDATE_RMSPROP_CENTERED;
    return chosen(o->momentum, 0) > 0 ? UPDATE_RMSPROP_MOMENTUM : UPDATE_RMSPROP;
}

static fovea_status want(bool fits, const char *name, double number, const char *range) {
    if (fits) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the optimizer's %s is %g; it must be %s", name, number, range);
}

static fovea_status want_share(const char *name, double x) {
    return want(x >= 0 && x < 1, name, x, "from 0 to below 1");
}

static fovea_status want_size(const char *name, double x) {
    return want(x >= 0 && x <= (double)FLT_MAX, name, x, "a finite number");
}

fovea_status fovea_optimizer_check(const fovea_optimizer *o) {
    if ((unsigned)o->method >= METHODS)
        return fail(FOVEA_INVALID, "there is no optimizer with the number %d", (int)o->method);
    fovea_optimizer r = resolved(o);
    TRY(want_share("momentum", r.momentum));
    TRY(want_share("dampening", r.dampening));
    TRY(want_share("beta1", r.beta1));
    TRY(want_share("beta2", r.beta2));
    TRY(want_share("rho", r.rho));
    TRY(want_share("average", r.average));
    TRY(want_size("epsilon", r.epsilon));
    TRY(want_size("rate_decay", r.rate_decay));
    TRY(want_size("momentum_decay", r.momentum_decay));
    TRY(want_size("trust", r.trust));
    TRY(want_size("weight_decay", r.weight_decay));
    TRY(want_size("clip_value", r.clip_value));
    return want_size("clip_norm", r.clip_norm);
}

const char *fovea_optimizer_name(fovea_optimizer_method m) {
    return (unsigned)m < METHODS ? methods[m].name : NULL;
}

double fovea_optimizer_rate(const fovea_optimizer *o) {
    return (unsigned)o->method < METHODS ? methods[o->method].rate : 0;
}

size_t optimizer_states(const fovea_optimizer *o) {
    return update_form(update_of(o))->states;
}

const char *optimizer_state_name(const fovea_optimizer *o, size_t i) {
    return methods[o->method].states[i];
}

bool optimizer_decays(const fovea_optimizer *o, const fovea_desc *d) {
    return o->decay_all || d->rank > 1;
}

/* ---- The control ---- */

/* Nadam's momentum of step t >= 1 (Dozat 2016, with PyTorch's 0.96). */
static double nadam_momentum(const fovea_optimizer *r, double t) {
    return r->beta1 * (1 - 0.5 * pow(0.96, t * r->momentum_decay));
}

/* The product of the momenta of steps 1 to t; once it is nothing beside 1 it stays so. */
static double nadam_product(const fovea_optimizer *r, int64_t t) {
    double product = 1;
    for (int64_t i = 1; i <= t && product > 0x1p-60; i++) product *= nadam_momentum(r, (double)i);
    return product;
}

static void nadam_control(const fovea_optimizer *r, double rate, int64_t t, double *c) {
    double now = nadam_momentum(r, (double)t), next = nadam_momentum(r, (double)t + 1);
    double product = nadam_product(r, t);
    c[CONTROL_FIRST] = rate * (1 - now) / (1 - product);
    c[CONTROL_RATE] = rate * next / (1 - product * next);
}

void optimizer_control(const fovea_optimizer *o, double rate, int64_t step,
                       float out[UPDATE_CONTROL]) {
    fovea_optimizer r = resolved(o);
    double t = (double)step + 1, c[UPDATE_CONTROL] = {[CONTROL_RATE] = rate};
    bool adaptive =
        update_of(o) == UPDATE_ADAM || update_of(o) == UPDATE_NADAM || update_of(o) == UPDATE_LAMB;
    c[CONTROL_DECAY] = r.decoupled ? rate * r.weight_decay : r.weight_decay;
    c[CONTROL_CLIP] = r.clip_value;
    c[CONTROL_A] = adaptive ? 1 - r.beta1 : r.momentum;
    /* The first velocity is the first gradient, whatever the dampening. */
    c[CONTROL_B] = adaptive                     ? 1 - r.beta2
                   : r.method == FOVEA_RMSPROP  ? 1 - r.rho
                   : r.method == FOVEA_ADADELTA ? 1 - r.rho
                   : step == 0                  ? 1
                                                : 1 - r.dampening;
    c[CONTROL_EPSILON] = r.epsilon;
    c[CONTROL_FIRST] = adaptive ? 1 / (1 - pow(r.beta1, t)) : r.trust;
    c[CONTROL_SECOND] = 1 / sqrt(1 - pow(r.beta2, t));
    c[CONTROL_AVERAGE] = 1 - r.average;
    if (r.method == FOVEA_ADAGRAD) c[CONTROL_RATE] = rate / (1 + (double)step * r.rate_decay);
    if (r.method == FOVEA_NADAM) nadam_control(&r, rate, step + 1, c);
    for (int i = 0; i < UPDATE_CONTROL; i++) out[i] = (float)c[i];
}

/* ---- Nodes ---- */

struct settings { /* attributes of an Update node */
    fovea_attribute list[4];
    size_t count;
};

static struct settings settings(enum update_method m) {
    return (struct settings){
        {{.name = "method", .type = FOVEA_ATTRIBUTE_STRING, .s = update_form(m)->name}}, 1};
}

static void add_decay(struct settings *s, const fovea_optimizer *r, bool decays) {
    if (!decays || r->weight_decay == 0) return;
    s->list[s->count++] = (fovea_attribute){.name = "decay",
                                            .type = FOVEA_ATTRIBUTE_STRING,
                                            .s = r->decoupled ? "decoupled" : "coupled"};
}

static void add_clip(struct settings *s, const fovea_optimizer *r) {
    if (r->clip_value == 0) return;
    s->list[s->count++] = (fovea_attribute){.name = "clip", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
}

static fovea_status append(fovea_graph *g, const char *name, const struct settings *s,
                           const fovea_value *in, size_t n_in, fovea_value *out, size_t n_out) {
    return fovea_graph_op(g, "Update", name, in, n_in, s->list, s->count, out, n_out);
}

/* Flat views reduce in one long row, and their results concatenate in place. */
static fovea_status append_reduction(fovea_graph *g, const char *op, fovea_value x,
                                     fovea_value *out) {
    static const fovea_desc one = {.dtype = FOVEA_INT64, .rank = 1, .dim = {1}};
    int64_t *flat = mem_alloc(sizeof *flat);
    fovea_value in[2] = {x, FOVEA_NO_VALUE}, row;
    if (!flat) return fail_memory(sizeof *flat, "a shape");
    *flat = -1;
    TRY(graph_constant_take(g, NULL, &one, flat, &in[1]));
    TRY(fovea_graph_op(g, "Reshape", NULL, in, 2, NULL, 0, &row, 1));
    return fovea_graph_op(g, op, NULL, &row, 1, NULL, 0, out, 1);
}

/* The trust ratio of lars. */
static fovea_status append_trust_lars(fovea_graph *g, const fovea_optimizer *r,
                                      const struct update *u, fovea_value *trust) {
    struct settings s = settings(UPDATE_TRUST_LARS);
    fovea_value in[] = {u->control, FOVEA_NO_VALUE, FOVEA_NO_VALUE, u->factor};
    add_decay(&s, r, u->decay);
    TRY(append_reduction(g, "ReduceL2", u->parameter, &in[UPDATE_IN_W]));
    TRY(append_reduction(g, "ReduceL2", u->gradient, &in[UPDATE_IN_G]));
    return append(g, u->name, &s, in, 4, trust, 1);
}

/* Goes by the direction that lamb's first node found. */
static fovea_status append_lamb(fovea_graph *g, struct update *u, fovea_value direction) {
    struct settings ratio = settings(UPDATE_TRUST_LAMB), sgd = settings(UPDATE_SGD);
    fovea_value in[] = {u->control, u->parameter, direction, FOVEA_NO_VALUE, FOVEA_NO_VALUE};
    fovea_value norm[] = {FOVEA_NO_VALUE, FOVEA_NO_VALUE, FOVEA_NO_VALUE};
    if (u->decay) {
        TRY(append_reduction(g, "ReduceL2", u->parameter, &norm[UPDATE_IN_W]));
        TRY(append_reduction(g, "ReduceL2", direction, &norm[UPDATE_IN_G]));
        TRY(append(g, u->name, &ratio, norm, 3, &in[UPDATE_IN_TRUST], 1));
    }
    return append(g, u->name, &sgd, in, 5, &u->next, 1);
}

fovea_status optimizer_append(fovea_graph *g, const fovea_optimizer *o, struct update *u) {
    TRY(fovea_optimizer_check(o));
    fovea_optimizer r = resolved(o);
    enum update_method m = update_of(o);
    size_t states = update_form(m)->states;
    struct settings s = settings(m);
    fovea_value in[UPDATE_IN_STATE + UPDATE_STATES_MAX], out[1 + UPDATE_STATES_MAX];
    in[UPDATE_IN_CONTROL] = u->control;
    in[UPDATE_IN_W] = u->parameter;
    in[UPDATE_IN_G] = u->gradient;
    in[UPDATE_IN_FACTOR] = u->factor;
    in[UPDATE_IN_TRUST] = FOVEA_NO_VALUE;
    if (m == UPDATE_LARS && r.clip_value > 0)
        return fail(FOVEA_INVALID,
                    "lars measures the gradient itself: clip_value does not go with it");
    if (m == UPDATE_LARS && u->decay) TRY(append_trust_lars(g, &r, u, &in[UPDATE_IN_TRUST]));
    for (size_t i = 0; i < states; i++) in[UPDATE_IN_STATE + i] = u->state[i];
    add_decay(&s, &r, u->decay);
    add_clip(&s, &r);
    TRY(append(g, u->name, &s, in, UPDATE_IN_STATE + states, out, 1 + states));
    u->next = out[0];
    for (size_t i = 0; i < states; i++) u->next_state[i] = out[1 + i];
    return m == UPDATE_LAMB ? append_lamb(g, u, out[0]) : FOVEA_OK;
}

fovea_status optimizer_append_clip(fovea_graph *g, const fovea_value *gradients, size_t count,
                                   double limit, fovea_value *factor) {
    struct settings s = settings(UPDATE_CLIP);
    fovea_value *squares = mem_array(count + 1, sizeof *squares), in[2] = {FOVEA_NO_VALUE}, all;
    fovea_status status = squares ? FOVEA_OK : fail_memory(count * sizeof *squares, "gradients");
    s.list[s.count++] =
        (fovea_attribute){.name = "limit", .type = FOVEA_ATTRIBUTE_FLOAT, .f = (float)limit};
    for (size_t i = 0; status == FOVEA_OK && i < count; i++)
        status = append_reduction(g, "ReduceSumSquare", gradients[i], &squares[i]);
    if (status == FOVEA_OK) status = fovea_graph_concat(g, NULL, squares, count, 0, &all);
    if (status == FOVEA_OK)
        status = fovea_graph_op(g, "ReduceSum", NULL, &all, 1, NULL, 0, &in[UPDATE_IN_W], 1);
    if (status == FOVEA_OK) status = append(g, NULL, &s, in, 2, factor, 1);
    mem_free(squares);
    return status;
}

/* One of the small methods. */
static fovea_status append_small(fovea_graph *g, enum update_method m, fovea_value control,
                                 fovea_value w, fovea_value gradient, fovea_value factor,
                                 fovea_value *next) {
    struct settings s = settings(m);
    fovea_value in[] = {control, w, gradient, factor};
    return append(g, NULL, &s, in, 4, next, 1);
}

fovea_status optimizer_append_average(fovea_graph *g, fovea_value control, fovea_value average,
                                      fovea_value parameter, fovea_value *next) {
    return append_small(g, UPDATE_AVERAGE, control, average, parameter, FOVEA_NO_VALUE, next);
}

fovea_status optimizer_append_accumulate(fovea_graph *g, fovea_value sum, fovea_value gradient,
                                         fovea_value *next) {
    return append_small(g, UPDATE_ACCUMULATE, FOVEA_NO_VALUE, sum, gradient, FOVEA_NO_VALUE, next);
}

fovea_status optimizer_append_scale(fovea_graph *g, fovea_value x, fovea_value factor,
                                    fovea_value *next) {
    return append_small(g, UPDATE_SCALE, FOVEA_NO_VALUE, x, FOVEA_NO_VALUE, factor, next);
}

/* ---- Text ---- */

static fovea_status parse_method(const char *text, size_t length, fovea_optimizer *out) {
    for (int i = 0; i < METHODS; i++)
        if (strlen(methods[i].name) == length && strncmp(methods[i].name, text, length) == 0) {
            out->method = (fovea_optimizer_method)i;
            return FOVEA_OK;
        }
    return fail(
        FOVEA_INVALID,
        "there is no optimizer '%.*s'; known are sgd, momentum, nesterov, adagrad, rmsprop, "
        "adadelta, adam, adamw, nadam, lars, lamb",
        (int)length, text);
}

/* The number named in "name=3"; the switches are true without a number. */
static fovea_status parse_setting(char *word, fovea_optimizer *o) {
    const struct {
        const char *name;
        double *number;
        bool *on;
    } names[] = {
        {"momentum", &o->momentum, NULL},
        {"dampening", &o->dampening, NULL},
        {"beta1", &o->beta1, NULL},
        {"beta2", &o->beta2, NULL},
        {"rho", &o->rho, NULL},
        {"epsilon", &o->epsilon, NULL},
        {"rate_decay", &o->rate_decay, NULL},
        {"momentum_decay", &o->momentum_decay, NULL},
        {"trust", &o->trust, NULL},
        {"weight_decay", &o->weight_decay, NULL},
        {"clip_value", &o->clip_value, NULL},
        {"clip_norm", &o->clip_norm, NULL},
        {"average", &o->average, NULL},
        {"centered", NULL, &o->centered},
        {"decoupled", NULL, &o->decoupled},
        {"decay_all", NULL, &o->decay_all},
    };
    char *equals = strchr(word, '='), *end = NULL;
    if (equals) *equals = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, word) != 0) continue;
        double number = equals ? strtod(equals + 1, &end) : 1;
        bool is_number = equals && end != equals + 1 && !*end && number >= 0;
        if (names[i].on ? equals && !is_number : !is_number)
            return fail(FOVEA_INVALID, "the optimizer's %s wants a number, as in %s=0.9", word,
                        word);
        if (names[i].on) *names[i].on = number != 0;
        else *names[i].number = number == 0 ? -1 : number;
        return FOVEA_OK;
    }
    return fail(FOVEA_INVALID, "an optimizer has no '%s'; see fovea_optimizer for what it has",
                word);
}

fovea_status fovea_optimizer_parse(const char *text, fovea_optimizer *out) {
    size_t length = strcspn(text, ":");
    *out = (fovea_optimizer){0};
    TRY(parse_method(text, length, out));
    char *copy = mem_string(text[length] ? text + length + 1 : ""), *save = NULL;
    fovea_status status = copy ? FOVEA_OK : fail_memory(strlen(text), "an optimizer");
    for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w && status == FOVEA_OK;
         w = strtok_r(NULL, ",", &save))
        status = parse_setting(w, out);
    mem_free(copy);
    return status == FOVEA_OK ? fovea_optimizer_check(out) : status;
}
