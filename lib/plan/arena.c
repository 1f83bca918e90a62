/* Memory of a plan. Inputs, outputs and constants have memory of their own; everything else shares
 * arenas: a value keeps its bytes from the step that writes it to the last one that reads it, and
 * large values are placed first, each at the lowest offset where nothing that lives at the same time
 * is in the way. One arena holds at most what the device allocates at once. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

enum { ALIGNMENT = 256 };

/* Something to be placed: a value or a step's workspace. */
struct block {
    size_t bytes, first, last, offset, arena;
    struct place *place; /* to be filled in */
    bool aligned;        /* also in a guarded plan: kernels may count on it */
};

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

static bool owns_memory(const struct fovea_plan *p, size_t i) {
    const struct value *v = &p->graph->values[i];
    return v->is_input || v->is_output || v->storage || p->keep_values;
}

fovea_status plan_create_own(struct fovea_plan *p, fovea_value i) {
    const struct value *v = &p->graph->values[i];
    struct plan_value *pv = &p->values[i];
    fovea_tensor *t = mem_zero(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a tensor");
    *t = (fovea_tensor){.context = p->context, .desc = v->desc};
    pv->own = t;
    if (v->storage && !p->context->cl && !p->guard) { /* the reference reads the graph's own copy */
        t->borrows = true;
        t->place.host = v->storage->data;
    } else {
        fovea_status status =
            place_create(&t->place, p->context, align_up(pv->bytes) + guard_bytes(p));
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

static fovea_status allocate(struct fovea_plan *p, struct block *blocks, size_t count,
                             const size_t *sizes, size_t n_arenas) {
    p->arenas = mem_zero(n_arenas + 1, sizeof *p->arenas);
    if (!p->arenas) return fail_memory(n_arenas, "arenas");
    for (; p->n_arenas < n_arenas; p->n_arenas++) {
        TRY(place_create(&p->arenas[p->n_arenas], p->context, sizes[p->n_arenas]));
        p->info.arena_bytes += (int64_t)sizes[p->n_arenas];
    }
    for (size_t i = 0; i < count; i++) {
        *blocks[i].place = p->arenas[blocks[i].arena];
        bool shifts = p->guard && !blocks[i].aligned;
        blocks[i].place->offset = blocks[i].offset + (shifts ? GUARD_SHIFT : 0);
    }
    return FOVEA_OK;
}

static fovea_status fill_arenas(struct fovea_plan *p, struct block *blocks, size_t count) {
    struct block **sorted = mem_array(2 * count + 1, sizeof *sorted);
    size_t *sizes = mem_array(count + 1, sizeof *sizes), n_arenas;
    fovea_status status = FOVEA_OK;
    if (!sorted || !sizes) status = fail_memory(count * sizeof *sorted, "an arena's layout");
    for (size_t i = 0; status == FOVEA_OK && i < count; i++) sorted[i] = &blocks[i];
    if (status == FOVEA_OK) {
        if (count) qsort(sorted, count, sizeof *sorted, larger_first);
        uint64_t limit = p->context->info.max_allocation_bytes;
        lay_out(sorted, count, limit > SIZE_MAX ? SIZE_MAX : (size_t)limit, sorted + count, sizes,
                &n_arenas);
        status = allocate(p, blocks, count, sizes, n_arenas);
    }
    mem_free(sorted);
    mem_free(sizes);
    return status;
}

static fovea_status place_shared(struct fovea_plan *p) {
    size_t guard = guard_bytes(p), n = 0;
    struct block *blocks = mem_zero(p->graph->n_values + 2 * p->n_steps + 1, sizeof *blocks);
    if (!blocks) return fail_memory(p->graph->n_values * sizeof *blocks, "an arena's layout");
    for (size_t i = 0; i < p->graph->n_values; i++) {
        struct plan_value *v = &p->values[i];
        if (!v->used || owns_memory(p, i) || v->root != i) continue;
        v->in_arena = true;
        blocks[n++] = (struct block){
            align_up(v->stored + guard + 1), v->first, v->last, 0, 0, &v->place, false};
    }
    for (size_t i = 0; i < p->n_steps; i++) {
        struct plan_step *s = &p->steps[i];
        if (s->workspace)
            blocks[n++] = (struct block){
                align_up(s->workspace + guard), i, i, 0, 0, &s->workspace_place, false};
        s->packs_every_run = s->packed_bytes && plan_packs_variables(p, s);
        if (s->packs_every_run) /* nobody reads it afterwards */
            blocks[n++] = (struct block){align_up(s->packed_bytes), i, i, 0, 0, &s->packed, true};
    }
    fovea_status status = fill_arenas(p, blocks, n);
    mem_free(blocks);
    return status;
}

fovea_status plan_place_values(struct fovea_plan *p) {
    find_lifetimes(p);
    for (size_t i = 0; i < p->graph->n_values; i++)
        if (p->values[i].used && p->values[i].root == i && owns_memory(p, i) &&
            !p->graph->values[i].storage)
            TRY(plan_create_own(p, (fovea_value)i));
    return place_shared(p);
}

static void free_arenas(struct fovea_plan *p) {
    for (size_t i = 0; i < p->n_arenas; i++) place_destroy(&p->arenas[i]);
    mem_free(p->arenas);
    p->arenas = NULL;
    p->n_arenas = 0;
    p->info.arena_bytes = 0;
}

void plan_free_places(struct fovea_plan *p) {
    for (size_t i = 0; p->values && p->graph && i < p->graph->n_values; i++)
        fovea_tensor_destroy(p->values[i].own);
    free_arenas(p);
    mem_free(p->values);
    p->values = NULL;
}
