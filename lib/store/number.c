/* Numbers by name: what was measured of a device. Their table is made when the first is put, so that
 * stores of before go on. */
#include "store/internal.h"

static bool has_table(const struct store *s) {
    return sqlite3_table_column_metadata(s->db, NULL, "number", "value", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

static sqlite3_stmt *prepare(struct store *s, const char *sql, const char *device,
                             const char *name) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK) return NULL;
    sqlite3_bind_text(statement, 1, device, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    return statement;
}

static void put(struct store *s, const char *device, const char *name, double value) {
    int code =
        sqlite3_exec(s->db,
                     "CREATE TABLE IF NOT EXISTS number (device TEXT NOT NULL, name TEXT NOT "
                     "NULL, value REAL, PRIMARY KEY (device, name)) WITHOUT ROWID",
                     NULL, NULL, NULL);
    sqlite3_stmt *statement = NULL;
    if (code == SQLITE_OK)
        statement = prepare(s, "INSERT OR REPLACE INTO number VALUES (?, ?, ?)", device, name);
    if (statement) {
        sqlite3_bind_double(statement, 3, value);
        sqlite3_step(statement);
        code = sqlite3_finalize(statement);
    } else if (code == SQLITE_OK) {
        code = sqlite3_errcode(s->db);
    }
    if (code != SQLITE_OK) store_trouble(s, code, "writing to");
}

void store_number_put(struct store *s, const char *device, const char *name, double value) {
    if (!s) return;
    pthread_mutex_lock(&s->mutex);
    if (s->db) put(s, device, name, value);
    pthread_mutex_unlock(&s->mutex);
}

static bool get(struct store *s, const char *device, const char *name, double *value) {
    sqlite3_stmt *statement =
        prepare(s, "SELECT value FROM number WHERE device = ? AND name = ?", device, name);
    bool found = statement && sqlite3_step(statement) == SQLITE_ROW;
    if (found) *value = sqlite3_column_double(statement, 0);
    int code = statement ? sqlite3_finalize(statement) : sqlite3_errcode(s->db);
    if (code != SQLITE_OK) store_trouble(s, code, "reading from");
    return found && code == SQLITE_OK;
}

bool store_number_get(struct store *s, const char *device, const char *name, double *value) {
    bool found = false;
    if (!s) return false;
    pthread_mutex_lock(&s->mutex);
    if (s->db && has_table(s)) found = get(s, device, name, value);
    pthread_mutex_unlock(&s->mutex);
    return found;
}
