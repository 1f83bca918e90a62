/* Computes       gradient of batch normalisation in training: with h = (x - mean) * inverse over the n elements
 *                of a channel, dbias = sum dy, dscale = sum dy h,
 *                dx = scale * inverse * (dy - dbias / n - h * dscale / n)
 * Layouts        dy, x, dx (batch, blocks, pixels, X); scale, means, inverses, dscale, dbias (channels);
 *                partial (blocks, parts, 2, X); factors (blocks, 4, X): mean, and
 *                dx = factors[1] * dy + factors[2] * (x - mean) + factors[3]
 * Launch         _parts: 1-D, `run` parts for each work-item; _finish: 1-D, `run` blocks; _apply: 1-D, `run`
 *                pixels of all planes
 * Defines        X: channels of a block
 * Local memory   none
 * Truth          lib/reference/norm_grad.c
 * Source         Ioffe and Szegedy, Batch Normalization, 2015
 *
 * A part is `chunk` neighbouring pixels of one plane. Lanes past the channels get factors of 0. */

enum { CHAINS = 4 }; /* independent sums: additions wait for each other */

/* One number for each lane of a block of channels; 0 past the last. */
INLINE vec batch_norm_grad_blocked_lanes(__global const real *v, int first, int channels) {
    float lanes[X];
    for (int k = 0; k < X; k++) lanes[k] = first + k < channels ? v[first + k] : 0;
    return JOIN(vload, X)(0, lanes);
}

/* partial: sum dy, sum dy (x - mean) */
__kernel void batch_norm_grad_blocked_parts(int items, int run, int blocks, int pixels, int chunk,
                                            int chunks, int parts, int channels,
                                            __global const real *dy, ulong dy_offset,
                                            __global const real *x, ulong x_offset,
                                            __global const real *means, ulong means_offset,
                                            __global float *partial, ulong partial_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    for (int item = first; item < last; item++) {
        int plane = item / chunks, start = item % chunks * chunk, n = min(chunk, pixels - start);
        size_t at = ((size_t)plane * (size_t)pixels + (size_t)start) * X;
        __global const real *g = dy + dy_offset + at, *v = x + x_offset + at;
        vec middle =
            batch_norm_grad_blocked_lanes(means + means_offset, plane % blocks * X, channels);
        vec sum[CHAINS], slope[CHAINS];
        int i = 0;
        UNROLL
        for (int k = 0; k < CHAINS; k++) sum[k] = slope[k] = 0;
        for (; i + CHAINS <= n; i += CHAINS) {
            UNROLL
            for (int k = 0; k < CHAINS; k++) {
                vec own = load_vec(g + (i + k) * X);
                sum[k] += own;
                slope[k] += own * (load_vec(v + (i + k) * X) - middle);
            }
        }
        for (; i < n; i++) {
            vec own = load_vec(g + i * X);
            sum[0] += own;
            slope[0] += own * (load_vec(v + i * X) - middle);
        }
        size_t part = (size_t)(plane % blocks) * (size_t)parts +
                      (size_t)(plane / blocks * chunks + item % chunks);
        __global float *to = partial + partial_offset + part * 2 * X;
        store_vec((sum[0] + sum[1]) + (sum[2] + sum[3]), to);
        store_vec((slope[0] + slope[1]) + (slope[2] + slope[3]), to + X);
    }
}

__kernel void batch_norm_grad_blocked_finish(int items, int run, int parts, int channels,
                                             int has_scale, int has_bias, float count,
                                             __global const float *partial, ulong partial_offset,
                                             __global const real *scale, ulong scale_offset,
                                             __global const real *means, ulong means_offset,
                                             __global const real *inverses, ulong inverses_offset,
                                             __global float *factors, ulong factors_offset,
                                             __global real *dscale, ulong dscale_offset,
                                             __global real *dbias, ulong dbias_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    for (int block = first; block < last; block++) {
        __global const float *from =
            partial + partial_offset + (size_t)block * (size_t)parts * 2 * X;
        vec sum = 0, slope = 0;
        for (int p = 0; p < parts; p++) {
            sum += load_vec(from + (size_t)p * 2 * X);
            slope += load_vec(from + (size_t)p * 2 * X + X);
        }
        int c = block * X;
        vec inverse = batch_norm_grad_blocked_lanes(inverses + inverses_offset, c, channels);
        vec factor = batch_norm_grad_blocked_lanes(scale + scale_offset, c, channels) * inverse;
        slope *= inverse;
        __global float *to = factors + factors_offset + (size_t)block * 4 * X;
        store_vec(batch_norm_grad_blocked_lanes(means + means_offset, c, channels), to);
        store_vec(factor, to + X);
        store_vec(-(factor * inverse) * (slope / count), to + 2 * X);
        store_vec(-factor * (sum / count), to + 3 * X);
        float sums[X], slopes[X];
        JOIN(vstore, X)(sum, 0, sums);
        JOIN(vstore, X)(slope, 0, slopes);
        for (int k = 0; k < X && c + k < channels; k++) {
            if (has_scale) dscale[dscale_offset + c + k] = slopes[k];
            if (has_bias) dbias[dbias_offset + c + k] = sums[k];
        }
    }
}

__kernel void batch_norm_grad_blocked_apply(int items, int run, int blocks, int pixels,
                                            __global const real *dy, ulong dy_offset,
                                            __global const real *x, ulong x_offset,
                                            __global const float *factors, ulong factors_offset,
                                            __global real *dx, ulong dx_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    dy += dy_offset;
    x += x_offset;
    dx += dx_offset;
    for (int i = first; i < last;) {
        int plane = i / pixels, end = min(last, (plane + 1) * pixels);
        __global const float *own = factors + factors_offset + (size_t)(plane % blocks) * 4 * X;
        vec middle = load_vec(own), a = load_vec(own + X);
        vec b = load_vec(own + 2 * X), shift = load_vec(own + 3 * X);
        for (; i < end; i++)
            store_vec(a * load_vec(dy + (size_t)i * X) +
                          (b * (load_vec(x + (size_t)i * X) - middle) + shift),
                      dx + (size_t)i * X);
    }
}
