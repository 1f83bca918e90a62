/* Drawing on pictures: areas, text, enlarged pixels; and writing them as PNG. */
#ifndef HOST_DRAW_H
#define HOST_DRAW_H

#include "colour.h"
#include "image.h"

enum {
    FONT_WIDTH = 5,   /* pixels of a glyph */
    FONT_HEIGHT = 9,  /* the last two lie below the baseline */
    FONT_CAPITAL = 7, /* height of a capital letter */
    FONT_ADVANCE = 6, /* from one glyph to the next */
};
/* Whether the glyph of a character has ink there; what is not printable ASCII shows as '?'. */
bool font_ink(unsigned char character, int x, int y);

/* Whatever lies outside the picture is not drawn. */
void draw_fill(struct image *to, int x, int y, int width, int height, struct colour);
/* A line of one pixel around the area. */
void draw_frame(struct image *to, int x, int y, int width, int height, struct colour);
/* Mixes a share of the colour (0 to 1) into one pixel. */
void draw_mix(struct image *to, int x, int y, struct colour, double share);
/* Text whose glyphs are enlarged `size` times, with smooth edges; (x, y) is its top left corner. */
void draw_text(struct image *to, int x, int y, int size, struct colour, const char *text);
int draw_text_width(int size, const char *text);
/* Shortens the text so that it is no wider than `width`; its middle gives way to "..". */
void draw_text_fit(char *text, int size, int width);

/* Writes an 8-bit RGB PNG; what was begun is taken away after a failure. */
bool image_write_png(const struct image *image, const char *path, struct problem *p);

#endif
