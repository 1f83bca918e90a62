/* The parts of `fovea train`: settings, the run, what is remembered of it, its report. */
#ifndef HOST_TRAIN_H
#define HOST_TRAIN_H

#include "training.h"
#include "tuning.h"

/* As given on the command line; zeros and NULLs mean the architecture's defaults. */
struct train_options {
    const char *data, *out, *checkpoints, *resume, *report;
    const char *optimizer, *schedule, *init, *loss, *augment, *fit, *scores;
    const char *rate, *weight_decay, *clip_norm, *average, *label_smoothing, *auxiliary, *hold_out;
    int64_t epochs, batch, accumulate, seed, threads, patience, check, benchmark, classes, size,
        channels, save_every;
    struct arg_floats mean, std, class_weights;
    struct text_list frozen;
    struct tuning tuning;
    bool recompute, skip_damaged, keep_best, no_normalize;
};

/* One line of the history. */
struct train_row {
    int64_t epoch, updates;
    double rate, loss, accuracy, test_loss, test_accuracy, seconds, images_per_second;
};

struct train_session {
    const struct common *common;
    const struct train_options *options;
    const char *network; /* as given: an architecture or a file */
    const struct training_defaults *defaults;
    fovea_context *context;
    fovea_graph *graph;
    fovea_dataset *data, *test;
    const char *test_split; /* "validation" or "test" */
    fovea_loader *loader, *test_loader;
    fovea_trainer *trainer;
    fovea_schedule schedule;
    fovea_plateau plateau;
    float mean[4], std[4];
    int64_t batch, epochs, batches; /* batches of an epoch */

    /* What a resumed training begins with. */
    int64_t epoch, at; /* the next batch */
    double loss_sum;
    int64_t correct, seen;
    double best;   /* accuracy, or minus the loss where there are no classes */
    int64_t stale; /* epochs since the best */
    struct train_row *rows;
    size_t n_rows, rows_capacity;
    double seconds; /* spent, over all runs */
};

/* train.c */
void train_row_add(struct train_session *s, const struct train_row *row);
/* train_check.c: steps verified layer by layer, *wrong if one lies; and steps timed on random pictures. */
bool train_check(struct train_session *s, int64_t steps, bool *wrong, struct problem *p);
int train_benchmark(struct train_session *s);
/* One step of the plan and what it takes by itself. */
struct layer {
    fovea_step_info info;
    double ms;
};
/* All of them, the most expensive first; the trainer is of no use afterwards. The caller frees *out. */
bool train_layers(struct train_session *s, struct layer **out, size_t *count, struct problem *p);
/* train_open.c: data, network, trainer, loaders, from the options. */
bool train_open(struct train_session *s, struct problem *p);
/* The trainer alone, for a network of the zoo or a file, without data. */
bool train_open_alone(struct train_session *s, struct problem *p);
void train_close(struct train_session *s);
/* train_note.c: the place in the data and the history, as a checkpoint's note. */
char *train_note_write(const struct train_session *s);
bool train_note_read(struct train_session *s, const char *note, const char *path,
                     struct problem *p);
/* train_report.c: one HTML file that needs no other, and a CSV beside it. */
bool train_report_write(struct train_session *s, const char *path, struct problem *p);

#endif
