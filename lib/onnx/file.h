/* Unpacking a whole file as one protobuf message. */
#ifndef ONNX_FILE_H
#define ONNX_FILE_H

#include <protobuf-c/protobuf-c.h>

#include "base/file.h"

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

#endif
