/* Programs: found in the context, else loaded from the store, else compiled; in parallel.
 *
 * All reading and writing of files and of the store happens in the caller's thread; the threads only
 * call OpenCL. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/threads.h"
#include "opencl/internal.h"
#include "store/store.h"

/* One program on its way. */
struct job {
    struct opencl_program *program;
    void *binary; /* of the store; NULL: none */
    size_t binary_bytes;
    bool bad_binary; /* the store's did not load */
    fovea_status status;
    char *log; /* the sentence if it failed */
};

void program_destroy(struct opencl_program *p) {
    if (!p) return;
    if (p->program) clReleaseProgram(p->program);
    mem_free(p->stem);
    mem_free(p->options);
    mem_free(p->source);
    mem_free(p->key);
    mem_free(p);
}

static struct opencl_program *find(const struct opencl *cl, const struct opencl_source *source) {
    for (size_t i = 0; i < cl->n_programs; i++) {
        struct opencl_program *p = cl->programs[i];
        if (!strcmp(p->stem, source->stem) && !strcmp(p->options, source->options)) return p;
    }
    return NULL;
}

/* ---- Before the threads: sources and binaries ---- */

static fovea_status prepare(struct opencl *cl, const struct opencl_source *source,
                            struct job *job) {
    struct opencl_program *p = job->program = mem_zero(1, sizeof *p);
    if (!p) return fail_memory(sizeof *p, "a program");
    p->cl = cl;
    p->stem = mem_string(source->stem);
    p->options = mem_format("%s", source->options);
    if (!p->stem || !p->options) return fail_memory(strlen(source->options), "build options");
    TRY(source_read(&p->source, p->stem));
    p->stored = !cl->store;
    if (p->stored) return FOVEA_OK;
    p->key = mem_format("%s|%s|%016" PRIx64 "|%s", cl->key, p->stem,
                        hash_string(HASH_START, p->source), p->options);
    if (!p->key) return fail_memory(strlen(cl->key), "the key of a program");
    store_binary_get(cl->store, p->key, &job->binary, &job->binary_bytes);
    return FOVEA_OK;
}

/* ---- In the threads: OpenCL ---- */

/* "-cl-std=CL1.2 -w -DKH=3": no more than is needed. -w, since some runtimes print their warnings on
 * the standard error of the program that uses them. */
static cl_int build(const struct opencl_program *p) {
    char *options = mem_format("-cl-std=CL1.2 -w %s", p->options);
    if (!options) return CL_OUT_OF_HOST_MEMORY;
    cl_int code = clBuildProgram(p->program, 1, &p->cl->device, options, NULL, NULL);
    mem_free(options);
    return code;
}

static bool load_binary(const struct job *job) {
    struct opencl_program *p = job->program;
    const unsigned char *binary = job->binary;
    cl_int code, loaded = CL_SUCCESS;
    p->program = clCreateProgramWithBinary(p->cl->context, 1, &p->cl->device, &job->binary_bytes,
                                           &binary, &loaded, &code);
    if (code == CL_SUCCESS && loaded == CL_SUCCESS && build(p) == CL_SUCCESS) return true;
    if (p->program) clReleaseProgram(p->program);
    p->program = NULL;
    return false;
}

static char *build_log(const struct opencl_program *p) {
    size_t bytes = 0;
    clGetProgramBuildInfo(p->program, p->cl->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = bytes > 1 ? mem_zero(bytes + 1, 1) : NULL;
    if (log)
        clGetProgramBuildInfo(p->program, p->cl->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    return log;
}

static fovea_status fail_build(const struct opencl_program *p, cl_int code) {
    char *log = build_log(p);
    fovea_status status =
        fail(FOVEA_BUILD_ERROR,
             "kernel file %s.cl does not compile for device '%s' (%s (%d), options '%s'): %s",
             p->stem, p->cl->info.name, opencl_error_name(code), (int)code, p->options,
             log ? log : "the compiler gives no log");
    mem_free(log);
    return status;
}

static fovea_status compile(struct opencl_program *p) {
    cl_int code;
    const char *source = p->source;
    p->program = clCreateProgramWithSource(p->cl->context, 1, &source, NULL, &code);
    TRY_CL(p->cl, code, "clCreateProgramWithSource");
    code = build(p);
    if (code == CL_SUCCESS) return FOVEA_OK;
    if (code == CL_OUT_OF_HOST_MEMORY) return opencl_fail(p->cl, code, "clBuildProgram");
    return fail_build(p, code);
}

static void run_job(struct job *job) {
    if (job->status != FOVEA_OK) return;
    if (job->binary) {
        if (load_binary(job)) {
            job->program->stored = true;
            return;
        }
        job->bad_binary = true;
    }
    job->status = compile(job->program);
    if (job->status != FOVEA_OK) job->log = mem_string(fovea_error());
}

static void run_jobs(void *data, size_t begin, size_t end) {
    struct job *jobs = data;
    for (size_t i = begin; i < end; i++) run_job(&jobs[i]);
}

/* ---- After the threads ---- */

static void finish(struct opencl *cl, struct job *job) {
    struct opencl_program *p = job->program;
    if (job->bad_binary) {
        log_line("build", "%s: the stored binary does not load", p->stem);
        store_binary_delete(cl->store, p->key);
    }
    if (job->status == FOVEA_OK) {
        bool loaded = job->binary && !job->bad_binary;
        log_line("build", "%s '%s' %s", p->stem, p->options,
                 loaded ? "from the store" : "compiled");
        mem_free(p->source);
        p->source = NULL;
        struct opencl_program **slot =
            mem_push(&cl->programs, &cl->n_programs, &cl->programs_capacity, sizeof *slot);
        if (slot) *slot = p;
        else job->status = fail_memory(sizeof *slot, "the list of programs");
    }
    if (job->status == FOVEA_OK) return;
    program_destroy(p);
    job->program = NULL;
}

/* Makes a job for each source that the context does not have, each only once; job_of[i] is then its
 * number, or SIZE_MAX. */
static size_t collect(struct opencl *cl, const struct opencl_source *sources, size_t count,
                      struct job *jobs, size_t *job_of) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        job_of[i] = SIZE_MAX;
        if (find(cl, &sources[i])) continue;
        for (size_t k = 0; k < i && job_of[i] == SIZE_MAX; k++)
            if (job_of[k] != SIZE_MAX && !strcmp(sources[k].stem, sources[i].stem) &&
                !strcmp(sources[k].options, sources[i].options))
                job_of[i] = job_of[k];
        if (job_of[i] != SIZE_MAX) continue;
        struct job *job = &jobs[job_of[i] = n++];
        job->status = prepare(cl, &sources[i], job);
        if (job->status != FOVEA_OK) job->log = mem_string(fovea_error());
    }
    return n;
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
    size_t *job_of = mem_array(count, sizeof *job_of);
    if (!jobs || !job_of) {
        mem_free(jobs);
        mem_free(job_of);
        return fail_memory(count * sizeof *jobs, "the list of programs to build");
    }
    size_t n = collect(cl, sources, count, jobs, job_of);
    if (cl->quirks.serial_build) run_jobs(jobs, 0, n);
    else parallel_for(n, 1, run_jobs, jobs);
    for (size_t i = 0; i < n; i++) {
        *compiled += jobs[i].status == FOVEA_OK && (!jobs[i].binary || jobs[i].bad_binary);
        finish(cl, &jobs[i]);
    }
    report(cl, sources, count, jobs, job_of, out, statuses, logs);
    for (size_t i = 0; i < n; i++) {
        mem_free(jobs[i].binary);
        mem_free(jobs[i].log);
    }
    mem_free(jobs);
    mem_free(job_of);
    return FOVEA_OK;
}

/* ---- Binaries into the store ---- */

/* A program's binary on its way to the store. */
struct parcel {
    const struct opencl_program *program;
    unsigned char *binary; /* NULL: the driver gives none */
    size_t bytes;
};

/* Some runtimes compile a general version now, which takes its time. */
static void fetch(struct parcel *p) {
    cl_program program = p->program->program;
    cl_int code =
        clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof p->bytes, &p->bytes, NULL);
    if (code == CL_SUCCESS && p->bytes) p->binary = mem_alloc(p->bytes);
    if (!p->binary) return;
    code = clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof p->binary, &p->binary, NULL);
    if (code == CL_SUCCESS) return;
    mem_free(p->binary);
    p->binary = NULL;
}

static void fetch_all(void *data, size_t begin, size_t end) {
    struct parcel *parcels = data;
    for (size_t i = begin; i < end; i++) fetch(&parcels[i]);
}

static void deliver(struct opencl *cl, struct parcel *p) {
    if (p->binary) store_binary_put(cl->store, p->program->key, p->binary, p->bytes);
    else log_line("build", "%s: the driver gives no binary", p->program->stem);
    mem_free(p->binary);
}

void opencl_remember(struct opencl *cl) {
    struct parcel *parcels = mem_zero(cl->n_programs, sizeof *parcels);
    size_t n = 0;
    if (!parcels) return;
    for (size_t i = 0; i < cl->n_programs; i++) {
        struct opencl_program *p = cl->programs[i];
        if (!p->stored) parcels[n++].program = p;
        p->stored = true;
    }
    if (cl->quirks.serial_build) fetch_all(parcels, 0, n);
    else parallel_for(n, 1, fetch_all, parcels);
    for (size_t i = 0; i < n; i++) deliver(cl, &parcels[i]);
    mem_free(parcels);
}
