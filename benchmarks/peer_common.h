/* What the peers written in C share: a clock, medians, numbers to compute with. Each reads problems
 * from standard input, one a line, and answers each with one line: "MEDIAN BEST VERDICT", in
 * milliseconds. Compiled by peers.py; no part of the library. */
#ifndef PEER_COMMON_H
#define PEER_COMMON_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_SAMPLES = 10000, LEAST_SAMPLES = 5, CHECKED = 64 };

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *need(void *p, const char *what) {
    if (p) return p;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

/* Numbers from -1 to 1. */
static float *random_floats(size_t n, unsigned seed) {
    float *x = need(malloc(4 * n + 4), "malloc");
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return x;
}

/* The bound of a sum of k products in any order: gamma(k) sum |a b| (Higham, Accuracy and Stability,
 * chapter 3), with some steps more for a bias. */
static int is_right(double got, double want, double sum_of_sizes, double k) {
    double u = 5.9604644775390625e-8, gamma = (k + 4) * u / (1 - (k + 4) * u);
    return fabs(got - want) <= gamma * sum_of_sizes;
}

/* Calls run(what) for `seconds`, in samples of at least a millisecond, and prints the answer; run must
 * wait for its end. A first call has been made before. */
static void time_and_print(void (*run)(void *), void *what, double seconds, int right) {
    static double ms[MOST_SAMPLES];
    int repeats = 1, n = 0;
    double start = now_ms();
    for (;; repeats *= 4, start = now_ms()) {
        for (int i = 0; i < repeats; i++) run(what);
        if (now_ms() - start >= 1) break;
    }
    for (double begin = now_ms();
         n < MOST_SAMPLES && (n < LEAST_SAMPLES || now_ms() - begin < 1e3 * seconds); n++) {
        start = now_ms();
        for (int i = 0; i < repeats; i++) run(what);
        ms[n] = (now_ms() - start) / repeats;
        if (n >= 1 && now_ms() - begin > 10e3 * seconds + 2000)
            break; /* a peer that is very slow */
    }
    qsort(ms, (size_t)n, sizeof *ms, by_size);
    printf("%.6g %.6g %s\n", n % 2 ? ms[n / 2] : (ms[n / 2 - 1] + ms[n / 2]) / 2, ms[0],
           right ? "right" : "WRONG");
    fflush(stdout);
}

/* Checks CHECKED elements of c (m x n) = a (m x k) b (k x n), all row-major. */
static inline int check_gemm(const float *a, const float *b, const float *c, int m, int n, int k) {
    int right = 1;
    for (int e = 0; e < CHECKED; e++) {
        size_t i = (size_t)e * 7919u % (size_t)m, j = (size_t)e * 104729u % (size_t)n;
        double sum = 0, sizes = 0;
        for (size_t l = 0; l < (size_t)k; l++) {
            double product = (double)a[i * (size_t)k + l] * b[l * (size_t)n + j];
            sum += product;
            sizes += fabs(product);
        }
        right &= is_right(c[i * (size_t)n + j], sum, sizes, k);
    }
    return right;
}

/* One convolution: n pictures, channels in groups. */
struct conv {
    int g, n, ic, ih, iw, oc, kh, kw, sh, sw, top, left, bottom, right, dh, dw;
    int oh, ow;
};

/* "g n ic ih iw oc kh kw sh sw top left bottom right dh dw"; false at the end. */
static inline int read_conv(struct conv *c) {
    int got = scanf("%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d", &c->g, &c->n, &c->ic, &c->ih,
                    &c->iw, &c->oc, &c->kh, &c->kw, &c->sh, &c->sw, &c->top, &c->left, &c->bottom,
                    &c->right, &c->dh, &c->dw);
    if (got != 16) return 0;
    c->oh = (c->ih + c->top + c->bottom - c->dh * (c->kh - 1) - 1) / c->sh + 1;
    c->ow = (c->iw + c->left + c->right - c->dw * (c->kw - 1) - 1) / c->sw + 1;
    return 1;
}

static int check_pixel(const struct conv *c, const float *x, const float *w, const float *bias,
                       const float *y, size_t at) {
    int j = (int)(at % (size_t)c->ow), i = (int)(at / (size_t)c->ow % (size_t)c->oh);
    int o = (int)(at / ((size_t)c->ow * (size_t)c->oh) % (size_t)c->oc);
    int n = (int)(at / ((size_t)c->ow * (size_t)c->oh * (size_t)c->oc));
    int per = c->ic / c->g, first = o / (c->oc / c->g) * per;
    double sum = bias ? bias[o] : 0, sizes = fabs(sum);
    for (int ch = 0; ch < per; ch++)
        for (int r = 0; r < c->kh; r++)
            for (int s = 0; s < c->kw; s++) {
                int h = i * c->sh - c->top + r * c->dh, v = j * c->sw - c->left + s * c->dw;
                if (h < 0 || h >= c->ih || v < 0 || v >= c->iw) continue;
                size_t xi = (((size_t)n * (size_t)c->ic + (size_t)(first + ch)) * (size_t)c->ih +
                             (size_t)h) *
                                (size_t)c->iw +
                            (size_t)v;
                size_t wi = (((size_t)o * (size_t)per + (size_t)ch) * (size_t)c->kh + (size_t)r) *
                                (size_t)c->kw +
                            (size_t)s;
                sum += (double)x[xi] * w[wi];
                sizes += fabs((double)x[xi] * w[wi]);
            }
    return is_right(y[at], sum, sizes, (double)per * c->kh * c->kw);
}

/* CHECKED elements of a convolution in plain NCHW. */
static inline int check_conv(const struct conv *c, const float *x, const float *w,
                             const float *bias, const float *y) {
    size_t count = (size_t)c->n * (size_t)c->oc * (size_t)c->oh * (size_t)c->ow;
    int right = 1;
    for (size_t e = 0; e < CHECKED; e++) right &= check_pixel(c, x, w, bias, y, e * 7919 % count);
    return right;
}

#endif
