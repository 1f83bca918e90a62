/* A network as it is run, whatever form its file has: see network_settle in network.h. */
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"
#include "train/network.h"

/* An output that nobody may ask for any more. */
static void drop_output(fovea_graph *g, struct node *n, size_t i) {
    fovea_value v = i < n->n_out ? n->out[i] : FOVEA_NO_VALUE;
    size_t kept = 0;
    if (v == FOVEA_NO_VALUE) return;
    for (size_t k = 0; k < g->n_outputs; k++)
        if (g->outputs[k] != v) g->outputs[kept++] = g->outputs[k];
    g->n_outputs = kept;
    g->values[v].is_output = false;
    g->values[v].producer = FOVEA_NO_VALUE;
    n->out[i] = FOVEA_NO_VALUE;
}

/* Files that were written in training form keep it in flags; the trainer sets its own. */
static fovea_status stop_training(fovea_graph *g, struct node *n) {
    static const fovea_attribute off = {
        .name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    if (n->op == OP_Dropout && n->n_in > 2) n->in[2] = FOVEA_NO_VALUE;
    if (n->op != OP_BatchNormalization || !attr_int(n, "training_mode", 0)) return FOVEA_OK;
    for (size_t i = 1; i < n->n_out; i++) drop_output(g, n, i);
    return node_attr_set(n, &off);
}

/* ---- Statistics of one's own ---- */

static void count_readers(const fovea_graph *g, size_t *readers) {
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < g->nodes[k].n_in && !g->nodes[k].dead; i++)
            if (g->nodes[k].in[i] != FOVEA_NO_VALUE) readers[g->nodes[k].in[i]]++;
}

/* The same contents under a fresh name. */
static fovea_status copy_constant(fovea_graph *g, fovea_value v, fovea_value *out) {
    const fovea_desc d = g->values[v].desc;
    char *name = NULL;
    for (size_t i = 2; !name; i++) {
        if (!(name = mem_format("%s:%zu", g->values[v].name, i))) return fail_memory(64, "a name");
        if (fovea_graph_find(g, name) == FOVEA_NO_VALUE) break;
        mem_free(name);
        name = NULL;
    }
    fovea_status status = fovea_graph_constant(g, name, &d, g->values[v].storage->data, out);
    mem_free(name);
    return status;
}

/* Exporters store equal constants once: the mean 0 of every fresh normalisation and the bias 0 beside it. What is
 * gathered must belong to one node. */
static fovea_status part_statistics(fovea_graph *g, size_t *readers) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        if (g->nodes[k].dead || g->nodes[k].op != OP_BatchNormalization) continue;
        for (size_t i = 3; i < g->nodes[k].n_in; i++) {
            fovea_value v = g->nodes[k].in[i], own;
            if (v == FOVEA_NO_VALUE || !g->values[v].storage || readers[v] < 2) continue;
            TRY(copy_constant(g, v, &own));
            g->nodes[k].in[i] = own;
            readers[v]--;
        }
    }
    return FOVEA_OK;
}

fovea_status network_settle(fovea_graph *g, const fovea_train_options *o) {
    TRY(graph_want_data(g));
    for (size_t k = 0; k < g->n_nodes; k++)
        if (!g->nodes[k].dead) TRY(stop_training(g, &g->nodes[k]));
    TRY(plan_fold_constants(g));
    for (; !o->scores && o->auxiliary < 0 && g->n_outputs > 1; g->n_outputs--)
        g->values[g->outputs[g->n_outputs - 1]].is_output = false;
    size_t *readers = mem_zero(g->n_values + 1, sizeof *readers);
    if (!readers) return fail_memory(g->n_values * sizeof *readers, "a network");
    count_readers(g, readers);
    fovea_status status = part_statistics(g, readers);
    mem_free(readers);
    return status;
}
