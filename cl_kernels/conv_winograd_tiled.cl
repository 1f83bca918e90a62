/* conv_winograd_tiled: 3x3 convolution with stride 1 by Winograd's minimal filtering, for GPUs: transforms of
 * filters, inputs and outputs around a batched matrix product, which gemm_tiled or CLBlast does.
 *
 * Computes:     u = G w G^T; v = B^T x B of each tile of (OUTPUTS + 2)^2 inputs; m = u v, summed over ic, by another;
 *               y = activate(bias + residual + A^T m A). Inputs outside of x are zeros.
 * Layouts:      w (oc, ic, 3, 3), x (n, ic, ih, iw), residual and y (n, oc, oh, ow), bias (oc);
 *               u (places, oc, ic), v (places, ic, count), m (places, oc, count); places = (OUTPUTS + 2)^2,
 *               count tiles of all images from tile `first` on, row by row.
 * Launch:       filters: x: oc * ic. inputs: x: count, y: ic. outputs: x: count, y: oc.
 * Defines:      OUTPUTS 2 or 4 along the side of a tile; HAS_BIAS HAS_RESIDUAL 0 or 1; ACTIVATION.
 * Local memory: none.
 * Truth:        lib/reference/conv.c, the bound in lib/reference/winograd.c
 * Source:       Lavin and Gray 2016; for OUTPUTS 4 the points 0, p, -p, q, -q, infinity, which err less than the
 *               usual ones: Barabasz et al. 2020. All the coefficients but 1 / (...) are exact. */
#ifndef OUTPUTS
#define OUTPUTS 4
#endif

enum { SIDE = OUTPUTS + 2, PLACES = SIDE * SIDE };

/* G times three weights, `step` apart, into SIDE numbers, `to_step` apart. */
void conv_winograd_tiled_filter_line(const acc *g, int step, acc *u, int to_step);
void conv_winograd_tiled_filter_line(const acc *g, int step, acc *u, int to_step) {
    const acc p = 0.625f, q = 1.5f;
    acc a = g[0], b = g[step], c = g[2 * step];
    if (OUTPUTS == 2) {
        u[0] = a;
        u[to_step] = 0.5f * (a + c + b);
        u[2 * to_step] = 0.5f * (a + c - b);
        u[3 * to_step] = c;
    } else {
        acc scale_p = -1 / (2 * p * p * (q * q - p * p)),
            scale_q = 1 / (2 * q * q * (q * q - p * p));
        u[0] = a * (1 / (p * p * q * q));
        u[to_step] = scale_p * (a + (p * p) * c + p * b);
        u[2 * to_step] = scale_p * (a + (p * p) * c - p * b);
        u[3 * to_step] = scale_q * (a + (q * q) * c + q * b);
        u[4 * to_step] = scale_q * (a + (q * q) * c - q * b);
        u[5 * to_step] = c;
    }
}

/* B^T times SIDE inputs, `step` apart, in place. */
void conv_winograd_tiled_input_line(acc *d, int step);
void conv_winograd_tiled_input_line(acc *d, int step) {
    const acc p = 0.625f, q = 1.5f;
    acc a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    if (OUTPUTS == 2) {
        d[0] = a - c;
        d[step] = b + c;
        d[2 * step] = c - b;
        d[3 * step] = b - e;
    } else {
        acc f = d[4 * step], g = d[5 * step];
        acc even_p = f - (q * q) * c, odd_p = p * e - (p * q * q) * b;
        acc even_q = f - (p * p) * c, odd_q = q * e - (p * p * q) * b;
        d[0] = (p * p * q * q) * a - (p * p + q * q) * c + f;
        d[step] = even_p + odd_p;
        d[2 * step] = even_p - odd_p;
        d[3 * step] = even_q + odd_q;
        d[4 * step] = even_q - odd_q;
        d[5 * step] = (p * p * q * q) * b - (p * p + q * q) * e + g;
    }
}

/* A^T times SIDE sums, `step` apart, into the first OUTPUTS places. */
void conv_winograd_tiled_output_line(acc *m, int step);
void conv_winograd_tiled_output_line(acc *m, int step) {
    const acc p = 0.625f, q = 1.5f;
    acc a = m[0], sum = m[step] + m[2 * step], difference = m[step] - m[2 * step];
    if (OUTPUTS == 2) {
        m[0] = a + sum;
        m[step] = difference - m[3 * step];
    } else {
        acc sum_q = m[3 * step] + m[4 * step], difference_q = m[3 * step] - m[4 * step];
        m[0] = a + sum + sum_q;
        m[step] = p * difference + q * difference_q;
        m[2 * step] = (p * p) * sum + (q * q) * sum_q;
        m[3 * step] = (p * p * p) * difference + (q * q * q) * difference_q + m[5 * step];
    }
}

__kernel void conv_winograd_tiled_filters(int oc, int ic, int out_step, int in_step, int row_step,
                                          int column_step, __global const real *w, ulong w_offset,
                                          __global real *u, ulong u_offset) {
    int i = (int)get_global_id(0);
    if (i >= oc * ic) return;
    acc g[9], half_done[3 * SIDE], all[PLACES];
    w += w_offset + (ulong)(i / ic) * out_step + (ulong)(i % ic) * in_step;
    for (int k = 0; k < 9; k++) g[k] = w[k / 3 * row_step + k % 3 * column_step];
#pragma unroll
    for (int k = 0; k < 3; k++) conv_winograd_tiled_filter_line(g + k, 3, half_done + k, 3);
#pragma unroll
    for (int k = 0; k < SIDE; k++)
        conv_winograd_tiled_filter_line(half_done + 3 * k, 1, all + SIDE * k, 1);
#pragma unroll
    for (int k = 0; k < PLACES; k++) u[u_offset + (ulong)k * oc * ic + i] = all[k];
}

__kernel void conv_winograd_tiled_inputs(int ic, int ih, int iw, int down, int across, int ph,
                                         int pw, int first, int count, __global const real *x,
                                         ulong x_offset, __global real *v, ulong v_offset) {
    int i = (int)get_global_id(0), tile = first + i, c = (int)get_global_id(1);
    if (i >= count) return;
    int row = tile / across % down * OUTPUTS - ph, column = tile % across * OUTPUTS - pw;
    x += x_offset + (ulong)(tile / across / down * ic + c) * ih * iw;
    acc d[PLACES];
#pragma unroll
    for (int k = 0; k < PLACES; k++) {
        int r = row + k / SIDE, t = column + k % SIDE;
        d[k] = r >= 0 && r < ih && t >= 0 && t < iw ? x[r * iw + t] : 0;
    }
#pragma unroll
    for (int k = 0; k < SIDE; k++) conv_winograd_tiled_input_line(d + k, SIDE);
#pragma unroll
    for (int k = 0; k < SIDE; k++) conv_winograd_tiled_input_line(d + SIDE * k, 1);
    v += v_offset + (ulong)c * count + i;
#pragma unroll
    for (int k = 0; k < PLACES; k++) v[(ulong)k * ic * count] = d[k];
}

__kernel void conv_winograd_tiled_outputs(int oc, int oh, int ow, int down, int across, int first,
                                          int count, __global const real *m, ulong m_offset,
                                          __global const real *bias, ulong bias_offset,
                                          __global const real *residual, ulong residual_offset,
                                          float alpha, float beta, __global real *y,
                                          ulong y_offset) {
    int i = (int)get_global_id(0), tile = first + i, channel = (int)get_global_id(1);
    if (i >= count) return;
    int row = tile / across % down * OUTPUTS, column = tile % across * OUTPUTS;
    acc s[PLACES];
    m += m_offset + (ulong)channel * count + i;
#pragma unroll
    for (int k = 0; k < PLACES; k++) s[k] = m[(ulong)k * oc * count];
#pragma unroll
    for (int k = 0; k < SIDE; k++) conv_winograd_tiled_output_line(s + k, SIDE);
#pragma unroll
    for (int k = 0; k < OUTPUTS; k++) conv_winograd_tiled_output_line(s + SIDE * k, 1);

    acc b = HAS_BIAS ? bias[bias_offset + channel] : 0;
    ulong plane = (ulong)(tile / across / down * oc + channel) * oh * ow;
#pragma unroll
    for (int k = 0; k < OUTPUTS * OUTPUTS; k++) {
        int r = row + k / OUTPUTS, t = column + k % OUTPUTS;
        if (r >= oh || t >= ow) continue;
        ulong to = plane + (ulong)(r * ow + t);
        acc z = HAS_RESIDUAL ? b + residual[residual_offset + to] : b;
        y[y_offset + to] = activate(s[k / OUTPUTS * SIDE + k % OUTPUTS] + z, alpha, beta);
    }
}
