/* Conversion between element types, and linear quantisation.
 *
 * Cast: a float becomes an integer by truncation, saturated to 64 bits (NaN: 0); integers wrap to the
 * width of their type, 4-bit ones too; a boolean is "not zero". Integers become floats by one correct
 * rounding, which the OpenCL specification asks of devices too (section 6.2.3), so that the bound is 0.
 * Quantisation divides in binary32, as the operator is defined: where a quotient falls half way
 * between two integers, only the same division gives the same integer. */

#include "base/threads.h"
#include "graph/quantization.h"
#include "reference/elementwise.h"

/* Wraps to 4 bits where the type has them; other widths are wrapped when stored. */
static int64_t wrap_nibble(fovea_dtype t, int64_t x) {
    if (t == FOVEA_UINT4) return x & 15;
    return t == FOVEA_INT4 ? ((x & 15) ^ 8) - 8 : x;
}

static int64_t integer_from_double(double x, fovea_dtype to) {
    if (isnan(x)) return 0;
    if (to == FOVEA_UINT64 && x >= 0x1p63) return x >= 0x1p64 ? -1 : (int64_t)(uint64_t)x;
    if (x >= 0x1p63) return INT64_MAX;
    return x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

/* ---- Cast ---- */

struct cast {
    fovea_dtype from, to;
    const double *x;  /* floats, or */
    const int64_t *k; /* integers */
    struct reference_out *o;
};

static void float_to_float(const struct cast *c, size_t i) {
    bool narrows = c->from == FOVEA_FLOAT64 && c->to != FOVEA_FLOAT64;
    double y = c->x[i];
    write_float(c->o, i, y, narrows ? REFERENCE_U * fabs(y) + REFERENCE_TINY : exact_bound(y));
}

static void integer_to_float(const struct cast *c, size_t i) {
    bool huge = c->from == FOVEA_UINT64 && c->k[i] < 0; /* 2^63 and above */
    double y = huge ? (double)(uint64_t)c->k[i] : (double)c->k[i];
    if (c->to == FOVEA_FLOAT32) y = huge ? (float)(uint64_t)c->k[i] : (float)c->k[i];
    write_float(c->o, i, y, 0);
}

static void to_integer(const struct cast *c, size_t i) {
    int64_t y = c->x ? integer_from_double(c->x[i], c->to) : c->k[i];
    if (c->to == FOVEA_BOOL) y = c->x ? c->x[i] != 0 : c->k[i] != 0;
    reference_store_i64(c->o, i, wrap_nibble(c->to, y));
}

static void cast_part(void *data, size_t begin, size_t end) {
    const struct cast *c = data;
    for (size_t i = begin; i < end; i++) {
        if (!dtype_is_float(c->to)) to_integer(c, i);
        else if (c->x) float_to_float(c, i);
        else integer_to_float(c, i);
    }
}

fovea_status reference_cast(struct reference_call *call) {
    struct cast c = {.from = call->in[0].desc.dtype, .to = call->out[0].desc.dtype};
    c.o = &call->out[0];
    if (!c.o->data) return FOVEA_OK;
    if (dtype_is_float(c.from)) c.x = reference_f64(call, 0);
    else c.k = reference_i64(call, 0);
    if (!c.x && !c.k) return FOVEA_NO_MEMORY;
    parallel_for((size_t)fovea_desc_elements(&c.o->desc), 4096, cast_part, &c);
    return FOVEA_OK;
}

/* ---- QuantizeLinear: saturate(round(x / scale) + zero), halves to even ---- */

struct range {
    double low, high;
};

static struct range range_of(fovea_dtype t) {
    switch (t) {
    case FOVEA_INT8: return (struct range){-128, 127};
    case FOVEA_UINT16: return (struct range){0, 65535};
    case FOVEA_INT16: return (struct range){-32768, 32767};
    case FOVEA_INT4: return (struct range){-8, 7};
    case FOVEA_UINT4: return (struct range){0, 15};
    default: return (struct range){0, 255};
    }
}

static int64_t quantize(float x, float scale, int64_t zero, struct range r) {
    double q = nearbyintf(x / scale) + (double)zero;
    if (isnan(q)) return zero;
    return (int64_t)(q < r.low ? r.low : q > r.high ? r.high : q);
}

struct linear {
    struct quantization q;
    const float *x, *scale;
    const int64_t *k, *zero; /* k: the input of DequantizeLinear */
    struct reference_out *o;
};

static void quantize_part(void *data, size_t begin, size_t end) {
    const struct linear *l = data;
    struct range r = range_of(l->o->desc.dtype);
    for (size_t i = begin; i < end; i++) {
        int64_t s = quantization_index(&l->q, (int64_t)i);
        reference_store_i64(l->o, i, quantize(l->x[i], l->scale[s], l->zero ? l->zero[s] : 0, r));
    }
}

/* (x - zero) * scale: the difference of 32-bit integers and the product are rounded. */
static void dequantize_part(void *data, size_t begin, size_t end) {
    const struct linear *l = data;
    for (size_t i = begin; i < end; i++) {
        int64_t s = quantization_index(&l->q, (int64_t)i);
        double y = (double)(l->k[i] - (l->zero ? l->zero[s] : 0)) * l->scale[s];
        write_float(l->o, i, y, gamma_bound(2) * fabs(y) + REFERENCE_TINY);
    }
}

static fovea_status linear_run(struct reference_call *c, bool dequantizes) {
    struct linear l = {.o = &c->out[0]};
    if (!l.o->data) return FOVEA_OK;
    TRY(quantization_make(&l.q, c->node, &c->in[0].desc, &c->in[1].desc));
    if (dequantizes) l.k = reference_i64(c, 0);
    else l.x = reference_f32(c, 0);
    l.scale = reference_f32(c, 1);
    l.zero = reference_i64(c, 2);
    if ((!l.k && !l.x) || !l.scale || (reference_has(c, 2) && !l.zero)) return FOVEA_NO_MEMORY;
    parallel_for((size_t)fovea_desc_elements(&l.o->desc), 4096,
                 dequantizes ? dequantize_part : quantize_part, &l);
    return FOVEA_OK;
}

fovea_status reference_quantize(struct reference_call *c) {
    return linear_run(c, false);
}

fovea_status reference_dequantize(struct reference_call *c) {
    return linear_run(c, true);
}

/* ---- DynamicQuantizeLinear: the range of the data and zero onto 0..255 ---- */

fovea_status reference_dynamic_quantize(struct reference_call *c) {
    const float *x = reference_f32(c, 0);
    size_t n = (size_t)fovea_desc_elements(&c->in[0].desc);
    float low = 0, high = 0;
    if (!x) return FOVEA_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = high > low ? (high - low) / 255 : 1; /* nothing but zeros: any scale does */
    int64_t zero = quantize(-low, scale, 0, range_of(FOVEA_UINT8));
    for (size_t i = 0; i < n && c->out[0].data; i++)
        reference_store_i64(&c->out[0], i, quantize(x[i], scale, zero, range_of(FOVEA_UINT8)));
    if (c->n_out > 1 && c->out[1].data) write_float(&c->out[1], 0, scale, ulp_bound(scale, 2.5));
    if (c->n_out > 2 && c->out[2].data) reference_store_i64(&c->out[2], 0, zero);
    return FOVEA_OK;
}
