/* What the algorithms for the gradient of a convolution's weights share. */
#ifndef OPS_CONV_GRAD_H
#define OPS_CONV_GRAD_H

#include "ops/conv.h"

/* The convolution whose weights' gradient a ConvGradWeights node is: its window and sizes. */
struct conv conv_grad_of(const struct site *);

extern const struct algorithm conv_grad_weights_blocked, conv_grad_weights_shallow;
extern const struct algorithm conv_grad_weights_gemm;
extern const struct algorithm conv_grad_weights_depthwise_blocked;

#endif
