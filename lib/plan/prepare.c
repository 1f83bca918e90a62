/* From a graph as it was loaded to one with every shape known: bindings, inference, folding. */
#include <string.h>

#include "base/alloc.h"
#include "graph/batch.h"
#include "graph/rewrite.h"
#include "plan/plan.h"

/* ---- Inputs ---- */

/* Checks the bound shape against the declared one and fixes it. */
static fovea_status bind_input(fovea_graph *g, struct value *v, const fovea_binding *b) {
    const fovea_desc *want = &v->desc, *got = &b->desc;
    bool fits = want->rank < 0 || want->rank == got->rank;
    for (int d = 0; fits && d < want->rank; d++)
        fits = want->dim[d] < 0 || want->dim[d] == got->dim[d];
    if (!fits || fovea_desc_elements(got) < 0)
        return fail(FOVEA_INVALID, "input '%s' wants shape %s, not %s", v->name, desc_text(want),
                    desc_text(got));
    if (got->dtype != want->dtype)
        return fail(FOVEA_INVALID, "input '%s' wants %s, not %s", v->name,
                    fovea_dtype_name(want->dtype), fovea_dtype_name(got->dtype));
    v->desc = *got;
    if (!b->data) return FOVEA_OK;
    size_t bytes = desc_bytes(got);
    void *copy = mem_alloc(bytes);
    if (!copy) return fail_memory(bytes, "an input's contents");
    memcpy(copy, b->data, bytes);
    return graph_value_set_data(g, (fovea_value)(v - g->values), got, copy);
}

/* The size that another input's symbolic dimension of the same name has; -1 if none. */
static int64_t size_of_name(const fovea_graph *g, const char *name) {
    for (size_t i = 0; name && i < g->n_inputs; i++) {
        const struct value *v = &g->values[g->inputs[i]];
        for (int d = 0; d < v->desc.rank; d++)
            if (v->desc.dim[d] >= 0 && v->dim_name[d] && strcmp(v->dim_name[d], name) == 0)
                return v->desc.dim[d];
    }
    return -1;
}

/* Free dimensions: by name from other inputs; a free batch is 1; others must be given. */
static fovea_status fix_free(const fovea_graph *g, struct value *v) {
    if (v->desc.rank < 0)
        return fail(FOVEA_INVALID, "input '%s' has no declared shape: give it one", v->name);
    for (int d = 0; d < v->desc.rank; d++) {
        if (v->desc.dim[d] >= 0) continue;
        int64_t size = size_of_name(g, v->dim_name[d]);
        if (size < 0 && d > 0)
            return fail(FOVEA_INVALID,
                        "input '%s' of shape %s has the free dimension %d (%s): give its size",
                        v->name, desc_text(&v->desc), d,
                        v->dim_name[d] ? v->dim_name[d] : "unnamed");
        v->desc.dim[d] = size < 0 ? 1 : size;
    }
    return FOVEA_OK;
}

static fovea_status bind_inputs(fovea_graph *g, const fovea_plan_options *o) {
    for (size_t k = 0; k < o->n_bindings; k++) {
        fovea_value id = fovea_graph_find(g, o->bindings[k].name);
        if (id == FOVEA_NO_VALUE || !g->values[id].is_input)
            return fail(FOVEA_INVALID, "the graph has no input named '%s'", o->bindings[k].name);
        TRY(bind_input(g, &g->values[id], &o->bindings[k]));
    }
    for (size_t i = 0; i < g->n_inputs; i++) TRY(fix_free(g, &g->values[g->inputs[i]]));
    return FOVEA_OK;
}

/* ---- Folding ---- */

/* Whether a node's outputs are known now. Random numbers are for the run. Without rewriting, a node that
 * makes a float output of the graph stays: a test of chosen numbers is to run on the device. */
static bool can_fold(const fovea_graph *g, const struct node *n, const fovea_plan_options *o) {
    const struct value *y = node_out(g, n, 0);
    if (o->no_rewrite && y && y->is_output && dtype_is_float(y->desc.dtype)) return false;
    if (n->op == OP_Shape || n->op == OP_Size) return true;
    if (n->op == OP_Dropout) return false;
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (v && !v->storage) return false;
    }
    return true;
}

fovea_status plan_reference(const fovea_graph *g, const struct node *n, const void *const *in,
                            struct reference_out *out) {
    enum { FEW = 16 };
    struct reference_in few[FEW] = {0}, *inputs = few;
    if (n->n_in > FEW && !(inputs = mem_zero(n->n_in, sizeof *inputs)))
        return fail_memory(n->n_in * sizeof *inputs, "a node's inputs");
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (v) inputs[i].desc = v->desc;
        if (v) inputs[i].data = in[i];
    }
    struct reference_call call = {n, inputs, n->n_in, out, n->n_out};
    fovea_status status = reference_run(&call);
    if (inputs != few) mem_free(inputs);
    return status;
}

/* Computes a node whose inputs are known and turns its outputs into constants. */
static fovea_status fold(fovea_graph *g, struct node *n) {
    struct reference_out *out = mem_zero(n->n_out + 1, sizeof *out);
    const void **in = mem_zero(n->n_in + 1, sizeof *in);
    fovea_status status = out && in ? FOVEA_OK : fail_memory(n->n_out, "a folded node");
    for (size_t i = 0; status == FOVEA_OK && i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        in[i] = !v ? NULL : v->storage ? v->storage->data : ""; /* Shape looks at no contents */
    }
    for (size_t i = 0; status == FOVEA_OK && i < n->n_out; i++) {
        const struct value *v = node_out(g, n, i);
        if (!v) continue;
        out[i].desc = v->desc;
        out[i].data = mem_alloc(desc_bytes(&v->desc));
        if (!out[i].data) status = fail_memory(desc_bytes(&v->desc), "a folded constant");
    }
    if (status == FOVEA_OK) status = plan_reference(g, n, in, out);
    for (size_t i = 0; out && i < n->n_out; i++) {
        if (status == FOVEA_OK && out[i].data)
            status = graph_value_set_data(g, n->out[i], &out[i].desc, out[i].data);
        else mem_free(out[i].data);
    }
    mem_free(out);
    mem_free(in);
    n->dead = status == FOVEA_OK;
    return status;
}

static fovea_status infer_all(fovea_graph *g, const fovea_plan_options *o) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        struct node *n = &g->nodes[k];
        if (n->dead) continue;
        TRY(graph_infer(g, n));
        if (!can_fold(g, n, o)) continue;
        fovea_status status = fold(g, n);
        if (status != FOVEA_OK) return fail_in(status, "%s node '%s': ", op_name(n->op), n->name);
    }
    return FOVEA_OK;
}

fovea_status plan_fold_constants(fovea_graph *g) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        struct node *n = &g->nodes[k];
        bool known = !n->dead && n->op != OP_Dropout;
        for (size_t i = 0; i < n->n_in && known; i++)
            known = n->in[i] == FOVEA_NO_VALUE || g->values[n->in[i]].storage;
        if (!known) continue;
        fovea_status status = graph_infer(g, n);
        if (status == FOVEA_OK) status = fold(g, n);
        if (status != FOVEA_OK) return fail_in(status, "%s node '%s': ", op_name(n->op), n->name);
        for (size_t i = 0; i < n->n_out; i++) /* constants: nobody makes them */
            if (n->out[i] != FOVEA_NO_VALUE) g->values[n->out[i]].producer = FOVEA_NO_VALUE;
        n->n_out = 0;
    }
    return FOVEA_OK;
}

fovea_status plan_prepare(fovea_graph *g, const fovea_plan_options *o, size_t parts) {
    TRY(bind_inputs(g, o));
    graph_batch_divide(g, parts);
    graph_remove_unused(g);
    TRY(infer_all(g, o));
    graph_remove_unused(g);
    if (o->no_rewrite || o->keep_values) return FOVEA_OK;
    TRY(graph_rewrite(g));
    graph_remove_unused(g);
    return FOVEA_OK;
}
