/* The idx files of MNIST and its kin: two zero bytes, an element type, the rank, the dimensions as
 * big-endian 32-bit numbers, then the elements, big-endian. */
#include "idx.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What a gzipped file may unpack to: ten times the largest of the MNIST family. */
enum { IDX_MAX_BYTES = 1 << 29 };

static fovea_dtype idx_type(unsigned char code) {
    switch (code) {
    case 0x08: return FOVEA_UINT8;
    case 0x09: return FOVEA_INT8;
    case 0x0B: return FOVEA_INT16;
    case 0x0C: return FOVEA_INT32;
    case 0x0D: return FOVEA_FLOAT32;
    case 0x0E: return FOVEA_FLOAT64;
    default: return FOVEA_UNDEFINED;
    }
}

static bool is_gzip(const unsigned char *data, size_t size) {
    return size >= 18 && data[0] == 0x1F && data[1] == 0x8B;
}

bool idx_is(const unsigned char *data, size_t size) {
    return is_gzip(data, size) || (size >= 4 && data[0] == 0 && data[1] == 0 && data[3] >= 1 &&
                                   data[3] <= FOVEA_MAX_RANK && idx_type(data[2]));
}

/* Unpacks; the buffer doubles as it fills, never beyond IDX_MAX_BYTES. */
static bool unpack(unsigned char **out, size_t *out_size, const unsigned char *data, size_t size,
                   const char *name, struct problem *p) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)data, .avail_in = (uInt)size};
    size_t capacity = 1 << 16;
    int state = Z_OK;
    *out = malloc(capacity);
    *out_size = 0;
    if (!*out || size > UINT32_MAX || inflateInit2(&z, 15 + 16) != Z_OK)
        return problem_set(p, EXIT_DEVICE, "%s: out of memory", name);
    while (state == Z_OK && capacity <= IDX_MAX_BYTES) {
        z.next_out = *out + *out_size;
        z.avail_out = (uInt)(capacity - *out_size);
        state = inflate(&z, Z_NO_FLUSH);
        *out_size = capacity - z.avail_out;
        if (state != Z_OK || z.avail_out) continue;
        unsigned char *grown = realloc(*out, 2 * capacity);
        if (!grown) break;
        *out = grown;
        capacity *= 2;
    }
    inflateEnd(&z);
    return state == Z_STREAM_END ||
           problem_set(p, EXIT_FILE, "%s: its gzip data are damaged, cut short or too large", name);
}

/* Big-endian to the machine's order. */
static void swap(unsigned char *data, size_t count, size_t size) {
    const uint16_t probe = 1;
    if (*(const unsigned char *)&probe == 0 || size == 1) return;
    for (size_t i = 0; i < count; i++)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char t = data[i * size + a];
            data[i * size + a] = data[i * size + b];
            data[i * size + b] = t;
        }
}

static bool decode_plain(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                         struct problem *p) {
    if (!idx_is(data, size) || is_gzip(data, size))
        return problem_set(p, EXIT_FILE, "%s: is no idx file", name);
    fovea_desc desc = {.dtype = idx_type(data[2]), .rank = data[3]};
    size_t start = 4 + 4 * (size_t)desc.rank;
    if (size < start) return problem_set(p, EXIT_FILE, "%s: its header is cut short", name);
    for (int d = 0; d < desc.rank; d++) {
        const unsigned char *at = data + 4 + 4 * d;
        desc.dim[d] =
            (int64_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
    }
    int64_t elements = fovea_desc_elements(&desc);
    size_t bytes = fovea_dtype_size(desc.dtype);
    if (elements < 0 || (uint64_t)elements > (size - start) / bytes)
        return problem_set(p, EXIT_FILE, "%s: is cut short: its %zu bytes hold fewer elements",
                           name, size);
    if (!array_create(out, &desc, p)) return false;
    memcpy(out->data, data + start, array_bytes(out));
    swap(out->data, (size_t)elements, bytes);
    return true;
}

bool idx_decode(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                struct problem *p) {
    if (!is_gzip(data, size)) return decode_plain(out, data, size, name, p);
    unsigned char *plain;
    size_t plain_size;
    bool good = unpack(&plain, &plain_size, data, size, name, p) &&
                decode_plain(out, plain, plain_size, name, p);
    free(plain);
    return good;
}
