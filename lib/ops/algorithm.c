/* The lists of all operators, and what every algorithm shares. */
#include "ops/algorithm.h"

#include <math.h>

static const struct algorithm *const *const lists[] = {
#define OP(name, shape, reference, device, static_inputs, rule) device##_algorithms,
#include "graph/op_list.h"
#undef OP
};

const struct algorithm *const none_algorithms[] = {NULL};

const struct algorithm *const *algorithms_of(enum op op) {
    return lists[op];
}

static bool all_float32(const struct site *s) {
    for (size_t i = 0; i < s->node->n_in; i++) {
        const struct value *v = node_in(s->graph, s->node, i);
        if (v && v->desc.dtype != FOVEA_FLOAT32 && !(op_static_inputs(s->node->op) >> i & 1))
            return false;
    }
    for (size_t i = 0; i < s->node->n_out; i++) {
        const struct value *v = node_out(s->graph, s->node, i);
        if (v && v->desc.dtype != FOVEA_FLOAT32) return false;
    }
    return true;
}

/* Kernels count elements in ints. */
static bool fits_int(const struct site *s) {
    for (size_t i = 0; i < s->node->n_in; i++) {
        const struct value *v = node_in(s->graph, s->node, i);
        if (v && value_elements(v) > INT32_MAX) return false;
    }
    for (size_t i = 0; i < s->node->n_out; i++) {
        const struct value *v = node_out(s->graph, s->node, i);
        if (v && value_elements(v) > INT32_MAX) return false;
    }
    return true;
}

const char *algorithm_refuses(const struct algorithm *a, const struct site *s) {
    if (!a->any_type && !all_float32(s)) return "element types must be float32";
    if (!fits_int(s)) return "a tensor has more than 2^31 - 1 elements";
    if (a->subgroups && !s->device->has_subgroups) return "the device has no subgroups";
    return a->refuse ? a->refuse(s) : NULL;
}

double algorithm_estimate(const struct algorithm *a, const struct site *s) {
    return a->estimate ? a->estimate(s) : algorithm_roofline(s);
}

double algorithm_roofline(const struct site *s) {
    double flops, bytes;
    graph_cost(s->graph, s->node, &flops, &bytes);
    return fmax(flops / s->device->flops_peak, bytes / s->device->bytes_per_second) +
           s->device->launch_overhead_us * 1e-6;
}

fovea_value site_in(const struct site *s, size_t i) {
    return i < s->node->n_in ? s->node->in[i] : FOVEA_NO_VALUE;
}

fovea_value site_out(const struct site *s, size_t i) {
    return i < s->node->n_out ? s->node->out[i] : FOVEA_NO_VALUE;
}

int site_width(const struct site *s) {
    return s->device->vector_width >= 16 ? 16 : s->device->vector_width >= 8 ? 8 : 4;
}

bool site_blocked(const struct site *s, fovea_value v) {
    return s->blocked && v != FOVEA_NO_VALUE && s->blocked[v];
}

int64_t site_channel_blocks(const struct site *s, fovea_value v) {
    int64_t width = site_width(s);
    return (s->graph->values[v].desc.dim[1] + width - 1) / width;
}

int64_t site_stored_elements(const struct site *s, fovea_value v) {
    const fovea_desc *d = &s->graph->values[v].desc;
    if (!site_blocked(s, v)) return fovea_desc_elements(d);
    return d->dim[0] * site_channel_blocks(s, v) * site_width(s) * desc_span(d, 2, d->rank);
}

int site_tuned(const struct site *s, size_t i, int otherwise) {
    return s->tuning && s->tuning[i] ? s->tuning[i] : otherwise;
}

const char *opencl_storage_type(fovea_dtype t) {
    switch (fovea_dtype_size(t)) {
    case 1: return "uchar";
    case 2: return "ushort";
    case 4: return "uint";
    default: return "ulong";
    }
}

const char *opencl_type(fovea_dtype t) {
    switch (t) {
    case FOVEA_FLOAT32: return "float";
    case FOVEA_UINT8:
    case FOVEA_BOOL:
    case FOVEA_UINT4: return "uchar";
    case FOVEA_INT8:
    case FOVEA_INT4: return "char";
    case FOVEA_UINT16: return "ushort";
    case FOVEA_INT16: return "short";
    case FOVEA_INT32: return "int";
    case FOVEA_UINT32: return "uint";
    case FOVEA_INT64: return "long";
    case FOVEA_UINT64: return "ulong";
    case FOVEA_FLOAT64: return "double";
    default: return NULL;
    }
}
