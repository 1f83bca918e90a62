/* A plan: an immutable array of steps, made from a graph for a context. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "graph/graph.h"
#include "ops/algorithm.h"
#include "plan/context.h"
#include "reference/reference.h"

#define GUARD_BYTES    256u
#define GUARD_PATTERN  0x7fc0deadu /* behind every value of a guarded plan */
#define GUARD_SHIFT    24u         /* a guarded plan's values begin here: aligned to no vector */
#define POISON_PATTERN 0xffffffffu /* a NaN in every float type, -1 in every signed integer */

/* Where a value lives. */
struct plan_value {
    struct place place;
    fovea_value root;   /* itself, or the value whose memory it shares (Reshape and its kind) */
    size_t bytes;       /* of contents */
    size_t first, last; /* steps between which it must be kept */
    bool used, in_arena;
    fovea_tensor *own;  /* inputs, outputs, constants, kept values: memory of its own */
    struct place bound; /* of a tensor the caller bound; empty if none */
};

struct plan_step {
    const struct node *node;
    const struct algorithm *algorithm; /* NULL: the CPU reference */
    bool shared;                       /* nothing to do: the output shares its input's memory */
    uint64_t banned;                   /* bit i: algorithm i of the list failed to build */
    struct recipe recipe;
    struct opencl_kernel **kernels;
    size_t workspace;
    struct place workspace_place;
    char *refusals, *accepted, *problem, *options;
    double flops, bytes, ms;
};

/* An algorithm whose kernels, built with these options, gave a wrong result on this device. */
struct lie {
    const struct algorithm *algorithm;
    char *options;
};

struct fovea_plan {
    fovea_context *context;
    fovea_graph *graph; /* its own copy: shapes fixed, constants folded, rewritten */
    struct plan_value *values;
    struct plan_step *steps;
    size_t n_steps;
    struct place *arenas;
    size_t n_arenas;
    bool guard, keep_values, consume, unchecked, ran;
    uint64_t perturb;
    struct lie *lies;
    size_t n_lies, lies_capacity;
    char *algorithm; /* the only one allowed where an operator has it; or NULL */
    double *slot_ms; /* of the profile, one for each step */
    fovea_plan_info info;
};

/* prepare.c: fixes input shapes, infers all others, folds constants, rewrites. */
fovea_status plan_prepare(fovea_graph *, const fovea_plan_options *);
/* select.c: chooses an algorithm for a step and writes its recipe. */
fovea_status plan_select(struct fovea_plan *, struct plan_step *);
/* first_use.c: checks kernels that this device has not been seen to run right; *again: one of them lied,
 * so that its steps must be selected anew. */
fovea_status plan_first_use(struct fovea_plan *, bool *again);
/* first_use.c: whether the step's kernels are known to give wrong results here. */
bool plan_distrusts(const struct fovea_plan *, const struct plan_step *);
void plan_free_lies(struct fovea_plan *);
/* verify.c: one step on random inputs against the reference; a wrong result is no error. */
fovea_status plan_examine(struct fovea_plan *, size_t step, fovea_verdict *);
/* verify.c: puts what was found into the store, for the problem and for the kernels as built. */
void plan_testify(const struct fovea_plan *, const struct plan_step *, const fovea_verdict *);
/* build.c: programs and kernels of all steps; selects again where a build fails. */
fovea_status plan_build(struct fovea_plan *);
void plan_free_kernels(struct fovea_plan *);
/* build.c: sets kernel arguments; all of them, or only those that use one value. */
fovea_status plan_set_arguments(struct fovea_plan *, fovea_value only);
/* arena.c: whether a node's output shares its input's memory (Reshape and its kind). */
bool plan_shares_memory(const struct fovea_plan *, const struct node *);
/* arena.c: gives every value and workspace a place; uploads constants. */
fovea_status plan_place_values(struct fovea_plan *);
/* arena.c: places arena values and workspaces anew, after workspaces changed. */
fovea_status plan_place_again(struct fovea_plan *);
void plan_free_places(struct fovea_plan *);
/* Where a value is now: in the caller's tensor or in its own place. */
struct place plan_place(const struct fovea_plan *, fovea_value);
/* run.c: enqueues one step. */
fovea_status plan_run_step(struct fovea_plan *, size_t i);
/* One node on the reference; in[i] are the contents of its inputs (NULL: left out), `out` has desc
 * and data set by the caller, and y, bound, probable as it likes. */
fovea_status plan_reference(const fovea_graph *, const struct node *, const void *const *in,
                            struct reference_out *out);

#endif
