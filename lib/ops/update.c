/* Updates of parameters on a device: one launch a parameter, as fast as memory gives and takes. */
#include "graph/update.h"

#include "ops/algorithm.h"

static const struct algorithm update;

const struct algorithm *const update_algorithms[] = {&update, NULL};

enum { CPU_RUN = 4096 }; /* elements of a work-item: a multiple of every vector's width */

static const char *update_refuse(const struct site *s) {
    if (node_activation(s->node).kind != ACTIVATION_NONE) return "no fused activation";
    if (value_elements(node_in(s->graph, s->node, UPDATE_IN_W)) == 0)
        return "there is nothing to compute";
    return NULL;
}

static fovea_status update_lower(const struct site *s, struct recipe *r) {
    const struct node *n = s->node;
    const struct update_form *form = update_form(update_method_of(n));
    int64_t elements = value_elements(node_in(s->graph, n, UPDATE_IN_W));
    int64_t run = s->device->local_memory_is_real ? site_width(s) : CPU_RUN, kept = 0;
    for (size_t i = 0; i < n->n_out; i++) kept |= (int64_t)(n->out[i] != FOVEA_NO_VALUE) << i;
    recipe_kernel(r, "update", "update");
    recipe_width(r, s);
    recipe_define_text(r, "METHOD", form->define);
    recipe_define(r, "DECAY", update_decay_of(n));
    recipe_define(r, "CLIP", attr_int(n, "clip", 0) != 0);
    recipe_define(r, "HAS_CONTROL", site_in(s, UPDATE_IN_CONTROL) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_G", site_in(s, UPDATE_IN_G) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_FACTOR", site_in(s, UPDATE_IN_FACTOR) != FOVEA_NO_VALUE);
    recipe_define(r, "HAS_TRUST", site_in(s, UPDATE_IN_TRUST) != FOVEA_NO_VALUE);
    recipe_define(r, "STATES", (int64_t)form->states);
    recipe_define(r, "KEPT", kept);
    recipe_define(r, "RUN", run);
    recipe_int(r, elements);
    recipe_float(r, attr_float(n, "limit", 1));
    for (size_t i = 0; i < UPDATE_IN_STATE + UPDATE_STATES_MAX; i++) recipe_value(r, site_in(s, i));
    for (size_t i = 0; i < 1 + UPDATE_STATES_MAX; i++) recipe_value(r, site_out(s, i));
    recipe_global(r, (size_t)ceil_div(elements, run), 0, 0);
    return FOVEA_OK;
}

static const struct algorithm update = {
    .name = "update",
    .refuse = update_refuse,
    .inexact = true, /* roots and divisions */
    .lower = update_lower,
};
