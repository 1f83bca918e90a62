/* Types and ranks by rules of thumb: exact where they answer, unknown elsewhere. */
#include "onnx/guess.h"

#include "base/alloc.h"

struct guess guess_of(const struct guesses *gs, const fovea_graph *g, fovea_value v) {
    struct guess none = {FOVEA_UNDEFINED, -1};
    if (v == FOVEA_NO_VALUE) return none;
    struct guess guess = v < gs->count ? gs->list[v] : none;
    const fovea_desc *d = &g->values[v].desc;
    if (d->dtype != FOVEA_UNDEFINED) guess.dtype = d->dtype;
    if (d->rank >= 0) guess.rank = d->rank;
    return guess;
}

fovea_status guess_set(struct guesses *gs, const fovea_graph *g, fovea_value v,
                       struct guess guess) {
    if (v >= gs->count) {
        size_t count = g->n_values + g->n_values / 2, size = sizeof *gs->list;
        struct guess *grown = mem_resize(gs->list, gs->count * size, count * size);
        if (!grown) return fail_memory(count * size, "guesses");
        for (size_t i = gs->count; i < count; i++) grown[i] = (struct guess){FOVEA_UNDEFINED, -1};
        gs->list = grown;
        gs->count = count;
    }
    if (guess.dtype != FOVEA_UNDEFINED) gs->list[v].dtype = guess.dtype;
    if (guess.rank >= 0) gs->list[v].rank = guess.rank;
    return FOVEA_OK;
}

void guess_free(struct guesses *gs) {
    mem_free(gs->list);
    *gs = (struct guesses){0};
}

static int larger(int a, int b) {
    return a < 0 || b < 0 ? -1 : a > b ? a : b;
}

/* Number of elements of a list of constants, e.g. of a Reshape's shape; -1 if unknown. */
static int list_length(const fovea_graph *g, const struct node *n, size_t i) {
    const struct value *v = node_in(g, n, i);
    if (!v || v->desc.rank != 1 || v->desc.dim[0] < 0 || v->desc.dim[0] > FOVEA_MAX_RANK) return -1;
    return (int)v->desc.dim[0];
}

static int rank_reduced(const fovea_graph *g, const struct node *n, int rank, bool all_if_absent) {
    if (attr_int(n, "keepdims", 1)) return rank;
    int axes = list_length(g, n, 1);
    if (!node_in(g, n, 1)) return all_if_absent ? 0 : -1;
    return rank < 0 || axes < 0 || axes > rank ? -1 : rank - axes;
}

static fovea_dtype dtype_guess(const struct node *n, size_t output, const struct guess *in) {
    switch (n->op) {
    case OP_Equal:
    case OP_Greater:
    case OP_GreaterOrEqual:
    case OP_Less:
    case OP_LessOrEqual: return FOVEA_BOOL;
    case OP_Shape:
    case OP_Size:
    case OP_ArgMax:
    case OP_ArgMin: return FOVEA_INT64;
    case OP_TopK:
    case OP_MaxPool: return output == 1 ? FOVEA_INT64 : in[0].dtype;
    case OP_Dropout: return output == 1 ? FOVEA_BOOL : in[0].dtype;
    case OP_ConvInteger:
    case OP_MatMulInteger: return FOVEA_INT32;
    case OP_QLinearConv:
    case OP_QLinearMatMul: return in[7].dtype;
    case OP_Cast: return (fovea_dtype)attr_int(n, "to", 0);
    case OP_CastLike:
    case OP_Where:
    case OP_ConstantOfShape: return in[1].dtype;
    case OP_QuantizeLinear:
        if (n->n_in > 2 && in[2].dtype != FOVEA_UNDEFINED) return in[2].dtype;
        return (fovea_dtype)attr_int(n, "output_dtype", n->n_in > 2 ? 0 : FOVEA_UINT8);
    case OP_DequantizeLinear: return in[1].dtype;
    case OP_DynamicQuantizeLinear: return output == 1 ? FOVEA_FLOAT32 : FOVEA_UINT8;
    default: return in[0].dtype;
    }
}

static int rank_guess(const fovea_graph *g, const struct node *n, size_t output,
                      const struct guess *in) {
    int all = in[0].rank, axes = list_length(g, n, 1);
    switch (n->op) {
    case OP_Add:
    case OP_Sub:
    case OP_Mul:
    case OP_Div:
    case OP_Pow:
    case OP_And:
    case OP_Or:
    case OP_Xor:
    case OP_Equal:
    case OP_Greater:
    case OP_GreaterOrEqual:
    case OP_Less:
    case OP_LessOrEqual: return larger(in[0].rank, in[1].rank);
    case OP_Where: return larger(larger(in[0].rank, in[1].rank), in[2].rank);
    case OP_Min:
    case OP_Max:
    case OP_Sum:
    case OP_Mean:
        for (size_t i = 1; i < n->n_in; i++) all = i < 9 ? larger(all, in[i].rank) : -1;
        return all;
    case OP_MatMul:
    case OP_MatMulInteger:
        return in[0].rank < 2 || in[1].rank < 2 ? -1 : larger(in[0].rank, in[1].rank);
    case OP_QLinearMatMul:
        return in[0].rank < 2 || in[3].rank < 2 ? -1 : larger(in[0].rank, in[3].rank);
    case OP_Gemm:
    case OP_Flatten: return 2;
    case OP_Reshape:
    case OP_Tile: return n->op == OP_Tile ? all : axes;
    case OP_Expand: return larger(all, axes);
    case OP_ConstantOfShape: return list_length(g, n, 0);
    case OP_Squeeze: return all < 0 || axes < 0 || axes > all ? -1 : all - axes;
    case OP_Unsqueeze: return all < 0 || axes < 0 ? -1 : all + axes;
    case OP_Gather: return all < 1 || in[1].rank < 0 ? -1 : all - 1 + in[1].rank;
    case OP_ArgMax:
    case OP_ArgMin: return attr_int(n, "keepdims", 1) ? all : all - (all > 0);
    case OP_ReduceSum:
    case OP_ReduceMean:
    case OP_ReduceMax:
    case OP_ReduceMin:
    case OP_ReduceProd:
    case OP_ReduceSumSquare:
    case OP_ReduceL1:
    case OP_ReduceL2:
    case OP_ReduceLogSum:
    case OP_ReduceLogSumExp:
        return rank_reduced(g, n, all, attr_int(n, "noop_with_empty_axes", 0) == 0);
    case OP_Shape:
    case OP_Range: return 1;
    case OP_Size: return 0;
    case OP_BatchNormalization: return output == 0 ? all : 1;
    case OP_DynamicQuantizeLinear: return output == 0 ? all : 0;
    case OP_SoftmaxCrossEntropyLoss:
    case OP_NegativeLogLikelihoodLoss: return -1;
    default: return all;
    }
}

fovea_status guess_node(struct guesses *gs, const fovea_graph *g, const struct node *n) {
    struct guess in[9];
    for (size_t i = 0; i < 9; i++) in[i] = guess_of(gs, g, i < n->n_in ? n->in[i] : FOVEA_NO_VALUE);
    for (size_t i = 0; i < n->n_out; i++) {
        if (n->out[i] == FOVEA_NO_VALUE) continue;
        struct guess guess = {dtype_guess(n, i, in), rank_guess(g, n, i, in)};
        if (fovea_dtype_size(guess.dtype) == 0) guess.dtype = FOVEA_UNDEFINED;
        if (guess.rank > FOVEA_MAX_RANK) guess.rank = -1;
        TRY(guess_set(gs, g, n->out[i], guess));
    }
    return FOVEA_OK;
}
