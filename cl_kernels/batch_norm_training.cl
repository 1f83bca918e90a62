/* Computes       batch normalisation with the statistics of the batch itself, and the new running
 *                mean and variance: old * momentum + new * (1 - momentum)
 * Layouts        x, y (batch, channels, spatial); scale, bias, mean, variance, means, inverses (channels);
 *                partial (channels, parts, 4)
 * Launch         _parts: (parts * LANES, channels), LANES work-items for each part; _finish: 1-D, one for
 *                each channel; _apply: 1-D, RUN neighbouring elements of a plane for each work-item
 * Defines        LANES, ACTIVATION, RUN as in common.h
 * Local memory   LANES floats
 * Truth          lib/reference/norm.c
 * Source         the ONNX standard, BatchNormalization with training_mode=1; Chan, Golub and LeVeque,
 *                Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979
 *
 * A part is `chunk` neighbouring elements of `images` images: few enough to be in the cache when they are
 * read again. It finds its own mean m, the pivot of its r = sum (x - m) and q = sum (x - m)^2. About the mean
 * of all, with d = m - mean, they sum to q + 2 d r + count d^2: no difference of large squares. */

/* The elements [first, last) of rows `row` apart, of which this lane takes every LANES-th. */
struct batch_norm_training_piece {
    __global const real *x;
    int rows, row, first, last;
};

acc batch_norm_training_sum(struct batch_norm_training_piece p);
acc batch_norm_training_sum(struct batch_norm_training_piece p) {
    acc8 sums = 0;
    acc sum = 0;
    for (int n = 0; n < p.rows; n++) {
        __global const real *x = p.x + (size_t)n * (size_t)p.row;
        int i = p.first;
        for (; i + 7 * LANES < p.last; i += 8 * LANES) sums += lanes_load8(x + i);
        for (; i < p.last; i += LANES) sum += x[i];
    }
    return sum + sum8(sums);
}

/* The sums of differences from `middle` and of their squares. */
float2 batch_norm_training_spread(struct batch_norm_training_piece p, acc middle);
float2 batch_norm_training_spread(struct batch_norm_training_piece p, acc middle) {
    acc8 rests = 0, squares = 0;
    acc rest = 0, square = 0;
    for (int n = 0; n < p.rows; n++) {
        __global const real *x = p.x + (size_t)n * (size_t)p.row;
        int i = p.first;
        for (; i + 7 * LANES < p.last; i += 8 * LANES) {
            acc8 d = lanes_load8(x + i) - middle;
            rests += d;
            squares += d * d;
        }
        for (; i < p.last; i += LANES) {
            acc d = x[i] - middle;
            rest += d;
            square += d * d;
        }
    }
    return (float2)(rest + sum8(rests), square + sum8(squares));
}

__kernel void batch_norm_training_parts(int batch, int channels, int spatial, int images, int chunk,
                                        int chunks, int parts, __global const real *x,
                                        ulong x_offset, __global float *partial,
                                        ulong partial_offset) {
    __local acc shared[LANES];
    int part = (int)get_group_id(0), c = (int)get_global_id(1), lane = (int)get_local_id(0);
    int n = part / chunks * images, start = part % chunks * chunk;
    struct batch_norm_training_piece p = {
        x + x_offset + (size_t)(n * channels + c) * (size_t)spatial, min(images, batch - n),
        channels * spatial, start + lane, min(spatial, start + chunk)};
    acc sum = group_sum(batch_norm_training_sum(p), shared);
    acc middle = sum / (float)(p.rows * (p.last - start));
    float2 spread = batch_norm_training_spread(p, middle);
    acc rest = group_sum(spread.x, shared);
    acc square = group_sum(spread.y, shared);
    if (lane == 0)
        vstore4((float4)(sum, middle, rest, square), 0,
                partial + partial_offset + (size_t)(c * parts + part) * 4);
}

__kernel void batch_norm_training_finish(
    int batch, int channels, int spatial, int images, int chunk, int chunks, int parts,
    int has_mean, int has_variance, float epsilon, float momentum, float remainder,
    __global const float *partial, ulong partial_offset, __global const real *mean,
    ulong mean_offset, __global const real *variance, ulong variance_offset, __global real *means,
    ulong means_offset, __global real *inverses, ulong inverses_offset, __global real *new_mean,
    ulong new_mean_offset, __global real *new_variance, ulong new_variance_offset) {
    int c = get_global_id(0);
    if (c >= channels) return;
    acc sum = 0, squares = 0, count = (float)batch * (float)spatial;
    partial += partial_offset + (size_t)(c * parts) * 4;
    for (int p = 0; p < parts; p++) sum += partial[p * 4];
    acc average = sum / count;
    for (int p = 0; p < parts; p++) {
        float4 part = vload4(p, partial);
        int rows = min(images, batch - p / chunks * images);
        int width = min(chunk, spatial - p % chunks * chunk);
        acc d = part.y - average;
        squares += part.w + d * (2 * part.z + (float)(rows * width) * d);
    }
    acc spread = max(squares, 0.0f) / count;
    means[means_offset + c] = average;
    inverses[inverses_offset + c] = 1 / sqrt(spread + epsilon);
    if (has_mean)
        new_mean[new_mean_offset + c] = mean[mean_offset + c] * momentum + average * remainder;
    if (has_variance)
        new_variance[new_variance_offset + c] =
            variance[variance_offset + c] * momentum + spread * remainder;
}

__kernel void batch_norm_training_apply(int planes, int channels, int spatial,
                                        __global const real *x, ulong x_offset,
                                        __global const real *scale, ulong scale_offset,
                                        __global const real *bias, ulong bias_offset,
                                        __global const real *means, ulong means_offset,
                                        __global const real *inverses, ulong inverses_offset,
                                        float alpha, float beta, __global real *y, ulong y_offset) {
    int runs = (spatial + RUN - 1) / RUN, plane = (int)get_global_id(0) / runs;
    int i = (int)get_global_id(0) % runs * RUN, last = min(spatial, i + RUN), c = plane % channels;
    if (plane >= planes) return;
    acc middle = means[means_offset + c], shift = bias[bias_offset + c];
    acc factor = inverses[inverses_offset + c] * scale[scale_offset + c];
    x += x_offset + (size_t)plane * (size_t)spatial;
    y += y_offset + (size_t)plane * (size_t)spatial;
    for (; i < last; i++) y[i] = activate((x[i] - middle) * factor + shift, alpha, beta);
}
