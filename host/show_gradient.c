/* Which pixels a class's score hangs on: saliency and class activation maps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "show.h"

enum { PANEL = 480, PANEL_GAP = 24, CAPTION = 34 };

/* ---- Numbers ------------------------------------------------------------------------------ */

static bool plane_create(fovea_array *out, int64_t height, int64_t width, struct problem *p) {
    fovea_desc desc = {FOVEA_FLOAT32, 2, {height, width}};
    return array_create(out, &desc, p);
}

/* Simonyan et al. 2014: the largest magnitude over the channels of d score / d pixel. */
static bool saliency_of(fovea_array *out, const fovea_array *gradient, const struct shown *shown,
                        bool nhwc, struct problem *p) {
    const fovea_desc *d = &gradient->desc;
    const int64_t *dim = d->dim + d->rank - 3;
    int64_t channels = dim[nhwc ? 2 : 0], height = dim[nhwc ? 0 : 1], width = dim[nhwc ? 1 : 2];
    int64_t plane = height * width;
    int64_t first = d->rank == 4 ? (int64_t)shown->k * channels * plane : 0;
    if (!plane_create(out, height, width, p)) return false;
    for (int64_t i = 0; i < plane; i++) {
        double most = 0;
        for (int64_t c = 0; c < channels; c++) {
            double x = fabs(array_get(gradient, first + (nhwc ? i * channels + c : c * plane + i)));
            if (!(x <= most)) most = x; /* also where x is not a number */
        }
        array_set(out, i, most);
    }
    return true;
}

/* Selvaraju et al. 2017: max(0, sum over channels of a * map), a = mean over pixels of d score / d map. */
static bool cam_of(fovea_array *out, const fovea_array *maps, const fovea_array *gradient,
                   const struct shown *shown, struct problem *p) {
    const int64_t *dim = maps->desc.dim;
    int64_t channels = dim[1], plane = dim[2] * dim[3];
    if (!plane_create(out, dim[2], dim[3], p)) return false;
    double *sum = host_alloc((size_t)plane, sizeof *sum);
    for (int64_t c = 0; c < channels; c++) {
        int64_t first = ((int64_t)shown->k * channels + c) * plane;
        double weight = 0;
        for (int64_t i = 0; i < plane; i++) weight += array_get(gradient, first + i);
        for (int64_t i = 0; i < plane; i++)
            sum[i] += weight / (double)plane * array_get(maps, first + i);
    }
    for (int64_t i = 0; i < plane; i++) array_set(out, i, sum[i] < 0 ? 0 : sum[i]);
    free(sum);
    return true;
}

/* The value at a point of the unit square; bilinear between the centres of the elements. */
static double sample(const fovea_array *a, double x, double y) {
    int64_t height = a->desc.dim[0], width = a->desc.dim[1];
    double fx = fmin(fmax(x * (double)width - 0.5, 0), (double)(width - 1));
    double fy = fmin(fmax(y * (double)height - 0.5, 0), (double)(height - 1));
    int64_t left = (int64_t)fx, top = (int64_t)fy;
    int64_t right = left + 1 < width ? left + 1 : left, bottom = top + 1 < height ? top + 1 : top;
    fx -= (double)left;
    fy -= (double)top;
    double upper =
        array_get(a, top * width + left) * (1 - fx) + array_get(a, top * width + right) * fx;
    double lower =
        array_get(a, bottom * width + left) * (1 - fx) + array_get(a, bottom * width + right) * fx;
    return upper * (1 - fy) + lower * fy;
}

/* ---- Pages -------------------------------------------------------------------------------- */

struct heat {
    const fovea_array *plane;
    struct scale scale;
    const char *left, *right; /* captions */
};

/* Enlarges by whole pixels, or shrinks by leaving out, to about PANEL pixels. */
static void panel_size(int64_t height, int64_t width, int *panel_height, int *panel_width) {
    int64_t side = height > width ? height : width;
    double k = side <= PANEL ? (double)(PANEL / side) : (double)PANEL / (double)side;
    *panel_height = (int)fmax(1, (double)height * k);
    *panel_width = (int)fmax(1, (double)width * k);
}

static void draw_plane(struct image *to, int x, int y, const struct heat *h, int height,
                       int width) {
    int64_t rows = h->plane->desc.dim[0], columns = h->plane->desc.dim[1];
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            int64_t at = row * rows / height * columns + column * columns / width;
            draw_fill(to, x + column, y + row, 1, 1,
                      scale_colour(&h->scale, array_get(h->plane, at)));
        }
}

/* The picture in grey under colours that cover it more where they say more. */
static void draw_over(struct image *to, int x, int y, const struct heat *h,
                      const struct image *picture, int height, int width) {
    double range = h->scale.most - h->scale.least;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            int from_x = column * picture->width / width, from_y = row * picture->height / height;
            const unsigned char *rgb =
                picture->rgb + 3 * ((size_t)from_y * (size_t)picture->width + (size_t)from_x);
            double grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
            double value = sample(h->plane, (column + 0.5) / width, (row + 0.5) / height);
            double t = range > 0 && isfinite(value) ? fmin(value / range, 1) : !isfinite(value);
            draw_fill(to, x + column, y + row, 1, 1, colour_map(COLOUR_GREY, grey / 255));
            draw_mix(to, x + column, y + row, scale_colour(&h->scale, value), 0.15 + 0.65 * t);
        }
}

static void caption(struct image *to, int x, int y, const char *text) {
    draw_text(to, x, y, 2, page_ink(), text);
}

static bool heat_draw(struct image *out, struct heat *h, const struct page_options *o,
                      struct problem *p) {
    const fovea_desc *d = &h->plane->desc;
    struct maps m = {h->plane, 0, 1, d->dim[0], d->dim[1], 1, false, false, 0};
    int height, width;
    struct page_options options = *o;
    struct page page;
    h->scale = grid_scale(&m, COLOUR_HEAT, &options.odd);
    panel_size(d->dim[0], d->dim[1], &height, &width);
    if (o->picture) panel_size(o->picture->height, o->picture->width, &height, &width);
    int over_room = o->picture ? PANEL_GAP + width : 0;
    options.width = width + over_room;
    options.height = CAPTION + height;
    options.scale = &h->scale;
    if (!page_create(&page, &options, p)) return false;
    int y = page.top + CAPTION, right = page.left + width + PANEL_GAP;
    caption(&page.image, page.left, page.top, h->left);
    draw_plane(&page.image, page.left, y, h, height, width);
    if (o->picture) {
        caption(&page.image, right, page.top, h->right);
        draw_over(&page.image, right, y, h, o->picture, height, width);
    }
    *out = page.image;
    return true;
}

/* ---- Both --------------------------------------------------------------------------------- */

/* What a page of a class says. */
struct class_text {
    char *title, *subtitle, *name;
};

static struct class_text describe(const struct show *s, const char *what, const struct shown *shown,
                                  int64_t class, const struct layer *layer, const char *how) {
    const char *label = labels_name(&s->labels, class);
    char score[32];
    page_number(score, sizeof score, explain_score(s->explain, (int64_t)shown->k, class));
    char *text =
        host_format("%s of class %lld%s%s%s%s%s", what, (long long)class, *label ? " (" : "", label,
                    *label ? ")" : "", layer ? " at " : "", layer ? layer->name : "");
    struct class_text t = {show_title(s, text), host_format("score %s; %s", score, how), NULL};
    free(text);
    return t;
}

static bool show_heat(struct show *s, struct shown *shown, struct class_text *t, struct heat *h,
                      const char *kind, const struct layer *layer, struct problem *p) {
    struct page_options options;
    struct image image = {0, 0, NULL};
    show_page(shown, t->title, t->subtitle, &options);
    bool good = heat_draw(&image, h, &options, p) &&
                show_write(s, shown, &image, t->name, kind, layer, h->plane, p);
    free(t->title);
    free(t->subtitle);
    free(t->name);
    return good;
}

static bool show_saliency(struct show *s, struct shown *shown, int64_t class, struct problem *p) {
    const struct preprocess *settled = input_preprocess(&s->input);
    fovea_array gradient, plane = {{0}, NULL};
    if (!plan_read(s->explain->plan, s->explain->input_gradient, &gradient, p)) return false;
    const fovea_desc *d = &gradient.desc;
    bool nhwc = settled ? settled->nhwc
                        : d->rank >= 3 && d->dim[d->rank - 3] != 1 && d->dim[d->rank - 3] != 3 &&
                              d->dim[d->rank - 1] <= 3;
    bool good = d->rank == 3 || d->rank == 4
                    ? saliency_of(&plane, &gradient, shown, nhwc, p)
                    : problem_set(p, EXIT_FILE, "--saliency: input '%s' is no picture",
                                  input_name(&s->input, 0));
    if (good) {
        struct class_text t =
            describe(s, "saliency", shown, class, NULL,
                     "magnitude of its gradient by each pixel, the largest of the channels");
        t.name = host_format("saliency");
        struct heat h = {.plane = &plane, .left = "saliency", .right = "over the picture"};
        good = show_heat(s, shown, &t, &h, "saliency", NULL, p);
    }
    array_free(&gradient);
    array_free(&plane);
    return good;
}

static bool show_cam(struct show *s, struct shown *shown, size_t i, const struct layer *layer,
                     int64_t class, struct problem *p) {
    fovea_array maps, gradient = {{0}, NULL}, plane = {{0}, NULL};
    if (!plan_read(s->explain->plan, layer->value, &maps, p)) return false;
    bool good = plan_read(s->explain->plan, s->explain->layer_gradients[i], &gradient, p);
    const fovea_desc *d = &maps.desc;
    if (good && (d->rank != 4 || d->dim[0] != (int64_t)shown->batch || fovea_desc_elements(d) < 1))
        good = problem_set(p, EXIT_USAGE,
                           "--cam: layer '%s' has no maps with height and width; name one that has "
                           "with --layer",
                           layer->name);
    good = good && cam_of(&plane, &maps, &gradient, shown, p);
    if (good) {
        char *safe = show_safe(layer->name),
             *size = host_format("%lld x %lld, as computed", (long long)d->dim[2],
                                 (long long)d->dim[3]);
        struct class_text t =
            describe(s, "Grad-CAM", shown, class, layer,
                     "maps weighed by the mean gradient of the score, where above 0");
        t.name = host_format("cam-%03zu-%s", layer->number, safe);
        struct heat h = {.plane = &plane, .left = size, .right = "over the picture"};
        good = show_heat(s, shown, &t, &h, "cam", layer, p);
        free(safe);
        free(size);
    }
    array_free(&maps);
    array_free(&gradient);
    array_free(&plane);
    return good;
}

/* The layers for --cam: those that are named, else the last convolution. The caller frees the list. */
static bool cam_layers(const struct show *s, struct explain_wish *wish, struct problem *p) {
    const struct text_list *names = &s->options->layers;
    bool named = names->count > 0;
    for (size_t i = 0; i < names->count; i++) named = named && strcmp(names->text[i], "all") != 0;
    wish->layers = host_alloc(s->layers.count, sizeof *wish->layers);
    for (size_t i = 0; named && i < s->layers.count; i++)
        if (s->layers.list[i].wanted) wish->layers[wish->n_layers++] = &s->layers.list[i];
    if (named) return true;
    const struct layer *last = layers_last_conv(&s->layers);
    if (!last)
        return problem_set(p, EXIT_USAGE, "--cam: the model has no convolution; give --layer");
    wish->layers[wish->n_layers++] = last;
    return true;
}

static bool make_explain(struct show *s, const struct explain_wish *wish, const fovea_array *arrays,
                         struct problem *p) {
    if (s->explain && explain_serves(s->explain, &s->input, arrays)) return true;
    show_gradient_end(s);
    return explain_create(&s->explain, s->model, &s->input, arrays, wish, s->runner.context, p);
}

static bool show_classes(struct show *s, struct shown *list, size_t count, const int64_t *classes,
                         const struct explain_wish *wish, struct problem *p) {
    bool good = true;
    for (size_t k = 0; good && k < count; k++) {
        int64_t class = classes[(int64_t)k < s->explain->batch ? k : 0];
        if (wish->input) good = show_saliency(s, &list[k], class, p);
        for (size_t i = 0; good && i < wish->n_layers; i++)
            good = show_cam(s, &list[k], i, wish->layers[i], class, p);
    }
    return good;
}

bool show_gradient(struct show *s, struct shown *list, size_t count, const fovea_array *arrays,
                   struct problem *p) {
    struct explain_wish wish = {.input = s->options->saliency};
    bool good = (!s->options->cam || cam_layers(s, &wish, p)) && make_explain(s, &wish, arrays, p);
    if (good) {
        int64_t *classes = host_alloc((size_t)s->explain->batch, sizeof *classes);
        for (int64_t k = 0; k < s->explain->batch; k++) classes[k] = s->options->class;
        good = explain_run(s->explain, &s->input, arrays, classes, p) &&
               show_classes(s, list, count, classes, &wish, p);
        free(classes);
    }
    free(wish.layers);
    return good;
}

void show_gradient_end(struct show *s) {
    explain_destroy(s->explain);
    s->explain = NULL;
}
