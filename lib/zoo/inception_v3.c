/* Inception v3: Szegedy et al., Rethinking the Inception architecture for computer vision, 2015, with
 * the numbers and names of torchvision. */
#include "zoo/zoo.h"

/* Convolution, batch normalization, Relu; `block` may be "". */
static struct map unit_of(struct zoo *z, const char *block, const char *name, struct map x,
                          struct zoo_conv c) {
    const char *full = *block ? zoo_name(z, "%s.%s", block, name) : name;
    c.after = ZOO_RELU;
    return zoo_conv_norm(z, zoo_name(z, "%s.conv", full), zoo_name(z, "%s.bn", full), x, c, 1e-3f);
}

/* kh x kw, same padding. */
static struct map unit(struct zoo *z, const char *block, const char *name, struct map x, int64_t oc,
                       int64_t kh, int64_t kw) {
    return unit_of(z, block, name, x,
                   (struct zoo_conv){.oc = oc, .kh = kh, .kw = kw, .ph = kh / 2, .pw = kw / 2});
}

/* k x k, no padding. */
static struct map unit_valid(struct zoo *z, const char *block, const char *name, struct map x,
                             int64_t oc, int64_t k, int64_t stride) {
    return unit_of(z, block, name, x, (struct zoo_conv){.oc = oc, .kh = k, .stride = stride});
}

static struct map pool_unit(struct zoo *z, const char *block, struct map x, int64_t oc) {
    x = zoo_average_pool(z, zoo_name(z, "%s.pool", block), x, 3, 1, 1);
    return unit(z, block, "branch_pool", x, oc, 1, 1);
}

static struct map block_a(struct zoo *z, const char *block, struct map x, int64_t pool) {
    struct map b[4];
    b[0] = unit(z, block, "branch1x1", x, 64, 1, 1);
    b[1] = unit(z, block, "branch5x5_2", unit(z, block, "branch5x5_1", x, 48, 1, 1), 64, 5, 5);
    b[2] = unit(z, block, "branch3x3dbl_1", x, 64, 1, 1);
    b[2] = unit(z, block, "branch3x3dbl_2", b[2], 96, 3, 3);
    b[2] = unit(z, block, "branch3x3dbl_3", b[2], 96, 3, 3);
    b[3] = pool_unit(z, block, x, pool);
    return zoo_concat(z, block, b, 4);
}

static struct map block_b(struct zoo *z, const char *block, struct map x) {
    struct map b[3];
    b[0] = unit_valid(z, block, "branch3x3", x, 384, 3, 2);
    b[1] = unit(z, block, "branch3x3dbl_1", x, 64, 1, 1);
    b[1] = unit(z, block, "branch3x3dbl_2", b[1], 96, 3, 3);
    b[1] = unit_valid(z, block, "branch3x3dbl_3", b[1], 96, 3, 2);
    b[2] = zoo_max_pool(z, zoo_name(z, "%s.pool", block), x, 3, 2, 0, false);
    return zoo_concat(z, block, b, 3);
}

static struct map block_c(struct zoo *z, const char *block, struct map x, int64_t c7) {
    struct map b[4];
    b[0] = unit(z, block, "branch1x1", x, 192, 1, 1);
    b[1] = unit(z, block, "branch7x7_1", x, c7, 1, 1);
    b[1] = unit(z, block, "branch7x7_2", b[1], c7, 1, 7);
    b[1] = unit(z, block, "branch7x7_3", b[1], 192, 7, 1);
    b[2] = unit(z, block, "branch7x7dbl_1", x, c7, 1, 1);
    b[2] = unit(z, block, "branch7x7dbl_2", b[2], c7, 7, 1);
    b[2] = unit(z, block, "branch7x7dbl_3", b[2], c7, 1, 7);
    b[2] = unit(z, block, "branch7x7dbl_4", b[2], c7, 7, 1);
    b[2] = unit(z, block, "branch7x7dbl_5", b[2], 192, 1, 7);
    b[3] = pool_unit(z, block, x, 192);
    return zoo_concat(z, block, b, 4);
}

static struct map block_d(struct zoo *z, const char *block, struct map x) {
    struct map b[3];
    b[0] = unit(z, block, "branch3x3_1", x, 192, 1, 1);
    b[0] = unit_valid(z, block, "branch3x3_2", b[0], 320, 3, 2);
    b[1] = unit(z, block, "branch7x7x3_1", x, 192, 1, 1);
    b[1] = unit(z, block, "branch7x7x3_2", b[1], 192, 1, 7);
    b[1] = unit(z, block, "branch7x7x3_3", b[1], 192, 7, 1);
    b[1] = unit_valid(z, block, "branch7x7x3_4", b[1], 192, 3, 2);
    b[2] = zoo_max_pool(z, zoo_name(z, "%s.pool", block), x, 3, 2, 0, false);
    return zoo_concat(z, block, b, 3);
}

/* A 3x3 convolution as 1x3 beside 3x1. */
static struct map fork(struct zoo *z, const char *block, const char *name, struct map x) {
    struct map b[2];
    b[0] = unit(z, block, zoo_name(z, "%sa", name), x, 384, 1, 3);
    b[1] = unit(z, block, zoo_name(z, "%sb", name), x, 384, 3, 1);
    return zoo_concat(z, zoo_name(z, "%s.%s", block, name), b, 2);
}

static struct map block_e(struct zoo *z, const char *block, struct map x) {
    struct map b[4];
    b[0] = unit(z, block, "branch1x1", x, 320, 1, 1);
    b[1] = fork(z, block, "branch3x3_2", unit(z, block, "branch3x3_1", x, 384, 1, 1));
    b[2] = unit(z, block, "branch3x3dbl_1", x, 448, 1, 1);
    b[2] = unit(z, block, "branch3x3dbl_2", b[2], 384, 3, 3);
    b[2] = fork(z, block, "branch3x3dbl_3", b[2]);
    b[3] = pool_unit(z, block, x, 192);
    return zoo_concat(z, block, b, 4);
}

/* The auxiliary classifier beside Mixed_6e, for training only. */
static void auxiliary(struct zoo *z, struct map x) {
    x = zoo_average_pool(z, "AuxLogits.pool", x, 5, 3, 0);
    x = unit(z, "AuxLogits", "conv0", x, 128, 1, 1);
    x = unit_valid(z, "AuxLogits", "conv1", x, 768, 5, 1);
    x = zoo_flatten(z, "AuxLogits.flatten", zoo_global_average_pool(z, "AuxLogits.avgpool", x));
    zoo_output(z, "aux1", zoo_dense_last(z, "AuxLogits.fc", x));
}

static struct map stem(struct zoo *z) {
    struct map x = unit_valid(z, "", "Conv2d_1a_3x3", zoo_input(z), 32, 3, 2);
    x = unit_valid(z, "", "Conv2d_2a_3x3", x, 32, 3, 1);
    x = unit(z, "", "Conv2d_2b_3x3", x, 64, 3, 3);
    x = zoo_max_pool(z, "maxpool1", x, 3, 2, 0, false);
    x = unit(z, "", "Conv2d_3b_1x1", x, 80, 1, 1);
    x = unit_valid(z, "", "Conv2d_4a_3x3", x, 192, 3, 1);
    return zoo_max_pool(z, "maxpool2", x, 3, 2, 0, false);
}

void zoo_inception_v3(struct zoo *z, int variant) {
    (void)variant;
    struct map x = stem(z), side;
    x = block_a(z, "Mixed_5b", x, 32);
    x = block_a(z, "Mixed_5c", x, 64);
    x = block_a(z, "Mixed_5d", x, 64);
    x = block_b(z, "Mixed_6a", x);
    x = block_c(z, "Mixed_6b", x, 128);
    x = block_c(z, "Mixed_6c", x, 160);
    x = block_c(z, "Mixed_6d", x, 160);
    x = side = block_c(z, "Mixed_6e", x, 192);
    x = block_d(z, "Mixed_7a", x);
    x = block_e(z, "Mixed_7b", x);
    x = block_e(z, "Mixed_7c", x);
    x = zoo_dropout(z, "dropout", zoo_global_average_pool(z, "avgpool", x), 0.5f);
    zoo_output(z, "output", zoo_dense_last(z, "fc", zoo_flatten(z, "flatten", x)));
    if (z->options.training) auxiliary(z, side);
}
