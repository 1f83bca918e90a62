/* Does the device tell the truth? Each step runs on the very inputs the device gave it, into memory
 * poisoned with NaN, and every element is compared with the reference within its bound. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "graph/element.h"
#include "plan/plan.h"

/* One step under the lens. */
struct lens {
    struct fovea_plan *plan;
    struct plan_step *step;
    size_t index;
    void **in;                 /* contents of the node's inputs; NULL: left out */
    struct reference_out *out; /* the truth, with y, bound and probable for floats */
    void **got;                /* what the device gave */
    bool integers;             /* inputs are small integers: sums must be exact */
};

/* ---- Filling with numbers ---- */

static void fill_numbers(const fovea_desc *d, void *data, uint64_t seed, bool integers) {
    bool index = d->dtype == FOVEA_INT64 || d->dtype == FOVEA_INT32 || d->dtype == FOVEA_UINT64 ||
                 d->dtype == FOVEA_UINT32 || d->dtype == FOVEA_BOOL;
    size_t n = (size_t)fovea_desc_elements(d);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = random_mix(seed, i);
        double x = (double)(bits >> 11) * 0x1p-52 - 1; /* floats: [-1, 1) */
        if (integers) x = (double)(int)(bits % 5) - 2; /* sums of 2^20 products stay exact */
        else if (index) x = (double)(bits & 1);        /* valid nearly everywhere */
        else if (!dtype_is_float(d->dtype)) x = (double)(bits & 0xffff);
        if (d->dtype == FOVEA_INT4) x = (double)(bits & 15) - 8; /* one byte each in memory */
        if (d->dtype == FOVEA_UINT4) x = (double)(bits & 15);
        element_store(d->dtype, data, i, x);
    }
}

static fovea_status fill_value(struct fovea_plan *p, fovea_value v, uint64_t seed, bool integers) {
    size_t bytes = p->values[v].bytes;
    void *data = mem_alloc(bytes);
    if (!data) return fail_memory(bytes, "random numbers");
    fill_numbers(&p->graph->values[v].desc, data, seed, integers);
    fovea_status status = plan_value_write(p, v, data);
    mem_free(data);
    return status;
}

/* The whole of an input, which may be more than one part. */
static fovea_status fill_tensor(fovea_tensor *t, uint64_t seed) {
    size_t bytes = desc_bytes(&t->desc);
    void *data = mem_alloc(bytes);
    if (!data) return fail_memory(bytes, "random numbers");
    fill_numbers(&t->desc, data, seed, false);
    fovea_status status = fovea_tensor_write(t, data, bytes);
    mem_free(data);
    return status;
}

fovea_status plan_fill_inputs(struct fovea_plan *p, uint64_t seed) {
    for (size_t i = 0; i < p->graph->n_inputs; i++)
        if (!p->graph->values[p->graph->inputs[i]].storage)
            TRY(fill_tensor(p->values[p->graph->inputs[i]].own, random_mix(seed, i)));
    return FOVEA_OK;
}

/* Operators that add, multiply and pick: exact on small integers. */
static bool is_exact(const struct node *n) {
    switch (n->op) {
    case OP_Conv:
    case OP_ConvTranspose:
    case OP_ConvGradWeights:
    case OP_MatMul:
    case OP_MaxPool:
    case OP_GlobalMaxPool:
    case OP_MaxPoolGrad:
    case OP_Relu:
    case OP_Add:
    case OP_Sub:
    case OP_Mul:
    case OP_Min:
    case OP_Max:
    case OP_Sum:
    case OP_ReduceSum:
    case OP_ReduceMax:
    case OP_ReduceMin:
    case OP_ReduceSumSquare:
    case OP_ReduceL1:
    case OP_Abs:
    case OP_Neg:
    case OP_Clip:
    case OP_Where:
    case OP_GatherGrad:
    case OP_Reorder: return node_activation(n).kind != ACTIVATION_LEAKY_RELU;
    case OP_UnaryGrad: {
        const char *function = attr_string(n, "function", "");
        return strcmp(function, "Relu") == 0 || strcmp(function, "Abs") == 0 ||
               strcmp(function, "Clip") == 0 || strcmp(function, "ThresholdedRelu") == 0;
    }
    case OP_Gemm:
        return attr_float(n, "alpha", 1) == 1 && attr_float(n, "beta", 1) == 1 &&
               node_activation(n).kind != ACTIVATION_LEAKY_RELU;
    default: return false;
    }
}

/* Replaces the float inputs of an exact step, constants too, by small integers on the device. */
static fovea_status write_integers(struct lens *l, uint64_t seed) {
    const struct node *n = l->step->node;
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(l->plan->graph, n, i);
        if (v && v->desc.dtype == FOVEA_FLOAT32 && !(op_static_inputs(n->op) >> i & 1) &&
            !(n->op == OP_Clip && i > 0))
            TRY(fill_value(l->plan, n->in[i], random_mix(seed, l->index * 64 + i), true));
    }
    return FOVEA_OK;
}

static fovea_status restore_constants(struct lens *l) {
    const struct node *n = l->step->node;
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(l->plan->graph, n, i);
        if (!v || !v->storage) continue;
        TRY(plan_value_write(l->plan, n->in[i], v->storage->data));
    }
    return FOVEA_OK;
}

/* ---- Reading, poisoning ---- */

static fovea_status read_inputs(struct lens *l) {
    const struct node *n = l->step->node;
    for (size_t i = 0; i < n->n_in; i++) {
        if (!node_in(l->plan->graph, n, i)) continue;
        size_t bytes = l->plan->values[n->in[i]].bytes;
        if (!(l->in[i] = mem_alloc(bytes))) return fail_memory(bytes, "an input to verify");
        TRY(plan_value_read(l->plan, n->in[i], l->in[i]));
    }
    return FOVEA_OK;
}

static size_t round_up(size_t bytes) { /* to where the guard begins; arena.c keeps room for it */
    return (bytes + 3) / 4 * 4;
}

static bool is_bound(const struct fovea_plan *p, fovea_value v) { /* to a tensor of the caller */
    return p->values[v].bound.buffer || p->values[v].bound.host;
}

static fovea_status poison(struct lens *l) {
    const struct node *n = l->step->node;
    for (size_t i = 0; i < n->n_out; i++) {
        if (n->out[i] == FOVEA_NO_VALUE) continue;
        struct place place = plan_place(l->plan, n->out[i]);
        size_t end = round_up(l->plan->values[n->out[i]].stored);
        TRY(place_fill(&place, 0, POISON_PATTERN, end));
        if (l->plan->guard && !is_bound(l->plan, n->out[i]))
            TRY(place_fill(&place, end, GUARD_PATTERN, GUARD_BYTES));
    }
    if (l->step->workspace)
        TRY(place_fill(&l->step->workspace_place, 0, POISON_PATTERN, l->step->workspace / 4 * 4));
    if (l->step->packed_bytes)
        TRY(place_fill(&l->step->packed, 0, POISON_PATTERN, l->step->packed_bytes / 4 * 4));
    return FOVEA_OK;
}

/* True if the bytes behind the value were left alone. */
static fovea_status guard_intact(struct lens *l, fovea_value v, bool *intact) {
    uint32_t guard[GUARD_BYTES / 4];
    *intact = true;
    if (!l->plan->guard || is_bound(l->plan, v)) return FOVEA_OK;
    struct place place = plan_place(l->plan, v);
    TRY(place_read(&place, round_up(l->plan->values[v].stored), guard, sizeof guard));
    for (size_t i = 0; i < GUARD_BYTES / 4; i++) *intact = *intact && guard[i] == GUARD_PATTERN;
    return FOVEA_OK;
}

static fovea_status read_outputs(struct lens *l) {
    const struct node *n = l->step->node;
    for (size_t i = 0; i < n->n_out; i++) {
        if (n->out[i] == FOVEA_NO_VALUE) continue;
        size_t bytes = l->plan->values[n->out[i]].bytes;
        if (!(l->got[i] = mem_alloc(bytes))) return fail_memory(bytes, "an output to verify");
        TRY(plan_value_read(l->plan, n->out[i], l->got[i]));
    }
    return FOVEA_OK;
}

static fovea_status compute_truth(struct lens *l) {
    const struct node *n = l->step->node;
    for (size_t i = 0; i < n->n_out; i++) {
        const struct value *v = node_out(l->plan->graph, n, i);
        if (!v) continue;
        struct reference_out *o = &l->out[i];
        size_t elements = (size_t)value_elements(v);
        o->desc = v->desc;
        o->winograd = l->step->algorithm ? l->step->algorithm->winograd : 0;
        o->data = mem_alloc(desc_bytes(&v->desc));
        if (!o->data) return fail_memory(desc_bytes(&v->desc), "a verified output");
        if (!dtype_is_float(v->desc.dtype)) continue;
        o->y = mem_array(elements, sizeof(double));
        o->bound = mem_array(elements, sizeof(double));
        o->probable = mem_array(elements, sizeof(double));
        if (!o->y || !o->bound || !o->probable)
            return fail_memory(3 * elements * sizeof(double), "a verified output");
    }
    return plan_reference(l->plan->graph, n, (const void *const *)l->in, l->out);
}

/* ---- Comparing ---- */

/* |got - want| with the odd cases settled: 0 if both are the same NaN or infinity, or the truth
 * overflows float and the device says infinity; infinite if only one of them is a number. */
static double distance(double got, double want, fovea_dtype t) {
    double limit = t == FOVEA_FLOAT32   ? FLT_MAX * (1 - 0x1p-20)
                   : t == FOVEA_FLOAT16 ? 65500
                                        : DBL_MAX;
    if (isnan(want)) return isnan(got) ? 0 : INFINITY;
    if (isinf(got) && fabs(want) >= limit && signbit(got) == signbit(want)) return 0;
    if (isnan(got) || isinf(got) || isinf(want)) return got == want ? 0 : INFINITY;
    return fabs(got - want);
}

/* What an element may err by: see reference.h; an algorithm scales it by its growth. Exact sums must
 * equal the truth rounded to float. */
static double allowed(const struct lens *l, const struct reference_out *o, size_t i) {
    double growth =
        l->step->algorithm && l->step->algorithm->growth > 0 ? l->step->algorithm->growth : 1;
    bool exact = l->integers && (!l->step->algorithm || !l->step->algorithm->inexact);
    if (!o->bound || (exact && fabs(o->y[i]) < 0x1p24)) return 0;
    return growth * o->bound[i];
}

/* An infinite bound says that anything goes: the sum may overflow on its way. */
static double ratio_of(double error, double bound) {
    return error == 0 || isinf(bound) ? 0 : bound > 0 ? error / bound : INFINITY;
}

/* Compares output k and keeps the worst element in `v`. */
static void compare(const struct lens *l, size_t k, fovea_verdict *v) {
    const struct reference_out *o = &l->out[k];
    size_t n = (size_t)fovea_desc_elements(&o->desc);
    for (size_t i = 0; i < n; i++) {
        double got = element_load(o->desc.dtype, l->got[k], i);
        double want = o->y ? o->y[i] : element_load(o->desc.dtype, o->data, i);
        double error = distance(got, want, o->desc.dtype), bound = allowed(l, o, i);
        double ratio = ratio_of(error, bound);
        double probable =
            o->probable && !isnan(o->probable[i]) ? ratio_of(error, o->probable[i]) : 0;
        if (probable > v->probable_ratio && isfinite(probable)) v->probable_ratio = probable;
        if (v->index >= 0 && !(ratio > v->ratio)) continue;
        v->output = k;
        v->index = (int64_t)i;
        v->got = got;
        v->expected = want;
        v->error = error;
        v->bound = bound;
        v->ratio = ratio;
    }
}

static fovea_status judge(struct lens *l, fovea_verdict *v) {
    const struct node *n = l->step->node;
    v->index = -1;
    for (size_t k = 0; k < n->n_out; k++)
        if (l->got[k]) compare(l, k, v);
    v->right = v->ratio <= 1;
    v->reason = v->right                               ? ""
                : isnan(v->got) && !isnan(v->expected) ? "not a number"
                                                       : "beyond its bound";
    for (size_t k = 0; k < n->n_out; k++) {
        bool intact = true;
        if (n->out[k] != FOVEA_NO_VALUE) TRY(guard_intact(l, n->out[k], &intact));
        if (intact) continue;
        v->right = false;
        v->reason = "wrote past its end";
    }
    return FOVEA_OK;
}

/* ---- Steps ---- */

static fovea_status examine(struct lens *l, const fovea_verify_options *o, fovea_verdict *v) {
    l->integers = o->exact && is_exact(l->step->node);
    if (l->integers) TRY(write_integers(l, o->seed));
    TRY(read_inputs(l));
    TRY(poison(l));
    TRY(plan_run_step(l->plan, l->index, true));
    TRY(fovea_context_wait(l->plan->context));
    TRY(read_outputs(l));
    TRY(compute_truth(l));
    TRY(judge(l, v));
    return l->integers ? restore_constants(l) : FOVEA_OK;
}

static fovea_status lens_create(struct lens *l, struct fovea_plan *p, size_t i) {
    const struct node *n = p->steps[i].node;
    *l = (struct lens){.plan = p, .step = &p->steps[i], .index = i};
    l->in = mem_zero(n->n_in + 1, sizeof *l->in);
    l->got = mem_zero(n->n_out + 1, sizeof *l->got);
    l->out = mem_zero(n->n_out + 1, sizeof *l->out);
    return l->in && l->got && l->out ? FOVEA_OK : fail_memory(256, "a step to verify");
}

static void lens_free(struct lens *l) {
    const struct node *n = l->step->node;
    for (size_t i = 0; l->in && i < n->n_in; i++) mem_free(l->in[i]);
    for (size_t i = 0; l->got && i < n->n_out; i++) mem_free(l->got[i]);
    for (size_t i = 0; l->out && i < n->n_out; i++) {
        mem_free(l->out[i].data);
        mem_free(l->out[i].y);
        mem_free(l->out[i].bound);
        mem_free(l->out[i].probable);
    }
    mem_free(l->in);
    mem_free(l->got);
    mem_free(l->out);
}

static fovea_status verify_step(struct fovea_plan *p, size_t i, const fovea_verify_options *o,
                                fovea_verdict *v) {
    struct lens l;
    struct plan_step *s = &p->steps[i];
    *v = (fovea_verdict){.node = s->node->name,
                         .op = op_name(s->node->op),
                         .algorithm = s->algorithm ? s->algorithm->name : "reference",
                         .problem = s->problem,
                         .options = s->options};
    fovea_status status = lens_create(&l, p, i);
    if (status == FOVEA_OK) status = examine(&l, o, v);
    lens_free(&l);
    if (status != FOVEA_OK)
        return fail_in(status, "while verifying %s node '%s': ", op_name(s->node->op),
                       s->node->name);
    return FOVEA_OK;
}

void plan_testify(const struct fovea_plan *p, const struct plan_step *s, const fovea_verdict *v) {
    const fovea_context *c = p->context;
    if (getenv("FOVEA_KERNEL_DIR")) return; /* a kernel in the making is no evidence */
    store_evidence_put(c->store, c->device_key, s->algorithm->name, s->problem, v->right, v->ratio,
                       v->reason);
    store_evidence_put(c->store, c->device_key, s->algorithm->name, s->options, v->right, v->ratio,
                       v->reason);
}

fovea_status plan_fill_step(struct fovea_plan *p, const struct node *n) {
    for (size_t i = 0; i < n->n_in; i++) {
        const struct value *v = node_in(p->graph, n, i);
        if (v && !v->storage) TRY(fill_value(p, n->in[i], random_mix(1, i), false));
    }
    return FOVEA_OK;
}

fovea_status plan_examine(struct fovea_plan *p, size_t i, fovea_verdict *v) {
    static const fovea_verify_options none;
    struct lens l;
    *v = (fovea_verdict){.right = true};
    fovea_status status = lens_create(&l, p, i);
    if (status == FOVEA_OK) status = plan_fill_step(p, p->steps[i].node);
    if (status == FOVEA_OK) status = examine(&l, &none, v);
    lens_free(&l);
    return status;
}

/* Where the verdicts go. */
struct judgement {
    const fovea_verify_options *options;
    fovea_verdict *out;
    size_t capacity, *count, *wrong;
};

/* False where the caller wants to stop. */
static bool pronounce(const struct fovea_plan *p, size_t i, const struct judgement *j,
                      const fovea_verdict *v) {
    const fovea_verify_options *o = j->options;
    if (p->steps[i].algorithm) plan_testify(p, &p->steps[i], v);
    if (i < j->capacity) j->out[i] = *v;
    ++*j->count;
    *j->wrong += !v->right;
    return !o->progress || o->progress(o->user, i + 1, p->n_steps, v);
}

/* Keeps the worse of two verdicts about one step. */
static void keep_worse(fovea_verdict *worst, const fovea_verdict *v) {
    double probable = fmax(worst->probable_ratio, v->probable_ratio);
    if (worst->right != v->right ? worst->right : v->ratio > worst->ratio) *worst = *v;
    worst->probable_ratio = probable;
}

/* All steps with one part of the batch; the last part brings the verdicts. A guard lies where the next part
 * begins, which is written later. */
static fovea_status verify_part(struct fovea_plan *p, size_t part, const struct judgement *j,
                                fovea_verdict *worst) {
    TRY(plan_set_part(p, part));
    for (size_t i = 0; i < p->n_steps; i++) {
        fovea_verdict v;
        TRY(verify_step(p, i, j->options, &v));
        if (part == 0) worst[i] = v;
        else keep_worse(&worst[i], &v);
        if (part + 1 == p->parts && !pronounce(p, i, j, &worst[i])) break;
    }
    return FOVEA_OK;
}

fovea_status fovea_plan_verify(fovea_plan *p, const fovea_verify_options *options,
                               fovea_verdict *out, size_t capacity, size_t *count, size_t *wrong) {
    static const fovea_verify_options none;
    const fovea_verify_options *o = options ? options : &none;
    struct judgement j = {o, out, capacity, count, wrong};
    *count = *wrong = 0;
    if (!p->guard) return fail(FOVEA_INVALID, "a plan to be verified is made with `guard`");
    if (o->fill) TRY(plan_fill_inputs(p, o->seed));
    fovea_verdict *worst = mem_zero(p->n_steps + 1, sizeof *worst);
    if (!worst) return fail_memory(p->n_steps * sizeof *worst, "verdicts");
    fovea_status status = FOVEA_OK;
    for (size_t part = 0; part < p->parts && status == FOVEA_OK; part++)
        status = verify_part(p, part, &j, worst);
    mem_free(worst);
    if (status == FOVEA_OK && p->context->cl) opencl_remember(p->context->cl);
    return status;
}
