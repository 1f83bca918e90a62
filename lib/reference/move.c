/* Operators that move elements: Concat, Split, Reshape and its like, Transpose, Expand, Tile, Gather,
 * DepthToSpace, SpaceToDepth. Each says where an output element comes from; see also slice.c. */
#include "reference/move.h"

#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "graph/element.h"
#include "graph/move.h"

void move_block(const struct reference_out *o, size_t to, const struct reference_in *in,
                size_t from, size_t count) {
    size_t size = fovea_dtype_size(o->desc.dtype);
    if (count)
        memcpy((char *)o->data + to * size, (const char *)in->data + from * size, count * size);
    for (size_t i = 0; o->y && i < count; i++) {
        o->y[to + i] = element_load(in->desc.dtype, in->data, from + i);
        o->bound[to + i] = 0;
        if (o->probable) o->probable[to + i] = 0;
    }
}

/* ---- Element by element ---- */

struct move {
    const struct reference_in *x, *fill;
    const struct reference_out *o;
    move_source *source;
    const void *parameters;
};

static void put_zero(const struct reference_out *o, size_t to) {
    size_t size = fovea_dtype_size(o->desc.dtype);
    memset((char *)o->data + to * size, 0, size);
    if (!o->y) return;
    o->y[to] = o->bound[to] = 0;
    if (o->probable) o->probable[to] = 0;
}

static void move_part(void *data, size_t begin, size_t end) {
    const struct move *m = data;
    const fovea_desc *d = &m->o->desc;
    for (size_t i = begin; i < end; i++) {
        int64_t at[FOVEA_MAX_RANK], rest = (int64_t)i;
        for (int k = d->rank; k-- > 0; rest /= d->dim[k]) at[k] = rest % d->dim[k];
        int64_t from = m->source(m->parameters, &m->x->desc, at);
        if (from >= 0) move_block(m->o, i, m->x, (size_t)from, 1);
        else if (m->fill) move_block(m->o, i, m->fill, 0, 1);
        else put_zero(m->o, i);
    }
}

void move_all(const struct reference_call *c, const struct reference_in *fill, move_source *source,
              const void *parameters) {
    struct move m = {&c->in[0], fill, &c->out[0], source, parameters};
    if (!m.o->data) return;
    parallel_for((size_t)fovea_desc_elements(&m.o->desc), 4096, move_part, &m);
}

/* ---- Whole blocks ---- */

fovea_status reference_copy(struct reference_call *c) {
    if (c->out[0].data)
        move_block(&c->out[0], 0, &c->in[0], 0, (size_t)fovea_desc_elements(&c->in[0].desc));
    return FOVEA_OK;
}

/* Both Concat and Split see a tensor as rows (the axes before `axis`) of which each part has a piece. */
fovea_status reference_concat(struct reference_call *c) {
    const struct reference_out *o = &c->out[0];
    int axis = attr_axis(c->node, "axis", 0, o->desc.rank);
    size_t rows = (size_t)desc_span(&o->desc, 0, axis), at = 0;
    size_t row = (size_t)desc_span(&o->desc, axis, o->desc.rank);
    for (size_t i = 0; o->data && i < c->n_in; i++) {
        size_t piece = (size_t)desc_span(&c->in[i].desc, axis, o->desc.rank);
        for (size_t r = 0; r < rows; r++) move_block(o, r * row + at, &c->in[i], r * piece, piece);
        at += piece;
    }
    return FOVEA_OK;
}

fovea_status reference_split(struct reference_call *c) {
    int64_t sizes[SPLIT_OUTPUTS_MAX];
    const fovea_desc *x = &c->in[0].desc;
    int axis = attr_axis(c->node, "axis", 0, x->rank);
    const int64_t *split = reference_i64(c, 1);
    if (reference_has(c, 1) && !split) return FOVEA_NO_MEMORY;
    TRY(split_resolve(c->node, x->dim[axis], split,
                      split ? (size_t)fovea_desc_elements(&c->in[1].desc) : 0, sizes));
    size_t rows = (size_t)desc_span(x, 0, axis), inner = (size_t)desc_span(x, axis + 1, x->rank);
    size_t row = inner * (size_t)x->dim[axis], at = 0;
    for (size_t i = 0; i < c->n_out; i++) {
        size_t piece = inner * (size_t)sizes[i];
        for (size_t r = 0; c->out[i].data && r < rows; r++)
            move_block(&c->out[i], r * piece, &c->in[0], r * row + at, piece);
        at += piece;
    }
    return FOVEA_OK;
}

/* out[..., j, ...] = x[..., indices[j], ...]; a negative index counts from the end. */
fovea_status reference_gather(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc;
    int axis = attr_axis(c->node, "axis", 0, x->rank);
    const int64_t *indices = reference_i64(c, 1);
    if (!indices) return FOVEA_NO_MEMORY;
    size_t count = (size_t)fovea_desc_elements(&c->in[1].desc);
    size_t rows = (size_t)desc_span(x, 0, axis), inner = (size_t)desc_span(x, axis + 1, x->rank);
    int64_t dim = x->dim[axis];
    for (size_t j = 0; j < count; j++) {
        if (indices[j] < -dim || indices[j] >= dim)
            return fail(FOVEA_INVALID,
                        "index %lld (number %zu) is outside axis %d of %lld elements",
                        (long long)indices[j], j, axis, (long long)dim);
        size_t k = (size_t)(indices[j] < 0 ? indices[j] + dim : indices[j]);
        for (size_t r = 0; c->out[0].data && r < rows; r++)
            move_block(&c->out[0], (r * count + j) * inner, &c->in[0],
                       (r * (size_t)dim + k) * inner, inner);
    }
    return FOVEA_OK;
}

/* ---- Permutations and repetitions ---- */

static int64_t transpose_source(const void *parameters, const fovea_desc *x, const int64_t *at) {
    const struct node *n = parameters;
    const int64_t *perm;
    int64_t from[FOVEA_MAX_RANK];
    attr_ints(n, "perm", &perm);
    for (int i = 0; i < x->rank; i++) from[perm ? perm[i] : x->rank - 1 - i] = at[i];
    return move_offset(x, from);
}

fovea_status reference_transpose(struct reference_call *c) {
    move_all(c, NULL, transpose_source, c->node);
    return FOVEA_OK;
}

/* x's axes are the last ones of the output; an axis of 1 is repeated. */
static int64_t expand_source(const void *parameters, const fovea_desc *x, const int64_t *at) {
    int64_t from[FOVEA_MAX_RANK];
    int lead = ((const fovea_desc *)parameters)->rank - x->rank;
    for (int i = 0; i < x->rank; i++) from[i] = x->dim[i] == 1 ? 0 : at[lead + i];
    return move_offset(x, from);
}

fovea_status reference_expand(struct reference_call *c) {
    move_all(c, NULL, expand_source, &c->out[0].desc);
    return FOVEA_OK;
}

static int64_t tile_source(const void *parameters, const fovea_desc *x, const int64_t *at) {
    int64_t from[FOVEA_MAX_RANK];
    (void)parameters;
    for (int i = 0; i < x->rank; i++) from[i] = at[i] % x->dim[i];
    return move_offset(x, from);
}

fovea_status reference_tile(struct reference_call *c) {
    move_all(c, NULL, tile_source, NULL);
    return FOVEA_OK;
}

/* Output (n, c, h, w) with block b comes from x (n, C, h / b, w / b), where the place (h % b, w % b)
 * in the block and c make up the channel: DCR: block first; CRD: c first. */
static int64_t depth_to_space_source(const void *parameters, const fovea_desc *x,
                                     const int64_t *at) {
    const struct node *n = parameters;
    int64_t b = attr_int(n, "blocksize", 1), depth = x->dim[1] / (b * b);
    int64_t place = at[2] % b * b + at[3] % b;
    bool crd = strcmp(attr_string(n, "mode", "DCR"), "CRD") == 0;
    int64_t channel = crd ? at[1] * b * b + place : place * depth + at[1];
    return move_offset(x, (int64_t[]){at[0], channel, at[2] / b, at[3] / b});
}

fovea_status reference_depth_to_space(struct reference_call *c) {
    move_all(c, NULL, depth_to_space_source, c->node);
    return FOVEA_OK;
}

/* Output channel = (place in the block) * c + channel of x. */
static int64_t space_to_depth_source(const void *parameters, const fovea_desc *x,
                                     const int64_t *at) {
    int64_t b = attr_int(parameters, "blocksize", 1), place = at[1] / x->dim[1];
    return move_offset(
        x, (int64_t[]){at[0], at[1] % x->dim[1], at[2] * b + place / b, at[3] * b + place % b});
}

fovea_status reference_space_to_depth(struct reference_call *c) {
    move_all(c, NULL, space_to_depth_source, c->node);
    return FOVEA_OK;
}
