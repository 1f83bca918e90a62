/* Sums of products for PANEL outputs at a time. The inner loops have a constant length, so that the
 * compiler keeps the sums in vector registers. */
#include "reference/panel.h"

#include <math.h>

/* The thread sanitizer cannot: it is called when a clone is chosen, before it is ready. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_THREAD__)
#define FAST_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FAST_CLONES
#endif

FAST_CLONES void panel_sum(const float *panel, const float *w, size_t k, double *y, double *a) {
    double sum[PANEL], absolute[PANEL];
    for (int j = 0; j < PANEL; j++) sum[j] = y[j], absolute[j] = a[j];
    for (size_t i = 0; i < k; i++)
        for (int j = 0; j < PANEL; j++) {
            double p = (double)w[i] * (double)panel[i * PANEL + (size_t)j];
            sum[j] += p;
            absolute[j] += fabs(p);
        }
    for (int j = 0; j < PANEL; j++) y[j] = sum[j], a[j] = absolute[j];
}

FAST_CLONES void panel_sum_i32(const int32_t *panel, const int32_t *w, size_t k, int64_t *y) {
    int64_t sum[PANEL];
    for (int j = 0; j < PANEL; j++) sum[j] = y[j];
    for (size_t i = 0; i < k; i++)
        for (int j = 0; j < PANEL; j++) sum[j] += (int64_t)w[i] * panel[i * PANEL + (size_t)j];
    for (int j = 0; j < PANEL; j++) y[j] = sum[j];
}
