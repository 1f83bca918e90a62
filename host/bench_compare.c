/* fovea bench compare: two files of `fovea bench --json`, line by line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "json.h"
#include "table.h"

struct tally {
    size_t common, faster, slower, same, wrong;
    double sum_of_logs;
};

static void free_lines(struct bench_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) free(lines->line[i].key);
    free(lines->line);
}

/* The n-th line of that key, since a node's name may repeat. */
static const struct bench_line *find(const struct bench_lines *lines, const char *key, size_t nth) {
    for (size_t i = 0; i < lines->count; i++)
        if (strcmp(lines->line[i].key, key) == 0 && nth-- == 0) return &lines->line[i];
    return NULL;
}

static size_t number_among(const struct bench_lines *lines, size_t at) {
    size_t n = 0;
    for (size_t i = 0; i < at; i++) n += strcmp(lines->line[i].key, lines->line[at].key) == 0;
    return n;
}

static const char *judge(const struct bench_line *a, const struct bench_line *b,
                         struct tally *tally) {
    tally->common++;
    tally->sum_of_logs += log(b->median / a->median);
    if (a->wrong || b->wrong) {
        tally->wrong++;
        return b->wrong ? "WRONG in B" : "WRONG in A";
    }
    if (b->q3 < a->q1) return tally->faster++, "faster";
    if (b->q1 > a->q3) return tally->slower++, "slower";
    return tally->same++, "same";
}

static void print_line(struct table *t, const struct bench_line *a, const struct bench_line *b,
                       const char *verdict) {
    double low = b->q1 / a->q3, high = b->q3 / a->q1;
    if (t) {
        table_cell(t, "%.72s", a->key);
        table_cell(t, "%.4g", a->median);
        table_cell(t, "%.4g", b->median);
        table_cell(t, "%.3f", b->median / a->median);
        table_cell(t, "%.3f to %.3f", low, high);
        table_cell(t, "%s", verdict);
        return;
    }
    json_object(NULL);
    json_text("line", a->key);
    json_number("a_ms", a->median);
    json_number("b_ms", b->median);
    json_number("ratio", b->median / a->median);
    json_number("ratio_low", low);
    json_number("ratio_high", high);
    json_text("verdict", verdict);
    json_close();
}

static struct tally compare_lines(const struct bench_lines *a, const struct bench_lines *b,
                                  struct table *t) {
    struct tally tally = {0};
    for (size_t i = 0; i < a->count; i++) {
        const struct bench_line *other = find(b, a->line[i].key, number_among(a, i));
        if (other) print_line(t, &a->line[i], other, judge(&a->line[i], other, &tally));
    }
    return tally;
}

static void print_comparison(const struct common *common, const struct bench_lines *a,
                             const struct bench_lines *b, struct tally *tally) {
    struct table t;
    if (common->json) {
        json_object(NULL);
        json_array("lines");
    } else {
        table_begin(&t, "line|>A ms|>B ms|>B/A|>spread|verdict");
    }
    *tally = compare_lines(a, b, common->json ? NULL : &t);
    double mean = tally->common ? exp(tally->sum_of_logs / (double)tally->common) : 0;
    if (common->json) {
        json_close();
        json_integer("faster", (int64_t)tally->faster);
        json_integer("slower", (int64_t)tally->slower);
        json_integer("same", (int64_t)tally->same);
        json_integer("wrong", (int64_t)tally->wrong);
        json_number("geometric_mean", mean);
        json_integer("only_a", (int64_t)(a->count - tally->common));
        json_integer("only_b", (int64_t)(b->count - tally->common));
        json_close();
        return;
    }
    table_print(&t);
    printf(
        "%zu lines: %zu faster, %zu slower, %zu the same, %zu wrong; geometric mean of B/A %.3f; "
        "%zu only in A, %zu only in B\n",
        tally->common, tally->faster, tally->slower, tally->same, tally->wrong, mean,
        a->count - tally->common, b->count - tally->common);
}

int bench_compare(const struct common *common, const char *path_a, const char *path_b) {
    struct problem p = {0};
    struct bench_lines a = {0}, b = {0};
    struct tally tally = {0};
    bool good = bench_read(&a, path_a, &p) && bench_read(&b, path_b, &p);
    bool meet = false;
    for (size_t i = 0; good && !meet && i < a.count; i++) meet = find(&b, a.line[i].key, 0) != NULL;
    if (good && !meet)
        good = problem_set(&p, EXIT_FILE, "%s and %s have no line in common", path_a, path_b);
    if (good) print_comparison(common, &a, &b, &tally);
    free_lines(&a);
    free_lines(&b);
    return !good ? problem_report(&p) : tally.wrong ? EXIT_WRONG : EXIT_GOOD;
}
