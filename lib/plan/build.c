/* Programs and kernels of a plan: each program once, all built together; arguments set once. */
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

/* The distinct programs that the steps want. */
struct wanted {
    struct opencl_source *sources;
    size_t count, capacity;
    struct opencl_program **programs;
    fovea_status *statuses;
    char **logs;
};

static size_t find_source(const struct wanted *w, const struct step *s) {
    size_t i = 0;
    while (i < w->count && (strcmp(w->sources[i].stem, s->stem) != 0 ||
                            strcmp(w->sources[i].options, s->options) != 0 ||
                            strcmp(w->sources[i].function, s->function) != 0))
        i++;
    return i;
}

static fovea_status collect(const struct fovea_plan *p, struct wanted *w) {
    for (size_t i = 0; i < p->n_steps; i++)
        for (size_t k = 0; k < p->steps[i].recipe.n_steps; k++) {
            const struct step *s = &p->steps[i].recipe.steps[k];
            if (s->kind != STEP_KERNEL || find_source(w, s) < w->count) continue;
            struct opencl_source *slot =
                mem_push(&w->sources, &w->count, &w->capacity, sizeof *slot);
            if (!slot) return fail_memory(sizeof *slot, "a list of programs");
            *slot = (struct opencl_source){s->stem, s->options, s->function};
        }
    w->programs = mem_zero(w->count + 1, sizeof *w->programs);
    w->statuses = mem_zero(w->count + 1, sizeof *w->statuses);
    w->logs = mem_zero(w->count + 1, sizeof *w->logs);
    bool ok = w->programs && w->statuses && w->logs;
    return ok ? FOVEA_OK : fail_memory(w->count * sizeof *w->programs, "a list of programs");
}

static void wanted_free(struct wanted *w) {
    for (size_t i = 0; w->logs && i < w->count; i++) mem_free(w->logs[i]);
    mem_free(w->sources);
    mem_free(w->programs);
    mem_free(w->statuses);
    mem_free(w->logs);
}

static void free_kernels(struct plan_step *s) {
    for (size_t k = 0; s->kernels && k < s->recipe.n_steps; k++)
        opencl_kernel_destroy(s->kernels[k]);
    mem_free(s->kernels);
    s->kernels = NULL;
}

void plan_free_kernels(struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) free_kernels(&p->steps[i]);
}

static fovea_status create_kernels(struct plan_step *s, const struct wanted *w) {
    s->kernels = mem_zero(s->recipe.n_steps + 1, sizeof *s->kernels);
    if (!s->kernels) return fail_memory(s->recipe.n_steps, "kernels");
    for (size_t k = 0; k < s->recipe.n_steps; k++) {
        const struct step *r = &s->recipe.steps[k];
        if (r->kind != STEP_KERNEL) continue;
        TRY(opencl_kernel_create(&s->kernels[k], w->programs[find_source(w, r)], r->function));
    }
    return FOVEA_OK;
}

/* Bans the step's algorithm if one of its programs failed. A warning carries the build log. */
static fovea_status ban_failed(struct fovea_plan *p, struct plan_step *s, const struct wanted *w) {
    for (size_t k = 0; k < s->recipe.n_steps; k++) {
        const struct step *r = &s->recipe.steps[k];
        size_t at = r->kind == STEP_KERNEL ? find_source(w, r) : w->count;
        if (at == w->count || w->statuses[at] == FOVEA_OK) continue;
        const fovea_context_options *o = &p->context->options;
        const char *log = w->logs[at] ? w->logs[at] : fovea_error();
        if (p->algorithm) return fail(w->statuses[at], "%s", log);
        if (o->warn) o->warn(o->user, log);
        return plan_ban(p, s);
    }
    return FOVEA_OK;
}

static fovea_status build(struct fovea_plan *p, struct wanted *w) {
    size_t compiled = 0;
    TRY(collect(p, w));
    TRY(opencl_build(p->context->cl, w->sources, w->count, w->programs, w->statuses, w->logs,
                     &compiled));
    for (size_t i = 0; i < p->n_steps; i++) TRY(ban_failed(p, &p->steps[i], w));
    for (size_t i = 0; i < p->n_steps && !p->again; i++) TRY(create_kernels(&p->steps[i], w));
    p->info.programs = w->count;
    p->info.programs_stored = w->count - compiled;
    return FOVEA_OK;
}

fovea_status plan_build(struct fovea_plan *p) {
    struct wanted w = {0};
    if (!p->context->cl) return FOVEA_OK;
    fovea_status status = build(p, &w);
    wanted_free(&w); /* the recipes own the strings */
    return status;
}

/* ---- Arguments ---- */

static size_t argument_element(const struct fovea_plan *p, const struct argument *a) {
    if (a->kind != ARGUMENT_VALUE) return a->element;
    return fovea_dtype_size(p->graph->values[a->value].desc.dtype);
}

/* The buffer of a tensor argument and its offset in elements. */
static struct opencl_buffer *argument_buffer(const struct fovea_plan *p, const struct plan_step *s,
                                             const struct argument *a, uint64_t *offset) {
    *offset = 0;
    if (a->kind == ARGUMENT_VALUE && a->value == FOVEA_NO_VALUE) { /* any valid buffer will do */
        for (size_t i = 0; i < s->node->n_out; i++)
            if (s->node->out[i] != FOVEA_NO_VALUE) return plan_place(p, s->node->out[i]).buffer;
        return NULL;
    }
    size_t element = argument_element(p, a);
    if (a->kind == ARGUMENT_VALUE) {
        struct place place = plan_place(p, a->value);
        *offset = place.offset / element + a->offset;
        return place.buffer;
    }
    struct place place = a->kind == ARGUMENT_PACKED ? s->packed : s->workspace_place;
    *offset = (place.offset + a->offset) / element;
    return place.buffer;
}

static fovea_status set_argument(const struct fovea_plan *p, const struct plan_step *s,
                                 struct opencl_kernel *k, const struct argument *a,
                                 unsigned *index) {
    if (a->kind == ARGUMENT_INT) return opencl_kernel_set(k, (*index)++, &a->i, sizeof a->i);
    if (a->kind == ARGUMENT_ULONG) return opencl_kernel_set(k, (*index)++, &a->u, sizeof a->u);
    if (a->kind == ARGUMENT_FLOAT) return opencl_kernel_set(k, (*index)++, &a->f, sizeof a->f);
    uint64_t offset;
    struct opencl_buffer *buffer = argument_buffer(p, s, a, &offset);
    TRY(opencl_kernel_set_buffer(k, (*index)++, buffer));
    return opencl_kernel_set(k, (*index)++, &offset, sizeof offset);
}

static bool uses(const struct step *r, fovea_value v) {
    for (size_t i = 0; i < r->n_args; i++)
        if (r->args[i].kind == ARGUMENT_VALUE &&
            (r->args[i].value == v || r->args[i].value == FOVEA_NO_VALUE))
            return true;
    return false;
}

static fovea_status set_kernel(const struct fovea_plan *p, struct plan_step *s, size_t k) {
    const struct step *r = &s->recipe.steps[k];
    unsigned index = 0;
    for (size_t a = 0; r->kind == STEP_KERNEL && a < r->n_args; a++)
        TRY(set_argument(p, s, s->kernels[k], &r->args[a], &index));
    return FOVEA_OK;
}

fovea_status plan_set_step_arguments(struct fovea_plan *p, struct plan_step *s) {
    for (size_t k = 0; s->kernels && k < s->recipe.n_steps; k++) TRY(set_kernel(p, s, k));
    return FOVEA_OK;
}

fovea_status plan_set_arguments(struct fovea_plan *p, fovea_value v) {
    for (size_t i = 0; i < p->n_steps; i++) {
        struct plan_step *s = &p->steps[i];
        for (size_t k = 0; s->kernels && k < s->recipe.n_steps; k++) {
            const struct step *r = &s->recipe.steps[k];
            bool done = r->once && !s->packs_every_run && !p->guard; /* its weights may be gone */
            if (!done && uses(r, v)) TRY(set_kernel(p, s, k));
        }
    }
    return FOVEA_OK;
}

fovea_status plan_set_part(struct fovea_plan *p, size_t part) {
    if (p->part == part) return FOVEA_OK;
    p->part = part;
    for (size_t v = 0; v < p->graph->n_values; v++)
        if (p->values[v].in_parts) TRY(plan_set_arguments(p, (fovea_value)v));
    return FOVEA_OK;
}
