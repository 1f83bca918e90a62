/* SplitMix64 and what is made from it. */
#include "base/random.h"

#include <math.h>

static uint64_t finalize(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t random_next(struct random *r) {
    r->state += 0x9e3779b97f4a7c15u;
    return finalize(r->state);
}

uint64_t random_mix(uint64_t seed, uint64_t i) {
    return finalize(seed + (i + 1) * 0x9e3779b97f4a7c15u);
}

double random_uniform(struct random *r) {
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

double random_normal(struct random *r) {
    double u = 1.0 - random_uniform(r); /* (0, 1]: its logarithm is finite */
    double v = random_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
