/* The truth of the gradient of batch normalisation (Ioffe and Szegedy 2015), the n numbers of a channel
 * with d = x - mean and h = d * inverse:
 *     dbias = sum dy,  dscale = sum dy h,  dx = scale * inverse * (dy - dbias / n - h * dscale / n)
 *
 * Bounds, mean and inverse taken as they are:
 *     dbias    gamma(n) * sum |dy|
 *     dscale   difference, product, sum, product with inverse:  gamma(n + 3) * sum |dy h|
 *     dx       as a * dy + b * d + c with a = scale * inverse, b = -a * inverse * dscale / n,
 *              c = -a * dbias / n, a quotient 2.5 ulp <= 5 u: three factors of b, its sum and quotient, d,
 *              product and two additions:  |a| (gamma(4) |dy| + gamma(n + 14) (sum |dy| + |h| sum |dy h|) / n)
 *              which covers scale * inverse * (dy - dbias / n - h * dscale / n) as well */
#include <math.h>

#include "base/threads.h"
#include "reference/reference.h"

struct batch_norm_grad {
    const double *dy, *x, *scale, *mean, *inverse;
    size_t batch, channels, spatial;
    struct reference_out *dx, *dscale, *dbias; /* the last two NULL where not wanted */
};

struct channel_sums {
    double bias, scale, bias_size, scale_size; /* sum dy, sum dy h, and of their magnitudes */
};

static struct channel_sums channel_sums(const struct batch_norm_grad *g, size_t c) {
    struct channel_sums s = {0};
    for (size_t b = 0; b < g->batch; b++) {
        size_t first = (b * g->channels + c) * g->spatial;
        for (size_t i = first; i < first + g->spatial; i++) {
            double h = (g->x[i] - g->mean[c]) * g->inverse[c];
            s.bias += g->dy[i];
            s.scale += g->dy[i] * h;
            s.bias_size += fabs(g->dy[i]);
            s.scale_size += fabs(g->dy[i] * h);
        }
    }
    return s;
}

static void store_sum(struct reference_out *o, size_t c, double sum, double size, double roundings,
                      double flushed) {
    if (!o || !o->data) return;
    o->y[c] = sum;
    o->bound[c] = gamma_bound(roundings) * size + flushed;
    if (o->probable) o->probable[c] = gamma_probable(roundings) * size + flushed;
}

static void store_dx(const struct batch_norm_grad *g, size_t c, const struct channel_sums *s) {
    double n = (double)g->batch * (double)g->spatial, a = g->scale[c] * g->inverse[c];
    for (size_t b = 0; b < g->batch; b++) {
        size_t first = (b * g->channels + c) * g->spatial;
        for (size_t i = first; i < first + g->spatial; i++) {
            double h = (g->x[i] - g->mean[c]) * g->inverse[c];
            double sums = (s->bias_size + fabs(h) * s->scale_size) / n, own = fabs(g->dy[i]);
            double flushed =
                (4 + 4 * fabs(a) * (1 + fabs(h))) * (1 + fabs(g->inverse[c])) * REFERENCE_TINY;
            g->dx->y[i] = a * (g->dy[i] - s->bias / n - h * s->scale / n);
            g->dx->bound[i] =
                fabs(a) * (gamma_bound(4) * own + gamma_bound(n + 14) * sums) + flushed;
            if (g->dx->probable)
                g->dx->probable[i] =
                    fabs(a) * (gamma_probable(4) * own + gamma_probable(n + 14) * sums) + flushed;
        }
    }
}

static void batch_norm_grad_channels(void *data, size_t begin, size_t end) {
    const struct batch_norm_grad *g = data;
    double n = (double)g->batch * (double)g->spatial;
    for (size_t c = begin; c < end; c++) {
        struct channel_sums s = channel_sums(g, c);
        store_sum(g->dbias, c, s.bias, s.bias_size, n, REFERENCE_TINY);
        store_sum(g->dscale, c, s.scale, s.scale_size, n + 3,
                  REFERENCE_TINY * (1 + n * fabs(g->inverse[c])));
        if (g->dx->data) store_dx(g, c, &s);
    }
}

fovea_status reference_batch_norm_grad(struct reference_call *c) {
    const fovea_desc *x = &c->in[1].desc;
    struct batch_norm_grad g = {.dy = reference_f64(c, 0),
                                .x = reference_f64(c, 1),
                                .scale = reference_f64(c, 2),
                                .mean = reference_f64(c, 3),
                                .inverse = reference_f64(c, 4),
                                .dx = &c->out[0]};
    if (!g.dy || !g.x || !g.scale || !g.mean || !g.inverse) return FOVEA_NO_MEMORY;
    g.dscale = c->n_out > 1 ? &c->out[1] : NULL;
    g.dbias = c->n_out > 2 ? &c->out[2] : NULL;
    g.batch = (size_t)x->dim[0];
    g.channels = x->rank > 1 ? (size_t)x->dim[1] : 1;
    g.spatial = x->rank > 2 ? (size_t)desc_span(x, 2, x->rank) : 1;
    parallel_for(g.channels, 1 + 4096 / (g.batch * g.spatial), batch_norm_grad_channels, &g);
    return FOVEA_OK;
}
