/* The pictures simple enough to read by hand: ppm and pgm (Netpbm's P2 P3 P5 P6) and bmp. */
#include <string.h>

#include "image.h"

/* ---- Netpbm: https://netpbm.sourceforge.net/doc/ppm.html --------------------------------------- */

struct scanner {
    const unsigned char *data;
    size_t size, at;
};

static bool is_space(unsigned char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number, past white space and comments; false at the end or beyond `most`. */
static bool scan_number(struct scanner *s, uint32_t *out, uint32_t most) {
    while (s->at < s->size && (is_space(s->data[s->at]) || s->data[s->at] == '#')) {
        if (s->data[s->at] == '#')
            while (s->at < s->size && s->data[s->at] != '\n') s->at++;
        else s->at++;
    }
    uint64_t x = 0;
    size_t first = s->at;
    for (; s->at < s->size && s->data[s->at] >= '0' && s->data[s->at] <= '9'; s->at++) {
        x = 10 * x + (uint64_t)(s->data[s->at] - '0');
        if (x > most) return false;
    }
    *out = (uint32_t)x;
    return s->at > first;
}

/* One sample; a binary one of two bytes if it may exceed 255. */
static bool scan_sample(struct scanner *s, bool text, uint32_t most, uint32_t *out) {
    if (text) return scan_number(s, out, most);
    size_t bytes = most > 255 ? 2 : 1;
    if (s->size - s->at < bytes) return false;
    *out = s->data[s->at];
    if (bytes == 2) *out = *out << 8 | s->data[s->at + 1];
    s->at += bytes;
    return *out <= most;
}

bool image_decode_pnm(struct image *out, const unsigned char *data, size_t size, const char *name,
                      struct problem *p) {
    struct scanner s = {data, size, 2};
    int kind = data[1] - '0';
    uint32_t width, height, most;
    if (kind == 1 || kind == 4)
        return problem_set(p, EXIT_FILE, "%s: black-and-white pbm pictures are not read", name);
    if (!scan_number(&s, &width, 1 << 30) || !scan_number(&s, &height, 1 << 30) ||
        !scan_number(&s, &most, 65535) || most == 0)
        return problem_set(p, EXIT_FILE, "%s: a damaged header of a ppm or pgm picture", name);
    bool text = kind <= 3;
    int channels = kind == 3 || kind == 6 ? 3 : 1;
    s.at += !text && s.at < size; /* one white space before the samples */
    /* A text sample takes two bytes, the last one. */
    uint64_t samples = (uint64_t)width * height * (uint64_t)channels;
    uint64_t needed = text ? 2 * samples - 1 : samples * (most > 255 ? 2 : 1);
    if (samples && needed > size - s.at)
        return problem_set(p, EXIT_FILE,
                           "%s: is cut short: %u x %u pixels do not fit its %zu bytes", name, width,
                           height, size);
    if (!image_create(out, width, height, name, p)) return false;
    for (uint64_t i = 0; i < samples; i++) {
        uint32_t x;
        if (!scan_sample(&s, text, most, &x))
            return problem_set(p, EXIT_FILE, "%s: sample %llu is missing or beyond %u", name,
                               (unsigned long long)i, most);
        unsigned char byte = (unsigned char)((x * 255 + most / 2) / most);
        if (channels == 3) out->rgb[i] = byte;
        else memset(out->rgb + 3 * i, byte, 3);
    }
    return true;
}

/* ---- BMP: BITMAPINFOHEADER and BITMAPCOREHEADER, uncompressed --------------------------------- */

static uint32_t little(const unsigned char *at, int bytes) {
    uint32_t x = 0;
    for (int i = bytes - 1; i >= 0; i--) x = x << 8 | at[i];
    return x;
}

struct bmp {
    uint64_t width, height;
    uint32_t bits, compression, palette, colours, pixels;
    uint32_t mask[3]; /* red, green, blue, of 16 and 32 bits */
    uint32_t palette_step;
    bool top_down;
};

static void bmp_masks(struct bmp *b, const unsigned char *data, size_t size) {
    static const uint32_t five[3] = {0x7C00, 0x3E0, 0x1F};
    static const uint32_t eight[3] = {0xFF0000, 0xFF00, 0xFF};
    memcpy(b->mask, b->bits == 16 ? five : eight, sizeof b->mask);
    for (int c = 0; c < 3 && b->compression == 3 && size >= 66; c++)
        b->mask[c] = little(data + 54 + 4 * c, 4);
}

static bool bmp_header(struct bmp *b, const unsigned char *data, size_t size) {
    *b = (struct bmp){0};
    if (size < 26) return false;
    uint32_t header = little(data + 14, 4);
    b->pixels = little(data + 10, 4);
    b->palette = 14 + header;
    b->palette_step = header == 12 ? 3 : 4;
    if (header == 12) {
        b->width = little(data + 18, 2);
        b->height = little(data + 20, 2);
        b->bits = little(data + 24, 2);
    } else {
        if (header < 40 || header > 1024 || size < 54) return false;
        int32_t height = (int32_t)little(data + 22, 4);
        b->width = little(data + 18, 4);
        b->top_down = height < 0;
        b->height = (uint64_t)(height < 0 ? -(int64_t)height : height);
        b->bits = little(data + 28, 2);
        b->compression = little(data + 30, 4);
        b->colours = little(data + 46, 4);
    }
    if (b->bits <= 8 && (b->colours == 0 || b->colours > 256)) b->colours = 1u << b->bits;
    bmp_masks(b, data, size);
    return true;
}

/* The bits of `x` under `mask`, stretched to a byte. */
static unsigned char masked(uint32_t x, uint32_t mask) {
    if (mask == 0) return 0;
    while (!(mask & 1)) {
        mask >>= 1;
        x >>= 1;
    }
    return (unsigned char)(((uint64_t)(x & mask) * 255 + mask / 2) / mask);
}

static void bmp_pixel(const struct bmp *b, const unsigned char *data, const unsigned char *row,
                      size_t x, unsigned char *rgb) {
    if (b->bits == 24) {
        for (int c = 0; c < 3; c++) rgb[c] = row[3 * x + 2 - (size_t)c];
    } else if (b->bits > 8) {
        uint32_t pixel = little(row + x * (b->bits / 8), (int)b->bits / 8);
        for (int c = 0; c < 3; c++) rgb[c] = masked(pixel, b->mask[c]);
    } else {
        size_t bit = x * b->bits;
        uint32_t index = row[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1);
        if (index >= b->colours) index = 0;
        const unsigned char *colour = data + b->palette + index * b->palette_step;
        for (int c = 0; c < 3; c++) rgb[c] = colour[2 - c];
    }
}

bool image_decode_bmp(struct image *out, const unsigned char *data, size_t size, const char *name,
                      struct problem *p) {
    struct bmp b;
    if (!bmp_header(&b, data, size))
        return problem_set(p, EXIT_FILE, "%s: a damaged header of a bmp picture", name);
    bool depth =
        b.bits == 1 || b.bits == 4 || b.bits == 8 || b.bits == 16 || b.bits == 24 || b.bits == 32;
    if (!depth || (b.compression != 0 && !(b.compression == 3 && b.bits > 8 && b.bits != 24)))
        return problem_set(p, EXIT_FILE,
                           "%s: a bmp with %u bits a pixel and compression %u is not read", name,
                           b.bits, b.compression);
    if (b.bits <= 8 && b.palette + (uint64_t)b.colours * b.palette_step > size)
        return problem_set(p, EXIT_FILE, "%s: its table of colours is cut short", name);
    uint64_t stride = (b.width * b.bits + 31) / 32 * 4;
    if (b.pixels > size || (b.height && stride > (size - b.pixels) / b.height))
        return problem_set(p, EXIT_FILE, "%s: is cut short: its pixels do not fit its %zu bytes",
                           name, size);
    if (!image_create(out, b.width, b.height, name, p)) return false;
    for (uint64_t y = 0; y < b.height; y++) {
        const unsigned char *row = data + b.pixels + stride * (b.top_down ? y : b.height - 1 - y);
        for (uint64_t x = 0; x < b.width; x++)
            bmp_pixel(&b, data, row, x, out->rgb + 3 * (y * b.width + x));
    }
    return true;
}
