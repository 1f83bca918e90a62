/* A picture to look at: title, the network's input at the left, a body, a legend at the right. */
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TITLE_SIZE = 3,
    TEXT_SIZE = 2,
    HEAD = PAGE_MARGIN + 84, /* where the body begins */
    BAR = 22,                /* width of the legend's colours */
    LEGEND = 150,            /* of the legend with its numbers */
    LEGEND_HEIGHT = 360,
    LEAST_BODY = 240,
    MAX_TICKS = 6,
};

struct colour page_ink(void) {
    return (struct colour){32, 32, 36};
}

struct colour page_faint(void) {
    return (struct colour){120, 120, 126};
}

void page_number(char *out, size_t size, double value) {
    snprintf(out, size, "%.4g", value == 0 ? 0 : value); /* no "-0" */
}

void page_room(int side, bool with_picture, bool with_legend, int *width, int *height) {
    *width = side - 2 * PAGE_MARGIN - (with_picture ? PAGE_INPUT + PAGE_GAP : 0) -
             (with_legend ? LEGEND + PAGE_GAP : 0);
    *height = side - HEAD - PAGE_MARGIN;
}

/* ---- Pictures ----------------------------------------------------------------------------- */

static struct colour average(const struct image *from, int x, int y, int side) {
    unsigned sum[3] = {0}, count = 0;
    for (int row = y; row < y + side && row < from->height; row++)
        for (int column = x; column < x + side && column < from->width; column++, count++)
            for (int c = 0; c < 3; c++)
                sum[c] +=
                    from->rgb[3 * ((size_t)row * (size_t)from->width + (size_t)column) + (size_t)c];
    if (!count) return (struct colour){0, 0, 0};
    return (struct colour){(unsigned char)((sum[0] + count / 2) / count),
                           (unsigned char)((sum[1] + count / 2) / count),
                           (unsigned char)((sum[2] + count / 2) / count)};
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

void page_picture(struct image *to, int x, int y, const struct image *from, int width, int height,
                  int *took_width, int *took_height) {
    int grow = larger(1, smaller(width / from->width, height / from->height));
    int shrink =
        larger(1, larger((from->width + width - 1) / width, (from->height + height - 1) / height));
    int columns = (from->width + shrink - 1) / shrink, rows = (from->height + shrink - 1) / shrink;
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            draw_fill(to, x + column * grow, y + row * grow, grow, grow,
                      average(from, column * shrink, row * shrink, shrink));
    *took_width = columns * grow;
    *took_height = rows * grow;
}

/* ---- Legend ------------------------------------------------------------------------------- */

static void legend_number(struct image *to, int x, int y, double value, const char *sign) {
    char text[48];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", sign);
    page_number(text + n, sizeof text - n, value);
    draw_fill(to, x + BAR + 1, y, 6, 1, page_ink());
    draw_text(to, x + BAR + 13, y - FONT_CAPITAL, TEXT_SIZE, page_ink(), text);
}

static int legend_place(const struct scale *s, int y, int height, double value) {
    double t = s->most > s->least ? (value - s->least) / (s->most - s->least) : 0;
    return y + (int)lrint((1 - t) * (height - 1));
}

void page_legend(struct image *to, int x, int y, int height, const struct scale *scale,
                 int64_t odd) {
    for (int row = 0; row < height; row++)
        draw_fill(to, x, y + row, BAR, 1, colour_map(scale->map, 1 - row / (double)(height - 1)));
    draw_frame(to, x, y, BAR, height, page_faint());
    legend_number(to, x, y, scale->most, scale->above ? ">" : "");
    if (scale->most > scale->least)
        legend_number(to, x, y + height - 1, scale->least, scale->below ? "<" : "");
    double ticks[MAX_TICKS];
    size_t n = scale_ticks(ticks, MAX_TICKS, scale->least, scale->most);
    for (size_t i = 0; i < n; i++) {
        int at = legend_place(scale, y, height, ticks[i]);
        if (at - y > 20 && y + height - 1 - at > 20) legend_number(to, x, at, ticks[i], "");
    }
    if (odd == 0) return;
    draw_fill(to, x, y + height + 20, BAR, BAR, colour_odd());
    draw_text(to, x + BAR + 13, y + height + 24, TEXT_SIZE, page_ink(), "not finite");
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)odd);
    draw_text(to, x + BAR + 13, y + height + 44, TEXT_SIZE, page_faint(), text);
}

/* ---- Page --------------------------------------------------------------------------------- */

static void draw_head(struct image *to, const struct page_options *o) {
    char text[256];
    int width = to->width - 2 * PAGE_MARGIN;
    snprintf(text, sizeof text, "%s", o->title);
    draw_text_fit(text, TITLE_SIZE, width);
    draw_text(to, PAGE_MARGIN, PAGE_MARGIN, TITLE_SIZE, page_ink(), text);
    snprintf(text, sizeof text, "%s", o->subtitle);
    draw_text_fit(text, TEXT_SIZE, width);
    draw_text(to, PAGE_MARGIN, PAGE_MARGIN + 36, TEXT_SIZE, page_faint(), text);
}

static void draw_input(struct image *to, const struct page_options *o) {
    int width, height;
    char text[256];
    page_picture(to, PAGE_MARGIN, HEAD, o->picture, PAGE_INPUT, PAGE_INPUT, &width, &height);
    draw_frame(to, PAGE_MARGIN, HEAD, width, height, page_faint());
    snprintf(text, sizeof text, "%s", o->picture_name);
    draw_text_fit(text, TEXT_SIZE, PAGE_INPUT);
    draw_text(to, PAGE_MARGIN, HEAD + height + 10, TEXT_SIZE, page_ink(), text);
    snprintf(text, sizeof text, "input, %d x %d", o->picture->width, o->picture->height);
    draw_text(to, PAGE_MARGIN, HEAD + height + 32, TEXT_SIZE, page_faint(), text);
}

bool page_create(struct page *out, const struct page_options *o, struct problem *p) {
    int left = PAGE_MARGIN + (o->picture ? PAGE_INPUT + PAGE_GAP : 0);
    int legend = o->scale ? PAGE_GAP + LEGEND : 0;
    int least = o->picture || o->scale ? LEAST_BODY + LEGEND : 0;
    int legend_height = smaller(LEGEND_HEIGHT, larger(o->height, LEAST_BODY));
    int height = larger(o->height, larger(least, legend_height + (o->odd ? 70 : 0)));
    int heads =
        larger(draw_text_width(TITLE_SIZE, o->title), draw_text_width(TEXT_SIZE, o->subtitle));
    int width = left + o->width + legend + PAGE_MARGIN;
    width = larger(width, smaller(heads + 2 * PAGE_MARGIN, PAGE_LEAST_SIDE));
    *out = (struct page){{0, 0, NULL}, left, HEAD};
    if (!image_create(&out->image, (uint64_t)width, (uint64_t)(HEAD + height + PAGE_MARGIN),
                      o->title, p))
        return false;
    memset(out->image.rgb, 255, 3 * (size_t)width * (size_t)out->image.height);
    draw_head(&out->image, o);
    if (o->picture) draw_input(&out->image, o);
    if (o->scale)
        page_legend(&out->image, left + o->width + PAGE_GAP, HEAD, legend_height, o->scale, o->odd);
    return true;
}
