/* What `fovea train` and `fovea eval` share: data, defaults of architectures, words of settings. */
#ifndef HOST_TRAINING_H
#define HOST_TRAINING_H

#include "fovea_trainer.h"
#include "host.h"

/* What an architecture is trained with unless told otherwise. */
struct training_defaults {
    const char *name; /* the beginning of the network's name; "" serves all others */
    const char *optimizer, *schedule;
    double rate;
    int64_t batch, epochs;
    const char *augment;
};
const struct training_defaults *training_defaults_of(const char *network);

/* A number of a range, ends included. */
bool number_parse(const char *text, double least, double most, const char *what, double *out,
                  struct problem *p);
/* "shift=4,flip=0.5,rotation=10,..." into an augmentation; "none" and "" are none. */
bool augmentation_parse(const char *text, fovea_augmentation *out, struct problem *p);
/* "squash", "cover", "crop", "pad"; NULL: squash. */
bool fit_parse(const char *text, fovea_fit *out, struct problem *p);
/* "cross-entropy", "mean-squared", "binary", "hinge"; NULL: cross-entropy. */
bool loss_parse(const char *text, fovea_loss *out, struct problem *p);
/* Opens a split of a data set; pictures are decoded as everywhere in the program. */
bool training_dataset(fovea_dataset **out, const char *path, const char *split, double hold_out,
                      bool skip_damaged, struct problem *p);

#endif
