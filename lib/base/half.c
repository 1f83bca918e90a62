/* binary16 and bfloat16. */
#include "base/half.h"

#include <math.h>
#include <string.h>

float half_to_float(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                      : exponent == 0 ? ldexpf((float)fraction, -24)
                                      : ldexpf((float)(fraction + 1024), exponent - 25);
    return h & 0x8000 ? -magnitude : magnitude;
}

/* Rounds |x| to `bits` of fraction with exponents from `lowest`; the result is exact in double. */
static double round_magnitude(double x, int bits, int lowest) {
    int exponent;
    frexp(x, &exponent); /* x = f * 2^exponent, 0.5 <= f < 1 */
    int unit = exponent - 1 < lowest ? lowest - bits : exponent - 1 - bits;
    return ldexp(nearbyint(ldexp(x, -unit)), unit);
}

uint16_t half_from_double(double x) {
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    double m = fabs(x);
    if (isnan(x)) return 0x7e00 | sign;
    if (isinf(x)) return 0x7c00 | sign;
    m = m == 0 ? 0 : round_magnitude(m, 10, -14);
    if (m >= 65536.0) return 0x7c00 | sign;
    if (m < 0x1p-14) return sign | (uint16_t)ldexp(m, 24);
    int exponent;
    double f = frexp(m, &exponent);
    return sign | (uint16_t)((exponent + 14) << 10) | ((uint16_t)ldexp(f, 11) & 1023);
}

float bfloat16_to_float(uint16_t b) {
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t bfloat16_from_double(double x) {
    if (isnan(x)) return 0x7fc0;
    double m = x == 0 || isinf(x) ? x : copysign(round_magnitude(fabs(x), 7, -126), x);
    float f = (float)m;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)(bits >> 16);
}
