/* The attributes that each operator may have, in any opset, with their types.
 *
 * i int, f float, s string, I ints, F floats, t tensor. A "-" marks an attribute that only older
 * opsets have: normalize.c must turn it into the newest form. An attribute that is not in the table
 * is refused: it could change what the operator means. */
#include <string.h>

#include "base/alloc.h"
#include "onnx/draft.h"

#define POOL      "auto_pad:s ceil_mode:i dilations:I kernel_shape:I pads:I strides:I "
#define CONV      "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I "
#define OLD       "consumed_inputs:I- "
#define BROADCAST "axis:i- broadcast:i- consumed_inputs:I- "
#define REDUCE    "axes:I- keepdims:i noop_with_empty_axes:i "

static const struct {
    enum op op;
    const char *list;
} known[] = {
    {OP_Conv, CONV},
    {OP_ConvTranspose, CONV "output_padding:I output_shape:I "},
    {OP_ConvInteger, CONV},
    {OP_QLinearConv, CONV},
    {OP_Gemm, "alpha:f beta:f transA:i transB:i broadcast:i- "},
    {OP_MaxPool, POOL "storage_order:i "},
    {OP_AveragePool, POOL "count_include_pad:i "},
    {OP_LpPool, POOL "p:i "},
    {OP_GlobalLpPool, "p:i "},
    {OP_BatchNormalization, "epsilon:f momentum:f training_mode:i spatial:i- is_test:i- " OLD},
    {OP_InstanceNormalization, "epsilon:f " OLD},
    {OP_GroupNormalization, "epsilon:f num_groups:i stash_type:i "},
    {OP_LayerNormalization, "axis:i epsilon:f stash_type:i "},
    {OP_LRN, "alpha:f beta:f bias:f size:i "},
    {OP_Softmax, "axis:i "},
    {OP_LogSoftmax, "axis:i "},
    {OP_Hardmax, "axis:i "},
    {OP_SoftmaxCrossEntropyLoss, "ignore_index:i reduction:s "},
    {OP_NegativeLogLikelihoodLoss, "ignore_index:i reduction:s "},
    {OP_Dropout, "seed:i ratio:f- is_test:i- " OLD},
    {OP_LeakyRelu, "alpha:f " OLD},
    {OP_Elu, "alpha:f " OLD},
    {OP_Selu, "alpha:f gamma:f " OLD},
    {OP_Celu, "alpha:f "},
    {OP_HardSigmoid, "alpha:f beta:f " OLD},
    {OP_Gelu, "approximate:s "},
    {OP_ThresholdedRelu, "alpha:f "},
    {OP_Clip, "max:f- min:f- " OLD},
    {OP_Add, BROADCAST},
    {OP_Sub, BROADCAST},
    {OP_Mul, BROADCAST},
    {OP_Div, BROADCAST},
    {OP_Pow, BROADCAST},
    {OP_And, BROADCAST},
    {OP_Or, BROADCAST},
    {OP_Xor, BROADCAST},
    {OP_Equal, BROADCAST},
    {OP_Greater, BROADCAST},
    {OP_Less, BROADCAST},
    {OP_ReduceSum, REDUCE},
    {OP_ReduceMean, REDUCE},
    {OP_ReduceMax, REDUCE},
    {OP_ReduceMin, REDUCE},
    {OP_ReduceProd, REDUCE},
    {OP_ReduceSumSquare, REDUCE},
    {OP_ReduceL1, REDUCE},
    {OP_ReduceL2, REDUCE},
    {OP_ReduceLogSum, REDUCE},
    {OP_ReduceLogSumExp, REDUCE},
    {OP_ArgMax, "axis:i keepdims:i select_last_index:i "},
    {OP_ArgMin, "axis:i keepdims:i select_last_index:i "},
    {OP_TopK, "axis:i largest:i sorted:i k:i- "},
    {OP_Cast, "to:i saturate:i round_mode:s "},
    {OP_CastLike, "saturate:i round_mode:s "},
    {OP_QuantizeLinear, "axis:i block_size:i output_dtype:i precision:i saturate:i "},
    {OP_DequantizeLinear, "axis:i block_size:i output_dtype:i "},
    {OP_Concat, "axis:i "},
    {OP_Split, "axis:i num_outputs:i split:I- "},
    {OP_Slice, "axes:I- ends:I- starts:I- "},
    {OP_Pad, "mode:s pads:I- value:f- "},
    {OP_Reshape, "allowzero:i "},
    {OP_Flatten, "axis:i "},
    {OP_Squeeze, "axes:I- "},
    {OP_Unsqueeze, "axes:I- "},
    {OP_Transpose, "perm:I "},
    {OP_Gather, "axis:i "},
    {OP_DepthToSpace, "blocksize:i mode:s "},
    {OP_SpaceToDepth, "blocksize:i mode:s- "},
    {OP_Resize, "antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f "
                "exclude_outside:i extrapolation_value:f keep_aspect_ratio_policy:s mode:s "
                "nearest_mode:s scales:F- height_scale:f- width_scale:f- "},
    {OP_Adagrad, "decay_factor:f epsilon:f norm_coefficient:f "},
    {OP_Adam, "alpha:f beta:f epsilon:f norm_coefficient:f norm_coefficient_post:f "},
    {OP_Momentum, "alpha:f beta:f mode:s norm_coefficient:f "},
    {OP_Shape, "end:i start:i "},
    {OP_ConstantOfShape, "value:t "},
    {OP_Range, "stash_type:i- "},
};

/* The type letter of an attribute in a list; 0 if it is not there. */
static char find_in(const char *list, const char *name, bool *old) {
    size_t n = strlen(name);
    for (const char *p = list; *p; p += strcspn(p, " ") + 1) {
        if (strncmp(p, name, n) != 0 || p[n] != ':') continue;
        *old = p[n + 2] == '-';
        return p[n + 1];
    }
    return 0;
}

static char find_attribute(enum op op, const char *name, bool *old) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].op == op) return find_in(known[i].list, name, old);
    *old = true;
    return strcmp(name, "consumed_inputs") == 0 ? 'I' : 0; /* opset 1 to 5, on many operators */
}

/* The type letter of a message; files of early IR versions leave `type` out. */
static char letter_of(const Onnx__AttributeProto *a) {
    static const char letters[] = {0, 'f', 'i', 's', 't', 0, 'F', 'I'};
    if (a->has_type && a->type != 0)
        return a->type > 0 && (size_t)a->type < sizeof letters ? letters[a->type] : 0;
    if (a->has_f) return 'f';
    if (a->has_i) return 'i';
    if (a->has_s) return 's';
    if (a->t) return 't';
    if (a->n_floats) return 'F';
    return 'I';
}

static fovea_status read_string(struct draft *d, const Onnx__AttributeProto *a,
                                fovea_attribute *out) {
    char *s = mem_alloc(a->s.len + 1);
    if (!s) return fail_memory(a->s.len, "an attribute");
    if (a->s.len) memcpy(s, a->s.data, a->s.len);
    s[a->s.len] = 0;
    d->strings[d->n_attr] = s;
    out->s = s;
    return FOVEA_OK;
}

static fovea_status read_attribute(struct draft *d, const Onnx__AttributeProto *a, char letter) {
    fovea_attribute *out = &d->attr[d->n_attr];
    *out = (fovea_attribute){.name = a->name, .i = a->i, .f = a->f};
    switch (letter) {
    case 'i': out->type = FOVEA_ATTRIBUTE_INT; break;
    case 'f': out->type = FOVEA_ATTRIBUTE_FLOAT; break;
    case 's':
        out->type = FOVEA_ATTRIBUTE_STRING;
        TRY(read_string(d, a, out));
        break;
    case 'I':
        out->type = FOVEA_ATTRIBUTE_INTS;
        out->ints = a->ints;
        out->count = a->n_ints;
        break;
    case 'F':
        out->type = FOVEA_ATTRIBUTE_FLOATS;
        out->floats = a->floats;
        out->count = a->n_floats;
        break;
    default: return FOVEA_OK; /* a tensor: draft_tensor finds it */
    }
    d->n_attr++;
    return FOVEA_OK;
}

static fovea_status check_attribute(struct draft *d, const Onnx__AttributeProto *a) {
    bool old = false;
    const char *name = a->name ? a->name : "";
    if (a->ref_attr_name && *a->ref_attr_name)
        return fail(FOVEA_UNSUPPORTED, "attribute '%.60s' refers to a function's attribute", name);
    char letter = find_attribute(d->op, name, &old), there = letter_of(a);
    if (!letter) return fail(FOVEA_UNSUPPORTED, "attribute '%.60s' is not known", name);
    if (draft_attr(d, name)) return fail(FOVEA_BAD_FILE, "attribute '%.60s' is there twice", name);
    if (letter != there && !(letter == 'f' && there == 'i'))
        return fail(FOVEA_BAD_FILE, "attribute '%.60s' has the wrong type", name);
    if (d->n_attr + 4 >= DRAFT_ATTRIBUTES) return fail(FOVEA_BAD_FILE, "too many attributes");
    d->old[d->n_attr] = old;
    return read_attribute(d, a, there);
}

fovea_status draft_read_attributes(struct draft *d) {
    for (size_t i = 0; i < d->file->n_attribute; i++)
        TRY(check_attribute(d, d->file->attribute[i]));
    draft_drop(d, "consumed_inputs");
    return FOVEA_OK;
}

Onnx__TensorProto *draft_tensor(const struct draft *d, const char *name) {
    for (size_t i = 0; i < d->file->n_attribute; i++)
        if (d->file->attribute[i]->name && strcmp(d->file->attribute[i]->name, name) == 0)
            return d->file->attribute[i]->t;
    return NULL;
}
