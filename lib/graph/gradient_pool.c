/* Gradients of pooling. A global pool is one window over the whole map. */
#include <string.h>

#include "graph/gradient.h"

enum { ATTRIBUTES_MAX = 32 };

/* A pool as a window over (n, c, spatial...) with at most three spatial axes. */
struct window_form {
    fovea_desc x; /* the input, its axes joined where there are more */
    fovea_attribute attr[ATTRIBUTES_MAX];
    size_t n_attr;
};

static struct window_form window_form(const struct gradient *gr, const struct node *n) {
    struct window_form f = {.x = gradient_desc(gr, n->in[0])};
    if (n->op == OP_MaxPool || n->op == OP_AveragePool || n->op == OP_LpPool) {
        f.n_attr = gradient_attributes(n, f.attr, ATTRIBUTES_MAX - 3);
        return f;
    }
    if (f.x.rank > 5) {
        f.x.dim[2] = desc_span(&f.x, 2, f.x.rank);
        f.x.rank = 3;
    }
    return f;
}

/* Adds kernel_shape where it is a global pool's; `f` stays where it is, the attribute points into it. */
static void add_kernel(struct window_form *f) {
    for (size_t i = 0; i < f->n_attr; i++)
        if (strcmp(f->attr[i].name, "kernel_shape") == 0) return;
    f->attr[f->n_attr++] = (fovea_attribute){.name = "kernel_shape",
                                             .type = FOVEA_ATTRIBUTE_INTS,
                                             .ints = f->x.dim + 2,
                                             .count = (size_t)f->x.rank - 2};
}

/* A value of the output's shape as the window form has it. */
static fovea_value as_pooled(struct gradient *gr, const struct window_form *f, fovea_value y) {
    fovea_desc d = gradient_desc(gr, y);
    for (int i = f->x.rank; i < d.rank; i++) d.dim[i] = 0;
    if (d.rank > f->x.rank) d.rank = f->x.rank;
    return gradient_shaped(gr, y, &d);
}

static void give(struct gradient *gr, const struct node *n, fovea_value dx) {
    fovea_desc x = gradient_desc(gr, n->in[0]);
    gradient_give(gr, 0, gradient_shaped(gr, dx, &x));
}

/* The first of equal maxima takes all, as in PyTorch's max_pool and adaptive_max_pool. */
void gradient_max_pool(struct gradient *gr, const struct node *n) {
    struct window_form f = window_form(gr, n);
    fovea_value dy = gradient_of(gr, 0);
    if (gr->status != FOVEA_OK || dy == FOVEA_NO_VALUE) return;
    add_kernel(&f);
    fovea_value in[2] = {as_pooled(gr, &f, dy), gradient_shaped(gr, n->in[0], &f.x)};
    give(gr, n, gradient_op(gr, OP_MaxPoolGrad, in, 2, f.attr, f.n_attr));
}

/* Spreads dy over the windows; each tap gets its share, or all of it. */
static fovea_value spread(struct gradient *gr, const struct node *n, fovea_value dy, bool divide) {
    struct window_form f = window_form(gr, n);
    if (gr->status != FOVEA_OK) return FOVEA_NO_VALUE;
    add_kernel(&f);
    f.attr[f.n_attr++] = (fovea_attribute){.name = "input_shape",
                                           .type = FOVEA_ATTRIBUTE_INTS,
                                           .ints = f.x.dim,
                                           .count = (size_t)f.x.rank};
    if (!divide)
        f.attr[f.n_attr++] =
            (fovea_attribute){.name = "divide", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    dy = as_pooled(gr, &f, dy);
    return gradient_op(gr, OP_AveragePoolGrad, &dy, 1, f.attr, f.n_attr);
}

void gradient_average_pool(struct gradient *gr, const struct node *n) {
    give(gr, n, spread(gr, n, gradient_of(gr, 0), true));
}

/* y = (sum |x|^p)^(1/p): dx = sign(x) |x|^(p-1) times the sum of dy / y^(p-1) over the windows. A window of
 * zeros has no gradient; it is taken as 0. */
void gradient_lp_pool(struct gradient *gr, const struct node *n) {
    int64_t p = attr_int(n, "p", 2);
    fovea_value dy = gradient_of(gr, 0), x = n->in[0], y = n->out[0];
    if (!gradient_wants(gr, 0)) return;
    if (p > 1) {
        fovea_value power =
            p == 2 ? y : gradient_binary(gr, OP_Pow, y, gradient_scalar(gr, (float)(p - 1)));
        fovea_value zero = gradient_scalar(gr, 0);
        fovea_value empty = gradient_binary(gr, OP_Equal, power, zero);
        fovea_value share = gradient_binary(gr, OP_Div, dy, power);
        dy = gradient_op(gr, OP_Where, (fovea_value[]){empty, zero, share}, 3, NULL, 0);
    }
    fovea_desc d = gradient_desc(gr, x);
    fovea_value sum = gradient_shaped(gr, spread(gr, n, dy, false), &d);
    fovea_value factor = p == 2 ? x : gradient_unary(gr, OP_Sign, x);
    if (p > 2)
        factor = gradient_binary(gr, OP_Mul, factor,
                                 gradient_binary(gr, OP_Pow, gradient_unary(gr, OP_Abs, x),
                                                 gradient_scalar(gr, (float)(p - 1))));
    gradient_give(gr, 0, gradient_binary(gr, OP_Mul, sum, factor));
}
