/* Whether an output that another engine computed and ours agree: see compare.h for the rule. */
#include "compare.h"

#include <math.h>
#include <string.h>

static bool is_float(fovea_dtype t) {
    return t == FOVEA_FLOAT32 || t == FOVEA_FLOAT64 || t == FOVEA_FLOAT16 || t == FOVEA_BFLOAT16;
}

static bool is_quantised(fovea_dtype t) {
    return t == FOVEA_INT8 || t == FOVEA_UINT8 || t == FOVEA_INT4 || t == FOVEA_UINT4;
}

bool compare_desc(const fovea_array *got, const fovea_array *expected, struct problem *p) {
    const fovea_desc *a = &got->desc, *b = &expected->desc;
    char shape_a[128], shape_b[128];
    host_shape(shape_a, sizeof shape_a, a, NULL);
    host_shape(shape_b, sizeof shape_b, b, NULL);
    if (a->dtype == b->dtype && strcmp(shape_a, shape_b) == 0) return true;
    return problem_set(p, EXIT_WRONG, "is %s %s, expected %s %s", fovea_dtype_name(a->dtype),
                       shape_a, fovea_dtype_name(b->dtype), shape_b);
}

/* 0 for equal values, NaN and infinities included; infinite if only one is a number. */
static double distance(double a, double b) {
    if (a == b || (isnan(a) && isnan(b))) return 0;
    return isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
}

void compare_widen(double *spread, const fovea_array *plain, const fovea_array *moved) {
    int64_t n = fovea_desc_elements(&plain->desc);
    for (int64_t i = 0; i < n; i++) {
        double d = distance(array_get(plain, i), array_get(moved, i));
        if (d > spread[i]) spread[i] = d;
    }
}

/* Root of the mean square of the finite ones. */
static double rms(const double *spread, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += isfinite(spread[i]) ? spread[i] * spread[i] : 0;
    return n > 0 ? sqrt(sum / (double)n) : 0;
}

static double allowed(fovea_dtype t, double expected, double spread, double floor) {
    if (is_float(t)) return 4 * fmax(spread, floor) + 2 * array_ulp(t, expected);
    if (is_quantised(t)) return ceil(4 * fmax(spread, floor));
    return 4 * spread;
}

/* A unit of the fourth decimal, if the floats were written with four: each is the float nearest to
 * k / 10000, and some k / 10000 is no short binary fraction, as computed results are by chance. */
static double written_decimals(const fovea_array *a) {
    int64_t n = a->desc.dtype == FOVEA_FLOAT32 ? fovea_desc_elements(&a->desc) : 0;
    bool odd = false;
    for (int64_t i = 0; i < n; i++) {
        double x = array_get(a, i), k = nearbyint(x * 1e4);
        if (!(fabs(k) < 1e7) || (float)(k / 1e4) != (float)x) return 0;
        odd = odd || (fmod(k, 10) != 0 && x * 1e4 != k);
    }
    return odd ? 1e-4 : 0;
}

struct comparison compare_arrays(const fovea_array *got, const fovea_array *expected,
                                 const double *spread) {
    struct comparison worst = {.ratio = -1};
    int64_t n = fovea_desc_elements(&expected->desc);
    double floor = spread ? rms(spread, n) : 0, written = spread ? written_decimals(expected) : 0;
    for (int64_t i = 0; i < n; i++) {
        double a = array_get(got, i), b = array_get(expected, i), error = distance(a, b);
        double room = allowed(expected->desc.dtype, b, spread ? spread[i] : 0, floor) + written;
        double ratio = error == 0 ? 0 : room > 0 ? error / room : INFINITY;
        if (isnan(ratio)) ratio = 1; /* both infinite: the reference itself wavers here */
        if (ratio > worst.ratio) worst = (struct comparison){ratio, i, a, b, room};
    }
    if (worst.ratio < 0) worst.ratio = 0;
    return worst;
}
