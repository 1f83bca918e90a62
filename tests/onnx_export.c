/* Writes ONNX files for onnx_export.py to judge: onnx_export FOLDER. Each problem line becomes
 * FOLDER/K/model.onnx with test_data_set_0/input_I.pb and output_I.pb, which the CPU reference made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fovea.h"

/* Every operator whose written form differs from the canonical one, and some that do not. */
static const char *const lines[] = {
    "Conv 1x4x7x6 6x2x3x2 6 group=2 strides=2,1 pads=1,0,2,1 dilations=1,2",
    "Conv 1x2x5x4 3x2x3x2 - dilations=1,2 auto_pad=FULL",
    "Conv 1x2x9 3x2x3 3 auto_pad=SAME_LOWER strides=2",
    "ConvTranspose 1x2x4x4 2x3x3x3 3 strides=2,2 output_padding=1,1",
    "Gemm 3x5 4x5 4 transB=1 alpha=0.5 beta=2",
    "MatMul 2x3x4 4x5",
    "MaxPool 1x2x7x7 kernel_shape=3,2 strides=2,2 ceil_mode=1",
    "MaxPool 1x1x5x5 kernel_shape=2,2 auto_pad=FULL",
    "AveragePool 1x2x7x7 kernel_shape=3,3 dilations=1,1 pads=1,1,1,1 count_include_pad=1",
    "AveragePool 1x2x7x7 kernel_shape=2,2 dilations=2,2",
    "LpPool 1x2x6x6 kernel_shape=2,2 p=2",
    "GlobalAveragePool 2x3x4x5",
    "BatchNormalization 2x3x4 3 3 3 f:3[0.5,1,2] epsilon=0.01",
    "InstanceNormalization 2x3x8 3 3",
    "GroupNormalization 2x4x5 4 4 num_groups=2",
    "LayerNormalization 2x3x4 3x4 3x4 axis=1",
    "LRN 1x7x3x3 size=5 alpha=0.01 beta=0.6 bias=2",
    "Softmax 2x3x4 axis=1 coerce=1",
    "Softmax 2x3x4 axis=1",
    "LogSoftmax 2x3x4 axis=2 coerce=1",
    "Hardmax 2x3x4 axis=0 coerce=1",
    "Gelu 3x4 approximate=tanh",
    "Gelu 3x4",
    "Mish 3x4",
    "HardSwish 3x4",
    "Celu 3x4 alpha=2",
    "Adagrad f[0.1] i64:scalar[3] 2x3 2x3 f:2x3[0.5] norm_coefficient=0.01 decay_factor=0.1 -> 2",
    "Adam f[0.1] i64:scalar[3] 2x3 2x3 2x3 f:2x3[0.5] alpha=0.8 norm_coefficient_post=0.25 -> 3",
    "Momentum f[0.1] i64:scalar[3] 2x3 2x3 2x3 alpha=0.9 beta=0.5 mode=nesterov "
    "norm_coefficient=0.01 -> 2",
    "Clip 3x4 f[-0.5] f[0.25]",
    "Clip 3x4 - f[0.25]",
    "PRelu 2x3x4 3x1",
    "Where bool:2x1[1,0] 2x3 1x3",
    "ReduceMean 2x3x4 i64[1,-1] keepdims=0",
    "ReduceMax 2x3x4",
    "ReduceL2 2x3x4 - noop_with_empty_axes=1",
    "ReduceSum 2x3x4 i64[0]",
    "ArgMax 2x3x4 axis=1 select_last_index=1",
    "TopK 2x6 i64[3] axis=1 largest=0 -> 2",
    "Split 7x2 num_outputs=2 -> 2",
    "Split 6x2 i64[2,4] -> 2",
    "Slice 5x6 i64[4,1] i64[0,6] i64[0,1] i64[-2,2]",
    "Pad 2x3 i64[1,1] f[7] i64[1]",
    "Pad 3x4 i64[1,2,0,1] mode=wrap",
    "Pad 3x4 i64[1,2,0,1] mode=reflect",
    "Squeeze 2x1x3 i64[1]",
    "Unsqueeze 2x3 i64[0,3]",
    "Expand 1x3 i64[2,2,3]",
    "Resize 1x1x4x4 - f[1,1,2,2] mode=linear",
    "Resize 1x1x4x4 - f[1,1,0.6,0.6] mode=linear antialias=1",
    "Resize 1x1x4x6 - - i64[1,1,3,3] coordinate_transformation_mode=asymmetric nearest_mode=floor",
    "ConstantOfShape i64[2,3] f[7]",
    "Shape 2x3x4 start=1",
    "DepthToSpace 1x8x2x3 blocksize=2 mode=CRD",
};
enum { LINES = sizeof lines / sizeof *lines };

static void check(fovea_status status, const char *what) {
    if (status == FOVEA_OK) return;
    fprintf(stderr, "%s: %s\n", what, fovea_error());
    exit(1);
}

/* Small numbers of both signs, the same in every run. */
static void fill(float *data, int64_t count) {
    static uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes */
        data[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
}

/* Fills or reads the tensor of an input or output, and stores it as FOLDER/KIND_I.pb. */
static void store_tensor(fovea_plan *plan, const char *name, const char *folder, const char *kind,
                         size_t i) {
    fovea_tensor *tensor;
    fovea_array array;
    char path[1024];
    check(fovea_plan_tensor(plan, name, &tensor), name);
    array.desc = *fovea_tensor_desc(tensor);
    int64_t count = fovea_desc_elements(&array.desc);
    size_t bytes = (size_t)count * fovea_dtype_size(array.desc.dtype);
    array.data = calloc(bytes + 1, 1);
    if (strcmp(kind, "input") == 0) {
        fill(array.data, count);
        check(fovea_tensor_write(tensor, array.data, bytes), name);
    } else {
        check(fovea_tensor_read(tensor, array.data, bytes), name);
    }
    snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, kind, i);
    check(fovea_array_store(&array, name, path), path);
    free(array.data);
}

static void export(fovea_context *context, const char *line, const char *folder) {
    char path[1024];
    fovea_graph *g;
    fovea_plan *plan;
    fovea_graph_info info;
    fovea_value_info value;
    check(fovea_graph_from_problem(&g, line), line);
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    check(fovea_graph_store_onnx(g, path), line);
    snprintf(path, sizeof path, "%s/test_data_set_0", folder);
    mkdir(path, 0777);
    check(fovea_plan_create(&plan, context, g, NULL), line);
    fovea_graph_get_info(g, &info);
    for (size_t i = 0; i < info.inputs; i++) {
        check(fovea_graph_value(g, fovea_graph_input_at(g, i), &value), line);
        store_tensor(plan, value.name, path, "input", i);
    }
    check(fovea_plan_run(plan), line);
    for (size_t i = 0; i < info.outputs; i++) {
        check(fovea_graph_value(g, fovea_graph_output_at(g, i), &value), line);
        store_tensor(plan, value.name, path, "output", i);
    }
    fovea_plan_destroy(plan);
    fovea_graph_destroy(g);
}

int main(int argc, char **argv) {
    fovea_context *context;
    fovea_context_options options = {.no_store = true};
    if (argc != 2) {
        fprintf(stderr, "usage: onnx_export FOLDER\n");
        return 2;
    }
    check(fovea_context_create(&context, "reference", &options), "reference");
    for (int i = 0; i < LINES; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s/%d", argv[1], i);
        export(context, lines[i], folder);
        printf("%d %s\n", i, lines[i]);
    }
    fovea_context_destroy(context);
    return 0;
}
