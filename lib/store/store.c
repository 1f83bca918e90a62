/* What the store keeps: program binaries and evidence. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "store/internal.h"

/* A binary's last use is written again only after this many seconds, so that a warm run only reads. */
enum { USE_SECONDS = 3600 };

/* ---- One statement at a time ---- */

/* A statement, ready for its parameters; NULL after trouble. */
static sqlite3_stmt *prepare(struct store *s, const char *sql, const char *doing) {
    sqlite3_stmt *statement = NULL;
    if (!s->db) return NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK) store_trouble(s, code, doing);
    return code == SQLITE_OK ? statement : NULL;
}

static void bind_text(sqlite3_stmt *statement, int i, const char *text) {
    if (statement) sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int i, int64_t number) {
    if (statement) sqlite3_bind_int64(statement, i, number);
}

/* Runs a statement that gives no row, and ends it. */
static void run(struct store *s, sqlite3_stmt *statement, const char *doing) {
    if (!statement) return;
    sqlite3_step(statement);
    int code = sqlite3_finalize(statement);
    if (code != SQLITE_OK) store_trouble(s, code, doing);
}

/* ---- Binaries ---- */

static int64_t checksum(const char *key, const void *data, size_t bytes) {
    return (int64_t)hash_bytes(hash_string(HASH_START, key), data, bytes);
}

static void delete_binary(struct store *s, const char *key) {
    sqlite3_stmt *statement = prepare(s, "DELETE FROM binary WHERE key = ?", "deleting from");
    bind_text(statement, 1, key);
    run(s, statement, "deleting from");
}

static void touch_binary(struct store *s, const char *key, int64_t now) {
    sqlite3_stmt *statement =
        prepare(s, "UPDATE binary SET last_used = ? WHERE key = ?", "writing to");
    bind_number(statement, 1, now);
    bind_text(statement, 2, key);
    run(s, statement, "writing to");
}

/* Copies a row if its checksum is right. *last_used is its time, *bad whether it is damaged. */
static void *copy_row(sqlite3_stmt *statement, const char *key, size_t *bytes, int64_t *last_used,
                      bool *bad) {
    const void *blob = sqlite3_column_blob(statement, 0);
    size_t size = (size_t)sqlite3_column_bytes(statement, 0);
    *last_used = sqlite3_column_int64(statement, 2);
    *bad = !blob || checksum(key, blob, size) != sqlite3_column_int64(statement, 1);
    void *copy = *bad ? NULL : mem_alloc(size);
    if (!copy) return NULL;
    *bytes = size;
    return memcpy(copy, blob, size);
}

static void get_binary(struct store *s, const char *key, void **data, size_t *bytes) {
    sqlite3_stmt *statement =
        prepare(s, "SELECT data, checksum, last_used FROM binary WHERE key = ?", "reading from");
    if (!statement) return;
    bind_text(statement, 1, key);
    int64_t last_used = 0, now = (int64_t)time(NULL);
    bool bad = false, found = sqlite3_step(statement) == SQLITE_ROW;
    if (found) *data = copy_row(statement, key, bytes, &last_used, &bad);
    int code = sqlite3_finalize(statement);
    if (code != SQLITE_OK) store_trouble(s, code, "reading from");
    if (bad) {
        log_line("store", "the row '%s' is damaged and was deleted", key);
        delete_binary(s, key);
    } else if (*data && (now - last_used > USE_SECONDS || last_used > now)) {
        touch_binary(s, key, now);
    }
}

void store_binary_get(struct store *s, const char *key, void **data, size_t *bytes) {
    *data = NULL;
    *bytes = 0;
    if (!s) return;
    pthread_mutex_lock(&s->mutex);
    get_binary(s, key, data, bytes);
    pthread_mutex_unlock(&s->mutex);
}

/* Deletes the binaries that were not used for the longest time until the rest fits. */
static void keep_small(struct store *s) {
    sqlite3_stmt *statement = prepare(
        s,
        "DELETE FROM binary WHERE rowid IN (SELECT rowid FROM (SELECT rowid, sum(bytes) OVER"
        " (ORDER BY last_used DESC, rowid DESC) AS total FROM binary) WHERE total > ?)",
        "deleting from");
    bind_number(statement, 1, s->limit);
    run(s, statement, "deleting from");
}

static void put_binary(struct store *s, const char *key, const void *data, size_t bytes) {
    sqlite3_stmt *statement =
        prepare(s, "INSERT OR REPLACE INTO binary VALUES (?, ?, ?, ?, ?)", "writing to");
    if (!statement) return;
    bind_text(statement, 1, key);
    bind_number(statement, 2, (int64_t)bytes);
    bind_number(statement, 3, checksum(key, data, bytes));
    bind_number(statement, 4, (int64_t)time(NULL));
    sqlite3_bind_blob64(statement, 5, data, bytes, SQLITE_STATIC);
    run(s, statement, "writing to");
}

void store_binary_put(struct store *s, const char *key, const void *data, size_t bytes) {
    if (!s || !bytes || (int64_t)bytes > s->limit / 2) return;
    pthread_mutex_lock(&s->mutex);
    put_binary(s, key, data, bytes);
    keep_small(s);
    pthread_mutex_unlock(&s->mutex);
}

void store_binary_delete(struct store *s, const char *key) {
    if (!s) return;
    pthread_mutex_lock(&s->mutex);
    delete_binary(s, key);
    pthread_mutex_unlock(&s->mutex);
}

/* ---- Evidence ---- */

static void put_evidence(struct store *s, const char *device, const char *algorithm,
                         const char *problem, bool right, double ratio, const char *reason) {
    sqlite3_stmt *statement =
        prepare(s, "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?)", "writing to");
    if (!statement) return;
    bind_text(statement, 1, device);
    bind_text(statement, 2, algorithm);
    bind_text(statement, 3, problem);
    bind_number(statement, 4, right);
    sqlite3_bind_double(statement, 5, ratio);
    bind_text(statement, 6, reason);
    run(s, statement, "writing to");
}

void store_evidence_put(struct store *s, const char *device, const char *algorithm,
                        const char *problem, bool right, double ratio, const char *reason) {
    if (!s) return;
    pthread_mutex_lock(&s->mutex);
    put_evidence(s, device, algorithm, problem, right, ratio, reason);
    pthread_mutex_unlock(&s->mutex);
}

static int get_evidence(struct store *s, const char *device, const char *algorithm,
                        const char *problem) {
    sqlite3_stmt *statement = prepare(
        s, "SELECT is_right FROM evidence WHERE device = ? AND algorithm = ? AND problem = ?",
        "reading from");
    if (!statement) return -1;
    bind_text(statement, 1, device);
    bind_text(statement, 2, algorithm);
    bind_text(statement, 3, problem);
    int answer = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) != 0 : -1;
    int code = sqlite3_finalize(statement);
    if (code != SQLITE_OK) store_trouble(s, code, "reading from");
    return code == SQLITE_OK ? answer : -1;
}

int store_evidence_get(struct store *s, const char *device, const char *algorithm,
                       const char *problem) {
    if (!s) return -1;
    pthread_mutex_lock(&s->mutex);
    int answer = get_evidence(s, device, algorithm, problem);
    pthread_mutex_unlock(&s->mutex);
    return answer;
}
