/* Names of classes, and the true class of each picture. */
#ifndef HOST_LABELS_H
#define HOST_LABELS_H

#include "host.h"

struct labels {
    char *text; /* the file, its lines ended by NULs */
    struct text_list names;
};

/* One name a line. Forms that are also read: "n01440764 tench" (the number of a WordNet synset is
 * left out) and the lines of a Python dictionary, "{0: 'tench, Tinca tinca',". */
bool labels_load(struct labels *out, const char *path, struct problem *p);
void labels_free(struct labels *labels);
/* "" past the end. */
const char *labels_name(const struct labels *labels, int64_t i);

/* Class numbers: an idx file (plain or gzipped), or one number a line. */
bool truth_load(int64_t **out, size_t *count, const char *path, struct problem *p);

#endif
