/* Shapes of the matrix products: Gemm, MatMul, MatMulInteger, QLinearMatMul. */
#include "graph/graph.h"

#include <string.h>

static fovea_status want_number(const struct value *a, const struct value *b) {
    fovea_dtype t = a->desc.dtype;
    if (b->desc.dtype != t)
        return fail(FOVEA_INVALID, "A is %s and B is %s; they must be equal", fovea_dtype_name(t),
                    fovea_dtype_name(b->desc.dtype));
    if (!dtype_is_float(t) && t != FOVEA_INT32 && t != FOVEA_INT64 && t != FOVEA_UINT32 &&
        t != FOVEA_UINT64)
        return fail(FOVEA_UNSUPPORTED,
                    "element type %s; floats and 32- and 64-bit integers are covered",
                    fovea_dtype_name(t));
    return FOVEA_OK;
}

fovea_status shape_gemm(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 3));
    const struct value *a = node_in(g, n, 0), *b = node_in(g, n, 1), *c = node_in(g, n, 2);
    int ta = attr_int(n, "transA", 0) != 0, tb = attr_int(n, "transB", 0) != 0;
    TRY(want_number(a, b));
    if (a->desc.rank != 2 || b->desc.rank != 2)
        return fail(FOVEA_INVALID, "A has shape %s and B %s; two axes each are needed",
                    desc_text(&a->desc), desc_text(&b->desc));
    if (a->desc.dim[!ta] != b->desc.dim[tb])
        return fail(FOVEA_INVALID, "A of shape %s%s and B of shape %s%s do not fit",
                    desc_text(&a->desc), ta ? " transposed" : "", desc_text(&b->desc),
                    tb ? " transposed" : "");
    fovea_desc y = {a->desc.dtype, 2, {a->desc.dim[ta], b->desc.dim[!tb]}}, both;
    if (c && c->desc.dtype != y.dtype)
        return fail(FOVEA_INVALID, "C is %s; %s is needed", fovea_dtype_name(c->desc.dtype),
                    fovea_dtype_name(y.dtype));
    if (c) TRY(shape_broadcast(&c->desc, &y, &both));
    both.dtype = y.dtype;
    if (c && !desc_equal(&both, &y))
        return fail(FOVEA_INVALID, "C of shape %s does not broadcast to %s", desc_text(&c->desc),
                    desc_text(&y));
    return shape_set(g, n, 0, y.dtype, 2, y.dim);
}

/* Numpy's matmul: a 1-D operand gets an axis of size 1 that is dropped from the result; the axes in
 * front of the last two broadcast. */
static fovea_status matmul_shape(const struct value *av, const struct value *bv, fovea_desc *y) {
    fovea_desc a = av->desc, b = bv->desc, batch;
    bool row = a.rank == 1, column = b.rank == 1;
    if (a.rank < 1 || b.rank < 1)
        return fail(FOVEA_INVALID, "A has shape %s and B %s; scalars are not allowed",
                    desc_text(&a), desc_text(&b));
    if (row) a.dim[1] = a.dim[0], a.dim[0] = 1, a.rank = 2;
    if (column) b.dim[1] = 1, b.rank = 2;
    if (a.dim[a.rank - 1] != b.dim[b.rank - 2])
        return fail(FOVEA_INVALID, "A of shape %s and B of shape %s do not fit",
                    desc_text(&av->desc), desc_text(&bv->desc));
    int64_t m = a.dim[a.rank - 2], n = b.dim[b.rank - 1];
    a.rank -= 2;
    b.rank -= 2;
    TRY(shape_broadcast(&a, &b, &batch));
    *y = batch;
    if (!row) y->dim[y->rank++] = m;
    if (!column) y->dim[y->rank++] = n;
    return FOVEA_OK;
}

fovea_status shape_matmul(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 2));
    const struct value *a = node_in(g, n, 0), *b = node_in(g, n, 1);
    fovea_desc y;
    TRY(want_number(a, b));
    TRY(matmul_shape(a, b, &y));
    return shape_set(g, n, 0, a->desc.dtype, y.rank, y.dim);
}

static bool is_byte(const struct value *v) {
    return v->desc.dtype == FOVEA_UINT8 || v->desc.dtype == FOVEA_INT8;
}

static fovea_status want_bytes(const struct value *a, const struct value *b) {
    if (is_byte(a) && is_byte(b)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "A is %s and B is %s; uint8 or int8 are needed",
                fovea_dtype_name(a->desc.dtype), fovea_dtype_name(b->desc.dtype));
}

/* A parameter of a matrix product (scale or zero point): one number; or one for each row of A or
 * column of B, as a list or with the matrix's own leading axes (d1, ..., m, 1) or (d1, ..., 1, n). */
static fovea_status want_parameter(const struct value *p, const struct value *matrix, bool columns,
                                   const char *what) {
    if (!p || value_elements(p) == 1) return FOVEA_OK;
    const fovea_desc *d = &p->desc, *of = &matrix->desc;
    int kept = of->rank - (columns ? 1 : 2), single = of->rank - (columns ? 2 : 1);
    if (of->rank >= 2 && d->rank == 1 && d->dim[0] == of->dim[kept]) return FOVEA_OK;
    bool fits = of->rank >= 2 && d->rank == of->rank && d->dim[single] == 1;
    for (int i = 0; fits && i < d->rank; i++) fits = i == single || d->dim[i] == of->dim[i];
    if (fits) return FOVEA_OK;
    return fail(FOVEA_INVALID, "%s has shape %s, which fits neither %s nor its %s", what,
                desc_text(d), desc_text(of), columns ? "columns" : "rows");
}

static fovea_status want_zero_point(const struct value *p, const struct value *matrix, bool columns,
                                    const char *what) {
    if (p && p->desc.dtype != matrix->desc.dtype)
        return fail(FOVEA_INVALID, "%s is %s; the type of its matrix, %s, is needed", what,
                    fovea_dtype_name(p->desc.dtype), fovea_dtype_name(matrix->desc.dtype));
    return want_parameter(p, matrix, columns, what);
}

static fovea_status want_scale(const struct value *p, const struct value *matrix, bool columns,
                               const char *what) {
    if (!dtype_is_float(p->desc.dtype))
        return fail(FOVEA_INVALID, "%s is %s; a float type is needed", what,
                    fovea_dtype_name(p->desc.dtype));
    return want_parameter(p, matrix, columns, what);
}

/* Inputs: A, B, a_zero_point, b_zero_point. */
fovea_status shape_matmul_integer(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 4));
    const struct value *a = node_in(g, n, 0), *b = node_in(g, n, 1);
    fovea_desc y;
    TRY(want_bytes(a, b));
    TRY(matmul_shape(a, b, &y));
    TRY(want_zero_point(node_in(g, n, 2), a, false, "a_zero_point"));
    TRY(want_zero_point(node_in(g, n, 3), b, true, "b_zero_point"));
    return shape_set(g, n, 0, FOVEA_INT32, y.rank, y.dim);
}

/* Inputs: a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point. */
fovea_status shape_qlinear_matmul(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 8, 8));
    const struct value *a = node_in(g, n, 0), *b = node_in(g, n, 3);
    const struct value *y_scale = node_in(g, n, 6), *y_zero = node_in(g, n, 7);
    fovea_desc y;
    TRY(want_bytes(a, b));
    TRY(matmul_shape(a, b, &y));
    TRY(want_scale(node_in(g, n, 1), a, false, "a_scale"));
    TRY(want_zero_point(node_in(g, n, 2), a, false, "a_zero_point"));
    TRY(want_scale(node_in(g, n, 4), b, true, "b_scale"));
    TRY(want_zero_point(node_in(g, n, 5), b, true, "b_zero_point"));
    if (!is_byte(y_zero) || !dtype_is_float(y_scale->desc.dtype))
        return fail(FOVEA_INVALID,
                    "y_scale is %s and y_zero_point %s; a float and a byte are needed",
                    fovea_dtype_name(y_scale->desc.dtype), fovea_dtype_name(y_zero->desc.dtype));
    if (value_elements(y_scale) != 1 || value_elements(y_zero) != 1)
        return fail(FOVEA_UNSUPPORTED, "y_scale has shape %s; one number is covered",
                    desc_text(&y_scale->desc));
    return shape_set(g, n, 0, y_zero->desc.dtype, y.rank, y.dim);
}
