/* Arrays in host memory. */
#include "array.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fovea_data.h"

bool array_create(fovea_array *a, const fovea_desc *desc, struct problem *p) {
    int64_t elements = fovea_desc_elements(desc);
    size_t size = fovea_dtype_size(desc->dtype);
    *a = (fovea_array){*desc, NULL};
    if (elements < 0 || !size || (uint64_t)elements > PTRDIFF_MAX / size)
        return problem_set(p, EXIT_FILE, "an array has no definite size");
    a->data = calloc(elements ? (size_t)elements : 1, size);
    if (!a->data)
        return problem_set(p, EXIT_DEVICE, "out of memory: %lld elements of %s",
                           (long long)elements, fovea_dtype_name(desc->dtype));
    return true;
}

void array_free(fovea_array *a) {
    free(a->data);
    *a = (fovea_array){{0}, NULL};
}

size_t array_bytes(const fovea_array *a) {
    int64_t elements = fovea_desc_elements(&a->desc);
    return elements < 0 ? 0 : (size_t)elements * fovea_dtype_size(a->desc.dtype);
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static double half_get(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent == 31  ? (fraction ? NAN : INFINITY)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(1024 + fraction, exponent - 25);
    return h >> 15 ? -x : x;
}

static double bfloat_get(uint16_t b) {
    uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Rounds to nearest, ties to even. */
static uint16_t half_set(double x) {
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    double a = fabs(x);
    if (isnan(x)) return 0x7E00;
    if (a >= 65520) return sign | 0x7C00;
    if (a == 0) return sign;
    int exponent = 0;
    frexp(a, &exponent);
    if (exponent < -13) return sign | (uint16_t)nearbyint(ldexp(a, 24));
    int fraction = (int)nearbyint(ldexp(a, 11 - exponent)); /* 1024..2048 */
    return sign | (uint16_t)(((exponent + 14) << 10) + fraction - 1024);
}

double array_get(const fovea_array *a, int64_t i) {
    const void *d = a->data;
    switch (a->desc.dtype) {
    case FOVEA_FLOAT32: return ((const float *)d)[i];
    case FOVEA_FLOAT64: return ((const double *)d)[i];
    case FOVEA_FLOAT16: return half_get(((const uint16_t *)d)[i]);
    case FOVEA_BFLOAT16: return bfloat_get(((const uint16_t *)d)[i]);
    case FOVEA_UINT8:
    case FOVEA_UINT4:
    case FOVEA_BOOL: return ((const uint8_t *)d)[i];
    case FOVEA_INT8:
    case FOVEA_INT4: return ((const int8_t *)d)[i];
    case FOVEA_UINT16: return ((const uint16_t *)d)[i];
    case FOVEA_INT16: return ((const int16_t *)d)[i];
    case FOVEA_INT32: return ((const int32_t *)d)[i];
    case FOVEA_UINT32: return ((const uint32_t *)d)[i];
    case FOVEA_INT64: return (double)((const int64_t *)d)[i];
    case FOVEA_UINT64: return (double)((const uint64_t *)d)[i];
    default: return NAN;
    }
}

/* Between the limits, which a double holds or rounds outwards; NaN is 0. */
static double clamped(double x, double least, double most) {
    x = nearbyint(x);
    return isnan(x) ? 0 : x < least ? least : x > most ? most : x;
}

static void set_wide(fovea_array *a, int64_t i, double x) {
    if (a->desc.dtype == FOVEA_INT64)
        ((int64_t *)a->data)[i] = x >= 0x1p63    ? INT64_MAX
                                  : x <= -0x1p63 ? INT64_MIN
                                                 : (int64_t)clamped(x, -0x1p63, 0x1p63);
    else ((uint64_t *)a->data)[i] = x >= 0x1p64 ? UINT64_MAX : (uint64_t)clamped(x, 0, 0x1p64);
}

bool array_set(fovea_array *a, int64_t i, double x) {
    void *d = a->data;
    switch (a->desc.dtype) {
    case FOVEA_FLOAT32: ((float *)d)[i] = (float)x; return true;
    case FOVEA_FLOAT64: ((double *)d)[i] = x; return true;
    case FOVEA_FLOAT16: ((uint16_t *)d)[i] = half_set(x); return true;
    case FOVEA_UINT8: ((uint8_t *)d)[i] = (uint8_t)clamped(x, 0, 255); return true;
    case FOVEA_BOOL: ((uint8_t *)d)[i] = x != 0; return true;
    case FOVEA_INT8: ((int8_t *)d)[i] = (int8_t)clamped(x, -128, 127); return true;
    case FOVEA_UINT16: ((uint16_t *)d)[i] = (uint16_t)clamped(x, 0, 65535); return true;
    case FOVEA_INT16: ((int16_t *)d)[i] = (int16_t)clamped(x, -32768, 32767); return true;
    case FOVEA_INT32: ((int32_t *)d)[i] = (int32_t)clamped(x, INT32_MIN, INT32_MAX); return true;
    case FOVEA_UINT32: ((uint32_t *)d)[i] = (uint32_t)clamped(x, 0, UINT32_MAX); return true;
    case FOVEA_INT64:
    case FOVEA_UINT64: set_wide(a, i, x); return true;
    default: return false;
    }
}

bool array_convert(fovea_array *out, const fovea_array *a, fovea_dtype dtype, struct problem *p) {
    fovea_desc desc = a->desc;
    desc.dtype = dtype;
    if (!array_create(out, &desc, p)) return false;
    if (dtype == a->desc.dtype) {
        memcpy(out->data, a->data, array_bytes(a));
        return true;
    }
    int64_t elements = fovea_desc_elements(&desc);
    for (int64_t i = 0; i < elements; i++)
        if (!array_set(out, i, array_get(a, i))) {
            array_free(out);
            return problem_set(p, EXIT_FILE, "cannot turn %s into %s",
                               fovea_dtype_name(a->desc.dtype), fovea_dtype_name(dtype));
        }
    return true;
}

double array_ulp(fovea_dtype dtype, double x) {
    static const struct {
        fovea_dtype dtype;
        int digits, least; /* bits of precision, exponent of the smallest number */
    } types[] = {{FOVEA_FLOAT32, 24, -149},
                 {FOVEA_FLOAT64, 53, -1074},
                 {FOVEA_FLOAT16, 11, -24},
                 {FOVEA_BFLOAT16, 8, -133}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        if (types[t].dtype != dtype) continue;
        int exponent = 0;
        if (isfinite(x)) frexp(x, &exponent);
        int power = exponent - types[t].digits;
        return ldexp(1, x == 0 || power < types[t].least ? types[t].least : power);
    }
    return 0;
}

/* The library's array in the program's own memory. */
static bool adopt(fovea_array *out, fovea_array *loaded, struct problem *p) {
    bool good = array_create(out, &loaded->desc, p);
    if (good) memcpy(out->data, loaded->data, array_bytes(out));
    fovea_array_free(loaded);
    return good;
}

bool array_load_pb(fovea_array *out, const char *path, struct problem *p) {
    fovea_array loaded;
    *out = (fovea_array){{0}, NULL};
    return problem_check(p, fovea_array_load(&loaded, path)) && adopt(out, &loaded, p);
}

bool array_is_idx(const unsigned char *data, size_t size) {
    return fovea_array_find_format(data, size) == FOVEA_ARRAY_IDX;
}

bool array_is_npy(const unsigned char *data, size_t size) {
    return fovea_array_find_format(data, size) == FOVEA_ARRAY_NPY;
}

bool array_decode(fovea_array *out, const unsigned char *data, size_t size, const char *name,
                  struct problem *p) {
    fovea_array loaded;
    *out = (fovea_array){{0}, NULL};
    return problem_check(p, fovea_array_decode(&loaded, data, size, name)) &&
           adopt(out, &loaded, p);
}

bool file_read(unsigned char **data, size_t *size, const char *path, size_t limit,
               struct problem *p) {
    *data = NULL;
    *size = 0;
    struct stat about;
    FILE *f = fopen(path, "rb");
    if (!f) return problem_set(p, EXIT_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    bool good = fstat(fileno(f), &about) == 0 && S_ISREG(about.st_mode);
    if (!good) {
        problem_set(p, EXIT_FILE, "%s: is not a file", path);
    } else if ((uint64_t)about.st_size > limit) {
        good = problem_set(p, EXIT_FILE, "%s: is larger than the %zu bytes that are read", path,
                           limit);
    } else if (!(*data = malloc((size_t)about.st_size + 1))) {
        good = problem_set(p, EXIT_DEVICE, "%s: out of memory for its %lld bytes", path,
                           (long long)about.st_size);
    } else {
        *size = fread(*data, 1, (size_t)about.st_size, f);
        if (ferror(f)) good = problem_set(p, EXIT_FILE, "%s: cannot be read", path);
    }
    fclose(f);
    if (!good) {
        free(*data);
        *data = NULL;
    }
    return good;
}
