/* LeNet-5, AlexNet, VGG: convolutions in a row, then fully connected layers. */
#include "zoo/zoo.h"

/* LeCun et al., Gradient-based learning applied to document recognition, 1998, as it is used today:
 * every map of the second convolution sees all of the first, max pooling, Relu, 28 x 28 pictures with
 * two pixels of padding in place of the paper's 32 x 32. */
void zoo_lenet5(struct zoo *z, int variant) {
    (void)variant;
    struct map x = zoo_input(z);
    x = zoo_conv(z, "conv1", x, (struct zoo_conv){.oc = 6, .kh = 5, .ph = 2, .after = ZOO_RELU});
    x = zoo_max_pool(z, "pool1", x, 2, 2, 0, false);
    x = zoo_conv(z, "conv2", x, (struct zoo_conv){.oc = 16, .kh = 5, .after = ZOO_RELU});
    x = zoo_max_pool(z, "pool2", x, 2, 2, 0, false);
    x = zoo_dense(z, "fc1", zoo_flatten(z, "flatten", x), 120);
    x = zoo_dense(z, "fc2", x, 84);
    zoo_output(z, "output", zoo_dense_last(z, "fc3", x));
}

/* Two hidden layers of 4096, with dropout as in both papers. */
static void wide_head(struct zoo *z, struct map x) {
    x = zoo_flatten(z, "flatten", x);
    x = zoo_dropout(z, "drop6", zoo_dense(z, "fc6", x, 4096), 0.5f);
    x = zoo_dropout(z, "drop7", zoo_dense(z, "fc7", x, 4096), 0.5f);
    zoo_output(z, "output", zoo_dense_last(z, "fc8", x));
}

/* Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional neural networks,
 * 2012: two groups, as it ran on two devices. The paper's normalisation has k = 2, n = 5, alpha = 1e-4
 * over a plain sum; the operator divides alpha by n. */
void zoo_alexnet(struct zoo *z, int variant) {
    (void)variant;
    struct map x = zoo_input(z);
    x = zoo_conv(z, "conv1", x,
                 (struct zoo_conv){.oc = 96, .kh = 11, .stride = 4, .after = ZOO_RELU});
    x = zoo_max_pool(z, "pool1", zoo_lrn(z, "norm1", x, 5e-4f, 2), 3, 2, 0, false);
    x = zoo_conv(z, "conv2", x,
                 (struct zoo_conv){.oc = 256, .kh = 5, .ph = 2, .groups = 2, .after = ZOO_RELU});
    x = zoo_max_pool(z, "pool2", zoo_lrn(z, "norm2", x, 5e-4f, 2), 3, 2, 0, false);
    x = zoo_conv(z, "conv3", x, (struct zoo_conv){.oc = 384, .kh = 3, .ph = 1, .after = ZOO_RELU});
    x = zoo_conv(z, "conv4", x,
                 (struct zoo_conv){.oc = 384, .kh = 3, .ph = 1, .groups = 2, .after = ZOO_RELU});
    x = zoo_conv(z, "conv5", x,
                 (struct zoo_conv){.oc = 256, .kh = 3, .ph = 1, .groups = 2, .after = ZOO_RELU});
    wide_head(z, zoo_max_pool(z, "pool5", x, 3, 2, 0, false));
}

/* Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, 2014,
 * configurations A, B, D and E: five blocks of 3x3 convolutions, each ended by a pool. */
void zoo_vgg(struct zoo *z, int variant) {
    static const int64_t channels[5] = {64, 128, 256, 512, 512};
    const int first = variant == 11 ? 1 : 2;
    const int rest = variant == 19 ? 4 : variant == 16 ? 3 : 2;
    struct map x = zoo_input(z);
    for (int block = 0; block < 5; block++) {
        struct zoo_conv c = {.oc = channels[block], .kh = 3, .ph = 1, .after = ZOO_RELU};
        int count = block < 2 ? first : rest;
        for (int i = 0; i < count; i++)
            x = zoo_conv(z, zoo_name(z, "conv%d_%d", block + 1, i + 1), x, c);
        x = zoo_max_pool(z, zoo_name(z, "pool%d", block + 1), x, 2, 2, 0, false);
    }
    wide_head(z, x);
}
