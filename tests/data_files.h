/* Small data sets in a folder that goes with the test. What cannot be written fails the test. */
#ifndef TESTS_DATA_FILES_H
#define TESTS_DATA_FILES_H

#include "fovea_data.h"
#include "harness.h"

extern char folder[64];
void make_folder(void);
void remove_folder(void);
const char *in_folder(const char *name); /* its path, good for the next four calls */
void write_file(const char *name, const void *data, size_t bytes);
void write_packed(const char *name, const void *data, size_t bytes); /* gzip */

/* An idx data set: ten pictures of 3 x 4; label i % 4. */
enum { N = 10, HEIGHT = 3, WIDTH = 4, PLANE = HEIGHT * WIDTH };
uint8_t pixel_of(int i, int k); /* picture, place: 20 i + k */
size_t idx_images(uint8_t *out, int n);
size_t idx_labels(uint8_t *out, int n);
void write_idx(bool packed);

/* CIFAR: label r % classes. With two bytes of labels the first, the coarse one, is 99. */
enum { CIFAR_PLANE = 32 * 32, CIFAR_PICTURE = 3 * CIFAR_PLANE };
uint8_t cifar_pixel(int r, int c, int k); /* record, channel, place */
void write_cifar(const char *name, int first, int records, int label_bytes, int classes);

/* An .npy file of this type ("<i8") and shape ("2, 3"). */
void write_npy(const char *name, const char *type, const char *shape, const void *data,
               size_t bytes);

/* Of the folder; a failure fails the test. */
fovea_dataset *open_set(const char *split, const fovea_dataset_options *options);
fovea_loader *open_loader(fovea_dataset *d, const fovea_loader_options *options);
fovea_batch next_batch(fovea_loader *l);

#endif
