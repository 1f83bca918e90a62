/* Loss and hits of scores on the host, in double: what evaluation reports. */
#include <math.h>

#include "train/trainer.h"

/* -sum_k q_k log softmax(x)_k with q the smoothed target; classes lie `stride` apart. */
static double cross_entropy(const fovea_loss_options *o, const float *x, int64_t classes,
                            int64_t label, double *weight) {
    double top = -INFINITY, sum = 0, spread = 0, smoothing = (double)o->label_smoothing;
    for (int64_t k = 0; k < classes; k++) top = fmax(top, (double)x[k]);
    for (int64_t k = 0; k < classes; k++) sum += exp((double)x[k] - top);
    double log_sum = top + log(sum);
    *weight = o->class_weights ? (double)o->class_weights[label] : 1;
    for (int64_t k = 0; k < classes && smoothing > 0; k++)
        spread += (o->class_weights ? (double)o->class_weights[k] : 1) * (log_sum - (double)x[k]);
    return (1 - smoothing) * *weight * (log_sum - (double)x[label]) +
           smoothing / (double)classes * spread;
}

static int64_t best_class(const float *x, int64_t classes) {
    int64_t best = 0;
    for (int64_t k = 1; k < classes; k++) best = x[k] > x[best] ? k : best;
    return best;
}

static double element_loss(fovea_loss loss, double x, double t) {
    if (loss == FOVEA_LOSS_MEAN_SQUARED) return (x - t) * (x - t);
    if (loss == FOVEA_LOSS_HINGE) return fmax(0, 1 - t * x);
    return fmax(x, 0) - x * t + log1p(exp(-fabs(x)));
}

static void compare_elements(fovea_loss loss, const fovea_desc *scores, const float *data,
                             const float *targets, int64_t count, fovea_train_result *out) {
    int64_t row = desc_span(scores, 1, scores->rank);
    out->correct = scores->rank == 2 && row > 1 ? 0 : -1;
    for (int64_t i = 0; i < count * row; i++)
        out->loss += element_loss(loss, (double)data[i], (double)targets[i]);
    for (int64_t i = 0; i < count && out->correct >= 0; i++)
        out->correct += best_class(data + i * row, row) == best_class(targets + i * row, row);
    out->loss /= (double)(count * row);
}

fovea_status metrics_of(fovea_loss loss, const fovea_loss_options *o, const fovea_desc *scores,
                        const float *data, const void *targets, int64_t count,
                        fovea_train_result *out) {
    *out = (fovea_train_result){.count = count};
    if (count < 1) return fail(FOVEA_INVALID, "a batch without pictures has no loss");
    if (loss != FOVEA_LOSS_CROSS_ENTROPY) {
        compare_elements(loss, scores, data, targets, count, out);
        return FOVEA_OK;
    }
    const int64_t *labels = targets;
    int64_t classes = scores->dim[1];
    double weights = 0, weight;
    for (int64_t i = 0; i < count; i++) {
        const float *x = data + i * classes;
        if (labels[i] < 0 || labels[i] >= classes)
            return fail(FOVEA_INVALID, "label %lld of picture %lld is none of the %lld classes",
                        (long long)labels[i], (long long)i, (long long)classes);
        out->loss += cross_entropy(o, x, classes, labels[i], &weight);
        out->correct += best_class(x, classes) == labels[i];
        weights += weight;
    }
    out->loss /= weights;
    return FOVEA_OK;
}
