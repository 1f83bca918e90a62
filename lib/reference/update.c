/* The truth of Update: the formulas of lib/graph/update.h, one element at a time.
 *
 * Bounds by running error analysis (Higham, ch. 3.3): beside each number of a formula goes how far a device's
 * may lie from it. An operation carries the errors of its operands on and adds its own: u relative for +, -
 * and *, 2.5 ulp for division, 3 ulp for the square root (OpenCL specification, section 7.4), and what
 * flushing of the smallest numbers takes. */
#include "graph/update.h"

#include "base/threads.h"
#include "reference/elementwise.h"

struct number {
    double x, e; /* a device's lies within e of x */
};

/* ---- Arithmetic ---- */

static struct number exact(double x) {
    return (struct number){x, exact_bound(x)};
}

/* A result whose operands' errors make `carried`, rounded with a relative error of `units` u. */
static struct number rounded(double x, double carried, double units) {
    return (struct number){x, carried + units * REFERENCE_U * (fabs(x) + carried) + REFERENCE_TINY};
}

static struct number plus(struct number a, struct number b) {
    return rounded(a.x + b.x, a.e + b.e, 1);
}

static struct number minus(struct number a, struct number b) {
    return rounded(a.x - b.x, a.e + b.e, 1);
}

static struct number times(struct number a, struct number b) {
    return rounded(a.x * b.x, fabs(a.x) * b.e + fabs(b.x) * a.e + a.e * b.e, 1);
}

static struct number over(struct number a, struct number b) {
    double y = a.x / b.x, least = fabs(b.x) - b.e;
    if (a.x == 0 && a.e == 0 && least > 0) return (struct number){0, 0};
    return rounded(y, least > 0 ? (a.e + fabs(y) * b.e) / least : INFINITY, 5);
}

/* sqrt is steepest downwards: |sqrt(x) - sqrt(x - e)| = e / (sqrt(x) + sqrt(x - e)). */
static struct number root(struct number a) {
    double y = sqrt(a.x), below = a.x > a.e ? sqrt(a.x - a.e) : 0;
    return rounded(y, a.e > 0 ? fmin(a.e / (y + below), sqrt(a.e)) : 0, 6);
}

static struct number square(struct number a) {
    return times(a, a);
}

/* v + b (x - v) */
static struct number blend(struct number v, struct number x, struct number b) {
    return plus(v, times(b, minus(x, v)));
}

/* ---- Methods ---- */

struct update {
    enum update_method method;
    enum update_decay decay;
    bool clips;
    struct number control[UPDATE_CONTROL], rate; /* rate: with trust */
    struct number factor, limit;
    bool has_factor, shrinks;
    struct number keep; /* shrinks: what w' is multiplied by at last */
    const double *w, *g, *state[UPDATE_STATES_MAX];
    struct reference_out *out[1 + UPDATE_STATES_MAX]; /* NULL: not wanted */
};

/* One element: what the formulas read and write. */
struct element {
    struct number w, g, s[UPDATE_STATES_MAX];
};

/* Clipping moves nothing further apart than it was. */
static struct number clipped(struct number x, struct number limit) {
    double most = limit.x;
    return (struct number){x.x > most ? most : x.x < -most ? -most : x.x, fmax(x.e, limit.e)};
}

/* The gradient with factor, clipping and coupled decay. */
static struct number gradient(const struct update *u, const struct element *e) {
    struct number g = u->has_factor ? times(e->g, u->factor) : e->g;
    if (u->clips) g = clipped(g, u->control[CONTROL_CLIP]);
    bool couples = u->decay == DECAY_COUPLED && u->method != UPDATE_LAMB;
    return couples ? plus(g, times(u->control[CONTROL_DECAY], e->w)) : g;
}

/* sqrt(s) + epsilon; for the centered form of s - m^2, which rounding may take below 0. */
static struct number divisor(const struct update *u, struct number s) {
    return plus(root(s), u->control[CONTROL_EPSILON]);
}

static struct number variance(struct number s, struct number m) {
    struct number v = minus(s, square(m));
    if (v.x < 0) v.x = 0;
    return v;
}

static void rmsprop(const struct update *u, struct element *e) {
    const struct number *c = u->control;
    bool centered = u->method == UPDATE_RMSPROP_CENTERED;
    e->s[0] = blend(e->s[0], square(e->g), c[CONTROL_B]);
    if (centered) e->s[2] = blend(e->s[2], e->g, c[CONTROL_B]);
    struct number s = centered ? variance(e->s[0], e->s[2]) : e->s[0];
    struct number step = over(e->g, divisor(u, s));
    if (u->method != UPDATE_RMSPROP) {
        step = plus(times(c[CONTROL_A], e->s[1]), step);
        e->s[1] = step;
    }
    e->w = minus(e->w, times(u->rate, step));
}

static void adadelta(const struct update *u, struct element *e) {
    const struct number *c = u->control;
    e->s[0] = blend(e->s[0], square(e->g), c[CONTROL_B]);
    struct number step =
        over(root(plus(e->s[1], c[CONTROL_EPSILON])), root(plus(e->s[0], c[CONTROL_EPSILON])));
    step = times(step, e->g);
    e->s[1] = blend(e->s[1], square(step), c[CONTROL_B]);
    e->w = minus(e->w, times(u->rate, step));
}

/* adam, nadam, lamb */
static void adam(const struct update *u, struct element *e) {
    const struct number *c = u->control;
    e->s[0] = blend(e->s[0], e->g, c[CONTROL_A]);
    e->s[1] = blend(e->s[1], square(e->g), c[CONTROL_B]);
    struct number below = plus(times(root(e->s[1]), c[CONTROL_SECOND]), c[CONTROL_EPSILON]);
    struct number above = times(c[CONTROL_FIRST], e->s[0]);
    if (u->method == UPDATE_ADAM) above = times(u->rate, above);
    if (u->method == UPDATE_NADAM)
        above = plus(times(c[CONTROL_FIRST], e->g), times(u->rate, e->s[0]));
    struct number step = over(above, below);
    if (u->method != UPDATE_LAMB) e->w = minus(e->w, step);
    else if (u->decay == DECAY_NONE) e->w = step;
    else e->w = plus(step, times(c[CONTROL_DECAY], e->w));
}

static void momentum(const struct update *u, struct element *e) {
    const struct number *c = u->control;
    bool lars = u->method == UPDATE_LARS;
    struct number v =
        plus(times(c[CONTROL_A], e->s[0]), times(lars ? u->rate : c[CONTROL_B], e->g));
    e->s[0] = v;
    if (u->method == UPDATE_NESTEROV) v = plus(e->g, times(c[CONTROL_A], v));
    e->w = minus(e->w, lars ? v : times(u->rate, v));
}

static void adagrad(const struct update *u, struct element *e) {
    e->s[0] = plus(e->s[0], square(e->g));
    e->w = minus(e->w, times(u->rate, over(e->g, divisor(u, e->s[0]))));
}

/* ---- Of norms ---- */

static void clip(const struct update *u, struct element *e) {
    struct number f = over(u->limit, plus(root(e->w), exact((double)1e-6f)));
    e->w = (struct number){f.x > 1 ? 1 : f.x, f.x - f.e > 1 ? 0 : f.e};
}

/* w / g with what the method adds; 1 where there is nothing to compare. */
static void trust(const struct update *u, struct element *e) {
    struct number w = e->w, below = e->g;
    bool lars = u->method == UPDATE_TRUST_LARS;
    if (lars && u->has_factor) below = times(below, u->factor);
    bool nothing = w.x == 0 || below.x == 0;
    double doubt = fabs(w.x) > w.e ? 0 : INFINITY; /* a device may take it for zero */
    if (lars && u->decay != DECAY_NONE) below = plus(below, times(u->control[CONTROL_DECAY], w));
    if (lars) w = times(u->control[CONTROL_FIRST], w);
    struct number ratio = over(w, below);
    ratio.e += doubt;
    e->w = nothing ? (struct number){1, 0} : ratio;
}

static void apply(const struct update *u, struct element *e) {
    switch (u->method) {
    case UPDATE_SGD: e->w = minus(e->w, times(u->rate, e->g)); break;
    case UPDATE_ADAGRAD: adagrad(u, e); break;
    case UPDATE_RMSPROP:
    case UPDATE_RMSPROP_MOMENTUM:
    case UPDATE_RMSPROP_CENTERED: rmsprop(u, e); break;
    case UPDATE_ADADELTA: adadelta(u, e); break;
    case UPDATE_ADAM:
    case UPDATE_NADAM:
    case UPDATE_LAMB: adam(u, e); break;
    case UPDATE_CLIP: clip(u, e); break;
    case UPDATE_TRUST_LARS:
    case UPDATE_TRUST_LAMB: trust(u, e); break;
    case UPDATE_ACCUMULATE: e->w = plus(e->w, e->g); break;
    case UPDATE_SCALE: e->w = u->has_factor ? times(e->w, u->factor) : e->w; break;
    case UPDATE_AVERAGE: e->w = blend(e->w, e->g, u->control[CONTROL_AVERAGE]); break;
    default: momentum(u, e);
    }
}

static void update_part(void *data, size_t begin, size_t end) {
    const struct update *u = data;
    for (size_t i = begin; i < end; i++) {
        struct element e = {.w = exact(u->w[i])};
        if (u->g) e.g = exact(u->g[i]);
        for (size_t k = 0; k < UPDATE_STATES_MAX; k++)
            if (u->state[k]) e.s[k] = exact(u->state[k][i]);
        if (u->method < UPDATE_CLIP) {
            e.g = gradient(u, &e);
            if (u->decay == DECAY_DECOUPLED)
                e.w = minus(e.w, times(u->control[CONTROL_DECAY], e.w));
        }
        apply(u, &e);
        if (u->shrinks) e.w = times(e.w, u->keep);
        for (size_t k = 0; k <= UPDATE_STATES_MAX; k++) {
            struct number y = k ? e.s[k - 1] : e.w;
            if (u->out[k] && u->out[k]->data) write_float(u->out[k], i, y.x, y.e);
        }
    }
}

fovea_status reference_update(struct reference_call *c) {
    struct update u = {.method = update_method_of(c->node),
                       .decay = update_decay_of(c->node),
                       .clips = attr_int(c->node, "clip", 0) != 0,
                       .limit = exact((double)attr_float(c->node, "limit", 1)),
                       .has_factor = reference_has(c, UPDATE_IN_FACTOR)};
    const double *in[UPDATE_IN_STATE + UPDATE_STATES_MAX] = {NULL};
    for (size_t i = 0; i < c->n_in; i++)
        if (reference_has(c, i) && !(in[i] = reference_f64(c, i))) return FOVEA_NO_MEMORY;
    for (size_t i = 0; in[UPDATE_IN_CONTROL] && i < UPDATE_CONTROL; i++)
        u.control[i] = exact(in[UPDATE_IN_CONTROL][i]);
    u.rate = u.control[CONTROL_RATE];
    if (in[UPDATE_IN_TRUST]) u.rate = times(u.rate, exact(*in[UPDATE_IN_TRUST]));
    if (u.has_factor) u.factor = exact(*in[UPDATE_IN_FACTOR]);
    u.w = in[UPDATE_IN_W];
    u.g = in[UPDATE_IN_G];
    for (size_t k = 0; k < UPDATE_STATES_MAX; k++) u.state[k] = in[UPDATE_IN_STATE + k];
    for (size_t k = 0; k < c->n_out; k++) u.out[k] = &c->out[k];
    parallel_for((size_t)fovea_desc_elements(&c->in[UPDATE_IN_W].desc), 4096, update_part, &u);
    return FOVEA_OK;
}

/* ---- ONNX's optimizers ---- */

/* A number that was rounded to float on its way to the device. */
static struct number near(double x) {
    return (struct number){x, REFERENCE_U * fabs(x)};
}

/* 1 - b^t = -expm1(t log b): three roundings of the argument, which count once at most; 3 ulp. */
static struct number rest(double b, double t) {
    return rounded(-expm1(t * log(b)), 0, 3 + 6);
}

static struct number adam_rate(const struct optimizer_attributes *a, struct number r, double t) {
    return over(times(r, root(rest((double)a->beta, t))), rest((double)a->alpha, t));
}

static void optimizer_control(struct update *u, const struct optimizer_attributes *a, double rate,
                              double count) {
    struct number one = {1, 0}, *c = u->control;
    bool adam = u->method == UPDATE_ADAM;
    u->rate = near(rate);
    if (adam && count > 0) u->rate = adam_rate(a, u->rate, count);
    if (u->method == UPDATE_ADAGRAD)
        u->rate = over(u->rate, plus(one, times(near(count), exact((double)a->rate_decay))));
    c[CONTROL_DECAY] = exact((double)a->decay);
    c[CONTROL_EPSILON] = exact((double)a->epsilon);
    c[CONTROL_A] = adam ? near(1 - (double)a->alpha) : exact((double)a->alpha);
    c[CONTROL_B] = adam ? near(1 - (double)a->beta) : count > 0 ? exact((double)a->beta) : one;
    c[CONTROL_FIRST] = c[CONTROL_SECOND] = one;
    u->shrinks = a->post != 0;
    u->keep = near(1 - (double)a->post);
}

fovea_status reference_optimizer(struct reference_call *c) {
    struct update u = {.method = optimizer_method(c->node), .decay = DECAY_COUPLED};
    struct optimizer_attributes a = optimizer_attributes(c->node);
    size_t count = optimizer_parameters(c->node), states = update_form(u.method)->states;
    const double *rate = reference_f64(c, OPTIMIZER_IN_RATE);
    const int64_t *updates = reference_i64(c, OPTIMIZER_IN_COUNT);
    if (!rate || !updates) return FOVEA_NO_MEMORY;
    optimizer_control(&u, &a, *rate, (double)*updates);
    for (size_t i = 0; i < count; i++) {
        const double *in[2 + UPDATE_STATES_MAX] = {NULL};
        for (size_t k = 0; k < 2 + states; k++)
            if (!(in[k] = reference_f64(c, OPTIMIZER_IN_X + k * count + i))) return FOVEA_NO_MEMORY;
        u.w = in[0];
        u.g = in[1];
        for (size_t k = 0; k < states; k++) u.state[k] = in[2 + k];
        for (size_t k = 0; k <= states; k++)
            u.out[k] = k * count + i < c->n_out ? &c->out[k * count + i] : NULL;
        parallel_for((size_t)fovea_desc_elements(&c->in[OPTIMIZER_IN_X + i].desc), 4096,
                     update_part, &u);
    }
    return FOVEA_OK;
}
