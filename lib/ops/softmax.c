/* Softmax and its relatives, classification losses and dropout on a device. */
#include <string.h>

#include "ops/algorithm.h"

static const struct algorithm softmax, hardmax, loss, dropout;

const struct algorithm *const softmax_algorithms[] = {&softmax, &hardmax, NULL};
const struct algorithm *const loss_algorithms[] = {&loss, NULL};
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

/* ---- Losses ---- */

static bool is_float32(const struct value *v) {
    return !v || v->desc.dtype == FOVEA_FLOAT32;
}

static const char *loss_refuse(const struct site *s) {
    const struct node *n = s->node;
    int64_t ignore = attr_int(n, "ignore_index", 0);
    if (!is_float32(node_in(s->graph, n, 0)) || !is_float32(node_in(s->graph, n, 2)))
        return "scores and weights must be float32";
    if (value_elements(node_in(s->graph, n, 1)) == 0) return "there are no labels";
    if (ignore != (int32_t)ignore) return "ignore_index must fit 32 bits";
    return refuse_activation(s);
}

static bool reduces(const struct site *s) {
    return strcmp(attr_string(s->node, "reduction", "mean"), "none") != 0;
}

static size_t loss_items(const struct site *s) {
    return (size_t)value_elements(node_in(s->graph, s->node, 1));
}

/* Losses and weights of all items. */
static size_t loss_workspace(const struct site *s) {
    return node_out(s->graph, s->node, 0) && !reduces(s) ? 0 : loss_items(s) * 2 * sizeof(float);
}

static void push_items(const struct site *s, struct recipe *r) {
    if (node_out(s->graph, s->node, 0) && !reduces(s)) {
        recipe_value(r, site_out(s, 0));
        recipe_value(r, FOVEA_NO_VALUE);
    } else {
        recipe_workspace(r, 0, sizeof(float));
        recipe_workspace(r, loss_items(s) * sizeof(float), sizeof(float));
    }
}

static void loss_reduce(const struct site *s, struct recipe *r, const char *label) {
    recipe_kernel(r, "loss", "loss_reduce");
    recipe_define_text(r, "LABEL", label);
    recipe_int(r, (int64_t)loss_items(s));
    recipe_int(r, strcmp(attr_string(s->node, "reduction", "mean"), "mean") == 0);
    push_items(s, r);
    recipe_value(r, site_out(s, 0));
    recipe_global(r, 1, 0, 0);
}

static fovea_status loss_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 0)->desc;
    const char *label = opencl_type(node_in(s->graph, s->node, 1)->desc.dtype);
    bool softens = s->node->op == OP_SoftmaxCrossEntropyLoss;
    recipe_kernel(r, "loss", softens ? "loss_cross_entropy" : "loss_likelihood");
    recipe_define_text(r, "LABEL", label);
    recipe_int(r, (int64_t)loss_items(s));
    recipe_int(r, x->dim[1]);
    recipe_int(r, desc_span(x, 2, x->rank));
    recipe_int(r, node_attr(s->node, "ignore_index") != NULL);
    recipe_int(r, attr_int(s->node, "ignore_index", 0));
    recipe_int(r, node_in(s->graph, s->node, 2) != NULL);
    recipe_int(r, reduces(s));
    if (softens) recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    for (size_t i = 0; i < 3; i++) recipe_value(r, site_in(s, i));
    push_items(s, r);
    if (softens) recipe_value(r, site_out(s, 1));
    recipe_global(r, loss_items(s), 0, 0);
    if (node_out(s->graph, s->node, 0) && reduces(s)) loss_reduce(s, r, label);
    return FOVEA_OK;
}

static const struct algorithm loss = {
    .name = "loss",
    .refuse = loss_refuse,
    .any_type = true,
    .workspace = loss_workspace,
    .inexact = true, /* exponentials; the division of the mean */
    .lower = loss_lower,
};

/* ---- Dropout ---- */

static const char *dropout_refuse(const struct site *s) {
    if (!is_float32(node_in(s->graph, s->node, 0)) || !is_float32(node_in(s->graph, s->node, 1)))
        return "element types must be float32";
    return refuse_activation(s);
}

static fovea_status dropout_lower(const struct site *s, struct recipe *r) {
    const float *given = value_data(node_in(s->graph, s->node, 1));
    const uint8_t *training = value_data(node_in(s->graph, s->node, 2));
    float ratio = !training || !*training ? 0 : given ? *given : 0.5f;
    uint64_t seed = (uint64_t)attr_int(s->node, "seed", 0);
    int64_t elements = value_elements(node_in(s->graph, s->node, 0));
    recipe_kernel(r, "dropout", "dropout");
    recipe_int(r, elements);
    recipe_int(r, ratio > 0);
    recipe_int(r, node_out(s->graph, s->node, 0) != NULL);
    recipe_int(r, node_out(s->graph, s->node, 1) != NULL);
    recipe_int(r, (int32_t)(uint32_t)seed);
    recipe_int(r, (int32_t)(uint32_t)(seed >> 32));
    recipe_float(r, ratio);
    recipe_float(r, (float)(1 / (1 - (double)ratio)));
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_value(r, site_out(s, 1));
    recipe_global(r, ((size_t)elements + 3) / 4, 0, 0);
    return FOVEA_OK;
}

static const struct algorithm dropout = {
    .name = "dropout",
    .refuse = dropout_refuse,
    .any_type = true,
    .inexact = true, /* the scale */
    .lower = dropout_lower,
};
