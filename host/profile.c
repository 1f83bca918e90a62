/* What a plan cost, layer by layer. */
#include "profile.h"

#include "json.h"
#include "table.h"

static double total_ms(const fovea_plan *plan) {
    fovea_step_info s;
    double sum = 0;
    for (size_t i = 0; fovea_plan_step(plan, i, &s) == FOVEA_OK; i++) sum += s.ms > 0 ? s.ms : 0;
    return sum;
}

static size_t count_steps(const fovea_plan *plan) {
    fovea_plan_info info;
    fovea_plan_get_info(plan, &info);
    return info.steps;
}

void profile_print(const fovea_plan *plan) {
    struct table t;
    double total = total_ms(plan);
    size_t steps = count_steps(plan);
    table_begin(&t, "node|op|algorithm|output|>ms|>share|>GFLOP/s|>GB/s");
    for (size_t i = 0; i < steps; i++) {
        fovea_step_info s;
        if (fovea_plan_step(plan, i, &s) != FOVEA_OK) break;
        char shape[128];
        bool timed = s.ms > 0;
        host_shape(shape, sizeof shape, &s.output, NULL);
        table_cell(&t, "%.40s", s.node);
        table_cell(&t, "%s", s.op);
        table_cell(&t, "%s", s.algorithm);
        table_cell(&t, "%s", shape);
        if (timed) table_cell(&t, "%.3f", s.ms);
        else table_cell(&t, "-");
        if (timed) table_cell(&t, "%.1f %%", 100 * s.ms / total);
        else table_cell(&t, "-");
        if (timed) table_cell(&t, "%.2f", s.flops / s.ms * 1e-6);
        else table_cell(&t, "-");
        if (timed) table_cell(&t, "%.2f", s.bytes / s.ms * 1e-6);
        else table_cell(&t, "-");
    }
    printf("\n");
    table_print(&t);
    printf("%zu steps, %.3f ms on the device\n", steps, total);
}

void profile_json(const fovea_plan *plan) {
    size_t steps = count_steps(plan);
    json_array("layers");
    for (size_t i = 0; i < steps; i++) {
        fovea_step_info s;
        if (fovea_plan_step(plan, i, &s) != FOVEA_OK) break;
        json_object(NULL);
        json_text("node", s.node);
        json_text("op", s.op);
        json_text("algorithm", s.algorithm);
        json_text("refusals", s.refusals);
        json_number("ms", s.ms);
        json_number("flops", s.flops);
        json_number("bytes", s.bytes);
        json_integer("workspace", (int64_t)s.workspace);
        json_integer("kernels", (int64_t)s.kernels);
        json_text("problem", s.problem);
        json_close();
    }
    json_close();
}
