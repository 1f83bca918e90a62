/* fovea run: pictures or arrays through a model; classes, arrays and times out of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "json.h"
#include "labels.h"
#include "model.h"
#include "profile.h"
#include "progress.h"
#include "runner.h"
#include "tuning.h"

static struct {
    struct input_options input;
    const char *labels, *truth;
    int64_t top;
    struct text_list outputs;
    bool profile, softmax;
    struct tuning tuning;
} options = {.input = {.index = -1}, .top = 5};

static const struct arg args[] = {
    INPUT_ARGS(options.input),
    {"labels", 'l', ARG_TEXT, &options.labels, "FILE", "names of the classes, one a line"},
    {"truth", 't', ARG_TEXT, &options.truth, "FILE",
     "true classes (idx, or one number a line): prints the accuracy"},
    {"top", 'k', ARG_COUNT, &options.top, "N", "classes to print; default 5"},
    {"softmax", 0, ARG_FLAG, &options.softmax, NULL, "turn scores into probabilities first"},
    {"output", 'o', ARG_LIST, &options.outputs, "[NAME=]FILE", "write an output, .npy or .pb"},
    TUNING_ARGS(options.tuning),
    {"profile", 'p', ARG_FLAG, &options.profile, NULL, "print the time of each layer"},
    {0}};

enum { QUIET_ABOVE = 20, MAX_TOP = 1000 };

struct session {
    const struct common *common;
    fovea_graph *graph;
    fovea_value_info *outputs;
    size_t n_outputs;
    struct input input;
    struct runner runner;
    fovea_tune_options tune;
    struct labels labels;
    int64_t *truth;
    size_t n_truth, done, right, right_top;
    struct collected *collected;
    double first_seconds,
        later_seconds; /* the first run also finishes compiling, on some devices */
    size_t later;
};

/* ---- Classes ---- */

struct candidate {
    double score;
    int64_t index;
};

/* The larger score first, of equals the smaller index; NaN last. */
static int by_score(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (isnan(x->score) != isnan(y->score)) return isnan(x->score) ? 1 : -1;
    if (x->score != y->score && !isnan(x->score)) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void soften(struct candidate *c, int64_t n) {
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) most = c[i].score > most ? c[i].score : most;
    for (int64_t i = 0; i < n; i++) sum += c[i].score = exp(c[i].score - most);
    for (int64_t i = 0; i < n; i++) c[i].score /= sum;
}

/* All n scores from `first` on, the best first; the caller frees them. */
static struct candidate *rank_scores(const fovea_array *a, int64_t first, int64_t n) {
    struct candidate *list = host_alloc((size_t)n, sizeof *list);
    for (int64_t i = 0; i < n; i++) list[i] = (struct candidate){array_get(a, first + i), i};
    if (options.softmax) soften(list, n);
    qsort(list, (size_t)n, sizeof *list, by_score);
    return list;
}

static void print_top(const struct session *s, const char *name, const struct candidate *list,
                      int64_t top) {
    bool one_line = s->input.items > QUIET_ABOVE;
    if (!one_line) printf("%s\n", name);
    for (int64_t i = 0; i < (one_line ? 1 : top); i++) {
        const char *label = labels_name(&s->labels, list[i].index);
        if (one_line) printf("%s  ", name);
        printf("%s%4lld  %-10.6g %s\n", one_line ? "" : "  ", (long long)list[i].index,
               list[i].score, label);
    }
}

static void json_top(const struct session *s, const char *name, const struct candidate *list,
                     int64_t top, int64_t truth) {
    json_object(NULL);
    json_text("input", name);
    if (truth >= 0) json_integer("truth", truth);
    json_array("top");
    for (int64_t i = 0; i < top; i++) {
        json_object(NULL);
        json_integer("class", list[i].index);
        json_number("score", list[i].score);
        if (s->labels.names.count) json_text("label", labels_name(&s->labels, list[i].index));
        json_close();
    }
    json_close();
    json_close();
}

/* One picture's scores: printed, and compared with the truth. */
static void classify(struct session *s, const fovea_array *a, int64_t first, int64_t n) {
    char name[512];
    int64_t top = options.top < n ? options.top : n;
    int64_t truth = s->done < s->n_truth ? s->truth[s->done] : -1;
    struct candidate *list = rank_scores(a, first, n);
    input_item_name(&s->input, s->done, name, sizeof name);
    bool found = false;
    for (int64_t i = 0; i < top; i++) found = found || list[i].index == truth;
    s->right += list[0].index == truth;
    s->right_top += found;
    /* With the truth known, a long run prints its accuracy only, unless asked for more. */
    bool quiet = s->n_truth && s->input.items > QUIET_ABOVE && !s->common->verbose;
    if (s->common->json) json_top(s, name, list, top, truth);
    else if (!quiet) print_top(s, name, list, top);
    s->done++;
    free(list);
}

/* ---- Other outputs ---- */

static void summarise(const struct session *s, const char *name, const fovea_array *a) {
    int64_t n = fovea_desc_elements(&a->desc), odd = 0;
    double least = INFINITY, most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = array_get(a, i);
        odd += !isfinite(x);
        if (!isfinite(x)) continue;
        least = x < least ? x : least;
        most = x > most ? x : most;
        sum += x;
    }
    char shape[128];
    host_shape(shape, sizeof shape, &a->desc, NULL);
    double mean = n > odd ? sum / (double)(n - odd) : 0;
    if (s->common->json) {
        json_object(NULL);
        json_text("output", name);
        json_text("type", fovea_dtype_name(a->desc.dtype));
        json_text("shape", shape);
        json_number("min", least);
        json_number("max", most);
        json_number("mean", mean);
        json_integer("not_finite", odd);
        json_close();
    } else {
        printf("%s  %s %s  min %.6g  max %.6g  mean %.6g", name, fovea_dtype_name(a->desc.dtype),
               shape, least, most, mean);
        printf(odd ? "  %lld not finite\n" : "\n", (long long)odd);
    }
}

/* An output is a list of classes if each picture has one row of it: (n, classes, 1, 1...). */
static bool is_scores(const fovea_array *a, size_t items) {
    if (items == 0 || a->desc.rank < 2 || a->desc.dim[0] < (int64_t)items) return false;
    int64_t row = fovea_desc_elements(&a->desc) / a->desc.dim[0];
    bool one = false;
    for (int d = 1; d < a->desc.rank; d++) one = one || a->desc.dim[d] == row;
    return row >= 2 && one;
}

/* ---- The run ---- */

static bool take_outputs(struct session *s, size_t items, struct problem *p) {
    bool good = true;
    for (size_t k = 0; good && k < s->n_outputs; k++) {
        const char *name = s->outputs[k].name;
        fovea_array a;
        good = plan_read(s->runner.plan, name, &a, p);
        for (size_t c = 0; good && c < options.outputs.count; c++)
            if (strcmp(s->collected[c].name, name) == 0)
                good = collect_add(&s->collected[c], &a, items, p);
        if (good && k == 0 && is_scores(&a, items)) {
            int64_t row = fovea_desc_elements(&a.desc) / a.desc.dim[0];
            for (size_t i = 0; i < items; i++) classify(s, &a, (int64_t)i * row, row);
        } else if (good) {
            summarise(s, name, &a);
            if (k == 0) s->done += items;
        }
        array_free(&a);
    }
    return good;
}

static bool run_plan(struct session *s, size_t items, struct problem *p) {
    double start = host_seconds();
    bool good = problem_check(p, fovea_plan_run(s->runner.plan)) &&
                problem_check(p, fovea_context_wait(s->runner.context));
    double seconds = host_seconds() - start;
    if (s->first_seconds > 0) {
        s->later_seconds += seconds;
        s->later += items ? items : 1;
    } else {
        s->first_seconds = seconds;
    }
    return good;
}

static bool run_piece(struct session *s, size_t piece, struct problem *p) {
    size_t items;
    if (!runner_feed(&s->runner, piece, &items, p) || !run_plan(s, items, p)) return false;
    /* A profile is of a run that compiles nothing. */
    if (options.profile && piece == 0 && !run_plan(s, items, p)) return false;
    return take_outputs(s, items, p);
}

static void print_accuracy(const struct session *s) {
    double all = (double)(s->done ? s->done : 1);
    printf("accuracy %zu of %zu = %.2f %%, within the top %lld %.2f %%\n", s->right, s->done,
           100 * (double)s->right / all, (long long)options.top, 100 * (double)s->right_top / all);
}

static void print_end(const struct session *s) {
    fovea_plan_info info;
    const fovea_device_info *device = fovea_context_device(s->runner.context);
    fovea_plan_get_info(s->runner.plan, &info);
    if (s->n_truth) print_accuracy(s);
    printf("%s (%s): plan %.0f ms, %zu programs (%zu stored), first run %.3g ms", device->id,
           device->name, 1e3 * s->runner.plan_seconds, info.programs, info.programs_stored,
           1e3 * s->first_seconds);
    if (s->later)
        printf(", then %.3g ms each%s", 1e3 * s->later_seconds / (double)s->later,
               s->input.items ? " picture" : "");
    printf("\n");
    if (info.parts > 1)
        printf("the batch runs in %zu parts, one after the other: it does not fit at once\n",
               info.parts);
    if (info.fallbacks)
        printf("%zu of %zu steps ran on the reference for want of a kernel\n", info.fallbacks,
               info.steps);
    if (options.profile) profile_print(s->runner.plan);
}

static void json_end(const struct session *s) {
    fovea_plan_info info;
    fovea_plan_get_info(s->runner.plan, &info);
    json_close();
    if (s->n_truth) {
        json_integer("right", (int64_t)s->right);
        json_integer("right_top", (int64_t)s->right_top);
        json_integer("pictures", (int64_t)s->done);
    }
    json_number("first_run_ms", 1e3 * s->first_seconds);
    if (s->later) json_number("ms_each", 1e3 * s->later_seconds / (double)s->later);
    json_number("plan_ms", 1e3 * s->runner.plan_seconds);
    json_integer("programs", (int64_t)info.programs);
    json_integer("programs_stored", (int64_t)info.programs_stored);
    json_integer("steps", (int64_t)info.steps);
    json_integer("fallbacks", (int64_t)info.fallbacks);
    json_integer("parts", (int64_t)info.parts);
    if (options.profile) profile_json(s->runner.plan);
    json_close();
}

static bool run_all(struct session *s, struct problem *p) {
    for (size_t i = 0; i < s->input.pieces; i++) {
        progress_show("run", i, s->input.pieces, NULL);
        /* JSON begins once nothing about the first piece can fail any more. */
        if (!s->common->json) progress_end();
        if (!run_piece(s, i, p)) return false;
        if (!s->common->json && !host_flush()) return true; /* main says why */
    }
    for (size_t c = 0; c < options.outputs.count; c++)
        if (!collect_write(&s->collected[c], p)) return false;
    return true;
}

static bool prepare(struct session *s, const struct text_list *operands, struct problem *p) {
    if (options.top > MAX_TOP) options.top = MAX_TOP;
    if (!tuning_options(&s->tune, &options.tuning, p) ||
        !model_load(&s->graph, operands->text[0], p) ||
        !model_outputs(s->graph, &s->outputs, &s->n_outputs, p) ||
        !collect_open(&s->collected, &options.outputs, s->outputs, s->n_outputs, p) ||
        !input_open(&s->input, s->graph, operands, 1, &options.input, p) ||
        (options.labels && !labels_load(&s->labels, options.labels, p)) ||
        (options.truth && !truth_load(&s->truth, &s->n_truth, options.truth, p)) ||
        !host_context(&s->runner.context, s->common->device, options.profile, p))
        return false;
    /* The truth of an idx file's pictures begins where the pictures do. */
    size_t skip = options.input.index > 0 ? (size_t)options.input.index : 0;
    if (s->n_truth && s->n_truth < skip + s->input.items)
        return problem_set(p, EXIT_FILE, "%s: has %zu classes for %zu pictures", options.truth,
                           s->n_truth, skip + s->input.items);
    if (s->n_truth) {
        s->n_truth -= skip;
        memmove(s->truth, s->truth + skip, s->n_truth * sizeof *s->truth);
    }
    s->runner.graph = s->graph;
    if (s->tune.level != FOVEA_TUNE_NONE) s->runner.options.tune = &s->tune;
    s->runner.input = &s->input;
    s->runner.options.consume =
        s->input.pieces == 1; /* there will be one plan: weights move to it */
    return true;
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct session s = {.common = common};
    bool good = prepare(&s, operands, &p);
    if (good && common->json) {
        json_object(NULL);
        json_text("model", operands->text[0]);
        json_text("device", fovea_context_device(s.runner.context)->id);
        json_array("results");
    }
    bool begun = good;
    good = good && run_all(&s, &p);
    progress_end();
    if (good && common->json) json_end(&s);
    else if (good) print_end(&s);
    else if (begun && common->json) {
        json_close();
        json_text("error", p.text);
        json_close();
    }
    collect_free(s.collected, options.outputs.count);
    runner_end(&s.runner);
    input_close(&s.input);
    labels_free(&s.labels);
    fovea_context_destroy(s.runner.context);
    fovea_graph_destroy(s.graph);
    free(s.outputs);
    free(s.truth);
    return good ? EXIT_GOOD : problem_report(&p);
}

const struct command run_command = {
    .name = "run",
    .summary = "run a model on pictures or arrays",
    .usage = "MODEL INPUT...",
    .text =
        "INPUT is a picture (jpg, png, bmp, ppm, pgm), an idx file of pictures (also .gz), a .npy\n"
        "or an ONNX .pb array; NAME=INPUT feeds the input of that name. Each picture's best\n"
        "classes are printed; other outputs are summed up, and written with --output. Pictures\n"
        "are scaled as Pillow's bilinear filter does, and become (byte*scale - mean) / std.",
    .examples = "  fovea run squeezenet.onnx cat.jpg --preset squeezenet --labels synsets.txt\n"
                "  fovea run lenet5.onnx t10k-images.gz --count 1000 --truth t10k-labels.gz\n"
                "  fovea run net.onnx a=x.npy b=y.pb --output out.npy --device reference\n"
                "  fovea run net.onnx cat.jpg --mean 0.5 --std 0.5 --size 96x96 --profile\n",
    .args = args,
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
