/* A graph on a device, fed piece by piece. */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

#include "tuning.h"

bool plan_read(const fovea_plan *plan, const char *name, fovea_array *out, struct problem *p) {
    fovea_tensor *tensor;
    *out = (fovea_array){{0}, NULL};
    if (!problem_check(p, fovea_plan_tensor(plan, name, &tensor)) ||
        !array_create(out, fovea_tensor_desc(tensor), p))
        return false;
    if (problem_check(p, fovea_tensor_read(tensor, out->data, array_bytes(out)))) return true;
    array_free(out);
    return false;
}

bool plan_write(const fovea_plan *plan, const char *name, const fovea_array *a, struct problem *p) {
    fovea_tensor *tensor;
    return problem_check(p, fovea_plan_tensor(plan, name, &tensor)) &&
           problem_check(p, fovea_tensor_write(tensor, a->data, array_bytes(a)));
}

static bool same_shape(const fovea_desc *a, const fovea_desc *b) {
    return a->rank == b->rank &&
           (a->rank <= 0 || memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0);
}

/* Whether the plan at hand serves these arrays. Contents that decide shapes are part of a plan. */
static bool plan_serves(const struct runner *r, const fovea_array *arrays) {
    for (size_t k = 0; r->plan && k < r->input->n_feeds; k++)
        if (input_decides_shape(r->input, k) || !same_shape(&r->fed[k], &arrays[k].desc))
            return false;
    return r->plan != NULL;
}

static bool make_plan(struct runner *r, const fovea_array *arrays, struct problem *p) {
    size_t n = r->input->n_feeds;
    fovea_binding *bindings = host_alloc(n, sizeof *bindings);
    fovea_plan_destroy(r->plan);
    r->plan = NULL;
    if (!r->fed) r->fed = host_alloc(n, sizeof *r->fed);
    for (size_t k = 0; k < n; k++) {
        bool decides = input_decides_shape(r->input, k);
        bindings[k] = (fovea_binding){input_name(r->input, k), arrays[k].desc,
                                      decides ? arrays[k].data : NULL};
        r->fed[k] = arrays[k].desc;
    }
    double start = host_seconds();
    fovea_plan_options options = r->options;
    options.bindings = bindings;
    options.n_bindings = n;
    bool good = tuning_plan(&r->plan, r->context, r->graph, &options, p);
    r->plan_seconds += host_seconds() - start;
    free(bindings);
    return good;
}

bool runner_feed_arrays(struct runner *r, const fovea_array *arrays, struct problem *p) {
    if (!plan_serves(r, arrays) && !make_plan(r, arrays, p)) return false;
    for (size_t k = 0; k < r->input->n_feeds; k++)
        if (!input_decides_shape(r->input, k) &&
            !plan_write(r->plan, input_name(r->input, k), &arrays[k], p))
            return false;
    return true;
}

bool runner_feed(struct runner *r, size_t piece, size_t *used, struct problem *p) {
    size_t n = r->input->n_feeds;
    fovea_array *arrays = host_alloc(n, sizeof *arrays);
    bool good = true;
    *used = 0;
    for (size_t k = 0; good && k < n; k++) {
        size_t items;
        good = input_piece(r->input, k, piece, &arrays[k], &items, p);
        if (k == 0) *used = items;
    }
    good = good && runner_feed_arrays(r, arrays, p);
    for (size_t k = 0; k < n; k++) array_free(&arrays[k]);
    free(arrays);
    return good;
}

void runner_end(struct runner *r) {
    fovea_plan_destroy(r->plan);
    free(r->fed);
    r->plan = NULL;
    r->fed = NULL;
}
