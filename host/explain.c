/* A model with the gradients of a class's score appended. */
#include "explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fovea_train.h"
#include "model.h"

static const char mask_name[] = "fovea.show.mask";

/* ---- The graph ---------------------------------------------------------------------------- */

/* The node that makes a value; the number of nodes if none does. */
static size_t producer_of(const fovea_graph *g, fovea_value v, size_t nodes) {
    for (size_t i = nodes; i-- > 0;)
        for (size_t k = 0; k < 8; k++)
            if (fovea_graph_node_output(g, i, k) == v) return i;
    return nodes;
}

/* From the first output back over what only arranges numbers; a Softmax is stepped over too, once. */
static fovea_value find_scores(const fovea_graph *g) {
    static const char *const passed[] = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"};
    fovea_graph_info info;
    fovea_graph_get_info(g, &info);
    fovea_value output = fovea_graph_output_at(g, 0), v = output;
    for (size_t i; (i = producer_of(g, v, info.nodes)) < info.nodes;) {
        fovea_node_info node;
        if (fovea_graph_node(g, i, &node) != FOVEA_OK) break;
        fovea_value from = fovea_graph_node_input(g, i, 0);
        if (strcmp(node.op, "Softmax") == 0 || strcmp(node.op, "LogSoftmax") == 0) return from;
        bool pass = false;
        for (size_t k = 0; k < sizeof passed / sizeof *passed; k++)
            pass = pass || strcmp(node.op, passed[k]) == 0;
        if (!pass) break;
        v = from;
    }
    return output;
}

static bool name_of(const fovea_graph *g, fovea_value v, char **out, struct problem *p) {
    fovea_value_info info;
    if (!problem_check(p, fovea_graph_value(g, v, &info))) return false;
    *out = host_format("%s", info.name);
    return true;
}

/* Makes a value readable after a run. */
static bool want_output(fovea_graph *g, fovea_value v, struct problem *p) {
    fovea_value_info info;
    return problem_check(p, fovea_graph_value(g, v, &info)) &&
           (info.is_output || problem_check(p, fovea_graph_output(g, v)));
}

static bool fix_shapes(fovea_graph *g, const struct input *input, const fovea_array *arrays,
                       struct problem *p) {
    fovea_binding *bindings = host_alloc(input->n_feeds, sizeof *bindings);
    for (size_t k = 0; k < input->n_feeds; k++)
        bindings[k] = (fovea_binding){input_name(input, k), arrays[k].desc,
                                      input_decides_shape(input, k) ? arrays[k].data : NULL};
    bool good = problem_check(p, fovea_graph_fix(g, bindings, input->n_feeds));
    free(bindings);
    return good;
}

/* (batch, classes, ...) or (batch, classes); the batch is that of the first input. */
static bool settle_scores(struct explain *e, fovea_value scores, struct problem *p) {
    fovea_value_info info;
    if (!problem_check(p, fovea_graph_value(e->graph, scores, &info))) return false;
    const fovea_desc *d = &info.desc;
    int64_t n = fovea_desc_elements(d);
    if (d->dtype != FOVEA_FLOAT32 || d->rank < 1 || n < 1)
        return problem_set(p, EXIT_FILE, "output '%s' holds no scores of classes: %s of rank %d",
                           info.name, fovea_dtype_name(d->dtype), d->rank);
    e->scores = *d;
    e->batch = d->rank >= 2 && d->dim[0] == e->fed.dim[0] ? d->dim[0] : 1;
    e->classes = d->rank >= 2 && e->batch == d->dim[0] ? d->dim[1] : d->dim[0];
    e->places = n / (e->batch * e->classes);
    return true;
}

/* The gradients by the wished values, in the order: input, layers. */
static bool append_gradients(struct explain *e, fovea_value y, const struct input *input,
                             const struct explain_wish *wish, struct problem *p) {
    size_t count = wish->input + wish->n_layers, k = 0;
    fovea_value *by = host_alloc(count, sizeof *by), *gradients = host_alloc(count, sizeof *by);
    if (wish->input) by[k++] = fovea_graph_find(e->graph, input_name(input, 0));
    for (size_t i = 0; i < wish->n_layers; i++)
        by[k++] = fovea_graph_find(e->graph, wish->layers[i]->value);
    bool good = problem_check(p, fovea_graph_gradient(e->graph, y, by, count, gradients));
    for (k = 0; good && k < count; k++) {
        bool of_input = wish->input && k == 0;
        size_t layer = k - wish->input;
        char **name = of_input ? &e->input_gradient : &e->layer_gradients[layer];
        if (gradients[k] == FOVEA_NO_VALUE)
            good = problem_set(p, EXIT_FILE, "the scores do not depend on '%s'",
                               of_input ? input_name(input, 0) : wish->layers[layer]->name);
        good = good && want_output(e->graph, gradients[k], p) &&
               (of_input || want_output(e->graph, by[k], p)) &&
               name_of(e->graph, gradients[k], name, p);
    }
    free(by);
    free(gradients);
    return good;
}

static bool build(struct explain *e, const struct input *input, const fovea_array *arrays,
                  const struct explain_wish *wish, struct problem *p) {
    fovea_value mask, y;
    if (!fix_shapes(e->graph, input, arrays, p)) return false;
    fovea_value scores = find_scores(e->graph);
    return settle_scores(e, scores, p) && name_of(e->graph, scores, &e->scores_name, p) &&
           want_output(e->graph, scores, p) &&
           problem_check(p, fovea_graph_input(e->graph, mask_name, &e->scores, &mask)) &&
           problem_check(
               p, fovea_graph_binary(e->graph, "Mul", "fovea.show.masked", scores, mask, &y)) &&
           append_gradients(e, y, input, wish, p) && array_create(&e->values, &e->scores, p) &&
           array_create(&e->mask, &e->scores, p);
}

bool explain_create(struct explain **out, const char *model, const struct input *input,
                    const fovea_array *arrays, const struct explain_wish *wish,
                    fovea_context *context, struct problem *p) {
    struct explain *e = host_alloc(1, sizeof *e);
    e->fed = arrays[0].desc;
    e->n_layers = wish->n_layers;
    e->layer_gradients = host_alloc(e->n_layers, sizeof *e->layer_gradients);
    bool good = model_load(&e->graph, model, p) && build(e, input, arrays, wish, p) &&
                problem_check(p, fovea_plan_create(&e->plan, context, e->graph, NULL));
    *out = good ? e : NULL;
    if (!good) explain_destroy(e);
    return good;
}

void explain_destroy(struct explain *e) {
    if (!e) return;
    fovea_plan_destroy(e->plan);
    fovea_graph_destroy(e->graph);
    for (size_t i = 0; i < e->n_layers; i++) free(e->layer_gradients[i]);
    free(e->layer_gradients);
    free(e->scores_name);
    free(e->input_gradient);
    array_free(&e->values);
    array_free(&e->mask);
    free(e);
}

bool explain_serves(const struct explain *e, const struct input *input, const fovea_array *arrays) {
    const fovea_desc *a = &e->fed, *b = &arrays[0].desc;
    if (input->n_feeds != 1 || input_decides_shape(input, 0))
        return false; /* made anew each time */
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* ---- The run ------------------------------------------------------------------------------ */

double explain_score(const struct explain *e, int64_t k, int64_t class) {
    double sum = 0;
    for (int64_t i = 0; i < e->places; i++)
        sum += array_get(&e->values, (k * e->classes + class) * e->places + i);
    return sum;
}

/* Of equals the first; a score that is not a number never wins. */
static int64_t best_class(const struct explain *e, int64_t k) {
    int64_t best = 0;
    double most = -INFINITY;
    for (int64_t c = 0; c < e->classes; c++) {
        double score = explain_score(e, k, c);
        if (score <= most || isnan(score)) continue;
        best = c;
        most = score;
    }
    return best;
}

static bool run_once(struct explain *e, struct problem *p) {
    fovea_array scores;
    if (!plan_write(e->plan, mask_name, &e->mask, p) ||
        !problem_check(p, fovea_plan_run(e->plan)) ||
        !plan_read(e->plan, e->scores_name, &scores, p))
        return false;
    memcpy(e->values.data, scores.data, array_bytes(&scores));
    array_free(&scores);
    return true;
}

bool explain_run(struct explain *e, const struct input *input, const fovea_array *arrays,
                 int64_t *classes, struct problem *p) {
    bool choose = false;
    for (size_t k = 0; k < input->n_feeds; k++)
        if (!input_decides_shape(input, k) &&
            !plan_write(e->plan, input_name(input, k), &arrays[k], p))
            return false;
    memset(e->mask.data, 0, array_bytes(&e->mask));
    for (int64_t k = 0; k < e->batch; k++) {
        choose = choose || classes[k] < 0;
        if (classes[k] >= e->classes)
            return problem_set(p, EXIT_USAGE, "--class %lld: the model has %lld classes, from 0",
                               (long long)classes[k], (long long)e->classes);
    }
    if (choose && !run_once(e, p)) return false;
    for (int64_t k = 0; k < e->batch; k++) {
        if (classes[k] < 0) classes[k] = best_class(e, k);
        for (int64_t i = 0; i < e->places; i++)
            array_set(&e->mask, (k * e->classes + classes[k]) * e->places + i, 1);
    }
    return run_once(e, p);
}
