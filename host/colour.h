/* Colours for numbers: maps from 0..1 to colours, and scales from values to those. */
#ifndef HOST_COLOUR_H
#define HOST_COLOUR_H

#include "host.h"

struct colour {
    unsigned char red, green, blue;
};

enum colour_map {
    COLOUR_SEQUENTIAL, /* dark violet to yellow, lightness rising evenly */
    COLOUR_DIVERGING,  /* blue, white in the middle, red: lightness falls evenly to both sides */
    COLOUR_HEAT,       /* black, red, yellow, white */
    COLOUR_GREY,
};

/* t is clamped to 0..1. */
struct colour colour_map(enum colour_map map, double t);
/* The colour of what is not a number, or is infinite: in none of the maps. */
struct colour colour_odd(void);

/* What a picture's colours mean. */
struct scale {
    enum colour_map map;
    double least, most; /* at the ends of the map */
    bool below, above;  /* there are values beyond the ends */
};

struct colour scale_colour(const struct scale *scale, double value);
/* Round numbers (1, 2 or 5 times a power of ten apart) within the scale: at most `most` of them. */
size_t scale_ticks(double *out, size_t most, double least, double greatest);

#endif
