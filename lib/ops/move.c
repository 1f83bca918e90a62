/* Operators that move elements, on a device. Nearly all are one strided copy: a grid of places, each
 * with an offset in x and an offset in y (cl_kernels/move_strided.cl). */
#include <math.h>
#include <string.h>

#include "graph/move.h"
#include "ops/algorithm.h"

static const char *move_refuse(const struct site *);
static const char *tile_refuse(const struct site *);
static uint32_t concat_blocked(const struct site *);
static uint32_t split_blocked(const struct site *);
static fovea_status copy_lower(const struct site *, struct recipe *);
static fovea_status concat_lower(const struct site *, struct recipe *);
static fovea_status split_lower(const struct site *, struct recipe *);
static fovea_status slice_lower(const struct site *, struct recipe *);
static fovea_status transpose_lower(const struct site *, struct recipe *);
static fovea_status expand_lower(const struct site *, struct recipe *);
static fovea_status tile_lower(const struct site *, struct recipe *);
static fovea_status blocks_lower(const struct site *, struct recipe *);

#define STRIDED(refuses, lowers)                                                                   \
    (&(const struct algorithm){                                                                    \
        .name = "move_strided", .refuse = refuses, .any_type = true, .lower = lowers})

const struct algorithm *const copy_algorithms[] = {STRIDED(move_refuse, copy_lower), NULL};
const struct algorithm *const concat_algorithms[] = {
    &(const struct algorithm){.name = "move_strided",
                              .refuse = move_refuse,
                              .any_type = true,
                              .blocked = concat_blocked,
                              .lower = concat_lower},
    NULL,
};
const struct algorithm *const split_algorithms[] = {
    &(const struct algorithm){.name = "move_strided",
                              .refuse = move_refuse,
                              .any_type = true,
                              .blocked = split_blocked,
                              .lower = split_lower},
    NULL,
};
const struct algorithm *const slice_algorithms[] = {STRIDED(move_refuse, slice_lower), NULL};
const struct algorithm *const transpose_algorithms[] = {STRIDED(move_refuse, transpose_lower),
                                                        NULL};
const struct algorithm *const expand_algorithms[] = {STRIDED(move_refuse, expand_lower), NULL};
const struct algorithm *const tile_algorithms[] = {STRIDED(tile_refuse, tile_lower), NULL};
const struct algorithm *const depth_to_space_algorithms[] = {STRIDED(move_refuse, blocks_lower),
                                                             NULL};
const struct algorithm *const space_to_depth_algorithms[] = {STRIDED(move_refuse, blocks_lower),
                                                             NULL};

static const char *move_refuse(const struct site *s) {
    return node_activation(s->node).kind == ACTIVATION_NONE ? NULL : "has a fused activation";
}

/* ---- Grids ---- */

enum { KERNEL_AXES = 8, GRID_AXES = 2 * FOVEA_MAX_RANK };

/* Places of a strided copy, the last axis fastest; strides and offsets in elements. */
struct grid {
    int axes;
    int64_t size[GRID_AXES], from[GRID_AXES], to[GRID_AXES];
    int64_t from_offset, to_offset;
};

static void grid_axis(struct grid *g, int64_t size, int64_t from, int64_t to) {
    int k = g->axes++;
    g->size[k] = size;
    g->from[k] = from;
    g->to[k] = to;
}

/* Strides of a dense tensor. */
static void dense_strides(const fovea_desc *d, int64_t *stride) {
    int64_t n = 1;
    for (int i = d->rank; i-- > 0; n *= d->dim[i]) stride[i] = n;
}

/* Drops axes of size 1 and joins neighbours that are one longer axis in x and in y. */
static void grid_collapse(struct grid *g) {
    struct grid c = {.from_offset = g->from_offset, .to_offset = g->to_offset};
    for (int k = 0; k < g->axes; k++) {
        int last = c.axes - 1;
        if (g->size[k] == 1) continue;
        if (last >= 0 && c.from[last] == g->from[k] * g->size[k] &&
            c.to[last] == g->to[k] * g->size[k]) {
            c.size[last] *= g->size[k];
            c.from[last] = g->from[k];
            c.to[last] = g->to[k];
        } else {
            grid_axis(&c, g->size[k], g->from[k], g->to[k]);
        }
    }
    if (c.axes == 0) grid_axis(&c, 1, 1, 1);
    *g = c;
}

/* Elements that a work-item moves at once: they lie together in runs of `length`. */
static int64_t vector_length(const struct site *s, int64_t length) {
    bool cpu = !s->device->local_memory_is_real;
    return cpu && length % 16 == 0 ? 16 : length % 4 == 0 ? 4 : 1;
}

/* Few values, so that few programs are built. */
static int round_axes(int axes) {
    return axes <= 2 ? axes : axes <= 4 ? 4 : KERNEL_AXES;
}

/* Pushes eight ints, the last `axes` from `list`, the first ones `otherwise`. */
static void push_axes(struct recipe *r, const int64_t *list, int axes, int64_t otherwise) {
    for (int k = 0; k < KERNEL_AXES - axes; k++) recipe_int(r, otherwise);
    for (int k = 0; k < axes; k++) recipe_int(r, list[k]);
}

static fovea_status grid_emit(struct grid *g, const struct site *s, struct recipe *r, fovea_value x,
                              fovea_value y) {
    fovea_dtype dtype = s->graph->values[y].desc.dtype;
    grid_collapse(g);
    if (g->axes > KERNEL_AXES) return fail(FOVEA_UNSUPPORTED, "a copy has %d axes", g->axes);
    int last = g->axes - 1;
    int64_t vec = g->from[last] == 1 && g->to[last] == 1 ? vector_length(s, g->size[last]) : 1;
    int64_t items = 1;
    g->size[last] /= vec;
    g->from[last] *= vec;
    g->to[last] *= vec;
    for (int k = 0; k < g->axes; k++) items *= g->size[k];
    if (items == 0) return FOVEA_OK;
    recipe_kernel(r, "move_strided", "move_strided");
    recipe_define_text(r, "T", opencl_storage_type(dtype));
    recipe_define(r, "AXES", round_axes(g->axes));
    recipe_int(r, items);
    recipe_int(r, vec);
    push_axes(r, g->size, g->axes, 1);
    push_axes(r, g->from, g->axes, 0);
    push_axes(r, g->to, g->axes, 0);
    recipe_value_at(r, x, (size_t)g->from_offset);
    recipe_value_at(r, y, (size_t)g->to_offset);
    recipe_global(r, (size_t)items, 0, 0);
    return FOVEA_OK;
}

/* ---- Grids of the operators ---- */

static fovea_status copy_lower(const struct site *s, struct recipe *r) {
    struct grid g = {0};
    grid_axis(&g, value_elements(node_in(s->graph, s->node, 0)), 1, 1);
    return grid_emit(&g, s, r, site_in(s, 0), site_out(s, 0));
}

/* Whole channel blocks in a row are the same copies as whole channels in a row. */
static uint32_t concat_blocked(const struct site *s) {
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    uint32_t mask = BLOCKED_OUT;
    bool any = false;
    if (attr_axis(s->node, "axis", 0, y->rank) != 1 || s->node->n_in > 31) return 0;
    for (size_t i = 0; i < s->node->n_in; i++) {
        if (node_in(s->graph, s->node, i)->desc.dim[1] % site_width(s)) return 0;
        any = any || site_blocked(s, site_in(s, i));
        mask |= 1u << i;
    }
    return any ? mask : 0;
}

/* One launch an input: rows of `piece` elements into rows of `row`. */
static fovea_status concat_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    int axis = attr_axis(s->node, "axis", 0, y->rank);
    int64_t rows = desc_span(y, 0, axis), row = desc_span(y, axis, y->rank), at = 0;
    for (size_t i = 0; i < s->node->n_in; i++) {
        int64_t piece = desc_span(&node_in(s->graph, s->node, i)->desc, axis, y->rank);
        struct grid g = {.to_offset = at};
        grid_axis(&g, rows, piece, row);
        grid_axis(&g, piece, 1, 1);
        TRY(grid_emit(&g, s, r, site_in(s, i), site_out(s, 0)));
        at += piece;
    }
    return FOVEA_OK;
}

static fovea_status split_sizes(const struct site *s, int64_t *sizes) {
    int64_t split[SPLIT_OUTPUTS_MAX];
    size_t n_split;
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int axis = attr_axis(s->node, "axis", 0, x->rank);
    TRY(shape_read_ints(s->graph, s->node, 1, split, SPLIT_OUTPUTS_MAX, &n_split));
    bool given = node_in(s->graph, s->node, 1) != NULL;
    return split_resolve(s->node, x->dim[axis], given ? split : NULL, n_split, sizes);
}

/* As for Concat, the other way round. */
static uint32_t split_blocked(const struct site *s) {
    int64_t sizes[SPLIT_OUTPUTS_MAX];
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    if (attr_axis(s->node, "axis", 0, x->rank) != 1 || !site_blocked(s, site_in(s, 0))) return 0;
    if (split_sizes(s, sizes) != FOVEA_OK) return 0;
    for (size_t i = 0; i < s->node->n_out; i++)
        if (sizes[i] % site_width(s)) return 0;
    return 1 | BLOCKED_OUT;
}

static fovea_status split_lower(const struct site *s, struct recipe *r) {
    int64_t sizes[SPLIT_OUTPUTS_MAX];
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int axis = attr_axis(s->node, "axis", 0, x->rank);
    TRY(split_sizes(s, sizes));
    int64_t rows = desc_span(x, 0, axis), row = desc_span(x, axis, x->rank), at = 0;
    for (size_t i = 0; i < s->node->n_out; i++) {
        int64_t piece = sizes[i] * desc_span(x, axis + 1, x->rank);
        struct grid g = {.from_offset = at};
        grid_axis(&g, rows, row, piece);
        grid_axis(&g, piece, 1, 1);
        if (site_out(s, i) != FOVEA_NO_VALUE)
            TRY(grid_emit(&g, s, r, site_in(s, 0), site_out(s, i)));
        at += piece;
    }
    return FOVEA_OK;
}

static fovea_status slice_lower(const struct site *s, struct recipe *r) {
    int64_t list[4][FOVEA_MAX_RANK], from[FOVEA_MAX_RANK], to[FOVEA_MAX_RANK];
    size_t count;
    struct slice slice;
    struct grid g = {0};
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    for (size_t i = 4; i-- > 0;)
        TRY(shape_read_ints(s->graph, s->node, i + 1, list[i], FOVEA_MAX_RANK, &count));
    TRY(slice_resolve(x, list[0], list[1], node_in(s->graph, s->node, 3) ? list[2] : NULL,
                      node_in(s->graph, s->node, 4) ? list[3] : NULL, count, &slice));
    dense_strides(x, from);
    dense_strides(&node_out(s->graph, s->node, 0)->desc, to);
    for (int i = 0; i < x->rank; i++) {
        grid_axis(&g, slice.count[i], from[i] * slice.step[i], to[i]);
        g.from_offset += slice.start[i] * from[i];
    }
    return grid_emit(&g, s, r, site_in(s, 0), site_out(s, 0));
}

static fovea_status transpose_lower(const struct site *s, struct recipe *r) {
    int64_t from[FOVEA_MAX_RANK], to[FOVEA_MAX_RANK];
    const int64_t *perm;
    struct grid g = {0};
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    attr_ints(s->node, "perm", &perm);
    dense_strides(x, from);
    dense_strides(y, to);
    for (int i = 0; i < x->rank; i++)
        grid_axis(&g, y->dim[i], from[perm ? perm[i] : x->rank - 1 - i], to[i]);
    return grid_emit(&g, s, r, site_in(s, 0), site_out(s, 0));
}

static fovea_status expand_lower(const struct site *s, struct recipe *r) {
    int64_t from[FOVEA_MAX_RANK], to[FOVEA_MAX_RANK];
    struct grid g = {0};
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    int lead = y->rank - x->rank;
    dense_strides(x, from);
    dense_strides(y, to);
    for (int i = 0; i < y->rank; i++) {
        bool repeated = i < lead || x->dim[i - lead] == 1;
        grid_axis(&g, y->dim[i], repeated ? 0 : from[i - lead], to[i]);
    }
    return grid_emit(&g, s, r, site_in(s, 0), site_out(s, 0));
}

/* Each axis is two: the repeats, which do not move in x, and the axis itself. */
static void tile_grid(const struct site *s, struct grid *g) {
    int64_t from[FOVEA_MAX_RANK], to[FOVEA_MAX_RANK];
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    *g = (struct grid){0};
    dense_strides(x, from);
    dense_strides(y, to);
    for (int i = 0; i < x->rank; i++) {
        int64_t dim = x->dim[i];
        grid_axis(g, dim ? y->dim[i] / dim : 0, 0, dim * to[i]);
        grid_axis(g, dim, from[i], to[i]);
    }
}

static const char *tile_refuse(const struct site *s) {
    struct grid g;
    tile_grid(s, &g);
    grid_collapse(&g);
    return g.axes > KERNEL_AXES ? "more than 8 axes are left after joining" : move_refuse(s);
}

static fovea_status tile_lower(const struct site *s, struct recipe *r) {
    struct grid g;
    tile_grid(s, &g);
    return grid_emit(&g, s, r, site_in(s, 0), site_out(s, 0));
}

/* DepthToSpace and SpaceToDepth: the deep tensor (n, c b b, h, w) seen as (n, c, b, b, h, w), the wide
 * one (n, c, h b, w b) as (n, c, h, b, w, b). */
static fovea_status blocks_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    bool widen = s->node->op == OP_DepthToSpace;
    const fovea_desc *deep = widen ? x : y, *wide = widen ? y : x;
    bool crd = widen && strcmp(attr_string(s->node, "mode", "DCR"), "CRD") == 0;
    int64_t b = attr_int(s->node, "blocksize", 1), d[4], w[4];
    struct grid g = {0};
    dense_strides(deep, d);
    dense_strides(wide, w);
    int64_t depth = crd ? d[1] * b * b : d[1]; /* from one wide channel to the next */
    int64_t column = crd ? d[1] : d[1] * wide->dim[1], line = column * b;
    const int64_t size[6] = {deep->dim[0], wide->dim[1], deep->dim[2], b, deep->dim[3], b};
    const int64_t in_deep[6] = {d[0], depth, d[2], line, d[3], column};
    const int64_t in_wide[6] = {w[0], w[1], w[2] * b, w[2], w[3] * b, w[3]};
    for (int i = 0; i < 6; i++)
        grid_axis(&g, size[i], widen ? in_deep[i] : in_wide[i], widen ? in_wide[i] : in_deep[i]);
    return grid_emit(&g, s, r, site_in(s, 0), site_out(s, 0));
}

/* ---- Gather ---- */

static fovea_status gather_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    const struct value *indices = node_in(s->graph, s->node, 1);
    int axis = attr_axis(s->node, "axis", 0, x->rank);
    int64_t rows = desc_span(x, 0, axis), inner = desc_span(x, axis + 1, x->rank);
    int64_t count = value_elements(indices), vec = vector_length(s, inner);
    int64_t items = rows * count * inner / vec;
    if (items == 0) return FOVEA_OK;
    bool wide = indices->desc.dtype == FOVEA_INT64;
    recipe_kernel(r, "gather", wide ? "gather_long" : "gather_int");
    recipe_define_text(r, "T", opencl_storage_type(x->dtype));
    recipe_int(r, items);
    recipe_int(r, count);
    recipe_int(r, x->dim[axis]);
    recipe_int(r, inner);
    recipe_int(r, vec);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)items, 0, 0);
    return FOVEA_OK;
}

const struct algorithm *const gather_algorithms[] = {
    &(const struct algorithm){
        .name = "gather", .refuse = move_refuse, .any_type = true, .lower = gather_lower},
    NULL};

/* ---- GatherGrad ---- */

static const char *gather_grad_refuse(const struct site *s) {
    if (node_out(s->graph, s->node, 0)->desc.dtype != FOVEA_FLOAT32)
        return "element types must be float32";
    if (value_elements(node_out(s->graph, s->node, 0)) == 0) return "there is nothing to compute";
    return move_refuse(s);
}

/* Every element asks every index; 8 at a time cost about one operation. */
static double gather_grad_estimate(const struct site *s) {
    const struct value *y = node_out(s->graph, s->node, 0);
    double flops, bytes, asks = (double)value_elements(node_in(s->graph, s->node, 1));
    graph_cost(s->graph, s->node, &flops, &bytes);
    return fmax(bytes / s->device->bytes_per_second,
                asks * (double)value_elements(y) / s->device->flops_peak) +
           s->device->launch_overhead_us * 1e-6;
}

static fovea_status gather_grad_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_out(s->graph, s->node, 0)->desc;
    const struct value *indices = node_in(s->graph, s->node, 1);
    int axis = (int)attr_int(s->node, "axis", 0);
    int64_t inner = desc_span(x, axis + 1, x->rank),
            chunk = s->device->local_memory_is_real ? 4 : 1024;
    int64_t items = desc_span(x, 0, axis + 1) * ceil_div(inner, chunk);
    recipe_kernel(r, "gather_grad", "gather_grad");
    recipe_define_text(r, "INDEX", opencl_type(indices->desc.dtype));
    recipe_define(r, "CHUNK", chunk);
    recipe_int(r, items);
    recipe_int(r, value_elements(indices));
    recipe_int(r, x->dim[axis]);
    recipe_int(r, inner);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)items, 0, 0);
    return FOVEA_OK;
}

const struct algorithm *const gather_grad_algorithms[] = {
    &(const struct algorithm){.name = "gather_grad",
                              .refuse = gather_grad_refuse,
                              .any_type = true,
                              .estimate = gather_grad_estimate,
                              .lower = gather_grad_lower},
    NULL};

/* ---- Pad ---- */

/* The axes of a Pad for the kernel: neighbours that are not padded are joined. */
struct pad_axes {
    int axes;
    bool plain[FOVEA_MAX_RANK];
    int64_t size[FOVEA_MAX_RANK], begin[FOVEA_MAX_RANK], extent[FOVEA_MAX_RANK];
    int64_t stride[FOVEA_MAX_RANK], offset;
};

static void pad_collapse(const fovea_desc *x, const struct pad *p, struct pad_axes *a) {
    int64_t stride[FOVEA_MAX_RANK];
    *a = (struct pad_axes){0};
    dense_strides(x, stride);
    for (int i = 0; i < x->rank; i++) {
        bool plain = p->extent[i] == x->dim[i] && p->begin[i] == 0 && p->end[i] == 0;
        bool join = plain && a->axes > 0 && a->plain[a->axes - 1];
        int k = join ? a->axes - 1 : a->axes++;
        a->size[k] = (join ? a->size[k] : 1) * (p->begin[i] + p->extent[i] + p->end[i]);
        a->extent[k] = (join ? a->extent[k] : 1) * p->extent[i];
        a->begin[k] = p->begin[i];
        a->stride[k] = stride[i];
        a->plain[k] = plain;
        a->offset += p->extent[i] ? p->start[i] * stride[i] : 0;
    }
}

static fovea_status pad_lower(const struct site *s, struct recipe *r) {
    int64_t pads[2 * FOVEA_MAX_RANK], axes[FOVEA_MAX_RANK];
    size_t n_pads, n_axes;
    struct pad p;
    struct pad_axes a;
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int64_t items = value_elements(node_out(s->graph, s->node, 0));
    TRY(shape_read_ints(s->graph, s->node, 1, pads, 2 * FOVEA_MAX_RANK, &n_pads));
    TRY(shape_read_ints(s->graph, s->node, 3, axes, FOVEA_MAX_RANK, &n_axes));
    TRY(pad_resolve(s->node, x, pads, n_pads, node_in(s->graph, s->node, 3) ? axes : NULL, n_axes,
                    &p));
    if (items == 0) return FOVEA_OK;
    pad_collapse(x, &p, &a);
    recipe_kernel(r, "pad", "pad");
    recipe_define_text(r, "T", opencl_storage_type(x->dtype));
    recipe_define(r, "AXES", a.axes == 0 ? 1 : round_axes(a.axes));
    recipe_int(r, items);
    recipe_int(r, p.mode);
    recipe_int(r, site_in(s, 2) != FOVEA_NO_VALUE);
    push_axes(r, a.size, a.axes, 1);
    push_axes(r, a.begin, a.axes, 0);
    push_axes(r, a.extent, a.axes, 1);
    push_axes(r, a.stride, a.axes, 0);
    recipe_value_at(r, site_in(s, 0), (size_t)a.offset);
    recipe_value(r, site_in(s, 2));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)items, 0, 0);
    return FOVEA_OK;
}

const struct algorithm *const pad_algorithms[] = {
    &(const struct algorithm){
        .name = "pad", .refuse = move_refuse, .any_type = true, .lower = pad_lower},
    NULL};
