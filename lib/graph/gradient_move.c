/* Gradients of operators that move elements: the way back. What was left out gets zeros; what was repeated
 * is summed. */
#include "graph/gradient.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/move.h"

void gradient_reshape(struct gradient *gr, const struct node *n) {
    fovea_desc d = gradient_desc(gr, n->in[0]);
    gradient_give(gr, 0, gradient_shaped(gr, gradient_of(gr, 0), &d));
}

static fovea_attribute attribute_int(const char *name, int64_t i) {
    return (fovea_attribute){.name = name, .type = FOVEA_ATTRIBUTE_INT, .i = i};
}

/* Zeros of a shape. */
static fovea_value zeros(struct gradient *gr, const fovea_desc *d) {
    fovea_value in[2] = {gradient_scalar(gr, 0), gradient_ints(gr, d->dim, (size_t)d->rank)};
    return gradient_op(gr, OP_Expand, in, 2, NULL, 0);
}

/* ---- Concat, Split ---- */

void gradient_concat(struct gradient *gr, const struct node *n) {
    fovea_desc y = gradient_desc(gr, n->out[0]);
    if (gr->status != FOVEA_OK) return;
    int axis = attr_axis(n, "axis", 0, y.rank);
    int64_t *sizes = mem_array(n->n_in, sizeof *sizes);
    fovea_value *parts = mem_array(n->n_in, sizeof *parts);
    if (!sizes || !parts) gradient_fail(gr, fail_memory(n->n_in * sizeof *sizes, "a gradient"));
    for (size_t i = 0; gr->status == FOVEA_OK && i < n->n_in; i++)
        sizes[i] = gradient_desc(gr, n->in[i]).dim[axis];
    if (gr->status == FOVEA_OK) {
        fovea_attribute along = attribute_int("axis", axis);
        fovea_value in[2] = {gradient_of(gr, 0), gradient_ints(gr, sizes, n->n_in)};
        gradient_ops(gr, OP_Split, in, 2, &along, 1, parts, n->n_in);
    }
    for (size_t i = 0; gr->status == FOVEA_OK && i < n->n_in; i++) gradient_give(gr, i, parts[i]);
    mem_free(sizes);
    mem_free(parts);
}

void gradient_split(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    if (gr->status != FOVEA_OK) return;
    fovea_attribute along = attribute_int("axis", attr_axis(n, "axis", 0, x.rank));
    fovea_value *parts = mem_array(n->n_out, sizeof *parts);
    if (!parts) gradient_fail(gr, fail_memory(n->n_out * sizeof *parts, "a gradient"));
    for (size_t i = 0; gr->status == FOVEA_OK && i < n->n_out; i++) {
        fovea_desc d = gradient_desc(gr, n->out[i]);
        if (n->out[i] == FOVEA_NO_VALUE)
            gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "output %zu is left out", i));
        parts[i] = gradient_of(gr, i);
        if (parts[i] == FOVEA_NO_VALUE) parts[i] = zeros(gr, &d);
    }
    if (gr->status == FOVEA_OK)
        gradient_give(gr, 0, gradient_op(gr, OP_Concat, parts, n->n_out, &along, 1));
    mem_free(parts);
}

/* ---- Gather, and what takes elements of an axis by a list of places ---- */

static fovea_value gather_grad(struct gradient *gr, fovea_value dy, fovea_value indices, int axis,
                               int64_t size) {
    fovea_value in[2] = {dy, indices};
    fovea_attribute attr[2] = {attribute_int("axis", axis), attribute_int("size", size)};
    return gradient_op(gr, OP_GatherGrad, in, 2, attr, 2);
}

void gradient_gather(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    if (gr->status != FOVEA_OK) return;
    int axis = attr_axis(n, "axis", 0, x.rank);
    gradient_give(gr, 0, gather_grad(gr, gradient_of(gr, 0), n->in[1], axis, x.dim[axis]));
}

/* dy (count along the axis) back to `size` elements, element i having come from place(context, axis, i). */
static fovea_value scatter_axis(struct gradient *gr, fovea_value dy, int axis, int64_t count,
                                int64_t size, int64_t (*place)(const void *, int, int64_t),
                                const void *context) {
    int64_t *list = mem_array((size_t)count + 1, sizeof *list);
    if (!list) {
        gradient_fail(gr, fail_memory((size_t)count * sizeof *list, "a gradient"));
        return FOVEA_NO_VALUE;
    }
    for (int64_t i = 0; i < count; i++) list[i] = place(context, axis, i);
    fovea_value indices = gradient_ints(gr, list, (size_t)count);
    mem_free(list);
    return gather_grad(gr, dy, indices, axis, size);
}

/* Pads (negative: crops) with zeros. */
static fovea_value pad(struct gradient *gr, fovea_value x, const int64_t *pads, int rank) {
    bool needed = false;
    for (int i = 0; i < 2 * rank; i++) needed = needed || pads[i] != 0;
    fovea_value in[2] = {x, FOVEA_NO_VALUE};
    if (!needed) return x;
    in[1] = gradient_ints(gr, pads, 2 * (size_t)rank);
    return gradient_op(gr, OP_Pad, in, 2, NULL, 0);
}

static fovea_status read_slice(const struct gradient *gr, const struct node *n, const fovea_desc *x,
                               struct slice *s) {
    int64_t list[4][FOVEA_MAX_RANK];
    size_t count[4];
    for (size_t i = 0; i < 4; i++)
        TRY(shape_read_ints(gr->graph, n, i + 1, list[i], FOVEA_MAX_RANK, &count[i]));
    return slice_resolve(x, list[0], list[1], node_in(gr->graph, n, 3) ? list[2] : NULL,
                         node_in(gr->graph, n, 4) ? list[3] : NULL, count[0], s);
}

static int64_t slice_place(const void *context, int axis, int64_t i) {
    const struct slice *s = context;
    return s->start[axis] + i * s->step[axis];
}

void gradient_slice(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    fovea_value grad = gradient_of(gr, 0);
    int64_t pads[2 * FOVEA_MAX_RANK] = {0};
    struct slice s;
    if (gr->status == FOVEA_OK) gradient_fail(gr, read_slice(gr, n, &x, &s));
    for (int a = 0; a < x.rank && gr->status == FOVEA_OK; a++) {
        if (s.step[a] == 1 || s.count[a] == 0) {
            pads[a] = s.start[a];
            pads[a + x.rank] = x.dim[a] - s.start[a] - s.count[a];
        } else grad = scatter_axis(gr, grad, a, s.count[a], x.dim[a], slice_place, &s);
    }
    gradient_give(gr, 0, pad(gr, grad, pads, x.rank));
}

/* ---- Pad ---- */

static int64_t pad_place(const void *context, int axis, int64_t i) {
    const struct pad *p = context;
    return p->start[axis] + pad_position(p->mode, i - p->begin[axis], p->extent[axis]);
}

static fovea_status read_pad(const struct gradient *gr, const struct node *n, const fovea_desc *x,
                             struct pad *p) {
    int64_t pads[2 * FOVEA_MAX_RANK], axes[FOVEA_MAX_RANK];
    size_t n_pads, n_axes;
    TRY(shape_read_ints(gr->graph, n, 1, pads, 2 * FOVEA_MAX_RANK, &n_pads));
    TRY(shape_read_ints(gr->graph, n, 3, axes, FOVEA_MAX_RANK, &n_axes));
    return pad_resolve(n, x, pads, n_pads, node_in(gr->graph, n, 3) ? axes : NULL, n_axes, p);
}

/* What was put around goes to the padding value. */
static void give_padding(struct gradient *gr, const struct node *n, fovea_value dy,
                         fovea_value inside) {
    fovea_desc value = gradient_desc(gr, n->in[2]);
    fovea_attribute drop = attribute_int("keepdims", 0);
    fovea_value all = gradient_op(gr, OP_ReduceSum, &dy, 1, &drop, 1);
    fovea_value part = gradient_op(gr, OP_ReduceSum, &inside, 1, &drop, 1);
    gradient_give(gr, 2, gradient_shaped(gr, gradient_binary(gr, OP_Sub, all, part), &value));
}

void gradient_pad(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), y = gradient_desc(gr, n->out[0]);
    fovea_value dy = gradient_of(gr, 0), grad = dy;
    int64_t crop[2 * FOVEA_MAX_RANK] = {0};
    struct pad p;
    if (gr->status == FOVEA_OK) gradient_fail(gr, read_pad(gr, n, &x, &p));
    for (int a = 0; a < x.rank && gr->status == FOVEA_OK; a++) {
        if (p.mode == PAD_CONSTANT || (p.begin[a] == 0 && p.end[a] == 0)) {
            crop[a] = p.start[a] - p.begin[a];
            crop[a + x.rank] = x.dim[a] - p.start[a] - p.extent[a] - p.end[a];
        } else grad = scatter_axis(gr, grad, a, y.dim[a], x.dim[a], pad_place, &p);
    }
    grad = pad(gr, grad, crop, x.rank);
    if (gradient_wants(gr, 2)) give_padding(gr, n, dy, grad);
    gradient_give(gr, 0, grad);
}

/* ---- Transpose, Expand, Tile ---- */

void gradient_transpose(struct gradient *gr, const struct node *n) {
    int64_t back[FOVEA_MAX_RANK];
    const int64_t *perm;
    int rank = gradient_desc(gr, n->in[0]).rank;
    attr_ints(n, "perm", &perm);
    for (int i = 0; i < rank; i++) back[perm ? perm[i] : rank - 1 - i] = i;
    fovea_attribute attr = {
        .name = "perm", .type = FOVEA_ATTRIBUTE_INTS, .ints = back, .count = (size_t)rank};
    fovea_value dy = gradient_of(gr, 0);
    gradient_give(gr, 0, rank ? gradient_op(gr, OP_Transpose, &dy, 1, &attr, 1) : dy);
}

void gradient_expand(struct gradient *gr, const struct node *n) {
    fovea_desc d = gradient_desc(gr, n->in[0]);
    gradient_give(gr, 0, gradient_sum_to(gr, gradient_of(gr, 0), &d));
}

/* Axis after axis is seen as (in front, repeats, the axis and behind) and summed over the repeats. */
void gradient_tile(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), y = gradient_desc(gr, n->out[0]);
    fovea_value grad = gradient_of(gr, 0);
    fovea_attribute drop = attribute_int("keepdims", 0);
    for (int a = 0; a < x.rank && gr->status == FOVEA_OK; a++) {
        if (x.dim[a] == y.dim[a] || x.dim[a] == 0) continue;
        fovea_desc seen = {.dtype = y.dtype, .rank = 3};
        seen.dim[0] = desc_span(&x, 0, a);
        seen.dim[1] = y.dim[a] / x.dim[a];
        seen.dim[2] = x.dim[a] * desc_span(&y, a + 1, y.rank);
        fovea_value in[2] = {gradient_shaped(gr, grad, &seen), gradient_ints(gr, &(int64_t){1}, 1)};
        grad = gradient_op(gr, OP_ReduceSum, in, 2, &drop, 1);
    }
    gradient_give(gr, 0, gradient_shaped(gr, grad, &x));
}

/* ---- Depth and space ---- */

/* The deep channels (c, b, b) of DepthToSpace's mode CRD, from the wide (n, c, h b, w b). */
static fovea_value column_row_depth(struct gradient *gr, fovea_value dy, const fovea_desc *x,
                                    int64_t b) {
    static const int64_t perm[6] = {0, 1, 3, 5, 2, 4};
    fovea_desc seen = {x->dtype, 6, {x->dim[0], x->dim[1] / (b * b), x->dim[2], b, x->dim[3], b}};
    fovea_attribute attr = {.name = "perm", .type = FOVEA_ATTRIBUTE_INTS, .ints = perm, .count = 6};
    fovea_value wide = gradient_shaped(gr, dy, &seen);
    return gradient_shaped(gr, gradient_op(gr, OP_Transpose, &wide, 1, &attr, 1), x);
}

void gradient_depth_to_space(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    fovea_attribute block = attribute_int("blocksize", attr_int(n, "blocksize", 1));
    fovea_value dy = gradient_of(gr, 0);
    bool crd = strcmp(attr_string(n, "mode", "DCR"), "CRD") == 0;
    gradient_give(gr, 0,
                  crd ? column_row_depth(gr, dy, &x, block.i)
                      : gradient_op(gr, OP_SpaceToDepth, &dy, 1, &block, 1));
}

void gradient_space_to_depth(struct gradient *gr, const struct node *n) {
    fovea_attribute block = attribute_int("blocksize", attr_int(n, "blocksize", 1));
    fovea_value dy = gradient_of(gr, 0);
    gradient_give(gr, 0, gradient_op(gr, OP_DepthToSpace, &dy, 1, &block, 1));
}
