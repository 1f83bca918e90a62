/* Resize with everything resolved to numbers, and its coordinate transformations.
 *
 * Along an axis, output place o looks at the coordinate x(o) of the input; all transformations are
 * x(o) = a o + b. Formulas: https://onnx.ai/onnx/operators/onnx__Resize.html */
#ifndef GRAPH_RESIZE_H
#define GRAPH_RESIZE_H

#include "graph/graph.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum resize_nearest { NEAREST_PREFER_FLOOR, NEAREST_PREFER_CEIL, NEAREST_FLOOR, NEAREST_CEIL };
enum resize_coordinates {
    RESIZE_HALF_PIXEL,
    RESIZE_HALF_PIXEL_SYMMETRIC,
    RESIZE_PYTORCH_HALF_PIXEL,
    RESIZE_ALIGN_CORNERS,
    RESIZE_ASYMMETRIC,
    RESIZE_TF_HALF_PIXEL_FOR_NN,
    RESIZE_TF_CROP
};

struct resize_axis {
    bool active; /* false: this axis is copied */
    int64_t in, out;
    float scale, length; /* length: in * scale before it is rounded to `out` */
    float roi_start, roi_end;
};

struct resize {
    enum resize_mode mode;
    enum resize_nearest nearest;
    enum resize_coordinates coordinates;
    bool antialias, exclude_outside;
    float cubic_a, extrapolation;
    int rank;
    struct resize_axis axis[FOVEA_MAX_RANK];
};

/* The three static inputs; count 0: left out (or empty, which means the same). */
struct resize_lists {
    double roi[2 * FOVEA_MAX_RANK], scales[FOVEA_MAX_RANK];
    int64_t sizes[FOVEA_MAX_RANK];
    size_t n_roi, n_scales, n_sizes;
};

/* Errors: INVALID. */
fovea_status resize_resolve(const struct node *, const fovea_desc *x, const struct resize_lists *,
                            struct resize *out);
/* Reads the static inputs of a node whose graph has them. Errors: INVALID, UNSUPPORTED. */
fovea_status resize_read(const fovea_graph *, const struct node *, struct resize_lists *);

/* x(o) in double. */
double resize_coordinate(const struct resize *, int axis, int64_t o);
/* The input element that mode nearest takes, before it is clamped to the axis. Computed in float, step
 * by step like other engines do, because a tie may fall either way. */
int64_t resize_nearest_index(const struct resize *, int axis, int64_t o);
/* True if the coordinate lies outside the input and tf_crop_and_resize extrapolates. */
bool resize_outside(const struct resize *, int axis, int64_t o);

/* Stretch of the filter (below 1 when antialias shrinks) and its number of taps. The taps of an output
 * place are the elements floor(x) + 1 - taps / 2 and on. */
float resize_stretch(const struct resize *, int axis);
int64_t resize_taps(const struct resize *, int axis);

#endif
