/* The gradient of a convolution's weights as matrix products, for GPUs: dw (oc, k) = grad_y (oc, pixels) times the
 * transposed columns (k, pixels) of x, each image and piece of its pixels a product of its own, so that there are
 * enough to fill the device; then they are added up in order. */
#include "ops/conv_grad.h"
#include "ops/gemm_tiled.h"

enum {
    COLUMNS_LIMIT = 256 << 20, /* bytes of the columns of the images at a time */
    TILE = 64,          /* rows and columns of a product that a work-group is thought to do */
    PIXELS_LEAST = 128, /* of a piece */
    SPLITS_MOST = 32,
    LAUNCH_LIMIT = 4096, /* kernels of one node */
};

struct products {
    struct conv c;
    bool whole;           /* x itself is the columns */
    int64_t splits, held; /* pieces of an image's pixels; images at a time */
    int64_t elements;     /* of dw */
    size_t columns;       /* bytes */
};

static bool is_pointwise(const struct conv *c) {
    for (int i = 0; i < 3; i++)
        if (c->w.kernel[i] != 1 || c->w.stride[i] != 1 || c->w.pad_begin[i] ||
            c->w.in[i] != c->w.out[i])
            return false;
    return true;
}

/* Equal pieces, as few as give each compute unit four tiles. */
static int64_t splits_of(const struct site *s, const struct conv *c) {
    int64_t units = s->device->compute_units ? s->device->compute_units : 1, best = 1;
    int64_t tiles = ceil_div(c->oc, TILE) * ceil_div(c->k, TILE) * c->n;
    for (int64_t i = 2; i <= SPLITS_MOST && c->pixels / i >= PIXELS_LEAST; i++)
        if (c->pixels % i == 0 && tiles * best < 4 * units) best = i;
    return best;
}

static struct products products_of(const struct site *s) {
    struct products p = {.c = conv_grad_of(s)};
    p.whole = is_pointwise(&p.c);
    p.splits = splits_of(s, &p.c);
    p.elements = p.c.groups * p.c.oc * p.c.k;
    int64_t image = p.c.groups * p.c.k * p.c.pixels * (int64_t)sizeof(float);
    p.held = p.whole ? p.c.n : COLUMNS_LIMIT / image;
    if (p.held > p.c.n) p.held = p.c.n;
    p.columns = p.whole ? 0 : (size_t)(p.held * image);
    return p;
}

static bool is_one(const struct products *p) {
    return p->c.n * p->splits == 1;
}

/* The products of `count` images of one group from image `first` on. */
static struct gemm_task task_of(const struct site *s, const struct products *p, int64_t group,
                                int64_t first, int64_t count) {
    const struct conv *c = &p->c;
    int64_t piece = c->pixels / p->splits;
    struct gemm_task t = {.trans_b = true,
                          .m = c->oc,
                          .n = c->k,
                          .k = piece,
                          .lda = c->pixels,
                          .ldb = c->pixels,
                          .ldc = c->k,
                          .scale = 1,
                          .bias_scale = 1,
                          .batch0 = count,
                          .batch1 = p->splits,
                          .a_batch = {c->groups * c->oc * c->pixels, piece},
                          .b_batch = {c->groups * c->k * c->pixels, piece},
                          .c_batch = p->elements,
                          .bias = gemm_value(FOVEA_NO_VALUE, 0)};
    int64_t plane_group = first * c->groups + group;
    t.a = gemm_value(site_in(s, 1), (size_t)(plane_group * c->oc * c->pixels));
    t.b = (struct argument){.kind = ARGUMENT_WORKSPACE,
                            .offset = (size_t)(group * c->k * c->pixels) * sizeof(float),
                            .element = sizeof(float)};
    if (p->whole) t.b = gemm_value(site_in(s, 0), (size_t)(plane_group * c->k * c->pixels));
    int64_t to = first * p->splits * p->elements + group * c->oc * c->k;
    t.c = (struct argument){.kind = ARGUMENT_WORKSPACE,
                            .offset = p->columns + (size_t)to * sizeof(float),
                            .element = sizeof(float)};
    if (is_one(p)) t.c = gemm_value(site_out(s, 0), (size_t)(group * c->oc * c->k));
    return t;
}

static const char *refuse(const struct site *s) {
    struct products p = products_of(s);
    if (conv_refuse_span(&p.c)) return conv_refuse_span(&p.c);
    if (p.held < 1) return "the columns of an image are above 256 MiB";
    int64_t launches = p.c.groups * (ceil_div(p.c.n, p.held) + (p.whole ? 0 : p.c.n)) + 1;
    if (launches > LAUNCH_LIMIT) return "more than 4096 launches would be needed";
    if (p.c.n * p.splits * p.elements > INT32_MAX ||
        p.c.n * p.c.groups * p.c.k * p.c.pixels > INT32_MAX)
        return "the columns or parts have more than 2^31 - 1 elements";
    struct gemm_task t = task_of(s, &p, 0, 0, p.held);
    return gemm_refuse_tiled(s->device, &t);
}

static size_t workspace(const struct site *s) {
    struct products p = products_of(s);
    int64_t parts = is_one(&p) ? 0 : p.c.n * p.splits * p.elements;
    return p.columns + (size_t)parts * sizeof(float);
}

static double estimate(const struct site *s) {
    struct products p = products_of(s);
    struct gemm_task t = task_of(s, &p, 0, 0, p.c.n);
    double parts = (double)(p.c.n * p.splits * p.elements);
    double columns = p.whole ? 0 : (double)(p.c.n * p.c.groups * p.c.k * p.c.pixels);
    double launches = (double)(p.c.groups * (1 + (p.whole ? 0 : p.c.n)) + 1);
    return (double)p.c.groups * gemm_seconds_tiled(s->device, &t) +
           2 * sizeof(float) * (parts + columns) / s->device->bytes_per_second +
           launches * s->device->launch_overhead_us * 1e-6;
}

static void lower_finish(const struct site *s, struct recipe *r, const struct products *p) {
    recipe_kernel(r, "conv_grad_weights_direct", "conv_grad_weights_direct_finish");
    conv_push_window(r, &p->c.w);
    recipe_int(r, p->c.n * p->splits);
    recipe_int(r, p->elements);
    recipe_workspace(r, p->columns, sizeof(float));
    recipe_value(r, site_out(s, 0));
    gemm_launch(s, r, p->elements, 1, 1);
}

static fovea_status lower(const struct site *s, struct recipe *r) {
    struct products p = products_of(s);
    for (int64_t first = 0; first < p.c.n; first += p.held) {
        int64_t count = p.c.n - first < p.held ? p.c.n - first : p.held;
        for (int64_t i = 0; i < count * p.c.groups && !p.whole; i++)
            conv_columns_lower(s, r, &p.c, first * p.c.groups + i,
                               (size_t)(i * p.c.k * p.c.pixels) * sizeof(float), 0, p.c.pixels);
        for (int64_t group = 0; group < p.c.groups; group++) {
            struct gemm_task t = task_of(s, &p, group, first, count);
            gemm_lower_tiled(s, r, &t, 0);
        }
    }
    if (!is_one(&p)) lower_finish(s, r, &p);
    return FOVEA_OK;
}

const struct algorithm conv_grad_weights_gemm = {.name = "conv_grad_weights_gemm",
                                                 .refuse = refuse,
                                                 .workspace = workspace,
                                                 .estimate = estimate,
                                                 .lower = lower};
