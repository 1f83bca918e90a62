/* The trainer: three plans over one set of tensors. */
#include "train/trainer.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/rewrite.h"

/* ---- Making ---- */

static fovea_status check_options(const fovea_train_options *o) {
    const struct {
        const char *name;
        bool good;
    } checks[] = {
        {"batch", o->batch >= 0},
        {"accumulate", o->accumulate >= 0 && o->accumulate <= 1 << 20},
        {"label_smoothing",
         o->loss_options.label_smoothing >= 0 && o->loss_options.label_smoothing < 1},
        {"loss", (int)o->loss >= FOVEA_LOSS_CROSS_ENTROPY && o->loss <= FOVEA_LOSS_HINGE},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!checks[i].good)
            return fail(FOVEA_INVALID, "training option '%s' is out of its range", checks[i].name);
    return fovea_optimizer_check(&o->optimizer);
}

static fovea_status make_plan(struct fovea_trainer *t,
                              fovea_status (*build)(struct fovea_trainer *, fovea_graph **),
                              bool guard, fovea_plan **out) {
    fovea_graph *g;
    fovea_plan_options o = {.guard = guard, .whole = true, .tune = t->options.tune};
    TRY(build(t, &g));
    fovea_status status = fovea_plan_create(out, t->context, g, &o);
    fovea_graph_destroy(g);
    if (status != FOVEA_NO_MEMORY) return status;
    return fail(status, "%s; a smaller batch%s needs less", fovea_error(),
                t->options.recompute ? "" : ", or `recompute`,");
}

static fovea_status make_plans(struct fovea_trainer *t) {
    bool guard = t->options.check;
    TRY(make_plan(t, trainer_step_graph, guard, &t->step));
    if (t->options.accumulate > 1) TRY(make_plan(t, trainer_apply_graph, guard, &t->apply));
    return make_plan(t, trainer_evaluate_graph, false, &t->evaluate);
}

static fovea_status copy_class_weights(struct fovea_trainer *t) {
    fovea_loss_options *o = &t->options.loss_options;
    size_t bytes = o->n_class_weights * sizeof *o->class_weights;
    if (!o->class_weights) return FOVEA_OK;
    t->class_weights = mem_alloc(bytes);
    if (!t->class_weights) return fail_memory(bytes, "class weights");
    memcpy(t->class_weights, o->class_weights, bytes);
    o->class_weights = t->class_weights;
    return FOVEA_OK;
}

static fovea_status make_host_memory(struct fovea_trainer *t) {
    size_t bytes = desc_bytes(&t->network.scores);
    t->scores = mem_alloc(bytes);
    t->targets = mem_alloc(2 * bytes);
    return t->scores && t->targets ? FOVEA_OK : fail_memory(bytes, "scores");
}

static fovea_status make(struct fovea_trainer *t, const fovea_graph *g) {
    TRY(check_options(&t->options));
    TRY(copy_class_weights(t));
    TRY(graph_copy(&t->graph, g));
    TRY(network_settle(t->graph, &t->options));
    TRY(network_find(&t->network, t->graph, &t->options));
    t->n_states = optimizer_states(&t->options.optimizer);
    t->slots = mem_zero(t->network.n_parameters + 1, sizeof *t->slots);
    if (!t->slots) return fail_memory(t->network.n_parameters * sizeof *t->slots, "a trainer");
    TRY(make_plans(t));
    TRY(make_host_memory(t));
    TRY(trainer_create_tensors(t));
    TRY(trainer_fill_tensors(t));
    TRY(trainer_bind(t, t->step));
    if (t->apply) TRY(trainer_bind(t, t->apply));
    return trainer_bind(t, t->evaluate);
}

fovea_status fovea_trainer_create(fovea_trainer **out, fovea_context *context,
                                  const fovea_graph *graph, const fovea_train_options *options) {
    static const fovea_train_options none;
    struct fovea_trainer *t = mem_zero(1, sizeof *t);
    *out = NULL;
    if (!t) return fail_memory(sizeof *t, "a trainer");
    t->context = context;
    t->options = options ? *options : none;
    if (t->options.accumulate == 0) t->options.accumulate = 1;
    fovea_status status = make(t, graph);
    t->options.frozen = NULL; /* the caller's */
    t->options.scores = NULL;
    t->options.tune = NULL;
    if (status == FOVEA_OK) *out = t;
    else fovea_trainer_destroy(t);
    return status;
}

void fovea_trainer_destroy(fovea_trainer *t) {
    if (!t) return;
    fovea_plan_destroy(t->step); /* plans first: they borrow the tensors */
    fovea_plan_destroy(t->apply);
    fovea_plan_destroy(t->evaluate);
    trainer_free_tensors(t);
    network_free(&t->network);
    fovea_graph_destroy(t->graph);
    mem_free(t->slots);
    mem_free(t->scores);
    mem_free(t->targets);
    mem_free(t->class_weights);
    mem_free(t);
}

/* ---- A step ---- */

/* Writes a run-time input that the plan may have no use for. */
static fovea_status write_input(fovea_plan *plan, const char *name, const void *data) {
    fovea_tensor *tensor;
    if (fovea_graph_find(plan->graph, name) == FOVEA_NO_VALUE) return FOVEA_OK;
    TRY(fovea_plan_tensor(plan, name, &tensor));
    return fovea_tensor_write(tensor, data, desc_bytes(&tensor->desc));
}

static fovea_status read_output(const fovea_plan *plan, const char *name, void *data) {
    fovea_tensor *tensor;
    TRY(fovea_plan_tensor(plan, name, &tensor));
    return fovea_tensor_read(tensor, data, desc_bytes(&tensor->desc));
}

struct feed {
    const float *x;
    const void *targets, *targets2;
    float lambda;
};

static fovea_status write_feed(struct fovea_trainer *t, const struct feed *f) {
    TRY(write_input(t->step, t->network.input, f->x));
    TRY(write_input(t->step, NETWORK_TARGETS, f->targets));
    if (f->targets2) TRY(write_input(t->step, NETWORK_TARGETS2, f->targets2));
    TRY(write_input(t->step, NETWORK_LAMBDA, &f->lambda));
    return write_input(t->step, NETWORK_COUNTER, &t->steps);
}

static fovea_status write_control(struct fovea_trainer *t, fovea_plan *plan, double rate) {
    float control[UPDATE_CONTROL];
    optimizer_control(&t->options.optimizer, rate, t->updates, control);
    return write_input(plan, TRAINER_CONTROL, control);
}

/* The sums of gradients begin at zero. */
static fovea_status clear_gradients(struct fovea_trainer *t) {
    if (!t->apply || t->steps % t->options.accumulate) return FOVEA_OK;
    for (size_t i = 0; i < t->network.n_parameters; i++) {
        const fovea_tensor *sum = t->slots[i].gradient;
        if (sum) TRY(place_fill(&sum->place, 0, 0, desc_bytes(&sum->desc)));
    }
    return FOVEA_OK;
}

static fovea_status begin(struct fovea_trainer *t, const struct feed *f, double rate) {
    if (!(rate >= 0 && rate <= 1e30))
        return fail(FOVEA_INVALID, "the learning rate is %g; it must be a number from 0 up", rate);
    TRY(write_feed(t, f));
    TRY(clear_gradients(t));
    return write_control(t, t->step, rate);
}

/* After the step's plan ran: what it made goes into place, and the sum of gradients is applied. */
static fovea_status end(struct fovea_trainer *t, double rate) {
    bool last = (t->steps + 1) % t->options.accumulate == 0;
    TRY(trainer_move_results(t, t->step));
    if (t->apply && last) {
        TRY(write_control(t, t->apply, rate));
        TRY(fovea_plan_run(t->apply));
        TRY(trainer_move_results(t, t->apply));
    }
    t->steps++;
    t->updates += last;
    return FOVEA_OK;
}

static fovea_status read_result(struct fovea_trainer *t, const void *targets,
                                fovea_train_result *out) {
    const fovea_desc *d = &t->network.scores;
    float loss;
    *out = (fovea_train_result){.correct = -1, .count = d->rank ? d->dim[0] : 1};
    TRY(read_output(t->step, t->network.score_names[0], t->scores));
    if (d->rank == 2)
        TRY(metrics_of(t->options.loss, &t->options.loss_options, d, t->scores, targets, d->dim[0],
                       out));
    TRY(read_output(t->step, NETWORK_LOSS, &loss));
    out->loss = (double)loss;
    return FOVEA_OK;
}

static fovea_status step(struct fovea_trainer *t, const struct feed *f, double rate,
                         fovea_train_result *result) {
    TRY(begin(t, f, rate));
    TRY(fovea_plan_run(t->step));
    TRY(end(t, rate));
    return result ? read_result(t, f->targets, result) : FOVEA_OK;
}

/* A label that is no class would make all weights NaN. */
static fovea_status check_classes(const struct fovea_trainer *t, const void *targets) {
    const fovea_desc *d = &t->network.scores;
    const int64_t *labels = targets;
    if (t->options.loss != FOVEA_LOSS_CROSS_ENTROPY) return FOVEA_OK;
    int64_t classes = d->dim[1], count = d->dim[0] * desc_span(d, 2, d->rank);
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return fail(FOVEA_INVALID, "target %lld is %lld, which is none of the %lld classes",
                        (long long)i, (long long)labels[i], (long long)classes);
    return FOVEA_OK;
}

fovea_status fovea_trainer_step_arrays(fovea_trainer *t, const float *x, const void *targets,
                                       double rate, fovea_train_result *result) {
    struct feed f = {x, targets, targets, 1};
    TRY(check_classes(t, targets));
    return step(t, &f, rate, result);
}

/* ---- Batches with labels ---- */

/* Labels as the loss takes them: themselves, or one-hot rows. */
static fovea_status turn_labels(struct fovea_trainer *t, const int64_t *labels, int64_t count,
                                void *room, const void **out) {
    int64_t classes = desc_span(&t->network.scores, 1, t->network.scores.rank);
    float *rows = room;
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return fail(FOVEA_INVALID, "label %lld of picture %lld is none of the %lld classes",
                        (long long)labels[i], (long long)i, (long long)classes);
    *out = labels;
    if (t->options.loss == FOVEA_LOSS_CROSS_ENTROPY) return FOVEA_OK;
    for (int64_t i = 0; i < count * classes; i++)
        rows[i] = t->options.loss == FOVEA_LOSS_HINGE ? -1 : 0;
    for (int64_t i = 0; i < count; i++) rows[i * classes + labels[i]] = 1;
    *out = rows;
    return FOVEA_OK;
}

static fovea_status want_batch(const struct fovea_trainer *t, const fovea_batch *b, bool full) {
    int64_t n = t->network.input_desc.dim[0];
    if (t->network.scores.rank != 2 || t->network.scores.dim[0] != n)
        return fail(
            FOVEA_INVALID,
            "scores of shape %s are not one row for each picture; give targets of that shape "
            "by fovea_trainer_step_arrays",
            desc_text(&t->network.scores));
    if (b->count < 1 || b->count > n || (full && b->count != n))
        return fail(FOVEA_INVALID, "a batch has %lld pictures; %s %lld are needed",
                    (long long)b->count, full ? "exactly" : "1 to", (long long)n);
    return FOVEA_OK;
}

static fovea_status make_feed(struct fovea_trainer *t, const fovea_batch *b, struct feed *f) {
    size_t row = (size_t)fovea_desc_elements(&t->network.scores);
    *f = (struct feed){.x = b->x, .lambda = t->options.mixup ? b->lambda : 1};
    TRY(want_batch(t, b, true));
    TRY(turn_labels(t, b->labels, b->count, t->targets, &f->targets));
    if (!t->options.mixup) return FOVEA_OK;
    if (!b->labels2)
        return fail(FOVEA_INVALID, "training with mixup wants second labels: mixup=A of a loader");
    return turn_labels(t, b->labels2, b->count, (float *)t->targets + row, &f->targets2);
}

fovea_status fovea_trainer_step(fovea_trainer *t, const fovea_batch *b, double rate,
                                fovea_train_result *result) {
    struct feed f;
    TRY(make_feed(t, b, &f));
    return step(t, &f, rate, result);
}

fovea_status fovea_trainer_verify(fovea_trainer *t, const fovea_batch *b, double rate,
                                  const fovea_verify_options *options, fovea_verdict *out,
                                  size_t capacity, size_t *count, size_t *wrong) {
    struct feed f;
    *count = *wrong = 0;
    if (!t->options.check)
        return fail(FOVEA_INVALID, "a trainer that verifies is made with `check`");
    TRY(make_feed(t, b, &f));
    TRY(begin(t, &f, rate));
    TRY(fovea_plan_verify(t->step, options, out, capacity, count, wrong));
    return end(t, rate);
}

/* The pictures alone: a batch that is not full may be of a loader whose batches are smaller. */
static fovea_status write_pictures(struct fovea_trainer *t, const fovea_batch *b) {
    const fovea_desc *d = &t->network.input_desc;
    fovea_tensor *tensor;
    TRY(fovea_plan_tensor(t->evaluate, t->network.input, &tensor));
    return place_write(&tensor->place, 0, b->x,
                       desc_bytes(d) / (size_t)d->dim[0] * (size_t)b->count);
}

fovea_status fovea_trainer_evaluate(fovea_trainer *t, const fovea_batch *b,
                                    fovea_train_result *result) {
    const void *targets;
    TRY(want_batch(t, b, false));
    TRY(turn_labels(t, b->labels, b->count, t->targets, &targets));
    TRY(write_pictures(t, b));
    TRY(fovea_plan_run(t->evaluate));
    TRY(read_output(t->evaluate, t->network.score_names[0], t->scores));
    return metrics_of(t->options.loss, &t->options.loss_options, &t->network.scores, t->scores,
                      targets, b->count, result);
}

/* ---- Looking, reading, writing ---- */

static int64_t slot_bytes(const struct fovea_trainer *t, size_t i) {
    const struct slot *s = &t->slots[i];
    int64_t tensors = 1 + (s->average != NULL) + (s->gradient != NULL);
    for (size_t k = 0; k < UPDATE_STATES_MAX; k++) tensors += s->states[k] != NULL;
    return tensors * (int64_t)desc_bytes(&t->network.parameters[i].desc);
}

void fovea_trainer_get_info(const fovea_trainer *t, fovea_trainer_info *out) {
    fovea_plan_info step, evaluate;
    fovea_plan_get_info(t->step, &step);
    fovea_plan_get_info(t->evaluate, &evaluate);
    *out = (fovea_trainer_info){.input = t->network.input_desc,
                                .scores = t->network.scores,
                                .arena_bytes = step.arena_bytes,
                                .updates = t->updates,
                                .plan = t->step};
    for (size_t i = 0; i < t->network.n_parameters; i++) {
        if (t->slots[i].learned)
            out->parameters += fovea_desc_elements(&t->network.parameters[i].desc);
        out->parameter_bytes += slot_bytes(t, i);
    }
    out->peak_bytes = out->parameter_bytes + step.arena_bytes + step.parameter_bytes +
                      evaluate.arena_bytes + evaluate.parameter_bytes +
                      2 * (int64_t)(desc_bytes(&out->input) + desc_bytes(&out->scores));
}

fovea_status fovea_trainer_time_step(fovea_trainer *t, size_t i, size_t repeats, double *ms) {
    return fovea_plan_time_step(t->step, i, repeats, ms);
}

fovea_status fovea_trainer_parameter(const fovea_trainer *t, size_t i, const char **name,
                                     fovea_desc *desc) {
    if (i >= t->network.n_parameters)
        return fail(FOVEA_INVALID, "the trainer has %zu parameters; there is no parameter %zu",
                    t->network.n_parameters, i);
    *name = t->network.parameters[i].name;
    *desc = t->network.parameters[i].desc;
    return FOVEA_OK;
}

static fovea_status find_slot(const struct fovea_trainer *t, const char *name, struct slot **out) {
    for (size_t i = 0; i < t->network.n_parameters; i++)
        if (strcmp(t->network.parameters[i].name, name) == 0) {
            *out = &t->slots[i];
            return FOVEA_OK;
        }
    return fail(FOVEA_INVALID, "the network has no parameter named '%s'", name);
}

fovea_status fovea_trainer_read(fovea_trainer *t, const char *name, float *data, size_t bytes) {
    struct slot *s = NULL;
    TRY(find_slot(t, name, &s));
    return fovea_tensor_read(s->value, data, bytes);
}

fovea_status fovea_trainer_write(fovea_trainer *t, const char *name, const float *data,
                                 size_t bytes) {
    struct slot *s = NULL;
    TRY(find_slot(t, name, &s));
    if (s->average) TRY(fovea_tensor_write(s->average, data, bytes));
    return fovea_tensor_write(s->value, data, bytes);
}

fovea_status fovea_trainer_read_gradient(fovea_trainer *t, const char *name, float *data,
                                         size_t bytes) {
    fovea_tensor *tensor;
    if (!t->options.keep_gradients)
        return fail(FOVEA_INVALID, "a trainer that shows gradients is made with `keep_gradients`");
    char *output = mem_format(TRAINER_KEPT "%s", name);
    if (!output) return fail_memory(strlen(name), "a name");
    fovea_status status = fovea_plan_tensor(t->step, output, &tensor);
    mem_free(output);
    TRY(status);
    return fovea_tensor_read(tensor, data, bytes);
}

/* The contents of parameter i of now, as the contents of a constant. */
static fovea_status export_parameter(struct fovea_trainer *t, fovea_graph *g, size_t i) {
    const struct parameter *p = &t->network.parameters[i];
    const fovea_tensor *from = t->slots[i].average ? t->slots[i].average : t->slots[i].value;
    size_t bytes = desc_bytes(&p->desc);
    void *data = mem_alloc(bytes);
    if (!data) return fail_memory(bytes, "a parameter");
    fovea_status status = fovea_tensor_read(from, data, bytes);
    if (status == FOVEA_OK)
        return graph_value_set_data(g, fovea_graph_find(g, p->name), &p->desc, data);
    mem_free(data);
    return status;
}

fovea_status fovea_trainer_export(fovea_trainer *t, fovea_graph **out) {
    TRY(graph_copy(out, t->graph));
    fovea_status status = FOVEA_OK;
    for (size_t i = 0; i < t->network.n_parameters && status == FOVEA_OK; i++)
        status = export_parameter(t, *out, i);
    if (status == FOVEA_OK) {
        for (size_t i = 1; i < (*out)->n_outputs && i < t->network.n_scores; i++)
            (*out)->values[(*out)->outputs[i]].is_output = false;
        if (t->network.n_scores > 1) (*out)->n_outputs = 1;
        graph_remove_unused(*out);
        return FOVEA_OK;
    }
    fovea_graph_destroy(*out);
    *out = NULL;
    return status;
}
