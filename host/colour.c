/* Colours for numbers. */
#include "colour.h"

#include <math.h>

/* Points of viridis and inferno (van der Walt and Smith 2015, CC0), evenly apart. */
static const struct colour viridis[] = {
    {68, 1, 84},    {72, 26, 108},  {71, 47, 125},  {65, 68, 135},  {57, 86, 140},  {49, 104, 142},
    {42, 120, 142}, {35, 136, 142}, {31, 152, 139}, {34, 168, 132}, {53, 183, 121}, {84, 197, 104},
    {122, 209, 81}, {165, 219, 54}, {210, 226, 27}, {253, 231, 37}};
static const struct colour inferno[] = {{0, 0, 4},      {33, 12, 74},   {86, 16, 110},
                                        {137, 34, 106}, {187, 55, 84},  {227, 89, 50},
                                        {249, 140, 10}, {249, 201, 50}, {252, 255, 164}};

static unsigned char mix_byte(double a, double b, double t) {
    return (unsigned char)lrint(a + (b - a) * t);
}

static struct colour between(const struct colour *points, int count, double t) {
    double at = t * (count - 1);
    int i = at >= count - 1 ? count - 2 : (int)at;
    const struct colour *a = &points[i], *b = a + 1;
    return (struct colour){mix_byte(a->red, b->red, at - i), mix_byte(a->green, b->green, at - i),
                           mix_byte(a->blue, b->blue, at - i)};
}

/* IEC 61966-2-1 */
static unsigned char to_srgb(double linear) {
    double x = linear < 0 ? 0 : linear > 1 ? 1 : linear;
    x = x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
    return (unsigned char)lrint(255 * x);
}

/* Oklab (Ottosson 2020): equal steps of its numbers look equally large. */
static struct colour from_oklab(double lightness, double a, double b) {
    double l = lightness + 0.3963377774 * a + 0.2158037573 * b;
    double m = lightness - 0.1055613458 * a - 0.0638541728 * b;
    double s = lightness - 0.0894841775 * a - 1.2914855480 * b;
    l = l * l * l;
    m = m * m * m;
    s = s * s * s;
    return (struct colour){to_srgb(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                           to_srgb(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                           to_srgb(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

/* From near white to a blue and a red of one lightness. */
static struct colour diverging(double t) {
    double side = 2 * t - 1, far = fabs(side);
    double a = side < 0 ? -0.045 : 0.185, b = side < 0 ? -0.165 : 0.085;
    return from_oklab(0.975 - 0.525 * far, a * far, b * far);
}

struct colour colour_map(enum colour_map map, double t) {
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    switch (map) {
    case COLOUR_SEQUENTIAL: return between(viridis, sizeof viridis / sizeof *viridis, t);
    case COLOUR_HEAT: return between(inferno, sizeof inferno / sizeof *inferno, t);
    case COLOUR_DIVERGING: return diverging(t);
    default: break;
    }
    unsigned char grey = mix_byte(0, 255, t);
    return (struct colour){grey, grey, grey};
}

struct colour colour_odd(void) {
    return (struct colour){255, 0, 255};
}

struct colour scale_colour(const struct scale *scale, double value) {
    if (!isfinite(value)) return colour_odd();
    double range = scale->most - scale->least;
    return colour_map(scale->map, range > 0 ? (value - scale->least) / range : 0);
}

size_t scale_ticks(double *out, size_t most, double least, double greatest) {
    double range = greatest - least;
    if (!(range > 0) || !isfinite(range) || most == 0) return 0;
    double step = pow(10, floor(log10(range / (double)most)));
    static const double factors[] = {2, 2.5, 2};
    for (size_t k = 0; floor(greatest / step) - ceil(least / step) + 1 > (double)most; k++)
        step *= factors[k % 3];
    size_t count = 0;
    for (double at = ceil(least / step); count < most && at <= floor(greatest / step); at++)
        out[count++] = at * step;
    return count;
}
