/* Gradients of convolutions. That of Conv's input is a ConvTranspose, that of ConvTranspose's input a Conv,
 * with the same weights and window; that of the weights is the operator ConvGradWeights. */
#include "graph/gradient.h"
#include "graph/window.h"

/* The attributes of a window as numbers, whatever the node has (auto_pad, output_shape). The numbers lie
 * here: the struct must outlive the attributes' use. */
struct window_numbers {
    int64_t kernel[3], stride[3], dilation[3], pads[6], extra[3];
    fovea_attribute list[6];
};
enum { EXTRA = 5 }; /* the place of output_padding, which ConvTranspose alone has, in the list */

static fovea_attribute ints(const char *name, const int64_t *numbers, int count) {
    return (fovea_attribute){
        .name = name, .type = FOVEA_ATTRIBUTE_INTS, .ints = numbers, .count = (size_t)count};
}

/* `extra`: output_padding, of the axes of a window. */
static void write_window(const struct node *n, const struct window *w, const int64_t *extra,
                         struct window_numbers *out) {
    int rank = w->rank;
    for (int i = 0; i < rank; i++) {
        int axis = 3 - rank + i;
        out->kernel[i] = w->kernel[axis];
        out->stride[i] = w->stride[axis];
        out->dilation[i] = w->dilation[axis];
        out->pads[i] = w->pad_begin[axis];
        out->pads[rank + i] = w->pad_end[axis];
        out->extra[i] = extra[axis];
    }
    out->list[0] = ints("kernel_shape", out->kernel, rank);
    out->list[1] = ints("strides", out->stride, rank);
    out->list[2] = ints("dilations", out->dilation, rank);
    out->list[3] = ints("pads", out->pads, 2 * rank);
    out->list[4] = (fovea_attribute){
        .name = "group", .type = FOVEA_ATTRIBUTE_INT, .i = attr_int(n, "group", 1)};
    out->list[EXTRA] = ints("output_padding", out->extra, rank);
}

static int64_t extent(const struct window *w, int i) { /* of a dilated kernel */
    return (w->kernel[i] - 1) * w->dilation[i] + 1;
}

/* Bias: summed over the batch and all pixels. */
static void give_bias(struct gradient *gr) {
    fovea_value grad = gradient_of(gr, 0);
    fovea_desc d = gradient_desc(gr, grad);
    int64_t axes[FOVEA_MAX_RANK] = {0};
    if (!gradient_wants(gr, 2)) return;
    for (int i = 2; i < d.rank; i++) axes[i - 1] = i;
    fovea_value in[2] = {grad, gradient_ints(gr, axes, (size_t)d.rank - 1)};
    fovea_attribute drop = {.name = "keepdims", .type = FOVEA_ATTRIBUTE_INT};
    gradient_give(gr, 2, gradient_op(gr, OP_ReduceSum, in, 2, &drop, 1));
}

static void give_weights(struct gradient *gr, fovea_value x, fovea_value grad_y,
                         const struct window_numbers *numbers) {
    if (gradient_wants(gr, 1))
        gradient_give(gr, 1,
                      gradient_op(gr, OP_ConvGradWeights, (fovea_value[]){x, grad_y}, 2,
                                  numbers->list, EXTRA));
}

/* What the stride cut off at the end of the input comes back as output_padding: room % stride, always
 * less than the stride. */
void gradient_conv(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), weights = gradient_desc(gr, n->in[1]);
    fovea_value grad = gradient_of(gr, 0);
    struct window_numbers numbers;
    struct window w;
    int64_t extra[3];
    fovea_status status = window_resolve(n, &x, weights.dim + 2, &w);
    gradient_fail(gr, status);
    if (status != FOVEA_OK) return;
    for (int i = 0; i < 3; i++)
        extra[i] = (w.in[i] + w.pad_begin[i] + w.pad_end[i] - extent(&w, i)) % w.stride[i];
    write_window(n, &w, extra, &numbers);
    if (gradient_wants(gr, 0))
        gradient_give(gr, 0,
                      gradient_op(gr, OP_ConvTranspose, (fovea_value[]){grad, n->in[1]}, 2,
                                  numbers.list, EXTRA + 1));
    give_weights(gr, n->in[0], grad, &numbers);
    give_bias(gr);
    gradient_give(gr, 3, grad);
}

/* Cuts a value to `shape`, from the first element on of every axis. */
static fovea_value cut(struct gradient *gr, fovea_value x, const fovea_desc *shape) {
    fovea_desc d = gradient_desc(gr, x);
    int64_t zeros[FOVEA_MAX_RANK] = {0};
    if (gr->status != FOVEA_OK || desc_equal(&d, shape)) return x;
    size_t rank = (size_t)shape->rank;
    fovea_value in[3] = {x, gradient_ints(gr, zeros, rank), gradient_ints(gr, shape->dim, rank)};
    return gradient_op(gr, OP_Slice, in, 3, NULL, 0);
}

/* The output of a ConvTranspose may be larger than its window reaches (output_shape, output_padding) or
 * its pads negative; the Conv over its gradient then gets pads with which it covers the whole input, and
 * what it has more is cut off. */
void gradient_conv_transpose(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), weights = gradient_desc(gr, n->in[1]);
    fovea_value grad = gradient_of(gr, 0);
    struct window_numbers numbers;
    struct window w;
    fovea_status status = window_resolve_transposed(n, &x, weights.dim + 2, &w);
    gradient_fail(gr, status);
    if (status != FOVEA_OK) return;
    for (int i = 0; i < 3; i++) {
        int64_t reach = (w.in[i] - 1) * w.stride[i] + extent(&w, i) - w.pad_begin[i];
        w.pad_end[i] = reach > w.out[i] ? reach - w.out[i] : 0;
    }
    write_window(n, &w, (int64_t[3]){0, 0, 0}, &numbers);
    if (gradient_wants(gr, 0)) {
        fovea_value whole =
            gradient_op(gr, OP_Conv, (fovea_value[]){grad, n->in[1]}, 2, numbers.list, EXTRA);
        gradient_give(gr, 0, cut(gr, whole, &x));
    }
    give_weights(gr, grad, n->in[0], &numbers);
    give_bias(gr);
}
