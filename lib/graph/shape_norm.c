/* Shapes of normalisation. Except for LayerNormalization, x is (n, c, spatial...) and its parameters
 * have one number for each channel. */
#include "graph/graph.h"

/* Inputs [from, to), where present, have shape (count). */
static fovea_status want_vectors(const fovea_graph *g, const struct node *n, size_t from, size_t to,
                                 int64_t count) {
    for (size_t i = from; i < to; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && (v->desc.rank != 1 || v->desc.dim[0] != count))
            return fail(FOVEA_INVALID,
                        "input %zu has shape %s; %lld, one for each channel, is needed", i,
                        desc_text(&v->desc), (long long)count);
    }
    return FOVEA_OK;
}

static fovea_status want_rank(const fovea_desc *x, int least) {
    if (x->rank >= least) return FOVEA_OK;
    return fail(FOVEA_INVALID, "input 0 has shape %s; a rank of at least %d is needed",
                desc_text(x), least);
}

static fovea_status want_epsilon(const struct node *n) {
    float epsilon = attr_float(n, "epsilon", 1e-5f);
    if (epsilon >= 0 && epsilon <= 1e30f) return FOVEA_OK;
    return fail(FOVEA_INVALID, "epsilon is %g; it must be 0 or more", (double)epsilon);
}

/* x, scale, bias, mean, variance -> y; in training also the new running mean and variance and, for its
 * gradient, the mean and 1 / sqrt(variance + epsilon) of the batch. A rank-1 input is a batch of numbers
 * with one channel. */
fovea_status shape_batch_norm(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 5, 5));
    TRY(shape_want_floats(g, n, 5));
    TRY(want_epsilon(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(want_rank(x, 1));
    int64_t channels = x->rank > 1 ? x->dim[1] : 1;
    TRY(want_vectors(g, n, 1, 5, channels));
    bool training = attr_int(n, "training_mode", 0) != 0;
    for (size_t i = 1; i < n->n_out && !training; i++)
        if (node_out(g, n, i))
            return fail(FOVEA_INVALID, "output %zu exists only with training_mode=1", i);
    if (training && fovea_desc_elements(x) == 0)
        return fail(FOVEA_INVALID, "input 0 has shape %s: nothing to take statistics of",
                    desc_text(x));
    TRY(shape_set(g, n, 0, x->dtype, x->rank, x->dim));
    TRY(shape_set(g, n, 1, node_in(g, n, 3)->desc.dtype, 1, &channels));
    TRY(shape_set(g, n, 2, node_in(g, n, 4)->desc.dtype, 1, &channels));
    TRY(shape_set(g, n, 3, x->dtype, 1, &channels));
    return shape_set(g, n, 4, x->dtype, 1, &channels);
}

/* dy, x, scale, and of the batch the mean and 1 / sqrt(variance + epsilon) -> dx, dscale, dbias. */
fovea_status shape_batch_norm_grad(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 5, 5));
    TRY(shape_want_floats(g, n, 5));
    const fovea_desc *dy = &node_in(g, n, 0)->desc, *x = &node_in(g, n, 1)->desc;
    TRY(want_rank(x, 1));
    int64_t channels = x->rank > 1 ? x->dim[1] : 1;
    if (!desc_equal(dy, x) || fovea_desc_elements(x) == 0)
        return fail(FOVEA_INVALID,
                    "inputs 0 and 1 have shapes %s and %s; they must be equal and not empty",
                    desc_text(dy), desc_text(x));
    TRY(want_vectors(g, n, 2, 5, channels));
    TRY(shape_set(g, n, 0, x->dtype, x->rank, x->dim));
    TRY(shape_set(g, n, 1, node_in(g, n, 2)->desc.dtype, 1, &channels));
    return shape_set(g, n, 2, node_in(g, n, 2)->desc.dtype, 1, &channels);
}

/* x, scale, bias -> y. */
fovea_status shape_instance_norm(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 3, 3));
    TRY(shape_want_floats(g, n, 3));
    TRY(want_epsilon(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(want_rank(x, 3));
    TRY(want_vectors(g, n, 1, 3, x->dim[1]));
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}

/* As InstanceNormalization, over num_groups groups of neighbouring channels. */
fovea_status shape_group_norm(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 3, 3));
    TRY(shape_want_floats(g, n, 3));
    TRY(want_epsilon(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(want_rank(x, 2));
    TRY(want_vectors(g, n, 1, 3, x->dim[1]));
    int64_t groups = attr_int(n, "num_groups", 0);
    if (groups < 1 || x->dim[1] % groups != 0)
        return fail(FOVEA_INVALID, "num_groups is %lld; it must divide the %lld channels",
                    (long long)groups, (long long)x->dim[1]);
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}

/* Input i, if present, broadcasts to x without making it larger. */
static fovea_status want_broadcast(const fovea_graph *g, const struct node *n, size_t i,
                                   const fovea_desc *x) {
    const struct value *v = node_in(g, n, i);
    if (!v) return FOVEA_OK;
    bool fits = v->desc.rank <= x->rank;
    for (int k = 1; fits && k <= v->desc.rank; k++) {
        int64_t d = v->desc.dim[v->desc.rank - k];
        fits = d == 1 || d == x->dim[x->rank - k];
    }
    if (fits) return FOVEA_OK;
    return fail(FOVEA_INVALID, "input %zu has shape %s, which does not broadcast to %s", i,
                desc_text(&v->desc), desc_text(x));
}

/* x, scale, bias -> y, mean, 1 / standard deviation: over all axes from `axis` on. */
fovea_status shape_layer_norm(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 3));
    TRY(shape_want_floats(g, n, 3));
    TRY(want_epsilon(n));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(want_rank(x, 1));
    TRY(want_broadcast(g, n, 1, x));
    TRY(want_broadcast(g, n, 2, x));
    int axis = attr_axis(n, "axis", -1, x->rank);
    if (axis < 0) return FOVEA_INVALID;
    if (desc_span(x, axis, x->rank) == 0)
        return fail(FOVEA_INVALID, "input 0 has shape %s: nothing to take statistics of",
                    desc_text(x));
    int64_t stash = attr_int(n, "stash_type", FOVEA_FLOAT32);
    if (stash != FOVEA_FLOAT32 && stash != FOVEA_FLOAT64 && stash != FOVEA_FLOAT16 &&
        stash != FOVEA_BFLOAT16)
        return fail(FOVEA_INVALID, "stash_type %lld is no floating-point type", (long long)stash);
    fovea_desc s = *x;
    for (int i = axis; i < s.rank; i++) s.dim[i] = 1;
    TRY(shape_set(g, n, 0, x->dtype, x->rank, x->dim));
    TRY(shape_set(g, n, 1, (fovea_dtype)stash, s.rank, s.dim));
    return shape_set(g, n, 2, (fovea_dtype)stash, s.rank, s.dim);
}

static fovea_status want_size(const struct node *n) {
    int64_t size = attr_int(n, "size", 0);
    if (size >= 1 && size <= 1 << 24) return FOVEA_OK;
    return fail(FOVEA_INVALID, "size is %lld; it must be 1 or more channels", (long long)size);
}

/* x -> y, over `size` neighbouring channels. */
fovea_status shape_lrn(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    TRY(shape_want_floats(g, n, 1));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    TRY(want_rank(x, 2));
    TRY(want_size(n));
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}

/* dy, x -> dx. */
fovea_status shape_lrn_grad(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 2));
    TRY(shape_want_floats(g, n, 2));
    const fovea_desc *dy = &node_in(g, n, 0)->desc, *x = &node_in(g, n, 1)->desc;
    TRY(want_rank(x, 2));
    TRY(want_size(n));
    if (!desc_equal(dy, x))
        return fail(FOVEA_INVALID, "inputs 0 and 1 have shapes %s and %s; they must be equal",
                    desc_text(dy), desc_text(x));
    return shape_set(g, n, 0, x->dtype, x->rank, x->dim);
}
