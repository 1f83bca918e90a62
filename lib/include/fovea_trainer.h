/* Fovea: the trainer, which trains a network by backpropagation on one device. The rules of fovea.h hold here
 * too; data come from fovea_data.h, losses, optimizers and schedules from fovea_train.h.
 *
 *     fovea_trainer_create     a network, a loss, an optimizer, a device
 *     fovea_trainer_step       one batch: forward, backward, update
 *     fovea_trainer_evaluate   a batch without learning
 *     fovea_trainer_save, fovea_trainer_load, fovea_trainer_export */
#ifndef FOVEA_TRAINER_H
#define FOVEA_TRAINER_H

#include <fovea_data.h>
#include <fovea_train.h>

#ifdef __cplusplus
extern "C" {
#endif
typedef struct fovea_trainer fovea_trainer;

typedef struct fovea_train_options {
    int64_t batch;                   /* pictures of a step; 0: the network's own, else 1 */
    int64_t channels, height, width; /* where the network leaves them free */
    int64_t accumulate; /* steps whose gradients are added up for one update of their mean; 0: 1 */

    fovea_loss loss;
    fovea_loss_options loss_options;
    const char
        *scores; /* the value that the loss takes. NULL: what goes into the Softmax (binary loss:
                         * Sigmoid) of the first output, or the output where there is none */
    float auxiliary; /* weight of the same loss at each further output (auxiliary heads); 0: 0.3;
                      * negative: they are left out */
    bool mixup;      /* batches have second labels and a lambda */

    fovea_optimizer optimizer;
    const char *const *frozen; /* parameters whose names begin so are not learned; statistics too */
    size_t n_frozen;
    uint64_t seed; /* of dropout */

    bool recompute;      /* forget activations and compute them again: less memory, more time */
    bool keep_gradients; /* for fovea_trainer_read_gradient */
    bool check;          /* every step is verified (fovea_trainer_verify); slow */
    struct fovea_tune_options *tune; /* as in a plan's options */
} fovea_train_options;

/* What one step gave. */
typedef struct fovea_train_result {
    double loss;     /* with the auxiliary heads' */
    int64_t correct; /* pictures whose class was found; -1 where the loss knows no classes */
    int64_t count;   /* pictures */
} fovea_train_result;

/* Makes plans that train and evaluate the network on the context's device. The graph's constants are the
 * initial weights; the graph may be destroyed afterwards. Batch normalisation takes the statistics of the
 * batch and gathers them, dropout drops.
 * Errors: INVALID, UNSUPPORTED (an operator without a gradient), NO_MEMORY, BUILD_ERROR, DEVICE_ERROR. */
FOVEA_API fovea_status fovea_trainer_create(fovea_trainer **out, fovea_context *context,
                                            const fovea_graph *graph,
                                            const fovea_train_options *options);
FOVEA_API void fovea_trainer_destroy(fovea_trainer *trainer);

typedef struct fovea_trainer_info {
    fovea_desc input, scores; /* of one step */
    int64_t parameters;       /* numbers that are learned */
    int64_t
        parameter_bytes;    /* of weights, gradients kept between steps, optimizer state, average */
    int64_t arena_bytes;    /* activations, gradients and workspaces of a step */
    int64_t peak_bytes;     /* of device memory: all of these, inputs and packed weights */
    int64_t updates;        /* done so far, over all runs */
    const fovea_plan *plan; /* of a step, to be looked at (fovea_plan_step) */
} fovea_trainer_info;
FOVEA_API void fovea_trainer_get_info(const fovea_trainer *trainer, fovea_trainer_info *out);

/* One step on a full batch: forward, backward and, with every `accumulate`-th call, the update. `result` may be
 * NULL, which saves waiting for the device. Losses other than cross-entropy take labels as one-hot vectors
 * (hinge: 1 and -1). Errors: INVALID (another batch size, a label out of range), DEVICE_ERROR. */
FOVEA_API fovea_status fovea_trainer_step(fovea_trainer *trainer, const fovea_batch *batch,
                                          double learning_rate, fovea_train_result *result);
/* The same with targets of the caller's: int64 (n) for cross-entropy, else float32 in the shape of the
 * scores. */
FOVEA_API fovea_status fovea_trainer_step_arrays(fovea_trainer *trainer, const float *x,
                                                 const void *targets, double learning_rate,
                                                 fovea_train_result *result);
/* Loss and hits of a batch, full or not, in inference form (with the average of the weights, if there is
 * one). Nothing is learned. Errors: as above. */
FOVEA_API fovea_status fovea_trainer_evaluate(fovea_trainer *trainer, const fovea_batch *batch,
                                              fovea_train_result *result);
/* A step whose every node, forward, backward and update, is checked against the reference
 * (fovea_plan_verify), then the update. Needs options.check. */
FOVEA_API fovea_status fovea_trainer_verify(fovea_trainer *trainer, const fovea_batch *batch,
                                            double learning_rate,
                                            const fovea_verify_options *options, fovea_verdict *out,
                                            size_t capacity, size_t *count, size_t *wrong);

/* The time of step i of the training plan by itself, in milliseconds: see fovea_plan_time_step. Afterwards the
 * trainer's contents are undefined. */
FOVEA_API fovea_status fovea_trainer_time_step(fovea_trainer *trainer, size_t i, size_t repeats,
                                               double *ms);

/* The i-th parameter: its name and type; INVALID past the end. Statistics of normalisation are among them. */
FOVEA_API fovea_status fovea_trainer_parameter(const fovea_trainer *trainer, size_t i,
                                               const char **name, fovea_desc *desc);
/* Contents of a parameter by name, as dense float32. Errors: INVALID (no such parameter, wrong size). */
FOVEA_API fovea_status fovea_trainer_read(fovea_trainer *trainer, const char *name, float *data,
                                          size_t bytes);
FOVEA_API fovea_status fovea_trainer_write(fovea_trainer *trainer, const char *name,
                                           const float *data, size_t bytes);
/* The gradient of a parameter in the last step (before clipping). Only with options.keep_gradients. */
FOVEA_API fovea_status fovea_trainer_read_gradient(fovea_trainer *trainer, const char *name,
                                                   float *data, size_t bytes);
/* The trained network: a copy of the graph with the weights of now (their average, if there is one), for
 * fovea_graph_store_onnx and for plans. Auxiliary heads are left out. */
FOVEA_API fovea_status fovea_trainer_export(fovea_trainer *trainer, fovea_graph **out);

/* Writes weights, statistics, optimizer state, average, counters and `note` (the caller's own text, e.g.
 * JSON with its place in the data; may be NULL) as a safetensors file: to a temporary name, synced, then
 * renamed, so that at any instant the file is whole. Errors: BAD_FILE (disk). */
FOVEA_API fovea_status fovea_trainer_save(fovea_trainer *trainer, const char *path,
                                          const char *note);
/* Reads it back, also on another device: training goes on as if it had not stopped. `note` (may be NULL)
 * receives the text; free it with fovea_free. Nothing is changed by a bad file.
 * Errors: BAD_FILE (damaged), INVALID (of another network or optimizer). */
FOVEA_API fovea_status fovea_trainer_load(fovea_trainer *trainer, const char *path, char **note);
FOVEA_API void fovea_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
