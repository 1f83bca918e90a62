/* Damaged pictures and arrays: fuzz_image COUNT reads COUNT mutations (bit flips, truncation, absurd
 * sizes, moved pieces) of pictures and arrays that it makes itself, one of each kind. Each read must
 * return a picture of a sane size or a sentence; a sanitizer watches the memory. COUNT 0:
 * $FOVEA_MUTATIONS, else 1000. The mutations are the same in every run; a crash names its number. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "array.h"
#include "image.h"
#include "mutate.h"
#include "resize.h"

enum { WIDTH = 23, HEIGHT = 17, SEED_MAX = 1 << 15, N_SEEDS = 16 };

struct seed {
    const char *name;
    unsigned char data[SEED_MAX];
    size_t size;
};

/* ---- Seeds ---- */

static void add(struct seed *s, const void *data, size_t size) {
    if (s->size + size > SEED_MAX) abort();
    memcpy(s->data + s->size, data, size);
    s->size += size;
}

static void add_text(struct seed *s, const char *text) {
    add(s, text, strlen(text));
}

static void add_little(struct seed *s, uint32_t x, int bytes) {
    for (int i = 0; i < bytes; i++) add(s, &(unsigned char){(unsigned char)(x >> 8 * i)}, 1);
}

static void add_noise(struct seed *s, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        add(s, &(unsigned char){(unsigned char)mutate_below(256)}, 1);
}

static void make_pnm(struct seed *s, int kind, unsigned most) {
    char text[64];
    size_t channels = kind == 3 || kind == 6 ? 3 : 1, samples = WIDTH * HEIGHT * channels;
    snprintf(text, sizeof text, "P%d\n# made here\n%d %d\n%u\n", kind, WIDTH, HEIGHT, most);
    add_text(s, text);
    for (size_t i = 0; i < samples; i++) {
        unsigned x = (unsigned)mutate_below(most + 1);
        snprintf(text, sizeof text, "%u ", x);
        if (kind <= 3) add_text(s, text);
        else if (most > 255)
            add(s, (unsigned char[]){(unsigned char)(x >> 8), (unsigned char)x}, 2);
        else add(s, &(unsigned char){(unsigned char)x}, 1);
    }
}

static void make_bmp(struct seed *s, uint32_t bits) {
    uint32_t colours = bits <= 8 ? 1u << bits : 0, start = 54 + 4 * colours;
    uint32_t stride = (WIDTH * bits + 31) / 32 * 4;
    const uint32_t header[] = {40, WIDTH, HEIGHT, 1 | bits << 16, 0, 0, 0, 0, colours, 0};
    add_text(s, "BM");
    add_little(s, start + stride * HEIGHT, 4);
    add_little(s, 0, 4);
    add_little(s, start, 4);
    for (size_t i = 0; i < sizeof header / sizeof *header; i++) add_little(s, header[i], 4);
    add_noise(s, 4 * colours + stride * HEIGHT);
}

static void make_jpeg(struct seed *s, J_COLOR_SPACE space, int channels, bool progressive) {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char row[4 * WIDTH], *out = NULL, *rows[1] = {row};
    unsigned long size = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &out, &size);
    info.image_width = WIDTH;
    info.image_height = HEIGHT;
    info.input_components = channels;
    info.in_color_space = space;
    jpeg_set_defaults(&info);
    if (progressive) jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        for (size_t i = 0; i < sizeof row; i++) row[i] = (unsigned char)mutate_below(256);
        jpeg_write_scanlines(&info, rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    add(s, out, size);
    free(out);
}

static void png_put(png_structp png, png_bytep data, size_t size) {
    add(png_get_io_ptr(png), data, size);
}

static void png_done(png_structp png) {
    (void)png;
}

static void make_png(struct seed *s, int type, int bits, int interlace) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_color palette[16] = {{1, 2, 3}};
    unsigned char row[8 * WIDTH];
    png_set_write_fn(png, s, png_put, png_done);
    png_set_IHDR(png, info, WIDTH, HEIGHT, bits, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 16);
    png_write_info(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (int y = 0; y < HEIGHT; y++) {
            for (size_t i = 0; i < sizeof row; i++) row[i] = (unsigned char)mutate_below(256);
            png_write_row(png, row);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

static void make_npy(struct seed *s) {
    char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 17), }             \n";
    add(s, "\x93NUMPY\x01\x00", 8);
    add_little(s, sizeof header - 1, 2);
    add_text(s, header);
    add_noise(s, 4 * 3 * 17);
}

static void make_idx(struct seed *s, bool packed) {
    static struct seed plain;
    plain.size = 0;
    add(&plain, (unsigned char[]){0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH}, 16);
    add_noise(&plain, 5 * HEIGHT * WIDTH);
    if (!packed) {
        add(s, plain.data, plain.size);
        return;
    }
    z_stream z = {.next_in = plain.data,
                  .avail_in = (uInt)plain.size,
                  .next_out = s->data,
                  .avail_out = SEED_MAX};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    s->size = z.total_out;
    deflateEnd(&z);
}

static size_t make_seeds(struct seed *s) {
    size_t n = 0;
    s[n++].name = "P2", make_pnm(&s[n - 1], 2, 255);
    s[n++].name = "P3", make_pnm(&s[n - 1], 3, 1000);
    s[n++].name = "P5", make_pnm(&s[n - 1], 5, 65535);
    s[n++].name = "P6", make_pnm(&s[n - 1], 6, 255);
    s[n++].name = "bmp of 4 bits", make_bmp(&s[n - 1], 4);
    s[n++].name = "bmp of 16 bits", make_bmp(&s[n - 1], 16);
    s[n++].name = "bmp of 24 bits", make_bmp(&s[n - 1], 24);
    s[n++].name = "colour jpg", make_jpeg(&s[n - 1], JCS_RGB, 3, false);
    s[n++].name = "progressive jpg", make_jpeg(&s[n - 1], JCS_RGB, 3, true);
    s[n++].name = "grey jpg", make_jpeg(&s[n - 1], JCS_GRAYSCALE, 1, false);
    s[n++].name = "cmyk jpg", make_jpeg(&s[n - 1], JCS_CMYK, 4, false);
    s[n++].name = "rgba png", make_png(&s[n - 1], PNG_COLOR_TYPE_RGBA, 16, PNG_INTERLACE_NONE);
    s[n++].name = "palette png",
    make_png(&s[n - 1], PNG_COLOR_TYPE_PALETTE, 4, PNG_INTERLACE_ADAM7);
    s[n++].name = "npy", make_npy(&s[n - 1]);
    s[n++].name = "idx", make_idx(&s[n - 1], false);
    s[n++].name = "idx.gz", make_idx(&s[n - 1], true);
    return n;
}

/* ---- Reading ---- */

/* Reads the bytes as whatever they say they are. False if the answer is neither good nor a sentence. */
static bool read_any(const unsigned char *data, size_t size, bool *read) {
    struct problem p = {0};
    struct image image = {0, 0, NULL}, small = {0, 0, NULL};
    fovea_array a = {{0}, NULL};
    bool sane;
    if (array_is_npy(data, size) || array_is_idx(data, size)) {
        *read = array_decode(&a, data, size, "fuzz", &p);
        sane = *read ? fovea_desc_elements(&a.desc) >= 0 && a.data : *p.text && !a.data;
        array_free(&a);
        return sane;
    }
    *read = image_decode(&image, data, size, "fuzz", &p);
    sane = *read ? image.rgb && image.width > 0 && image.height > 0 : *p.text && !image.rgb;
    bool little = *read && (int64_t)image.width * image.height < 1 << 20;
    if (little) sane = image_resize(&small, &image, 31, 7, &p) && small.rgb && sane;
    image_free(&small);
    image_free(&image);
    return sane;
}

/* Every byte string gets a block of its own size, so that a sanitizer sees the first byte too far. */
static bool read_copy(const unsigned char *data, size_t size, bool *read) {
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy) abort();
    memcpy(copy, data, size);
    bool sane = read_any(copy, size, read);
    free(copy);
    return sane;
}

/* As a file of a data set. */
static bool load_file(const struct seed *s) {
    char path[] = "/tmp/fovea-fuzz-image-XXXXXX";
    struct problem p = {0};
    struct image image;
    fovea_picture picture;
    int file = mkstemp(path);
    bool wrote = file >= 0 && write(file, s->data, s->size) == (ssize_t)s->size;
    bool good = wrote && image_load(NULL, path, &picture) == FOVEA_OK &&
                image_decode(&image, s->data, s->size, path, &p);
    if (good) {
        good = picture.width == image.width && picture.height == image.height &&
               picture.channels == 3 &&
               memcmp(picture.pixels, image.rgb, 3 * (size_t)(image.width * image.height)) == 0;
        fovea_picture_free(&picture);
        image_free(&image);
    }
    /* Cut to its first bytes it is damaged, and the sentence names the file. */
    good = good && ftruncate(file, 20) == 0 && image_load(NULL, path, &picture) == FOVEA_BAD_FILE &&
           !picture.pixels && strstr(fovea_error(), path);
    close(file);
    unlink(path);
    return good;
}

int main(int argc, char **argv) {
    static struct seed seeds[N_SEEDS];
    static unsigned char data[SEED_MAX];
    size_t n = make_seeds(seeds);
    long count = mutate_begin(argc > 1 ? argv[1] : NULL), good = 0, insane = 0;
    for (size_t i = 0; i < n; i++) {
        bool read = false;
        bool array = array_is_npy(seeds[i].data, seeds[i].size) ||
                     array_is_idx(seeds[i].data, seeds[i].size);
        if (read_copy(seeds[i].data, seeds[i].size, &read) && read &&
            (array || load_file(&seeds[i])))
            continue;
        printf("the undamaged %s is not read\n", seeds[i].name);
        return 1;
    }
    for (long i = 0; i < count; i++) {
        const struct seed *s = &seeds[(size_t)i % n];
        bool read = false;
        mutate_at(i, s->name);
        memcpy(data, s->data, s->size);
        size_t size = mutate_bytes(data, s->size);
        if (!read_copy(data, size, &read)) {
            printf("%s: neither a picture nor a sentence\n", mutate_place());
            insane++;
        }
        good += read;
    }
    printf("%ld mutations: %ld still read, %ld refused with a sentence, %ld neither\n", count, good,
           count - good - insane, insane);
    return insane != 0;
}
