/* From a graph as it was loaded or built to one that can be trained: see network.h. */
#include "train/network.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"

/* ---- Parameters ---- */

static struct parameter *find_parameter(const struct network *n, const char *name) {
    for (size_t i = 0; i < n->n_parameters; i++)
        if (strcmp(n->parameters[i].name, name) == 0) return &n->parameters[i];
    return NULL;
}

static bool is_frozen(const fovea_train_options *o, const char *name) {
    for (size_t i = 0; i < o->n_frozen; i++)
        if (strncmp(name, o->frozen[i], strlen(o->frozen[i])) == 0) return true;
    return false;
}

static fovea_status add_parameter(struct network *n, const fovea_graph *g, fovea_value v,
                                  bool statistic, const fovea_train_options *o) {
    const struct value *value = &g->values[v];
    if (!value->storage || value->desc.dtype != FOVEA_FLOAT32 || find_parameter(n, value->name))
        return FOVEA_OK;
    struct parameter *p = mem_push(&n->parameters, &n->n_parameters, &n->capacity, sizeof *p);
    if (!p) return fail_memory(sizeof *p, "a parameter");
    *p = (struct parameter){mem_string(value->name), value->desc, statistic,
                            is_frozen(o, value->name)};
    return p->name ? FOVEA_OK : fail_memory(strlen(value->name), "a name");
}

/* Constants that are learned: weights, biases, scales. A lone number beside an element-wise operator is a
 * setting of the network (the 6 of a hard swish), and so is what is subtracted or divided by. */
static bool learns(const fovea_graph *g, const struct node *n, size_t i) {
    switch (n->op) {
    case OP_Add:
    case OP_Mul: return value_elements(&g->values[n->in[i]]) > 1;
    case OP_Conv:
    case OP_ConvTranspose:
    case OP_Gemm:
    case OP_MatMul:
    case OP_BatchNormalization:
    case OP_InstanceNormalization:
    case OP_GroupNormalization:
    case OP_LayerNormalization:
    case OP_PRelu: return op_takes_parameter(n->op, i);
    default: return false;
    }
}

static fovea_status find_parameters(struct network *n, const fovea_graph *g,
                                    const fovea_train_options *o) {
    for (size_t k = 0; k < g->n_nodes; k++) {
        const struct node *node = &g->nodes[k];
        for (size_t i = 0; i < node->n_in && !node->dead; i++) {
            if (node->in[i] == FOVEA_NO_VALUE) continue;
            bool statistic = node->op == OP_BatchNormalization && i >= 3;
            if (statistic || learns(g, node, i))
                TRY(add_parameter(n, g, node->in[i], statistic, o));
        }
    }
    return FOVEA_OK;
}

/* ---- Inputs and scores ---- */

static fovea_status find_input(struct network *n, const fovea_graph *g) {
    size_t found = 0;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const struct value *v = &g->values[g->inputs[i]];
        if (v->storage) continue;
        if (found++ == 0 && !(n->input = mem_string(v->name)))
            return fail_memory(strlen(v->name), "a name");
    }
    if (found != 1)
        return fail(FOVEA_INVALID, "the network has %zu inputs; training feeds exactly one", found);
    const struct value *v = &g->values[fovea_graph_find(g, n->input)];
    if (v->desc.dtype == FOVEA_FLOAT32 && v->desc.rank > 0) return FOVEA_OK;
    return fail(FOVEA_UNSUPPORTED,
                "input '%s' is %s of rank %d; training feeds batches of float32 numbers", n->input,
                fovea_dtype_name(v->desc.dtype), v->desc.rank);
}

/* What the loss takes of output v: the scores in front of a final Softmax, or v itself. */
static fovea_value scores_of(const fovea_graph *g, fovea_value v, fovea_loss loss) {
    enum op last = loss == FOVEA_LOSS_BINARY ? OP_Sigmoid : OP_Softmax;
    if (loss != FOVEA_LOSS_CROSS_ENTROPY && loss != FOVEA_LOSS_BINARY) return v;
    if (g->values[v].producer == FOVEA_NO_VALUE) return v;
    const struct node *n = &g->nodes[g->values[v].producer];
    return n->op == last ? n->in[0] : v;
}

static fovea_status add_scores(struct network *n, const char *name) {
    for (size_t i = 0; i < n->n_scores; i++)
        if (strcmp(n->score_names[i], name) == 0) return FOVEA_OK; /* scores beside their Softmax */
    char **slot = mem_push(&n->score_names, &n->n_scores, &n->scores_capacity, sizeof *slot);
    if (!slot || !(*slot = mem_string(name))) return fail_memory(strlen(name), "a name");
    return FOVEA_OK;
}

static fovea_status find_scores(struct network *n, const fovea_graph *g,
                                const fovea_train_options *o) {
    if (o->scores) {
        if (fovea_graph_find(g, o->scores) == FOVEA_NO_VALUE)
            return fail(FOVEA_INVALID, "the network has no value named '%s' for the loss",
                        o->scores);
        return add_scores(n, o->scores);
    }
    if (g->n_outputs == 0) return fail(FOVEA_INVALID, "the network has no output to be trained");
    for (size_t i = 0; i < g->n_outputs; i++) {
        if (i > 0 && o->auxiliary < 0) break;
        fovea_value v = scores_of(g, g->outputs[i], o->loss);
        if (g->values[v].desc.dtype != FOVEA_FLOAT32 && g->values[v].desc.rank >= 0)
            return fail(FOVEA_UNSUPPORTED, "output '%s' is %s; a loss takes float32%s",
                        g->values[v].name, fovea_dtype_name(g->values[v].desc.dtype),
                        i ? ": leave auxiliary heads out" : "");
        TRY(add_scores(n, g->values[v].name));
    }
    return FOVEA_OK;
}

fovea_status network_find(struct network *n, const fovea_graph *g, const fovea_train_options *o) {
    *n = (struct network){0};
    TRY(graph_want_data(g));
    TRY(find_input(n, g));
    TRY(find_scores(n, g, o));
    TRY(find_parameters(n, g, o));
    size_t learned = 0;
    for (size_t i = 0; i < n->n_parameters; i++)
        learned += !n->parameters[i].statistic && !n->parameters[i].frozen;
    if (learned == 0) return fail(FOVEA_INVALID, "the network has no parameter to be learned");
    return FOVEA_OK;
}

void network_free(struct network *n) {
    for (size_t i = 0; i < n->n_parameters; i++) mem_free(n->parameters[i].name);
    for (size_t i = 0; i < n->n_scores; i++) mem_free(n->score_names[i]);
    mem_free(n->parameters);
    mem_free(n->score_names);
    mem_free(n->input);
    *n = (struct network){0};
}

/* ---- Training form ---- */

/* A constant becomes a run-time input of the same name. */
static fovea_status make_input(fovea_graph *g, const char *name) {
    fovea_value v = fovea_graph_find(g, name);
    fovea_value *slot = mem_push(&g->inputs, &g->n_inputs, &g->inputs_capacity, sizeof *slot);
    if (!slot) return fail_memory(sizeof *slot, "an input");
    *slot = v;
    g->values[v].is_input = true;
    graph_value_forget(g, v);
    return FOVEA_OK;
}

static fovea_status resize(fovea_value **list, size_t *count, size_t want) {
    fovea_value *longer = mem_array(want, sizeof *longer);
    if (!longer) return fail_memory(want * sizeof *longer, "a node");
    for (size_t i = 0; i < want; i++) longer[i] = i < *count ? (*list)[i] : FOVEA_NO_VALUE;
    mem_free(*list);
    *list = longer;
    *count = want;
    return FOVEA_OK;
}

/* Batch normalisation takes the batch's own statistics and gathers them, unless they are frozen. */
static fovea_status train_batch_norm(const struct network *n, fovea_graph *g, size_t at) {
    fovea_attribute training = {.name = "training_mode", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    const struct parameter *p[2];
    for (size_t i = 0; i < 2; i++) {
        p[i] = find_parameter(n, g->values[g->nodes[at].in[3 + i]].name);
        if (!p[i] || p[i]->frozen) return FOVEA_OK;
    }
    TRY(node_attr_set(&g->nodes[at], &training));
    if (g->nodes[at].n_out < 3) TRY(resize(&g->nodes[at].out, &g->nodes[at].n_out, 3));
    for (size_t i = 0; i < 2; i++) {
        char *name = mem_format(NETWORK_NEXT "%s", p[i]->name);
        fovea_value v;
        if (!name) return fail_memory(64, "a name");
        fovea_status status = graph_value_add(g, name, &p[i]->desc, &v);
        mem_free(name);
        TRY(status);
        g->values[v].producer = (uint32_t)at;
        g->nodes[at].out[1 + i] = v;
        TRY(fovea_graph_output(g, v));
    }
    return FOVEA_OK;
}

/* The seed of a node's random numbers: of its output's name, since files leave nodes without names, so that it
 * does not depend on the other nodes. */
static int64_t seed_of(const fovea_graph *g, const struct node *n, uint64_t seed) {
    return (int64_t)(random_mix(hash_string(HASH_START, g->values[n->out[0]].name), seed) >> 1);
}

static fovea_status train_dropout(struct network *n, fovea_graph *g, size_t at, uint64_t seed) {
    static const fovea_desc flag = {.dtype = FOVEA_BOOL}, counter = {.dtype = FOVEA_INT64};
    fovea_value training, count = fovea_graph_find(g, NETWORK_COUNTER);
    uint8_t *yes = mem_alloc(1);
    if (!yes) return fail_memory(1, "a flag");
    *yes = 1;
    TRY(graph_constant_take(g, NULL, &flag, yes, &training));
    if (count == FOVEA_NO_VALUE) TRY(fovea_graph_input(g, NETWORK_COUNTER, &counter, &count));
    n->counts = true;
    if (g->nodes[at].n_in < 4) TRY(resize(&g->nodes[at].in, &g->nodes[at].n_in, 4));
    g->nodes[at].in[2] = training;
    g->nodes[at].in[3] = count;
    return node_attr_set(&g->nodes[at], &(fovea_attribute){.name = "seed",
                                                           .type = FOVEA_ATTRIBUTE_INT,
                                                           .i = seed_of(g, &g->nodes[at], seed)});
}

static fovea_status set_training(struct network *n, fovea_graph *g, uint64_t seed) {
    size_t nodes = g->n_nodes;
    for (size_t k = 0; k < nodes; k++) {
        if (g->nodes[k].dead) continue;
        if (g->nodes[k].op == OP_BatchNormalization) TRY(train_batch_norm(n, g, k));
        if (g->nodes[k].op == OP_Dropout) TRY(train_dropout(n, g, k, seed));
    }
    return FOVEA_OK;
}

/* ---- The graph ---- */

/* The outputs become the scores. */
static fovea_status set_outputs(const struct network *n, fovea_graph *g, bool all) {
    for (size_t i = 0; i < g->n_outputs; i++) g->values[g->outputs[i]].is_output = false;
    g->n_outputs = 0;
    for (size_t i = 0; i < (all ? n->n_scores : 1); i++)
        TRY(fovea_graph_output(g, fovea_graph_find(g, n->score_names[i])));
    return FOVEA_OK;
}

/* The input's shape in a step; files often fix the batch to 1. */
static fovea_status choose_shape(const fovea_desc *file, const fovea_train_options *o,
                                 const char *name, fovea_desc *out) {
    const int64_t given[4] = {o->batch, o->channels, o->height, o->width};
    *out = *file;
    for (int d = 0; d < out->rank && d < 4; d++)
        if (given[d] > 0 && out->dim[d] < 0) out->dim[d] = given[d];
    if (o->batch > 0) out->dim[0] = o->batch;
    if (out->dim[0] < 0) out->dim[0] = 1;
    for (int d = 1; d < out->rank; d++)
        if (out->dim[d] < 0)
            return fail(FOVEA_INVALID,
                        "the network leaves the size of input '%s' free (%s): say what it is to be",
                        name, desc_text(file));
    return FOVEA_OK;
}

static fovea_status fix(struct network *n, fovea_graph *g, const fovea_train_options *o) {
    fovea_value v = fovea_graph_find(g, n->input);
    fovea_binding b = {.name = n->input};
    int64_t had = g->values[v].desc.dim[0];
    TRY(choose_shape(&g->values[v].desc, o, n->input, &b.desc));
    g->values[v].desc.dim[0] = -1;
    fovea_status status = fovea_graph_fix(g, &b, 1);
    if (status != FOVEA_OK && had >= 0 && had != b.desc.dim[0])
        return fail_in(status, "the network is written for batches of %lld, and not for %lld: ",
                       (long long)had, (long long)b.desc.dim[0]);
    TRY(status);
    n->input_desc = b.desc;
    n->scores = g->values[fovea_graph_find(g, n->score_names[0])].desc;
    if (n->scores.dtype != FOVEA_FLOAT32)
        return fail(FOVEA_UNSUPPORTED, "'%s' is %s; a loss takes float32", n->score_names[0],
                    fovea_dtype_name(n->scores.dtype));
    return FOVEA_OK;
}

static fovea_status make(struct network *n, const fovea_train_options *o, bool training,
                         fovea_graph *g) {
    TRY(set_outputs(n, g, training));
    for (size_t i = 0; i < n->n_parameters; i++) TRY(make_input(g, n->parameters[i].name));
    if (training) TRY(set_training(n, g, o->seed));
    return fix(n, g, o);
}

fovea_status network_graph(struct network *n, const fovea_graph *from, const fovea_train_options *o,
                           bool training, fovea_graph **out) {
    TRY(graph_copy(out, from));
    fovea_status status = make(n, o, training, *out);
    if (status != FOVEA_OK) {
        fovea_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}
