/* A kernel is checked before it is used for the first time on a device and driver. Steps with the same
 * algorithm and build options run the same kernels, so that the cheapest of them speaks for all. What was
 * found goes to the store; where kernels lied, the next algorithm takes over. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

/* A step with more operations than this is not worth the wait: `fovea verify` checks it. */
static const double FLOPS_MAX = 2e9;

static bool same_kernels(const struct plan_step *a, const struct plan_step *b) {
    return a->algorithm == b->algorithm && strcmp(a->options, b->options) == 0;
}

static bool is_known(const struct fovea_plan *p, const struct plan_step *s) {
    const fovea_context *c = p->context;
    return !getenv("FOVEA_KERNEL_DIR") &&
           store_evidence_get(c->store, c->device_key, s->algorithm->name, s->options) == 1;
}

/* Whether step i is the cheapest with its kernels. */
static bool speaks_for_all(const struct fovea_plan *p, size_t i) {
    for (size_t k = 0; k < p->n_steps; k++) {
        const struct plan_step *other = &p->steps[k];
        if (k == i || other->shared || !other->algorithm || !same_kernels(other, &p->steps[i]))
            continue;
        if (other->flops < p->steps[i].flops || (other->flops == p->steps[i].flops && k < i))
            return false;
    }
    return true;
}

static fovea_status ban_liar(struct fovea_plan *p, const struct plan_step *s,
                             const fovea_verdict *v) {
    const fovea_context_options *o = &p->context->options;
    fail(FOVEA_DEVICE_ERROR,
         "%s gives a wrong result on %s (element %lld is %.9g, expected %.9g, bound %.3g) and is "
         "not "
         "used; `fovea verify --problem \"%s\"` repeats it",
         s->algorithm->name, p->context->info.name, (long long)v->index, v->got, v->expected,
         v->bound, s->problem);
    if (o->warn) o->warn(o->user, fovea_error());
    return plan_ban(p, s);
}

/* A step that the reference cannot follow (indices that random numbers do not hit) stays unchecked. */
static fovea_status check_step(struct fovea_plan *p, size_t i) {
    const struct plan_step *s = &p->steps[i];
    fovea_verdict v;
    TRY(plan_ready_step(p, i));
    fovea_status status = plan_examine(p, i, &v);
    if (status == FOVEA_DEVICE_ERROR) return status;
    if (status != FOVEA_OK) {
        log_line("select", "%s is not checked: %s", s->algorithm->name, fovea_error());
        return FOVEA_OK;
    }
    log_line("select", "%s is checked at '%s': %s", s->algorithm->name, s->node->name,
             v.right ? "right" : "wrong");
    plan_testify(p, s, &v);
    return v.right ? FOVEA_OK : ban_liar(p, s, &v);
}

fovea_status plan_first_use(struct fovea_plan *p) {
    if (!p->context->cl || p->guard || p->algorithm || p->unchecked) return FOVEA_OK;
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        if (!s->algorithm || s->shared || s->recipe.n_steps == 0 || s->flops > FLOPS_MAX) continue;
        if (speaks_for_all(p, i) && !is_known(p, s)) TRY(check_step(p, i));
    }
    return FOVEA_OK;
}
