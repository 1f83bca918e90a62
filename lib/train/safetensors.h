/* Safetensors: 8 bytes with the length of a JSON header, little-endian; the header, which names each tensor's
 * type, shape and bytes; then the contents. https://github.com/huggingface/safetensors */
#ifndef TRAIN_SAFETENSORS_H
#define TRAIN_SAFETENSORS_H

#include "base/file.h"

struct safetensor {
    char *name;
    fovea_desc desc; /* float32 or int64 */
    const void *data;
};

#define SAFETENSORS_NOTES "__metadata__"

/* A file that was read; contents stay in the mapping. */
struct safetensors {
    struct mapping file;
    struct safetensor *tensors;
    size_t count, capacity;
    struct {
        char *key, *text;
    } * notes; /* of SAFETENSORS_NOTES */
    size_t n_notes, notes_capacity;
};
/* Everything in the file is checked. Errors: BAD_FILE, UNSUPPORTED (type), NO_MEMORY. */
fovea_status safetensors_read(struct safetensors *, const char *path);
void safetensors_free(struct safetensors *);
/* NULL if there is none. */
const struct safetensor *safetensors_find(const struct safetensors *, const char *name);
const char *safetensors_note(const struct safetensors *, const char *key);

/* What is to be written: descriptions first, then the contents, in the same order. */
struct safetensors_writer {
    struct file_writer file;
    struct json_object *header, *notes;
    uint64_t at;
    bool failed; /* memory ran out */
};
fovea_status safetensors_begin(struct safetensors_writer *);
void safetensors_add(struct safetensors_writer *, const char *name, const fovea_desc *);
void safetensors_add_note(struct safetensors_writer *, const char *key, const char *text);
/* Creates the file and writes the header. */
fovea_status safetensors_create(struct safetensors_writer *, const char *path);
/* The next contents, as many bytes as were described. */
void safetensors_write(struct safetensors_writer *, const void *data, size_t bytes);
/* Ends the file, or throws it away. */
fovea_status safetensors_finish(struct safetensors_writer *, bool keep);

#endif
