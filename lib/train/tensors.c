/* The trainer's tensors: weights, statistics, optimizer state; and the plans that are bound to them. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "train/safetensors.h"
#include "train/trainer.h"

enum { NAME_MAX_LENGTH = 4096 };

/* Calls `visit` for each tensor of parameter i with the prefix of its name. */
static fovea_status visit_slot(struct fovea_trainer *t, size_t i,
                               fovea_status (*visit)(void *, const char *, fovea_tensor **),
                               void *user) {
    struct slot *s = &t->slots[i];
    const struct parameter *p = &t->network.parameters[i];
    char name[NAME_MAX_LENGTH];
    if (strlen(p->name) > NAME_MAX_LENGTH - 64)
        return fail(FOVEA_UNSUPPORTED, "the name of parameter '%.60s...' is too long", p->name);
    if (strcmp(p->name, SAFETENSORS_NOTES) == 0)
        return fail(FOVEA_UNSUPPORTED, "no checkpoint can hold a parameter named '%s'", p->name);
    TRY(visit(user, p->name, &s->value));
    if (!s->learned) return FOVEA_OK;
    for (size_t k = 0; k < t->n_states; k++) {
        int at = snprintf(name, sizeof name, TRAINER_STATE, k);
        snprintf(name + at, sizeof name - (size_t)at, "%s", p->name);
        TRY(visit(user, name, &s->states[k]));
    }
    snprintf(name, sizeof name, TRAINER_AVERAGE "%s", p->name);
    if (t->options.optimizer.average > 0) TRY(visit(user, name, &s->average));
    snprintf(name, sizeof name, TRAINER_GRADIENT "%s", p->name);
    return t->options.accumulate > 1 ? visit(user, name, &s->gradient) : FOVEA_OK;
}

static fovea_status visit_all(struct fovea_trainer *t,
                              fovea_status (*visit)(void *, const char *, fovea_tensor **),
                              void *user) {
    for (size_t i = 0; i < t->network.n_parameters; i++) TRY(visit_slot(t, i, visit, user));
    return FOVEA_OK;
}

/* ---- Creating and filling ---- */

fovea_status trainer_create_tensors(struct fovea_trainer *t) {
    for (size_t i = 0; i < t->network.n_parameters; i++) {
        struct slot *s = &t->slots[i];
        const fovea_desc *d = &t->network.parameters[i].desc;
        TRY(fovea_tensor_create(&s->value, t->context, d));
        for (size_t k = 0; s->learned && k < t->n_states; k++)
            TRY(fovea_tensor_create(&s->states[k], t->context, d));
        if (s->learned && t->options.optimizer.average > 0)
            TRY(fovea_tensor_create(&s->average, t->context, d));
        if (s->learned && t->options.accumulate > 1)
            TRY(fovea_tensor_create(&s->gradient, t->context, d));
    }
    return FOVEA_OK;
}

void trainer_free_tensors(struct fovea_trainer *t) {
    for (size_t i = 0; t->slots && i < t->network.n_parameters; i++) {
        struct slot *s = &t->slots[i];
        fovea_tensor_destroy(s->value);
        fovea_tensor_destroy(s->average);
        fovea_tensor_destroy(s->gradient);
        for (size_t k = 0; k < UPDATE_STATES_MAX; k++) fovea_tensor_destroy(s->states[k]);
    }
}

static fovea_status clear(void *user, const char *name, fovea_tensor **tensor) {
    (void)user;
    (void)name;
    return place_fill(&(*tensor)->place, 0, 0, desc_bytes(&(*tensor)->desc));
}

fovea_status trainer_fill_tensors(struct fovea_trainer *t) {
    TRY(visit_all(t, clear, NULL));
    for (size_t i = 0; i < t->network.n_parameters; i++) {
        const char *name = t->network.parameters[i].name;
        const struct value *v = &t->graph->values[fovea_graph_find(t->graph, name)];
        struct slot *s = &t->slots[i];
        TRY(fovea_tensor_write(s->value, v->storage->data, v->storage->bytes));
        if (s->average) TRY(fovea_tensor_write(s->average, v->storage->data, v->storage->bytes));
    }
    return FOVEA_OK;
}

/* ---- Binding ---- */

struct binder {
    struct fovea_trainer *trainer;
    fovea_plan *plan;
};

static fovea_status bind(void *user, const char *name, fovea_tensor **tensor) {
    struct binder *b = user;
    char next[NAME_MAX_LENGTH + 64];
    if (fovea_graph_find(b->plan->graph, name) != FOVEA_NO_VALUE)
        TRY(fovea_plan_bind(b->plan, name, *tensor));
    snprintf(next, sizeof next, NETWORK_NEXT "%s", name);
    if (b->trainer->options.check || fovea_graph_find(b->plan->graph, next) == FOVEA_NO_VALUE)
        return FOVEA_OK;
    return fovea_plan_bind(b->plan, next, *tensor);
}

fovea_status trainer_bind(struct fovea_trainer *t, fovea_plan *plan) {
    struct binder b = {t, plan};
    if (plan != t->evaluate || !(t->options.optimizer.average > 0)) return visit_all(t, bind, &b);
    for (size_t i = 0; i < t->network.n_parameters; i++) { /* the averages are evaluated */
        struct slot *s = &t->slots[i];
        TRY(bind(&b, t->network.parameters[i].name, s->average ? &s->average : &s->value));
    }
    return FOVEA_OK;
}

static fovea_status move(void *user, const char *name, fovea_tensor **tensor) {
    const struct binder *b = user;
    char next[NAME_MAX_LENGTH + 64];
    fovea_tensor *made;
    snprintf(next, sizeof next, NETWORK_NEXT "%s", name);
    if (fovea_graph_find(b->plan->graph, next) == FOVEA_NO_VALUE) return FOVEA_OK;
    TRY(fovea_plan_tensor(b->plan, next, &made));
    size_t bytes = desc_bytes(&made->desc);
    void *data = mem_alloc(bytes);
    if (!data) return fail_memory(bytes, "an update");
    fovea_status status = fovea_tensor_read(made, data, bytes);
    if (status == FOVEA_OK) status = fovea_tensor_write(*tensor, data, bytes);
    mem_free(data);
    return status;
}

fovea_status trainer_move_results(struct fovea_trainer *t, fovea_plan *plan) {
    struct binder b = {t, plan};
    return t->options.check ? visit_all(t, move, &b) : FOVEA_OK;
}

/* ---- For checkpoints ---- */

struct visitor {
    fovea_status (*visit)(void *, const char *, fovea_tensor *);
    void *user;
};

static fovea_status pass_on(void *user, const char *name, fovea_tensor **tensor) {
    const struct visitor *v = user;
    return v->visit(v->user, name, *tensor);
}

fovea_status trainer_visit(struct fovea_trainer *t,
                           fovea_status (*visit)(void *, const char *, fovea_tensor *),
                           void *user) {
    struct visitor v = {visit, user};
    return visit_all(t, pass_on, &v);
}
