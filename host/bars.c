/* Pages of bars: values that have no height and width. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"

enum {
    CHART_WIDTH = 1000,
    CHART_HEIGHT = 520,
    AXIS = 90,  /* room for the numbers at the left */
    FOOT = 56,  /* for the indices below */
    LIST = 420, /* for the largest values at the right */
    LISTED = 10,
    NAME_LENGTH = 14,
    TICKS = 8,
};

struct chart {
    struct image *to;
    const struct maps *maps;
    int left, top, width, height; /* of the area of the bars */
    double least, most;           /* at the bottom and at the top */
};

static double bar_at(const struct maps *m, int64_t i) {
    return array_get(m->array, m->first + i);
}

static int bar_y(const struct chart *c, double value) {
    return c->top + (int)lrint((c->most - value) / (c->most - c->least) * (c->height - 1));
}

static void draw_axis(const struct chart *c) {
    double ticks[TICKS];
    char text[32];
    size_t n = scale_ticks(ticks, TICKS, c->least, c->most);
    for (size_t i = 0; i < n; i++) {
        int y = bar_y(c, ticks[i]);
        draw_fill(c->to, c->left, y, c->width, 1, (struct colour){224, 224, 228});
        page_number(text, sizeof text, ticks[i]);
        draw_text(c->to, c->left - 10 - draw_text_width(2, text), y - FONT_CAPITAL, 2, page_ink(),
                  text);
    }
}

/* Every so manieth bar gets its index, so that they do not touch. */
static void draw_indices(const struct chart *c) {
    static const int64_t steps[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
    char text[32];
    int64_t n = c->maps->shown, step = 0;
    snprintf(text, sizeof text, "%lld", (long long)(n - 1));
    int room = draw_text_width(2, text) + 12;
    for (size_t k = 0; k < sizeof steps / sizeof *steps && !step; k++)
        if ((double)steps[k] * c->width / (double)n >= room) step = steps[k];
    if (!step) step = (n + 9) / 10;
    for (int64_t i = 0; i < n; i += step) {
        int x = c->left + (int)(((double)i + 0.5) * c->width / (double)n);
        snprintf(text, sizeof text, "%lld", (long long)i);
        draw_fill(c->to, x, c->top + c->height, 1, 5, page_faint());
        draw_text(c->to, x - draw_text_width(2, text) / 2, c->top + c->height + 12, 2, page_ink(),
                  text);
    }
}

static void draw_bars(const struct chart *c) {
    int64_t n = c->maps->shown;
    int zero = bar_y(c, 0);
    for (int64_t i = 0; i < n; i++) {
        double value = bar_at(c->maps, i);
        int x = c->left + (int)(i * c->width / n), next = c->left + (int)((i + 1) * c->width / n);
        int gap = next - x > 8 ? (next - x) / 5 : next - x > 2 ? 1 : 0;
        int y = isfinite(value) ? bar_y(c, value) : c->top;
        int top = y < zero ? y : zero, height = abs(y - zero);
        if (!isfinite(value)) height = c->height;
        struct colour colour =
            !isfinite(value) ? colour_odd() : colour_map(COLOUR_DIVERGING, value < 0 ? 0.05 : 0.95);
        draw_fill(c->to, x + gap / 2, top, next > x ? next - x - gap : 1, height, colour);
    }
    draw_fill(c->to, c->left, zero, c->width, 1, page_ink());
}

/* The indices of the largest values, the largest first. */
static int64_t find_largest(const struct maps *m, int64_t *out, int64_t most) {
    int64_t n = 0;
    for (int64_t i = 0; i < m->shown; i++) {
        double value = bar_at(m, i);
        if (!isfinite(value)) continue;
        int64_t at = n < most ? n++ : most;
        for (; at > 0 && bar_at(m, out[at - 1]) < value; at--)
            if (at < most) out[at] = out[at - 1];
        if (at < most) out[at] = i;
    }
    return n;
}

static void draw_list(const struct chart *c, const struct grid_options *o, int x) {
    int64_t largest[LISTED], n = find_largest(c->maps, largest, LISTED);
    draw_text(c->to, x, c->top, 2, page_faint(), "largest");
    for (int64_t k = 0; k < n; k++) {
        char text[256], number[32];
        int64_t i = largest[k];
        const char *name = o->names && i < (int64_t)o->n_names ? o->names[i] : "";
        page_number(number, sizeof number, bar_at(c->maps, i));
        snprintf(text, sizeof text, "%5lld  %-10s %.*s%s", (long long)i, number, NAME_LENGTH, name,
                 strlen(name) > NAME_LENGTH ? ".." : "");
        draw_text(c->to, x, c->top + 32 + (int)k * 26, 2, page_ink(), text);
    }
}

/* Zero is always there, and a little room above the tallest bar. */
static void choose_range(struct chart *c, const struct summary *s) {
    c->least = s->least < 0 ? s->least : 0;
    c->most = s->most > 0 ? s->most : 0;
    double room = (c->most - c->least) * 0.05;
    if (room == 0) room = 1;
    if (c->most > 0 || c->least == 0) c->most += room;
    if (c->least < 0) c->least -= room;
}

bool bars_draw(struct image *out, const struct maps *m, const struct grid_options *o,
               struct problem *p) {
    struct summary summary;
    int room, height;
    maps_summarise(m, &summary);
    page_room(o->side, o->page.picture != NULL, false, &room, &height);
    struct page_options options = o->page;
    int list = room - LIST - PAGE_GAP >= CHART_WIDTH / 2 ? LIST + PAGE_GAP : 0;
    int chart = room - list < AXIS + CHART_WIDTH ? room - list : AXIS + CHART_WIDTH;
    options.width = chart + list;
    options.height = CHART_HEIGHT + FOOT;
    struct page page;
    *out = (struct image){0, 0, NULL};
    if (!page_create(&page, &options, p)) return false;
    struct chart c = {&page.image, m, page.left + AXIS, page.top, chart - AXIS, CHART_HEIGHT, 0, 0};
    choose_range(&c, &summary);
    draw_axis(&c);
    draw_indices(&c);
    draw_bars(&c);
    if (list) draw_list(&c, o, page.left + chart + PAGE_GAP);
    *out = page.image;
    return true;
}
