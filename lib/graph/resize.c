/* Coordinates of Resize. */
#include "graph/resize.h"

#include <math.h>

/* Where tf_crop_and_resize starts, and how far one output place goes. A crop of one output place looks
 * at its middle. */
static double crop_coordinate(const struct resize_axis *a, double o) {
    double last = (double)a->in - 1, width = (double)a->roi_end - (double)a->roi_start;
    double start = (double)a->roi_start * last;
    if (a->length == 1) return start + width * last / 2;
    return start + o * width * last / ((double)a->length - 1);
}

double resize_coordinate(const struct resize *r, int axis, int64_t o) {
    const struct resize_axis *a = &r->axis[axis];
    double i = (double)o, scale = a->scale, length = a->length, in = (double)a->in;
    switch (r->coordinates) {
    case RESIZE_PYTORCH_HALF_PIXEL: return a->out > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case RESIZE_ALIGN_CORNERS: return length == 1 ? 0 : i * (in - 1) / (length - 1);
    case RESIZE_ASYMMETRIC: return i / scale;
    case RESIZE_TF_HALF_PIXEL_FOR_NN: return (i + 0.5) / scale;
    case RESIZE_TF_CROP: return crop_coordinate(a, i);
    case RESIZE_HALF_PIXEL_SYMMETRIC: /* keeps the centres of input and output together */
        return in / 2 * (1 - (double)a->out / length) + (i + 0.5) / scale - 0.5;
    default: return (i + 0.5) / scale - 0.5;
    }
}

/* The same, each operation rounded to float. */
static float coordinate_float(const struct resize *r, int axis, int64_t o) {
    const struct resize_axis *a = &r->axis[axis];
    float i = (float)o, in = (float)a->in;
    switch (r->coordinates) {
    case RESIZE_PYTORCH_HALF_PIXEL: return a->out > 1 ? (i + 0.5f) / a->scale - 0.5f : 0;
    case RESIZE_ALIGN_CORNERS: return a->length == 1 ? 0 : i * (in - 1) / (a->length - 1);
    case RESIZE_ASYMMETRIC: return i / a->scale;
    case RESIZE_TF_HALF_PIXEL_FOR_NN: return (i + 0.5f) / a->scale;
    case RESIZE_HALF_PIXEL: return (i + 0.5f) / a->scale - 0.5f;
    default: return (float)resize_coordinate(r, axis, o);
    }
}

int64_t resize_nearest_index(const struct resize *r, int axis, int64_t o) {
    float x = coordinate_float(r, axis, o), low = floorf(x);
    switch (r->nearest) {
    case NEAREST_FLOOR: return (int64_t)low;
    case NEAREST_CEIL: return (int64_t)ceilf(x);
    case NEAREST_PREFER_CEIL: return (int64_t)low + (x - low >= 0.5f);
    default: return (int64_t)low + (x - low > 0.5f);
    }
}

bool resize_outside(const struct resize *r, int axis, int64_t o) {
    const struct resize_axis *a = &r->axis[axis];
    if (r->coordinates != RESIZE_TF_CROP || !a->active) return false;
    double x = resize_coordinate(r, axis, o);
    return x < 0 || x > (double)a->in - 1;
}

float resize_stretch(const struct resize *r, int axis) {
    float scale = r->axis[axis].scale;
    return r->antialias && r->mode != RESIZE_NEAREST && scale < 1 ? scale : 1;
}

int64_t resize_taps(const struct resize *r, int axis) {
    if (!r->axis[axis].active || r->mode == RESIZE_NEAREST) return 1;
    double radius = r->mode == RESIZE_LINEAR ? 1 : 2;
    return 2 * (int64_t)ceil(radius / (double)resize_stretch(r, axis));
}
