/* Memory of a plan. Inputs, outputs and constants have memory of their own; everything else shares
 * arenas: a value keeps its bytes from the step that writes it to the last one that reads it, and
 * large values are placed first, each at the lowest offset where nothing that lives at the same time
 * is in the way. One arena holds at most what the device allocates at once. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

enum { ALIGNMENT = 256 };

static size_t align_up(size_t n) {
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* What a guarded value needs beside its contents. */
static size_t guard_bytes(const struct fovea_plan *p) {
    return p->guard ? GUARD_SHIFT + GUARD_BYTES : 0;
}

struct place plan_place(const struct fovea_plan *p, fovea_value v) {
    const struct plan_value *root = &p->values[p->values[v].root];
    struct place place = root->bound.buffer || root->bound.host ? root->bound : root->place;
    place.offset += p->values[v].at;
    if (root->in_parts) place.offset += p->part * root->bytes;
    return place;
}

/* ---- Lifetimes ---- */

static bool is_reshape(enum op op) {
    return op == OP_Reshape || op == OP_Flatten || op == OP_Squeeze || op == OP_Unsqueeze ||
           op == OP_Identity;
}

/* The plan's own to place where it likes. */
static bool is_inner(const struct value *v) {
    return v && !v->is_input && !v->is_output && !v->storage;
}

/* Whether a value may be made inside of the output of Concat node n: it lies nowhere else, and no other
 * Concat wants it too. */
static bool is_free(const struct fovea_plan *p, const struct node *n, fovea_value v) {
    const fovea_graph *g = p->graph;
    if (v == FOVEA_NO_VALUE || !is_inner(&g->values[v]) ||
        g->values[v].producer == FOVEA_NO_VALUE || is_reshape(g->nodes[g->values[v].producer].op))
        return false;
    size_t readers = 0;
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < g->nodes[k].n_in && !g->nodes[k].dead; i++)
            readers +=
                g->nodes[k].in[i] == v &&
                (&g->nodes[k] == n || g->nodes[k].op == OP_Concat || is_reshape(g->nodes[k].op));
    return readers == 1;
}

/* Concat is nothing to do where its inputs lie in one piece each: with nothing in front of the axis. */
static bool joins_in_place(const struct fovea_plan *p, const struct node *n) {
    const struct value *y = node_out(p->graph, n, 0);
    int axis = attr_axis(n, "axis", 0, y->desc.rank);
    if (axis < 0 || desc_span(&y->desc, 0, axis) != 1 || !is_inner(y)) return false;
    for (size_t i = 0; i < n->n_in; i++)
        if (!is_free(p, n, n->in[i]) || p->blocked[n->in[i]] != p->blocked[n->out[0]]) return false;
    return true;
}

/* Reshape and its kind share their input's memory, and the inputs of Concat lie in its output, where that
 * is the plan's own to share. */
bool plan_shares_memory(const struct fovea_plan *p, const struct node *n) {
    if (p->keep_values || p->guard || !p->context->cl) return false;
    if (n->op == OP_Concat) return joins_in_place(p, n);
    return is_reshape(n->op) && is_inner(node_in(p->graph, n, 0)) &&
           is_inner(node_out(p->graph, n, 0));
}

/* Points the values of a step that shares memory to whose memory it is. */
static void share(struct fovea_plan *p, const struct node *n) {
    if (n->op != OP_Concat) {
        p->values[n->out[0]].root = n->in[0];
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < n->n_in; i++) {
        p->values[n->in[i]].root = n->out[0];
        p->values[n->in[i]].at = at;
        at += p->values[n->in[i]].stored;
    }
}

/* Follows a value to the one that has memory. */
static void resolve(struct fovea_plan *p, fovea_value v) {
    struct plan_value *value = &p->values[v];
    while (p->values[value->root].root != value->root) {
        value->at += p->values[value->root].at;
        value->root = p->values[value->root].root;
    }
}

static void touch(struct fovea_plan *p, fovea_value v, size_t step) {
    if (v == FOVEA_NO_VALUE) return;
    struct plan_value *root = &p->values[p->values[v].root];
    if (!root->used || step < root->first) root->first = step;
    if (!root->used || step > root->last) root->last = step;
    root->used = true;
}

static size_t stored_bytes(const struct fovea_plan *p, fovea_value v) {
    struct site site = {p->graph, NULL, &p->context->info, p->blocked, NULL};
    if (!p->blocked[v]) return desc_bytes(&p->graph->values[v].desc);
    return (size_t)site_stored_elements(&site, v) * sizeof(float);
}

static void find_lifetimes(struct fovea_plan *p) {
    const fovea_graph *g = p->graph;
    for (size_t i = 0; i < g->n_values; i++) {
        p->values[i].root = (fovea_value)i;
        p->values[i].bytes = desc_bytes(&g->values[i].desc);
        p->values[i].stored = stored_bytes(p, (fovea_value)i);
    }
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].shared) share(p, p->steps[i].node);
    for (size_t i = 0; i < g->n_values; i++) resolve(p, (fovea_value)i);
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct node *n = p->steps[i].node;
        for (size_t k = 0; k < n->n_in; k++) touch(p, n->in[k], i);
        for (size_t k = 0; k < n->n_out; k++) touch(p, n->out[k], i);
    }
    for (size_t i = 0; i < g->n_inputs; i++) p->values[g->inputs[i]].used = true;
    for (size_t i = 0; i < g->n_outputs; i++) p->values[g->outputs[i]].used = true;
}

/* ---- Memory of its own ---- */

bool plan_owns_memory(const struct fovea_plan *p, fovea_value i) {
    const struct value *v = &p->graph->values[i];
    return v->is_input || v->is_output || v->storage || p->keep_values;
}

/* The reference reads a constant where the graph has it. */
static bool borrows(const struct fovea_plan *p, fovea_value i) {
    return p->graph->values[i].storage && !p->context->cl && !p->guard;
}

size_t plan_own_bytes(const struct fovea_plan *p, fovea_value i) {
    const struct plan_value *v = &p->values[i];
    if (borrows(p, i)) return 0;
    /* The guard begins at a whole word behind the last part. */
    return align_up(v->in_parts ? v->bytes * p->parts + sizeof(uint32_t) : v->bytes) +
           guard_bytes(p);
}

fovea_status plan_create_own(struct fovea_plan *p, fovea_value i) {
    const struct value *v = &p->graph->values[i];
    struct plan_value *pv = &p->values[i];
    fovea_tensor *t = mem_zero(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a tensor");
    *t = (fovea_tensor){.context = p->context, .desc = v->desc};
    if (pv->in_parts) t->desc.dim[0] *= (int64_t)p->parts;
    pv->own = t;
    if (borrows(p, i)) {
        t->borrows = true;
        t->place.host = v->storage->data;
    } else {
        fovea_status status = place_create(&t->place, p->context, plan_own_bytes(p, i));
        t->place.offset = p->guard ? GUARD_SHIFT : 0;
        if (status != FOVEA_OK) return fail_in(status, "value '%s': ", v->name);
    }
    pv->place = t->place;
    return FOVEA_OK;
}

/* ---- Arenas ---- */

static int larger_first(const void *a, const void *b) {
    const struct block *x = *(const struct block *const *)a, *y = *(const struct block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1; /* a total order: the layout never depends on the sort */
}

static int lower_first(const void *a, const void *b) {
    const struct block *x = *(const struct block *const *)a, *y = *(const struct block *const *)b;
    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : 0;
}

/* The lowest free offset in `arena` for `b` among the `count` blocks placed before it. `near` is
 * scratch for as many pointers. */
static size_t lowest_offset(struct block *const *placed, size_t count, const struct block *b,
                            size_t arena, struct block **near) {
    size_t n = 0, offset = 0;
    for (size_t i = 0; i < count; i++)
        if (placed[i]->arena == arena && placed[i]->first <= b->last && b->first <= placed[i]->last)
            near[n++] = placed[i];
    if (n) qsort(near, n, sizeof *near, lower_first);
    for (size_t i = 0; i < n; i++) {
        if (near[i]->offset >= offset + b->bytes) break;
        size_t end = near[i]->offset + near[i]->bytes;
        if (end > offset) offset = end;
    }
    return offset;
}

/* Gives every block its arena and offset; sizes[k] becomes the bytes of arena k. */
static void lay_out(struct block **sorted, size_t count, size_t limit, struct block **near,
                    size_t *sizes, size_t *n_arenas) {
    *n_arenas = 0;
    for (size_t i = 0; i < count; i++) {
        struct block *b = sorted[i];
        for (b->arena = 0;; b->arena++) {
            b->offset = lowest_offset(sorted, i, b, b->arena, near);
            if (b->arena == *n_arenas || b->offset + b->bytes <= limit) break;
        }
        if (b->arena == *n_arenas) sizes[(*n_arenas)++] = 0;
        if (b->offset + b->bytes > sizes[b->arena]) sizes[b->arena] = b->offset + b->bytes;
    }
}

static fovea_status fill_arenas(struct fovea_plan *p) {
    size_t count = p->n_blocks;
    struct block **sorted = mem_array(2 * count + 1, sizeof *sorted);
    p->arena_bytes = mem_array(count + 1, sizeof *p->arena_bytes);
    fovea_status status = FOVEA_OK;
    if (!sorted || !p->arena_bytes)
        status = fail_memory(count * sizeof *sorted, "an arena's layout");
    for (size_t i = 0; status == FOVEA_OK && i < count; i++) sorted[i] = &p->blocks[i];
    if (status == FOVEA_OK) {
        if (count) qsort(sorted, count, sizeof *sorted, larger_first);
        uint64_t limit = p->context->info.max_allocation_bytes;
        lay_out(sorted, count, limit > SIZE_MAX ? SIZE_MAX : (size_t)limit, sorted + count,
                p->arena_bytes, &p->n_arenas);
    }
    mem_free(sorted);
    return status;
}

static void add_block(struct fovea_plan *p, const char *what, size_t bytes, size_t first,
                      size_t last, struct place *place) {
    p->blocks[p->n_blocks++] = (struct block){.what = what,
                                              .bytes = align_up(bytes),
                                              .first = first,
                                              .last = last,
                                              .place = place,
                                              .value = FOVEA_NO_VALUE};
}

static void add_step_blocks(struct fovea_plan *p, size_t i) {
    struct plan_step *s = &p->steps[i];
    size_t before = p->n_blocks;
    if (s->workspace)
        add_block(p, "workspace", s->workspace + guard_bytes(p), i, i, &s->workspace_place);
    s->packs_every_run = s->packed_bytes && plan_packs_variables(p, s);
    if (s->packs_every_run) { /* nobody reads it afterwards */
        add_block(p, "packed weights", s->packed_bytes, i, i, &s->packed);
        p->blocks[p->n_blocks - 1].aligned = true;
    }
    for (; before < p->n_blocks; before++) p->blocks[before].node = s->node;
}

/* What the caller sees holds the whole batch. */
static void find_batch(struct fovea_plan *p) {
    const fovea_graph *g = p->graph;
    for (size_t i = 0; p->with_batch && i < g->n_inputs; i++)
        p->values[g->inputs[i]].in_parts = p->with_batch[g->inputs[i]];
    for (size_t i = 0; p->with_batch && i < g->n_outputs; i++)
        p->values[g->outputs[i]].in_parts = p->with_batch[g->outputs[i]];
}

fovea_status plan_lay_memory(struct fovea_plan *p) {
    size_t most = p->graph->n_values + 2 * p->n_steps;
    find_batch(p);
    find_lifetimes(p);
    p->blocks = mem_zero(most + 1, sizeof *p->blocks);
    if (!p->blocks) return fail_memory(most * sizeof *p->blocks, "an arena's layout");
    for (size_t i = 0; i < p->graph->n_values; i++) {
        struct plan_value *v = &p->values[i];
        if (!v->used || plan_owns_memory(p, (fovea_value)i) || v->root != i) continue;
        v->in_arena = true;
        add_block(p, "value", v->stored + guard_bytes(p) + 1, v->first, v->last, &v->place);
        p->blocks[p->n_blocks - 1].value = (fovea_value)i;
    }
    for (size_t i = 0; i < p->n_steps; i++) add_step_blocks(p, i);
    return fill_arenas(p);
}

static fovea_status create_arenas(struct fovea_plan *p) {
    p->arenas = mem_zero(p->n_arenas + 1, sizeof *p->arenas);
    if (!p->arenas) return fail_memory(p->n_arenas, "arenas");
    for (size_t i = 0; i < p->n_arenas; i++) {
        TRY(place_create(&p->arenas[i], p->context, p->arena_bytes[i]));
        p->info.arena_bytes += (int64_t)p->arena_bytes[i];
    }
    for (size_t i = 0; i < p->n_blocks; i++) {
        const struct block *b = &p->blocks[i];
        bool shifts = p->guard && !b->aligned;
        *b->place = p->arenas[b->arena];
        b->place->offset = b->offset + (shifts ? GUARD_SHIFT : 0);
    }
    return FOVEA_OK;
}

static void free_layout(struct fovea_plan *p) {
    mem_free(p->blocks);
    mem_free(p->arena_bytes);
    p->blocks = NULL;
    p->arena_bytes = NULL;
    p->n_blocks = 0;
}

fovea_status plan_place_values(struct fovea_plan *p) {
    for (size_t i = 0; i < p->graph->n_values; i++)
        if (p->values[i].used && p->values[i].root == i && plan_owns_memory(p, (fovea_value)i) &&
            !p->graph->values[i].storage)
            TRY(plan_create_own(p, (fovea_value)i));
    TRY(create_arenas(p));
    free_layout(p);
    return FOVEA_OK;
}

static void free_arenas(struct fovea_plan *p) {
    for (size_t i = 0; p->arenas && i < p->n_arenas; i++) place_destroy(&p->arenas[i]);
    mem_free(p->arenas);
    p->arenas = NULL;
    p->n_arenas = 0;
    p->info.arena_bytes = 0;
}

void plan_free_places(struct fovea_plan *p) {
    for (size_t i = 0; p->values && p->graph && i < p->graph->n_values; i++)
        fovea_tensor_destroy(p->values[i].own);
    free_layout(p);
    free_arenas(p);
    mem_free(p->values);
    p->values = NULL;
}
