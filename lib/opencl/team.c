/* A team: the caller's thread and helpers that run launches in parts.
 *
 * A runtime for CPUs that hands each launch to threads of its own takes tens of microseconds for it, since
 * they sleep; that is longer than many a layer takes. Where the platform also has a device that computes in
 * the thread that enqueues (see quirks.c), launches are collected here and run in one go: each is cut into
 * parts, runs of its work-groups, which the members take in turn, and the next launch begins when the last
 * part is done. The helpers stay awake meanwhile, and for a moment afterwards. A helper that is late, or
 * that never comes, is not waited for: whoever is there takes the parts.
 *
 * A part is a run of the launch's work-groups, counted with the first dimension fastest. It is enqueued as
 * one row of groups along the third dimension that begins at an offset; the offsets of the other two, which
 * have one group each, carry the numbers of groups along the launch's first two dimensions. The prelude of
 * each program, TEAM_PRELUDE, finds a work-item's place from that. So all parts of all launches of a kernel
 * have the same extent in the first two dimensions and an offset that is not 0, and are one version of it for
 * the runtime: PoCL 3.1 ends the process when two versions of a kernel are in flight in two threads (its
 * release of a version takes the first of that kernel for its own). */
#define _GNU_SOURCE
#include "opencl/team.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/hash.h"

enum {
    DIMS = 3,
    SPINS = 50000,  /* looks, a millisecond or two, before a waiting thread lets others run */
    PENDING = 4096, /* launches collected before they are run unasked */
    PARTS = 256,    /* most of a launch, and members; a multiple of 64 */
    LOCAL = 256,    /* most work-items of a group where the driver was to choose */
    VECTOR = 16
};
static const double awake_ms = 0.2;  /* how long a helper looks for the next batch */
static const double worth_ms = 0.05; /* work for which helpers are called */
static const double much_longer = 4; /* than known: the work has changed, or was disturbed */
static const double overhead_us = 1; /* of a launch: parts, and the wait for the last */

/* One launch. */
struct task {
    struct opencl_kernel *kernel;
    size_t local[DIMS], groups[DIMS]; /* work-items of a group, and groups, along each dimension */
    size_t count;                     /* groups in all */
    size_t slot;
    unsigned parts;
    atomic_ullong taken[PARTS / 64]; /* a bit for each part */
    atomic_uint done;                /* parts ended */
    atomic_ullong begin_ns,
        end_ns;              /* clock when the first part began and the last ended; 0: not yet */
    atomic_ullong thread_ns; /* spent on the parts, summed */
};

/* Launches that are run in one go. */
struct batch {
    struct task *tasks;
    size_t count, capacity;
    unsigned users;  /* members that look at it; under the team's mutex */
    atomic_int code; /* of the first launch that failed; CL_SUCCESS */
    atomic_size_t failed;
};

struct member {
    struct team *team;
    pthread_t thread;
    cl_command_queue queue;
};

struct team {
    struct opencl *cl;
    cl_device_id device;
    struct member *members; /* [0] is the caller */
    size_t width, started;  /* members; helpers whose thread runs */
    struct batch *batches;  /* as many as members: a late helper may still look at an old one */
    struct batch *batch;    /* being filled */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct batch *running; /* what helpers are to join; NULL: nothing */
    atomic_uint generation;
    unsigned asleep;
    bool quit;
    fovea_status owed; /* a failure that team_settle could not return, and its sentence (or NULL) */
    char *sentence;
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One look of a waiting thread; `spins` counts them. */
static void relax(unsigned *spins) {
    if (++*spins > SPINS) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
    else __builtin_ia32_pause();
#endif
}

/* ---- Cutting ---- */

/* As few parts as balance the members: a part takes about a microsecond to start, and a member that does
 * the same share of a layer each time finds it in its cache. Longer work is worth a late member's share. */
static unsigned parts_wanted(double ms, size_t width) {
    unsigned members = (unsigned)width, parts;
    if (ms > 0 && ms < 0.006) return 1;
    parts = ms < 0.5 ? members : ms < 3 ? 2 * members : 4 * members;
    return parts < PARTS ? parts : PARTS;
}

/* Groups of a size that suits vectors, where the driver was to choose; `most` is the device's limit. */
static size_t choose_local(size_t global, size_t most) {
    if (most > LOCAL) most = LOCAL;
    for (size_t size = most / VECTOR * VECTOR; size; size -= VECTOR)
        if (global % size == 0) return size;
    for (size_t size = most; size > 1; size--)
        if (global % size == 0) return size;
    return 1;
}

static void cut(struct task *t, size_t width) {
    unsigned wanted = parts_wanted(t->kernel->thread_ms, width);
    t->parts = t->count < wanted ? (unsigned)t->count : wanted;
    for (size_t i = 0; i < PARTS / 64; i++) atomic_store(&t->taken[i], 0);
    atomic_store(&t->done, 0);
    atomic_store(&t->begin_ns, 0);
    atomic_store(&t->end_ns, 0);
    atomic_store(&t->thread_ns, 0);
}

/* ---- Running ---- */

static cl_int enqueue_part(cl_command_queue queue, const struct task *t, unsigned part) {
    size_t begin = t->count * part / t->parts, end = t->count * (part + 1) / t->parts;
    const size_t offset[] = {t->groups[0], t->groups[1], begin};
    const size_t size[] = {t->local[0], t->local[1], end - begin};
    return clEnqueueNDRangeKernel(queue, t->kernel->kernel, DIMS, offset, size, t->local, 0, NULL,
                                  NULL);
}

static void note_begin(struct task *t, uint64_t begin) {
    unsigned long long first = atomic_load(&t->begin_ns);
    while ((!first || begin < first) &&
           !atomic_compare_exchange_weak(&t->begin_ns, &first, begin)) {
    }
}

static void note_end(struct task *t, uint64_t end) {
    unsigned long long last = atomic_load(&t->end_ns);
    while (last < end && !atomic_compare_exchange_weak(&t->end_ns, &last, end)) {
    }
}

/* Takes a part, from `part` on; false if all are taken. */
static bool take(struct task *t, unsigned *part) {
    for (unsigned i = 0; i < t->parts; i++, *part = (*part + 1) % t->parts) {
        atomic_ullong *taken = &t->taken[*part / 64];
        unsigned long long bit = 1ull << *part % 64;
        if (!(atomic_load(taken) & bit) && !(atomic_fetch_or(taken, bit) & bit)) return true;
    }
    return false;
}

/* Takes parts of a task until none is left, its own share first. */
static void work_on(const struct member *m, struct batch *b, size_t i) {
    struct task *t = &b->tasks[i];
    unsigned part = (unsigned)((size_t)(m - m->team->members) * t->parts / m->team->width);
    while (take(t, &part)) {
        uint64_t begin = now_ns();
        note_begin(t, begin);
        cl_int code = enqueue_part(m->queue, t, part), none = CL_SUCCESS;
        if (code == CL_SUCCESS) code = clFinish(m->queue);
        uint64_t end = now_ns();
        if (code != CL_SUCCESS && atomic_compare_exchange_strong(&b->code, &none, code))
            atomic_store(&b->failed, i);
        atomic_fetch_add(&t->thread_ns, end - begin);
        note_end(t, end);
        atomic_fetch_add(&t->done, 1);
    }
}

/* A member's way through a batch. After a failure no part is begun. */
static void work(const struct member *m, struct batch *b) {
    for (size_t i = 0; i < b->count && atomic_load(&b->code) == CL_SUCCESS; i++) {
        struct task *t = &b->tasks[i];
        if (atomic_load(&t->done) == t->parts) continue;
        work_on(m, b, i);
        for (unsigned spins = 0; atomic_load(&t->done) < t->parts;) relax(&spins);
    }
}

/* ---- Helpers ---- */

/* Looks for a moment, then sleeps until there is a batch that was not seen. NULL: none; *quit tells why. */
static struct batch *join(struct team *team, unsigned *seen, bool *quit) {
    uint64_t until = now_ns() + (uint64_t)(awake_ms * 1e6);
    for (unsigned spins = 0; atomic_load(&team->generation) == *seen && now_ns() < until;)
        relax(&spins);
    pthread_mutex_lock(&team->mutex);
    team->asleep++;
    while (atomic_load(&team->generation) == *seen && !team->quit)
        pthread_cond_wait(&team->wake, &team->mutex);
    team->asleep--;
    *seen = atomic_load(&team->generation);
    struct batch *b = team->running;
    if (b) b->users++;
    *quit = team->quit;
    pthread_mutex_unlock(&team->mutex);
    return b;
}

static unsigned leave(struct team *team, struct batch *b) {
    pthread_mutex_lock(&team->mutex);
    unsigned users = --b->users;
    pthread_mutex_unlock(&team->mutex);
    return users;
}

static void *help(void *data) {
    struct member *m = data;
    unsigned seen = 0;
    for (bool quit = false; !quit;) {
        struct batch *b = join(m->team, &seen, &quit);
        if (!b) continue;
        work(m, b);
        leave(m->team, b);
    }
    return NULL;
}

/* ---- The caller ---- */

/* By what its kernels took before, a batch is not worth the help; nobody asks for its times either. */
static bool is_small(const struct opencl *cl, const struct batch *b) {
    double ms = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct task *t = &b->tasks[i];
        ms += t->kernel->thread_ms > 0 ? t->kernel->thread_ms : worth_ms;
        if (ms >= worth_ms || (cl->profile && t->slot != SIZE_MAX)) return false;
    }
    return true;
}

/* Nothing is timed here but the whole; where that shows that the batch was not small, its kernels are to
 * be timed again. */
static void work_alone(const struct member *m, struct batch *b) {
    cl_int code = CL_SUCCESS;
    uint64_t begin = now_ns();
    for (size_t i = 0; i < b->count && code == CL_SUCCESS; i++) {
        b->tasks[i].parts = 1;
        code = enqueue_part(m->queue, &b->tasks[i], 0);
        if (code != CL_SUCCESS) atomic_store(&b->failed, i);
    }
    cl_int finished = clFinish(m->queue);
    atomic_store(&b->code, code != CL_SUCCESS ? code : finished);
    if ((double)(now_ns() - begin) * 1e-6 < much_longer * worth_ms) return;
    for (size_t i = 0; i < b->count; i++) b->tasks[i].kernel->thread_ms = 0;
}

static void publish(struct team *team, struct batch *b) {
    pthread_mutex_lock(&team->mutex);
    b->users = 1;
    team->running = b;
    atomic_fetch_add(&team->generation, 1);
    if (team->asleep) pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
}

/* After a failure parts may still be running elsewhere, which use the caller's memory. */
static void withdraw(struct team *team, struct batch *b) {
    pthread_mutex_lock(&team->mutex);
    team->running = NULL;
    pthread_mutex_unlock(&team->mutex);
    unsigned users = leave(team, b);
    for (unsigned spins = 0; users && atomic_load(&b->code) != CL_SUCCESS; relax(&spins)) {
        pthread_mutex_lock(&team->mutex);
        users = b->users;
        pthread_mutex_unlock(&team->mutex);
    }
}

/* The least time counts: what is a little longer was disturbed. It may creep up, since a machine can change.
 * A much longer one counts at once, since a kernel may be given more to do; the next mends a wrong one. */
static void learn(struct task *t) {
    double ms = (double)atomic_load(&t->thread_ns) * 1e-6, *known = &t->kernel->thread_ms;
    *known = ms < *known * much_longer ? fmin(ms, *known * 1.05) : ms;
}

static void settle(struct opencl *cl, struct batch *b) {
    for (size_t i = 0; i < b->count; i++) {
        struct task *t = &b->tasks[i];
        learn(t);
        double ms = (double)(atomic_load(&t->end_ns) - atomic_load(&t->begin_ns)) * 1e-6;
        if (cl->profile && t->slot != SIZE_MAX) queue_timed(cl, t->slot, ms);
    }
}

/* One that nobody looks at; there is always one. */
static void next_batch(struct team *team) {
    pthread_mutex_lock(&team->mutex);
    for (size_t i = 0; i < team->width; i++)
        if (!team->batches[i].users) team->batch = &team->batches[i];
    pthread_mutex_unlock(&team->mutex);
    team->batch->count = 0;
    atomic_store(&team->batch->code, CL_SUCCESS);
    atomic_store(&team->batch->failed, 0);
}

static fovea_status fail_batch(const struct opencl *cl, const struct batch *b) {
    const struct task *t = &b->tasks[atomic_load(&b->failed)];
    return fail_in(opencl_fail(cl, atomic_load(&b->code), "clEnqueueNDRangeKernel"),
                   "kernel '%s': ", t->kernel->function);
}

static fovea_status run_batch(struct opencl *cl) {
    struct team *team = cl->team;
    if (!team->batch->count) return FOVEA_OK;
    struct batch *b = team->batch;
    fovea_status status = FOVEA_OK;
    cl_int code = clFinish(cl->queue); /* the queue of copies has its order with the launches */
    if (code != CL_SUCCESS) {
        b->count = 0;
        return opencl_fail(cl, code, "clFinish");
    }
    if (is_small(cl, b)) {
        work_alone(&team->members[0], b);
    } else {
        for (size_t i = 0; i < b->count; i++) cut(&b->tasks[i], team->width);
        publish(team, b);
        work(&team->members[0], b);
        withdraw(team, b);
        if (atomic_load(&b->code) == CL_SUCCESS) settle(cl, b);
    }
    if (atomic_load(&b->code) != CL_SUCCESS) status = fail_batch(cl, b);
    next_batch(team);
    return status;
}

fovea_status team_run(struct opencl *cl) {
    struct team *team = cl->team;
    if (!team) return FOVEA_OK;
    fovea_status status = run_batch(cl);
    if (team->owed == FOVEA_OK) return status;
    status = fail(team->owed, "%s", team->sentence ? team->sentence : "a launch failed");
    team->owed = FOVEA_OK;
    mem_free(team->sentence);
    team->sentence = NULL;
    return status;
}

void team_settle(struct opencl *cl) {
    struct team *team = cl->team;
    fovea_status status = team ? run_batch(cl) : FOVEA_OK;
    if (status == FOVEA_OK || team->owed != FOVEA_OK) return;
    team->owed = status;
    team->sentence = mem_string(fovea_error());
}

/* Lays the launch out in groups. */
static fovea_status lay_out(struct task *t, int dims, const size_t *global, const size_t *local) {
    size_t most = (size_t)t->kernel->cl->info.max_work_group_size;
    bool chosen = local && local[0];
    t->count = 1;
    for (int d = 0; d < DIMS; d++) {
        size_t size = d < dims ? global[d] : 1;
        t->local[d] = d >= dims ? 1 : chosen ? local[d] : d == 0 ? choose_local(size, most) : 1;
        t->groups[d] = size / t->local[d];
        if (!size_multiply(t->count, t->groups[d], &t->count)) t->count = SIZE_MAX;
    }
    if (t->count > INT32_MAX)
        return fail(FOVEA_INVALID, "kernel '%s': a launch has at most %d work-groups here",
                    t->kernel->function, INT32_MAX);
    if (t->local[2] != 1)
        return fail(FOVEA_INVALID,
                    "kernel '%s': a group has one work-item along the third dimension, not %zu",
                    t->kernel->function, t->local[2]);
    return FOVEA_OK;
}

fovea_status team_add(struct team *team, struct opencl_kernel *kernel, int dims,
                      const size_t *global, const size_t *local, size_t slot) {
    struct task task = {.kernel = kernel, .slot = slot};
    TRY(lay_out(&task, dims, global, local));
    if (team->batch->count == PENDING) TRY(team_run(team->cl));
    struct batch *b = team->batch;
    struct task *t = mem_push(&b->tasks, &b->count, &b->capacity, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a launch");
    *t = task;
    return FOVEA_OK;
}

/* ---- Its life ---- */

static fovea_status start_member(struct team *team, size_t i) {
    struct member *m = &team->members[i];
    cl_int code;
    m->team = team;
    m->queue = clCreateCommandQueue(team->cl->context, team->device, 0, &code);
    TRY_CL(team->cl, code, "clCreateCommandQueue");
    if (i == 0) return FOVEA_OK;
    if (pthread_create(&m->thread, NULL, help, m))
        return fail(FOVEA_NO_MEMORY, "cannot start a thread");
    team->started++;
    return FOVEA_OK;
}

fovea_status team_create(struct opencl *cl, cl_device_id device) {
    size_t width = cl->info.compute_units < PARTS ? cl->info.compute_units : PARTS;
    struct team *team = mem_zero(1, sizeof *team);
    if (!team) return fail_memory(sizeof *team, "a team of threads");
    team->cl = cl;
    team->device = device;
    team->width = width;
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->wake, NULL);
    team->members = mem_zero(width, sizeof *team->members);
    team->batches = mem_zero(width, sizeof *team->batches);
    fovea_status status = team->members && team->batches
                              ? FOVEA_OK
                              : fail_memory(width * sizeof *team->members, "a team of threads");
    if (status == FOVEA_OK) next_batch(team);
    for (size_t i = 0; i < width && status == FOVEA_OK; i++) status = start_member(team, i);
    char *key = status == FOVEA_OK ? mem_format("%s|team %016" PRIx64, cl->key,
                                                hash_string(HASH_START, TEAM_PRELUDE))
                                   : NULL;
    if (status == FOVEA_OK && !key) status = fail_memory(strlen(cl->key), "the key of a device");
    if (status != FOVEA_OK) {
        team_destroy(team);
        return status;
    }
    mem_free(cl->key);
    cl->key = key;
    cl->info.launch_overhead_us = overhead_us;
    cl->target = device;
    cl->team = team;
    return FOVEA_OK;
}

void team_destroy(struct team *team) {
    if (!team) return;
    pthread_mutex_lock(&team->mutex);
    team->quit = true;
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
    for (size_t i = 1; i <= team->started; i++) pthread_join(team->members[i].thread, NULL);
    for (size_t i = 0; team->members && i < team->width; i++)
        if (team->members[i].queue) clReleaseCommandQueue(team->members[i].queue);
    for (size_t i = 0; team->batches && i < team->width; i++) mem_free(team->batches[i].tasks);
    mem_free(team->batches);
    mem_free(team->members);
    mem_free(team->sentence);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->mutex);
    mem_free(team);
}
