/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite as the ledger's engine: statements, transactions and faults. */
#include "config.h"

#include "mfg/ledger/sqlite_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct em_sqlite *em_sqlite_of(struct em_db *db)
{
    return (struct em_sqlite *)(void *)db; /* base comes first */
}

/* ---- Faults ---- */

static enum em_db_fault fault_of(int rc, int errnum)
{
    switch (rc & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: /* lost a race for a lock too often */
        return EM_DB_BUSY;
    case SQLITE_CONSTRAINT:
        return EM_DB_CONSTRAINT;
    case SQLITE_FULL:
        return EM_DB_FULL;
    case SQLITE_READONLY:
        return rc == SQLITE_READONLY_DBMOVED ? EM_DB_GONE : EM_DB_DENIED;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return EM_DB_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
        return EM_DB_DAMAGED;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return errnum == ENOSPC || errnum == EDQUOT                       ? EM_DB_FULL
               : errnum == EACCES || errnum == EROFS || errnum == EPERM   ? EM_DB_DENIED
               : rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_DATA ? EM_DB_DAMAGED
                                                                          : EM_DB_OTHER;
    default:
        return EM_DB_OTHER;
    }
}

enum em_status em_sqlite_fail(struct em_sqlite *db, int rc, struct em_error *err)
{
    int errnum = db->handle == NULL ? 0 : sqlite3_system_errno(db->handle);
    const char *text =
        db->handle == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db->handle);
    db->base.fault = fault_of(rc, errnum);
    if ((rc & 0xFF) == SQLITE_NOMEM)
        return em_error_nomem(err);
    switch (db->base.fault) {
    case EM_DB_BUSY:
        return em_error_set(err, EM_ERR_IO, "wait for it, or end it",
                            "ledger '%s': another program has been writing to it for "
                            "%d s",
                            db->path, EM_SQLITE_BUSY_MS / 1000);
    case EM_DB_CONSTRAINT:
        return em_error_set(err, EM_ERR_REFUSED, NULL, "ledger '%s' refuses: %s",
                            db->path, text);
    case EM_DB_FULL:
        return em_error_set(err, EM_ERR_IO,
                            "make room and go on: nothing that was recorded is lost",
                            "ledger '%s': no space left", db->path);
    case EM_DB_DENIED:
        return em_error_set(err, EM_ERR_IO,
                            "the file and its folder have to be writable by you",
                            "ledger '%s' cannot be written", db->path);
    case EM_DB_GONE:
        return em_error_set(err, EM_ERR_IO, "put it back, and start again",
                            "ledger '%s' was moved, removed or replaced while in use",
                            db->path);
    case EM_DB_DAMAGED:
        if ((rc & 0xFF) == SQLITE_NOTADB)
            return em_error_set(
                err, EM_ERR_INPUT, "name the file that 'mfg_flash ledger init' made",
                "'%s' is no ledger, or its beginning is damaged", db->path);
        return em_error_set(err, EM_ERR_INPUT,
                            "stop using it, keep a copy, and go back to a backup",
                            "ledger '%s' is damaged: %s", db->path, text);
    case EM_DB_FINE:
    case EM_DB_LOST:
    case EM_DB_OTHER:
        break;
    }
    if (errnum != 0)
        return em_error_errno(err, errnum, "ledger '%s'", db->path);
    return em_error_set(err, EM_ERR_IO, NULL, "ledger '%s': %s", db->path, text);
}

/* ---- Transactions ---- */

enum em_status em_sqlite_exec(struct em_sqlite *db, const char *sql, struct em_error *err)
{
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? EM_OK : em_sqlite_fail(db, rc, err);
}

static enum em_status exec(struct em_db *db, const char *sql, struct em_error *err)
{
    return em_sqlite_exec(em_sqlite_of(db), sql, err);
}

static enum em_status begin(struct em_db *base, struct em_error *err)
{
    struct em_sqlite *db = em_sqlite_of(base);
    enum em_status status = em_sqlite_still_there(db, err);
    if (status != EM_OK)
        return status;
    /* IMMEDIATE: who is going to write says so at once, and waits here, where nothing has
     * been read yet. */
    return em_sqlite_exec(db, db->mode == EM_DB_READ ? "BEGIN" : "BEGIN IMMEDIATE", err);
}

static enum em_status commit(struct em_db *db, struct em_error *err)
{
    return exec(db, "COMMIT", err);
}

static bool in_transaction(struct em_db *db)
{
    return sqlite3_get_autocommit(em_sqlite_of(db)->handle) == 0;
}

static void rollback(struct em_db *db)
{
    if (in_transaction(db))
        (void)exec(db, "ROLLBACK", NULL); /* a fault of it changes nothing more */
}

/* ---- Statements ---- */

static enum em_status prepare(struct em_db *base, struct em_db_stmt **out,
                              const char *sql, struct em_error *err)
{
    struct em_sqlite *db = em_sqlite_of(base);
    size_t i = 0;
    *out = NULL;
    while (i < EM_SQLITE_KEPT && db->kept[i].sql != sql && db->kept[i].sql != NULL)
        i++;
    if (i == EM_SQLITE_KEPT)
        return em_error_set(err, EM_ERR_NOMEM, NULL, "more than %d statements",
                            EM_SQLITE_KEPT);
    struct em_db_stmt *stmt = &db->kept[i];
    if (stmt->sql == NULL) {
        int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &stmt->stmt, NULL);
        if (rc != SQLITE_OK)
            return em_sqlite_fail(db, rc, err);
        stmt->db = db;
        stmt->sql = sql;
    }
    *out = stmt;
    return EM_OK;
}

/* "$3" is a name for SQLite: numbers follow the order in which names first stand. */
static int place_of(struct em_db_stmt *stmt, int number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "$%d", number);
    return sqlite3_bind_parameter_index(stmt->stmt, name);
}

static enum em_status bind_int(struct em_db_stmt *stmt, int number, int64_t value,
                               struct em_error *err)
{
    int rc = sqlite3_bind_int64(stmt->stmt, place_of(stmt, number), value);
    return rc == SQLITE_OK ? EM_OK : em_sqlite_fail(stmt->db, rc, err);
}

static enum em_status bind_text(struct em_db_stmt *stmt, int number, const char *text,
                                struct em_error *err)
{
    int rc =
        sqlite3_bind_text(stmt->stmt, place_of(stmt, number), text, -1, SQLITE_TRANSIENT);
    return rc == SQLITE_OK ? EM_OK : em_sqlite_fail(stmt->db, rc, err);
}

static enum em_status step(struct em_db_stmt *stmt, bool *row, struct em_error *err)
{
    int rc = sqlite3_step(stmt->stmt);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? EM_OK
                                                 : em_sqlite_fail(stmt->db, rc, err);
}

static int64_t column_int(struct em_db_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->stmt, column);
}

static const char *column_text(struct em_db_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt->stmt, column);
    return text == NULL ? "" : (const char *)text;
}

static void finish(struct em_db_stmt *stmt)
{
    (void)sqlite3_reset(stmt->stmt); /* tells again what step() told */
    (void)sqlite3_clear_bindings(stmt->stmt);
}

const struct em_db_engine em_db_sqlite = {
    .open = em_sqlite_open,
    .close = em_sqlite_close,
    .publish = em_sqlite_publish,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .in_transaction = in_transaction,
    .exec = exec,
    .prepare = prepare,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .step = step,
    .column_int = column_int,
    .column_text = column_text,
    .finish = finish,
    .free_unit = "SELECT unit FROM units WHERE free = 1 ORDER BY unit LIMIT 1",
    .station = em_sqlite_station,
    .station_free = em_sqlite_station_free,
    .station_alive = em_sqlite_station_alive,
    .schema = em_sqlite_schema,
    .create = em_sqlite_create,
    .sound = em_sqlite_sound,
    .verify = em_sqlite_verify,
};
