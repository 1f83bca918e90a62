/* fovea_graph_fix: the first part of making a plan, on the caller's graph. */
#include "fovea_train.h"
#include "plan/plan.h"

fovea_status fovea_graph_fix(fovea_graph *g, const fovea_binding *bindings, size_t n_bindings) {
    fovea_plan_options o = {.bindings = bindings, .n_bindings = n_bindings, .no_rewrite = true};
    TRY(graph_want_data(g));
    return plan_prepare(g, &o, 1);
}
