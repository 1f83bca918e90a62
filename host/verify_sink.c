/* Where verdicts go: the table, the JSON, the first wrong one in full. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "progress.h"
#include "verify.h"

void sink_begin(struct verify_sink *s, const struct common *common) {
    *s = (struct verify_sink){.common = common};
    if (!common->json) table_begin(&s->table, "node|op|algorithm|>error|>bound|>ratio|verdict");
}

static char *copy(const char *text) {
    return host_format("%s", text ? text : "");
}

static void keep_first(struct verify_sink *s, const fovea_verdict *v) {
    s->first = *v;
    s->first.node = copy(v->node);
    s->first.op = copy(v->op);
    s->first.algorithm = copy(v->algorithm);
    s->first.problem = copy(v->problem);
    s->first.options = copy(v->options);
    s->first.reason = copy(v->reason);
}

static void print_json(const fovea_verdict *v) {
    json_object(NULL);
    json_text("node", v->node);
    json_text("op", v->op);
    json_text("algorithm", v->algorithm);
    json_number("error", v->error);
    json_number("bound", v->bound);
    json_number("ratio", v->ratio);
    json_text("verdict", v->right ? "right" : "wrong");
    json_number("probable_ratio", v->probable_ratio);
    if (!v->right) json_text("reason", v->reason);
    json_integer("output", (int64_t)v->output);
    json_integer("index", v->index);
    json_number("got", v->got);
    json_number("expected", v->expected);
    json_text("problem", v->problem);
    json_close();
}

static void add_row(struct verify_sink *s, const fovea_verdict *v) {
    /* Nodes of the self-test have no names of their own: the problem tells more. */
    const char *name = s->total && v->problem ? v->problem : v->node;
    table_cell(&s->table, "%.40s", name && *name ? name : "-");
    table_cell(&s->table, "%s", v->op);
    table_cell(&s->table, "%s", v->algorithm);
    table_cell(&s->table, "%.3g", v->error);
    table_cell(&s->table, "%.3g", v->bound);
    table_cell(&s->table, "%.4f", v->ratio);
    table_cell(&s->table, "%s%s%s", v->right ? "right" : "WRONG: ", v->right ? "" : v->reason, "");
}

void sink_take(struct verify_sink *s, const fovea_verdict *v) {
    s->checked++;
    s->wrong += !v->right;
    if (v->ratio > s->worst) s->worst = v->ratio;
    if (v->probable_ratio > s->probable) s->probable = v->probable_ratio;
    if (!v->right && s->wrong == 1) keep_first(s, v);
    if (s->common->json) print_json(v);
    else add_row(s, v);
}

void sink_print_wrong(const struct verify_sink *s, const char *device) {
    const fovea_verdict *v = &s->first;
    if (s->wrong == 0) return;
    printf("\nThe first wrong layer: %s node '%s', algorithm %s: %s\n", v->op, v->node,
           v->algorithm, v->reason);
    printf("  output %zu, element %lld: got %.9g, expected %.9g\n", v->output, (long long)v->index,
           v->got, v->expected);
    printf("  error %.9g, bound %.9g, ratio %.4g\n", v->error, v->bound, v->ratio);
    if (*v->options) printf("  build options: %s\n", v->options);
    if (*v->problem)
        printf("  To repeat it: fovea verify --device %s --problem \"%s\"\n", device, v->problem);
}

void sink_end(struct verify_sink *s) {
    const fovea_verdict *v = &s->first;
    const char *texts[] = {v->node, v->op, v->algorithm, v->problem, v->options, v->reason};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free((void *)(uintptr_t)texts[i]);
    s->first = (fovea_verdict){0};
}

/* ---- One plan ---- */

static bool take(void *user, size_t done, size_t total, const fovea_verdict *verdict) {
    struct verify_sink *s = user;
    sink_take(s, verdict);
    if (!s->total) progress_show("verify", done, total, verdict->node);
    return true;
}

bool verify_plan(fovea_plan *plan, bool exact, bool fill, uint64_t seed, struct verify_sink *sink,
                 struct problem *p) {
    fovea_verify_options options = {
        .exact = exact, .seed = seed, .fill = fill, .progress = take, .user = sink};
    size_t count, wrong;
    return problem_check(p, fovea_plan_verify(plan, &options, NULL, 0, &count, &wrong));
}
