/* The graphs behind a trainer's plans: forward, loss, backward, update. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/gradient.h"
#include "train/order.h"
#include "train/recompute.h"
#include "train/trainer.h"

static const fovea_desc scalar = {.dtype = FOVEA_FLOAT32};

/* Names a value and makes it an output; a value that has a name of its own already gets a copy. */
static fovea_status give_output(fovea_graph *g, fovea_value v, const char *name) {
    const struct value *value = &g->values[v];
    if (value->is_input || value->is_output || value->storage) {
        fovea_value copy;
        TRY(fovea_graph_unary(g, "Identity", name, v, &copy));
        v = copy;
    }
    TRY(fovea_graph_name(g, v, name));
    return fovea_graph_output(g, v);
}

/* The same with a name of two parts. */
static fovea_status give_output_of(fovea_graph *g, fovea_value v, const char *prefix,
                                   const char *of) {
    char *name = mem_format("%s%s", prefix, of);
    if (!name) return fail_memory(strlen(of), "a name");
    fovea_status status = give_output(g, v, name);
    mem_free(name);
    return status;
}

static fovea_status add_input_of(fovea_graph *g, const char *prefix, const char *of,
                                 const fovea_desc *d, fovea_value *out) {
    char *name = mem_format("%s%s", prefix, of);
    if (!name) return fail_memory(strlen(of), "a name");
    fovea_status status = fovea_graph_input(g, name, d, out);
    mem_free(name);
    return status;
}

/* ---- The loss ---- */

/* Labels: the shape of the scores without the classes; other losses compare element with element. */
static fovea_desc targets_desc(const struct fovea_trainer *t) {
    fovea_desc d = t->network.scores;
    if (t->options.loss != FOVEA_LOSS_CROSS_ENTROPY) return d;
    d.dtype = FOVEA_INT64;
    for (int i = 1; i + 1 < d.rank; i++) d.dim[i] = d.dim[i + 1];
    d.rank--;
    return d;
}

static fovea_status scaled(fovea_graph *g, const char *name, fovea_value x, float by,
                           fovea_value *out) {
    fovea_value factor;
    *out = x;
    if (by == 1) return FOVEA_OK;
    float *number = mem_alloc(sizeof *number);
    if (!number) return fail_memory(sizeof *number, "a factor");
    *number = by;
    TRY(graph_constant_take(g, NULL, &scalar, number, &factor));
    return fovea_graph_binary(g, "Mul", name, x, factor, out);
}

/* lambda * a + (1 - lambda) * b */
static fovea_status mix(fovea_graph *g, fovea_value a, fovea_value b, fovea_value lambda,
                        fovea_value *out) {
    fovea_value difference, share;
    TRY(fovea_graph_binary(g, "Sub", "mixup", a, b, &difference));
    TRY(fovea_graph_binary(g, "Mul", "mixup", difference, lambda, &share));
    return fovea_graph_binary(g, "Add", "mixup", b, share, out);
}

struct targets {
    fovea_value first, second, lambda;
};

static fovea_status add_targets(const struct fovea_trainer *t, fovea_graph *g,
                                struct targets *out) {
    fovea_desc d = targets_desc(t);
    TRY(fovea_graph_input(g, NETWORK_TARGETS, &d, &out->first));
    if (!t->options.mixup) return FOVEA_OK;
    TRY(fovea_graph_input(g, NETWORK_TARGETS2, &d, &out->second));
    return fovea_graph_input(g, NETWORK_LAMBDA, &scalar, &out->lambda);
}

static fovea_status add_loss(const struct fovea_trainer *t, fovea_graph *g,
                             const struct targets *to, const char *scores, fovea_value *out) {
    const fovea_train_options *o = &t->options;
    fovea_value v = fovea_graph_find(g, scores), a, b;
    TRY(fovea_graph_loss(g, "loss", o->loss, v, to->first, &o->loss_options, &a));
    *out = a;
    if (!o->mixup) return FOVEA_OK;
    TRY(fovea_graph_loss(g, "loss2", o->loss, v, to->second, &o->loss_options, &b));
    return mix(g, a, b, to->lambda, out);
}

/* The main loss, and the auxiliary heads' with their weight. */
static fovea_status add_losses(const struct fovea_trainer *t, fovea_graph *g, fovea_value *out) {
    struct targets to = {FOVEA_NO_VALUE, FOVEA_NO_VALUE, FOVEA_NO_VALUE};
    float weight = t->options.auxiliary == 0 ? 0.3f : t->options.auxiliary;
    TRY(add_targets(t, g, &to));
    for (size_t i = 0; i < t->network.n_scores; i++) {
        fovea_value one, before = *out, share;
        TRY(add_loss(t, g, &to, t->network.score_names[i], &one));
        TRY(scaled(g, "auxiliary", one, i ? weight : 1, &share));
        *out = share;
        if (i) TRY(fovea_graph_binary(g, "Add", "loss", before, share, out));
    }
    return give_output(g, *out, NETWORK_LOSS);
}

/* ---- Updates ---- */

/* Appends the moving average that follows a parameter. */
static fovea_status average_parameter(struct fovea_trainer *t, fovea_graph *g,
                                      const struct parameter *p, const struct update *u) {
    fovea_value average, next;
    if (!(t->options.optimizer.average > 0)) return FOVEA_OK;
    TRY(add_input_of(g, TRAINER_AVERAGE, p->name, &p->desc, &average));
    TRY(optimizer_append_average(g, u->control, average, u->next, &next));
    return give_output_of(g, next, NETWORK_NEXT TRAINER_AVERAGE, p->name);
}

/* Appends the update of parameter i. */
static fovea_status update_parameter(struct fovea_trainer *t, fovea_graph *g, size_t i,
                                     struct update *u) {
    const struct parameter *p = &t->network.parameters[i];
    char prefix[64];
    u->name = p->name;
    u->parameter = fovea_graph_find(g, p->name);
    u->decay = optimizer_decays(&t->options.optimizer, &p->desc);
    for (size_t k = 0; k < t->n_states; k++) {
        snprintf(prefix, sizeof prefix, TRAINER_STATE, k);
        TRY(add_input_of(g, prefix, p->name, &p->desc, &u->state[k]));
    }
    TRY(optimizer_append(g, &t->options.optimizer, u));
    for (size_t k = 0; k < t->n_states; k++) {
        snprintf(prefix, sizeof prefix, NETWORK_NEXT TRAINER_STATE, k);
        TRY(give_output_of(g, u->next_state[k], prefix, p->name));
    }
    TRY(average_parameter(t, g, p, u));
    return give_output_of(g, u->next, NETWORK_NEXT, p->name);
}

/* Appends what all updates share: the control, and the factor that clips. `found` is scratch for as many
 * values as there are parameters. */
static fovea_status begin_updates(struct fovea_trainer *t, fovea_graph *g,
                                  const fovea_value *gradients, fovea_value *found,
                                  struct update *shared) {
    fovea_desc control = {.dtype = FOVEA_FLOAT32, .rank = 1, .dim = {UPDATE_CONTROL}};
    double limit = t->options.optimizer.clip_norm;
    size_t count = 0;
    *shared = (struct update){.factor = FOVEA_NO_VALUE};
    TRY(fovea_graph_input(g, TRAINER_CONTROL, &control, &shared->control));
    for (size_t i = 0; i < t->network.n_parameters; i++)
        if (gradients[i] != FOVEA_NO_VALUE) found[count++] = gradients[i];
    if (!(limit > 0) || count == 0) return FOVEA_OK;
    return optimizer_append_clip(g, found, count, limit, &shared->factor);
}

/* Appends all updates; gradients[i] belongs to parameter i, FOVEA_NO_VALUE: none. */
static fovea_status update_all(struct fovea_trainer *t, fovea_graph *g,
                               const fovea_value *gradients, fovea_value *scratch) {
    struct update shared;
    TRY(begin_updates(t, g, gradients, scratch, &shared));
    for (size_t i = 0; i < t->network.n_parameters; i++) {
        struct update u = shared;
        u.gradient = gradients[i];
        if (u.gradient != FOVEA_NO_VALUE) TRY(update_parameter(t, g, i, &u));
    }
    return FOVEA_OK;
}

/* Adds each gradient to the sum so far. */
static fovea_status accumulate_all(struct fovea_trainer *t, fovea_graph *g,
                                   const fovea_value *gradients) {
    const struct network *n = &t->network;
    for (size_t i = 0; i < n->n_parameters; i++) {
        fovea_value sum, next;
        if (gradients[i] == FOVEA_NO_VALUE) continue;
        const struct parameter *p = &n->parameters[i];
        TRY(add_input_of(g, TRAINER_GRADIENT, p->name, &p->desc, &sum));
        TRY(optimizer_append_accumulate(g, sum, gradients[i], &next));
        TRY(give_output_of(g, next, NETWORK_NEXT TRAINER_GRADIENT, p->name));
    }
    return FOVEA_OK;
}

/* ---- The step ---- */

/* Gradients of all parameters that are learned; marks those that the loss depends on. */
static fovea_status differentiate(struct fovea_trainer *t, fovea_graph *g, fovea_value loss,
                                  fovea_value *gradients, fovea_value *asked) {
    const struct network *n = &t->network;
    struct gradient_options o = {0};
    size_t count = 0;
    bool *kept = NULL;
    fovea_value *found = asked + n->n_parameters;
    for (size_t i = 0; i < n->n_parameters; i++)
        if (!n->parameters[i].statistic && !n->parameters[i].frozen)
            asked[count++] = fovea_graph_find(g, n->parameters[i].name);
    if (t->options.recompute) TRY(recompute_choose(g, &kept));
    o.kept = kept;
    fovea_status status = graph_gradient(g, loss, asked, count, found, &o);
    mem_free(kept);
    TRY(status);
    bool any = false;
    for (size_t i = 0, k = 0; i < n->n_parameters; i++) {
        bool learns = !n->parameters[i].statistic && !n->parameters[i].frozen;
        gradients[i] = learns ? found[k++] : FOVEA_NO_VALUE;
        t->slots[i].learned = gradients[i] != FOVEA_NO_VALUE;
        any = any || t->slots[i].learned;
    }
    if (any) return FOVEA_OK;
    return fail(FOVEA_INVALID, "'%s' depends on no parameter that is learned", n->score_names[0]);
}

static fovea_status append_training(struct fovea_trainer *t, fovea_graph *g,
                                    fovea_value *gradients) {
    const struct network *n = &t->network;
    fovea_value loss = FOVEA_NO_VALUE, mean;
    int64_t k = t->options.accumulate;
    TRY(add_losses(t, g, &loss));
    TRY(scaled(g, "accumulate", loss, k > 1 ? 1 / (float)k : 1, &mean));
    TRY(differentiate(t, g, mean, gradients, gradients + n->n_parameters));
    for (size_t i = 0; i < n->n_parameters && t->options.keep_gradients; i++)
        if (gradients[i] != FOVEA_NO_VALUE)
            TRY(give_output_of(g, gradients[i], TRAINER_KEPT, n->parameters[i].name));
    size_t first = g->n_nodes;
    if (k > 1) TRY(accumulate_all(t, g, gradients));
    else TRY(update_all(t, g, gradients, gradients + n->n_parameters));
    return order_updates_early(g, first);
}

fovea_status trainer_step_graph(struct fovea_trainer *t, fovea_graph **out) {
    size_t n = t->network.n_parameters;
    fovea_value *gradients = mem_array(3 * n + 1, sizeof *gradients);
    *out = NULL;
    if (!gradients) return fail_memory(n * sizeof *gradients, "gradients");
    fovea_status status = network_graph(&t->network, t->graph, &t->options, true, out);
    if (status == FOVEA_OK) status = append_training(t, *out, gradients);
    mem_free(gradients);
    if (status != FOVEA_OK) {
        fovea_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}

/* ---- The update alone ---- */

static fovea_status append_update(struct fovea_trainer *t, fovea_graph *g, fovea_value *gradients) {
    const struct network *n = &t->network;
    for (size_t i = 0; i < n->n_parameters; i++) {
        const struct parameter *p = &n->parameters[i];
        fovea_value v;
        gradients[i] = FOVEA_NO_VALUE;
        if (!t->slots[i].learned) continue;
        TRY(fovea_graph_input(g, p->name, &p->desc, &v));
        TRY(add_input_of(g, TRAINER_GRADIENT, p->name, &p->desc, &gradients[i]));
    }
    return update_all(t, g, gradients, gradients + n->n_parameters);
}

fovea_status trainer_apply_graph(struct fovea_trainer *t, fovea_graph **out) {
    fovea_value *gradients = mem_array(2 * t->network.n_parameters + 1, sizeof *gradients);
    if (!gradients) return fail_memory(t->network.n_parameters, "gradients");
    fovea_status status = fovea_graph_create(out);
    if (status == FOVEA_OK) status = append_update(t, *out, gradients);
    mem_free(gradients);
    if (status != FOVEA_OK) {
        fovea_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}

fovea_status trainer_evaluate_graph(struct fovea_trainer *t, fovea_graph **out) {
    return network_graph(&t->network, t->graph, &t->options, false, out);
}
