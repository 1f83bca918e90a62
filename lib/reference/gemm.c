/* Matrix products: Gemm, MatMul, MatMulInteger, QLinearMatMul. */
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "reference/panel.h"
#include "reference/reference.h"
#include "reference/requantise.h"

enum { CHUNK = 512 }; /* rows of a panel: it stays in the nearest cache */

/* y (batch, m, n) = op(A) op(B), the batches of A and B broadcast. */
struct product {
    fovea_desc a, b;  /* with at least two axes */
    fovea_desc batch; /* broadcast leading axes */
    int64_t m, n, k, batches;
    bool trans_a, trans_b; /* of two-dimensional operands only */
    const float *x, *w;
    double *y, *absolute; /* (batch, m, n): sums, and sums of absolute values */
    atomic_bool no_memory;
};

/* Gives 1-D operands their second axis. */
static void product_begin(struct product *p, const fovea_desc *a, const fovea_desc *b, bool trans_a,
                          bool trans_b) {
    *p = (struct product){.a = *a, .b = *b, .trans_a = trans_a, .trans_b = trans_b, .batches = 1};
    if (a->rank == 1) p->a.rank = 2, p->a.dim[0] = 1, p->a.dim[1] = a->dim[0];
    if (b->rank == 1) p->b.rank = 2, p->b.dim[1] = 1;
    p->m = p->a.dim[p->a.rank - (trans_a ? 1 : 2)];
    p->k = p->a.dim[p->a.rank - (trans_a ? 2 : 1)];
    p->n = p->b.dim[p->b.rank - (trans_b ? 2 : 1)];
    fovea_desc front_a = p->a, front_b = p->b;
    front_a.rank -= 2;
    front_b.rank -= 2;
    (void)shape_broadcast(&front_a, &front_b, &p->batch); /* the shape function saw it fit */
    for (int i = 0; i < p->batch.rank; i++) p->batches *= p->batch.dim[i];
}

/* The matrix of `d` that batch `index` uses, counted in matrices. */
static int64_t matrix_index(const struct product *p, const fovea_desc *d, int64_t index) {
    int64_t at = 0, step = 1;
    for (int i = p->batch.rank - 1, j = d->rank - 3; j >= 0; i--, j--) {
        at += d->dim[j] == 1 ? 0 : index % p->batch.dim[i] * step;
        index /= p->batch.dim[i];
        step *= d->dim[j];
    }
    return at;
}

/* ---- Floats ---- */

/* Copies rows [k, k + rows) and columns [column, column + PANEL) of op(B); zeros past the end. */
static void panel_fill(const struct product *p, const float *b, int64_t k, int64_t rows,
                       int64_t column, float *panel) {
    int64_t count = p->n - column < PANEL ? p->n - column : PANEL;
    if (count < PANEL) memset(panel, 0, (size_t)rows * PANEL * sizeof *panel);
    for (int64_t j = 0; p->trans_b && j < count; j++)
        for (int64_t i = 0; i < rows; i++) panel[i * PANEL + j] = b[(column + j) * p->k + k + i];
    for (int64_t i = 0; !p->trans_b && i < rows; i++)
        memcpy(panel + i * PANEL, b + (k + i) * p->n + column, (size_t)count * sizeof *panel);
}

/* Adds one panel's part of the sums to all rows of C in `count` columns. */
static void panel_rows(const struct product *p, const float *a, int64_t batch, int64_t k,
                       int64_t rows, int64_t column, const float *panel) {
    int64_t count = p->n - column < PANEL ? p->n - column : PANEL;
    for (int64_t i = 0; i < p->m; i++) {
        double y[PANEL] = {0}, absolute[PANEL] = {0};
        size_t at = (size_t)((batch * p->m + i) * p->n + column), bytes = (size_t)count * sizeof *y;
        if (k) memcpy(y, p->y + at, bytes), memcpy(absolute, p->absolute + at, bytes);
        panel_sum(panel, a + i * p->k + k, (size_t)rows, y, absolute);
        memcpy(p->y + at, y, bytes);
        memcpy(p->absolute + at, absolute, bytes);
    }
}

/* Items are blocks of PANEL columns of one batch. */
static void product_columns(void *data, size_t begin, size_t end) {
    struct product *p = data;
    int64_t blocks = (p->n + PANEL - 1) / PANEL;
    float *panel = mem_array(CHUNK * PANEL, sizeof *panel);
    if (!panel) p->no_memory = true;
    for (int64_t i = (int64_t)begin; panel && i < (int64_t)end; i++) {
        int64_t batch = i / blocks, column = i % blocks * PANEL;
        const float *a = p->x + matrix_index(p, &p->a, batch) * p->m * p->k;
        const float *b = p->w + matrix_index(p, &p->b, batch) * p->k * p->n;
        for (int64_t k = 0; k == 0 || k < p->k; k += CHUNK) {
            int64_t rows = p->k - k < CHUNK ? p->k - k : CHUNK;
            panel_fill(p, b, k, rows, column, panel);
            panel_rows(p, a, batch, k, rows, column, panel);
        }
    }
    mem_free(panel);
}

static float *transposed_copy(const float *x, int64_t rows, int64_t columns) {
    float *t = mem_array((size_t)(rows * columns), sizeof *t);
    if (!t) fail_memory((size_t)(rows * columns) * sizeof *t, "a transposed matrix");
    for (int64_t i = 0; t && i < rows; i++)
        for (int64_t j = 0; j < columns; j++) t[j * rows + i] = x[i * columns + j];
    return t;
}

/* Sums into out->y, sums of absolute values into out->bound. */
static fovea_status product_f32(struct product *p, struct reference_call *c) {
    p->x = reference_f32(c, 0);
    p->w = reference_f32(c, 1);
    if (!p->x || !p->w) return FOVEA_NO_MEMORY;
    float *copy = p->trans_a ? transposed_copy(p->x, p->k, p->m) : NULL;
    if (p->trans_a && !copy) return FOVEA_NO_MEMORY;
    if (copy) p->x = copy;
    p->y = c->out[0].y;
    p->absolute = c->out[0].bound;
    parallel_for((size_t)(p->batches * ((p->n + PANEL - 1) / PANEL)), 1, product_columns, p);
    mem_free(copy);
    return p->no_memory ? fail_memory(CHUNK * PANEL * sizeof(float), "a panel of a matrix")
                        : FOVEA_OK;
}

/* The same for float64, whose products are not exact in float panels. */
static fovea_status product_f64(struct product *p, struct reference_call *c) {
    const double *x = reference_f64(c, 0), *w = reference_f64(c, 1);
    if (!x || !w) return FOVEA_NO_MEMORY;
    for (int64_t at = 0; at < p->batches * p->m * p->n; at++) {
        int64_t j = at % p->n, i = at / p->n % p->m, batch = at / p->n / p->m;
        const double *a = x + matrix_index(p, &p->a, batch) * p->m * p->k;
        const double *b = w + matrix_index(p, &p->b, batch) * p->k * p->n;
        double y = 0, absolute = 0;
        for (int64_t k = 0; k < p->k; k++) {
            double term = a[p->trans_a ? k * p->m + i : i * p->k + k] *
                          b[p->trans_b ? j * p->k + k : k * p->n + j];
            y += term;
            absolute += fabs(term);
        }
        c->out[0].y[at] = y;
        c->out[0].bound[at] = absolute;
    }
    return FOVEA_OK;
}

static fovea_status product_float(struct product *p, struct reference_call *c) {
    return c->in[0].desc.dtype == FOVEA_FLOAT64 ? product_f64(p, c) : product_f32(p, c);
}

/* Turns the sum of absolute values in `bound` into the bound. Each of the k products goes through at
 * most k - 1 sums and `extra` more operations. */
static void finish(struct reference_out *o, size_t i, double y, double absolute, double k,
                   double extra) {
    double n = k + extra, flushed = (n + 1) * REFERENCE_TINY;
    o->y[i] = y;
    o->bound[i] = gamma_bound(n) * absolute + flushed;
    if (o->probable) o->probable[i] = gamma_probable(n) * absolute + flushed;
}

/* ---- Integers: exact, wrapping at 64 bits ---- */

/* sum over k of (A - a_zero) * (B - b_zero) for output element (batch, i, j). Zero points: input
 * indices, SIZE_MAX for none; one number, or one for each row of A (column of B). */
struct integers {
    const struct product *p;
    const int64_t *a, *b, *a_zero, *b_zero;
    int64_t a_zeros, b_zeros; /* how many */
};

/* The parameter of row (column) i of a matrix: one number, one for each, or one for each of each batch. */
static int64_t parameter_index(int64_t count, int64_t each, int64_t matrix, int64_t i) {
    return count == 1 ? 0 : count == each ? i : matrix * each + i;
}

static int64_t integer_sum(const struct integers *s, int64_t batch, int64_t i, int64_t j) {
    const struct product *p = s->p;
    int64_t ma = matrix_index(p, &p->a, batch), mb = matrix_index(p, &p->b, batch);
    const int64_t *a = s->a + ma * p->m * p->k, *b = s->b + mb * p->k * p->n;
    uint64_t za = s->a_zero ? (uint64_t)s->a_zero[parameter_index(s->a_zeros, p->m, ma, i)] : 0;
    uint64_t zb = s->b_zero ? (uint64_t)s->b_zero[parameter_index(s->b_zeros, p->n, mb, j)] : 0;
    uint64_t sum = 0;
    for (int64_t k = 0; k < p->k; k++)
        sum += ((uint64_t)a[p->trans_a ? k * p->m + i : i * p->k + k] - za) *
               ((uint64_t)b[p->trans_b ? j * p->k + k : k * p->n + j] - zb);
    return (int64_t)sum;
}

static fovea_status integers_begin(struct integers *s, const struct product *p,
                                   struct reference_call *c, size_t b, size_t a_zero,
                                   size_t b_zero) {
    *s = (struct integers){.p = p, .a = reference_i64(c, 0), .b = reference_i64(c, b)};
    s->a_zero = reference_i64(c, a_zero);
    s->b_zero = reference_i64(c, b_zero);
    if (!s->a || !s->b || (reference_has(c, a_zero) && !s->a_zero) ||
        (reference_has(c, b_zero) && !s->b_zero))
        return FOVEA_NO_MEMORY;
    s->a_zeros = s->a_zero ? fovea_desc_elements(&c->in[a_zero].desc) : 0;
    s->b_zeros = s->b_zero ? fovea_desc_elements(&c->in[b_zero].desc) : 0;
    return FOVEA_OK;
}

/* x * scale towards zero; 0 where that is no int64. */
static int64_t scaled(int64_t x, double scale) {
    double y = scale * (double)x;
    return scale == 1 ? x : fabs(y) < 0x1p63 ? (int64_t)y : 0;
}

/* Plain integer matrices; a Gemm's alpha, beta and C (strides 0 where it broadcasts) as well. */
static fovea_status product_integer(const struct product *p, struct reference_call *c, double alpha,
                                    double beta, int64_t c_row, int64_t c_column) {
    struct integers s;
    TRY(integers_begin(&s, p, c, 1, SIZE_MAX, SIZE_MAX));
    const int64_t *bias = p->batch.rank == 0 ? reference_i64(c, 2) : NULL;
    if (reference_has(c, 2) && !bias) return FOVEA_NO_MEMORY;
    for (int64_t at = 0; at < p->batches * p->m * p->n; at++) {
        int64_t j = at % p->n, i = at / p->n % p->m;
        int64_t y = integer_sum(&s, at / p->n / p->m, i, j);
        y = scaled(y, alpha);
        if (bias) {
            int64_t z = bias[i * c_row + j * c_column];
            y = (int64_t)((uint64_t)y + (uint64_t)scaled(z, beta));
        }
        reference_store_i64(&c->out[0], (size_t)at, y);
    }
    return FOVEA_OK;
}

/* ---- The operators ---- */

/* Strides of Gemm's C, which broadcasts to (m, n); c has rank 0 to 2. */
static void bias_strides(const fovea_desc *c, int64_t *row, int64_t *column) {
    int64_t rows = c->rank == 2 ? c->dim[0] : 1, columns = c->rank ? c->dim[c->rank - 1] : 1;
    *row = rows == 1 ? 0 : columns;
    *column = columns == 1 ? 0 : 1;
}

fovea_status reference_gemm(struct reference_call *c) {
    struct product p;
    struct reference_out *o = &c->out[0];
    double alpha = (double)attr_float(c->node, "alpha", 1),
           beta = (double)attr_float(c->node, "beta", 1);
    int64_t row = 0, column = 0;
    product_begin(&p, &c->in[0].desc, &c->in[1].desc, attr_int(c->node, "transA", 0) != 0,
                  attr_int(c->node, "transB", 0) != 0);
    if (reference_has(c, 2)) bias_strides(&c->in[2].desc, &row, &column);
    if (!dtype_is_float(o->desc.dtype)) return product_integer(&p, c, alpha, beta, row, column);
    TRY(product_float(&p, c));
    const double *bias = reference_f64(c, 2);
    if (reference_has(c, 2) && !bias) return FOVEA_NO_MEMORY;
    for (int64_t at = 0; at < p.m * p.n; at++) {
        double z = bias ? beta * bias[at / p.n * row + at % p.n * column] : 0;
        double y = alpha * o->y[at] + z, absolute = fabs(alpha) * o->bound[at] + fabs(z);
        finish(o, (size_t)at, y, absolute, (double)p.k, 3); /* alpha *, beta *, + */
    }
    return FOVEA_OK;
}

fovea_status reference_matmul(struct reference_call *c) {
    struct product p;
    struct reference_out *o = &c->out[0];
    product_begin(&p, &c->in[0].desc, &c->in[1].desc, false, false);
    if (!dtype_is_float(o->desc.dtype)) return product_integer(&p, c, 1, 0, 0, 0);
    TRY(product_float(&p, c));
    for (int64_t at = 0; at < p.batches * p.m * p.n; at++)
        finish(o, (size_t)at, o->y[at], o->bound[at], (double)p.k, 1);
    return FOVEA_OK;
}

/* Integer outputs are filled in parallel, a row of the result an item. */
struct integer_rows {
    struct integers s;
    struct reference_call *call;
    const double *a_scale, *b_scale; /* QLinearMatMul; NULL for MatMulInteger */
    int64_t a_scales, b_scales;
    double y_scale;
    int64_t y_zero;
};

static int64_t quantised(const struct integer_rows *r, int64_t batch, int64_t i, int64_t j,
                         int64_t sum) {
    const struct product *p = r->s.p;
    int64_t ma = matrix_index(p, &p->a, batch), mb = matrix_index(p, &p->b, batch);
    double a = r->a_scale[parameter_index(r->a_scales, p->m, ma, i)];
    double b = r->b_scale[parameter_index(r->b_scales, p->n, mb, j)];
    return requantise(sum, a * b / r->y_scale, r->y_zero, r->call->out[0].desc.dtype);
}

static void integer_rows(void *data, size_t begin, size_t end) {
    const struct integer_rows *r = data;
    const struct product *p = r->s.p;
    for (int64_t row = (int64_t)begin; row < (int64_t)end; row++)
        for (int64_t j = 0; j < p->n; j++) {
            int64_t batch = row / p->m, i = row % p->m, sum = integer_sum(&r->s, batch, i, j);
            reference_store_i64(&r->call->out[0], (size_t)(row * p->n + j),
                                r->a_scale ? quantised(r, batch, i, j, sum) : sum);
        }
}

fovea_status reference_matmul_integer(struct reference_call *c) {
    struct product p;
    struct integer_rows r = {.call = c};
    product_begin(&p, &c->in[0].desc, &c->in[1].desc, false, false);
    TRY(integers_begin(&r.s, &p, c, 1, 2, 3));
    parallel_for((size_t)(p.batches * p.m), 1, integer_rows, &r);
    return FOVEA_OK;
}

fovea_status reference_qlinear_matmul(struct reference_call *c) {
    struct product p;
    struct integer_rows r = {.call = c};
    product_begin(&p, &c->in[0].desc, &c->in[3].desc, false, false);
    TRY(integers_begin(&r.s, &p, c, 3, 2, 5));
    r.a_scale = reference_f64(c, 1);
    r.b_scale = reference_f64(c, 4);
    const double *y_scale = reference_f64(c, 6);
    const int64_t *y_zero = reference_i64(c, 7);
    if (!r.a_scale || !r.b_scale || !y_scale || !y_zero) return FOVEA_NO_MEMORY;
    r.a_scales = fovea_desc_elements(&c->in[1].desc);
    r.b_scales = fovea_desc_elements(&c->in[4].desc);
    r.y_scale = *y_scale;
    r.y_zero = *y_zero;
    parallel_for((size_t)(p.batches * p.m), 1, integer_rows, &r);
    return FOVEA_OK;
}
