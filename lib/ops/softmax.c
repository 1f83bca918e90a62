/* Softmax and its relatives, and dropout on a device. */
#include "ops/algorithm.h"

static const struct algorithm softmax, hardmax, dropout;

const struct algorithm *const softmax_algorithms[] = {&softmax, &hardmax, NULL};
const struct algorithm *const dropout_algorithms[] = {&dropout, NULL};

static const char *refuse_activation(const struct site *s) {
    return node_activation(s->node).kind ? "no activation can be fused" : NULL;
}

/* ---- Softmax ---- */

static const char *softmax_refuse(const struct site *s) {
    return s->node->op == OP_Hardmax ? "this is for sums of exponentials" : refuse_activation(s);
}

static const char *hardmax_refuse(const struct site *s) {
    return s->node->op == OP_Hardmax ? refuse_activation(s) : "only Hardmax needs no exponentials";
}

static fovea_status softmax_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    int axis = x->rank ? attr_axis(s->node, "axis", -1, x->rank) : 0;
    int last = attr_int(s->node, "coerce", 0) || !x->rank ? x->rank : axis + 1;
    int64_t inner = desc_span(x, last, x->rank), rows = desc_span(x, 0, axis) * inner;
    recipe_kernel(r, "softmax",
                  s->node->op == OP_Softmax      ? "softmax"
                  : s->node->op == OP_LogSoftmax ? "softmax_log"
                                                 : "softmax_hard");
    recipe_int(r, rows);
    recipe_int(r, desc_span(x, axis, last));
    recipe_int(r, inner);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)rows, 0, 0);
    return FOVEA_OK;
}

static const struct algorithm softmax = {
    .name = "softmax",
    .refuse = softmax_refuse,
    .inexact = true, /* exponentials */
    .lower = softmax_lower,
};
static const struct algorithm hardmax = {
    .name = "softmax",
    .refuse = hardmax_refuse,
    .lower = softmax_lower,
};

/* ---- Dropout ---- */

static bool is_float32(const struct value *v) {
    return !v || v->desc.dtype == FOVEA_FLOAT32;
}

static const char *dropout_refuse(const struct site *s) {
    if (!is_float32(node_in(s->graph, s->node, 0)) || !is_float32(node_in(s->graph, s->node, 1)))
        return "element types must be float32";
    return refuse_activation(s);
}

/* Single numbers of any type are read as they are; masks are plain. */
static uint32_t dropout_blocked(const struct site *s) {
    return node_out(s->graph, s->node, 1) || !site_blocked(s, site_in(s, 0)) ? 0 : 1 | BLOCKED_OUT;
}

static void dropout_sizes(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    bool blocked = site_blocked(s, site_in(s, 0));
    recipe_define(r, "BLOCKED", blocked);
    recipe_width(r, s);
    recipe_int(r, fovea_desc_elements(x));
    recipe_int(r, blocked ? x->dim[1] : 1);
    recipe_int(r, blocked ? desc_span(x, 2, x->rank) : 1);
}

static fovea_status dropout_lower(const struct site *s, struct recipe *r) {
    const float *given = value_data(node_in(s->graph, s->node, 1));
    const uint8_t *training = value_data(node_in(s->graph, s->node, 2));
    float ratio = !training || !*training ? 0 : given ? *given : 0.5f;
    uint64_t seed = (uint64_t)attr_int(s->node, "seed", 0);
    int64_t elements = value_elements(node_in(s->graph, s->node, 0));
    recipe_kernel(r, "dropout", "dropout");
    dropout_sizes(s, r);
    recipe_int(r, ratio > 0);
    recipe_int(r, node_in(s->graph, s->node, 3) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 0) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, (int32_t)(uint32_t)seed);
    recipe_int(r, (int32_t)(uint32_t)(seed >> 32));
    recipe_float(r, ratio);
    recipe_float(r, (float)(1 / (1 - (double)ratio)));
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_in(s, 3));
    recipe_value(r, site_out(s, 0));
    recipe_value(r, site_out(s, 1));
    recipe_global(r, (size_t)ceil_div(elements, 32), 0,
                  0); /* eight blocks of random numbers each */
    return FOVEA_OK;
}

static const struct algorithm dropout = {
    .name = "dropout",
    .refuse = dropout_refuse,
    .any_type = true,
    .blocked = dropout_blocked,
    .inexact = true, /* the scale */
    .lower = dropout_lower,
};
