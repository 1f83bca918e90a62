/* The table of a model's layers: what lies in their outputs over all pictures. */
#include <math.h>

#include "json.h"
#include "show.h"
#include "table.h"

static int64_t odd_of(const struct layer *l) {
    return l->values - l->finite;
}

static void add_row(struct table *t, const struct layer *l, bool odd) {
    double share = l->values ? 100 * (double)l->zeros / (double)l->values : 0;
    table_cell(t, "%s", l->name);
    table_cell(t, "%s", l->op);
    table_cell(t, "%.4g", l->mean);
    table_cell(t, "%.4g", layer_deviation(l));
    table_cell(t, "%.4g", l->finite ? l->least : NAN);
    table_cell(t, "%.4g", l->finite ? l->most : NAN);
    table_cell(t, "%.1f %%", share);
    if (layer_rectifies(l) && l->channels)
        table_cell(t, "%lld of %lld", (long long)layer_dead(l), (long long)l->channels);
    else table_cell(t, "-");
    if (odd) table_cell(t, "%lld", (long long)odd_of(l));
}

void show_stats_print(const struct show *s) {
    struct table t;
    int64_t odd = 0, dead = 0, channels = 0;
    for (size_t i = 0; i < s->layers.count; i++) odd += odd_of(&s->layers.list[i]);
    table_begin(&t, odd ? "layer|op|>mean|>deviation|>min|>max|>zeros|>dead channels|>not finite"
                        : "layer|op|>mean|>deviation|>min|>max|>zeros|>dead channels");
    for (size_t i = 0; i < s->layers.count; i++) {
        const struct layer *l = &s->layers.list[i];
        if (!l->wanted) continue;
        add_row(&t, l, odd > 0);
        if (!layer_rectifies(l)) continue;
        dead += layer_dead(l);
        channels += l->channels;
    }
    table_print(&t);
    size_t pictures = s->input.items ? s->input.items : s->input.pieces;
    printf("%zu %s%s, %lld of %lld rectified channels dead\n", pictures,
           s->input.items ? "picture" : "batch",
           pictures == 1    ? ""
           : s->input.items ? "s"
                            : "es",
           (long long)dead, (long long)channels);
}

static void json_layer(const struct layer *l) {
    json_object(NULL);
    json_text("layer", l->name);
    json_text("op", l->op);
    json_integer("values", l->values);
    json_number("mean", l->mean);
    json_number("deviation", layer_deviation(l));
    json_number("min", l->finite ? l->least : NAN);
    json_number("max", l->finite ? l->most : NAN);
    json_number("zeros", l->values ? (double)l->zeros / (double)l->values : 0);
    json_integer("channels", l->channels);
    if (layer_rectifies(l) && l->channels) json_integer("dead", layer_dead(l));
    json_integer("not_finite", odd_of(l));
    json_close();
}

void show_stats_json(const struct show *s) {
    json_array("layers");
    for (size_t i = 0; i < s->layers.count; i++)
        if (s->layers.list[i].wanted) json_layer(&s->layers.list[i]);
    json_close();
}
