/* The error bound of 3x3 convolution by Winograd's minimal filtering F(m x m, 3 x 3), m = 2 or 4.
 *
 * With the transforms A, B, G of Toom and Cook, a tile of outputs is
 *     y = A^T [sum over c of U_c .* V_c] A,   U = G g G^T,   V = B^T d B.
 * Products that meet in an output need not be products of the convolution: where filter and input have large
 * elements that never meet, those cancel but for their rounding. So no multiple of the direct bound
 * (sum of |x w| over the window) holds. What holds, by the usual analysis (Higham, Accuracy and Stability, ch. 3;
 * Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution, 2020, theorem 1), is
 *     |error| <= gamma(n) |A|^T [sum over c of (|G| |g| |G|^T) .* (|B|^T |d| |B|)] |A|,
 * the same algorithm on absolute values, with n the roundings that one term goes through at most: 10 in G g G^T (in
 * each direction a coefficient's own, two products, two sums), 6 in B^T d B (a product, two sums), ic in
 * the product and its sum, 8 in A^T m A (a product, three sums), 2 for bias and residual; 2 of slack. The coefficients
 * of A and B are exact in binary32. It holds for any order of summation over c. */
#include "reference/winograd.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { SIDE_MAX = 6, PLACES_MAX = SIDE_MAX * SIDE_MAX };

/* Absolute values of the coefficients. */
struct form {
    int tile, side, places;
    double b[SIDE_MAX][SIDE_MAX], g[SIDE_MAX][3], a[4][SIDE_MAX]; /* B^T, G, A^T */
};

/* The points 0, 1, -1, infinity. */
static const struct form form2 = {.tile = 2,
                                  .side = 4,
                                  .places = 16,
                                  .b = {{1, 0, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 0, 1}},
                                  .g = {{1}, {.5, .5, .5}, {.5, .5, .5}, {0, 0, 1}},
                                  .a = {{1, 1, 1}, {0, 1, 1, 1}}};

/* The points 0, p, -p, q, -q, infinity with p = 5/8, q = 3/2. */
#define P  0.625
#define Q  1.5
#define PP (P * P)
#define QQ (Q * Q)
#define FP (2 * PP * (QQ - PP))
#define FQ (2 * QQ * (QQ - PP))
static const struct form form4 = {.tile = 4,
                                  .side = 6,
                                  .places = 36,
                                  .b = {{PP * QQ, 0, PP + QQ, 0, 1, 0},
                                        {0, P *QQ, QQ, P, 1, 0},
                                        {0, P *QQ, QQ, P, 1, 0},
                                        {0, Q *PP, PP, Q, 1, 0},
                                        {0, Q *PP, PP, Q, 1, 0},
                                        {0, PP *QQ, 0, PP + QQ, 0, 1}},
                                  .g = {{1 / (PP * QQ)},
                                        {1 / FP, P / FP, PP / FP},
                                        {1 / FP, P / FP, PP / FP},
                                        {1 / FQ, Q / FQ, QQ / FQ},
                                        {1 / FQ, Q / FQ, QQ / FQ},
                                        {0, 0, 1}},
                                  .a = {{1, 1, 1, 1, 1, 0},
                                        {0, P, P, Q, Q, 0},
                                        {0, PP, PP, QQ, QQ, 0},
                                        {0, P *PP, P *PP, Q *QQ, Q *QQ, 1}}};

struct bound {
    const struct winograd_call *call;
    const struct form *form;
    double *filters; /* |G| |g| |G|^T: (oc, ic, places) */
    int64_t across, down;
    atomic_bool no_memory;
};

/* Added to every operand: gamma(n) times it covers what a device loses by flushing numbers below
 * REFERENCE_TINY in any of the n operations. */
static const double FLUSHED = REFERENCE_TINY / REFERENCE_U;

/* out (rows, rows) = m (rows, columns) in (columns, columns) m^T; rows are SIDE_MAX apart in m for B and A, 3 for G. */
static void both_sides(const double *m, int pitch, int rows, int columns, const double *in,
                       double *out) {
    double half[PLACES_MAX] = {0};
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++)
            for (int j = 0; j < columns; j++)
                half[i * columns + j] += m[i * pitch + k] * in[k * columns + j];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            double sum = 0;
            for (int k = 0; k < columns; k++) sum += half[i * columns + k] * m[j * pitch + k];
            out[i * rows + j] = sum;
        }
}

/* Items are output channels. */
static void transform_filters(void *data, size_t begin, size_t end) {
    const struct bound *b = data;
    size_t ic = (size_t)b->call->ic, places = (size_t)b->form->places;
    for (size_t i = begin * ic; i < end * ic; i++) {
        double g[9];
        for (int k = 0; k < 9; k++) g[k] = fabs((double)b->call->weights[i * 9 + k]) + FLUSHED;
        both_sides(&b->form->g[0][0], 3, b->form->side, 3, g, b->filters + i * places);
    }
}

/* |B|^T |d| |B| of every input channel of a tile: (ic, places). */
static void transform_inputs(const struct bound *b, int64_t image, int64_t row, int64_t column,
                             double *v) {
    const struct window *w = b->call->window;
    int side = b->form->side;
    for (int64_t c = 0; c < b->call->ic; c++) {
        const float *plane = b->call->x + (image * b->call->ic + c) * w->in[1] * w->in[2];
        double d[PLACES_MAX];
        for (int i = 0; i < side * side; i++) {
            int64_t r = row - w->pad_begin[1] + i / side, k = column - w->pad_begin[2] + i % side;
            bool inside = r >= 0 && r < w->in[1] && k >= 0 && k < w->in[2];
            d[i] = (inside ? fabs((double)plane[r * w->in[2] + k]) : 0) + FLUSHED;
        }
        both_sides(&b->form->b[0][0], SIDE_MAX, side, side, d, v + c * b->form->places);
    }
}

/* The bounds of one tile and output channel from s = |A|^T m |A|. */
static void store_tile(const struct bound *b, int64_t image, int64_t channel, int64_t row,
                       int64_t column, const double *s) {
    const struct winograd_call *call = b->call;
    const struct window *w = call->window;
    double n = (double)call->ic + 28;
    for (int i = 0; i < b->form->tile * b->form->tile; i++) {
        int64_t r = row + i / b->form->tile, k = column + i % b->form->tile;
        if (r >= w->out[1] || k >= w->out[2]) continue;
        int64_t at = ((image * call->oc + channel) * w->out[1] + r) * w->out[2] + k;
        double sum = s[i] + (call->bias ? fabs((double)call->bias[channel]) : 0) +
                     (call->residual ? fabs((double)call->residual[at]) : 0);
        call->out->bound[at] = gamma_bound(n) * sum;
        if (call->out->probable) call->out->probable[at] = gamma_probable(n) * sum;
    }
}

/* Items are tile rows of images. */
static void bound_rows(void *data, size_t begin, size_t end) {
    struct bound *b = data;
    const struct winograd_call *call = b->call;
    int places = b->form->places, tile = b->form->tile;
    double *v = mem_array((size_t)(call->ic * places), sizeof *v);
    if (!v) b->no_memory = true;
    for (int64_t i = (int64_t)begin * b->across; v && i < (int64_t)end * b->across; i++) {
        int64_t column = i % b->across * tile, image = i / b->across / b->down;
        int64_t row = i / b->across % b->down * tile;
        transform_inputs(b, image, row, column, v);
        for (int64_t k = 0; k < call->oc; k++) {
            const double *u = b->filters + k * call->ic * places;
            double m[PLACES_MAX], s[PLACES_MAX];
            for (int j = 0; j < places; j++) m[j] = ((double)call->ic + 36) * FLUSHED;
            for (int64_t c = 0; c < call->ic; c++)
                for (int j = 0; j < places; j++) m[j] += u[c * places + j] * v[c * places + j];
            both_sides(&b->form->a[0][0], SIDE_MAX, tile, b->form->side, m, s);
            store_tile(b, image, k, row, column, s);
        }
    }
    mem_free(v);
}

fovea_status reference_winograd_bound(const struct winograd_call *call) {
    struct bound b = {.call = call, .form = call->tile == 2 ? &form2 : &form4};
    size_t filters = (size_t)(call->ic * call->oc);
    b.down = (call->window->out[1] + b.form->tile - 1) / b.form->tile;
    b.across = (call->window->out[2] + b.form->tile - 1) / b.form->tile;
    b.filters = mem_array(filters, (size_t)b.form->places * sizeof(double));
    if (!b.filters)
        return fail_memory(filters * (size_t)b.form->places * sizeof(double),
                           "transformed filters");
    parallel_for((size_t)call->oc, 1, transform_filters, &b);
    parallel_for((size_t)(call->n * b.down), 1, bound_rows, &b);
    mem_free(b.filters);
    return b.no_memory ? fail_memory((size_t)(call->ic * b.form->places) * sizeof(double),
                                     "transformed inputs")
                       : FOVEA_OK;
}
