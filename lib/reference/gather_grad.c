/* The truth of GatherGrad: each element gets the sum of the gradients of all that was taken from it, in any
 * order: gamma(m) of the sum of magnitudes for m of them. */
#include "base/alloc.h"
#include "reference/elementwise.h"

struct gather_grad {
    const double *dy;
    const int64_t *indices;
    size_t rows, count, size, inner;
    double *magnitude,
        *taken; /* of one row: (size, inner), and how often an element was taken (size) */
    struct reference_out *dx;
};

static void add_row(const struct gather_grad *g, size_t row) {
    double *y = g->dx->y + row * g->size * g->inner;
    for (size_t i = 0; i < g->size * g->inner; i++) y[i] = g->magnitude[i] = 0;
    for (size_t j = 0; j < g->count; j++) {
        int64_t k = g->indices[j];
        size_t to = (size_t)(k < 0 ? k + (int64_t)g->size : k) * g->inner;
        const double *from = g->dy + (row * g->count + j) * g->inner;
        for (size_t c = 0; c < g->inner; c++) {
            y[to + c] += from[c];
            g->magnitude[to + c] += fabs(from[c]);
        }
    }
    for (size_t i = 0; i < g->size * g->inner; i++) {
        double m = g->taken[i / g->inner], flushed = m > 0 ? m * REFERENCE_TINY : 0;
        size_t at = row * g->size * g->inner + i;
        double bound = m > 1 ? gamma_bound(m - 1) * g->magnitude[i] + flushed : exact_bound(y[i]);
        write_float(g->dx, at, y[i], bound);
        if (g->dx->probable && m > 1)
            g->dx->probable[at] = gamma_probable(m - 1) * g->magnitude[i] + flushed;
    }
}

static fovea_status count_taken(const struct gather_grad *g) {
    int64_t size = (int64_t)g->size;
    for (size_t j = 0; j < g->count; j++) {
        int64_t k = g->indices[j];
        if (k < -size || k >= size)
            return fail(FOVEA_INVALID, "index %lld (number %zu) is outside an axis of %zu elements",
                        (long long)k, j, g->size);
        g->taken[k < 0 ? k + size : k]++;
    }
    return FOVEA_OK;
}

fovea_status reference_gather_grad(struct reference_call *c) {
    const fovea_desc *x = &c->out[0].desc;
    int axis = (int)attr_int(c->node, "axis", 0);
    struct gather_grad g = {.dy = reference_f64(c, 0),
                            .indices = reference_i64(c, 1),
                            .rows = (size_t)desc_span(x, 0, axis),
                            .count = (size_t)fovea_desc_elements(&c->in[1].desc),
                            .size = (size_t)x->dim[axis],
                            .inner = (size_t)desc_span(x, axis + 1, x->rank),
                            .dx = &c->out[0]};
    if (!g.dy || !g.indices) return FOVEA_NO_MEMORY;
    if (!g.dx->data) return FOVEA_OK;
    g.magnitude = mem_zero(g.size * g.inner + g.size, sizeof *g.magnitude);
    if (!g.magnitude) return fail_memory(g.size * g.inner, "magnitudes of sums");
    g.taken = g.magnitude + g.size * g.inner;
    fovea_status status = count_taken(&g);
    for (size_t row = 0; row < g.rows && status == FOVEA_OK; row++) add_row(&g, row);
    mem_free(g.magnitude);
    return status;
}
