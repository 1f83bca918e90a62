/* Files: reading by mapping, unpacking protobuf messages, and writing through a temporary name. */
#ifndef ONNX_FILE_H
#define ONNX_FILE_H

#include <protobuf-c/protobuf-c.h>
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

/* An allocator for protobuf-c whose memory comes from mem_alloc (so that a buffer may be taken out
 * of a message and freed by mem_free), and which stops a hostile file from asking for far more
 * memory than its own size explains. */
struct unpack_memory {
    ProtobufCAllocator allocator;
    size_t left;
    bool failed;         /* malloc failed, or the budget ended */
    struct mapping file; /* being read; empty afterwards */
};
/* Unpacks a whole file as one message, to be freed with protobuf_c_message_free_unpacked(message,
 * &memory->allocator). The file is unmapped again. Errors: BAD_FILE, NO_MEMORY. */
fovea_status file_unpack(ProtobufCMessage **out, struct unpack_memory *, const char *path,
                         const ProtobufCMessageDescriptor *, const char *kind);

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

#endif
