/* Computes       dx = (dy + more) f'(x), element by element, for a function f of one float
 * Layouts        any; dy, more, v and dx have the same shape; v is x, or y = f(x)
 * Launch         global (ceil(n / RUN)): RUN elements each
 * Defines        OP: an enumerator below. FROM_Y: 1 if v is y. HAS_MORE: 1 if more is there. The meaning of alpha and beta is the
 *                function's; Selu's gamma comes as beta, Clip's limits as both. RUN as in common.h
 * Local memory   none
 * Truth          lib/reference/unary_grad.c
 * Source         derivatives, rearranged so that they are read from y where nothing is lost by it */

enum {
    RELU,
    LEAKY_RELU,
    ELU,
    SELU,
    CELU,
    SIGMOID,
    HARD_SIGMOID,
    HARD_SWISH,
    MISH,
    GELU,
    GELU_TANH,
    TANH,
    SOFTPLUS,
    SOFTSIGN,
    THRESHOLDED_RELU,
    SQRT,
    EXP,
    LOG,
    ABS,
    RECIPROCAL,
    ERF,
    CLIP
};

#ifndef OP
#define OP RELU
#endif
#ifndef FROM_Y
#define FROM_Y 0
#endif
#ifndef HAS_MORE
#define HAS_MORE 0
#endif

/* With e = e^x, w = e (e + 2), q = w + 2, mish is x w / q; above 20 the slope rounds to 1. */
float unary_grad_mish(float x);
float unary_grad_mish(float x) {
    float e = exp(x), w = e * (e + 2.0f), q = w + 2.0f;
    return x > 20.0f ? 1.0f : w / q + x * (4.0f * e * (e + 1.0f) / (q * q));
}

float unary_grad_gelu(float x);
float unary_grad_gelu(float x) {
    return 0.5f * erfc(-x * 0.70710678118654752f) + x * exp(-0.5f * (x * x)) * 0.39894228040143268f;
}

/* s + x s (1 - s) v' with s = 1 / (1 + e^-v), v = 2 sqrt(2/pi) (x + 0.044715 x^3). */
float unary_grad_gelu_tanh(float x);
float unary_grad_gelu_tanh(float x) {
    float square = x * x, v = 1.5957691216057308f * x * (1.0f + 0.044715f * square);
    float e = exp(-fabs(v)), s = (v < 0.0f ? e : 1.0f) / (1.0f + e);
    float steep = 1.5957691216057308f * (1.0f + 0.134145f * square);
    if (fabs(x) > 16.0f) return x > 0.0f ? 1.0f : 0.0f;
    return s + x * (e / ((1.0f + e) * (1.0f + e))) * steep;
}

float unary_grad_slope(float v, float alpha, float beta);
float unary_grad_slope(float v, float alpha, float beta) {
    switch (OP) {
    case LEAKY_RELU: return v <= 0.0f ? alpha : 1.0f;
    case ELU: return v <= 0.0f ? FROM_Y ? v + alpha : alpha * exp(v) : 1.0f;
    case SELU: return v <= 0.0f ? FROM_Y ? v + beta * alpha : beta * alpha * exp(v) : beta;
    case CELU: return v <= 0.0f ? FROM_Y ? 1.0f + v / alpha : exp(v / alpha) : 1.0f;
    case SIGMOID: return v * (1.0f - v);
    case HARD_SIGMOID: return v <= 0.0f || v >= 1.0f ? 0.0f : alpha;
    case HARD_SWISH: return v <= -3.0f ? 0.0f : v >= 3.0f ? 1.0f : v * (1.0f / 3.0f) + 0.5f;
    case MISH: return unary_grad_mish(v);
    case GELU: return unary_grad_gelu(v);
    case GELU_TANH: return unary_grad_gelu_tanh(v);
    case TANH: return 1.0f - v * v;
    case SOFTPLUS: return -expm1(-v);
    case SOFTSIGN: return 1.0f / ((1.0f + fabs(v)) * (1.0f + fabs(v)));
    case THRESHOLDED_RELU: return v <= alpha ? 0.0f : 1.0f;
    case SQRT: return 0.5f / v;
    case EXP: return v;
    case LOG: return 1.0f / v;
    case ABS: return v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v;
    case RECIPROCAL: return -v * v;
    case ERF: return 1.1283791670955126f * exp(-v * v);
    case CLIP: return v <= alpha || v >= beta ? 0.0f : 1.0f;
    default: return v <= 0.0f ? 0.0f : 1.0f;
    }
}

__kernel void unary_grad(int n, __global const real *dy, ulong dy_offset, __global const real *v,
                         ulong v_offset, __global const real *more, ulong more_offset, float alpha,
                         float beta, __global real *dx, ulong dx_offset) {
    int begin = (int)get_global_id(0) * RUN, end = n - begin < RUN ? n : begin + RUN;
    dy += dy_offset;
    v += v_offset;
    more += more_offset;
    dx += dx_offset;
    for (int i = begin; i < end; i++) {
        float slope = unary_grad_slope(v[i], alpha, beta);
        float grad = HAS_MORE ? dy[i] + more[i] : dy[i];
        dx[i] = slope == 0.0f ? 0.0f : grad * slope; /* 0 stops infinity too */
    }
}
