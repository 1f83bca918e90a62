/* Families of operators: the words of `fovea bench conv`, which say what its lines may hold. */
#include <string.h>

#include "bench.h"

static const struct {
    const char *name, *ops; /* a blank on both sides of each operator */
} families[] = {
    {"conv", " Conv ConvTranspose ConvInteger QLinearConv ConvGradWeights "},
    {"gemm", " Gemm MatMul MatMulInteger QLinearMatMul "},
    {"pool", " MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool MaxPoolGrad "
             "AveragePoolGrad "},
    {"norm", " BatchNormalization LRN LayerNormalization GroupNormalization "
             "InstanceNormalization BatchNormalizationGrad LRNGrad "},
    {"softmax", " Softmax LogSoftmax Hardmax "},
    {"reduce", " ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceSumSquare ReduceL1 "
               "ReduceL2 ReduceLogSum ReduceLogSumExp ArgMax ArgMin TopK "},
    {"elementwise",
     " Relu LeakyRelu PRelu Clip Sigmoid Tanh Elu Selu Celu Gelu Mish HardSwish HardSigmoid "
     "Softplus Softsign ThresholdedRelu Abs Neg Exp Log Sqrt Erf Reciprocal Add Sub Mul Div Pow "
     "Max Min Mean Sum Where "},
    {"move", " Concat Split Slice Pad Transpose Expand Tile Gather DepthToSpace SpaceToDepth "},
    {"resize", " Resize "},
};
enum { FAMILIES = sizeof families / sizeof *families };

bool bench_is_family(const char *word) {
    for (size_t i = 0; i < FAMILIES; i++)
        if (strcmp(families[i].name, word) == 0) return true;
    return false;
}

bool bench_family_has(const char *family, const char *line) {
    size_t length = strcspn(line, " ");
    for (size_t i = 0; i < FAMILIES; i++) {
        if (strcmp(families[i].name, family) != 0) continue;
        for (const char *op = families[i].ops; (op = strchr(op, ' ')) && op[1]; op++)
            if (strncmp(op + 1, line, length) == 0 && op[1 + length] == ' ') return true;
    }
    return false;
}

const char *bench_family_ops(const char *family) {
    for (size_t i = 0; i < FAMILIES; i++)
        if (strcmp(families[i].name, family) == 0) return families[i].ops + 1;
    return "";
}
