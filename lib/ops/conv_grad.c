/* The gradient of a convolution's weights on a device. */
#include "ops/conv_grad.h"

#include "ops/gemm.h"

static const struct algorithm conv_grad_weights_direct;

const struct algorithm *const conv_grad_weights_algorithms[] = {
    &conv_grad_weights_shallow, &conv_grad_weights_depthwise_blocked,
    &conv_grad_weights_blocked, &conv_grad_weights_gemm,
    &conv_grad_weights_direct,  NULL,
};

struct conv conv_grad_of(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc,
                     *grad = &node_in(s->graph, s->node, 1)->desc;
    struct conv c = {.n = x->dim[0], .groups = attr_int(s->node, "group", 1)};
    /* The shape function has resolved the same window before, so this cannot fail. */
    (void)window_resolve_grad(s->node, x, grad, &c.w);
    conv_measure(&c, x->dim[1] / c.groups, grad->dim[1] / c.groups);
    return c;
}

/* ---- conv_grad_weights_direct ---- */

enum {
    OC_TILE = 4,       /* output channels of a work-item */
    SEGMENT = 8192,    /* pixels of a piece of an output row */
    PART_TERMS = 8192, /* of the sum of a work-item: some runtimes end its loops after 2^16 turns */
};

struct direct {
    struct conv c;
    int64_t segment, pieces, parts, elements;
};

static struct direct direct_of(const struct site *s) {
    struct direct d = {.c = conv_grad_of(s)};
    int64_t ow = d.c.w.out[2];
    d.segment = ow < SEGMENT ? ow : SEGMENT;
    int64_t total = d.c.n * d.c.w.out[0] * d.c.w.out[1] * ceil_div(ow, d.segment);
    d.pieces = ceil_div(PART_TERMS, d.segment);
    d.parts = ceil_div(total, d.pieces);
    d.elements = d.c.groups * d.c.oc * d.c.k;
    return d;
}

static const char *direct_refuse(const struct site *s) {
    struct direct d = direct_of(s);
    if (d.parts > SEGMENT) return "a sum has more than 2^26 terms";
    return conv_refuse_span(&d.c);
}

static size_t direct_workspace(const struct site *s) {
    struct direct d = direct_of(s);
    return d.parts > 1 ? (size_t)(d.parts * d.elements) * sizeof(float) : 0;
}

static double direct_estimate(const struct site *s) {
    double flops, bytes;
    graph_cost(s->graph, s->node, &flops, &bytes);
    return conv_seconds(s, flops, 0.01, 2);
}

static fovea_status direct_lower(const struct site *s, struct recipe *r) {
    struct direct d = direct_of(s);
    recipe_kernel(r, "conv_grad_weights_direct", "conv_grad_weights_direct");
    conv_push_window(r, &d.c.w);
    recipe_define(r, "OC_TILE", OC_TILE);
    recipe_int(r, d.c.n);
    recipe_int(r, d.c.groups);
    recipe_int(r, d.c.ic);
    conv_push_ints(r, d.c.w.in);
    recipe_int(r, d.c.oc);
    conv_push_ints(r, d.c.w.out);
    conv_push_ints(r, d.c.w.pad_begin);
    recipe_int(r, d.segment);
    recipe_int(r, d.pieces);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 1));
    if (d.parts > 1) recipe_workspace(r, 0, sizeof(float));
    else recipe_value(r, site_out(s, 0));
    gemm_launch(s, r, d.c.k, ceil_div(d.c.oc, OC_TILE) * d.c.groups, d.parts);
    if (d.parts == 1) return FOVEA_OK;
    recipe_kernel(r, "conv_grad_weights_direct", "conv_grad_weights_direct_finish");
    conv_push_window(r, &d.c.w);
    recipe_define(r, "OC_TILE", OC_TILE);
    recipe_int(r, d.parts);
    recipe_int(r, d.elements);
    recipe_workspace(r, 0, sizeof(float));
    recipe_value(r, site_out(s, 0));
    gemm_launch(s, r, d.elements, 1, 1);
    return FOVEA_OK;
}

static const struct algorithm conv_grad_weights_direct = {.name = "conv_grad_weights_direct",
                                                          .refuse = direct_refuse,
                                                          .workspace = direct_workspace,
                                                          .estimate = direct_estimate,
                                                          .lower = direct_lower};
