/* Pages of small maps side by side. */
#include "grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 10,
    LARGEST_CELL = 240, /* small maps are not enlarged beyond this */
    LABEL_GAP = 4,
    TAIL_BINS = 4096,
    TAIL_LEAST = 1000, /* values: with fewer the largest ones are no tail */
};

static double value_at(const struct maps *m, int64_t map, int64_t i) {
    return array_get(m->array, m->first + map * m->height * m->width + i);
}

static int64_t shown_values(const struct maps *m) {
    return m->shown * (m->colours ? 3 : 1) * m->height * m->width;
}

void maps_summarise(const struct maps *m, struct summary *out) {
    int64_t n = shown_values(m), zeros = 0;
    double sum = 0;
    *out = (struct summary){.least = INFINITY, .most = -INFINITY};
    for (int64_t i = 0; i < n; i++) {
        double x = value_at(m, 0, i);
        if (!isfinite(x)) {
            out->odd++;
            continue;
        }
        zeros += x == 0;
        sum += x;
        out->least = fmin(out->least, x);
        out->most = fmax(out->most, x);
    }
    if (n == out->odd) out->least = out->most = 0;
    out->mean = n > out->odd ? sum / (double)(n - out->odd) : 0;
    out->zeros = n ? (double)zeros / (double)n : 0;
}

/* ---- Scale -------------------------------------------------------------------------------- */

/* The magnitude that all but one in 200 values stay below, where the largest is twice that: few
 * values would leave the others without contrast. Else the largest. */
static double without_tail(const struct maps *m, double largest) {
    int64_t n = shown_values(m), finite = 0;
    if (n < TAIL_LEAST || !(largest > 0)) return largest;
    int64_t *bins = host_alloc(TAIL_BINS, sizeof *bins);
    for (int64_t i = 0; i < n; i++) {
        double x = fabs(value_at(m, 0, i));
        if (!isfinite(x) || x == 0) continue;
        bins[(int)fmin(x / largest * TAIL_BINS, TAIL_BINS - 1)]++;
        finite++;
    }
    int64_t below = 0;
    int bin = 0;
    while (bin < TAIL_BINS - 1 && (below += bins[bin]) < finite - finite / 200) bin++;
    free(bins);
    double cut = largest * (bin + 1) / TAIL_BINS;
    return 2 * cut < largest ? cut : largest;
}

static struct scale choose_scale(const struct maps *m, const struct summary *s, bool is_signed) {
    double largest = fmax(fabs(s->least), fabs(s->most)), cut = without_tail(m, largest);
    is_signed = is_signed || s->least < 0;
    enum colour_map map = m->colours  ? COLOUR_GREY
                          : is_signed ? COLOUR_DIVERGING
                                      : COLOUR_SEQUENTIAL;
    return (struct scale){map, is_signed ? -cut : 0, cut, is_signed && s->least<-cut, s->most> cut};
}

struct scale grid_scale(const struct maps *m, enum colour_map map, int64_t *odd) {
    struct summary summary;
    maps_summarise(m, &summary);
    struct scale scale = choose_scale(m, &summary, false);
    scale.map = map;
    *odd = summary.odd;
    return scale;
}

/* ---- Layout ------------------------------------------------------------------------------- */

struct layout {
    int columns, rows, grow, shrink; /* one of the last two is 1 */
    int cell_width, cell_height;     /* of a map as drawn */
    int label;                       /* size of the text */
};

static int label_height(int size) {
    return LABEL_GAP + FONT_CAPITAL * size;
}

static int ceil_of(int64_t a, int64_t b) {
    return (int)((a + b - 1) / b);
}

/* The layout with that many columns; false if maps would be shrunk below one pixel. */
static bool lay_out(struct layout *out, const struct maps *m, int columns, int width, int height) {
    int rows = ceil_of(m->shown, columns);
    int room_x = (width - GAP * (columns - 1)) / columns;
    int room_y = (height - GAP * (rows - 1)) / rows - label_height(2);
    if (room_x < 1 || room_y < 1) return false;
    room_x = room_x > LARGEST_CELL && m->width < LARGEST_CELL ? LARGEST_CELL : room_x;
    room_y = room_y > LARGEST_CELL && m->height < LARGEST_CELL ? LARGEST_CELL : room_y;
    int64_t grow = room_x / m->width < room_y / m->height ? room_x / m->width : room_y / m->height;
    int shrink_x = ceil_of(m->width, room_x), shrink_y = ceil_of(m->height, room_y);
    out->columns = columns;
    out->rows = rows;
    out->grow = grow < 1 ? 1 : (int)grow;
    out->shrink = grow >= 1 ? 1 : shrink_x > shrink_y ? shrink_x : shrink_y;
    out->cell_width = ceil_of(m->width, out->shrink) * out->grow;
    out->cell_height = ceil_of(m->height, out->shrink) * out->grow;
    out->label = out->cell_width >= 48 ? 2 : 1;
    return true;
}

static int layout_width(const struct layout *l) {
    return l->columns * (l->cell_width + GAP) - GAP;
}

static int layout_height(const struct layout *l) {
    return l->rows * (l->cell_height + label_height(l->label) + GAP) - GAP;
}

/* How far the grid is from 4:3, and how much of it stays empty. */
static double ugliness(const struct layout *l, int64_t shown) {
    double proportion = fabs(log(0.75 * layout_width(l) / layout_height(l)));
    return proportion + 2 * (1 - (double)shown / ((double)l->rows * l->columns));
}

/* Larger maps are better; of equals the grid that looks better. */
static bool is_better(const struct layout *a, const struct layout *b, int64_t shown) {
    double x = (double)a->grow / a->shrink, y = (double)b->grow / b->shrink;
    return x != y ? x > y : ugliness(a, shown) < ugliness(b, shown);
}

static struct layout choose_layout(const struct maps *m, int width, int height) {
    struct layout best = {0}, next;
    for (int columns = 1; columns <= m->shown; columns++)
        if (lay_out(&next, m, columns, width, height) &&
            (!best.columns || is_better(&next, &best, m->shown)))
            best = next;
    return best;
}

/* ---- Drawing ------------------------------------------------------------------------------ */

/* The mean of a block of side x side values that begins at (x, y); not a number if one is not. */
static double block(const struct maps *m, int64_t map, int64_t x, int64_t y, int side) {
    double sum = 0;
    int count = 0;
    for (int64_t row = y; row < y + side && row < m->height; row++)
        for (int64_t column = x; column < x + side && column < m->width; column++, count++)
            sum += value_at(m, map, row * m->width + column);
    return sum / count;
}

/* Zero is the middle grey; the largest magnitude of all filters reaches black or white. */
static struct colour block_colour(const struct maps *m, const struct scale *s, int64_t map,
                                  int64_t x, int64_t y, int side) {
    if (!m->colours) return scale_colour(s, block(m, map, x, y, side));
    struct colour c[3];
    for (int k = 0; k < 3; k++) {
        double value = block(m, 3 * map + (m->bgr ? 2 - k : k), x, y, side);
        if (!isfinite(value)) return colour_odd();
        c[k] = scale_colour(s, value);
    }
    return (struct colour){c[0].red, c[1].red, c[2].red};
}

static void draw_label(struct image *to, const struct maps *m, const struct layout *l, int64_t map,
                       int x, int y) {
    char text[48];
    if (m->inner)
        snprintf(text, sizeof text, "%lld.%lld", (long long)(map / m->inner),
                 (long long)(map % m->inner));
    else snprintf(text, sizeof text, "%lld", (long long)map);
    if (draw_text_width(l->label, text) <= l->cell_width + GAP - 2)
        draw_text(to, x, y + l->cell_height + LABEL_GAP, l->label, page_faint(), text);
}

static void draw_map(struct image *to, const struct maps *m, const struct layout *l,
                     const struct scale *s, int64_t map, int x, int y) {
    int64_t columns = ceil_of(m->width, l->shrink), rows = ceil_of(m->height, l->shrink);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++)
            draw_fill(to, x + (int)column * l->grow, y + (int)row * l->grow, l->grow, l->grow,
                      block_colour(m, s, map, column * l->shrink, row * l->shrink, l->shrink));
    if (s->map != COLOUR_SEQUENTIAL) /* white or grey maps have edges on white paper only so */
        draw_frame(to, x, y, l->cell_width, l->cell_height, (struct colour){208, 208, 212});
    draw_label(to, m, l, map, x, y);
}

bool grid_draw(struct image *out, const struct maps *m, const struct grid_options *o,
               struct problem *p) {
    struct summary summary;
    maps_summarise(m, &summary);
    struct scale scale = choose_scale(m, &summary, o->is_signed);
    int width, height;
    page_room(o->side, o->page.picture != NULL, true, &width, &height);
    struct layout l = choose_layout(m, width, height);
    *out = (struct image){0, 0, NULL};
    if (!l.columns)
        return problem_set(p, EXIT_USAGE,
                           "%lld maps do not fit a picture of %d pixels: fewer with --maps, or a "
                           "larger --side",
                           (long long)m->shown, o->side);
    struct page_options options = o->page;
    options.width = layout_width(&l);
    options.height = layout_height(&l);
    options.scale = &scale;
    options.odd = summary.odd;
    struct page page;
    if (!page_create(&page, &options, p)) return false;
    for (int64_t map = 0; map < m->shown; map++) {
        int column = (int)(map % l.columns), row = (int)(map / l.columns);
        draw_map(&page.image, m, &l, &scale, map, page.left + column * (l.cell_width + GAP),
                 page.top + row * (l.cell_height + label_height(l.label) + GAP));
    }
    *out = page.image;
    return true;
}
