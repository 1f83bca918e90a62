/* Computes       y = f(x), element by element, for a function of one float
 * Layouts        any; x and y have the same shape
 * Launch         global (ceil(n / RUN)): RUN elements each
 * Defines        OP: an enumerator below. The meaning of alpha and beta is the operator's;
 *                Selu's gamma comes as beta. ACTIVATION and RUN as in common.h
 * Local memory   none
 * Truth          lib/reference/elementwise_unary.c
 * Source         https://onnx.ai/onnx/operators; formulas rearranged so that nothing cancels */

enum {
    IDENTITY,
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
    NEG,
    RECIPROCAL,
    FLOOR,
    CEIL,
    ROUND,
    ERF,
    SIGN
};

#ifndef OP
#define OP IDENTITY
#endif

/* [0, 1]; NaN stays NaN. */
float elementwise_unary_clamp(float v);
float elementwise_unary_clamp(float v) {
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}

/* x tanh(log(1 + e^x)) = x w / (w + 2) with w = e^x (e^x + 2); above 20 the factor rounds to 1. */
float elementwise_unary_mish(float x);
float elementwise_unary_mish(float x) {
    float e = exp(x), w = e * (e + 2.0f);
    return x > 20.0f ? x : x * (w / (w + 2.0f));
}

/* x/2 (1 + tanh(v/2)) = x / (1 + e^-v) with v = 2 sqrt(2/pi) (x + 0.044715 x^3). */
float elementwise_unary_gelu_tanh(float x);
float elementwise_unary_gelu_tanh(float x) {
    float v = 1.5957691216057308f * x * (1.0f + 0.044715f * (x * x));
    return x / (1.0f + exp(-v));
}

float elementwise_unary_apply(float x, float alpha, float beta);
float elementwise_unary_apply(float x, float alpha, float beta) {
    switch (OP) {
    case RELU: return x < 0.0f ? 0.0f : x;
    case LEAKY_RELU: return x < 0.0f ? alpha * x : x;
    case ELU: return x < 0.0f ? alpha * expm1(x) : x;
    case SELU: return x < 0.0f ? beta * alpha * expm1(x) : beta * x;
    case CELU: return x < 0.0f ? alpha * expm1(x / alpha) : x;
    case SIGMOID: return 1.0f / (1.0f + exp(-x));
    case HARD_SIGMOID: return elementwise_unary_clamp(alpha * x + beta);
    case HARD_SWISH: return x * elementwise_unary_clamp(x * (1.0f / 6.0f) + 0.5f);
    case MISH: return elementwise_unary_mish(x);
    case GELU: return 0.5f * x * erfc(-x * 0.70710678118654752f);
    case GELU_TANH: return elementwise_unary_gelu_tanh(x);
    case TANH: return tanh(x);
    case SOFTPLUS: return (x > 0.0f ? x : 0.0f) + log1p(exp(-fabs(x)));
    case SOFTSIGN: return x / (1.0f + fabs(x));
    case THRESHOLDED_RELU: return x > alpha ? x : 0.0f;
    case SQRT: return sqrt(x);
    case EXP: return exp(x);
    case LOG: return log(x);
    case ABS: return fabs(x);
    case NEG: return -x;
    case RECIPROCAL: return 1.0f / x;
    case FLOOR: return floor(x);
    case CEIL: return ceil(x);
    case ROUND: return rint(x);
    case ERF: return erf(x);
    case SIGN: return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
    default: return x;
    }
}

__kernel void elementwise_unary(int n, __global const real *x, ulong x_offset, float alpha,
                                float beta, float activation_alpha, float activation_beta,
                                __global real *y, ulong y_offset) {
    int begin = (int)get_global_id(0) * RUN, end = n - begin < RUN ? n : begin + RUN;
    x += x_offset;
    y += y_offset;
    for (int i = begin; i < end; i++) {
        float value = elementwise_unary_apply(x[i], alpha, beta);
        y[i] = activate(value, activation_alpha, activation_beta);
    }
}
