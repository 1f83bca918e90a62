/* The layers of a model: what its nodes put out, and statistics of it over many pictures. */
#include "layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_NAMES = 6, MAX_NAME = 256 };

static bool is_one_of(const char *op, const char *const *list) {
    for (; *list; list++)
        if (strcmp(op, *list) == 0) return true;
    return false;
}

/* Operators that arrange numbers without computing. */
static bool moves_only(const char *op) {
    static const char *const movers[] = {"Identity",  "Dropout",   "Flatten", "Reshape", "Squeeze",
                                         "Unsqueeze", "Transpose", "Cast",    "Shape",   "Size",
                                         "Slice",     "Split",     "Gather",  "Expand",  NULL};
    return is_one_of(op, movers);
}

bool layer_rectifies(const struct layer *layer) {
    static const char *const rectifiers[] = {"Relu", "ThresholdedRelu", "Clip", NULL};
    return is_one_of(layer->op, rectifiers);
}

/* ---- Listing ------------------------------------------------------------------------------ */

/* Which values depend on an input of the model; the others are known beforehand. */
static void mark_inputs(const fovea_graph *graph, const fovea_graph_info *info, bool *fed) {
    fovea_value_info value;
    for (size_t i = 0; i < info->inputs; i++) {
        fovea_value v = fovea_graph_input_at(graph, i);
        if (fovea_graph_value(graph, v, &value) == FOVEA_OK) fed[v] = !value.is_constant;
    }
}

static bool mark_node(const fovea_graph *graph, size_t node, const fovea_node_info *info,
                      bool *fed) {
    bool depends = false;
    for (size_t k = 0; k < info->inputs; k++) {
        fovea_value v = fovea_graph_node_input(graph, node, k);
        depends = depends || (v != FOVEA_NO_VALUE && fed[v]);
    }
    for (size_t k = 0; k < info->outputs; k++) {
        fovea_value v = fovea_graph_node_output(graph, node, k);
        if (v != FOVEA_NO_VALUE) fed[v] = depends;
    }
    return depends;
}

bool layers_list(struct layers *out, const fovea_graph *graph, struct problem *p) {
    fovea_graph_info info;
    fovea_graph_get_info(graph, &info);
    bool *fed = host_alloc(info.values, sizeof *fed);
    bool good = true;
    mark_inputs(graph, &info, fed);
    *out = (struct layers){host_alloc(info.nodes, sizeof *out->list), 0};
    for (size_t i = 0; good && i < info.nodes; i++) {
        fovea_node_info node;
        fovea_value_info value;
        fovea_value v = fovea_graph_node_output(graph, i, 0);
        good = problem_check(p, fovea_graph_node(graph, i, &node));
        if (!good || !mark_node(graph, i, &node, fed) || v == FOVEA_NO_VALUE) continue;
        good = problem_check(p, fovea_graph_value(graph, v, &value));
        struct layer *layer = &out->list[out->count++];
        *layer = (struct layer){.name = node.name && *node.name ? node.name : value.name,
                                .op = node.op,
                                .value = value.name,
                                .out = v,
                                .node = i,
                                .number = out->count,
                                .least = INFINITY,
                                .most = -INFINITY};
    }
    free(fed);
    return good;
}

void layers_free(struct layers *layers) {
    for (size_t i = 0; i < layers->count; i++) free(layers->list[i].alive);
    free(layers->list);
    *layers = (struct layers){NULL, 0};
}

/* ---- Finding ------------------------------------------------------------------------------ */

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein: insertions, deletions and replacements from one name to the other; letters' case does
 * not matter, and a name that contains the other is close. */
static size_t distance(const char *a, const char *b) {
    size_t row[MAX_NAME + 1], n = strlen(b);
    if (*a && (strstr(b, a) || (n && strstr(a, b)))) return 1;
    if (n > MAX_NAME) n = MAX_NAME;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t other = (*a | 32) != (b[j - 1] | 32), above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, corner + other);
            corner = above;
        }
    }
    return row[n];
}

/* "close names are 'a', 'b'": the closest ones, the first of equals first. */
static void close_names(const struct layers *layers, const char *name, char *out, size_t size) {
    size_t best[CLOSE_NAMES], n = 0, used = 0;
    for (size_t i = 0; i < layers->count; i++) {
        size_t far = distance(name, layers->list[i].name), at = n < CLOSE_NAMES ? n++ : CLOSE_NAMES;
        for (; at > 0 && distance(name, layers->list[best[at - 1]].name) > far; at--)
            if (at < CLOSE_NAMES) best[at] = best[at - 1];
        if (at < CLOSE_NAMES) best[at] = i;
    }
    *out = '\0';
    for (size_t k = 0; k < n && used < size; k++)
        used += (size_t)snprintf(out + used, size - used, "%s%.200s", k ? ", " : "",
                                 layers->list[best[k]].name);
}

bool layers_want(struct layers *layers, const char *name, struct problem *p) {
    bool all = strcmp(name, "all") == 0, found = false;
    for (size_t i = 0; i < layers->count; i++) {
        struct layer *l = &layers->list[i];
        bool this = strcmp(l->name, name) == 0 || strcmp(l->value, name) == 0;
        if (!this && !(all && !moves_only(l->op))) continue;
        l->wanted = found = true;
    }
    if (found) return true;
    char close[2048];
    close_names(layers, name, close, sizeof close);
    return problem_set(p, EXIT_USAGE, "the model has no layer '%s'; %s%s", name,
                       layers->count ? "names that are close: " : "it has none at all", close);
}

struct layer *layers_last_conv(const struct layers *layers) {
    for (size_t i = layers->count; i-- > 0;)
        if (strcmp(layers->list[i].op, "Conv") == 0) return &layers->list[i];
    return NULL;
}

/* ---- Statistics --------------------------------------------------------------------------- */

static void count_value(struct layer *l, double x) {
    l->values++;
    l->zeros += x == 0;
    if (!isfinite(x)) return;
    l->finite++;
    double far = x - l->mean;
    l->mean += far / (double)l->finite;
    l->squares += far * (x - l->mean);
    if (x < l->least) l->least = x;
    if (x > l->most) l->most = x;
}

/* Channels are the second dimension; of a (pictures, units) array each unit is one. */
static int64_t channels_of(const fovea_desc *d) {
    return d->rank >= 2 ? d->dim[1] : 0;
}

void layer_count(struct layer *l, const fovea_array *a, size_t items) {
    int64_t n = fovea_desc_elements(&a->desc), channels = channels_of(&a->desc);
    if (items && a->desc.rank > 0 && a->desc.dim[0] > (int64_t)items)
        n = n / a->desc.dim[0] * (int64_t)items;
    if (l->values == 0 && channels > 0) {
        l->channels = channels;
        l->alive = host_alloc((size_t)channels, sizeof *l->alive);
    }
    if (channels != l->channels) l->channels = 0;
    int64_t row = a->desc.rank >= 2 && a->desc.dim[0] > 0
                      ? fovea_desc_elements(&a->desc) / a->desc.dim[0]
                      : 1;
    int64_t plane = l->channels > 0 ? row / l->channels : 1;
    for (int64_t i = 0; i < n; i++) {
        double x = array_get(a, i);
        count_value(l, x);
        if (l->channels > 0 && x != 0) l->alive[i % row / plane] = true;
    }
}

int64_t layer_dead(const struct layer *l) {
    int64_t dead = 0;
    for (int64_t c = 0; c < l->channels; c++) dead += !l->alive[c];
    return dead;
}

double layer_deviation(const struct layer *l) {
    return l->finite ? sqrt(l->squares / (double)l->finite) : 0;
}
