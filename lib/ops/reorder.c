/* Reorder on a device: between a plain tensor and channel blocks, whichever its input is not. */
#include "ops/algorithm.h"
#include "ops/gemm.h"

static const struct algorithm reorder;
const struct algorithm *const reorder_algorithms[] = {&reorder, NULL};

static uint32_t reorder_blocked(const struct site *s) {
    return site_blocked(s, site_in(s, 0)) ? 1 : BLOCKED_OUT;
}

static const char *reorder_refuse(const struct site *s) {
    int rank = node_in(s->graph, s->node, 0)->desc.rank;
    return rank < 3 || rank > 5 ? "the tensor must have 3 to 5 axes" : NULL;
}

static fovea_status reorder_lower(const struct site *s, struct recipe *r) {
    const fovea_desc *d = &node_in(s->graph, s->node, 0)->desc;
    bool packed = site_blocked(s, site_in(s, 0));
    int64_t pixels = desc_span(d, 2, d->rank), run = gemm_run_length(s);
    recipe_kernel(r, "reorder", packed ? "reorder_to_plain" : "reorder_to_blocks");
    recipe_width(r, s);
    recipe_define(r, "RUN", run);
    recipe_int(r, d->dim[1]);
    recipe_int(r, pixels);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    gemm_launch(s, r, (pixels + run - 1) / run, site_channel_blocks(s, site_in(s, 0)), d->dim[0]);
    return FOVEA_OK;
}

static const struct algorithm reorder = {.name = "reorder",
                                         .refuse = reorder_refuse,
                                         .blocked = reorder_blocked,
                                         .lower = reorder_lower};
