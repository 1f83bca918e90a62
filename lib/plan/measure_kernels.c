/* How much arithmetic and memory traffic a device gets done: kernels of measure.cl, whose results are
 * known and checked. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/measure.h"

enum { CHAINS = 12, STEPS = 4 }; /* of measure_peak */
enum { MOST_COUNT = 1 << 15 };   /* some runtimes end a work-item's loop after 2^16 rounds */

/* How work is cut: on a device with local memory of its own, many neighbouring work-items, else a few
 * that each have a stretch. */
struct cut {
    size_t items, local;
};

static struct cut cut_for(const fovea_device_info *d, size_t least) {
    size_t units = d->compute_units ? d->compute_units : 1;
    if (!d->local_memory_is_real) {
        size_t items = 8 * units;
        return (struct cut){items < least ? least : items, 1};
    }
    size_t local = d->max_work_group_size < 256 ? d->max_work_group_size : 256;
    size_t items = 2048 * units > least ? 2048 * units : least;
    return (struct cut){(items + local - 1) / local * local, local};
}

/* ---- Arithmetic ---- */

struct peak {
    struct opencl *cl;
    struct opencl_kernel *kernel;
    struct opencl_buffer *y;
    struct cut cut;
    int width;
    int32_t rounds;
};

static fovea_status launch_peak(struct peak *p, double *seconds) {
    TRY(opencl_kernel_set(p->kernel, 0, &p->rounds, sizeof p->rounds));
    return measure_launch(p->cl, p->kernel, p->cut.items, p->cut.local, seconds);
}

/* Each chain a = a / 2 + 1 ends at 2 exactly, wherever it started. */
static fovea_status check_peak(const struct peak *p, bool *right) {
    size_t n = p->cut.items * (size_t)p->width;
    float *y = mem_array(n, sizeof *y);
    if (!y) return fail_memory(n * sizeof *y, "results of a measurement");
    fovea_status status = opencl_buffer_read(p->y, 0, y, n * sizeof *y);
    *right = status == FOVEA_OK;
    for (size_t i = 0; i < n && *right; i++) *right = y[i] == 2.0F * CHAINS;
    mem_free(y);
    return status;
}

static fovea_status sample_peak(struct meter *m, struct peak *p) {
    static const double enough = 0.005;
    double seconds = 0, rates[MEASURE_SAMPLES];
    bool right = false;
    p->rounds = 64;
    TRY(launch_peak(p, &seconds)); /* some runtimes compile now */
    TRY(launch_peak(p, &seconds));
    while (seconds < enough && p->rounds < MOST_COUNT) {
        p->rounds *= 2;
        TRY(launch_peak(p, &seconds));
    }
    double flops = 2.0 * CHAINS * STEPS * p->rounds * p->width * (double)p->cut.items;
    for (int i = 0; i < MEASURE_SAMPLES; i++) {
        TRY(launch_peak(p, &seconds));
        rates[i] = flops / seconds;
    }
    TRY(check_peak(p, &right));
    for (int i = 0; i < MEASURE_SAMPLES; i++) {
        if (right) m->flops = fmax(m->flops, rates[i]);
        rates[i] *= 1e-9;
    }
    char name[32];
    snprintf(name, sizeof name, "vectors of %d", p->width);
    measure_add(m, "peak", name, "GFLOP/s", rates, MEASURE_SAMPLES, true, right);
    return FOVEA_OK;
}

static fovea_status set_peak(struct peak *p) {
    static const float numbers[] = {1.5F, 0.5F, 1.0F}; /* start, b, c */
    static const uint64_t zero = 0;
    for (unsigned i = 0; i < 3; i++)
        TRY(opencl_kernel_set(p->kernel, 1 + i, &numbers[i], sizeof numbers[i]));
    TRY(opencl_kernel_set_buffer(p->kernel, 4, p->y));
    return opencl_kernel_set(p->kernel, 5, &zero, sizeof zero);
}

static fovea_status measure_width(struct meter *m, int width) {
    struct opencl *cl = m->context->cl;
    struct peak p = {.cl = cl, .width = width};
    struct opencl_program *program;
    p.cut = cut_for(&m->context->info, 64 * (size_t)m->context->info.compute_units);
    TRY(measure_build(cl, width, NULL, &program));
    TRY(opencl_kernel_create(&p.kernel, program, "measure_peak"));
    fovea_status status =
        opencl_buffer_create(&p.y, cl, p.cut.items * (size_t)width * sizeof(float));
    if (status == FOVEA_OK) status = set_peak(&p);
    if (status == FOVEA_OK) status = sample_peak(m, &p);
    opencl_buffer_destroy(p.y);
    opencl_kernel_destroy(p.kernel);
    return status;
}

fovea_status measure_peak(struct meter *m) {
    for (int width = 1; width <= 16; width *= 2) TRY(measure_width(m, width));
    return FOVEA_OK;
}

/* ---- Memory ---- */

enum pattern { READ, COPY, TRIAD, STRIDED, RANDOM, PATTERNS };
static const struct {
    const char *name, *function;
    double bytes;   /* of one element's use */
    int reads;      /* buffers before the result */
    bool is_vector; /* its elements are vectors, else single floats */
    float each;     /* the sum of an element, or what it becomes */
} patterns[PATTERNS] = {
    [READ] = {"read", "measure_read", 4, 1, true, 1},
    [COPY] = {"copy", "measure_copy", 8, 1, true, 1},
    [TRIAD] = {"triad", "measure_triad", 12, 2, true, 4},
    [STRIDED] = {"each 16th", "measure_strided", 4, 1, false, 1},
    [RANDOM] = {"at random", "measure_random", 4, 1, false, 1},
};
enum { LINE = 16, RANDOM_READS = 1 << 22 };

struct traffic {
    struct opencl *cl;
    struct opencl_program *program;
    struct opencl_buffer *memory[3];
    size_t floats; /* of each, a power of two */
    int width;
};

/* The launch of one pattern. */
struct pass {
    struct opencl_kernel *kernel;
    struct cut cut;
    int32_t ints[3]; /* count, jump, stride; or count, mask */
    int n_ints;
};

static void plan_pass(struct pass *pass, const struct traffic *t, enum pattern p,
                      const fovea_device_info *d) {
    size_t step = p == STRIDED ? LINE : 1, width = patterns[p].is_vector ? (size_t)t->width : 1;
    size_t elements = p == RANDOM ? RANDOM_READS : t->floats / width / step;
    pass->cut = cut_for(d, (elements + MOST_COUNT - 1) / MOST_COUNT);
    size_t count = elements / pass->cut.items / 4 * 4;
    pass->ints[0] = (int32_t)count;
    pass->n_ints = p == RANDOM ? 2 : 3;
    bool interleaved = d->local_memory_is_real;
    pass->ints[1] = (int32_t)(p == RANDOM ? t->floats - 1 : step * (interleaved ? 1 : count));
    pass->ints[2] = (int32_t)(step * (interleaved ? pass->cut.items : 1));
}

static fovea_status set_pass(struct pass *pass, const struct traffic *t, enum pattern p) {
    static const uint64_t zero = 0;
    unsigned at = 0;
    for (int i = 0; i < pass->n_ints; i++)
        TRY(opencl_kernel_set(pass->kernel, at++, &pass->ints[i], sizeof pass->ints[i]));
    for (int i = 0; i <= patterns[p].reads; i++) {
        int which = i == patterns[p].reads ? 2 : i;
        TRY(opencl_kernel_set_buffer(pass->kernel, at++, t->memory[which]));
        TRY(opencl_kernel_set(pass->kernel, at++, &zero, sizeof zero));
    }
    return FOVEA_OK;
}

/* Sums count the elements; what copy and triad made is looked at in the first and the last work-item. */
static fovea_status check_pass(const struct pass *pass, const struct traffic *t, enum pattern p,
                               bool *right) {
    size_t width = patterns[p].is_vector ? (size_t)t->width : 1, n = pass->cut.items * width;
    bool sums = p != COPY && p != TRIAD;
    float want = patterns[p].each * (sums ? (float)pass->ints[0] : 1);
    size_t used = pass->cut.items * (size_t)pass->ints[0] * width;
    float *y = mem_array(n, sizeof *y);
    if (!y) return fail_memory(n * sizeof *y, "results of a measurement");
    fovea_status status = FOVEA_OK;
    *right = pass->ints[0] > 0;
    for (int end = 0; end < (sums ? 1 : 2) && status == FOVEA_OK; end++) {
        size_t from = end ? (used - n) * sizeof *y : 0;
        status = opencl_buffer_read(t->memory[2], from, y, n * sizeof *y);
        for (size_t i = 0; i < n && *right && status == FOVEA_OK; i++) *right = y[i] == want;
    }
    mem_free(y);
    return status;
}

static fovea_status sample_pass(struct meter *m, struct traffic *t, struct pass *pass,
                                enum pattern p) {
    double seconds, rates[MEASURE_SAMPLES];
    bool right = false;
    size_t width = patterns[p].is_vector ? (size_t)t->width : 1;
    double bytes =
        patterns[p].bytes * (double)width * (double)pass->cut.items * (double)pass->ints[0];
    TRY(set_pass(pass, t, p));
    TRY(opencl_buffer_fill(t->memory[2], 0, 0, t->floats * sizeof(float)));
    TRY(measure_launch(t->cl, pass->kernel, pass->cut.items, pass->cut.local, &seconds));
    for (int i = 0; i < MEASURE_SAMPLES; i++) {
        TRY(measure_launch(t->cl, pass->kernel, pass->cut.items, pass->cut.local, &seconds));
        rates[i] = bytes / seconds;
    }
    TRY(check_pass(pass, t, p, &right));
    for (int i = 0; i < MEASURE_SAMPLES; i++) {
        if (right && patterns[p].is_vector)
            m->bytes_per_second = fmax(m->bytes_per_second, rates[i]);
        rates[i] *= 1e-9;
    }
    measure_add(m, "memory", patterns[p].name, "GB/s", rates, MEASURE_SAMPLES, true, right);
    return FOVEA_OK;
}

static fovea_status measure_patterns(struct meter *m, struct traffic *t) {
    const float one = 1;
    uint32_t bits;
    memcpy(&bits, &one, sizeof bits);
    for (int i = 0; i < 3; i++) {
        TRY(opencl_buffer_create(&t->memory[i], t->cl, t->floats * sizeof(float)));
        TRY(opencl_buffer_fill(t->memory[i], 0, bits, t->floats * sizeof(float)));
    }
    for (int p = 0; p < PATTERNS; p++) {
        struct pass pass = {0};
        plan_pass(&pass, t, (enum pattern)p, &m->context->info);
        TRY(opencl_kernel_create(&pass.kernel, t->program, patterns[p].function));
        fovea_status status = sample_pass(m, t, &pass, (enum pattern)p);
        opencl_kernel_destroy(pass.kernel);
        TRY(status);
    }
    return FOVEA_OK;
}

/* Beyond the caches, where the device has so much. */
static size_t choose_floats(const fovea_device_info *d) {
    size_t bytes = (size_t)(d->local_memory_is_real ? 512 : 128) << 20;
    while (bytes > 1 << 20 && (bytes > d->max_allocation_bytes / 2 || bytes > d->memory_bytes / 8))
        bytes /= 2;
    return bytes / sizeof(float);
}

fovea_status measure_memory(struct meter *m) {
    const fovea_device_info *d = &m->context->info;
    struct traffic t = {.cl = m->context->cl, .floats = choose_floats(d)};
    t.width = d->local_memory_is_real ? 4 : d->vector_width > 8 ? 16 : d->vector_width > 4 ? 8 : 4;
    TRY(measure_build(t.cl, t.width, NULL, &t.program));
    fovea_status status = measure_patterns(m, &t);
    for (int i = 0; i < 3; i++) opencl_buffer_destroy(t.memory[i]);
    return status;
}
