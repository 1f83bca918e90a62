/* fovea eval: how many pictures of a data set a model gets right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "json.h"
#include "labels.h"
#include "model.h"
#include "progress.h"
#include "table.h"
#include "training.h"

static struct {
    const char *data, *split, *fit, *labels;
    int64_t batch, threads, top;
    struct arg_floats mean, std;
    bool skip_damaged, classes;
} options = {.split = "test", .batch = 64, .top = 5};

static const struct arg args[] = {
    {"data", 0, ARG_TEXT, &options.data, "FOLDER",
     "idx, CIFAR, npy, or a folder of pictures per class"},
    {"split", 0, ARG_TEXT, &options.split, "NAME", "train or test; default test"},
    {"batch", 'b', ARG_COUNT, &options.batch, "N", "pictures at once; default 64"},
    {"fit", 0, ARG_TEXT, &options.fit, "MODE", "pictures of other sizes: squash, cover, crop, pad"},
    {"mean", 0, ARG_FLOATS, &options.mean, "M,...", "of each channel, 0 to 1; default 0"},
    {"std", 0, ARG_FLOATS, &options.std, "S,...", "of each channel; default 1"},
    {"top", 'k', ARG_COUNT, &options.top, "K",
     "also count pictures whose class is among the first K"},
    {"per-class", 0, ARG_FLAG, &options.classes, NULL, "print a line for each class"},
    {"labels", 'l', ARG_TEXT, &options.labels, "FILE",
     "names of the classes, one a line; default: those of the data"},
    {"threads", 0, ARG_COUNT, &options.threads, "N", "that read pictures"},
    {"skip-damaged", 0, ARG_FLAG, &options.skip_damaged, NULL,
     "leave out pictures that cannot be read"},
    {0}};

struct session {
    const struct common *common;
    fovea_graph *graph;
    fovea_context *context;
    fovea_dataset *data;
    fovea_loader *loader;
    fovea_plan *plan;
    fovea_desc input, output;
    const char *input_name, *output_name;
    int64_t right, right_top, seen;
    int64_t *of_class, *right_of_class;
    struct labels labels;
    double seconds;
};

/* The one input and the first output; the batch and the size are fixed. */
static bool settle(struct session *s, fovea_value_info *in, size_t n_in, fovea_value_info *out,
                   size_t n_out, struct problem *p) {
    fovea_dataset_info d;
    fovea_dataset_get_info(s->data, &d);
    if (n_in != 1 || n_out < 1 || in->desc.rank != 4 || in->desc.dtype != FOVEA_FLOAT32)
        return problem_set(
            p, EXIT_FILE,
            "the model must have one input of pictures (n, c, h, w) and an output of "
            "scores");
    s->input = in->desc;
    const int64_t given[4] = {options.batch, d.channels ? d.channels : 3, d.height, d.width};
    for (int i = 0; i < 4; i++)
        if (s->input.dim[i] < 0) s->input.dim[i] = given[i];
    for (int i = 0; i < 4; i++)
        if (s->input.dim[i] < 1)
            return problem_set(p, EXIT_FILE,
                               "the model leaves its size free, and the pictures vary");
    s->input_name = in->name;
    s->output_name = out->name;
    return true;
}

static bool make_plan(struct session *s, struct problem *p) {
    fovea_tensor *t;
    fovea_binding b = {.name = s->input_name, .desc = s->input};
    fovea_plan_options o = {.bindings = &b, .n_bindings = 1};
    if (!problem_check(p, fovea_plan_create(&s->plan, s->context, s->graph, &o)) ||
        !problem_check(p, fovea_plan_tensor(s->plan, s->output_name, &t)))
        return false;
    s->output = *fovea_tensor_desc(t);
    int64_t classes = fovea_desc_elements(&s->output) / s->input.dim[0];
    fovea_dataset_info d;
    fovea_dataset_get_info(s->data, &d);
    if (s->output.dtype == FOVEA_FLOAT32 && s->output.dim[0] == s->input.dim[0] &&
        classes >= d.classes)
        return true;
    return problem_set(p, EXIT_FILE, "the output '%s' is no row of at least %lld scores a picture",
                       s->output_name, (long long)d.classes);
}

static bool open_loader(struct session *s, struct problem *p) {
    fovea_loader_options l = {.batch = s->input.dim[0],
                              .channels = s->input.dim[1],
                              .height = s->input.dim[2],
                              .width = s->input.dim[3],
                              .threads = (int)options.threads};
    for (size_t c = 0; c < 4; c++) {
        const struct arg_floats *m = &options.mean, *d = &options.std;
        l.mean[c] = m->count ? (float)m->value[c < m->count ? c : 0] : 0;
        l.std[c] = d->count ? (float)d->value[c < d->count ? c : 0] : 1;
    }
    return fit_parse(options.fit, &l.fit, p) &&
           problem_check(p, fovea_loader_create(&s->loader, s->data, &l));
}

static bool open_all(struct session *s, const char *path, struct problem *p) {
    fovea_value_info *in = NULL, *out = NULL;
    size_t n_in = 0, n_out = 0;
    bool good =
        (!options.labels || labels_load(&s->labels, options.labels, p)) &&
        model_load(&s->graph, path, p) &&
        training_dataset(&s->data, options.data, options.split, 0, options.skip_damaged, p) &&
        model_inputs(s->graph, &in, &n_in, p) && model_outputs(s->graph, &out, &n_out, p) &&
        settle(s, in, n_in, out, n_out, p) &&
        host_context(&s->context, s->common->device, false, p) && make_plan(s, p) &&
        open_loader(s, p);
    free(in);
    free(out);
    return good;
}

/* ---- Counting ---- */

/* One picture: its place among the scores. Of equal scores the first class comes first. */
static void count(struct session *s, const float *x, int64_t classes, int64_t label) {
    int64_t before = 0;
    for (int64_t k = 0; k < classes; k++)
        before += x[k] > x[label] || (x[k] == x[label] && k < label) || isnan(x[k]);
    s->seen++;
    s->right += before == 0;
    s->right_top += before < options.top;
    s->of_class[label]++;
    s->right_of_class[label] += before == 0;
}

static bool run_batch(struct session *s, const fovea_batch *b, float *scores, struct problem *p) {
    fovea_tensor *in, *out;
    int64_t classes = fovea_desc_elements(&s->output) / s->input.dim[0];
    size_t bytes = (size_t)fovea_desc_elements(&s->input) * sizeof(float);
    if (!problem_check(p, fovea_plan_tensor(s->plan, s->input_name, &in)) ||
        !problem_check(p, fovea_plan_tensor(s->plan, s->output_name, &out)) ||
        !problem_check(p, fovea_tensor_write(in, b->x, bytes)) ||
        !problem_check(p, fovea_plan_run(s->plan)) ||
        !problem_check(p,
                       fovea_tensor_read(out, scores,
                                         (size_t)fovea_desc_elements(&s->output) * sizeof *scores)))
        return false;
    for (int64_t i = 0; i < b->count; i++) count(s, scores + i * classes, classes, b->labels[i]);
    return true;
}

static bool run_all(struct session *s, struct problem *p) {
    fovea_dataset_info d;
    fovea_dataset_get_info(s->data, &d);
    int64_t batches = fovea_loader_batches(s->loader);
    float *scores = host_alloc((size_t)fovea_desc_elements(&s->output), sizeof *scores);
    s->of_class = host_alloc((size_t)d.classes, sizeof *s->of_class);
    s->right_of_class = host_alloc((size_t)d.classes, sizeof *s->right_of_class);
    double begin = host_seconds();
    bool good = true;
    for (int64_t i = 0; i < batches && good; i++) {
        fovea_batch b;
        good = problem_check(p, fovea_loader_next(s->loader, &b)) &&
               (b.count == 0 || run_batch(s, &b, scores, p));
        progress_show("eval", (size_t)(i + 1), (size_t)batches, "");
    }
    progress_end();
    s->seconds = host_seconds() - begin;
    free(scores);
    if (good && s->seen == 0) return problem_set(p, EXIT_FILE, "no picture could be read");
    return good;
}

/* ---- Printing ---- */

static const char *class_name(const struct session *s, int64_t i) {
    const char *given = labels_name(&s->labels, i);
    return *given ? given : fovea_dataset_class(s->data, i);
}

static void print_json(const struct session *s) {
    fovea_dataset_info d;
    fovea_dataset_get_info(s->data, &d);
    json_object(NULL);
    json_number("accuracy", (double)s->right / (double)s->seen);
    json_number("top_accuracy", (double)s->right_top / (double)s->seen);
    json_integer("top", options.top);
    json_integer("right", s->right);
    json_integer("pictures", s->seen);
    json_integer("damaged", d.damaged);
    json_text("split", options.split);
    json_number("seconds", s->seconds);
    json_array("classes");
    for (int64_t i = 0; i < d.classes; i++) {
        json_object(NULL);
        json_text("class", class_name(s, i));
        json_integer("pictures", s->of_class[i]);
        json_integer("right", s->right_of_class[i]);
        json_close();
    }
    json_close();
    json_close();
}

static void print_text(const struct session *s) {
    fovea_dataset_info d;
    fovea_dataset_get_info(s->data, &d);
    for (int64_t i = 0; i < d.classes && options.classes; i++)
        printf("%-24s %6lld of %6lld = %6.2f %%\n", class_name(s, i),
               (long long)s->right_of_class[i], (long long)s->of_class[i],
               s->of_class[i] ? 100.0 * (double)s->right_of_class[i] / (double)s->of_class[i] : 0);
    printf("accuracy %lld of %lld = %.2f %%, within the top %lld %.2f %%\n%s: %.0f images/s",
           (long long)s->right, (long long)s->seen, 100.0 * (double)s->right / (double)s->seen,
           (long long)options.top, 100.0 * (double)s->right_top / (double)s->seen,
           fovea_context_device(s->context)->name, (double)s->seen / s->seconds);
    if (d.damaged) printf("; %lld damaged pictures left out", (long long)d.damaged);
    printf("\n");
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct session s = {.common = common};
    if (!options.data) {
        problem_set(&p, EXIT_USAGE, "--data FOLDER is needed");
        return problem_report(&p);
    }
    bool good = open_all(&s, operands->text[0], &p) && run_all(&s, &p);
    if (good && common->json) print_json(&s);
    else if (good) print_text(&s);
    fovea_loader_destroy(s.loader);
    fovea_dataset_destroy(s.data);
    fovea_plan_destroy(s.plan);
    fovea_context_destroy(s.context);
    fovea_graph_destroy(s.graph);
    labels_free(&s.labels);
    free(s.of_class);
    free(s.right_of_class);
    return good ? EXIT_GOOD : problem_report(&p);
}

const struct command eval_command = {
    .name = "eval",
    .summary = "count the pictures of a data set that a model gets right",
    .usage = "MODEL --data FOLDER",
    .text = "The data set is read as by `fovea train`. Networks that `fovea train` began normalise "
            "their\n"
            "pictures themselves; others may want --mean and --std.",
    .examples =
        "  fovea eval lenet5.onnx --data /usr/share/datasets/fashion-mnist\n"
        "  fovea eval resnet50.onnx --data photos --fit crop --mean 0.485,0.456,0.406 --std "
        "0.229,0.224,0.225 --json\n",
    .args = args,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
