/* The problems of the self-test: small, and together they reach every algorithm. */
#include "fovea.h"

static const char *const problems[] = {
    "Conv 1x3x13x11 8x3x3x3 8 strides=1,1 pads=1,1,1,1",
    "Conv 2x4x9x9 8x2x5x5 8 group=2 strides=2,2 pads=2,2,2,2 activation=Relu",
    "Conv 1x16x12x12 16x1x3x3 16 group=16 pads=1,1,1,1",
    "ConvTranspose 1x4x5x5 4x3x3x3 strides=2,2 pads=1,1,1,1",
    "Gemm 3x130 17x130 17 transB=1",
    "MatMul 2x3x40 40x5",
    "MaxPool 1x5x13x13 kernel_shape=3,3 strides=2,2",
    "AveragePool 1x5x13x13 kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
    "LpPool 1x3x8x8 kernel_shape=2,2",
    "GlobalAveragePool 2x7x5x3",
    "BatchNormalization 2x5x4x4 5 5 5 f:5[0.5,1,2,3,0.1]",
    "InstanceNormalization 2x3x5x5 3 3",
    "GroupNormalization 2x6x4x4 6 6 num_groups=3",
    "LayerNormalization 3x4x10 10 10",
    "LRN 1x12x6x6 size=5 alpha=0.0001 beta=0.75 bias=1",
    "Softmax 5x103 axis=-1",
    "Dropout 4x9",
    "Relu 1003",
    "Sigmoid 1003",
    "Clip 1003 f[-0.5] f[0.25]",
    "Add 3x1x7 4x1",
    "Max 3x5 3x5 5",
    "Where bool:3x5 3x5 3x1",
    "ReduceMean 4x5x6 i64[1] keepdims=0",
    "ArgMax 4x17 axis=1",
    "TopK 3x20 i64[5] -> 2",
    "Cast 100 to=7",
    "Concat 1x2x3x3 1x5x3x3 axis=1",
    "Split 2x6 axis=1 -> 2 num_outputs=2",
    "Slice 8x9 i64[1,7] i64[7,0] i64[0,1] i64[2,-2]",
    "Pad 1x2x4x4 i64[0,0,1,2,0,0,3,0] mode=reflect",
    "Reshape 2x6 i64[3,4]",
    "Transpose 2x3x4x5 perm=0,2,3,1",
    "Expand 3x1 i64[2,3,4]",
    "Tile 2x3 i64[2,3]",
    "Gather 5x4 i64:2x2[0,1,4,2] axis=0",
    "DepthToSpace 1x8x3x3 blocksize=2",
    "SpaceToDepth 1x2x6x6 blocksize=2",
    "Resize 1x2x4x4 - f:4[1,1,2,2] mode=linear",
    0,
};

const char *fovea_self_test_problem(size_t i) {
    return i < sizeof problems / sizeof *problems ? problems[i] : 0;
}
