/* Reduction over axes resolved to numbers. */
#include "graph/reduction.h"

#include <string.h>

static fovea_status mark_axes(struct reduction *r, const struct node *n, const fovea_desc *x,
                              const int64_t *axes, size_t n_axes) {
    bool all = n_axes == 0 && !attr_int(n, "noop_with_empty_axes", 0);
    for (int d = 0; d < x->rank; d++) r->axis[d] = all;
    for (size_t i = 0; i < n_axes; i++) {
        int64_t a = axes[i] < 0 ? axes[i] + x->rank : axes[i];
        if (a < 0 || a >= x->rank)
            return fail(FOVEA_INVALID, "axis %lld is outside a shape of rank %d",
                        (long long)axes[i], x->rank);
        if (r->axis[a]) return fail(FOVEA_INVALID, "axis %lld is given twice", (long long)a);
        r->axis[a] = true;
    }
    return FOVEA_OK;
}

/* Puts a dimension in front of those that are there, or merges it with the first of them. */
static void push_front(int64_t *size, int64_t *stride, int *count, int64_t s, int64_t t,
                       bool merges) {
    int at = REDUCTION_DIMS - *count;
    if (merges && *count > 0) {
        size[at] *= s;
        return;
    }
    ++*count;
    size[at - 1] = s;
    stride[at - 1] = t;
}

fovea_status reduction_make(struct reduction *r, const struct node *n, const fovea_desc *x,
                            const int64_t *axes, size_t n_axes) {
    int kept = 0, reduced = 0, last = -1; /* last: the kind of the dimension before */
    int64_t stride = 1;
    *r = (struct reduction){.outputs = 1, .terms = 1};
    for (int d = 0; d < REDUCTION_DIMS; d++) r->kept[d] = r->reduced[d] = 1;
    TRY(mark_axes(r, n, x, axes, n_axes));
    for (int d = x->rank - 1; d >= 0; d--) {
        int64_t size = x->dim[d];
        int kind = r->axis[d];
        *(kind ? &r->terms : &r->outputs) *= size;
        if (size == 1) continue;
        if (kind) push_front(r->reduced, r->reduced_stride, &reduced, size, stride, last == kind);
        else push_front(r->kept, r->kept_stride, &kept, size, stride, last == kind);
        last = kind;
        stride *= size;
    }
    return FOVEA_OK;
}

int64_t reduction_offset(const int64_t *size, const int64_t *stride, int64_t i) {
    int64_t offset = 0;
    for (int d = REDUCTION_DIMS - 1; d >= 0; d--) {
        offset += i % size[d] * stride[d];
        i /= size[d];
    }
    return offset;
}
