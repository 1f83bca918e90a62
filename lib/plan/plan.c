/* The public plan: made once, then run without decisions. */
#include "plan/plan.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- Making ---- */

static fovea_status add_steps(struct fovea_plan *p) {
    size_t n = 0;
    for (size_t k = 0; k < p->graph->n_nodes; k++) n += !p->graph->nodes[k].dead;
    p->steps = mem_zero(n + 1, sizeof *p->steps);
    p->values = mem_zero(p->graph->n_values + 1, sizeof *p->values);
    p->slot_ms = mem_zero(n + 1, sizeof *p->slot_ms);
    if (!p->steps || !p->values || !p->slot_ms) return fail_memory(n * sizeof *p->steps, "a plan");
    for (size_t k = 0; k < p->graph->n_nodes; k++) {
        if (p->graph->nodes[k].dead) continue;
        struct plan_step *s = &p->steps[p->n_steps++];
        s->node = &p->graph->nodes[k];
        s->ms = -1;
        s->problem = problem_line(p->graph, s->node);
        if (!s->problem) return fail_memory(256, "a problem line");
        graph_cost(p->graph, s->node, &s->flops, &s->bytes);
        TRY(plan_select(p, s));
    }
    return plan_check_named(p);
}

static void count(struct fovea_plan *p) {
    p->info.steps = p->n_steps;
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        p->info.fallbacks += p->context->cl && !s->algorithm && !s->shared;
        p->info.flops += s->flops * (double)p->parts;
    }
    p->info.parts = p->parts;
}

static fovea_status build(struct fovea_plan *p) {
    double start = now_ms();
    fovea_status status = plan_build(p);
    p->info.build_ms += now_ms() - start;
    return status;
}

static void step_free(struct plan_step *s) {
    for (size_t k = 0; s->kernels && k < s->recipe.n_steps; k++)
        opencl_kernel_destroy(s->kernels[k]);
    mem_free(s->kernels);
    recipe_free(&s->recipe);
    if (!s->packs_every_run) place_destroy(&s->packed);
    mem_free(s->refusals);
    mem_free(s->accepted);
    mem_free(s->problem);
    mem_free(s->options);
}

/* Back to the start, but for what was banned and the number of parts. */
static void reset(struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) step_free(&p->steps[i]);
    plan_free_places(p);
    mem_free(p->steps);
    mem_free(p->slot_ms);
    mem_free(p->blocked);
    fovea_graph_destroy(p->graph);
    p->steps = NULL;
    p->slot_ms = NULL;
    p->blocked = NULL;
    p->graph = NULL;
    p->n_steps = 0;
    p->again = false;
}

/* One try: ends early where `again` says that something was banned, or that the batch runs in more parts. */
static fovea_status try_to_make(struct fovea_plan *p, const fovea_graph *graph,
                                const fovea_plan_options *o) {
    TRY(graph_copy(&p->graph, graph));
    TRY(plan_prepare(p->graph, o, p->parts));
    TRY(plan_layout(p));
    TRY(add_steps(p));
    if (!p->again) TRY(plan_lay_memory(p));
    if (!p->again) TRY(plan_fit(p, graph, o));
    if (!p->again) TRY(build(p));
    if (p->again) return FOVEA_OK;
    TRY(plan_place_values(p));
    return plan_first_use(p);
}

static fovea_status make(struct fovea_plan *p, const fovea_graph *graph,
                         const fovea_plan_options *o) {
    double start = now_ms();
    if (p->perturb && p->context->cl)
        return fail(FOVEA_INVALID, "perturb works on the reference only");
    if (o->guard && o->consume)
        return fail(FOVEA_INVALID, "a guarded plan cannot consume its graph: verifying needs it");
    TRY(graph_want_data(graph));
    if (o->algorithm && !(p->algorithm = mem_string(o->algorithm)))
        return fail_memory(strlen(o->algorithm), "a name");
    do {
        reset(p);
        TRY(try_to_make(p, graph, o));
    } while (p->again);
    TRY(plan_upload(p));
    count(p);
    p->info.plan_ms = now_ms() - start;
    return FOVEA_OK;
}

fovea_status plan_create(struct fovea_plan **out, fovea_context *context, const fovea_graph *graph,
                         const fovea_plan_options *o, const int *tuning) {
    struct fovea_plan *p = mem_zero(1, sizeof *p);
    *out = NULL;
    if (!p) return fail_memory(sizeof *p, "a plan");
    p->context = context;
    p->guard = o->guard;
    p->keep_values = o->keep_values;
    p->unchecked = o->unchecked;
    p->consume = o->consume && context->cl; /* the reference computes with the graph's own copy */
    p->perturb = o->perturb;
    p->tuning = tuning;
    p->parts = 1;
    fovea_status status = make(p, graph, o);
    if (status == FOVEA_OK) *out = p;
    else fovea_plan_destroy(p);
    return status;
}

fovea_status fovea_plan_create(fovea_plan **out, fovea_context *context, const fovea_graph *graph,
                               const fovea_plan_options *options) {
    static const fovea_plan_options none;
    const fovea_plan_options *o = options ? options : &none;
    *out = NULL;
    double start = now_ms();
    if (o->tune) TRY(fovea_tune(NULL, context, graph, o, o->tune));
    double tuned = now_ms();
    TRY(plan_create(out, context, graph, o, NULL));
    if (o->tune) (*out)->info.tune_ms = tuned - start;
    (*out)->info.plan_ms += tuned - start;
    return FOVEA_OK;
}

void fovea_plan_destroy(fovea_plan *p) {
    if (!p) return;
    if (p->context->cl) opencl_finish(p->context->cl); /* nothing may use the memory any more */
    reset(p);
    plan_free_bans(p);
    mem_free(p->with_batch);
    mem_free(p->algorithm);
    mem_free(p);
}

/* ---- Inputs and outputs ---- */

fovea_status fovea_plan_tensor(const fovea_plan *p, const char *name, fovea_tensor **out) {
    fovea_value v = fovea_graph_find(p->graph, name);
    *out = NULL;
    if (v == FOVEA_NO_VALUE) return fail(FOVEA_INVALID, "the plan has no value named '%s'", name);
    *out = p->values[v].own;
    if (*out) return FOVEA_OK;
    return fail(
        FOVEA_INVALID,
        "value '%s' shares its memory or was rewritten away; make the plan with keep_values "
        "to read it",
        name);
}

fovea_status fovea_plan_bind(fovea_plan *p, const char *name, fovea_tensor *tensor) {
    fovea_tensor *own;
    TRY(fovea_plan_tensor(p, name, &own));
    fovea_value v = fovea_graph_find(p->graph, name);
    if (p->graph->values[v].storage)
        return fail(FOVEA_INVALID, "value '%s' is a constant of this plan", name);
    if (!tensor || tensor->context != p->context)
        return fail(FOVEA_INVALID, "the tensor for '%s' belongs to another context", name);
    if (!desc_equal(&own->desc, &tensor->desc))
        return fail(FOVEA_INVALID, "'%s' wants a tensor %s of shape %s, not %s of shape %s", name,
                    fovea_dtype_name(own->desc.dtype), desc_text(&own->desc),
                    fovea_dtype_name(tensor->desc.dtype), desc_text(&tensor->desc));
    if (tensor->place.offset % fovea_dtype_size(own->desc.dtype))
        return fail(FOVEA_INVALID, "the tensor for '%s' starts in the middle of an element", name);
    /* The plan's own memory for it is needed no more. */
    if (p->context->cl) TRY(opencl_finish(p->context->cl));
    if (!own->borrows) place_destroy(&own->place);
    own->borrows = true;
    own->place = p->values[v].place = p->values[v].bound = tensor->place;
    return plan_set_arguments(p, v);
}

/* ---- Looking ---- */

void fovea_plan_get_info(const fovea_plan *p, fovea_plan_info *out) {
    *out = p->info;
}

/* Fetches the profile's times into the steps, if something ran since. */
static void fetch_times(const fovea_plan *p) {
    if (!p->context->cl || !p->context->options.profile || !p->ran) return;
    if (opencl_times(p->context->cl, p->slot_ms, p->n_steps) != FOVEA_OK) return;
    bool fresh = false;
    for (size_t i = 0; i < p->n_steps; i++) fresh = fresh || p->slot_ms[i] > 0;
    for (size_t i = 0; fresh && i < p->n_steps; i++)
        if (p->steps[i].algorithm) p->steps[i].ms = p->slot_ms[i];
}

fovea_status fovea_plan_step(const fovea_plan *p, size_t i, fovea_step_info *out) {
    if (i >= p->n_steps)
        return fail(FOVEA_INVALID, "the plan has %zu steps; there is no step %zu", p->n_steps, i);
    const struct plan_step *s = &p->steps[i];
    const struct value *y = NULL;
    if (i == 0) fetch_times(p);
    for (size_t k = 0; k < s->node->n_out && !y; k++) y = node_out(p->graph, s->node, k);
    *out = (fovea_step_info){.node = s->node->name,
                             .op = op_name(s->node->op),
                             .algorithm = s->shared      ? "in_place"
                                          : s->algorithm ? s->algorithm->name
                                                         : "reference",
                             .refusals = s->refusals,
                             .accepted = s->accepted,
                             .problem = s->problem,
                             .options = s->options,
                             .output = y->desc,
                             .workspace = s->workspace,
                             .kernels = s->recipe.n_steps,
                             .flops = s->flops * (double)p->parts,
                             .bytes = s->bytes * (double)p->parts,
                             .ms = s->ms};
    return FOVEA_OK;
}
