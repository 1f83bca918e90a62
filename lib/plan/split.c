/* Does the plan fit the device? Known before anything is allocated: no buffer may be larger than the device
 * gives in one piece, and all together no more than it has. A plan that does not fit is made anew for a part
 * of the batch, the largest equal part that fits, and run once for each part: see fovea_plan_run. The
 * caller's inputs and outputs keep the whole batch, of which kernels get the place of a part; what they work
 * on in between, and the constants, are there once. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "graph/batch.h"
#include "plan/plan.h"

/* What a plan needs. */
struct need {
    size_t largest;            /* buffer */
    bool shrinks;              /* it is smaller where the batch is */
    const struct block *block; /* what it is: of an arena, or else ... */
    const struct plan_step *packed;
    fovea_value value;
    size_t fixed, all; /* bytes that parts of a batch do not lessen; at the most at a time */
};

/* ---- Measuring ---- */

static void need_values(struct need *n, const struct fovea_plan *p) {
    for (size_t i = 0; i < p->graph->n_values; i++) {
        fovea_value v = (fovea_value)i;
        if (!p->values[i].used || p->values[i].root != v || !plan_owns_memory(p, v)) continue;
        size_t bytes = plan_own_bytes(p, v);
        if (!p->graph->values[i].storage) n->fixed += bytes;
        if (bytes > n->largest) *n = (struct need){.largest = bytes, .value = v, .fixed = n->fixed};
    }
}

static void need_packed(struct need *n, const struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        if (s->packs_every_run || s->packed_bytes <= n->largest) continue;
        *n = (struct need){.largest = s->packed_bytes, .packed = s, .fixed = n->fixed};
    }
}

/* What parts of a batch do not make smaller is told first. */
static void need_blocks(struct need *n, const struct fovea_plan *p) {
    if (n->largest > p->context->info.max_allocation_bytes) return;
    for (size_t i = 0; i < p->n_blocks; i++) {
        const struct block *b = &p->blocks[i];
        if (b->bytes <= n->largest) continue;
        *n = (struct need){.largest = b->bytes, .block = b, .shrinks = true, .fixed = n->fixed};
    }
}

static struct need measure(const struct fovea_plan *p) {
    struct need n = {.value = FOVEA_NO_VALUE};
    need_values(&n, p);
    need_packed(&n, p);
    need_blocks(&n, p);
    n.fixed += plan_upload_bytes(p);
    n.all = n.fixed;
    for (size_t i = 0; i < p->n_arenas; i++) n.all += p->arena_bytes[i];
    return n;
}

/* ---- Sentences ---- */

static void tell_value(struct text *t, const struct fovea_plan *p, fovea_value v) {
    const struct value *value = &p->graph->values[v];
    const struct node *maker =
        value->producer == FOVEA_NO_VALUE ? NULL : &p->graph->nodes[value->producer];
    text_add(t, "%s '%s'",
             value->storage     ? "constant"
             : value->is_input  ? "input"
             : value->is_output ? "output"
                                : "value",
             value->name);
    if (maker && !value->storage) text_add(t, " of %s node '%s'", op_name(maker->op), maker->name);
}

static void tell_largest(struct text *t, const struct fovea_plan *p, const struct need *n) {
    const struct node *node = n->packed ? n->packed->node : n->block ? n->block->node : NULL;
    const char *what = n->packed ? "packed weights" : n->block ? n->block->what : "";
    if (node) text_add(t, "the %s of %s node '%s'", what, op_name(node->op), node->name);
    else tell_value(t, p, n->block ? n->block->value : n->value);
}

/* What does not fit, and by how much. */
static void complain(struct text *t, const struct fovea_plan *p, const struct need *n, bool piece) {
    const fovea_device_info *d = &p->context->info;
    uint64_t limit = piece ? d->max_allocation_bytes : d->memory_bytes;
    uint64_t bytes = piece ? n->largest : n->all;
    if (p->parts > 1) text_add(t, "even with its batch in %zu parts ", p->parts);
    text_add(t, "the plan does not fit device '%s': %" PRIu64 " bytes for ", d->name, bytes);
    if (piece) tell_largest(t, p, n);
    else text_add(t, "all that it holds");
    text_add(t, " are %" PRIu64 " more than the %" PRIu64 " that the device %s", bytes - limit,
             limit, piece ? "gives in one piece" : "has");
}

/* ---- Parts ---- */

static size_t next_divisor(size_t n, size_t after) {
    for (size_t k = after + 1; k <= n; k++)
        if (n % k == 0) return k;
    return 0;
}

/* A copy of the graph with the shapes that it has for one of `parts` parts. */
static fovea_status shaped(fovea_graph **out, const fovea_graph *graph, const fovea_plan_options *o,
                           size_t parts) {
    fovea_plan_options as_it_is = *o;
    as_it_is.no_rewrite = true;
    TRY(graph_copy(out, graph));
    return plan_prepare(*out, &as_it_is, parts);
}

/* Why the batch cannot be run in more parts than now; NULL if it may be tried. */
static const char *refusal(const struct fovea_plan *p, const struct need *n,
                           const fovea_plan_options *o, bool piece, int64_t batch) {
    if (o->whole) return "it is to run its batch as a whole";
    if (o->keep_values) return "a plan that keeps all values runs its batch as a whole";
    if (piece ? !n->shrinks : n->fixed > p->context->info.memory_bytes)
        return "parts of a batch would need no less";
    if (batch == 0) return "no input has a batch that could be run in parts";
    if (!next_divisor((size_t)batch, p->parts)) return "there are no smaller parts of its batch";
    return NULL;
}

/* The next smaller part of the batch, if the graph keeps samples apart. */
static fovea_status divide(struct fovea_plan *p, const fovea_graph *graph,
                           const fovea_plan_options *o, const fovea_graph *whole) {
    fovea_graph *part = NULL;
    size_t parts = next_divisor((size_t)graph_batch(whole), p->parts);
    fovea_status status = shaped(&part, graph, o, parts);
    if (!p->with_batch) p->with_batch = mem_zero(graph->n_values + 1, sizeof *p->with_batch);
    if (!p->with_batch) status = fail_memory(graph->n_values, "the batch of a graph");
    if (status == FOVEA_OK) status = graph_batch_check(whole, part, p->with_batch);
    fovea_graph_destroy(part);
    if (status != FOVEA_OK) return status;
    log_line("select", "the batch of %lld is to run in %zu parts", (long long)graph_batch(whole),
             parts);
    p->parts = parts;
    p->again = true;
    return FOVEA_OK;
}

/* Makes the parts smaller, or fails with the complaint and the reason. */
static fovea_status shrink(struct fovea_plan *p, const fovea_graph *graph,
                           const fovea_plan_options *o, const struct need *n, bool piece) {
    fovea_graph *whole = NULL;
    struct text t = {0};
    complain(&t, p, n, piece);
    fovea_status status = shaped(&whole, graph, o, 1);
    const char *why = NULL;
    if (status == FOVEA_OK && !(why = refusal(p, n, o, piece, graph_batch(whole)))) {
        status = divide(p, graph, o, whole);
        if (status != FOVEA_OK && status != FOVEA_NO_MEMORY) why = fovea_error();
    }
    if (why)
        status = fail(FOVEA_NO_MEMORY, "%s; %s%s", t.failed ? "the plan does not fit" : t.s,
                      status == FOVEA_OK ? "" : "its batch cannot be run in parts: ", why);
    fovea_graph_destroy(whole);
    text_free(&t);
    return status;
}

fovea_status plan_fit(struct fovea_plan *p, const fovea_graph *graph, const fovea_plan_options *o) {
    const fovea_device_info *d = &p->context->info;
    struct need n = measure(p);
    bool piece = d->max_allocation_bytes && n.largest > d->max_allocation_bytes;
    bool all = d->memory_bytes && n.all > d->memory_bytes;
    return piece || all ? shrink(p, graph, o, &n, piece) : FOVEA_OK;
}
