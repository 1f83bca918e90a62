/* Values, nodes and constants: building and copying a graph. */
#include "graph/graph.h"

#include <string.h>

#include "base/alloc.h"

fovea_status fovea_graph_create(fovea_graph **out) {
    *out = mem_zero(1, sizeof **out);
    return *out ? FOVEA_OK : fail_memory(sizeof **out, "a graph");
}

static void storage_release(struct storage *s) {
    if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    mem_free(s->data);
    mem_free(s);
}

static void attribute_free(struct attribute *a) {
    mem_free(a->name);
    mem_free(a->s);
    mem_free(a->ints);
    mem_free(a->floats);
}

static void node_free(struct node *n) {
    for (size_t i = 0; i < n->n_attr; i++) attribute_free(&n->attr[i]);
    mem_free(n->attr);
    mem_free(n->name);
    mem_free(n->in);
    mem_free(n->out);
}

void fovea_graph_destroy(fovea_graph *g) {
    if (!g) return;
    for (size_t i = 0; i < g->n_nodes; i++) node_free(&g->nodes[i]);
    for (size_t i = 0; i < g->n_values; i++) {
        mem_free(g->values[i].name);
        for (int d = 0; d < FOVEA_MAX_RANK; d++) mem_free(g->values[i].dim_name[d]);
        storage_release(g->values[i].storage);
    }
    mem_free(g->values);
    mem_free(g->nodes);
    mem_free(g->inputs);
    mem_free(g->outputs);
    mem_free(g->producer);
    mem_free(g);
}

/* ---- Values ---- */

static fovea_status desc_check(const fovea_desc *d, const char *name) {
    if (d->rank < -1 || d->rank > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "value '%s' has rank %d; at most %d are covered", name,
                    d->rank, FOVEA_MAX_RANK);
    if (fovea_dtype_size(d->dtype) == 0 && d->rank >= 0)
        return fail(FOVEA_UNSUPPORTED, "value '%s' has element type %d, which is not covered", name,
                    (int)d->dtype);
    bool known = d->rank >= 0;
    for (int i = 0; i < d->rank; i++) {
        if (d->dim[i] < -1)
            return fail(FOVEA_INVALID, "value '%s' has the negative dimension %lld", name,
                        (long long)d->dim[i]);
        known = known && d->dim[i] >= 0;
    }
    int64_t n = fovea_desc_elements(d);
    if (known && (n < 0 || n > PTRDIFF_MAX / 8))
        return fail(FOVEA_INVALID, "value '%s' of shape %s has too many elements", name,
                    desc_text(d));
    return FOVEA_OK;
}

fovea_status graph_value_add(fovea_graph *g, const char *name, const fovea_desc *desc,
                             fovea_value *out) {
    static const fovea_desc unknown = {.rank = -1};
    *out = FOVEA_NO_VALUE;
    if (!desc) desc = &unknown;
    TRY(desc_check(desc, name ? name : ""));
    if (g->n_values >= FOVEA_NO_VALUE) return fail(FOVEA_INVALID, "a graph has too many values");
    char *copy = name ? mem_string(name) : mem_format("v%zu", g->n_values);
    struct value *v =
        copy ? mem_push(&g->values, &g->n_values, &g->values_capacity, sizeof *v) : NULL;
    if (!v) {
        mem_free(copy);
        return fail_memory(sizeof *v, "a value");
    }
    v->name = copy;
    v->desc = *desc;
    v->producer = FOVEA_NO_VALUE;
    *out = (fovea_value)(g->n_values - 1);
    return FOVEA_OK;
}

fovea_status graph_value_set_data(fovea_graph *g, fovea_value id, const fovea_desc *desc,
                                  void *data) {
    fovea_status status = desc_check(desc, g->values[id].name);
    struct storage *s = status == FOVEA_OK ? mem_zero(1, sizeof *s) : NULL;
    if (!s) {
        mem_free(data);
        return status != FOVEA_OK ? status : fail_memory(sizeof *s, "a constant");
    }
    *s = (struct storage){data, desc_bytes(desc), 1};
    storage_release(g->values[id].storage);
    g->values[id].storage = s;
    g->values[id].desc = *desc;
    return FOVEA_OK;
}

void graph_value_drop_data(fovea_graph *g, fovea_value id) {
    struct storage *s = g->values[id].storage;
    mem_free(s->data);
    s->data = NULL;
}

void graph_value_forget(fovea_graph *g, fovea_value id) {
    storage_release(g->values[id].storage);
    g->values[id].storage = NULL;
}

fovea_status graph_want_data(const fovea_graph *g) {
    for (size_t i = 0; i < g->n_values; i++)
        if (g->values[i].storage && !g->values[i].storage->data)
            return fail(FOVEA_INVALID,
                        "the contents of '%s' were given to an earlier plan (`consume`): load the "
                        "graph again",
                        g->values[i].name);
    return FOVEA_OK;
}

fovea_status graph_constant_take(fovea_graph *g, const char *name, const fovea_desc *desc,
                                 void *data, fovea_value *out) {
    fovea_status status = graph_value_add(g, name, desc, out);
    if (status != FOVEA_OK) {
        mem_free(data);
        return status;
    }
    return graph_value_set_data(g, *out, desc, data);
}

static fovea_status name_free(const fovea_graph *g, const char *name) {
    if (!name || !*name) return fail(FOVEA_INVALID, "an input or constant needs a name");
    if (fovea_graph_find(g, name) != FOVEA_NO_VALUE)
        return fail(FOVEA_INVALID, "the graph already has a value named '%s'", name);
    return FOVEA_OK;
}

fovea_status fovea_graph_input(fovea_graph *g, const char *name, const fovea_desc *desc,
                               fovea_value *out) {
    *out = FOVEA_NO_VALUE;
    TRY(name_free(g, name));
    TRY(graph_value_add(g, name, desc, out));
    fovea_value *slot = mem_push(&g->inputs, &g->n_inputs, &g->inputs_capacity, sizeof *slot);
    if (!slot) return fail_memory(sizeof *slot, "an input");
    *slot = *out;
    g->values[*out].is_input = true;
    if (desc->rank < 1 || desc->dim[0] >= 0) return FOVEA_OK;
    g->values[*out].dim_name[0] = mem_string("N");
    return g->values[*out].dim_name[0] ? FOVEA_OK : fail_memory(1, "a name");
}

fovea_status fovea_graph_constant(fovea_graph *g, const char *name, const fovea_desc *desc,
                                  const void *data, fovea_value *out) {
    *out = FOVEA_NO_VALUE;
    TRY(name_free(g, name));
    if (fovea_desc_elements(desc) < 0)
        return fail(FOVEA_INVALID, "constant '%s' needs a known shape", name);
    size_t bytes = desc_bytes(desc);
    void *copy = mem_alloc(bytes);
    if (!copy) return fail_memory(bytes, "a constant");
    if (bytes) memcpy(copy, data, bytes);
    return graph_constant_take(g, name, desc, copy, out);
}

fovea_status fovea_graph_output(fovea_graph *g, fovea_value value) {
    if (value >= g->n_values) return fail(FOVEA_INVALID, "an output must be a value of the graph");
    fovea_value *slot = mem_push(&g->outputs, &g->n_outputs, &g->outputs_capacity, sizeof *slot);
    if (!slot) return fail_memory(sizeof *slot, "an output");
    *slot = value;
    g->values[value].is_output = true;
    return FOVEA_OK;
}

fovea_status fovea_graph_name(fovea_graph *g, fovea_value value, const char *name) {
    if (value >= g->n_values) return fail(FOVEA_INVALID, "no value %u to be named", value);
    TRY(name_free(g, name));
    char *copy = mem_string(name);
    if (!copy) return fail_memory(strlen(name), "a name");
    mem_free(g->values[value].name);
    g->values[value].name = copy;
    return FOVEA_OK;
}

/* ---- Nodes ---- */

/* Copies count * size bytes; an empty array stays NULL. False if memory ran out. */
static bool copy_array(void *out, const void *from, size_t count, size_t size) {
    void *copy = NULL;
    if (count) {
        copy = mem_array(count, size);
        if (!copy) return false;
        memcpy(copy, from, count * size);
    }
    memcpy(out, &copy, sizeof copy);
    return true;
}

fovea_status node_attr_set(struct node *n, const fovea_attribute *a) {
    struct attribute copy = {.type = a->type, .i = a->i, .f = a->f, .count = a->count};
    copy.name = mem_string(a->name);
    copy.s = mem_string(a->s);
    bool ok = copy.name && (copy.s || !a->s);
    ok = ok && (a->type != FOVEA_ATTRIBUTE_INTS ||
                copy_array(&copy.ints, a->ints, a->count, sizeof *a->ints));
    ok = ok && (a->type != FOVEA_ATTRIBUTE_FLOATS ||
                copy_array(&copy.floats, a->floats, a->count, sizeof *a->floats));
    struct attribute *slot = (struct attribute *)(ok ? node_attr(n, a->name) : NULL);
    if (slot) attribute_free(slot);
    if (ok && !slot) slot = mem_push(&n->attr, &n->n_attr, &n->attr_capacity, sizeof *slot);
    if (!slot) {
        attribute_free(&copy);
        return fail_memory(sizeof copy, "an attribute");
    }
    *slot = copy;
    return FOVEA_OK;
}

static fovea_status node_fill(struct node *n, const char *name, const fovea_value *in, size_t n_in,
                              const fovea_value *out, size_t n_out, const fovea_attribute *attr,
                              size_t n_attr) {
    n->name = mem_string(name ? name : "");
    if (!n->name || !copy_array(&n->in, in, n_in, sizeof *in) ||
        !copy_array(&n->out, out, n_out, sizeof *out))
        return fail_memory(n_in * sizeof *in, "a node");
    n->n_in = n_in;
    n->n_out = n_out;
    for (size_t i = 0; i < n_attr; i++) TRY(node_attr_set(n, &attr[i]));
    return FOVEA_OK;
}

fovea_status graph_node_add(fovea_graph *g, enum op op, const char *name, const fovea_value *in,
                            size_t n_in, const fovea_value *out, size_t n_out,
                            const fovea_attribute *attr, size_t n_attr) {
    struct node n = {.op = op};
    fovea_status status = node_fill(&n, name, in, n_in, out, n_out, attr, n_attr);
    struct node *slot = status == FOVEA_OK
                            ? mem_push(&g->nodes, &g->n_nodes, &g->nodes_capacity, sizeof *slot)
                            : NULL;
    if (!slot) {
        node_free(&n);
        return status != FOVEA_OK ? status : fail_memory(sizeof n, "a node");
    }
    *slot = n;
    for (size_t i = 0; i < n_out; i++)
        if (out[i] != FOVEA_NO_VALUE) g->values[out[i]].producer = (uint32_t)(g->n_nodes - 1);
    return FOVEA_OK;
}

/* ---- Copying ---- */

static fovea_status copy_value(fovea_graph *to, const struct value *v) {
    fovea_value id;
    TRY(graph_value_add(to, v->name, &v->desc, &id));
    struct value *copy = &to->values[id];
    copy->is_input = v->is_input;
    copy->is_output = v->is_output;
    for (int d = 0; d < FOVEA_MAX_RANK; d++) {
        copy->dim_name[d] = mem_string(v->dim_name[d]);
        if (v->dim_name[d] && !copy->dim_name[d]) return fail_memory(1, "a name");
    }
    if (v->storage) __atomic_add_fetch(&v->storage->references, 1, __ATOMIC_ACQ_REL);
    copy->storage = v->storage;
    return FOVEA_OK;
}

static fovea_status copy_node(fovea_graph *to, const struct node *n) {
    TRY(graph_node_add(to, n->op, n->name, n->in, n->n_in, n->out, n->n_out, NULL, 0));
    struct node *copy = &to->nodes[to->n_nodes - 1];
    copy->dead = n->dead;
    for (size_t i = 0; i < n->n_attr; i++) {
        const struct attribute *a = &n->attr[i];
        TRY(node_attr_set(copy, &(fovea_attribute){a->name, a->type, a->i, a->f, a->s, a->ints,
                                                   a->floats, a->count}));
    }
    return FOVEA_OK;
}

static fovea_status copy_into(fovea_graph *to, const fovea_graph *from) {
    for (size_t i = 0; i < from->n_values; i++) TRY(copy_value(to, &from->values[i]));
    for (size_t i = 0; i < from->n_nodes; i++) TRY(copy_node(to, &from->nodes[i]));
    to->producer = mem_string(from->producer);
    to->opset = from->opset;
    if (!copy_array(&to->inputs, from->inputs, from->n_inputs, sizeof *from->inputs) ||
        !copy_array(&to->outputs, from->outputs, from->n_outputs, sizeof *from->outputs) ||
        (from->producer && !to->producer))
        return fail_memory(from->n_inputs, "a graph");
    to->n_inputs = to->inputs_capacity = from->n_inputs;
    to->n_outputs = to->outputs_capacity = from->n_outputs;
    return FOVEA_OK;
}

fovea_status graph_copy(fovea_graph **out, const fovea_graph *from) {
    TRY(fovea_graph_create(out));
    fovea_status status = copy_into(*out, from);
    if (status != FOVEA_OK) {
        fovea_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}
