/* Drawing on pictures. */
#include "draw.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

void draw_fill(struct image *to, int x, int y, int width, int height, struct colour c) {
    int right = x + width < to->width ? x + width : to->width;
    int bottom = y + height < to->height ? y + height : to->height;
    for (int row = y < 0 ? 0 : y; row < bottom; row++)
        for (int column = x < 0 ? 0 : x; column < right; column++) {
            unsigned char *at = to->rgb + 3 * ((size_t)row * (size_t)to->width + (size_t)column);
            at[0] = c.red;
            at[1] = c.green;
            at[2] = c.blue;
        }
}

void draw_frame(struct image *to, int x, int y, int width, int height, struct colour c) {
    draw_fill(to, x - 1, y - 1, width + 2, 1, c);
    draw_fill(to, x - 1, y + height, width + 2, 1, c);
    draw_fill(to, x - 1, y, 1, height, c);
    draw_fill(to, x + width, y, 1, height, c);
}

static unsigned char mix(unsigned char under, unsigned char over, double share) {
    return (unsigned char)lrint(under + (over - under) * share);
}

void draw_mix(struct image *to, int x, int y, struct colour c, double share) {
    if (x < 0 || y < 0 || x >= to->width || y >= to->height) return;
    unsigned char *at = to->rgb + 3 * ((size_t)y * (size_t)to->width + (size_t)x);
    at[0] = mix(at[0], c.red, share);
    at[1] = mix(at[1], c.green, share);
    at[2] = mix(at[2], c.blue, share);
}

/* ---- Text --------------------------------------------------------------------------------- */

/* Ink at a point between pixels' centres, interpolated: its contour at a half rounds the corners. */
static double ink_at(unsigned char character, double x, double y) {
    int left = (int)floor(x), top = (int)floor(y);
    double fx = x - left, fy = y - top;
    double upper =
        font_ink(character, left, top) * (1 - fx) + font_ink(character, left + 1, top) * fx;
    double lower =
        font_ink(character, left, top + 1) * (1 - fx) + font_ink(character, left + 1, top + 1) * fx;
    return upper * (1 - fy) + lower * fy;
}

static void draw_glyph(struct image *to, int x, int y, int size, struct colour c,
                       unsigned char character) {
    /* One more pixel around: the contour bulges where strokes end. */
    for (int row = -size; row < (FONT_HEIGHT + 1) * size; row++)
        for (int column = -size; column < (FONT_WIDTH + 1) * size; column++) {
            double ink = ink_at(character, (column + 0.5) / size - 0.5, (row + 0.5) / size - 0.5);
            /* At 0.45 strokes that touch at a corner stay one stroke. */
            double share = size == 1 ? ink : (ink - 0.45) * size + 0.5;
            if (share > 0) draw_mix(to, x + column, y + row, c, share < 1 ? share : 1);
        }
}

void draw_text(struct image *to, int x, int y, int size, struct colour c, const char *text) {
    for (; *text; text++, x += FONT_ADVANCE * size)
        if (*text != ' ') draw_glyph(to, x, y, size, c, (unsigned char)*text);
}

int draw_text_width(int size, const char *text) {
    int n = (int)strlen(text);
    return n ? (n * FONT_ADVANCE - 1) * size : 0;
}

void draw_text_fit(char *text, int size, int width) {
    size_t n = strlen(text), most = (size_t)((width / size + 1) / FONT_ADVANCE);
    if (n <= most || most < 3) return;
    size_t head = (most - 2) / 2, tail = most - 2 - head;
    memcpy(text + head, "..", 2);
    memmove(text + head + 2, text + n - tail, tail + 1);
}

/* ---- PNG ---------------------------------------------------------------------------------- */

struct png_writer {
    png_structp png;
    png_infop info;
    char text[200];
};

static void png_fail(png_structp png, png_const_charp text) {
    struct png_writer *w = png_get_error_ptr(png);
    snprintf(w->text, sizeof w->text, "%s", errno ? strerror(errno) : text);
    png_longjmp(png, 1);
}

static void png_quiet(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* Everything that may jump out. */
static void png_put(struct png_writer *w, const struct image *image, FILE *to) {
    png_init_io(w->png, to);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(w->png, image->rgb + 3 * (size_t)image->width * (size_t)y);
    png_write_end(w->png, NULL);
}

static bool png_to_file(const struct image *image, FILE *to, const char *path, struct problem *p) {
    struct png_writer *w = host_alloc(1, sizeof *w);
    volatile bool good = false;
    errno = 0;
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w, png_fail, png_quiet);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (!w->info) problem_set(p, EXIT_DEVICE, "%s: out of memory for the picture", path);
    else if (setjmp(png_jmpbuf(w->png)))
        problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, w->text);
    else {
        png_put(w, image, to);
        good = true;
    }
    png_destroy_write_struct(&w->png, &w->info);
    free(w);
    return good;
}

bool image_write_png(const struct image *image, const char *path, struct problem *p) {
    FILE *to = fopen(path, "wb");
    if (!to) return problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    bool good = png_to_file(image, to, path, p);
    if (fclose(to) != 0 && good)
        good = problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    if (!good) unlink(path);
    return good;
}
