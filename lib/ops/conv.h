/* What the convolution algorithms share: a node seen as a convolution, and its kernel arguments. */
#ifndef OPS_CONV_H
#define OPS_CONV_H

#include "graph/window.h"
#include "ops/algorithm.h"

enum { CONV_SPAN_LIMIT = 1 << 30 }; /* of a padded axis: kernels count it in ints */

/* Where a filter's elements lie: that of output channel o, input channel c and tap (i, j) of a group is
 * number first + group * g + out * o + in * c + row * i + column * j of the weights. */
struct conv_weights {
    int64_t first, group, out, in, row, column;
};

/* A convolution: sizes of one group. */
struct conv {
    struct window w;
    int64_t n, groups, ic, oc; /* channels of one group */
    int64_t plane, pixels;     /* elements of one input and output channel */
    int64_t taps, k;           /* of one filter for one channel; of a whole filter: ic * taps */
    bool fits;                 /* every padded axis is within CONV_SPAN_LIMIT */
    /* A ConvTranspose is as many convolutions of stride 1 as its strides have phases: each makes the outputs
     * first, first + step, ... of `whole` along the axes from every step-th tap, turned. A Conv is one. */
    int64_t phases, first[3], step[3], whole[3];
    struct conv_weights weights;
};

extern const struct algorithm conv_transpose_direct;
extern const struct algorithm conv_strip;
extern const struct algorithm conv_blocked;
extern const struct algorithm conv_implicit_gemm;
extern const struct algorithm conv_winograd_tiled_f4x3;
extern const struct algorithm conv_winograd_tiled_f2x3;
extern const struct algorithm conv_winograd_f4x3;
extern const struct algorithm conv_winograd_f2x3;
extern const struct algorithm conv_shallow;

/* A Conv, or phase 0 of a ConvTranspose: all of it where the stride is 1. */
struct conv conv_of(const struct site *);
struct conv conv_phase_of(const struct site *, int64_t phase);
/* A ConvTranspose with its own window, its stride not taken apart. */
struct conv conv_transposed_of(const struct site *);
/* From a resolved window and the channels of a group: all that follows from them. */
void conv_measure(struct conv *, int64_t ic, int64_t oc);
/* The input itself is the matrix: 1x1, stride 1, no padding. */
bool conv_is_pointwise(const struct conv *);
/* Why an algorithm for one convolution cannot do the node: several phases, or axes too long. */
const char *conv_refuse_phases(const struct conv *);
const char *conv_refuse_span(const struct conv *);
/* The ints out, in, row and column of the weights; the weights themselves, from the first of the filter on. */
void conv_push_weight_steps(struct recipe *, const struct conv *);
void conv_push_weights(const struct site *, struct recipe *, const struct conv *);
/* Why an algorithm that computes y = activate(conv + bias) only cannot do the node; NULL if it can. */
const char *conv_refuse_residual(const struct site *);
/* -DKD= .. -DDW=: filter size, stride, dilation. */
void conv_push_window(struct recipe *, const struct window *);
void conv_push_ints(struct recipe *, const int64_t *three);
/* -DHAS_BIAS=, input, weights and bias. */
void conv_push_inputs(const struct site *, struct recipe *);
/* -DHAS_RESIDUAL= and the residual; the activation and the output. */
void conv_push_residual(const struct site *, struct recipe *);
void conv_push_outputs(const struct site *, struct recipe *);
/* Work-items that keep all compute units of a CPU busy to the end; fewer where each would do less than
 * what waking a thread takes. */
int64_t conv_groups(const struct site *, const struct conv *);
/* Seconds for `flops` at a share of the peak, or for the traffic of the node. */
double conv_seconds(const struct site *, double flops, double share, double launches);

/* The columns (k, count) of `count` output pixels from `first` on, of image and group `plane_group` of input 0, into
 * the workspace from byte `at` on. */
void conv_columns_lower(const struct site *, struct recipe *, const struct conv *,
                        int64_t plane_group, size_t at, int64_t first, int64_t count);
/* A plain input of few channels as a first layer's kernels read it: rows with their padding, the channels of a
 * pixel together (n, height, columns, ic), copied by conv_shallow.cl. */
struct conv_rows {
    int64_t height, columns;
    size_t bytes; /* of the copy; 0: the input itself will do */
};
struct conv_rows conv_rows_of(const struct conv *);
/* The launch that copies input 0 to the start of the workspace. */
void conv_rows_lower(const struct site *, struct recipe *, const struct conv *,
                     const struct conv_rows *);

#endif
