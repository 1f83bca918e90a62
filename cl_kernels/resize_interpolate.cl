/* Computes:     Resize in the modes linear and cubic: y[d][h][w] = sum over taps of
 *               weight(d) weight(h) weight(w) x[...]. The coordinate of place o is
 *               (start + step * o) / 2^40; its taps are the elements floor(coordinate) -
 *               (taps - 1) / 2 and on, clamped to the axis.
 * Layouts:      x (outer, id, ih, iw, inner), y (outer, od, oh, ow, inner), dense.
 * Launch:       global 0: one work-item for each element of y.
 *               64-bit numbers come as two ints, *_1 the high and *_0 the low half. stretch: distances
 *               are multiplied by it (antialias). normalise: weights are divided by their sum.
 *               exclude: taps outside weigh nothing. Places outside [first, end) become `filler`.
 * Defines:      CUBIC: 0 linear, 1 cubic with the coefficient `a`
 * Local memory: none
 * Truth:        lib/reference/resize.c
 * Source:       Keys, Cubic convolution interpolation for digital image processing, 1981 */

#ifndef CUBIC
#define CUBIC 0
#endif

long resize_interpolate_coordinate(int o, int start_1, int start_0, int step_1, int step_0);
float resize_interpolate_filter(float d, float a);
float resize_interpolate_weight(long at, int k, int taps, float stretch, int in, int exclude,
                                float a);
float resize_interpolate_sum(int normalise, long at, int taps, float stretch, int in, int exclude,
                             float a);
int resize_interpolate_from(long at, int k, int taps, int in);

long resize_interpolate_coordinate(int o, int start_1, int start_0, int step_1, int step_0) {
    return upsample(start_1, (uint)start_0) + upsample(step_1, (uint)step_0) * o;
}

/* The filter at distance d >= 0. The outer piece is in factors, which keep it exact beside its zeros. */
float resize_interpolate_filter(float d, float a) {
    if (!CUBIC) return d < 1.0f ? 1.0f - d : 0.0f;
    if (d <= 1.0f) return ((a + 2.0f) * d - (a + 3.0f)) * d * d + 1.0f;
    return d < 2.0f ? a * (d - 1.0f) * (d - 2.0f) * (d - 2.0f) : 0.0f;
}

float resize_interpolate_weight(long at, int k, int taps, float stretch, int in, int exclude,
                                float a) {
    int shift = k - (taps - 1) / 2, i = (int)(at >> 40) + shift;
    float fraction = (float)(at & 0xffffffffffL) * 0x1p-40f;
    float w = resize_interpolate_filter(fabs((float)shift - fraction) * stretch, a);
    return exclude && (i < 0 || i >= in) ? 0.0f : w;
}

/* The sum of the weights of one place; 1 if they are not to be divided by it. */
float resize_interpolate_sum(int normalise, long at, int taps, float stretch, int in, int exclude,
                             float a) {
    float sum = 0.0f;
    if (!normalise) return 1.0f;
    for (int k = 0; k < taps; k++)
        sum += resize_interpolate_weight(at, k, taps, stretch, in, exclude, a);
    return sum == 0.0f ? 1.0f : sum;
}

int resize_interpolate_from(long at, int k, int taps, int in) {
    return clamp((int)(at >> 40) + k - (taps - 1) / 2, 0, in - 1);
}

__kernel void resize_interpolate(int items, int inner, float filler, float a, int exclude,
                                 int normalise, int id, int od, int d_start_1, int d_start_0,
                                 int d_step_1, int d_step_0, int d_first, int d_end, int d_taps,
                                 float d_stretch, int ih, int oh, int h_start_1, int h_start_0,
                                 int h_step_1, int h_step_0, int h_first, int h_end, int h_taps,
                                 float h_stretch, int iw, int ow, int w_start_1, int w_start_0,
                                 int w_step_1, int w_step_0, int w_first, int w_end, int w_taps,
                                 float w_stretch, __global const real *x, ulong x_offset,
                                 __global real *y, ulong y_offset) {
    int i = (int)get_global_id(0);
    if (i >= items) return;
    int c = i % inner, rest = i / inner;
    int w = rest % ow, h = rest / ow % oh, d = rest / ow / oh % od;
    int outer = rest / ow / oh / od;
    bool inside =
        d >= d_first && d < d_end && h >= h_first && h < h_end && w >= w_first && w < w_end;
    if (!inside) {
        y[y_offset + (ulong)i] = filler;
        return;
    }
    long at_d = resize_interpolate_coordinate(d, d_start_1, d_start_0, d_step_1, d_step_0);
    long at_h = resize_interpolate_coordinate(h, h_start_1, h_start_0, h_step_1, h_step_0);
    long at_w = resize_interpolate_coordinate(w, w_start_1, w_start_0, w_step_1, w_step_0);
    float sum_d = resize_interpolate_sum(normalise, at_d, d_taps, d_stretch, id, exclude, a);
    float sum_h = resize_interpolate_sum(normalise, at_h, h_taps, h_stretch, ih, exclude, a);
    float sum_w = resize_interpolate_sum(normalise, at_w, w_taps, w_stretch, iw, exclude, a);
    acc sum = 0;
    x += x_offset;
    for (int kd = 0; kd < d_taps; kd++) {
        float wd = resize_interpolate_weight(at_d, kd, d_taps, d_stretch, id, exclude, a) / sum_d;
        int row_d = outer * id + resize_interpolate_from(at_d, kd, d_taps, id);
        for (int kh = 0; kh < h_taps; kh++) {
            float wh =
                resize_interpolate_weight(at_h, kh, h_taps, h_stretch, ih, exclude, a) / sum_h;
            int row_h = row_d * ih + resize_interpolate_from(at_h, kh, h_taps, ih);
            for (int kw = 0; kw < w_taps; kw++) {
                float ww =
                    resize_interpolate_weight(at_w, kw, w_taps, w_stretch, iw, exclude, a) / sum_w;
                int from = row_h * iw + resize_interpolate_from(at_w, kw, w_taps, iw);
                sum += wd * wh * ww * x[from * inner + c];
            }
        }
    }
    y[y_offset + (ulong)i] = sum;
}
