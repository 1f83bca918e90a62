/* Pasted in front of every kernel file. Plain OpenCL C 1.2, but for SUBGROUPS. */

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

acc sum_vec4(float4 v);
acc sum_vec4(float4 v) {
    return (v.x + v.y) + (v.z + v.w);
}

acc sum_vec8(float8 v);
acc sum_vec8(float8 v) {
    return sum_vec4(v.lo + v.hi);
}

acc sum_vec16(float16 v);
acc sum_vec16(float16 v) {
    return sum_vec8(v.lo + v.hi);
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
#define sum_vec(value)            JOIN(sum_vec, X)(value)
#define store_vec(value, pointer) JOIN(vstore, X)(value, 0, pointer)

/* Before a loop with constant bounds over an array that is to live in registers. */
#define UNROLL _Pragma("unroll")
/* Before a loop over memory, so that several loads are on their way at once. */
#define UNROLL_4 _Pragma("unroll 4")
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

/* ---- Groups: LANES work-items, a power of two, that share sums ---- */
#ifndef LANES
#define LANES 1
#endif
/* 1: those of a subgroup, however many the device puts into one, join without local memory first. */
#ifndef SUBGROUPS
#define SUBGROUPS 0
#endif

/* 8 numbers for a work-item of a group that takes every LANES-th: neighbours read neighbours. */
INLINE acc8 lanes_load8(__global const real *x) {
    if (LANES == 1) return load8(x);
    return (acc8)(x[0], x[LANES], x[2 * LANES], x[3 * LANES], x[4 * LANES], x[5 * LANES],
                  x[6 * LANES], x[7 * LANES]);
}

/* What joins before local memory is needed; the parts of a group that are left then, the one of a work-item, and
 * whether it is the work-item that speaks for it. */
#if SUBGROUPS
#ifdef cl_khr_subgroups
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#endif
INLINE acc group_near(acc v, bool largest) {
    return largest ? sub_group_reduce_max(v) : sub_group_reduce_add(v);
}
INLINE int group_parts(void) {
    return (int)get_num_sub_groups();
}
INLINE int group_part(void) {
    return (int)get_sub_group_id();
}
INLINE bool group_speaks(void) {
    return get_sub_group_local_id() == 0;
}
#else
INLINE acc group_near(acc v, bool largest) {
    return v;
}
INLINE int group_parts(void) {
    return LANES;
}
INLINE int group_part(void) {
    return (int)get_local_id(0);
}
INLINE bool group_speaks(void) {
    return true;
}
#endif

/* v[0], ..., v[count - 1] become their sums (or the largest, where a NaN may be lost) over the group, for all of
 * its work-items. First within the parts of the group, subgroups or single work-items, then a tree over the
 * parts; `shared` has count * LANES places. Each sum passes fewer than LANES additions in an order that does
 * not depend on time: what OpenCL leaves open in a subgroup, the compiled program fixes. */
INLINE void group_join(int count, acc *v, __local acc *shared, bool largest) {
    if (LANES == 1) return;
    UNROLL
    for (int i = 0; i < count; i++) v[i] = group_near(v[i], largest);
    int parts = group_parts(), part = group_part(), half_up;
    if (parts == 1) return;
    barrier(CLK_LOCAL_MEM_FENCE); /* what the last join left was read */
    if (group_speaks()) {
        UNROLL
        for (int i = 0; i < count; i++) shared[i * LANES + part] = v[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (; parts > 1; parts = half_up) {
        half_up = (parts + 1) / 2;
        if (group_speaks() && part < parts / 2) {
            UNROLL
            for (int i = 0; i < count; i++) {
                acc a = shared[i * LANES + part], b = shared[i * LANES + part + half_up];
                shared[i * LANES + part] = !largest ? a + b : a > b ? a : b;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL
    for (int i = 0; i < count; i++) v[i] = shared[i * LANES];
}

INLINE acc group_sum(acc v, __local acc *shared) {
    group_join(1, &v, shared, false);
    return v;
}

INLINE acc group_largest(acc v, __local acc *shared) {
    group_join(1, &v, shared, true);
    return v;
}
