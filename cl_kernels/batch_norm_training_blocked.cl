/* Computes       batch normalisation with the statistics of the batch itself, and the new running
 *                mean and variance: old * momentum + new * (1 - momentum)
 * Layouts        x, y (batch, blocks, pixels, X); scale, bias, mean, variance, means, inverses (channels);
 *                partial (blocks, parts, 4, X); factors (blocks, 3, X): mean, factor, shift
 * Launch         _parts: 1-D, `run` parts for each work-item; _finish: 1-D, `run` blocks; _apply: 1-D, `run`
 *                pixels of all planes
 * Defines        X: channels of a block; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/norm.c
 * Source         the ONNX standard, BatchNormalization with training_mode=1; Chan, Golub and LeVeque,
 *                Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979
 *
 * A part is `chunk` neighbouring pixels of one plane, few enough to be in the cache when they are read
 * again. See batch_norm_training.cl for what it leaves. Lanes past the channels get factors of 0. */

enum { CHAINS = 4 }; /* independent sums: additions wait for each other */

__kernel void batch_norm_training_blocked_parts(int items, int run, int blocks, int pixels,
                                                int chunk, int chunks, int parts,
                                                __global const real *x, ulong x_offset,
                                                __global float *partial, ulong partial_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    for (int item = first; item < last; item++) {
        int plane = item / chunks, start = item % chunks * chunk, n = min(chunk, pixels - start);
        __global const real *at =
            x + x_offset + ((size_t)plane * (size_t)pixels + (size_t)start) * X;
        vec sum[CHAINS], square[CHAINS];
        int i = 0;
        UNROLL
        for (int k = 0; k < CHAINS; k++) sum[k] = 0;
        for (; i + CHAINS <= n; i += CHAINS) {
            UNROLL
            for (int k = 0; k < CHAINS; k++) sum[k] += load_vec(at + (i + k) * X);
        }
        for (; i < n; i++) sum[0] += load_vec(at + i * X);
        vec total = (sum[0] + sum[1]) + (sum[2] + sum[3]), middle = total / (float)n;
        UNROLL
        for (int k = 0; k < CHAINS; k++) sum[k] = square[k] = 0;
        for (i = 0; i + CHAINS <= n; i += CHAINS) {
            UNROLL
            for (int k = 0; k < CHAINS; k++) {
                vec d = load_vec(at + (i + k) * X) - middle;
                sum[k] += d;
                square[k] += d * d;
            }
        }
        for (; i < n; i++) {
            vec d = load_vec(at + i * X) - middle;
            sum[0] += d;
            square[0] += d * d;
        }
        size_t part = (size_t)(plane % blocks) * (size_t)parts +
                      (size_t)(plane / blocks * chunks + item % chunks);
        __global float *to = partial + partial_offset + part * 4 * X;
        store_vec(total, to);
        store_vec(middle, to + X);
        store_vec((sum[0] + sum[1]) + (sum[2] + sum[3]), to + 2 * X);
        store_vec((square[0] + square[1]) + (square[2] + square[3]), to + 3 * X);
    }
}

__kernel void batch_norm_training_blocked_finish(
    int items, int run, int pixels, int chunk, int chunks, int parts, int channels, int has_mean,
    int has_variance, float epsilon, float momentum, float remainder, float count,
    __global const float *partial, ulong partial_offset, __global const real *scale,
    ulong scale_offset, __global const real *bias, ulong bias_offset, __global const real *mean,
    ulong mean_offset, __global const real *variance, ulong variance_offset, __global real *factors,
    ulong factors_offset, __global real *means, ulong means_offset, __global real *inverses,
    ulong inverses_offset, __global real *new_mean, ulong new_mean_offset,
    __global real *new_variance, ulong new_variance_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    for (int block = first; block < last; block++) {
        __global const float *from =
            partial + partial_offset + (size_t)block * (size_t)parts * 4 * X;
        vec sum = 0, squares = 0;
        for (int p = 0; p < parts; p++) sum += load_vec(from + (size_t)p * 4 * X);
        vec average = sum / count;
        for (int p = 0; p < parts; p++) {
            __global const float *part = from + (size_t)p * 4 * X;
            float own = (float)min(chunk, pixels - p % chunks * chunk);
            vec d = load_vec(part + X) - average;
            squares += load_vec(part + 3 * X) + d * (2 * load_vec(part + 2 * X) + own * d);
        }
        vec spread = max(squares, (vec)(0)) / count, inverse = 1 / sqrt(spread + epsilon);
        float averages[X], spreads[X], inverted[X];
        JOIN(vstore, X)(average, 0, averages);
        JOIN(vstore, X)(spread, 0, spreads);
        JOIN(vstore, X)(inverse, 0, inverted);
        for (int k = 0; k < X; k++) {
            int c = block * X + k;
            __global float *to = factors + factors_offset + (size_t)block * 3 * X + k;
            bool is_channel = c < channels;
            to[0] = is_channel ? averages[k] : 0;
            to[X] = is_channel ? inverted[k] * scale[scale_offset + c] : 0;
            to[2 * X] = is_channel ? bias[bias_offset + c] : 0;
            if (!is_channel) continue;
            means[means_offset + c] = averages[k];
            inverses[inverses_offset + c] = inverted[k];
            if (has_mean)
                new_mean[new_mean_offset + c] =
                    mean[mean_offset + c] * momentum + averages[k] * remainder;
            if (has_variance)
                new_variance[new_variance_offset + c] =
                    variance[variance_offset + c] * momentum + spreads[k] * remainder;
        }
    }
}

__kernel void batch_norm_training_blocked_apply(int items, int run, int blocks, int pixels,
                                                __global const real *x, ulong x_offset,
                                                __global const float *factors, ulong factors_offset,
                                                float alpha, float beta, __global real *y,
                                                ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    x += x_offset;
    y += y_offset;
    for (int i = first; i < last;) {
        int plane = i / pixels, end = min(last, (plane + 1) * pixels);
        __global const float *own = factors + factors_offset + (size_t)(plane % blocks) * 3 * X;
        vec middle = load_vec(own), factor = load_vec(own + X), shift = load_vec(own + 2 * X);
        for (; i < end; i++) {
            vec v = (load_vec(x + (size_t)i * X) - middle) * factor + shift;
            store_vec(activate_vec(v, alpha, beta), y + (size_t)i * X);
        }
    }
}
