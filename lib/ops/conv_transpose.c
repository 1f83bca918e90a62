/* Transposed convolution on a device, straight from the definition. Those of lib/ops/conv.h that are faster take
 * it for convolutions of stride 1 with turned filters. */
#include "ops/conv.h"
#include "ops/gemm.h"

enum { OC_TILE = 4 };

static int64_t oc_tile(int64_t oc) {
    return oc >= OC_TILE ? OC_TILE : 1;
}

struct conv conv_transposed_of(const struct site *s) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc,
                     *w = &node_in(s->graph, s->node, 1)->desc;
    struct conv c = {.n = x->dim[0], .groups = attr_int(s->node, "group", 1)};
    /* The shape function has resolved the same window before, so this cannot fail. */
    (void)window_resolve_transposed(s->node, x, w->dim + 2, &c.w);
    conv_measure(&c, x->dim[1] / c.groups, w->dim[1]);
    return c;
}

static const char *conv_transpose_direct_refuse(const struct site *s) {
    struct conv c = conv_transposed_of(s);
    return conv_refuse_span(&c);
}

static double conv_transpose_direct_estimate(const struct site *s) {
    double flops, bytes;
    graph_cost(s->graph, s->node, &flops, &bytes);
    return conv_seconds(s, flops, 0.03, 1);
}

static fovea_status conv_transpose_direct_lower(const struct site *s, struct recipe *r) {
    struct conv c = conv_transposed_of(s);
    int64_t tile = oc_tile(c.oc);
    recipe_kernel(r, "conv_transpose_direct", "conv_transpose_direct");
    conv_push_window(r, &c.w);
    recipe_define(r, "OC_TILE", tile);
    recipe_int(r, c.groups);
    recipe_int(r, c.ic);
    conv_push_ints(r, c.w.in);
    recipe_int(r, c.oc);
    conv_push_ints(r, c.w.out);
    conv_push_ints(r, c.w.pad_begin);
    conv_push_inputs(s, r);
    conv_push_outputs(s, r);
    gemm_launch(s, r, c.pixels, (c.oc + tile - 1) / tile * c.groups, c.n);
    return FOVEA_OK;
}

const struct algorithm conv_transpose_direct = {.name = "conv_transpose_direct",
                                                .refuse = conv_transpose_direct_refuse,
                                                .estimate = conv_transpose_direct_estimate,
                                                .lower = conv_transpose_direct_lower};
