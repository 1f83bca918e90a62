/* Every legal value of every tunable, on each problem of the self-test whose algorithms have some, is right, and
 * two runs give the same bits:
 *     test_tunables DEVICE [PIECE OF AN ALGORITHM'S NAME]
 * Exit code 77: no such device. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

static size_t passed, failed;
static const char *wanted = "";

static void complain(const char *line, const struct algorithm *a, const struct tunable *t,
                     int value, const char *what) {
    failed++;
    printf("FAILED %s [%s, %s=%d]: %s\n", line, a->name, t->name, value, what);
}

static fovea_status output_of(fovea_plan *p, struct plan_step *s, size_t step, void *out) {
    TRY(plan_run_step(p, step, false));
    TRY(fovea_context_wait(p->context));
    return plan_value_read(p, s->node->out[0], out);
}

/* NULL if good, else what is not. */
static const char *examine(fovea_plan *p, size_t step) {
    struct plan_step *s = &p->steps[step];
    size_t bytes = p->values[s->node->out[0]].bytes;
    char *first = mem_alloc(bytes), *second = mem_alloc(bytes);
    fovea_verdict v;
    const char *wrong = NULL;
    if (plan_examine(p, step, &v) != FOVEA_OK) wrong = fovea_error();
    else if (!v.right) wrong = v.reason;
    else if (output_of(p, s, step, first) != FOVEA_OK || output_of(p, s, step, second) != FOVEA_OK)
        wrong = fovea_error();
    else if (memcmp(first, second, bytes) != 0) wrong = "two runs differ";
    mem_free(first);
    mem_free(second);
    return wrong;
}

static void try_values(fovea_context *c, const fovea_graph *g, const char *line,
                       const struct algorithm *a, size_t tunable, int value) {
    fovea_plan_options o = {.algorithm = a->name, .no_rewrite = true, .guard = true};
    int values[TUNABLES_MAX] = {0};
    fovea_plan *p;
    values[tunable] = value;
    const char *wrong = NULL;
    size_t step = 0;
    if (plan_create(&p, c, g, &o, values) != FOVEA_OK) {
        complain(line, a, &a->tunables[tunable], value, fovea_error());
        return;
    }
    while (step < p->n_steps && p->steps[step].algorithm != a) step++;
    if (step == p->n_steps) wrong = "another algorithm was used";
    else if (plan_fill_step(p, p->steps[step].node) != FOVEA_OK) wrong = fovea_error();
    else wrong = examine(p, step);
    if (wrong) complain(line, a, &a->tunables[tunable], value, wrong);
    else passed++;
    fovea_plan_destroy(p);
}

static void try_algorithm(fovea_context *c, const fovea_graph *g, const char *line,
                          const struct algorithm *a) {
    for (size_t t = 0; a->tunables && a->tunables[t].name; t++)
        for (size_t i = 0; a->tunables[t].values[i]; i++)
            try_values(c, g, line, a, t, a->tunables[t].values[i]);
}

static void try_problem(fovea_context *c, const char *line) {
    fovea_graph *g;
    if (fovea_graph_from_problem(&g, line) != FOVEA_OK) return;
    struct site s = {.graph = g, .node = &g->nodes[0], .device = fovea_context_device(c)};
    const struct algorithm *const *list = algorithms_of(s.node->op);
    for (size_t i = 0; list[i]; i++)
        if (strstr(list[i]->name, wanted) && !algorithm_refuses(list[i], &s))
            try_algorithm(c, g, line, list[i]);
    fovea_graph_destroy(g);
}

int main(int argc, char **argv) {
    fovea_context *c;
    if (argc < 2) return 2;
    if (argc > 2) wanted = argv[2];
    if (fovea_context_create(&c, argv[1], NULL) != FOVEA_OK) {
        printf("skipped: %s\n", fovea_error());
        return 77;
    }
    for (size_t i = 0; fovea_self_test_problem(i); i++) try_problem(c, fovea_self_test_problem(i));
    fovea_context_destroy(c);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || !passed;
}
