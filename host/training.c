/* Words of the command line that `fovea train` and `fovea eval` share, and the data they open. */
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "image.h"

/* ---- Architectures ---- */

/* Rates and schedules as the papers and torchvision's recipes have them, for few epochs on one device. The
 * first line whose name begins the network's serves. */
static const struct training_defaults architectures[] = {
    {"lenet5", "momentum", "cosine", 0.02, 64, 12, "shift=1"},
    {"alexnet", "momentum:weight_decay=5e-4", "cosine", 0.01, 32, 30, "flip=0.5"},
    {"vgg", "momentum:weight_decay=5e-4,clip_norm=5", "cosine", 0.01, 32, 30, "flip=0.5"},
    {"googlenet", "momentum:weight_decay=2e-4", "cosine", 0.01, 32, 30, "flip=0.5"},
    {"inception", "momentum:weight_decay=4e-5", "cosine", 0.02, 32, 30, "flip=0.5"},
    {"resnet", "nesterov:weight_decay=5e-4", "cosine", 0.1, 128, 20, "shift=4,flip=0.5"},
    {"mobilenet", "nesterov:weight_decay=4e-5", "cosine", 0.05, 64, 30, "flip=0.5"},
    {"", "adamw", "cosine", 0.001, 64, 20, ""},
};

const struct training_defaults *training_defaults_of(const char *network) {
    const struct training_defaults *d = architectures;
    while (strncmp(network, d->name, strlen(d->name)) != 0) d++;
    return d;
}

/* ---- Words ---- */

bool number_parse(const char *text, double least, double most, const char *what, double *out,
                  struct problem *p) {
    char *end;
    *out = strtod(text, &end);
    if (end != text && !*end && *out >= least && *out <= most) return true;
    return problem_set(p, EXIT_USAGE, "%s is '%s'; a number from %g to %g is wanted", what, text,
                       least, most);
}

struct augmentation_word {
    const char *name;
    float *real;
    int64_t *whole;
    double most;
};

/* Takes one "name=number". */
static bool augmentation_word(char *word, const struct augmentation_word *words, size_t n,
                              struct problem *p) {
    char *equals = strchr(word, '=');
    if (equals) *equals++ = '\0';
    for (size_t i = 0; i < n; i++) {
        double number;
        if (strcmp(word, words[i].name) != 0) continue;
        if (!number_parse(equals ? equals : "", 0, words[i].most, word, &number, p)) return false;
        if (words[i].real) *words[i].real = (float)number;
        else *words[i].whole = (int64_t)number;
        return true;
    }
    return problem_set(p, EXIT_USAGE,
                       "there is no augmentation '%s'; known are shift, flip, flip_vertical, "
                       "rotation, crop, brightness, contrast, saturation, cutout, mixup",
                       word);
}

bool augmentation_parse(const char *text, fovea_augmentation *out, struct problem *p) {
    *out = (fovea_augmentation){0};
    const struct augmentation_word words[] = {
        {"shift", NULL, &out->shift, 1 << 16},
        {"flip", &out->flip_horizontal, NULL, 1},
        {"flip_vertical", &out->flip_vertical, NULL, 1},
        {"rotation", &out->rotation, NULL, 180},
        {"crop", &out->crop_area, NULL, 1},
        {"brightness", &out->brightness, NULL, 1},
        {"contrast", &out->contrast, NULL, 1},
        {"saturation", &out->saturation, NULL, 1},
        {"cutout", NULL, &out->cutout, 1 << 16},
        {"mixup", &out->mixup, NULL, 100},
    };
    char *copy = host_format("%s", text), *save = NULL;
    bool good = true;
    if (strcmp(text, "none") == 0) *copy = '\0';
    for (char *w = strtok_r(copy, ",", &save); w && good; w = strtok_r(NULL, ",", &save))
        good = augmentation_word(w, words, sizeof words / sizeof *words, p);
    free(copy);
    return good;
}

/* The place of `text` in a list of names; -1 with the problem set. */
static int find_name(const char *text, const char *const *names, int n, const char *what,
                     struct problem *p) {
    char list[256] = "";
    for (int i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0) return i;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    problem_set(p, EXIT_USAGE, "there is no %s '%s'; known are %s", what, text, list);
    return -1;
}

bool fit_parse(const char *text, fovea_fit *out, struct problem *p) {
    static const char *const names[] = {"squash", "cover", "crop", "pad"};
    int i = text ? find_name(text, names, 4, "fit", p) : 0;
    if (i >= 0) *out = (fovea_fit)i;
    return i >= 0;
}

bool loss_parse(const char *text, fovea_loss *out, struct problem *p) {
    static const char *const names[] = {"cross-entropy", "mean-squared", "binary", "hinge"};
    int i = text ? find_name(text, names, 4, "loss", p) : 0;
    if (i >= 0) *out = (fovea_loss)i;
    return i >= 0;
}

/* ---- Data ---- */

static void warn(void *user, const char *sentence) {
    (void)user;
    fprintf(stderr, "fovea: warning: %s\n", sentence);
}

bool training_dataset(fovea_dataset **out, const char *path, const char *split, double hold_out,
                      bool skip_damaged, struct problem *p) {
    fovea_dataset_options o = {
        .decode = image_load, .warn = warn, .skip_damaged = skip_damaged, .hold_out = hold_out};
    return problem_check(p, fovea_dataset_open(out, path, split, &o));
}
