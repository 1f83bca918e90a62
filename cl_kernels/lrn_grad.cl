/* Computes       gradient of local response normalisation: with t = bias + share * sum of squares over
 *                neighbouring channels, dx_i = dy_i / t_i^power - factor * x_i * sum of
 *                dy_j x_j / t_j^(power + 1) over the channels j whose windows hold i
 * Layouts        dy, x, dx, terms (n, channels, spatial)
 * Launch         1-D, RUN neighbouring elements of a plane for each work-item: first _terms, then _gather
 * Defines        QUARTERS: 4 * power if it is 2, 3 or 4, else 0: roots take the place of the power; RUN as
 *                in common.h
 * Local memory   none
 * Truth          lib/reference/lrn.c
 * Source         Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, 2012
 *
 * before and after count the channels of the window beside the middle one; factor = 2 * power * share. */

#ifndef QUARTERS
#define QUARTERS 0
#endif

INLINE acc lrn_grad_power(acc d, float power) {
    if (QUARTERS == 2) return sqrt(d);
    if (QUARTERS == 3) return sqrt(d) * sqrt(sqrt(d));
    return QUARTERS == 4 ? d : pow(d, power);
}

/* dx = dy / t^power, and what the windows gather. */
__kernel void lrn_grad_terms(int planes, int channels, int spatial, int before, int after,
                             float share, float power, float bias, __global const real *dy,
                             ulong dy_offset, __global const real *x, ulong x_offset,
                             __global float *terms, ulong terms_offset, __global real *dx,
                             ulong dx_offset) {
    int runs = (spatial + RUN - 1) / RUN, plane = (int)get_global_id(0) / runs;
    int i = (int)get_global_id(0) % runs * RUN, last = min(spatial, i + RUN), c = plane % channels;
    if (plane >= planes) return;
    int first_channel = max(c - before, 0) - c, last_channel = min(c + after, channels - 1) - c;
    size_t start = (size_t)plane * (size_t)spatial;
    dy += dy_offset + start;
    x += x_offset + start;
    dx += dx_offset + start;
    terms += terms_offset + start;
    for (; i < last; i++) {
        acc squares = 0;
        for (int k = first_channel; k <= last_channel; k++)
            squares += x[k * spatial + i] * x[k * spatial + i];
        acc t = bias + share * squares, own = dy[i] / lrn_grad_power(t, power);
        dx[i] = own;
        terms[i] = own * x[i] / t;
    }
}

__kernel void lrn_grad_gather(int planes, int channels, int spatial, int before, int after,
                              float factor, __global const real *x, ulong x_offset,
                              __global const float *terms, ulong terms_offset, __global real *dx,
                              ulong dx_offset) {
    int runs = (spatial + RUN - 1) / RUN, plane = (int)get_global_id(0) / runs;
    int i = (int)get_global_id(0) % runs * RUN, last = min(spatial, i + RUN), c = plane % channels;
    if (plane >= planes) return;
    /* The window of channel j holds c where j - before <= c <= j + after. */
    int first_channel = max(c - after, 0) - c, last_channel = min(c + before, channels - 1) - c;
    size_t start = (size_t)plane * (size_t)spatial;
    x += x_offset + start;
    dx += dx_offset + start;
    terms += terms_offset + start;
    for (; i < last; i++) {
        acc sum = 0;
        for (int k = first_channel; k <= last_channel; k++) sum += terms[k * spatial + i];
        dx[i] -= factor * x[i] * sum;
    }
}
