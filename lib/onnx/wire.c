/* Protobuf's wire format. */
#include "onnx/wire.h"

#include <string.h>

#include "base/alloc.h"

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

void wire_bytes(struct wire *w, const void *bytes, size_t n) {
    if (w->failed || n == 0) return;
    if (n > w->capacity - w->length) {
        size_t capacity = (w->length + n) * 2;
        uint8_t *data = mem_resize(w->data, w->length, capacity);
        w->failed = !data;
        if (!data) return;
        w->data = data;
        w->capacity = capacity;
    }
    memcpy(w->data + w->length, bytes, n);
    w->length += n;
}

static void varint(struct wire *w, uint64_t n) {
    uint8_t bytes[10];
    size_t count = 0;
    do {
        bytes[count++] = (uint8_t)((n & 127) | (n > 127 ? 128 : 0));
        n >>= 7;
    } while (n);
    wire_bytes(w, bytes, count);
}

void wire_int(struct wire *w, uint32_t field, int64_t n) {
    varint(w, field << 3 | WIRE_VARINT);
    varint(w, (uint64_t)n);
}

void wire_float(struct wire *w, uint32_t field, float f) {
    varint(w, field << 3 | WIRE_FIXED32);
    wire_bytes(w, &f, sizeof f);
}

void wire_head(struct wire *w, uint32_t field, uint64_t length) {
    varint(w, field << 3 | WIRE_LENGTH);
    varint(w, length);
}

void wire_string(struct wire *w, uint32_t field, const char *s) {
    wire_head(w, field, strlen(s));
    wire_bytes(w, s, strlen(s));
}

void wire_message(struct wire *w, uint32_t field, struct wire *message) {
    w->failed = w->failed || message->failed;
    wire_head(w, field, message->length);
    wire_bytes(w, message->data, message->length);
    wire_free(message);
}

void wire_free(struct wire *w) {
    mem_free(w->data);
    *w = (struct wire){0};
}
