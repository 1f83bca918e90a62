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

/* What speaks of the layer alone. */
static const struct bench_timing *own_time(const struct bench_row *r) {
    return r->step.runs ? &r->step : &r->time;
}

/* 0 to 1 (above it where caches beat the memory's roof); 0: not timed, or the roof is unknown. */
static double roof_share(const struct bench_row *r, const fovea_device_info *d) {
    const struct bench_timing *t = own_time(r);
    return t->runs && t->median > 0 ? bench_roof_ms(d, r->flops, r->bytes) / t->median : 0;
}

static void add_roof(struct table *table, const struct bench_row *r, const fovea_device_info *d) {
    double share = roof_share(r, d);
    if (share > 0)
        table_cell(table, "%.0f %% %s", 100 * share, bench_roof_name(d, r->flops, r->bytes));
    else table_cell(table, "-");
}

void bench_print_table(const struct bench_rows *rows, const fovea_device_info *d) {
    struct table t;
    bool nodes = rows->count && rows->row[0].node;
    table_begin(&t, nodes ? "node|op|algorithm|>median ms|>q1|>q3|>best|>GFLOP/s|>GB/s|>of the "
                            "roof|verdict"
                          : "problem|op|algorithm|>median ms|>q1|>q3|>best|>step ms|>best|"
                            ">GFLOP/s|>GB/s|>of the roof|verdict");
    for (size_t i = 0; i < rows->count; i++) {
        const struct bench_row *r = &rows->row[i];
        table_cell(&t, "%.72s", r->node ? r->node : r->problem);
        table_cell(&t, "%s", r->op);
        table_cell(&t, "%s%s", r->algorithm, r->node || r->chosen ? "" : " (not chosen)");
        add_timing(&t, &r->time);
        if (!nodes) table_cell(&t, "%.4g", r->step.median);
        if (!nodes) table_cell(&t, "%.4g", r->step.best);
        table_cell(&t, r->time.runs ? "%.2f" : "-", rate(r->flops, own_time(r)));
        table_cell(&t, r->time.runs ? "%.2f" : "-", rate(r->bytes, own_time(r)));
        add_roof(&t, r, d);
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
    printf("node,problem,op,algorithm,chosen,runs,median_ms,q1_ms,q3_ms,best_ms,"
           "step_median_ms,step_best_ms,gflops,gbytes_per_second,roof,roof_share,verdict\n");
}

static void csv_numbers(const struct bench_row *r, const fovea_device_info *d) {
    const double values[] = {r->time.median, r->time.q1,     r->time.q3,
                             r->time.best,   r->step.median, r->step.best};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (r->time.runs && values[i] > 0) printf("%.6g,", values[i]);
        else putchar(',');
    if (r->time.runs)
        printf("%.6g,%.6g,%s,%.4g,", rate(r->flops, own_time(r)), rate(r->bytes, own_time(r)),
               bench_roof_name(d, r->flops, r->bytes), roof_share(r, d));
    else printf(",,,,");
}

void bench_print_csv(const struct bench_rows *rows, const fovea_device_info *d) {
    for (size_t i = 0; i < rows->count; i++) {
        const struct bench_row *r = &rows->row[i];
        csv_text(r->node ? r->node : "");
        csv_text(r->problem);
        csv_text(r->op);
        csv_text(r->algorithm);
        printf("%s,%zu,", r->chosen ? "yes" : "no", r->time.runs);
        csv_numbers(r, d);
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

void bench_print_json(const struct bench_rows *rows, const char *key, const fovea_device_info *d) {
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
        if (r->step.runs) {
            json_number("step_median_ms", r->step.median);
            json_number("step_best_ms", r->step.best);
        }
        json_number("flops", r->flops);
        json_number("bytes", r->bytes);
        json_number("gflops", rate(r->flops, own_time(r)));
        json_number("gbytes_per_second", rate(r->bytes, own_time(r)));
        json_text("roof", bench_roof_name(d, r->flops, r->bytes));
        json_number("roof_share", roof_share(r, d));
        json_text("verdict", r->verdict);
        json_close();
    }
    json_close();
}
