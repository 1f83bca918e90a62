/* Unpacking a file as one protobuf message, within a budget of memory. */
#define _DEFAULT_SOURCE /* madvise */
#include "onnx/file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"

/* A message is larger in memory than in the file: two bytes make an empty node. Real models stay
 * below a factor of 4; BUDGET_FACTOR leaves room for strange ones. */
enum { BUDGET_BASE = 64 << 20, BUDGET_FACTOR = 32, LARGE = 1 << 20 };

/* The parser copies weights out of the mapped file one after the other. Before a large copy the pages
 * already read are given back, so that the weights are not in memory twice. */
static void *unpack_alloc(void *data, size_t bytes) {
    struct unpack_memory *memory = data;
    if (bytes >= LARGE) madvise(memory->file.data, memory->file.bytes, MADV_DONTNEED);
    void *p = bytes <= memory->left ? mem_alloc(bytes) : NULL;
    if (p) memory->left -= bytes;
    memory->failed = memory->failed || !p;
    return p;
}

static void unpack_free(void *data, void *p) {
    (void)data;
    mem_free(p);
}

static void unpack_memory_init(struct unpack_memory *memory, struct mapping file) {
    size_t file_bytes = file.bytes;
    size_t factor = file_bytes / 16 < PTRDIFF_MAX / BUDGET_FACTOR / 16 ? BUDGET_FACTOR : 1;
    *memory = (struct unpack_memory){
        {unpack_alloc, unpack_free, memory}, BUDGET_BASE + file_bytes * factor, false, file};
}

fovea_status file_unpack(ProtobufCMessage **out, struct unpack_memory *memory, const char *path,
                         const ProtobufCMessageDescriptor *descriptor, const char *kind) {
    struct mapping m;
    *out = NULL;
    TRY(file_map(&m, path));
    size_t bytes = m.bytes;
    unpack_memory_init(memory, m);
    *out = protobuf_c_message_unpack(descriptor, &memory->allocator, bytes, m.data);
    file_unmap(&m);
    memory->file = m;
    if (*out) return FOVEA_OK;
    if (memory->failed)
        return fail(FOVEA_NO_MEMORY, "%s: out of memory while reading %zu bytes", path, bytes);
    return fail(FOVEA_BAD_FILE, "%s is not %s, or it is truncated or damaged", path, kind);
}
