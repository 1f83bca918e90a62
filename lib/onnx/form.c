/* The form that an operator has in the opset that is written: the way back of normalize.c. */
#include <string.h>

#include "base/alloc.h"
#include "onnx/store.h"

/* ---- Which opset ---- */

static bool is_reduction(enum op op) { /* without ReduceSum, whose axes became an input earlier */
    static const enum op list[] = {OP_ReduceMean, OP_ReduceMax,       OP_ReduceMin,
                                   OP_ReduceProd, OP_ReduceSumSquare, OP_ReduceL1,
                                   OP_ReduceL2,   OP_ReduceLogSum,    OP_ReduceLogSumExp};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == op) return true;
    return false;
}

static bool all_ones(const struct node *n, const char *name) {
    const int64_t *ints;
    size_t count = attr_ints(n, name, &ints);
    for (size_t i = 0; i < count; i++)
        if (ints[i] != 1) return false;
    return true;
}

static int64_t highest(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t opset_of_reduction(const fovea_graph *g, const struct node *n) {
    const struct value *axes = node_in(g, n, 1), *x = node_in(g, n, 0);
    bool as_attribute = !axes || (axes->storage && axes->desc.rank == 1);
    if (x && x->desc.dtype == FOVEA_BOOL) return 20;
    return as_attribute && attr_int(n, "noop_with_empty_axes", 0) == 0 ? OPSET_WRITTEN : 18;
}

static int64_t opset_of_resize(const struct node *n) {
    const char *mode = attr_string(n, "coordinate_transformation_mode", "");
    bool newer = node_attr(n, "axes") || attr_int(n, "antialias", 0) ||
                 node_attr(n, "keep_aspect_ratio_policy");
    return strcmp(mode, "half_pixel_symmetric") == 0 ? 19 : newer ? 18 : OPSET_WRITTEN;
}

static int64_t opset_of_quantization(const fovea_graph *g, const struct node *n) {
    bool blocks = attr_int(n, "block_size", 0) || attr_int(n, "output_dtype", 0);
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        bool wide = v && (v->desc.dtype == FOVEA_INT16 || v->desc.dtype == FOVEA_UINT16);
        blocks = blocks || wide;
    }
    if (attr_int(n, "precision", 0)) return 23;
    if (n->op == OP_DequantizeLinear && attr_int(n, "output_dtype", 0)) return 23;
    return blocks ? 21 : OPSET_WRITTEN;
}

static int64_t opset_of_op(const fovea_graph *g, const struct node *n) {
    switch (n->op) {
    case OP_Gelu: return 20;
    case OP_Mish: return 18;
    case OP_GroupNormalization: return 21;
    case OP_Split: return node_attr(n, "num_outputs") ? 18 : OPSET_WRITTEN;
    case OP_Pad:
        return strcmp(attr_string(n, "mode", ""), "wrap") == 0 ? 19
               : node_in(g, n, 3)                              ? 18
                                                               : OPSET_WRITTEN;
    case OP_Resize: return opset_of_resize(n);
    case OP_AveragePool: return all_ones(n, "dilations") ? OPSET_WRITTEN : 19;
    case OP_LpPool:
        return all_ones(n, "dilations") && !attr_int(n, "ceil_mode", 0) ? OPSET_WRITTEN : 18;
    case OP_QuantizeLinear:
    case OP_DequantizeLinear: return opset_of_quantization(g, n);
    default: return is_reduction(n->op) ? opset_of_reduction(g, n) : OPSET_WRITTEN;
    }
}

static int64_t opset_of_dtype(fovea_dtype t) {
    if (t == FOVEA_BFLOAT16) return 22;
    return t == FOVEA_INT4 || t == FOVEA_UINT4 ? 21 : OPSET_WRITTEN;
}

int64_t store_opset_of(const fovea_graph *g, const struct node *n) {
    int64_t opset = opset_of_op(g, n);
    for (size_t i = 0; i < n->n_in; i++)
        if (node_in(g, n, i)) opset = highest(opset, opset_of_dtype(node_in(g, n, i)->desc.dtype));
    if (node_in(g, n, 0) && node_in(g, n, 0)->desc.dtype != FOVEA_FLOAT32 && n->op == OP_Celu)
        opset = 28;
    if (n->op == OP_QLinearMatMul && node_in(g, n, 1) &&
        node_in(g, n, 1)->desc.dtype != FOVEA_FLOAT32)
        opset = highest(opset, 21);
    if (n->op == OP_Cast) opset = highest(opset, opset_of_dtype((fovea_dtype)attr_int(n, "to", 0)));
    return opset;
}

/* ---- Attributes ---- */

/* Attributes that the opset does not have, at their default value, or that are ours alone. */
static bool is_left_out(const struct storer *s, const struct node *n, const char *name) {
    bool window = n->op == OP_AveragePool || n->op == OP_LpPool;
    int64_t since = n->op == OP_AveragePool ? 19 : 18;
    if (window && strcmp(name, "dilations") == 0) return s->opset < since;
    if (n->op == OP_LpPool && strcmp(name, "ceil_mode") == 0) return s->opset < 18;
    if (strcmp(name, "saturate") == 0) return s->opset < 19;
    if (strcmp(name, "round_mode") == 0) return s->opset < 24;
    if (strcmp(name, "antialias") == 0) return s->opset < 18;
    if (strcmp(name, "noop_with_empty_axes") == 0) return is_reduction(n->op) && s->opset < 18;
    if (n->op == OP_QuantizeLinear || n->op == OP_DequantizeLinear)
        return (strcmp(name, "block_size") == 0 || strcmp(name, "output_dtype") == 0 ||
                strcmp(name, "precision") == 0) &&
               attr_int(n, name, 0) == 0;
    return strcmp(name, "coerce") == 0;
}

/* auto_pad FULL is ours: it becomes the pads (k - 1) * dilation on every side. */
static fovea_status write_full_pads(const struct storer *s, const struct node *n, struct wire *w) {
    const struct value *weights = node_in(s->graph, n, n->op == OP_QLinearConv ? 3 : 1);
    const int64_t *kernel, *dilation;
    size_t count = attr_ints(n, "kernel_shape", &kernel);
    size_t dilations = attr_ints(n, "dilations", &dilation);
    int64_t pads[2 * FOVEA_MAX_RANK];
    if (count == 0 && weights && weights->desc.rank > 2) {
        count = (size_t)weights->desc.rank - 2;
        kernel = weights->desc.dim + 2;
    }
    if (count == 0 || count > FOVEA_MAX_RANK || (dilations && dilations != count))
        return fail(FOVEA_INVALID, "the padding 'full' needs a known kernel size to be stored");
    for (size_t i = 0; i < count; i++) {
        int64_t k = kernel[i], d = dilations ? dilation[i] : 1;
        if (k < 1 || k > 1 << 24 || d < 1 || d > 1 << 24)
            return fail(FOVEA_INVALID, "the padding 'full' needs a known kernel size to be stored");
        pads[i] = pads[count + i] = (k - 1) * d;
    }
    store_attribute_ints(w, "pads", pads, 2 * count);
    return FOVEA_OK;
}

static fovea_status write_attributes(const struct storer *s, const struct node *n, struct wire *w) {
    bool full = strcmp(attr_string(n, "auto_pad", ""), "FULL") == 0;
    if (strcmp(attr_string(n, "nearest_mode", ""), "floor_or_ceil") == 0)
        return fail(FOVEA_UNSUPPORTED, "Resize of opset 10 without known scales cannot be stored");
    if (node_attr(n, "activation"))
        return fail(FOVEA_INVALID, "a fused activation cannot be stored");
    for (size_t i = 0; i < n->n_attr; i++) {
        const char *name = n->attr[i].name;
        if (full && (strcmp(name, "auto_pad") == 0 || strcmp(name, "pads") == 0)) continue;
        if (!is_left_out(s, n, name)) store_attribute(w, &n->attr[i]);
    }
    return full ? write_full_pads(s, n, w) : FOVEA_OK;
}

/* ---- Nodes ---- */

static const char *use(struct storer *s, fovea_value v) {
    if (v == FOVEA_NO_VALUE) return "";
    s->used[v] = true;
    return s->name[v];
}

static const char *made(const struct storer *s, fovea_value v) {
    return v == FOVEA_NO_VALUE ? "" : s->name[v];
}

/* Writes one node with these names; ONNX tells absent inputs at the end by leaving them out. */
static fovea_status write_op(struct storer *s, const char *op, const char *name,
                             const char *const *in, size_t n_in, const char *const *out,
                             size_t n_out, struct wire *attributes) {
    while (n_in && !*in[n_in - 1]) n_in--;
    struct written w = {op, name, in, out, n_in, n_out, *attributes};
    *attributes = (struct wire){0};
    return store_write_node(s, &w);
}

/* The node itself with its first `n_in` inputs. */
static fovea_status write_plain(struct storer *s, const struct node *n, size_t n_in,
                                struct wire *attributes) {
    const char **names = mem_array(n_in + n->n_out, sizeof *names);
    if (!names) return fail_memory(n_in, "names");
    for (size_t i = 0; i < n_in; i++) names[i] = use(s, n->in[i]);
    for (size_t i = 0; i < n->n_out; i++) names[n_in + i] = made(s, n->out[i]);
    fovea_status status =
        write_op(s, op_name(n->op), n->name, names, n_in, names + n_in, n->n_out, attributes);
    mem_free(names);
    return status;
}

/* Softmax over several axes at once: the shape, a matrix, the softmax of its rows, and back. */
static fovea_status write_coerced(struct storer *s, const struct node *n) {
    struct wire none = {0}, axis = {0}, last = {0};
    const char *x = use(s, n->in[0]), *y = made(s, n->out[0]);
    const char *shape = store_fresh_name(s, y, "shape"), *flat = store_fresh_name(s, y, "flat");
    const char *rows = store_fresh_name(s, y, "rows");
    if (!shape || !flat || !rows) return fail_memory(64, "names");
    store_attribute_int(&axis, "axis", attr_int(n, "axis", 1));
    store_attribute_int(&last, "axis", 1);
    TRY(write_op(s, "Shape", shape, &x, 1, &shape, 1, &none));
    fovea_status status = write_op(s, "Flatten", flat, &x, 1, &flat, 1, &axis);
    if (status == FOVEA_OK)
        status = write_op(s, op_name(n->op), n->name, &flat, 1, &rows, 1, &last);
    wire_free(&axis);
    wire_free(&last);
    if (status != FOVEA_OK) return status;
    return write_op(s, "Reshape", y, (const char *[]){rows, shape}, 2, &y, 1, &none);
}

static bool coerces(const struct node *n, int rank) {
    int64_t axis = attr_int(n, "axis", 1);
    return attr_int(n, "coerce", 0) && axis != -1 && axis != rank - 1;
}

/* The fill value is an attribute in ONNX; where it is not known, Expand does the same. */
static fovea_status write_constant_of_shape(struct storer *s, const struct node *n) {
    const struct value *fill = node_in(s->graph, n, 1);
    struct wire attributes = {0};
    if (fill && fill->storage) {
        store_attribute_tensor(&attributes, "value", fill);
        return write_plain(s, n, 1, &attributes);
    }
    if (!fill) return write_plain(s, n, 1, &attributes);
    const char *in[] = {use(s, n->in[1]), use(s, n->in[0])}, *out = made(s, n->out[0]);
    return write_op(s, "Expand", n->name, in, 2, &out, 1, &attributes);
}

/* Reductions before 18 have their axes as an attribute. */
static fovea_status write_reduction(struct storer *s, const struct node *n) {
    int64_t axes[FOVEA_MAX_RANK];
    size_t count;
    struct wire attributes = {0};
    fovea_status status = shape_read_ints(s->graph, n, 1, axes, FOVEA_MAX_RANK, &count);
    if (status == FOVEA_OK) status = write_attributes(s, n, &attributes);
    if (status == FOVEA_OK && count) store_attribute_ints(&attributes, "axes", axes, count);
    if (status == FOVEA_OK) status = write_plain(s, n, 1, &attributes);
    wire_free(&attributes);
    return status;
}

/* What operators of the library can do beyond ONNX. */
static fovea_status refuse_more(const struct node *n) {
    if (op_is_ours(n->op))
        return fail(FOVEA_UNSUPPORTED,
                    "ONNX has no such operator: store the graph as it was before gradients or a "
                    "plan were made of it");
    if (node_attr(n, "label_smoothing"))
        return fail(FOVEA_UNSUPPORTED, "ONNX has no label smoothing: store the network without its "
                                       "loss");
    if (n->op == OP_Dropout && n->n_in > 3)
        return fail(FOVEA_UNSUPPORTED, "ONNX's Dropout has no counter: store the network as it was "
                                       "before training");
    return FOVEA_OK;
}

static fovea_status write_form(struct storer *s, const struct node *n) {
    struct wire attributes = {0};
    TRY(refuse_more(n));
    int rank = n->n_in ? guess_of(&s->guesses, s->graph, n->in[0]).rank : -1;
    if (n->n_out && n->n_in && coerces(n, rank)) return write_coerced(s, n);
    if (n->op == OP_ConstantOfShape && n->n_in) return write_constant_of_shape(s, n);
    if (is_reduction(n->op) && s->opset < 18 && n->n_in) return write_reduction(s, n);
    fovea_status status = write_attributes(s, n, &attributes);
    if (status == FOVEA_OK) status = write_plain(s, n, n->n_in, &attributes);
    wire_free(&attributes);
    return status;
}

fovea_status store_node(struct storer *s, const struct node *n) {
    fovea_status status = write_form(s, n);
    if (status == FOVEA_OK || status == FOVEA_NO_MEMORY) return status;
    return fail_in(status, "%s node '%s': ", op_name(n->op), n->name);
}
