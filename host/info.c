/* fovea info: what a model wants, holds and costs. */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "json.h"
#include "model.h"
#include "shapes.h"
#include "table.h"

static struct text_list shape_words;
static int64_t batch;
static const struct arg args[] = {
    {"shape", 0, ARG_LIST, &shape_words, "NAME=1x3x64x64", "fix the shape of an input"},
    {"batch", 'b', ARG_COUNT, &batch, "N", "fix a free batch; default 1"},
    {0}};

/* How often each operator occurs. */
struct histogram {
    const char *op[512];
    size_t count[512], n;
};

static void count_ops(struct histogram *h, const fovea_graph *graph, size_t nodes) {
    fovea_node_info node;
    h->n = 0;
    for (size_t i = 0; i < nodes && fovea_graph_node(graph, i, &node) == FOVEA_OK; i++) {
        size_t k = 0;
        while (k < h->n && strcmp(h->op[k], node.op) != 0) k++;
        if (k == h->n && h->n == 512) continue;
        if (k == h->n) h->count[h->n++] = 0;
        h->op[k] = node.op;
        h->count[k]++;
    }
}

/* Everything that is printed. */
struct facts {
    const char *path;
    fovea_graph *graph;
    fovea_graph_info info;
    fovea_value_info *inputs, *outputs;
    size_t n_inputs, n_outputs;
    struct histogram ops;
    fovea_plan *plan; /* NULL: shapes are not settled */
    fovea_plan_info cost;
    char note[1024]; /* why there is no plan */
};

/* An output's shape, from the plan if there is one. */
static fovea_desc output_desc(const struct facts *f, size_t i) {
    fovea_tensor *tensor = NULL;
    if (f->plan && fovea_plan_tensor(f->plan, f->outputs[i].name, &tensor) == FOVEA_OK)
        return *fovea_tensor_desc(tensor);
    return f->outputs[i].desc;
}

static void json_value(const char *name, const fovea_desc *d, const char *const *dim_names) {
    json_object(NULL);
    json_text("name", name);
    json_text("type", fovea_dtype_name(d->dtype));
    if (d->rank < 0) {
        json_text("shape", NULL);
    } else {
        json_array("shape");
        for (int k = 0; k < d->rank; k++) {
            if (d->dim[k] >= 0) json_integer(NULL, d->dim[k]);
            else json_text(NULL, dim_names && dim_names[k] ? dim_names[k] : "?");
        }
        json_close();
    }
    json_close();
}

static void print_json(const struct facts *f) {
    json_object(NULL);
    json_text("file", f->path);
    json_text("producer", f->info.producer);
    json_integer("opset", f->info.opset);
    json_array("inputs");
    for (size_t i = 0; i < f->n_inputs; i++)
        json_value(f->inputs[i].name, &f->inputs[i].desc, f->inputs[i].dim_name);
    json_close();
    json_array("outputs");
    for (size_t i = 0; i < f->n_outputs; i++) {
        fovea_desc d = output_desc(f, i);
        json_value(f->outputs[i].name, &d, f->outputs[i].dim_name);
    }
    json_close();
    json_integer("nodes", (int64_t)f->info.nodes);
    json_object("ops");
    for (size_t k = 0; k < f->ops.n; k++) json_integer(f->ops.op[k], (int64_t)f->ops.count[k]);
    json_close();
    json_integer("parameters", f->info.parameters);
    json_integer("parameter_bytes", f->info.parameter_bytes);
    if (f->plan) {
        json_number("flops", f->cost.flops);
        json_integer("arena_bytes", f->cost.arena_bytes);
        json_integer("parts", (int64_t)f->cost.parts);
        json_integer("steps", (int64_t)f->cost.steps);
    } else {
        json_text("note", f->note);
    }
    json_close();
}

static void print_values(const char *title, const struct facts *f, bool outputs) {
    size_t n = outputs ? f->n_outputs : f->n_inputs;
    for (size_t i = 0; i < n; i++) {
        const fovea_value_info *v = outputs ? &f->outputs[i] : &f->inputs[i];
        fovea_desc d = outputs ? output_desc(f, i) : v->desc;
        char shape[256];
        host_shape(shape, sizeof shape, &d, v->dim_name);
        printf("%-12s %s  %s %s%s\n", i ? "" : title, v->name, fovea_dtype_name(d.dtype), shape,
               v->decides_shape ? "  (its contents decide shapes)" : "");
    }
}

static void print_text(const struct facts *f) {
    char count[32], bytes[32];
    printf("%-12s %s\n%-12s %s\n", "file", f->path, "producer",
           *f->info.producer ? f->info.producer : "unknown");
    printf("%-12s %lld\n", "opset", (long long)f->info.opset);
    print_values("inputs", f, false);
    print_values("outputs", f, true);
    printf("%-12s %zu:", "nodes", f->info.nodes);
    for (size_t k = 0; k < f->ops.n; k++)
        printf("%s %s %zu", k ? "," : "", f->ops.op[k], f->ops.count[k]);
    host_count(count, sizeof count, (double)f->info.parameters);
    host_bytes(bytes, sizeof bytes, (double)f->info.parameter_bytes);
    printf("\n%-12s %lld (%s), %s\n", "parameters", (long long)f->info.parameters, count, bytes);
    if (!f->plan) {
        printf("%-12s FLOPs and memory: %s\n", "not known", f->note);
        return;
    }
    host_count(count, sizeof count, f->cost.flops);
    host_bytes(bytes, sizeof bytes, (double)f->cost.arena_bytes);
    printf("%-12s %s\n%-12s %s for activations", "FLOPs", count, "memory", bytes);
    host_bytes(bytes, sizeof bytes, (double)f->info.parameter_bytes);
    printf(", %s for weights\n", bytes);
    if (f->cost.parts > 1)
        printf("%-12s %zu, one after the other: the batch does not fit at once\n", "parts",
               f->cost.parts);
}

/* A plan on the reference settles the shapes; a model whose shapes stay free is no error. */
static bool settle(struct facts *f, fovea_context *context, struct problem *p) {
    struct shapes shapes = {0};
    bool asked = shape_words.count || batch;
    bool good = shapes_parse(&shapes, f->inputs, f->n_inputs, &shape_words, batch, p);
    if (good) {
        fovea_plan_options options = {.bindings = shapes.bindings, .n_bindings = shapes.count};
        good = problem_check(p, fovea_plan_create(&f->plan, context, f->graph, &options));
        if (good) fovea_plan_get_info(f->plan, &f->cost);
        else snprintf(f->note, sizeof f->note, "%.1000s", p->text);
        good = good || (!asked && p->status == FOVEA_INVALID);
    }
    shapes_free(&shapes);
    return good;
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    fovea_context *context = NULL;
    struct facts *f = host_alloc(1, sizeof *f);
    f->path = operands->text[0];
    bool good = model_load(&f->graph, f->path, &p) &&
                model_inputs(f->graph, &f->inputs, &f->n_inputs, &p) &&
                model_outputs(f->graph, &f->outputs, &f->n_outputs, &p);
    if (good) {
        fovea_graph_get_info(f->graph, &f->info);
        count_ops(&f->ops, f->graph, f->info.nodes);
        good = host_context(&context, "reference", false, &p) && settle(f, context, &p);
    }
    if (good && common->json) print_json(f);
    if (good && !common->json) print_text(f);
    fovea_plan_destroy(f->plan);
    fovea_context_destroy(context);
    fovea_graph_destroy(f->graph);
    free(f->inputs);
    free(f->outputs);
    free(f);
    return good ? EXIT_GOOD : problem_report(&p);
}

const struct command info_command = {
    .name = "info",
    .summary = "print a model's inputs, outputs, operators, parameters, FLOPs and memory",
    .usage = "MODEL",
    .text =
        "Needs no device: shapes, FLOPs (one multiplication and one addition are two) and memory\n"
        "come from a plan on the CPU reference, with a free batch at 1. Shapes that the model\n"
        "leaves free are fixed with --shape.",
    .examples = "  fovea info model.onnx\n  fovea info detector.onnx --shape image=1x3x480x640\n"
                "  fovea info model.onnx --batch 8 --json\n",
    .args = args,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
