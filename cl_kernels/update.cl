/* Computes       one step of gradient descent: w' and the method's states from w, its gradient and them
 * Layouts        w, g, s1 to s3 and w_next, t1 to t3 have n elements; control: see the enumerator; factor
 *                and trust one number each. An output may lie where its input does
 * Launch         global (ceil(n / RUN)): RUN elements each. update_control, which makes the control of one
 *                of ONNX's optimizers from its rate and its count of updates: global (1)
 * Defines        METHOD: an enumerator below. DECAY: 1 coupled, 2 decoupled, 0 none. CLIP: 1 to clip each
 *                number of the gradient. HAS_CONTROL, HAS_G, HAS_FACTOR, HAS_TRUST: 1 if that input is given. STATES: how
 *                many the method has. KEPT: bit k if output k is wanted. RUN: a multiple of X
 * Local memory   none
 * Truth          lib/reference/update.c
 * Source         lib/graph/update.h: the formulas, with their papers */

enum { SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, RMSPROP_MOMENTUM, RMSPROP_CENTERED, ADADELTA };
enum { ADAM = ADADELTA + 1, NADAM, LARS, LAMB, CLIP_NORM, TRUST_LARS, TRUST_LAMB };
enum { ACCUMULATE = TRUST_LAMB + 1, SCALE, AVERAGE };
enum { C_RATE, C_DECAY, C_CLIP, C_A, C_B, C_EPSILON, C_FIRST, C_SECOND, C_AVERAGE, CONTROL };

#ifndef METHOD
#define METHOD ADAM
#endif
#ifndef DECAY
#define DECAY 0
#endif
#ifndef CLIP
#define CLIP 0
#endif
#ifndef HAS_CONTROL
#define HAS_CONTROL 1
#endif
#ifndef HAS_G
#define HAS_G 1
#endif
#ifndef HAS_FACTOR
#define HAS_FACTOR 0
#endif
#ifndef HAS_TRUST
#define HAS_TRUST 0
#endif
#ifndef STATES
#define STATES 0
#endif
#ifndef KEPT
#define KEPT 1
#endif

/* Numbers that are the same for all elements. */
struct update_setting {
    float rate, decay, clip, a, b, epsilon, first, second, average, factor, limit;
};

/* X elements. */
struct update_lanes {
    vec w, g, s1, s2, s3;
};

INLINE vec update_blend(vec v, vec x, float b) {
    return v + b * (x - v);
}

INLINE vec update_gradient(vec w, vec g, struct update_setting c) {
    if (HAS_FACTOR) g *= c.factor;
    if (CLIP) {
        g = select(g, (vec)(c.clip), g > c.clip);
        g = select(g, (vec)(-c.clip), g < -c.clip);
    }
    if (DECAY == 1) return METHOD == LAMB ? g : g + c.decay * w;
    return g;
}

INLINE struct update_lanes update_momentum(struct update_lanes e, struct update_setting c) {
    e.s1 = c.a * e.s1 + (METHOD == LARS ? c.rate : c.b) * e.g;
    if (METHOD == LARS) e.w -= e.s1;
    else if (METHOD == NESTEROV) e.w -= c.rate * (e.g + c.a * e.s1);
    else e.w -= c.rate * e.s1;
    return e;
}

INLINE struct update_lanes update_adagrad(struct update_lanes e, struct update_setting c) {
    e.s1 += e.g * e.g;
    e.w -= c.rate * (e.g / (sqrt(e.s1) + c.epsilon));
    return e;
}

INLINE struct update_lanes update_rmsprop(struct update_lanes e, struct update_setting c) {
    e.s1 = update_blend(e.s1, e.g * e.g, c.b);
    vec variance = e.s1;
    if (METHOD == RMSPROP_CENTERED) {
        e.s3 = update_blend(e.s3, e.g, c.b);
        variance -= e.s3 * e.s3;
        variance = select(variance, (vec)(0), variance < 0);
    }
    vec step = e.g / (sqrt(variance) + c.epsilon);
    if (METHOD != RMSPROP) e.s2 = step = c.a * e.s2 + step;
    e.w -= c.rate * step;
    return e;
}

INLINE struct update_lanes update_adadelta(struct update_lanes e, struct update_setting c) {
    e.s1 = update_blend(e.s1, e.g * e.g, c.b);
    vec step = sqrt(e.s2 + c.epsilon) / sqrt(e.s1 + c.epsilon) * e.g;
    e.s2 = update_blend(e.s2, step * step, c.b);
    e.w -= c.rate * step;
    return e;
}

INLINE struct update_lanes update_adam(struct update_lanes e, struct update_setting c) {
    e.s1 = update_blend(e.s1, e.g, c.a);
    e.s2 = update_blend(e.s2, e.g * e.g, c.b);
    vec above = c.first * e.s1, below = sqrt(e.s2) * c.second + c.epsilon;
    if (METHOD == NADAM) above = c.first * e.g + c.rate * e.s1;
    if (METHOD == ADAM) above *= c.rate;
    if (METHOD != LAMB) e.w -= above / below;
    else if (DECAY) e.w = above / below + c.decay * e.w;
    else e.w = above / below;
    return e;
}

/* 1 where there is nothing to compare. */
INLINE struct update_lanes update_trust(struct update_lanes e, struct update_setting c) {
    vec above = e.w, below = e.g;
    if (METHOD == TRUST_LARS) below *= c.factor;
    vec_int nothing = above == 0 || below == 0;
    if (DECAY) below += c.decay * e.w;
    if (METHOD == TRUST_LARS) above *= c.first;
    e.w = select(above / below, (vec)(1), nothing);
    return e;
}

INLINE struct update_lanes update_helper(struct update_lanes e, struct update_setting c) {
    vec norm = sqrt(e.w) + 1e-6f, ratio = c.limit / norm;
    switch (METHOD) {
    case CLIP_NORM: e.w = select(ratio, (vec)(1), ratio > 1); break;
    case ACCUMULATE: e.w += e.g; break;
    case SCALE: e.w *= c.factor; break;
    case AVERAGE: e.w = update_blend(e.w, e.g, c.average); break;
    default: e = update_trust(e, c);
    }
    return e;
}

INLINE struct update_lanes update_apply(struct update_lanes e, struct update_setting c) {
    if (METHOD >= CLIP_NORM) return update_helper(e, c);
    e.g = update_gradient(e.w, e.g, c);
    if (DECAY == 2) e.w -= c.decay * e.w;
    switch (METHOD) {
    case SGD: e.w -= c.rate * e.g; break;
    case ADAGRAD: e = update_adagrad(e, c); break;
    case RMSPROP:
    case RMSPROP_MOMENTUM:
    case RMSPROP_CENTERED: e = update_rmsprop(e, c); break;
    case ADADELTA: e = update_adadelta(e, c); break;
    case ADAM:
    case NADAM:
    case LAMB: e = update_adam(e, c); break;
    default: e = update_momentum(e, c);
    }
    return e;
}

/* Up to X elements: `count` of them are there, the other lanes get 1. */
INLINE vec update_load(__global const real *x, int count) {
    float lane[X];
    if (count >= X) return load_vec(x);
    for (int k = 0; k < X; k++) lane[k] = k < count ? x[k] : 1;
    return load_vec(lane);
}

INLINE void update_store(vec v, __global real *x, int count) {
    float lane[X];
    if (count >= X) {
        store_vec(v, x);
        return;
    }
    store_vec(v, lane);
    for (int k = 0; k < count; k++) x[k] = lane[k];
}

INLINE struct update_setting update_settings(__global const real *control, float factor,
                                             float trust, float limit) {
    struct update_setting c = {0, 0, 0, 0, 0, 0, 0, 0, 0, factor, limit};
    if (!HAS_CONTROL) return c;
    c.rate = HAS_TRUST ? control[C_RATE] * trust : control[C_RATE];
    c.decay = control[C_DECAY];
    c.clip = control[C_CLIP];
    c.a = control[C_A];
    c.b = control[C_B];
    c.epsilon = control[C_EPSILON];
    c.first = control[C_FIRST];
    c.second = control[C_SECOND];
    c.average = control[C_AVERAGE];
    return c;
}

__kernel void update(int n, float limit, __global const real *control, ulong control_offset,
                     __global const real *w, ulong w_offset, __global const real *g, ulong g_offset,
                     __global const real *factor, ulong factor_offset, __global const real *trust,
                     ulong trust_offset, __global const real *s1, ulong s1_offset,
                     __global const real *s2, ulong s2_offset, __global const real *s3,
                     ulong s3_offset, __global real *w_next, ulong w_next_offset, __global real *t1,
                     ulong t1_offset, __global real *t2, ulong t2_offset, __global real *t3,
                     ulong t3_offset) {
    int begin = (int)get_global_id(0) * RUN, end = n - begin < RUN ? n : begin + RUN;
    struct update_setting c =
        update_settings(control + control_offset, HAS_FACTOR ? factor[factor_offset] : 1,
                        HAS_TRUST ? trust[trust_offset] : 1, limit);
    for (int i = begin; i < end; i += X) {
        int count = end - i;
        struct update_lanes e = {0, 0, 0, 0, 0};
        e.w = update_load(w + w_offset + i, count);
        if (HAS_G) e.g = update_load(g + g_offset + i, count);
        if (STATES > 0) e.s1 = update_load(s1 + s1_offset + i, count);
        if (STATES > 1) e.s2 = update_load(s2 + s2_offset + i, count);
        if (STATES > 2) e.s3 = update_load(s3 + s3_offset + i, count);
        e = update_apply(e, c);
        if (KEPT & 1) update_store(e.w, w_next + w_next_offset + i, count);
        if (KEPT & 2) update_store(e.s1, t1 + t1_offset + i, count);
        if (KEPT & 4) update_store(e.s2, t2 + t2_offset + i, count);
        if (KEPT & 8) update_store(e.s3, t3 + t3_offset + i, count);
    }
}

/* a, b: the numbers of the control; log_a, log_b: logarithms of adam's alpha and beta; keep: what comes
 * behind the control. 1 - b^t is -expm1(t log b), where nothing cancels. */
__kernel void update_control(float a, float b, float log_a, float log_b, float decay, float epsilon,
                             float rate_decay, float keep, __global const real *rate,
                             ulong rate_offset, __global const long *count, ulong count_offset,
                             __global real *control, ulong control_offset) {
    float r = rate[rate_offset], t = (float)count[count_offset];
    bool begun = count[count_offset] > 0;
    if (METHOD == ADAM && begun) r = r * sqrt(-expm1(t * log_b)) / -expm1(t * log_a);
    if (METHOD == ADAGRAD) r /= 1 + t * rate_decay;
    control += control_offset;
    control[C_RATE] = r;
    control[C_DECAY] = decay;
    control[C_CLIP] = 0;
    control[C_A] = a;
    control[C_B] = METHOD == ADAM || begun ? b : 1;
    control[C_EPSILON] = epsilon;
    control[C_FIRST] = control[C_SECOND] = 1;
    control[C_AVERAGE] = 0;
    control[CONTROL] = keep;
}
