/* Pages of small maps side by side, and of bars. */
#ifndef HOST_GRID_H
#define HOST_GRID_H

#include "array.h"
#include "page.h"

/* A part of an array, seen as `count` pictures of height x width, or (1 x 1) as `count` bars.
 * With colours, a map is three such planes: red, green, blue. */
struct maps {
    const fovea_array *array;
    int64_t first; /* element */
    int64_t count, height, width;
    int64_t shown; /* of the count: the first ones */
    bool colours, bgr;
    int64_t inner; /* filters: labels are "o.i", with i below this; 0: one number */
};

/* What is seen in it. */
struct summary {
    double least, most, mean, zeros; /* of finite values; share of zeros, 0 to 1 */
    int64_t odd;                     /* not finite */
};
void maps_summarise(const struct maps *maps, struct summary *out);

/* A scale from 0 to the most; a long tail of large values is cut off. */
struct scale grid_scale(const struct maps *maps, enum colour_map map, int64_t *odd);

struct grid_options {
    struct page_options page; /* its size, scale and odd are filled in here */
    int side;                 /* largest side of the page */
    const char *const *names; /* of the bars, or NULL */
    size_t n_names;
    bool is_signed; /* a diverging scale even if no value is negative */
};

/* Draws the maps with one scale for all: from 0 or the least value to the most, or, where there are
 * negative values, from -m to m. A long tail of large values is cut off and the legend says so. */
bool grid_draw(struct image *out, const struct maps *maps, const struct grid_options *options,
               struct problem *p);
/* Draws one bar for each value, and lists the largest. */
bool bars_draw(struct image *out, const struct maps *maps, const struct grid_options *options,
               struct problem *p);

#endif
