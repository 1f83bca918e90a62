/* Shapes of the convolutions: Conv, ConvTranspose, ConvInteger, QLinearConv, ConvGradWeights. */
#include "graph/graph.h"
#include "graph/window.h"

/* Checks x (n, ic, spatial...) and w (rows, columns, kernel...), the sizes but for the channels. */
static fovea_status want_operands(const struct value *x, const struct value *w) {
    const fovea_desc *d = &x->desc;
    if (d->rank < 3 || d->rank > 5)
        return fail(FOVEA_UNSUPPORTED,
                    "input has shape %s; (n, channels) and 1 to 3 spatial axes are covered",
                    desc_text(d));
    if (w->desc.rank != d->rank)
        return fail(FOVEA_INVALID, "weights have shape %s; the input's %s wants %d axes",
                    desc_text(&w->desc), desc_text(d), d->rank);
    if (d->dim[0] < 1 || d->dim[1] < 1)
        return fail(FOVEA_INVALID, "input has shape %s: an empty batch or no channels",
                    desc_text(d));
    return FOVEA_OK;
}

/* `group` divides both channel counts, and the weights have what a group needs. */
static fovea_status want_group(const struct node *n, const fovea_desc *x, const fovea_desc *w,
                               int64_t oc, int64_t weight_ic) {
    int64_t g = attr_int(n, "group", 1);
    if (g < 1 || x->dim[1] % g != 0 || oc < 1 || oc % g != 0)
        return fail(FOVEA_INVALID, "group %lld does not divide %lld input and %lld output channels",
                    (long long)g, (long long)x->dim[1], (long long)oc);
    if (weight_ic != x->dim[1] / g)
        return fail(FOVEA_INVALID, "weights of shape %s do not fit input %s with group %lld",
                    desc_text(w), desc_text(x), (long long)g);
    return FOVEA_OK;
}

static fovea_status want_bias(const struct value *bias, fovea_dtype dtype, int64_t oc) {
    if (!bias) return FOVEA_OK;
    if (bias->desc.dtype != dtype)
        return fail(FOVEA_INVALID, "bias is %s; %s is needed", fovea_dtype_name(bias->desc.dtype),
                    fovea_dtype_name(dtype));
    if (bias->desc.rank != 1 || bias->desc.dim[0] != oc)
        return fail(FOVEA_INVALID, "bias has shape %s; %lld numbers are needed",
                    desc_text(&bias->desc), (long long)oc);
    return FOVEA_OK;
}

static fovea_status want_float(const struct value *x, const struct value *w) {
    fovea_dtype t = x->desc.dtype;
    if (w->desc.dtype != t)
        return fail(FOVEA_INVALID, "input is %s and weights are %s; they must be equal",
                    fovea_dtype_name(t), fovea_dtype_name(w->desc.dtype));
    if (t != FOVEA_FLOAT32 && t != FOVEA_FLOAT16 && t != FOVEA_BFLOAT16)
        return fail(FOVEA_UNSUPPORTED, "element type %s; float32, float16 and bfloat16 are covered",
                    fovea_dtype_name(t));
    return FOVEA_OK;
}

static bool is_byte(const struct value *v) {
    return v->desc.dtype == FOVEA_UINT8 || v->desc.dtype == FOVEA_INT8;
}

/* A scalar, a list of one, or (per channel) a list of `channels`. */
static fovea_status want_parameter(const struct value *v, const char *what, int64_t channels) {
    if (!v) return FOVEA_OK;
    int64_t count = value_elements(v);
    if (v->desc.rank > 1 || (count != 1 && count != channels))
        return fail(FOVEA_INVALID, "%s has shape %s; one number%s is needed", what,
                    desc_text(&v->desc), channels > 1 ? " or one for each output channel" : "");
    return FOVEA_OK;
}

static fovea_status want_zero_point(const struct value *zero, const struct value *of,
                                    const char *what, int64_t channels) {
    if (zero && zero->desc.dtype != of->desc.dtype)
        return fail(FOVEA_INVALID, "%s is %s; the type of its tensor, %s, is needed", what,
                    fovea_dtype_name(zero->desc.dtype), fovea_dtype_name(of->desc.dtype));
    return want_parameter(zero, what, channels);
}

static fovea_status want_scale(const struct value *scale, const char *what, int64_t channels) {
    if (!dtype_is_float(scale->desc.dtype))
        return fail(FOVEA_INVALID, "%s is %s; a float type is needed", what,
                    fovea_dtype_name(scale->desc.dtype));
    return want_parameter(scale, what, channels);
}

/* Output (n, oc, spatial...). */
static fovea_status set_output(fovea_graph *g, struct node *n, const struct value *x,
                               const struct window *w, fovea_dtype dtype, int64_t oc) {
    int64_t dim[5] = {x->desc.dim[0], oc};
    for (int i = 0; i < w->rank; i++) dim[2 + i] = w->out[3 - w->rank + i];
    return shape_set(g, n, 0, dtype, 2 + w->rank, dim);
}

/* What Conv and its integer kin share: x at input 0, w (oc, ic/group, kernel...). */
static fovea_status infer_forward(fovea_graph *g, struct node *n, const struct value *w,
                                  fovea_dtype dtype) {
    const struct value *x = node_in(g, n, 0);
    struct window window;
    TRY(want_operands(x, w));
    TRY(want_group(n, &x->desc, &w->desc, w->desc.dim[0], w->desc.dim[1]));
    TRY(window_resolve(n, &x->desc, w->desc.dim + 2, &window));
    return set_output(g, n, x, &window, dtype, w->desc.dim[0]);
}

/* Input 3, which rewriting adds and no file has: a tensor like the output that is added before the
 * activation. */
static fovea_status want_residual(const fovea_graph *g, const struct node *n) {
    const struct value *residual = node_in(g, n, 3);
    if (!residual || desc_equal(&residual->desc, &node_out(g, n, 0)->desc)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "residual has shape %s; the output's %s is needed",
                desc_text(&residual->desc), desc_text(&node_out(g, n, 0)->desc));
}

fovea_status shape_conv(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 4));
    const struct value *x = node_in(g, n, 0), *w = node_in(g, n, 1);
    TRY(want_float(x, w));
    TRY(want_operands(x, w));
    TRY(want_bias(node_in(g, n, 2), x->desc.dtype, w->desc.dim[0]));
    TRY(infer_forward(g, n, w, x->desc.dtype));
    return want_residual(g, n);
}

fovea_status shape_conv_transpose(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 3));
    const struct value *x = node_in(g, n, 0), *w = node_in(g, n, 1);
    int64_t group = attr_int(n, "group", 1), oc;
    struct window window;
    TRY(want_float(x, w));
    TRY(want_operands(x, w));
    if (group < 1 || group > x->desc.dim[1] || __builtin_mul_overflow(w->desc.dim[1], group, &oc))
        return fail(FOVEA_INVALID, "group %lld does not fit input %s", (long long)group,
                    desc_text(&x->desc));
    if (w->desc.dim[0] != x->desc.dim[1])
        return fail(FOVEA_INVALID, "weights of shape %s do not fit input %s", desc_text(&w->desc),
                    desc_text(&x->desc));
    TRY(want_group(n, &x->desc, &w->desc, oc, w->desc.dim[0] / group));
    TRY(want_bias(node_in(g, n, 2), x->desc.dtype, oc));
    TRY(window_resolve_transposed(n, &x->desc, w->desc.dim + 2, &window));
    return set_output(g, n, x, &window, x->desc.dtype, oc);
}

static fovea_status want_bytes(const struct value *x, const struct value *w) {
    if (!is_byte(x) || !is_byte(w))
        return fail(FOVEA_INVALID, "input is %s and weights are %s; uint8 or int8 are needed",
                    fovea_dtype_name(x->desc.dtype), fovea_dtype_name(w->desc.dtype));
    return want_operands(x, w);
}

/* Inputs: x, w, x_zero_point, w_zero_point. */
fovea_status shape_conv_integer(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 4));
    const struct value *x = node_in(g, n, 0), *w = node_in(g, n, 1);
    TRY(want_bytes(x, w));
    TRY(want_zero_point(node_in(g, n, 2), x, "x_zero_point", 1));
    TRY(want_zero_point(node_in(g, n, 3), w, "w_zero_point", w->desc.dim[0]));
    return infer_forward(g, n, w, FOVEA_INT32);
}

/* Inputs: x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, bias (int32). */
fovea_status shape_qlinear_conv(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 8, 9));
    const struct value *x = node_in(g, n, 0), *w = node_in(g, n, 3), *y_zero = node_in(g, n, 7);
    TRY(want_bytes(x, w));
    if (!is_byte(y_zero))
        return fail(FOVEA_INVALID, "y_zero_point is %s; uint8 or int8 is needed",
                    fovea_dtype_name(y_zero->desc.dtype));
    TRY(want_scale(node_in(g, n, 1), "x_scale", 1));
    TRY(want_zero_point(node_in(g, n, 2), x, "x_zero_point", 1));
    TRY(want_scale(node_in(g, n, 4), "w_scale", w->desc.dim[0]));
    TRY(want_zero_point(node_in(g, n, 5), w, "w_zero_point", w->desc.dim[0]));
    TRY(want_scale(node_in(g, n, 6), "y_scale", 1));
    TRY(want_parameter(y_zero, "y_zero_point", 1));
    TRY(want_bias(node_in(g, n, 8), FOVEA_INT32, w->desc.dim[0]));
    return infer_forward(g, n, w, y_zero->desc.dtype);
}

/* Inputs: x, grad_y. Output (oc, ic/group, kernel...): the gradient of the weights of
 * grad_y's Conv (of ConvTranspose: with its output's gradient for x and its input for grad_y). */
fovea_status shape_conv_grad_weights(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 2));
    const struct value *x = node_in(g, n, 0), *grad = node_in(g, n, 1);
    int64_t group = attr_int(n, "group", 1), dim[5];
    struct window w;
    TRY(want_float(x, grad));
    TRY(want_operands(x, x));
    if (grad->desc.rank != x->desc.rank || grad->desc.dim[0] != x->desc.dim[0])
        return fail(FOVEA_INVALID, "the gradient has shape %s, which does not fit input %s",
                    desc_text(&grad->desc), desc_text(&x->desc));
    if (group < 1 || x->desc.dim[1] % group != 0 || grad->desc.dim[1] < 1 ||
        grad->desc.dim[1] % group != 0)
        return fail(FOVEA_INVALID, "group %lld does not divide %lld input and %lld output channels",
                    (long long)group, (long long)x->desc.dim[1], (long long)grad->desc.dim[1]);
    TRY(window_resolve_grad(n, &x->desc, &grad->desc, &w));
    dim[0] = grad->desc.dim[1];
    dim[1] = x->desc.dim[1] / group;
    for (int i = 0; i < w.rank; i++) dim[2 + i] = w.kernel[3 - w.rank + i];
    return shape_set(g, n, 0, x->desc.dtype, 2 + w.rank, dim);
}
