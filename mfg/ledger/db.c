/* SPDX-License-Identifier: Apache-2.0 */
/* Statements with their values in one call, whatever the engine. */
#include "config.h"

#include "mfg/ledger/db_int.h"
#include "mfg/ledger/url_int.h"

#include <stdarg.h>
#include <string.h>

enum em_status em_db_open(struct em_db **out, const char *url, enum em_db_mode mode,
                          struct em_error *err)
{
    *out = NULL;
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
        return em_db_pg.open(out, url, mode, err);
    if (em_ledger_is_url(url))
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "name a file, or write postgresql://USER@HOST/DATABASE",
                            "ledger '%.*s…': of files and PostgreSQL only",
                            (int)(strstr(url, "://") + 3 - url), url);
    return em_db_sqlite.open(out, url, mode, err);
}

void em_db_close(struct em_db *db)
{
    if (db != NULL)
        db->engine->close(db);
}

static enum em_status bind(struct em_db *db, struct em_db_stmt *stmt, const char *kinds,
                           va_list ap, struct em_error *err)
{
    enum em_status status = EM_OK;
    uint64_t number;
    for (int i = 0; kinds[i] != '\0' && status == EM_OK; i++) {
        switch (kinds[i]) {
        case 'i':
            status = db->engine->bind_int(stmt, i + 1, va_arg(ap, int64_t), err);
            break;
        case 'u':
        case 'n':
            number = va_arg(ap, uint64_t);
            status = kinds[i] == 'n' && number == 0
                         ? db->engine->bind_text(stmt, i + 1, NULL, err)
                         : db->engine->bind_int(stmt, i + 1, (int64_t)number, err);
            break;
        default:
            status = db->engine->bind_text(stmt, i + 1, va_arg(ap, const char *), err);
        }
    }
    return status;
}

static enum em_status query(struct em_db *db, struct em_db_stmt **out,
                            struct em_error *err, const char *sql, const char *kinds,
                            va_list ap)
{
    struct em_db_stmt *stmt = NULL;
    *out = NULL;
    enum em_status status = db->engine->prepare(db, &stmt, sql, err);
    if (status == EM_OK)
        status = bind(db, stmt, kinds, ap, err);
    if (status == EM_OK)
        *out = stmt;
    else if (stmt != NULL)
        db->engine->finish(stmt);
    return status;
}

enum em_status em_db_query(struct em_db *db, struct em_db_stmt **out,
                           struct em_error *err, const char *sql, const char *kinds, ...)
{
    va_list ap;
    va_start(ap, kinds);
    enum em_status status = query(db, out, err, sql, kinds, ap);
    va_end(ap);
    return status;
}

enum em_status em_db_next(struct em_db *db, struct em_db_stmt *stmt, bool *row,
                          struct em_error *err)
{
    *row = false;
    enum em_status status = db->engine->step(stmt, row, err);
    if (status != EM_OK || !*row)
        db->engine->finish(stmt);
    return status;
}

void em_db_done(struct em_db *db, struct em_db_stmt *stmt)
{
    if (stmt != NULL)
        db->engine->finish(stmt);
}

uint64_t em_db_int(struct em_db *db, struct em_db_stmt *stmt, int column)
{
    return (uint64_t)db->engine->column_int(stmt, column);
}

const char *em_db_text(struct em_db *db, struct em_db_stmt *stmt, int column)
{
    return db->engine->column_text(stmt, column);
}

enum em_status em_db_run(struct em_db *db, struct em_error *err, const char *sql,
                         const char *kinds, ...)
{
    struct em_db_stmt *stmt;
    bool row;
    va_list ap;
    va_start(ap, kinds);
    enum em_status status = query(db, &stmt, err, sql, kinds, ap);
    va_end(ap);
    if (status == EM_OK)
        status = em_db_next(db, stmt, &row, err);
    if (status == EM_OK && row)
        em_db_done(db, stmt);
    return status;
}

enum em_status em_db_number(struct em_db *db, uint64_t *out, struct em_error *err,
                            const char *sql, const char *kinds, ...)
{
    struct em_db_stmt *stmt;
    bool row;
    va_list ap;
    *out = 0;
    va_start(ap, kinds);
    enum em_status status = query(db, &stmt, err, sql, kinds, ap);
    va_end(ap);
    if (status == EM_OK)
        status = em_db_next(db, stmt, &row, err);
    if (status == EM_OK && row) {
        *out = em_db_int(db, stmt, 0);
        em_db_done(db, stmt);
    }
    return status;
}
