/* Opening the store: its folder, its file, its schema, and what to do when one of them is damaged.
 *
 * Opening and repairing is done by one process at a time, under a lock on a file beside the store. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/internal.h"

enum {
    SCHEMA = 1,        /* another number in the file: its tables are made anew */
    BUSY_MS = 10000,   /* how long SQLite waits for another process */
    LOCK_MS = 10000,   /* how long opening waits for another process */
    DAMAGED_MAX = 100, /* files moved aside */
    LIMIT_MB = 512,    /* all binaries, unless FOVEA_STORE_MB says otherwise */
};

static const char schema[] =
    "DROP TABLE IF EXISTS binary;"
    "DROP TABLE IF EXISTS evidence;"
    "CREATE TABLE binary (key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX binary_use ON binary (last_used, bytes);"
    "CREATE TABLE evidence (device TEXT NOT NULL, algorithm TEXT NOT NULL, problem TEXT NOT NULL,"
    " is_right INTEGER NOT NULL, ratio REAL, reason TEXT,"
    " PRIMARY KEY (device, algorithm, problem)) WITHOUT ROWID;";

void store_warn(struct store *s, const char *format, ...) {
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    log_line("store", "%s", sentence);
    if (!s->warned && s->warn) s->warn(s->user, sentence);
    s->warned = true;
}

/* ---- The place ---- */

/* NULL if neither variable is set or memory ran out. */
static char *default_path(void) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    /* The XDG specification: a path that is not absolute is invalid and is to be ignored. */
    if (cache && *cache == '/') return mem_format("%s/fovea/store.db", cache);
    if (home && *home) return mem_format("%s/.cache/fovea/store.db", home);
    return NULL;
}

/* Makes the folders above the file; 0, or errno. */
static int make_folders(const char *path) {
    char *folder = mem_string(path);
    if (!folder) return ENOMEM;
    int error = 0;
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        error = mkdir(folder, 0700) && errno != EEXIST ? errno : 0;
        *slash = '/';
    }
    mem_free(folder);
    return error; /* of the last folder: those above may exist and be unwritable */
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* The lock beside the store; -1 with errno if it cannot be had. */
static int lock_file(const char *path) {
    char *name = mem_format("%s.lock", path);
    int file = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    mem_free(name);
    if (file < 0) return -1;
    for (int waited = 0; flock(file, LOCK_EX | LOCK_NB); waited += 20) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK || waited >= LOCK_MS) {
            int error = errno;
            close(file);
            errno = error == EWOULDBLOCK ? EBUSY : error;
            return -1;
        }
        sleep_ms(20);
    }
    return file;
}

/* ---- The file ---- */

static int read_version(sqlite3 *db, int *version) {
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    code = sqlite3_step(statement);
    *version = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int make_schema(sqlite3 *db) {
    int version, code = read_version(db, &version);
    if (code != SQLITE_OK || version == SCHEMA) return code;
    char *sql = mem_format("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", schema, SCHEMA);
    if (!sql) return SQLITE_NOMEM;
    code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    mem_free(sql);
    return code;
}

/* Whether the tables can be asked what the store asks. A file of some other program that has our
 * number has not, and neither has one whose schema page is damaged. */
static int check_tables(sqlite3 *db) {
    return sqlite3_exec(db,
                        "SELECT key, bytes, checksum, last_used, data FROM binary LIMIT 1;"
                        "SELECT device, algorithm, problem, is_right, ratio, reason FROM evidence"
                        " LIMIT 1;",
                        NULL, NULL, NULL);
}

static int open_file(sqlite3 **db, const char *path) {
    int code = sqlite3_open_v2(
        path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code != SQLITE_OK) return code;
    sqlite3_busy_timeout(*db, BUSY_MS);
    code = sqlite3_exec(*db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL,
                        NULL);
    if (code == SQLITE_OK) code = make_schema(*db);
    return code == SQLITE_OK ? check_tables(*db) : code;
}

static bool is_damage(int code) {
    code &= 0xff; /* without the extended part */
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR ||
           code == SQLITE_SCHEMA;
}

/* Moves the file to store.db.damaged-N. Its log would be applied to the new file, so it goes. */
static bool move_aside(struct store *s, const char *why) {
    for (int i = 1; i <= DAMAGED_MAX; i++) {
        char *aside = mem_format("%s.damaged-%d", s->path, i);
        char *wal = mem_format("%s-wal", s->path), *shm = mem_format("%s-shm", s->path);
        bool done = false;
        if (aside && wal && shm && access(aside, F_OK) && !rename(s->path, aside)) {
            unlink(wal);
            unlink(shm);
            store_warn(s, "the store %s is damaged (%s); it was moved to %s and begins anew",
                       s->path, why, aside);
            done = true;
        }
        mem_free(aside);
        mem_free(wal);
        mem_free(shm);
        if (done) return true;
    }
    return false;
}

static int quick_check(sqlite3 *db) {
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    code = sqlite3_step(statement);
    const char *answer =
        code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    bool good = answer && !strcmp(answer, "ok");
    sqlite3_finalize(statement);
    return good ? SQLITE_OK : SQLITE_CORRUPT;
}

/* Opens the file, once more if it had to be moved aside. `doubted`: read all of it first. */
static int open_or_renew(struct store *s, bool doubted) {
    int code = open_file(&s->db, s->path);
    if (code == SQLITE_OK && doubted) code = quick_check(s->db);
    if (code == SQLITE_OK || !is_damage(code)) return code;
    char why[256];
    snprintf(why, sizeof why, "%s", sqlite3_errstr(code));
    sqlite3_close(s->db);
    s->db = NULL;
    if (!move_aside(s, why)) return code;
    return open_file(&s->db, s->path);
}

static void give_up(struct store *s, const char *why) {
    sqlite3_close(s->db);
    s->db = NULL;
    store_warn(s, "the store %s cannot be used (%s); this run goes on without it", s->path, why);
}

static void open_locked(struct store *s, bool doubted) {
    int lock = lock_file(s->path);
    if (lock < 0) {
        give_up(s, strerror(errno));
        return;
    }
    int code = open_or_renew(s, doubted);
    if (code != SQLITE_OK) give_up(s, sqlite3_errstr(code));
    close(lock);
}

void store_trouble(struct store *s, int code, const char *doing) {
    if ((code & 0xff) != SQLITE_CORRUPT && (code & 0xff) != SQLITE_NOTADB) {
        store_warn(s, "%s the store %s failed: %s", doing, s->path, sqlite3_errstr(code));
        return;
    }
    sqlite3_close(s->db);
    s->db = NULL;
    open_locked(s, true);
}

static int64_t read_limit(void) {
    const char *mb = getenv("FOVEA_STORE_MB");
    long wanted = mb ? strtol(mb, NULL, 10) : 0;
    return (int64_t)(wanted > 0 && wanted < 1000000 ? wanted : LIMIT_MB) << 20;
}

struct store *store_open(const char *path, void (*warn)(void *user, const char *sentence),
                         void *user) {
    struct store *s = mem_zero(1, sizeof *s);
    if (!s) return NULL;
    s->warn = warn;
    s->user = user;
    s->limit = read_limit();
    s->path = path ? mem_string(path) : default_path();
    pthread_mutex_init(&s->mutex, NULL);
    int error = s->path ? make_folders(s->path) : 0;
    if (!s->path)
        store_warn(s, "there is no place for the store: neither XDG_CACHE_HOME nor HOME is set");
    else if (error) give_up(s, strerror(error));
    else open_locked(s, false);
    if (s->db) return s;
    store_close(s);
    return NULL;
}

void store_close(struct store *s) {
    if (!s) return;
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->mutex);
    mem_free(s->path);
    mem_free(s);
}
