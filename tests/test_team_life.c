/* The life of a team: the times it tells, contexts used from several threads at once, failures, the store, and
 * the environment. Where no device has a team the same is checked of what the runtime does.
 *
 * FOVEA_TEAM_SECONDS: how long contexts are used from several threads at once; default 1. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "rig.h"
#include "store/store.h"

static const char kernels[] =
    /* Each element from another place. */
    "__kernel void move(uint n, uint shift, uint factor, __global const uint *x, __global uint *y) "
    "{\n"
    "    uint i = get_global_id(0);\n"
    "    if (i < n) y[i] = x[(i + shift) % n] * factor + i;\n"
    "}\n"
    "__kernel void work(uint rounds, __global uint *x) {\n"
    "    uint i = get_global_id(0), v = i;\n"
    "    for (uint r = 0; r < rounds; r++) v = v * 1664525u + 1013904223u;\n"
    "    x[i] = v;\n"
    "}\n"
    "__attribute__((reqd_work_group_size(8, 1, 1))) __kernel void eight(__global uint *x) {\n"
    "    x[get_global_id(0)] += 1;\n"
    "}\n";

static void setup(void) {
    rig_setup(kernels);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- Times ---- */

enum { SLOTS = 4, LITTLE = 200, MUCH = 4000, MANY = 20, ITEMS = 4096 };

static void expect_worked(struct opencl_buffer *x, uint32_t rounds) {
    static uint32_t out[ITEMS];
    WELL(opencl_buffer_read(x, 0, out, sizeof out));
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t v = i;
        for (uint32_t r = 0; r < rounds; r++) v = v * 1664525u + 1013904223u;
        if (out[i] != v) ck_abort_msg("x[%u] is %u, not %u", i, out[i], v);
    }
}

/* Slot 0: a little work; 1: much; 2: a little, many times; 3: nothing. */
START_TEST(slots_hold_the_sum_of_their_launches) {
    struct rig rig = rig_open(true, NULL);
    struct opencl_buffer *x = rig_buffer(&rig, ITEMS * sizeof(uint32_t));
    struct opencl_kernel *little = rig_kernel(&rig, "work"), *much = rig_kernel(&rig, "work");
    double least[SLOTS] = {1e9, 1e9, 1e9, 1e9}, ms[SLOTS];
    set_number(little, 0, LITTLE);
    set_number(much, 0, MUCH);
    WELL(opencl_kernel_set_buffer(little, 1, x));
    WELL(opencl_kernel_set_buffer(much, 1, x));
    for (int round = 0; round < 20; round++) { /* a round may be disturbed */
        double begin = now_ms();
        launch(little, ITEMS, 16, 0);
        launch(much, ITEMS, 16, 1);
        for (int i = 0; i < MANY; i++) launch(little, ITEMS, 16, 2);
        launch(much, ITEMS, 16, SIZE_MAX);
        launch(much, ITEMS, 16, SLOTS + 3); /* no such slot */
        WELL(opencl_times(rig.cl, ms, SLOTS));
        double wall = now_ms() - begin;
        ck_assert(ms[0] > 0 && ms[1] > 0 && ms[2] > 0 && ms[3] == 0);
        ck_assert_msg(ms[0] + ms[1] + ms[2] <= wall, "%g + %g + %g ms within %g", ms[0], ms[1],
                      ms[2], wall); /* one launch after the other */
        for (int s = 0; s < SLOTS; s++) least[s] = ms[s] < least[s] ? ms[s] : least[s];
    }
    expect_worked(x, MUCH);
    ck_assert_msg(least[1] > 4 * least[0], "%g ms, 20 times the work %g", least[0], least[1]);
    ck_assert_msg(least[2] > 4 * least[0], "%g ms, 20 launches %g", least[0], least[2]);
    WELL(opencl_times(rig.cl, ms, SLOTS));
    ck_assert(ms[0] == 0 && ms[1] == 0 && ms[2] == 0);
    for (int round = 0; round < 5; round++) { /* too short to be worth any help */
        launch(little, 8, 8, 3);
        WELL(opencl_times(rig.cl, ms, SLOTS));
        ck_assert(ms[3] > 0);
    }
    opencl_kernel_destroy(little);
    opencl_kernel_destroy(much);
    opencl_buffer_destroy(x);
    opencl_close(rig.cl);
}
END_TEST

static double time_work(struct rig *rig, struct opencl_kernel *k, uint32_t rounds, int times) {
    double least = 1e9;
    set_number(k, 0, rounds);
    for (int i = 0; i < times; i++) {
        double begin = now_ms();
        launch(k, ITEMS, 16, SIZE_MAX);
        WELL(opencl_finish(rig->cl));
        double ms = now_ms() - begin;
        if (ms < least) least = ms;
    }
    return least;
}

/* A kernel whose launches were so short that the caller ran them alone. Once they have more to do all take
 * part again, as for a kernel that was never run. */
START_TEST(more_to_do_is_noticed) {
    struct rig rig = rig_open(false, NULL);
    if (!rig_has_team || opencl_info(rig.cl)->compute_units < 2) {
        opencl_close(rig.cl);
        return;
    }
    struct opencl_buffer *x = rig_buffer(&rig, ITEMS * sizeof(uint32_t));
    struct opencl_kernel *old = rig_kernel(&rig, "work"), *fresh = rig_kernel(&rig, "work");
    WELL(opencl_kernel_set_buffer(old, 1, x));
    WELL(opencl_kernel_set_buffer(fresh, 1, x));
    bool like_fresh = false;
    for (int try = 0; try < 10 && !like_fresh; try++) { /* other programs may have the cores */
        time_work(&rig, old, 1, 20);
        double slow = time_work(&rig, old, 20 * MUCH, 10);
        like_fresh = slow < 1.3 * time_work(&rig, fresh, 20 * MUCH, 10);
    }
    ck_assert(like_fresh);
    opencl_kernel_destroy(old);
    opencl_kernel_destroy(fresh);
    opencl_buffer_destroy(x);
    opencl_close(rig.cl);
}
END_TEST

/* ---- Threads ---- */

enum { WORKERS = 4, LENGTH = 12, MOST = 70001 };

/* One thread with a context of its own. */
struct worker {
    pthread_t thread;
    int number, rounds;
    bool reopens;
    double until;
    struct rig rig;
    struct opencl_kernel *k[LENGTH];
    struct opencl_buffer *x[2];
    uint32_t host[2][MOST], out[MOST];
    char wrong[256]; /* a test cannot fail in a thread of its own */
};

static fovea_status worker_open(struct worker *w) {
    TRY(rig_try(&w->rig, w->number == 1, NULL));
    for (int i = 0; i < 2; i++) TRY(opencl_buffer_create(&w->x[i], w->rig.cl, sizeof w->host[i]));
    for (int i = 0; i < LENGTH; i++) {
        TRY(opencl_kernel_create(&w->k[i], w->rig.program, "move"));
        TRY(opencl_kernel_set_buffer(w->k[i], 3, w->x[i % 2]));
        TRY(opencl_kernel_set_buffer(w->k[i], 4, w->x[(i + 1) % 2]));
    }
    return FOVEA_OK;
}

static void worker_close(struct worker *w) {
    for (int i = 0; i < LENGTH; i++) opencl_kernel_destroy(w->k[i]);
    for (int i = 0; i < 2; i++) opencl_buffer_destroy(w->x[i]);
    opencl_close(w->rig.cl);
    w->rig.cl = NULL;
    memset(w->k, 0, sizeof w->k);
    memset(w->x, 0, sizeof w->x);
}

/* A chain of launches, with groups of other sizes than the other threads have for the same kernel. */
static fovea_status worker_round(struct worker *w) {
    static const uint32_t sizes[] = {64, 1000, 4096, 20000, 65536, 70000, 70001};
    static const size_t locals[] = {0, 1, 8, 50, 250, 16};
    uint32_t n = sizes[(w->rounds + w->number) % 7], shift = n / 2 + 1, factor = 5;
    size_t local = locals[(w->rounds / 7 + w->number) % 6];
    if (local && n % local) local = 0;
    if (local == 1 && n > 4096) local = 0;
    for (uint32_t i = 0; i < n; i++) w->host[0][i] = i * 2654435761u + (uint32_t)w->rounds;
    TRY(opencl_buffer_write(w->x[0], 0, w->host[0], n * sizeof n));
    for (int i = 0; i < LENGTH; i++) {
        TRY(opencl_kernel_set(w->k[i], 0, &n, sizeof n));
        TRY(opencl_kernel_set(w->k[i], 1, &shift, sizeof shift));
        TRY(opencl_kernel_set(w->k[i], 2, &factor, sizeof factor));
    }
    for (int i = 0; i < LENGTH; i++)
        TRY(opencl_launch(w->k[i], 1, (size_t[]){n}, (size_t[]){local}, 0));
    for (int k = 0; k < LENGTH; k++)
        for (uint32_t i = 0; i < n; i++)
            w->host[(k + 1) % 2][i] = w->host[k % 2][(i + shift) % n] * factor + i;
    TRY(opencl_buffer_read(w->x[LENGTH % 2], 0, w->out, n * sizeof n));
    if (memcmp(w->out, w->host[LENGTH % 2], n * sizeof n) == 0) return FOVEA_OK;
    return fail(FOVEA_DEVICE_ERROR, "thread %d, round %d: %u elements in groups of %zu are wrong",
                w->number, w->rounds, n, local);
}

static void *worker_run(void *data) {
    struct worker *w = data;
    fovea_status status = FOVEA_OK;
    for (w->rounds = 0; status == FOVEA_OK && (now_ms() < w->until || !w->rounds); w->rounds++) {
        if (w->rig.cl && w->reopens && w->rounds % 20 == 0) worker_close(w);
        if (!w->rig.cl) status = worker_open(w);
        if (status == FOVEA_OK) status = worker_round(w);
    }
    if (status != FOVEA_OK) snprintf(w->wrong, sizeof w->wrong, "%s", fovea_error());
    worker_close(w);
    return NULL;
}

START_TEST(contexts_are_used_at_once) {
    static struct worker workers[WORKERS];
    const char *seconds = getenv("FOVEA_TEAM_SECONDS");
    double until = now_ms() + 1e3 * (seconds ? atof(seconds) : 1);
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        *w = (struct worker){.number = i, .until = until, .reopens = i >= WORKERS / 2};
        ck_assert_int_eq(pthread_create(&w->thread, NULL, worker_run, w), 0);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_msg(!workers[i].wrong[0], "%s", workers[i].wrong);
        ck_assert_int_gt(workers[i].rounds, 0);
    }
}
END_TEST

/* ---- Failures ---- */

static void expect_refused_launch(struct opencl_kernel *k, int dims, const size_t *global,
                                  const size_t *local, const char *sentence) {
    ck_assert_int_eq(opencl_launch(k, dims, global, local, SIZE_MAX), FOVEA_INVALID);
    ck_assert_msg(strstr(fovea_error(), sentence) && strstr(fovea_error(), "'work'"), "%s",
                  fovea_error());
}

START_TEST(what_cannot_be_cut_is_refused) {
    struct rig rig = rig_open(false, NULL);
    struct opencl_buffer *x = rig_buffer(&rig, ITEMS * sizeof(uint32_t));
    struct opencl_kernel *k = rig_kernel(&rig, "work");
    set_number(k, 0, 3);
    WELL(opencl_kernel_set_buffer(k, 1, x));
    if (rig_has_team) {
        const char *many = "at most 2147483647 work-groups", *deep = "third dimension, not 2";
        const size_t one[] = {1, 1, 1}, chosen[] = {0, 0, 0};
        const size_t large = (size_t)1 << 31, huge = SIZE_MAX / 2;
        expect_refused_launch(k, 1, (size_t[]){large}, one, many);
        expect_refused_launch(k, 1, (size_t[]){large * 256}, chosen, many);
        expect_refused_launch(k, 3, (size_t[]){2048, 1024, 1024}, one, many);
        expect_refused_launch(k, 3, (size_t[]){huge, huge, 6}, one, many);
        expect_refused_launch(k, 3, (size_t[]){4, 4, 4}, (size_t[]){2, 2, 2}, deep);
    }
    launch(k, ITEMS, 0, SIZE_MAX);
    expect_worked(x, 3);
    opencl_kernel_destroy(k);
    opencl_buffer_destroy(x);
    opencl_close(rig.cl);
}
END_TEST

static void expect_first(struct opencl_buffer *x, uint32_t expected) {
    uint32_t out[64];
    WELL(opencl_buffer_read(x, 0, out, sizeof out));
    for (int i = 0; i < 64; i++) ck_assert_uint_eq(out[i], expected);
}

/* A launch that the runtime refuses only when a team runs it, in front of others: it is told once, what
 * comes behind it is not run, and what is launched later is. _i: by whom it is run, and who is told. */
START_TEST(a_launch_that_fails_is_told) {
    bool alone = _i & 1, destroys = _i & 2;
    struct rig rig = rig_open(false, NULL);
    struct opencl_buffer *x = rig_buffer(&rig, 64 * sizeof(uint32_t));
    struct opencl_kernel *k = rig_kernel(&rig, "eight"), *other = rig_kernel(&rig, "eight");
    if (rig_has_team) {
        uint32_t expected = 0;
        WELL(opencl_kernel_set_buffer(k, 0, x));
        WELL(opencl_kernel_set_buffer(other, 0, x));
        WELL(opencl_buffer_fill(x, 0, 0, 64 * sizeof expected));
        for (; alone && expected < 10; expected++) { /* now it is known to be short */
            launch(k, 64, 8, SIZE_MAX);
            WELL(opencl_finish(rig.cl));
        }
        launch(k, 64, 8, SIZE_MAX);
        launch(k, 64, 16, SIZE_MAX);
        launch(k, 64, 8, SIZE_MAX);
        if (destroys) opencl_kernel_destroy(other);
        other = destroys ? NULL : other;
        ck_assert_int_ne(opencl_finish(rig.cl), FOVEA_OK);
        ck_assert_msg(strstr(fovea_error(), "kernel 'eight': clEnqueueNDRangeKernel"), "%s",
                      fovea_error());
        expect_first(x, ++expected);
        launch(k, 64, 8, SIZE_MAX);
        expect_first(x, ++expected);
    }
    opencl_kernel_destroy(k);
    opencl_kernel_destroy(other);
    opencl_buffer_destroy(x);
    opencl_close(rig.cl);
}
END_TEST

/* The context with its team, launches that fill more than a batch's first piece of memory, times. */
static fovea_status try_all(struct store *store) {
    struct rig rig = {0};
    struct opencl_buffer *x = NULL;
    struct opencl_kernel *k = NULL;
    uint32_t out[64];
    double ms;
    fovea_status status = rig_try(&rig, true, store);
    if (status == FOVEA_OK) status = opencl_buffer_create(&x, rig.cl, sizeof out);
    if (status == FOVEA_OK) status = opencl_kernel_create(&k, rig.program, "eight");
    if (status == FOVEA_OK) status = opencl_kernel_set_buffer(k, 0, x);
    if (status == FOVEA_OK) status = opencl_buffer_fill(x, 0, 0, sizeof out);
    for (int i = 0; i < 300 && status == FOVEA_OK; i++)
        status = opencl_launch(k, 1, (size_t[]){64}, (size_t[]){8}, 0);
    if (status == FOVEA_OK) status = opencl_buffer_read(x, 0, out, sizeof out);
    for (int i = 0; i < 64 && status == FOVEA_OK; i++) ck_assert_uint_eq(out[i], 300);
    if (status == FOVEA_OK) status = opencl_times(rig.cl, &ms, 1);
    if (status == FOVEA_OK) opencl_remember(rig.cl);
    opencl_kernel_destroy(k);
    opencl_buffer_destroy(x);
    opencl_close(rig.cl);
    return status;
}

START_TEST(a_failing_allocation_is_no_crash) {
    char path[96];
    snprintf(path, sizeof path, "%s/memory.db", rig_folder);
    struct store *store = store_open(path, NULL, NULL);
    size_t failures = 0;
    bool reached = true;
    WELL(try_all(store)); /* compiled once, for good */
    for (size_t n = 1; reached; n++) {
        mem_fail_after(n);
        fovea_status status = try_all(store);
        reached = mem_fail_left() == 0;
        mem_fail_after(0);
        failures += status != FOVEA_OK;
        if (status != FOVEA_OK) ck_assert(reached && strlen(fovea_error()) > 10);
    }
    ck_assert_uint_gt(failures, 20);
    WELL(try_all(store));
    store_close(store);
}
END_TEST

/* ---- The store and the environment ---- */

START_TEST(binaries_come_from_the_store) {
    char path[96];
    snprintf(path, sizeof path, "%s/binaries.db", rig_folder);
    struct store *store = store_open(path, NULL, NULL);
    for (size_t expected = 2; expected-- > 0;) { /* programs compiled: first one, then none */
        struct rig rig = rig_open(false, store);
        struct opencl_buffer *x = rig_buffer(&rig, ITEMS * sizeof(uint32_t));
        struct opencl_kernel *k = rig_kernel(&rig, "work");
        ck_assert_uint_eq(rig.compiled, expected);
        WELL(opencl_kernel_set_buffer(k, 1, x));
        for (size_t local = 0; local <= 64; local += 32) {
            set_number(k, 0, MUCH + local);
            launch(k, ITEMS, local, SIZE_MAX);
            expect_worked(x, (uint32_t)(MUCH + local));
        }
        opencl_remember(rig.cl);
        opencl_kernel_destroy(k);
        opencl_buffer_destroy(x);
        opencl_close(rig.cl);
    }
    store_close(store);
}
END_TEST

/* What is built for a team is of no use without one, and the other way round. */
START_TEST(binaries_are_for_a_team_or_not) {
    static const struct {
        const char *environment;
        int expected;
    } processes[] = {{"env -u POCL_DEVICES", 1},
                     {"POCL_DEVICES=pthread", 1},
                     {"env -u POCL_DEVICES", 0},
                     {"POCL_DEVICES=pthread", 0}};
    char *arguments = mem_format("compiled %s/both.db", rig_folder);
    for (size_t i = 0; i < sizeof processes / sizeof *processes && rig_has_team; i++) {
        char *compiled = rig_child(processes[i].environment, arguments);
        ck_assert_msg(*compiled && atoi(compiled) == processes[i].expected, "%s: %s",
                      processes[i].environment, compiled);
        mem_free(compiled);
    }
    mem_free(arguments);
}
END_TEST

/* A list of devices without what is said of teams. */
static char *without_teams(const char *list) {
    static const char note[] = " [team]";
    char *plain = mem_string(list), *at;
    while ((at = strstr(plain, note)))
        memmove(at, at + strlen(note), strlen(at + strlen(note)) + 1);
    return plain;
}

/* The ids and names are the same with a team and without, in a child of a process with one, too: the device
 * on which it computes is no choice of its own. */
START_TEST(the_environment_decides) {
    const char *variable = "POCL_DEVICES";
    char *own = rig_child("env -u POCL_DEVICES", "devices"), *inherited;
    char *user = rig_child("POCL_DEVICES=pthread", "devices"), *plain = without_teams(own);
    inherited = rig_child("env -u POCL_DEVICES", "devices-of-child");
    ck_assert_msg(strcmp(plain, user) == 0, "%s\nwith %s=pthread:\n%s", plain, variable, user);
    ck_assert_msg(strcmp(inherited, own) == 0, "%s\nfor a child:\n%s", own, inherited);
    ck_assert(!strstr(own, " basic-") && !strstr(user, "[team]"));
    if (rig_has_team) {
        char *both =
            rig_child("POCL_DEVICES='pthread basic'", "devices"); /* a user who wants both */
        ck_assert(strstr(own, "opencl:0:0 ") && strstr(own, "[team]"));
        ck_assert_msg(strstr(both, " basic-") && !strstr(both, "[team]"), "%s", both);
        mem_free(both);
    }
    mem_free(own);
    mem_free(plain);
    mem_free(user);
    mem_free(inherited);
}
END_TEST

int main(int argc, char **argv) {
    int result;
    if (!rig_prepare(argc, argv, &result)) return result;
    Suite *suite = suite_create("team_life");
    TCase *tests = tcase_create("team_life"), *threads = tcase_create("threads");
    const char *seconds = getenv("FOVEA_TEAM_SECONDS");
    tcase_add_checked_fixture(tests, setup, rig_teardown);
    tcase_add_test(tests, slots_hold_the_sum_of_their_launches);
    tcase_add_test(tests, more_to_do_is_noticed);
    tcase_add_test(tests, what_cannot_be_cut_is_refused);
    tcase_add_loop_test(tests, a_launch_that_fails_is_told, 0, 4);
    tcase_add_test(tests, a_failing_allocation_is_no_crash);
    tcase_add_test(tests, binaries_come_from_the_store);
    tcase_add_test(tests, binaries_are_for_a_team_or_not);
    tcase_add_test(tests, the_environment_decides);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(threads, setup, rig_teardown);
    tcase_set_timeout(threads, 100 + (seconds ? atof(seconds) : 0));
    tcase_add_test(threads, contexts_are_used_at_once);
    suite_add_tcase(suite, threads);
    return harness_main(suite);
}
