/* Verifying single problems: --problem, and the self-test of every algorithm. */
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "verify.h"

/* The names of the algorithms that accept the plan's only step, without the chosen one. */
static char *other_names(const fovea_plan *plan) {
    fovea_step_info info;
    char *list = NULL;
    if (fovea_plan_step(plan, 0, &info) != FOVEA_OK || !info.accepted) return host_format("%s", "");
    list = host_format("%s", "");
    for (const char *name = info.accepted; *name;) {
        size_t n = strcspn(name, " ");
        bool chosen = strlen(info.algorithm) == n && memcmp(info.algorithm, name, n) == 0;
        if (!chosen) {
            char *longer = host_format("%s%.*s ", list, (int)n, name);
            free(list);
            list = longer;
        }
        name += n + strspn(name + n, " ");
    }
    return list;
}

bool verify_problem(fovea_context *context, const char *line, const char *algorithm, bool exact,
                    uint64_t seed, struct verify_sink *sink, char **others, struct problem *p) {
    fovea_graph *graph = NULL;
    fovea_plan *plan = NULL;
    fovea_plan_options options = {.guard = true, .whole = true, .algorithm = algorithm};
    bool good = problem_check(p, fovea_graph_from_problem(&graph, line)) &&
                problem_check(p, fovea_plan_create(&plan, context, graph, &options));
    if (good && others) *others = other_names(plan);
    good = good && verify_plan(plan, exact, true, seed, sink, p);
    fovea_plan_destroy(plan);
    fovea_graph_destroy(graph);
    return good ? good : problem_in(p, line);
}

/* The chosen algorithm first, which also tells the others' names; then each of the others. */
static bool verify_algorithms(fovea_context *context, const char *line, bool exact, uint64_t seed,
                              struct verify_sink *sink, struct problem *p) {
    char *others = NULL;
    bool good = verify_problem(context, line, NULL, exact, seed, sink, &others, p);
    for (char *name = others; good && name && *name;) {
        char *end = name + strcspn(name, " ");
        char *next = end + strspn(end, " ");
        *end = '\0';
        if (strcmp(name, "reference") != 0)
            good = verify_problem(context, line, name, exact, seed, sink, NULL, p);
        name = next;
    }
    free(others);
    return good;
}

bool verify_self_test(fovea_context *context, bool exact, uint64_t seed, struct verify_sink *sink,
                      struct problem *p) {
    size_t total = 0;
    bool good = true;
    while (fovea_self_test_problem(total)) total++;
    for (size_t i = 0; i < total; i++) {
        const char *line = fovea_self_test_problem(i);
        sink->total = total;
        progress_show("self-test", i, total, line);
        struct problem one = {0};
        if (!verify_algorithms(context, line, exact, seed, sink, &one)) {
            /* One that cannot be verified does not hide the others; the first is reported. */
            if (good) *p = one;
            good = false;
        }
        if (!host_flush()) return true;
    }
    return good;
}
