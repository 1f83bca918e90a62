/* What was measured of algorithms on problems. The table is made when the first row is put, so that
 * stores of before go on. */
#include <string.h>

#include "base/alloc.h"
#include "store/internal.h"

static const char table[] =
    "CREATE TABLE IF NOT EXISTS tuning (device TEXT NOT NULL, problem TEXT NOT NULL, algorithm TEXT"
    " NOT NULL, tuning TEXT NOT NULL, seconds REAL NOT NULL, level INTEGER NOT NULL,"
    " PRIMARY KEY (device, problem, algorithm)) WITHOUT ROWID";

static bool has_table(const struct store *s) {
    return sqlite3_table_column_metadata(s->db, NULL, "tuning", "level", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

static int execute(struct store *s, const char *sql) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* Runs a statement whose first parameters are the texts. */
static int run(struct store *s, const char *sql, const char *const *texts, int count,
               const struct store_tuning *row) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    for (int i = 0; i < count; i++)
        sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
    if (row) sqlite3_bind_double(statement, count + 1, row->seconds);
    if (row) sqlite3_bind_int(statement, count + 2, row->level);
    sqlite3_step(statement);
    return sqlite3_finalize(statement);
}

static int put_row(struct store *s, const char *device, const struct store_tuning *r) {
    const char *texts[] = {device, r->problem, r->algorithm, r->tuning};
    return run(s, "INSERT OR REPLACE INTO tuning VALUES (?, ?, ?, ?, ?, ?)", texts, 4, r);
}

static int forget(struct store *s, const char *device, const char *problem) {
    const char *texts[] = {device, problem};
    return problem ? run(s, "DELETE FROM tuning WHERE device = ? AND problem = ?", texts, 2, NULL)
                   : run(s, "DELETE FROM tuning WHERE device = ?", texts, 1, NULL);
}

static int put_all(struct store *s, const char *device, const struct store_tuning *rows,
                   size_t count) {
    int code = execute(s, "BEGIN IMMEDIATE");
    if (code != SQLITE_OK) return code;
    code = execute(s, table);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = forget(s, device, rows[i].problem);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++) code = put_row(s, device, &rows[i]);
    if (code == SQLITE_OK) return execute(s, "COMMIT");
    execute(s, "ROLLBACK");
    return code;
}

void store_tuning_put(struct store *s, const char *device, const struct store_tuning *rows,
                      size_t count) {
    if (!s || count == 0) return;
    pthread_mutex_lock(&s->mutex);
    int code = s->db ? put_all(s, device, rows, count) : SQLITE_OK;
    if (code != SQLITE_OK) store_trouble(s, code, "writing to");
    pthread_mutex_unlock(&s->mutex);
}

void store_tuning_forget(struct store *s, const char *device) {
    if (!s) return;
    pthread_mutex_lock(&s->mutex);
    int code = s->db && has_table(s) ? forget(s, device, NULL) : SQLITE_OK;
    if (code != SQLITE_OK) store_trouble(s, code, "deleting from");
    pthread_mutex_unlock(&s->mutex);
}

bool store_tuning_add(struct store_tunings *t, const struct store_tuning *like) {
    struct store_tuning *r = mem_push(&t->rows, &t->count, &t->capacity, sizeof *r);
    if (!r) return false;
    *r = (struct store_tuning){mem_string(like->problem), mem_string(like->algorithm),
                               mem_string(like->tuning), like->seconds, like->level};
    if (r->problem && r->algorithm && r->tuning) return true;
    store_tuning_drop(r);
    t->count--;
    return false;
}

void store_tuning_drop(struct store_tuning *r) {
    mem_free(r->problem);
    mem_free(r->algorithm);
    mem_free(r->tuning);
}

void store_tunings_free(struct store_tunings *t) {
    for (size_t i = 0; i < t->count; i++) store_tuning_drop(&t->rows[i]);
    mem_free(t->rows);
    *t = (struct store_tunings){0};
}

/* A text of a row; the store's file may hold anything. */
static char *text_of(sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    return (char *)(uintptr_t)(text ? (const char *)text : "");
}

static int read_rows(struct store *s, const char *device, struct store_tunings *out) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        s->db,
        "SELECT problem, algorithm, tuning, seconds, level FROM tuning WHERE device = ?"
        " ORDER BY problem, algorithm",
        -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    sqlite3_bind_text(statement, 1, device, -1, SQLITE_STATIC);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        struct store_tuning row = {text_of(statement, 0), text_of(statement, 1),
                                   text_of(statement, 2), sqlite3_column_double(statement, 3),
                                   sqlite3_column_int(statement, 4)};
        if (!store_tuning_add(out, &row)) break; /* fewer rows cost speed alone */
    }
    return sqlite3_finalize(statement);
}

void store_tuning_read(struct store *s, const char *device, struct store_tunings *out) {
    *out = (struct store_tunings){0};
    if (!s) return;
    pthread_mutex_lock(&s->mutex);
    int code = s->db && has_table(s) ? read_rows(s, device, out) : SQLITE_OK;
    if (code != SQLITE_OK) store_trouble(s, code, "reading from");
    pthread_mutex_unlock(&s->mutex);
}
