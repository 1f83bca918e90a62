/* Shape, Size, ConstantOfShape, Range. */
#include <string.h>

#include "reference/move.h"

fovea_status reference_shape(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc;
    int64_t start = attr_int(c->node, "start", 0);
    if (start < 0) start += x->rank;
    if (start < 0) start = 0;
    for (int64_t i = 0; c->out[0].data && i < c->out[0].desc.dim[0]; i++)
        reference_store_i64(&c->out[0], (size_t)i, x->dim[start + i]);
    return FOVEA_OK;
}

fovea_status reference_size(struct reference_call *c) {
    if (c->out[0].data) reference_store_i64(&c->out[0], 0, fovea_desc_elements(&c->in[0].desc));
    return FOVEA_OK;
}

static int64_t nowhere(const void *parameters, const fovea_desc *x, const int64_t *at) {
    (void)parameters, (void)x, (void)at;
    return -1;
}

fovea_status reference_constant_of_shape(struct reference_call *c) {
    move_all(c, reference_has(c, 1) ? &c->in[1] : NULL, nowhere, NULL);
    return FOVEA_OK;
}

/* start + i * delta. Two roundings, if the numbers are added up one product at a time. */
fovea_status reference_range(struct reference_call *c) {
    struct reference_out *o = &c->out[0];
    if (!o->data) return FOVEA_OK;
    if (!dtype_is_float(o->desc.dtype)) {
        const int64_t *start = reference_i64(c, 0), *delta = reference_i64(c, 2);
        if (!start || !delta) return FOVEA_NO_MEMORY;
        for (int64_t i = 0; i < o->desc.dim[0]; i++)
            reference_store_i64(o, (size_t)i,
                                (int64_t)((uint64_t)*start + (uint64_t)i * (uint64_t)*delta));
        return FOVEA_OK;
    }
    const double *start = reference_f64(c, 0), *delta = reference_f64(c, 2);
    if (!start || !delta) return FOVEA_NO_MEMORY;
    for (int64_t i = 0; i < o->desc.dim[0]; i++) {
        double step = (double)i * *delta;
        o->y[i] = *start + step;
        o->bound[i] =
            REFERENCE_U * (fabs(step) + fabs(o->y[i])) * (1 + REFERENCE_U) + REFERENCE_TINY;
        if (o->probable) o->probable[i] = o->bound[i];
    }
    return FOVEA_OK;
}
