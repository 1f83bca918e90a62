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
    fovea_value
        root;     /* itself, or the value whose memory it shares (Reshape, Concat and their kind) */
    size_t at;    /* where in the root's memory, in bytes */
    size_t bytes; /* of contents; of one part's */
    size_t stored;      /* as it lies in memory, in channel blocks perhaps */
    size_t first, last; /* steps between which it must be kept */
    bool used, in_arena;
    bool in_parts; /* an input or output with the batch; `own` and `bound` hold all parts of it */
    fovea_tensor *own;  /* inputs, outputs, constants, kept values: memory of its own */
    struct place bound; /* of a tensor the caller bound; empty if none */
};

struct plan_step {
    const struct node *node;
    const struct algorithm *algorithm; /* NULL: the CPU reference */
    bool shared;                       /* nothing to do: the output shares its input's memory */
    struct recipe recipe;
    struct opencl_kernel **kernels;
    size_t workspace;
    struct place workspace_place;
    size_t packed_bytes;
    struct place packed;  /* packed weights: lasting memory of its own */
    bool packs_every_run; /* what it packs is no constant; `packed` then lies in an arena */
    int tuning[TUNABLES_MAX];
    char *refusals, *accepted, *problem, *options;
    double flops, bytes, ms;
};

/* Something that lies in an arena: a value, or what one step needs. */
struct block {
    size_t bytes, first, last, offset, arena;
    struct place *place; /* to be filled in */
    bool aligned;        /* also in a guarded plan: kernels may count on it */
    const char *what;    /* "value", "workspace", "packed weights" */
    fovea_value value;
    const struct node *node; /* of a workspace or packed weights */
};

/* An algorithm whose kernels, with these options, do not build or gave a wrong result on this device. */
struct ban {
    const struct algorithm *algorithm;
    char *options;
};

struct fovea_plan {
    fovea_context *context;
    fovea_graph *graph; /* its own copy: shapes fixed, constants folded, rewritten; of one part */
    struct plan_value *values;
    struct plan_step *steps;
    size_t n_steps;
    struct block *blocks; /* of the arenas, until these are there */
    size_t n_blocks;
    size_t *arena_bytes;
    struct place *arenas;
    size_t n_arenas;
    size_t parts;     /* the batch runs in so many equal parts, one after the other */
    size_t part;      /* that the kernels' arguments are set for */
    bool *with_batch; /* by value of the graph as it was given; NULL: one part */
    bool guard, keep_values, consume, unchecked, ran;
    uint64_t perturb;
    unsigned char *blocked; /* by value: it lies in channel blocks */
    struct ban *bans;
    size_t n_bans, bans_capacity;
    bool again;        /* something was banned: choose anew */
    char *algorithm;   /* the only one allowed where an operator has it; or NULL */
    const int *tuning; /* of that algorithm, in place of what is known; or NULL. The caller's. */
    double *slot_ms;   /* of the profile, one for each step */
    fovea_plan_info info;
};

/* plan.c: fovea_plan_create, with given values of the tunables of o->algorithm (NULL: what is known);
 * they are the caller's and must outlive the plan. */
fovea_status plan_create(struct fovea_plan **, fovea_context *, const fovea_graph *,
                         const fovea_plan_options *o, const int *tuning);
/* prepare.c: fixes input shapes for one of `parts` parts of the batch, infers all others, folds constants,
 * rewrites. */
fovea_status plan_prepare(fovea_graph *, const fovea_plan_options *, size_t parts);
/* prepare.c: computes what depends on constants alone; no shapes need to be fixed. */
fovea_status plan_fold_constants(fovea_graph *);
/* layout.c: decides which values lie in channel blocks and inserts Reorder nodes. */
fovea_status plan_layout(struct fovea_plan *);
/* layout.c: whether the values of a node lie as the algorithm wishes. */
bool plan_fits_layout(const struct algorithm *, const struct site *);
/* layout.c: contents of a value as a plain array of plan_value.bytes bytes. */
fovea_status plan_value_write(struct fovea_plan *, fovea_value, const void *);
fovea_status plan_value_read(struct fovea_plan *, fovea_value, void *);
/* select.c: chooses an algorithm for a step and writes its recipe; bans it (and sets `again`) if its
 * kernels are known to give wrong results here. */
fovea_status plan_select(struct fovea_plan *, struct plan_step *);
/* After all steps: fails if operators of the graph have the algorithm that the plan names, and it refused
 * every node. */
fovea_status plan_check_named(const struct fovea_plan *);
/* select.c: why an algorithm is not to do a node in this plan; NULL if it may. */
const char *plan_passes_over(const struct fovea_plan *, const struct site *,
                             const struct algorithm *, const char *problem);
/* select.c: what a node was measured to take, or is thought to. */
double plan_seconds(const struct fovea_plan *, const struct site *, const struct algorithm *,
                    const char *problem);
/* select.c: the step's algorithm is not used any more with these options; sets `again`. */
fovea_status plan_ban(struct fovea_plan *, const struct plan_step *);
void plan_free_bans(struct fovea_plan *);
/* first_use.c: checks kernels that this device has not been seen to run right; bans those that lie. */
fovea_status plan_first_use(struct fovea_plan *);
/* verify.c: one step on random inputs against the reference; a wrong result is no error. */
fovea_status plan_examine(struct fovea_plan *, size_t step, fovea_verdict *);
/* verify.c: random numbers into the plan's inputs; into the inputs of a node that are no constants. */
fovea_status plan_fill_inputs(struct fovea_plan *, uint64_t seed);
fovea_status plan_fill_step(struct fovea_plan *, const struct node *);
/* verify.c: puts what was found into the store, for the problem and for the kernels as built. */
void plan_testify(const struct fovea_plan *, const struct plan_step *, const fovea_verdict *);
/* build.c: programs and kernels of all steps; bans what does not build. */
fovea_status plan_build(struct fovea_plan *);
void plan_free_kernels(struct fovea_plan *);
/* build.c: sets the arguments of a step's kernels. */
fovea_status plan_set_step_arguments(struct fovea_plan *, struct plan_step *);
/* build.c: sets again the arguments of all kernels that use one value. */
fovea_status plan_set_arguments(struct fovea_plan *, fovea_value);
/* build.c: from now on steps work on that part of the batch. */
fovea_status plan_set_part(struct fovea_plan *, size_t part);
/* arena.c: whether a node's output shares its input's memory (Reshape and its kind). */
bool plan_shares_memory(const struct fovea_plan *, const struct node *);
/* arena.c: who lives how long, and where in which arena; nothing is allocated yet. */
fovea_status plan_lay_memory(struct fovea_plan *);
/* arena.c: gives every value but the constants, and every workspace, its place. */
fovea_status plan_place_values(struct fovea_plan *);
/* arena.c: whether a value has memory of its own; how much. */
bool plan_owns_memory(const struct fovea_plan *, fovea_value);
size_t plan_own_bytes(const struct fovea_plan *, fovea_value);
/* split.c: whether what was laid out fits the device. If not, the batch is to be run in more parts, and
 * `again` is set; NO_MEMORY where that is not possible. */
fovea_status plan_fit(struct fovea_plan *, const fovea_graph *, const fovea_plan_options *);
/* arena.c: memory of a value of its own. */
fovea_status plan_create_own(struct fovea_plan *, fovea_value);
/* upload.c: constants and packed memory of one step are there, and its arguments are set. */
fovea_status plan_ready_step(struct fovea_plan *, size_t step);
/* upload.c: whether a launch that packs reads something that is no constant. */
bool plan_packs_variables(const struct fovea_plan *, const struct plan_step *);
/* upload.c: bytes of constants and packed weights, at the most at a time. */
size_t plan_upload_bytes(const struct fovea_plan *);
/* upload.c: readies all steps and packs; what only packing read is given back. */
fovea_status plan_upload(struct fovea_plan *);
void plan_free_places(struct fovea_plan *);
/* Where a value is now: in the caller's tensor or in its own place. */
struct place plan_place(const struct fovea_plan *, fovea_value);
/* run.c: enqueues one step, with its packing if `pack`. */
fovea_status plan_run_step(struct fovea_plan *, size_t i, bool pack);
/* run.c: enqueues only what the step packs. */
fovea_status plan_pack_step(struct fovea_plan *, size_t i);
/* One node on the reference; in[i] are the contents of its inputs (NULL: left out), `out` has desc
 * and data set by the caller, and y, bound, probable as it likes. */
fovea_status plan_reference(const fovea_graph *, const struct node *, const void *const *in,
                            struct reference_out *out);

#endif
