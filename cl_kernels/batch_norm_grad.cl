/* Computes       gradient of batch normalisation in training: with h = (x - mean) * inverse over the n elements
 *                of a channel, dbias = sum dy, dscale = sum dy h,
 *                dx = scale * inverse * (dy - dbias / n - h * dscale / n)
 * Layouts        dy, x, dx (batch, channels, spatial); scale, means, inverses, dscale, dbias (channels);
 *                partial (channels, parts, 2); factors (channels, 3)
 * Launch         _parts: (parts * LANES, channels), LANES work-items for each part; _finish: 1-D, one for
 *                each channel; _apply: 1-D, RUN neighbouring elements of a plane for each work-item
 * Defines        LANES, RUN as in common.h
 * Local memory   LANES floats
 * Truth          lib/reference/norm_grad.c
 * Source         Ioffe and Szegedy, Batch Normalization, 2015
 *
 * A part is `chunk` neighbouring elements of `images` images. */

/* partial: sum dy, sum dy (x - mean) */
__kernel void batch_norm_grad_parts(int batch, int channels, int spatial, int images, int chunk,
                                    int chunks, int parts, __global const real *dy, ulong dy_offset,
                                    __global const real *x, ulong x_offset,
                                    __global const real *means, ulong means_offset,
                                    __global float *partial, ulong partial_offset) {
    __local acc shared[LANES];
    int part = (int)get_group_id(0), c = (int)get_global_id(1), lane = (int)get_local_id(0);
    int n = part / chunks * images, end = min(batch, n + images);
    int first = part % chunks * chunk, last = min(spatial, first + chunk);
    acc middle = means[means_offset + c], sum = 0, slope = 0;
    acc8 sums = 0, slopes = 0;
    for (; n < end; n++) {
        size_t plane = (size_t)(n * channels + c) * (size_t)spatial;
        __global const real *g = dy + dy_offset + plane, *v = x + x_offset + plane;
        int i = first + lane;
        for (; i + 7 * LANES < last; i += 8 * LANES) {
            acc8 own = lanes_load8(g + i);
            sums += own;
            slopes += own * (lanes_load8(v + i) - middle);
        }
        for (; i < last; i += LANES) {
            sum += g[i];
            slope += g[i] * (v[i] - middle);
        }
    }
    sum = group_sum(sum + sum8(sums), shared);
    slope = group_sum(slope + sum8(slopes), shared);
    if (lane == 0)
        vstore2((float2)(sum, slope), 0, partial + partial_offset + (size_t)(c * parts + part) * 2);
}

/* factors: dx = factors[0] * dy + factors[1] * (x - mean) + factors[2] */
__kernel void batch_norm_grad_finish(int batch, int channels, int spatial, int parts, int has_scale,
                                     int has_bias, __global const float *partial,
                                     ulong partial_offset, __global const real *scale,
                                     ulong scale_offset, __global const real *inverses,
                                     ulong inverses_offset, __global float *factors,
                                     ulong factors_offset, __global real *dscale,
                                     ulong dscale_offset, __global real *dbias,
                                     ulong dbias_offset) {
    int c = get_global_id(0);
    if (c >= channels) return;
    acc sum = 0, slope = 0, count = (float)batch * (float)spatial;
    partial += partial_offset + (size_t)(c * parts) * 2;
    for (int p = 0; p < parts; p++) {
        sum += partial[2 * p];
        slope += partial[2 * p + 1];
    }
    acc inverse = inverses[inverses_offset + c], factor = scale[scale_offset + c] * inverse;
    slope *= inverse;
    factors += factors_offset + (size_t)c * 3;
    factors[0] = factor;
    factors[1] = -(factor * inverse) * (slope / count);
    factors[2] = -factor * (sum / count);
    if (has_scale) dscale[dscale_offset + c] = slope;
    if (has_bias) dbias[dbias_offset + c] = sum;
}

__kernel void batch_norm_grad_apply(int planes, int channels, int spatial, __global const real *dy,
                                    ulong dy_offset, __global const real *x, ulong x_offset,
                                    __global const real *means, ulong means_offset,
                                    __global const float *factors, ulong factors_offset,
                                    __global real *dx, ulong dx_offset) {
    int runs = (spatial + RUN - 1) / RUN, plane = (int)get_global_id(0) / runs;
    int i = (int)get_global_id(0) % runs * RUN, last = min(spatial, i + RUN), c = plane % channels;
    if (plane >= planes) return;
    acc middle = means[means_offset + c];
    factors += factors_offset + (size_t)c * 3;
    acc a = factors[0], b = factors[1], shift = factors[2];
    size_t start = (size_t)plane * (size_t)spatial;
    dy += dy_offset + start;
    x += x_offset + start;
    dx += dx_offset + start;
    for (; i < last; i++) dx[i] = a * dy[i] + (b * (x[i] - middle) + shift);
}
