/* Gradients of reductions: what was reduced is spread. Ties share evenly, as PyTorch's amax has it. */
#include "graph/gradient.h"
#include "graph/reduction.h"

#include "base/alloc.h"

/* A reduction of x: its axes, and the output's shape with the reduced axes kept as 1. */
struct reduced {
    fovea_desc x, kept;
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
};

static struct reduced reduced_of(struct gradient *gr, const struct node *n) {
    struct reduced d = {.x = gradient_desc(gr, n->in[0])};
    struct reduction r;
    int64_t given[FOVEA_MAX_RANK];
    size_t count;
    d.kept = d.x;
    if (gr->status != FOVEA_OK) return d;
    fovea_status status = shape_read_ints(gr->graph, n, 1, given, FOVEA_MAX_RANK, &count);
    if (status == FOVEA_OK) status = reduction_make(&r, n, &d.x, given, count);
    if (status != FOVEA_OK) gradient_fail(gr, status);
    for (int i = 0; i < d.x.rank && status == FOVEA_OK; i++) {
        if (!r.axis[i]) continue;
        d.kept.dim[i] = 1;
        d.axes[d.count++] = i;
    }
    return d;
}

/* The same reduction with another operator; reduced axes are kept as 1. */
static fovea_value reduce(struct gradient *gr, const struct reduced *d, enum op op, fovea_value v) {
    fovea_attribute none = {.name = "noop_with_empty_axes", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    fovea_value in[2] = {v, gradient_ints(gr, d->axes, d->count)};
    return gradient_op(gr, op, in, 2, &none, 1);
}

/* Gives input 0 a value with the output's shape, repeated along what was reduced. */
static void give_spread(struct gradient *gr, const struct reduced *d, fovea_value v) {
    fovea_value in[2] = {gradient_shaped(gr, v, &d->kept),
                         gradient_ints(gr, d->x.dim, (size_t)d->x.rank)};
    gradient_give(gr, 0, gradient_op(gr, OP_Expand, in, 2, NULL, 0));
}

/* Gives input 0 the product of what the axes have in common and what each element has. */
static void give_product(struct gradient *gr, fovea_value common, fovea_value each) {
    gradient_give(gr, 0, gradient_binary(gr, OP_Mul, each, common));
}

void gradient_reduce_sum(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    give_spread(gr, &d, gradient_of(gr, 0));
}

void gradient_reduce_mean(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    double outputs = (double)fovea_desc_elements(&d.kept);
    double terms = outputs > 0 ? (double)fovea_desc_elements(&d.x) / outputs : 1;
    fovea_value count = gradient_scalar(gr, (float)terms);
    give_spread(gr, &d, gradient_binary(gr, OP_Div, gradient_of(gr, 0), count));
}

void gradient_reduce_extremum(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_attribute type = {.name = "to", .type = FOVEA_ATTRIBUTE_INT, .i = FOVEA_FLOAT32};
    fovea_value y = gradient_shaped(gr, n->out[0], &d.kept);
    fovea_value hit = gradient_binary(gr, OP_Equal, n->in[0], y);
    hit = gradient_op(gr, OP_Cast, &hit, 1, &type, 1);
    fovea_value dy = gradient_shaped(gr, gradient_of(gr, 0), &d.kept);
    fovea_value hits = reduce(gr, &d, OP_ReduceSum, hit);
    give_product(gr, gradient_binary(gr, OP_Div, dy, hits), hit);
}

/* The product of all others, without a division by zero: with one zero, what is not zero among them flows to
 * it alone; with more, nothing flows. */
void gradient_reduce_prod(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_attribute type = {.name = "to", .type = FOVEA_ATTRIBUTE_INT, .i = FOVEA_FLOAT32};
    fovea_value zero = gradient_scalar(gr, 0), one = gradient_scalar(gr, 1);
    fovea_value is_zero = gradient_binary(gr, OP_Equal, n->in[0], zero);
    fovea_value zeros =
        reduce(gr, &d, OP_ReduceSum, gradient_op(gr, OP_Cast, &is_zero, 1, &type, 1));
    fovea_value x = gradient_op(gr, OP_Where, (fovea_value[]){is_zero, one, n->in[0]}, 3, NULL, 0);
    fovea_value others = gradient_binary(gr, OP_Div, reduce(gr, &d, OP_ReduceProd, x), x);
    fovea_value flows[3] = {is_zero, gradient_binary(gr, OP_Equal, zeros, one),
                            gradient_binary(gr, OP_Equal, zeros, zero)};
    fovea_value pick[3] = {gradient_op(gr, OP_Where, flows, 3, NULL, 0), others, zero};
    fovea_value dy = gradient_shaped(gr, gradient_of(gr, 0), &d.kept);
    give_product(gr, dy, gradient_op(gr, OP_Where, pick, 3, NULL, 0));
}

void gradient_reduce_sum_square(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_value dy = gradient_shaped(gr, gradient_of(gr, 0), &d.kept);
    give_product(gr, gradient_binary(gr, OP_Add, dy, dy), n->in[0]);
}

void gradient_reduce_l1(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_value dy = gradient_shaped(gr, gradient_of(gr, 0), &d.kept);
    give_product(gr, dy, gradient_unary(gr, OP_Sign, n->in[0]));
}

/* x / |x|, and 0 at the origin. */
void gradient_reduce_l2(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_value zero = gradient_scalar(gr, 0), y = n->out[0];
    fovea_value in[3] = {gradient_binary(gr, OP_Equal, y, zero), zero,
                         gradient_binary(gr, OP_Div, gradient_of(gr, 0), y)};
    fovea_value common = gradient_op(gr, OP_Where, in, 3, NULL, 0);
    give_product(gr, gradient_shaped(gr, common, &d.kept), n->in[0]);
}

void gradient_reduce_log_sum(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_value sum = gradient_unary(gr, OP_Exp, n->out[0]);
    give_spread(gr, &d, gradient_binary(gr, OP_Div, gradient_of(gr, 0), sum));
}

/* exp(x - y): shares of the sum of exponentials. */
void gradient_reduce_log_sum_exp(struct gradient *gr, const struct node *n) {
    struct reduced d = reduced_of(gr, n);
    fovea_value y = gradient_shaped(gr, n->out[0], &d.kept);
    fovea_value share = gradient_unary(gr, OP_Exp, gradient_binary(gr, OP_Sub, n->in[0], y));
    give_product(gr, gradient_shaped(gr, gradient_of(gr, 0), &d.kept), share);
}

/* ---- TopK ---- */

/* The numbers 0 to n - 1 along an axis that has `after` axes of 1 behind it. */
static fovea_value numbers(struct gradient *gr, int64_t n, int after) {
    fovea_desc shape = {.dtype = FOVEA_INT64, .rank = after + 1, .dim = {n}};
    int64_t *list = mem_array((size_t)n + 1, sizeof *list);
    fovea_value v = FOVEA_NO_VALUE;
    if (!list) gradient_fail(gr, fail_memory((size_t)n * sizeof *list, "a gradient"));
    for (int64_t i = 0; list && i < n; i++) list[i] = i;
    for (int i = 1; i <= after; i++) shape.dim[i] = 1;
    if (list) v = gradient_shaped(gr, gradient_ints(gr, list, (size_t)n), &shape);
    mem_free(list);
    return v;
}

/* Each value goes to where its index points, which all places of the axis ask. */
void gradient_top_k(struct gradient *gr, const struct node *n) {
    fovea_attribute attr[8];
    fovea_value out[2], dy = gradient_of(gr, 0), zero = gradient_scalar(gr, 0);
    fovea_desc x = gradient_desc(gr, n->in[0]), wide = gradient_desc(gr, n->out[0]);
    if (dy == FOVEA_NO_VALUE || gr->status != FOVEA_OK) return;
    int axis = attr_axis(n, "axis", -1, x.rank);
    if (x.rank == FOVEA_MAX_RANK)
        gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "rank %d leaves no room for a gradient", x.rank));
    if (gr->status != FOVEA_OK) return;
    gradient_ops(gr, OP_TopK, n->in, 2, attr, gradient_attributes(n, attr, 8), out, 2);
    for (int i = wide.rank++; i > axis + 1; i--) wide.dim[i] = wide.dim[i - 1];
    wide.dim[axis + 1] = 1;
    fovea_value index = gradient_shaped(gr, out[1], &wide);
    fovea_value place = numbers(gr, x.dim[axis], x.rank - 1 - axis);
    fovea_value in[3] = {gradient_binary(gr, OP_Equal, index, place),
                         gradient_shaped(gr, dy, &wide), zero};
    int64_t along = axis;
    fovea_attribute drop = {.name = "keepdims", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    fovea_value spread[2] = {gradient_op(gr, OP_Where, in, 3, NULL, 0),
                             gradient_ints(gr, &along, 1)};
    gradient_give(gr, 0, gradient_op(gr, OP_ReduceSum, spread, 2, &drop, 1));
}
