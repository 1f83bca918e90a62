/* Old forms of operators made canonical: the newest ONNX semantics (see graph/op_list.h).
 *
 * A rule holds for one operator in opsets below a number. What changed, and in which opset, is from
 * https://github.com/onnx/onnx/blob/main/docs/Changelog.md. Forms that the newer one includes (Gemm
 * before 7, whose C could not always be broadcast) need no rule. */
#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "onnx/draft.h"
#include "onnx/tensor.h"

/* ---- Attributes that became inputs ---- */

static fovea_status ints_to_input(struct draft *d, const char *attribute, size_t input) {
    const fovea_attribute *a = draft_attr(d, attribute);
    fovea_value v;
    if (!a) return FOVEA_OK;
    TRY(draft_ints(d, attribute, a->ints, a->count, &v));
    draft_set_in(d, input, v);
    draft_drop(d, attribute);
    return FOVEA_OK;
}

static fovea_status want_attribute(const struct draft *d, const char *name) {
    return draft_attr(d, name) ? FOVEA_OK
                               : fail(FOVEA_BAD_FILE, "the attribute '%s' is missing", name);
}

/* Refuses inputs that this form of the operator does not have yet: they would be taken for those
 * that a rule makes of attributes. */
static fovea_status want_inputs(const struct draft *d, size_t n) {
    return d->n_in <= n ? FOVEA_OK
                        : fail(FOVEA_BAD_FILE, "it has %zu inputs; opset %lld allows %zu", d->n_in,
                               (long long)d->opset, n);
}

/* Squeeze, Unsqueeze, ReduceX. An empty list is no list: all axes. */
static fovea_status axes(struct draft *d) {
    const fovea_attribute *a = draft_attr(d, "axes");
    TRY(want_inputs(d, 1));
    if (d->op == OP_Unsqueeze) TRY(want_attribute(d, "axes"));
    if (a && a->count == 0 && d->op != OP_Unsqueeze) draft_drop(d, "axes");
    return ints_to_input(d, "axes", 1);
}

static fovea_status slice(struct draft *d) {
    TRY(want_inputs(d, 1));
    TRY(want_attribute(d, "starts"));
    TRY(want_attribute(d, "ends"));
    TRY(ints_to_input(d, "starts", 1));
    TRY(ints_to_input(d, "ends", 2));
    return ints_to_input(d, "axes", 3);
}

static fovea_status pad(struct draft *d) {
    const fovea_attribute *value = draft_attr(d, "value");
    fovea_value v;
    TRY(want_inputs(d, 1));
    TRY(want_attribute(d, "pads"));
    TRY(ints_to_input(d, "pads", 1));
    if (value && value->f != 0) {
        TRY(draft_scalar(d, "value", draft_guess(d, 0).dtype, value->f, &v));
        draft_set_in(d, 2, v);
    }
    draft_drop(d, "value");
    return FOVEA_OK;
}

static fovea_status split_sizes(struct draft *d) {
    TRY(want_inputs(d, 1));
    return ints_to_input(d, "split", 1);
}

static fovea_status split_equally(struct draft *d) {
    if (draft_in(d, 1) == FOVEA_NO_VALUE && !draft_attr(d, "num_outputs"))
        draft_set_int(d, "num_outputs", (int64_t)d->file->n_output);
    return FOVEA_OK;
}

static fovea_status top_k(struct draft *d) {
    TRY(want_inputs(d, 1));
    TRY(want_attribute(d, "k"));
    fovea_value v;
    int64_t k = draft_attr(d, "k")->i;
    TRY(draft_ints(d, "k", &k, 1, &v));
    draft_set_in(d, 1, v);
    draft_drop(d, "k");
    return FOVEA_OK;
}

static fovea_status clip_bound(struct draft *d, const char *name, size_t input, float unbounded) {
    const fovea_attribute *a = draft_attr(d, name);
    fovea_value v;
    if (a && a->f != unbounded) {
        TRY(draft_scalar(d, name, draft_guess(d, 0).dtype, a->f, &v));
        draft_set_in(d, input, v);
    }
    draft_drop(d, name);
    return FOVEA_OK;
}

static fovea_status clip(struct draft *d) {
    TRY(want_inputs(d, 1));
    TRY(clip_bound(d, "min", 1, -FLT_MAX));
    return clip_bound(d, "max", 2, FLT_MAX);
}

static fovea_status dropout(struct draft *d) {
    const fovea_attribute *ratio = draft_attr(d, "ratio");
    fovea_value v;
    TRY(want_inputs(d, 1));
    TRY(draft_scalar(d, "ratio", FOVEA_FLOAT32, ratio ? ratio->f : 0.5, &v));
    draft_set_in(d, 1, v);
    draft_drop(d, "ratio");
    draft_drop(d, "is_test");
    return FOVEA_OK;
}

/* ---- Softmax before 13: over all axes from `axis` on, flattened ---- */

static fovea_status softmax(struct draft *d) {
    const fovea_attribute *a = draft_attr(d, "axis");
    int64_t axis = a ? a->i : 1;
    int rank = draft_guess(d, 0).rank;
    bool last = axis == -1 || (rank > 0 && axis == rank - 1);
    draft_set_int(d, "axis", axis);
    if (!last) draft_set_int(d, "coerce", 1);
    return FOVEA_OK;
}

/* ---- Binary operators before 7: b is aligned with the axes of a from `axis` on ---- */

/* Replaces an input by itself with `n` axes of size 1 at the end. */
static fovea_status append_axes(struct draft *d, size_t input, int n) {
    int rank = draft_guess(d, input).rank;
    int64_t list[FOVEA_MAX_RANK];
    fovea_value in[2] = {draft_in(d, input), FOVEA_NO_VALUE}, out;
    if (n <= 0) return FOVEA_OK;
    if (rank < 0 || rank + n > FOVEA_MAX_RANK)
        return fail(FOVEA_UNSUPPORTED, "input %zu has a rank that is not known or too high", input);
    for (int i = 0; i < n; i++) list[i] = rank + i;
    TRY(draft_ints(d, "axes", list, (size_t)n, &in[1]));
    TRY(draft_node(d, OP_Unsqueeze, "aligned", in, 2, NULL, 0, &out));
    draft_set_in(d, input, out);
    return FOVEA_OK;
}

static fovea_status broadcast(struct draft *d) {
    const fovea_attribute *axis = draft_attr(d, "axis"), *flag = draft_attr(d, "broadcast");
    int a = draft_guess(d, 0).rank, b = draft_guess(d, 1).rank;
    bool align = axis && flag && flag->i;
    int64_t from = align ? axis->i : 0;
    draft_drop(d, "axis");
    draft_drop(d, "broadcast");
    if (!align || b == 0) return FOVEA_OK; /* equal shapes, or aligned at the end as today */
    if (a < 0 || b < 0)
        return fail(FOVEA_UNSUPPORTED, "the old attribute 'axis' needs inputs of known rank");
    if (from < 0) from += a;
    if (from < 0 || from + b > a)
        return fail(FOVEA_BAD_FILE, "axis %lld does not fit inputs of ranks %d and %d",
                    (long long)from, a, b);
    return append_axes(d, 1, a - b - (int)from);
}

/* The slope has one number a channel, or one in all. */
static fovea_status prelu(struct draft *d) {
    int x = draft_guess(d, 0).rank, slope = draft_guess(d, 1).rank;
    if (slope == 0) return FOVEA_OK;
    if (slope > 1) return FOVEA_OK; /* not of that opset, but clear */
    if (slope == 1 && draft_in(d, 1) != FOVEA_NO_VALUE &&
        d->loader->graph->values[draft_in(d, 1)].desc.dim[0] == 1 &&
        d->loader->graph->values[draft_in(d, 1)].desc.rank == 1)
        return FOVEA_OK;
    if (x < 0 || slope < 0)
        return fail(FOVEA_UNSUPPORTED, "PRelu before opset 7 needs inputs of known rank");
    return append_axes(d, 1, x - 2);
}

/* ---- Normalisation ---- */

static fovea_status batch_norm_test(struct draft *d) {
    draft_drop(d, "is_test");
    return FOVEA_OK;
}

/* spatial = 0: one mean and variance for each element of a picture, not for each channel. Written
 * out, since the shapes of scale, bias, mean and variance then broadcast against x. */
static fovea_status batch_norm_elements(struct draft *d) {
    const fovea_attribute *epsilon = draft_attr(d, "epsilon");
    fovea_value e, t[5], x = draft_in(d, 0), scale = draft_in(d, 1), bias = draft_in(d, 2);
    fovea_value mean = draft_in(d, 3), variance = draft_in(d, 4);
    TRY(draft_scalar(d, "epsilon", draft_guess(d, 0).dtype, epsilon ? epsilon->f : 1e-5f, &e));
    TRY(draft_node(d, OP_Sub, "centred", (fovea_value[]){x, mean}, 2, NULL, 0, &t[0]));
    TRY(draft_node(d, OP_Add, "variance", (fovea_value[]){variance, e}, 2, NULL, 0, &t[1]));
    TRY(draft_node(d, OP_Sqrt, "deviation", &t[1], 1, NULL, 0, &t[2]));
    TRY(draft_node(d, OP_Div, "normal", (fovea_value[]){t[0], t[2]}, 2, NULL, 0, &t[3]));
    TRY(draft_node(d, OP_Mul, "scaled", (fovea_value[]){t[3], scale}, 2, NULL, 0, &t[4]));
    d->op = OP_Add;
    d->n_in = 0;
    draft_set_in(d, 0, t[4]);
    draft_set_in(d, 1, bias);
    draft_drop(d, "epsilon");
    draft_drop(d, "momentum");
    return FOVEA_OK;
}

static fovea_status batch_norm_spatial(struct draft *d) {
    const fovea_attribute *spatial = draft_attr(d, "spatial");
    bool by_channel = !spatial || spatial->i != 0;
    draft_drop(d, "spatial");
    if (by_channel || draft_guess(d, 1).rank == 1) return FOVEA_OK;
    if (d->n_in != 5) return fail(FOVEA_BAD_FILE, "it has %zu inputs; 5 are needed", d->n_in);
    return batch_norm_elements(d);
}

/* Scale and bias of one number a group become one a channel: (g) -> (g, c/g) -> (c). */
static fovea_status group_to_channel(struct draft *d, size_t input, const char *role,
                                     fovea_value expanded) {
    static const int64_t one = 1, all = -1;
    fovea_value axis, flat, t[2];
    TRY(draft_ints(d, role, &one, 1, &axis));
    TRY(draft_ints(d, role, &all, 1, &flat));
    TRY(draft_node(d, OP_Unsqueeze, role, (fovea_value[]){draft_in(d, input), axis}, 2, NULL, 0,
                   &t[0]));
    TRY(draft_node(d, OP_Expand, role, (fovea_value[]){t[0], expanded}, 2, NULL, 0, &t[1]));
    TRY(draft_node(d, OP_Reshape, role, (fovea_value[]){t[1], flat}, 2, NULL, 0, &t[0]));
    draft_set_in(d, input, t[0]);
    return FOVEA_OK;
}

static fovea_status group_norm(struct draft *d) {
    const fovea_attribute *groups = draft_attr(d, "num_groups");
    fovea_value g, x = draft_in(d, 0), c, per_group, shape;
    TRY(want_attribute(d, "num_groups"));
    if (d->n_in != 3 || groups->i < 1) return fail(FOVEA_BAD_FILE, "it needs 3 inputs and groups");
    fovea_attribute span[] = {{.name = "start", .type = FOVEA_ATTRIBUTE_INT, .i = 1},
                              {.name = "end", .type = FOVEA_ATTRIBUTE_INT, .i = 2}};
    fovea_attribute axis = {.name = "axis", .type = FOVEA_ATTRIBUTE_INT, .i = 0};
    TRY(draft_ints(d, "groups", &groups->i, 1, &g));
    TRY(draft_node(d, OP_Shape, "channels", &x, 1, span, 2, &c));
    TRY(draft_node(d, OP_Div, "group_size", (fovea_value[]){c, g}, 2, NULL, 0, &per_group));
    TRY(draft_node(d, OP_Concat, "shape", (fovea_value[]){g, per_group}, 2, &axis, 1, &shape));
    TRY(group_to_channel(d, 1, "scale", shape));
    return group_to_channel(d, 2, "bias", shape);
}

/* ---- Upsample and Resize before 11: asymmetric coordinates ---- */

/* The scales of Upsample before 9 (and before 7, of height and width). */
static fovea_status upsample_scales(struct draft *d) {
    const fovea_attribute *list = draft_attr(d, "scales");
    const fovea_attribute *h = draft_attr(d, "height_scale"), *w = draft_attr(d, "width_scale");
    float of_size[4] = {1, 1, h ? h->f : 1, w ? w->f : 1};
    fovea_value v;
    TRY(want_inputs(d, 1));
    if (!list && !(h && w)) return fail(FOVEA_BAD_FILE, "the attribute 'scales' is missing");
    if (list) TRY(draft_floats(d, "scales", list->floats, list->count, &v));
    else TRY(draft_floats(d, "scales", of_size, 4, &v));
    draft_set_in(d, 1, v);
    draft_drop(d, "scales");
    draft_drop(d, "height_scale");
    draft_drop(d, "width_scale");
    return FOVEA_OK;
}

/* "Nearest" before opset 11 rounded up where it made smaller, as onnxruntime does and the vectors of
 * that opset want, else down. Where the scales are not known yet, the shape function decides. */
static const char *old_nearest_mode(const struct draft *d) {
    fovea_value input = draft_in(d, 1);
    const struct value *v = &d->loader->graph->values[input];
    const float *scales = value_data(v);
    bool smaller = false, larger = false;
    if (!scales || v->desc.dtype != FOVEA_FLOAT32) return "floor_or_ceil";
    for (int64_t i = 0; i < value_elements(v); i++) {
        larger = larger || scales[i] > 1;
        smaller = smaller || scales[i] < 1;
    }
    return larger && smaller ? "floor_or_ceil" : smaller ? "ceil" : "floor";
}

static fovea_status resize(struct draft *d) {
    const fovea_attribute *mode = draft_attr(d, "mode");
    bool upsample = strcmp(d->file->op_type, "Upsample") == 0; /* never makes smaller */
    bool nearest = !mode || strcmp(mode->s, "nearest") == 0;
    if (d->n_in < 2) TRY(upsample_scales(d));
    TRY(want_inputs(d, 2));
    fovea_value scales = draft_in(d, 1);
    if (scales == FOVEA_NO_VALUE) return fail(FOVEA_BAD_FILE, "the input 'scales' is missing");
    if (mode && strcmp(mode->s, "bilinear") == 0) draft_set_string(d, "mode", "linear");
    draft_set_string(d, "coordinate_transformation_mode", "asymmetric");
    if (nearest) draft_set_string(d, "nearest_mode", upsample ? "floor" : old_nearest_mode(d));
    draft_set_in(d, 2, scales);
    d->in[1] = FOVEA_NO_VALUE;
    return FOVEA_OK;
}

/* Resize in every opset: an empty list means an absent one, sizes come before scales (which opset 11
 * wanted empty then), and roi has a meaning in one mode alone. */
static fovea_status resize_lists(struct draft *d) {
    const fovea_attribute *mode = draft_attr(d, "coordinate_transformation_mode");
    for (size_t i = 1; i < d->n_in; i++) {
        const struct value *v =
            d->in[i] == FOVEA_NO_VALUE ? NULL : &d->loader->graph->values[d->in[i]];
        if (v && v->storage && value_elements(v) == 0) d->in[i] = FOVEA_NO_VALUE;
    }
    if (!mode || strcmp(mode->s, "tf_crop_and_resize") != 0) {
        if (d->n_in > 1) d->in[1] = FOVEA_NO_VALUE;
    }
    if (d->opset < 13 && draft_in(d, 3) != FOVEA_NO_VALUE) d->in[2] = FOVEA_NO_VALUE;
    return FOVEA_OK;
}

/* ---- Forms of any opset that have a simpler canonical one ---- */

static fovea_status constant_of_shape(struct draft *d) {
    Onnx__TensorProto *t = draft_tensor(d, "value");
    fovea_desc desc;
    fovea_value v;
    void *data;
    TRY(want_inputs(d, 1));
    if (!t) {
        TRY(draft_scalar(d, "value", FOVEA_FLOAT32, 0, &v));
        draft_set_in(d, 1, v);
        return FOVEA_OK;
    }
    TRY(tensor_take(t, d->loader->path, &desc, &data));
    if (fovea_desc_elements(&desc) != 1) {
        mem_free(data);
        return fail(FOVEA_BAD_FILE, "the attribute 'value' needs one element");
    }
    desc.rank = 0;
    TRY(load_constant(d->loader, d->name, "value", &desc, data, &v));
    draft_set_in(d, 1, v);
    return FOVEA_OK;
}

static fovea_status space_to_depth(struct draft *d) {
    const fovea_attribute *mode = draft_attr(d, "mode");
    if (mode && strcmp(mode->s, "DCR") != 0)
        return fail(FOVEA_UNSUPPORTED, "SpaceToDepth with mode '%.20s' is not covered", mode->s);
    draft_drop(d, "mode");
    return FOVEA_OK;
}

static fovea_status range(struct draft *d) { /* sums of half types in float: what we do anyway */
    draft_drop(d, "stash_type");
    return FOVEA_OK;
}

/* ---- The rules ---- */

enum { ALWAYS = OPSET_NEWEST + 1 };

static const struct {
    enum op op;
    int below; /* the first opset that no longer has the old form */
    fovea_status (*apply)(struct draft *);
} rules[] = {
    {OP_Softmax, 13, softmax},
    {OP_LogSoftmax, 13, softmax},
    {OP_Hardmax, 13, softmax},
    {OP_Clip, 11, clip},
    {OP_Dropout, 12, dropout},
    {OP_BatchNormalization, 7, batch_norm_test},
    {OP_BatchNormalization, 9, batch_norm_spatial},
    {OP_GroupNormalization, 21, group_norm},
    {OP_Resize, 11, resize},
    {OP_Resize, ALWAYS, resize_lists},
    {OP_Pad, 11, pad},
    {OP_Slice, 10, slice},
    {OP_TopK, 10, top_k},
    {OP_Split, 13, split_sizes},
    {OP_Split, ALWAYS, split_equally},
    {OP_Squeeze, 13, axes},
    {OP_Unsqueeze, 13, axes},
    {OP_ReduceSum, 13, axes},
    {OP_ReduceMean, 18, axes},
    {OP_ReduceMax, 18, axes},
    {OP_ReduceMin, 18, axes},
    {OP_ReduceProd, 18, axes},
    {OP_ReduceSumSquare, 18, axes},
    {OP_ReduceL1, 18, axes},
    {OP_ReduceL2, 18, axes},
    {OP_ReduceLogSum, 18, axes},
    {OP_ReduceLogSumExp, 18, axes},
    {OP_Add, 7, broadcast},
    {OP_Sub, 7, broadcast},
    {OP_Mul, 7, broadcast},
    {OP_Div, 7, broadcast},
    {OP_Pow, 7, broadcast},
    {OP_And, 7, broadcast},
    {OP_Or, 7, broadcast},
    {OP_Xor, 7, broadcast},
    {OP_Equal, 7, broadcast},
    {OP_Greater, 7, broadcast},
    {OP_Less, 7, broadcast},
    {OP_Gemm, 7, broadcast},
    {OP_PRelu, 7, prelu},
    {OP_ConstantOfShape, ALWAYS, constant_of_shape},
    {OP_SpaceToDepth, ALWAYS, space_to_depth},
    {OP_Range, ALWAYS, range},
};

fovea_status normalize_node(struct draft *d) {
    bool upsample = strcmp(d->file->op_type, "Upsample") == 0; /* the form of 9 in every opset */
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].op == d->op && (d->opset < rules[i].below || (upsample && d->op == OP_Resize)))
            TRY(rules[i].apply(d));
    return draft_emit(d);
}
