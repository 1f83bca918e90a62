/* How values lie in memory: plain, or in channel blocks (see ops/algorithm.h). The nodes are walked in
 * order; each takes the algorithm whose estimate, together with the conversions that its inputs would
 * need, is least, and Reorder nodes are put where layouts meet. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

struct layout {
    struct fovea_plan *plan;
    fovea_graph *graph;
    fovea_value *other; /* by value: the same contents in the other layout, or FOVEA_NO_VALUE */
    size_t limit;       /* of values, with all that may be added */
    size_t *order;      /* nodes in their new order */
    size_t n_order;
};

/* Both layouts are the same bytes: a vector has no channel blocks. */
static bool is_same(const struct site *s, fovea_value v) {
    const fovea_desc *d = &s->graph->values[v].desc;
    return d->rank < 2 ||
           (d->rank >= 3 && desc_span(d, 2, d->rank) == 1 && d->dim[1] % site_width(s) == 0);
}

/* Whether the value would have to be converted to be read or written in the wanted layout. */
static bool differs(const struct site *s, fovea_value v, bool want) {
    return v != FOVEA_NO_VALUE && site_blocked(s, v) != want && !is_same(s, v);
}

bool plan_fits_layout(const struct algorithm *a, const struct site *s) {
    uint32_t mask = a->blocked ? a->blocked(s) : 0;
    for (size_t i = 0; i < s->node->n_in && i < 31; i++)
        if (differs(s, s->node->in[i], mask >> i & 1)) return false;
    for (size_t i = 0; i < s->node->n_out; i++)
        if (differs(s, s->node->out[i], mask & BLOCKED_OUT)) return false;
    return true;
}

/* ---- Choosing ---- */

static double conversion(const struct site *s, fovea_value v) {
    double bytes = 2.0 * (double)desc_bytes(&s->graph->values[v].desc);
    return bytes / s->device->bytes_per_second + s->device->launch_overhead_us * 1e-6;
}

/* Seconds of the conversions that the algorithm would need. */
static double conversions(const struct layout *l, const struct site *s, uint32_t mask) {
    double seconds = 0;
    for (size_t i = 0; i < s->node->n_in && i < 31; i++) {
        fovea_value v = s->node->in[i];
        if (differs(s, v, mask >> i & 1) && l->other[v] == FOVEA_NO_VALUE)
            seconds += conversion(s, v);
    }
    for (size_t i = 0; i < s->node->n_out; i++) {
        fovea_value v = s->node->out[i];
        if (v == FOVEA_NO_VALUE || !s->graph->values[v].is_output) continue;
        if (differs(s, v, mask & BLOCKED_OUT)) seconds += conversion(s, v);
    }
    return seconds;
}

/* The wishes of the best algorithm; false if there is none: the reference takes values as they are. */
static fovea_status choose(const struct layout *l, const struct site *s, uint32_t *mask,
                           bool *found) {
    const struct algorithm *const *list = algorithms_of(s->node->op);
    char *problem = problem_line(s->graph, s->node);
    if (!problem) return fail_memory(256, "a problem line");
    double best = INFINITY;
    *found = false;
    for (size_t i = 0; list[i]; i++) {
        if (plan_passes_over(l->plan, s, list[i], problem)) continue;
        uint32_t wish = list[i]->blocked ? list[i]->blocked(s) : 0;
        double cost = plan_seconds(l->plan, s, list[i], problem) + conversions(l, s, wish);
        if (*found && cost >= best) continue;
        best = cost;
        *mask = wish;
        *found = true;
    }
    mem_free(problem);
    return FOVEA_OK;
}

/* ---- Inserting ---- */

/* A node that converts `from` into `to`. */
static fovea_status add_reorder(struct layout *l, fovea_value from, fovea_value to) {
    TRY(graph_node_add(l->graph, OP_Reorder, l->graph->values[from].name, &from, 1, &to, 1, NULL,
                       0));
    l->order[l->n_order++] = l->graph->n_nodes - 1;
    return FOVEA_OK;
}

static fovea_status add_value(struct layout *l, fovea_value like, bool blocked, fovea_value *out) {
    fovea_desc desc = l->graph->values[like].desc;
    TRY(graph_value_add(l->graph, NULL, &desc, out));
    if (*out >= l->limit) return fail(FOVEA_INVALID, "a plan has too many values");
    l->plan->blocked[*out] = blocked;
    l->other[*out] = FOVEA_NO_VALUE;
    return FOVEA_OK;
}

static size_t count_uses(const fovea_graph *g, fovea_value v) {
    size_t uses = g->values[v].is_output;
    for (size_t n = 0; n < g->n_nodes; n++)
        for (size_t i = 0; i < g->nodes[n].n_in; i++)
            uses += !g->nodes[n].dead && g->nodes[n].in[i] == v;
    return uses;
}

/* Whether the node that makes `v` in channel blocks, for one reader who wants it plain, can as well make it
 * plain from the same inputs. What such an algorithm costs more is taken to be less than a conversion. */
static fovea_status can_be_plain(const struct layout *l, fovea_value v, bool *can) {
    struct fovea_plan *p = l->plan;
    fovea_graph *g = l->graph;
    *can = false;
    if (!p->blocked[v] || g->values[v].producer >= g->n_nodes || count_uses(g, v) != 1)
        return FOVEA_OK;
    struct site s = {g, &g->nodes[g->values[v].producer], &p->context->info, p->blocked, NULL};
    if (s.node->op == OP_Reorder || s.node->n_out != 1) return FOVEA_OK;
    char *problem = problem_line(g, s.node);
    if (!problem) return fail_memory(256, "a problem line");
    const struct algorithm *const *list = algorithms_of(s.node->op);
    p->blocked[v] = false;
    for (size_t i = 0; list[i] && !*can; i++)
        *can = plan_fits_layout(list[i], &s) && !plan_passes_over(p, &s, list[i], problem);
    p->blocked[v] = !*can;
    mem_free(problem);
    return FOVEA_OK;
}

static fovea_status convert_input(struct layout *l, size_t node, size_t i) {
    fovea_value v = l->graph->nodes[node].in[i];
    bool plain;
    TRY(can_be_plain(l, v, &plain));
    if (plain) return FOVEA_OK;
    if (l->other[v] == FOVEA_NO_VALUE) {
        TRY(add_value(l, v, !l->plan->blocked[v], &l->other[v]));
        TRY(add_reorder(l, v, l->other[v]));
    }
    l->graph->nodes[node].in[i] = l->other[v];
    return FOVEA_OK;
}

/* Gives the node's inputs and outputs the layouts that the algorithm wishes. */
static fovea_status apply(struct layout *l, size_t node, struct site *s, uint32_t mask) {
    for (size_t i = 0; i < l->graph->nodes[node].n_in && i < 31; i++) {
        s->node = &l->graph->nodes[node];
        if (differs(s, s->node->in[i], mask >> i & 1)) TRY(convert_input(l, node, i));
    }
    l->order[l->n_order++] = node;
    for (size_t i = 0; i < l->graph->nodes[node].n_out && mask & BLOCKED_OUT; i++) {
        fovea_value v = l->graph->nodes[node].out[i];
        if (v == FOVEA_NO_VALUE || is_same(s, v)) continue;
        if (l->graph->values[v].is_output) { /* the caller sees plain tensors */
            fovea_value inner;
            TRY(add_value(l, v, true, &inner));
            l->graph->nodes[node].out[i] = inner;
            TRY(add_reorder(l, inner, v));
        } else l->plan->blocked[v] = true;
    }
    return FOVEA_OK;
}

static fovea_status lay(struct layout *l, size_t node) {
    struct site site = {l->graph, &l->graph->nodes[node], &l->plan->context->info, l->plan->blocked,
                        NULL};
    uint32_t mask = 0;
    bool found = false;
    if (!site.node->dead) TRY(choose(l, &site, &mask, &found));
    if (found) return apply(l, node, &site, mask);
    l->order[l->n_order++] = node;
    return FOVEA_OK;
}

/* Puts the nodes in their new order. */
static fovea_status permute(struct layout *l) {
    fovea_graph *g = l->graph;
    struct node *nodes = mem_zero(g->n_nodes + 1, sizeof *nodes);
    if (!nodes) return fail_memory(g->n_nodes * sizeof *nodes, "a graph's nodes");
    for (size_t i = 0; i < g->n_nodes; i++) nodes[i] = g->nodes[l->order[i]];
    memcpy(g->nodes, nodes, g->n_nodes * sizeof *nodes);
    mem_free(nodes);
    for (size_t i = 0; i < g->n_nodes; i++)
        for (size_t k = 0; k < g->nodes[i].n_out && !g->nodes[i].dead; k++)
            if (g->nodes[i].out[k] != FOVEA_NO_VALUE)
                g->values[g->nodes[i].out[k]].producer = (uint32_t)i;
    return FOVEA_OK;
}

static fovea_status lay_all(struct layout *l) {
    size_t nodes = l->graph->n_nodes;
    for (size_t k = 0; k < nodes; k++) TRY(lay(l, k));
    return permute(l);
}

fovea_status plan_layout(struct fovea_plan *p) {
    fovea_graph *g = p->graph;
    size_t edges = 0;
    for (size_t k = 0; k < g->n_nodes; k++) edges += g->nodes[k].n_in + g->nodes[k].n_out;
    struct layout l = {.plan = p, .graph = g, .limit = g->n_values + edges + 1};
    p->blocked = mem_zero(l.limit, sizeof *p->blocked);
    if (!p->blocked) return fail_memory(l.limit, "the layouts of values");
    if (!p->context->cl || p->keep_values) return FOVEA_OK; /* kept values are read as they are */
    l.other = mem_array(l.limit, sizeof *l.other);
    l.order = mem_array(g->n_nodes + edges + 1, sizeof *l.order);
    fovea_status status =
        l.other && l.order ? FOVEA_OK : fail_memory(l.limit * sizeof *l.other, "a plan's layouts");
    for (size_t i = 0; l.other && i < l.limit; i++) l.other[i] = FOVEA_NO_VALUE;
    if (status == FOVEA_OK) status = lay_all(&l);
    mem_free(l.other);
    mem_free(l.order);
    return status;
}

/* ---- Contents ---- */

/* Moves contents between a plain array and channel blocks of `width`; the lanes past the channels get
 * numbers that no kernel may let matter. */
static void move_blocks(const fovea_desc *d, int width, float *plain, float *blocks, bool pack) {
    int64_t channels = d->dim[1], pixels = desc_span(d, 2, d->rank);
    int64_t n_blocks = (channels + width - 1) / width;
    for (int64_t n = 0; n < d->dim[0]; n++)
        for (int64_t c = 0; c < n_blocks * width; c++) {
            float *p = plain + (n * channels + c) * pixels;
            float *b = blocks + (n * n_blocks + c / width) * pixels * width + c % width;
            for (int64_t i = 0; i < pixels; i++, b += width) {
                if (!pack && c < channels) p[i] = *b;
                if (pack) *b = c < channels ? p[i] : 1000 + (float)i;
            }
        }
}

static fovea_status transfer(struct fovea_plan *p, fovea_value v, void *data, bool write) {
    struct place place = plan_place(p, v);
    struct site site = {p->graph, NULL, &p->context->info, p->blocked, NULL};
    const struct plan_value *pv = &p->values[v];
    if (!site_blocked(&site, v))
        return write ? place_write(&place, 0, data, pv->bytes)
                     : place_read(&place, 0, data, pv->bytes);
    const fovea_desc *d = &p->graph->values[v].desc;
    float *blocks = mem_alloc(pv->stored);
    if (!blocks) return fail_memory(pv->stored, "a value in channel blocks");
    if (write) move_blocks(d, site_width(&site), data, blocks, true);
    fovea_status status = write ? place_write(&place, 0, blocks, pv->stored)
                                : place_read(&place, 0, blocks, pv->stored);
    if (!write && status == FOVEA_OK) move_blocks(d, site_width(&site), data, blocks, false);
    mem_free(blocks);
    return status;
}

fovea_status plan_value_write(struct fovea_plan *p, fovea_value v, const void *data) {
    return transfer(p, v, (void *)(uintptr_t)data, true);
}

fovea_status plan_value_read(struct fovea_plan *p, fovea_value v, void *data) {
    return transfer(p, v, data, false);
}
