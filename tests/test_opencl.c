/* The OpenCL room, with small kernels of its own, on every usable device. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "harness.h"
#include "opencl/opencl.h"
#include "store/store.h"

static char folder[64];
static fovea_device_info *devices;
static size_t n_devices;
static int warnings;

static void on_warning(void *user, const char *sentence) {
    (void)user;
    ck_assert(strlen(sentence) > 10);
    warnings++;
}

static void write_kernel(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void setup(void) {
    setenv("RUSTICL_ENABLE", "llvmpipe", 0); /* one more device where that runtime is installed */
    snprintf(folder, sizeof folder, "/tmp/fovea_opencl_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("FOVEA_KERNEL_DIR", folder, 1);
    write_kernel("scale.cl", "#ifndef FACTOR\n#define FACTOR 1\n#endif\n"
                             "__kernel void scale(int n, __global const real *x, ulong x_offset,\n"
                             "                    __global real *y, ulong y_offset) {\n"
                             "    int i = get_global_id(0);\n"
                             "    if (i >= n) return;\n"
                             "    y[y_offset + i] = FACTOR * x[x_offset + i];\n"
                             "}\n");
    write_kernel("broken.cl", "__kernel void broken(void) { this is no C; }\n");
    warnings = 0;
    ck_assert_int_eq(opencl_list(&devices, &n_devices, on_warning, NULL), FOVEA_OK);
}

static void teardown(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    mem_free(devices);
}

/* The i-th usable device opened; NULL past the end. */
static struct opencl *open_device(size_t i, bool profile, struct store *store) {
    for (size_t d = 0; d < n_devices; d++) {
        if (devices[d].problem[0] || i--) continue;
        struct opencl *cl;
        ck_assert_msg(opencl_open(&cl, devices[d].id, profile, store) == FOVEA_OK, "%s",
                      fovea_error());
        return cl;
    }
    return NULL;
}

static struct opencl_program *build(struct opencl *cl, const char *stem, const char *options,
                                    size_t *compiled) {
    struct opencl_program *program;
    fovea_status status;
    char *log;
    struct opencl_source source = {stem, options, NULL};
    ck_assert_int_eq(opencl_build(cl, &source, 1, &program, &status, &log, compiled), FOVEA_OK);
    ck_assert_msg(status == FOVEA_OK, "%s", log);
    ck_assert_ptr_null(log);
    return program;
}

enum { N = 1000, PAD = 3 };

/* y = factor * x through a kernel of the program; checks every element and what lies around them. */
static void expect_scaled(struct opencl *cl, struct opencl_program *program, float factor,
                          size_t slot) {
    struct opencl_buffer *x, *y;
    struct opencl_kernel *k;
    float in[N + PAD], out[N + 2 * PAD];
    for (int i = 0; i < N + PAD; i++) in[i] = (float)(i * 7 % 101);
    ck_assert_int_eq(opencl_buffer_create(&x, cl, sizeof in), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_create(&y, cl, sizeof out), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_write(x, 0, in, sizeof in), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_fill(y, 0, 0x40a00000 /* 5.0f */, sizeof out), FOVEA_OK);
    ck_assert_int_eq(opencl_kernel_create(&k, program, "scale"), FOVEA_OK);
    int32_t n = N;
    uint64_t offset = PAD;
    ck_assert_int_eq(opencl_kernel_set(k, 0, &n, sizeof n), FOVEA_OK);
    ck_assert_int_eq(opencl_kernel_set_buffer(k, 1, x), FOVEA_OK);
    ck_assert_int_eq(opencl_kernel_set(k, 2, &offset, sizeof offset), FOVEA_OK);
    ck_assert_int_eq(opencl_kernel_set_buffer(k, 3, y), FOVEA_OK);
    ck_assert_int_eq(opencl_kernel_set(k, 4, &offset, sizeof offset), FOVEA_OK);
    size_t global[3] = {1024}, local[3] = {0};
    ck_assert_msg(opencl_launch(k, 1, global, local, slot) == FOVEA_OK, "%s", fovea_error());
    ck_assert_int_eq(opencl_buffer_read(y, 0, out, sizeof out), FOVEA_OK);
    for (int i = 0; i < N + 2 * PAD; i++) {
        float expected = i < PAD || i >= N + PAD ? 5 : factor * in[i];
        ck_assert_msg(out[i] == expected, "%s: y[%d] = %g, not %g", opencl_info(cl)->name, i,
                      (double)out[i], (double)expected);
    }
    opencl_kernel_destroy(k);
    opencl_buffer_destroy(x);
    opencl_buffer_destroy(y);
}

/* The loader finds no driver at all, or drivers that do not load. */
static void setup_broken(void) {
    char path[128];
    snprintf(folder, sizeof folder, "/tmp/fovea_opencl_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/vendors", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    setenv("OCL_ICD_VENDORS", path, 1);
    setenv("OCL_ICD_FILENAMES", "", 1);
}

START_TEST(no_platform_is_told_and_no_failure) {
    if (_i) { /* a driver that is not there, and one that is no driver */
        write_kernel("vendors/a.icd", "libthere_is_none.so\n");
        write_kernel("vendors/b.icd", "libm.so.6\n");
    }
    struct opencl *cl;
    ck_assert_int_eq(opencl_list(&devices, &n_devices, on_warning, NULL), FOVEA_OK);
    if (n_devices && !strcmp(devices[0].platform, "Oclgrind"))
        return; /* it stands for the loader */
    ck_assert_uint_eq(n_devices, 0);
    ck_assert_int_eq(warnings, 1);
    ck_assert_int_eq(opencl_open(&cl, "opencl:0:0", false, NULL), FOVEA_NO_DEVICE);
    ck_assert_ptr_null(cl);
}
END_TEST

START_TEST(facts_are_sane) {
    for (size_t i = 0; i < n_devices; i++) {
        const fovea_device_info *d = &devices[i];
        ck_assert(!strncmp(d->id, "opencl:", 7) && d->name[0] && d->platform[0]);
        if (d->problem[0]) {
            struct opencl *cl;
            ck_assert_int_eq(opencl_open(&cl, d->id, false, NULL), FOVEA_NO_DEVICE);
            ck_assert_ptr_null(cl);
            continue;
        }
        ck_assert(d->compute_units && d->memory_bytes && d->max_allocation_bytes);
        ck_assert(d->max_work_group_size && d->vector_width && d->address_bits);
        ck_assert(d->flops_peak > 1e8 && d->flops_peak < 1e15);
        ck_assert(d->bytes_per_second > 1e8 && d->bytes_per_second < 1e14);
        if (d->type == FOVEA_DEVICE_CPU) ck_assert(!d->local_memory_is_real);
    }
    ck_assert_int_eq(warnings, n_devices == 0);
}
END_TEST

START_TEST(wrong_names_are_refused) {
    static const char *const names[] = {"opencl:99:0", "opencl:0:99", "opencl:0", "opencl:0:0x",
                                        "opencl:-1:0", "gpu",         ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct opencl *cl;
        ck_assert_int_eq(opencl_open(&cl, names[i], false, NULL), FOVEA_NO_DEVICE);
        ck_assert_ptr_null(cl);
        ck_assert(strlen(fovea_error()) > 10);
    }
}
END_TEST

START_TEST(kernels_compute) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, false, NULL)); i++) {
        size_t compiled;
        struct opencl_program *program = build(cl, "scale", "-DFACTOR=3", &compiled);
        ck_assert_uint_eq(compiled, 1);
        expect_scaled(cl, program, 3, SIZE_MAX);
        ck_assert_ptr_eq(build(cl, "scale", "-DFACTOR=3", &compiled), program);
        ck_assert_uint_eq(compiled, 0);
        ck_assert_ptr_ne(build(cl, "scale", "-DFACTOR=4", &compiled), program);
        ck_assert_uint_eq(compiled, 1);
        opencl_close(cl);
    }
}
END_TEST

START_TEST(misuse_is_told) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, false, NULL)); i++) {
        size_t compiled;
        struct opencl_program *program = build(cl, "scale", "", &compiled);
        struct opencl_kernel *k;
        ck_assert_int_eq(opencl_kernel_create(&k, program, "missing"), FOVEA_INVALID);
        ck_assert(k == NULL && strstr(fovea_error(), "missing"));
        ck_assert_int_eq(opencl_kernel_create(&k, program, "scale"), FOVEA_OK);
        ck_assert_int_eq(opencl_kernel_set(k, 17, &compiled, 4), FOVEA_INVALID);
        ck_assert(strstr(fovea_error(), "CL_INVALID_ARG_INDEX (-49)"));
        size_t none[3] = {0}, ten[3] = {10}, three[3] = {3}, many[3] = {1 << 30};
        ck_assert_int_eq(opencl_launch(k, 1, none, none, SIZE_MAX), FOVEA_INVALID);
        ck_assert_int_eq(opencl_launch(k, 1, ten, three, SIZE_MAX), FOVEA_INVALID);
        ck_assert_int_eq(opencl_launch(k, 1, many, many, SIZE_MAX), FOVEA_INVALID);
        ck_assert_int_eq(opencl_launch(k, 4, ten, none, SIZE_MAX), FOVEA_INVALID);
        opencl_kernel_destroy(k);
        opencl_close(cl);
    }
}
END_TEST

START_TEST(memory_is_checked) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, false, NULL)); i++) {
        struct opencl_buffer *b;
        char bytes[8] = "1234567";
        ck_assert_int_eq(opencl_buffer_create(&b, cl, 0), FOVEA_OK);
        ck_assert_int_eq(opencl_buffer_write(b, 0, bytes, 0), FOVEA_OK);
        ck_assert_int_eq(opencl_buffer_write(b, 0, bytes, 1), FOVEA_INVALID);
        opencl_buffer_destroy(b);
        ck_assert_int_eq(opencl_buffer_create(&b, cl, 8), FOVEA_OK);
        ck_assert_int_eq(opencl_buffer_write(b, 1, bytes, 8), FOVEA_INVALID);
        ck_assert_int_eq(opencl_buffer_read(b, SIZE_MAX, bytes, 2), FOVEA_INVALID);
        ck_assert_int_eq(opencl_buffer_fill(b, 2, 0, 4), FOVEA_INVALID);
        ck_assert_int_eq(opencl_buffer_fill(b, 8, 0, 4), FOVEA_INVALID);
        ck_assert_int_eq(opencl_buffer_write(b, 0, bytes, 8), FOVEA_OK);
        ck_assert_int_eq(opencl_buffer_fill(b, 4, 0x61616161, 4), FOVEA_OK);
        ck_assert_int_eq(opencl_buffer_read(b, 2, bytes, 6), FOVEA_OK);
        ck_assert_mem_eq(bytes, "34aaaa", 6);
        opencl_buffer_destroy(b);
        ck_assert_int_eq(opencl_buffer_create(&b, cl, SIZE_MAX / 2), FOVEA_NO_MEMORY);
        ck_assert_ptr_null(b);
        ck_assert(strstr(fovea_error(), opencl_info(cl)->name));
        opencl_close(cl);
    }
}
END_TEST

START_TEST(a_build_failure_carries_its_log) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, false, NULL)); i++) {
        struct opencl_source sources[] = {{"scale", "-DFACTOR=2", NULL},
                                          {"broken", "-DA=1", NULL},
                                          {"scale", "-DFACTOR=2", NULL},
                                          {"absent", "", NULL},
                                          {"../scale", "", NULL}};
        struct opencl_program *out[5];
        fovea_status statuses[5];
        char *logs[5];
        size_t compiled;
        ck_assert_int_eq(opencl_build(cl, sources, 5, out, statuses, logs, &compiled), FOVEA_OK);
        ck_assert_uint_eq(compiled, 1);
        ck_assert(out[0] && out[0] == out[2] && !statuses[0] && !statuses[2] && !logs[0]);
        ck_assert_int_eq(statuses[1], FOVEA_BUILD_ERROR);
        ck_assert_msg(strstr(logs[1], "broken.cl") && strstr(logs[1], "-DA=1"), "%s", logs[1]);
        ck_assert_int_eq(statuses[3], FOVEA_INVALID);
        ck_assert_int_eq(statuses[4], FOVEA_INVALID);
        ck_assert(!out[1] && !out[3] && !out[4] && strstr(logs[3], "absent"));
        expect_scaled(cl, out[0], 2, SIZE_MAX);
        for (int k = 0; k < 5; k++) mem_free(logs[k]);
        opencl_close(cl);
    }
}
END_TEST

START_TEST(many_programs_build_at_once) {
    enum { MANY = 20 };
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, false, NULL)); i++) {
        struct opencl_source sources[MANY];
        struct opencl_program *out[MANY];
        fovea_status statuses[MANY];
        char *logs[MANY], options[MANY][16];
        size_t compiled;
        for (int k = 0; k < MANY; k++) {
            snprintf(options[k], sizeof options[k], "-DFACTOR=%d", k);
            sources[k] = (struct opencl_source){"scale", options[k], NULL};
        }
        ck_assert_int_eq(opencl_build(cl, sources, MANY, out, statuses, logs, &compiled), FOVEA_OK);
        ck_assert_uint_eq(compiled, MANY);
        for (int k = 0; k < MANY; k++) ck_assert_msg(statuses[k] == FOVEA_OK, "%s", logs[k]);
        for (int k = 0; k < MANY; k += 7) expect_scaled(cl, out[k], (float)k, SIZE_MAX);
        opencl_close(cl);
    }
}
END_TEST

START_TEST(binaries_come_from_the_store) {
    char path[96];
    for (size_t i = 0;; i++) {
        snprintf(path, sizeof path, "%s/%zu.db", folder, i);
        struct store *store = store_open(path, on_warning, NULL);
        struct opencl *cl = open_device(i, false, store);
        if (!cl) {
            store_close(store);
            break;
        }
        size_t compiled;
        expect_scaled(cl, build(cl, "scale", "-DFACTOR=6", &compiled), 6, SIZE_MAX);
        ck_assert_uint_eq(compiled, 1);
        opencl_remember(cl);
        opencl_close(cl);
        cl = open_device(i, false, store);
        expect_scaled(cl, build(cl, "scale", "-DFACTOR=6", &compiled), 6, SIZE_MAX);
        ck_assert_uint_eq(compiled, 0);
        build(cl, "scale", "-DFACTOR=7", &compiled); /* other options are another program */
        ck_assert_uint_eq(compiled, 1);
        opencl_close(cl);
        store_close(store);
    }
    ck_assert_int_eq(warnings, n_devices == 0);
}
END_TEST

/* The key of the only bundle in a store. */
static char *bundle_key(const char *path) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT key FROM binary WHERE key LIKE '%|bundle%'", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    char *key = mem_string((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return key;
}

START_TEST(a_binary_that_does_not_load_is_replaced) {
    char path[96];
    for (size_t i = 0;; i++) {
        snprintf(path, sizeof path, "%s/%zu.db", folder, i);
        struct store *store = store_open(path, on_warning, NULL);
        struct opencl *cl = open_device(i, false, store);
        if (!cl) {
            store_close(store);
            break;
        }
        /* Mesa 22.3 aborts on a foreign binary; there only keys and checksums stand in between. */
        if (!strcmp(opencl_info(cl)->platform, "rusticl")) {
            opencl_close(cl);
            store_close(store);
            continue;
        }
        size_t compiled, bytes;
        void *found;
        expect_scaled(cl, build(cl, "scale", "-DFACTOR=8", &compiled), 8, SIZE_MAX);
        opencl_remember(cl);
        opencl_close(cl);
        char *key = bundle_key(path);
        store_binary_put(store, key, "this is no program", 18);
        cl = open_device(i, false, store);
        expect_scaled(cl, build(cl, "scale", "-DFACTOR=8", &compiled), 8, SIZE_MAX);
        ck_assert_uint_eq(compiled, 1);
        store_binary_get(store, key, &found, &bytes);
        ck_assert_ptr_null(found);
        opencl_remember(cl);
        opencl_close(cl);
        store_binary_get(store, key, &found, &bytes);
        ck_assert(found && bytes > 18);
        mem_free(found);
        mem_free(key);
        store_close(store);
    }
}
END_TEST

/* Everything once, as far as it gets. Whether it gets to the end. */
static bool try_all(const char *id, const char *store_path) {
    struct opencl *cl = NULL;
    struct opencl_program *program = NULL;
    struct opencl_kernel *kernel = NULL;
    struct opencl_buffer *buffer = NULL;
    struct opencl_source source = {"scale", "-DFACTOR=2", NULL};
    fovea_device_info *list;
    size_t count, compiled;
    char *log = NULL;
    struct store *store = store_open(store_path, NULL, NULL);
    fovea_status built = FOVEA_OK, status = opencl_list(&list, &count, NULL, NULL);
    mem_free(list);
    if (status == FOVEA_OK) status = opencl_open(&cl, id, true, store);
    if (status == FOVEA_OK)
        status = opencl_build(cl, &source, 1, &program, &built, &log, &compiled);
    if (status == FOVEA_OK) status = built;
    if (status == FOVEA_OK) status = opencl_buffer_create(&buffer, cl, 64);
    if (status == FOVEA_OK) status = opencl_kernel_create(&kernel, program, "scale");
    if (status == FOVEA_OK) opencl_remember(cl);
    if (status != FOVEA_OK) ck_assert(strlen(fovea_error()) > 10);
    ck_assert_int_eq(status == FOVEA_OK, kernel != NULL);
    mem_free(log);
    opencl_kernel_destroy(kernel);
    opencl_buffer_destroy(buffer);
    opencl_close(cl);
    store_close(store);
    return status == FOVEA_OK;
}

START_TEST(a_failing_allocation_is_no_crash) {
    enum { ALLOCATIONS = 160 }; /* a few more than the whole way needs */
    struct opencl *cl = open_device(0, false, NULL);
    if (!cl) return;
    char id[32], path[96];
    int failures = 0;
    snprintf(id, sizeof id, "%s", opencl_info(cl)->id);
    snprintf(path, sizeof path, "%s/memory.db", folder);
    opencl_close(cl);
    for (int n = 1; n < ALLOCATIONS; n++) {
        mem_fail_after((size_t)n);
        failures += !try_all(id, path);
        mem_fail_after(0);
    }
    ck_assert_int_gt(failures, 10);
    ck_assert(try_all(id, path));
}
END_TEST

START_TEST(slots_are_timed) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, true, NULL)); i++) {
        size_t compiled;
        double ms[3];
        struct opencl_program *program = build(cl, "scale", "-DFACTOR=2", &compiled);
        expect_scaled(cl, program, 2, SIZE_MAX); /* not timed */
        expect_scaled(cl, program, 2, 1);
        expect_scaled(cl, program, 2, 1);
        expect_scaled(cl, program, 2, 7); /* no such slot */
        ck_assert_int_eq(opencl_times(cl, ms, 3), FOVEA_OK);
        ck_assert(ms[0] == 0 && ms[1] > 0 && ms[1] < 10000 && ms[2] == 0);
        ck_assert_int_eq(opencl_times(cl, ms, 3), FOVEA_OK);
        ck_assert(ms[1] == 0);
        opencl_close(cl);
    }
}
END_TEST

/* Two products of 2x3 by 3x4, the second transposed, checked by hand-written loops. */
static void expect_gemm(struct opencl *cl, size_t batch) {
    float a[12], b[24], c[16];
    for (int i = 0; i < 12; i++) a[i] = (float)(i % 5 - 2);
    for (int i = 0; i < 24; i++) b[i] = (float)(i % 7 - 3);
    struct opencl_buffer *x, *y, *z;
    ck_assert_int_eq(opencl_buffer_create(&x, cl, sizeof a), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_create(&y, cl, sizeof b), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_create(&z, cl, sizeof c), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_write(x, 0, a, sizeof a), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_write(y, 0, b, sizeof b), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_fill(z, 0, 0x3f800000, sizeof c), FOVEA_OK);
    struct opencl_gemm g = {.trans_b = true,
                            .m = 2,
                            .n = 4,
                            .k = 3,
                            .lda = 3,
                            .ldb = 3,
                            .ldc = 4,
                            .alpha = 2,
                            .beta = 3,
                            .a = x,
                            .b = y,
                            .c = z,
                            .batch = batch,
                            .stride_a = 6,
                            .stride_b = 12,
                            .stride_c = 8};
    ck_assert_msg(opencl_gemm(cl, &g, 0) == FOVEA_OK, "%s", fovea_error());
    ck_assert_int_eq(opencl_buffer_read(z, 0, c, sizeof c), FOVEA_OK);
    for (size_t i = 0; i < 16; i++) {
        size_t p = i / 8, row = i % 8 / 4, column = i % 4;
        float sum = 0;
        for (size_t k = 0; k < 3; k++) sum += a[p * 6 + row * 3 + k] * b[p * 12 + column * 3 + k];
        ck_assert(c[i] == (p < batch ? 2 * sum + 3 : 1));
    }
    opencl_buffer_destroy(x);
    opencl_buffer_destroy(y);
    opencl_buffer_destroy(z);
}

START_TEST(gemm_multiplies) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, true, NULL)); i++) {
        if (opencl_has_gemm(cl)) {
            double ms;
            expect_gemm(cl, 1);
            expect_gemm(cl, 2);
            ck_assert_int_eq(opencl_times(cl, &ms, 1), FOVEA_OK);
            ck_assert(ms > 0);
        }
        opencl_close(cl);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("opencl");
    TCase *tests = tcase_create("opencl");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, facts_are_sane);
    tcase_add_test(tests, wrong_names_are_refused);
    tcase_add_test(tests, kernels_compute);
    tcase_add_test(tests, misuse_is_told);
    tcase_add_test(tests, memory_is_checked);
    tcase_add_test(tests, a_build_failure_carries_its_log);
    tcase_add_test(tests, many_programs_build_at_once);
    tcase_add_test(tests, binaries_come_from_the_store);
    tcase_add_test(tests, a_binary_that_does_not_load_is_replaced);
    tcase_add_test(tests, a_failing_allocation_is_no_crash);
    tcase_add_test(tests, slots_are_timed);
    tcase_add_test(tests, gemm_multiplies);
    suite_add_tcase(suite, tests);
    TCase *broken = tcase_create("broken"); /* in processes of their own, so it must fork */
    tcase_add_checked_fixture(broken, setup_broken, teardown);
    tcase_add_loop_test(broken, no_platform_is_told_and_no_failure, 0, 2);
    suite_add_tcase(suite, broken);
    return harness_main(suite);
}
