/* Functions of two and more inputs with numpy broadcasting: arithmetic, logic, comparison, Min, Max,
 * Sum, Mean, Where. Integer arithmetic wraps; division by zero gives 0.
 *
 * Bounds: one rounding for +, -, * (u relative); 2.5 ulp for division, 16 ulp for pow (OpenCL
 * specification, section 7.4); n roundings for a sum of n terms, in any order. */
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "graph/broadcast.h"
#include "reference/elementwise.h"

#define U    REFERENCE_U
#define TINY REFERENCE_TINY

/* ---- Floats ---- */

static double float_add(double a, double b, double *bound) {
    double y = a + b;
    *bound = U * fabs(y) + 2 * TINY;
    return y;
}

static double float_sub(double a, double b, double *bound) {
    return float_add(a, -b, bound);
}

/* An operand that may count as zero takes the whole product with it. */
static double float_mul(double a, double b, double *bound) {
    double y = a * b;
    *bound = U * fabs(y) + TINY + (is_flushed(a) || is_flushed(b) ? fabs(y) : 0);
    return y;
}

static double float_div(double a, double b, double *bound) {
    double y = a / b;
    *bound = is_flushed(b) ? INFINITY : ulp_bound(y, 2.5) + TINY + (is_flushed(a) ? fabs(y) : 0);
    return y;
}

static double float_pow(double a, double b, double *bound) {
    double y = pow(a, b);
    *bound = is_flushed(a) || is_flushed(b) ? INFINITY : ulp_bound(y, 16) + TINY;
    return y;
}

static double float_prelu(double x, double slope, double *bound) {
    if (x < 0) return float_mul(x, slope, bound);
    *bound = exact_bound(x);
    return x;
}

/* NaN wins, as in numpy. */
static double float_min(double a, double b, double *bound) {
    double y = a < b || isnan(a) ? a : b;
    *bound = exact_bound(y);
    return y;
}

static double float_max(double a, double b, double *bound) {
    double y = a > b || isnan(a) ? a : b;
    *bound = exact_bound(y);
    return y;
}

/* ---- Integers: in 64 bits, whose low bits are right for every narrower type ---- */

static int64_t integer_add(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t integer_sub(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t integer_mul(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t integer_div(int64_t a, int64_t b, bool is_unsigned) {
    if (b == 0) return 0;
    if (is_unsigned) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; /* the lowest number / -1 wraps */
}

/* A negative exponent gives 1 / a^-b, truncated. */
static int64_t integer_pow(int64_t a, int64_t b, bool is_unsigned) {
    uint64_t y = 1, square = (uint64_t)a;
    if (b < 0 && !is_unsigned) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
    for (uint64_t e = (uint64_t)b; e; e >>= 1, square *= square)
        if (e & 1) y *= square;
    return (int64_t)y;
}

static int64_t integer_prelu(int64_t x, int64_t slope, bool is_unsigned) {
    return integer_less(x, 0, is_unsigned) ? integer_mul(x, slope, is_unsigned) : x;
}

static int64_t integer_min(int64_t a, int64_t b, bool is_unsigned) {
    return integer_less(a, b, is_unsigned) ? a : b;
}

static int64_t integer_max(int64_t a, int64_t b, bool is_unsigned) {
    return integer_less(a, b, is_unsigned) ? b : a;
}

static int64_t integer_and(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return a && b;
}

static int64_t integer_or(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return a || b;
}

static int64_t integer_xor(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return !a != !b;
}

/* One line an operator. Comparisons: the orders for which they hold. */
enum { LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 0 };
static const struct binary {
    enum op op;
    double (*f)(double a, double b, double *bound);
    int64_t (*i)(int64_t a, int64_t b, bool is_unsigned);
    int holds;
} table[] = {
    {OP_PRelu, float_prelu, integer_prelu, 0},
    {OP_Add, float_add, integer_add, 0},
    {OP_Sub, float_sub, integer_sub, 0},
    {OP_Mul, float_mul, integer_mul, 0},
    {OP_Div, float_div, integer_div, 0},
    {OP_Pow, float_pow, integer_pow, 0},
    {OP_And, NULL, integer_and, 0},
    {OP_Or, NULL, integer_or, 0},
    {OP_Xor, NULL, integer_xor, 0},
    {OP_Equal, NULL, NULL, EQUAL},
    {OP_Greater, NULL, NULL, GREATER},
    {OP_GreaterOrEqual, NULL, NULL, GREATER | EQUAL},
    {OP_Less, NULL, NULL, LESS},
    {OP_LessOrEqual, NULL, NULL, LESS | EQUAL},
    {OP_Min, float_min, integer_min, 0},
    {OP_Max, float_max, integer_max, 0},
    {OP_Sum, float_add, integer_add, 0},
    {OP_Mean, float_add, integer_add, 0},
};

static const struct binary *find(enum op op) {
    const struct binary *b = table;
    while (b->op != op) b++;
    return b;
}

/* ---- Walking ---- */

struct job {
    const struct binary *op;
    struct broadcast b;
    const double *x[BROADCAST_INPUTS];  /* inputs as doubles, or */
    const int64_t *k[BROADCAST_INPUTS]; /* as integers */
    bool is_unsigned, first;
    double n; /* Sum, Mean: number of terms */
    struct reference_out *o;
    /* Elements [y, y + count) lie in one row; input i is read at at[i] + j * step[i]. */
    void (*row)(const struct job *, size_t y, size_t count, const int64_t *at, const int64_t *step);
};

static void walk_part(void *data, size_t begin, size_t end) {
    const struct job *j = data;
    const struct broadcast *b = &j->b;
    int last = b->rank - 1;
    int64_t at[BROADCAST_INPUTS], step[BROADCAST_INPUTS];
    for (size_t i = begin, count; i < end; i += count) {
        size_t width = (size_t)b->dim[last], column = i % width;
        count = width - column < end - i ? width - column : end - i;
        for (int k = 0; k < BROADCAST_INPUTS; k++) {
            step[k] = b->stride[k][last];
            at[k] = broadcast_row(b, k, (int64_t)(i / width)) + (int64_t)column * step[k];
        }
        j->row(j, i, count, at, step);
    }
}

static void walk(struct job *j) {
    parallel_for((size_t)fovea_desc_elements(&j->o->desc), 4096, walk_part, j);
}

/* ---- Two inputs ---- */

static void float_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                      const int64_t *step) {
    const double *a = j->x[0] + at[0], *b = j->x[1] + at[1];
    for (size_t i = 0; i < count; i++, a += step[0], b += step[1]) {
        double bound, value = j->op->f(*a, *b, &bound);
        write_float(j->o, y + i, value, bound);
    }
}

static void integer_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                        const int64_t *step) {
    const int64_t *a = j->k[0] + at[0], *b = j->k[1] + at[1];
    for (size_t i = 0; i < count; i++, a += step[0], b += step[1])
        reference_store_i64(j->o, y + i, j->op->i(*a, *b, j->is_unsigned));
}

static void compare_float_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                              const int64_t *step) {
    const double *a = j->x[0] + at[0], *b = j->x[1] + at[1];
    for (size_t i = 0; i < count; i++, a += step[0], b += step[1]) {
        int order = *a < *b ? LESS : *a == *b ? EQUAL : *a > *b ? GREATER : UNORDERED;
        reference_store_i64(j->o, y + i, (order & j->op->holds) != 0);
    }
}

static void compare_integer_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                                const int64_t *step) {
    const int64_t *a = j->k[0] + at[0], *b = j->k[1] + at[1];
    for (size_t i = 0; i < count; i++, a += step[0], b += step[1]) {
        int order = *a == *b ? EQUAL : integer_less(*a, *b, j->is_unsigned) ? LESS : GREATER;
        reference_store_i64(j->o, y + i, (order & j->op->holds) != 0);
    }
}

/* An integer raised to a float: through double, truncated, saturated to 64 bits. */
static void pow_mixed_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                          const int64_t *step) {
    const double *a = j->x[0] + at[0], *b = j->x[1] + at[1];
    for (size_t i = 0; i < count; i++, a += step[0], b += step[1]) {
        double p = trunc(pow(*a, *b));
        int64_t value = isnan(p) ? 0
                        : p >= 0x1p63
                            ? (j->is_unsigned && p < 0x1p64 ? (int64_t)(uint64_t)p : INT64_MAX)
                        : p <= -0x1p63 ? INT64_MIN
                                       : (int64_t)p;
        reference_store_i64(j->o, y + i, value);
    }
}

/* Converts the inputs the job reads, as doubles or as integers. */
static fovea_status views(struct reference_call *c, struct job *j, bool floats, size_t from,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (floats) j->x[i] = reference_f64(c, from + i);
        else j->k[i] = reference_i64(c, from + i);
        if (!j->x[i] && !j->k[i]) return FOVEA_NO_MEMORY;
    }
    return FOVEA_OK;
}

fovea_status reference_binary(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    struct job j = {.op = find(c->node->op), .o = o};
    const fovea_desc *a = &c->in[0].desc, *b = &c->in[1].desc;
    if (!o->data) return FOVEA_OK;
    bool floats = dtype_is_float(a->dtype) || dtype_is_float(b->dtype);
    j.is_unsigned = dtype_is_unsigned(a->dtype);
    broadcast_make(&j.b, &o->desc, (const fovea_desc *[]){a, b}, 2);
    TRY(views(c, &j, floats, 0, 2));
    if (j.op->holds) j.row = floats ? compare_float_row : compare_integer_row;
    else if (!floats) j.row = integer_row;
    else j.row = dtype_is_float(o->desc.dtype) ? float_row : pow_mixed_row;
    if (j.row == integer_row && j.op->op == OP_Pow) /* the exponent's sign is what matters */
        j.is_unsigned = dtype_is_unsigned(b->dtype);
    walk(&j);
    return FOVEA_OK;
}

/* ---- Min, Max, Sum, Mean: one input after the other onto the output ---- */

static void variadic_float_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                               const int64_t *step) {
    const double *x = j->x[0] + at[0];
    struct reference_out *o = j->o;
    for (size_t i = 0; i < count; i++, x += step[0]) {
        double unused, *sum = &o->y[y + i], *size = &o->bound[y + i];
        *sum = j->first ? *x : j->op->f(*sum, *x, &unused);
        *size = (j->first ? 0 : *size) + fabs(*x); /* the sum of magnitudes */
    }
}

static void variadic_integer_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                                 const int64_t *step) {
    const int64_t *x = j->k[0] + at[0];
    int64_t *sum = (int64_t *)j->k[1] + y; /* 64-bit accumulators */
    for (size_t i = 0; i < count; i++, x += step[0])
        sum[i] = j->first ? *x : j->op->i(sum[i], *x, j->is_unsigned);
}

/* From sums of magnitudes to bounds. Sum: n roundings; Mean: the division's 2.5 ulp (5 u) more. */
static void finish_part(void *data, size_t begin, size_t end) {
    const struct job *j = data;
    struct reference_out *o = j->o;
    bool adds = j->op->f == float_add, mean = j->op->op == OP_Mean;
    for (size_t i = begin; i < end; i++) {
        double y = o->y[i], magnitude = o->bound[i], divisor = mean ? j->n : 1;
        double roundings = mean ? j->n + 5 : j->n - 1;
        bool copies = !adds || j->n == 1;
        write_float(o, i, y / divisor,
                    copies ? exact_bound(y)
                           : gamma_bound(roundings) * magnitude / divisor + 2 * j->n * TINY);
        if (o->probable && !copies)
            o->probable[i] = gamma_probable(roundings) * magnitude / divisor + 2 * j->n * TINY;
    }
}

static fovea_status variadic_integers(struct reference_call *c, struct job *j) {
    struct reference_out *o = j->o;
    size_t n = (size_t)fovea_desc_elements(&o->desc);
    int64_t *sum = mem_zero(n, sizeof *sum);
    if (!sum) return fail_memory(n * sizeof *sum, "sums of integers");
    fovea_status status = FOVEA_OK;
    for (size_t i = 0; i < c->n_in && status == FOVEA_OK; i++) {
        status = views(c, j, false, i, 1);
        j->k[1] = sum;
        j->first = i == 0;
        broadcast_make(&j->b, &o->desc, (const fovea_desc *[]){&c->in[i].desc}, 1);
        if (status == FOVEA_OK) walk(j);
        j->k[0] = NULL;
    }
    for (size_t i = 0; i < n && status == FOVEA_OK; i++)
        reference_store_i64(
            o, i,
            j->op->op != OP_Mean ? sum[i] : integer_div(sum[i], (int64_t)c->n_in, j->is_unsigned));
    mem_free(sum);
    return status;
}

fovea_status reference_variadic(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    struct job j = {.op = find(c->node->op), .o = o, .n = (double)c->n_in};
    if (!o->data) return FOVEA_OK;
    j.is_unsigned = dtype_is_unsigned(o->desc.dtype);
    j.row = dtype_is_float(o->desc.dtype) ? variadic_float_row : variadic_integer_row;
    if (!dtype_is_float(o->desc.dtype)) return variadic_integers(c, &j);
    for (size_t i = 0; i < c->n_in; i++) {
        TRY(views(c, &j, true, i, 1));
        j.first = i == 0;
        broadcast_make(&j.b, &o->desc, (const fovea_desc *[]){&c->in[i].desc}, 1);
        walk(&j);
    }
    parallel_for((size_t)fovea_desc_elements(&o->desc), 4096, finish_part, &j);
    return FOVEA_OK;
}

/* ---- Where ---- */

static void where_float_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                            const int64_t *step) {
    for (int64_t i = 0; i < (int64_t)count; i++) {
        double value = j->k[0][at[0] + i * step[0]] ? j->x[1][at[1] + i * step[1]]
                                                    : j->x[2][at[2] + i * step[2]];
        write_float(j->o, y + (size_t)i, value, exact_bound(value));
    }
}

static void where_integer_row(const struct job *j, size_t y, size_t count, const int64_t *at,
                              const int64_t *step) {
    for (int64_t i = 0; i < (int64_t)count; i++)
        reference_store_i64(j->o, y + (size_t)i,
                            j->k[0][at[0] + i * step[0]] ? j->k[1][at[1] + i * step[1]]
                                                         : j->k[2][at[2] + i * step[2]]);
}

fovea_status reference_where(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    struct job j = {.o = o};
    if (!o->data) return FOVEA_OK;
    bool floats = dtype_is_float(o->desc.dtype);
    j.row = floats ? where_float_row : where_integer_row;
    broadcast_make(&j.b, &o->desc,
                   (const fovea_desc *[]){&c->in[0].desc, &c->in[1].desc, &c->in[2].desc}, 3);
    j.k[0] = reference_i64(c, 0);
    for (size_t i = 1; i < 3; i++) {
        if (floats) j.x[i] = reference_f64(c, i);
        else j.k[i] = reference_i64(c, i);
        if (!j.k[0] || (!j.x[i] && !j.k[i])) return FOVEA_NO_MEMORY;
    }
    walk(&j);
    return FOVEA_OK;
}
