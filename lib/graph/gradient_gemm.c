/* Gradients of matrix products: products with the other operand transposed. */
#include "graph/gradient.h"

/* ---- Gemm: y = alpha * op(A) op(B) + beta * C ---- */

static fovea_value product(struct gradient *gr, fovea_value a, bool trans_a, fovea_value b,
                           bool trans_b, float alpha) {
    fovea_attribute attr[3] = {{.name = "transA", .type = FOVEA_ATTRIBUTE_INT, .i = trans_a},
                               {.name = "transB", .type = FOVEA_ATTRIBUTE_INT, .i = trans_b},
                               {.name = "alpha", .type = FOVEA_ATTRIBUTE_FLOAT, .f = alpha}};
    return gradient_op(gr, OP_Gemm, (fovea_value[]){a, b}, 2, attr, 3);
}

static void give_addend(struct gradient *gr, const struct node *n) {
    fovea_desc d = gradient_desc(gr, n->n_in > 2 ? n->in[2] : FOVEA_NO_VALUE);
    float beta = attr_float(n, "beta", 1);
    if (!gradient_wants(gr, 2)) return;
    fovea_value grad = gradient_sum_to(gr, gradient_of(gr, 0), &d);
    if (beta != 1) grad = gradient_binary(gr, OP_Mul, grad, gradient_scalar(gr, beta));
    gradient_give(gr, 2, grad);
}

void gradient_gemm(struct gradient *gr, const struct node *n) {
    bool ta = attr_int(n, "transA", 0) != 0, tb = attr_int(n, "transB", 0) != 0;
    fovea_value a = n->in[0], b = n->in[1], grad = gradient_of(gr, 0);
    float alpha = attr_float(n, "alpha", 1);
    if (gradient_wants(gr, 0))
        gradient_give(gr, 0,
                      ta ? product(gr, b, tb, grad, true, alpha)
                         : product(gr, grad, false, b, !tb, alpha));
    if (gradient_wants(gr, 1))
        gradient_give(gr, 1,
                      tb ? product(gr, grad, true, a, ta, alpha)
                         : product(gr, a, !ta, grad, false, alpha));
    give_addend(gr, n);
}

/* ---- MatMul ---- */

/* A product as matrices: a (.., m, k), b (.., k, n), grad (.., m, n); a 1-D operand has got its axis. */
struct matrices {
    fovea_value a, b, grad;
    fovea_desc da, db, dy;
};

static struct matrices matrices_of(struct gradient *gr, const struct node *n) {
    struct matrices m = {n->in[0], n->in[1], gradient_of(gr, 0), {0}, {0}, {0}};
    m.da = gradient_desc(gr, m.a);
    m.db = gradient_desc(gr, m.b);
    m.dy = gradient_desc(gr, m.grad);
    bool row = m.da.rank == 1, column = m.db.rank == 1;
    if (gr->status != FOVEA_OK) return m;
    if (row) m.da.dim[1] = m.da.dim[0], m.da.dim[0] = 1, m.da.rank = 2;
    if (column) m.db.dim[1] = 1, m.db.rank = 2;
    if (column) m.dy.dim[m.dy.rank++] = 1;
    if (row) { /* in front of the columns */
        m.dy.dim[m.dy.rank] = m.dy.dim[m.dy.rank - 1];
        m.dy.dim[m.dy.rank - 1] = 1;
        m.dy.rank++;
    }
    m.a = gradient_shaped(gr, m.a, &m.da);
    m.b = gradient_shaped(gr, m.b, &m.db);
    m.grad = gradient_shaped(gr, m.grad, &m.dy);
    return m;
}

/* All rows of all batches as one matrix. */
static fovea_value flat(struct gradient *gr, fovea_value x) {
    fovea_desc d = gradient_desc(gr, x);
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    fovea_desc rows = {d.dtype, 2, {desc_span(&d, 0, d.rank - 1), d.dim[d.rank - 1]}};
    return gradient_shaped(gr, x, &rows);
}

static fovea_value transposed(struct gradient *gr, fovea_value x) {
    fovea_desc d = gradient_desc(gr, x);
    int64_t perm[FOVEA_MAX_RANK];
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    for (int i = 0; i < d.rank; i++) perm[i] = i;
    perm[d.rank - 1] = d.rank - 2;
    perm[d.rank - 2] = d.rank - 1;
    fovea_attribute attr = {
        .name = "perm", .type = FOVEA_ATTRIBUTE_INTS, .ints = perm, .count = (size_t)d.rank};
    return gradient_op(gr, OP_Transpose, &x, 1, &attr, 1);
}

/* Sums over the batches along which an operand was broadcast, and drops the axis that it got. */
static void give(struct gradient *gr, const struct node *n, size_t i, fovea_value grad,
                 const fovea_desc *matrix) {
    fovea_desc d = gradient_desc(gr, n->in[i]);
    if (gr->status != FOVEA_OK) return;
    gradient_give(gr, i, gradient_shaped(gr, gradient_sum_to(gr, grad, matrix), &d));
}

/* With one matrix for all batches, b, both gradients are single products of all rows. */
static void with_one_matrix(struct gradient *gr, const struct node *n, const struct matrices *m) {
    fovea_value grad = flat(gr, m->grad);
    if (gradient_wants(gr, 0))
        give(gr, n, 0, gradient_shaped(gr, product(gr, grad, false, m->b, true, 1), &m->da),
             &m->da);
    if (gradient_wants(gr, 1))
        give(gr, n, 1, product(gr, flat(gr, m->a), true, grad, false, 1), &m->db);
}

void gradient_matmul(struct gradient *gr, const struct node *n) {
    struct matrices m = matrices_of(gr, n);
    if (gr->status != FOVEA_OK) return;
    if (m.db.rank == 2) {
        with_one_matrix(gr, n, &m);
        return;
    }
    if (gradient_wants(gr, 0))
        give(gr, n, 0, gradient_binary(gr, OP_MatMul, m.grad, transposed(gr, m.b)), &m.da);
    if (gradient_wants(gr, 1))
        give(gr, n, 1, gradient_binary(gr, OP_MatMul, transposed(gr, m.a), m.grad), &m.db);
}
