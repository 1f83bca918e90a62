/* Reading an ONNX model: the file, its inputs, constants and outputs. Nodes are read by node.c. */
#include "onnx/load.h"

#include <string.h>

#include "base/alloc.h"
#include "onnx/file.h"
#include "onnx/tensor.h"

/* ---- Values ---- */

fovea_status load_value(struct loader *l, const char *name, const fovea_desc *desc,
                        fovea_value *out) {
    *out = FOVEA_NO_VALUE;
    if (!name || !*name) return fail(FOVEA_BAD_FILE, "a value has no name");
    if (names_find(&l->values, name) != NAMES_NONE)
        return fail(FOVEA_BAD_FILE, "the value '%.200s' is defined twice", name);
    TRY(graph_value_add(l->graph, name, desc, out));
    if (!names_add(&l->values, l->graph->values[*out].name, *out)) return fail_memory(64, "names");
    return FOVEA_OK;
}

static char *fresh_name(const struct loader *l, const char *base, const char *role) {
    for (unsigned i = 0;; i++) {
        char *name = i ? mem_format("%s/%s_%u", base, role, i) : mem_format("%s/%s", base, role);
        if (!name || (names_find(&l->values, name) == NAMES_NONE &&
                      names_find(&l->producers, name) == NAMES_NONE))
            return name;
        mem_free(name);
    }
}

fovea_status load_fresh(struct loader *l, const char *base, const char *role, fovea_value *out) {
    char *name = fresh_name(l, base, role);
    *out = FOVEA_NO_VALUE;
    fovea_status status = name ? load_value(l, name, NULL, out) : fail_memory(64, "a name");
    mem_free(name);
    return status;
}

fovea_status load_rename(struct loader *l, const char *base, size_t first) {
    for (size_t i = first; i < l->graph->n_values; i++) {
        struct value *v = &l->graph->values[i];
        char *name = fresh_name(l, base, v->name);
        if (!name) return fail_memory(64, "a name");
        mem_free(v->name);
        v->name = name;
        if (!names_add(&l->values, name, (uint32_t)i)) return fail_memory(64, "names");
    }
    return FOVEA_OK;
}

fovea_status load_constant(struct loader *l, const char *base, const char *role,
                           const fovea_desc *desc, void *data, fovea_value *out) {
    fovea_status status = load_fresh(l, base, role, out);
    if (status == FOVEA_OK) return graph_value_set_data(l->graph, *out, desc, data);
    mem_free(data);
    return status;
}

static fovea_status load_initializer(struct loader *l, Onnx__TensorProto *t) {
    fovea_desc desc;
    fovea_value value;
    void *data;
    TRY(tensor_take(t, l->path, &desc, &data));
    fovea_status status = load_value(l, t->name, &desc, &value);
    if (status == FOVEA_OK) return graph_value_set_data(l->graph, value, &desc, data);
    mem_free(data);
    return status;
}

/* ---- Inputs ---- */

static fovea_status read_dimension(const char *name, const Onnx__TensorShapeProto__Dimension *d,
                                   int64_t *out) {
    *out = d->has_dim_value ? d->dim_value : -1;
    if (*out < -1)
        return fail(FOVEA_BAD_FILE, "input '%.200s' has the dimension %lld", name, (long long)*out);
    return FOVEA_OK;
}

static fovea_status read_type(const Onnx__ValueInfoProto *v, fovea_desc *desc) {
    const Onnx__TypeProto__Tensor *type = v->type ? v->type->tensor_type : NULL;
    if (!type)
        return fail(
            FOVEA_UNSUPPORTED,
            "input '%.200s' is no tensor (sequences, maps and optional values are not covered)",
            v->name);
    *desc = (fovea_desc){.dtype = (fovea_dtype)type->elem_type, .rank = -1};
    if (fovea_dtype_size(desc->dtype) == 0)
        return fail(FOVEA_UNSUPPORTED,
                    "input '%.200s' has the element type %d%s, which is not covered", v->name,
                    (int)type->elem_type, type->elem_type == 8 ? " (string)" : "");
    if (!type->shape) return FOVEA_OK;
    if (type->shape->n_dim > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "input '%.200s' has %zu dimensions; at most %d are covered",
                    v->name, type->shape->n_dim, FOVEA_MAX_RANK);
    desc->rank = (int)type->shape->n_dim;
    for (int i = 0; i < desc->rank; i++)
        TRY(read_dimension(v->name, type->shape->dim[i], &desc->dim[i]));
    return FOVEA_OK;
}

static fovea_status name_dimensions(struct value *v, const Onnx__TensorShapeProto *shape) {
    for (int i = 0; i < v->desc.rank; i++) {
        const char *name = shape->dim[i]->dim_param;
        if (v->desc.dim[i] >= 0 || !name || !*name) continue;
        v->dim_name[i] = mem_string(name);
        if (!v->dim_name[i]) return fail_memory(strlen(name), "a name");
    }
    return FOVEA_OK;
}

static fovea_status load_input(struct loader *l, const Onnx__ValueInfoProto *v) {
    fovea_desc desc;
    fovea_value value;
    fovea_graph *g = l->graph;
    if (!v->name || !*v->name) return fail(FOVEA_BAD_FILE, "an input has no name");
    uint32_t known = names_find(&l->values, v->name);
    if (known != NAMES_NONE && g->values[known].storage) return FOVEA_OK; /* a default: constant */
    TRY(read_type(v, &desc));
    TRY(load_value(l, v->name, &desc, &value));
    fovea_value *slot = mem_push(&g->inputs, &g->n_inputs, &g->inputs_capacity, sizeof *slot);
    if (!slot) return fail_memory(sizeof *slot, "an input");
    *slot = value;
    g->values[value].is_input = true;
    return v->type->tensor_type->shape
               ? name_dimensions(&g->values[value], v->type->tensor_type->shape)
               : FOVEA_OK;
}

static fovea_status load_output(struct loader *l, const Onnx__ValueInfoProto *v) {
    const char *name = v->name ? v->name : "";
    uint32_t value = names_find(&l->values, name);
    if (value == NAMES_NONE && names_find(&l->producers, name) != NAMES_NONE)
        return fail(FOVEA_UNSUPPORTED, "output '%.200s' is made in training only", name);
    if (value == NAMES_NONE) return fail(FOVEA_BAD_FILE, "nothing makes the output '%.200s'", name);
    if (l->graph->values[value].is_output)
        return fail(FOVEA_BAD_FILE, "the output '%.200s' is listed twice", name);
    return fovea_graph_output(l->graph, value);
}

/* ---- The whole model ---- */

/* A file whose operators are all from elsewhere need not say which of ONNX's it means. */
static bool uses_default_domain(const Onnx__GraphProto *g) {
    for (size_t i = 0; i < g->n_node; i++) {
        const char *domain = g->node[i]->domain;
        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0) return true;
    }
    return g->n_node == 0;
}

static fovea_status check_versions(struct loader *l, const Onnx__ModelProto *m) {
    if (m->ir_version < IR_OLDEST)
        return fail(FOVEA_UNSUPPORTED,
                    "IR version %lld is older than %d, the oldest that is covered",
                    (long long)m->ir_version, IR_OLDEST);
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const char *domain = m->opset_import[i]->domain;
        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0)
            l->opset = m->opset_import[i]->version;
    }
    if (l->opset == 0 && !uses_default_domain(l->file)) l->opset = OPSET_NEWEST;
    l->graph->opset = l->opset;
    if (l->opset == 0)
        return fail(FOVEA_UNSUPPORTED, "the file states no version of the ai.onnx operator set "
                                       "(opset_import), so what its operators mean is not known");
    if (l->opset < OPSET_OLDEST || l->opset > OPSET_NEWEST)
        return fail(FOVEA_UNSUPPORTED,
                    "opset %lld is outside %d to %d; onnx.version_converter can change it",
                    (long long)l->opset, OPSET_OLDEST, OPSET_NEWEST);
    return FOVEA_OK;
}

static fovea_status load_nodes(struct loader *l) {
    size_t *order = mem_array(l->file->n_node, sizeof *order);
    fovea_status status = order ? load_order(l, order) : fail_memory(l->file->n_node, "the order");
    for (size_t i = 0; status == FOVEA_OK && i < l->file->n_node; i++)
        status = load_node(l, l->file->node[order[i]]);
    mem_free(order);
    return status;
}

static fovea_status load_model(struct loader *l, Onnx__ModelProto *m) {
    l->file = m->graph;
    if (!l->file) return fail(FOVEA_BAD_FILE, "the file holds no graph");
    TRY(load_check_operators(l, m));
    TRY(check_versions(l, m));
    l->graph->producer = mem_string(m->producer_name ? m->producer_name : "");
    if (!l->graph->producer) return fail_memory(1, "a name");
    if (l->file->n_sparse_initializer)
        return fail(FOVEA_UNSUPPORTED, "sparse initializers are not covered");
    for (size_t i = 0; i < l->file->n_initializer; i++)
        TRY(load_initializer(l, l->file->initializer[i]));
    for (size_t i = 0; i < l->file->n_input; i++) TRY(load_input(l, l->file->input[i]));
    TRY(load_nodes(l));
    for (size_t i = 0; i < l->file->n_output; i++) TRY(load_output(l, l->file->output[i]));
    return l->graph->n_outputs ? FOVEA_OK : fail(FOVEA_BAD_FILE, "the graph has no outputs");
}

fovea_status fovea_graph_load_onnx(fovea_graph **out, const char *path) {
    struct loader l = {.path = path};
    struct unpack_memory memory;
    ProtobufCMessage *message;
    *out = NULL;
    TRY(file_unpack(&message, &memory, path, &onnx__model_proto__descriptor, "an ONNX model"));
    fovea_status status = fovea_graph_create(&l.graph);
    if (status == FOVEA_OK) status = load_model(&l, (Onnx__ModelProto *)message);
    if (status == FOVEA_INVALID) status = FOVEA_BAD_FILE; /* the file's mistake, not the caller's */
    if (status != FOVEA_OK) fail_in(status, "%s: ", path);
    protobuf_c_message_free_unpacked(message, &memory.allocator);
    names_free(&l.values);
    names_free(&l.producers);
    guess_free(&l.guesses);
    if (status == FOVEA_OK) *out = l.graph;
    else fovea_graph_destroy(l.graph);
    return status;
}
