/* Updates as early as they can be: see order.h. */
#include "train/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A node's place: behind node `after` of the old order; of those, in the old order. */
struct place_of {
    size_t after, node;
    bool moved;
};

/* The last node before `first` that reads each value; 0 if none does. */
static void find_readers(const fovea_graph *g, size_t first, size_t *reader) {
    for (size_t k = 0; k < first; k++)
        for (size_t i = 0; i < g->nodes[k].n_in && !g->nodes[k].dead; i++)
            if (g->nodes[k].in[i] != FOVEA_NO_VALUE) reader[g->nodes[k].in[i]] = k;
}

static void find_places(const fovea_graph *g, size_t first, const size_t *reader,
                        struct place_of *places) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *n = &g->nodes[k];
        places[k] = (struct place_of){k < first ? k : 0, k, k >= first};
        for (size_t i = 0; i < n->n_in && k >= first; i++) {
            if (n->in[i] == FOVEA_NO_VALUE) continue;
            uint32_t maker = g->values[n->in[i]].producer;
            size_t after = maker == FOVEA_NO_VALUE ? reader[n->in[i]] : places[maker].after;
            if (after > places[k].after) places[k].after = after;
        }
    }
}

static int by_place(const void *a, const void *b) {
    const struct place_of *x = a, *y = b;
    if (x->after != y->after) return x->after < y->after ? -1 : 1;
    if (x->moved != y->moved) return x->moved ? 1 : -1;
    return x->node < y->node ? -1 : 1;
}

static void permute(fovea_graph *g, const struct place_of *places, struct node *nodes) {
    for (size_t i = 0; i < g->n_nodes; i++) nodes[i] = g->nodes[places[i].node];
    memcpy(g->nodes, nodes, g->n_nodes * sizeof *nodes);
    for (size_t k = 0; k < g->n_nodes; k++)
        for (size_t i = 0; i < g->nodes[k].n_out && !g->nodes[k].dead; i++)
            if (g->nodes[k].out[i] != FOVEA_NO_VALUE)
                g->values[g->nodes[k].out[i]].producer = (uint32_t)k;
}

fovea_status order_updates_early(fovea_graph *g, size_t first) {
    size_t *reader = mem_zero(g->n_values + 1, sizeof *reader);
    struct place_of *places = mem_array(g->n_nodes + 1, sizeof *places);
    struct node *nodes = mem_array(g->n_nodes + 1, sizeof *nodes);
    bool well = reader && places && nodes;
    if (well) {
        find_readers(g, first, reader);
        find_places(g, first, reader, places);
        qsort(places, g->n_nodes, sizeof *places, by_place);
        permute(g, places, nodes);
    }
    mem_free(reader);
    mem_free(places);
    mem_free(nodes);
    return well ? FOVEA_OK : fail_memory(g->n_nodes * sizeof *nodes, "the order of updates");
}
