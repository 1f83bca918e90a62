/* From a picture to the numbers a network wants: size, order of channels, scale, mean, deviation. */
#ifndef HOST_PREPROCESS_H
#define HOST_PREPROCESS_H

#include "array.h"
#include "image.h"

/* As given on the command line; what is left out comes from the preset, then from the model. */
struct preprocess_options {
    const char *preset, *size, *layout, *resize_mode;
    struct arg_floats mean, std, scale;
    bool bgr;
};

enum resize_mode {
    RESIZE_SQUASH, /* to height x width, whatever the proportions */
    RESIZE_COVER,  /* keeping proportions until both sides cover, then cut out the middle */
    RESIZE_CROP,   /* the same to 8/7 of the size (256 for 224): the usual ImageNet evaluation */
};

/* value = (byte * scale - mean[c]) / std[c], with c in the network's order of channels. */
struct preprocess {
    int64_t channels, height, width; /* height and width 0: as the picture has them */
    bool nhwc, bgr;
    enum resize_mode mode;
    double scale, mean[4], std[4];
};

/* Settles everything for an input of this description (rank 4, or 3 without a batch). */
bool preprocess_settle(struct preprocess *out, const struct preprocess_options *options,
                       const fovea_desc *input, struct problem *p);
/* The shape of one picture as a batch of one. */
fovea_desc preprocess_desc(const struct preprocess *s, const struct image *image,
                           fovea_dtype dtype);
/* Writes one picture to `a`, from element `first` on. */
bool preprocess_picture(const struct preprocess *s, const struct image *image, fovea_array *a,
                        int64_t first, struct problem *p);
/* The way back: the picture that `a` holds from element `first` on, as the network sees it. */
bool preprocess_back(const struct preprocess *s, const fovea_array *a, int64_t first,
                     struct image *out, struct problem *p);
/* For the help text: the presets, one a line. */
void preprocess_help(char *out, size_t size);

#endif
