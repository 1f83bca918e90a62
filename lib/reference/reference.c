/* What all reference functions share: conversion of inputs, fused activation, rounding of outputs. */
#include "reference/reference.h"

#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/element.h"

static fovea_status (*const functions[])(struct reference_call *) = {
#define OP(name, shape, reference, device, static_inputs, rule) reference_##reference,
#include "graph/op_list.h"
#undef OP
};

double ulp_bound(double y, double ulps) {
    /* The spacing of floats at |y|; below the normal range a device may flush to zero. */
    double m = fabs(y);
    if (!(m > REFERENCE_TINY)) return ulps * 0x1p-149 + REFERENCE_TINY;
    if (isinf(m)) return 0;
    int exponent;
    frexp(m, &exponent);
    return ulps * ldexp(1.0, exponent - 24);
}

/* ---- Views of inputs ---- */

/* Makes view `slot` of input i with elements of `size` bytes, or finds it. */
static void *view_make(struct reference_call *c, size_t i, int slot, size_t size, bool *fresh) {
    struct reference_in *in = &c->in[i];
    *fresh = !in->view[slot];
    size_t n = (size_t)fovea_desc_elements(&in->desc);
    if (*fresh) in->view[slot] = mem_array(n, size);
    if (!in->view[slot]) fail_memory(n * size, "a converted input");
    return in->view[slot];
}

const float *reference_f32(struct reference_call *c, size_t i) {
    if (!reference_has(c, i)) return NULL;
    struct reference_in *in = &c->in[i];
    if (in->desc.dtype == FOVEA_FLOAT32) return in->data;
    bool fresh;
    float *view = view_make(c, i, 0, sizeof *view, &fresh);
    size_t n = (size_t)fovea_desc_elements(&in->desc);
    for (size_t k = 0; view && fresh && k < n; k++)
        view[k] = (float)element_load(in->desc.dtype, in->data, k);
    return view;
}

const double *reference_f64(struct reference_call *c, size_t i) {
    if (!reference_has(c, i)) return NULL;
    struct reference_in *in = &c->in[i];
    if (in->desc.dtype == FOVEA_FLOAT64) return in->data;
    bool fresh;
    double *view = view_make(c, i, 1, sizeof *view, &fresh);
    size_t n = (size_t)fovea_desc_elements(&in->desc);
    for (size_t k = 0; view && fresh && k < n; k++)
        view[k] = element_load(in->desc.dtype, in->data, k);
    return view;
}

const int64_t *reference_i64(struct reference_call *c, size_t i) {
    if (!reference_has(c, i)) return NULL;
    struct reference_in *in = &c->in[i];
    if (in->desc.dtype == FOVEA_INT64) return in->data;
    bool fresh;
    int64_t *view = view_make(c, i, 2, sizeof *view, &fresh);
    size_t n = (size_t)fovea_desc_elements(&in->desc);
    for (size_t k = 0; view && fresh && k < n; k++)
        view[k] = element_load_i64(in->desc.dtype, in->data, k);
    return view;
}

void reference_store_i64(struct reference_out *o, size_t i, int64_t value) {
    switch (fovea_dtype_size(o->desc.dtype)) {
    case 8: ((int64_t *)o->data)[i] = value; break;
    case 4: ((int32_t *)o->data)[i] = (int32_t)value; break;
    case 2: ((int16_t *)o->data)[i] = (int16_t)value; break;
    default: ((int8_t *)o->data)[i] = (int8_t)value; break;
    }
}

/* ---- Outputs ---- */

/* The three activations have slopes between 0 and max(1, |alpha|): they carry an error on at most so
 * far, plus the rounding of LeakyRelu's product. */
static void activate(struct activation a, struct reference_out *o, size_t n) {
    double slope = fmax(1, fabs(a.alpha));
    if (a.kind == ACTIVATION_NONE) return;
    for (size_t i = 0; i < n; i++) {
        double x = o->y[i];
        if (isnan(x)) continue;
        if (a.kind == ACTIVATION_RELU) o->y[i] = x < 0 ? 0 : x;
        if (a.kind == ACTIVATION_CLIP) o->y[i] = x < a.alpha ? a.alpha : x > a.beta ? a.beta : x;
        if (a.kind != ACTIVATION_LEAKY_RELU) continue;
        o->y[i] = x < 0 ? (double)a.alpha * x : x;
        o->bound[i] = o->bound[i] * slope + REFERENCE_U * fabs(o->y[i]);
        if (o->probable) o->probable[i] = o->probable[i] * slope + REFERENCE_U * fabs(o->y[i]);
    }
}

/* Rounds y into data; adds the rounding of types that are narrower than binary32. */
static void round_output(struct reference_out *o, size_t n) {
    fovea_dtype t = o->desc.dtype;
    for (size_t i = 0; o->data && i < n; i++) {
        element_store(t, o->data, i, o->y[i]);
        if (t == FOVEA_FLOAT16) o->bound[i] += fabs(o->y[i]) * 0x1p-11 + 0x1p-25;
        if (t == FOVEA_BFLOAT16) o->bound[i] += fabs(o->y[i]) * 0x1p-8;
    }
}

/* Which of an output's arrays were made here. */
enum { OUTPUTS_MAX = 1024, MADE_Y = 1, MADE_BOUND = 2 };

static fovea_status outputs_begin(const struct reference_call *c, unsigned char *made) {
    for (size_t i = 0; i < c->n_out; i++) {
        struct reference_out *o = &c->out[i];
        size_t n = (size_t)fovea_desc_elements(&o->desc);
        if (!o->data || !dtype_is_float(o->desc.dtype)) continue;
        if (!o->y && (o->y = mem_array(n, sizeof(double)))) made[i] |= MADE_Y;
        if (!o->bound && (o->bound = mem_array(n, sizeof(double)))) made[i] |= MADE_BOUND;
        if (!o->y || !o->bound) return fail_memory(n * sizeof(double), "a reference output");
        for (size_t k = 0; o->probable && k < n; k++) o->probable[k] = NAN;
    }
    return FOVEA_OK;
}

static void outputs_end(const struct reference_call *c, const unsigned char *made) {
    for (size_t i = 0; i < c->n_out; i++) {
        struct reference_out *o = &c->out[i];
        if (made[i] & MADE_Y) mem_free(o->y), o->y = NULL;
        if (made[i] & MADE_BOUND) mem_free(o->bound), o->bound = NULL;
    }
    for (size_t i = 0; i < c->n_in; i++)
        for (int k = 0; k < 3; k++) mem_free(c->in[i].view[k]), c->in[i].view[k] = NULL;
}

fovea_status reference_run(const struct reference_call *call) {
    struct reference_call c = *call;
    unsigned char made[OUTPUTS_MAX] = {0};
    if (c.n_out > OUTPUTS_MAX) return fail(FOVEA_UNSUPPORTED, "a node has %zu outputs", c.n_out);
    fovea_status status = outputs_begin(&c, made);
    if (status == FOVEA_OK) status = functions[c.node->op](&c);
    for (size_t i = 0; status == FOVEA_OK && i < c.n_out; i++) {
        struct reference_out *o = &c.out[i];
        if (!o->data || !o->y || !dtype_is_float(o->desc.dtype)) continue;
        size_t n = (size_t)fovea_desc_elements(&o->desc);
        if (i == 0) activate(node_activation(c.node), o, n);
        round_output(o, n);
    }
    outputs_end(&c, made);
    return status;
}
