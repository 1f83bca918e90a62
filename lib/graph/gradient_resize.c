/* The gradient of Resize. Each axis is resized by a matrix of its own, y = x W; a Resize of the unit vectors,
 * which are constants, gives it when the plan is made, and dx = dy W^T. */
#include "graph/gradient.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/resize.h"

/* The rows of a unit matrix. */
static fovea_value unit(struct gradient *gr, int64_t size) {
    fovea_desc d = {FOVEA_FLOAT32, 2, {size, size}};
    fovea_value v = FOVEA_NO_VALUE;
    if (gr->status != FOVEA_OK) return v;
    float *data = mem_zero((size_t)size, (size_t)size * sizeof *data);
    if (!data) {
        gradient_fail(gr, fail_memory((size_t)(size * size) * sizeof *data, "a gradient"));
        return v;
    }
    for (int64_t i = 0; i < size; i++) data[i * size + i] = 1;
    gradient_fail(gr, graph_constant_take(gr->graph, NULL, &d, data, &v));
    return gr->status == FOVEA_OK ? v : FOVEA_NO_VALUE;
}

static fovea_value floats(struct gradient *gr, const float *numbers, int64_t count) {
    fovea_desc d = {FOVEA_FLOAT32, 1, {count}};
    fovea_value v = FOVEA_NO_VALUE;
    float *data = mem_array((size_t)count, sizeof *data);
    if (data) memcpy(data, numbers, (size_t)count * sizeof *data);
    gradient_fail(gr, data ? graph_constant_take(gr->graph, NULL, &d, data, &v)
                           : fail_memory((size_t)count * sizeof *data, "a gradient"));
    return gr->status == FOVEA_OK ? v : FOVEA_NO_VALUE;
}

/* (in, out): what each element of the axis gives to each place of the output. Outside, where the output is
 * the extrapolation value, it gives nothing. */
static fovea_value matrix(struct gradient *gr, const struct node *n, const struct resize *r,
                          int a) {
    enum { MOST = 16 };
    const struct resize_axis *axis = &r->axis[a];
    fovea_attribute attr[MOST], kept[MOST];
    size_t count = gradient_attributes(n, attr, MOST), n_kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(attr[i].name, "axes") != 0 && strcmp(attr[i].name, "extrapolation_value") != 0 &&
            strcmp(attr[i].name, "keep_aspect_ratio_policy") != 0)
            kept[n_kept++] = attr[i];
    fovea_value in[4] = {unit(gr, axis->in), FOVEA_NO_VALUE, FOVEA_NO_VALUE, FOVEA_NO_VALUE};
    in[1] = floats(gr, (float[]){0, axis->roi_start, 1, axis->roi_end}, 4);
    if (node_in(gr->graph, n, 3) && value_elements(node_in(gr->graph, n, 3)) > 0)
        in[3] = gradient_ints(gr, (int64_t[]){axis->in, axis->out}, 2);
    else in[2] = floats(gr, (float[]){1, axis->scale}, 2);
    return gradient_op(gr, OP_Resize, in, 4, kept, n_kept);
}

/* x was (outer, in, inner); dy is (outer, out, inner). */
static fovea_value axis_back(struct gradient *gr, fovea_value dy, fovea_value w, int64_t outer,
                             const struct resize_axis *a, int64_t inner) {
    fovea_attribute across = {.name = "transB", .type = FOVEA_ATTRIBUTE_INT, .i = 1};
    fovea_desc rows = {FOVEA_FLOAT32, 2, {outer, a->out}};
    fovea_desc planes = {FOVEA_FLOAT32, 3, {outer, a->out, inner}};
    fovea_desc want = {FOVEA_FLOAT32, 2, {a->in, a->out}}, have = gradient_desc(gr, w);
    if (gr->status == FOVEA_OK && !desc_equal(&have, &want))
        gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "keep_aspect_ratio_policy has no gradient"));
    if (inner == 1)
        return gradient_op(gr, OP_Gemm, (fovea_value[]){gradient_shaped(gr, dy, &rows), w}, 2,
                           &across, 1);
    return gradient_binary(gr, OP_MatMul, w, gradient_shaped(gr, dy, &planes));
}

void gradient_resize(struct gradient *gr, const struct node *n) {
    fovea_desc x = gradient_desc(gr, n->in[0]), y = gradient_desc(gr, n->out[0]);
    fovea_value grad = gradient_of(gr, 0);
    struct resize_lists lists;
    struct resize r;
    if (gr->status == FOVEA_OK) gradient_fail(gr, resize_read(gr->graph, n, &lists));
    if (gr->status == FOVEA_OK) gradient_fail(gr, resize_resolve(n, &x, &lists, &r));
    if (gr->status == FOVEA_OK && fovea_desc_elements(&y) == 0)
        gradient_fail(gr, fail(FOVEA_UNSUPPORTED, "an empty output has no gradient"));
    for (int a = 0; a < x.rank && gr->status == FOVEA_OK; a++)
        if (r.axis[a].active)
            grad = axis_back(gr, grad, matrix(gr, n, &r, a), desc_span(&x, 0, a), &r.axis[a],
                             desc_span(&y, a + 1, y.rank));
    gradient_give(gr, 0, gradient_shaped(gr, grad, &x));
}
