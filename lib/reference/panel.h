/* The one hot loop of the reference: sums of products, and of their absolute values, for PANEL outputs
 * at a time. Convolution and matrix product copy their operands into panels (k, PANEL) for it. */
#ifndef REFERENCE_PANEL_H
#define REFERENCE_PANEL_H

#include <stddef.h>
#include <stdint.h>

enum { PANEL = 16 };

/* y[j] += sum over i < k of w[i] * panel[i][j];  a[j] += sum of |w[i] * panel[i][j]|. In double, where
 * the products of floats are exact. */
void panel_sum(const float *panel, const float *w, size_t k, double *y, double *a);
/* The same for integers; no absolute values. */
void panel_sum_i32(const int32_t *panel, const int32_t *w, size_t k, int64_t *y);

#endif
