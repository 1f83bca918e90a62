/* Computes       y = x / (bias + share * sum of squares over neighbouring channels)^power
 * Layouts        x, y (n, blocks, pixels, X)
 * Launch         1-D, `run` pixels of all images for each work-item, which walks their channels
 * Defines        BEFORE AFTER: channels of the window beside the middle one, 0 to X; QUARTERS: 4 * power if
 *                it is 2, 3 or 4, else 0; X: channels of a block; ACTIVATION
 * Local memory   none
 * Truth          lib/reference/lrn.c
 * Source         Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, 2012
 *
 * The window of a block lies in it and in its two neighbours: their squares are shifted over each other
 * and added. Roots take the place of the power where they can: d^0.75 = sqrt(d) * sqrt(sqrt(d)). */

#ifndef BEFORE
#define BEFORE 2
#endif
#ifndef AFTER
#define AFTER 2
#endif
#ifndef QUARTERS
#define QUARTERS 0
#endif

typedef JOIN(uint, X) lrn_blocked_lanes;

__constant uint lrn_blocked_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Sum over the window of each lane, from the squares of three neighbouring blocks. */
INLINE vec lrn_blocked_window(vec before, vec here, vec after) {
    lrn_blocked_lanes lane = JOIN(vload, X)(0, lrn_blocked_numbers);
    vec sum = here;
    UNROLL
    for (int k = 1; k <= BEFORE; k++) sum += shuffle2(before, here, lane + (uint)(X - k));
    UNROLL
    for (int k = 1; k <= AFTER; k++) sum += shuffle2(here, after, lane + (uint)k);
    return sum;
}

INLINE vec lrn_blocked_power(vec d, float power) {
    vec root = sqrt(d);
    switch (QUARTERS) {
    case 2: return root;
    case 3: return root * sqrt(root);
    case 4: return d;
    default: return pow(d, (vec)(power));
    }
}

__kernel void lrn_blocked(int items, int run, int blocks, int pixels, int channels, float share,
                          float power, float bias, __global const real *x, ulong x_offset,
                          float alpha, float beta, __global real *y, ulong y_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    size_t plane = (size_t)pixels * X;
    lrn_blocked_lanes lane = JOIN(vload, X)(0, lrn_blocked_numbers);
    /* All ones in the lanes of the last block that are channels. */
    vec_int used = lane < (uint)(channels - (blocks - 1) * X);
    for (int item = first; item < last; item++) {
        size_t at = (size_t)(item / pixels) * (size_t)blocks * plane + (size_t)(item % pixels) * X;
        __global const real *in = x + x_offset + at;
        __global real *out = y + y_offset + at;
        vec before = 0, here = 0, value = 0;
        for (int b = 0; b <= blocks; b++) {
            vec next = 0;
            if (b < blocks) next = load_vec(in + (size_t)b * plane);
            if (b == blocks - 1) next = select((vec)(0), next, used);
            vec after = next * next;
            if (b > 0) {
                vec d = bias + share * lrn_blocked_window(before, here, after);
                store_vec(activate_vec(value / lrn_blocked_power(d, power), alpha, beta),
                          out + (size_t)(b - 1) * plane);
            }
            before = here;
            here = after;
            value = next;
        }
    }
}
