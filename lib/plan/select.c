/* How an algorithm is chosen: the operator's list is walked; whoever accepts and is not quarantined
 * competes by its estimate. Nobody accepts: the CPU reference does the step. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plan/plan.h"

/* Whether the algorithm gave a wrong result for this problem on this device before. A plan that is to
 * be verified, that names its algorithm, or whose kernels come from a folder, tries it all the same. */
static bool is_quarantined(const struct fovea_plan *p, const struct plan_step *s,
                           const struct algorithm *a) {
    const fovea_context *c = p->context;
    if (p->guard || p->algorithm || getenv("FOVEA_KERNEL_DIR")) return false;
    if (store_evidence_get(c->store, c->device_key, a->name, s->problem) != 0) return false;
    fail(FOVEA_DEVICE_ERROR,
         "%s gave a wrong result on %s before and is passed over for '%s'; `fovea verify` tries it "
         "again",
         a->name, c->info.name, s->node->name);
    if (c->options.warn) c->options.warn(c->options.user, fovea_error());
    return true;
}

/* True if the plan allows only one algorithm, the operator has it, and it is not this one. */
static bool is_excluded(const struct fovea_plan *p, const struct algorithm *const *list,
                        const struct algorithm *a) {
    if (!p->algorithm || strcmp(p->algorithm, a->name) == 0) return false;
    for (size_t i = 0; list[i]; i++)
        if (strcmp(p->algorithm, list[i]->name) == 0) return true;
    return false;
}

static fovea_status keep_texts(struct plan_step *s, struct text *refusals, struct text *accepted) {
    mem_free(s->refusals);
    mem_free(s->accepted);
    s->refusals = text_take(refusals);
    s->accepted = text_take(accepted);
    return s->refusals && s->accepted ? FOVEA_OK : fail_memory(64, "a step's refusals");
}

static void add_refusal(struct text *t, const struct algorithm *a, const char *reason) {
    text_add(t, "%s%s: %s", t->length ? "; " : "", a->name, reason);
}

/* Walks the list; sets s->algorithm and the texts. */
static fovea_status choose(struct fovea_plan *p, struct plan_step *s, const struct site *site) {
    const struct algorithm *const *list = algorithms_of(s->node->op);
    struct text refusals = {0}, accepted = {0};
    double best = INFINITY;
    bool forced = false;
    s->algorithm = NULL;
    for (size_t i = 0; p->context->cl && list[i]; i++) {
        const struct algorithm *a = list[i];
        const char *reason = algorithm_refuses(a, site);
        if (!reason && i < 64 && s->banned >> i & 1) reason = "its kernels did not build, or lied";
        forced = forced || (p->algorithm && strcmp(p->algorithm, a->name) == 0);
        if (reason) add_refusal(&refusals, a, reason);
        else text_add(&accepted, "%s%s", accepted.length ? " " : "", a->name);
        if (reason || is_excluded(p, list, a)) continue;
        if (is_quarantined(p, s, a)) {
            add_refusal(&refusals, a, "quarantined: it gave a wrong result here before");
            continue;
        }
        double estimate = algorithm_estimate(a, site);
        if (s->algorithm && estimate >= best) continue;
        s->algorithm = a;
        best = estimate;
    }
    TRY(keep_texts(s, &refusals, &accepted));
    if (forced && !s->algorithm)
        return fail(FOVEA_UNSUPPORTED, "%s node '%s': %s", op_name(s->node->op), s->node->name,
                    s->refusals);
    return FOVEA_OK;
}

static fovea_status keep_options(struct plan_step *s) {
    struct text t = {0};
    for (size_t i = 0; i < s->recipe.n_steps; i++)
        if (s->recipe.steps[i].kind == STEP_KERNEL)
            text_add(&t, "%s%s %s", t.length ? "; " : "", s->recipe.steps[i].function,
                     s->recipe.steps[i].options);
    mem_free(s->options);
    s->options = text_take(&t);
    return s->options ? FOVEA_OK : fail_memory(64, "a step's options");
}

/* A step that makes nothing needs no kernel. */
static bool makes_nothing(const struct site *site) {
    for (size_t i = 0; i < site->node->n_out; i++) {
        const struct value *v = node_out(site->graph, site->node, i);
        if (v && value_elements(v) > 0) return false;
    }
    return true;
}

static fovea_status lower(const struct site *site, struct plan_step *s) {
    s->workspace = 0;
    if (s->algorithm && !s->shared) {
        if (s->algorithm->workspace) s->workspace = s->algorithm->workspace(site);
        if (!makes_nothing(site)) TRY(s->algorithm->lower(site, &s->recipe));
        if (s->recipe.failed) return fail_memory(64, "a step's recipe");
    }
    return keep_options(s);
}

static void ban(struct plan_step *s) {
    const struct algorithm *const *list = algorithms_of(s->node->op);
    for (size_t i = 0; list[i] && i < 64; i++)
        if (list[i] == s->algorithm) s->banned |= (uint64_t)1 << i;
}

fovea_status plan_select(struct fovea_plan *p, struct plan_step *s) {
    struct site site = {p->graph, s->node, &p->context->info, NULL, NULL};
    s->shared = plan_shares_memory(p, s->node);
    for (bool trusted = false; !trusted;) {
        recipe_free(&s->recipe);
        TRY(choose(p, s, &site));
        TRY(lower(&site, s));
        trusted = !s->algorithm || !plan_distrusts(p, s);
        if (!trusted) ban(s);
    }
    log_line("select", "%s '%s' -> %s%s%s", op_name(s->node->op), s->node->name,
             s->algorithm ? s->algorithm->name : "reference", *s->refusals ? "; " : "",
             s->refusals);
    return FOVEA_OK;
}
