/* Launches that a team of threads runs in parts: every work-item once and in its place, and launches in order,
 * whatever stands between them. Where no device has a team the same is checked of what the runtime runs. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rig.h"

static const char kernels[] =
    /* Counts each work-item at its place (at the last one if it is outside), and tells its ids. */
    "__kernel void place(int nx, int ny, int nz, __global int *count, __global int *seen) {\n"
    "    int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
    "    int i = x < nx && y < ny && z < nz ? (z * ny + y) * nx + x : nx * ny * nz;\n"
    "    atomic_inc(&count[i]);\n"
    "    seen[9 * i + 0] = get_group_id(0);\n"
    "    seen[9 * i + 1] = get_group_id(1);\n"
    "    seen[9 * i + 2] = get_group_id(2);\n"
    "    seen[9 * i + 3] = get_local_id(0);\n"
    "    seen[9 * i + 4] = get_local_id(1);\n"
    "    seen[9 * i + 5] = get_local_id(2);\n"
    "    seen[9 * i + 6] = get_local_size(0);\n"
    "    seen[9 * i + 7] = get_local_size(1);\n"
    "    seen[9 * i + 8] = get_local_size(2);\n"
    "}\n"
    /* Turns each group's tile around, in both dimensions. */
    "__kernel void turn(int width, __global const int *x, __global int *y) {\n"
    "    __local int tile[256];\n"
    "    int lx = get_local_size(0), ly = get_local_size(1);\n"
    "    int i = get_local_id(1) * lx + get_local_id(0);\n"
    "    int at = get_global_id(1) * width + get_global_id(0);\n"
    "    tile[i] = x[at];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    y[at] = tile[lx * ly - 1 - i];\n"
    "}\n"
    "__kernel void add(int n, uint value, __global uint *x) {\n"
    "    int i = get_global_id(0);\n"
    "    if (i < n) x[i] += value;\n"
    "}\n"
    /* Each element from another place. */
    "__kernel void move(uint n, uint shift, uint factor, __global const uint *x, uint x_offset,\n"
    "                   __global uint *y, uint y_offset) {\n"
    "    uint i = get_global_id(0);\n"
    "    if (i < n) y[y_offset + i] = x[x_offset + (i + shift) % n] * factor + i;\n"
    "}\n";

static void setup(void) {
    rig_setup(kernels);
}

/* More members than a machine may have cores, and a number that divides little. */
static void setup_seven(void) {
    setenv("POCL_MAX_PTHREAD_COUNT", "7", 1);
    rig_setup(kernels);
}

/* ---- Places ---- */

struct range {
    int dims;
    size_t global[RIG_DIMS], local[RIG_DIMS]; /* local[0] == 0: the driver chooses */
};

static const struct range ranges[] = {
    {1, {1}, {0}},
    {1, {2}, {0}},
    {1, {7}, {0}},
    {1, {1009}, {0}},   /* a prime */
    {1, {100003}, {0}}, /* a prime, in as many groups */
    {1, {393216}, {0}}, /* 6 * 2^16 */
    {1, {1000}, {8}},   /* groups that are not divided evenly */
    {1, {1024}, {256}},
    {1, {131073}, {1}}, /* parts of 2^16 groups and one more */
    {1, {524296}, {8}},
    {2, {37, 5}, {0}},
    {2, {64, 12}, {16, 4}},
    {2, {13, 11}, {13, 11}}, /* one group */
    {2, {1, 1000}, {1, 8}},
    {2, {256, 300}, {0}},
    {2, {6, 66}, {3, 2}},
    {2, {2, 70000}, {1, 1}},
    {3, {5, 7, 3}, {0}},
    {3, {16, 8, 5}, {4, 2, 1}},
    {3, {1, 1, 97}, {1, 1, 1}},
    {3, {2, 3, 1000}, {2, 1, 1}},
    {3, {30, 20, 10}, {5, 4, 1}},
    {3, {1, 101, 103}, {1, 1, 1}},
    {3, {48, 3, 7}, {0}},
};

/* What is wrong with the ids of the i-th work-item; NULL: nothing. */
static const char *wrong_item(const struct range *r, size_t i, const int32_t *seen) {
    size_t at[RIG_DIMS] = {i % r->global[0]}, rest = i / r->global[0];
    if (r->dims > 1) at[1] = rest % r->global[1];
    if (r->dims > 2) at[2] = rest / r->global[1];
    for (int d = 0; d < RIG_DIMS; d++) {
        int32_t group = seen[d], local = seen[3 + d], size = seen[6 + d];
        bool given = r->local[0] && d < r->dims;
        if (size < 1 || (given && (size_t)size != r->local[d])) return "local size";
        if (local < 0 || local >= size) return "local id";
        if (group < 0 || (size_t)group * (size_t)size + (size_t)local != at[d]) return "group id";
    }
    return NULL;
}

static void expect_places(const struct rig *rig, struct opencl_kernel *k, const struct range *r) {
    size_t n[RIG_DIMS], total = 1;
    for (int d = 0; d < RIG_DIMS; d++) total *= n[d] = d < r->dims ? r->global[d] : 1;
    size_t count_bytes = (total + 1) * sizeof(int32_t), seen_bytes = 9 * count_bytes;
    int32_t *count = mem_alloc(count_bytes), *seen = mem_alloc(seen_bytes);
    struct opencl_buffer *counts = rig_buffer(rig, count_bytes), *all = rig_buffer(rig, seen_bytes);
    for (unsigned d = 0; d < RIG_DIMS; d++) set_number(k, d, n[d]);
    WELL(opencl_kernel_set_buffer(k, 3, counts));
    WELL(opencl_kernel_set_buffer(k, 4, all));
    WELL(opencl_buffer_fill(counts, 0, 0, count_bytes));
    WELL(opencl_buffer_fill(all, 0, UINT32_MAX, seen_bytes));
    WELL(opencl_launch(k, r->dims, r->global, r->local, 0));
    WELL(opencl_buffer_read(counts, 0, count, count_bytes));
    WELL(opencl_buffer_read(all, 0, seen, seen_bytes));
    for (size_t i = 0; i < total; i++) {
        const char *wrong = count[i] == 1 ? wrong_item(r, i, seen + 9 * i) : "count";
        if (wrong) /* an assertion for each would take minutes */
            ck_abort_msg("work-item %zu of %zu x %zu x %zu ran %d times, and has a wrong %s", i,
                         n[0], n[1], n[2], count[i], wrong);
    }
    ck_assert_int_eq(count[total], 0);
    opencl_buffer_destroy(counts);
    opencl_buffer_destroy(all);
    mem_free(count);
    mem_free(seen);
}

/* Where a profile is wanted a launch is run in parts, however short; else it may be run by the caller
 * alone once its time is known. */
START_TEST(every_work_item_has_its_place) {
    for (int profile = 0; profile < 2; profile++) {
        struct rig rig = rig_open(profile, NULL);
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
            struct opencl_kernel *k = rig_kernel(&rig, "place");
            for (int round = 0; round < 3; round++) expect_places(&rig, k, &ranges[i]);
            opencl_kernel_destroy(k);
        }
        opencl_close(rig.cl);
    }
}
END_TEST

static void expect_turned(const struct rig *rig, size_t width, size_t height, size_t lx,
                          size_t ly) {
    size_t n = width * height, bytes = n * sizeof(int32_t);
    int32_t *in = mem_alloc(bytes), *out = mem_alloc(bytes);
    struct opencl_buffer *x = rig_buffer(rig, bytes), *y = rig_buffer(rig, bytes);
    struct opencl_kernel *k = rig_kernel(rig, "turn");
    for (size_t i = 0; i < n; i++) in[i] = (int32_t)i;
    WELL(opencl_buffer_write(x, 0, in, bytes));
    set_number(k, 0, width);
    WELL(opencl_kernel_set_buffer(k, 1, x));
    WELL(opencl_kernel_set_buffer(k, 2, y));
    for (int round = 0; round < 3; round++) {
        WELL(opencl_buffer_fill(y, 0, UINT32_MAX, bytes));
        WELL(opencl_launch(k, 2, (size_t[RIG_DIMS]){width, height}, (size_t[RIG_DIMS]){lx, ly}, 0));
        WELL(opencl_buffer_read(y, 0, out, bytes));
        for (size_t i = 0; i < n; i++) {
            size_t at_x = i % width, at_y = i / width, left = at_x / lx * lx, top = at_y / ly * ly;
            size_t from = (top + ly - 1 - at_y % ly) * width + left + lx - 1 - at_x % lx;
            ck_assert_msg(out[i] == in[from], "%zu x %zu: y[%zu] is %d, not %d", width, height, i,
                          out[i], in[from]);
        }
    }
    opencl_kernel_destroy(k);
    opencl_buffer_destroy(x);
    opencl_buffer_destroy(y);
    mem_free(in);
    mem_free(out);
}

START_TEST(groups_share_local_memory) {
    for (int profile = 0; profile < 2; profile++) {
        struct rig rig = rig_open(profile, NULL);
        expect_turned(&rig, 16, 16, 16, 16);
        expect_turned(&rig, 60, 35, 4, 5);
        expect_turned(&rig, 512, 96, 32, 8);
        expect_turned(&rig, 7, 300, 7, 2);
        expect_turned(&rig, 1000, 3, 250, 1);
        opencl_close(rig.cl);
    }
}
END_TEST

/* ---- Order ---- */

/* y = x moved, through kernel k; both hold n elements from an offset on. */
static void set_move(struct opencl_kernel *k, size_t n, size_t shift, size_t factor,
                     struct opencl_buffer *x, size_t x_offset, struct opencl_buffer *y,
                     size_t y_offset) {
    set_number(k, 0, n);
    set_number(k, 1, shift);
    set_number(k, 2, factor);
    WELL(opencl_kernel_set_buffer(k, 3, x));
    set_number(k, 4, x_offset);
    WELL(opencl_kernel_set_buffer(k, 5, y));
    set_number(k, 6, y_offset);
}

static void host_move(size_t n, size_t shift, uint32_t factor, const uint32_t *x, uint32_t *y) {
    for (size_t i = 0; i < n; i++) y[i] = x[(i + shift) % n] * factor + (uint32_t)i;
}

/* Launch i reads what the launch before wrote, half the row away, where another member was. */
static void expect_chain(const struct rig *rig, size_t n, size_t length) {
    size_t bytes = n * sizeof(uint32_t);
    uint32_t *rows[2] = {mem_alloc(bytes), mem_alloc(bytes)}, *out = mem_alloc(bytes);
    struct opencl_kernel **k = mem_array(length, sizeof *k);
    struct opencl_buffer *b = rig_buffer(rig, 2 * bytes);
    for (size_t i = 0; i < length; i++) {
        k[i] = rig_kernel(rig, "move");
        set_move(k[i], n, n / 2 + i, 3 + 2 * i, b, i % 2 * n, b, (i + 1) % 2 * n);
    }
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < n; i++) rows[0][i] = (uint32_t)(i * 2654435761u + (unsigned)round);
        WELL(opencl_buffer_write(b, 0, rows[0], bytes));
        for (size_t i = 0; i < length; i++) launch(k[i], n, 0, SIZE_MAX);
        for (size_t i = 0; i < length; i++)
            host_move(n, n / 2 + i, (uint32_t)(3 + 2 * i), rows[i % 2], rows[(i + 1) % 2]);
        WELL(opencl_buffer_read(b, length % 2 * bytes, out, bytes));
        ck_assert_msg(memcmp(out, rows[length % 2], bytes) == 0, "round %d of %zu launches", round,
                      length);
    }
    for (size_t i = 0; i < length; i++) opencl_kernel_destroy(k[i]);
    opencl_buffer_destroy(b);
    mem_free(k);
    mem_free(out);
    mem_free(rows[0]);
    mem_free(rows[1]);
}

START_TEST(launches_run_in_order) {
    struct rig rig = rig_open(false, NULL);
    expect_chain(&rig, 1 << 16, 300);
    expect_chain(&rig, 1 << 13, 300);
    expect_chain(&rig, 64, 5); /* so short that the caller runs it alone */
    opencl_close(rig.cl);
}
END_TEST

enum { N = 5000, MIDDLE = N / 3 };

/* A buffer, and what it must hold. */
struct twin {
    struct opencl_buffer *b;
    uint32_t host[N];
};

static void expect_twin(const struct twin *t, const char *what, int step) {
    uint32_t out[N];
    WELL(opencl_buffer_read(t->b, 0, out, sizeof out));
    ck_assert_msg(memcmp(out, t->host, sizeof out) == 0, "step %d, after %s", step, what);
}

static void host_add(uint32_t *x, uint32_t value) {
    for (size_t i = 0; i < N; i++) x[i] += value;
}

/* An argument that is changed after a launch, and before it. */
static void step_arguments(struct opencl_kernel *add, struct twin *t, uint32_t value) {
    set_number(add, 1, value);
    launch(add, N, 0, SIZE_MAX);
    set_number(add, 1, value + 77);
    host_add(t->host, value);
    launch(add, N, 8, SIZE_MAX);
    host_add(t->host, value + 77);
}

/* Kernels and a buffer that go while their launches may still wait. */
static void step_destroy(const struct rig *rig, struct twin *t) {
    static uint32_t moved[N];
    struct opencl_buffer *other = rig_buffer(rig, sizeof moved);
    struct opencl_kernel *to = rig_kernel(rig, "move"), *back = rig_kernel(rig, "move");
    set_move(to, N, 17, 5, t->b, 0, other, 0);
    set_move(back, N, N / 2, 3, other, 0, t->b, 0);
    launch(to, N, 0, SIZE_MAX);
    opencl_kernel_destroy(to);
    launch(back, N, 0, SIZE_MAX);
    opencl_buffer_destroy(other);
    opencl_kernel_destroy(back);
    host_move(N, 17, 5, t->host, moved);
    host_move(N, N / 2, 3, moved, t->host);
}

static void step_write(struct twin *t, uint32_t value) {
    for (size_t i = MIDDLE; i < N; i++) t->host[i] = value * (uint32_t)i;
    WELL(opencl_buffer_write(t->b, MIDDLE * sizeof value, t->host + MIDDLE,
                             (N - MIDDLE) * sizeof value));
}

static void step_fill(struct twin *t, uint32_t value) {
    for (size_t i = 0; i < MIDDLE; i++) t->host[i] = value;
    WELL(opencl_buffer_fill(t->b, 0, value, MIDDLE * sizeof value));
}

static void step_map(const struct twin *t, int step) {
    uint32_t out[N];
    WELL(opencl_buffer_map(t->b, sizeof out, out, sizeof out));
    ck_assert_msg(memcmp(out, t->host, sizeof out) == 0, "step %d, mapped", step);
}

/* Every operation behind every other, again and again, with launches waiting between them. */
START_TEST(operations_keep_their_order) {
    struct rig rig = rig_open(_i, NULL);
    static struct twin t;
    struct opencl_kernel *add = rig_kernel(&rig, "add");
    t.b = rig_buffer(&rig, sizeof t.host);
    WELL(opencl_buffer_write(t.b, 0, t.host, sizeof t.host));
    set_number(add, 0, N);
    WELL(opencl_kernel_set_buffer(add, 2, t.b));
    uint32_t random = 1;
    for (int step = 0; step < 500; step++) {
        random = random * 1664525u + 1013904223u;
        switch (random >> 16 & 7) {
        case 0: step_write(&t, random); break;
        case 1: step_fill(&t, random); break;
        case 2: step_map(&t, step); break;
        case 3: expect_twin(&t, "anything", step); break;
        case 4: step_destroy(&rig, &t); break;
        case 5: WELL(opencl_submit(rig.cl)); break;
        default: step_arguments(add, &t, random); break;
        }
    }
    expect_twin(&t, "everything", 500);
    opencl_kernel_destroy(add);
    opencl_buffer_destroy(t.b);
    opencl_close(rig.cl);
}
END_TEST

/* More launches than are collected, without a wait; then batches of few. */
START_TEST(many_launches_wait) {
    struct rig rig = rig_open(_i, NULL);
    uint32_t out[64], expected = 0;
    struct opencl_buffer *x = rig_buffer(&rig, sizeof out);
    struct opencl_kernel *k = rig_kernel(&rig, "add");
    WELL(opencl_buffer_fill(x, 0, 0, sizeof out));
    set_number(k, 0, 64);
    set_number(k, 1, 1);
    WELL(opencl_kernel_set_buffer(k, 2, x));
    static const int counts[] = {10000, 1, 1, 4096, 4097, 2, 3, 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int n = 0; n < counts[i]; n++, expected++) launch(k, 64, n % 3 ? 16 : 0, (size_t)_i);
        WELL(opencl_buffer_read(x, 0, out, sizeof out));
        for (int e = 0; e < 64; e++) ck_assert_uint_eq(out[e], expected);
    }
    opencl_kernel_destroy(k);
    opencl_buffer_destroy(x);
    opencl_close(rig.cl);
}
END_TEST

int main(int argc, char **argv) {
    int result;
    if (!rig_prepare(argc, argv, &result)) return result;
    Suite *suite = suite_create("team");
    TCase *tests = tcase_create("team"), *seven = tcase_create("seven members");
    tcase_add_checked_fixture(tests, setup, rig_teardown);
    tcase_add_checked_fixture(seven, setup_seven, rig_teardown);
    for (int i = 0; i < 2; i++) {
        TCase *t = i ? seven : tests;
        tcase_add_test(t, every_work_item_has_its_place);
        tcase_add_test(t, groups_share_local_memory);
        tcase_add_test(t, launches_run_in_order);
        tcase_add_loop_test(t, operations_keep_their_order, 0, 2);
        tcase_add_loop_test(t, many_launches_wait, 0, 2);
        suite_add_tcase(suite, t);
    }
    return harness_main(suite);
}
