/* Every algorithm of every operator against the reference, over tables of problem lines:
 *     test_algorithms DEVICE FILE...
 * Each line runs with each algorithm that accepts it, on random numbers within derived bounds and on
 * small integers to the last bit, into poisoned and guarded memory. Exit code 77: no such device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fovea.h"

enum { STEPS_MAX = 16 };
static size_t passed, failed;

static void complain(const char *line, const char *algorithm, const char *what) {
    failed++;
    printf("FAILED %s [%s]: %s\n", line, algorithm ? algorithm : "any", what);
}

static void describe(const char *line, const fovea_verdict *v, bool exact) {
    char text[512];
    snprintf(text, sizeof text,
             "%s%s: output %zu element %lld is %.9g, expected %.9g, error %.3g, bound %.3g (%s)",
             exact ? "integers: " : "", v->reason, v->output, (long long)v->index, v->got,
             v->expected, v->error, v->bound, v->options);
    complain(line, v->algorithm, text);
}

/* Verifies one algorithm (NULL: the plan's own choice) on one problem. False if nothing can run. */
/* The verdict on the operator of the line: a plan may add steps that move its values. A wrong step comes
 * first, whichever it is. NULL if there is none. */
static const fovea_verdict *find_verdict(const fovea_verdict *v, size_t count, const char *line) {
    const fovea_verdict *found = NULL;
    size_t length = strcspn(line, " ");
    for (size_t i = 0; i < count; i++) {
        if (!v[i].right) return &v[i];
        if (strlen(v[i].op) == length && strncmp(v[i].op, line, length) == 0) found = &v[i];
    }
    return found;
}

static void verify(fovea_context *c, const fovea_graph *g, const char *line, const char *algorithm,
                   bool exact) {
    fovea_plan *plan;
    fovea_plan_options o = {.algorithm = algorithm, .no_rewrite = true, .guard = true};
    fovea_verify_options v = {.fill = true, .seed = 7, .exact = exact};
    fovea_verdict verdicts[STEPS_MAX];
    size_t count, wrong;
    if (fovea_plan_create(&plan, c, g, &o) != FOVEA_OK) {
        complain(line, algorithm, fovea_error());
        return;
    }
    const fovea_verdict *verdict = NULL;
    if (fovea_plan_verify(plan, &v, verdicts, STEPS_MAX, &count, &wrong) != FOVEA_OK)
        complain(line, algorithm, fovea_error());
    else if (count > STEPS_MAX || !(verdict = find_verdict(verdicts, count, line)))
        complain(line, algorithm, "the plan has no step for it, or too many");
    else if (!verdict->right) describe(line, verdict, exact);
    else if (algorithm && strcmp(verdict->algorithm, algorithm) != 0)
        complain(line, algorithm, "another algorithm was used");
    else passed++;
    fovea_plan_destroy(plan);
}

/* The names of the algorithms that accept the problem, separated by spaces; "" for the reference. */
static bool accepted(fovea_context *c, const fovea_graph *g, const char *line, char *out,
                     size_t size) {
    fovea_plan *plan;
    fovea_plan_options o = {.no_rewrite = true, .unchecked = true};
    fovea_step_info step;
    if (fovea_plan_create(&plan, c, g, &o) != FOVEA_OK) {
        complain(line, NULL, fovea_error());
        return false;
    }
    size_t i = 0;
    while (fovea_plan_step(plan, i, &step) == FOVEA_OK &&
           (strncmp(step.op, line, strlen(step.op)) != 0 || line[strlen(step.op)] != ' '))
        i++;
    snprintf(out, size, "%s", step.accepted);
    fovea_plan_destroy(plan);
    return true;
}

static void run_line(fovea_context *c, const char *line) {
    fovea_graph *g;
    char names[1024], *save = NULL;
    if (fovea_graph_from_problem(&g, line) != FOVEA_OK) {
        complain(line, NULL, fovea_error());
        return;
    }
    if (accepted(c, g, line, names, sizeof names)) {
        if (!*names) verify(c, g, line, NULL, false);
        for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
            verify(c, g, line, name, false);
            verify(c, g, line, name, true);
        }
    }
    fovea_graph_destroy(g);
}

static void run_file(fovea_context *c, const char *path) {
    char line[4096];
    FILE *file = fopen(path, "r");
    if (!file) {
        complain(path, NULL, "cannot be opened");
        return;
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "#\n")] = 0;
        if (line[strspn(line, " \t")]) run_line(c, line);
    }
    fclose(file);
}

static void warn(void *user, const char *sentence) {
    (void)user;
    printf("warning: %s\n", sentence);
}

int main(int argc, char **argv) {
    fovea_context *c;
    fovea_context_options o = {.warn = warn};
    if (argc < 3) return 2;
    if (fovea_context_create(&c, argv[1], &o) != FOVEA_OK) {
        printf("skipped: %s\n", fovea_error());
        return 77;
    }
    printf("device: %s\n", fovea_context_device(c)->name);
    for (int i = 2; i < argc; i++) run_file(c, argv[i]);
    fovea_context_destroy(c);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || !passed;
}
