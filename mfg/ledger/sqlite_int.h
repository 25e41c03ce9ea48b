/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite engine share. */
#ifndef MFG_LEDGER_SQLITE_INT_H
#define MFG_LEDGER_SQLITE_INT_H

#include "mfg/ledger/db_int.h"

#include <sqlite3.h>

#include <sys/stat.h>

enum {
    EM_SQLITE_KEPT = 64, /* statements: more than the ledger has */
    /* How long a writer waits for another process. One that writes holds the ledger for
     * milliseconds; a disk that is asleep or overloaded for some seconds. */
    EM_SQLITE_BUSY_MS = 10000,
    /* "EMLG": tells a ledger from other SQLite files. */
    EM_SQLITE_APPLICATION_ID = 0x454D4C47,
};

struct em_db_stmt {
    struct em_sqlite *db;
    sqlite3_stmt *stmt;
    const char *sql;
};

struct em_sqlite {
    struct em_db base;
    sqlite3 *handle;
    char *path;      /* as the user named it */
    char *temporary; /* of a new one, until it is published; else NULL */
    enum em_db_mode mode;
    dev_t dev; /* which file it was when opened */
    ino_t ino;
    struct em_db_stmt kept[EM_SQLITE_KEPT];
};

/** What a file's name in messages is: the path. */
struct em_sqlite *em_sqlite_of(struct em_db *db);

/** Tell the fault @p rc of SQLite and note its kind. */
enum em_status em_sqlite_fail(struct em_sqlite *db, int rc, struct em_error *err);

/** The text of "PRAGMA …;" or another statement, without values. */
enum em_status em_sqlite_exec(struct em_sqlite *db, const char *sql,
                              struct em_error *err);

/** Members of the engine that have files of their own. */
enum em_status em_sqlite_open(struct em_db **out, const char *url, enum em_db_mode mode,
                              struct em_error *err);
void em_sqlite_close(struct em_db *db);
enum em_status em_sqlite_publish(struct em_db *db, struct em_error *err);
/** Was the file moved, removed or replaced since it was opened? */
enum em_status em_sqlite_still_there(struct em_sqlite *db, struct em_error *err);

enum em_status em_sqlite_station(struct em_db *db, struct em_db_station **out,
                                 const char *name, struct em_error *err);
void em_sqlite_station_free(struct em_db_station *station);
bool em_sqlite_station_alive(struct em_db *db, const char *name);

enum em_status em_sqlite_schema(struct em_db *db, int64_t *version, bool *ours,
                                struct em_error *err);
enum em_status em_sqlite_create(struct em_db *db, const char *tables, int64_t version,
                                struct em_error *err);
enum em_status em_sqlite_sound(struct em_db *db, struct em_error *err);
enum em_status em_sqlite_verify(struct em_db *db, const char *tables,
                                const struct em_db_listener *listener,
                                struct em_error *err);

#endif
