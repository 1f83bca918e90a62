/* Which operators compute each sample of a batch by itself: see batch.h. What is not known to do so does
 * not. A value is the same for all parts of the batch, or it has the batch along axis 0; or it is a
 * constant that was folded from the batch's size, which only a few operators may read. */
#include "graph/batch.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/move.h"
#include "graph/reduction.h"
#include "graph/resize.h"

/* ---- Inputs ---- */

/* A run-time input with more than one of something. */
static bool is_several(const struct value *v) {
    return v->is_input && !v->storage && v->desc.rank >= 1 && v->desc.dim[0] > 1;
}

/* The input that says how large the batch is; NULL if there is none. */
static const struct value *leader(const fovea_graph *g) {
    const struct value *fixed = NULL;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const struct value *v = &g->values[g->inputs[i]];
        if (is_several(v) && v->dim_name[0]) return v;
        if (is_several(v) && v->desc.rank >= 2 && !fixed) fixed = v;
    }
    return fixed;
}

static bool has_batch(const struct value *v, const struct value *first) {
    bool symbolic = v->dim_name[0] || !first->dim_name[0];
    return is_several(v) && symbolic && v->desc.dim[0] == first->desc.dim[0];
}

int64_t graph_batch(const fovea_graph *g) {
    const struct value *first = leader(g);
    return first ? first->desc.dim[0] : 0;
}

void graph_batch_divide(fovea_graph *g, size_t parts) {
    const struct value *first = leader(g);
    if (!first || parts == 1) return;
    const struct value like = *first; /* it is among those that change */
    for (size_t i = 0; i < g->n_inputs; i++) {
        struct value *v = &g->values[g->inputs[i]];
        if (has_batch(v, &like)) v->desc.dim[0] /= (int64_t)parts;
    }
}

/* ---- Operators ---- */

enum kind { SAME, BATCH, VARIES }; /* see above; VARIES: the folded constant */

struct walk {
    const fovea_graph *whole, *part;
    int64_t batch, parts;
    unsigned char *kind; /* by value */
};

/* How an operator treats axis 0 of its inputs. */
enum rule {
    RULE_NONE,     /* unknown, or it mixes samples */
    RULE_SAMPLES,  /* each sample of input 0 by itself, the other inputs serve all */
    RULE_ELEMENTS, /* element by element, with broadcasting */
    RULE_AXIS,     /* along the axes from `axis` on, or along that one */
    RULE_JOIN,     /* Concat */
    RULE_SHAPE,    /* the elements stay in their order */
    RULE_GEMM,
    RULE_MATMUL,
    RULE_QUANTIZE,
    RULE_REDUCE,
    RULE_SLICE,
    RULE_PAD,
    RULE_TRANSPOSE,
    RULE_EXPAND,
    RULE_TILE,
    RULE_GATHER,
    RULE_RESIZE,
};

static enum rule rule_of(enum op op) {
    switch (op) {
    case OP_Conv:
    case OP_ConvTranspose:
    case OP_ConvInteger:
    case OP_QLinearConv:
    case OP_MaxPool:
    case OP_AveragePool:
    case OP_LpPool:
    case OP_GlobalAveragePool:
    case OP_GlobalMaxPool:
    case OP_GlobalLpPool:
    case OP_BatchNormalization:
    case OP_InstanceNormalization:
    case OP_GroupNormalization:
    case OP_LRN:
    case OP_Dropout:
    case OP_Relu:
    case OP_LeakyRelu:
    case OP_Elu:
    case OP_Selu:
    case OP_Celu:
    case OP_Sigmoid:
    case OP_HardSigmoid:
    case OP_HardSwish:
    case OP_Mish:
    case OP_Gelu:
    case OP_Tanh:
    case OP_Softplus:
    case OP_Softsign:
    case OP_ThresholdedRelu:
    case OP_Sqrt:
    case OP_Exp:
    case OP_Log:
    case OP_Abs:
    case OP_Neg:
    case OP_Reciprocal:
    case OP_Floor:
    case OP_Ceil:
    case OP_Round:
    case OP_Erf:
    case OP_Sign:
    case OP_Not:
    case OP_Clip:
    case OP_Cast:
    case OP_CastLike:
    case OP_DepthToSpace:
    case OP_SpaceToDepth: return RULE_SAMPLES;
    case OP_PRelu:
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
    case OP_LessOrEqual:
    case OP_Min:
    case OP_Max:
    case OP_Sum:
    case OP_Mean:
    case OP_Where: return RULE_ELEMENTS;
    case OP_Softmax:
    case OP_LogSoftmax:
    case OP_Hardmax:
    case OP_LayerNormalization:
    case OP_ArgMax:
    case OP_ArgMin:
    case OP_TopK:
    case OP_Split: return RULE_AXIS;
    case OP_Concat: return RULE_JOIN;
    case OP_Reshape:
    case OP_Flatten:
    case OP_Squeeze:
    case OP_Unsqueeze:
    case OP_Identity: return RULE_SHAPE;
    case OP_Gemm: return RULE_GEMM;
    case OP_MatMul:
    case OP_MatMulInteger:
    case OP_QLinearMatMul: return RULE_MATMUL;
    case OP_QuantizeLinear:
    case OP_DequantizeLinear: return RULE_QUANTIZE;
    case OP_ReduceSum:
    case OP_ReduceMean:
    case OP_ReduceMax:
    case OP_ReduceMin:
    case OP_ReduceProd:
    case OP_ReduceSumSquare:
    case OP_ReduceL1:
    case OP_ReduceL2:
    case OP_ReduceLogSum:
    case OP_ReduceLogSumExp: return RULE_REDUCE;
    case OP_Slice: return RULE_SLICE;
    case OP_Pad: return RULE_PAD;
    case OP_Transpose: return RULE_TRANSPOSE;
    case OP_Expand: return RULE_EXPAND;
    case OP_Tile: return RULE_TILE;
    case OP_Gather: return RULE_GATHER;
    case OP_Resize: return RULE_RESIZE;
    default: return RULE_NONE; /* losses, gradients and updates among them */
    }
}

static enum kind kind_of(const struct walk *w, const struct node *n, size_t i) {
    return node_in(w->whole, n, i) ? (enum kind)w->kind[n->in[i]] : SAME;
}

static const fovea_desc *desc_of(const struct walk *w, const struct node *n, size_t i) {
    return &node_in(w->whole, n, i)->desc;
}

/* Inputs from `from` on are the same for all parts. */
static bool rest_is_same(const struct walk *w, const struct node *n, size_t from) {
    for (size_t i = from; i < n->n_in; i++)
        if (kind_of(w, n, i) != SAME) return false;
    return true;
}

static bool samples(const struct walk *w, const struct node *n) {
    const unsigned char *training =
        n->op == OP_Dropout ? value_data(node_in(w->whole, n, 2)) : NULL;
    if (n->op == OP_BatchNormalization && attr_int(n, "training_mode", 0)) return false;
    if (n->op == OP_Dropout && node_in(w->whole, n, 2) && (!training || *training)) return false;
    /* Its indices count from the start of the whole input. */
    if (n->op == OP_MaxPool && node_out(w->whole, n, 1)) return false;
    return rest_is_same(w, n, 1);
}

/* With the batch where axis 0 of the output is; the others broadcast along it. */
static bool elements(const struct walk *w, const struct node *n) {
    int rank = node_out(w->whole, n, 0)->desc.rank;
    for (size_t i = 0; i < n->n_in; i++) {
        const fovea_desc *d = desc_of(w, n, i);
        if (kind_of(w, n, i) == VARIES) return false;
        if (kind_of(w, n, i) == BATCH && d->rank != rank) return false;
        if (kind_of(w, n, i) == SAME && d->rank == rank && d->dim[0] != 1) return false;
    }
    return true;
}

static int64_t default_axis(enum op op) {
    return op == OP_Split || op == OP_Concat || op == OP_ArgMax || op == OP_ArgMin ? 0 : -1;
}

static bool axis_is_inner(const struct walk *w, const struct node *n) {
    return attr_axis(n, "axis", default_axis(n->op), desc_of(w, n, 0)->rank) > 0;
}

static bool join(const struct walk *w, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++)
        if (kind_of(w, n, i) != BATCH) return false;
    return axis_is_inner(w, n);
}

/* y = op(A) op(B) + C: a sample is a row of A. */
static bool gemm(const struct walk *w, const struct node *n) {
    bool c = node_in(w->whole, n, 2) != NULL;
    if (kind_of(w, n, 0) != BATCH || kind_of(w, n, 1) != SAME || attr_int(n, "transA", 0))
        return false;
    if (!c || kind_of(w, n, 2) == BATCH) return !c || desc_of(w, n, 2)->rank == 2;
    return kind_of(w, n, 2) == SAME &&
           (desc_of(w, n, 2)->rank < 2 || desc_of(w, n, 2)->dim[0] == 1);
}

/* A matrix product of stacks: a sample is an item of a stack, or a row of A where A is one matrix. */
static bool factor(const struct walk *w, const struct node *n, size_t i, int rank, int least) {
    const fovea_desc *d = desc_of(w, n, i);
    if (kind_of(w, n, i) == BATCH) return d->rank == rank && rank >= least;
    return kind_of(w, n, i) == SAME && d->rank >= 2 &&
           (d->rank < rank || rank == 2 || d->dim[0] == 1);
}

static bool matmul(const struct walk *w, const struct node *n) {
    size_t b = n->op == OP_QLinearMatMul ? 3 : 1;
    int rank = node_out(w->whole, n, 0)->desc.rank;
    for (size_t i = 1; i < n->n_in; i++) { /* scales and zero points: one for all rows of A */
        if (i == b || !node_in(w->whole, n, i)) continue;
        bool of_b = n->op == OP_QLinearMatMul ? i == 4 || i == 5 : i == 3;
        if (kind_of(w, n, i) != SAME) return false;
        if (!of_b && value_elements(node_in(w->whole, n, i)) != 1) return false;
    }
    return factor(w, n, 0, rank, 2) && factor(w, n, b, rank, 3);
}

static bool quantize(const struct walk *w, const struct node *n) {
    const fovea_desc *scale = desc_of(w, n, 1);
    bool one = fovea_desc_elements(scale) == 1;
    if (!rest_is_same(w, n, 1) || attr_int(n, "block_size", 0)) return false;
    return one || attr_axis(n, "axis", 1, desc_of(w, n, 0)->rank) > 0;
}

static bool reduce(const struct walk *w, const struct node *n) {
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    struct reduction r;
    return rest_is_same(w, n, 1) &&
           shape_read_ints(w->whole, n, 1, axes, FOVEA_MAX_RANK, &count) == FOVEA_OK &&
           reduction_make(&r, n, desc_of(w, n, 0), axes, count) == FOVEA_OK && !r.axis[0];
}

static bool slice(const struct walk *w, const struct node *n) {
    int64_t list[4][FOVEA_MAX_RANK];
    size_t count[4];
    struct slice s;
    const fovea_desc *x = desc_of(w, n, 0);
    for (size_t i = 0; i < 4; i++)
        if (shape_read_ints(w->whole, n, i + 1, list[i], FOVEA_MAX_RANK, &count[i]) != FOVEA_OK)
            return false;
    bool axes = node_in(w->whole, n, 3), steps = node_in(w->whole, n, 4);
    return rest_is_same(w, n, 1) &&
           slice_resolve(x, list[0], list[1], axes ? list[2] : NULL, steps ? list[3] : NULL,
                         count[0], &s) == FOVEA_OK &&
           s.start[0] == 0 && s.step[0] == 1 && s.count[0] == x->dim[0];
}

static bool pad(const struct walk *w, const struct node *n) {
    int64_t pads[2 * FOVEA_MAX_RANK], axes[FOVEA_MAX_RANK];
    size_t n_pads, n_axes;
    struct pad p;
    return rest_is_same(w, n, 1) &&
           shape_read_ints(w->whole, n, 1, pads, 2 * FOVEA_MAX_RANK, &n_pads) == FOVEA_OK &&
           shape_read_ints(w->whole, n, 3, axes, FOVEA_MAX_RANK, &n_axes) == FOVEA_OK &&
           pad_resolve(n, desc_of(w, n, 0), pads, n_pads, node_in(w->whole, n, 3) ? axes : NULL,
                       n_axes, &p) == FOVEA_OK &&
           p.begin[0] == 0 && p.end[0] == 0 && p.start[0] == 0 &&
           p.extent[0] == desc_of(w, n, 0)->dim[0];
}

static bool transpose(const struct walk *w, const struct node *n) {
    const int64_t *perm;
    return attr_ints(n, "perm", &perm) ? perm[0] == 0 : desc_of(w, n, 0)->rank == 1;
}

/* To a shape that may have been computed from the batch's size. */
static bool expand(const struct walk *w, const struct node *n) {
    const struct value *y = node_out(w->whole, n, 0);
    const fovea_desc *x = desc_of(w, n, 0);
    if (kind_of(w, n, 0) == BATCH) return x->rank == y->desc.rank;
    return kind_of(w, n, 0) == SAME && (x->rank < y->desc.rank || x->dim[0] == 1);
}

static bool tile(const struct walk *w, const struct node *n) {
    int64_t repeats[FOVEA_MAX_RANK];
    size_t count;
    return rest_is_same(w, n, 1) &&
           shape_read_ints(w->whole, n, 1, repeats, FOVEA_MAX_RANK, &count) == FOVEA_OK &&
           count > 0 && repeats[0] == 1;
}

/* The same places of every sample, or the places that a sample names in something that all share. */
static bool gather(const struct walk *w, const struct node *n) {
    int axis = attr_axis(n, "axis", 0, desc_of(w, n, 0)->rank);
    enum kind data = kind_of(w, n, 0), indices = kind_of(w, n, 1);
    return (data == BATCH && indices == SAME && axis > 0) ||
           (data == SAME && indices == BATCH && axis == 0);
}

static bool resizes_inside(const fovea_graph *g, const struct node *n) {
    struct resize_lists lists;
    struct resize r;
    return resize_read(g, n, &lists) == FOVEA_OK &&
           resize_resolve(n, &node_in(g, n, 0)->desc, &lists, &r) == FOVEA_OK && !r.axis[0].active;
}

/* The sizes may have been computed from the batch's: that of axis 0 is then kept. */
static bool resize(const struct walk *w, const struct node *n) {
    return kind_of(w, n, 1) == SAME && kind_of(w, n, 2) == SAME && kind_of(w, n, 3) != BATCH &&
           resizes_inside(w->whole, n) && resizes_inside(w->part, n);
}

/* Whether sample i of the outputs comes from sample i of those inputs that have the batch, in the same way
 * for each i and for every size of the batch; shapes are looked at afterwards. */
static bool keeps_apart(const struct walk *w, const struct node *n) {
    enum rule rule = rule_of(n->op);
    /* Only these may look at a constant that varies, and take axis 0 from something else than input 0. */
    switch (rule) {
    case RULE_NONE: return false;
    case RULE_ELEMENTS: return elements(w, n);
    case RULE_MATMUL: return matmul(w, n);
    case RULE_EXPAND: return expand(w, n);
    case RULE_GATHER: return gather(w, n);
    default: break;
    }
    if (kind_of(w, n, 0) != BATCH) return false;
    switch (rule) {
    case RULE_SAMPLES: return samples(w, n);
    case RULE_AXIS: return rest_is_same(w, n, 1) && axis_is_inner(w, n);
    case RULE_JOIN: return join(w, n);
    case RULE_SHAPE: return true;
    case RULE_GEMM: return gemm(w, n);
    case RULE_QUANTIZE: return quantize(w, n);
    case RULE_REDUCE: return reduce(w, n);
    case RULE_SLICE: return slice(w, n);
    case RULE_PAD: return pad(w, n);
    case RULE_TRANSPOSE: return transpose(w, n);
    case RULE_TILE: return tile(w, n);
    case RULE_RESIZE: return resize(w, n);
    default: return false;
    }
}

/* ---- Values ---- */

/* The batch in one graph, a part of it in the other, along axis 0 alone. */
static bool differs_by_batch(const struct walk *w, fovea_value v) {
    fovea_desc whole = w->whole->values[v].desc, part = w->part->values[v].desc;
    if (whole.rank < 1 || part.rank < 1 || whole.dim[0] != w->batch) return false;
    part.dim[0] *= w->parts;
    return desc_equal(&whole, &part);
}

static enum kind constant_kind(const struct walk *w, fovea_value v) {
    const struct value *whole = &w->whole->values[v], *part = &w->part->values[v];
    if (whole->storage == part->storage) return SAME; /* the file's own */
    bool equal = part->storage && desc_equal(&whole->desc, &part->desc) &&
                 memcmp(whole->storage->data, part->storage->data, whole->storage->bytes) == 0;
    return equal ? SAME : VARIES;
}

static enum kind input_kind(const struct walk *w, fovea_value v) {
    bool equal = desc_equal(&w->whole->values[v].desc, &w->part->values[v].desc);
    return equal ? SAME : BATCH;
}

static fovea_status refuse(const struct node *n, const char *why) {
    return fail(FOVEA_UNSUPPORTED, "%s node '%s' %s", op_name(n->op), n->name, why);
}

/* The kinds of a node's outputs. */
static fovea_status follow(const struct walk *w, const struct node *n) {
    bool same = rest_is_same(w, n, 0) && rule_of(n->op) != RULE_NONE;
    if (!same && !keeps_apart(w, n)) {
        bool known = rule_of(n->op) != RULE_NONE;
        return refuse(n, known ? "does not treat the samples of a batch one by one"
                               : "is not known to treat the samples of a batch one by one");
    }
    for (size_t i = 0; i < n->n_out; i++) {
        fovea_value v = n->out[i];
        if (v == FOVEA_NO_VALUE) continue;
        bool equal = desc_equal(&w->whole->values[v].desc, &w->part->values[v].desc);
        if (same ? !equal : !differs_by_batch(w, v))
            return refuse(n, "gives no output whose axis 0 is the batch");
        w->kind[v] = same ? SAME : BATCH;
    }
    return FOVEA_OK;
}

static fovea_status walk(const struct walk *w) {
    const fovea_graph *g = w->whole;
    for (size_t v = 0; v < g->n_values; v++)
        w->kind[v] = (unsigned char)(g->values[v].storage    ? constant_kind(w, (fovea_value)v)
                                     : g->values[v].is_input ? input_kind(w, (fovea_value)v)
                                                             : SAME);
    for (size_t k = 0; k < g->n_nodes; k++)
        if (!g->nodes[k].dead) TRY(follow(w, &g->nodes[k]));
    for (size_t i = 0; i < g->n_outputs; i++)
        if (w->kind[g->outputs[i]] == VARIES)
            return fail(FOVEA_UNSUPPORTED, "output '%s' depends on how large the batch is",
                        g->values[g->outputs[i]].name);
    return FOVEA_OK;
}

fovea_status graph_batch_check(const fovea_graph *whole, const fovea_graph *part,
                               bool *with_batch) {
    struct walk w = {whole, part, .batch = graph_batch(whole)};
    for (size_t i = 0; i < whole->n_inputs; i++)
        if (input_kind(&w, whole->inputs[i]) == BATCH)
            w.parts = w.batch / part->values[whole->inputs[i]].desc.dim[0];
    w.kind = mem_zero(whole->n_values + 1, 1);
    if (!w.kind) return fail_memory(whole->n_values, "the batch of a graph");
    fovea_status status = walk(&w);
    for (size_t v = 0; v < whole->n_values; v++) with_batch[v] = w.kind[v] == BATCH;
    mem_free(w.kind);
    return status;
}
