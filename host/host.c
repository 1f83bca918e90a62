/* Exit codes, problems, contexts, numbers for people. */
#include "host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int status_exit(fovea_status status) {
    switch (status) {
    case FOVEA_OK: return EXIT_GOOD;
    case FOVEA_INVALID:
    case FOVEA_UNSUPPORTED:
    case FOVEA_BAD_FILE: return EXIT_FILE;
    default: return EXIT_DEVICE;
    }
}

bool problem_set(struct problem *p, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    p->code = code;
    p->status = FOVEA_OK;
    vsnprintf(p->text, sizeof p->text, format, args);
    va_end(args);
    return false;
}

bool problem_check(struct problem *p, fovea_status status) {
    if (status == FOVEA_OK) return true;
    const char *sentence = fovea_error();
    problem_set(p, status_exit(status), "%s", *sentence ? sentence : fovea_status_name(status));
    p->status = status;
    return false;
}

bool problem_in(struct problem *p, const char *where) {
    char text[sizeof p->text];
    memcpy(text, p->text, sizeof text);
    size_t n = (size_t)snprintf(p->text, sizeof p->text, "%s: ", where);
    if (n < sizeof p->text) snprintf(p->text + n, sizeof p->text - n, "%.*s", 4000, text);
    return false;
}

int problem_report(const struct problem *p) {
    fflush(stdout);
    fprintf(stderr, "fovea: %s\n", p->text);
    return p->code;
}

void *host_alloc(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (p) return p;
    fprintf(stderr, "fovea: out of memory: %zu times %zu bytes\n", count, size);
    exit(EXIT_DEVICE);
}

char *host_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = host_alloc(n < 0 ? 1 : (size_t)n + 1, 1);
    va_start(args, format);
    if (n >= 0) vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

bool host_flush(void) {
    return fflush(stdout) == 0 && !ferror(stdout);
}

double host_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Prints each different sentence once: a long check meets the same device many times. */
static void warn(void *user, const char *sentence) {
    static struct text_list said;
    (void)user;
    for (size_t i = 0; i < said.count; i++)
        if (strcmp(said.text[i], sentence) == 0) return;
    text_list_add(&said, host_format("%s", sentence));
    fflush(stdout);
    fprintf(stderr, "fovea: warning: %s\n", sentence);
}

bool host_context(fovea_context **out, const char *device, bool profile, struct problem *p) {
    fovea_context_options options = {.profile = profile, .warn = warn};
    return problem_check(p, fovea_context_create(out, device, &options));
}

void host_shape(char *out, size_t size, const fovea_desc *desc, const char *const *names) {
    if (desc->rank <= 0) {
        snprintf(out, size, "%s", desc->rank == 0 ? "scalar" : "unknown");
        return;
    }
    size_t used = 0;
    for (int d = 0; d < desc->rank && used < size; d++) {
        const char *times = d ? "x" : "";
        bool named = names && names[d] && *names[d];
        int n = desc->dim[d] >= 0
                    ? snprintf(out + used, size - used, "%s%lld", times, (long long)desc->dim[d])
                : named ? snprintf(out + used, size - used, "%s<%s>", times, names[d])
                        : snprintf(out + used, size - used, "%s?", times);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* A number with three digits and the prefix of its size. */
static void scaled(char *out, size_t size, double x, double step, const char *const *units) {
    int k = 0;
    while (k < 4 && x >= 0.9995 * step) {
        x /= step;
        k++;
    }
    snprintf(out, size,
             x < 9.995 && k   ? "%.2f %s"
             : x < 99.95 && k ? "%.1f %s"
                              : "%.0f %s",
             x, units[k]);
}

void host_bytes(char *out, size_t size, double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    scaled(out, size, bytes, 1024, units);
}

void host_count(char *out, size_t size, double count) {
    static const char *const units[] = {"", "k", "M", "G", "T"};
    scaled(out, size, count, 1000, units);
    size_t n = strlen(out);
    if (n && out[n - 1] == ' ') out[n - 1] = '\0';
}
