/* Initialisers: the numbers that training begins with. Each number follows from the seed, the parameter's name
 * and its own place alone, so that neither threads nor other layers matter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/threads.h"
#include "fovea_train.h"
#include "graph/graph.h"

/* ---- What a parameter is ---- */

enum role { ROLE_NONE, ROLE_WEIGHTS, ROLE_ZEROS, ROLE_ONES, ROLE_SLOPES };

/* A parameter by value: how it is used first. */
struct use {
    enum role role;
    double fan_in,
        fan_out; /* weights: numbers that meet in an output, outputs that an input goes to */
};

static bool is_norm(enum op op) {
    return op == OP_BatchNormalization || op == OP_InstanceNormalization ||
           op == OP_GroupNormalization || op == OP_LayerNormalization;
}

static bool makes_sums(enum op op) {
    return op == OP_Conv || op == OP_ConvTranspose || op == OP_Gemm || op == OP_MatMul;
}

/* Conv: (oc, ic / groups, window). ConvTranspose: (ic, oc / groups, window). */
static struct use conv_weights(const struct node *n, const fovea_desc *d) {
    double window = (double)desc_span(d, 2, d->rank), groups = (double)attr_int(n, "group", 1);
    double in = (double)d->dim[1], out = (double)d->dim[0] / groups;
    bool back = n->op == OP_ConvTranspose;
    return (struct use){ROLE_WEIGHTS, window * (back ? out : in), window * (back ? in : out)};
}

/* A matrix (k, m) at the right or (m, k) at the left, or its transpose. */
static struct use matrix_weights(const struct node *n, size_t i, const fovea_desc *d) {
    bool turned = n->op == OP_Gemm && attr_int(n, i ? "transB" : "transA", 0);
    double rows = d->rank > 1 ? (double)d->dim[d->rank - 2] : 1;
    double columns = (double)d->dim[d->rank - 1];
    if (d->rank < 2) return (struct use){ROLE_WEIGHTS, columns, 1};
    bool rows_are_in = (i == 1) != turned;
    return (struct use){ROLE_WEIGHTS, rows_are_in ? rows : columns, rows_are_in ? columns : rows};
}

/* A constant that is added to sums is a bias, unless the other operand is one too. */
static bool is_bias(const fovea_graph *g, const struct node *n, size_t i) {
    const struct value *other = node_in(g, n, 1 - i);
    return n->op == OP_Add && other && other->producer != FOVEA_NO_VALUE &&
           makes_sums(g->nodes[other->producer].op);
}

static struct use use_of(const fovea_graph *g, const struct node *n, size_t i,
                         const fovea_desc *d) {
    static const enum role norm[] = {ROLE_NONE, ROLE_ONES, ROLE_ZEROS, ROLE_ZEROS, ROLE_ONES};
    if (is_norm(n->op)) return (struct use){.role = i < 5 ? norm[i] : ROLE_NONE};
    if (n->op == OP_PRelu) return (struct use){.role = i == 1 ? ROLE_SLOPES : ROLE_NONE};
    if (i < 2 && is_bias(g, n, i)) return (struct use){.role = ROLE_ZEROS};
    if (!makes_sums(n->op) || d->rank == 0) return (struct use){.role = ROLE_NONE};
    if (i == 2) return (struct use){.role = ROLE_ZEROS};
    if (n->op == OP_Conv || n->op == OP_ConvTranspose)
        return i == 1 && d->rank > 2 ? conv_weights(n, d) : (struct use){.role = ROLE_NONE};
    return i < 2 ? matrix_weights(n, i, d) : (struct use){.role = ROLE_NONE};
}

static void find_uses(const fovea_graph *g, struct use *uses) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        for (size_t i = 0; i < n->n_in && !n->dead; i++) {
            const struct value *v = node_in(g, n, i);
            if (v && v->storage && v->desc.dtype == FOVEA_FLOAT32 &&
                uses[n->in[i]].role == ROLE_NONE)
                uses[n->in[i]] = use_of(g, n, i, &v->desc);
        }
    }
}

/* ---- The last normalisation of a residual branch ---- */

enum { BRANCH_MAX = 32 };

static const struct node *producer(const fovea_graph *g, fovea_value v) {
    uint32_t k = v == FOVEA_NO_VALUE ? FOVEA_NO_VALUE : g->values[v].producer;
    return k == FOVEA_NO_VALUE ? NULL : &g->nodes[k];
}

/* The values from v upwards, along first inputs. */
static size_t climb(const fovea_graph *g, fovea_value v, fovea_value path[BRANCH_MAX]) {
    size_t n = 0;
    while (v != FOVEA_NO_VALUE && n < BRANCH_MAX) {
        const struct node *p = producer(g, v);
        path[n++] = v;
        v = p && p->n_in ? p->in[0] : FOVEA_NO_VALUE;
    }
    return n;
}

/* The operand of an Add that took the longer way from where both ways part; FOVEA_NO_VALUE if they never
 * met. */
static fovea_value branch_of(const fovea_graph *g, const struct node *add) {
    fovea_value a[BRANCH_MAX], b[BRANCH_MAX];
    size_t n = climb(g, add->in[0], a), m = climb(g, add->in[1], b);
    for (size_t sum = 1; sum < n + m; sum++)
        for (size_t i = 0; i <= sum && i < n; i++)
            if (sum - i < m && a[i] == b[sum - i]) return i >= sum - i ? a[0] : b[0];
    return FOVEA_NO_VALUE;
}

static void zero_gammas(const fovea_graph *g, struct use *uses) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        if (n->dead || n->op != OP_Add || n->n_in != 2) continue;
        const struct node *last = producer(g, branch_of(g, n));
        if (last && is_norm(last->op) && node_in(g, last, 1) && node_in(g, last, 1)->storage)
            uses[last->in[1]].role = ROLE_ZEROS;
    }
}

/* ---- Filling ---- */

struct fill {
    float *data;
    const fovea_initializer *initializer;
    uint64_t seed;
    fovea_distribution distribution;
    double size; /* constant: the number; uniform: the limit; else the deviation */
};

/* What is left of a normal distribution between -2 and 2 has this deviation. */
#define TRUNCATED_DEVIATION 0.87962566103423978

static double draw(const struct fill *f, size_t i) {
    struct random r = {random_mix(f->seed, i)};
    if (f->distribution == FOVEA_DISTRIBUTION_UNIFORM)
        return (2 * random_uniform(&r) - 1) * f->size;
    double x = random_normal(&r);
    while (f->distribution == FOVEA_DISTRIBUTION_TRUNCATED && fabs(x) > 2) x = random_normal(&r);
    return x * f->size;
}

static void draw_part(void *data, size_t begin, size_t end) {
    const struct fill *f = data;
    for (size_t i = begin; i < end; i++) f->data[i] = (float)draw(f, i);
}

static void fill_number(float *data, size_t n, double number) {
    for (size_t i = 0; i < n; i++) data[i] = (float)number;
}

/* The distribution with this deviation. */
static void spread(struct fill *f, double deviation) {
    f->size = deviation;
    if (f->distribution == FOVEA_DISTRIBUTION_UNIFORM) f->size = sqrt(3) * deviation;
    if (f->distribution == FOVEA_DISTRIBUTION_TRUNCATED) f->size = deviation / TRUNCATED_DEVIATION;
}

/* ---- Orthogonal weights (Saxe et al. 2014): rows or columns, whichever are fewer, are orthonormal ---- */

/* `count` vectors of `length`, one after the other. */
struct basis {
    double *v;
    size_t count, length, done;
};

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Takes the direction of vector `done` out of vectors that follow it. */
static void project_part(void *data, size_t begin, size_t end) {
    const struct basis *b = data;
    const double *unit = b->v + b->done * b->length;
    for (size_t k = b->done + 1 + begin; k < b->done + 1 + end; k++) {
        double *x = b->v + k * b->length, share = dot(unit, x, b->length);
        for (size_t i = 0; i < b->length; i++) x[i] -= share * unit[i];
    }
}

/* Modified Gram and Schmidt, one vector out of all later ones at a time. Random vectors are far enough from
 * dependent ones for it: what is lost in double is nothing in float. */
static void orthonormalise(struct basis *b) {
    for (b->done = 0; b->done < b->count; b->done++) {
        double *x = b->v + b->done * b->length, norm = sqrt(dot(x, x, b->length));
        for (size_t i = 0; i < b->length; i++) x[i] /= norm;
        parallel_for(b->count - b->done - 1, 16, project_part, b);
    }
}

static fovea_status fill_orthogonal(struct fill *f, const fovea_desc *d, double gain) {
    size_t rows = (size_t)d->dim[0], columns = (size_t)desc_span(d, 1, d->rank);
    bool wide = rows <= columns;
    struct basis b = {.count = wide ? rows : columns, .length = wide ? columns : rows};
    struct fill normal = *f;
    normal.distribution = FOVEA_DISTRIBUTION_NORMAL;
    normal.size = 1;
    b.v = mem_array(rows * columns, sizeof *b.v);
    if (!b.v) return fail_memory(rows * columns * sizeof *b.v, "orthogonal weights");
    for (size_t i = 0; i < rows * columns; i++) b.v[i] = draw(&normal, i);
    orthonormalise(&b);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            f->data[r * columns + c] = (float)(gain * b.v[wide ? r * columns + c : c * rows + r]);
    mem_free(b.v);
    return FOVEA_OK;
}

/* ---- Parameters ---- */

static fovea_status fill_weights(struct fill *f, const struct use *use, const fovea_desc *d) {
    const fovea_initializer *o = f->initializer;
    double number = o->number, gain = number != 0 ? number : 1;
    double in = fmax(use->fan_in, 1), out = fmax(use->fan_out, 1);
    size_t n = (size_t)fovea_desc_elements(d);
    f->distribution = o->distribution;
    switch (o->kind) {
    case FOVEA_INITIALIZER_CONSTANT: fill_number(f->data, n, number); return FOVEA_OK;
    case FOVEA_INITIALIZER_ORTHOGONAL:
        if (n > 0) return fill_orthogonal(f, d, gain);
        break;
    case FOVEA_INITIALIZER_NUMBER: f->size = number; break;
    case FOVEA_INITIALIZER_LECUN: spread(f, gain * sqrt(1 / in)); break;
    case FOVEA_INITIALIZER_GLOROT: spread(f, gain * sqrt(2 / (in + out))); break;
    default: spread(f, gain * sqrt(2 / (o->fan_out ? out : in)));
    }
    parallel_for(n, 65536, draw_part, f);
    return FOVEA_OK;
}

static fovea_status fill_value(fovea_graph *g, fovea_value v, const struct use *use,
                               const fovea_initializer *o) {
    static const double numbers[] = {[ROLE_ONES] = 1, [ROLE_SLOPES] = 0.25};
    const fovea_desc d = g->values[v].desc;
    struct fill f = {.initializer = o,
                     .seed = random_mix(hash_string(HASH_START, g->values[v].name), o->seed),
                     .data = mem_alloc(desc_bytes(&d))};
    if (!f.data) return fail_memory(desc_bytes(&d), "initial weights");
    fovea_status status = FOVEA_OK;
    if (use->role == ROLE_WEIGHTS) status = fill_weights(&f, use, &d);
    else fill_number(f.data, (size_t)fovea_desc_elements(&d), numbers[use->role]);
    if (status == FOVEA_OK) return graph_value_set_data(g, v, &d, f.data);
    mem_free(f.data);
    return status;
}

static fovea_status check(const fovea_initializer *o) {
    if ((unsigned)o->kind > FOVEA_INITIALIZER_NUMBER ||
        (unsigned)o->distribution > FOVEA_DISTRIBUTION_TRUNCATED)
        return fail(FOVEA_INVALID, "there is no initialiser %d with the distribution %d",
                    (int)o->kind, (int)o->distribution);
    if (!isfinite(o->number)) return fail(FOVEA_INVALID, "the initialiser's number is not finite");
    if (o->kind == FOVEA_INITIALIZER_NUMBER && !(o->number > 0))
        return fail(FOVEA_INVALID,
                    "the initialiser wants a deviation or limit above 0, as in normal:0.01");
    return FOVEA_OK;
}

fovea_status fovea_graph_initialize(fovea_graph *g, const fovea_initializer *initializer) {
    static const fovea_initializer defaults;
    const fovea_initializer *o = initializer ? initializer : &defaults;
    TRY(check(o));
    TRY(graph_want_data(g));
    struct use *uses = mem_zero(g->n_values + 1, sizeof *uses);
    if (!uses) return fail_memory(g->n_values * sizeof *uses, "initial weights");
    find_uses(g, uses);
    if (o->zero_gamma) zero_gammas(g, uses);
    fovea_status status = FOVEA_OK;
    for (size_t i = 0; i < g->n_values && status == FOVEA_OK; i++)
        if (uses[i].role != ROLE_NONE) status = fill_value(g, (fovea_value)i, &uses[i], o);
    mem_free(uses);
    return status;
}

/* ---- Text ---- */

static fovea_status parse_kind(const char *text, size_t length, fovea_initializer *o) {
    static const struct {
        const char *name;
        fovea_initializer_kind kind;
        fovea_distribution distribution;
    } names[] = {
        {"he", FOVEA_INITIALIZER_HE, FOVEA_DISTRIBUTION_NORMAL},
        {"glorot", FOVEA_INITIALIZER_GLOROT, FOVEA_DISTRIBUTION_NORMAL},
        {"lecun", FOVEA_INITIALIZER_LECUN, FOVEA_DISTRIBUTION_NORMAL},
        {"orthogonal", FOVEA_INITIALIZER_ORTHOGONAL, FOVEA_DISTRIBUTION_NORMAL},
        {"constant", FOVEA_INITIALIZER_CONSTANT, FOVEA_DISTRIBUTION_NORMAL},
        {"normal", FOVEA_INITIALIZER_NUMBER, FOVEA_DISTRIBUTION_NORMAL},
        {"uniform", FOVEA_INITIALIZER_NUMBER, FOVEA_DISTRIBUTION_UNIFORM},
        {"truncated", FOVEA_INITIALIZER_NUMBER, FOVEA_DISTRIBUTION_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == length && strncmp(names[i].name, text, length) == 0) {
            o->kind = names[i].kind;
            o->distribution = names[i].distribution;
            return FOVEA_OK;
        }
    return fail(
        FOVEA_INVALID,
        "there is no initialiser '%.*s'; known are he, glorot, lecun, orthogonal, constant, "
        "normal, uniform, truncated",
        (int)length, text);
}

static fovea_status parse_word(const char *word, fovea_initializer *o) {
    char *end;
    double number = strtod(word, &end);
    bool fans = o->kind == FOVEA_INITIALIZER_HE || o->kind == FOVEA_INITIALIZER_GLOROT ||
                o->kind == FOVEA_INITIALIZER_LECUN;
    if (end != word && !*end && isfinite(number)) o->number = number;
    else if (strcmp(word, "zero_gamma") == 0) o->zero_gamma = true;
    else if (strcmp(word, "fan_out") == 0 && o->kind == FOVEA_INITIALIZER_HE) o->fan_out = true;
    else if (strcmp(word, "normal") == 0 && fans) o->distribution = FOVEA_DISTRIBUTION_NORMAL;
    else if (strcmp(word, "uniform") == 0 && fans) o->distribution = FOVEA_DISTRIBUTION_UNIFORM;
    else if (strcmp(word, "truncated") == 0 && fans) o->distribution = FOVEA_DISTRIBUTION_TRUNCATED;
    else
        return fail(
            FOVEA_INVALID,
            "'%s' says nothing to this initialiser: a number, zero_gamma, and after he, glorot "
            "or lecun normal, uniform, truncated (he: fan_out) would",
            word);
    return FOVEA_OK;
}

fovea_status fovea_initializer_parse(const char *text, fovea_initializer *out) {
    size_t length = strcspn(text, ":");
    fovea_initializer o = {.seed = out->seed};
    TRY(parse_kind(text, length, &o));
    char *copy = mem_string(text[length] ? text + length + 1 : ""), *save = NULL;
    fovea_status status = copy ? FOVEA_OK : fail_memory(strlen(text), "an initialiser");
    for (char *w = copy ? strtok_r(copy, ":,", &save) : NULL; w && status == FOVEA_OK;
         w = strtok_r(NULL, ":,", &save))
        status = parse_word(w, &o);
    mem_free(copy);
    if (status == FOVEA_OK) status = check(&o);
    if (status == FOVEA_OK) *out = o;
    return status;
}
