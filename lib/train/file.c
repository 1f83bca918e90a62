/* Files and folders of data sets. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "train/data.h"

static fovea_status read_all(struct data_file *f, const char *path, int fd) {
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail(FOVEA_BAD_FILE, "%s cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode)) return fail(FOVEA_BAD_FILE, "%s is not a regular file", path);
    if (s.st_size < 0 || (uintmax_t)s.st_size > PTRDIFF_MAX)
        return fail(FOVEA_BAD_FILE, "%s is too large", path);
    size_t bytes = (size_t)s.st_size, at = 0;
    f->data = mem_alloc(bytes);
    if (!f->data) return fail(FOVEA_NO_MEMORY, "%s: out of memory for its %zu bytes", path, bytes);
    while (at < bytes) {
        ssize_t n = read(fd, f->data + at, bytes - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(FOVEA_BAD_FILE, "%s cannot be read: %s", path, strerror(errno));
        if (n == 0) return fail(FOVEA_BAD_FILE, "%s became shorter while it was read", path);
        at += (size_t)n;
    }
    f->bytes = bytes;
    return FOVEA_OK;
}

fovea_status data_file_read(struct data_file *f, const char *path) {
    *f = (struct data_file){NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0) return fail(FOVEA_BAD_FILE, "%s cannot be opened: %s", path, strerror(errno));
    fovea_status status = read_all(f, path, fd);
    close(fd);
    if (status == FOVEA_OK) return FOVEA_OK;
    mem_free(f->data);
    *f = (struct data_file){NULL, 0};
    return status;
}

bool data_file_exists(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

bool data_folder_exists(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static fovea_status add_name(struct data_names *names, const char *name) {
    char **at = mem_push(&names->name, &names->count, &names->capacity, sizeof *at);
    if (at) *at = mem_string(name);
    return at && *at ? FOVEA_OK : fail_memory(strlen(name) + 1, "the name of a file");
}

static fovea_status read_names(struct data_names *names, const char *folder, DIR *dir) {
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry && errno)
            return fail(FOVEA_BAD_FILE, "%s cannot be read: %s", folder, strerror(errno));
        if (!entry) return FOVEA_OK;
        if (entry->d_name[0] != '.') TRY(add_name(names, entry->d_name));
    }
}

fovea_status data_names_read(struct data_names *names, const char *folder) {
    *names = (struct data_names){NULL, 0, 0};
    DIR *dir = opendir(folder);
    if (!dir) return fail(FOVEA_BAD_FILE, "%s cannot be opened: %s", folder, strerror(errno));
    fovea_status status = read_names(names, folder, dir);
    closedir(dir);
    if (status != FOVEA_OK) data_names_free(names);
    else if (names->count) qsort(names->name, names->count, sizeof *names->name, by_bytes);
    return status;
}

void data_names_free(struct data_names *names) {
    for (size_t i = 0; i < names->count; i++) mem_free(names->name[i]);
    mem_free(names->name);
    *names = (struct data_names){NULL, 0, 0};
}
