/* Small deterministic random numbers (SplitMix64; Steele, Lea, Flood 2014), one stream per seed. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

uint64_t random_next(struct random *);
double random_uniform(struct random *);         /* [0, 1) */
double random_normal(struct random *);          /* mean 0, variance 1 (Box and Muller 1958) */
uint64_t random_mix(uint64_t seed, uint64_t i); /* the i-th number of a stream, in any order */

#endif
