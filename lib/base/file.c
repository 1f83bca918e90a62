/* Reading a file by mapping it, and writing one through a temporary name in the same folder. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

/* ---- Reading ---- */

static fovea_status map_open_file(struct mapping *m, const char *path, int fd) {
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail(FOVEA_BAD_FILE, "%s cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode)) return fail(FOVEA_BAD_FILE, "%s is not a regular file", path);
    if (s.st_size <= 0) return fail(FOVEA_BAD_FILE, "%s is empty", path);
    if ((uintmax_t)s.st_size > PTRDIFF_MAX) return fail(FOVEA_BAD_FILE, "%s is too large", path);
    void *data = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return fail(FOVEA_BAD_FILE, "%s cannot be mapped: %s", path, strerror(errno));
    *m = (struct mapping){data, (size_t)s.st_size};
    return FOVEA_OK;
}

fovea_status file_map(struct mapping *m, const char *path) {
    *m = (struct mapping){NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0) return fail(FOVEA_BAD_FILE, "%s cannot be opened: %s", path, strerror(errno));
    fovea_status status = map_open_file(m, path, fd);
    close(fd);
    return status;
}

void file_unmap(struct mapping *m) {
    if (m->data) munmap(m->data, m->bytes);
    *m = (struct mapping){NULL, 0};
}

/* ---- Writing ---- */

static void writer_failed(struct file_writer *w) {
    if (!w->failed) w->error = errno;
    w->failed = true;
}

/* Creates a file of a fresh name beside `path`. */
static int open_temporary(struct file_writer *w) {
    for (unsigned i = 0; i < 100; i++) {
        w->temporary = mem_format("%s.%ld.%u.tmp", w->path, (long)getpid(), i);
        if (!w->temporary) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) return fd;
        int error = errno;
        mem_free(w->temporary);
        w->temporary = NULL;
        errno = error;
        if (error != EEXIST) return -1;
    }
    return -1;
}

fovea_status file_create(struct file_writer *w, const char *path) {
    struct stat s;
    *w = (struct file_writer){.path = path};
    bool device = stat(path, &s) == 0 && !S_ISREG(s.st_mode);
    int fd = device ? open(path, O_WRONLY | O_CLOEXEC) : open_temporary(w);
    w->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (w->stream) return FOVEA_OK;
    fovea_status status = fail(errno == ENOMEM ? FOVEA_NO_MEMORY : FOVEA_BAD_FILE,
                               "%s cannot be created: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    if (w->temporary) unlink(w->temporary);
    mem_free(w->temporary);
    return status;
}

void file_write(struct file_writer *w, const void *data, size_t bytes) {
    if (w->failed || bytes == 0) return;
    if (fwrite(data, 1, bytes, w->stream) != bytes) writer_failed(w);
    w->written += bytes;
}

fovea_status file_finish(struct file_writer *w, bool keep) {
    if (keep && fflush(w->stream) != 0) writer_failed(w);
    if (keep && w->temporary && !w->failed && fsync(fileno(w->stream)) != 0) writer_failed(w);
    if (fclose(w->stream) != 0) writer_failed(w);
    keep = keep && !w->failed;
    if (keep && w->temporary && rename(w->temporary, w->path) != 0) writer_failed(w);
    if (w->temporary && (!keep || w->failed)) unlink(w->temporary);
    mem_free(w->temporary);
    w->temporary = NULL;
    if (!w->failed) return FOVEA_OK;
    return fail(FOVEA_BAD_FILE, "%s cannot be written: %s", w->path, strerror(w->error));
}

/* Whether a name is that of a temporary file (see open_temporary) whose process is gone. */
static bool is_stale(const char *name, const char *file) {
    size_t n = strlen(file);
    long process;
    unsigned number;
    int end = 0;
    if (strncmp(name, file, n) != 0) return false;
    if (sscanf(name + n, ".%ld.%u.tmp%n", &process, &number, &end) != 2 || end == 0 ||
        name[n + (size_t)end] != '\0')
        return false;
    return process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

void file_remove_stale(const char *path) {
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    char *folder = slash ? mem_format("%.*s/", (int)(slash - path), path) : mem_string("./");
    DIR *d = folder ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char *stale = is_stale(e->d_name, file) ? mem_format("%s%s", folder, e->d_name) : NULL;
        if (stale) unlink(stale);
        mem_free(stale);
    }
    if (d) closedir(d);
    mem_free(folder);
}
