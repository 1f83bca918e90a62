/* Reading and writing safetensors files: see safetensors.h. */
#include "train/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/graph.h"

enum { HEADER_MAX = 100 << 20, DEPTH_MAX = 8 };

static const struct {
    const char *name;
    fovea_dtype dtype;
} types[] = {{"F32", FOVEA_FLOAT32}, {"I64", FOVEA_INT64}};

/* ---- Reading ---- */

static fovea_status damaged(const char *path, const char *what) {
    return fail(FOVEA_BAD_FILE, "%s is no safetensors file, or it is damaged: %s", path, what);
}

/* A whole number from 0 up. */
static bool get_size(struct json_object *o, uint64_t *out) {
    if (!json_object_is_type(o, json_type_int)) return false;
    int64_t n = json_object_get_int64(o);
    *out = (uint64_t)n;
    return n >= 0;
}

static fovea_status read_shape(const char *path, struct json_object *shape, fovea_desc *d) {
    if (!json_object_is_type(shape, json_type_array) ||
        json_object_array_length(shape) > FOVEA_MAX_RANK)
        return damaged(path, "a tensor has no shape of at most 8 dimensions");
    d->rank = (int)json_object_array_length(shape);
    for (int i = 0; i < d->rank; i++) {
        uint64_t size;
        if (!get_size(json_object_array_get_idx(shape, (size_t)i), &size))
            return damaged(path, "a dimension is no whole number");
        d->dim[i] = (int64_t)size;
    }
    int64_t elements = fovea_desc_elements(d);
    if (elements < 0 || elements > PTRDIFF_MAX / 8)
        return damaged(path, "a shape has too many elements");
    return FOVEA_OK;
}

static fovea_status read_type(const char *path, struct json_object *type, fovea_dtype *out) {
    const char *name =
        json_object_is_type(type, json_type_string) ? json_object_get_string(type) : "";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) {
            *out = types[i].dtype;
            return FOVEA_OK;
        }
    return fail(FOVEA_UNSUPPORTED, "%s: element type '%.20s' is not covered; F32 and I64 are", path,
                name);
}

/* Where the contents lie; they must be as long as type and shape say, and inside of the file. */
static fovea_status read_place(const char *path, struct json_object *offsets, const char *contents,
                               size_t bytes, struct safetensor *t) {
    uint64_t from, to;
    if (!json_object_is_type(offsets, json_type_array) || json_object_array_length(offsets) != 2 ||
        !get_size(json_object_array_get_idx(offsets, 0), &from) ||
        !get_size(json_object_array_get_idx(offsets, 1), &to))
        return damaged(path, "a tensor has no data_offsets");
    if (from > to || to > bytes || to - from != desc_bytes(&t->desc))
        return damaged(path, "a tensor's contents do not fit its shape or the file (truncated?)");
    t->data = contents + from;
    return FOVEA_OK;
}

static fovea_status read_tensor(struct safetensors *s, const char *path, const char *name,
                                struct json_object *o, const char *contents, size_t bytes) {
    struct safetensor *t = mem_push(&s->tensors, &s->count, &s->capacity, sizeof *t);
    struct json_object *type = NULL, *shape = NULL, *offsets = NULL;
    if (!t || !(t->name = mem_string(name))) return fail_memory(strlen(name), "a tensor's name");
    json_object_object_get_ex(o, "dtype", &type);
    json_object_object_get_ex(o, "shape", &shape);
    json_object_object_get_ex(o, "data_offsets", &offsets);
    TRY(read_type(path, type, &t->desc.dtype));
    TRY(read_shape(path, shape, &t->desc));
    return read_place(path, offsets, contents, bytes, t);
}

static fovea_status read_notes(struct safetensors *s, const char *path, struct json_object *o) {
    if (!json_object_is_type(o, json_type_object))
        return damaged(path, SAFETENSORS_NOTES " is no object");
    json_object_object_foreach(o, key, value) {
        if (!json_object_is_type(value, json_type_string))
            return damaged(path, SAFETENSORS_NOTES " holds something that is no text");
        void *slot = mem_push(&s->notes, &s->n_notes, &s->notes_capacity, sizeof *s->notes);
        if (!slot) return fail_memory(sizeof *s->notes, "a note");
        s->notes[s->n_notes - 1].key = mem_string(key);
        s->notes[s->n_notes - 1].text = mem_string(json_object_get_string(value));
        if (!s->notes[s->n_notes - 1].key || !s->notes[s->n_notes - 1].text)
            return fail_memory(strlen(key), "a note");
    }
    return FOVEA_OK;
}

static fovea_status read_header(struct safetensors *s, const char *path, struct json_object *header,
                                const char *contents, size_t bytes) {
    if (!json_object_is_type(header, json_type_object))
        return damaged(path, "the header is no JSON object");
    json_object_object_foreach(header, name, value) {
        if (strcmp(name, SAFETENSORS_NOTES) == 0) TRY(read_notes(s, path, value));
        else if (!json_object_is_type(value, json_type_object))
            return damaged(path, "an entry of the header is no object");
        else TRY(read_tensor(s, path, name, value, contents, bytes));
    }
    return FOVEA_OK;
}

static fovea_status read_file(struct safetensors *s, const char *path) {
    const unsigned char *data = s->file.data;
    uint64_t length = 0;
    if (s->file.bytes < 8) return damaged(path, "it is shorter than 8 bytes");
    for (int i = 7; i >= 0; i--) length = length << 8 | data[i];
    if (length > HEADER_MAX || length > s->file.bytes - 8)
        return damaged(path, "its header is longer than the file");
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (!tokener) return fail_memory(64, "a JSON parser");
    struct json_object *header =
        json_tokener_parse_ex(tokener, (const char *)data + 8, (int)length);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    fovea_status status = FOVEA_OK;
    if (!header)
        status = damaged(path, error == json_tokener_continue ? "its header ends too early"
                                                              : json_tokener_error_desc(error));
    else
        status = read_header(s, path, header, (const char *)data + 8 + length,
                             s->file.bytes - 8 - (size_t)length);
    json_object_put(header);
    return status;
}

fovea_status safetensors_read(struct safetensors *s, const char *path) {
    *s = (struct safetensors){.count = 0};
    TRY(file_map(&s->file, path));
    fovea_status status = read_file(s, path);
    if (status != FOVEA_OK) safetensors_free(s);
    return status;
}

void safetensors_free(struct safetensors *s) {
    for (size_t i = 0; i < s->count; i++) mem_free(s->tensors[i].name);
    for (size_t i = 0; i < s->n_notes; i++) {
        mem_free(s->notes[i].key);
        mem_free(s->notes[i].text);
    }
    mem_free(s->tensors);
    mem_free(s->notes);
    file_unmap(&s->file);
    *s = (struct safetensors){.count = 0};
}

const struct safetensor *safetensors_find(const struct safetensors *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->tensors[i].name, name) == 0) return &s->tensors[i];
    return NULL;
}

const char *safetensors_note(const struct safetensors *s, const char *key) {
    for (size_t i = 0; i < s->n_notes; i++)
        if (strcmp(s->notes[i].key, key) == 0) return s->notes[i].text;
    return NULL;
}

/* ---- Writing ---- */

fovea_status safetensors_begin(struct safetensors_writer *w) {
    *w = (struct safetensors_writer){.header = json_object_new_object(),
                                     .notes = json_object_new_object()};
    w->failed = !w->header || !w->notes ||
                json_object_object_add(w->header, SAFETENSORS_NOTES, w->notes) != 0;
    return w->failed ? fail_memory(64, "a header") : FOVEA_OK;
}

static void add(struct safetensors_writer *w, struct json_object *to, const char *key,
                struct json_object *value) {
    if (!to || !value || json_object_object_add(to, key, value) != 0) w->failed = true;
}

static void append(struct safetensors_writer *w, struct json_object *to, uint64_t number) {
    struct json_object *value = json_object_new_int64((int64_t)number);
    if (!to || !value || json_object_array_add(to, value) != 0) w->failed = true;
}

void safetensors_add(struct safetensors_writer *w, const char *name, const fovea_desc *d) {
    struct json_object *entry = json_object_new_object(), *shape = json_object_new_array(),
                       *offsets = json_object_new_array();
    const char *type = d->dtype == FOVEA_FLOAT32 ? types[0].name : types[1].name;
    for (int i = 0; i < d->rank; i++) append(w, shape, (uint64_t)d->dim[i]);
    append(w, offsets, w->at);
    w->at += desc_bytes(d);
    append(w, offsets, w->at);
    add(w, entry, "dtype", json_object_new_string(type));
    add(w, entry, "shape", shape);
    add(w, entry, "data_offsets", offsets);
    add(w, w->header, name, entry);
}

void safetensors_add_note(struct safetensors_writer *w, const char *key, const char *text) {
    add(w, w->notes, key, json_object_new_string(text));
}

/* The header is filled up with spaces, so that contents begin at a multiple of 64 bytes. */
static void write_header(struct safetensors_writer *w, const char *text) {
    static const char spaces[64] =
        "                                                               ";
    uint64_t length = strlen(text), padded = (length + 8 + 63) / 64 * 64 - 8;
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(padded >> (8 * i));
    file_write(&w->file, bytes, sizeof bytes);
    file_write(&w->file, text, (size_t)length);
    for (uint64_t i = length; i < padded; i++) file_write(&w->file, spaces, 1);
}

fovea_status safetensors_create(struct safetensors_writer *w, const char *path) {
    const char *text =
        w->failed ? NULL
                  : json_object_to_json_string_ext(w->header, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    fovea_status status = text ? file_create(&w->file, path) : fail_memory(4096, "a header");
    if (status == FOVEA_OK) write_header(w, text);
    json_object_put(w->header);
    w->header = w->notes = NULL;
    return status;
}

void safetensors_write(struct safetensors_writer *w, const void *data, size_t bytes) {
    file_write(&w->file, data, bytes);
}

fovea_status safetensors_finish(struct safetensors_writer *w, bool keep) {
    return file_finish(&w->file, keep);
}
