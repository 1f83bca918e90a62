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

/* A channel block: X neighbouring channels of one pixel. */
#ifndef X
#define X 8
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
typedef JOIN(float, X) vec;
typedef JOIN(int, X) vec_int;
#define load_vec(pointer)         JOIN(vload, X)(0, pointer)
#define store_vec(value, pointer) JOIN(vstore, X)(value, 0, pointer)

/* Before a loop with constant bounds over an array that is to live in registers. */
#define UNROLL _Pragma("unroll")
/* A function over such an array: only what is inlined early leaves it there. */
#define INLINE static inline __attribute__((always_inline))

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

/* The same of a channel block, the kind known at run time. */
vec activate_as(int kind, vec x, float alpha, float beta);
vec activate_as(int kind, vec x, float alpha, float beta) {
    if (kind == 1) return select(x, (vec)(0), x < 0);
    if (kind == 2) return select(x, alpha * x, x < 0);
    if (kind == 3) return select(select(x, (vec)(beta), x > beta), (vec)(alpha), x < alpha);
    return x;
}

vec activate_vec(vec x, float alpha, float beta);
vec activate_vec(vec x, float alpha, float beta) {
    return activate_as(ACTIVATION, x, alpha, beta);
}

/* What several files share, set by the host: a bias is there, a residual is;
 * neighbouring elements that one work-item does
 * in turn; the window of convolution (filter size, stride, dilation by axis). */
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
#ifndef HAS_RESIDUAL
#define HAS_RESIDUAL 0
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
