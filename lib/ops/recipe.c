/* Recipes: the steps of one node with symbolic arguments. */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "ops/algorithm.h"

static struct step *last_step(struct recipe *r) {
    return r->failed || r->n_steps == 0 ? NULL : &r->steps[r->n_steps - 1];
}

static struct step *push_step(struct recipe *r) {
    struct step *s = mem_push(&r->steps, &r->n_steps, &r->steps_capacity, sizeof *s);
    if (!s) r->failed = true;
    return s;
}

void recipe_kernel(struct recipe *r, const char *stem, const char *function) {
    struct step *s = push_step(r);
    if (!s) return;
    s->kind = STEP_KERNEL;
    s->stem = mem_string(stem);
    s->function = mem_string(function);
    s->options = mem_string("");
    if (!s->stem || !s->function || !s->options) r->failed = true;
}

void recipe_define_text(struct recipe *r, const char *name, const char *text) {
    struct step *s = last_step(r);
    if (!s) return;
    char *options = mem_format("%s%s-D%s=%s", s->options, *s->options ? " " : "", name, text);
    if (!options) {
        r->failed = true;
        return;
    }
    mem_free(s->options);
    s->options = options;
}

void recipe_define(struct recipe *r, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    recipe_define_text(r, name, text);
}

static void push_argument(struct recipe *r, struct argument a) {
    struct step *s = last_step(r);
    struct argument *slot =
        s ? mem_push(&s->args, &s->n_args, &s->args_capacity, sizeof *slot) : NULL;
    if (slot) *slot = a;
    else r->failed = true;
}

void recipe_int(struct recipe *r, int64_t i) {
    if (i < INT32_MIN || i > INT32_MAX) r->failed = true;
    push_argument(r, (struct argument){.kind = ARGUMENT_INT, .i = (int32_t)i});
}

void recipe_ulong(struct recipe *r, uint64_t u) {
    push_argument(r, (struct argument){.kind = ARGUMENT_ULONG, .u = u});
}

void recipe_float(struct recipe *r, float f) {
    push_argument(r, (struct argument){.kind = ARGUMENT_FLOAT, .f = f});
}

void recipe_value(struct recipe *r, fovea_value v) {
    recipe_value_at(r, v, 0);
}

void recipe_value_at(struct recipe *r, fovea_value v, size_t offset) {
    push_argument(r, (struct argument){.kind = ARGUMENT_VALUE, .value = v, .offset = offset});
}

void recipe_workspace(struct recipe *r, size_t offset, size_t element) {
    push_argument(
        r, (struct argument){.kind = ARGUMENT_WORKSPACE, .offset = offset, .element = element});
}

void recipe_packed(struct recipe *r, size_t offset, size_t element) {
    push_argument(r,
                  (struct argument){.kind = ARGUMENT_PACKED, .offset = offset, .element = element});
}

void recipe_once(struct recipe *r) {
    struct step *s = last_step(r);
    if (s) s->once = true;
}

void recipe_width(struct recipe *r, const struct site *s) {
    recipe_define(r, "X", site_width(s));
}

void recipe_global(struct recipe *r, size_t x, size_t y, size_t z) {
    struct step *s = last_step(r);
    if (!s) return;
    s->dims = z ? 3 : y ? 2 : 1;
    s->global[0] = x;
    s->global[1] = y;
    s->global[2] = z;
}

void recipe_local(struct recipe *r, size_t x, size_t y, size_t z) {
    struct step *s = last_step(r);
    if (!s) return;
    s->local[0] = x;
    s->local[1] = y;
    s->local[2] = z;
}

void recipe_gemm(struct recipe *r, const struct gemm_call *call) {
    struct step *s = push_step(r);
    if (!s) return;
    s->kind = STEP_GEMM;
    s->gemm = *call;
}

void recipe_activation(struct recipe *r, const struct node *n) {
    struct activation a = node_activation(n);
    recipe_define(r, "ACTIVATION", a.kind);
    recipe_float(r, a.alpha);
    recipe_float(r, a.beta);
}

void recipe_free(struct recipe *r) {
    for (size_t i = 0; i < r->n_steps; i++) {
        mem_free(r->steps[i].stem);
        mem_free(r->steps[i].function);
        mem_free(r->steps[i].options);
        mem_free(r->steps[i].args);
    }
    mem_free(r->steps);
    *r = (struct recipe){0};
}
