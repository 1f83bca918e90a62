/* Arithmetic and memory traffic of one node, for estimates and reports. */
#include "graph/graph.h"

/* Operations per output element for what is not counted by its sums. */
static double element_flops(const struct node *n) {
    switch (n->op) {
    case OP_Reshape:
    case OP_Flatten:
    case OP_Squeeze:
    case OP_Unsqueeze:
    case OP_Identity:
    case OP_Concat:
    case OP_Split:
    case OP_Slice:
    case OP_Pad:
    case OP_Transpose:
    case OP_Expand:
    case OP_Tile:
    case OP_Gather:
    case OP_DepthToSpace:
    case OP_SpaceToDepth:
    case OP_Dropout:
    case OP_Cast: return 0;
    case OP_BatchNormalization: return attr_int(n, "training_mode", 0) ? 6 : 2;
    case OP_BatchNormalizationGrad: return 8;
    case OP_LRNGrad: return 4.0 * (double)attr_int(n, "size", 5) + 20;
    case OP_LRN: return 2.0 * (double)attr_int(n, "size", 5) + 10;
    default: return 1;
    }
}

/* Terms of the sum behind one output element; 0 if the operator is no sum of products. */
static double sum_length(const fovea_graph *g, const struct node *n) {
    const struct value *x = node_in(g, n, 0), *w = node_in(g, n, n->op == OP_QLinearConv ? 3 : 1);
    const int64_t *kernel;
    double k = 1;
    switch (n->op) {
    case OP_Conv:
    case OP_ConvInteger:
    case OP_QLinearConv:
        return w && w->desc.rank > 1 ? (double)desc_span(&w->desc, 1, w->desc.rank) : 0;
    case OP_ConvTranspose: /* per input element; scaled by the caller */
        return w && w->desc.rank > 1 ? (double)desc_span(&w->desc, 1, w->desc.rank) : 0;
    case OP_ConvGradWeights: /* per element of grad_y; scaled by the caller */
        w = node_out(g, n, 0);
        return w && w->desc.rank > 1 ? (double)desc_span(&w->desc, 1, w->desc.rank) : 0;
    case OP_Gemm: return (double)x->desc.dim[attr_int(n, "transA", 0) ? 0 : 1];
    case OP_MatMul:
    case OP_MatMulInteger:
    case OP_QLinearMatMul: return x->desc.rank ? (double)x->desc.dim[x->desc.rank - 1] : 0;
    case OP_MaxPool:
    case OP_AveragePool:
    case OP_LpPool:
    case OP_MaxPoolGrad: /* per element of dy */
    case OP_AveragePoolGrad:
        for (size_t i = 0, c = attr_ints(n, "kernel_shape", &kernel); i < c; i++)
            k *= (double)kernel[i];
        return k / 2; /* one operation a term, not two */
    default: return 0;
    }
}

void graph_cost(const fovea_graph *g, const struct node *n, double *flops, double *bytes) {
    double out = 0, in[2] = {0, 0}, moved = 0;
    for (size_t i = 0; i < n->n_out; i++) {
        const struct value *v = node_out(g, n, i);
        if (!v) continue;
        if (i == 0) out = (double)value_elements(v);
        moved += (double)desc_bytes(&v->desc);
    }
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (!v) continue;
        if (i < 2) in[i] = (double)value_elements(v);
        moved += (double)desc_bytes(&v->desc);
    }
    double terms = sum_length(g, n);
    bool from_input =
        n->op == OP_ConvTranspose || n->op == OP_MaxPoolGrad || n->op == OP_AveragePoolGrad;
    double units = from_input ? in[0] : n->op == OP_ConvGradWeights ? in[1] : out;
    bool reduces = n->op >= OP_ReduceSum && n->op <= OP_ArgMin;
    bool global = n->op == OP_GlobalAveragePool || n->op == OP_GlobalMaxPool;
    *flops = terms > 0 ? 2 * terms * units : reduces || global ? in[0] : element_flops(n) * out;
    *bytes = moved;
}
