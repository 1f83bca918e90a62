/* Computes       gradient of local response normalisation: with t = bias + share * sum of squares over
 *                neighbouring channels, dx_i = dy_i / t_i^power - factor * x_i * sum of
 *                dy_j x_j / t_j^(power + 1) over the channels j whose windows hold i
 * Layouts        dy, x, dx (n, blocks, pixels, X)
 * Launch         1-D, `run` pixels of all images for each work-item, which walks their channels
 * Defines        BEFORE AFTER: channels of the window beside the middle one, 0 to X; QUARTERS: 4 * power if
 *                it is 2, 3 or 4, else 0; X: channels of a block
 * Local memory   none
 * Truth          lib/reference/lrn.c
 * Source         Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep CNNs, 2012
 *
 * As lrn_blocked, two blocks deep: block b is read, the terms of block b - 1 follow from the squares of three
 * blocks, and dx of block b - 2 from the terms of three. factor = 2 * power * share. */

#ifndef BEFORE
#define BEFORE 2
#endif
#ifndef AFTER
#define AFTER 2
#endif
#ifndef QUARTERS
#define QUARTERS 0
#endif

typedef JOIN(uint, X) lrn_grad_blocked_lanes;

__constant uint lrn_grad_blocked_numbers[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                8, 9, 10, 11, 12, 13, 14, 15};

/* Sum over each lane, `down` lanes below it and `up` above it, from three neighbouring blocks. */
INLINE vec lrn_grad_blocked_window(vec before, vec here, vec after, int down, int up) {
    lrn_grad_blocked_lanes lane = JOIN(vload, X)(0, lrn_grad_blocked_numbers);
    vec sum = here;
    UNROLL
    for (int k = 1; k <= down; k++) sum += shuffle2(before, here, lane + (uint)(X - k));
    UNROLL
    for (int k = 1; k <= up; k++) sum += shuffle2(here, after, lane + (uint)k);
    return sum;
}

INLINE vec lrn_grad_blocked_power(vec d, float power) {
    vec root = sqrt(d);
    switch (QUARTERS) {
    case 2: return root;
    case 3: return root * sqrt(root);
    case 4: return d;
    default: return pow(d, (vec)(power));
    }
}

__kernel void lrn_grad_blocked(int items, int run, int blocks, int pixels, int channels,
                               float share, float power, float bias, float factor,
                               __global const real *dy, ulong dy_offset, __global const real *x,
                               ulong x_offset, __global real *dx, ulong dx_offset) {
    int first = (int)get_global_id(0) * run, last = min(items, first + run);
    size_t plane = (size_t)pixels * X;
    lrn_grad_blocked_lanes lane = JOIN(vload, X)(0, lrn_grad_blocked_numbers);
    /* All ones in the lanes of the last block that are channels. */
    vec_int used = lane < (uint)(channels - (blocks - 1) * X);
    for (int item = first; item < last; item++) {
        size_t at = (size_t)(item / pixels) * (size_t)blocks * plane + (size_t)(item % pixels) * X;
        __global const real *in = x + x_offset + at, *grad = dy + dy_offset + at;
        __global real *out = dx + dx_offset + at;
        vec x1 = 0, x2 = 0, squares1 = 0, squares2 = 0, grad1 = 0; /* of block b - 1, b - 2 */
        vec own2 = 0, terms2 = 0, terms3 = 0;                      /* of block b - 2, b - 3 */
        for (int b = 0; b < blocks + 2; b++) {
            vec x0 = 0, grad0 = 0, own1 = 0, terms1 = 0;
            if (b < blocks) {
                x0 = load_vec(in + (size_t)b * plane);
                grad0 = load_vec(grad + (size_t)b * plane);
            }
            if (b == blocks - 1) {
                x0 = select((vec)(0), x0, used);
                grad0 = select((vec)(0), grad0, used);
            }
            vec squares0 = x0 * x0;
            if (b > 0 && b <= blocks) {
                vec sum = lrn_grad_blocked_window(squares2, squares1, squares0, BEFORE, AFTER);
                vec t = bias + share * sum;
                /* One quotient for both: 1 / t^(power + 1). */
                vec inverse = 1 / (t * lrn_grad_blocked_power(t, power));
                own1 = grad1 * (t * inverse);
                terms1 = grad1 * x1 * inverse;
            }
            if (b > 1) {
                vec sum = lrn_grad_blocked_window(terms3, terms2, terms1, AFTER, BEFORE);
                store_vec(own2 - factor * x2 * sum, out + (size_t)(b - 2) * plane);
            }
            x2 = x1, x1 = x0;
            squares2 = squares1, squares1 = squares0;
            grad1 = grad0;
            own2 = own1;
            terms3 = terms2, terms2 = terms1;
        }
    }
}
