/* From the exact sum of a quantised operator to its 8-bit output, as ONNX's QuantizeLinear does it. */
#ifndef REFERENCE_REQUANTISE_H
#define REFERENCE_REQUANTISE_H

#include <math.h>
#include <stdint.h>

#include "fovea.h"

/* round_half_even(sum * scale) + zero_point, saturated to int8 or uint8. A scale that is no number
 * gives the lower end. */
static inline int64_t requantise(int64_t sum, double scale, int64_t zero_point, fovea_dtype t) {
    double least = t == FOVEA_INT8 ? -128 : 0;
    double rounded = nearbyint((double)sum * scale) + (double)zero_point;
    return (int64_t)fmin(fmax(rounded, least), least + 255);
}

#endif
