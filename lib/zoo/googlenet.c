/* GoogLeNet: Szegedy et al., Going deeper with convolutions, 2014, table 1 and figure 3; no batch
 * normalization. Local response normalization has Caffe's numbers, since the paper gives none. */
#include "zoo/zoo.h"

/* One row of table 1. */
struct inception {
    const char *name;
    int64_t one, reduce3, three, reduce5, five, pool;
};

static struct map conv(struct zoo *z, const char *module, const char *name, struct map x,
                       int64_t oc, int64_t k) {
    return zoo_conv(z, zoo_name(z, "%s.%s", module, name), x,
                    (struct zoo_conv){.oc = oc, .kh = k, .ph = k / 2, .after = ZOO_RELU});
}

static struct map inception(struct zoo *z, struct map x, const struct inception *m) {
    struct map b[4];
    b[0] = conv(z, m->name, "1x1", x, m->one, 1);
    b[1] = conv(z, m->name, "3x3", conv(z, m->name, "3x3_reduce", x, m->reduce3, 1), m->three, 3);
    b[2] = conv(z, m->name, "5x5", conv(z, m->name, "5x5_reduce", x, m->reduce5, 1), m->five, 5);
    b[3] = zoo_max_pool(z, zoo_name(z, "%s.pool", m->name), x, 3, 1, 1, false);
    b[3] = conv(z, m->name, "pool_proj", b[3], m->pool, 1);
    return zoo_concat(z, m->name, b, 4);
}

/* The auxiliary classifiers beside 4a and 4d, for training only. */
static void auxiliary(struct zoo *z, const char *name, struct map x) {
    x = zoo_average_pool(z, zoo_name(z, "%s.pool", name), x, 5, 3, 0);
    x = conv(z, name, "conv", x, 128, 1);
    x = zoo_flatten(z, zoo_name(z, "%s.flatten", name), x);
    x = zoo_dense(z, zoo_name(z, "%s.fc1", name), x, 1024);
    x = zoo_dropout(z, zoo_name(z, "%s.drop", name), x, 0.7f);
    zoo_output(z, name, zoo_dense_last(z, zoo_name(z, "%s.fc2", name), x));
}

static struct map stem(struct zoo *z) {
    struct map x = zoo_input(z);
    x = zoo_conv(z, "conv1", x,
                 (struct zoo_conv){.oc = 64, .kh = 7, .stride = 2, .ph = 3, .after = ZOO_RELU});
    x = zoo_lrn(z, "norm1", zoo_max_pool(z, "pool1", x, 3, 2, 0, true), 1e-4f, 1);
    x = zoo_conv(z, "conv2_reduce", x, (struct zoo_conv){.oc = 64, .kh = 1, .after = ZOO_RELU});
    x = zoo_conv(z, "conv2", x, (struct zoo_conv){.oc = 192, .kh = 3, .ph = 1, .after = ZOO_RELU});
    return zoo_max_pool(z, "pool2", zoo_lrn(z, "norm2", x, 1e-4f, 1), 3, 2, 0, true);
}

void zoo_googlenet(struct zoo *z, int variant) {
    static const struct inception rows[] = {
        {"inception3a", 64, 96, 128, 16, 32, 32},     {"inception3b", 128, 128, 192, 32, 96, 64},
        {"inception4a", 192, 96, 208, 16, 48, 64},    {"inception4b", 160, 112, 224, 24, 64, 64},
        {"inception4c", 128, 128, 256, 24, 64, 64},   {"inception4d", 112, 144, 288, 32, 64, 64},
        {"inception4e", 256, 160, 320, 32, 128, 128}, {"inception5a", 256, 160, 320, 32, 128, 128},
        {"inception5b", 384, 192, 384, 48, 128, 128}};
    struct map x = stem(z), after[9];
    (void)variant;
    for (int i = 0; i < 9; i++) {
        x = after[i] = inception(z, x, &rows[i]);
        if (i == 1) x = zoo_max_pool(z, "pool3", x, 3, 2, 0, true);
        if (i == 6) x = zoo_max_pool(z, "pool4", x, 3, 2, 0, true);
    }
    x = zoo_flatten(z, "flatten", zoo_global_average_pool(z, "pool5", x));
    zoo_output(z, "output", zoo_dense_last(z, "fc", zoo_dropout(z, "drop", x, 0.4f)));
    if (!z->options.training) return;
    auxiliary(z, "aux1", after[2]);
    auxiliary(z, "aux2", after[5]);
}
