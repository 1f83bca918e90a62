/* From a picture to the numbers a network wants. */
#include "preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "resize.h"

static const struct preset {
    const char *name;
    enum resize_mode mode;
    bool bgr;
    double scale, mean[3], std[3];
} presets[] = {
    /* Mean and deviation of ImageNet's pictures, the custom of torchvision. */
    {"imagenet", RESIZE_CROP, false, 1 / 255.0, {.485, .456, .406}, {.229, .224, .225}},
    /* -1 .. 1, the custom of TensorFlow's models. */
    {"mobilenet", RESIZE_CROP, false, 1, {127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}},
    /* Blue, green, red, 0 .. 255 about the mean, the custom of Caffe. */
    {"squeezenet", RESIZE_CROP, true, 1, {104, 117, 123}, {1, 1, 1}},
    {"cifar10", RESIZE_SQUASH, false, 1 / 255.0, {.485, .456, .406}, {.229, .224, .225}},
    {"mnist", RESIZE_SQUASH, false, 1 / 255.0, {0, 0, 0}, {1, 1, 1}},
    {"unit", RESIZE_SQUASH, false, 1 / 255.0, {0, 0, 0}, {1, 1, 1}},
    {"raw", RESIZE_SQUASH, false, 1, {0, 0, 0}, {1, 1, 1}},
};
enum { N_PRESETS = sizeof presets / sizeof *presets };
static const char *const mode_names[] = {"squash", "cover", "crop"};

static const struct preset *find_preset(const char *name) {
    for (size_t i = 0; i < N_PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    return NULL;
}

/* One number for all channels, or one for each. */
static bool spread(double *out, const struct arg_floats *from, int64_t channels, const char *option,
                   struct problem *p) {
    if (from->count == 0) return true;
    if (from->count != 1 && (int64_t)from->count != channels)
        return problem_set(p, EXIT_USAGE, "--%s has %zu numbers; the input has %lld channels",
                           option, from->count, (long long)channels);
    for (int64_t c = 0; c < channels; c++) out[c] = from->value[from->count == 1 ? 0 : c];
    return true;
}

static bool parse_size(struct preprocess *s, const char *text, struct problem *p) {
    char *end;
    long long height = strtoll(text, &end, 10), width = height;
    if (end != text && *end == 'x') width = strtoll(end + 1, &end, 10);
    if (end == text || *end || height < 1 || width < 1 || height > IMAGE_MAX_SIDE ||
        width > IMAGE_MAX_SIDE)
        return problem_set(p, EXIT_USAGE, "--size needs HEIGHTxWIDTH or one number, not '%s'",
                           text);
    if ((s->height && s->height != height) || (s->width && s->width != width))
        return problem_set(p, EXIT_FILE, "the model wants pictures of %lldx%lld, not --size %s",
                           (long long)s->height, (long long)s->width, text);
    s->height = height;
    s->width = width;
    return true;
}

/* Where channels stand: as told, else where the description has 1, 3 or 4 of them. */
static bool settle_layout(struct preprocess *s, const char *layout, const fovea_desc *d,
                          struct problem *p) {
    if (d->rank != 4 && d->rank != 3)
        return problem_set(p, EXIT_FILE, "the input has %d dimensions: it takes no pictures",
                           d->rank);
    if (layout && strcmp(layout, "nchw") != 0 && strcmp(layout, "nhwc") != 0)
        return problem_set(p, EXIT_USAGE, "--layout is nchw or nhwc, not '%s'", layout);
    const int64_t *dim = d->dim + (d->rank - 3);
    bool first = dim[0] == 1 || dim[0] == 3 || dim[0] == 4, last = dim[2] == 1 || dim[2] == 3;
    s->nhwc = layout ? strcmp(layout, "nhwc") == 0 : !first && last;
    s->channels = dim[s->nhwc ? 2 : 0];
    if (s->channels < 0) s->channels = 3;
    if (s->channels != 1 && s->channels != 3)
        return problem_set(p, EXIT_FILE, "the input has %lld channels; a picture has 1 or 3",
                           (long long)s->channels);
    int64_t height = dim[s->nhwc ? 0 : 1], width = dim[s->nhwc ? 1 : 2];
    s->height = height > 0 ? height : 0;
    s->width = width > 0 ? width : 0;
    if (s->height <= IMAGE_MAX_SIDE && s->width <= IMAGE_MAX_SIDE) return true;
    return problem_set(p, EXIT_FILE, "the input's pictures are larger than %d a side",
                       IMAGE_MAX_SIDE);
}

static bool settle_mode(struct preprocess *s, const char *name, struct problem *p) {
    if (!name) return true;
    for (int m = RESIZE_SQUASH; m <= RESIZE_CROP; m++)
        if (strcmp(name, mode_names[m]) == 0) {
            s->mode = (enum resize_mode)m;
            return true;
        }
    return problem_set(p, EXIT_USAGE, "--resize-mode is squash, cover or crop, not '%s'", name);
}

bool preprocess_settle(struct preprocess *out, const struct preprocess_options *o,
                       const fovea_desc *input, struct problem *p) {
    struct preprocess s = {0};
    if (!settle_layout(&s, o->layout, input, p)) return false;
    bool is_float = input->dtype == FOVEA_FLOAT32 || input->dtype == FOVEA_FLOAT16 ||
                    input->dtype == FOVEA_FLOAT64;
    const char *usual = !is_float ? "raw" : s.channels == 3 ? "imagenet" : "unit";
    const struct preset *preset = find_preset(o->preset ? o->preset : usual);
    if (!preset) {
        char known[256];
        preprocess_help(known, sizeof known);
        return problem_set(p, EXIT_USAGE, "there is no preset '%s'; the presets are %s", o->preset,
                           known);
    }
    s.mode = preset->mode;
    s.bgr = preset->bgr || o->bgr;
    s.scale = o->scale.count ? o->scale.value[0] : preset->scale;
    for (int c = 0; c < 3; c++) {
        s.mean[c] = preset->mean[c];
        s.std[c] = preset->std[c];
    }
    if (!spread(s.mean, &o->mean, s.channels, "mean", p) ||
        !spread(s.std, &o->std, s.channels, "std", p) || !settle_mode(&s, o->resize_mode, p) ||
        (o->size && !parse_size(&s, o->size, p)))
        return false;
    for (int c = 0; c < s.channels; c++)
        if (s.std[c] == 0) return problem_set(p, EXIT_USAGE, "--std must not be 0");
    *out = s;
    return true;
}

fovea_desc preprocess_desc(const struct preprocess *s, const struct image *image,
                           fovea_dtype dtype) {
    int64_t height = s->height ? s->height : image->height;
    int64_t width = s->width ? s->width : image->width;
    if (s->nhwc) return (fovea_desc){dtype, 4, {1, height, width, s->channels}};
    return (fovea_desc){dtype, 4, {1, s->channels, height, width}};
}

static int at_least(double x, int least) {
    double rounded = nearbyint(x);
    return rounded < least ? least : rounded > IMAGE_MAX_SIDE ? IMAGE_MAX_SIDE : (int)rounded;
}

static bool fit(struct image *out, const struct image *in, enum resize_mode mode, int height,
                int width, struct problem *p) {
    if (mode == RESIZE_SQUASH) return image_resize(out, in, width, height, p);
    double room = mode == RESIZE_CROP ? 8.0 / 7 : 1;
    double by_height = nearbyint(height * room) / in->height;
    double by_width = nearbyint(width * room) / in->width;
    double k = by_height > by_width ? by_height : by_width;
    struct image scaled = {0, 0, NULL};
    bool good = image_resize(&scaled, in, at_least(in->width * k, width),
                             at_least(in->height * k, height), p) &&
                image_crop(out, &scaled, width, height, p);
    image_free(&scaled);
    return good;
}

/* Channel c of the network at a pixel: luma (ITU-R BT.601, Pillow's rounding) for one channel. */
static double byte_of(const struct preprocess *s, const unsigned char *rgb, int64_t c) {
    if (s->channels == 1)
        return (rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16;
    return rgb[s->bgr ? 2 - c : c];
}

bool preprocess_picture(const struct preprocess *s, const struct image *image, fovea_array *a,
                        int64_t first, struct problem *p) {
    int64_t height = s->height ? s->height : image->height;
    int64_t width = s->width ? s->width : image->width;
    struct image fitted = {0, 0, NULL};
    if (!fit(&fitted, image, s->mode, (int)height, (int)width, p)) return false;
    bool good = true;
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < height * width; i++) {
            double x = byte_of(s, fitted.rgb + 3 * i, c);
            int64_t at = s->nhwc ? i * s->channels + c : c * height * width + i;
            good = array_set(a, first + at, (x * s->scale - s->mean[c]) / s->std[c]) && good;
        }
    image_free(&fitted);
    return good ||
           problem_set(p, EXIT_FILE, "a picture cannot become %s", fovea_dtype_name(a->desc.dtype));
}

bool preprocess_back(const struct preprocess *s, const fovea_array *a, int64_t first,
                     struct image *out, struct problem *p) {
    int from = a->desc.rank - 3 + (s->nhwc ? 0 : 1);
    int64_t height = a->desc.dim[from], width = a->desc.dim[from + 1];
    if (!image_create(out, (uint64_t)width, (uint64_t)height, "the network's input", p))
        return false;
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < height * width; i++) {
            int64_t k = s->channels == 1 ? 0 : s->bgr ? 2 - c : c;
            double x =
                array_get(a, first + (s->nhwc ? i * s->channels + k : k * height * width + i));
            double byte = nearbyint((x * s->std[k] + s->mean[k]) / s->scale);
            out->rgb[3 * i + c] = byte > 0 ? (unsigned char)fmin(byte, 255) : 0;
        }
    return true;
}

void preprocess_help(char *out, size_t size) {
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; i < N_PRESETS && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", presets[i].name);
}
