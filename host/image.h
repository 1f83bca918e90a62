/* Pictures from files: jpg, png, bmp, ppm and pgm, told apart by their first bytes. */
#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

#include "fovea_data.h"
#include "host.h"

/* Rows from the top, each pixel red, green, blue, one byte each. Transparency is dropped. */
struct image {
    int width, height;
    unsigned char *rgb;
};

enum {
    IMAGE_MAX_SIDE = 32768,
    IMAGE_MAX_PIXELS = 1 << 26, /* 192 MiB of RGB */
    IMAGE_MAX_FILE = 1 << 30,   /* bytes of a picture file of a data set */
};

bool image_is_picture(const unsigned char *data, size_t size);
/* The bytes are hostile: every length is checked. `name` stands in the sentence of a problem. */
bool image_decode(struct image *out, const unsigned char *data, size_t size, const char *name,
                  struct problem *p);
void image_free(struct image *image);
/* Reads a picture file: the `decode` of a data set (fovea_data.h). Always 3 channels. */
fovea_status image_load(void *unused, const char *path, fovea_picture *out);

/* Allocates the pixels; refuses sizes beyond the limits. */
bool image_create(struct image *out, uint64_t width, uint64_t height, const char *name,
                  struct problem *p);
/* The readers behind image_decode. */
bool image_decode_jpeg(struct image *out, const unsigned char *data, size_t size, const char *name,
                       struct problem *p);
bool image_decode_png(struct image *out, const unsigned char *data, size_t size, const char *name,
                      struct problem *p);
bool image_decode_pnm(struct image *out, const unsigned char *data, size_t size, const char *name,
                      struct problem *p);
bool image_decode_bmp(struct image *out, const unsigned char *data, size_t size, const char *name,
                      struct problem *p);

#endif
