/* Types and ranks by rules of thumb: exact where they answer, unknown elsewhere. */
#include "onnx/guess.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/update.h"

enum { GUESS_INPUTS = 16 }; /* of a node that are looked at */

struct guess guess_of(const struct guesses *gs, const fovea_graph *g, fovea_value v) {
    struct guess none = {FOVEA_UNDEFINED, -1, -1};
    if (v == FOVEA_NO_VALUE) return none;
    struct guess guess = v < gs->count ? gs->list[v] : none;
    const fovea_desc *d = &g->values[v].desc;
    if (d->dtype != FOVEA_UNDEFINED) guess.dtype = d->dtype;
    if (d->rank >= 0) guess.rank = d->rank;
    if (d->rank == 1 && d->dim[0] >= 0 && d->dim[0] <= FOVEA_MAX_RANK)
        guess.length = (int)d->dim[0];
    return guess;
}

fovea_status guess_set(struct guesses *gs, const fovea_graph *g, fovea_value v,
                       struct guess guess) {
    if (v >= gs->count) {
        size_t count = g->n_values + g->n_values / 2, size = sizeof *gs->list;
        struct guess *grown = mem_resize(gs->list, gs->count * size, count * size);
        if (!grown) return fail_memory(count * size, "guesses");
        for (size_t i = gs->count; i < count; i++)
            grown[i] = (struct guess){FOVEA_UNDEFINED, -1, -1};
        gs->list = grown;
        gs->count = count;
    }
    if (guess.dtype != FOVEA_UNDEFINED) gs->list[v].dtype = guess.dtype;
    if (guess.rank >= 0) gs->list[v].rank = guess.rank;
    if (guess.length >= 0) gs->list[v].length = guess.length;
    return FOVEA_OK;
}

void guess_free(struct guesses *gs) {
    mem_free(gs->list);
    *gs = (struct guesses){0};
}

static int larger(int a, int b) {
    return a < 0 || b < 0 ? -1 : a > b ? a : b;
}

/* A slice of a list with steps of 1. */
static int sliced_length(const fovea_graph *g, const struct node *n, int length) {
    int64_t start[1], end[1], step[1];
    size_t starts, ends, steps;
    bool known = shape_read_ints(g, n, 1, start, 1, &starts) == FOVEA_OK &&
                 shape_read_ints(g, n, 2, end, 1, &ends) == FOVEA_OK &&
                 shape_read_ints(g, n, 4, step, 1, &steps) == FOVEA_OK;
    if (!known || length < 0 || starts != 1 || ends != 1 || (steps == 1 && step[0] != 1)) return -1;
    if (start[0] < 0) start[0] += length;
    if (end[0] < 0) end[0] += length;
    if (start[0] < 0) start[0] = 0;
    if (end[0] > length) end[0] = length;
    return end[0] > start[0] ? (int)(end[0] - start[0]) : 0;
}

/* Length of what a node makes of lists: shape arithmetic. */
static int length_guess(const fovea_graph *g, const struct node *n, const struct guess *in) {
    int sum = 0;
    switch (n->op) {
    case OP_Shape: {
        int rank = in[0].rank;
        int64_t start = attr_int(n, "start", 0), end = attr_int(n, "end", rank);
        if (start < 0) start += rank;
        if (end < 0) end += rank;
        bool whole = rank >= 0 && start >= 0 && end >= start && end <= rank;
        return whole ? (int)(end - start) : -1;
    }
    case OP_Concat:
        for (size_t i = 0; i < n->n_in; i++) {
            if (i >= GUESS_INPUTS || in[i].length < 0) return -1;
            sum += in[i].length;
        }
        return sum;
    case OP_Gather: return in[0].rank == 1 ? in[1].length : -1;
    case OP_Unsqueeze: return in[0].rank == 0 && in[1].length == 1 ? 1 : -1;
    case OP_Cast:
    case OP_Identity:
    case OP_Floor:
    case OP_Ceil: return in[0].length;
    case OP_Add:
    case OP_Sub:
    case OP_Mul:
    case OP_Div:
        if (in[0].rank == 0) return in[1].length;
        return in[1].rank == 0 || in[1].length == in[0].length ? in[0].length : -1;
    case OP_Slice: return sliced_length(g, n, in[0].length);
    default: return -1;
    }
}

static int rank_reduced(const struct node *n, const struct guess *in, bool noop) {
    int rank = in[0].rank, axes = in[1].length;
    if (attr_int(n, "keepdims", 1)) return rank;
    if (n->n_in < 2 || n->in[1] == FOVEA_NO_VALUE) return noop ? rank : 0;
    if (axes == 0) return noop ? rank : 0;
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
    case OP_Adagrad:
    case OP_Adam:
    case OP_Momentum: return in[OPTIMIZER_IN_X].dtype;
    case OP_DynamicQuantizeLinear: return output == 1 ? FOVEA_FLOAT32 : FOVEA_UINT8;
    default: return in[0].dtype;
    }
}

static int rank_matmul(int a, int b) {
    if (a < 1 || b < 1) return -1;
    return a == 1 || b == 1 ? larger(a, b) - 1 : larger(a, b);
}

/* The losses: one number, or one for each label. */
static int rank_loss(const struct node *n, size_t output, const struct guess *in) {
    if (output == 1) return in[0].rank;
    return strcmp(attr_string(n, "reduction", "mean"), "none") == 0 ? in[1].rank : 0;
}

/* Whether an operator's shape function, named in op_list.h, is `family`. */
static bool is_of(enum op op, const char *family) {
    static const char *const families[] = {
#define OP(name, shape, reference, device, static_inputs, rule) #shape,
#include "graph/op_list.h"
#undef OP
    };
    return strcmp(families[op], family) == 0;
}

static int rank_broadcast(const struct node *n, const struct guess *in) {
    int rank = in[0].rank;
    for (size_t i = 1; i < n->n_in; i++) rank = i < GUESS_INPUTS ? larger(rank, in[i].rank) : -1;
    return rank;
}

/* Operators that change the rank by a list of axes or a shape. */
static int rank_moved(const struct node *n, const struct guess *in) {
    int rank = in[0].rank, length = in[1].length;
    switch (n->op) {
    case OP_Reshape: return length;
    case OP_Expand: return larger(rank, length);
    case OP_ConstantOfShape: return in[0].length;
    case OP_Squeeze: return rank < 0 || length < 0 || length > rank ? -1 : rank - length;
    case OP_Unsqueeze: return rank < 0 || length < 0 ? -1 : rank + length;
    case OP_Gather: return rank < 1 || in[1].rank < 0 ? -1 : rank - 1 + in[1].rank;
    default: return rank;
    }
}

static int rank_guess(const struct node *n, size_t output, const struct guess *in) {
    int rank = in[0].rank;
    if (is_of(n->op, "binary") || is_of(n->op, "compare") || is_of(n->op, "variadic") ||
        is_of(n->op, "where"))
        return rank_broadcast(n, in);
    if (is_of(n->op, "reduce"))
        return rank_reduced(n, in, attr_int(n, "noop_with_empty_axes", 0) != 0);
    if (is_of(n->op, "arg_reduce")) return attr_int(n, "keepdims", 1) ? rank : rank - (rank > 0);
    if (is_of(n->op, "cross_entropy")) return rank_loss(n, output, in);
    switch (n->op) {
    case OP_MatMul:
    case OP_MatMulInteger: return rank_matmul(rank, in[1].rank);
    case OP_QLinearMatMul: return rank_matmul(rank, in[3].rank);
    case OP_Gemm:
    case OP_Flatten: return 2;
    case OP_Shape:
    case OP_Range: return 1;
    case OP_Size: return 0;
    case OP_BatchNormalization: return output == 0 ? rank : 1;
    case OP_DynamicQuantizeLinear: return output == 0 ? rank : 0;
    case OP_Adagrad:
    case OP_Adam:
    case OP_Momentum: return optimizer_parameters(n) == 1 ? in[OPTIMIZER_IN_X].rank : -1;
    default: return rank_moved(n, in);
    }
}

fovea_status guess_node(struct guesses *gs, const fovea_graph *g, const struct node *n) {
    struct guess in[GUESS_INPUTS];
    for (size_t i = 0; i < GUESS_INPUTS; i++)
        in[i] = guess_of(gs, g, i < n->n_in ? n->in[i] : FOVEA_NO_VALUE);
    for (size_t i = 0; i < n->n_out; i++) {
        if (n->out[i] == FOVEA_NO_VALUE) continue;
        struct guess guess = {dtype_guess(n, i, in), rank_guess(n, i, in), length_guess(g, n, in)};
        if (fovea_dtype_size(guess.dtype) == 0) guess.dtype = FOVEA_UNDEFINED;
        if (guess.rank > FOVEA_MAX_RANK) guess.rank = -1;
        TRY(guess_set(gs, g, n->out[i], guess));
    }
    return FOVEA_OK;
}
