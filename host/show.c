/* fovea show: what a network sees: feature maps, filters, saliency, class activation, statistics. */
#include "show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "progress.h"

enum { USUAL_MAPS = 64, LARGEST_SIDE = 16384 };

static struct show_options options = {
    /* All layers' values are kept, so a batch of one unless asked for more. */
    .input = {.index = -1, .usual_batch = 1},
    .maps = USUAL_MAPS,
    .side = PAGE_SIDE,
    .class = -1};

static const struct arg args[] = {
    {"layer", 'l', ARG_LIST, &options.layers, "NAME",
     "draw what a layer puts out (may be repeated), or of all layers: all"},
    {"filters", 'f', ARG_FLAG, &options.filters, NULL, "draw the first convolution's filters"},
    {"stats", 's', ARG_FLAG, &options.stats, NULL,
     "mean, deviation, zeros and dead channels of each layer over all pictures"},
    {"saliency", 0, ARG_FLAG, &options.saliency, NULL,
     "draw how much a class's score hangs on each pixel"},
    {"cam", 0, ARG_FLAG, &options.cam, NULL,
     "draw Grad-CAM of the layers named, or of the last convolution"},
    {"class", 'c', ARG_NUMBER, &options.class, "N",
     "the class of --saliency and --cam, from 0; default: the one with the largest score"},
    {"maps", 'm', ARG_COUNT, &options.maps, "N", "maps of a layer at most; default 64"},
    {"npy", 0, ARG_FLAG, &options.npy, NULL, "write the numbers too, as .npy beside each picture"},
    {"out", 'o', ARG_TEXT, &options.out, "FOLDER",
     "default: named after the model, in this folder"},
    {"side", 0, ARG_COUNT, &options.side, "N",
     "pixels of a page's larger side at most; default 2000"},
    {"labels", 0, ARG_TEXT, &options.labels, "FILE", "names of the classes, one a line"},
    INPUT_ARGS(options.input),
    {0}};

static bool wants_gradient(const struct show_options *o) {
    return o->saliency || o->cam;
}

/* Maps are drawn if a layer is named, or if nothing else is asked for. */
static bool wants_maps(const struct show_options *o) {
    return o->layers.count > 0 || !(o->filters || o->stats || wants_gradient(o));
}

/* Whether the network runs for the layers' sake. */
static bool wants_layers(const struct show_options *o) {
    return wants_maps(o) || o->stats;
}

static bool needs_picture(const struct show_options *o) {
    return wants_layers(o) || wants_gradient(o);
}

/* ---- One picture -------------------------------------------------------------------------- */

/* An array of numbers as a picture: from its least value (black) to its most (white). */
static bool picture_of_array(struct image *out, const fovea_array *a, const struct shown *shown,
                             struct problem *p) {
    const fovea_desc *d = &a->desc;
    if (d->rank < 3 || d->rank > 4) return true;
    const int64_t *dim = d->dim + d->rank - 3;
    bool last = dim[0] != 1 && dim[0] != 3;
    struct preprocess s = {.channels = last ? dim[2] : dim[0], .nhwc = last, .scale = 1};
    if (s.channels != 1 && s.channels != 3) return true;
    int64_t row = dim[0] * dim[1] * dim[2], first = d->rank == 4 ? (int64_t)shown->k * row : 0;
    struct maps m = {.array = a, .first = first, .shown = 1, .height = row, .width = 1};
    struct summary range;
    maps_summarise(&m, &range);
    /* Backwards it is x * std + mean over the scale. */
    double stretch = range.most > range.least ? 255 / (range.most - range.least) : 0;
    for (int64_t c = 0; c < s.channels; c++) {
        s.std[c] = stretch;
        s.mean[c] = -range.least * stretch;
    }
    return preprocess_back(&s, a, first, out, p);
}

/* The input as the network gets it. */
static bool take_picture(struct show *s, struct shown *shown, const fovea_array *fed,
                         struct problem *p) {
    const struct preprocess *settled = input_preprocess(&s->input);
    if (!settled) return picture_of_array(&shown->picture, fed, shown, p);
    int64_t one = fovea_desc_elements(&fed->desc) / (int64_t)shown->batch;
    return preprocess_back(settled, fed, (int64_t)shown->k * one, &shown->picture, p);
}

static void release_shown(struct shown *shown) {
    image_free(&shown->picture);
    free(shown->folder);
}

/* ---- One batch ---------------------------------------------------------------------------- */

/* The batch at hand: what is fed, and an entry for each of its pictures that is no padding. */
struct batch {
    fovea_array *arrays; /* one for each input */
    struct shown *list;
    size_t count;
};

static bool open_pictures(struct show *s, struct batch *b, size_t piece, size_t items,
                          struct problem *p) {
    const fovea_array *fed = &b->arrays[0];
    size_t size = fed->desc.rank > 1 && fed->desc.dim[0] > 0 ? (size_t)fed->desc.dim[0] : 1;
    if (s->input.items && fed->desc.rank < 4) size = 1;
    b->count = items ? items : size;
    b->list = host_alloc(b->count, sizeof *b->list);
    for (size_t k = 0; k < b->count; k++) {
        struct shown *shown = &b->list[k];
        *shown = (struct shown){.number = piece * size + k, .batch = size, .k = k};
        input_piece_name(&s->input, piece, k, shown->name, sizeof shown->name);
        bool drawn = wants_maps(s->options) || wants_gradient(s->options);
        if (drawn && !take_picture(s, shown, fed, p)) return false;
    }
    return true;
}

static bool open_batch(struct show *s, struct batch *b, size_t piece, struct problem *p) {
    size_t items = 0, ignored;
    *b = (struct batch){host_alloc(s->input.n_feeds, sizeof *b->arrays), NULL, 0};
    for (size_t k = 0; k < s->input.n_feeds; k++)
        if (!input_piece(&s->input, k, piece, &b->arrays[k], k ? &ignored : &items, p))
            return false;
    return open_pictures(s, b, piece, items, p);
}

static void close_batch(const struct show *s, struct batch *b) {
    for (size_t k = 0; b->arrays && k < s->input.n_feeds; k++) array_free(&b->arrays[k]);
    for (size_t k = 0; k < b->count; k++) release_shown(&b->list[k]);
    free(b->arrays);
    free(b->list);
}

static bool show_one(struct show *s, struct batch *b, struct layer *layer, struct problem *p) {
    fovea_array a;
    if (!plan_read(s->runner.plan, layer->value, &a, p)) return problem_in(p, layer->name);
    bool empty = fovea_desc_elements(&a.desc) < 1, good = true;
    bool named = s->options->layers.count > 0;
    if (s->options->stats) layer_count(layer, &a, s->input.items ? b->count : 0);
    for (size_t k = 0; good && k < b->count && wants_maps(s->options) && (named || !empty); k++)
        good = show_layer(s, &b->list[k], layer, &a, p);
    array_free(&a);
    return good;
}

static bool show_layers(struct show *s, struct batch *b, size_t piece, struct problem *p) {
    bool good = runner_feed_arrays(&s->runner, b->arrays, p) &&
                problem_check(p, fovea_plan_run(s->runner.plan));
    for (size_t i = 0; good && i < s->layers.count; i++) {
        struct layer *layer = &s->layers.list[i];
        if (!layer->wanted) continue;
        progress_show("show", piece, s->input.pieces, layer->name);
        if (wants_maps(s->options) && !s->common->json) progress_end();
        good = show_one(s, b, layer, p);
    }
    return good;
}

static bool show_piece(struct show *s, size_t piece, struct problem *p) {
    struct batch b;
    bool good = open_batch(s, &b, piece, p) &&
                (!wants_layers(s->options) || show_layers(s, &b, piece, p)) &&
                (!wants_gradient(s->options) || show_gradient(s, b.list, b.count, b.arrays, p));
    close_batch(s, &b);
    return good;
}

/* ---- The command -------------------------------------------------------------------------- */

/* A layer's values can be read after a run if they are outputs of the graph. */
static bool want_outputs(struct show *s, struct problem *p) {
    for (size_t i = 0; i < s->layers.count; i++) {
        const struct layer *layer = &s->layers.list[i];
        fovea_value_info info;
        if (!layer->wanted) continue;
        if (!problem_check(p, fovea_graph_value(s->graph, layer->out, &info)) ||
            (!info.is_output && !problem_check(p, fovea_graph_output(s->graph, layer->out))))
            return false;
    }
    return true;
}

static bool choose_layers(struct show *s, struct problem *p) {
    const struct text_list *names = &s->options->layers;
    for (size_t i = 0; i < names->count; i++)
        if (!layers_want(&s->layers, names->text[i], p)) return false;
    if (names->count == 0 && wants_layers(s->options)) return layers_want(&s->layers, "all", p);
    return true;
}

static bool check_options(const struct show_options *o, const struct text_list *operands,
                          struct problem *p) {
    if (o->side < PAGE_LEAST_SIDE || o->side > LARGEST_SIDE)
        return problem_set(p, EXIT_USAGE, "--side is from %d to %d", PAGE_LEAST_SIDE, LARGEST_SIDE);
    if (needs_picture(o) && operands->count < 2)
        return problem_set(
            p, EXIT_USAGE,
            "too few operands: only --filters does without a PICTURE after the model");
    return true;
}

static bool prepare(struct show *s, const struct text_list *operands, struct problem *p) {
    s->model = operands->text[0];
    s->name = show_model_name(s->model);
    s->folder = host_format("%s", options.out ? options.out : s->name);
    if (!check_options(s->options, operands, p) || !model_load(&s->graph, s->model, p) ||
        !layers_list(&s->layers, s->graph, p) || !choose_layers(s, p) || !want_outputs(s, p) ||
        (options.labels && !labels_load(&s->labels, options.labels, p)))
        return false;
    if (!needs_picture(s->options)) return true;
    if (!input_open(&s->input, s->graph, operands, 1, &options.input, p) ||
        !host_context(&s->runner.context, s->common->device, false, p))
        return false;
    if (s->input.n_feeds == 0)
        return problem_set(p, EXIT_FILE, "%s: has no input to feed", s->model);
    s->runner.graph = s->graph;
    s->runner.input = &s->input;
    return true;
}

static bool show_all(struct show *s, struct problem *p) {
    if (options.filters && !show_filters(s, p)) return false;
    for (size_t i = 0; i < s->input.pieces; i++) {
        if (!show_piece(s, i, p)) return false;
        if (!s->common->json && !host_flush()) return true; /* main says why */
    }
    return true;
}

static void print_json(const struct show *s) {
    json_object(NULL);
    json_text("model", s->model);
    if (s->runner.context) json_text("device", fovea_context_device(s->runner.context)->id);
    json_integer("pictures", (int64_t)s->input.items);
    json_array("written");
    for (size_t i = 0; i < s->n_written; i++) {
        const struct written *w = &s->written[i];
        json_object(NULL);
        json_text("file", w->file);
        json_text("kind", w->kind);
        if (w->layer) json_text("layer", w->layer);
        if (*w->input) json_text("input", w->input);
        json_integer("width", w->width);
        json_integer("height", w->height);
        json_close();
    }
    json_close();
    if (options.stats) show_stats_json(s);
    json_close();
}

static void release(struct show *s) {
    show_gradient_end(s);
    runner_end(&s->runner);
    input_close(&s->input);
    labels_free(&s->labels);
    layers_free(&s->layers);
    fovea_context_destroy(s->runner.context);
    fovea_graph_destroy(s->graph);
    for (size_t i = 0; i < s->n_written; i++) {
        free(s->written[i].file);
        free(s->written[i].input);
    }
    free(s->written);
    for (size_t i = 0; i < s->folders.count; i++) free((void *)(uintptr_t)s->folders.text[i]);
    text_list_free(&s->folders);
    free(s->name);
    free(s->folder);
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct show s = {.common = common, .options = &options};
    bool good = prepare(&s, operands, &p) && show_all(&s, &p);
    progress_end();
    if (good && common->json) print_json(&s);
    else if (good && options.stats) show_stats_print(&s);
    release(&s);
    return good ? EXIT_GOOD : problem_report(&p);
}

const struct command show_command = {
    .name = "show",
    .summary = "draw what a network's layers see: feature maps, filters, saliency, statistics",
    .usage = "MODEL [PICTURE...]",
    .text =
        "Writes PNG pictures with a title, labels and a legend. The feature maps of a layer share\n"
        "one scale: from 0 where no value is negative, else blue below and red above 0. What has\n"
        "no height and width becomes a bar chart. A layer is named by its node or its output, as\n"
        "'fovea run --profile' lists them; each picture gets a folder of its own in FOLDER. A "
        "dead\n"
        "channel is one that a rectifier held at 0 everywhere, over all pictures. PICTURE is what\n"
        "'fovea run' takes. The score of a class is what goes into the model's last Softmax;\n"
        "--saliency shows the magnitude of its gradient by each pixel, --cam the maps of a layer\n"
        "weighed by the mean of its gradient by each map (Selvaraju et al. 2017).",
    .examples =
        "  fovea show lenet5.onnx --filters\n"
        "  fovea show squeezenet.onnx cat.jpg --layer all --preset squeezenet\n"
        "  fovea show lenet5.onnx t10k-images.gz --count 1000 --stats\n"
        "  fovea show squeezenet.onnx cat.jpg --saliency --cam --class 281 --labels synsets.txt\n"
        "  fovea show lenet5.onnx seven.png --layer conv1 --layer fc3 --out slides\n",
    .args = args,
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
