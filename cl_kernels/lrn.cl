/* Computes       y = x / (bias + share * sum of squares over neighbouring channels)^power
 * Layouts        x, y (n, channels, spatial)
 * Launch         1-D, RUN neighbouring elements of a plane for each work-item
 * Defines        QUARTERS: 4 * power if it is 2, 3 or 4, else 0: roots take the place of the power;
 *                ACTIVATION, RUN as in common.h
 * Local memory   none
 * Truth          lib/reference/lrn.c
 * Source         Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, 2012
 *
 * before and after count the channels of the window beside the middle one. */

#ifndef QUARTERS
#define QUARTERS 0
#endif

INLINE acc lrn_power(acc d, float power) {
    if (QUARTERS == 2) return sqrt(d);
    if (QUARTERS == 3) return sqrt(d) * sqrt(sqrt(d));
    return QUARTERS == 4 ? d : pow(d, power);
}

INLINE acc8 lrn_power8(acc8 d, float power) {
    if (QUARTERS == 2) return sqrt(d);
    if (QUARTERS == 3) return sqrt(d) * sqrt(sqrt(d));
    return QUARTERS == 4 ? d : pow(d, (acc8)(power));
}

__kernel void lrn(int planes, int channels, int spatial, int before, int after, float share,
                  float power, float bias, __global const real *x, ulong x_offset, float alpha,
                  float beta, __global real *y, ulong y_offset) {
    int runs = (spatial + RUN - 1) / RUN, plane = (int)get_global_id(0) / runs;
    int i = (int)get_global_id(0) % runs * RUN, last = min(spatial, i + RUN);
    if (plane >= planes) return;
    int c = plane % channels;
    int first_channel = max(c - before, 0) - c, last_channel = min(c + after, channels - 1) - c;
    x += x_offset + (size_t)plane * (size_t)spatial;
    y += y_offset + (size_t)plane * (size_t)spatial;
    for (; RUN > 1 && i + 8 <= last; i += 8) {
        acc8 squares = 0;
        for (int k = first_channel; k <= last_channel; k++) {
            acc8 v = load8(x + k * spatial + i);
            squares += v * v;
        }
        real e[8];
        vstore8(load8(x + i) / lrn_power8(bias + share * squares, power), 0, e);
        for (int k = 0; k < 8; k++) y[i + k] = activate(e[k], alpha, beta);
    }
    for (; i < last; i++) {
        acc squares = 0;
        for (int k = first_channel; k <= last_channel; k++)
            squares += x[k * spatial + i] * x[k * spatial + i];
        y[i] = activate(x[i] / lrn_power(bias + share * squares, power), alpha, beta);
    }
}
