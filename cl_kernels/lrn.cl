/* Computes       y = x / (bias + share * sum of squares over neighbouring channels)^power
 * Layouts        x, y (n, channels, spatial)
 * Launch         1-D, one work-item for each element
 * Defines        ACTIVATION
 * Local memory   none
 * Truth          lib/reference/lrn.c
 * Source         Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, 2012
 *
 * before and after count the channels of the window beside the middle one. */

__kernel void lrn(int elements, int channels, int spatial, int before, int after, float share,
                  float power, float bias, __global const real *x, ulong x_offset, float alpha,
                  float beta, __global real *y, ulong y_offset) {
    int i = get_global_id(0);
    if (i >= elements) return;
    int c = i / spatial % channels;
    int first = max(c - before, 0) - c, last = min(c + after, channels - 1) - c;
    x += x_offset + i;
    acc squares = 0;
    for (int k = first; k <= last; k++) squares += x[k * spatial] * x[k * spatial];
    y[y_offset + i] = activate(x[0] / pow(bias + share * squares, power), alpha, beta);
}
