/* Where the pictures of `fovea show` go, and what stands on every page. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "npy.h"
#include "show.h"

enum { MAX_NAME = 80 };

char *show_stem(const char *path) {
    const char *slash = strrchr(path, '/');
    char *stem = host_format("%s", slash ? slash + 1 : path);
    static const char *const endings[] = {".zst", ".gz"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(stem), m = strlen(endings[i]);
        if (n > m && strcmp(stem + n - m, endings[i]) == 0) stem[n - m] = '\0';
    }
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem) *dot = '\0';
    return stem;
}

char *show_model_name(const char *path) {
    char *stem = show_stem(path), *folder = host_format("%s", path), *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    if (slash && *folder && strcmp(stem, "model") == 0) {
        slash = strrchr(folder, '/');
        free(stem);
        stem = host_format("%s", slash ? slash + 1 : folder);
    }
    free(folder);
    return stem;
}

char *show_safe(const char *name) {
    char *safe = host_format("%.*s", MAX_NAME, name);
    for (char *at = safe; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at)) *at = '_';
    if (*safe == '.') *safe = '_';
    return safe;
}

char *show_title(const struct show *s, const char *what) {
    return host_format("%s: %s", s->name, what);
}

void show_page(const struct shown *shown, const char *title, const char *subtitle,
               struct page_options *out) {
    const char *slash = strrchr(shown->name, '/');
    *out = (struct page_options){.title = title,
                                 .subtitle = subtitle,
                                 .picture = shown->picture.rgb ? &shown->picture : NULL,
                                 .picture_name = slash ? slash + 1 : shown->name};
}

/* ---- Folders ------------------------------------------------------------------------------ */

static bool make_one(const char *path, struct problem *p) {
    struct stat about;
    if (mkdir(path, 0777) == 0) return true;
    int why = errno;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return true;
    return problem_set(p, EXIT_FILE, "%s: the folder cannot be made: %s%s", path, strerror(why),
                       why == EEXIST ? " and is no folder; --out FOLDER names another" : "");
}

/* The folder with all above it. */
static bool make_folder(const char *path, struct problem *p) {
    char *part = host_format("%s", path);
    bool good = true;
    for (char *at = part + 1; good && *part && *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        good = make_one(part, p);
        *at = '/';
    }
    good = good && make_one(part, p);
    free(part);
    return good;
}

static bool is_taken(const struct text_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->text[i], name) == 0) return true;
    return false;
}

/* "cat.jpg" -> FOLDER/cat, "digits-idx3.gz#7" -> FOLDER/digits-idx3-7; "-2" and so on where two
 * pictures have one name. */
static void name_folder(struct show *s, struct shown *shown) {
    const char *slash = strrchr(shown->name, '/');
    char *path = host_format("%s", slash ? slash + 1 : shown->name), *number = strrchr(path, '#');
    if (number) *number++ = '\0';
    char *stem = show_stem(path);
    char *whole = host_format("%s%s%s", stem, number ? "-" : "", number ? number : "");
    char *safe = show_safe(whole), *name = host_format("%s", safe);
    for (int k = 2; is_taken(&s->folders, name); k++) {
        free(name);
        name = host_format("%s-%d", safe, k);
    }
    text_list_add(&s->folders, name);
    shown->folder = host_format("%s/%s", s->folder, name);
    free(path);
    free(stem);
    free(whole);
    free(safe);
}

/* ---- Files -------------------------------------------------------------------------------- */

static void note(struct show *s, const struct shown *shown, char *file, const struct image *image,
                 const char *kind, const struct layer *layer) {
    struct written *grown = realloc(s->written, (s->n_written + 1) * sizeof *grown);
    if (!grown) return; /* the file is there all the same */
    s->written = grown;
    s->written[s->n_written++] =
        (struct written){file,         host_format("%s", shown ? shown->name : ""),
                         kind,         layer ? layer->name : NULL,
                         image->width, image->height};
    if (!s->common->json) printf("%s\n", file);
}

/* The numbers behind a page, as .npy of the same name. */
static bool write_numbers(const fovea_array *numbers, const char *folder, const char *name,
                          struct problem *p) {
    char *file = host_format("%s/%s.npy", folder, name);
    bool good = npy_write(numbers, file, p);
    free(file);
    return good;
}

bool show_write(struct show *s, struct shown *shown, struct image *image, const char *name,
                const char *kind, const struct layer *layer, const fovea_array *numbers,
                struct problem *p) {
    if (shown && !shown->folder) name_folder(s, shown);
    const char *folder = shown ? shown->folder : s->folder;
    char *file = host_format("%s/%s.png", folder, name);
    bool good = make_folder(folder, p) && image_write_png(image, file, p) &&
                (!s->options->npy || !numbers || write_numbers(numbers, folder, name, p));
    if (good) note(s, shown, file, image, kind, layer);
    else free(file);
    image_free(image);
    return good;
}
