/* SqueezeNet 1.1 and MobileNetV2: few parameters, little arithmetic. */
#include "zoo/zoo.h"

/* ---- Iandola et al., SqueezeNet, 2016; version 1.1 of the authors' repository ---- */

static struct map fire(struct zoo *z, int number, struct map x, int64_t squeeze, int64_t expand) {
    struct map b[2];
    const char *name = zoo_name(z, "fire%d", number);
    x = zoo_conv(z, zoo_name(z, "%s.squeeze", name), x,
                 (struct zoo_conv){.oc = squeeze, .kh = 1, .after = ZOO_RELU});
    b[0] = zoo_conv(z, zoo_name(z, "%s.expand1x1", name), x,
                    (struct zoo_conv){.oc = expand, .kh = 1, .after = ZOO_RELU});
    b[1] = zoo_conv(z, zoo_name(z, "%s.expand3x3", name), x,
                    (struct zoo_conv){.oc = expand, .kh = 3, .ph = 1, .after = ZOO_RELU});
    return zoo_concat(z, name, b, 2);
}

/* The last convolution gives one map a class and, as published, ends in Relu too. */
void zoo_squeezenet(struct zoo *z, int variant) {
    static const int64_t squeeze[8] = {16, 16, 32, 32, 48, 48, 64, 64};
    (void)variant;
    struct map x = zoo_conv(z, "conv1", zoo_input(z),
                            (struct zoo_conv){.oc = 64, .kh = 3, .stride = 2, .after = ZOO_RELU});
    x = zoo_max_pool(z, "pool1", x, 3, 2, 0, true);
    for (int i = 0; i < 8; i++) {
        x = fire(z, i + 2, x, squeeze[i], 4 * squeeze[i]);
        if (i == 1 || i == 3) x = zoo_max_pool(z, zoo_name(z, "pool%d", i + 2), x, 3, 2, 0, true);
    }
    x = zoo_dropout(z, "drop9", x, 0.5f);
    x = zoo_conv(z, "conv10", x,
                 (struct zoo_conv){.oc = z->options.classes, .kh = 1, .after = ZOO_RELU});
    zoo_output(z, "output", zoo_flatten(z, "flatten", zoo_global_average_pool(z, "pool10", x)));
}

/* ---- Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks, 2018, table 2 ---- */

static const float epsilon = 1e-5f;

static struct map inverted_residual(struct zoo *z, const char *name, struct map x, int64_t oc,
                                    int64_t stride, int64_t expansion) {
    struct map y = x;
    int64_t hidden = x.c * expansion;
    if (expansion != 1)
        y = zoo_conv_norm(z, zoo_name(z, "%s.expand", name), zoo_name(z, "%s.expand_bn", name), y,
                          (struct zoo_conv){.oc = hidden, .kh = 1, .after = ZOO_RELU6}, epsilon);
    struct zoo_conv depthwise = {
        .oc = hidden, .kh = 3, .stride = stride, .ph = 1, .groups = hidden, .after = ZOO_RELU6};
    y = zoo_conv_norm(z, zoo_name(z, "%s.depthwise", name), zoo_name(z, "%s.depthwise_bn", name), y,
                      depthwise, epsilon);
    y = zoo_conv_norm(z, zoo_name(z, "%s.project", name), zoo_name(z, "%s.project_bn", name), y,
                      (struct zoo_conv){.oc = oc, .kh = 1}, epsilon);
    return stride == 1 && x.c == oc ? zoo_add(z, zoo_name(z, "%s.add", name), x, y) : y;
}

void zoo_mobilenet_v2(struct zoo *z, int variant) {
    static const struct {
        int64_t expansion, channels, blocks, stride; /* the stride is the first block's */
    } rows[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    (void)variant;
    struct map x = zoo_conv_norm(
        z, "conv1", "bn1", zoo_input(z),
        (struct zoo_conv){.oc = 32, .kh = 3, .stride = 2, .ph = 1, .after = ZOO_RELU6}, epsilon);
    for (int row = 0, block = 1; row < 7; row++)
        for (int64_t i = 0; i < rows[row].blocks; i++, block++)
            x = inverted_residual(z, zoo_name(z, "block%d", block), x, rows[row].channels,
                                  i == 0 ? rows[row].stride : 1, rows[row].expansion);
    x = zoo_conv_norm(z, "conv2", "bn2", x,
                      (struct zoo_conv){.oc = 1280, .kh = 1, .after = ZOO_RELU6}, epsilon);
    x = zoo_flatten(z, "flatten", zoo_global_average_pool(z, "pool", x));
    zoo_output(z, "output", zoo_dense_last(z, "fc", zoo_dropout(z, "drop", x, 0.2f)));
}
