/* What the parts of `fovea show` share. */
#ifndef HOST_SHOW_H
#define HOST_SHOW_H

#include "grid.h"
#include "labels.h"
#include "layers.h"
#include "runner.h"

struct show_options {
    struct input_options input;
    struct text_list layers;
    const char *out, *labels;
    int64_t maps, side, class; /* class -1: the one with the largest score */
    bool filters, stats, saliency, cam, npy;
};

/* A file that was written. */
struct written {
    char *file, *input; /* input "": none */
    const char *kind, *layer;
    int width, height;
};

struct show {
    const struct common *common;
    const struct show_options *options;
    const char *model; /* its path */
    char *name;        /* for titles and the default folder */
    char *folder;      /* where everything goes */
    fovea_graph *graph;
    struct layers layers;
    struct input input;
    struct runner runner;
    struct explain *explain; /* NULL: neither --saliency nor --cam, or not begun */
    struct labels labels;
    struct text_list folders; /* of pictures, so that two of one name get two */
    struct written *written;
    size_t n_written;
};

/* One picture of the input, with what is drawn of it. */
struct shown {
    size_t number;   /* among all pictures, from 0 */
    size_t batch, k; /* it is element k of a batch of so many */
    char name[512];
    char *folder;         /* NULL until something is written there */
    struct image picture; /* no pixels: the input is no picture */
};

/* "/a/b/cat.jpg" -> "cat"; the caller frees it. */
char *show_stem(const char *path);
/* The same for a model; one that is called model.onnx has the name of its folder. */
char *show_model_name(const char *path);
/* The page's title, with the model's name in front. */
char *show_title(const struct show *s, const char *what);
/* Fills in the title and the input picture. */
void show_page(const struct shown *shown, const char *title, const char *subtitle,
               struct page_options *out);
/* Writes FOLDER/[picture's folder/]NAME.png and notes it; with --npy the numbers beside it. Frees the
 * image. */
bool show_write(struct show *s, struct shown *shown, struct image *image, const char *name,
                const char *kind, const struct layer *layer, const fovea_array *numbers,
                struct problem *p);
/* A name that is safe as part of a file's: other characters than letters, digits and ._- become _. */
char *show_safe(const char *name);

/* The parts. */
bool show_layer(struct show *s, struct shown *shown, const struct layer *layer,
                const fovea_array *a, struct problem *p);
bool show_filters(struct show *s, struct problem *p);
/* Saliency and class activation maps of the pictures of a batch; `arrays` are what is fed, `first` the
 * number of its first picture. */
bool show_gradient(struct show *s, struct shown *list, size_t count, const fovea_array *arrays,
                   struct problem *p);
void show_gradient_end(struct show *s);
void show_stats_print(const struct show *s);
void show_stats_json(const struct show *s);

#endif
