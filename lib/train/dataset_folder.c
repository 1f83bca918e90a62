/* Data sets of a folder of pictures for each class. */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "train/dataset.h"

static bool is_picture_name(const char *name) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(endings[i]);
        if (n > length && strcasecmp(name + n - length, endings[i]) == 0) return true;
    }
    return false;
}

/* A folder's folders. */
static fovea_status read_folders(struct data_names *out, const char *path) {
    fovea_status status = FOVEA_OK;
    size_t kept = 0;
    TRY(data_names_read(out, path));
    for (size_t i = 0; i < out->count; i++) {
        char *full = mem_format("%s/%s", path, out->name[i]);
        if (!full) status = fail_memory(strlen(path), "a path");
        bool keep = full && data_folder_exists(full);
        mem_free(full);
        char *name = out->name[i];
        out->name[i] = NULL;
        if (keep) out->name[kept++] = name;
        else mem_free(name);
    }
    out->count = kept;
    if (status != FOVEA_OK) data_names_free(out);
    return status;
}

static fovea_status add_path(struct fovea_dataset *d, size_t *labels_capacity, char *path,
                             int64_t label) {
    size_t labels = (size_t)d->count;
    if (!path) return fail_memory(1, "a path");
    char **at = mem_push(&d->paths.name, &d->paths.count, &d->paths.capacity, sizeof *at);
    if (!at) {
        mem_free(path);
        return fail_memory(d->paths.count * sizeof *at, "paths of pictures");
    }
    *at = path;
    int64_t *l = mem_push(&d->labels, &labels, labels_capacity, sizeof *l);
    if (!l) return fail_memory(labels * sizeof *l, "labels");
    *l = label;
    d->count++;
    return FOVEA_OK;
}

/* The pictures of one class. */
static fovea_status add_files(struct fovea_dataset *d, size_t *capacity, const char *folder,
                              const struct data_names *files, int64_t label) {
    size_t others = 0;
    int64_t before = d->count;
    for (size_t i = 0; i < files->count; i++)
        if (!is_picture_name(files->name[i])) others++;
        else TRY(add_path(d, capacity, mem_format("%s/%s", folder, files->name[i]), label));
    if (d->count == before)
        return fail(FOVEA_BAD_FILE,
                    "%s: holds no pictures (jpg, jpeg, png, bmp, ppm, pgm) for its class", folder);
    if (others)
        dataset_warn(d, "%s: %zu files that are no pictures by their names are left out", folder,
                     others);
    return FOVEA_OK;
}

static fovea_status add_class_folder(struct fovea_dataset *d, size_t *capacity, const char *root,
                                     const char *name, int64_t label) {
    struct data_names files = {NULL, 0, 0};
    char *folder = mem_format("%s/%s", root, name);
    if (!folder) return fail_memory(strlen(root), "a path");
    fovea_status status = data_names_read(&files, folder);
    if (status == FOVEA_OK) status = add_files(d, capacity, folder, &files, label);
    data_names_free(&files);
    mem_free(folder);
    return status;
}

static fovea_status find_class(const struct data_names *classes, const char *name, const char *root,
                               int64_t *out) {
    for (size_t i = 0; i < classes->count; i++)
        if (strcmp(classes->name[i], name) == 0) {
            *out = (int64_t)i;
            return FOVEA_OK;
        }
    return fail(FOVEA_BAD_FILE, "%s/%s: is a class that the folder 'train' does not have", root,
                name);
}

/* Classes are those of `classes`, so that a test split without one of them numbers the others alike. */
static fovea_status read_classes(struct fovea_dataset *d, const char *root,
                                 const struct data_names *classes,
                                 const struct data_names *folders) {
    size_t capacity = 0;
    int64_t label = 0;
    for (size_t i = 0; i < classes->count; i++) TRY(dataset_add_class(d, classes->name[i]));
    for (size_t i = 0; i < folders->count; i++) {
        TRY(find_class(classes, folders->name[i], root, &label));
        TRY(add_class_folder(d, &capacity, root, folders->name[i], label));
    }
    return FOVEA_OK;
}

/* Pictures below `root`, classes below `train` (perhaps the same folder). */
static fovea_status read_root(struct fovea_dataset *d, const char *root, const char *train,
                              bool *found) {
    struct data_names classes = {NULL, 0, 0}, folders = {NULL, 0, 0};
    fovea_status status = read_folders(&classes, train);
    if (status == FOVEA_OK) status = read_folders(&folders, root);
    if (status == FOVEA_OK && folders.count) {
        *found = true;
        d->format = "pictures";
        status = d->decode ? read_classes(d, root, &classes, &folders)
                           : fail(FOVEA_INVALID,
                                  "%s: a folder of pictures needs the callback `decode`", root);
    }
    data_names_free(&classes);
    data_names_free(&folders);
    return status;
}

fovea_status dataset_read_folder(struct fovea_dataset *d, const char *path, enum split split,
                                 bool *found, bool *needs_split) {
    char *train = mem_format("%s/train", path), *test = mem_format("%s/test", path);
    char *val = mem_format("%s/val", path);
    fovea_status status;
    if (!train || !test || !val) {
        status = fail_memory(strlen(path), "a path");
    } else if (data_folder_exists(train)) {
        const char *root = split == SPLIT_TRAIN ? train : data_folder_exists(test) ? test : val;
        status = data_folder_exists(root)
                     ? read_root(d, root, train, found)
                     : fail(FOVEA_BAD_FILE, "%s: has a folder 'train' but neither 'test' nor 'val'",
                            path);
    } else {
        *needs_split = true;
        status = read_root(d, path, path, found);
    }
    mem_free(train);
    mem_free(test);
    mem_free(val);
    return status;
}
