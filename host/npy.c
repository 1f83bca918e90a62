/* Writing NumPy's .npy files; the library reads them. */
#include "npy.h"

#include <errno.h>
#include <string.h>

/* After the sign of byte order. */
static const char *type_name(fovea_dtype dtype) {
    switch (dtype) {
    case FOVEA_FLOAT32: return "f4";
    case FOVEA_FLOAT64: return "f8";
    case FOVEA_FLOAT16: return "f2";
    case FOVEA_UINT8: return "u1";
    case FOVEA_INT8: return "i1";
    case FOVEA_UINT16: return "u2";
    case FOVEA_INT16: return "i2";
    case FOVEA_UINT32: return "u4";
    case FOVEA_INT32: return "i4";
    case FOVEA_UINT64: return "u8";
    case FOVEA_INT64: return "i8";
    case FOVEA_BOOL: return "b1";
    default: return NULL;
    }
}

bool npy_write(const fovea_array *a, const char *path, struct problem *p) {
    char shape[256] = "", header[512];
    const char *type = type_name(a->desc.dtype);
    if (!type)
        return problem_set(p, EXIT_FILE, "%s: .npy has no element type %s", path,
                           fovea_dtype_name(a->desc.dtype));
    size_t used = 0;
    for (int d = 0; d < a->desc.rank; d++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%lld, ",
                                 (long long)a->desc.dim[d]);
    int n = snprintf(header, sizeof header,
                     "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }",
                     type[1] == '1' ? '|' : '<', type, shape);
    int padded = (n + 1 + 10 + 63) / 64 * 64 - 10; /* the data begin at a multiple of 64 bytes */
    FILE *f = fopen(path, "wb");
    if (!f) return problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    fprintf(f, "\x93NUMPY%c%c%c%c%s%*s\n", 1, 0, padded & 255, padded >> 8, header, padded - n - 1,
            "");
    size_t bytes = array_bytes(a);
    bool good = fwrite(a->data, 1, bytes, f) == bytes;
    good = fflush(f) == 0 && good;
    if (!good) problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    if (fclose(f) != 0 && good)
        good = problem_set(p, EXIT_FILE, "%s: cannot be written: %s", path, strerror(errno));
    return good;
}
