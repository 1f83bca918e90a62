/* The sliding window of convolution and pooling, resolved to numbers. */
#include "graph/window.h"

#include <string.h>

enum {
    SIZE_LIMIT = 1 << 24
}; /* of a kernel, stride, dilation or pad: keeps products far from overflow */

/* Reads a per-axis attribute into the last `rank` of three axes. */
static fovea_status read_axes(const struct node *n, const char *name, int rank, int64_t least,
                              int64_t *out) {
    const int64_t *ints;
    size_t count = attr_ints(n, name, &ints);
    if (count == 0) return FOVEA_OK;
    if (count != (size_t)rank)
        return fail(FOVEA_INVALID, "%s has %zu numbers; %d are needed", name, count, rank);
    for (int i = 0; i < rank; i++) {
        if (ints[i] < least || ints[i] > SIZE_LIMIT)
            return fail(FOVEA_INVALID, "%s has the number %lld, outside %lld to %d", name,
                        (long long)ints[i], (long long)least, SIZE_LIMIT);
        out[3 - rank + i] = ints[i];
    }
    return FOVEA_OK;
}

static fovea_status read_pads(const struct node *n, int rank, struct window *w) {
    const int64_t *ints;
    size_t count = attr_ints(n, "pads", &ints);
    if (count == 0) return FOVEA_OK;
    if (count != 2 * (size_t)rank)
        return fail(FOVEA_INVALID, "pads has %zu numbers; %d are needed", count, 2 * rank);
    for (int i = 0; i < 2 * rank; i++) {
        if (ints[i] < 0 || ints[i] > SIZE_LIMIT)
            return fail(FOVEA_INVALID, "pads has the number %lld, outside 0 to %d",
                        (long long)ints[i], SIZE_LIMIT);
        (i < rank ? w->pad_begin : w->pad_end)[3 - rank + i % rank] = ints[i];
    }
    return FOVEA_OK;
}

/* Everything but the pads of auto_pad and the output sizes. */
static fovea_status window_read(const struct node *n, const fovea_desc *x, const int64_t *kernel,
                                struct window *w) {
    int rank = x->rank - 2;
    if (rank < 1 || rank > 3)
        return fail(FOVEA_UNSUPPORTED, "input has shape %s; 1 to 3 spatial axes are covered",
                    desc_text(x));
    if (x->dim[0] < 1 || x->dim[1] < 1)
        return fail(FOVEA_INVALID, "input has shape %s: an empty batch or no channels",
                    desc_text(x));
    *w = (struct window){rank, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0}, {0}, {0}};
    for (int i = 0; i < rank; i++) {
        w->in[3 - rank + i] = x->dim[2 + i];
        if (kernel) w->kernel[3 - rank + i] = kernel[i];
        if (x->dim[2 + i] < 1)
            return fail(FOVEA_INVALID, "input has shape %s: a spatial axis is empty", desc_text(x));
    }
    const int64_t *ints;
    if (!kernel && attr_ints(n, "kernel_shape", &ints) == 0)
        return fail(FOVEA_INVALID, "attribute kernel_shape is missing");
    int64_t stated[3] = {w->kernel[0], w->kernel[1], w->kernel[2]};
    TRY(read_axes(n, "kernel_shape", rank, 1, stated));
    if (kernel && memcmp(stated, w->kernel, sizeof stated) != 0)
        return fail(FOVEA_INVALID, "kernel_shape differs from the weights' shape");
    memcpy(w->kernel, stated, sizeof stated);
    for (int i = 0; i < 3; i++)
        if (w->kernel[i] < 1 || w->kernel[i] > SIZE_LIMIT)
            return fail(FOVEA_INVALID, "a kernel of size %lld is not allowed",
                        (long long)w->kernel[i]);
    TRY(read_axes(n, "strides", rank, 1, w->stride));
    TRY(read_axes(n, "dilations", rank, 1, w->dilation));
    return FOVEA_OK;
}

static int64_t extent(const struct window *w, int i) { /* of a dilated kernel */
    return (w->kernel[i] - 1) * w->dilation[i] + 1;
}

/* Splits `total` over both ends; an odd rest goes to the end, or to the beginning. */
static void split_pad(struct window *w, int i, int64_t total, bool rest_first) {
    int64_t small = total / 2, large = total - small;
    w->pad_begin[i] = rest_first ? large : small;
    w->pad_end[i] = rest_first ? small : large;
}

static fovea_status auto_pad(const struct node *n, struct window *w) {
    const char *mode = attr_string(n, "auto_pad", "NOTSET");
    if (strcmp(mode, "NOTSET") == 0) return read_pads(n, w->rank, w);
    bool lower = strcmp(mode, "SAME_LOWER") == 0;
    bool same = lower || strcmp(mode, "SAME_UPPER") == 0, full = strcmp(mode, "FULL") == 0;
    if (!same && !full && strcmp(mode, "VALID") != 0)
        return fail(FOVEA_INVALID, "auto_pad '%s' is unknown", mode);
    for (int i = 3 - w->rank; i < 3; i++) {
        int64_t out = (w->in[i] + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] + extent(w, i) - w->in[i];
        if (same) split_pad(w, i, total > 0 ? total : 0, lower);
        if (full) w->pad_begin[i] = w->pad_end[i] = extent(w, i) - 1;
    }
    return FOVEA_OK;
}

fovea_status window_resolve(const struct node *n, const fovea_desc *x, const int64_t *kernel,
                            struct window *w) {
    TRY(window_read(n, x, kernel, w));
    TRY(auto_pad(n, w));
    bool ceil_mode = attr_int(n, "ceil_mode", 0) != 0;
    for (int i = 0; i < 3; i++) {
        int64_t room = w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent(w, i);
        if (room < 0)
            return fail(
                FOVEA_INVALID,
                "a kernel of extent %lld does not fit an input of %lld with pads %lld and %lld",
                (long long)extent(w, i), (long long)w->in[i], (long long)w->pad_begin[i],
                (long long)w->pad_end[i]);
        w->out[i] = (ceil_mode ? room + w->stride[i] - 1 : room) / w->stride[i] + 1;
        if (ceil_mode && (w->out[i] - 1) * w->stride[i] >= w->in[i] + w->pad_begin[i]) w->out[i]--;
    }
    return FOVEA_OK;
}

fovea_desc pool_grad_input(const struct node *n, const fovea_desc *dy) {
    const int64_t *shape;
    size_t count = attr_ints(n, "input_shape", &shape);
    fovea_desc x = {.dtype = dy->dtype, .rank = count <= FOVEA_MAX_RANK ? (int)count : 0};
    for (int i = 0; i < x.rank; i++) x.dim[i] = shape[i];
    return x;
}

/* Sets the pads so that the output has the wanted size. */
static fovea_status pads_for_output(struct window *w, int i, int64_t full, int64_t wanted,
                                    bool rest_first) {
    if (wanted < 1 || wanted > SIZE_LIMIT)
        return fail(FOVEA_INVALID, "output_shape has the number %lld", (long long)wanted);
    int64_t total = full - wanted;
    if (total >= 0) split_pad(w, i, total, rest_first);
    else w->pad_end[i] = total; /* negative: rows that no input reaches */
    w->out[i] = wanted;
    return FOVEA_OK;
}

fovea_status window_resolve_transposed(const struct node *n, const fovea_desc *x,
                                       const int64_t *kernel, struct window *w) {
    const char *mode = attr_string(n, "auto_pad", "NOTSET");
    int64_t extra[3] = {0, 0, 0};
    const int64_t *wanted;
    TRY(window_read(n, x, kernel, w));
    TRY(read_axes(n, "output_padding", w->rank, 0, extra));
    bool same_upper = strcmp(mode, "SAME_UPPER") == 0, same_lower = strcmp(mode, "SAME_LOWER") == 0;
    size_t n_wanted = attr_ints(n, "output_shape", &wanted);
    if (n_wanted && n_wanted != (size_t)w->rank && n_wanted != (size_t)w->rank + 2)
        return fail(FOVEA_INVALID, "output_shape has %zu numbers; %d are needed", n_wanted,
                    w->rank);
    if (strcmp(mode, "NOTSET") == 0 && !n_wanted) TRY(read_pads(n, w->rank, w));
    for (int i = 0; i < 3; i++) {
        int64_t full = (w->in[i] - 1) * w->stride[i] + extra[i] + extent(w, i);
        bool spatial = i >= 3 - w->rank;
        if (spatial && n_wanted)
            TRY(pads_for_output(w, i, full, wanted[n_wanted - 3 + (size_t)i], !same_upper));
        else if (spatial && (same_upper || same_lower))
            TRY(pads_for_output(w, i, full, w->in[i] * w->stride[i], same_lower));
        else w->out[i] = full - w->pad_begin[i] - w->pad_end[i];
        if (w->out[i] < 1)
            return fail(FOVEA_INVALID, "the pads leave nothing of an output of %lld",
                        (long long)full);
    }
    return FOVEA_OK;
}

fovea_status window_resolve_grad(const struct node *n, const fovea_desc *x,
                                 const fovea_desc *grad_y, struct window *w) {
    TRY(window_resolve(n, x, NULL, w));
    for (int i = 3 - w->rank; i < 3; i++) {
        int64_t size = grad_y->dim[i - 1 + w->rank];
        if (size < 1 || size > w->out[i])
            return fail(FOVEA_INVALID, "the gradient has shape %s; at most %lld pixels fit axis %d",
                        desc_text(grad_y), (long long)w->out[i], i - 1 + w->rank);
        w->out[i] = size;
    }
    return FOVEA_OK;
}
