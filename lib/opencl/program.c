/* Programs: a kernel is found in the context, else loaded from the store, else compiled.
 *
 * Kernels that must be compiled are put together into bundles, one for each thread that may compile,
 * since a runtime's fixed cost of a build is large. A bundle that does not compile is halved until the
 * broken member stands alone and is named. In the store a bundle's binary lies under a key of its own,
 * and under the key of each member lies the name of its bundle, so that any plan finds any member.
 *
 * All reading and writing of files and of the store happens in the caller's thread; the threads only
 * call OpenCL. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/threads.h"
#include "opencl/internal.h"
#include "opencl/team.h"
#include "store/store.h"

/* A kernel on its way. */
struct job {
    struct opencl_program *program;
    char *source; /* as it stands in a bundle, or alone */
    bool alone;   /* cannot be bundled */
    fovea_status status;
    char *log; /* the sentence if it failed */
};

/* Jobs that one thread builds, and what became of them. */
struct lot {
    struct opencl *cl;
    struct job **jobs;
    size_t count, capacity, weight;
    struct bundle **bundles;
    size_t n_bundles, bundles_capacity;
};

static void bundle_free(struct bundle *b) {
    if (!b) return;
    if (b->program) clReleaseProgram(b->program);
    mem_free(b->key);
    mem_free(b);
}

static void program_free(struct opencl_program *p) {
    if (!p) return;
    mem_free(p->stem);
    mem_free(p->options);
    mem_free(p->function);
    mem_free(p->key);
    mem_free(p);
}

void programs_free(struct opencl *cl) {
    for (size_t i = 0; i < cl->n_programs; i++) program_free(cl->programs[i]);
    for (size_t i = 0; i < cl->n_bundles; i++) bundle_free(cl->bundles[i]);
    mem_free(cl->programs);
    mem_free(cl->bundles);
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_source(const struct opencl_source *a, const struct opencl_source *b) {
    return same_text(a->stem, b->stem) && same_text(a->options, b->options) &&
           same_text(a->function, b->function);
}

static struct opencl_program *find(const struct opencl *cl, const struct opencl_source *source) {
    for (size_t i = 0; i < cl->n_programs; i++) {
        struct opencl_program *p = cl->programs[i];
        if (same_source(&(struct opencl_source){p->stem, p->options, p->function}, source))
            return p;
    }
    return NULL;
}

static fovea_status job_fail(struct job *job, fovea_status status) {
    job->status = status;
    if (!job->log) job->log = mem_string(fovea_error());
    return status;
}

/* ---- Before the threads: sources and binaries ---- */

static fovea_status prepare(struct opencl *cl, const struct opencl_source *source,
                            struct job *job) {
    struct opencl_program *p = job->program = mem_zero(1, sizeof *p);
    char *text = NULL;
    if (!p) return fail_memory(sizeof *p, "a program");
    p->cl = cl;
    p->stem = mem_string(source->stem);
    p->options = mem_string(source->options);
    p->function = mem_string(source->function);
    if (!p->stem || !p->options || (source->function && !p->function))
        return fail_memory(strlen(source->options), "build options");
    TRY(source_read(&text, p->stem));
    uint64_t hash = hash_string(hash_string(HASH_START, text), p->options);
    hash = hash_string(hash, p->function ? p->function : "");
    snprintf(p->suffix, sizeof p->suffix, "_x%016" PRIx64, hash);
    p->key = mem_format("%s|%s|%s|%s", cl->key, p->stem, p->suffix, p->options);
    fovea_status status = p->key ? FOVEA_OK : fail_memory(strlen(cl->key), "a program's key");
    if (status == FOVEA_OK)
        status = member_write(&job->source, text, p->options, p->function, p->suffix);
    job->alone = !job->source;
    p->subgroups = strstr(p->options, "-DSUBGROUPS=1") != NULL;
    if (job->alone) {
        job->source = text;
        p->suffix[0] = 0;
    } else {
        mem_free(text);
    }
    return status;
}

/* "-cl-std=CL1.2 -w -DKH=3": no more than is needed. -w, since some runtimes print their warnings on
 * the standard error of the program that uses them. */
static cl_int build(struct opencl *cl, cl_program program, const struct job *job) {
    const char *more = job->alone ? job->program->options : "", *language = "CL1.2";
    if (job->program->subgroups)
        language = strncmp(cl->info.version, "OpenCL 2.", 9) == 0 ? "CL2.0" : "CL3.0";
    char *options = mem_format("-cl-std=%s -w %s", language, more);
    if (!options) return CL_OUT_OF_HOST_MEMORY;
    cl_int code = clBuildProgram(program, 1, &cl->target, options, NULL, NULL);
    mem_free(options);
    return code;
}

static struct bundle *bundle_create(cl_program program, char *key) {
    struct bundle *b = key ? mem_zero(1, sizeof *b) : NULL;
    if (b) *b = (struct bundle){program, key, false, false};
    else mem_free(key);
    if (!b && program) clReleaseProgram(program);
    return b;
}

static cl_program load_binary(struct opencl *cl, const void *data, size_t bytes,
                              const struct job *job) {
    const unsigned char *binary = data;
    cl_int code, loaded = CL_SUCCESS;
    cl_program program =
        clCreateProgramWithBinary(cl->context, 1, &cl->target, &bytes, &binary, &loaded, &code);
    if (code == CL_SUCCESS && loaded == CL_SUCCESS && build(cl, program, job) == CL_SUCCESS)
        return program;
    if (program) clReleaseProgram(program);
    return NULL;
}

/* The job's bundle, of that key, from the context or else from the store; NULL if neither has it. */
static struct bundle *find_bundle(struct opencl *cl, const char *key, const struct job *job) {
    for (size_t i = 0; i < cl->n_bundles; i++)
        if (!strcmp(cl->bundles[i]->key, key)) return cl->bundles[i];
    void *binary;
    size_t bytes;
    store_binary_get(cl->store, key, &binary, &bytes);
    if (!binary) return NULL;
    cl_program program = load_binary(cl, binary, bytes, job);
    mem_free(binary);
    if (!program) {
        log_line("build", "the stored binary does not load: '%s'", key);
        store_binary_delete(cl->store, key);
        return NULL;
    }
    struct bundle *b = bundle_create(program, mem_string(key));
    struct bundle **slot =
        b ? mem_push(&cl->bundles, &cl->n_bundles, &cl->bundles_capacity, sizeof *slot) : NULL;
    if (!slot) {
        bundle_free(b);
        return NULL;
    }
    b->stored = true;
    return *slot = b;
}

/* Takes the kernel from the store if that has it. */
static void look_up(struct opencl *cl, struct job *job) {
    struct opencl_program *p = job->program;
    void *name;
    size_t bytes;
    store_binary_get(cl->store, p->key, &name, &bytes);
    char *key = name ? mem_format("%.*s", (int)bytes, (const char *)name) : NULL;
    mem_free(name);
    if (key) p->bundle = find_bundle(cl, key, job);
    mem_free(key);
    p->from_store = p->bundle != NULL;
}

/* ---- In the threads: OpenCL ---- */

static char *build_log(const struct opencl *cl, cl_program program) {
    size_t bytes = 0;
    clGetProgramBuildInfo(program, cl->target, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = bytes > 1 ? mem_zero(bytes + 1, 1) : NULL;
    if (log) clGetProgramBuildInfo(program, cl->target, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    return log;
}

static fovea_status fail_build(const struct opencl_program *p, cl_program program, cl_int code) {
    char *log = build_log(p->cl, program);
    fovea_status status =
        fail(FOVEA_BUILD_ERROR,
             "kernel file %s.cl does not compile for device '%s' (%s (%d), options '%s'): %s",
             p->stem, p->cl->info.name, opencl_error_name(code), (int)code, p->options,
             log ? log : "the compiler gives no log");
    mem_free(log);
    return status;
}

/* The key of a bundle: of the device, and of all members. */
static char *bundle_key(const struct opencl *cl, struct job *const *jobs, size_t count) {
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < count; i++) hash = hash_string(hash, jobs[i]->program->key);
    return mem_format("%s|bundle of %zu|%016" PRIx64, cl->key, count, hash);
}

/* Compiles the jobs as one program. FOVEA_BUILD_ERROR speaks of the first of them. */
static fovea_status compile(struct lot *lot, struct job **jobs, size_t count) {
    struct opencl *cl = lot->cl;
    struct text text = {0};
    if (cl->team) text_add(&text, "%s", TEAM_PRELUDE);
    for (size_t i = 0; i < count; i++) text_add(&text, "%s", jobs[i]->source);
    char *source = text_take(&text);
    if (!source) return fail_memory(text.length, "the source of a program");
    cl_int code;
    cl_program program =
        clCreateProgramWithSource(cl->context, 1, &(const char *){source}, NULL, &code);
    mem_free(source);
    TRY_CL(cl, code, "clCreateProgramWithSource");
    code = build(cl, program, jobs[0]);
    if (code != CL_SUCCESS) {
        fovea_status status = code == CL_OUT_OF_HOST_MEMORY
                                  ? opencl_fail(cl, code, "clBuildProgram")
                                  : fail_build(jobs[0]->program, program, code);
        clReleaseProgram(program);
        return status;
    }
    struct bundle *b = bundle_create(program, bundle_key(cl, jobs, count));
    struct bundle **slot =
        b ? mem_push(&lot->bundles, &lot->n_bundles, &lot->bundles_capacity, sizeof *slot) : NULL;
    if (!slot) {
        bundle_free(b);
        return fail_memory(sizeof *b, "a program");
    }
    *slot = b;
    for (size_t i = 0; i < count; i++) jobs[i]->program->bundle = b;
    return FOVEA_OK;
}

/* Compiles, and halves where that fails. The depth is the logarithm of the count. */
static void compile_or_halve(struct lot *lot, struct job **jobs, size_t count) {
    fovea_status status = compile(lot, jobs, count);
    if (status == FOVEA_OK) return;
    if (status == FOVEA_BUILD_ERROR && count > 1) {
        log_line("build", "%zu kernels do not compile together: halved", count);
        compile_or_halve(lot, jobs, count / 2);
        compile_or_halve(lot, jobs + count / 2, count - count / 2);
        return;
    }
    for (size_t i = 0; i < count; i++) job_fail(jobs[i], status);
}

static void run_lots(void *data, size_t begin, size_t end) {
    struct lot *lots = data;
    for (size_t i = begin; i < end; i++)
        if (lots[i].count) compile_or_halve(&lots[i], lots[i].jobs, lots[i].count);
}

/* ---- Lots ---- */

static bool lot_add(struct lot *lot, struct job *job) {
    struct job **slot = mem_push(&lot->jobs, &lot->count, &lot->capacity, sizeof *slot);
    if (!slot) return false;
    *slot = job;
    lot->weight += strlen(job->source);
    return true;
}

static bool is_missing(const struct job *job) {
    return job->status == FOVEA_OK && !job->program->bundle;
}

/* Deals the missing kernels out: each to the lightest of `width` lots; or those in another OpenCL C, which has
 * subgroups, to the lot behind them; or to one of its own behind that. */
static fovea_status deal(struct opencl *cl, struct job *jobs, size_t n, struct lot *lots,
                         size_t width, size_t *n_lots) {
    *n_lots = width + 1;
    for (size_t i = 0; i < n; i++) {
        if (!is_missing(&jobs[i])) continue;
        struct lot *lot = &lots[0];
        for (size_t k = 1; k < width; k++)
            if (lots[k].weight < lot->weight) lot = &lots[k];
        if (jobs[i].program->subgroups) lot = &lots[width];
        if (jobs[i].alone) lot = &lots[(*n_lots)++];
        lot->cl = cl;
        if (!lot_add(lot, &jobs[i])) return fail_memory(sizeof *jobs, "programs to build");
    }
    return FOVEA_OK;
}

/* Gives the lot's bundles to the context. */
static void gather(struct opencl *cl, struct lot *lot) {
    for (size_t i = 0; i < lot->n_bundles; i++) {
        struct bundle *b = lot->bundles[i];
        struct bundle **slot =
            mem_push(&cl->bundles, &cl->n_bundles, &cl->bundles_capacity, sizeof *slot);
        b->stored = !cl->store;
        if (slot) *slot = b;
        for (size_t k = 0; !slot && k < lot->count; k++) {
            if (lot->jobs[k]->program->bundle != b) continue;
            lot->jobs[k]->program->bundle = NULL;
            job_fail(lot->jobs[k], fail_memory(sizeof *slot, "the list of programs"));
        }
        if (!slot) bundle_free(b);
    }
}

static void compile_missing(struct opencl *cl, struct job *jobs, size_t n) {
    size_t width = cl->quirks.serial_build ? 1 : parallel_width(), n_lots = 0;
    struct lot *lots = mem_zero(width + 1 + n, sizeof *lots);
    fovea_status status =
        lots ? deal(cl, jobs, n, lots, width, &n_lots) : fail_memory(n, "programs to build");
    if (status == FOVEA_OK && cl->quirks.serial_build) run_lots(lots, 0, n_lots);
    else if (status == FOVEA_OK) parallel_for(n_lots, 1, run_lots, lots);
    for (size_t i = 0; lots && i < width + 1 + n; i++) {
        gather(cl, &lots[i]);
        mem_free(lots[i].bundles);
        mem_free(lots[i].jobs);
    }
    mem_free(lots);
    for (size_t i = 0; status != FOVEA_OK && i < n; i++)
        if (is_missing(&jobs[i])) job_fail(&jobs[i], status);
}

/* ---- The whole way ---- */

/* Makes a job for each source that the context does not have, each only once; job_of[i] is then its
 * number, or SIZE_MAX. */
static size_t collect(struct opencl *cl, const struct opencl_source *sources, size_t count,
                      struct job *jobs, size_t *job_of) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        job_of[i] = SIZE_MAX;
        if (find(cl, &sources[i])) continue;
        for (size_t k = 0; k < i && job_of[i] == SIZE_MAX; k++)
            if (job_of[k] != SIZE_MAX && same_source(&sources[k], &sources[i]))
                job_of[i] = job_of[k];
        if (job_of[i] != SIZE_MAX) continue;
        struct job *job = &jobs[job_of[i] = n++];
        fovea_status status = prepare(cl, &sources[i], job);
        if (status != FOVEA_OK) job_fail(job, status);
        else if (cl->store) look_up(cl, job);
    }
    return n;
}

/* Gives the program to the context, or frees it if it failed. */
static void finish(struct opencl *cl, struct job *job) {
    struct opencl_program **slot = NULL;
    if (job->status == FOVEA_OK) {
        slot = mem_push(&cl->programs, &cl->n_programs, &cl->programs_capacity, sizeof *slot);
        if (!slot) job_fail(job, fail_memory(sizeof *slot, "the list of programs"));
    }
    if (slot) {
        struct opencl_program *p = *slot = job->program;
        log_line("build", "%s%s%s '%s' %s", p->stem, p->function ? ": " : "",
                 p->function ? p->function : "", p->options,
                 p->from_store ? "from the store" : "compiled");
    } else {
        program_free(job->program);
        job->program = NULL;
    }
}

static void report(struct opencl *cl, const struct opencl_source *sources, size_t count,
                   const struct job *jobs, const size_t *job_of, struct opencl_program **out,
                   fovea_status *statuses, char **logs) {
    for (size_t i = 0; i < count; i++) {
        const struct job *job = job_of[i] == SIZE_MAX ? NULL : &jobs[job_of[i]];
        statuses[i] = job ? job->status : FOVEA_OK;
        out[i] = job ? job->program : find(cl, &sources[i]);
        logs[i] = job && job->status != FOVEA_OK ? mem_string(job->log) : NULL;
    }
}

fovea_status opencl_build(struct opencl *cl, const struct opencl_source *sources, size_t count,
                          struct opencl_program **out, fovea_status *statuses, char **logs,
                          size_t *compiled) {
    *compiled = 0;
    for (size_t i = 0; i < count; i++) out[i] = NULL, logs[i] = NULL, statuses[i] = FOVEA_NO_MEMORY;
    struct job *jobs = mem_zero(count ? count : 1, sizeof *jobs);
    size_t *job_of = mem_array(count, sizeof *job_of), n = 0, missing = 0;
    if (!jobs || !job_of) {
        mem_free(jobs);
        mem_free(job_of);
        return fail_memory(count * sizeof *jobs, "the list of programs to build");
    }
    n = collect(cl, sources, count, jobs, job_of);
    for (size_t i = 0; i < n; i++) missing += is_missing(&jobs[i]);
    if (missing) compile_missing(cl, jobs, n);
    for (size_t i = 0; i < n; i++) {
        bool fresh = jobs[i].status == FOVEA_OK && !jobs[i].program->from_store;
        *compiled += fresh;
        finish(cl, &jobs[i]);
    }
    report(cl, sources, count, jobs, job_of, out, statuses, logs);
    for (size_t i = 0; i < n; i++) {
        mem_free(jobs[i].source);
        mem_free(jobs[i].log);
    }
    mem_free(jobs);
    mem_free(job_of);
    return FOVEA_OK;
}
