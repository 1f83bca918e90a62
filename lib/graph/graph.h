/* What to compute: values (edges) and nodes (operators). No device, no OpenCL.
 *
 * A graph holds operators in one canonical form: the newest ONNX semantics, whatever opset a file
 * had (lib/onnx turns old forms into it). Constants are values with data. Nodes stand in
 * topological order: a node comes after the nodes that make its inputs.
 *
 * A fused activation is three ordinary attributes of a node, "activation" (Relu, LeakyRelu, Clip),
 * "activation_alpha", "activation_beta", and is applied to output 0. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/status.h"

enum op {
#define OP(name, shape, reference, device, static_inputs, rule) OP_##name,
#include "graph/op_list.h"
#undef OP
    OP_COUNT
};

/* Contents of a constant, shared between a graph and its copies. */
struct storage {
    void *data;
    size_t bytes;
    int references; /* changed atomically */
};

struct attribute { /* owned copy of a fovea_attribute */
    char *name;
    fovea_attribute_type type;
    int64_t i;
    float f;
    char *s;
    int64_t *ints;
    float *floats;
    size_t count;
};

struct value {
    char *name;
    fovea_desc desc; /* rank -1: not inferred yet */
    char *dim_name[FOVEA_MAX_RANK];
    struct storage *storage; /* constants only */
    bool is_input, is_output;
    uint32_t producer; /* node index; FOVEA_NO_VALUE for inputs and constants */
};

struct node {
    enum op op;
    char *name;
    fovea_value *in; /* FOVEA_NO_VALUE where an optional input is left out */
    size_t n_in;
    fovea_value *out; /* FOVEA_NO_VALUE where an output is not wanted */
    size_t n_out;
    struct attribute *attr;
    size_t n_attr, attr_capacity;
    bool dead; /* removed by a rewrite; skipped by everybody */
};

struct fovea_graph {
    struct value *values;
    size_t n_values, values_capacity;
    struct node *nodes;
    size_t n_nodes, nodes_capacity;
    fovea_value *inputs, *outputs;
    size_t n_inputs, inputs_capacity, n_outputs, outputs_capacity;
    int64_t opset; /* of the file; 0 if built */
    char *producer;
};

/* ---- Building ---- */
/* A deep copy; constants are shared. */
fovea_status graph_copy(fovea_graph **out, const fovea_graph *);
/* A new value; `name` is copied, NULL gives a fresh one. `desc` NULL: unknown. */
fovea_status graph_value_add(fovea_graph *, const char *name, const fovea_desc *, fovea_value *out);
/* A constant that takes over `data` (from mem_alloc), also on failure. */
fovea_status graph_constant_take(fovea_graph *, const char *name, const fovea_desc *, void *data,
                                 fovea_value *out);
/* Gives an existing value contents: it becomes a constant. Takes over `data`, also on failure. */
fovea_status graph_value_set_data(fovea_graph *, fovea_value, const fovea_desc *, void *data);
/* Appends a node with existing values as outputs. Arrays are copied. No shape inference. */
fovea_status graph_node_add(fovea_graph *, enum op, const char *name, const fovea_value *in,
                            size_t n_in, const fovea_value *out, size_t n_out,
                            const fovea_attribute *attr, size_t n_attr);
/* Frees a constant's contents, for every graph that shares them; its description stays. */
void graph_value_drop_data(fovea_graph *, fovea_value);
/* A constant is none any more in this graph: a value without contents. */
void graph_value_forget(fovea_graph *, fovea_value);
/* INVALID if contents of a constant were dropped. */
fovea_status graph_want_data(const fovea_graph *);
fovea_status node_attr_set(struct node *, const fovea_attribute *); /* copies; replaces */

/* ---- Looking ---- */
/* OP_COUNT if there is no such operator; Reorder is for the planner alone. */
enum op op_find(const char *name);
/* Whether the operator is one of our own, which ONNX does not have: no file holds it. */
bool op_is_ours(enum op);
const char *op_name(enum op);
/* "" for ONNX's own; else the name of the domain that a file gives the operator. */
const char *op_domain(enum op);
unsigned op_static_inputs(enum op);
/* Whether input i of an operator is a parameter if it is a constant: not a setting (a bound, a ratio, a
 * list that decides shapes), not a statistic that is gathered rather than learned. */
bool op_takes_parameter(enum op, size_t i);
/* Input or output i of a node; NULL if it is left out or past the end. */
static inline struct value *node_in(const fovea_graph *g, const struct node *n, size_t i) {
    return i < n->n_in && n->in[i] != FOVEA_NO_VALUE ? &g->values[n->in[i]] : NULL;
}
static inline struct value *node_out(const fovea_graph *g, const struct node *n, size_t i) {
    return i < n->n_out && n->out[i] != FOVEA_NO_VALUE ? &g->values[n->out[i]] : NULL;
}
/* A constant's contents; NULL for anything else. */
static inline const void *value_data(const struct value *v) {
    return v && v->storage ? v->storage->data : NULL;
}
static inline int64_t value_elements(const struct value *v) {
    return fovea_desc_elements(&v->desc);
}
static inline bool dtype_is_float(fovea_dtype t) {
    return t == FOVEA_FLOAT32 || t == FOVEA_FLOAT16 || t == FOVEA_FLOAT64 || t == FOVEA_BFLOAT16;
}
bool desc_equal(const fovea_desc *, const fovea_desc *);
size_t
desc_bytes(const fovea_desc *); /* 0 if unknown; overflow was refused when the value was made */
/* Product of dimensions [from, to). */
int64_t desc_span(const fovea_desc *, int from, int to);
/* "1x3x224x224", into a ring of per-thread buffers: good for a few uses in one sentence. */
const char *desc_text(const fovea_desc *);

/* Attributes, with defaults for what is absent. */
const struct attribute *node_attr(const struct node *, const char *name);
int64_t attr_int(const struct node *, const char *name, int64_t otherwise);
float attr_float(const struct node *, const char *name, float otherwise);
const char *attr_string(const struct node *, const char *name, const char *otherwise);
/* Number of ints (0 if absent); *ints points into the node. */
size_t attr_ints(const struct node *, const char *name, const int64_t **ints);
/* An axis attribute made non-negative; -1 (with the sentence set) if it is outside [-rank, rank). */
int attr_axis(const struct node *, const char *name, int64_t otherwise, int rank);

enum activation_kind { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_LEAKY_RELU, ACTIVATION_CLIP };
struct activation { /* LeakyRelu: alpha is the slope; Clip: [alpha, beta] */
    enum activation_kind kind;
    float alpha, beta;
};
struct activation node_activation(const struct node *);

/* ---- Shapes ---- */
/* Infers the outputs of one node: all its inputs' shapes are known. Checks everything about the node
 * that can be checked, so that reference and device code may trust it. Errors: INVALID (with the
 * node's name), UNSUPPORTED. */
fovea_status graph_infer(fovea_graph *, struct node *);
/* Helpers for the shape functions, which have the signature
 *     fovea_status shape_NAME(fovea_graph *, struct node *); */
fovea_status shape_set(fovea_graph *, struct node *, size_t output, fovea_dtype, int rank,
                       const int64_t *dim); /* refuses negative sizes and products that overflow */
/* INVALID unless the node has between least and most inputs, the first `least` of them present. */
fovea_status shape_want_inputs(const fovea_graph *, const struct node *, size_t least, size_t most);
/* INVALID unless those of the first `count` inputs that are present have floating-point types. */
fovea_status shape_want_floats(const fovea_graph *, const struct node *, size_t count);
/* Numpy broadcasting of two shapes; INVALID if they do not fit. */
fovea_status shape_broadcast(const fovea_desc *a, const fovea_desc *b, fovea_desc *out);
/* Reads a static int32/int64 input as int64 (rank 0 or 1). *count = 0 if it is left out. */
fovea_status shape_read_ints(const fovea_graph *, const struct node *, size_t input, int64_t *out,
                             size_t capacity, size_t *count);

#define OP(name, shape, reference, device, static_inputs, rule)                                    \
    fovea_status shape_##shape(fovea_graph *, struct node *);
#include "graph/op_list.h"
#undef OP

/* ---- Cost ---- */
/* Arithmetic operations and bytes moved by one node; all shapes known. */
void graph_cost(const fovea_graph *, const struct node *, double *flops, double *bytes);

/* ---- Problem lines (see fovea_graph_from_problem) ---- */
/* The line that repeats a node: from mem_alloc; NULL if memory ran out. */
char *problem_line(const fovea_graph *, const struct node *);

#endif
