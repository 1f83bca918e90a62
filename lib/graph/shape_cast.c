/* Types and shapes of Cast, CastLike and the linear quantisation operators. */
#include "graph/quantization.h"

/* ---- Cast ---- */

static fovea_status set_type(fovea_graph *g, struct node *n, fovea_dtype to) {
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    return shape_set(g, n, 0, to, x->rank, x->dim);
}

fovea_status shape_cast(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    int64_t to = attr_int(n, "to", FOVEA_UNDEFINED);
    if (to < 0 || to > INT32_MAX || fovea_dtype_size((fovea_dtype)to) == 0)
        return fail(FOVEA_UNSUPPORTED, "element type %lld (attribute 'to') is not covered",
                    (long long)to);
    return set_type(g, n, (fovea_dtype)to);
}

fovea_status shape_cast_like(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 2));
    return set_type(g, n, node_in(g, n, 1)->desc.dtype);
}

/* ---- Quantisation: x, scale, zero point ---- */

fovea_status quantization_make(struct quantization *q, const struct node *n, const fovea_desc *x,
                               const fovea_desc *scale) {
    int64_t block = attr_int(n, "block_size", 0);
    *q = (struct quantization){.kind = PER_TENSOR, .size = 1, .inner = 1};
    if (block < 0) return fail(FOVEA_INVALID, "block_size is %lld", (long long)block);
    if (block == 0 && scale->rank <= 1 && fovea_desc_elements(scale) == 1) return FOVEA_OK;
    int axis = attr_axis(n, "axis", 1, x->rank);
    if (axis < 0) return FOVEA_INVALID;
    fovea_desc wanted = {.rank = 1, .dim = {x->dim[axis]}};
    q->kind = block ? BLOCKED : PER_AXIS;
    q->size = x->dim[axis] > 0 ? x->dim[axis] : 1;
    q->inner = desc_span(x, axis + 1, x->rank);
    if (q->inner < 1) q->inner = 1; /* there is no element to ask for */
    if (block) {
        q->block_size = block;
        q->blocks = x->dim[axis] / block + (x->dim[axis] % block != 0);
        wanted = *x;
        wanted.dim[axis] = q->blocks;
    }
    wanted.dtype = scale->dtype;
    if (desc_equal(&wanted, scale)) return FOVEA_OK;
    return fail(FOVEA_INVALID, "the scale has the shape %s; %s is wanted, or a scalar",
                desc_text(scale), desc_text(&wanted));
}

static bool is_quantized(fovea_dtype t) {
    return t == FOVEA_UINT8 || t == FOVEA_INT8 || t == FOVEA_UINT16 || t == FOVEA_INT16 ||
           t == FOVEA_UINT4 || t == FOVEA_INT4;
}

/* Checks scale and zero point (inputs 1 and 2) against x. */
static fovea_status check_scale(const fovea_graph *g, const struct node *n) {
    struct quantization q;
    const fovea_desc *x = &node_in(g, n, 0)->desc, *scale = &node_in(g, n, 1)->desc;
    const struct value *zero = node_in(g, n, 2);
    if (!dtype_is_float(scale->dtype) || scale->dtype == FOVEA_FLOAT64)
        return fail(FOVEA_INVALID, "the scale is %s; a floating-point type is wanted",
                    fovea_dtype_name(scale->dtype));
    TRY(quantization_make(&q, n, x, scale));
    if (zero && value_elements(zero) != fovea_desc_elements(scale))
        return fail(FOVEA_INVALID, "zero point %s does not fit scale %s", desc_text(&zero->desc),
                    desc_text(scale));
    return FOVEA_OK;
}

fovea_status shape_quantize(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 3));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    const struct value *zero = node_in(g, n, 2);
    if ((!dtype_is_float(x->dtype) && x->dtype != FOVEA_INT32) || x->dtype == FOVEA_FLOAT64)
        return fail(FOVEA_INVALID, "input 0 is %s; a floating-point type or int32 is wanted",
                    fovea_dtype_name(x->dtype));
    TRY(check_scale(g, n));
    int64_t wanted = attr_int(n, "output_dtype", 0);
    int64_t to = zero ? (int64_t)zero->desc.dtype : wanted ? wanted : FOVEA_UINT8;
    if (wanted && to != wanted)
        return fail(FOVEA_INVALID, "output_dtype differs from the zero point's type %s",
                    fovea_dtype_name((fovea_dtype)to));
    if (to < 0 || to > INT32_MAX || !is_quantized((fovea_dtype)to))
        return fail(FOVEA_UNSUPPORTED, "quantising to element type %lld is not covered",
                    (long long)to);
    return set_type(g, n, (fovea_dtype)to);
}

fovea_status shape_dequantize(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 2, 3));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    const struct value *zero = node_in(g, n, 2);
    if (!is_quantized(x->dtype) && x->dtype != FOVEA_INT32)
        return fail(FOVEA_UNSUPPORTED, "dequantising from %s is not covered",
                    fovea_dtype_name(x->dtype));
    if (zero && zero->desc.dtype != x->dtype)
        return fail(FOVEA_INVALID, "the zero point is %s, the input %s",
                    fovea_dtype_name(zero->desc.dtype), fovea_dtype_name(x->dtype));
    TRY(check_scale(g, n));
    int64_t wanted = attr_int(n, "output_dtype", 0);
    fovea_dtype to = wanted ? (fovea_dtype)wanted : node_in(g, n, 1)->desc.dtype;
    if (wanted < 0 || wanted > INT32_MAX || !dtype_is_float(to) || to == FOVEA_FLOAT64)
        return fail(FOVEA_UNSUPPORTED, "dequantising to element type %lld is not covered",
                    (long long)wanted);
    return set_type(g, n, to);
}

/* Outputs: y (uint8), its scale (float32) and its zero point (uint8). */
fovea_status shape_dynamic_quantize(fovea_graph *g, struct node *n) {
    TRY(shape_want_inputs(g, n, 1, 1));
    const fovea_desc *x = &node_in(g, n, 0)->desc;
    if (x->dtype != FOVEA_FLOAT32)
        return fail(FOVEA_INVALID, "input 0 is %s; float32 is wanted", fovea_dtype_name(x->dtype));
    TRY(set_type(g, n, FOVEA_UINT8));
    TRY(shape_set(g, n, 1, FOVEA_FLOAT32, 0, NULL));
    return shape_set(g, n, 2, FOVEA_UINT8, 0, NULL);
}
