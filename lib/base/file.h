/* Files: reading by mapping, and writing through a temporary name. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>

#include "base/status.h"

/* A regular file mapped for reading. */
struct mapping {
    void *data;
    size_t bytes;
};
/* Errors: BAD_FILE (missing, unreadable, empty, not a regular file). */
fovea_status file_map(struct mapping *, const char *path);
void file_unmap(struct mapping *);

/* A file being written. An existing regular file is replaced only by file_finish, in one step; a
 * device (/dev/full, /dev/stdout) is written to directly. */
struct file_writer {
    FILE *stream;
    const char *path; /* borrowed; must outlive the writer */
    char *temporary;  /* NULL for a device */
    uint64_t written;
    bool failed;
    int error; /* errno of the first failure */
};
fovea_status file_create(struct file_writer *, const char *path);
void file_write(struct file_writer *, const void *data, size_t bytes); /* remembers a failure */
/* Flushes to the disk and renames; or, if `keep` is false or a write failed, removes the temporary
 * file. Errors: BAD_FILE (the disk is full, ...). */
fovea_status file_finish(struct file_writer *, bool keep);
/* Removes the temporary files that writers of `path` left behind when their process was killed. */
void file_remove_stale(const char *path);

#endif
