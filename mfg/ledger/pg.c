/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL as the ledger's engine: statements, transactions and faults.
 *
 * Nothing here waits for ever: each answer has its time, after which the connection
 * counts as lost, whatever the network says (a cut that nobody tells of is the usual
 * one). */
#include "config.h"

#include "mfg/ledger/pg_int.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct em_pg *em_pg_of(struct em_db *db)
{
    return (struct em_pg *)(void *)db; /* base comes first */
}

/* ---- Faults ---- */

/* By SQLSTATE: appendix "PostgreSQL Error Codes" of the server's manual. */
static const struct {
    const char *begin;
    enum em_db_fault fault;
} faults[] = {
    {"08", EM_DB_LOST},          /* connection exceptions */
    {"57P", EM_DB_LOST},         /* shut down, crashed, starting */
    {"25P03", EM_DB_LOST},       /* idle for too long in a transaction */
    {"25006", EM_DB_DENIED},     /* a standby, or read-only */
    {"42501", EM_DB_DENIED},     /* privileges */
    {"55P03", EM_DB_BUSY},       /* lock_timeout */
    {"40", EM_DB_BUSY},          /* deadlock, serialization */
    {"23", EM_DB_CONSTRAINT},    /* integrity */
    {"P0001", EM_DB_CONSTRAINT}, /* our triggers */
    {"53100", EM_DB_FULL},       /* disk full */
    {"53", EM_DB_BUSY},          /* out of memory, too many connections */
    {"XX001", EM_DB_DAMAGED},    /* data corrupted */
    {"XX002", EM_DB_DAMAGED},    /* index corrupted */
};

static enum em_db_fault fault_of(const struct em_pg *db, const PGresult *result)
{
    const char *code =
        result == NULL ? NULL : db->pq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; code != NULL && i < sizeof faults / sizeof faults[0]; i++) {
        if (strncmp(code, faults[i].begin, strlen(faults[i].begin)) == 0)
            return faults[i].fault;
    }
    if (db->dead || db->conn == NULL || db->pq.PQstatus(db->conn) != CONNECTION_OK)
        return EM_DB_LOST;
    return EM_DB_OTHER;
}

enum em_status em_pg_fail(struct em_pg *db, const PGresult *result, struct em_error *err)
{
    const char *url = db->url.shown;
    const char *told = result == NULL
                           ? NULL
                           : db->pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char text[256];
    if (told == NULL)
        told = db->conn == NULL ? "no connection" : db->pq.PQerrorMessage(db->conn);
    (void)snprintf(text, sizeof text, "%s", told); /* cut if too long */
    text[strcspn(text, "\n")] = '\0';
    db->base.fault = fault_of(db, result);
    switch (db->base.fault) {
    case EM_DB_LOST:
        db->dead = true;
        return em_error_set(err, EM_ERR_IO, "is the server running, and the network up?",
                            "ledger '%s': connection lost: %s", url,
                            text[0] == '\0' ? "no answer" : text);
    case EM_DB_BUSY:
        return em_error_set(err, EM_ERR_IO, "wait, and try again",
                            "ledger '%s': busy: %s", url, text);
    case EM_DB_CONSTRAINT:
        return em_error_set(err, EM_ERR_REFUSED, NULL, "ledger '%s' refuses: %s", url,
                            text);
    case EM_DB_FULL:
        return em_error_set(err, EM_ERR_IO,
                            "make room and go on: nothing that was recorded is lost",
                            "ledger '%s': no space left on the server", url);
    case EM_DB_DENIED:
        return em_error_set(err, EM_ERR_IO,
                            "the user of the URL needs the rights to do this",
                            "ledger '%s': %s", url, text);
    case EM_DB_DAMAGED:
        return em_error_set(err, EM_ERR_INPUT,
                            "stop using it, keep a copy, and go back to a backup",
                            "ledger '%s' is damaged: %s", url, text);
    case EM_DB_FINE:
    case EM_DB_GONE:
    case EM_DB_OTHER:
        break;
    }
    return em_error_set(err, EM_ERR_IO, NULL, "ledger '%s': %s", url, text);
}

/* ---- Answers ---- */

static int64_t now_ms(void)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail: POSIX has this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* false: nothing can come any more, or the time is over. */
static bool wait_input(struct em_pg *db, int64_t end)
{
    for (;;) {
        int flush = db->pq.PQflush(db->conn);
        if (flush < 0)
            return false;
        if (flush == 0 && db->pq.PQisBusy(db->conn) == 0)
            return true;
        int64_t left = end - now_ms();
        struct pollfd poll_fd = {.fd = db->pq.PQsocket(db->conn),
                                 .events = (short)(POLLIN | (flush > 0 ? POLLOUT : 0))};
        if (left <= 0 || poll_fd.fd < 0)
            return false;
        int ready = poll(&poll_fd, 1, (int)left);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && (poll_fd.revents & ~POLLOUT) != 0 &&
            db->pq.PQconsumeInput(db->conn) == 0)
            return false;
    }
}

static bool is_error(const struct em_pg *db, const PGresult *result)
{
    ExecStatusType kind = db->pq.PQresultStatus(result);
    return kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK &&
           kind != PGRES_EMPTY_QUERY;
}

enum em_status em_pg_answer(struct em_pg *db, int sent, PGresult **out,
                            struct em_error *err)
{
    PGresult *kept = NULL;
    int64_t end = now_ms() + (int64_t)db->url.answer_ms *
                                 (db->mode == EM_DB_WRITE ? 1 : EM_PG_READ_TIMES);
    *out = NULL;
    while (sent != 0) {
        if (!wait_input(db, end)) {
            db->dead = true;
            break;
        }
        PGresult *result = db->pq.PQgetResult(db->conn);
        if (result == NULL)
            break;
        /* Of several statements the first that failed tells what happened. */
        if (kept == NULL || !is_error(db, kept)) {
            db->pq.PQclear(kept);
            kept = result;
        } else {
            db->pq.PQclear(result);
        }
    }
    if (sent == 0 || db->dead || kept == NULL || is_error(db, kept)) {
        enum em_status status = em_pg_fail(db, kept, err);
        db->pq.PQclear(kept);
        return status;
    }
    *out = kept;
    return EM_OK;
}

enum em_status em_pg_exec(struct em_pg *db, const char *sql, struct em_error *err)
{
    PGresult *result;
    if (db->dead)
        return em_pg_fail(db, NULL, err);
    enum em_status status =
        em_pg_answer(db, db->pq.PQsendQuery(db->conn, sql), &result, err);
    db->pq.PQclear(result);
    return status;
}

enum em_status em_pg_ask(struct em_pg *db, char *out, size_t size, const char *sql,
                         const char *first, const char *second, struct em_error *err)
{
    PGresult *result;
    const Oid types[] = {EM_PG_TEXT, EM_PG_TEXT};
    const char *const values[] = {first, second};
    int count = second != NULL ? 2 : first != NULL ? 1 : 0;
    out[0] = '\0';
    if (db->dead)
        return em_pg_fail(db, NULL, err);
    enum em_status status = em_pg_answer(
        db, db->pq.PQsendQueryParams(db->conn, sql, count, types, values, NULL, NULL, 0),
        &result, err);
    if (status == EM_OK && db->pq.PQntuples(result) > 0)
        (void)snprintf(out, size, "%s",
                       db->pq.PQgetvalue(result, 0, 0)); /* cut if too long */
    db->pq.PQclear(result);
    return status;
}

/* ---- Transactions ---- */

static enum em_status exec(struct em_db *db, const char *sql, struct em_error *err)
{
    return em_pg_exec(em_pg_of(db), sql, err);
}

static enum em_status begin(struct em_db *base, struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    if (db->mode == EM_DB_READ)
        return em_pg_exec(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    /* Events are numbered without gaps, so writers of one ledger come one after the
     * other: each waits here, where nothing has been read yet. */
    return em_pg_exec(db,
                      "BEGIN ISOLATION LEVEL READ COMMITTED;"
                      " SELECT pg_advisory_xact_lock("
                      "hashtextextended(current_schema() || '/writer', 0))",
                      err);
}

/* A server answers the COMMIT of a transaction that has failed with "ROLLBACK", and calls
 * that a success. */
static enum em_status commit(struct em_db *base, struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    PGresult *result;
    enum em_status status =
        em_pg_answer(db, db->pq.PQsendQuery(db->conn, "COMMIT"), &result, err);
    if (status == EM_OK && strcmp(db->pq.PQcmdStatus(result), "COMMIT") != 0) {
        db->base.fault = EM_DB_OTHER;
        status = em_error_set(err, EM_ERR_IO, "see the server's log",
                              "ledger '%s': the server has undone the transaction",
                              db->url.shown);
    }
    db->pq.PQclear(result);
    return status;
}

static bool in_transaction(struct em_db *base)
{
    struct em_pg *db = em_pg_of(base);
    if (db->dead || db->conn == NULL)
        return false;
    PGTransactionStatusType kind = db->pq.PQtransactionStatus(db->conn);
    return kind == PQTRANS_INTRANS || kind == PQTRANS_INERROR;
}

static void rollback(struct em_db *db)
{
    if (in_transaction(db))
        (void)exec(db, "ROLLBACK", NULL); /* a fault of it changes nothing more */
}

/* ---- Statements ---- */

static void forget_values(struct em_db_stmt *stmt)
{
    for (int i = 0; i < EM_PG_VALUES; i++) {
        free(stmt->values[i]);
        stmt->values[i] = NULL;
    }
    stmt->count = 0;
}

static void finish(struct em_db_stmt *stmt)
{
    stmt->db->pq.PQclear(stmt->result);
    stmt->result = NULL;
    stmt->row = -1;
    forget_values(stmt);
}

static enum em_status prepare(struct em_db *base, struct em_db_stmt **out,
                              const char *sql, struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    size_t i = 0;
    *out = NULL;
    while (i < EM_PG_KEPT && db->kept[i].sql != sql && db->kept[i].sql != NULL)
        i++;
    if (i == EM_PG_KEPT)
        return em_error_set(err, EM_ERR_NOMEM, NULL, "more than %d statements",
                            EM_PG_KEPT);
    struct em_db_stmt *stmt = &db->kept[i];
    if (stmt->sql == NULL) {
        stmt->db = db;
        stmt->sql = sql;
        (void)snprintf(stmt->name, sizeof stmt->name, "s%zu", i);
    }
    finish(stmt);
    *out = stmt;
    return EM_OK;
}

static enum em_status bind(struct em_db_stmt *stmt, int number, const char *text,
                           Oid type, struct em_error *err)
{
    char *copy = text == NULL ? NULL : strdup(text);
    if (number < 1 || number > EM_PG_VALUES || (text != NULL && copy == NULL)) {
        free(copy);
        return em_error_nomem(err);
    }
    free(stmt->values[number - 1]);
    stmt->values[number - 1] = copy;
    stmt->types[number - 1] = type;
    if (number > stmt->count)
        stmt->count = number;
    return EM_OK;
}

static enum em_status bind_int(struct em_db_stmt *stmt, int number, int64_t value,
                               struct em_error *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    return bind(stmt, number, text, EM_PG_INT8, err);
}

static enum em_status bind_text(struct em_db_stmt *stmt, int number, const char *text,
                                struct em_error *err)
{
    /* NULL has no type of its own: the server finds it, from the column. */
    return bind(stmt, number, text, text == NULL ? 0 : EM_PG_TEXT, err);
}

/* The types of the values are known now. */
static enum em_status prepare_there(struct em_db_stmt *stmt, struct em_error *err)
{
    struct em_pg *db = stmt->db;
    PGresult *result;
    if (stmt->prepared)
        return EM_OK;
    enum em_status status = em_pg_answer(
        db,
        db->pq.PQsendPrepare(db->conn, stmt->name, stmt->sql, stmt->count, stmt->types),
        &result, err);
    db->pq.PQclear(result);
    stmt->prepared = status == EM_OK;
    return status;
}

static enum em_status run(struct em_db_stmt *stmt, struct em_error *err)
{
    struct em_pg *db = stmt->db;
    const char *values[EM_PG_VALUES];
    if (db->dead)
        return em_pg_fail(db, NULL, err);
    for (int i = 0; i < stmt->count; i++)
        values[i] = stmt->values[i];
    enum em_status status = prepare_there(stmt, err);
    if (status == EM_OK)
        status =
            em_pg_answer(db,
                         db->pq.PQsendQueryPrepared(db->conn, stmt->name, stmt->count,
                                                    values, NULL, NULL, 0),
                         &stmt->result, err);
    stmt->row = -1;
    return status;
}

static enum em_status step(struct em_db_stmt *stmt, bool *row, struct em_error *err)
{
    enum em_status status = stmt->result == NULL ? run(stmt, err) : EM_OK;
    *row = status == EM_OK && ++stmt->row < stmt->db->pq.PQntuples(stmt->result);
    return status;
}

static const char *column_text(struct em_db_stmt *stmt, int column)
{
    return stmt->db->pq.PQgetvalue(stmt->result, stmt->row, column); /* NULL: "" */
}

static int64_t column_int(struct em_db_stmt *stmt, int column)
{
    return strtoll(column_text(stmt, column), NULL, 10);
}

const struct em_db_engine em_db_pg = {
    .open = em_pg_open,
    .close = em_pg_close,
    .publish = em_pg_publish,
    .reconnect = em_pg_reconnect,
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
    .free_unit = "SELECT unit FROM units WHERE free = 1 ORDER BY unit LIMIT 1"
                 " FOR UPDATE SKIP LOCKED",
    .station = em_pg_station,
    .station_free = em_pg_station_free,
    .station_alive = em_pg_station_alive,
    .schema = em_pg_schema,
    .create = em_pg_create,
    .sound = em_pg_sound,
    .verify = em_pg_verify,
};
