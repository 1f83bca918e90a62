/* Running a plan: every step is enqueued, nothing waits. A step on the reference inside a device's
 * plan is the exception: it reads its inputs, computes on the CPU and writes its outputs. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "graph/element.h"
#include "plan/plan.h"

/* ---- Kernels ---- */

static fovea_status run_gemm(struct fovea_plan *p, const struct plan_step *s,
                             const struct gemm_call *g, size_t slot) {
    const struct argument *args[3] = {&g->a, &g->b, &g->c};
    struct opencl_buffer *buffers[3];
    size_t offsets[3];
    for (int i = 0; i < 3; i++) {
        bool work = args[i]->kind != ARGUMENT_VALUE;
        struct place place = args[i]->kind == ARGUMENT_WORKSPACE ? s->workspace_place
                             : work                              ? s->packed
                                                                 : plan_place(p, args[i]->value);
        buffers[i] = place.buffer;
        offsets[i] = work ? (place.offset + args[i]->offset) / sizeof(float)
                          : place.offset / sizeof(float) + args[i]->offset;
    }
    struct opencl_gemm call = {g->trans_a, g->trans_b, g->m,        g->n,        g->k,
                               g->lda,     g->ldb,     g->ldc,      g->alpha,    g->beta,
                               buffers[0], buffers[1], buffers[2],  offsets[0],  offsets[1],
                               offsets[2], g->batch,   g->stride_a, g->stride_b, g->stride_c};
    return opencl_gemm(p->context->cl, &call, slot);
}

static fovea_status run_kernels(struct fovea_plan *p, size_t i, bool pack) {
    const struct plan_step *s = &p->steps[i];
    size_t slot = p->context->options.profile ? i : SIZE_MAX;
    for (size_t k = 0; k < s->recipe.n_steps; k++) {
        const struct step *r = &s->recipe.steps[k];
        if (r->once && !pack) continue;
        if (r->kind == STEP_GEMM) TRY(run_gemm(p, s, &r->gemm, slot));
        else TRY(opencl_launch(s->kernels[k], r->dims, r->global, r->local, slot));
    }
    return FOVEA_OK;
}

fovea_status plan_pack_step(struct fovea_plan *p, size_t i) {
    const struct plan_step *s = &p->steps[i];
    for (size_t k = 0; k < s->recipe.n_steps; k++) {
        const struct step *r = &s->recipe.steps[k];
        if (r->once) TRY(opencl_launch(s->kernels[k], r->dims, r->global, r->local, SIZE_MAX));
    }
    return FOVEA_OK;
}

/* ---- The reference ---- */

/* Moves every result by its error bound, random in sign: see fovea_plan_options.perturb. */
static void perturb(uint64_t seed, struct reference_out *o) {
    size_t n = (size_t)fovea_desc_elements(&o->desc);
    for (size_t i = 0; i < n; i++) {
        double bound = isnan(o->probable[i]) ? o->bound[i] : o->probable[i];
        double y = o->y[i] + (random_mix(seed, i) & 1 ? bound : -bound);
        element_store(o->desc.dtype, o->data, i, y);
    }
}

/* What one reference step needs: contents of inputs and outputs in host memory. */
struct host_step {
    const void **in;
    void **copies; /* of inputs that lie on a device */
    struct reference_out *out;
};

static void host_free(struct fovea_plan *p, const struct node *n, struct host_step *h) {
    for (size_t i = 0; h->copies && i < n->n_in; i++) mem_free(h->copies[i]);
    for (size_t i = 0; h->out && i < n->n_out; i++) {
        if (p->context->cl) mem_free(h->out[i].data);
        mem_free(h->out[i].y);
        mem_free(h->out[i].bound);
        mem_free(h->out[i].probable);
    }
    mem_free(h->in);
    mem_free(h->copies);
    mem_free(h->out);
}

static fovea_status host_inputs(struct fovea_plan *p, const struct node *n, struct host_step *h) {
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(p->graph, n, i);
        if (!v) continue;
        struct place place = plan_place(p, n->in[i]);
        size_t bytes = p->values[n->in[i]].bytes;
        if (place.host) h->in[i] = place.host + place.offset;
        else if (v->storage && v->storage->data && !p->guard)
            h->in[i] = v->storage->data; /* a guarded plan may differ */
        else if (!(h->in[i] = h->copies[i] = mem_alloc(bytes)))
            return fail_memory(bytes, "an input");
        else TRY(plan_value_read(p, n->in[i], h->copies[i]));
    }
    return FOVEA_OK;
}

static fovea_status host_outputs(struct fovea_plan *p, const struct node *n, struct host_step *h) {
    for (size_t i = 0; i < n->n_out; i++) {
        const struct value *v = node_out(p->graph, n, i);
        if (!v) continue;
        struct place place = plan_place(p, n->out[i]);
        size_t bytes = p->values[n->out[i]].bytes, elements = (size_t)value_elements(v);
        h->out[i].desc = v->desc;
        h->out[i].data = place.host ? (void *)(place.host + place.offset) : mem_alloc(bytes);
        if (!h->out[i].data) return fail_memory(bytes, "an output");
        if (!p->perturb || !dtype_is_float(v->desc.dtype)) continue;
        h->out[i].y = mem_array(elements, sizeof(double));
        h->out[i].bound = mem_array(elements, sizeof(double));
        h->out[i].probable = mem_array(elements, sizeof(double));
        if (!h->out[i].y || !h->out[i].bound || !h->out[i].probable)
            return fail_memory(3 * elements * sizeof(double), "a perturbed output");
    }
    return FOVEA_OK;
}

static fovea_status run_reference(struct fovea_plan *p, size_t step) {
    const struct node *n = p->steps[step].node;
    struct host_step h = {mem_zero(n->n_in + 1, sizeof *h.in),
                          mem_zero(n->n_in + 1, sizeof *h.copies),
                          mem_zero(n->n_out + 1, sizeof *h.out)};
    fovea_status status =
        h.in && h.copies && h.out ? FOVEA_OK : fail_memory(64, "a reference step");
    if (status == FOVEA_OK) status = host_inputs(p, n, &h);
    if (status == FOVEA_OK) status = host_outputs(p, n, &h);
    if (status == FOVEA_OK) status = plan_reference(p->graph, n, h.in, h.out);
    for (size_t i = 0; status == FOVEA_OK && i < n->n_out; i++) {
        struct reference_out *o = &h.out[i];
        if (!o->data) continue;
        if (p->perturb && o->y) perturb(random_mix(p->perturb, step * 64 + i), o);
        if (p->context->cl) status = plan_value_write(p, n->out[i], o->data);
    }
    host_free(p, n, &h);
    if (status != FOVEA_OK) return fail_in(status, "%s node '%s': ", op_name(n->op), n->name);
    return FOVEA_OK;
}

/* ---- Steps ---- */

fovea_status plan_run_step(struct fovea_plan *p, size_t i, bool pack) {
    if (p->steps[i].shared) return FOVEA_OK;
    return p->steps[i].algorithm ? run_kernels(p, i, pack) : run_reference(p, i);
}

static fovea_status run_part(struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++)
        TRY(plan_run_step(p, i, p->guard || p->steps[i].packs_every_run));
    return p->context->cl ? opencl_submit(p->context->cl) : FOVEA_OK;
}

fovea_status fovea_plan_run(fovea_plan *p) {
    if (p->context->cl) opencl_forget_times(p->context->cl); /* a profile is of the last run */
    for (size_t part = 0; part < p->parts; part++) {
        TRY(plan_set_part(p, part)); /* what is enqueued keeps the arguments that it had */
        TRY(run_part(p));
    }
    if (p->context->cl && !p->ran && p->context->store) {
        TRY(opencl_finish(p->context->cl)); /* once: some runtimes compile at the first launch */
        opencl_remember(p->context->cl);
    }
    p->ran = true;
    return FOVEA_OK;
}
