/* External data: a tensor's bytes in another file of the model's folder. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "onnx/tensor.h"

/* The path must stay inside the model's folder: relative, without "..". */
static bool stays_inside(const char *location) {
    if (!*location || *location == '/' || strchr(location, '\\')) return false;
    for (const char *p = location; p; p = strchr(p, '/')) {
        p += *p == '/';
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') return false;
    }
    return true;
}

static char *beside(const char *path, const char *location) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    return mem_format("%.*s%s", folder, path, location);
}

static fovea_status read_at(int fd, const char *name, uint64_t offset, size_t bytes, uint8_t *to) {
    while (bytes) {
        size_t part = bytes < 1u << 30 ? bytes : 1u << 30;
        ssize_t n = pread(fd, to, part, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return fail(FOVEA_BAD_FILE, "%s cannot be read: %s", name,
                        n ? strerror(errno) : "it ends too early");
        to += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return FOVEA_OK;
}

static fovea_status read_open_file(int fd, const char *name, uint64_t offset, size_t bytes,
                                   void **data) {
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
        return fail(FOVEA_BAD_FILE, "%s is not a regular file", name);
    uint64_t size = (uint64_t)s.st_size;
    if (offset > size || bytes > size - offset)
        return fail(FOVEA_BAD_FILE, "%s has %llu bytes; %zu at offset %llu are needed", name,
                    (unsigned long long)size, bytes, (unsigned long long)offset);
    void *to = mem_alloc(bytes);
    if (!to) return fail_memory(bytes, name);
    fovea_status status = read_at(fd, name, offset, bytes, to);
    if (status == FOVEA_OK) *data = to;
    else mem_free(to);
    return status;
}

fovea_status tensor_read_external(const char *path, const char *location, uint64_t offset,
                                  size_t bytes, void **data) {
    if (!stays_inside(location))
        return fail(FOVEA_BAD_FILE, "external data '%.200s' would lie outside the model's folder",
                    location);
    char *name = beside(path, location);
    if (!name) return fail_memory(strlen(path), "a path");
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    fovea_status status = fd < 0 ? fail(FOVEA_BAD_FILE, "external data %s cannot be opened: %s",
                                        name, strerror(errno))
                                 : read_open_file(fd, name, offset, bytes, data);
    if (fd >= 0) close(fd);
    mem_free(name);
    return status;
}
