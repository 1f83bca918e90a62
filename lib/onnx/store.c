/* Writing an ONNX model: names, nodes, constants, and the file itself. */
#include "onnx/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "onnx/file.h"
#include "onnx/message.h"
#include "onnx/tensor.h"

/* ---- Names ---- */

/* `base`, or `base` with a number if that is taken; owned by the storer. */
static const char *unique(struct storer *s, struct names *names, const char *base) {
    char *name = mem_string(base);
    for (size_t i = names->count; name && names_find(names, name) != NAMES_NONE; i++) {
        mem_free(name);
        name =
            mem_format("%s_%zu", base, i); /* counting from 1 would be slow for many equal ones */
    }
    char **slot = name ? mem_push(&s->owned, &s->n_owned, &s->owned_capacity, sizeof *slot) : NULL;
    if (!slot) {
        mem_free(name);
        return NULL;
    }
    *slot = name;
    return names_add(names, name, 0) ? name : NULL;
}

const char *store_fresh_name(struct storer *s, const char *base, const char *role) {
    char *wanted = mem_format("%s/%s", base, role);
    const char *name = wanted ? unique(s, &s->value_names, wanted) : NULL;
    mem_free(wanted);
    return name;
}

static fovea_status name_value(struct storer *s, fovea_value v) {
    if (s->name[v]) return FOVEA_OK;
    const char *name = s->graph->values[v].name;
    s->name[v] = unique(s, &s->value_names, name && *name ? name : "v");
    return s->name[v] ? FOVEA_OK : fail_memory(64, "a name");
}

/* Inputs and outputs first: they keep their names if another value has the same. */
static fovea_status name_values(struct storer *s) {
    const fovea_graph *g = s->graph;
    s->name = mem_zero(g->n_values, sizeof *s->name);
    s->used = mem_zero(g->n_values, sizeof *s->used);
    if (!s->name || !s->used) return fail_memory(g->n_values, "names");
    for (size_t i = 0; i < g->n_inputs; i++) TRY(name_value(s, g->inputs[i]));
    for (size_t i = 0; i < g->n_outputs; i++) TRY(name_value(s, g->outputs[i]));
    for (fovea_value v = 0; v < g->n_values; v++) TRY(name_value(s, v));
    for (size_t i = 0; i < g->n_outputs; i++) s->used[g->outputs[i]] = true;
    return FOVEA_OK;
}

/* ---- Nodes ---- */

fovea_status store_write_node(struct storer *s, struct written *n) {
    struct wire m = {0};
    const char *base = n->name && *n->name ? n->name : n->n_out ? n->out[0] : n->op;
    const char *name = unique(s, &s->node_names, base);
    for (size_t i = 0; i < n->n_in; i++) wire_string(&m, 1, n->in[i]);
    for (size_t i = 0; i < n->n_out; i++) wire_string(&m, 2, n->out[i]);
    wire_string(&m, 3, name ? name : "");
    wire_string(&m, 4, n->op);
    if (*op_domain(op_find(n->op))) wire_string(&m, 7, s->domain = op_domain(op_find(n->op)));
    wire_bytes(&m, n->attributes.data, n->attributes.length);
    m.failed = m.failed || n->attributes.failed || !name;
    wire_free(&n->attributes);
    wire_message(&s->nodes, 1, &m);
    return s->nodes.failed ? fail_memory(s->nodes.length, "the nodes") : FOVEA_OK;
}

static fovea_status write_nodes(struct storer *s) {
    const fovea_graph *g = s->graph;
    s->opset = OPSET_WRITTEN;
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].dead) continue;
        int64_t opset = store_opset_of(g, &g->nodes[i]);
        if (opset > s->opset) s->opset = opset;
        TRY(guess_node(&s->guesses, g, &g->nodes[i]));
    }
    for (size_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead) TRY(store_node(s, &g->nodes[i]));
    return FOVEA_OK;
}

/* ---- Constants ---- */

enum { ALIGNMENT = 64, EXTERNAL_LEAST = 1024 }; /* of contents in another file; smaller stay */

struct constants {
    uint64_t offset;      /* next free byte of the other file */
    const char *location; /* its name in the model; NULL: there is none */
};

static uint64_t aligned(uint64_t offset) {
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool is_written(const struct storer *s, fovea_value v) {
    return s->used[v] && s->graph->values[v].storage;
}

/* Everything of a TensorProto but raw contents; `raw` is how many bytes of these follow. */
static void tensor_head(const struct storer *s, fovea_value v, struct constants *c, struct wire *w,
                        size_t *raw) {
    const fovea_desc *d = &s->graph->values[v].desc;
    size_t bytes = tensor_file_bytes(d);
    bool external = c->location && bytes >= EXTERNAL_LEAST;
    message_tensor_head(w, s->name[v], d);
    *raw = external ? 0 : bytes;
    if (!external) {
        wire_head(w, 9, bytes);
        return;
    }
    c->offset = aligned(c->offset);
    message_external(w, c->location, c->offset, bytes);
    c->offset += bytes;
}

static fovea_status write_contents(struct file_writer *f, const struct value *v) {
    size_t bytes = tensor_file_bytes(&v->desc), elements = desc_bytes(&v->desc);
    if (bytes == elements) {
        file_write(f, v->storage->data, bytes);
        return FOVEA_OK;
    }
    uint8_t *packed = mem_alloc(bytes);
    if (!packed) return fail_memory(bytes, "packed elements");
    tensor_pack_nibbles(v->storage->data, elements, packed);
    file_write(f, packed, bytes);
    mem_free(packed);
    return FOVEA_OK;
}

static uint64_t constant_bytes(const struct storer *s) {
    uint64_t sum = 0;
    for (fovea_value v = 0; v < s->graph->n_values; v++)
        if (is_written(s, v)) sum += tensor_file_bytes(&s->graph->values[v].desc);
    return sum;
}

/* Bytes of all initializer fields of the GraphProto. */
static fovea_status initializer_bytes(const struct storer *s, struct constants c, uint64_t *sum) {
    for (fovea_value v = 0; v < s->graph->n_values; v++) {
        struct wire head = {0}, field = {0};
        size_t raw;
        if (!is_written(s, v)) continue;
        tensor_head(s, v, &c, &head, &raw);
        wire_head(&field, 5, head.length + raw);
        *sum += field.length + head.length + raw;
        bool failed = head.failed || field.failed;
        wire_free(&head);
        wire_free(&field);
        if (failed) return fail_memory(64, "a constant");
    }
    return FOVEA_OK;
}

static fovea_status write_initializers(const struct storer *s, struct constants c,
                                       struct file_writer *f) {
    for (fovea_value v = 0; v < s->graph->n_values; v++) {
        struct wire head = {0}, field = {0};
        size_t raw;
        if (!is_written(s, v)) continue;
        tensor_head(s, v, &c, &head, &raw);
        wire_head(&field, 5, head.length + raw);
        wire_bytes(&field, head.data, head.length);
        file_write(f, field.data, field.length);
        bool failed = head.failed || field.failed;
        wire_free(&head);
        wire_free(&field);
        if (failed) return fail_memory(64, "a constant");
        if (raw) TRY(write_contents(f, &s->graph->values[v]));
    }
    return FOVEA_OK;
}

/* The other file: contents of at least EXTERNAL_LEAST bytes, aligned. */
static fovea_status write_external(const struct storer *s, struct file_writer *f) {
    static const char zeros[ALIGNMENT];
    for (fovea_value v = 0; v < s->graph->n_values; v++) {
        if (!is_written(s, v)) continue;
        if (tensor_file_bytes(&s->graph->values[v].desc) < EXTERNAL_LEAST) continue;
        file_write(f, zeros, (size_t)(aligned(f->written) - f->written));
        TRY(write_contents(f, &s->graph->values[v]));
    }
    return FOVEA_OK;
}

/* ---- The model ---- */

static void model_head(const struct storer *s, struct wire *w) {
    struct wire opset = {0};
    int64_t ir = s->opset < 19 ? 8 : s->opset < 21 ? 9 : s->opset < 23 ? 10 : 11;
    wire_int(w, 1, ir);
    wire_string(w, 2, "fovea");
    wire_string(w, 3, fovea_version());
    wire_string(&opset, 1, "");
    wire_int(&opset, 2, s->opset);
    wire_message(w, 8, &opset);
    if (!s->domain) return;
    opset = (struct wire){0};
    wire_string(&opset, 1, s->domain);
    wire_int(&opset, 2, 1);
    wire_message(w, 8, &opset);
}

/* The fields of the GraphProto but the initializers; takes over the nodes. */
static void graph_fields(struct storer *s, struct wire *w) {
    const fovea_graph *g = s->graph;
    *w = s->nodes;
    s->nodes = (struct wire){0};
    wire_string(w, 2, "fovea");
    for (size_t i = 0; i < g->n_inputs; i++) {
        fovea_value v = g->inputs[i];
        message_value_info(w, 11, s->name[v], &g->values[v], guess_of(&s->guesses, g, v));
    }
    for (size_t i = 0; i < g->n_outputs; i++) {
        fovea_value v = g->outputs[i];
        struct guess guess = guess_of(&s->guesses, g, v);
        if (guess.dtype == FOVEA_UNDEFINED) guess.dtype = FOVEA_FLOAT32;
        message_value_info(w, 12, s->name[v], &g->values[v], guess);
    }
}

static fovea_status write_model(struct storer *s, struct constants c, struct file_writer *f) {
    struct wire head = {0}, graph = {0};
    uint64_t bytes = 0;
    model_head(s, &head);
    graph_fields(s, &graph);
    fovea_status status = initializer_bytes(s, c, &bytes);
    wire_head(&head, 7, graph.length + bytes);
    if (status == FOVEA_OK && (head.failed || graph.failed))
        status = fail_memory(graph.length, "the model");
    if (status == FOVEA_OK) {
        file_write(f, head.data, head.length);
        file_write(f, graph.data, graph.length);
        status = write_initializers(s, c, f);
    }
    wire_free(&head);
    wire_free(&graph);
    return status;
}

/* Finishes a file after `status`, whose sentence stays if it is a failure. */
static fovea_status finish(struct file_writer *f, fovea_status status) {
    if (status == FOVEA_OK) return file_finish(f, true);
    f->failed = false;
    file_finish(f, false);
    return status;
}

static fovea_status write_inline(struct storer *s, const char *path) {
    struct file_writer f;
    TRY(file_create(&f, path));
    return finish(&f, write_model(s, (struct constants){0, NULL}, &f));
}

/* The other file first: a model is never there without its weights. */
static fovea_status write_two(struct storer *s, const char *path) {
    char *data = mem_format("%s.data", path);
    struct file_writer f;
    struct stat st;
    if (!data) return fail_memory(strlen(path), "a path");
    fovea_status status = FOVEA_OK;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        status =
            fail(FOVEA_BAD_FILE, "%s is no regular file; a model of this size needs two", path);
    if (status == FOVEA_OK) status = file_create(&f, data);
    if (status == FOVEA_OK) status = finish(&f, write_external(s, &f));
    if (status == FOVEA_OK) status = file_create(&f, path);
    if (status == FOVEA_OK) {
        const char *slash = strrchr(data, '/');
        struct constants c = {0, slash ? slash + 1 : data};
        status = finish(&f, write_model(s, c, &f));
    }
    mem_free(data);
    return status;
}

fovea_status store_model(const fovea_graph *g, const char *path, uint64_t inline_limit) {
    struct storer s = {.graph = g};
    fovea_status status = name_values(&s);
    if (status == FOVEA_OK) status = write_nodes(&s);
    if (status == FOVEA_OK)
        status = constant_bytes(&s) < inline_limit ? write_inline(&s, path) : write_two(&s, path);
    for (size_t i = 0; i < s.n_owned; i++) mem_free(s.owned[i]);
    mem_free(s.owned);
    mem_free(s.name);
    mem_free(s.used);
    names_free(&s.value_names);
    names_free(&s.node_names);
    guess_free(&s.guesses);
    wire_free(&s.nodes);
    return status;
}

fovea_status fovea_graph_store_onnx(const fovea_graph *graph, const char *path) {
    if (graph->n_outputs == 0)
        return fail(FOVEA_INVALID, "%s: a graph without outputs cannot be stored", path);
    return store_model(graph, path, 1900000000);
}

/* ---- Tensor files ---- */

fovea_status fovea_array_store(const fovea_array *array, const char *name, const char *path) {
    struct storage storage = {.data = array->data};
    struct value value = {.desc = array->desc, .storage = &storage};
    struct wire head = {0};
    struct file_writer f;
    if (fovea_desc_elements(&array->desc) < 0 || fovea_dtype_size(array->desc.dtype) == 0)
        return fail(FOVEA_INVALID, "%s: a tensor of unknown type or shape cannot be stored", path);
    if (tensor_file_bytes(&array->desc) > 2000000000)
        return fail(FOVEA_UNSUPPORTED, "%s: a tensor file holds at most 2 GB", path);
    message_tensor_head(&head, name ? name : "", &array->desc);
    wire_head(&head, 9, tensor_file_bytes(&array->desc));
    fovea_status status = head.failed ? fail_memory(64, "a tensor") : file_create(&f, path);
    if (status == FOVEA_OK) {
        file_write(&f, head.data, head.length);
        status = finish(&f, write_contents(&f, &value));
    }
    wire_free(&head);
    return status;
}
