/* Computes       the gradients of the classification losses with respect to their scores: _cross_entropy
 *                dx_k = g ((1 - s) w_y (p_k - [k = y]) + s/c (sum(w) p_k - w_k)),  p = exp(log_prob), and
 *                _likelihood  dx_k = -g w_y [k = y];  for a mean over the sum of the labels' weights
 * Layouts        log_prob, dx (n, classes, inner), labels (n, inner), weights (classes), dloss (1) or, for
 *                losses of items, (n, inner). weight_of (items) and sums (2: of the labels' weights, of all)
 *                are workspace, where weights or ignored labels make sums of them
 * Launch         _weigh: 1-D, one work-item for each item. _sum: one work-item in all. Else 1-D, one
 *                work-item for each element of dx
 * Defines        LABEL: type of the labels, int or long
 * Local memory   none
 * Truth          lib/reference/loss_grad.c
 * Source         Szegedy et al., Rethinking the Inception Architecture, 2016 (label smoothing s)
 *
 * Flags: has_ignore (an ignore_index is given), has_weights, has_sums (else all weights are 1), each (dloss
 * of items). `divisor` is the number of items for a mean, else 0; `far` is s/c, `near` 1 - s. The reference refuses a label outside the classes; here its gradient is NaN. */
#ifndef LABEL
#define LABEL int
#endif

/* The weight of an item: 0 if it is ignored. */
real loss_grad_weight(long label, int classes, int has_ignore, int ignore, int has_weights,
                      __global const real *weights);
real loss_grad_weight(long label, int classes, int has_ignore, int ignore, int has_weights,
                      __global const real *weights) {
    if (has_ignore && label == ignore) return 0;
    if (label < 0 || label >= classes) return NAN;
    return has_weights ? weights[label] : 1;
}

__kernel void loss_grad_weigh(int items, int classes, int has_ignore, int ignore, int has_weights,
                              __global const LABEL *labels, ulong labels_offset,
                              __global const real *weights, ulong weights_offset,
                              __global real *weight_of, ulong weight_of_offset) {
    int item = get_global_id(0);
    if (item >= items) return;
    weight_of[weight_of_offset + item] =
        loss_grad_weight(labels[labels_offset + item], classes, has_ignore, ignore, has_weights,
                         weights + weights_offset);
}

acc loss_grad_total(__global const real *x, int n);
acc loss_grad_total(__global const real *x, int n) {
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) sums += load8(x + i);
    acc sum = sum8(sums);
    for (; i < n; i++) sum += x[i];
    return sum;
}

__kernel void loss_grad_sum(int items, int classes, int has_weights, __global const real *weights,
                            ulong weights_offset, __global const real *weight_of,
                            ulong weight_of_offset, __global real *sums, ulong sums_offset) {
    if (get_global_id(0) > 0) return;
    sums += sums_offset;
    sums[0] = loss_grad_total(weight_of + weight_of_offset, items);
    sums[1] = has_weights ? loss_grad_total(weights + weights_offset, classes) : (acc)classes;
}

__kernel void loss_grad_cross_entropy(int elements, int classes, int inner, int each,
                                      int has_ignore, int ignore, int has_weights, int has_sums,
                                      float divisor, float near, float far,
                                      __global const real *dloss, ulong dloss_offset,
                                      __global const real *log_prob, ulong log_prob_offset,
                                      __global const LABEL *labels, ulong labels_offset,
                                      __global const real *weights, ulong weights_offset,
                                      __global const real *sums, ulong sums_offset,
                                      __global real *dx, ulong dx_offset) {
    int i = get_global_id(0), k = i / inner % classes;
    if (i >= elements) return;
    int item = i / inner / classes * inner + i % inner;
    long label = labels[labels_offset + item];
    weights += weights_offset;
    acc w = loss_grad_weight(label, classes, has_ignore, ignore, has_weights, weights);
    acc p = exp(log_prob[log_prob_offset + i]), pull = near * w * (p - (label == k ? 1 : 0));
    acc all = has_sums ? sums[sums_offset + 1] : (acc)classes;
    if (far > 0 && w != 0) pull += far * (all * p - (has_weights ? weights[k] : 1));
    acc grad = dloss[dloss_offset + (each ? item : 0)] * pull;
    if (divisor > 0) grad /= has_sums ? sums[sums_offset] : divisor;
    dx[dx_offset + i] = grad;
}

__kernel void loss_grad_likelihood(int elements, int classes, int inner, int each, int has_ignore,
                                   int ignore, int has_weights, int has_sums, float divisor,
                                   __global const real *dloss, ulong dloss_offset,
                                   __global const LABEL *labels, ulong labels_offset,
                                   __global const real *weights, ulong weights_offset,
                                   __global const real *sums, ulong sums_offset, __global real *dx,
                                   ulong dx_offset) {
    int i = get_global_id(0), k = i / inner % classes;
    if (i >= elements) return;
    int item = i / inner / classes * inner + i % inner;
    long label = labels[labels_offset + item];
    acc w =
        loss_grad_weight(label, classes, has_ignore, ignore, has_weights, weights + weights_offset);
    acc grad = dloss[dloss_offset + (each ? item : 0)] * (label == k || isnan(w) ? -w : 0);
    if (divisor > 0) grad /= has_sums ? sums[sums_offset] : divisor;
    dx[dx_offset + i] = grad;
}
