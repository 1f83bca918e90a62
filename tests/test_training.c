/* Training against PyTorch:
 *     test_training DEVICE FILE...
 * Each file holds what PyTorch computed for a network of the zoo (data/training/; data/record_training.py
 * wrote it and describes it). The trainer takes ten steps on the same network and batches: gradients of step
 * one, all losses and the running statistics must lie as near to float64's numbers as float32 lets them:
 * FACTOR times the largest error that PyTorch's own float32 made in three orders of summation. The factor leaves
 * room for algorithms that round more, Winograd's above all; a wrong formula is off by a thousand times more.
 * Exit code 77: no such device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/status.h"
#include "fovea_trainer.h"
#include "graph/graph.h"

#define FACTOR 8
enum {
    STEPS = 10,
    CHOSEN = 8,
    HEADS_MAX = 4,
    BATCHES_MAX = 4,
    PICTURES_MAX = 64,
    RUNS_MAX = 4,
    NAME_LENGTH = 64
};

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
        return r->pictures > 0 && r->pictures <= PICTURES_MAX;
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
    char where[160];
};

static void compare(struct tally *t, const char *name, const char *what, double got, double want,
                    double allowed) {
    double difference = fabs(got - want), ratio = difference == 0 ? 0 : difference / allowed;
    t->compared++;
    if (!(ratio <= t->worst)) {
        t->worst = ratio;
        snprintf(t->where, sizeof t->where, "%s of %s", what, name);
    }
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

/* log(sum exp) by functions of a device: OpenCL allows 3 ulp each to exp, which the logarithm turns into an
 * absolute error, and to log; storing the loss rounds once more. PyTorch's libm stays within 1. */
static double loss_rounding(double loss) {
    return 0x1p-23 * (3 + 3 * fabs(loss) + fabs(loss));
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

/* Without dropout, since PyTorch's random numbers are others. */
static void drop_nothing(fovea_graph *g) {
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].op != OP_Dropout) continue;
        g->nodes[i].op = OP_Identity;
        g->nodes[i].n_in = 1;
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

/* ---- Training ---- */

struct batch {
    float *x;
    int64_t labels[PICTURES_MAX];
};

static fovea_status make_batches(const struct record *r, size_t elements, struct batch *out) {
    for (int64_t b = 0; b < r->batches; b++) {
        out[b].x = mem_array(elements, sizeof *out[b].x);
        if (!out[b].x) return fail_memory(elements, "a batch");
        fill_batch(r, b, out[b].x, elements, out[b].labels);
    }
    return FOVEA_OK;
}

static fovea_status create_trainer(const struct record *r, const struct run_record *run,
                                   fovea_context *c, const fovea_graph *g, fovea_trainer **out) {
    fovea_train_options o = {.batch = r->pictures, .keep_gradients = true};
    TRY(fovea_optimizer_parse(run->method, &o.optimizer));
    o.optimizer.momentum = o.optimizer.beta1 = run->beta1;
    o.optimizer.beta2 = run->beta2;
    o.optimizer.epsilon = run->epsilon;
    o.optimizer.weight_decay = run->decay;
    o.optimizer.decay_all = true;
    o.auxiliary = r->n_heads > 1 ? (float)r->share[1] : 0;
    return fovea_trainer_create(out, c, g, &o);
}

static fovea_status read_tensor(fovea_trainer *trainer, const struct tensor_record *p,
                                bool gradient, float **out) {
    size_t bytes = p->elements * sizeof **out;
    *out = mem_alloc(bytes);
    if (!*out) return fail_memory(bytes, p->name);
    if (gradient) return fovea_trainer_read_gradient(trainer, p->name, *out, bytes);
    return fovea_trainer_read(trainer, p->name, *out, bytes);
}

static fovea_status compare_tensors(struct tally *t, fovea_trainer *trainer,
                                    const struct tensor_record *list, size_t count, bool gradient) {
    for (size_t i = 0; i < count; i++) {
        float *got = NULL;
        fovea_status status = read_tensor(trainer, &list[i], gradient, &got);
        if (status == FOVEA_OK && gradient) compare_gradient(t, &list[i], got);
        else if (status == FOVEA_OK) compare_sums(t, &list[i], got);
        mem_free(got);
        TRY(status);
    }
    return FOVEA_OK;
}

/* An error of one step lives on in the weights, so the largest so far counts. */
static void compare_loss(struct tally *t, const struct run_record *run, size_t step, double got) {
    char what[40];
    double error = 0;
    for (size_t i = 0; i <= step; i++) error = fmax(error, run->error[i]);
    snprintf(what, sizeof what, "the loss of step %zu", step + 1);
    compare(t, run->method, what, got, run->loss[step],
            FACTOR * error + loss_rounding(run->loss[step]));
}

static fovea_status take_steps(struct tally *t, const struct run_record *run,
                               fovea_trainer *trainer, const struct batch *batches) {
    const struct record *r = t->record;
    for (size_t i = 0; i < STEPS; i++) {
        const struct batch *b = &batches[i % (size_t)r->batches];
        fovea_train_result result;
        TRY(fovea_trainer_step_arrays(trainer, b->x, b->labels, run->rate, &result));
        compare_loss(t, run, i, result.loss);
        if (i == 0 && run == r->runs) /* whose initial weights are recorded */
            TRY(compare_tensors(t, trainer, r->parameters, r->n_parameters, true));
    }
    return compare_tensors(t, trainer, run->running, run->n_running, false);
}

static fovea_status train(struct tally *t, const struct run_record *run, fovea_context *c,
                          const fovea_graph *g) {
    struct batch batches[BATCHES_MAX] = {{NULL, {0}}};
    fovea_trainer *trainer;
    fovea_trainer_info info;
    TRY(create_trainer(t->record, run, c, g, &trainer));
    fovea_trainer_get_info(trainer, &info);
    fovea_status status =
        make_batches(t->record, (size_t)fovea_desc_elements(&info.input), batches);
    if (status == FOVEA_OK) status = take_steps(t, run, trainer, batches);
    for (size_t b = 0; b < BATCHES_MAX; b++) mem_free(batches[b].x);
    fovea_trainer_destroy(trainer);
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
    for (size_t i = 0; i < r.n_runs && status == FOVEA_OK; i++)
        status = train(&t, &r.runs[i], c, g);
    if (status != FOVEA_OK) printf("FAILED %s on %s: %s\n", r.network, device, fovea_error());
    else
        printf("%s on %s: %zu numbers compared, %zu wrong, worst %.3f of what is allowed: %s\n",
               r.network, device, t.compared, t.wrong, t.worst, t.where);
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
