/* What a training needs, from the options: data, network, device, trainer, loaders. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "train.h"

static bool is_architecture(const char *name) {
    for (size_t i = 0; fovea_zoo_name(i); i++)
        if (strcmp(fovea_zoo_name(i), name) == 0) return true;
    return false;
}

/* "resnet50" of "models/resnet50.onnx": defaults go by the name. */
static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- Data ---- */

static bool open_data(struct train_session *s, struct problem *p) {
    const struct train_options *o = s->options;
    double hold_out = 0;
    if (o->hold_out && !number_parse(o->hold_out, 0, 0.9, "--hold-out", &hold_out, p)) return false;
    s->test_split = hold_out > 0 ? "validation" : "test";
    return training_dataset(&s->data, o->data, "train", hold_out, o->skip_damaged, p) &&
           training_dataset(&s->test, o->data, s->test_split, hold_out, o->skip_damaged, p);
}

/* Mean and deviation of each channel: given, or measured on up to 10000 pictures. */
static bool settle_normalization(struct train_session *s, int64_t channels, struct problem *p) {
    const struct train_options *o = s->options;
    for (size_t c = 0; c < 4; c++) {
        s->mean[c] = o->mean.count ? (float)o->mean.value[c < o->mean.count ? c : 0] : 0;
        s->std[c] = o->std.count ? (float)o->std.value[c < o->std.count ? c : 0] : 1;
        if (o->std.count && !(s->std[c] > 0))
            return problem_set(p, EXIT_USAGE, "--std must be above 0");
    }
    if (o->mean.count || o->std.count || o->no_normalize) return true;
    if (!problem_check(p, fovea_dataset_measure(s->data, channels, 10000, s->mean, s->std)))
        return false;
    for (int64_t c = 0; c < channels; c++)
        if (!(s->std[c] > 1e-6f)) s->std[c] = 1; /* one colour everywhere */
    return true;
}

/* ---- Network ---- */

/* An architecture in the size of the data, or in its published one where they are too small for it. */
static bool build_network(struct train_session *s, const fovea_dataset_info *d, struct problem *p) {
    const struct train_options *o = s->options;
    fovea_zoo_options z = {.classes = o->classes ? o->classes : d->classes,
                           .channels = o->channels   ? o->channels
                                       : d->channels ? d->channels
                                                     : 3,
                           .size = o->size                 ? o->size
                                   : d->height == d->width ? d->height
                                                           : 0,
                           .seed = (uint64_t)o->seed,
                           .training = true};
    if (!settle_normalization(s, z.channels, p)) return false;
    if (!o->no_normalize) {
        memcpy(z.mean, s->mean, sizeof z.mean);
        memcpy(z.std, s->std, sizeof z.std);
    }
    if (!o->size && z.size && strncmp(s->network, "lenet", 5) == 0 && z.size != 28) z.size = 28;
    fovea_status status = fovea_zoo_create(&s->graph, s->network, &z);
    if (status == FOVEA_INVALID && !o->size) {
        z.size = 0;
        status = fovea_zoo_create(&s->graph, s->network, &z);
    }
    if (!problem_check(p, status)) return false;
    /* The network does it itself: pictures are fed as they are. */
    for (int c = 0; c < 4; c++) s->mean[c] = 0, s->std[c] = 1;
    return true;
}

static bool open_network(struct train_session *s, struct problem *p) {
    fovea_dataset_info d;
    fovea_dataset_get_info(s->data, &d);
    if (is_architecture(s->network)) {
        if (!build_network(s, &d, p)) return false;
    } else if (!strchr(s->network, '.') && access(s->network, F_OK) != 0) {
        /* No file and not meant as one: the library's sentence lists the networks. */
        problem_check(p, fovea_zoo_create(&s->graph, s->network, NULL));
        p->code = EXIT_USAGE;
        return false;
    } else {
        if (!model_load(&s->graph, s->network, p)) return false;
        for (int c = 0; c < 4; c++) {
            const struct train_options *o = s->options;
            s->mean[c] =
                o->mean.count ? (float)o->mean.value[(size_t)c < o->mean.count ? c : 0] : 0;
            s->std[c] = o->std.count ? (float)o->std.value[(size_t)c < o->std.count ? c : 0] : 1;
        }
    }
    fovea_initializer init;
    if (!s->options->init) return true;
    if (!problem_check(p, fovea_initializer_parse(s->options->init, &init))) {
        p->code = EXIT_USAGE;
        return false;
    }
    init.seed = (uint64_t)s->options->seed;
    return problem_check(p, fovea_graph_initialize(s->graph, &init));
}

/* ---- Trainer ---- */

static bool settle_optimizer(const struct train_session *s, const struct training_defaults *d,
                             fovea_optimizer *out, struct problem *p) {
    const struct train_options *o = s->options;
    const struct {
        const char *text, *what;
        double *target, most;
    } numbers[] = {{o->weight_decay, "--weight-decay", &out->weight_decay, 1e6},
                   {o->clip_norm, "--clip-norm", &out->clip_norm, 1e30},
                   {o->average, "--average", &out->average, 0.999999999}};
    if (!problem_check(p, fovea_optimizer_parse(o->optimizer ? o->optimizer : d->optimizer, out))) {
        p->code = EXIT_USAGE;
        return false;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!numbers[i].text) continue;
        if (!number_parse(numbers[i].text, 0, numbers[i].most, numbers[i].what, numbers[i].target,
                          p))
            return false;
        if (*numbers[i].target == 0) *numbers[i].target = -1; /* 0 would be the default */
    }
    return true;
}

static bool settle_schedule(struct train_session *s, const struct training_defaults *d,
                            const fovea_optimizer *optimizer, struct problem *p) {
    const struct train_options *o = s->options;
    s->schedule.rate = o->optimizer ? fovea_optimizer_rate(optimizer) : d->rate;
    s->schedule.epochs = (double)s->epochs;
    if (o->rate && !number_parse(o->rate, 0, 1e6, "--rate", &s->schedule.rate, p)) return false;
    fovea_status status =
        fovea_schedule_parse(o->schedule ? o->schedule : d->schedule, &s->schedule);
    if (status == FOVEA_OK) status = fovea_schedule_check(&s->schedule);
    if (problem_check(p, status)) return true;
    p->code = EXIT_USAGE;
    return false;
}

static bool settle_loss(const struct train_session *s, float *weights, fovea_train_options *t,
                        struct problem *p) {
    const struct train_options *o = s->options;
    double smoothing = 0, auxiliary = 0;
    if (!loss_parse(o->loss, &t->loss, p)) return false;
    if (o->label_smoothing &&
        !number_parse(o->label_smoothing, 0, 0.999, "--label-smoothing", &smoothing, p))
        return false;
    if (o->auxiliary && !number_parse(o->auxiliary, 0, 1e6, "--auxiliary", &auxiliary, p))
        return false;
    t->auxiliary = o->auxiliary ? (auxiliary > 0 ? (float)auxiliary : -1) : 0;
    t->loss_options.label_smoothing = (float)smoothing;
    for (size_t i = 0; i < o->class_weights.count; i++)
        weights[i] = (float)o->class_weights.value[i];
    t->loss_options.class_weights = o->class_weights.count ? weights : NULL;
    t->loss_options.n_class_weights = o->class_weights.count;
    return true;
}

static bool open_trainer(struct train_session *s, const struct training_defaults *d, bool mixup,
                         struct problem *p) {
    const struct train_options *o = s->options;
    float weights[ARG_FLOATS_MAX];
    fovea_train_options t = {.batch = s->batch,
                             .channels = o->channels,
                             .height = o->size,
                             .width = o->size,
                             .accumulate = o->accumulate,
                             .scores = o->scores,
                             .mixup = mixup,
                             .frozen = o->frozen.text,
                             .n_frozen = o->frozen.count,
                             .seed = (uint64_t)o->seed,
                             .recompute = o->recompute,
                             .check = o->check > 0};
    if (!settle_optimizer(s, d, &t.optimizer, p) || !settle_schedule(s, d, &t.optimizer, p) ||
        !settle_loss(s, weights, &t, p))
        return false;
    fovea_tune_options tune;
    if (!tuning_options(&tune, &o->tuning, p)) return false;
    if (tune.level == FOVEA_TUNE_NONE)
        return problem_check(p, fovea_trainer_create(&s->trainer, s->context, s->graph, &t));
    t.tune = &tune;
    tuning_begin();
    bool good = problem_check(p, fovea_trainer_create(&s->trainer, s->context, s->graph, &t));
    tuning_end();
    return good;
}

/* ---- Loaders ---- */

static bool open_loader(struct train_session *s, fovea_dataset *data, bool training,
                        const fovea_augmentation *augment, fovea_loader **out, struct problem *p) {
    fovea_trainer_info info;
    fovea_trainer_get_info(s->trainer, &info);
    const int64_t *dim = info.input.dim;
    if (info.input.rank != 4)
        return problem_set(p, EXIT_FILE, "%s: its input has rank %d; pictures (n, c, h, w) are fed",
                           s->network, info.input.rank);
    fovea_loader_options l = {.batch = dim[0],
                              .channels = dim[1],
                              .height = dim[2],
                              .width = dim[3],
                              .seed = (uint64_t)s->options->seed,
                              .threads = (int)s->options->threads,
                              .shuffle = training,
                              .drop_last = training};
    memcpy(l.mean, s->mean, sizeof l.mean);
    memcpy(l.std, s->std, sizeof l.std);
    if (training) l.augment = *augment;
    return fit_parse(s->options->fit, &l.fit, p) &&
           problem_check(p, fovea_loader_create(out, data, &l));
}

static bool open_loaders(struct train_session *s, const fovea_augmentation *augment,
                         struct problem *p) {
    fovea_dataset_info d;
    fovea_trainer_info t;
    fovea_dataset_get_info(s->data, &d);
    fovea_trainer_get_info(s->trainer, &t);
    if (t.scores.rank == 2 && t.scores.dim[1] < d.classes)
        return problem_set(p, EXIT_FILE, "%s gives %lld classes; the data have %lld", s->network,
                           (long long)t.scores.dim[1], (long long)d.classes);
    if (!open_loader(s, s->data, true, augment, &s->loader, p) ||
        !open_loader(s, s->test, false, augment, &s->test_loader, p))
        return false;
    s->batches = fovea_loader_batches(s->loader);
    return true;
}

bool train_open(struct train_session *s, struct problem *p) {
    const struct train_options *o = s->options;
    const struct training_defaults *d = s->defaults = training_defaults_of(base_name(s->network));
    fovea_augmentation augment;
    s->batch = o->batch ? o->batch : d->batch;
    s->epochs = o->epochs ? o->epochs : d->epochs;
    return augmentation_parse(o->augment ? o->augment : d->augment, &augment, p) &&
           open_data(s, p) && open_network(s, p) &&
           host_context(&s->context, s->common->device, false, p) &&
           open_trainer(s, d, augment.mixup > 0, p) && open_loaders(s, &augment, p);
}

bool train_open_alone(struct train_session *s, struct problem *p) {
    const struct train_options *o = s->options;
    const struct training_defaults *d = s->defaults = training_defaults_of(base_name(s->network));
    fovea_augmentation augment;
    s->batch = o->batch ? o->batch : d->batch;
    s->epochs = 1;
    bool fresh = is_architecture(s->network);
    fovea_zoo_options z = {.classes = o->classes,
                           .channels = o->channels,
                           .size = o->size,
                           .seed = (uint64_t)o->seed,
                           .training = true};
    return augmentation_parse(o->augment ? o->augment : "", &augment, p) &&
           (fresh ? problem_check(p, fovea_zoo_create(&s->graph, s->network, &z))
                  : model_load(&s->graph, s->network, p)) &&
           host_context(&s->context, s->common->device, false, p) &&
           open_trainer(s, d, augment.mixup > 0, p);
}

void train_close(struct train_session *s) {
    fovea_loader_destroy(s->loader);
    fovea_loader_destroy(s->test_loader);
    fovea_dataset_destroy(s->data);
    fovea_dataset_destroy(s->test);
    fovea_trainer_destroy(s->trainer);
    fovea_context_destroy(s->context);
    fovea_graph_destroy(s->graph);
    free(s->rows);
}
