/* Writing protobuf's wire format (https://protobuf.dev/programming-guides/encoding). Written by
 * hand, since protobuf-c packs nested messages through copies: weights would be in memory three
 * times. */
#ifndef ONNX_WIRE_H
#define ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire { /* bytes that grow; a failed allocation is remembered and later calls do nothing */
    uint8_t *data;
    size_t length, capacity;
    bool failed;
};

void wire_bytes(struct wire *, const void *, size_t);
void wire_int(struct wire *, uint32_t field, int64_t);
void wire_float(struct wire *, uint32_t field, float);
void wire_string(struct wire *, uint32_t field, const char *);
/* The head of a field whose `length` bytes follow. */
void wire_head(struct wire *, uint32_t field, uint64_t length);
/* A nested message; `message` is freed. */
void wire_message(struct wire *, uint32_t field, struct wire *message);
void wire_free(struct wire *);

#endif
