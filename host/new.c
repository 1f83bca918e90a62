/* fovea new: one of the classic networks with fresh weights, as an ONNX file. */
#include <string.h>

#include "host.h"
#include "json.h"

static fovea_zoo_options options;
static int64_t seed = 1;
static const struct arg args[] = {
    {"classes", 0, ARG_COUNT, &options.classes, "N", "classes; default: as published"},
    {"seed", 0, ARG_NUMBER, &seed, "S", "of the random weights; default 1"},
    {"channels", 0, ARG_COUNT, &options.channels, "N", "channels of the picture"},
    {"size", 0, ARG_COUNT, &options.size, "N", "height and width of the picture"},
    {"batch", 'b', ARG_COUNT, &options.batch, "N", "fix the batch; default: free"},
    {"training", 0, ARG_FLAG, &options.training, NULL, "with dropout and auxiliary heads"},
    {0}};

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    fovea_graph *graph;
    options.seed = (uint64_t)seed;
    const char *path = operands->text[1];
    if (!problem_check(&p, fovea_zoo_create(&graph, operands->text[0], &options))) {
        if (p.status == FOVEA_INVALID) p.code = EXIT_USAGE;
        return problem_report(&p);
    }
    bool good = problem_check(&p, fovea_graph_store_onnx(graph, path));
    fovea_graph_info info;
    fovea_graph_get_info(graph, &info);
    fovea_graph_destroy(graph);
    if (!good) return problem_report(&p);
    if (common->json) {
        json_object(NULL);
        json_text("file", path);
        json_text("network", operands->text[0]);
        json_integer("parameters", info.parameters);
        json_close();
    } else {
        printf("%s: %s with %lld parameters\n", path, operands->text[0],
               (long long)info.parameters);
    }
    return EXIT_GOOD;
}

const struct command new_command = {
    .name = "new",
    .summary = "write a classic network with fresh weights to an ONNX file",
    .usage = "NETWORK OUT.onnx",
    .text =
        "Networks: lenet5, alexnet, vgg11, vgg13, vgg16, vgg19, googlenet, inception_v3, "
        "resnet20,\n"
        "resnet32, resnet56, resnet110 (small pictures), resnet18, resnet34, resnet50, resnet101,\n"
        "resnet152, squeezenet1_1, mobilenet_v2. The weights are random and reproducible by their\n"
        "seed.",
    .examples = "  fovea new resnet50 resnet50.onnx\n"
                "  fovea new lenet5 small.onnx --classes 7 --seed 3\n",
    .args = args,
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
