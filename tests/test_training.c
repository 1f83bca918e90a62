/* Training against PyTorch:
 *     test_training DEVICE FILE...
 * Each file holds what PyTorch computed for a network of the zoo (data/training/; data/record_training.py
 * wrote it and describes it). The same network, batches and loss give the gradients of step one here, and
 * each must lie as near to float64's numbers as float32 lets it: FACTOR times the largest error that
 * PyTorch's own float32 made in three orders of summation. A wrong formula is off by a thousand times more.
 * Exit code 77: no such device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/status.h"
#include "fovea_train.h"
#include "graph/graph.h"

#define FACTOR 4
enum { STEPS = 10, CHOSEN = 8, HEADS_MAX = 4, BATCHES_MAX = 4, RUNS_MAX = 4, NAME_LENGTH = 64 };

static size_t passed, failed;

/* ---- The record ---- */

/* A parameter's gradient of step one, or (with `chosen` unused) a running statistic after the last step. */
struct tensor_record {
    char name[NAME_LENGTH];
    size_t elements;
    double initial, norm, dot, error_norm, error_dot, error_max, chosen[CHOSEN];
};

struct run_record {
    char method[NAME_LENGTH];
    double rate, beta1, beta2, epsilon, decay;
    double loss[STEPS], error[STEPS];
    size_t n_losses;
    struct tensor_record *running;
    size_t n_running, capacity;
};

struct record {
    const char *path;
    char network[NAME_LENGTH];
    int64_t classes, size, seed, pictures, batches, batch_seed;
    char head[HEADS_MAX][NAME_LENGTH];
    double share[HEADS_MAX];
    size_t n_heads;
    struct tensor_record *parameters;
    size_t n_parameters, capacity;
    struct run_record runs[RUNS_MAX];
    size_t n_runs;
};

static bool read_parameter(struct record *r, const char *line) {
    struct tensor_record p = {.elements = 0}, *slot;
    double *c = p.chosen;
    if (sscanf(line, "parameter %63s %zu %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf",
               p.name, &p.elements, &p.initial, &p.norm, &p.dot, &p.error_norm, &p.error_dot,
               &p.error_max, c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7) != 16)
        return false;
    slot = mem_push(&r->parameters, &r->n_parameters, &r->capacity, sizeof p);
    if (slot) *slot = p;
    return slot;
}

static bool read_running(struct run_record *run, const char *line) {
    struct tensor_record p = {.elements = 0}, *slot;
    if (sscanf(line, "running %63s %zu %lf %lf %lf %lf", p.name, &p.elements, &p.norm, &p.dot,
               &p.error_norm, &p.error_dot) != 6)
        return false;
    slot = mem_push(&run->running, &run->n_running, &run->capacity, sizeof p);
    if (slot) *slot = p;
    return slot;
}

/* Lines that follow "optimizer". */
static bool read_run(struct record *r, const char *line) {
    struct run_record *run = &r->runs[r->n_runs];
    if (r->n_runs < RUNS_MAX &&
        sscanf(line, "optimizer %63s %lf %lf %lf %lf %lf", run->method, &run->rate, &run->beta1,
               &run->beta2, &run->epsilon, &run->decay) == 6) {
        r->n_runs++;
        return true;
    }
    if (r->n_runs == 0) return false;
    run = &r->runs[r->n_runs - 1];
    if (strncmp(line, "running ", 8) == 0) return read_running(run, line);
    size_t i = run->n_losses;
    return i < STEPS && sscanf(line, "loss %lf %lf", &run->loss[i], &run->error[i]) == 2 &&
           ++run->n_losses;
}

static bool read_line(struct record *r, const char *line) {
    size_t h = r->n_heads;
    if (line[0] == '#') return true;
    if (strncmp(line, "parameter ", 10) == 0) return read_parameter(r, line);
    if (sscanf(line, "network %63s %ld %ld %ld %ld", r->network, &r->classes, &r->size, &r->seed,
               &r->pictures) == 5)
        return true;
    if (sscanf(line, "batches %ld %ld", &r->batches, &r->batch_seed) == 2)
        return r->batches > 0 && r->batches <= BATCHES_MAX;
    if (h < HEADS_MAX && sscanf(line, "head %63s %lf", r->head[h], &r->share[h]) == 2)
        return ++r->n_heads;
    return read_run(r, line);
}

static bool read_record(struct record *r, const char *path) {
    char line[1024];
    FILE *file = fopen(path, "r");
    *r = (struct record){.path = path};
    bool good = file;
    while (good && fgets(line, sizeof line, file)) {
        good = read_line(r, line);
        if (!good) printf("FAILED %s: not a line of a record: %s", path, line);
    }
    if (file) fclose(file);
    else printf("FAILED %s: cannot be opened\n", path);
    bool whole = r->n_heads && r->n_parameters && r->n_runs;
    for (size_t i = 0; i < r->n_runs; i++) whole = whole && r->runs[i].n_losses == STEPS;
    if (good && !whole) printf("FAILED %s: the record is not whole\n", path);
    return good && whole;
}

static void free_record(struct record *r) {
    for (size_t i = 0; i < r->n_runs; i++) mem_free(r->runs[i].running);
    mem_free(r->parameters);
}

/* ---- Batches ---- */

static void fill_batch(const struct record *r, int64_t b, float *x, size_t n, int64_t *labels) {
    uint64_t pictures = random_mix((uint64_t)r->batch_seed, 2 * (uint64_t)b);
    uint64_t classes = random_mix((uint64_t)r->batch_seed, 2 * (uint64_t)b + 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)(random_mix(pictures, i) >> 40) * 0x1p-23 - 1);
    for (int64_t i = 0; i < r->pictures; i++)
        labels[i] = (int64_t)(random_mix(classes, (uint64_t)i) % (uint64_t)r->classes);
}

/* ---- Comparing ---- */

struct tally {
    const struct record *record;
    const char *device;
    size_t compared, wrong;
    double worst; /* difference over what is allowed */
};

static void compare(struct tally *t, const char *name, const char *what, double got, double want,
                    double allowed) {
    double difference = fabs(got - want), ratio = difference == 0 ? 0 : difference / allowed;
    t->compared++;
    if (!(ratio <= t->worst)) t->worst = ratio;
    if (ratio <= 1) return;
    t->wrong++;
    printf("FAILED %s on %s: %s of %s is %.9g, PyTorch's %.9g, difference %.3g, allowed %.3g\n",
           t->record->network, t->device, what, name, got, want, difference, allowed);
}

struct sums {
    double norm, dot;
};

static struct sums sums_of(const float *x, size_t n) {
    struct sums s = {0};
    for (size_t i = 0; i < n; i++) {
        s.norm += (double)x[i] * (double)x[i];
        s.dot += random_mix(17, i) >> 63 ? -(double)x[i] : (double)x[i];
    }
    s.norm = sqrt(s.norm);
    return s;
}

/* The difference of two norms is at most the norm of the difference. That of the dots is about as large
 * where errors have no common sign; ERROR_DOT is larger where they have. */
static void compare_sums(struct tally *t, const struct tensor_record *p, const float *got) {
    struct sums s = sums_of(got, p->elements);
    double rounding = 0x1p-23 * p->norm; /* of storing the tensor */
    compare(t, p->name, "the norm", s.norm, p->norm, FACTOR * p->error_norm + rounding);
    compare(t, p->name, "the dot", s.dot, p->dot,
            FACTOR * fmax(p->error_norm, p->error_dot) + rounding);
}

static void compare_gradient(struct tally *t, const struct tensor_record *p, const float *got) {
    compare_sums(t, p, got);
    for (size_t k = 0; k < CHOSEN; k++) {
        size_t i = (2 * k + 1) * p->elements / 16;
        char what[40];
        snprintf(what, sizeof what, "element %zu", i);
        compare(t, p->name, what, (double)got[i], p->chosen[k],
                FACTOR * p->error_max + 0x1p-23 * fabs(p->chosen[k]));
    }
}

/* ---- The network ---- */

static const float *constant(const fovea_graph *g, const char *name, size_t elements) {
    fovea_value v = fovea_graph_find(g, name);
    if (v == FOVEA_NO_VALUE || !g->values[v].storage) return NULL;
    return (size_t)fovea_desc_elements(&g->values[v].desc) == elements ? g->values[v].storage->data
                                                                       : NULL;
}

/* The record is of weights that the zoo no longer gives if this fails. */
static fovea_status check_weights(const struct record *r, const fovea_graph *g) {
    for (size_t i = 0; i < r->n_parameters; i++) {
        const struct tensor_record *p = &r->parameters[i];
        const float *w = constant(g, p->name, p->elements);
        if (!w) return fail(FOVEA_INVALID, "the network has no parameter '%s'", p->name);
        struct sums s = sums_of(w, p->elements);
        if (!(fabs(s.dot - p->initial) <= 1e-6 * (s.norm + 1)))
            return fail(FOVEA_INVALID,
                        "the initial '%s' is not the recorded one; run data/record_training.py",
                        p->name);
    }
    return FOVEA_OK;
}

/* Dropout keeps everything, since PyTorch's random numbers are others. */
static void drop_nothing(const fovea_graph *g) {
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        if (n->op == OP_Dropout && n->n_in > 1 && n->in[1] != FOVEA_NO_VALUE)
            memset(g->values[n->in[1]].storage->data, 0, g->values[n->in[1]].storage->bytes);
    }
}

static fovea_status create_network(const struct record *r, fovea_graph **out) {
    fovea_zoo_options o = {.classes = r->classes,
                           .size = r->size,
                           .batch = r->pictures,
                           .seed = (uint64_t)r->seed,
                           .training = true};
    TRY(fovea_zoo_create(out, r->network, &o));
    drop_nothing(*out);
    return check_weights(r, *out);
}

/* ---- Gradients of step one ---- */

static fovea_status normalize_by_batch(fovea_graph *g) {
    fovea_attribute training = {.name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    for (size_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == OP_BatchNormalization) TRY(node_attr_set(&g->nodes[i], &training));
    return FOVEA_OK;
}

/* Appends the loss of all heads with their shares. */
static fovea_status append_loss(const struct record *r, fovea_graph *g, fovea_value *out) {
    fovea_desc scalar = {.dtype = FOVEA_FLOAT32};
    fovea_desc labels = {.dtype = FOVEA_INT64, .rank = 1, .dim = {r->pictures}};
    fovea_value target, one, factor, part, sum = FOVEA_NO_VALUE;
    TRY(fovea_graph_input(g, "labels", &labels, &target));
    for (size_t i = 0; i < r->n_heads; i++) {
        fovea_value head = fovea_graph_find(g, r->head[i]);
        const struct node *softmax = &g->nodes[g->values[head].producer];
        float share = (float)r->share[i];
        char name[NAME_LENGTH + 16];
        snprintf(name, sizeof name, "share of %s", r->head[i]);
        TRY(fovea_graph_loss(g, "loss", FOVEA_LOSS_CROSS_ENTROPY, softmax->in[0], target, NULL,
                             &one));
        TRY(fovea_graph_constant(g, name, &scalar, &share, &factor));
        TRY(fovea_graph_binary(g, "Mul", NULL, one, factor, &part));
        if (i) TRY(fovea_graph_binary(g, "Add", NULL, sum, part, &part));
        sum = part;
    }
    *out = sum;
    TRY(fovea_graph_name(g, sum, "the loss"));
    return fovea_graph_output(g, sum);
}

static fovea_status append_gradients(const struct record *r, fovea_graph *g, fovea_value loss,
                                     fovea_value *values, fovea_value *grads) {
    for (size_t i = 0; i < r->n_parameters; i++)
        values[i] = fovea_graph_find(g, r->parameters[i].name);
    TRY(fovea_graph_gradient(g, loss, values, r->n_parameters, grads));
    for (size_t i = 0; i < r->n_parameters; i++) {
        char name[NAME_LENGTH + 16];
        fovea_value copy;
        if (grads[i] == FOVEA_NO_VALUE)
            return fail(FOVEA_INVALID, "no gradient flows to '%s'", r->parameters[i].name);
        snprintf(name, sizeof name, "gradient:%s", r->parameters[i].name);
        TRY(fovea_graph_unary(g, "Identity", name, grads[i], &copy));
        TRY(fovea_graph_name(g, copy, name));
        TRY(fovea_graph_output(g, copy));
    }
    return FOVEA_OK;
}

static fovea_status differentiate(const struct record *r, fovea_graph *g) {
    fovea_value loss, *values = mem_array(2 * r->n_parameters, sizeof *values);
    if (!values) return fail_memory(r->n_parameters, "gradients");
    fovea_status status = normalize_by_batch(g);
    if (status == FOVEA_OK) status = fovea_graph_fix(g, NULL, 0);
    if (status == FOVEA_OK) status = append_loss(r, g, &loss);
    if (status == FOVEA_OK) status = append_gradients(r, g, loss, values, values + r->n_parameters);
    mem_free(values);
    return status;
}

static fovea_status write_batch(const struct record *r, fovea_plan *plan) {
    fovea_tensor *x, *labels;
    int64_t classes[64];
    TRY(fovea_plan_tensor(plan, "input", &x));
    TRY(fovea_plan_tensor(plan, "labels", &labels));
    size_t n = (size_t)fovea_desc_elements(fovea_tensor_desc(x));
    float *pictures = mem_array(n, sizeof *pictures);
    if (!pictures || r->pictures > 64) return fail_memory(n, "a batch");
    fill_batch(r, 0, pictures, n, classes);
    fovea_status status = fovea_tensor_write(x, pictures, n * sizeof *pictures);
    mem_free(pictures);
    TRY(status);
    return fovea_tensor_write(labels, classes, (size_t)r->pictures * sizeof *classes);
}

static fovea_status read_gradient(const fovea_plan *plan, const struct tensor_record *p,
                                  float **out) {
    char name[NAME_LENGTH + 16];
    fovea_tensor *t;
    snprintf(name, sizeof name, "gradient:%s", p->name);
    TRY(fovea_plan_tensor(plan, name, &t));
    if ((size_t)fovea_desc_elements(fovea_tensor_desc(t)) != p->elements)
        return fail(FOVEA_INVALID, "%s has not %zu elements", name, p->elements);
    *out = mem_array(p->elements, sizeof **out);
    if (!*out) return fail_memory(p->elements, name);
    return fovea_tensor_read(t, *out, p->elements * sizeof **out);
}

static fovea_status compare_gradients(struct tally *t, const fovea_plan *plan) {
    const struct record *r = t->record;
    fovea_tensor *tensor;
    float loss;
    TRY(fovea_plan_tensor(plan, "the loss", &tensor));
    TRY(fovea_tensor_read(tensor, &loss, sizeof loss));
    compare(t, "step one", "the loss", (double)loss, r->runs[0].loss[0],
            FACTOR * r->runs[0].error[0] + 0x1p-23 * r->runs[0].loss[0]);
    for (size_t i = 0; i < r->n_parameters; i++) {
        float *got = NULL;
        fovea_status status = read_gradient(plan, &r->parameters[i], &got);
        if (status == FOVEA_OK) compare_gradient(t, &r->parameters[i], got);
        mem_free(got);
        TRY(status);
    }
    return FOVEA_OK;
}

static fovea_status run_gradients(struct tally *t, fovea_context *c, fovea_graph *g) {
    fovea_plan *plan;
    TRY(differentiate(t->record, g));
    TRY(fovea_plan_create(&plan, c, g, NULL));
    fovea_status status = write_batch(t->record, plan);
    if (status == FOVEA_OK) status = fovea_plan_run(plan);
    if (status == FOVEA_OK) status = compare_gradients(t, plan);
    fovea_plan_destroy(plan);
    return status;
}

/* ---- Files ---- */

static void run_file(fovea_context *c, const char *device, const char *path) {
    struct record r;
    struct tally t = {.record = &r, .device = device};
    fovea_graph *g = NULL;
    if (!read_record(&r, path)) {
        failed++;
        free_record(&r);
        return;
    }
    fovea_status status = create_network(&r, &g);
    if (status == FOVEA_OK) status = run_gradients(&t, c, g);
    if (status != FOVEA_OK) printf("FAILED %s on %s: %s\n", r.network, device, fovea_error());
    else
        printf("%s on %s: %zu numbers compared, %zu wrong, worst %.3f of what is allowed\n",
               r.network, device, t.compared, t.wrong, t.worst);
    if (status == FOVEA_OK && t.wrong == 0 && t.compared > 0) passed++;
    else failed++;
    fovea_graph_destroy(g);
    free_record(&r);
}

int main(int argc, char **argv) {
    fovea_context *c;
    if (argc < 3) return 2;
    if (fovea_context_create(&c, argv[1], NULL) != FOVEA_OK) {
        printf("skipped: %s\n", fovea_error());
        return 77;
    }
    for (int i = 2; i < argc; i++) run_file(c, argv[1], argv[i]);
    fovea_context_destroy(c);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || !passed;
}
