/* Measuring a device: what fovea_context_measure finds out, and what is remembered of it. */
#include "plan/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

double measure_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void measure_add(struct meter *m, const char *group, const char *name, const char *unit,
                 double *samples, size_t count, bool is_rate, bool right) {
    fovea_measure line = {.right = right};
    qsort(samples, count, sizeof *samples, by_size);
    snprintf(line.group, sizeof line.group, "%s", group);
    snprintf(line.name, sizeof line.name, "%s", name);
    snprintf(line.unit, sizeof line.unit, "%s", unit);
    line.median = (samples[count / 2] + samples[(count - 1) / 2]) / 2;
    line.low = samples[count / 4];
    line.high = samples[(3 * count - 1) / 4];
    line.best = samples[is_rate ? count - 1 : 0];
    if (m->count < m->capacity) m->out[m->count] = line;
    m->count++;
}

fovea_status measure_build(struct opencl *cl, int width, const char *salt,
                           struct opencl_program **out) {
    char options[96], digits[16] = "";
    if (width > 1) snprintf(digits, sizeof digits, "%d", width);
    snprintf(options, sizeof options, "-DWIDTH=%d -DV=float%s%s%s", width, digits,
             salt ? " -DSALT=" : "", salt ? salt : "");
    struct opencl_source source = {"measure", options, NULL};
    fovea_status status;
    size_t compiled;
    char *log = NULL;
    TRY(opencl_build(cl, &source, 1, out, &status, &log, &compiled));
    if (status != FOVEA_OK) fail(status, "%s", log ? log : "a kernel did not build");
    mem_free(log);
    return status;
}

fovea_status measure_launch(struct opencl *cl, struct opencl_kernel *kernel, size_t global,
                            size_t local, double *seconds) {
    TRY(opencl_finish(cl));
    double start = measure_now();
    TRY(opencl_launch(kernel, 1, &global, &local, SIZE_MAX));
    TRY(opencl_finish(cl));
    *seconds = measure_now() - start;
    return FOVEA_OK;
}

/* ---- Launches ---- */

static fovea_status sample_launches(struct meter *m, struct opencl_kernel *kernel) {
    enum { ALONE = 201, MANY = 500 };
    struct opencl *cl = m->context->cl;
    static const size_t one = 1;
    double us[ALONE], seconds;
    TRY(measure_launch(cl, kernel, 1, 1, &seconds));
    for (int i = 0; i < ALONE; i++) {
        TRY(measure_launch(cl, kernel, 1, 1, &seconds));
        us[i] = 1e6 * seconds;
    }
    measure_add(m, "launch", "one, and waiting", "us", us, ALONE, false, true);
    for (int i = 0; i < MEASURE_SAMPLES; i++) {
        double start = measure_now();
        for (int k = 0; k < MANY; k++) TRY(opencl_launch(kernel, 1, &one, &one, SIZE_MAX));
        TRY(opencl_finish(cl));
        us[i] = 1e6 * (measure_now() - start) / MANY;
    }
    measure_add(m, "launch", "one of many in a row", "us", us, MEASURE_SAMPLES, false, true);
    m->launch_us = us[MEASURE_SAMPLES / 2]; /* sorted now */
    return FOVEA_OK;
}

static fovea_status measure_launches(struct meter *m) {
    struct opencl_program *program;
    struct opencl_kernel *kernel;
    TRY(measure_build(m->context->cl, 1, NULL, &program));
    TRY(opencl_kernel_create(&kernel, program, "measure_empty"));
    fovea_status status = sample_launches(m, kernel);
    opencl_kernel_destroy(kernel);
    return status;
}

/* ---- Transfers ---- */

enum transfer { WRITE, READ, MAP, TRANSFERS };

static fovea_status transfer_once(struct opencl_buffer *b, enum transfer how, char *data,
                                  size_t bytes) {
    if (how == WRITE) return opencl_buffer_write(b, 0, data, bytes);
    if (how == READ) return opencl_buffer_read(b, 0, data, bytes);
    return opencl_buffer_map(b, bytes, NULL, 0);
}

/* What was written comes back, both by reading and through a mapping. */
static fovea_status check_transfer(struct opencl_buffer *b, char *data, size_t bytes, bool *right) {
    char seen[2][64];
    size_t some = bytes < sizeof seen[0] ? bytes : sizeof seen[0];
    for (size_t i = 0; i < bytes; i++) data[i] = (char)(i * 7 + 1);
    TRY(opencl_buffer_write(b, 0, data, bytes));
    TRY(opencl_buffer_read(b, bytes - some, seen[0], some));
    TRY(opencl_buffer_map(b, bytes, seen[1], some));
    *right = !memcmp(seen[0], data + bytes - some, some) && !memcmp(seen[1], data, some);
    return FOVEA_OK;
}

static fovea_status measure_size(struct meter *m, struct opencl_buffer *b, char *data, size_t bytes,
                                 const char *size) {
    static const char *const names[TRANSFERS] = {"write", "read", "map and unmap"};
    bool right;
    TRY(check_transfer(b, data, bytes, &right));
    for (int how = 0; how < TRANSFERS; how++) {
        double values[MEASURE_SAMPLES];
        bool is_rate = bytes >= 1 << 20 && how != MAP;
        char name[40];
        for (int i = 0; i < MEASURE_SAMPLES; i++) {
            double start = measure_now();
            TRY(transfer_once(b, (enum transfer)how, data, bytes));
            double seconds = measure_now() - start;
            values[i] = is_rate ? 1e-9 * (double)bytes / seconds : 1e6 * seconds;
        }
        snprintf(name, sizeof name, "%s %s", names[how], size);
        measure_add(m, "transfer", name, is_rate ? "GB/s" : "us", values, MEASURE_SAMPLES, is_rate,
                    right);
    }
    return FOVEA_OK;
}

static fovea_status measure_transfers(struct meter *m) {
    enum { SMALL = 4096, LARGE = 32 << 20 };
    struct opencl_buffer *b;
    TRY(opencl_buffer_create(&b, m->context->cl, LARGE));
    char *data = mem_alloc(LARGE);
    fovea_status status = data ? FOVEA_OK : fail_memory(LARGE, "a transfer");
    if (status == FOVEA_OK) status = measure_size(m, b, data, SMALL, "4 KiB");
    if (status == FOVEA_OK) status = measure_size(m, b, data, LARGE, "32 MiB");
    mem_free(data);
    opencl_buffer_destroy(b);
    return status;
}

/* ---- Compiling ---- */

/* As a program would start: a new context, a program, its first launch. */
static fovea_status start_once(struct meter *m, struct store *store, const char *salt,
                               const char *how) {
    struct opencl *cl;
    struct opencl_program *program;
    struct opencl_kernel *kernel = NULL;
    double begin, build = 0, first = 0;
    TRY(opencl_open(&cl, m->context->info.id, false, store));
    begin = measure_now();
    fovea_status status = measure_build(cl, 4, salt, &program);
    build = 1e3 * (measure_now() - begin);
    if (status == FOVEA_OK) status = opencl_kernel_create(&kernel, program, "measure_empty");
    if (status == FOVEA_OK) status = measure_launch(cl, kernel, 1, 1, &first);
    if (status == FOVEA_OK) {
        char name[40];
        first *= 1e3;
        measure_add(m, "compile", how, "ms", &build, 1, false, true);
        snprintf(name, sizeof name, "%s, first launch", how);
        measure_add(m, "compile", name, "ms", &first, 1, false, true);
        opencl_remember(cl);
    }
    opencl_kernel_destroy(kernel);
    opencl_close(cl);
    return status;
}

/* In a store of its own, which goes afterwards; a program that no cache has seen. */
static fovea_status compile_twice(struct meter *m, const char *path) {
    char salt[32];
    snprintf(salt, sizeof salt, "%.0f", 1e9 * measure_now());
    for (int stored = 0; stored < 2; stored++) {
        struct store *store = store_open(path, NULL, NULL);
        fovea_status status =
            start_once(m, store, salt, stored ? "program in the store" : "new program");
        store_close(store);
        TRY(status);
    }
    return FOVEA_OK;
}

static void remove_store(const char *folder) {
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *file = mem_format("%s/store.db%s", folder, ends[i]);
        if (file) unlink(file);
        mem_free(file);
    }
    rmdir(folder);
}

static fovea_status measure_compiling(struct meter *m) {
    const char *tmp = getenv("TMPDIR");
    char *folder = mem_format("%s/fovea-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char *path = NULL;
    if (strcmp(m->context->info.id, "opencl:given") == 0 || !folder || !mkdtemp(folder)) {
        log_line("context",
                 "compiling is not measured: no folder, or a device of the caller's own");
        mem_free(folder);
        return FOVEA_OK;
    }
    path = mem_format("%s/store.db", folder);
    fovea_status status = path ? compile_twice(m, path) : fail_memory(256, "a path");
    remove_store(folder);
    mem_free(path);
    mem_free(folder);
    return status;
}

/* ---- All of it ---- */

fovea_status fovea_context_measure(fovea_context *context, fovea_measure *out, size_t capacity,
                                   size_t *count) {
    struct meter m = {.context = context, .out = out, .capacity = capacity};
    *count = 0;
    if (!context->cl)
        return fail(FOVEA_INVALID, "the CPU reference is no device to measure; name an OpenCL "
                                   "device");
    TRY(measure_peak(&m));
    TRY(measure_memory(&m));
    TRY(measure_launches(&m));
    TRY(measure_transfers(&m));
    TRY(measure_compiling(&m));
    opencl_remember(context->cl);
    *count = m.count < capacity ? m.count : capacity;
    if (!(m.flops > 0 && m.bytes_per_second > 0 && m.launch_us > 0)) return FOVEA_OK;
    return context_keep_roofs(context, m.flops, m.bytes_per_second, m.launch_us);
}
