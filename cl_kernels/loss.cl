/* Computes       classification losses: negative log-likelihood, and softmax cross entropy with the
 *                log-probabilities; for each item, or their sum or weighted mean
 * Layouts        x, log_prob (n, classes, inner), labels (n, inner), weights (classes); items =
 *                n * inner. losses (items) and, for a reduction, weight_of (items) are workspace
 * Launch         _likelihood, _cross_entropy: 1-D, one work-item for each item. _reduce: one
 *                work-item in all
 * Defines        LABEL: type of the labels, int or long
 * Local memory   none
 * Truth          lib/reference/loss.c
 * Source         the ONNX standard, NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss
 *
 * With label smoothing s the target is near = 1 - s at the label and far = s / classes more everywhere.
 * Flags: has_ignore (an ignore_index is given), has_weights, reduces (weight_of is wanted),
 * has_log_prob, mean (_reduce divides). The reference refuses a label outside the classes; here its
 * loss is NaN. */
#ifndef LABEL
#define LABEL int
#endif

__kernel void loss_likelihood(int items, int classes, int inner, int has_ignore, int ignore,
                              int has_weights, int reduces, __global const real *x, ulong x_offset,
                              __global const LABEL *labels, ulong labels_offset,
                              __global const real *weights, ulong weights_offset,
                              __global real *losses, ulong losses_offset, __global real *weight_of,
                              ulong weight_of_offset) {
    int item = get_global_id(0);
    if (item >= items) return;
    long label = labels[labels_offset + item];
    x += x_offset + (size_t)(item / inner) * (size_t)(classes * inner) + item % inner;
    acc loss = 0, weight = 0;
    if (!has_ignore || label != ignore) {
        bool inside = label >= 0 && label < classes;
        int k = inside ? (int)label : 0;
        weight = has_weights ? weights[weights_offset + k] : 1;
        loss = inside ? -x[k * inner] * weight : NAN;
    }
    losses[losses_offset + item] = loss;
    if (reduces) weight_of[weight_of_offset + item] = weight;
}

__kernel void loss_cross_entropy(int items, int classes, int inner, int has_ignore, int ignore,
                                 int has_weights, int reduces, int has_log_prob, float near,
                                 float far, __global const real *x, ulong x_offset,
                                 __global const LABEL *labels, ulong labels_offset,
                                 __global const real *weights, ulong weights_offset,
                                 __global real *losses, ulong losses_offset,
                                 __global real *weight_of, ulong weight_of_offset,
                                 __global real *log_prob, ulong log_prob_offset) {
    int item = get_global_id(0);
    if (item >= items) return;
    long label = labels[labels_offset + item];
    size_t start = (size_t)(item / inner) * (size_t)(classes * inner) + item % inner;
    x += x_offset + start;
    log_prob += log_prob_offset;
    acc largest = x[0], sum = 0; /* NaN is larger than everything */
    for (int k = 1; k < classes; k++)
        largest = x[k * inner] <= largest || isnan(largest) ? largest : x[k * inner];
    for (int k = 0; k < classes; k++) sum += exp(x[k * inner] - largest);
    acc log_sum = log(sum), loss = 0, weight = 0, spread = 0;
    if (has_log_prob)
        for (int k = 0; k < classes; k++)
            log_prob[start + k * inner] = (x[k * inner] - largest) - log_sum;
    if (far > 0)
        for (int k = 0; k < classes; k++)
            spread += (has_weights ? weights[weights_offset + k] : 1) *
                      ((x[k * inner] - largest) - log_sum);
    if (!has_ignore || label != ignore) {
        bool inside = label >= 0 && label < classes;
        int k = inside ? (int)label : 0;
        weight = has_weights ? weights[weights_offset + k] : 1;
        loss = -((x[k * inner] - largest) - log_sum) * weight * near - far * spread;
        if (!inside) loss = NAN;
    }
    losses[losses_offset + item] = loss;
    if (reduces) weight_of[weight_of_offset + item] = weight;
}

acc loss_sum(__global const real *x, int n);
acc loss_sum(__global const real *x, int n) {
    acc8 sums = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) sums += load8(x + i);
    acc sum = sum8(sums);
    for (; i < n; i++) sum += x[i];
    return sum;
}

__kernel void loss_reduce(int items, int mean, __global const real *losses, ulong losses_offset,
                          __global const real *weight_of, ulong weight_of_offset, __global real *y,
                          ulong y_offset) {
    if (get_global_id(0) > 0) return;
    acc sum = loss_sum(losses + losses_offset, items);
    acc weight = mean ? loss_sum(weight_of + weight_of_offset, items) : 1;
    y[y_offset] = mean ? sum / weight : sum;
}
