/* Pictures from files: finds the reader by the first bytes; libjpeg and libpng behind setjmp. */
#include "image.h"

#include <setjmp.h>
#include <stdio.h> /* before jpeglib.h, which needs FILE */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

#include "array.h"

void image_free(struct image *image) {
    free(image->rgb);
    *image = (struct image){0, 0, NULL};
}

bool image_create(struct image *out, uint64_t width, uint64_t height, const char *name,
                  struct problem *p) {
    if (width == 0 || height == 0)
        return problem_set(p, EXIT_FILE, "%s: the picture is empty", name);
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE || width * height > IMAGE_MAX_PIXELS)
        return problem_set(p, EXIT_FILE,
                           "%s: the picture says it is %llu x %llu pixels; the limit is %d a side, "
                           "%d in all",
                           name, (unsigned long long)width, (unsigned long long)height,
                           IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
    out->width = (int)width;
    out->height = (int)height;
    out->rgb = calloc((size_t)(width * height), 3);
    if (out->rgb) return true;
    return problem_set(p, EXIT_DEVICE, "%s: out of memory for the picture", name);
}

/* ---- JPEG --------------------------------------------------------------------------------- */

/* Where libjpeg's errors land. A file that needs more scans than this is an attack on time. */
enum { JPEG_MAX_SCANS = 200 };
struct jpeg_reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    char text[JMSG_LENGTH_MAX];
    unsigned char *row;
};

static void jpeg_fail(j_common_ptr info) {
    struct jpeg_reader *r = info->client_data;
    info->err->format_message(info, r->text);
    longjmp(r->out, 1);
}

/* Warnings are silent, but a file that ends too early is a bad file. */
static void jpeg_message(j_common_ptr info, int level) {
    if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) jpeg_fail(info);
}

static void jpeg_watch(j_common_ptr info) {
    struct jpeg_reader *r = info->client_data;
    if (r->info.input_scan_number <= JPEG_MAX_SCANS) return;
    snprintf(r->text, sizeof r->text, "more than %d scans", JPEG_MAX_SCANS);
    longjmp(r->out, 1);
}

/* Adobe's CMYK is stored inverted, which every writer follows: colour = ink * black / 255. */
static void row_from_cmyk(unsigned char *rgb, const unsigned char *cmyk, int width) {
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++)
            rgb[3 * x + c] = (unsigned char)((cmyk[4 * x + c] * cmyk[4 * x + 3] + 127) / 255);
}

static void row_from_gray(unsigned char *rgb, const unsigned char *gray, int width) {
    for (int x = 0; x < width; x++) memset(rgb + 3 * x, gray[x], 3);
}

/* Everything that may jump out. */
static bool jpeg_read(struct jpeg_reader *r, struct image *out, const unsigned char *data,
                      size_t size, const char *name, struct problem *p) {
    struct jpeg_decompress_struct *info = &r->info;
    jpeg_mem_src(info, data, size);
    jpeg_read_header(info, TRUE);
    if (!image_create(out, info->image_width, info->image_height, name, p)) return false;
    bool gray = info->jpeg_color_space == JCS_GRAYSCALE;
    bool cmyk = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = gray ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(info);
    r->row = malloc(4 * (size_t)out->width);
    if (!r->row || (int)info->output_width != out->width)
        return problem_set(p, EXIT_DEVICE, "%s: out of memory for the picture", name);
    while (info->output_scanline < info->output_height) {
        unsigned char *to = out->rgb + 3 * (size_t)out->width * info->output_scanline;
        JSAMPROW row = gray || cmyk ? r->row : to;
        jpeg_read_scanlines(info, &row, 1);
        if (gray) row_from_gray(to, r->row, out->width);
        if (cmyk) row_from_cmyk(to, r->row, out->width);
    }
    return true;
}

bool image_decode_jpeg(struct image *out, const unsigned char *data, size_t size, const char *name,
                       struct problem *p) {
    struct jpeg_reader *r = host_alloc(1, sizeof *r);
    volatile bool good = false;
    r->info.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = jpeg_fail;
    r->errors.emit_message = jpeg_message;
    r->progress.progress_monitor = jpeg_watch;
    r->info.client_data = r;
    if (setjmp(r->out)) {
        good = problem_set(p, EXIT_FILE, "%s: a damaged JPEG: %s", name, r->text);
    } else {
        jpeg_create_decompress(&r->info);
        r->info.client_data = r;
        r->info.progress = &r->progress;
        good = jpeg_read(r, out, data, size, name, p);
    }
    jpeg_destroy_decompress(&r->info);
    free(r->row);
    free(r);
    return good;
}

/* ---- PNG ---------------------------------------------------------------------------------- */

struct png_reader {
    png_structp png;
    png_infop info;
    const unsigned char *data;
    size_t size, at;
    char text[200];
    unsigned char **rows;
};

static void png_take(png_structp png, png_bytep to, size_t count) {
    struct png_reader *r = png_get_io_ptr(png);
    if (count > r->size - r->at) png_error(png, "the file ends too early");
    memcpy(to, r->data + r->at, count);
    r->at += count;
}

static void png_fail(png_structp png, png_const_charp text) {
    struct png_reader *r = png_get_error_ptr(png);
    snprintf(r->text, sizeof r->text, "%s", text);
    png_longjmp(png, 1);
}

static void png_quiet(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* Everything that may jump out: any PNG to 8-bit RGB. */
static bool png_read(struct png_reader *r, struct image *out, const char *name, struct problem *p) {
    png_set_read_fn(r->png, r, png_take);
    png_set_user_limits(r->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(r->png, 8 << 20);
    png_read_info(r->png, r->info);
    if (!image_create(out, png_get_image_width(r->png, r->info),
                      png_get_image_height(r->png, r->info), name, p))
        return false;
    png_set_expand(r->png);
    png_set_strip_16(r->png);
    png_set_gray_to_rgb(r->png);
    png_set_strip_alpha(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != 3 * (size_t)out->width)
        return problem_set(p, EXIT_FILE, "%s: a PNG of a kind that is not read", name);
    r->rows = calloc((size_t)out->height, sizeof *r->rows);
    if (!r->rows) return problem_set(p, EXIT_DEVICE, "%s: out of memory for the picture", name);
    for (int y = 0; y < out->height; y++)
        r->rows[y] = out->rgb + 3 * (size_t)out->width * (size_t)y;
    png_read_image(r->png, r->rows);
    return true;
}

bool image_decode_png(struct image *out, const unsigned char *data, size_t size, const char *name,
                      struct problem *p) {
    struct png_reader *r = host_alloc(1, sizeof *r);
    volatile bool good = false;
    r->data = data;
    r->size = size;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, png_fail, png_quiet);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info) problem_set(p, EXIT_DEVICE, "%s: out of memory for the picture", name);
    else if (setjmp(png_jmpbuf(r->png)))
        good = problem_set(p, EXIT_FILE, "%s: a damaged PNG: %s", name, r->text);
    else good = png_read(r, out, name, p);
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->rows);
    free(r);
    return good;
}

/* ---- Any ---------------------------------------------------------------------------------- */

typedef bool decoder(struct image *, const unsigned char *, size_t, const char *, struct problem *);

static decoder *find_decoder(const unsigned char *data, size_t size) {
    static const unsigned char png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    if (size >= 3 && data[0] == 0xFF && data[1] == 0xD8 && data[2] == 0xFF)
        return image_decode_jpeg;
    if (size >= 8 && memcmp(data, png, 8) == 0) return image_decode_png;
    if (size >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6') return image_decode_pnm;
    if (size >= 2 && data[0] == 'B' && data[1] == 'M') return image_decode_bmp;
    return NULL;
}

bool image_is_picture(const unsigned char *data, size_t size) {
    return find_decoder(data, size) != NULL;
}

bool image_decode(struct image *out, const unsigned char *data, size_t size, const char *name,
                  struct problem *p) {
    *out = (struct image){0, 0, NULL};
    decoder *decode = find_decoder(data, size);
    if (!decode)
        return problem_set(p, EXIT_FILE, "%s: is no jpg, png, bmp, ppm or pgm picture", name);
    bool good = decode(out, data, size, name, p);
    if (!good) image_free(out);
    return good;
}

static bool load(struct image *image, const char *path, struct problem *p) {
    unsigned char *data;
    size_t size;
    *image = (struct image){0, 0, NULL};
    if (!file_read(&data, &size, path, IMAGE_MAX_FILE, p)) return false;
    bool good = image_decode(image, data, size, path, p);
    free(data);
    return good;
}

fovea_status image_load(void *unused, const char *path, fovea_picture *out) {
    struct problem p = {0};
    struct image image;
    (void)unused;
    *out = (fovea_picture){0, 0, 0, NULL};
    if (!load(&image, path, &p))
        return fovea_fail(p.code == EXIT_FILE ? FOVEA_BAD_FILE : FOVEA_NO_MEMORY, p.text);
    fovea_status status = fovea_picture_create(out, image.height, image.width, 3);
    size_t bytes = 3 * (size_t)image.width * (size_t)image.height;
    if (status == FOVEA_OK) memcpy(out->pixels, image.rgb, bytes);
    image_free(&image);
    return status;
}
