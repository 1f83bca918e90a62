/* The classification losses and their gradients on a device. */
#include <string.h>

#include "ops/algorithm.h"

static const struct algorithm loss, loss_grad;

const struct algorithm *const loss_algorithms[] = {&loss, NULL};
const struct algorithm *const loss_grad_algorithms[] = {&loss_grad, NULL};

static bool is_float32(const struct value *v) {
    return !v || v->desc.dtype == FOVEA_FLOAT32;
}

static const char *refuse_activation(const struct site *s) {
    return node_activation(s->node).kind ? "no activation can be fused" : NULL;
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

/* label_smoothing as kernels take it: the target at the label, and at every class. */
static void push_smoothing(const struct site *s, struct recipe *r, int64_t classes) {
    double smoothing = attr_float(s->node, "label_smoothing", 0);
    recipe_float(r, (float)(1 - smoothing));
    recipe_float(r, (float)(smoothing / (double)classes));
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
    if (softens) push_smoothing(s, r, x->dim[1]);
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

/* ---- Gradients: the inputs of the loss come one place later ---- */

static const char *loss_grad_refuse(const struct site *s) {
    const struct node *n = s->node;
    int64_t ignore = attr_int(n, "ignore_index", 0);
    for (size_t i = 0; i < 4; i++)
        if (i != 2 && !is_float32(node_in(s->graph, n, i)))
            return "gradients, scores and weights must be float32";
    if (value_elements(node_in(s->graph, n, 2)) == 0) return "there are no labels";
    if (ignore != (int32_t)ignore) return "ignore_index must fit 32 bits";
    return refuse_activation(s);
}

static size_t grad_items(const struct site *s) {
    return (size_t)value_elements(node_in(s->graph, s->node, 2));
}

/* Without weights and ignored labels the sums are the numbers of items and classes. */
static bool grad_sums(const struct site *s) {
    return node_in(s->graph, s->node, 3) || node_attr(s->node, "ignore_index");
}

/* Weights of all items, and two sums. */
static size_t loss_grad_workspace(const struct site *s) {
    return grad_sums(s) ? (grad_items(s) + 2) * sizeof(float) : 0;
}

static void push_sums(const struct site *s, struct recipe *r) {
    if (grad_sums(s)) recipe_workspace(r, grad_items(s) * sizeof(float), sizeof(float));
    else recipe_value(r, FOVEA_NO_VALUE);
}

static void grad_weigh(const struct site *s, struct recipe *r, const char *label, int64_t classes) {
    recipe_kernel(r, "loss_grad", "loss_grad_weigh");
    recipe_define_text(r, "LABEL", label);
    recipe_int(r, (int64_t)grad_items(s));
    recipe_int(r, classes);
    recipe_int(r, node_attr(s->node, "ignore_index") != NULL);
    recipe_int(r, attr_int(s->node, "ignore_index", 0));
    recipe_int(r, node_in(s->graph, s->node, 3) != NULL);
    recipe_value(r, site_in(s, 2));
    recipe_value(r, site_in(s, 3));
    recipe_workspace(r, 0, sizeof(float));
    recipe_global(r, grad_items(s), 0, 0);
}

static void grad_sum(const struct site *s, struct recipe *r, const char *label, int64_t classes) {
    recipe_kernel(r, "loss_grad", "loss_grad_sum");
    recipe_define_text(r, "LABEL", label);
    recipe_int(r, (int64_t)grad_items(s));
    recipe_int(r, classes);
    recipe_int(r, node_in(s->graph, s->node, 3) != NULL);
    recipe_value(r, site_in(s, 3));
    recipe_workspace(r, 0, sizeof(float));
    push_sums(s, r);
    recipe_global(r, 1, 0, 0);
}

static fovea_status loss_grad_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *x = &node_in(s->graph, s->node, 1)->desc;
    const char *label = opencl_type(node_in(s->graph, s->node, 2)->desc.dtype);
    const char *reduction = attr_string(s->node, "reduction", "mean");
    bool softens = s->node->op == OP_SoftmaxCrossEntropyLossGrad;
    int64_t elements = fovea_desc_elements(x);
    if (grad_sums(s)) {
        grad_weigh(s, r, label, x->dim[1]);
        grad_sum(s, r, label, x->dim[1]);
    }
    recipe_kernel(r, "loss_grad", softens ? "loss_grad_cross_entropy" : "loss_grad_likelihood");
    recipe_define_text(r, "LABEL", label);
    recipe_int(r, elements);
    recipe_int(r, x->dim[1]);
    recipe_int(r, desc_span(x, 2, x->rank));
    recipe_int(r, strcmp(reduction, "none") == 0);
    recipe_int(r, node_attr(s->node, "ignore_index") != NULL);
    recipe_int(r, attr_int(s->node, "ignore_index", 0));
    recipe_int(r, node_in(s->graph, s->node, 3) != NULL);
    recipe_int(r, grad_sums(s));
    recipe_float(r, strcmp(reduction, "mean") == 0 ? (float)grad_items(s) : 0);
    if (softens) push_smoothing(s, r, x->dim[1]);
    recipe_value(r, site_in(s, 0));
    if (softens) recipe_value(r, site_in(s, 1));
    recipe_value(r, site_in(s, 2));
    recipe_value(r, site_in(s, 3));
    push_sums(s, r);
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)elements, 0, 0);
    return FOVEA_OK;
}

static const struct algorithm loss_grad = {
    .name = "loss_grad",
    .refuse = loss_grad_refuse,
    .any_type = true,
    .workspace = loss_grad_workspace,
    .inexact = true, /* exponentials; the division of the mean */
    .lower = loss_grad_lower,
};
