/* A picture to look at: title, the network's input at the left, a body, a legend at the right. */
#ifndef HOST_PAGE_H
#define HOST_PAGE_H

#include "draw.h"

enum {
    PAGE_MARGIN = 32,
    PAGE_GAP = 28,    /* between input, body and legend */
    PAGE_INPUT = 288, /* largest side of the input picture */
    PAGE_SIDE = 2000, /* largest side of a page, unless asked for another */
    PAGE_LEAST_SIDE = 800,
};

struct page_options {
    const char *title, *subtitle;
    const struct image *picture; /* NULL: none */
    const char *picture_name;
    int width, height; /* of the body; the page makes it larger where something needs room */
    const struct scale *scale; /* NULL: no legend */
    int64_t odd;               /* values that are no finite numbers: named in the legend if any */
};

struct page {
    struct image image;
    int left, top; /* of the body */
};

/* What is left for a body on a page whose sides are at most `side`. */
void page_room(int side, bool with_picture, bool with_legend, int *width, int *height);
bool page_create(struct page *out, const struct page_options *options, struct problem *p);

struct colour page_ink(void);   /* of text */
struct colour page_faint(void); /* of text beside what matters, and of lines */
/* "12", "0.00123", "-1.5e+07": four digits at most. */
void page_number(char *out, size_t size, double value);
/* Copies a picture enlarged by whole pixels, or shrunk by averaging, to fit width x height; gives the
 * size it took. */
void page_picture(struct image *to, int x, int y, const struct image *from, int width, int height,
                  int *took_width, int *took_height);
/* The colours of a scale from top (most) to bottom with numbers at their right. */
void page_legend(struct image *to, int x, int y, int height, const struct scale *scale,
                 int64_t odd);

#endif
