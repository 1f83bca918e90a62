/* fovea bench device: the roofs of a device, and what launches, transfers and compiling cost. */
#include "bench.h"
#include "json.h"
#include "table.h"

enum { MOST_LINES = 64 };

static const char *verdict(const fovea_measure *line) {
    return line->right ? "right" : "wrong";
}

static void print_text(const fovea_device_info *d, const fovea_measure *lines, size_t count) {
    struct table t;
    table_begin(&t, "group|what|>median|>low|>high|>best|unit|verdict");
    for (size_t i = 0; i < count; i++) {
        const fovea_measure *line = &lines[i];
        table_cell(&t, "%s", line->group);
        table_cell(&t, "%s", line->name);
        table_cell(&t, "%.4g", line->median);
        table_cell(&t, "%.4g", line->low);
        table_cell(&t, "%.4g", line->high);
        table_cell(&t, "%.4g", line->best);
        table_cell(&t, "%s", line->unit);
        table_cell(&t, "%s", bench_verdict_text(verdict(line)));
    }
    table_print(&t);
    printf("device   %s (%s)\n", d->id, d->name);
    bench_print_roof(d);
}

static void print_csv(const fovea_measure *lines, size_t count) {
    printf("group,name,unit,median,low,high,best,verdict\n");
    for (size_t i = 0; i < count; i++)
        printf("%s,\"%s\",%s,%.6g,%.6g,%.6g,%.6g,%s\n", lines[i].group, lines[i].name,
               lines[i].unit, lines[i].median, lines[i].low, lines[i].high, lines[i].best,
               verdict(&lines[i]));
}

static void print_json(const fovea_device_info *d, const fovea_measure *lines, size_t count) {
    json_object(NULL);
    json_text("device", d->id);
    json_text("device_name", d->name);
    bench_json_roof(d);
    json_array("lines");
    for (size_t i = 0; i < count; i++) {
        json_object(NULL);
        json_text("group", lines[i].group);
        json_text("name", lines[i].name);
        json_text("unit", lines[i].unit);
        json_number("median", lines[i].median);
        json_number("low", lines[i].low);
        json_number("high", lines[i].high);
        json_number("best", lines[i].best);
        json_text("verdict", verdict(&lines[i]));
        json_close();
    }
    json_close();
    json_close();
}

static bool check_device(const fovea_context *context, struct problem *p) {
    if (fovea_context_device(context)->type != FOVEA_DEVICE_REFERENCE) return true;
    return problem_set(p, EXIT_USAGE, "the reference is no device to measure; see 'fovea devices'");
}

int bench_device(const struct common *common, const struct bench_options *o) {
    struct problem p = {0};
    fovea_context *context = NULL;
    fovea_measure lines[MOST_LINES];
    size_t count = 0;
    if (common->json && o->csv) {
        problem_set(&p, EXIT_USAGE, "either --json or --csv, not both");
        return problem_report(&p);
    }
    bool good = host_context(&context, common->device, false, &p) && check_device(context, &p) &&
                problem_check(&p, fovea_context_measure(context, lines, MOST_LINES, &count));
    const fovea_device_info *d = good ? fovea_context_device(context) : NULL;
    if (good && common->json) print_json(d, lines, count);
    else if (good && o->csv) print_csv(lines, count);
    else if (good) print_text(d, lines, count);
    int code = good ? EXIT_GOOD : problem_report(&p);
    for (size_t i = 0; i < count; i++)
        if (!lines[i].right) code = EXIT_WRONG;
    fovea_context_destroy(context);
    return code;
}
