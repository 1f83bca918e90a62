/* Test directories in the form of ONNX's own. */
#include "testset.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 16, MAX_ARRAYS = 1024 };

static bool is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static bool is_dir(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* test_2 before test_10. */
static int natural(const void *x, const void *y) {
    const char *a = *(const char *const *)x, *b = *(const char *const *)y;
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            char *end_a, *end_b;
            unsigned long long m = strtoull(a, &end_a, 10), n = strtoull(b, &end_b, 10);
            if (m != n) return m < n ? -1 : 1;
            a = end_a;
            b = end_b;
        } else if (*a != *b) {
            break;
        } else {
            a++;
            b++;
        }
    }
    return (unsigned char)*a - (unsigned char)*b;
}

/* The directories in `path` whose names begin with `prefix`, in natural order. */
static bool list_dirs(struct text_list *out, const char *path, const char *prefix,
                      struct problem *p) {
    DIR *d = opendir(path);
    if (!d) return problem_set(p, EXIT_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)) != 0) continue;
        char *name =
            host_format("%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", e->d_name);
        if (is_dir(name)) text_list_add(out, name);
        else free(name);
    }
    closedir(d);
    if (out->count) qsort(out->text, out->count, sizeof *out->text, natural);
    return true;
}

char *testset_model(const char *dir) {
    static const char *const names[] = {"model.onnx", "model.onnx.zst"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = host_format("%s/%s", dir, names[i]);
        if (is_file(path)) return path;
        free(path);
    }
    return NULL;
}

static bool find(struct text_list *dirs, const char *path, int depth, struct problem *p) {
    char *model = testset_model(path);
    if (model) {
        free(model);
        text_list_add(dirs, host_format("%s", path));
        return true;
    }
    struct text_list inner = {0};
    bool good = *path && list_dirs(&inner, path, "", p);
    for (size_t i = 0; good && depth < MAX_DEPTH && i < inner.count; i++)
        good = find(dirs, inner.text[i], depth + 1, p);
    testset_free(&inner);
    return good;
}

bool testset_find(struct text_list *dirs, const char *path, struct problem *p) {
    size_t before = dirs->count;
    if (!*path) return problem_set(p, EXIT_FILE, "a directory's name is empty");
    if (!find(dirs, path, 0, p)) return false;
    if (dirs->count > before) return true;
    return problem_set(p, EXIT_FILE, "%s: has no model.onnx in it or below", path);
}

bool testset_data(struct text_list *sets, const char *dir, struct problem *p) {
    return list_dirs(sets, dir, "test_data_set_", p);
}

void testset_free(struct text_list *list) {
    for (size_t i = 0; i < list->count; i++) free((void *)(uintptr_t)list->text[i]);
    text_list_free(list);
}

bool testset_load(struct arrays *out, const char *dir, const char *kind, struct problem *p) {
    *out = (struct arrays){NULL, 0};
    bool good = true;
    size_t n = 0;
    for (bool more = true; more && n <= MAX_ARRAYS; n += more) {
        char *path = host_format("%s/%s_%zu.pb", dir, kind, n);
        more = is_file(path);
        free(path);
    }
    out->array = host_alloc(n, sizeof *out->array);
    for (; good && out->count < n; out->count += good) {
        char *path = host_format("%s/%s_%zu.pb", dir, kind, out->count);
        good = array_load_pb(&out->array[out->count], path, p);
        free(path);
    }
    if (!good) arrays_free(out);
    return good;
}

void arrays_free(struct arrays *a) {
    for (size_t i = 0; i < a->count; i++) array_free(&a->array[i]);
    free(a->array);
    *a = (struct arrays){NULL, 0};
}
