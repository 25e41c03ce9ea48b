/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to a server: made, told how we want it, and made again. */
#include "config.h"

#include "mfg/ledger/pg_int.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is asked for unless the URL says otherwise; seconds, and milliseconds for the
 * last. A server or network that died is noticed while we wait for nothing, too. */
static const char *const defaults[][2] = {
    {"connect_timeout", "5"},      {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},  {"keepalives_count", "3"},
    {"tcp_user_timeout", "20000"},
};

/* Always; the names of settings that a server does not know are passed over. What was
 * lost with its connection must not keep its locks for long. */
static const char settings[] =
    "SELECT set_config(name, wanted, false) FROM pg_settings JOIN (VALUES"
    " ('lock_timeout', '10000'),"
    " ('idle_in_transaction_session_timeout', '30000'),"
    " ('client_connection_check_interval', '1000'),"
    " ('tcp_keepalives_idle', '10'),"
    " ('tcp_keepalives_interval', '5'),"
    " ('tcp_keepalives_count', '3'),"
    " ('client_min_messages', 'warning'),"
    " ('bytea_output', 'hex')) AS ours (name, wanted) USING (name)";

/* A commit that was told is on the server's disk, whatever its default. */
static const char durable[] = "SELECT set_config('synchronous_commit', 'on', false)"
                              " WHERE current_setting('synchronous_commit') = 'off'";

static void ignore_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result; /* the library never prints */
}

/* ---- One connection ---- */

static const char *hint_for(const struct em_pg *db)
{
    const char *text = db->pq.PQerrorMessage(db->conn);
    if (db->pq.PQconnectionNeedsPassword(db->conn) != 0)
        return "put the password into ~/.pgpass (mode 0600), or name a file with "
               "passfile=";
    /* The server's language may be another: then there is its own text alone. */
    if (strstr(text, "password authentication") != NULL)
        return "is the password right? It comes from ~/.pgpass, PGPASSWORD or the URL";
    if (strstr(text, "database") != NULL && strstr(text, "does not exist") != NULL)
        return "make it with createdb, or name another in the URL";
    if (strstr(text, "role") != NULL && strstr(text, "does not exist") != NULL)
        return "make that user with createuser, or name another in the URL";
    return "is the server running, and may this PC reach it?";
}

static enum em_status tell_refused(struct em_pg *db, struct em_error *err)
{
    char text[300];
    (void)snprintf(text, sizeof text, "%s", db->pq.PQerrorMessage(db->conn));
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
    db->dead = true;
    db->base.fault = EM_DB_LOST;
    return em_error_set(err, EM_ERR_IO, hint_for(db), "ledger '%s': %s", db->url.shown,
                        text);
}

/* "espmfg PID HOST": how the station that is running already is told. */
static void describe_us(char *out, size_t size)
{
    char host[40] = "";
    (void)gethostname(host, sizeof host - 1); /* "" then */
    (void)snprintf(out, size, "espmfg %jd %s", (intmax_t)getpid(), host);
}

static enum em_status dial(struct em_pg *db, PQconninfoOption *parsed,
                           struct em_error *err)
{
    enum { MOST = 64 };
    const char *names[MOST + 1];
    const char *values[MOST + 1];
    char us[64];
    size_t count = 0;
    size_t from = sizeof defaults / sizeof defaults[0];
    describe_us(us, sizeof us);
    for (size_t i = 0; i < from; i++) {
        names[count] = defaults[i][0];
        values[count++] = defaults[i][1];
    }
    names[count] = "fallback_application_name";
    values[count++] = "espmfg";
    /* Of a name that is given twice the later counts. */
    for (PQconninfoOption *o = parsed; o->keyword != NULL && count < MOST - 2; o++) {
        if (o->val == NULL)
            continue;
        names[count] = o->keyword;
        values[count++] = o->val;
    }
    names[count] = "client_encoding";
    values[count++] = "UTF8";
    names[count] = "application_name";
    values[count++] = us;
    names[count] = NULL;
    values[count] = NULL;
    db->conn = db->pq.PQconnectdbParams(names, values, 0);
    if (db->conn == NULL)
        return em_error_nomem(err);
    if (db->pq.PQstatus(db->conn) != CONNECTION_OK ||
        db->pq.PQsetnonblocking(db->conn, 1) != 0)
        return tell_refused(db, err);
    (void)db->pq.PQsetNoticeReceiver(db->conn, ignore_notice,
                                     NULL); /* returns the one before */
    return EM_OK;
}

static enum em_status set_up(struct em_pg *db, struct em_error *err)
{
    char text[80];
    enum em_status status = em_pg_exec(db, settings, err);
    if (status == EM_OK)
        status = em_pg_exec(db, durable, err);
    if (status == EM_OK)
        status = em_pg_ask(db, text, sizeof text,
                           "SELECT set_config('search_path', quote_ident($1), false)",
                           db->url.schema, NULL, err);
    if (status == EM_OK)
        status = em_pg_ask(db, db->since, sizeof db->since,
                           "SELECT backend_start::text FROM pg_stat_activity"
                           " WHERE pid = pg_backend_pid()",
                           NULL, NULL, err);
    if (status == EM_OK)
        (void)snprintf(db->pid, sizeof db->pid, "%d", db->pq.PQbackendPID(db->conn));
    return status;
}

static enum em_status connect(struct em_pg *db, struct em_error *err)
{
    char *fault = NULL;
    PQconninfoOption *parsed = db->pq.PQconninfoParse(db->url.server, &fault);
    /* Its text may have the whole URL in it. */
    db->pq.PQfreemem(fault);
    if (parsed == NULL)
        return em_error_set(
            err, EM_ERR_USAGE, "write postgresql://USER@HOST/DATABASE?schema=NAME",
            "ledger '%s': not a URL that PostgreSQL's library knows", db->url.shown);
    db->dead = false;
    db->generation++;
    for (size_t i = 0; i < EM_PG_KEPT; i++)
        db->kept[i].prepared = false;
    enum em_status status = dial(db, parsed, err);
    db->pq.PQconninfoFree(parsed);
    return status == EM_OK ? set_up(db, err) : status;
}

static void disconnect(struct em_pg *db)
{
    for (size_t i = 0; i < EM_PG_KEPT; i++) {
        if (db->kept[i].sql != NULL)
            em_db_pg.finish(&db->kept[i]);
    }
    if (db->conn != NULL)
        db->pq.PQfinish(db->conn);
    db->conn = NULL;
    db->dead = true;
}

/* The server may not have noticed yet that our last connection is lost: its locks, our
 * station among them, and a transaction that it may be about to commit. */
static enum em_status end_last(struct em_pg *db, const char *pid, const char *since,
                               struct em_error *err)
{
    char text[16];
    return pid[0] == '\0'
               ? EM_OK
               : em_pg_ask(db, text, sizeof text,
                           "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           " WHERE pid = $1::int AND backend_start = $2::timestamptz",
                           pid, since, err);
}

enum em_status em_pg_reconnect(struct em_db *base, struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    char pid[sizeof db->pid];
    char since[sizeof db->since];
    memcpy(pid, db->pid, sizeof pid);
    memcpy(since, db->since, sizeof since);
    disconnect(db);
    enum em_status status = connect(db, err);
    if (status == EM_OK)
        status = end_last(db, pid, since, err);
    if (status != EM_OK) { /* it is still the one to end */
        memcpy(db->pid, pid, sizeof pid);
        memcpy(db->since, since, sizeof since);
        db->dead = true;
    }
    return status;
}

/* ---- Opened ---- */

static enum em_status load_library(struct em_pg *db, struct em_error *err)
{
    static const char *const names[] = {EM_PQ_FUNCTIONS(EM_LOAD_NAME)};
    static const struct em_load pq = {
        .library = "libpq.so.5",
        .package = "libpq5",
        .purpose = "a ledger on a server",
        .functions = names,
        .count = sizeof names / sizeof names[0],
    };
    return em_load_functions(&db->pq, &pq, err);
}

static enum em_status open_new(struct em_pg *db, struct em_error *err)
{
    char text[80];
    char sql[128];
    /* Of several that begin it at once the others wait here, and then see it. */
    enum em_status status = em_pg_exec(db, "BEGIN ISOLATION LEVEL READ COMMITTED", err);
    if (status == EM_OK)
        status =
            em_pg_ask(db, text, sizeof text,
                      "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/new', 0))",
                      db->url.schema, NULL, err);
    if (status == EM_OK)
        status =
            em_pg_ask(db, text, sizeof text, "SHOW server_encoding", NULL, NULL, err);
    if (status == EM_OK && strcmp(text, "UTF8") != 0)
        return em_error_set(err, EM_ERR_INPUT,
                            "createdb --encoding=UTF8 --template=template0",
                            "ledger '%s': the database keeps texts as %s, not as UTF8",
                            db->url.shown, text);
    if (status == EM_OK)
        status =
            em_pg_ask(db, text, sizeof text,
                      "SELECT count(*) FROM pg_class c JOIN pg_namespace n"
                      " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND relname IN"
                      " ('espmfg', 'meta', 'units', 'claims', 'keys', 'holds',"
                      " 'events')",
                      db->url.schema, NULL, err);
    if (status == EM_OK && strcmp(text, "0") != 0)
        return em_error_set(err, EM_ERR_EXISTS,
                            "go on with it, or choose another name with ?schema=NAME",
                            "ledger '%s' is there already", db->url.shown);
    if (status == EM_OK)
        status =
            em_pg_ask(db, text, sizeof text, "SELECT to_regnamespace(quote_ident($1))",
                      db->url.schema, NULL, err);
    if (status != EM_OK || text[0] != '\0')
        return status;
    /* Letters, digits and '_', '-', '.' only: needs no escapes. */
    (void)snprintf(sql, sizeof sql, "CREATE SCHEMA \"%s\"", db->url.schema);
    status = em_pg_exec(db, sql, err);
    if (status == EM_ERR_REFUSED) /* another one was faster */
        status = em_error_set(err, EM_ERR_EXISTS, "go on with it",
                              "ledger '%s' is there already", db->url.shown);
    return status;
}

enum em_status em_pg_open(struct em_db **out, const char *url, enum em_db_mode mode,
                          struct em_error *err)
{
    struct em_pg *db = calloc(1, sizeof *db);
    *out = NULL;
    if (db == NULL)
        return em_error_nomem(err);
    db->base.engine = &em_db_pg;
    db->mode = mode;
    db->dead = true;
    enum em_status status = em_ledger_url_parse(&db->url, url, err);
    db->base.wait_ms = db->url.wait_ms;
    if (status == EM_OK)
        status = load_library(db, err);
    if (status == EM_OK)
        status = connect(db, err);
    if (status == EM_OK && mode == EM_DB_NEW)
        status = open_new(db, err);
    if (status != EM_OK) {
        em_pg_close(&db->base);
        return status;
    }
    *out = &db->base;
    return EM_OK;
}

void em_pg_close(struct em_db *base)
{
    struct em_pg *db = em_pg_of(base);
    disconnect(db);
    em_ledger_url_free(&db->url);
    free(db);
}

enum em_status em_pg_publish(struct em_db *base, struct em_error *err)
{
    return base->engine->commit(base, err);
}
