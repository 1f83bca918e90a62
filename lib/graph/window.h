/* The sliding window of convolution and pooling, with everything resolved to numbers. Always three
 * spatial axes (depth, height, width); a 1-D or 2-D operator has leading axes of size 1, so that one
 * loop nest and one kernel serve all. */
#ifndef GRAPH_WINDOW_H
#define GRAPH_WINDOW_H

#include "graph/graph.h"

struct window {
    int rank; /* spatial axes of the operator: 1, 2 or 3 */
    int64_t in[3], kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3], out[3];
};

/* For Conv, pooling: from the attributes kernel_shape (or `kernel`, spatial sizes of the weights;
 * NULL for pooling), strides, dilations, pads, auto_pad (NOTSET, VALID, SAME_UPPER, SAME_LOWER, and
 * our FULL), ceil_mode. x (n, c, spatial...). Errors: INVALID. Out sizes follow the ONNX standard:
 * with ceil_mode a window that would start in the end padding is dropped. */
fovea_status window_resolve(const struct node *, const fovea_desc *x, const int64_t *kernel,
                            struct window *out);
/* The pooled input of AveragePoolGrad, from its attribute input_shape; rank 0 if that has none or too many
 * numbers. */
fovea_desc pool_grad_input(const struct node *, const fovea_desc *dy);
/* For ConvTranspose: out = (in - 1) * stride + output_padding + (kernel - 1) * dilation + 1 - pads;
 * output_shape and auto_pad give the pads instead. */
fovea_status window_resolve_transposed(const struct node *, const fovea_desc *x,
                                       const int64_t *kernel, struct window *out);

/* For ConvGradWeights: as for Conv, with the attribute kernel_shape; the output sizes are those of
 * grad_y (n, c, spatial...), none of which may be larger than Conv's. */
fovea_status window_resolve_grad(const struct node *, const fovea_desc *x, const fovea_desc *grad_y,
                                 struct window *out);

#endif
