/* Layers with fresh weights. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/threads.h"
#include "zoo/zoo.h"

const char *zoo_name(struct zoo *z, const char *format, ...) {
    char *name = z->names[z->next_name++ % ZOO_NAMES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, ZOO_NAME_LENGTH, format, arguments);
    va_end(arguments);
    return name;
}

static bool well(const struct zoo *z) {
    return z->status == FOVEA_OK;
}

/* The map of a new node's output, whose value is named like the node. */
static struct map named(struct zoo *z, const char *name, struct map m) {
    if (well(z)) z->status = fovea_graph_name(z->graph, m.value, name);
    return m;
}

/* ---- Weights ---- */

struct fill {
    float *data;
    uint64_t seed;
    double limit;
};

static void fill_part(void *data, size_t begin, size_t end) {
    const struct fill *f = data;
    for (size_t i = begin; i < end; i++) {
        double unit = (double)(random_mix(f->seed, i) >> 11) * 0x1p-53; /* [0, 1) */
        f->data[i] = (float)((2 * unit - 1) * f->limit);
    }
}

/* Uniform in [-limit, limit], which has the variance limit^2 / 3. Seeded by the name too, so that a
 * layer's weights do not depend on the other layers. */
static fovea_value add_weights(struct zoo *z, const char *name, const fovea_desc *d, double limit) {
    fovea_value value = FOVEA_NO_VALUE;
    int64_t n = fovea_desc_elements(d);
    if (!well(z)) return value;
    struct fill f = {.seed = random_mix(hash_string(HASH_START, name), z->options.seed),
                     .limit = limit};
    if (n >= 0) f.data = mem_array((size_t)n, sizeof *f.data);
    if (!f.data) {
        z->status = fail(FOVEA_NO_MEMORY, "out of memory for the weights '%s'", name);
        return value;
    }
    parallel_for((size_t)n, 65536, fill_part, &f);
    z->status = fovea_graph_constant(z->graph, name, d, f.data, &value);
    mem_free(f.data);
    return value;
}

/* One number for each channel. */
static fovea_value add_vector(struct zoo *z, const char *name, int64_t n, float number) {
    fovea_value value = FOVEA_NO_VALUE;
    fovea_desc d = {.dtype = FOVEA_FLOAT32, .rank = 1, .dim = {n}};
    if (!well(z)) return value;
    float *data = mem_array((size_t)n, sizeof *data);
    if (!data) {
        z->status = fail_memory((size_t)n * sizeof *data, "a vector");
        return value;
    }
    for (int64_t i = 0; i < n; i++) data[i] = number;
    z->status = fovea_graph_constant(z->graph, name, &d, data, &value);
    mem_free(data);
    return value;
}

static fovea_value add_scalar(struct zoo *z, const char *name, float number) {
    static const fovea_desc d = {.dtype = FOVEA_FLOAT32, .rank = 0};
    fovea_value value = FOVEA_NO_VALUE;
    if (well(z)) z->status = fovea_graph_constant(z->graph, name, &d, &number, &value);
    return value;
}

/* ---- Layers ---- */

/* One number for each channel, in a shape that broadcasts to pictures. */
static fovea_value add_channels(struct zoo *z, const char *name, const float *numbers) {
    fovea_value value = FOVEA_NO_VALUE;
    fovea_desc d = {.dtype = FOVEA_FLOAT32, .rank = 4, .dim = {1, z->options.channels, 1, 1}};
    if (well(z)) z->status = fovea_graph_constant(z->graph, name, &d, numbers, &value);
    return value;
}

static struct map normalize(struct zoo *z, struct map x) {
    const fovea_zoo_options *o = &z->options;
    fovea_value mean, std;
    if (o->std[0] == 0) return x;
    mean = add_channels(z, "input.mean", o->mean);
    std = add_channels(z, "input.std", o->std);
    if (well(z))
        z->status = fovea_graph_binary(z->graph, "Sub", "input.centred", x.value, mean, &x.value);
    if (well(z))
        z->status = fovea_graph_binary(z->graph, "Div", "input.normal", x.value, std, &x.value);
    return named(z, "input.normal", x);
}

struct map zoo_input(struct zoo *z) {
    const fovea_zoo_options *o = &z->options;
    struct map m = {FOVEA_NO_VALUE, o->channels, o->size, o->size};
    fovea_desc d = {.dtype = FOVEA_FLOAT32,
                    .rank = 4,
                    .dim = {o->batch ? o->batch : -1, o->channels, o->size, o->size}};
    if (well(z)) z->status = fovea_graph_input(z->graph, "input", &d, &m.value);
    return normalize(z, m);
}

/* Places of a window along an axis; fails if there is none. With ceil_mode a last window that would
 * start in the end padding does not count. */
static int64_t places(struct zoo *z, const char *name, int64_t in, int64_t k, int64_t stride,
                      int64_t pad, bool ceil_mode) {
    int64_t room = in + 2 * pad - k;
    if (room < 0) {
        if (well(z))
            z->status = fail(FOVEA_INVALID, "pictures of %lld x %lld are too small for layer '%s'",
                             (long long)z->options.size, (long long)z->options.size, name);
        return 1;
    }
    int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    return ceil_mode && (out - 1) * stride >= in + pad ? out - 1 : out;
}

static struct map activation(struct zoo *z, const char *name, struct map x, enum zoo_after after) {
    if (after == ZOO_PLAIN) return x;
    if (after == ZOO_RELU) return zoo_unary(z, "Relu", zoo_name(z, "%s.relu", name), x);
    const char *clip = zoo_name(z, "%s.relu6", name);
    fovea_value in[3] = {x.value, add_scalar(z, zoo_name(z, "%s.min", clip), 0),
                         add_scalar(z, zoo_name(z, "%s.max", clip), 6)};
    if (well(z)) z->status = fovea_graph_op(z->graph, "Clip", clip, in, 3, NULL, 0, &x.value, 1);
    return named(z, clip, x);
}

static struct map convolve(struct zoo *z, const char *name, struct map x, struct zoo_conv c,
                           bool has_bias) {
    int64_t kw = c.kw ? c.kw : c.kh, pw = c.kw ? c.pw : c.ph;
    int64_t groups = c.groups ? c.groups : 1, stride = c.stride ? c.stride : 1;
    fovea_desc d = {.dtype = FOVEA_FLOAT32, .rank = 4, .dim = {c.oc, x.c / groups, c.kh, kw}};
    fovea_window window = {
        .stride = {stride, stride}, .pads = {c.ph, pw, c.ph, pw}, .groups = groups};
    struct map y = {FOVEA_NO_VALUE, c.oc, places(z, name, x.h, c.kh, stride, c.ph, false),
                    places(z, name, x.w, kw, stride, pw, false)};
    double fan_in = (double)(x.c / groups * c.kh * kw);
    fovea_value bias = FOVEA_NO_VALUE;
    fovea_value weights = add_weights(z, zoo_name(z, "%s.weight", name), &d, sqrt(3 * 2 / fan_in));
    if (has_bias) bias = add_vector(z, zoo_name(z, "%s.bias", name), c.oc, 0);
    if (well(z))
        z->status = fovea_graph_conv(z->graph, name, x.value, weights, bias, &window, &y.value);
    return named(z, name, y);
}

struct map zoo_conv(struct zoo *z, const char *name, struct map x, struct zoo_conv c) {
    return activation(z, name, convolve(z, name, x, c, true), c.after);
}

struct map zoo_conv_norm(struct zoo *z, const char *name, const char *norm, struct map x,
                         struct zoo_conv c, float epsilon) {
    struct map y = convolve(z, name, x, c, false);
    fovea_value scale = add_vector(z, zoo_name(z, "%s.weight", norm), c.oc, 1);
    fovea_value bias = add_vector(z, zoo_name(z, "%s.bias", norm), c.oc, 0);
    fovea_value mean = add_vector(z, zoo_name(z, "%s.running_mean", norm), c.oc, 0);
    fovea_value variance = add_vector(z, zoo_name(z, "%s.running_var", norm), c.oc, 1);
    if (well(z))
        z->status = fovea_graph_batch_norm(z->graph, norm, y.value, scale, bias, mean, variance,
                                           epsilon, &y.value);
    return activation(z, norm, named(z, norm, y), c.after);
}

static struct map pool(struct zoo *z, const char *name, struct map x, const fovea_window *w,
                       bool max) {
    struct map y = {FOVEA_NO_VALUE, x.c,
                    places(z, name, x.h, w->kernel[0], w->stride[0], w->pads[0], w->ceil_mode),
                    places(z, name, x.w, w->kernel[1], w->stride[1], w->pads[1], w->ceil_mode)};
    if (well(z))
        z->status = max ? fovea_graph_max_pool(z->graph, name, x.value, w, &y.value)
                        : fovea_graph_average_pool(z->graph, name, x.value, w, &y.value);
    return named(z, name, y);
}

struct map zoo_max_pool(struct zoo *z, const char *name, struct map x, int64_t k, int64_t stride,
                        int64_t pad, bool ceil_mode) {
    fovea_window w = {.kernel = {k, k},
                      .stride = {stride, stride},
                      .pads = {pad, pad, pad, pad},
                      .ceil_mode = ceil_mode};
    return pool(z, name, x, &w, true);
}

struct map zoo_average_pool(struct zoo *z, const char *name, struct map x, int64_t k,
                            int64_t stride, int64_t pad) {
    fovea_window w = {.kernel = {k, k},
                      .stride = {stride, stride},
                      .pads = {pad, pad, pad, pad},
                      .count_include_pad = true};
    return pool(z, name, x, &w, false);
}

struct map zoo_unary(struct zoo *z, const char *op, const char *name, struct map x) {
    if (well(z)) z->status = fovea_graph_unary(z->graph, op, name, x.value, &x.value);
    return named(z, name, x);
}

struct map zoo_global_average_pool(struct zoo *z, const char *name, struct map x) {
    struct map y = zoo_unary(z, "GlobalAveragePool", name, x);
    y.h = y.w = 1;
    return y;
}

struct map zoo_add(struct zoo *z, const char *name, struct map a, struct map b) {
    if (well(z)) z->status = fovea_graph_binary(z->graph, "Add", name, a.value, b.value, &a.value);
    return named(z, name, a);
}

struct map zoo_concat(struct zoo *z, const char *name, const struct map *xs, size_t count) {
    fovea_value values[8];
    struct map y = xs[0];
    y.c = 0;
    for (size_t i = 0; i < count && i < 8; i++) {
        values[i] = xs[i].value;
        y.c += xs[i].c;
    }
    if (well(z)) z->status = fovea_graph_concat(z->graph, name, values, count, 1, &y.value);
    return named(z, name, y);
}

struct map zoo_lrn(struct zoo *z, const char *name, struct map x, float alpha, float k) {
    if (well(z)) z->status = fovea_graph_lrn(z->graph, name, x.value, 5, alpha, 0.75f, k, &x.value);
    return named(z, name, x);
}

struct map zoo_dropout(struct zoo *z, const char *name, struct map x, float ratio) {
    if (well(z)) z->status = fovea_graph_dropout(z->graph, name, x.value, ratio, &x.value);
    return named(z, name, x);
}

struct map zoo_flatten(struct zoo *z, const char *name, struct map x) {
    if (well(z)) z->status = fovea_graph_flatten(z->graph, name, x.value, &x.value);
    return named(z, name, (struct map){x.value, x.c * x.h * x.w, 1, 1});
}

/* Weights (m, k) of the given variance, bias 0. */
static struct map dense(struct zoo *z, const char *name, struct map x, int64_t m, double variance) {
    fovea_desc d = {.dtype = FOVEA_FLOAT32, .rank = 2, .dim = {m, x.c}};
    struct map y = {FOVEA_NO_VALUE, m, 1, 1};
    fovea_value weights = add_weights(z, zoo_name(z, "%s.weight", name), &d, sqrt(3 * variance));
    fovea_value bias = add_vector(z, zoo_name(z, "%s.bias", name), m, 0);
    if (well(z)) z->status = fovea_graph_dense(z->graph, name, x.value, weights, bias, &y.value);
    return named(z, name, y);
}

struct map zoo_dense(struct zoo *z, const char *name, struct map x, int64_t m) {
    return activation(z, name, dense(z, name, x, m, 2 / (double)x.c), ZOO_RELU);
}

struct map zoo_dense_last(struct zoo *z, const char *name, struct map x) {
    int64_t m = z->options.classes;
    return dense(z, name, x, m, 2 / (double)(x.c + m));
}

void zoo_output(struct zoo *z, const char *name, struct map x) {
    if (well(z))
        z->status =
            fovea_graph_softmax(z->graph, zoo_name(z, "%s.softmax", name), x.value, 1, &x.value);
    x = named(z, name, x);
    if (well(z)) z->status = fovea_graph_output(z->graph, x.value);
}
