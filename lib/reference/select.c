/* Choosing along an axis: ArgMax, ArgMin, TopK. Exact: they only compare. NaN counts as the largest
 * number, and of equal elements the one with the lower index comes first. */

#include "base/alloc.h"
#include "base/threads.h"
#include "reference/elementwise.h"

struct job {
    const double *x;  /* floats, or */
    const int64_t *k; /* integers */
    bool is_unsigned, largest, last;
    int64_t n, inner, count; /* the axis; elements behind it; TopK: how many */
    struct reference_out *value, *index;
    bool failed; /* memory ran out */
};

/* Does element a come before b, looking at values alone? */
static bool before(const struct job *j, int64_t a, int64_t b) {
    if (!j->x) {
        if (!j->largest) return integer_less(j->k[a], j->k[b], j->is_unsigned);
        return integer_less(j->k[b], j->k[a], j->is_unsigned);
    }
    double p = j->x[a], q = j->x[b];
    if (isnan(p) || isnan(q)) return j->largest ? isnan(p) && !isnan(q) : !isnan(p) && isnan(q);
    return j->largest ? p > q : p < q;
}

/* ---- ArgMax, ArgMin ---- */

static void arg_part(void *data, size_t begin, size_t end) {
    const struct job *j = data;
    for (size_t i = begin; i < end; i++) {
        int64_t at = (int64_t)i / j->inner * j->n * j->inner + (int64_t)i % j->inner, best = 0;
        for (int64_t k = 1; k < j->n; k++) {
            int64_t a = at + k * j->inner, b = at + best * j->inner;
            if (j->last ? !before(j, b, a) : before(j, a, b)) best = k;
        }
        reference_store_i64(j->index, i, best);
    }
}

static fovea_status views(struct reference_call *c, struct job *j, int axis) {
    const fovea_desc *d = &c->in[0].desc;
    if (dtype_is_float(d->dtype)) j->x = reference_f64(c, 0);
    else j->k = reference_i64(c, 0);
    j->is_unsigned = dtype_is_unsigned(d->dtype);
    j->n = d->dim[axis];
    j->inner = desc_span(d, axis + 1, d->rank);
    return j->x || j->k ? FOVEA_OK : FOVEA_NO_MEMORY;
}

fovea_status reference_arg_reduce(struct reference_call *c) {
    struct job j = {.index = &c->out[0], .largest = c->node->op == OP_ArgMax};
    int axis = attr_axis(c->node, "axis", 0, c->in[0].desc.rank);
    if (axis < 0) return FOVEA_INVALID;
    if (!j.index->data) return FOVEA_OK;
    j.last = attr_int(c->node, "select_last_index", 0) != 0;
    TRY(views(c, &j, axis));
    parallel_for((size_t)fovea_desc_elements(&j.index->desc), 1 + 4096 / (size_t)j.n, arg_part, &j);
    return FOVEA_OK;
}

/* ---- TopK: a heap sort of the indices of one slice, so that bad inputs cost no more ---- */

struct slice {
    const struct job *job;
    int64_t at;    /* of the slice's first element */
    int64_t *heap; /* indices; the one that comes last in order is on top */
    int64_t size;
};

/* The order of two indices of a slice: by value, then by index. */
static bool slice_before(const struct slice *s, int64_t a, int64_t b) {
    int64_t p = s->at + a * s->job->inner, q = s->at + b * s->job->inner;
    return before(s->job, p, q) || (!before(s->job, q, p) && a < b);
}

static void sift_down(struct slice *s, int64_t i) {
    for (;;) {
        int64_t child = 2 * i + 1, held = s->heap[i];
        if (child >= s->size) return;
        if (child + 1 < s->size && slice_before(s, s->heap[child], s->heap[child + 1])) child++;
        if (!slice_before(s, held, s->heap[child])) return;
        s->heap[i] = s->heap[child];
        s->heap[child] = held;
        i = child;
    }
}

/* Leaves the first `count` indices of the order in heap[0 .. count), in order. */
static void slice_select(struct slice *s) {
    const struct job *j = s->job;
    s->size = j->count;
    for (int64_t i = 0; i < s->size; i++) s->heap[i] = i;
    for (int64_t i = s->size / 2; i-- > 0;) sift_down(s, i);
    for (int64_t i = j->count; i < j->n; i++) {
        if (!slice_before(s, i, s->heap[0])) continue;
        s->heap[0] = i;
        sift_down(s, 0);
    }
    while (s->size > 1) {
        int64_t worst = s->heap[0];
        s->heap[0] = s->heap[--s->size];
        s->heap[s->size] = worst;
        sift_down(s, 0);
    }
}

static void top_k_part(void *data, size_t begin, size_t end) {
    struct job *j = data;
    int64_t *heap = mem_array((size_t)j->count, sizeof *heap);
    if (!heap) __atomic_store_n(&j->failed, true, __ATOMIC_RELAXED);
    for (size_t i = begin; heap && i < end; i++) {
        int64_t outer = (int64_t)i / j->inner, inner = (int64_t)i % j->inner;
        struct slice s = {j, outer * j->n * j->inner + inner, heap, 0};
        slice_select(&s);
        for (int64_t k = 0; k < j->count; k++) {
            size_t to = (size_t)((outer * j->count + k) * j->inner + inner);
            int64_t from = s.at + heap[k] * j->inner;
            if (j->index) reference_store_i64(j->index, to, heap[k]);
            if (j->value && j->x) write_float(j->value, to, j->x[from], exact_bound(j->x[from]));
            else if (j->value) reference_store_i64(j->value, to, j->k[from]);
        }
    }
    mem_free(heap);
}

fovea_status reference_top_k(struct reference_call *c) {
    struct job j = {.largest = attr_int(c->node, "largest", 1) != 0};
    const fovea_desc *d = &c->in[0].desc;
    int axis = attr_axis(c->node, "axis", -1, d->rank);
    if (axis < 0) return FOVEA_INVALID;
    if (c->out[0].data) j.value = &c->out[0];
    if (c->n_out > 1 && c->out[1].data) j.index = &c->out[1];
    if (!j.value && !j.index) return FOVEA_OK;
    TRY(views(c, &j, axis));
    j.count = (j.value ? j.value : j.index)->desc.dim[axis];
    if (j.count == 0) return FOVEA_OK;
    int64_t slices = desc_span(d, 0, axis) * j.inner;
    parallel_for((size_t)slices, 1 + 4096 / (size_t)j.n, top_k_part, &j);
    return j.failed ? fail_memory((size_t)j.count * sizeof(int64_t), "TopK") : FOVEA_OK;
}
