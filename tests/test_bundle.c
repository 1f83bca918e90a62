/* Kernels built together as one program: names stay apart, a broken member is named alone, the store
 * gives each member to whoever wants it. On every usable device. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "harness.h"
#include "opencl/opencl.h"
#include "store/store.h"

static char folder[64];
static fovea_device_info *devices;
static size_t n_devices;

static void write_kernel(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Two files that give the same names to different things. */
static const char one[] =
    "#ifndef EXTRA\n"
    "#define EXTRA 0\n"
    "#endif\n"
    "enum { FIRST = 3, SECOND };\n"
    "typedef struct box_tag { int a; } box;\n"
    "__constant int table[2] = {FIRST, SECOND}; /* not a brace: { */\n"
    "#define PICK(i) \\\n"
    "    (table[i] + EXTRA)\n"
    "int helper(int i);\n"
    "int helper(int i) {\n"
    "    box b = {PICK(i)};\n"
    "    return b.a;\n"
    "}\n"
    "__kernel void one_part(__global int *y) { y[0] = helper(1); }\n"
    "__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void one(__global int *y) {\n"
    "    one_part(y);\n"
    "}\n"
    "/* not wanted */\n"
    "__kernel void one_other(__global int *y) { y[0] = 'x'; // }\n"
    "}\n";
static const char two[] = "#define PICK table\n"
                          "typedef float box;\n"
                          "enum box_tag { SECOND = 50 };\n"
                          "int table(box b, int FIRST);\n"
                          "int table(box b, int FIRST) { return (int)b + FIRST; }\n"
                          "#ifdef EXTRA\n"
                          "#define HELPER EXTRA\n"
                          "#else\n"
                          "#define HELPER 7\n"
                          "#endif\n"
                          "__kernel void two(__global int *y) { y[0] = PICK(SECOND, HELPER); }\n";

static void setup(void) {
    setenv("RUSTICL_ENABLE", "llvmpipe", 0); /* one more device where that runtime is installed */
    snprintf(folder, sizeof folder, "/tmp/fovea_bundle_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("FOVEA_KERNEL_DIR", folder, 1);
    write_kernel("one.cl", one);
    write_kernel("two.cl", two);
    write_kernel("broken.cl", "__kernel void broken(void) { this is no C; }\n");
    write_kernel("unclosed.cl", "__kernel void unclosed(__global int *y) { y[0] = 1;\n");
    write_kernel("pragma.cl", "#pragma OPENCL FP_CONTRACT OFF\n"
                              "__kernel void pragma(__global int *y) { y[0] = 12; }\n");
    write_kernel("branches.cl", "#if A\n"
                                "__kernel void branches(__global int *y) { y[0] = 1 + A;\n"
                                "#else\n"
                                "__kernel void branches(__global int *y) { y[0] = 2;\n"
                                "#endif\n"
                                "}\n");
    ck_assert_int_eq(opencl_list(&devices, &n_devices, NULL, NULL), FOVEA_OK);
}

static void teardown(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    mem_free(devices);
}

/* The i-th usable device opened; NULL past the end. */
static struct opencl *open_device(size_t i, struct store *store) {
    for (size_t d = 0; d < n_devices; d++) {
        if (devices[d].problem[0] || i--) continue;
        struct opencl *cl;
        ck_assert_msg(opencl_open(&cl, devices[d].id, false, store) == FOVEA_OK, "%s",
                      fovea_error());
        return cl;
    }
    return NULL;
}

enum { MOST = 8 };

/* Builds all and returns how many were compiled; statuses and logs are kept for the caller. */
static struct opencl_program *programs[MOST];
static fovea_status statuses[MOST];
static char logs[MOST][4096];

static size_t build(struct opencl *cl, const struct opencl_source *sources, size_t count) {
    size_t compiled;
    char *found[MOST];
    ck_assert_int_eq(opencl_build(cl, sources, count, programs, statuses, found, &compiled),
                     FOVEA_OK);
    for (size_t i = 0; i < count; i++) {
        snprintf(logs[i], sizeof logs[i], "%s", found[i] ? found[i] : "");
        ck_assert_int_eq(statuses[i] == FOVEA_OK, found[i] == NULL);
        ck_assert_int_eq(statuses[i] == FOVEA_OK, programs[i] != NULL);
        mem_free(found[i]);
    }
    return compiled;
}

/* What the kernel writes. */
static int run(struct opencl *cl, struct opencl_program *program, const char *function) {
    struct opencl_buffer *y;
    struct opencl_kernel *k;
    const size_t global[3] = {1, 1, 1}, local[3] = {1, 1, 1};
    int got = -1;
    ck_assert_int_eq(opencl_buffer_create(&y, cl, sizeof got), FOVEA_OK);
    ck_assert_msg(opencl_kernel_create(&k, program, function) == FOVEA_OK, "%s", fovea_error());
    ck_assert_int_eq(opencl_kernel_set_buffer(k, 0, y), FOVEA_OK);
    ck_assert_int_eq(opencl_launch(k, 1, global, local, SIZE_MAX), FOVEA_OK);
    ck_assert_int_eq(opencl_buffer_read(y, 0, &got, sizeof got), FOVEA_OK);
    opencl_kernel_destroy(k);
    opencl_buffer_destroy(y);
    return got;
}

START_TEST(names_stay_apart) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, NULL)); i++) {
        const struct opencl_source sources[] = {
            {"one", "-DEXTRA=10", "one"}, {"two", "", "two"},          {"one", "", "one"},
            {"two", "-DEXTRA=8", NULL},   {"one", "-DEXTRA=10", NULL}, {"one", "-DEXTRA", "one"}};
        ck_assert_uint_eq(build(cl, sources, 6), 6);
        for (int k = 0; k < 6; k++) ck_assert_msg(statuses[k] == FOVEA_OK, "%s", logs[k]);
        ck_assert_int_eq(run(cl, programs[0], "one"), 14);
        ck_assert_int_eq(run(cl, programs[1], "two"), 57);
        ck_assert_int_eq(run(cl, programs[2], "one"), 4);
        ck_assert_int_eq(run(cl, programs[3], "two"), 58);
        ck_assert_int_eq(run(cl, programs[4], "one"), 14);
        ck_assert_int_eq(run(cl, programs[4], "one_other"), 'x');
        ck_assert_int_eq(run(cl, programs[5], "one"), 5);
        opencl_close(cl);
    }
}
END_TEST

START_TEST(only_the_wanted_kernel_is_built) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, NULL)); i++) {
        struct opencl_kernel *k;
        ck_assert_uint_eq(build(cl, &(struct opencl_source){"one", "", "one"}, 1), 1);
        ck_assert_int_eq(run(cl, programs[0], "one_part"), 4); /* the wanted one calls it */
        ck_assert_int_eq(opencl_kernel_create(&k, programs[0], "one_other"), FOVEA_INVALID);
        ck_assert(strstr(fovea_error(), "one.cl") && strstr(fovea_error(), "'one_other'"));
        opencl_close(cl);
    }
}
END_TEST

START_TEST(a_broken_member_is_named_alone) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, NULL)); i++) {
        const struct opencl_source sources[] = {
            {"one", "-DEXTRA=1", "one"}, {"one", "-DEXTRA=2", "one"}, {"broken", "-DA=1", "broken"},
            {"two", "", "two"},          {"unclosed", "", NULL},      {"one", "-DEXTRA=3", "one"}};
        ck_assert_uint_eq(build(cl, sources, 6), 4);
        ck_assert_int_eq(statuses[2], FOVEA_BUILD_ERROR);
        ck_assert_msg(strstr(logs[2], "broken.cl") && strstr(logs[2], "-DA=1"), "%s", logs[2]);
        ck_assert_int_eq(statuses[4], FOVEA_BUILD_ERROR);
        ck_assert_msg(strstr(logs[4], "unclosed.cl"), "%s", logs[4]);
        ck_assert_int_eq(run(cl, programs[0], "one"), 5);
        ck_assert_int_eq(run(cl, programs[1], "one"), 6);
        ck_assert_int_eq(run(cl, programs[3], "two"), 57);
        ck_assert_int_eq(run(cl, programs[5], "one"), 7);
        opencl_close(cl);
    }
}
END_TEST

START_TEST(who_cannot_share_is_built_alone) {
    struct opencl *cl;
    for (size_t i = 0; (cl = open_device(i, NULL)); i++) {
        const struct opencl_source sources[] = {{"pragma", "", "pragma"},
                                                {"two", "", "two"},
                                                {"one", "-DEXTRA=1 -cl-mad-enable", "one"},
                                                {"branches", "-DA=5", "branches"},
                                                {"branches", "", "branches"}};
        ck_assert_uint_eq(build(cl, sources, 5), 5);
        ck_assert_int_eq(run(cl, programs[0], "pragma"), 12);
        ck_assert_int_eq(run(cl, programs[1], "two"), 57);
        ck_assert_int_eq(run(cl, programs[2], "one"), 5);
        ck_assert_int_eq(run(cl, programs[3], "branches"), 6);
        ck_assert_int_eq(run(cl, programs[4], "branches"), 2);
        opencl_close(cl);
    }
}
END_TEST

/* Deletes the rows that are no larger than the limit, or those that are. */
static void delete_rows(const char *path, const char *condition) {
    sqlite3 *db;
    char *sql = mem_format("DELETE FROM binary WHERE length(data) %s", condition);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_changes(db) > 0, 1);
    sqlite3_close(db);
    mem_free(sql);
}

START_TEST(members_come_from_the_store) {
    const struct opencl_source first[] = {{"one", "-DEXTRA=1", "one"}, {"two", "", "two"}};
    const struct opencl_source second[] = {
        {"two", "", "two"}, {"one", "-DEXTRA=2", "one"}, {"one", "-DEXTRA=1", "one"}};
    char path[96];
    for (size_t i = 0;; i++) {
        snprintf(path, sizeof path, "%s/%zu.db", folder, i);
        struct store *store = store_open(path, NULL, NULL);
        struct opencl *cl = open_device(i, store);
        if (!cl) {
            store_close(store);
            break;
        }
        ck_assert_uint_eq(build(cl, first, 2), 2);
        ck_assert_int_eq(run(cl, programs[0], "one"), 5);
        ck_assert_int_eq(run(cl, programs[1], "two"), 57);
        opencl_remember(cl);
        opencl_close(cl);
        for (int round = 0; round < 2; round++) { /* only what is new is compiled, and only once */
            cl = open_device(i, store);
            ck_assert_uint_eq(build(cl, second, 3), round == 0);
            ck_assert_int_eq(run(cl, programs[0], "two"), 57);
            ck_assert_int_eq(run(cl, programs[1], "one"), 6);
            ck_assert_int_eq(run(cl, programs[2], "one"), 5);
            opencl_remember(cl);
            opencl_close(cl);
        }
        /* Members without their bundle are absent. */
        delete_rows(path, "> 400");
        cl = open_device(i, store);
        ck_assert_uint_eq(build(cl, second, 3), 3);
        ck_assert_int_eq(run(cl, programs[2], "one"), 5);
        opencl_close(cl);
        store_close(store);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bundle");
    TCase *tests = tcase_create("bundle");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, names_stay_apart);
    tcase_add_test(tests, only_the_wanted_kernel_is_built);
    tcase_add_test(tests, a_broken_member_is_named_alone);
    tcase_add_test(tests, who_cannot_share_is_built_alone);
    tcase_add_test(tests, members_come_from_the_store);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
