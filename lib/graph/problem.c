/* Problem lines: a one-node graph as a line of text, and back. See fovea_graph_from_problem. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "graph/element.h"
#include "graph/graph.h"

enum { OPERANDS_MAX = 64, ATTRIBUTES_MAX = 32, NUMBERS_MAX = 512 };

static const struct {
    const char *prefix;
    fovea_dtype dtype;
} prefixes[] = {{"f", FOVEA_FLOAT32},   {"f16", FOVEA_FLOAT16}, {"bf16", FOVEA_BFLOAT16},
                {"f64", FOVEA_FLOAT64}, {"i8", FOVEA_INT8},     {"i16", FOVEA_INT16},
                {"i32", FOVEA_INT32},   {"i64", FOVEA_INT64},   {"u8", FOVEA_UINT8},
                {"u16", FOVEA_UINT16},  {"u32", FOVEA_UINT32},  {"u64", FOVEA_UINT64},
                {"bool", FOVEA_BOOL},   {"i4", FOVEA_INT4},     {"u4", FOVEA_UINT4}};
enum { PREFIXES = sizeof prefixes / sizeof *prefixes };

static const char *prefix_of(fovea_dtype dtype) {
    for (size_t i = 0; i < PREFIXES; i++)
        if (prefixes[i].dtype == dtype) return prefixes[i].prefix;
    return "?";
}

/* ---- Parsing ---- */

static fovea_status parse_shape(const char *s, fovea_desc *d) {
    d->rank = 0;
    if (strcmp(s, "scalar") == 0) return FOVEA_OK;
    while (*s) {
        char *end;
        int64_t n = strtoll(s, &end, 10);
        if (end == s || n < 0 || d->rank == FOVEA_MAX_RANK || (*end && *end != 'x'))
            return fail(FOVEA_INVALID, "'%s' is no shape like 1x3x224x224", s);
        d->dim[d->rank++] = n;
        s = *end ? end + 1 : end;
        if (*end && !*s) return fail(FOVEA_INVALID, "a shape ends in 'x'");
    }
    return FOVEA_OK;
}

/* Numbers of a list "1,2.5,inf". */
static fovea_status parse_numbers(const char *s, double *out, size_t *count) {
    *count = 0;
    while (*s) {
        char *end;
        double x = strtod(s, &end);
        if (end == s || (*end && *end != ','))
            return fail(FOVEA_INVALID, "'%s' is no list of numbers like 1,2,3", s);
        if (*count == NUMBERS_MAX)
            return fail(FOVEA_INVALID, "a list has more than %d numbers", NUMBERS_MAX);
        out[(*count)++] = x;
        s = *end ? end + 1 : end;
    }
    return FOVEA_OK;
}

/* A literal: TYPE[:SHAPE] before "[values]". One value without a shape is a scalar for floats and a
 * list of one for integers, as ONNX wants them (min of Clip, axes of Squeeze). */
static fovea_status parse_literal(fovea_graph *g, fovea_desc d, bool has_shape, char *list,
                                  size_t index, fovea_value *out) {
    double numbers[NUMBERS_MAX];
    size_t count;
    char name[24];
    char *close = strchr(list, ']');
    if (!close || close[1]) return fail(FOVEA_INVALID, "a literal must end in ']'");
    *close = 0;
    TRY(parse_numbers(list, numbers, &count));
    if (!has_shape) {
        d.rank = count == 1 && dtype_is_float(d.dtype) ? 0 : 1;
        d.dim[0] = (int64_t)count;
    }
    int64_t elements = fovea_desc_elements(&d);
    if (elements < 0 || (elements != (int64_t)count && (count != 1 || elements > 1 << 20)))
        return fail(FOVEA_INVALID, "a literal of shape %s has %zu values", desc_text(&d), count);
    void *data = mem_zero((size_t)elements, fovea_dtype_size(d.dtype));
    if (!data) return fail_memory((size_t)elements, "a literal");
    for (size_t i = 0; i < (size_t)elements; i++)
        element_store(d.dtype, data, i, numbers[count == 1 ? 0 : i]);
    snprintf(name, sizeof name, "x%zu", index);
    return graph_constant_take(g, name, &d, data, out);
}

static fovea_status parse_operand(fovea_graph *g, char *token, size_t index, fovea_value *out) {
    fovea_desc d = {.dtype = FOVEA_FLOAT32};
    char name[24];
    *out = FOVEA_NO_VALUE;
    if (strcmp(token, "-") == 0) return FOVEA_OK;
    char *list = strchr(token, '['), *colon = strchr(token, ':');
    if (list) *list++ = 0;
    if (colon) *colon = 0;
    bool typed = isalpha((unsigned char)*token) && strcmp(token, "scalar") != 0;
    if (typed) {
        d.dtype = FOVEA_UNDEFINED;
        for (size_t i = 0; i < PREFIXES; i++)
            if (strcmp(prefixes[i].prefix, token) == 0) d.dtype = prefixes[i].dtype;
        if (d.dtype == FOVEA_UNDEFINED)
            return fail(FOVEA_INVALID, "'%s' is no element type such as f, i64, u8, bool", token);
    }
    const char *shape = typed ? (colon ? colon + 1 : NULL) : token;
    if (shape) TRY(parse_shape(shape, &d));
    if (list) return parse_literal(g, d, shape != NULL, list, index, out);
    if (!shape) return fail(FOVEA_INVALID, "operand %zu has neither a shape nor values", index);
    snprintf(name, sizeof name, "x%zu", index);
    return fovea_graph_input(g, name, &d, out);
}

struct problem {
    fovea_value in[OPERANDS_MAX];
    size_t n_in, n_out, n_attr, n_ints, n_floats;
    fovea_attribute attr[ATTRIBUTES_MAX];
    int64_t ints[NUMBERS_MAX];
    float floats[NUMBERS_MAX];
};

/* Attributes that are floats or lists, by name; what else looks like a number is an int. */
static bool is_float_attribute(const char *name) {
    static const char *const floats[] = {"alpha",
                                         "beta",
                                         "gamma",
                                         "epsilon",
                                         "bias",
                                         "lambd",
                                         "ratio",
                                         "momentum",
                                         "limit",
                                         "decay_factor",
                                         "norm_coefficient",
                                         "norm_coefficient_post",
                                         "cubic_coeff_a",
                                         "extrapolation_value",
                                         "label_smoothing",
                                         "activation_alpha",
                                         "activation_beta"};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (strcmp(floats[i], name) == 0) return true;
    return false;
}

static bool is_list_attribute(const char *name) {
    static const char *const lists[] = {"pads",  "strides",    "dilations",    "kernel_shape",
                                        "perm",  "axes",       "output_shape", "output_padding",
                                        "split", "input_shape"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(lists[i], name) == 0) return true;
    return false;
}

static fovea_status parse_attribute(struct problem *p, char *token, char *value) {
    double numbers[NUMBERS_MAX];
    size_t count;
    *value++ = 0;
    if (p->n_attr == ATTRIBUTES_MAX) return fail(FOVEA_INVALID, "too many attributes");
    fovea_attribute *a = &p->attr[p->n_attr++];
    *a = (fovea_attribute){.name = token};
    bool numeric = isdigit((unsigned char)*value) || strchr("+-.", *value) ||
                   strncmp(value, "inf", 3) == 0 || is_list_attribute(token);
    if (!numeric || !*value) {
        a->type = FOVEA_ATTRIBUTE_STRING;
        a->s = value;
        if (!is_list_attribute(token)) return FOVEA_OK;
    }
    TRY(parse_numbers(value, numbers, &count));
    if (p->n_ints + count > NUMBERS_MAX) return fail(FOVEA_INVALID, "too many numbers");
    if (is_list_attribute(token)) {
        a->type = FOVEA_ATTRIBUTE_INTS;
        a->s = NULL;
        a->ints = p->ints + p->n_ints;
        a->count = count;
        for (size_t i = 0; i < count; i++) p->ints[p->n_ints++] = (int64_t)numbers[i];
    } else if (count != 1) {
        return fail(FOVEA_INVALID, "attribute '%s' wants one number", token);
    } else if (is_float_attribute(token)) {
        a->type = FOVEA_ATTRIBUTE_FLOAT;
        a->f = (float)numbers[0];
    } else {
        a->type = FOVEA_ATTRIBUTE_INT;
        a->i = (int64_t)numbers[0];
    }
    return FOVEA_OK;
}

static fovea_status parse_tokens(fovea_graph *g, struct problem *p, char *rest) {
    char *save = NULL;
    for (char *t = strtok_r(rest, " \t\n", &save); t; t = strtok_r(NULL, " \t\n", &save)) {
        char *equals = strchr(t, '=');
        if (strcmp(t, "->") == 0) {
            char *number = strtok_r(NULL, " \t\n", &save);
            p->n_out = number ? strtoul(number, NULL, 10) : 0;
            if (p->n_out < 1 || p->n_out > OPERANDS_MAX)
                return fail(FOVEA_INVALID, "'->' wants the number of outputs");
        } else if (equals && !memchr(t, '[', (size_t)(equals - t))) {
            TRY(parse_attribute(p, t, equals));
        } else {
            if (p->n_in == OPERANDS_MAX) return fail(FOVEA_INVALID, "too many operands");
            TRY(parse_operand(g, t, p->n_in, &p->in[p->n_in]));
            p->n_in++;
        }
    }
    return FOVEA_OK;
}

static fovea_status parse_line(fovea_graph *g, struct problem *p, char *copy) {
    fovea_value out[OPERANDS_MAX];
    char *op = copy + strspn(copy, " \t"), *rest = op + strcspn(op, " \t\n");
    if (*rest) *rest++ = 0;
    p->n_out = 1;
    TRY(parse_tokens(g, p, rest));
    TRY(fovea_graph_op(g, op, op, p->in, p->n_in, p->attr, p->n_attr, out, p->n_out));
    for (size_t i = 0; i < p->n_out; i++) {
        char name[24];
        snprintf(name, sizeof name, "y%zu", i);
        TRY(fovea_graph_name(g, out[i], name));
        TRY(fovea_graph_output(g, out[i]));
    }
    return FOVEA_OK;
}

fovea_status fovea_graph_from_problem(fovea_graph **out, const char *line) {
    *out = NULL;
    struct problem *p = mem_zero(1, sizeof *p);
    char *copy = mem_string(line);
    fovea_graph *g = NULL;
    fovea_status status = p && copy ? fovea_graph_create(&g) : fail_memory(sizeof *p, "a problem");
    if (status == FOVEA_OK) {
        status = parse_line(g, p, copy);
        if (status != FOVEA_OK) fail_in(status, "problem line \"%.200s\": ", line);
    }
    if (status == FOVEA_OK) *out = g;
    else fovea_graph_destroy(g);
    mem_free(p);
    mem_free(copy);
    return status;
}

/* ---- Writing ---- */

static void write_number(struct text *t, double x) {
    text_add(t, "%.9g", x);
}

static void write_operand(struct text *t, const struct value *v, bool literal) {
    const fovea_desc *d = &v->desc;
    const void *data = literal ? value_data(v) : NULL;
    int64_t n = fovea_desc_elements(d);
    bool plain = d->dtype == FOVEA_FLOAT32 && !data;
    text_add(t, " ");
    if (!plain) text_add(t, "%s:", prefix_of(d->dtype));
    text_add(t, "%s", desc_text(d));
    if (!data) return;
    text_add(t, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i) text_add(t, ",");
        write_number(t, element_load(d->dtype, data, (size_t)i));
    }
    text_add(t, "]");
}

static void write_attribute(struct text *t, const struct attribute *a) {
    text_add(t, " %s=", a->name);
    switch (a->type) {
    case FOVEA_ATTRIBUTE_INT: text_add(t, "%" PRId64, a->i); break;
    case FOVEA_ATTRIBUTE_FLOAT: write_number(t, a->f); break;
    case FOVEA_ATTRIBUTE_STRING: text_add(t, "%s", a->s); break;
    case FOVEA_ATTRIBUTE_INTS:
        for (size_t i = 0; i < a->count; i++) text_add(t, i ? ",%" PRId64 : "%" PRId64, a->ints[i]);
        break;
    default:
        for (size_t i = 0; i < a->count; i++)
            text_add(t, i ? ",%.9g" : "%.9g", (double)a->floats[i]);
    }
}

/* Contents belong in the line where they decide shapes or are small integers (indices). */
static bool worth_writing(const struct node *n, size_t i, const struct value *v) {
    int64_t elements = value_elements(v);
    bool decides = op_static_inputs(n->op) >> i & 1;
    return v->storage && elements >= 0 && elements <= NUMBERS_MAX &&
           (decides || (!dtype_is_float(v->desc.dtype) && elements <= 64));
}

char *problem_line(const fovea_graph *g, const struct node *n) {
    struct text t = {0};
    text_add(&t, "%s", op_name(n->op));
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(g, n, i);
        if (v) write_operand(&t, v, worth_writing(n, i, v));
        else text_add(&t, " -");
    }
    for (size_t i = 0; i < n->n_attr; i++) write_attribute(&t, &n->attr[i]);
    if (n->n_out > 1) text_add(&t, " -> %zu", n->n_out);
    return text_take(&t);
}
