/* Fovea's data room: data sets of labelled pictures, and the loader that turns them into batches while
 * the device computes.
 *
 *     fovea_dataset_open      what there is: idx, CIFAR, npy, or a folder of pictures per class
 *     fovea_loader_create     how it is fed: batch, size, order, augmentation, threads
 *     fovea_loader_next       one batch after the other, without end
 *
 * The rules of fovea.h hold. Files are hostile: every length is checked, and a bad file gets one sentence
 * that names it. The order of items and every augmentation follow from seed, epoch and item alone, so the
 * batches are the same bits whatever the number of threads, and after fovea_loader_seek. */
#ifndef FOVEA_DATA_H
#define FOVEA_DATA_H

#include <fovea.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Arrays of files ------------------------------------------------------------------------ */

typedef enum fovea_array_format {
    FOVEA_ARRAY_UNKNOWN = 0,
    FOVEA_ARRAY_IDX, /* the files of MNIST and its kin; also any gzip file, which is then unpacked */
    FOVEA_ARRAY_NPY, /* NumPy's .npy, versions 1 to 3, little-endian, C order */
} fovea_array_format;
/* What the first bytes say. */
FOVEA_API fovea_array_format fovea_array_find_format(const void *data, size_t bytes);
/* Decodes an idx or npy file that lies in memory; `name` stands in the sentence of a failure.
 * fovea_array_free frees the result. Errors: BAD_FILE, UNSUPPORTED (element type), NO_MEMORY. */
FOVEA_API fovea_status fovea_array_decode(fovea_array *out, const void *data, size_t bytes,
                                          const char *name);

/* ---- Pictures ------------------------------------------------------------------------------- */

#define FOVEA_PICTURE_CHANNELS 4 /* at most */

/* Rows from the top, pixels from the left, channels fastest (HWC), 8 bits each. */
typedef struct fovea_picture {
    int64_t width, height, channels;
    uint8_t *pixels;
} fovea_picture;

/* Allocates the pixels, zeroed. Errors: INVALID (a side below 1 or above 65536, channels other than 1 to
 * 4, more than 2^31 bytes), NO_MEMORY. */
FOVEA_API fovea_status fovea_picture_create(fovea_picture *out, int64_t height, int64_t width,
                                            int64_t channels);
FOVEA_API void fovea_picture_free(fovea_picture *picture);
/* Scales `from` to the size of `to`, whose pixels are there already and of as many channels. A triangle
 * filter that covers every source pixel, bit for bit Pillow's Image.resize(BILINEAR).
 * Errors: INVALID, NO_MEMORY. */
FOVEA_API fovea_status fovea_picture_scale(const fovea_picture *from, const fovea_picture *to);
/* Sets this thread's sentence, for a callback that fails, and returns `status`. */
FOVEA_API fovea_status fovea_fail(fovea_status status, const char *sentence);

/* ---- Data sets ------------------------------------------------------------------------------- */

typedef struct fovea_dataset fovea_dataset;

typedef struct fovea_dataset_options {
    /* Reads a picture file into `out` (fovea_picture_create); needed for folders of pictures. Called from
     * several threads at once. A failure sets its sentence by fovea_fail: BAD_FILE and UNSUPPORTED mean
     * that the picture is damaged, anything else ends the work. */
    fovea_status (*decode)(void *user, const char *path, fovea_picture *out);
    /* Called with one sentence when something was not as it should be but work goes on: a damaged picture
     * that is skipped, files that are no pictures. From any thread, one at a time. May be NULL. */
    void (*warn)(void *user, const char *sentence);
    void *user;
    bool skip_damaged; /* damaged pictures are named (warn), counted and left out; else they fail */
    double
        hold_out; /* the share of "train" that becomes "validation"; 0: none. By a hash of each item */
    double test_share; /* where the files know no split: the share that becomes "test"; 0: 0.2 */
    int64_t classes;   /* not 0: a label that is not below it is an error */
} fovea_dataset_options;

/* Opens "train", "test" or "validation" (which needs hold_out) of the data set in a folder. What is there
 * is found by looking:
 *   idx       train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-... for test
 *   CIFAR     data_batch_*.bin and test_batch.bin (10 classes), train.bin and test.bin (100 fine ones)
 *   npy       train_images.npy and train_labels.npy, test_...; or images.npy and labels.npy. Bytes
 *             (n,h,w), (n,h,w,c) or (n,c,h,w), and whole numbers (n)
 *   pictures  SPLIT/CLASS/FILE with SPLIT train, test or val; or CLASS/FILE. Classes by name in the order
 *             of bytes; files are jpg, jpeg, png, bmp, ppm, pgm
 * Files that know no split are split by a hash: of the path for pictures, so that new files move no old
 * ones. Names of classes: classes.txt (one a line), batches.meta.txt, fine_label_names.txt, the folders.
 * Errors: BAD_FILE, INVALID (options), UNSUPPORTED (element type), NO_MEMORY. */
FOVEA_API fovea_status fovea_dataset_open(fovea_dataset **out, const char *path, const char *split,
                                          const fovea_dataset_options *options);
FOVEA_API void fovea_dataset_destroy(fovea_dataset *dataset);

/* Data of a program's own. */
typedef struct fovea_dataset_source {
    int64_t count, classes;
    const char *const *class_names;  /* copied; NULL: numbers */
    int64_t channels, height, width; /* of every picture; 0: they vary */
    /* Called for each item once, when the data set is made. */
    int64_t (*label)(void *user, int64_t item);
    /* Fills `out` (fovea_picture_create). Called from several threads at once. Fails as `decode` does. */
    fovea_status (*picture)(void *user, int64_t item, fovea_picture *out);
    void *user;
} fovea_dataset_source;
/* `options` may be NULL; of them skip_damaged, warn and user are used.
 * Errors: INVALID (a label out of range, a count below 1), NO_MEMORY. */
FOVEA_API fovea_status fovea_dataset_from_callback(fovea_dataset **out,
                                                   const fovea_dataset_source *source,
                                                   const fovea_dataset_options *options);

typedef struct fovea_dataset_info {
    int64_t count, classes;
    int64_t channels, height, width; /* 0: they vary */
    const char *format; /* "idx", "CIFAR-10", "CIFAR-100", "npy", "pictures", "callback" */
    int64_t damaged;    /* pictures found damaged so far */
} fovea_dataset_info;
FOVEA_API void fovea_dataset_get_info(const fovea_dataset *dataset, fovea_dataset_info *out);
/* The name of a class: "ankle boot"; its number where there are no names; NULL past the end. */
FOVEA_API const char *fovea_dataset_class(const fovea_dataset *dataset, int64_t i);
/* -1 past the end. */
FOVEA_API int64_t fovea_dataset_label(const fovea_dataset *dataset, int64_t item);
/* A copy of a picture as it lies in the data set. Errors: INVALID (past the end), BAD_FILE (damaged). */
FOVEA_API fovea_status fovea_dataset_picture(const fovea_dataset *dataset, int64_t item,
                                             fovea_picture *out);
/* Mean and standard deviation of each of `channels` channels over all pixels, 0 (black) to 1: what a
 * loader takes. At most `most` items are read, evenly spread (0: all). Damaged ones are treated as the data
 * set's options say. Errors: INVALID, BAD_FILE, NO_MEMORY. */
FOVEA_API fovea_status fovea_dataset_measure(fovea_dataset *dataset, int64_t channels, int64_t most,
                                             float mean[FOVEA_PICTURE_CHANNELS],
                                             float std[FOVEA_PICTURE_CHANNELS]);

/* ---- Loaders --------------------------------------------------------------------------------- */

typedef struct fovea_loader fovea_loader;

/* How a picture of another size comes to the network's. */
typedef enum fovea_fit {
    FOVEA_FIT_SQUASH = 0, /* scaled to height x width, whatever the proportions */
    FOVEA_FIT_COVER,      /* scaled until both sides cover, then the middle cut out */
    FOVEA_FIT_CROP, /* the same to 8/7 of the size (256 for 224): the usual ImageNet evaluation */
    FOVEA_FIT_PAD,  /* in the middle of black, scaled down only where it is larger (28 in 32) */
} fovea_fit;

/* Random changes of each picture, in this order; zero switches one off. Each draws from random numbers of
 * its own, so that switching one on leaves the others as they were. */
typedef struct fovea_augmentation {
    /* Instead of `fit`: a rectangle of crop_area..1 of the picture's area and a ratio of sides within
     * crop_ratio either way (0: 4/3) is scaled to the network's size (Szegedy et al. 2015; 0.08 there). */
    float crop_area, crop_ratio;
    int64_t shift;  /* moved by up to so many pixels along each axis, black behind (CIFAR: 4) */
    float rotation; /* turned by up to so many degrees about the middle, bilinear, black behind */
    float flip_horizontal,
        flip_vertical; /* the probability that it is mirrored: left-right, top-bottom */
    /* Each a factor from [1 - x, 1 + x]: of the values; of the distance from the mean grey of the picture;
     * of the distance from the pixel's grey (3 channels). Clamped to 0..255 after each. */
    float brightness, contrast, saturation;
    /* After normalising: a square of so many pixels a side about a random pixel becomes 0 (DeVries and
     * Taylor 2017); what would lie outside is cut. */
    int64_t cutout;
    /* Each picture of a batch becomes lambda of itself and 1 - lambda of its mirror in the batch, lambda
     * from Beta(mixup, mixup), one a batch (Zhang et al. 2018). */
    float mixup;
} fovea_augmentation;

typedef struct fovea_loader_options {
    int64_t batch; /* 0: 32 */
    int64_t channels, height,
        width; /* of the network's input; 0: the data set's, which must not vary */
    /* x = (value / 255 - mean) / std of each channel; all of std 0: mean 0, std 1. */
    float mean[FOVEA_PICTURE_CHANNELS], std[FOVEA_PICTURE_CHANNELS];
    fovea_fit fit;
    uint64_t seed;
    int threads;    /* that read ahead; 0: all cores less one, at least one */
    int prefetch;   /* batches read ahead; 0: 4 */
    bool shuffle;   /* a fresh order each epoch; else that of the data set */
    bool drop_last; /* an epoch ends before a batch that is not full */
    fovea_augmentation augment;
} fovea_loader_options;

/* One batch. The memory is the loader's and stays as it is until the next call with the loader. */
typedef struct fovea_batch {
    const float *x;         /* (batch, channels, height, width); rows from `count` on are 0 */
    const int64_t *labels;  /* (batch); from `count` on -1 */
    const int64_t *labels2; /* the mirrors' labels under mixup, else as `labels` */
    const int64_t *items; /* (batch): which item of the data set each row is; from `count` on -1 */
    float lambda;         /* the share of `labels`; 1 without mixup */
    int64_t count;        /* rows that are pictures */
    int64_t index, epoch; /* number of the batch in its epoch, and of the epoch, from 0 */
} fovea_batch;

/* Starts threads that read ahead. The loader borrows the data set. Pictures of 3 or 4 channels become one
 * by luma (ITU-R BT.601), of one become 3 by copying.
 * A damaged picture of a data set that skips them: with `shuffle` its row takes another, drawn from
 * seed, epoch and item; without, it is left out and `count` is smaller.
 * Errors: INVALID (options), NO_MEMORY. */
FOVEA_API fovea_status fovea_loader_create(fovea_loader **out, fovea_dataset *dataset,
                                           const fovea_loader_options *options);
FOVEA_API void fovea_loader_destroy(fovea_loader *loader);
/* Waits for the next batch, that of the next epoch after the last. After a failure the same failure comes
 * again until fovea_loader_seek. Errors: BAD_FILE (a damaged picture), NO_MEMORY. */
FOVEA_API fovea_status fovea_loader_next(fovea_loader *loader, fovea_batch *out);
/* The next batch will be this one. Errors: INVALID (no such batch). */
FOVEA_API fovea_status fovea_loader_seek(fovea_loader *loader, int64_t epoch, int64_t batch);
/* Batches of one epoch. */
FOVEA_API int64_t fovea_loader_batches(const fovea_loader *loader);

#ifdef __cplusplus
}
#endif
#endif
