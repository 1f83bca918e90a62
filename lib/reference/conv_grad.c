/* The gradient of a convolution's weights: dw[o][c][k] = sum over images and output pixels p of
 * grad_y[o][p] * x[c][p * stride - pad + k * dilation]. PANEL filter elements (c, k) of a group are summed at
 * a time: what they read of x lies in a panel (pixels, PANEL), zeros where the window leaves the input, and
 * every channel of grad_y is multiplied with it: the padding is data like any other. */
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "graph/window.h"
#include "reference/panel.h"
#include "reference/reference.h"

enum { PIXELS = 1024 }; /* of a panel */

struct grad {
    struct window w;
    int64_t n, groups, ic, oc; /* channels of one group */
    int64_t k;                 /* elements of a filter: ic * kernel */
    int64_t plane, pixels;     /* elements of a channel of x and of grad_y */
    int64_t panels;            /* of a group */
    const float *x, *grad_y;
    struct reference_out *out;
    atomic_bool no_memory;
};

/* What filter element `k` reads at output pixel `p` of an image and group. */
static float read_input(const struct grad *g, const float *x, int64_t k, int64_t p) {
    const struct window *w = &g->w;
    int64_t kernel = w->kernel[0] * w->kernel[1] * w->kernel[2], at = 0;
    int64_t tap[3] = {k % kernel / (w->kernel[1] * w->kernel[2]), k / w->kernel[2] % w->kernel[1],
                      k % w->kernel[2]};
    int64_t pixel[3] = {p / (w->out[1] * w->out[2]), p / w->out[2] % w->out[1], p % w->out[2]};
    for (int i = 0; i < 3; i++) {
        int64_t place = pixel[i] * w->stride[i] - w->pad_begin[i] + tap[i] * w->dilation[i];
        if (place < 0 || place >= w->in[i]) return 0;
        at = at * w->in[i] + place;
    }
    return x[k / kernel * g->plane + at];
}

static void panel_fill(const struct grad *g, int64_t image, int64_t group, int64_t first,
                       int64_t pixel, int64_t count, float *panel) {
    const float *x = g->x + (image * g->groups + group) * g->ic * g->plane;
    for (int64_t p = 0; p < count; p++)
        for (int64_t j = 0; j < PANEL; j++)
            panel[p * PANEL + j] = first + j < g->k ? read_input(g, x, first + j, pixel + p) : 0;
}

static void store(const struct grad *g, int64_t group, int64_t first, const double *y,
                  const double *a) {
    double terms = (double)g->n * (double)g->pixels, flushed = (terms + 2) * REFERENCE_TINY;
    for (int64_t o = 0; o < g->oc; o++)
        for (int64_t j = 0; j < PANEL && first + j < g->k; j++) {
            int64_t at = (group * g->oc + o) * g->k + first + j;
            double absolute = a[o * PANEL + j];
            g->out->y[at] = y[o * PANEL + j];
            g->out->bound[at] = gamma_bound(terms + 1) * absolute + flushed;
            if (g->out->probable)
                g->out->probable[at] = gamma_probable(terms + 1) * absolute + flushed;
        }
}

/* Items are panels of a group. */
static void grad_panels(void *data, size_t begin, size_t end) {
    struct grad *g = data;
    float *panel = mem_array(PIXELS, PANEL * sizeof(float));
    double *y = mem_array((size_t)g->oc, 2 * PANEL * sizeof(double)), *a = y + g->oc * PANEL;
    if (!panel || !y) g->no_memory = true;
    for (size_t i = begin; panel && y && i < end; i++) {
        int64_t group = (int64_t)i / g->panels, first = (int64_t)i % g->panels * PANEL;
        for (int64_t j = 0; j < 2 * g->oc * PANEL; j++) y[j] = 0;
        for (int64_t image = 0; image < g->n; image++)
            for (int64_t pixel = 0; pixel < g->pixels; pixel += PIXELS) {
                int64_t count = g->pixels - pixel < PIXELS ? g->pixels - pixel : PIXELS;
                int64_t plane = (image * g->groups + group) * g->oc;
                panel_fill(g, image, group, first, pixel, count, panel);
                for (int64_t o = 0; o < g->oc; o++)
                    panel_sum(panel, g->grad_y + (plane + o) * g->pixels + pixel, (size_t)count,
                              y + o * PANEL, a + o * PANEL);
            }
        store(g, group, first, y, a);
    }
    mem_free(panel);
    mem_free(y);
}

fovea_status reference_conv_grad_weights(struct reference_call *c) {
    const fovea_desc *x = &c->in[0].desc, *grad_y = &c->in[1].desc;
    struct grad g = {.n = x->dim[0], .groups = attr_int(c->node, "group", 1), .out = &c->out[0]};
    TRY(window_resolve_grad(c->node, x, grad_y, &g.w));
    g.ic = x->dim[1] / g.groups;
    g.oc = grad_y->dim[1] / g.groups;
    g.k = g.ic * g.w.kernel[0] * g.w.kernel[1] * g.w.kernel[2];
    g.plane = desc_span(x, 2, x->rank);
    g.pixels = desc_span(grad_y, 2, grad_y->rank);
    g.panels = (g.k + PANEL - 1) / PANEL;
    g.x = reference_f32(c, 0);
    g.grad_y = reference_f32(c, 1);
    if (!g.x || !g.grad_y) return FOVEA_NO_MEMORY;
    parallel_for((size_t)(g.groups * g.panels), 1, grad_panels, &g);
    return g.no_memory ? fail_memory(PIXELS * PANEL * sizeof(float), "a panel of a gradient")
                       : FOVEA_OK;
}
