/* Slice and Pad: the numbers come from static inputs. */
#include "graph/move.h"
#include "reference/move.h"

static size_t length(const struct reference_call *c, size_t i) {
    return reference_has(c, i) ? (size_t)fovea_desc_elements(&c->in[i].desc) : 0;
}

static int64_t slice_source(const void *parameters, const fovea_desc *x, const int64_t *at) {
    const struct slice *s = parameters;
    int64_t from[FOVEA_MAX_RANK];
    for (int i = 0; i < x->rank; i++) from[i] = s->start[i] + at[i] * s->step[i];
    return move_offset(x, from);
}

fovea_status reference_slice(struct reference_call *c) {
    struct slice s;
    const int64_t *list[4];
    for (size_t i = 0; i < 4; i++) {
        list[i] = reference_i64(c, i + 1);
        if (!list[i] && reference_has(c, i + 1)) return FOVEA_NO_MEMORY;
    }
    TRY(slice_resolve(&c->in[0].desc, list[0], list[1], list[2], list[3], length(c, 1), &s));
    move_all(c, NULL, slice_source, &s);
    return FOVEA_OK;
}

static int64_t pad_source(const void *parameters, const fovea_desc *x, const int64_t *at) {
    const struct pad *p = parameters;
    int64_t from[FOVEA_MAX_RANK];
    for (int i = 0; i < x->rank; i++) {
        int64_t k = pad_position(p->mode, at[i] - p->begin[i], p->extent[i]);
        if (k < 0) return -1;
        from[i] = p->start[i] + k;
    }
    return move_offset(x, from);
}

fovea_status reference_pad(struct reference_call *c) {
    struct pad p;
    const int64_t *pads = reference_i64(c, 1), *axes = reference_i64(c, 3);
    if (!pads || (reference_has(c, 3) && !axes)) return FOVEA_NO_MEMORY;
    TRY(pad_resolve(c->node, &c->in[0].desc, pads, length(c, 1), axes, length(c, 3), &p));
    move_all(c, reference_has(c, 2) ? &c->in[2] : NULL, pad_source, &p);
    return FOVEA_OK;
}
