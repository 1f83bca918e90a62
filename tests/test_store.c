/* The store: what is put comes back, and nothing that happens to the file is worse than a warning. */
#define _GNU_SOURCE
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "harness.h"
#include "store/store.h"

static char folder[64], path[96];
static int warnings;
static char last_warning[1024];

static void on_warning(void *user, const char *sentence) {
    (void)user;
    warnings++;
    snprintf(last_warning, sizeof last_warning, "%s", sentence);
}

static void setup(void) {
    snprintf(folder, sizeof folder, "/tmp/fovea_store_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a/b/store.db", folder);
    warnings = 0;
}

static void teardown(void) {
    char command[192];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", folder, folder);
    ck_assert_int_eq(system(command), 0);
}

static struct store *open_store(void) {
    struct store *s = store_open(path, on_warning, NULL);
    ck_assert_ptr_nonnull(s);
    return s;
}

static void expect_binary(struct store *s, const char *key, const char *contents) {
    void *data;
    size_t bytes;
    store_binary_get(s, key, &data, &bytes);
    if (!contents) {
        ck_assert_ptr_null(data);
        return;
    }
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(bytes, strlen(contents));
    ck_assert_mem_eq(data, contents, bytes);
    mem_free(data);
}

static void put(struct store *s, const char *key, const char *contents) {
    store_binary_put(s, key, contents, strlen(contents));
}

/* Another program changes the file. */
static void sql(const char *text) {
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int64_t ask(const char *text) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

START_TEST(binaries_come_back_after_closing) {
    struct store *s = open_store();
    expect_binary(s, "k", NULL);
    put(s, "k", "first");
    put(s, "k", "second");
    put(s, "other", "third");
    store_close(s);
    s = open_store();
    expect_binary(s, "k", "second");
    expect_binary(s, "other", "third");
    store_binary_delete(s, "k");
    expect_binary(s, "k", NULL);
    store_close(s);
    ck_assert_int_eq(warnings, 0);
}
END_TEST

START_TEST(evidence_is_per_device_algorithm_and_problem) {
    struct store *s = open_store();
    ck_assert_int_eq(store_evidence_get(s, "d", "a", "p"), -1);
    store_evidence_put(s, "d", "a", "p", true, 0.5, NULL);
    store_evidence_put(s, "d", "b", "p", false, 7, "beyond its bound");
    ck_assert_int_eq(store_evidence_get(s, "d", "a", "p"), 1);
    ck_assert_int_eq(store_evidence_get(s, "d", "b", "p"), 0);
    ck_assert_int_eq(store_evidence_get(s, "e", "a", "p"), -1);
    ck_assert_int_eq(store_evidence_get(s, "d", "a", "q"), -1);
    store_evidence_put(s, "d", "a", "p", false, 2, "beyond its bound");
    ck_assert_int_eq(store_evidence_get(s, "d", "a", "p"), 0);
    store_close(s);
    ck_assert_int_eq(warnings, 0);
}
END_TEST

START_TEST(numbers_are_per_device_and_name) {
    struct store *s = open_store();
    double x = 7;
    ck_assert(!store_number_get(s, "device", "peak", &x)); /* before there is a table */
    store_number_put(s, "device", "peak", 1.5e11);
    store_number_put(s, "device", "peak", 2.5e11);
    store_number_put(s, "other", "peak", 3);
    store_close(s);
    s = open_store();
    ck_assert(store_number_get(s, "device", "peak", &x));
    ck_assert(x == 2.5e11);
    ck_assert(!store_number_get(s, "device", "memory", &x));
    ck_assert(store_number_get(s, "other", "peak", &x));
    ck_assert(x == 3);
    ck_assert(!store_number_get(NULL, "device", "peak", &x));
    store_number_put(NULL, "device", "peak", 1);
    store_close(s);
}
END_TEST

START_TEST(a_damaged_row_is_absent_and_deleted) {
    static const char *const damages[] = {
        "UPDATE binary SET data = substr(data, 1, 3)",
        "UPDATE binary SET data = x''",
        "UPDATE binary SET data = 'wrong'",
        "UPDATE binary SET checksum = checksum + 1",
    };
    put(NULL, "k", "no store is no crash");
    struct store *s = open_store();
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        put(s, "k", "right");
        sql(damages[i]);
        expect_binary(s, "k", NULL);
        ck_assert_int_eq(ask("SELECT count(*) FROM binary"), 0);
    }
    /* A row under another's name is damaged too. */
    put(s, "k", "right");
    sql("UPDATE binary SET key = 'stolen'");
    expect_binary(s, "stolen", NULL);
    store_close(s);
    ck_assert_int_eq(warnings, 0);
}
END_TEST

static void write_file(const char *name, const char *contents, size_t bytes) {
    FILE *file = fopen(name, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(contents, 1, bytes, file), bytes);
    fclose(file);
}

static bool exists(const char *suffix) {
    char name[160];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return access(name, F_OK) == 0;
}

START_TEST(garbage_is_moved_aside_with_one_warning) {
    char garbage[20000];
    for (int round = 1; round <= 2; round++) {
        struct store *s = open_store();
        put(s, "k", "v");
        store_close(s);
        memset(garbage, 'x' + round, sizeof garbage);
        write_file(path, garbage, sizeof garbage);
        warnings = 0;
        s = open_store();
        ck_assert_int_eq(warnings, 1);
        ck_assert(strstr(last_warning, "damaged") && strstr(last_warning, path));
        ck_assert(exists(round == 1 ? ".damaged-1" : ".damaged-2"));
        expect_binary(s, "k", NULL);
        put(s, "k", "anew");
        expect_binary(s, "k", "anew");
        store_close(s);
    }
}
END_TEST

START_TEST(damage_found_while_open_is_mended) {
    struct store *s = open_store();
    char large[100000];
    memset(large, 'l', sizeof large);
    for (int i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        store_binary_put(s, key, large, sizeof large);
    }
    store_close(s);
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    char *bytes = calloc(1, (size_t)info.st_size);
    FILE *file = fopen(path, "r+b");
    ck_assert_uint_eq(fread(bytes, 1, 4096, file), 4096); /* the schema stays */
    fseek(file, 4096, SEEK_SET);
    ck_assert_uint_eq(fwrite(bytes + 4096, 1, (size_t)info.st_size - 4096, file),
                      (size_t)info.st_size - 4096);
    fclose(file);
    free(bytes);
    s = open_store();
    expect_binary(s, "7", NULL);
    put(s, "7", "anew");
    expect_binary(s, "7", "anew");
    store_close(s);
    ck_assert_int_eq(warnings, 1);
    ck_assert(exists(".damaged-1"));
}
END_TEST

START_TEST(another_schema_begins_anew) {
    struct store *s = open_store();
    put(s, "k", "v");
    store_close(s);
    sql("PRAGMA user_version = 99; DROP TABLE evidence; CREATE TABLE evidence (x)");
    s = open_store();
    expect_binary(s, "k", NULL);
    store_evidence_put(s, "d", "a", "p", true, 0, NULL);
    ck_assert_int_eq(store_evidence_get(s, "d", "a", "p"), 1);
    store_close(s);
    ck_assert_int_eq(warnings, 0);
}
END_TEST

/* Root may write everywhere: then the folder is a file. */
START_TEST(a_folder_that_cannot_be_written_costs_one_warning) {
    char name[96];
    snprintf(name, sizeof name, "%s/a", folder);
    write_file(name, "", 0);
    ck_assert_ptr_null(store_open(path, on_warning, NULL));
    ck_assert_int_eq(warnings, 1);
    ck_assert_ptr_null(store_open(path, NULL, NULL));
}
END_TEST

START_TEST(the_place_follows_the_environment) {
    snprintf(path, sizeof path, "%s/fovea/store.db", folder);
    setenv("XDG_CACHE_HOME", folder, 1);
    store_close(store_open(NULL, on_warning, NULL));
    ck_assert(exists(""));
    snprintf(path, sizeof path, "%s/.cache/fovea/store.db", folder);
    setenv("HOME", folder, 1);
    setenv("XDG_CACHE_HOME", "not/absolute", 1);
    store_close(store_open(NULL, on_warning, NULL));
    ck_assert(exists(""));
    ck_assert_int_eq(warnings, 0);
    unsetenv("HOME");
    unsetenv("XDG_CACHE_HOME");
    ck_assert_ptr_null(store_open(NULL, on_warning, NULL));
    ck_assert_int_eq(warnings, 1);
}
END_TEST

START_TEST(a_full_disk_costs_one_warning) {
    struct store *s = open_store();
    put(s, "before", "v");
    char *large = calloc(1, 4 << 20);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, RLIM_INFINITY}), 0);
    store_binary_put(s, "large", large, 4 << 20);
    store_binary_put(s, "large again", large, 4 << 20);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}), 0);
    ck_assert_int_eq(warnings, 1);
    expect_binary(s, "large", NULL);
    expect_binary(s, "before", "v");
    store_close(s);
    free(large);
}
END_TEST

START_TEST(the_least_recently_used_binaries_go_first) {
    setenv("FOVEA_STORE_MB", "1", 1);
    struct store *s = open_store();
    char *data = calloc(1, 300000);
    store_binary_put(s, "old", data, 300000);
    store_binary_put(s, "middle", data, 300000);
    sql("UPDATE binary SET last_used = last_used - 7200 WHERE key = 'middle';"
        "UPDATE binary SET last_used = last_used - 90000 WHERE key = 'old'");
    void *found;
    size_t bytes;
    store_binary_get(s, "old", &found, &bytes); /* which makes it the newest */
    ck_assert_uint_eq(bytes, 300000);
    mem_free(found);
    store_binary_put(s, "new", data, 300000);
    ck_assert_int_eq(ask("SELECT count(*) FROM binary"), 3);
    store_binary_put(s, "newer", data, 300000);
    ck_assert_int_eq(ask("SELECT count(*) FROM binary"), 3);
    ck_assert_int_eq(ask("SELECT count(*) FROM binary WHERE key = 'middle'"), 0);
    store_close(s);
    free(data);
    unsetenv("FOVEA_STORE_MB");
}
END_TEST

/* Writes and reads rows that the other processes write too; exits with the number of wrong ones. */
static void hammer(int seed) {
    int wrong = 0;
    for (int round = 0; round < 3; round++) {
        struct store *s = store_open(path, on_warning, NULL);
        if (!s) _exit(100);
        for (int i = 0; i < 60; i++) {
            char key[16], value[64];
            snprintf(key, sizeof key, "key %d", (i * 7 + seed) % 13);
            snprintf(value, sizeof value, "value of %s", key);
            void *data;
            size_t bytes;
            store_binary_get(s, key, &data, &bytes);
            if (data && (bytes != strlen(value) || memcmp(data, value, bytes))) wrong++;
            mem_free(data);
            put(s, key, value);
            store_evidence_put(s, "d", key, value, true, 0, NULL);
        }
        for (int i = 0; i < 13; i++) {
            char key[16], value[64];
            snprintf(key, sizeof key, "key %d", i);
            snprintf(value, sizeof value, "value of %s", key);
            if (store_evidence_get(s, "d", key, value) != 1) wrong++;
        }
        store_close(s);
    }
    _exit(wrong + warnings);
}

static void hammer_all(void) {
    pid_t child[4];
    for (int i = 0; i < 4; i++)
        if ((child[i] = fork()) == 0) hammer(i);
    for (int i = 0; i < 4; i++) {
        int status = -1;
        waitpid(child[i], &status, 0);
        ck_assert_int_eq(status, 0);
    }
}

START_TEST(processes_share_a_store) {
    hammer_all();
    ck_assert_int_eq(ask("SELECT count(*) FROM binary"), 13);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("store");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, binaries_come_back_after_closing);
    tcase_add_test(tests, evidence_is_per_device_algorithm_and_problem);
    tcase_add_test(tests, numbers_are_per_device_and_name);
    tcase_add_test(tests, a_damaged_row_is_absent_and_deleted);
    tcase_add_test(tests, garbage_is_moved_aside_with_one_warning);
    tcase_add_test(tests, damage_found_while_open_is_mended);
    tcase_add_test(tests, another_schema_begins_anew);
    tcase_add_test(tests, a_folder_that_cannot_be_written_costs_one_warning);
    tcase_add_test(tests, the_place_follows_the_environment);
    tcase_add_test(tests, a_full_disk_costs_one_warning);
    tcase_add_test(tests, the_least_recently_used_binaries_go_first);
    tcase_add_test(tests, processes_share_a_store);
    suite_add_tcase(suite, tests);
    return harness_main(suite);
}
