/* Where to cut the forward pass: see recompute.h. */
#include "train/recompute.h"

#include <math.h>

#include "base/alloc.h"

struct walk {
    const fovea_graph *graph;
    size_t *last;    /* by value: the last node that reads it; its maker if none does */
    size_t *count;   /* by node: activations alive behind it */
    fovea_value *at; /* by node: the one that is alive, if there is one */
    double bytes;    /* of all activations */
};

/* Made by a node from the network's input: everything but constants and what is made of them. */
static bool is_activation(const fovea_graph *g, fovea_value v) {
    return v != FOVEA_NO_VALUE && g->values[v].producer != FOVEA_NO_VALUE && !g->values[v].storage;
}

static void find_last(struct walk *w) {
    const fovea_graph *g = w->graph;
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        for (size_t i = 0; i < n->n_out && !n->dead; i++)
            if (is_activation(g, n->out[i])) {
                w->last[n->out[i]] = k;
                w->bytes += (double)desc_bytes(&g->values[n->out[i]].desc);
            }
        for (size_t i = 0; i < n->n_in && !n->dead; i++)
            if (is_activation(g, n->in[i])) w->last[n->in[i]] = k;
    }
}

/* Counts what is alive between node k and the next one. */
static void find_narrow(struct walk *w) {
    const fovea_graph *g = w->graph;
    for (size_t v = 0; v < g->n_values; v++) {
        if (!is_activation(g, (fovea_value)v)) continue;
        for (size_t k = g->values[v].producer; k < w->last[v]; k++) {
            w->count[k]++;
            w->at[k] = (fovea_value)v;
        }
    }
}

/* Cuts at the narrow places that come next after each share of the bytes. */
static void cut(const struct walk *w, bool *kept) {
    const fovea_graph *g = w->graph;
    size_t places = 0;
    for (size_t k = 0; k < g->n_nodes; k++) places += w->count[k] == 1;
    double share = w->bytes / (1 + sqrt((double)places)), since = 0;
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        for (size_t i = 0; i < n->n_out && !n->dead; i++)
            if (is_activation(g, n->out[i]))
                since += (double)desc_bytes(&g->values[n->out[i]].desc);
        if (w->count[k] != 1 || since < share) continue;
        kept[w->at[k]] = true;
        since = 0;
    }
}

fovea_status recompute_choose(const fovea_graph *g, bool **kept) {
    struct walk w = {.graph = g};
    *kept = mem_zero(g->n_values + 1, sizeof **kept);
    w.last = mem_zero(g->n_values + 1, sizeof *w.last);
    w.count = mem_zero(g->n_nodes + 1, sizeof *w.count);
    w.at = mem_zero(g->n_nodes + 1, sizeof *w.at);
    bool well = *kept && w.last && w.count && w.at;
    if (well) {
        find_last(&w);
        find_narrow(&w);
        cut(&w, *kept);
        for (size_t i = 0; i < g->n_outputs; i++) (*kept)[g->outputs[i]] = true;
    }
    mem_free(w.last);
    mem_free(w.count);
    mem_free(w.at);
    if (well) return FOVEA_OK;
    mem_free(*kept);
    *kept = NULL;
    return fail_memory(g->n_values, "a choice of activations");
}
