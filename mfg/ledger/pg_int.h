/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the PostgreSQL engine share. */
#ifndef MFG_LEDGER_PG_INT_H
#define MFG_LEDGER_PG_INT_H

#include "base/load_int.h"
#include "mfg/ledger/db_int.h"
#include "mfg/ledger/url_int.h"

#include <libpq-fe.h>

enum {
    EM_PG_KEPT = 96,   /* statements: more than the ledger has */
    EM_PG_VALUES = 20, /* of one: an event has 16 */
    /* How long a writer waits for another: as with SQLite. */
    EM_PG_BUSY_MS = 10000,
    /* Of reading all of a ledger, against one step of a writer. */
    EM_PG_READ_TIMES = 6,
};

/** Numbers of types: fixed for ever, in the server's catalog/pg_type.dat. */
enum { EM_PG_INT8 = 20, EM_PG_TEXT = 25 };

/** What is used of libpq: it is loaded when the first server is asked for. */
/* clang-format off */
#define EM_PQ_FUNCTIONS(X)                                                               \
    X(PQbackendPID) X(PQclear) X(PQcmdStatus) X(PQconnectdbParams) X(PQconnectionNeedsPassword)         \
    X(PQconninfoFree) X(PQconninfoParse) X(PQconsumeInput) X(PQerrorMessage)             \
    X(PQfinish) X(PQflush) X(PQfreemem) X(PQgetResult) X(PQgetvalue) X(PQisBusy)         \
    X(PQntuples) X(PQresultErrorField) X(PQresultStatus) X(PQsendPrepare)                \
    X(PQsendQuery) X(PQsendQueryParams) X(PQsendQueryPrepared)                           \
    X(PQsetNoticeReceiver) X(PQsetnonblocking) X(PQsocket) X(PQstatus)                   \
    X(PQtransactionStatus)
/* clang-format on */

struct em_pq {
    EM_PQ_FUNCTIONS(EM_LOAD_MEMBER)
};

struct em_db_stmt {
    struct em_pg *db;
    const char *sql;
    char name[16];
    bool prepared; /* on the present connection */
    PGresult *result;
    int row;
    int count; /* of values */
    Oid types[EM_PG_VALUES];
    char *values[EM_PG_VALUES];
};

struct em_pg {
    struct em_db base;
    struct em_ledger_url url;
    enum em_db_mode mode;
    struct em_pq pq;
    PGconn *conn;
    bool dead;               /* the connection; nothing is asked of it any more */
    unsigned generation;     /* of connections */
    char pid[16], since[64]; /* of the server's process for us */
    struct em_db_stmt kept[EM_PG_KEPT];
};

struct em_pg *em_pg_of(struct em_db *db);

/** Tell what @p result (NULL: the connection) says, and note its kind. */
enum em_status em_pg_fail(struct em_pg *db, const PGresult *result, struct em_error *err);

/** Wait for the answer to what was sent (@p sent: of PQsend…()), for a bounded time. The
 * result is the caller's; *out NULL with a fault. */
enum em_status em_pg_answer(struct em_pg *db, int sent, PGresult **out,
                            struct em_error *err);

/** Statements without values or rows. */
enum em_status em_pg_exec(struct em_pg *db, const char *sql, struct em_error *err);

/** One text with up to two values; "" when there is no row. @p out has @p size bytes. */
enum em_status em_pg_ask(struct em_pg *db, char *out, size_t size, const char *sql,
                         const char *first, const char *second, struct em_error *err);

/** Members of the engine that have files of their own. */
enum em_status em_pg_open(struct em_db **out, const char *url, enum em_db_mode mode,
                          struct em_error *err);
void em_pg_close(struct em_db *db);
enum em_status em_pg_publish(struct em_db *db, struct em_error *err);
enum em_status em_pg_reconnect(struct em_db *db, struct em_error *err);

enum em_status em_pg_station(struct em_db *db, struct em_db_station **out,
                             const char *name, struct em_error *err);
void em_pg_station_free(struct em_db_station *station);
bool em_pg_station_alive(struct em_db *db, const char *name);

enum em_status em_pg_schema(struct em_db *db, int64_t *version, bool *ours,
                            struct em_error *err);
enum em_status em_pg_create(struct em_db *db, const char *tables, int64_t version,
                            struct em_error *err);
enum em_status em_pg_sound(struct em_db *db, struct em_error *err);
enum em_status em_pg_verify(struct em_db *db, const char *tables,
                            const struct em_db_listener *listener, struct em_error *err);

#endif
