/* Pictures of what a layer puts out, and of the first layer's filters. */
#include <stdlib.h>
#include <string.h>

#include "show.h"

/* ---- Feature maps ------------------------------------------------------------------------- */

/* One picture's part of a layer's output: planes of its last two dimensions, or bars. */
static struct maps maps_of(const fovea_array *a, const struct shown *shown) {
    const fovea_desc *d = &a->desc;
    int from = d->rank >= 2 && d->dim[0] == (int64_t)shown->batch ? 1 : 0;
    int64_t row = 1;
    for (int k = from; k < d->rank; k++) row *= d->dim[k];
    struct maps m = {.array = a,
                     .first = from ? (int64_t)shown->k * row : 0,
                     .count = row,
                     .height = 1,
                     .width = 1};
    if (d->rank - from >= 2 && row > 0) {
        m.height = d->dim[d->rank - 2];
        m.width = d->dim[d->rank - 1];
        m.count = row / (m.height * m.width);
    }
    /* A single row or column is a list. */
    if (m.count == 1 && (m.height == 1 || m.width == 1)) {
        m.count = m.height * m.width;
        m.height = m.width = 1;
    }
    m.shown = m.count;
    return m;
}

static void describe(char *out, size_t size, const struct layer *layer, const struct maps *m) {
    struct summary s;
    char least[32], most[32], mean[32], what[96];
    maps_summarise(m, &s);
    page_number(least, sizeof least, s.least);
    page_number(most, sizeof most, s.most);
    page_number(mean, sizeof mean, s.mean);
    if (m->height * m->width == 1) snprintf(what, sizeof what, "%lld values", (long long)m->count);
    else if (m->shown < m->count)
        snprintf(what, sizeof what, "the first %lld of %lld maps of %lld x %lld",
                 (long long)m->shown, (long long)m->count, (long long)m->height,
                 (long long)m->width);
    else
        snprintf(what, sizeof what, "%lld map%s of %lld x %lld", (long long)m->count,
                 m->count == 1 ? "" : "s", (long long)m->height, (long long)m->width);
    snprintf(out, size, "%s, %s, %s to %s, mean %s, %.3g %% zeros", layer->op, what, least, most,
             mean, 100 * s.zeros);
}

/* The maps as an array of their own, for --npy. */
static bool numbers_of(fovea_array *out, const struct maps *m, struct problem *p) {
    fovea_desc desc = {FOVEA_FLOAT32, 3, {m->shown, m->height, m->width}};
    if (m->height * m->width == 1) desc.rank = 1;
    if (!array_create(out, &desc, p)) return false;
    int64_t n = fovea_desc_elements(&desc);
    for (int64_t i = 0; i < n; i++) array_set(out, i, array_get(m->array, m->first + i));
    return true;
}

bool show_layer(struct show *s, struct shown *shown, const struct layer *layer,
                const fovea_array *a, struct problem *p) {
    struct maps m = maps_of(a, shown);
    if (m.count < 1 || m.height < 1 || m.width < 1)
        return problem_set(p, EXIT_FILE, "layer '%s' puts out nothing: one of its dimensions is 0",
                           layer->name);
    bool bars = m.height * m.width == 1;
    if (!bars && m.shown > s->options->maps) m.shown = s->options->maps;
    char subtitle[256];
    char *title = show_title(s, layer->name);
    describe(subtitle, sizeof subtitle, layer, &m);
    struct grid_options options = {.side = (int)s->options->side};
    show_page(shown, title, subtitle, &options.page);
    if ((int64_t)s->labels.names.count == m.count) {
        options.names = s->labels.names.text;
        options.n_names = s->labels.names.count;
    }
    struct image image;
    bool good = bars ? bars_draw(&image, &m, &options, p) : grid_draw(&image, &m, &options, p);
    free(title);
    if (!good) return false;
    char *safe = show_safe(layer->name);
    char *name = host_format("%03zu-%s", layer->number, safe);
    fovea_array numbers = {{0}, NULL};
    good = (!s->options->npy || numbers_of(&numbers, &m, p)) &&
           show_write(s, shown, &image, name, bars ? "bars" : "maps", layer, &numbers, p);
    image_free(&image);
    array_free(&numbers);
    free(name);
    free(safe);
    return good;
}

/* ---- Filters ------------------------------------------------------------------------------ */

/* The first convolution whose filters are part of the model; NULL if there is none. */
static const struct layer *find_filters(const struct show *s, fovea_value_info *weights) {
    for (size_t i = 0; i < s->layers.count; i++) {
        const struct layer *layer = &s->layers.list[i];
        bool quantised = strcmp(layer->op, "QLinearConv") == 0;
        if (!quantised && strcmp(layer->op, "Conv") != 0 && strcmp(layer->op, "ConvInteger") != 0)
            continue;
        fovea_value v = fovea_graph_node_input(s->graph, layer->node, quantised ? 3 : 1);
        if (fovea_graph_value(s->graph, v, weights) == FOVEA_OK && weights->data &&
            weights->desc.rank >= 3)
            return layer;
    }
    return NULL;
}

/* Whether the network's channels are blue, green, red: what the preset says, or --bgr. */
static bool is_bgr(const struct show *s) {
    fovea_value_info input;
    struct preprocess settled;
    struct problem none = {0};
    return fovea_graph_value(s->graph, fovea_graph_input_at(s->graph, 0), &input) == FOVEA_OK &&
           preprocess_settle(&settled, &s->options->input.picture, &input.desc, &none) &&
           settled.bgr;
}

static struct maps maps_of_filters(const fovea_array *a, const struct show *s) {
    const fovea_desc *d = &a->desc;
    int64_t filters = d->dim[0], inner = d->dim[1], height = d->rank > 3 ? d->dim[d->rank - 2] : 1;
    struct maps m = {.array = a,
                     .height = height,
                     .width = d->dim[d->rank - 1],
                     .colours = inner == 3 && d->rank == 4};
    m.bgr = m.colours && is_bgr(s);
    m.inner = m.colours || inner == 1 ? 0 : inner;
    int64_t planes = fovea_desc_elements(d) / (m.height * m.width);
    m.count = m.colours ? filters : planes;
    m.shown = m.count < s->options->maps ? m.count : s->options->maps;
    return m;
}

bool show_filters(struct show *s, struct problem *p) {
    fovea_value_info weights;
    const struct layer *layer = find_filters(s, &weights);
    if (!layer)
        return problem_set(p, EXIT_FILE, "%s: has no convolution whose filters are constants",
                           s->model);
    if (fovea_desc_elements(&weights.desc) < 1)
        return problem_set(p, EXIT_FILE, "the filters of layer '%s' are empty", layer->name);
    fovea_array a = {weights.desc, (void *)(uintptr_t)weights.data};
    struct maps m = maps_of_filters(&a, s);
    char subtitle[256];
    char *what = host_format("filters of %s", layer->name), *title = show_title(s, what);
    char part[64] = "";
    if (m.shown < m.count) snprintf(part, sizeof part, "the first %lld of ", (long long)m.shown);
    snprintf(subtitle, sizeof subtitle, "%s%lld %s of %lld x %lld%s", part, (long long)m.count,
             m.inner ? "planes (filter.channel)" : "filters", (long long)m.height,
             (long long)m.width, m.colours ? " in colour: grey is 0" : "");
    struct grid_options options = {.side = (int)s->options->side, .is_signed = true};
    struct shown none = {0};
    show_page(&none, title, subtitle, &options.page);
    struct image image;
    bool good = grid_draw(&image, &m, &options, p) &&
                show_write(s, NULL, &image, "filters", "filters", layer, &a, p);
    free(what);
    free(title);
    return good;
}
