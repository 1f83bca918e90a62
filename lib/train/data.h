/* What the files of the data room share: reading files, decoding arrays, pictures in place. */
#ifndef TRAIN_DATA_H
#define TRAIN_DATA_H

#include "base/status.h"
#include "fovea_data.h"

/* A file read into memory (mem_free). */
struct data_file {
    uint8_t *data;
    size_t bytes;
};
/* Errors: BAD_FILE (missing, no regular file, unreadable, shorter than it was), NO_MEMORY. */
fovea_status data_file_read(struct data_file *, const char *path);
bool data_file_exists(const char *path);
bool data_folder_exists(const char *path);

/* The names in a folder, in the order of bytes, hidden ones left out. */
struct data_names {
    char **name;
    size_t count, capacity;
};
/* Errors: BAD_FILE (unreadable), NO_MEMORY. */
fovea_status data_names_read(struct data_names *, const char *folder);
void data_names_free(struct data_names *);

/* Decoders of fovea_array_decode; what fits its format and no more is accepted. */
bool idx_is(const uint8_t *data, size_t bytes);
fovea_status idx_decode(fovea_array *out, const uint8_t *data, size_t bytes, const char *name);
bool npy_is(const uint8_t *data, size_t bytes);
fovea_status npy_decode(fovea_array *out, const uint8_t *data, size_t bytes, const char *name);
typedef fovea_status array_decoder(fovea_array *out, const uint8_t *data, size_t bytes,
                                   const char *name);
/* Reads and decodes a file. */
fovea_status data_array_read(fovea_array *out, const char *path, array_decoder *);

/* Errors: INVALID (no size that a picture can have). */
fovea_status picture_check(int64_t height, int64_t width, int64_t channels);
/* A rectangle of a picture, scaled to the size of `to`. */
struct picture_box {
    int64_t top, left, height, width;
};
fovea_status picture_scale(const fovea_picture *from, struct picture_box, const fovea_picture *to);
/* One pixel of `from` channels to one of `to`: luma, copies, or without what is too much. */
void picture_pixel(const uint8_t *pixel, int64_t from, uint8_t *out, int64_t to);

#endif
