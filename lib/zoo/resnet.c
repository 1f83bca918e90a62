/* ResNet: He et al., Deep residual learning for image recognition, 2015, table 1; in bottlenecks the
 * 3x3 convolution has the stride (often called version 1.5). Names are torchvision's. */
#include "zoo/zoo.h"

static const float epsilon = 1e-5f;

static struct map conv_norm(struct zoo *z, const char *block, int i, struct map x,
                            struct zoo_conv c) {
    return zoo_conv_norm(z, zoo_name(z, "%s.conv%d", block, i), zoo_name(z, "%s.bn%d", block, i), x,
                         c, epsilon);
}

/* channels: of the 3x3 convolutions; a bottleneck gives four times as many. */
static struct map residual(struct zoo *z, const char *block, struct map x, int64_t channels,
                           int64_t stride, bool bottleneck) {
    struct map y, shortcut = x;
    int64_t oc = bottleneck ? 4 * channels : channels;
    struct zoo_conv three = {.oc = channels, .kh = 3, .stride = stride, .ph = 1, .after = ZOO_RELU};
    if (bottleneck) {
        y = conv_norm(z, block, 1, x,
                      (struct zoo_conv){.oc = channels, .kh = 1, .after = ZOO_RELU});
        y = conv_norm(z, block, 2, y, three);
        y = conv_norm(z, block, 3, y, (struct zoo_conv){.oc = oc, .kh = 1});
    } else {
        y = conv_norm(z, block, 1, x, three);
        y = conv_norm(z, block, 2, y, (struct zoo_conv){.oc = oc, .kh = 3, .ph = 1});
    }
    if (stride != 1 || x.c != oc)
        shortcut = zoo_conv_norm(z, zoo_name(z, "%s.downsample.0", block),
                                 zoo_name(z, "%s.downsample.1", block), x,
                                 (struct zoo_conv){.oc = oc, .kh = 1, .stride = stride}, epsilon);
    return zoo_unary(z, "Relu", zoo_name(z, "%s.relu", block),
                     zoo_add(z, zoo_name(z, "%s.add", block), y, shortcut));
}

void zoo_resnet(struct zoo *z, int variant) {
    static const struct {
        int variant, blocks[4];
    } table[] = {{18, {2, 2, 2, 2}},
                 {34, {3, 4, 6, 3}},
                 {50, {3, 4, 6, 3}},
                 {101, {3, 4, 23, 3}},
                 {152, {3, 8, 36, 3}}};
    int row = 0;
    while (table[row].variant != variant) row++;
    struct map x = zoo_conv_norm(
        z, "conv1", "bn1", zoo_input(z),
        (struct zoo_conv){.oc = 64, .kh = 7, .stride = 2, .ph = 3, .after = ZOO_RELU}, epsilon);
    x = zoo_max_pool(z, "maxpool", x, 3, 2, 1, false);
    for (int layer = 0; layer < 4; layer++)
        for (int i = 0; i < table[row].blocks[layer]; i++)
            x = residual(z, zoo_name(z, "layer%d.%d", layer + 1, i), x, INT64_C(64) << layer,
                         layer > 0 && i == 0 ? 2 : 1, variant >= 50);
    x = zoo_flatten(z, "flatten", zoo_global_average_pool(z, "avgpool", x));
    zoo_output(z, "output", zoo_dense_last(z, "fc", x));
}

/* The networks for small pictures (CIFAR) of section 4.2: 6n + 2 layers in three stages of n blocks with 16,
 * 32 and 64 channels. Where the channels double, the shortcut is a 1x1 convolution. */
void zoo_resnet_small(struct zoo *z, int variant) {
    struct map x =
        zoo_conv_norm(z, "conv1", "bn1", zoo_input(z),
                      (struct zoo_conv){.oc = 16, .kh = 3, .ph = 1, .after = ZOO_RELU}, epsilon);
    for (int layer = 0; layer < 3; layer++)
        for (int i = 0; i < (variant - 2) / 6; i++)
            x = residual(z, zoo_name(z, "layer%d.%d", layer + 1, i), x, INT64_C(16) << layer,
                         layer > 0 && i == 0 ? 2 : 1, false);
    x = zoo_flatten(z, "flatten", zoo_global_average_pool(z, "avgpool", x));
    zoo_output(z, "output", zoo_dense_last(z, "fc", x));
}
