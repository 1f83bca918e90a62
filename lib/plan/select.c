/* How an algorithm is chosen: the operator's list is walked; whoever accepts and is not quarantined
 * competes by its estimate. Nobody accepts: the CPU reference does the step. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plan/plan.h"
#include "plan/tuning.h"

/* A plan that is to be verified, that names its algorithm, or whose kernels come from a folder, tries
 * even what gave wrong results before. */
static bool tries_all(const struct fovea_plan *p) {
    return p->guard || p->algorithm || getenv("FOVEA_KERNEL_DIR");
}

/* Whether the algorithm gave a wrong result for this problem on this device before. */
static bool is_quarantined(const struct fovea_plan *p, const char *problem,
                           const struct algorithm *a) {
    const fovea_context *c = p->context;
    return !tries_all(p) && store_evidence_get(c->store, c->device_key, a->name, problem) == 0;
}

static void warn_quarantined(const struct fovea_plan *p, const struct plan_step *s,
                             const struct algorithm *a) {
    const fovea_context *c = p->context;
    fail(FOVEA_DEVICE_ERROR,
         "%s gave a wrong result on %s before and is passed over for '%s'; `fovea verify` tries it "
         "again",
         a->name, c->info.name, s->node->name);
    if (c->options.warn) c->options.warn(c->options.user, fovea_error());
}

/* The algorithm that the plan names, if it is one of the list; else NULL. */
static const struct algorithm *named(const struct fovea_plan *p,
                                     const struct algorithm *const *list) {
    for (size_t i = 0; p->algorithm && list[i]; i++)
        if (strcmp(p->algorithm, list[i]->name) == 0) return list[i];
    return NULL;
}

/* Whether the node must take the algorithm that the plan names: it does where one of that name accepts it. */
static bool is_forced(const struct fovea_plan *p, const struct site *site) {
    const struct algorithm *const *list = algorithms_of(site->node->op);
    for (size_t i = 0; p->algorithm && list[i]; i++)
        if (strcmp(p->algorithm, list[i]->name) == 0 && !algorithm_refuses(list[i], site))
            return true;
    return false;
}

static bool is_excluded(const struct fovea_plan *p, const struct site *site,
                        const struct algorithm *a) {
    return is_forced(p, site) && strcmp(p->algorithm, a->name) != 0;
}

fovea_status plan_check_named(const struct fovea_plan *p) {
    struct site site = {p->graph, NULL, &p->context->info, p->blocked, NULL};
    const struct algorithm *refusing = NULL;
    for (size_t i = 0; p->context->cl && i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        const struct algorithm *a = named(p, algorithms_of(s->node->op));
        if (a && s->algorithm && strcmp(s->algorithm->name, a->name) == 0) return FOVEA_OK;
        if (!a || refusing) continue;
        refusing = a;
        site.node = s->node;
    }
    if (!refusing) return FOVEA_OK;
    return fail(FOVEA_UNSUPPORTED, "algorithm %s does no node of the graph; %s node '%s': %s",
                p->algorithm, op_name(site.node->op), site.node->name,
                algorithm_refuses(refusing, &site));
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

/* ---- Recipes ---- */

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
    s->workspace = s->packed_bytes = 0;
    if (s->algorithm && !s->shared) {
        if (s->algorithm->packed) s->packed_bytes = s->algorithm->packed(site);
        if (s->algorithm->workspace) s->workspace = s->algorithm->workspace(site);
        if (!makes_nothing(site)) TRY(s->algorithm->lower(site, &s->recipe));
        if (s->recipe.failed) return fail_memory(64, "a step's recipe");
    }
    return keep_options(s);
}

/* ---- Bans ---- */

static bool is_on_list(const struct fovea_plan *p, const struct algorithm *a, const char *options) {
    for (size_t i = 0; i < p->n_bans; i++)
        if (p->bans[i].algorithm == a && strcmp(p->bans[i].options, options) == 0) return true;
    return false;
}

/* Whether the algorithm, as it would be built for this node, is banned. */
static bool is_banned(const struct fovea_plan *p, const struct site *site,
                      const struct algorithm *a) {
    bool maybe = false, banned = false;
    for (size_t i = 0; i < p->n_bans; i++) maybe = maybe || p->bans[i].algorithm == a;
    if (!maybe) return false;
    struct plan_step step = {.node = site->node, .algorithm = a};
    if (lower(site, &step) == FOVEA_OK) banned = is_on_list(p, a, step.options);
    recipe_free(&step.recipe);
    mem_free(step.options);
    return banned;
}

fovea_status plan_ban(struct fovea_plan *p, const struct plan_step *s) {
    p->again = true;
    if (is_on_list(p, s->algorithm, s->options)) return FOVEA_OK;
    struct ban *b = mem_push(&p->bans, &p->n_bans, &p->bans_capacity, sizeof *b);
    char *options = mem_string(s->options);
    if (b) *b = (struct ban){s->algorithm, options};
    return b && options ? FOVEA_OK : fail_memory(sizeof *b, "a ban");
}

void plan_free_bans(struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_bans; i++) mem_free(p->bans[i].options);
    mem_free(p->bans);
}

/* Whether the step's kernels gave a wrong result on this device before. */
static bool is_distrusted(const struct fovea_plan *p, const struct plan_step *s) {
    const fovea_context *c = p->context;
    return !tries_all(p) &&
           store_evidence_get(c->store, c->device_key, s->algorithm->name, s->options) == 0;
}

/* ---- Choosing ---- */

static const char quarantined[] = "quarantined: it gave a wrong result here before";

/* Beyond every measured time: where a problem was tuned, who was not measured comes last. */
static const double UNMEASURED_SECONDS = 1e6;

/* What is known of the algorithm: the values of its tunables into `values`, 0 for untuned; its seconds,
 * or -1. */
static double recall(const struct fovea_plan *p, const struct algorithm *a, const char *problem,
                     int values[TUNABLES_MAX]) {
    memset(values, 0, TUNABLES_MAX * sizeof *values);
    if (p->tuning && p->algorithm && strcmp(p->algorithm, a->name) == 0) {
        memcpy(values, p->tuning, TUNABLES_MAX * sizeof *values);
        return -1;
    }
    const struct store_tuning *row = tuning_find(p->context, problem, a->name);
    if (!row || !(row->seconds > 0) || tuning_parse(a, row->tuning, values) != FOVEA_OK) return -1;
    return row->seconds;
}

const char *plan_passes_over(const struct fovea_plan *p, const struct site *site,
                             const struct algorithm *a, const char *problem) {
    int values[TUNABLES_MAX];
    struct site tuned = *site;
    tuned.tuning = values;
    recall(p, a, problem, values);
    const char *reason = algorithm_refuses(a, &tuned);
    if (!reason && is_excluded(p, site, a)) reason = "not the one wanted";
    if (!reason && is_banned(p, &tuned, a)) reason = "its kernels did not build, or lied";
    if (!reason && is_quarantined(p, problem, a)) reason = quarantined;
    return reason;
}

double plan_seconds(const struct fovea_plan *p, const struct site *site, const struct algorithm *a,
                    const char *problem) {
    int values[TUNABLES_MAX];
    struct site tuned = *site;
    tuned.tuning = values;
    double seconds = recall(p, a, problem, values);
    if (seconds > 0) return seconds;
    seconds = algorithm_estimate(a, &tuned);
    return tuning_level(p->context, problem) ? UNMEASURED_SECONDS + seconds : seconds;
}

/* Walks the list; sets s->algorithm and the texts. */
static fovea_status choose(struct fovea_plan *p, struct plan_step *s, const struct site *site) {
    const struct algorithm *const *list = algorithms_of(s->node->op);
    struct text refusals = {0}, accepted = {0};
    double best = INFINITY;
    s->algorithm = NULL;
    for (size_t i = 0; p->context->cl && list[i]; i++) {
        const struct algorithm *a = list[i];
        const char *reason = plan_passes_over(p, site, a, s->problem);
        if (reason == quarantined) warn_quarantined(p, s, a);
        if (!algorithm_refuses(a, site))
            text_add(&accepted, "%s%s", accepted.length ? " " : "", a->name);
        if (!reason && !plan_fits_layout(a, site)) reason = "its values lie in another layout";
        if (reason) {
            add_refusal(&refusals, a, reason);
            continue;
        }
        double estimate = plan_seconds(p, site, a, s->problem);
        if (s->algorithm && estimate >= best) continue;
        s->algorithm = a;
        best = estimate;
    }
    TRY(keep_texts(s, &refusals, &accepted));
    if (is_forced(p, site) && !s->algorithm)
        return fail(FOVEA_UNSUPPORTED, "%s node '%s': %s", op_name(s->node->op), s->node->name,
                    s->refusals);
    return FOVEA_OK;
}

fovea_status plan_select(struct fovea_plan *p, struct plan_step *s) {
    struct site site = {p->graph, s->node, &p->context->info, p->blocked, s->tuning};
    s->shared = plan_shares_memory(p, s->node);
    TRY(choose(p, s, &site));
    if (s->algorithm) recall(p, s->algorithm, s->problem, s->tuning);
    TRY(lower(&site, s));
    if (s->algorithm && is_distrusted(p, s)) TRY(plan_ban(p, s));
    log_line("select", "%s '%s' -> %s%s%s", op_name(s->node->op), s->node->name,
             s->algorithm ? s->algorithm->name : "reference", *s->refusals ? "; " : "",
             s->refusals);
    return FOVEA_OK;
}
