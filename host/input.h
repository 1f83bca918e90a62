/* From the INPUT words of a command line to the arrays that a model's inputs are fed with.
 *
 * A picture, or one picture of an idx file, is an item; items are put together to batches. A .npy or
 * .pb file is an array that is fed as it is, or cut into batches where the model fixes the batch. */
#ifndef HOST_INPUT_H
#define HOST_INPUT_H

#include "array.h"
#include "preprocess.h"

struct input_options {
    struct preprocess_options picture;
    int64_t index;       /* the first picture of an idx file; -1: not given */
    int64_t count;       /* of an idx file's pictures; 0: all, or 1 if index was given */
    int64_t batch;       /* for a model with a free batch; 0: as many as there are, at most 16 */
    int64_t usual_batch; /* the most where batch is 0, in place of 16; 0: 16 */
};

/* The table entries of these options, for the commands that feed models. */
#define INPUT_ARGS(o)                                                                              \
    {"preset",                                                                                     \
     0,                                                                                            \
     ARG_TEXT,                                                                                     \
     &(o).picture.preset,                                                                          \
     "NAME",                                                                                       \
     "imagenet, mobilenet, squeezenet, cifar10, mnist, unit or raw; default: by channels"},        \
        {"size", 0, ARG_TEXT, &(o).picture.size, "HxW", "size of pictures; default: the model's"}, \
        {"resize-mode", 0,                                                                         \
         ARG_TEXT,      &(o).picture.resize_mode,                                                  \
         "MODE",        "squash, cover (cut out the middle) or crop (cover 8/7, then cut)"},       \
        {"mean", 0, ARG_FLOATS, &(o).picture.mean, "A,B,C", "per channel, after --scale"},         \
        {"std", 0, ARG_FLOATS, &(o).picture.std, "A,B,C", "per channel: (x*scale - mean) / std"},  \
        {"scale", 0, ARG_FLOATS, &(o).picture.scale, "X", "factor of the bytes 0..255"},           \
        {"layout", 0, ARG_TEXT, &(o).picture.layout, "NAME", "nchw or nhwc; default: by shape"},   \
        {"bgr", 0, ARG_FLAG, &(o).picture.bgr, NULL, "channels blue, green, red"},                 \
        {"index", 0, ARG_NUMBER, &(o).index, "N", "first picture of an idx file, from 0"},         \
        {"count", 0, ARG_COUNT, &(o).count, "N", "number of pictures of an idx file"}, {           \
        "batch", 'b', ARG_COUNT, &(o).batch, "N", "batch, where the model leaves it free"          \
    }

struct feed;
/* All inputs of a model with their files. */
struct input {
    struct feed *feeds; /* one for each input of the model that is not initialised */
    size_t n_feeds;
    size_t pieces; /* batches to run */
    size_t items;  /* pictures in all; 0 if arrays are fed */
};

/* Words are FILE, or NAME=FILE where NAME is an input. */
bool input_open(struct input *in, const fovea_graph *graph, const struct text_list *words,
                size_t first_word, const struct input_options *options, struct problem *p);
void input_close(struct input *in);
const char *input_name(const struct input *in, size_t feed);
/* Whether the contents of this input decide shapes, so that a plan must be given them. */
bool input_decides_shape(const struct input *in, size_t feed);
/* The array of a feed for one batch; *used is the number of its items that are not padding (0: an
 * array). The caller frees it. */
bool input_piece(const struct input *in, size_t feed, size_t piece, fovea_array *out, size_t *used,
                 struct problem *p);
/* How pictures of the first input become numbers; NULL if arrays are fed. */
const struct preprocess *input_preprocess(const struct input *in);
/* The name of an item for people: its file, with "#index" for an idx file. */
void input_item_name(const struct input *in, size_t item, char *out, size_t size);
/* The name of element k of a piece's batch, also where arrays are fed. */
void input_piece_name(const struct input *in, size_t piece, size_t k, char *out, size_t size);

#endif
