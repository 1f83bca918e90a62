/* The heart: an algorithm, one way to compute an operator on an OpenCL device.
 *
 * Each file in lib/ops opens with its ordered list, the plain one that accepts everything last.
 * An algorithm is pure: from a node it makes a recipe (steps with symbolic arguments). It never
 * touches OpenCL; lib/plan builds the programs, lays out memory and sets the arguments. */
#ifndef OPS_ALGORITHM_H
#define OPS_ALGORITHM_H

#include "graph/graph.h"

/* What an algorithm looks at: a node whose shapes are all known, and the device.
 *
 * A float32 value of rank 3 to 5 (n, c, spatial...) may be stored in channel blocks, nChwXc:
 * (n, ceil(c / X), spatial..., X) with X = site_width(). The lanes past c hold finite numbers without
 * a meaning: who reads them must not let them matter, who writes them writes finite numbers. */
struct site {
    const fovea_graph *graph;
    const struct node *node;
    const fovea_device_info *device;
    const unsigned char *blocked; /* by value: stored in channel blocks; NULL: none is */
    const int *tuning;            /* values of the algorithm's tunables; NULL: untuned */
};

/* a / b rounded up; a >= 0, b > 0. */
static inline int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Channels of a block: the device's vector width, at least 4 and at most 16. */
int site_width(const struct site *);
/* Whether a value is stored in channel blocks. */
bool site_blocked(const struct site *, fovea_value);
/* Blocks of the channels of a value: ceil(c / X). */
int64_t site_channel_blocks(const struct site *, fovea_value);
/* Elements in memory of a value as it is stored. */
int64_t site_stored_elements(const struct site *, fovea_value);

struct recipe;

/* A number that may be tuned, with its legal values; 0 is never one. */
struct tunable {
    const char *name; /* NULL ends a list */
    int values[16];   /* ended by 0 */
};
enum { TUNABLES_MAX = 4 };
/* The tuned value of tunable i of the algorithm, or `otherwise`. */
int site_tuned(const struct site *, size_t i, int otherwise);

#define BLOCKED_OUT 0x80000000u

struct algorithm {
    const char
        *name; /* the .cl stem, and the name in logs, profiles, tuning keys and test filters */
    /* NULL: accepts; else why not ("stride must be 1"). Pure. Every algorithm may count on float32
     * data being checked by algorithm_refuse_types for it unless any_type is set. */
    const char *(*refuse)(const struct site *);
    bool any_type;  /* `refuse` looks at element types itself */
    bool subgroups; /* its kernels use the functions of subgroups */
    /* Bit i: input i is read in channel blocks; BLOCKED_OUT: the outputs are written so. NULL: all are
     * plain. Values for which both layouts are the same bytes may be either. */
    uint32_t (*blocked)(const struct site *);
    const struct tunable *tunables;           /* at most TUNABLES_MAX; NULL: none */
    size_t (*workspace)(const struct site *); /* bytes; NULL: none */
    /* Bytes of the step's own lasting memory, for packed weights; NULL: none. */
    size_t (*packed)(const struct site *);
    double (*estimate)(const struct site *); /* seconds, from the device's roof; NULL: roofline */
    /* Multiplies the reference's bound: 1 where any order of summation is covered by it. Others
     * state the derivation beside the number. 0 means 1. */
    double growth;
    /* Winograd's algorithm for 3x3 filters: outputs along a tile, 2 or 4, with the transforms of
     * lib/reference/winograd.c, whose bound takes the place of the direct one; 0: another algorithm. */
    int winograd;
    bool inexact; /* not exact for small integers (Winograd) */
    fovea_status (*lower)(const struct site *, struct recipe *);
};

#define OP(name, shape, reference, device, static_inputs, rule)                                    \
    extern const struct algorithm *const device##_algorithms[];
#include "graph/op_list.h"
#undef OP
/* The ordered list of an operator, terminated by NULL. */
const struct algorithm *const *algorithms_of(enum op);
/* Why the algorithm cannot do the node; NULL if it can. Types first, then its own predicate. */
const char *algorithm_refuses(const struct algorithm *, const struct site *);
double algorithm_estimate(const struct algorithm *, const struct site *);
/* Seconds by the node's operations or bytes at the device's roofs, and one launch. */
double algorithm_roofline(const struct site *);

/* ---- Recipes ---- */

enum argument_kind {
    ARGUMENT_INT,
    ARGUMENT_ULONG,
    ARGUMENT_FLOAT,
    ARGUMENT_VALUE,
    ARGUMENT_WORKSPACE,
    ARGUMENT_PACKED
};
struct argument {
    enum argument_kind kind;
    int32_t i;
    uint64_t u;
    float f;
    fovea_value value; /* FOVEA_NO_VALUE: some valid buffer that the kernel will not touch */
    size_t offset;     /* VALUE: elements from the value's start; WORKSPACE, PACKED: bytes */
    size_t element; /* WORKSPACE, PACKED: bytes of an element: the kernel's offset is in elements */
};

/* C = alpha * op(A) op(B) + beta * C, row-major, batched with strides; run by lib/opencl (CLBlast). */
struct gemm_call {
    bool trans_a, trans_b;
    size_t m, n, k, lda, ldb, ldc;
    float alpha, beta;
    struct argument a, b, c;                    /* VALUE, WORKSPACE or PACKED */
    size_t batch, stride_a, stride_b, stride_c; /* strides in elements; batch 1 for a single one */
};

enum step_kind { STEP_KERNEL, STEP_GEMM };
struct step {
    enum step_kind kind;
    bool once;             /* packs: done once if all values it reads are constants */
    char *stem, *function; /* file cl_kernels/<stem>.cl, kernel function */
    char *options;         /* "-DKH=3 -DKW=3": sorted by the order of recipe_define calls */
    struct argument *args;
    size_t n_args, args_capacity;
    int dims;
    size_t global[3], local[3]; /* local[0] == 0: the driver chooses */
    struct gemm_call gemm;
};

/* Steps of one node, in order. Failures are remembered, so that lowering code needs no checks. */
struct recipe {
    struct step *steps;
    size_t n_steps, steps_capacity;
    bool failed; /* memory ran out, or a number did not fit */
};

/* Starts a kernel launch; the calls below add to the last one started. */
void recipe_kernel(struct recipe *, const char *stem, const char *function);
void recipe_define(struct recipe *, const char *name, int64_t value);         /* -DNAME=value */
void recipe_define_text(struct recipe *, const char *name, const char *text); /* -DNAME=text */
void recipe_int(struct recipe *,
                int64_t); /* a kernel argument of type int; fails if it does not fit */
void recipe_ulong(struct recipe *, uint64_t);
void recipe_float(struct recipe *, float);
void recipe_value(struct recipe *,
                  fovea_value); /* two kernel arguments: buffer, ulong offset in elements */
void recipe_value_at(struct recipe *, fovea_value, size_t element_offset);
void recipe_workspace(struct recipe *, size_t byte_offset,
                      size_t element_bytes);                                   /* two arguments */
void recipe_packed(struct recipe *, size_t byte_offset, size_t element_bytes); /* two arguments */
/* The launch started last packs: it reads weights only and writes packed memory only. The plan does it
 * once where the weights are constants, else before every run. Such launches come first in a recipe. */
void recipe_once(struct recipe *);
/* -DX=, the width of a channel block, for kernels that use `vec` of common.h. */
void recipe_width(struct recipe *, const struct site *);
/* Up to three global sizes (0: unused), rounded up to multiples of `local` by the caller if it sets it. */
void recipe_global(struct recipe *, size_t x, size_t y, size_t z);
void recipe_local(struct recipe *, size_t x, size_t y, size_t z);
void recipe_gemm(struct recipe *, const struct gemm_call *);
/* -DACTIVATION=... of the node's fused activation, and its two float arguments alpha and beta. */
void recipe_activation(struct recipe *, const struct node *);
/* Input or output i as the value a recipe wants; FOVEA_NO_VALUE if it is left out. */
fovea_value site_in(const struct site *, size_t i);
fovea_value site_out(const struct site *, size_t i);
void recipe_free(struct recipe *);
/* "-DT=uchar" and so on: the OpenCL C type with the size of the dtype, for kernels that only move. */
const char *opencl_storage_type(fovea_dtype); /* "uchar", "ushort", "uint", "ulong" */
const char *opencl_type(fovea_dtype);         /* "float", "long", ...; NULL for half and bfloat16 */

#endif
