/* Gradients against finite differences of the reference:
 *     test_gradients FILE...
 * Each line of a file is a problem line (see fovea_graph_from_problem). With L = sum over all float outputs y
 * of sum(y * r), r random, every gradient dL/dx from the graph, computed on the reference, is compared with
 * the central difference (L(x + h) - L(x - h)) / 2h of the reference's results in double.
 *
 * Inputs are multiples of h, so that x +- h are exact; those of one input all differ by more than 2h and lie
 * away from 0, so that no maximum and no kink lies between. A line may begin with words on its inputs:
 *     positive    from 0.25 to 1.75 instead of from -1 to 1
 *     labels=N    integer inputs are from 0 to N - 1
 *     only=K      the gradient of input K alone is compared
 *     zero=K      nothing may flow back to input K */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/status.h"
#include "fovea_train.h"
#include "graph/element.h"
#include "plan/plan.h"

#define H 0x1p-13

static size_t passed, failed;

struct problem {
    const char *line; /* without the words */
    bool positive;
    int64_t labels;
    int only, zero; /* -1: not said */
    fovea_graph *graph;
    void *in[64]; /* contents of the graph's inputs */
    float *r[64]; /* weights of the node's outputs */
};

static void complain(const char *line, const char *what) {
    failed++;
    printf("FAILED %s: %s\n", line, what);
}

/* ---- Inputs ---- */

static void shuffle(size_t *order, size_t n, uint64_t seed) {
    for (size_t i = 0; i < n; i++) order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)(random_mix(seed, i) % i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
}

static void fill_floats(const struct problem *p, float *x, size_t n, uint64_t seed) {
    size_t *order = mem_array(n, sizeof *order);
    double low = p->positive ? 0.25 : -1, step = (p->positive ? 1.5 : 2.0) / (double)n;
    if (!order) abort();
    shuffle(order, n, seed);
    for (size_t i = 0; i < n; i++) {
        double number = low + ((double)order[i] + 0.5) * step;
        if (fabs(number) < 4 * H) number = 4 * H;
        x[i] = (float)(round(number / H) * H);
    }
    mem_free(order);
}

static void fill_input(const struct problem *p, const fovea_desc *d, void *data, uint64_t seed) {
    size_t n = (size_t)fovea_desc_elements(d);
    if (d->dtype == FOVEA_FLOAT32) {
        fill_floats(p, data, n, seed);
        return;
    }
    for (size_t i = 0; i < n; i++)
        element_store(d->dtype, data, i,
                      (double)(random_mix(seed, i) % (uint64_t)(p->labels ? p->labels : 2)));
}

static void fill(struct problem *p) {
    const fovea_graph *g = p->graph;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const fovea_desc *d = &g->values[g->inputs[i]].desc;
        p->in[i] = mem_alloc(desc_bytes(d));
        if (!p->in[i]) abort();
        fill_input(p, d, p->in[i], random_mix(3, i));
    }
    for (size_t i = 0; i < g->n_outputs; i++) {
        size_t n = (size_t)value_elements(&g->values[g->outputs[i]]);
        p->r[i] = mem_array(n, sizeof(float));
        if (!p->r[i]) abort();
        for (size_t k = 0; k < n; k++)
            p->r[i][k] = (float)((double)(random_mix(11 + i, k) >> 40) * 0x1p-23 - 1);
    }
}

/* ---- The loss in double ---- */

static const void *contents(const struct problem *p, fovea_value v) {
    const fovea_graph *g = p->graph;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == v) return p->in[i];
    return g->values[v].storage->data;
}

static fovea_status loss(const struct problem *p, double *sum) {
    const fovea_graph *g = p->graph;
    const struct node *n = &g->nodes[0];
    const void *in[64] = {NULL};
    struct reference_out out[64] = {{.data = NULL}};
    for (size_t i = 0; i < n->n_in; i++)
        if (n->in[i] != FOVEA_NO_VALUE) in[i] = contents(p, n->in[i]);
    for (size_t i = 0; i < n->n_out; i++) {
        const struct value *v = &g->values[n->out[i]];
        out[i].desc = v->desc;
        out[i].data = mem_alloc(desc_bytes(&v->desc));
        if (!dtype_is_float(v->desc.dtype)) continue;
        out[i].y = mem_array((size_t)value_elements(v), sizeof(double));
        out[i].bound = mem_array((size_t)value_elements(v), sizeof(double));
    }
    fovea_status status = plan_reference(g, n, in, out);
    *sum = 0;
    for (size_t i = 0; i < n->n_out; i++) {
        for (int64_t k = 0; out[i].y && k < value_elements(&g->values[n->out[i]]); k++)
            *sum += out[i].y[k] * (double)p->r[i][k];
        mem_free(out[i].data);
        mem_free(out[i].y);
        mem_free(out[i].bound);
    }
    return status;
}

/* ---- The gradient by graph ---- */

/* Appends L and its gradients; names them "grad0", "grad1", ... */
static fovea_status differentiate(const struct problem *p, fovea_graph *g) {
    fovea_value total = FOVEA_NO_VALUE, wrt[64], grads[64];
    size_t count = 0, outputs = g->n_outputs;
    TRY(fovea_graph_fix(g, NULL, 0));
    for (size_t i = 0; i < outputs; i++) {
        fovea_desc d = g->values[g->outputs[i]].desc;
        fovea_value r, y = g->outputs[i], product, sum;
        char name[24];
        if (d.dtype != FOVEA_FLOAT32) continue;
        snprintf(name, sizeof name, "r%zu", i);
        TRY(fovea_graph_constant(g, name, &d, p->r[i], &r));
        TRY(fovea_graph_binary(g, "Mul", name, y, r, &product));
        TRY(fovea_graph_op(g, "ReduceSum", name, &product, 1,
                           &(fovea_attribute){.name = "keepdims", .type = FOVEA_ATTRIBUTE_INT}, 1,
                           &sum, 1));
        if (total == FOVEA_NO_VALUE) total = sum;
        else {
            fovea_value before = total;
            TRY(fovea_graph_binary(g, "Add", name, before, sum, &total));
        }
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->values[g->inputs[i]].desc.dtype == FOVEA_FLOAT32) wrt[count++] = g->inputs[i];
    TRY(fovea_graph_gradient(g, total, wrt, count, grads));
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "grad %s", g->values[wrt[i]].name);
        if (grads[i] == FOVEA_NO_VALUE) continue;
        fovea_value copy; /* two inputs may share one value as their gradient */
        TRY(fovea_graph_unary(g, "Identity", name, grads[i], &copy));
        TRY(fovea_graph_name(g, copy, name));
        TRY(fovea_graph_output(g, copy));
    }
    return FOVEA_OK;
}

static fovea_status run(const struct problem *p, fovea_context *c, fovea_graph *g,
                        fovea_plan **plan) {
    fovea_plan_options o = {.no_rewrite = true};
    TRY(fovea_plan_create(plan, c, g, &o));
    for (size_t i = 0; i < g->n_inputs; i++) {
        fovea_tensor *t;
        if (fovea_plan_tensor(*plan, g->values[g->inputs[i]].name, &t) != FOVEA_OK) continue;
        TRY(fovea_tensor_write(t, p->in[i], desc_bytes(fovea_tensor_desc(t))));
    }
    return fovea_plan_run(*plan);
}

/* ---- Comparing ---- */

static bool compare_input(const struct problem *p, size_t input, const float *got, size_t n) {
    float *x = p->in[input];
    double largest = 0, want = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)got[i]));
    for (size_t i = 0; i < n; i++) {
        float kept = x[i];
        double up, down;
        x[i] = (float)((double)kept + H);
        if (loss(p, &up) != FOVEA_OK) return complain(p->line, fovea_error()), false;
        x[i] = (float)((double)kept - H);
        if (loss(p, &down) != FOVEA_OK) return complain(p->line, fovea_error()), false;
        x[i] = kept;
        want = (up - down) / (2 * H);
        /* Third derivatives times h^2 / 6, and the gradient's own rounding to float. */
        double allowed = 0x1p-17 * (fabs(want) + largest) + 0x1p-20;
        if (fabs((double)got[i] - want) <= allowed) continue;
        char text[256];
        snprintf(text, sizeof text, "dL/dx%zu[%zu] is %.9g, finite differences give %.9g", input, i,
                 (double)got[i], want);
        complain(p->line, text);
        return false;
    }
    return true;
}

static bool compare(const struct problem *p, const fovea_graph *g, const fovea_plan *plan) {
    size_t compared = 0;
    for (size_t i = 0; i < p->graph->n_inputs; i++) {
        const struct value *v = &p->graph->values[p->graph->inputs[i]];
        size_t n = (size_t)value_elements(v);
        char name[64];
        fovea_tensor *t;
        snprintf(name, sizeof name, "grad %s", v->name);
        bool flows = fovea_graph_find(g, name) != FOVEA_NO_VALUE;
        if (v->desc.dtype != FOVEA_FLOAT32 || (p->only >= 0 && (int)i != p->only)) continue;
        if ((int)i == p->zero || !flows) {
            if (flows == ((int)i == p->zero))
                return complain(p->line, "a gradient flows or not"), false;
            continue;
        }
        float *got = mem_array(n, sizeof *got);
        bool right = got && fovea_plan_tensor(plan, name, &t) == FOVEA_OK &&
                     fovea_tensor_read(t, got, n * sizeof *got) == FOVEA_OK;
        if (!right) complain(p->line, fovea_error());
        else right = compare_input(p, i, got, n);
        mem_free(got);
        if (!right) return false;
        compared++;
    }
    return compared > 0 || p->zero >= 0 ? true : (complain(p->line, "nothing was compared"), false);
}

/* ---- Lines ---- */

/* Takes the words in front of the operator. */
static const char *take_words(struct problem *p, const char *line) {
    for (;;) {
        size_t length;
        line += strspn(line, " \t");
        length = strcspn(line, " \t\n");
        if (length == 8 && strncmp(line, "positive", 8) == 0) p->positive = true;
        else if (strncmp(line, "labels=", 7) == 0) p->labels = atoi(line + 7);
        else if (strncmp(line, "only=", 5) == 0) p->only = atoi(line + 5);
        else if (strncmp(line, "zero=", 5) == 0) p->zero = atoi(line + 5);
        else return line;
        line += length;
    }
}

static void run_line(fovea_context *c, const char *line) {
    struct problem p = {.only = -1, .zero = -1};
    fovea_graph *g = NULL;
    fovea_plan *plan = NULL;
    p.line = take_words(&p, line);
    fovea_status status = fovea_graph_from_problem(&p.graph, p.line);
    if (status == FOVEA_OK) status = fovea_graph_from_problem(&g, p.line);
    if (status == FOVEA_OK) fill(&p);
    if (status == FOVEA_OK) status = differentiate(&p, g);
    if (status == FOVEA_OK) status = run(&p, c, g, &plan);
    if (status != FOVEA_OK) complain(p.line, fovea_error());
    else if (compare(&p, g, plan)) passed++;
    fovea_plan_destroy(plan);
    fovea_graph_destroy(g);
    fovea_graph_destroy(p.graph);
    for (size_t i = 0; i < 64; i++) {
        mem_free(p.in[i]);
        mem_free(p.r[i]);
    }
}

int main(int argc, char **argv) {
    fovea_context *c;
    char line[4096];
    if (argc < 2 || fovea_context_create(&c, "reference", NULL) != FOVEA_OK) return 2;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file) {
            complain(argv[i], "cannot be opened");
            continue;
        }
        while (fgets(line, sizeof line, file)) {
            line[strcspn(line, "#\n")] = 0;
            if (line[strspn(line, " \t")]) run_line(c, line);
        }
        fclose(file);
    }
    fovea_context_destroy(c);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || !passed;
}
