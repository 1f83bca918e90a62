/* Conversion between element types on a device. 16-bit floats, double and 4-bit outputs are left to
 * the reference. */
#include "ops/algorithm.h"

static const struct algorithm cast;

const struct algorithm *const cast_algorithms[] = {&cast, NULL};

static const char *cast_refuse(const struct site *s) {
    fovea_dtype from = node_in(s->graph, s->node, 0)->desc.dtype;
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    fovea_dtype to = y->dtype;
    if (!opencl_type(from) || !opencl_type(to) || from == FOVEA_FLOAT64 || to == FOVEA_FLOAT64)
        return "no arithmetic for this element type";
    if (to == FOVEA_INT4 || to == FOVEA_UINT4) return "wraps to no 4-bit type";
    if (node_activation(s->node).kind != ACTIVATION_NONE) return "no fused activation";
    return fovea_desc_elements(y) == 0 ? "there is nothing to compute" : NULL;
}

static fovea_status cast_lower(const struct site *s, struct recipe *r) {
    fovea_dtype from = node_in(s->graph, s->node, 0)->desc.dtype;
    const fovea_desc *y = &node_out(s->graph, s->node, 0)->desc;
    int64_t n = fovea_desc_elements(y);
    recipe_kernel(r, "cast", "cast");
    recipe_define_text(r, "FROM", opencl_type(from));
    recipe_define_text(r, "TO", opencl_type(y->dtype));
    recipe_define(r, "TRUNCATE", dtype_is_float(from) && !dtype_is_float(y->dtype));
    recipe_define(r, "TO_BOOL", y->dtype == FOVEA_BOOL);
    recipe_int(r, n);
    recipe_value(r, site_in(s, 0));
    recipe_value(r, site_out(s, 0));
    recipe_global(r, (size_t)n, 0, 0);
    return FOVEA_OK;
}

static const struct algorithm cast = {
    .name = "cast", .refuse = cast_refuse, .any_type = true, .lower = cast_lower};
