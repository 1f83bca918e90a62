/* What the network files share: layers with fresh weights, appended through the public builders.
 *
 * A failure is remembered in `status`, and every later call does nothing, so that a network reads like
 * the table in its paper. */
#ifndef ZOO_ZOO_H
#define ZOO_ZOO_H

#include "base/status.h"

enum { ZOO_NAMES = 128, ZOO_NAME_LENGTH = 96 };

struct zoo {
    fovea_graph *graph;
    fovea_zoo_options options; /* zeros replaced by what was published */
    fovea_status status;
    char names[ZOO_NAMES][ZOO_NAME_LENGTH]; /* ring of zoo_name */
    unsigned next_name;
};

/* Feature maps: a value of shape (n, c, h, w), or (n, c) with h = w = 1. */
struct map {
    fovea_value value;
    int64_t c, h, w;
};

enum zoo_after { ZOO_PLAIN, ZOO_RELU, ZOO_RELU6 };

struct zoo_conv {
    int64_t oc, kh, kw, stride, ph,
        pw;         /* kw 0: square; stride 0: 1; ph, pw: padding on both sides */
    int64_t groups; /* 0: 1 */
    enum zoo_after after;
};

/* Formats a name, which stays good while one block of a network is written. */
const char *zoo_name(struct zoo *, const char *format, ...) PRINTF_LIKE(2, 3);
struct map zoo_input(struct zoo *);
/* Convolution with bias. Weights: He et al. 2015, uniform with variance 2 / fan-in; bias 0. */
struct map zoo_conv(struct zoo *, const char *name, struct map x, struct zoo_conv);
/* Convolution without bias, then batch normalization named `norm`: scale 1, bias 0, mean 0, variance 1. */
struct map zoo_conv_norm(struct zoo *, const char *name, const char *norm, struct map x,
                         struct zoo_conv, float epsilon);
struct map zoo_max_pool(struct zoo *, const char *name, struct map x, int64_t k, int64_t stride,
                        int64_t pad, bool ceil_mode);
struct map zoo_average_pool(struct zoo *, const char *name, struct map x, int64_t k, int64_t stride,
                            int64_t pad);
struct map zoo_global_average_pool(struct zoo *, const char *name, struct map x);
struct map zoo_unary(struct zoo *, const char *op, const char *name, struct map x);
struct map zoo_add(struct zoo *, const char *name, struct map a, struct map b);
struct map zoo_concat(struct zoo *, const char *name, const struct map *xs, size_t count);
struct map zoo_lrn(struct zoo *, const char *name, struct map x, float alpha, float k);
struct map zoo_dropout(struct zoo *, const char *name, struct map x, float ratio);
struct map zoo_flatten(struct zoo *, const char *name, struct map x);
/* Fully connected, then Relu. */
struct map zoo_dense(struct zoo *, const char *name, struct map x, int64_t m);
/* The last layer of a network, one output a class. Glorot and Bengio 2010: variance
 * 2 / (fan-in + fan-out). */
struct map zoo_dense_last(struct zoo *, const char *name, struct map x);
/* Softmax over the classes; the value becomes an output of the graph under the name. */
void zoo_output(struct zoo *, const char *name, struct map x);

/* The networks. `variant` is the number of layers where a family has several. */
void zoo_lenet5(struct zoo *, int variant);
void zoo_alexnet(struct zoo *, int variant);
void zoo_vgg(struct zoo *, int variant);
void zoo_googlenet(struct zoo *, int variant);
void zoo_inception_v3(struct zoo *, int variant);
void zoo_resnet(struct zoo *, int variant);
void zoo_resnet_small(struct zoo *, int variant);
void zoo_squeezenet(struct zoo *, int variant);
void zoo_mobilenet_v2(struct zoo *, int variant);

#endif
