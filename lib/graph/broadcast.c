/* Numpy broadcasting resolved to numbers. */
#include "graph/broadcast.h"

/* Strides of an input, seen from the output's dimensions. */
static void input_strides(const fovea_desc *out, const fovea_desc *in, int64_t *stride) {
    int64_t step = 1;
    for (int i = 1; i <= out->rank; i++) {
        int64_t size = i <= in->rank ? in->dim[in->rank - i] : 1;
        stride[out->rank - i] = size == 1 ? 0 : step;
        step *= size;
    }
}

/* Merges dimension d into the last one of `b` if every input walks through both in one go. */
static bool merges(const struct broadcast *b, int64_t stride[][FOVEA_MAX_RANK], int d, int64_t size,
                   int count) {
    for (int k = 0; k < count; k++)
        if (b->stride[k][b->rank - 1] != stride[k][d] * size) return false;
    return true;
}

void broadcast_make(struct broadcast *b, const fovea_desc *out, const fovea_desc *const *in,
                    int count) {
    int64_t stride[BROADCAST_INPUTS][FOVEA_MAX_RANK];
    *b = (struct broadcast){0};
    for (int k = 0; k < count; k++) input_strides(out, in[k], stride[k]);
    for (int d = 0; d < out->rank; d++) {
        int64_t size = out->dim[d];
        if (size == 1) continue;
        if (b->rank > 0 && merges(b, stride, d, size, count)) b->dim[b->rank - 1] *= size;
        else b->dim[b->rank++] = size;
        for (int k = 0; k < count; k++) b->stride[k][b->rank - 1] = stride[k][d];
    }
    if (b->rank > 0) return;
    b->rank = 1; /* a single element */
    b->dim[0] = 1;
    for (int k = 0; k < count; k++) b->stride[k][0] = 1;
}

int64_t broadcast_row(const struct broadcast *b, int input, int64_t row) {
    int64_t offset = 0;
    for (int d = b->rank - 2; d >= 0; d--) {
        offset += row % b->dim[d] * b->stride[input][d];
        row /= b->dim[d];
    }
    return offset;
}
