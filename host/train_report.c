/* The report of a training: one HTML file with its plots as SVG, which needs no other file, and a CSV. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

enum { WIDTH = 720, HEIGHT = 260, LEFT = 64, RIGHT = 16, TOP = 30, BOTTOM = 36, LAYERS = 25 };

/* One line of a plot: a number of each row. */
struct curve {
    const char *name, *colour;
    double (*of)(const struct train_row *);
};

static double loss_of(const struct train_row *r) {
    return r->loss;
}
static double test_loss_of(const struct train_row *r) {
    return r->test_loss;
}
static double accuracy_of(const struct train_row *r) {
    return 100 * r->accuracy;
}
static double test_accuracy_of(const struct train_row *r) {
    return 100 * r->test_accuracy;
}
static double rate_of(const struct train_row *r) {
    return r->rate;
}
static double speed_of(const struct train_row *r) {
    return r->images_per_second;
}

static void put_text(FILE *f, const char *text) {
    for (; *text; text++) {
        if (*text == '<') fputs("&lt;", f);
        else if (*text == '>') fputs("&gt;", f);
        else if (*text == '&') fputs("&amp;", f);
        else if (*text == '"') fputs("&quot;", f);
        else fputc(*text, f);
    }
}

/* ---- Plots ---- */

struct axis {
    double low, high, step;
};

/* Round numbers around a range: steps of 1, 2 or 5 times a power of ten. */
static struct axis axis_of(double low, double high) {
    if (!(high > low)) high = low + fmax(fabs(low), 1e-3);
    double raw = (high - low) / 5, power = pow(10, floor(log10(raw))), step = 10 * power;
    const double nice[] = {1, 2, 5};
    for (int i = 2; i >= 0; i--)
        if (nice[i] * power >= raw) step = nice[i] * power;
    return (struct axis){floor(low / step) * step, ceil(high / step) * step, step};
}

static double x_of(const struct train_session *s, size_t row) {
    double share = s->n_rows > 1 ? (double)row / (double)(s->n_rows - 1) : 0.5;
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct axis *a, double y) {
    return TOP + (a->high - y) / (a->high - a->low) * (HEIGHT - TOP - BOTTOM);
}

static void put_frame(FILE *f, const struct train_session *s, const struct axis *a) {
    for (double y = a->low; y <= a->high + a->step / 2; y += a->step)
        fprintf(f,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/><text x=\"%d\" "
                "y=\"%.1f\" class=\"left\">%.4g</text>\n",
                LEFT, WIDTH - RIGHT, y_of(a, y), y_of(a, y), LEFT - 6, y_of(a, y) + 4,
                fabs(y) < a->step / 1e6 ? 0 : y);
    size_t every = s->n_rows / 12 + 1;
    for (size_t i = 0; i < s->n_rows; i += every)
        fprintf(f, "<text x=\"%.1f\" y=\"%d\" class=\"below\">%lld</text>\n", x_of(s, i),
                HEIGHT - 18, (long long)s->rows[i].epoch);
    fprintf(f, "<text x=\"%d\" y=\"%d\" class=\"below\">epoch</text>\n", WIDTH / 2, HEIGHT - 4);
}

static void put_curve(FILE *f, const struct train_session *s, const struct axis *a,
                      const struct curve *c, size_t index) {
    fprintf(f, "<polyline class=\"curve\" stroke=\"%s\" points=\"", c->colour);
    for (size_t i = 0; i < s->n_rows; i++)
        fprintf(f, "%.1f,%.1f ", x_of(s, i), y_of(a, c->of(&s->rows[i])));
    fprintf(f, "\"/>\n");
    for (size_t i = 0; i < s->n_rows; i++)
        fprintf(f,
                "<circle r=\"2.5\" cx=\"%.1f\" cy=\"%.1f\" fill=\"%s\"><title>epoch %lld: %.6g"
                "</title></circle>\n",
                x_of(s, i), y_of(a, c->of(&s->rows[i])), c->colour, (long long)s->rows[i].epoch,
                c->of(&s->rows[i]));
    fprintf(
        f,
        "<rect x=\"%zu\" y=\"8\" width=\"10\" height=\"10\" fill=\"%s\"/><text x=\"%zu\" y=\"17\">"
        "%s</text>\n",
        LEFT + 110 * index, c->colour, LEFT + 14 + 110 * index, c->name);
}

static void put_plot(FILE *f, const struct train_session *s, const char *title,
                     const struct curve *curves, size_t n) {
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < s->n_rows; i++) {
            low = fmin(low, curves[k].of(&s->rows[i]));
            high = fmax(high, curves[k].of(&s->rows[i]));
        }
    struct axis a = axis_of(low, high);
    fprintf(f, "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by epoch\">\n",
            title, WIDTH, HEIGHT, title);
    put_frame(f, s, &a);
    for (size_t k = 0; k < n; k++) put_curve(f, s, &a, &curves[k], k);
    fprintf(f, "</svg>\n");
}

static void put_plots(FILE *f, const struct train_session *s) {
    const struct curve loss[] = {{"training", "#1b6ca8", loss_of},
                                 {s->test_split, "#c8553d", test_loss_of}};
    const struct curve accuracy[] = {{"training", "#1b6ca8", accuracy_of},
                                     {s->test_split, "#c8553d", test_accuracy_of}};
    const struct curve rate[] = {{"rate", "#5f7f3b", rate_of}};
    const struct curve speed[] = {{"images/s", "#7a4e9c", speed_of}};
    if (s->n_rows == 0) {
        fprintf(f, "<p>No epoch has ended yet.</p>\n");
        return;
    }
    put_plot(f, s, "Loss", loss, 2);
    put_plot(f, s, "Accuracy, %", accuracy, 2);
    put_plot(f, s, "Learning rate", rate, 1);
    put_plot(f, s, "Pictures a second", speed, 1);
}

/* ---- Time of each layer ---- */

static void put_layers(FILE *f, const struct layer *list, size_t count) {
    double all = 0;
    for (size_t i = 0; i < count; i++) all += list[i].ms;
    if (!(all > 0)) return;
    size_t shown = count < LAYERS ? count : LAYERS;
    fprintf(
        f,
        "<h2>Time of a step, by node</h2>\n<p>Each node by itself, %.3f ms in all; the %zu most "
        "expensive of %zu.</p>\n<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"time of "
        "each node\">\n",
        all, shown, count, WIDTH, 18 * shown + 8);
    for (size_t i = 0; i < shown; i++) {
        double share = list[i].ms / list[0].ms;
        fprintf(f,
                "<rect x=\"330\" y=\"%zu\" width=\"%.1f\" height=\"13\" fill=\"#1b6ca8\"/><text "
                "x=\"322\" y=\"%zu\" class=\"left\">",
                18 * i + 4, 1 + share * (WIDTH - 450), 18 * i + 15);
        put_text(f, list[i].info.node);
        fprintf(f, " (");
        put_text(f, list[i].info.algorithm);
        fprintf(f, ")</text><text x=\"%.1f\" y=\"%zu\">%.3f ms, %.1f %%</text>\n",
                336 + share * (WIDTH - 450), 18 * i + 15, list[i].ms, 100 * list[i].ms / all);
    }
    fprintf(f, "</svg>\n");
}

/* ---- Tables ---- */

static void put_head(FILE *f, const struct train_session *s) {
    fprintf(f,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Training of ");
    put_text(f, s->network);
    fprintf(f,
            "</title>\n<style>body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem "
            "auto;padding:0 1rem;color:#222}svg{width:100%%;height:auto;font:11px system-ui,"
            "sans-serif}.grid{stroke:#ddd}.curve{fill:none;stroke-width:1.8}.left{"
            "text-anchor:end}.below{text-anchor:middle}table{border-collapse:collapse;width:100%%}"
            "td,th{padding:.15rem .5rem;text-align:right;border-bottom:1px solid #ddd}"
            "</style></head><body>\n<h1>Training of ");
    put_text(f, s->network);
    fprintf(f, "</h1>\n<p>");
    put_text(f, s->options->data);
    fprintf(f, " on ");
    put_text(f, fovea_context_device(s->context)->name);
    fprintf(f, ": batch %lld, seed %lld, optimizer ", (long long)s->batch,
            (long long)s->options->seed);
    put_text(f, s->options->optimizer ? s->options->optimizer : s->defaults->optimizer);
    fprintf(f, ", %.0f s.", s->seconds);
    if (s->n_rows) fprintf(f, " Best %s accuracy %.2f %%.", s->test_split, 100 * s->best);
    fprintf(f, "</p>\n");
}

static void put_rows(FILE *f, const struct train_session *s) {
    fprintf(f,
            "<h2>Epochs</h2>\n<table><tr><th>epoch</th><th>rate</th><th>loss</th><th>accuracy</th>"
            "<th>%s loss</th><th>%s accuracy</th><th>images/s</th></tr>\n",
            s->test_split, s->test_split);
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct train_row *r = &s->rows[i];
        fprintf(f,
                "<tr><td>%lld</td><td>%.4g</td><td>%.5f</td><td>%.2f %%</td><td>%.5f</td><td>%.2f "
                "%%</td><td>%.0f</td></tr>\n",
                (long long)r->epoch, r->rate, r->loss, 100 * r->accuracy, r->test_loss,
                100 * r->test_accuracy, r->images_per_second);
    }
    fprintf(f, "</table>\n</body></html>\n");
}

static void put_csv(FILE *f, const struct train_session *s) {
    fprintf(f,
            "epoch,updates,rate,loss,accuracy,test_loss,test_accuracy,images_per_second,seconds\n");
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct train_row *r = &s->rows[i];
        fprintf(f, "%lld,%lld,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", (long long)r->epoch,
                (long long)r->updates, r->rate, r->loss, r->accuracy, r->test_loss,
                r->test_accuracy, r->images_per_second, r->seconds);
    }
}

/* ---- Files ---- */

static FILE *create(const char *path, struct problem *p) {
    FILE *f = fopen(path, "w");
    if (!f) problem_set(p, EXIT_FILE, "%s cannot be created: %s", path, strerror(errno));
    return f;
}

static bool finish(FILE *f, const char *path, struct problem *p) {
    bool failed = ferror(f) != 0;
    if (fclose(f) == 0 && !failed) return true;
    return problem_set(p, EXIT_FILE, "%s cannot be written: %s", path, strerror(errno));
}

static bool write_csv(const struct train_session *s, const char *html, struct problem *p) {
    size_t n = strlen(html);
    bool ends = n > 5 && strcmp(html + n - 5, ".html") == 0;
    char *path = host_format("%.*s.csv", (int)(ends ? n - 5 : n), html);
    FILE *f = create(path, p);
    if (f) put_csv(f, s);
    bool good = f && finish(f, path, p);
    free(path);
    return good;
}

bool train_report_write(struct train_session *s, const char *path, struct problem *p) {
    struct layer *layers = NULL;
    size_t count = 0;
    bool good = write_csv(s, path, p) && train_layers(s, &layers, &count, p);
    FILE *f = good ? create(path, p) : NULL;
    if (f) {
        put_head(f, s);
        put_plots(f, s);
        put_layers(f, layers, count);
        put_rows(f, s);
    }
    good = f && finish(f, path, p);
    free(layers);
    return good;
}
