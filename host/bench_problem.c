/* fovea bench --problem and --file: single operators, with one algorithm or with each. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "bench.h"
#include "json.h"
#include "model.h"
#include "progress.h"

static const double default_seconds = 0.3;
enum { MOST_FILE_BYTES = 1 << 24 };

/* One problem on its way to a plan. */
struct task {
    const char *line;
    fovea_graph *graph;
    fovea_value_info *inputs; /* those fed at run time first */
    size_t n_inputs, n_fed;
    fovea_array *constants; /* of the inputs from n_fed on */
    fovea_binding *bindings;
};

/* In a model the further operands of these are weights, which a plan packs once. */
static bool has_weights(const char *line) {
    static const char *const ops[] = {"Conv",   "ConvTranspose",      "Gemm",
                                      "MatMul", "BatchNormalization", "PRelu"};
    size_t length = strcspn(line, " ");
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strlen(ops[i]) == length && memcmp(ops[i], line, length) == 0) return true;
    return false;
}

static bool is_weight(const struct task *t, size_t i, const struct text_list *names) {
    if (names->count == 0) return i > 0 && has_weights(t->line);
    for (size_t k = 0; k < names->count; k++)
        if (strcmp(names->text[k], t->inputs[i].name) == 0) return true;
    return false;
}

static bool check_constants(const struct task *t, const struct text_list *names,
                            struct problem *p) {
    for (size_t k = 0; k < names->count; k++) {
        bool found = false;
        for (size_t i = 0; i < t->n_inputs; i++)
            found = found || strcmp(names->text[k], t->inputs[i].name) == 0;
        if (!found)
            return problem_set(p, EXIT_USAGE, "--constant %s: there is no such input",
                               names->text[k]);
    }
    return true;
}

/* Those fed at run time move to the front. */
static void part_inputs(struct task *t, const struct text_list *names) {
    fovea_value_info *parted = host_alloc(t->n_inputs, sizeof *parted);
    size_t n = 0;
    for (int weights = 0; weights < 2; weights++) {
        for (size_t i = 0; i < t->n_inputs; i++)
            if (is_weight(t, i, names) == weights) parted[n++] = t->inputs[i];
        if (!weights) t->n_fed = n;
    }
    free(t->inputs);
    t->inputs = parted;
}

static bool make_constants(struct task *t, uint64_t seed, struct problem *p) {
    size_t n = t->n_inputs - t->n_fed;
    t->constants = host_alloc(n, sizeof *t->constants);
    t->bindings = host_alloc(n, sizeof *t->bindings);
    for (size_t i = 0; i < n; i++) {
        const fovea_value_info *v = &t->inputs[t->n_fed + i];
        if (!array_create(&t->constants[i], &v->desc, p)) return false;
        bench_random(&t->constants[i], seed + t->n_fed + i);
        t->bindings[i] = (fovea_binding){v->name, v->desc, t->constants[i].data};
    }
    return true;
}

static bool open_task(struct task *t, const char *line, const struct bench_options *o,
                      struct problem *p) {
    *t = (struct task){.line = line};
    if (!problem_check(p, fovea_graph_from_problem(&t->graph, line)) ||
        !model_inputs(t->graph, &t->inputs, &t->n_inputs, p) ||
        !check_constants(t, &o->constants, p))
        return false;
    part_inputs(t, &o->constants);
    return make_constants(t, (uint64_t)o->seed, p);
}

static void close_task(struct task *t) {
    for (size_t i = 0; t->constants && i + t->n_fed < t->n_inputs; i++)
        array_free(&t->constants[i]);
    free(t->constants);
    free(t->bindings);
    free(t->inputs);
    fovea_graph_destroy(t->graph);
}

static bool make_plan(const struct task *t, fovea_context *context, const char *algorithm,
                      bool guard, fovea_plan **out, struct problem *p) {
    fovea_plan_options how = {.bindings = t->bindings,
                              .n_bindings = t->n_inputs - t->n_fed,
                              .algorithm = algorithm,
                              .guard = guard,
                              .whole = true};
    return problem_check(p, fovea_plan_create(out, context, t->graph, &how));
}

/* The step that does the work: the others convert layouts. */
static bool main_step(const struct task *t, const fovea_plan *plan, size_t *at,
                      fovea_step_info *out, struct problem *p) {
    size_t length = strcspn(t->line, " ");
    for (*at = 0; fovea_plan_step(plan, *at, out) == FOVEA_OK; ++*at)
        if (strlen(out->op) == length && memcmp(out->op, t->line, length) == 0) return true;
    return problem_check(p, fovea_plan_step(plan, *at = 0, out));
}

/* One algorithm (NULL: the chosen one) becomes one row; *accepted, if wanted, the names of all. */
static bool bench_one(fovea_context *context, const struct task *t, const struct bench_options *o,
                      const char *algorithm, bool chosen, struct bench_rows *rows, char **accepted,
                      struct problem *p) {
    fovea_plan *plan = NULL, *guarded = NULL;
    fovea_step_info step;
    struct bench_timing time, own = {0};
    double first;
    size_t at;
    uint64_t seed = (uint64_t)o->seed;
    bool good = make_plan(t, context, algorithm, false, &plan, p) &&
                main_step(t, plan, &at, &step, p) &&
                bench_fill(plan, t->inputs, t->n_fed, seed, p) &&
                bench_run_once(context, plan, &first, p) &&
                bench_time(context, plan, o, default_seconds, &time, p) &&
                bench_time_step(plan, at, o, default_seconds, &own, p);
    if (good) {
        struct bench_row *r = bench_add(rows, NULL, t->line, &step);
        r->chosen = chosen;
        r->time = time;
        r->step = own;
        if (accepted) *accepted = host_format("%s", step.accepted ? step.accepted : "");
        if (!o->no_verify)
            good = make_plan(t, context, r->algorithm, true, &guarded, p) &&
                   bench_verify(guarded, seed, rows, &r->verdict, p);
    }
    fovea_plan_destroy(guarded);
    fovea_plan_destroy(plan);
    return good;
}

/* Each algorithm of `names` but the one that is there already; the reference is no algorithm of a
 * device. */
static bool bench_others(fovea_context *context, const struct task *t,
                         const struct bench_options *o, char *names, struct bench_rows *rows,
                         struct problem *p) {
    bool good = true;
    size_t first = rows->count - 1;
    for (char *name = names; good && *name;) {
        char *end = name + strcspn(name, " ");
        char *next = end + strspn(end, " ");
        *end = '\0';
        if (strcmp(name, rows->row[first].algorithm) != 0 && strcmp(name, "reference") != 0)
            good = bench_one(context, t, o, name, false, rows, NULL, p);
        name = next;
    }
    return good;
}

/* A short look: the least of a few times of the step; *step belongs to the plan, which is the caller's. */
static bool pilot(fovea_context *context, const struct task *t, const struct bench_options *o,
                  const char *algorithm, fovea_plan **plan, fovea_step_info *step, double *least,
                  struct problem *p) {
    enum { LOOKS = 3 };
    double ms;
    size_t at;
    *least = HUGE_VAL;
    if (!make_plan(t, context, algorithm, false, plan, p) || !main_step(t, *plan, &at, step, p) ||
        !bench_fill(*plan, t->inputs, t->n_fed, (uint64_t)o->seed, p) ||
        !bench_run_once(context, *plan, &ms, p))
        return false;
    for (int i = 0; i < LOOKS; i++) {
        if (!problem_check(p, fovea_plan_time_step(*plan, at, 1, &ms))) return false;
        *least = fmin(*least, ms);
    }
    return true;
}

/* The algorithm whose step is fastest, whatever conversions of layout it needs around it: in a network
 * its neighbours have the same layout. *chosen: it is what the library takes for the problem alone. */
static bool find_fastest(fovea_context *context, const struct task *t,
                         const struct bench_options *o, char **fastest, bool *chosen,
                         struct problem *p) {
    fovea_plan *plan = NULL, *other = NULL;
    fovea_step_info step, another;
    double best, ms;
    bool good = pilot(context, t, o, NULL, &plan, &step, &best, p);
    char *names = host_format("%s", good && step.accepted ? step.accepted : ""), *next = names;
    *fastest = host_format("%s", good ? step.algorithm : "");
    for (char *name; good && (name = strtok_r(next, " ", &next));) {
        struct problem ignored = {0};
        if (strcmp(name, step.algorithm) == 0 || strcmp(name, "reference") == 0) continue;
        if (pilot(context, t, o, name, &other, &another, &ms, &ignored) && ms < best) {
            best = ms;
            free(*fastest);
            *fastest = host_format("%s", name);
        }
        fovea_plan_destroy(other);
        other = NULL;
    }
    *chosen = good && strcmp(*fastest, step.algorithm) == 0;
    free(names);
    fovea_plan_destroy(plan);
    return good;
}

static bool bench_fastest(fovea_context *context, const struct task *t,
                          const struct bench_options *o, struct bench_rows *rows,
                          struct problem *p) {
    char *name = NULL;
    bool chosen = false;
    bool good = find_fastest(context, t, o, &name, &chosen, p) &&
                bench_one(context, t, o, name, chosen, rows, NULL, p);
    free(name);
    return good;
}

static bool bench_line(fovea_context *context, const struct bench_options *o, const char *line,
                       struct bench_rows *rows, struct problem *p) {
    struct task t;
    char *accepted = NULL;
    bool good = open_task(&t, line, o, p) &&
                (o->fastest ? bench_fastest(context, &t, o, rows, p)
                            : bench_one(context, &t, o, o->algorithm, true, rows, &accepted, p));
    if (good && o->all_algorithms) good = bench_others(context, &t, o, accepted, rows, p);
    free(accepted);
    close_task(&t);
    return good || problem_in(p, line);
}

/* ---- Lines ---- */

/* Cuts the comment and the blanks around; the copy belongs to the list. */
static void add_line(struct text_list *out, const char *text, size_t length) {
    const char *comment = memchr(text, '#', length);
    if (comment) length = (size_t)(comment - text);
    while (length && strchr(" \t\r", *text)) {
        text++;
        length--;
    }
    while (length && strchr(" \t\r", text[length - 1])) length--;
    if (length) text_list_add(out, host_format("%.*s", (int)length, text));
}

static bool read_lines(struct text_list *out, const char *path, struct problem *p) {
    unsigned char *data = NULL;
    size_t size, before = out->count;
    if (!file_read(&data, &size, path, MOST_FILE_BYTES, p)) return false;
    const char *text = (const char *)data;
    for (size_t at = 0; at < size; at++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        if (memchr(text + at, '\0', length)) break;
        add_line(out, text + at, length);
        at += length;
    }
    bool good = !memchr(text, '\0', size);
    free(data);
    if (!good) return problem_set(p, EXIT_FILE, "%s: is no file of problem lines", path);
    if (out->count > before) return true;
    return problem_set(p, EXIT_FILE, "%s: holds no problem line", path);
}

static bool gather_lines(struct text_list *out, const struct text_list *lines, const char *family,
                         struct problem *p) {
    for (size_t i = 0; i < lines->count; i++) {
        size_t before = out->count;
        add_line(out, lines->text[i], strlen(lines->text[i]));
        if (out->count == before)
            return problem_set(p, EXIT_USAGE, "a line of --problem or --shape is empty");
        if (family && !bench_family_has(family, out->text[before]))
            return problem_set(p, EXIT_USAGE, "'%.60s' is no line of %s, which are: %s",
                               out->text[before], family, bench_family_ops(family));
    }
    return true;
}

/* Of a file, the lines of the family. */
static bool gather_files(struct text_list *out, const struct text_list *files, const char *family,
                         struct problem *p) {
    size_t kept = out->count;
    for (size_t i = 0; i < files->count; i++)
        if (!read_lines(out, files->text[i], p)) return false;
    for (size_t i = kept; i < out->count; i++)
        if (!family || bench_family_has(family, out->text[i])) out->text[kept++] = out->text[i];
        else free((void *)(uintptr_t)out->text[i]);
    out->count = kept;
    if (kept) return true;
    return problem_set(p, EXIT_FILE, "%s: holds no line of %s", files->text[0], family);
}

/* ---- All of them ---- */

/* A line that fails does not hide the others; the first failure is reported. */
static bool bench_lines(fovea_context *context, const struct bench_options *o,
                        const struct text_list *lines, struct bench_rows *rows, struct problem *p) {
    bool good = true;
    for (size_t i = 0; i < lines->count; i++) {
        struct problem one = {0};
        progress_show("bench", i, lines->count, lines->text[i]);
        if (bench_line(context, o, lines->text[i], rows, &one)) continue;
        if (good) *p = one;
        good = false;
    }
    progress_end();
    return good;
}

static void print_rows(const struct common *common, const struct bench_options *o,
                       const fovea_device_info *d, const struct bench_rows *rows,
                       const char *error) {
    if (o->csv) {
        bench_print_csv_head();
        bench_print_csv(rows, d);
    } else if (common->json) {
        json_object(NULL);
        json_text("device", d->id);
        json_text("device_name", d->name);
        bench_json_roof(d);
        bench_print_json(rows, "rows", d);
        if (error) json_text("error", error);
        json_close();
    } else if (rows->count) {
        bench_print_table(rows, d);
        printf("device   %s (%s)\n", d->id, d->name);
        bench_print_roof(d);
    }
}

int bench_problems(const struct common *common, const struct bench_options *o,
                   const struct text_list *lines, const struct text_list *files) {
    struct problem p = {0};
    struct text_list all = {0};
    struct bench_rows rows = {0};
    fovea_context *context = NULL;
    bool good = gather_lines(&all, lines, o->family, &p) &&
                gather_files(&all, files, o->family, &p) &&
                host_context(&context, common->device, false, &p);
    if (good) {
        good = bench_lines(context, o, &all, &rows, &p);
        print_rows(common, o, fovea_context_device(context), &rows, good ? NULL : p.text);
    }
    int code = good ? EXIT_GOOD : problem_report(&p);
    for (size_t i = 0; i < rows.count; i++)
        if (rows.row[i].verdict[0] == 'w') code = EXIT_WRONG;
    for (size_t i = 0; i < all.count; i++) free((void *)(uintptr_t)all.text[i]);
    text_list_free(&all);
    bench_rows_free(&rows);
    fovea_context_destroy(context);
    return code;
}
