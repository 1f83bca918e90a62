/* Rows of measurements: as a table, as CSV, as JSON. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "json.h"
#include "table.h"

static char *copy(const char *text) {
    return host_format("%s", text ? text : "");
}

struct bench_row *bench_add(struct bench_rows *rows, const char *node, const char *problem,
                            const fovea_step_info *step) {
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : 32;
        struct bench_row *grown = host_alloc(capacity, sizeof *grown);
        if (rows->count) memcpy(grown, rows->row, rows->count * sizeof *grown);
        free(rows->row);
        rows->row = grown;
        rows->capacity = capacity;
    }
    struct bench_row *r = &rows->row[rows->count++];
    *r = (struct bench_row){.node = node ? copy(node) : NULL,
                            .problem = copy(problem),
                            .op = copy(step->op),
                            .algorithm = copy(step->algorithm),
                            .flops = step->flops,
                            .bytes = step->bytes,
                            .verdict = "not verified"};
    return r;
}

void bench_rows_free(struct bench_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->row[i].node);
        free(rows->row[i].problem);
        free(rows->row[i].op);
        free(rows->row[i].algorithm);
    }
    free(rows->row);
    *rows = (struct bench_rows){0};
}

const char *bench_verdict_text(const char *verdict) {
    return strcmp(verdict, "wrong") == 0 ? "WRONG" : verdict;
}

/* 1e9 a second */
static double rate(double amount, const struct bench_timing *t) {
    return t->runs && t->median > 0 ? amount / t->median * 1e-6 : 0;
}

static void add_timing(struct table *table, const struct bench_timing *t) {
    const double values[] = {t->median, t->q1, t->q3, t->best};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (t->runs) table_cell(table, "%.4g", values[i]);
        else table_cell(table, "-");
}

void bench_print_table(const struct bench_rows *rows) {
    struct table t;
    bool nodes = rows->count && rows->row[0].node;
    table_begin(&t, nodes ? "node|op|algorithm|>median ms|>q1|>q3|>best|>GFLOP/s|>GB/s|verdict"
                          : "problem|op|algorithm|>median ms|>q1|>q3|>best|>GFLOP/s|>GB/s|verdict");
    for (size_t i = 0; i < rows->count; i++) {
        const struct bench_row *r = &rows->row[i];
        table_cell(&t, "%.72s", r->node ? r->node : r->problem);
        table_cell(&t, "%s", r->op);
        table_cell(&t, "%s%s", r->algorithm, r->node || r->chosen ? "" : " (not chosen)");
        add_timing(&t, &r->time);
        table_cell(&t, r->time.runs ? "%.2f" : "-", rate(r->flops, &r->time));
        table_cell(&t, r->time.runs ? "%.2f" : "-", rate(r->bytes, &r->time));
        /* A step that launches nothing is neither timed nor verified by itself. */
        table_cell(&t, "%s", r->time.runs ? bench_verdict_text(r->verdict) : "-");
    }
    table_print(&t);
}

static void csv_text(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    fputs("\",", stdout);
}

void bench_print_csv_head(void) {
    printf("node,problem,op,algorithm,chosen,runs,median_ms,q1_ms,q3_ms,best_ms,gflops,"
           "gbytes_per_second,verdict\n");
}

void bench_print_csv(const struct bench_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        const struct bench_row *r = &rows->row[i];
        csv_text(r->node ? r->node : "");
        csv_text(r->problem);
        csv_text(r->op);
        csv_text(r->algorithm);
        printf("%s,%zu,", r->chosen ? "yes" : "no", r->time.runs);
        if (r->time.runs)
            printf("%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,", r->time.median, r->time.q1, r->time.q3,
                   r->time.best, rate(r->flops, &r->time), rate(r->bytes, &r->time));
        else printf(",,,,,,");
        printf("%s\n", r->verdict);
    }
}

void bench_json_timing(const struct bench_timing *t) {
    static const char *const keys[] = {"median_ms", "q1_ms", "q3_ms", "best_ms"};
    const double values[] = {t->median, t->q1, t->q3, t->best};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (t->runs) json_number(keys[i], values[i]);
        else json_text(keys[i], NULL);
    json_integer("runs", (int64_t)t->runs);
}

void bench_print_json(const struct bench_rows *rows, const char *key) {
    json_array(key);
    for (size_t i = 0; i < rows->count; i++) {
        const struct bench_row *r = &rows->row[i];
        json_object(NULL);
        if (r->node) json_text("node", r->node);
        json_text("problem", r->problem);
        json_text("op", r->op);
        json_text("algorithm", r->algorithm);
        if (!r->node) json_bool("chosen", r->chosen);
        bench_json_timing(&r->time);
        json_number("gflops", rate(r->flops, &r->time));
        json_number("gbytes_per_second", rate(r->bytes, &r->time));
        json_text("verdict", r->verdict);
        json_close();
    }
    json_close();
}
