/* Pasted in front of every kernel file. Plain OpenCL C 1.2. */

typedef float real; /* how tensors are stored */
typedef float acc;  /* how sums are accumulated */

/* 8 numbers at once, for the long sums of one work-item: quicker on CPUs, and some runtimes end a
 * work-item's loops after 2^16 iterations. */
typedef float8 acc8;

acc8 load8(__global const real *x);
acc8 load8(__global const real *x) {
    return vload8(0, x);
}

acc sum8(acc8 v);
acc sum8(acc8 v) {
    float4 a = v.lo + v.hi;
    return a.x + a.y + a.z + a.w;
}

/* The element of kernels that only move it: a type of its size (uchar, ushort, uint, ulong). */
#ifndef T
#define T uint
#endif

/* The fused activation: 0 none, 1 Relu, 2 LeakyRelu (alpha: slope), 3 Clip to [alpha, beta]. NaN stays
 * NaN in all of them. */
#ifndef ACTIVATION
#define ACTIVATION 0
#endif

acc activate(acc x, float alpha, float beta);
acc activate(acc x, float alpha, float beta) {
    if (ACTIVATION == 1) return x < 0 ? 0 : x;
    if (ACTIVATION == 2) return x < 0 ? alpha * x : x;
    if (ACTIVATION == 3) return x < alpha ? alpha : x > beta ? beta : x;
    return x;
}

/* What several files share, set by the host: a bias is there; neighbouring elements that one work-item does
 * in turn; the window of convolution (filter size, stride, dilation by axis). */
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
#ifndef RUN
#define RUN 1
#endif
#ifndef KD
#define KD 1
#define KH 1
#define KW 1
#define SD 1
#define SH 1
#define SW 1
#define DD 1
#define DH 1
#define DW 1
#endif
