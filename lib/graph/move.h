/* What the attributes and static inputs of Slice, Pad and Split mean, as numbers for every axis, so
 * that shape, reference and device agree on it. */
#ifndef GRAPH_MOVE_H
#define GRAPH_MOVE_H

#include "graph/graph.h"

enum { SPLIT_OUTPUTS_MAX = 1024 };

/* out[i] = x[start + i * step] for i in [0, count), on every axis. */
struct slice {
    int64_t start[FOVEA_MAX_RANK], step[FOVEA_MAX_RANK], count[FOVEA_MAX_RANK];
};

/* starts, ends have `count` numbers; so have axes and steps, unless NULL (0, 1, ... and all 1).
 * Starts and ends are clamped to the axis as the ONNX standard says. Errors: INVALID. */
fovea_status slice_resolve(const fovea_desc *x, const int64_t *starts, const int64_t *ends,
                           const int64_t *axes, const int64_t *steps, size_t count,
                           struct slice *out);

enum pad_mode { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT, PAD_WRAP };

/* On every axis: the input is cropped to [start, start + extent), then `begin` elements are put in
 * front and `end` behind. Negative pads are crops. */
struct pad {
    enum pad_mode mode;
    int64_t start[FOVEA_MAX_RANK], extent[FOVEA_MAX_RANK];
    int64_t begin[FOVEA_MAX_RANK], end[FOVEA_MAX_RANK];
};

/* `pads` holds all begins, then all ends; `axes` is NULL for all axes. Errors: INVALID. */
fovea_status pad_resolve(const struct node *, const fovea_desc *x, const int64_t *pads,
                         size_t n_pads, const int64_t *axes, size_t n_axes, struct pad *out);

/* Position in an axis of n elements that a position outside stands for; -1: the padding value.
 * Reflection does not repeat the edge: ... 2 1 [0 1 2 3] 2 1 0 1 ... */
int64_t pad_position(enum pad_mode, int64_t i, int64_t n);

/* Sizes of all outputs of a Split along an axis of `dim` elements; `split` has `n_split` numbers (0:
 * equal parts). `sizes` has room for SPLIT_OUTPUTS_MAX. Errors: INVALID. */
fovea_status split_resolve(const struct node *, int64_t dim, const int64_t *split, size_t n_split,
                           int64_t *sizes);

#endif
