/* The list of networks. */
#include "zoo/zoo.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static const struct {
    const char *name;
    void (*build)(struct zoo *, int variant);
    int variant;
    int64_t size; /* height and width of the published picture */
} networks[] = {
    {"lenet5", zoo_lenet5, 0, 28},
    {"alexnet", zoo_alexnet, 0, 227},
    {"vgg11", zoo_vgg, 11, 224},
    {"vgg13", zoo_vgg, 13, 224},
    {"vgg16", zoo_vgg, 16, 224},
    {"vgg19", zoo_vgg, 19, 224},
    {"googlenet", zoo_googlenet, 0, 224},
    {"inception_v3", zoo_inception_v3, 0, 299},
    {"resnet20", zoo_resnet_small, 20, 32},
    {"resnet32", zoo_resnet_small, 32, 32},
    {"resnet56", zoo_resnet_small, 56, 32},
    {"resnet110", zoo_resnet_small, 110, 32},
    {"resnet18", zoo_resnet, 18, 224},
    {"resnet34", zoo_resnet, 34, 224},
    {"resnet50", zoo_resnet, 50, 224},
    {"resnet101", zoo_resnet, 101, 224},
    {"resnet152", zoo_resnet, 152, 224},
    {"squeezenet1_1", zoo_squeezenet, 0, 224},
    {"mobilenet_v2", zoo_mobilenet_v2, 0, 224},
};
enum { NETWORKS = sizeof networks / sizeof *networks };

const char *fovea_zoo_name(size_t i) {
    return i < NETWORKS ? networks[i].name : NULL;
}

static fovea_status refuse_name(const char *name) {
    struct text list = {0};
    for (size_t i = 0; i < NETWORKS; i++) text_add(&list, "%s%s", i ? ", " : "", networks[i].name);
    char *names = text_take(&list);
    fovea_status status = fail(FOVEA_INVALID, "there is no network '%s'; known are %s",
                               name ? name : "", names ? names : "lenet5 and others");
    mem_free(names);
    return status;
}

static fovea_status check_options(const fovea_zoo_options *o) {
    const int64_t most = 1 << 24; /* beyond any picture, and products of two do not overflow */
    const int64_t numbers[] = {o->classes, o->channels, o->size, o->batch};
    for (int i = 0; i < 4; i++)
        if (numbers[i] < 0 || numbers[i] > most)
            return fail(FOVEA_INVALID,
                        "classes, channels, size and batch must be between 0 and %lld",
                        (long long)most);
    for (int64_t c = 0; c < o->channels && o->std[0] != 0; c++)
        if (c > 3 || !(o->std[c] > 0))
            return fail(FOVEA_INVALID, "mean and std are for 1 to 4 channels, std above 0");
    return FOVEA_OK;
}

fovea_status fovea_zoo_create(fovea_graph **out, const char *name,
                              const fovea_zoo_options *options) {
    static const fovea_zoo_options none;
    struct zoo z = {.options = options ? *options : none};
    size_t i = 0;
    *out = NULL;
    while (i < NETWORKS && (!name || strcmp(name, networks[i].name) != 0)) i++;
    if (i == NETWORKS) return refuse_name(name);
    bool digits = networks[i].build == zoo_lenet5, small = networks[i].build == zoo_resnet_small;
    if (!z.options.classes) z.options.classes = digits || small ? 10 : 1000;
    if (!z.options.channels) z.options.channels = digits ? 1 : 3;
    if (!z.options.size) z.options.size = networks[i].size;
    TRY(check_options(&z.options));
    TRY(fovea_graph_create(&z.graph));
    networks[i].build(&z, networks[i].variant);
    if (z.status != FOVEA_OK) {
        fovea_graph_destroy(z.graph);
        return fail_in(z.status, "network '%s': ", name);
    }
    *out = z.graph;
    return FOVEA_OK;
}
