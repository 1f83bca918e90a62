/* Tuning: what was measured decides the next plan; results travel as text; bad files take nothing; an
 * early end keeps what was done. On every usable OpenCL device. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define OK(call) ck_assert_msg((call) == FOVEA_OK, "%s", fovea_error())

static const char line[] = "Conv 1x16x9x9 16x16x3x3 16 pads=1,1,1,1";
static char folder[64], path[128];
static fovea_device_info devices[16];
static size_t n_devices;
static fovea_context *context;
static fovea_graph *graph;

static fovea_context *open_store(const char *device, const char *name) {
    char store[128];
    fovea_context *c;
    snprintf(store, sizeof store, "%s/%s.db", folder, name);
    fovea_context_options o = {.store_path = store};
    OK(fovea_context_create(&c, device, &o));
    return c;
}

static void setup(void) {
    snprintf(folder, sizeof folder, "/tmp/fovea_tuning_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/rows.txt", folder);
    OK(fovea_graph_from_problem(&graph, line));
}

static void teardown(void) {
    char command[128];
    fovea_graph_destroy(graph);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void write_text(const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert(fputs(text, file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
}

static char *read_text(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

/* The first two lines of a file for this device. */
static char *head_of(fovea_context *c) {
    OK(fovea_tuning_forget(c));
    OK(fovea_tuning_export(c, path, NULL));
    return read_text();
}

/* The step of the convolution in a fresh plan: its algorithm, and whether its options have `text`. */
static void expect_choice(fovea_context *c, const char *algorithm, const char *text) {
    fovea_plan *p;
    fovea_step_info s;
    OK(fovea_plan_create(&p, c, graph, NULL));
    size_t i = 0;
    do OK(fovea_plan_step(p, i++, &s));
    while (strcmp(s.op, "Conv") != 0);
    ck_assert_str_eq(s.algorithm, algorithm);
    ck_assert_msg(strstr(s.options, text) != NULL, "'%s' is not in '%s'", text, s.options);
    fovea_plan_destroy(p);
}

static void expect_count(fovea_context *c, size_t want) {
    char other[128];
    size_t rows;
    snprintf(other, sizeof other, "%s/count.txt", folder);
    OK(fovea_tuning_export(c, other, &rows));
    ck_assert_uint_eq(rows, want);
}

/* Whatever the estimates say, the row with the least time wins, with its values; in this context, in the
 * next with the same store, and until it is forgotten. */
static void check_rows_decide(const char *device) {
    static const char *const names[] = {"conv_direct", "conv_im2col_gemm", "conv_blocked"};
    size_t rows;
    context = open_store(device, "one");
    char *head = head_of(context), *text = NULL;
    for (size_t i = 0; i < 3; i++) {
        ck_assert(asprintf(&text,
                           "%s%g 1 conv_direct - %s\n%g 1 conv_im2col_gemm - %s\n"
                           "%g 2 conv_blocked P=3,Q=1 %s\n",
                           head, i == 0 ? 1e-9 : 1e-3, line, i == 1 ? 1e-9 : 1e-3, line,
                           i == 2 ? 1e-9 : 1e-3, line) > 0);
        write_text(text);
        free(text);
        OK(fovea_tuning_import(context, path, false, &rows));
        ck_assert_uint_eq(rows, 3);
        expect_choice(context, names[i], i == 2 ? "-DP=3 -DQ=1" : "");
    }
    fovea_context_destroy(context);
    context = open_store(device, "one");
    expect_choice(context, "conv_blocked", "-DP=3 -DQ=1");
    OK(fovea_tuning_forget(context));
    expect_count(context, 0);
    fovea_context_destroy(context);
    context = open_store(device, "one");
    expect_count(context, 0);
    fovea_context_destroy(context);
    free(head);
}

static void check_round_trip(const char *device) {
    fovea_tune_options o = {.level = FOVEA_TUNE_QUICK};
    size_t rows, again;
    context = open_store(device, "one");
    OK(fovea_tune(NULL, context, graph, NULL, &o));
    OK(fovea_tuning_export(context, path, &rows));
    ck_assert_uint_gt(rows, 0);
    char *first = read_text();
    fovea_context_destroy(context);
    context = open_store(device, "two");
    OK(fovea_tuning_import(context, path, false, &again));
    ck_assert_uint_eq(again, rows);
    OK(fovea_tuning_export(context, path, NULL));
    char *second = read_text();
    ck_assert_str_eq(first, second);
    fovea_context_destroy(context);
    free(first);
    free(second);
}

struct bad {
    const char *row, *says;
};
static const struct bad bads[] = {
    {"1e-5 1 conv_direct -\n", ":3: a row is"},
    {"\n", ":3: a row is"},
    {"fast 1 conv_direct - Relu 2x2\n", ":3: the seconds"},
    {"0 1 conv_direct - Relu 2x2\n", ":3: the seconds"},
    {"inf 1 conv_direct - Relu 2x2\n", ":3: the seconds"},
    {"1e-5 3 conv_direct - Relu 2x2\n", ":3: the level"},
    {"1e-5 1 conv_direct - Relu 2x2\n", "'conv_direct' is no algorithm of 'Relu 2x2'"},
    {"1e-5 1 conv_direct - Frob 2x2\n", ":3: "},
    {"1e-5 1 conv_blocked P=99 Conv 1x8x8x8 8x8x3x3\n", "'P=99' is no tuning of conv_blocked"},
    {"1e-5 1 conv_blocked P=3, Conv 1x8x8x8 8x8x3x3\n", "'P=3,' is no tuning"},
    {"1e-5 1 conv_blocked P=3,P=3 Conv 1x8x8x8 8x8x3x3\n", "is no tuning"},
    {"1e-5 1 conv_direct - Conv 1x8x8x8 8x8x3x3\nx\n", ":4: a row is"},
    {"1e-5 1 conv_direct - Conv 1x8x8x8 8x8x3x3", ":3: the line"},
};

static void expect_bad(const char *text, bool force, fovea_status status, const char *says) {
    size_t rows = 7;
    write_text(text);
    ck_assert_int_eq(fovea_tuning_import(context, path, force, &rows), status);
    ck_assert_msg(strstr(fovea_error(), says) != NULL, "'%s' does not say '%s'", fovea_error(),
                  says);
    ck_assert_uint_eq(rows, 0);
    expect_count(context, 0);
}

static void check_bad_files(const char *device) {
    static const char stranger[] =
        "fovea tuning 1\ndevice a|b|c|d|e\n1e-5 1 conv_direct - Conv 1x8x8x8 8x8x3x3\n";
    context = open_store(device, "one");
    char *head = head_of(context), *text;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        ck_assert(asprintf(&text, "%s%s", head, bads[i].row) > 0);
        expect_bad(text, false, FOVEA_BAD_FILE, bads[i].says);
        free(text);
    }
    expect_bad("", false, FOVEA_BAD_FILE, "no file of tuning results");
    expect_bad("fovea tuning 2\n", true, FOVEA_BAD_FILE, "no file of tuning results");
    expect_bad("fovea tuning 1\nrow\n", true, FOVEA_BAD_FILE, ":2: 'device'");
    expect_bad(stranger, false, FOVEA_INVALID, "was measured on 'a|b|c|d|e'");
    write_text(stranger);
    OK(fovea_tuning_import(context, path, true, NULL));
    expect_count(context, 1);
    ck_assert_int_eq(fovea_tuning_import(context, "/nowhere/at.txt", false, NULL), FOVEA_BAD_FILE);
    ck_assert_int_eq(fovea_tuning_export(context, "/nowhere/at.txt", NULL), FOVEA_BAD_FILE);
    fovea_context_destroy(context);
    free(head);
}

struct calls {
    size_t count, most;
    double worst_ms;
};

static bool on_progress(void *user, const fovea_tune_progress *p) {
    struct calls *calls = user;
    ck_assert_str_eq(p->problem, line);
    ck_assert(p->total >= 1 && p->total <= 2 && p->done < p->total);
    ck_assert_msg(p->ms > 0 || *p->reason, "%s has neither a time nor a reason", p->algorithm);
    return ++calls->count < calls->most;
}

static void tune(const fovea_tune_options *o, fovea_tune_info *info, fovea_tune_line *out,
                 char *after) {
    fovea_tune_result *r;
    OK(fovea_tune(&r, context, graph, NULL, o));
    fovea_tune_get_info(r, info);
    OK(fovea_tune_get_line(r, 0, out));
    snprintf(after, 64, "%s", out->after);
    ck_assert_str_eq(out->problem, line);
    ck_assert_int_eq(fovea_tune_get_line(r, 1, out), FOVEA_INVALID);
    OK(fovea_tune_get_line(r, 0, out));
    fovea_tune_result_destroy(r);
}

/* Stopped by the callback or the budget: nothing half done is kept. Then tuned, then known. */
static void check_ends(const char *device) {
    struct calls calls = {.most = 1};
    fovea_tune_options o = {.level = FOVEA_TUNE_FULL, .progress = on_progress, .user = &calls};
    fovea_tune_info info;
    fovea_tune_line l;
    char after[64];
    context = open_store(device, "one");
    tune(&o, &info, &l, after);
    ck_assert(info.stopped && info.candidates == 1 && calls.count == 1);
    ck_assert(info.tuned == 0 && info.problems == 1 && !l.tuned && l.after_ms < 0);
    expect_count(context, 0);

    calls = (struct calls){.most = 1000};
    o.seconds = 1e-6;
    tune(&o, &info, &l, after);
    ck_assert(info.stopped && info.candidates <= 1 && info.tuned == 0);
    expect_count(context, 0);

    o = (fovea_tune_options){
        .level = FOVEA_TUNE_QUICK, .progress = on_progress, .user = &calls, .seconds = 600};
    calls.count = 0;
    tune(&o, &info, &l, after);
    ck_assert(!info.stopped && info.tuned == 1 && info.candidates == calls.count);
    ck_assert(calls.count > 1 && info.wrong == 0 && l.tuned && l.before_ms > 0 && l.after_ms > 0);
    ck_assert(info.before_ms > 0 && info.after_ms > 0);
    expect_choice(context, after, "");
    tune(&o, &info, &l, after);
    ck_assert(info.known == 1 && info.tuned == 0 && info.candidates == 0);
    o.again = true;
    tune(&o, &info, &l, after);
    ck_assert(info.known == 0 && info.tuned == 1);
    fovea_context_destroy(context);
}

/* A plan that tunes says so. */
static void check_plan_tunes(const char *device) {
    fovea_tune_options o = {.level = FOVEA_TUNE_QUICK};
    fovea_plan_options how = {.tune = &o};
    fovea_plan_info info;
    fovea_plan *p;
    context = open_store(device, "one");
    OK(fovea_plan_create(&p, context, graph, &how));
    fovea_plan_get_info(p, &info);
    ck_assert(info.tune_ms > 0 && info.plan_ms > info.tune_ms);
    fovea_plan_destroy(p);
    OK(fovea_plan_create(&p, context, graph, NULL));
    fovea_plan_get_info(p, &info);
    ck_assert(info.tune_ms == 0);
    fovea_plan_destroy(p);
    fovea_context_destroy(context);
}

static void (*const checks[])(const char *) = {check_rows_decide, check_round_trip, check_bad_files,
                                               check_ends, check_plan_tunes};

START_TEST(on_every_device) {
    OK(fovea_device_list(devices, 16, &n_devices));
    for (size_t i = 0; i < n_devices && i < 16; i++)
        if (!*devices[i].problem && devices[i].type != FOVEA_DEVICE_REFERENCE)
            checks[_i](devices[i].id);
}
END_TEST

/* The reference has nothing to choose. */
START_TEST(the_reference_tunes_nothing) {
    fovea_tune_options o = {.level = FOVEA_TUNE_FULL};
    fovea_tune_result *r;
    fovea_tune_info info;
    context = open_store("reference", "one");
    OK(fovea_tune(&r, context, graph, NULL, &o));
    fovea_tune_get_info(r, &info);
    ck_assert(info.problems == 0 && info.candidates == 0 && !info.stopped);
    fovea_tune_result_destroy(r);
    fovea_context_destroy(context);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tuning");
    TCase *devices_case = tcase_create("tuning");
    tcase_add_checked_fixture(devices_case, setup, teardown);
    tcase_add_loop_test(devices_case, on_every_device, 0, sizeof checks / sizeof *checks);
    tcase_add_test(devices_case, the_reference_tunes_nothing);
    suite_add_tcase(suite, devices_case);
    return harness_main(suite);
}
