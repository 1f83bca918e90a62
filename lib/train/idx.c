/* The idx files of MNIST and its kin, plain or gzipped (http://yann.lecun.com/exdb/mnist): two zero
 * bytes, an element type, the rank, the dimensions as big-endian 32-bit numbers, then the elements,
 * big-endian. */
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "train/data.h"

enum {
    HEADER_MAX = 4 + 4 * FOVEA_MAX_RANK,
    DEFLATE_RATIO = 1032, /* one byte of a deflate stream never gives more (zlib's documentation) */
};

static fovea_dtype idx_type(uint8_t code) {
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

static bool is_gzip(const uint8_t *data, size_t bytes) {
    return bytes >= 3 && data[0] == 0x1F && data[1] == 0x8B && data[2] == 8;
}

static bool is_plain(const uint8_t *data) {
    return data[0] == 0 && data[1] == 0 && data[3] >= 1 && data[3] <= FOVEA_MAX_RANK &&
           idx_type(data[2]);
}

bool idx_is(const uint8_t *data, size_t bytes) {
    return is_gzip(data, bytes) || (bytes >= 4 && is_plain(data));
}

/* Where the bytes of an idx file come from: memory, through zlib if they are packed. */
struct source {
    const char *name;
    const uint8_t *data;
    size_t left; /* not yet read, or not yet given to zlib */
    bool packed, ended;
    z_stream z;
};

static fovea_status damaged(const struct source *s) {
    return fail(FOVEA_BAD_FILE, "%s: its gzip data are damaged or cut short%s%s", s->name,
                s->z.msg ? ": " : "", s->z.msg ? s->z.msg : "");
}

/* zlib counts in 32 bits, so both sides go piece by piece. */
static fovea_status inflate_some(struct source *s, uint8_t **to, size_t *wanted) {
    size_t in = s->left < UINT32_MAX ? s->left : UINT32_MAX;
    size_t out = *wanted < UINT32_MAX ? *wanted : UINT32_MAX;
    s->z.next_in = (uint8_t *)(uintptr_t)s->data;
    s->z.avail_in = (uInt)in;
    s->z.next_out = *to;
    s->z.avail_out = (uInt)out;
    int state = inflate(&s->z, Z_NO_FLUSH);
    size_t used = in - s->z.avail_in, made = out - s->z.avail_out;
    s->data += used;
    s->left -= used;
    *to += made;
    *wanted -= made;
    s->ended = state == Z_STREAM_END;
    if (state == Z_MEM_ERROR) return fail(FOVEA_NO_MEMORY, "%s: out of memory", s->name);
    return s->ended || (state == Z_OK && (used || made)) ? FOVEA_OK : damaged(s);
}

/* Reads up to `wanted` bytes; *got is less only where the data end. */
static fovea_status take(struct source *s, uint8_t *to, size_t wanted, size_t *got) {
    size_t left = wanted;
    if (!s->packed) {
        *got = wanted < s->left ? wanted : s->left;
        memcpy(to, s->data, *got);
        s->data += *got;
        s->left -= *got;
        return FOVEA_OK;
    }
    while (left && !s->ended) TRY(inflate_some(s, &to, &left));
    *got = wanted - left;
    return FOVEA_OK;
}

/* Big-endian to the machine's order. */
static void swap(uint8_t *data, size_t count, size_t size) {
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe == 0 || size == 1) return;
    for (size_t i = 0; i < count; i++)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            uint8_t t = data[i * size + a];
            data[i * size + a] = data[i * size + b];
            data[i * size + b] = t;
        }
}

static fovea_status read_header(struct source *s, fovea_desc *desc) {
    uint8_t header[HEADER_MAX];
    size_t got;
    TRY(take(s, header, 4, &got));
    if (got < 4) return fail(FOVEA_BAD_FILE, "%s: is no idx file: it has %zu bytes", s->name, got);
    if (!is_plain(header))
        return fail(FOVEA_BAD_FILE,
                    "%s: is no idx file: it begins with %02x %02x %02x %02x, not with 00 00, an "
                    "element type (08, 09, 0b to 0e) and a rank",
                    s->name, header[0], header[1], header[2], header[3]);
    *desc = (fovea_desc){.dtype = idx_type(header[2]), .rank = header[3]};
    TRY(take(s, header, 4 * (size_t)desc->rank, &got));
    if (got < 4 * (size_t)desc->rank)
        return fail(FOVEA_BAD_FILE, "%s: its header is cut short", s->name);
    for (int d = 0; d < desc->rank; d++) {
        const uint8_t *at = header + 4 * d;
        desc->dim[d] =
            (int64_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
    }
    return FOVEA_OK;
}

/* The bytes that the header promises, which those of the file must allow: so a few bytes cannot ask for
 * all memory. zlib holds back less than a header's worth of what it has read. */
static fovea_status promised(const struct source *s, const fovea_desc *desc, size_t *bytes) {
    int64_t elements = fovea_desc_elements(desc);
    size_t room = s->left;
    if (s->packed && !size_multiply(s->left + HEADER_MAX, DEFLATE_RATIO, &room)) room = PTRDIFF_MAX;
    if (elements < 0 || !size_multiply((size_t)elements, fovea_dtype_size(desc->dtype), bytes) ||
        *bytes > room)
        return fail(FOVEA_BAD_FILE,
                    "%s: is cut short: its header promises more elements than its bytes can hold",
                    s->name);
    return FOVEA_OK;
}

/* The elements, and nothing behind them; the end of a gzip file carries a checksum. */
static fovea_status read_elements(struct source *s, const fovea_array *a, size_t bytes) {
    size_t got, more;
    uint8_t rest;
    TRY(take(s, a->data, bytes, &got));
    if (got < bytes)
        return fail(FOVEA_BAD_FILE, "%s: is cut short: it has %zu of %zu bytes of elements",
                    s->name, got, bytes);
    TRY(take(s, &rest, 1, &more));
    if (more || s->left)
        return fail(FOVEA_BAD_FILE, "%s: has more bytes than the %zu that its header promises",
                    s->name, bytes);
    size_t size = fovea_dtype_size(a->desc.dtype);
    swap(a->data, bytes / size, size);
    return FOVEA_OK;
}

static fovea_status decode(fovea_array *out, struct source *s) {
    size_t bytes;
    TRY(read_header(s, &out->desc));
    TRY(promised(s, &out->desc, &bytes));
    out->data = mem_alloc(bytes);
    if (!out->data) return fail(FOVEA_NO_MEMORY, "%s: out of memory for %zu bytes", s->name, bytes);
    return read_elements(s, out, bytes);
}

static void *zlib_alloc(void *unused, unsigned count, unsigned size) {
    (void)unused;
    return mem_array(count, size);
}

static void zlib_free(void *unused, void *p) {
    (void)unused;
    mem_free(p);
}

fovea_status idx_decode(fovea_array *out, const uint8_t *data, size_t bytes, const char *name) {
    struct source s = {.name = name,
                       .data = data,
                       .left = bytes,
                       .packed = is_gzip(data, bytes),
                       .z = {.zalloc = zlib_alloc, .zfree = zlib_free}};
    *out = (fovea_array){{0}, NULL};
    if (s.packed && inflateInit2(&s.z, 15 + 16) != Z_OK)
        return fail(FOVEA_NO_MEMORY, "%s: out of memory", name);
    fovea_status status = decode(out, &s);
    if (s.packed) inflateEnd(&s.z);
    if (status != FOVEA_OK) fovea_array_free(out);
    return status;
}
