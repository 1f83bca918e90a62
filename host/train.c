/* fovea train: trains a network on a folder of data, watches it, and writes it down. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "train.h"

static struct train_options options = {.seed = 1};
static const struct arg args[] = {
    {"data", 0, ARG_TEXT, &options.data, "FOLDER",
     "idx, CIFAR, npy, or a folder of pictures per class"},
    {"epochs", 'e', ARG_COUNT, &options.epochs, "N",
     "how often each picture is seen; default: by network"},
    {"batch", 'b', ARG_COUNT, &options.batch, "N", "pictures of a step; default: by network"},
    {"out", 'o', ARG_TEXT, &options.out, "FILE.onnx", "the trained network"},
    {"seed", 's', ARG_NUMBER, &options.seed, "S",
     "of weights, order, augmentation, dropout; default 1"},
    {"optimizer", 0, ARG_TEXT, &options.optimizer, "NAME[:X=Y,...]",
     "sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamw, nadam, lars, lamb"},
    {"rate", 'r', ARG_TEXT, &options.rate, "R", "the learning rate"},
    {"schedule", 0, ARG_TEXT, &options.schedule, "NAME[:...]",
     "constant, step, multistep, exponential, cosine, onecycle, polynomial, plateau; e.g. "
     "cosine:warmup=2"},
    {"weight-decay", 0, ARG_TEXT, &options.weight_decay, "X", "pulls weights to zero"},
    {"clip-norm", 0, ARG_TEXT, &options.clip_norm, "X", "scales the gradient down to this norm"},
    {"average", 0, ARG_TEXT, &options.average, "X",
     "keeps, evaluates and writes a moving average, e.g. 0.999"},
    {"accumulate", 0, ARG_COUNT, &options.accumulate, "N", "steps behind one update"},
    {"init", 0, ARG_TEXT, &options.init, "NAME[:X=Y,...]",
     "fresh weights: he, glorot, lecun, orthogonal, ..."},
    {"loss", 0, ARG_TEXT, &options.loss, "NAME", "cross-entropy, mean-squared, binary, hinge"},
    {"label-smoothing", 0, ARG_TEXT, &options.label_smoothing, "X",
     "share of the target for all classes"},
    {"class-weights", 0, ARG_FLOATS, &options.class_weights, "W,W,...", "one for each class"},
    {"auxiliary", 0, ARG_TEXT, &options.auxiliary, "X",
     "weight of auxiliary heads; default 0.3, 0: none"},
    {"augment", 'a', ARG_TEXT, &options.augment, "X=Y,...",
     "shift, flip, flip_vertical, rotation, crop, brightness, contrast, saturation, cutout, mixup; "
     "or none"},
    {"fit", 0, ARG_TEXT, &options.fit, "MODE", "pictures of other sizes: squash, cover, crop, pad"},
    {"mean", 0, ARG_FLOATS, &options.mean, "M,...", "of each channel, 0 to 1; default: measured"},
    {"std", 0, ARG_FLOATS, &options.std, "S,...", "of each channel"},
    {"no-normalize", 0, ARG_FLAG, &options.no_normalize, NULL,
     "feed the network pixels from 0 to 1"},
    {"classes", 0, ARG_COUNT, &options.classes, "N",
     "of a fresh network; default: those of the data"},
    {"size", 0, ARG_COUNT, &options.size, "N", "height and width of the network's pictures"},
    {"channels", 0, ARG_COUNT, &options.channels, "N", "of the network's pictures"},
    {"freeze", 0, ARG_LIST, &options.frozen, "NAME",
     "parameters whose names begin so stay as they are"},
    {"scores", 0, ARG_TEXT, &options.scores, "NAME", "the value that the loss takes"},
    {"hold-out", 0, ARG_TEXT, &options.hold_out, "X",
     "evaluate on this share of the training data"},
    {"keep-best", 0, ARG_FLAG, &options.keep_best, NULL,
     "write the weights of the best epoch, not the last"},
    {"patience", 0, ARG_COUNT, &options.patience, "N",
     "stop after so many epochs without a better one"},
    {"checkpoints", 'c', ARG_TEXT, &options.checkpoints, "FOLDER",
     "last.safetensors, best.safetensors; default: beside FILE.onnx"},
    {"save-every", 0, ARG_COUNT, &options.save_every, "N", "checkpoint after so many steps, too"},
    {"resume", 0, ARG_TEXT, &options.resume, "FILE",
     "go on from a checkpoint, or from a folder's last"},
    {"report", 0, ARG_TEXT, &options.report, "FILE.html",
     "plots of the training, and a CSV beside it"},
    {"threads", 0, ARG_COUNT, &options.threads, "N", "that read and augment pictures"},
    {"skip-damaged", 0, ARG_FLAG, &options.skip_damaged, NULL,
     "leave out pictures that cannot be read"},
    TUNING_ARGS(options.tuning),
    {"recompute", 0, ARG_FLAG, &options.recompute, NULL,
     "compute activations twice to save memory"},
    {"check", 0, ARG_COUNT, &options.check, "N",
     "verify N steps layer by layer, forward and backward, instead of training"},
    {"benchmark", 0, ARG_COUNT, &options.benchmark, "N",
     "time N steps on random pictures; needs no data"},
    {0}};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

void train_row_add(struct train_session *s, const struct train_row *row) {
    if (s->n_rows == s->rows_capacity) {
        s->rows_capacity = 2 * s->rows_capacity + 16;
        struct train_row *longer = host_alloc(s->rows_capacity, sizeof *longer);
        if (s->n_rows) memcpy(longer, s->rows, s->n_rows * sizeof *longer);
        free(s->rows);
        s->rows = longer;
    }
    s->rows[s->n_rows++] = *row;
}

/* ---- Watching ---- */

static void format_time(char *out, size_t size, double seconds) {
    if (seconds < 60) snprintf(out, size, "%.0f s", seconds);
    else if (seconds < 3600) snprintf(out, size, "%.0f min", seconds / 60);
    else snprintf(out, size, "%.1f h", seconds / 3600);
}

/* The line on a terminal while an epoch runs. */
static void show_progress(const struct train_session *s, double begin, int64_t since, double rate) {
    static double last;
    double now = host_seconds();
    if (s->common->json || !isatty(STDERR_FILENO) || now - last < 0.2) return;
    last = now;
    double done = (double)(s->epoch * s->batches + s->at);
    double left = (double)(s->epochs * s->batches) - done;
    double per_step = (now - begin) / (double)(since ? since : 1);
    char eta[32];
    format_time(eta, sizeof eta, left * per_step);
    fprintf(stderr,
            "\r\033[Kepoch %lld/%lld  batch %lld/%lld  loss %.4f  accuracy %.2f %%  rate %.3g  "
            "%.0f images/s  %s left",
            (long long)s->epoch + 1, (long long)s->epochs, (long long)s->at, (long long)s->batches,
            s->loss_sum / (double)(s->seen ? s->seen : 1),
            100 * (double)s->correct / (double)(s->seen ? s->seen : 1), rate,
            (double)s->batch / per_step, eta);
    fflush(stderr);
}

static void wipe_progress(void) {
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

/* A large network takes minutes until its first step where its kernels are not in the store. */
static void show_preparing(const struct common *common) {
    if (common->json || !isatty(STDERR_FILENO)) return;
    fputs("\r\033[Kreading the data, planning a step, compiling kernels that are not in the store",
          stderr);
}

static void print_row(const struct train_session *s, const struct train_row *r) {
    wipe_progress();
    if (s->common->json) {
        json_object(NULL);
        json_integer("epoch", r->epoch);
        json_integer("updates", r->updates);
        json_number("rate", r->rate);
        json_number("loss", r->loss);
        if (r->accuracy >= 0) json_number("accuracy", r->accuracy);
        json_text("evaluated", s->test_split);
        json_number("test_loss", r->test_loss);
        if (r->test_accuracy >= 0) json_number("test_accuracy", r->test_accuracy);
        json_number("images_per_second", r->images_per_second);
        json_number("seconds", r->seconds);
        json_close();
    } else {
        printf("epoch %3lld  rate %-9.3g loss %-8.4f accuracy %6.2f %%  %s loss %-8.4f accuracy "
               "%6.2f %%  %.0f images/s\n",
               (long long)r->epoch, r->rate, r->loss, 100 * r->accuracy, s->test_split,
               r->test_loss, 100 * r->test_accuracy, r->images_per_second);
    }
    host_flush();
}

/* ---- Checkpoints ---- */

static bool make_folder(const char *path, struct problem *p) {
    struct stat st;
    if (mkdir(path, 0777) == 0 || (stat(path, &st) == 0 && S_ISDIR(st.st_mode))) return true;
    return problem_set(p, EXIT_FILE, "%s cannot be made a folder for checkpoints: %s", path,
                       strerror(errno));
}

/* The folder of checkpoints; NULL: none are kept. The caller frees it. */
static char *checkpoint_folder(const struct train_options *o) {
    if (o->checkpoints) return host_format("%s", o->checkpoints);
    if (!o->out) return NULL;
    size_t n = strlen(o->out);
    bool onnx = n > 5 && strcmp(o->out + n - 5, ".onnx") == 0;
    return host_format("%.*s.checkpoints", (int)(onnx ? n - 5 : n), o->out);
}

static bool save(struct train_session *s, const char *which, struct problem *p) {
    char *folder = checkpoint_folder(s->options);
    if (!folder) return true;
    char *path = host_format("%s/%s.safetensors", folder, which);
    char *note = train_note_write(s);
    bool good =
        make_folder(folder, p) && problem_check(p, fovea_trainer_save(s->trainer, path, note));
    free(note);
    free(path);
    free(folder);
    return good;
}

static bool load(struct train_session *s, const char *path, struct problem *p) {
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    char *file = host_format(folder ? "%s/last.safetensors" : "%s", path), *note = NULL;
    bool good = problem_check(p, fovea_trainer_load(s->trainer, file, &note)) &&
                train_note_read(s, note, file, p);
    fovea_free(note);
    bool ended = good && s->at == s->batches; /* its evaluation is still to come */
    if (good &&
        problem_check(p, fovea_loader_seek(s->loader, s->epoch + ended, ended ? 0 : s->at))) {
        if (!s->common->json)
            printf("going on after %lld epochs and %lld batches of %s\n", (long long)s->epoch,
                   (long long)s->at, file);
    } else good = false;
    free(file);
    return good;
}

/* ---- Evaluating ---- */

static bool evaluate(struct train_session *s, double *loss, double *accuracy, struct problem *p) {
    double sum = 0;
    int64_t correct = 0, seen = 0, batches = fovea_loader_batches(s->test_loader);
    if (!problem_check(p, fovea_loader_seek(s->test_loader, 0, 0))) return false;
    for (int64_t i = 0; i < batches; i++) {
        fovea_batch b;
        fovea_train_result r;
        if (!problem_check(p, fovea_loader_next(s->test_loader, &b))) return false;
        if (b.count == 0) continue;
        if (!problem_check(p, fovea_trainer_evaluate(s->trainer, &b, &r))) return false;
        sum += r.loss * (double)r.count;
        correct += r.correct;
        seen += r.count;
    }
    *loss = seen ? sum / (double)seen : 0;
    *accuracy = seen ? (double)correct / (double)seen : 0;
    return true;
}

/* ---- Epochs ---- */

static double rate_now(const struct train_session *s) {
    fovea_trainer_info info;
    fovea_trainer_get_info(s->trainer, &info);
    int64_t k = s->options->accumulate ? s->options->accumulate : 1;
    int64_t each = s->batches / k > 0 ? s->batches / k : 1;
    return fovea_schedule_rate(&s->schedule, info.updates, each, &s->plateau);
}

/* Batches until the epoch ends or somebody interrupts. */
static bool run_epoch(struct train_session *s, double *rate, struct problem *p) {
    double begin = host_seconds();
    int64_t since = 0;
    while (s->at < s->batches && !interrupted) {
        fovea_batch b;
        fovea_train_result r;
        *rate = rate_now(s);
        if (!problem_check(p, fovea_loader_next(s->loader, &b)) ||
            !problem_check(p, fovea_trainer_step(s->trainer, &b, *rate, &r)))
            return false;
        if (!isfinite(r.loss))
            return problem_set(
                p, EXIT_WRONG,
                "the loss is not a number after %lld epochs and %lld batches; a smaller "
                "--rate or --clip-norm helps",
                (long long)s->epoch, (long long)s->at);
        s->loss_sum += r.loss * (double)r.count;
        s->correct += r.correct > 0 ? r.correct : 0;
        s->seen += r.count;
        s->at++;
        show_progress(s, begin, ++since, *rate);
        if (s->options->save_every && since % s->options->save_every == 0 && !save(s, "last", p))
            return false;
    }
    s->seconds += host_seconds() - begin;
    return true;
}

static bool end_epoch(struct train_session *s, double rate, double seconds, struct problem *p) {
    fovea_trainer_info info;
    struct train_row r = {.epoch = s->epoch + 1,
                          .rate = rate,
                          .loss = s->loss_sum / (double)s->seen,
                          .accuracy = (double)s->correct / (double)s->seen,
                          .images_per_second = (double)s->seen / (seconds > 0 ? seconds : 1)};
    if (!evaluate(s, &r.test_loss, &r.test_accuracy, p)) return false;
    fovea_trainer_get_info(s->trainer, &info);
    r.updates = info.updates;
    r.seconds = s->seconds;
    train_row_add(s, &r);
    fovea_schedule_observe(&s->schedule, &s->plateau,
                           s->schedule.rising ? r.test_accuracy : r.test_loss);
    double score = r.test_accuracy >= 0 ? r.test_accuracy : -r.test_loss;
    bool best = s->n_rows == 1 || score > s->best;
    if (best) s->best = score;
    s->stale = best ? 0 : s->stale + 1;
    s->epoch++;
    s->at = s->correct = s->seen = 0;
    s->loss_sum = 0;
    print_row(s, &r);
    return (!best || save(s, "best", p)) && save(s, "last", p);
}

static bool run_epochs(struct train_session *s, struct problem *p) {
    double rate = 0;
    while (s->epoch < s->epochs && !interrupted) {
        double begin = host_seconds();
        if (!run_epoch(s, &rate, p)) return false;
        if (s->at < s->batches) break;
        if (!end_epoch(s, rate, host_seconds() - begin, p)) return false;
        if (s->options->patience && s->stale >= s->options->patience) break;
    }
    wipe_progress();
    return !interrupted || save(s, "last", p);
}

/* ---- The end ---- */

/* Weights of the best epoch, if they are wanted. */
static bool take_best(struct train_session *s, struct problem *p) {
    char *folder = s->options->keep_best ? checkpoint_folder(s->options) : NULL;
    if (!folder) return true;
    char *path = host_format("%s/best.safetensors", folder);
    bool good = problem_check(p, fovea_trainer_load(s->trainer, path, NULL));
    free(path);
    free(folder);
    return good;
}

static bool write_network(struct train_session *s, struct problem *p) {
    fovea_graph *g;
    if (!s->options->out) return true;
    if (!take_best(s, p) || !problem_check(p, fovea_trainer_export(s->trainer, &g))) return false;
    bool good = problem_check(p, fovea_graph_store_onnx(g, s->options->out));
    fovea_graph_destroy(g);
    return good;
}

static void print_end(const struct train_session *s) {
    const struct train_row *last = s->n_rows ? &s->rows[s->n_rows - 1] : NULL;
    if (s->common->json) {
        json_object(NULL);
        json_text("network", s->network);
        json_text("device", fovea_context_device(s->context)->name);
        json_bool("interrupted", interrupted);
        json_integer("epochs", s->epoch);
        if (last) json_number("accuracy", last->test_accuracy);
        json_number("best", s->best);
        json_number("seconds", s->seconds);
        if (s->options->out) json_text("out", interrupted ? NULL : s->options->out);
        json_close();
    } else if (interrupted) {
        char *folder = checkpoint_folder(s->options);
        printf("stopped after %lld epochs and %lld batches; ", (long long)s->epoch,
               (long long)s->at);
        if (folder) printf("the same command goes on with --resume %s\n", folder);
        else printf("nothing is kept without --out or --checkpoints\n");
        free(folder);
    } else {
        char time[32];
        format_time(time, sizeof time, s->seconds);
        printf("%lld epoch%s in %s on %s", (long long)s->epoch, s->epoch == 1 ? "" : "s", time,
               fovea_context_device(s->context)->name);
        if (s->options->out) printf("; %s is written", s->options->out);
        printf("\n");
    }
}

static void print_begin(const struct train_session *s) {
    fovea_trainer_info info;
    fovea_dataset_info data, test;
    char count[32], memory[32];
    fovea_trainer_get_info(s->trainer, &info);
    fovea_dataset_get_info(s->data, &data);
    fovea_dataset_get_info(s->test, &test);
    host_count(count, sizeof count, (double)info.parameters);
    host_bytes(memory, sizeof memory, (double)info.peak_bytes);
    if (s->common->json) return;
    printf("%s: %s parameters, %lld classes; batch %lld, %s of memory on %s\n", s->network, count,
           (long long)data.classes, (long long)s->batch, memory,
           fovea_context_device(s->context)->name);
    printf("%s, %s: %lld pictures to learn from, %lld to evaluate on (%s)\n", options.data,
           data.format, (long long)data.count, (long long)test.count, s->test_split);
    const char *augment = options.augment ? options.augment : s->defaults->augment;
    printf("%s, rate %g, schedule %s, %lld epoch%s, augmentation %s, seed %lld\n",
           options.optimizer ? options.optimizer : s->defaults->optimizer, s->schedule.rate,
           options.schedule ? options.schedule : s->defaults->schedule, (long long)s->epochs,
           s->epochs == 1 ? "" : "s", *augment ? augment : "none", (long long)options.seed);
    host_flush();
}

/* What will be written can be: known before hours are spent. */
static bool prepare_files(const struct train_options *o, struct problem *p) {
    const char *const files[] = {o->out, o->report};
    char *folder = checkpoint_folder(o);
    bool good = !folder || make_folder(folder, p);
    free(folder);
    for (size_t i = 0; i < 2 && good; i++) {
        if (!files[i]) continue;
        bool there = access(files[i], F_OK) == 0;
        FILE *f = fopen(files[i], "ab");
        if (!f)
            good = problem_set(p, EXIT_FILE, "%s cannot be written: %s", files[i], strerror(errno));
        else fclose(f);
        if (f && !there) remove(files[i]);
    }
    return good;
}

static bool train(struct train_session *s, struct problem *p) {
    if (!prepare_files(&options, p)) return false;
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    print_begin(s);
    if (options.resume && !load(s, options.resume, p)) return false;
    if (!run_epochs(s, p)) return false;
    if (!interrupted && !write_network(s, p)) return false;
    if (options.report && !train_report_write(s, options.report, p)) return false;
    print_end(s);
    return true;
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    struct train_session s = {.common = common, .options = &options, .network = operands->text[0]};
    bool good, wrong = false;
    json_set_lines(true);
    if (options.benchmark) return train_benchmark(&s);
    if (!options.data) {
        problem_set(&p, EXIT_USAGE, "--data FOLDER is needed");
        return problem_report(&p);
    }
    show_preparing(common);
    good = train_open(&s, &p);
    wipe_progress();
    if (good) good = options.check ? train_check(&s, options.check, &wrong, &p) : train(&s, &p);
    train_close(&s);
    if (!good) return problem_report(&p);
    return wrong ? EXIT_WRONG : EXIT_GOOD;
}

const struct command train_command = {
    .name = "train",
    .summary = "train a network on a folder of data",
    .usage = "NETWORK|MODEL.onnx --data FOLDER",
    .text =
        "NETWORK is one of the classic ones (fovea new --help lists them), begun with fresh "
        "weights;\n"
        "MODEL.onnx is trained further. The optimizer, rate, schedule, batch, epochs and\n"
        "augmentation have defaults for each architecture. A fresh network normalises its\n"
        "pictures itself, so that the trained file takes pixels from 0 to 1. After each epoch the\n"
        "network is evaluated on the test data. Ctrl-C saves a checkpoint and stops; --resume "
        "goes\n"
        "on as if nothing had happened, to the last bit on the same device.",
    .examples =
        "  fovea train lenet5 --data /usr/share/datasets/fashion-mnist --out lenet5.onnx\n"
        "  fovea train resnet20 --data cifar-10 --epochs 60 --out r.onnx --report r.html\n"
        "  fovea train resnet50.onnx --data photos --rate 0.001 --freeze layer1 --out mine.onnx\n"
        "  fovea train vgg16 --check 1 --data photos\n",
    .args = args,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
