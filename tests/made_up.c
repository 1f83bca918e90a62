/* The devices of made_up.h, and their choice by estimate alone. */
#include "made_up.h"

#include "ops/algorithm.h"

const fovea_device_info made_up_gpu = {.type = FOVEA_DEVICE_GPU,
                                       .compute_units = 132,
                                       .local_memory_bytes = 48 << 10,
                                       .max_work_group_size = 1024,
                                       .vector_width = 1,
                                       .subgroup_size = 32,
                                       .has_subgroups = true,
                                       .local_memory_is_real = true,
                                       .max_allocation_bytes = (uint64_t)32 << 30,
                                       .flops_peak = 60e12,
                                       .bytes_per_second = 2.5e12,
                                       .launch_overhead_us = 8};
const fovea_device_info made_up_cpu = {.type = FOVEA_DEVICE_CPU,
                                       .compute_units = 2,
                                       .local_memory_bytes = 512 << 10,
                                       .max_work_group_size = 4096,
                                       .vector_width = 8,
                                       .subgroup_size = 64,
                                       .has_subgroups = true,
                                       .max_allocation_bytes = (uint64_t)2 << 30,
                                       .flops_peak = 200e9,
                                       .bytes_per_second = 16e9,
                                       .launch_overhead_us = 20};

const char *made_up_choice(const fovea_device_info *d, bool plain, const char *line) {
    fovea_graph *g;
    const struct algorithm *best = NULL;
    ck_assert_msg(fovea_graph_from_problem(&g, line) == FOVEA_OK, "%s", fovea_error());
    struct site s = {.graph = g, .node = &g->nodes[0], .device = d};
    const struct algorithm *const *list = algorithms_of(s.node->op);
    for (size_t i = 0; list[i]; i++) {
        if (algorithm_refuses(list[i], &s) || (plain && list[i]->blocked)) continue;
        if (!best || algorithm_estimate(list[i], &s) < algorithm_estimate(best, &s)) best = list[i];
    }
    fovea_graph_destroy(g);
    return best ? best->name : "none";
}
