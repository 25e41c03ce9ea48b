/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger asks of a database, so that there can be more than one engine.
 *
 * Statements are those that SQLite and PostgreSQL share, with $1, $2, … for values.
 * Everything else (opening, locks, triggers, self-checks) is the engine's. */
#ifndef MFG_LEDGER_DB_INT_H
#define MFG_LEDGER_DB_INT_H

#include "base/error_int.h"

#include <stdbool.h>
#include <stdint.h>

/** What went wrong last, where a status is too coarse. */
enum em_db_fault {
    EM_DB_FINE,
    EM_DB_BUSY,       /**< somebody else wrote for too long */
    EM_DB_CONSTRAINT, /**< a promise would have been broken */
    EM_DB_FULL,       /**< no space */
    EM_DB_DENIED,     /**< no permission, or read-only */
    EM_DB_GONE,       /**< moved, removed or replaced while open */
    EM_DB_DAMAGED,    /**< not a database, or not what it was */
    EM_DB_LOST,       /**< the connection; an open transaction is undone, of one that was
                       * being committed nobody knows */
    EM_DB_OTHER,
};

enum em_db_mode {
    EM_DB_NEW,   /**< to be filled, then em_db_publish() */
    EM_DB_WRITE, /**< of a station, or a person who changes something */
    EM_DB_READ,  /**< nothing is written */
};

struct em_db_stmt;
struct em_db_station;
struct em_db_engine;

/** An open database; engines put their own behind it. One thread at a time. */
struct em_db {
    const struct em_db_engine *engine;
    enum em_db_fault fault;
    unsigned wait_ms; /**< how long a server that is away is waited for */
};

/** Told of each fault that a self-check finds. */
struct em_db_listener {
    void (*fault)(void *user, const char *text);
    void *user;
};

/** The contract of an engine. Statuses: EM_ERR_IO (busy, full, denied, gone), …_INPUT
 * (damaged), …_REFUSED (constraint), …_NOMEM. */
struct em_db_engine {
    /** Not there, or there already when new: EM_ERR_IO, EM_ERR_EXISTS. New: @p url has
     * nothing yet, and a transaction has begun. */
    enum em_status (*open)(struct em_db **out, const char *url, enum em_db_mode mode,
                           struct em_error *err);
    /** What was not committed, or published, is gone. */
    void (*close)(struct em_db *db);
    /** Of a new one: commit, and let others find it, whole or not at all. */
    enum em_status (*publish)(struct em_db *db, struct em_error *err);
    /** After EM_DB_LOST: try once. When it returns EM_OK, what the lost connection had
     * begun comes to its end before begin() returns, and its station is free soon.
     * NULL: a connection cannot be lost. */
    enum em_status (*reconnect)(struct em_db *db, struct em_error *err);

    /** Of a writer: wait, for a bounded time, until nobody else writes. Of a reader: what
     * is read from here on belongs together. */
    enum em_status (*begin)(struct em_db *db, struct em_error *err);
    /** When it returns EM_OK, all of it is on the disk. */
    enum em_status (*commit)(struct em_db *db, struct em_error *err);
    void (*rollback)(struct em_db *db);
    /** false: there was none, or a fault has rolled it back. */
    bool (*in_transaction)(struct em_db *db);
    /** Statements without values, separated by ';'. */
    enum em_status (*exec)(struct em_db *db, const char *sql, struct em_error *err);

    /** @p sql stays where it is: statements are kept and found by its address. */
    enum em_status (*prepare)(struct em_db *db, struct em_db_stmt **out, const char *sql,
                              struct em_error *err);
    enum em_status (*bind_int)(struct em_db_stmt *stmt, int number, int64_t value,
                               struct em_error *err);
    /** NULL stands for NULL. The text is copied. */
    enum em_status (*bind_text)(struct em_db_stmt *stmt, int number, const char *text,
                                struct em_error *err);
    enum em_status (*step)(struct em_db_stmt *stmt, bool *row, struct em_error *err);
    int64_t (*column_int)(struct em_db_stmt *stmt, int column);      /* NULL: 0 */
    const char *(*column_text)(struct em_db_stmt *stmt, int column); /* NULL: "" */
    void (*finish)(struct em_db_stmt *stmt);

    /** The lowest unit that is free, and that nobody else is just now taking. */
    const char *free_unit;

    /** Be the station @p name until em_db_station_free() or the end of the process.
     * EM_ERR_EXISTS: another is, or this one already. Inside a transaction. */
    enum em_status (*station)(struct em_db *db, struct em_db_station **out,
                              const char *name, struct em_error *err);
    void (*station_free)(struct em_db_station *station);
    /** Does a process run that is the station @p name? Inside a transaction. */
    bool (*station_alive)(struct em_db *db, const char *name);

    /** Version of the schema, and is it a ledger at all? */
    enum em_status (*schema)(struct em_db *db, int64_t *version, bool *ours,
                             struct em_error *err);
    /** Make the tables of @p tables (shared text) and the engine's own. */
    enum em_status (*create)(struct em_db *db, const char *tables, int64_t version,
                             struct em_error *err);
    /** A short look whether the database is damaged: for stations, when they start. */
    enum em_status (*sound)(struct em_db *db, struct em_error *err);
    /** The engine's proof: pages, indexes, and that the schema is still that of
     * create(). */
    enum em_status (*verify)(struct em_db *db, const char *tables,
                             const struct em_db_listener *listener, struct em_error *err);
};

extern const struct em_db_engine em_db_sqlite;
extern const struct em_db_engine em_db_pg;

/** Open with the engine that @p url names. EM_ERR_UNSUPPORTED: none does. */
enum em_status em_db_open(struct em_db **out, const char *url, enum em_db_mode mode,
                          struct em_error *err);
void em_db_close(struct em_db *db);

/**
 * Begin a statement. @p kinds has a letter for each value that follows: 'i' int64_t, 'u'
 * uint64_t, 'n' uint64_t whose 0 stands for NULL, 't' const char * (NULL: NULL). Then
 * em_db_next() until there is no row, or em_db_done().
 */
enum em_status em_db_query(struct em_db *db, struct em_db_stmt **out,
                           struct em_error *err, const char *sql, const char *kinds, ...);
/** The next row; with none the statement is done. Also done after a fault. */
enum em_status em_db_next(struct em_db *db, struct em_db_stmt *stmt, bool *row,
                          struct em_error *err);
/** NULL is allowed. */
void em_db_done(struct em_db *db, struct em_db_stmt *stmt);
uint64_t em_db_int(struct em_db *db, struct em_db_stmt *stmt, int column);
const char *em_db_text(struct em_db *db, struct em_db_stmt *stmt, int column);

/** A statement without rows. */
enum em_status em_db_run(struct em_db *db, struct em_error *err, const char *sql,
                         const char *kinds, ...);
/** One number; 0 when there is no row. */
enum em_status em_db_number(struct em_db *db, uint64_t *out, struct em_error *err,
                            const char *sql, const char *kinds, ...);

#endif
