/* One node of a file: reading it into a draft, Constant nodes, and the draft's small tools. */
#include <string.h>

#include "base/alloc.h"
#include "base/half.h"
#include "onnx/draft.h"
#include "onnx/tensor.h"

/* ---- Attributes and inputs of a draft ---- */

const fovea_attribute *draft_attr(const struct draft *d, const char *name) {
    for (size_t i = 0; i < d->n_attr; i++)
        if (strcmp(d->attr[i].name, name) == 0) return &d->attr[i];
    return NULL;
}

void draft_drop(struct draft *d, const char *name) {
    const fovea_attribute *a = draft_attr(d, name);
    if (!a) return;
    size_t i = (size_t)(a - d->attr), last = --d->n_attr;
    mem_free(d->strings[i]);
    d->attr[i] = d->attr[last];
    d->old[i] = d->old[last];
    d->strings[i] = d->strings[last];
    d->strings[last] = NULL;
}

static fovea_attribute *new_attribute(struct draft *d, const char *name) {
    draft_drop(d, name);
    d->old[d->n_attr] = false;
    d->attr[d->n_attr] = (fovea_attribute){.name = name};
    return &d->attr[d->n_attr++];
}

void draft_set_int(struct draft *d, const char *name, int64_t i) {
    fovea_attribute *a = new_attribute(d, name);
    a->type = FOVEA_ATTRIBUTE_INT;
    a->i = i;
}

void draft_set_string(struct draft *d, const char *name, const char *s) {
    fovea_attribute *a = new_attribute(d, name);
    a->type = FOVEA_ATTRIBUTE_STRING;
    a->s = s;
}

fovea_value draft_in(const struct draft *d, size_t i) {
    return i < d->n_in ? d->in[i] : FOVEA_NO_VALUE;
}

void draft_set_in(struct draft *d, size_t i, fovea_value v) {
    while (d->n_in <= i) d->in[d->n_in++] = FOVEA_NO_VALUE;
    d->in[i] = v;
}

struct guess draft_guess(const struct draft *d, size_t i) {
    return guess_of(&d->loader->guesses, d->loader->graph, draft_in(d, i));
}

/* ---- New constants and nodes ---- */

static fovea_status list_constant(struct draft *d, const char *role, fovea_dtype dtype,
                                  const void *list, size_t n, fovea_value *out) {
    fovea_desc desc = {.dtype = dtype, .rank = 1, .dim = {(int64_t)n}};
    void *data = mem_array(n, fovea_dtype_size(dtype));
    *out = FOVEA_NO_VALUE;
    if (!data) return fail_memory(n, "a constant");
    if (n) memcpy(data, list, n * fovea_dtype_size(dtype));
    return load_constant(d->loader, d->name, role, &desc, data, out);
}

fovea_status draft_ints(struct draft *d, const char *role, const int64_t *list, size_t n,
                        fovea_value *out) {
    return list_constant(d, role, FOVEA_INT64, list, n, out);
}

fovea_status draft_floats(struct draft *d, const char *role, const float *list, size_t n,
                          fovea_value *out) {
    return list_constant(d, role, FOVEA_FLOAT32, list, n, out);
}

fovea_status draft_scalar(struct draft *d, const char *role, fovea_dtype dtype, double x,
                          fovea_value *out) {
    union {
        float f32;
        double f64;
        uint16_t f16;
        int64_t i;
    } u = {.i = 0};
    if (dtype == FOVEA_UNDEFINED) dtype = FOVEA_FLOAT32;
    switch (dtype) {
    case FOVEA_FLOAT32: u.f32 = (float)x; break;
    case FOVEA_FLOAT64: u.f64 = x; break;
    case FOVEA_FLOAT16: u.f16 = half_from_double(x); break;
    case FOVEA_BFLOAT16: u.f16 = bfloat16_from_double(x); break;
    default:
        if (!(x >= -128 && x <= 127))
            return fail(FOVEA_UNSUPPORTED, "the value %g does not fit %s", x,
                        fovea_dtype_name(dtype));
        u.i = (int64_t)x; /* little-endian: the low bytes come first */
    }
    fovea_desc desc = {.dtype = dtype, .rank = 0};
    void *data = mem_alloc(sizeof u);
    *out = FOVEA_NO_VALUE;
    if (!data) return fail_memory(sizeof u, "a constant");
    memcpy(data, &u, sizeof u);
    return load_constant(d->loader, d->name, role, &desc, data, out);
}

/* Appends a node and guesses its outputs. */
static fovea_status append(struct loader *l, enum op op, const char *name, const fovea_value *in,
                           size_t n_in, const fovea_value *out, size_t n_out,
                           const fovea_attribute *attr, size_t n_attr) {
    TRY(graph_node_add(l->graph, op, name, in, n_in, out, n_out, attr, n_attr));
    return guess_node(&l->guesses, l->graph, &l->graph->nodes[l->graph->n_nodes - 1]);
}

fovea_status draft_node(struct draft *d, enum op op, const char *role, const fovea_value *in,
                        size_t n_in, const fovea_attribute *attr, size_t n_attr, fovea_value *out) {
    TRY(load_fresh(d->loader, d->name, role, out));
    char *name = mem_string(d->loader->graph->values[*out].name);
    if (!name) return fail_memory(64, "a name");
    fovea_status status = append(d->loader, op, name, in, n_in, out, 1, attr, n_attr);
    mem_free(name);
    return status;
}

fovea_status draft_emit(struct draft *d) {
    for (size_t i = 0; i < d->n_attr; i++)
        if (d->old[i])
            return fail(FOVEA_BAD_FILE, "attribute '%s' does not belong to opset %lld",
                        d->attr[i].name, (long long)d->opset);
    while (d->n_in && d->in[d->n_in - 1] == FOVEA_NO_VALUE) d->n_in--;
    /* A fourth, a residual or a counter, is of this library's own making. */
    if (d->op == OP_Conv && d->n_in > 3)
        return fail(FOVEA_BAD_FILE, "it has %zu inputs; a Conv has 2 or 3", d->n_in);
    if (d->op == OP_Dropout && d->n_in > 3)
        return fail(FOVEA_BAD_FILE, "it has %zu inputs; a Dropout has 1 to 3", d->n_in);
    if (d->op == OP_BatchNormalization && d->n_out > 3) /* as are the fourth and fifth output */
        return fail(FOVEA_BAD_FILE, "it has %zu outputs; a BatchNormalization has 1 to 3",
                    d->n_out);
    const char *name = d->file->name && *d->file->name ? d->file->name : d->name;
    return append(d->loader, d->op, name, d->in, d->n_in, d->out, d->n_out, d->attr, d->n_attr);
}

/* ---- Reading a node ---- */

static fovea_status read_inputs(struct draft *d) {
    size_t n = d->file->n_input;
    if (n > PTRDIFF_MAX / sizeof *d->in - DRAFT_MORE_INPUTS) return fail_memory(n, "inputs");
    d->in = mem_array(n + DRAFT_MORE_INPUTS, sizeof *d->in);
    if (!d->in) return fail_memory(n * sizeof *d->in, "inputs");
    for (size_t i = 0; i < n; i++) {
        const char *name = d->file->input[i];
        fovea_value v = *name ? names_find(&d->loader->values, name) : FOVEA_NO_VALUE;
        if (*name && v == FOVEA_NO_VALUE) /* load_order saw that a node makes it */
            return fail(FOVEA_UNSUPPORTED, "input '%.200s' is made in training only", name);
        d->in[d->n_in++] = v;
    }
    return FOVEA_OK;
}

/* An output that inference does not make (statistics of BatchNormalization) gets no value. */
static bool only_in_training(const struct draft *d, size_t output) {
    const fovea_attribute *training = draft_attr(d, "training_mode");
    if (d->op == OP_BatchNormalization) return output > 0 && !(training && training->i);
    return d->op == OP_Dropout && output == 1 && d->opset < 10;
}

static fovea_status make_outputs(struct draft *d) {
    size_t n = d->file->n_output;
    d->out = mem_array(n, sizeof *d->out);
    if (!d->out) return fail_memory(n, "outputs");
    for (size_t i = 0; i < n; i++) {
        fovea_value *out = &d->out[d->n_out++];
        *out = FOVEA_NO_VALUE;
        if (*d->file->output[i] && !only_in_training(d, i))
            TRY(load_value(d->loader, d->file->output[i], NULL, out));
    }
    while (d->n_out > 1 && d->out[d->n_out - 1] == FOVEA_NO_VALUE) d->n_out--;
    return FOVEA_OK;
}

static fovea_status read_draft(struct draft *d) {
    TRY(draft_read_attributes(d));
    TRY(read_inputs(d));
    TRY(make_outputs(d));
    return normalize_node(d);
}

/* ---- Constant nodes ---- */

static fovea_status scalar_or_list(const Onnx__AttributeProto *a, fovea_desc *desc, void **data) {
    bool list = strcmp(a->name, "value_ints") == 0 || strcmp(a->name, "value_floats") == 0;
    bool ints = strncmp(a->name, "value_int", 9) == 0;
    size_t n = !list ? 1 : ints ? a->n_ints : a->n_floats, size = ints ? 8 : 4;
    const void *from = list ? (ints ? (const void *)a->ints : (const void *)a->floats)
                            : (ints ? (const void *)&a->i : (const void *)&a->f);
    *desc = (fovea_desc){.dtype = ints ? FOVEA_INT64 : FOVEA_FLOAT32, .rank = list};
    if (list) desc->dim[0] = (int64_t)n;
    *data = mem_array(n, size);
    if (!*data) return fail_memory(n * size, "a constant");
    if (n) memcpy(*data, from, n * size);
    return FOVEA_OK;
}

static fovea_status constant_contents(struct loader *l, const Onnx__NodeProto *n, fovea_desc *desc,
                                      void **data) {
    static const char *const typed[] = {"value_float", "value_floats", "value_int", "value_ints"};
    if (n->n_attribute != 1 || n->n_output != 1 || n->n_input || !n->attribute[0]->name)
        return fail(FOVEA_BAD_FILE, "it needs one attribute, one output and no input");
    const Onnx__AttributeProto *a = n->attribute[0];
    if (strcmp(a->name, "value") == 0 && a->t) return tensor_take(a->t, l->path, desc, data);
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        if (strcmp(a->name, typed[i]) == 0) return scalar_or_list(a, desc, data);
    return fail(FOVEA_UNSUPPORTED, "attribute '%.60s' is not covered", a->name);
}

static fovea_status load_constant_node(struct loader *l, const Onnx__NodeProto *n) {
    fovea_desc desc;
    fovea_value value;
    void *data;
    TRY(constant_contents(l, n, &desc, &data));
    fovea_status status = load_value(l, n->output[0], &desc, &value);
    if (status == FOVEA_OK) return graph_value_set_data(l->graph, value, &desc, data);
    mem_free(data);
    return status;
}

/* The first output that is wanted; NULL if none is. */
static const char *first_output(const Onnx__NodeProto *n) {
    for (size_t i = 0; i < n->n_output; i++)
        if (*n->output[i]) return n->output[i];
    return NULL;
}

fovea_status load_node(struct loader *l, const Onnx__NodeProto *n) {
    struct draft d = {.loader = l, .file = n, .opset = l->opset, .name = first_output(n)};
    fovea_status status;
    if (!d.name) status = fail(FOVEA_BAD_FILE, "it has no output");
    else if (strcmp(n->op_type, "Constant") == 0) status = load_constant_node(l, n);
    else if (load_is_gradient(n)) status = load_gradient(l, n);
    else {
        d.op = strcmp(n->op_type, "Upsample") == 0 ? OP_Resize : op_find(n->op_type);
        status = read_draft(&d);
    }
    for (size_t i = 0; i < DRAFT_ATTRIBUTES; i++) mem_free(d.strings[i]);
    mem_free(d.in);
    mem_free(d.out);
    return status == FOVEA_OK ? status : fail_in(status, "%s: ", load_node_text(n));
}
