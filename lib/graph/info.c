/* Looking at a graph from outside. */
#include <string.h>

#include "base/alloc.h"
#include "graph/graph.h"

fovea_value fovea_graph_find(const fovea_graph *g, const char *name) {
    for (size_t i = 0; i < g->n_values; i++)
        if (strcmp(g->values[i].name, name) == 0) return (fovea_value)i;
    return FOVEA_NO_VALUE;
}

fovea_value fovea_graph_input_at(const fovea_graph *g, size_t i) {
    return i < g->n_inputs ? g->inputs[i] : FOVEA_NO_VALUE;
}

fovea_value fovea_graph_output_at(const fovea_graph *g, size_t i) {
    return i < g->n_outputs ? g->outputs[i] : FOVEA_NO_VALUE;
}

fovea_status fovea_graph_node(const fovea_graph *g, size_t i, fovea_node_info *out) {
    if (i >= g->n_nodes) return fail(FOVEA_INVALID, "the graph has no node %zu", i);
    const struct node *n = &g->nodes[i];
    *out = (fovea_node_info){n->name, op_name(n->op), n->n_in, n->n_out};
    return FOVEA_OK;
}

fovea_value fovea_graph_node_input(const fovea_graph *g, size_t i, size_t k) {
    return i < g->n_nodes && k < g->nodes[i].n_in ? g->nodes[i].in[k] : FOVEA_NO_VALUE;
}

fovea_value fovea_graph_node_output(const fovea_graph *g, size_t i, size_t k) {
    return i < g->n_nodes && k < g->nodes[i].n_out ? g->nodes[i].out[k] : FOVEA_NO_VALUE;
}

/* Whether the contents of `value` reach an input that decides shapes: backwards from those inputs,
 * stopping where only the shape is looked at. */
static bool decides_shape(const fovea_graph *g, fovea_value value) {
    bool *marked = mem_zero(g->n_values + 1, sizeof *marked);
    if (!marked) return false;
    for (size_t k = g->n_nodes; k-- > 0;) {
        const struct node *n = &g->nodes[k];
        bool wanted = false;
        for (size_t i = 0; i < n->n_out; i++)
            wanted = wanted || (n->out[i] != FOVEA_NO_VALUE && marked[n->out[i]]);
        wanted = wanted && n->op != OP_Shape && n->op != OP_Size;
        for (size_t i = 0; i < n->n_in; i++)
            if (n->in[i] != FOVEA_NO_VALUE && (wanted || op_static_inputs(n->op) >> i & 1))
                marked[n->in[i]] = true;
    }
    bool result = marked[value];
    mem_free(marked);
    return result;
}

fovea_status fovea_graph_value(const fovea_graph *g, fovea_value value, fovea_value_info *out) {
    if (value >= g->n_values) return fail(FOVEA_INVALID, "the graph has no value %u", value);
    const struct value *v = &g->values[value];
    *out = (fovea_value_info){.name = v->name,
                              .desc = v->desc,
                              .is_input = v->is_input,
                              .is_output = v->is_output,
                              .is_constant = v->storage != NULL,
                              .decides_shape = v->is_input && decides_shape(g, value),
                              .data = value_data(v)};
    for (int d = 0; d < FOVEA_MAX_RANK; d++) out->dim_name[d] = v->dim_name[d];
    return FOVEA_OK;
}

bool op_takes_parameter(enum op op, size_t i) {
    if (op == OP_BatchNormalization && i >= 3) return false;
    return op != OP_Clip && op != OP_Pad && !(op_static_inputs(op) >> i & 1);
}

void fovea_graph_get_info(const fovea_graph *g, fovea_graph_info *out) {
    *out = (fovea_graph_info){.inputs = g->n_inputs,
                              .outputs = g->n_outputs,
                              .values = g->n_values,
                              .opset = g->opset,
                              .producer = g->producer ? g->producer : ""};
    for (size_t i = 0; i < g->n_nodes; i++) out->nodes += !g->nodes[i].dead;
    bool *used = mem_zero(g->n_values + 1, sizeof *used);
    for (size_t k = 0; used && k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        for (size_t i = 0; i < n->n_in && !n->dead; i++)
            if (n->in[i] != FOVEA_NO_VALUE && op_takes_parameter(n->op, i)) used[n->in[i]] = true;
    }
    for (size_t i = 0; used && i < g->n_values; i++) {
        const struct value *v = &g->values[i];
        if (!used[i] || !v->storage || !dtype_is_float(v->desc.dtype)) continue;
        out->parameters += value_elements(v);
        out->parameter_bytes += (int64_t)v->storage->bytes;
    }
    mem_free(used);
}
