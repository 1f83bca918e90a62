/* Constants onto the device, and weights into the packed form that kernels want. A constant that only
 * packing reads is given back at once, so that one weight at a time is there twice. */
#include "plan/plan.h"

/* ---- Who reads what ---- */

static bool gemm_reads(const struct gemm_call *g, fovea_value v) {
    const struct argument *args[3] = {&g->a, &g->b, &g->c};
    for (int i = 0; i < 3; i++)
        if (args[i]->kind == ARGUMENT_VALUE && args[i]->value == v) return true;
    return false;
}

static bool launch_reads(const struct step *r, fovea_value v) {
    if (r->kind == STEP_GEMM) return gemm_reads(&r->gemm, v);
    for (size_t i = 0; i < r->n_args; i++)
        if (r->args[i].kind == ARGUMENT_VALUE && r->args[i].value == v) return true;
    return false;
}

/* Whether the step reads the value when the plan runs, not just when it packs. */
static bool reads_at_run(const struct fovea_plan *p, const struct plan_step *s, fovea_value v) {
    if (!s->algorithm || s->shared || s->packs_every_run || p->guard) return true;
    for (size_t k = 0; k < s->recipe.n_steps; k++)
        if (!s->recipe.steps[k].once && launch_reads(&s->recipe.steps[k], v)) return true;
    return false;
}

/* Whether a step on the reference reads the value: from the graph, not from the device. */
static bool read_by_host(const struct fovea_plan *p, fovea_value v) {
    for (size_t i = 0; i < p->n_steps; i++)
        for (size_t k = 0; k < p->steps[i].node->n_in && !p->steps[i].algorithm; k++)
            if (p->steps[i].node->in[k] == v) return true;
    return false;
}

static bool stays(const struct fovea_plan *p, fovea_value v) {
    const struct value *value = &p->graph->values[v];
    if (p->keep_values || value->is_output || value->is_input) return true;
    for (size_t i = p->values[v].first; i <= p->values[v].last; i++)
        for (size_t k = 0; k < p->steps[i].node->n_in; k++)
            if (p->steps[i].node->in[k] == v && reads_at_run(p, &p->steps[i], v)) return true;
    return false;
}

bool plan_packs_variables(const struct fovea_plan *p, const struct plan_step *s) {
    for (size_t i = 0; i < s->node->n_in; i++) {
        const struct value *v = node_in(p->graph, s->node, i);
        for (size_t k = 0; v && !v->storage && k < s->recipe.n_steps; k++)
            if (s->recipe.steps[k].once && launch_reads(&s->recipe.steps[k], s->node->in[i]))
                return true;
    }
    return false;
}

/* ---- How much ---- */

/* The bytes of the constants that step i is the first to read, or the last; of those that stay too if `all`. */
static size_t constants_of(const struct fovea_plan *p, size_t i, bool first, bool all) {
    const struct node *n = p->steps[i].node;
    size_t bytes = 0;
    for (size_t k = 0; k < n->n_in; k++) {
        fovea_value v = n->in[k];
        if (v == FOVEA_NO_VALUE || !p->graph->values[v].storage) continue;
        bool seen = false; /* an input that the node has twice */
        for (size_t j = 0; j < k; j++) seen = seen || n->in[j] == v;
        bool counts = (first ? p->values[v].first : p->values[v].last) == i;
        if (!seen && counts && (all || !stays(p, v))) bytes += plan_own_bytes(p, v);
    }
    return bytes;
}

size_t plan_upload_bytes(const struct fovea_plan *p) {
    size_t now = 0, most = 0;
    for (size_t i = 0; i < p->n_steps; i++) {
        now += constants_of(p, i, true, true);
        if (!p->steps[i].packs_every_run) now += p->steps[i].packed_bytes;
        if (now > most) most = now;
        now -= constants_of(p, i, false, false);
    }
    return most;
}

/* ---- Steps ---- */

static fovea_status upload(struct fovea_plan *p, fovea_value v) {
    const struct storage *s = p->graph->values[v].storage;
    if (!s || p->values[v].own) return FOVEA_OK;
    TRY(plan_create_own(p, v));
    if (p->values[v].own->borrows) return FOVEA_OK;
    struct place place = p->values[v].place;
    return place_write(&place, 0, s->data, s->bytes);
}

static fovea_status create_packed(struct fovea_plan *p, struct plan_step *s) {
    if (s->packed_bytes == 0 || s->packed.buffer) return FOVEA_OK;
    return place_create(&s->packed, p->context, s->packed_bytes);
}

fovea_status plan_ready_step(struct fovea_plan *p, size_t i) {
    struct plan_step *s = &p->steps[i];
    for (size_t k = 0; k < s->node->n_in; k++)
        if (s->node->in[k] != FOVEA_NO_VALUE) TRY(upload(p, p->values[s->node->in[k]].root));
    TRY(create_packed(p, s));
    return plan_set_step_arguments(p, s);
}

/* Gives back what no later step needs of the constants of step i. */
static fovea_status release(struct fovea_plan *p, size_t i) {
    const struct node *n = p->steps[i].node;
    for (size_t k = 0; k < n->n_in; k++) {
        fovea_value v = n->in[k];
        if (v == FOVEA_NO_VALUE || !p->graph->values[v].storage || p->values[v].last != i) continue;
        if (p->values[v].own && !stays(p, v)) {
            if (p->context->cl) TRY(opencl_finish(p->context->cl)); /* packing still reads it */
            fovea_tensor_destroy(p->values[v].own);
            p->values[v].own = NULL;
            p->values[v].place = (struct place){0};
        } else p->info.parameter_bytes += (int64_t)p->values[v].bytes;
        if (p->consume && !read_by_host(p, v)) graph_value_drop_data(p->graph, v);
    }
    return FOVEA_OK;
}

fovea_status plan_upload(struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) {
        TRY(plan_ready_step(p, i));
        TRY(plan_pack_step(p, i));
        TRY(release(p, i));
        if (!p->steps[i].packs_every_run)
            p->info.parameter_bytes += (int64_t)p->steps[i].packed_bytes;
    }
    for (size_t v = 0; v < p->graph->n_values; v++) { /* those that no step may have read */
        const struct value *value = &p->graph->values[v];
        if (p->values[v].used && (value->is_output || value->is_input))
            TRY(upload(p, (fovea_value)v));
    }
    return FOVEA_OK;
}
