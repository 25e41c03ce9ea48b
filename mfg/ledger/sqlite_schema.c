/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a ledger in SQLite: made, recognised, and proved to be as it was made. */
#include "config.h"

#include "mfg/ledger/sqlite_int.h"

#include <stdio.h>
#include <string.h>

/* What constraints cannot say: nothing goes back, nothing is taken out of the list. */
/* clang-format off */
static const char triggers[] =
    "CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN"
    " SELECT RAISE(ABORT, 'events do not change'); END;"
    "CREATE TRIGGER events_remain BEFORE DELETE ON events BEGIN"
    " SELECT RAISE(ABORT, 'events are not removed'); END;"
    "CREATE TRIGGER events_in_order BEFORE INSERT ON events"
    " WHEN new.number <> (SELECT coalesce(max(number), 0) + 1 FROM events)"
    " OR new.time < (SELECT coalesce(max(time), '') FROM events"
    " WHERE number = new.number - 1) BEGIN"
    " SELECT RAISE(ABORT, 'an event is out of order'); END;"

    "CREATE TRIGGER claims_begin BEFORE INSERT ON claims WHEN new.state <> 1 BEGIN"
    " SELECT RAISE(ABORT, 'a claim begins as claimed'); END;"
    "CREATE TRIGGER claims_forward BEFORE UPDATE ON claims"
    " WHEN new.claim <> old.claim OR new.unit <> old.unit OR new.serial <> old.serial"
    " OR new.mac <> old.mac OR new.state < old.state"
    " OR (old.state >= 6 AND new.state <> old.state)"
    " OR (new.state = 7 AND old.state BETWEEN 3 AND 5)"
    " OR (new.state = 4 AND old.state NOT IN (3, 4)) BEGIN"
    " SELECT RAISE(ABORT, 'a claim only goes forwards'); END;"
    "CREATE TRIGGER claims_remain BEFORE DELETE ON claims BEGIN"
    " SELECT RAISE(ABORT, 'claims are not removed'); END;"

    "CREATE TRIGGER keys_forward BEFORE UPDATE ON keys"
    " WHEN new.fingerprint <> old.fingerprint OR new.claim <> old.claim"
    " OR new.destroyed < old.destroyed BEGIN"
    " SELECT RAISE(ABORT, 'a key stays with its claim'); END;"
    "CREATE TRIGGER keys_remain BEFORE DELETE ON keys BEGIN"
    " SELECT RAISE(ABORT, 'keys are not removed'); END;"

    "CREATE TRIGGER units_stay BEFORE UPDATE ON units"
    " WHEN new.unit <> old.unit OR new.name <> old.name BEGIN"
    " SELECT RAISE(ABORT, 'a unit keeps its name'); END;"
    "CREATE TRIGGER units_remain BEFORE DELETE ON units BEGIN"
    " SELECT RAISE(ABORT, 'units are not removed'); END;"
    "CREATE TRIGGER meta_stay BEFORE UPDATE ON meta BEGIN"
    " SELECT RAISE(ABORT, 'a batch stays what it is'); END;"
    "CREATE TRIGGER meta_remain BEFORE DELETE ON meta BEGIN"
    " SELECT RAISE(ABORT, 'a batch stays what it is'); END;";
/* clang-format on */

static enum em_status make(struct em_sqlite *db, const char *tables, struct em_error *err)
{
    enum em_status status = em_sqlite_exec(db, tables, err);
    return status == EM_OK ? em_sqlite_exec(db, triggers, err) : status;
}

enum em_status em_sqlite_create(struct em_db *base, const char *tables, int64_t version,
                                struct em_error *err)
{
    struct em_sqlite *db = em_sqlite_of(base);
    char sql[96];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   EM_SQLITE_APPLICATION_ID, (int)version);
    enum em_status status = em_sqlite_exec(db, sql, err);
    return status == EM_OK ? make(db, tables, err) : status;
}

enum em_status em_sqlite_schema(struct em_db *base, int64_t *version, bool *ours,
                                struct em_error *err)
{
    uint64_t id;
    uint64_t number = 0;
    enum em_status status = em_db_number(base, &id, err, "PRAGMA application_id", "");
    if (status == EM_OK)
        status = em_db_number(base, &number, err, "PRAGMA user_version", "");
    *ours = status == EM_OK && id == EM_SQLITE_APPLICATION_ID;
    *version = (int64_t)number;
    return status;
}

/* ---- Is it whole? ---- */

/* Every line of an integrity pragma but "ok" goes to @p listener, @p what before it. */
static enum em_status ask(struct em_db *db, const char *pragma, const char *what,
                          const struct em_db_listener *listener, struct em_error *err)
{
    struct em_db_stmt *stmt;
    bool row = true;
    char text[256];
    enum em_status status = em_db_query(db, &stmt, err, pragma, "");
    while (status == EM_OK && row) {
        status = em_db_next(db, stmt, &row, err);
        if (status != EM_OK || !row || strcmp(em_db_text(db, stmt, 0), "ok") == 0)
            continue;
        (void)snprintf(text, sizeof text, "%s%s", what, em_db_text(db, stmt, 0));
        text[strcspn(text, "\n")] = '\0';
        listener->fault(listener->user, text);
    }
    return status;
}

struct first_fault {
    struct em_sqlite *db;
    struct em_error *err;
    bool found;
};

static void on_first(void *user, const char *text)
{
    struct first_fault *first = user;
    if (!first->found)
        (void)em_error_set(first->err, EM_ERR_INPUT,
                           "stop using it, keep a copy, and go back to a backup",
                           "ledger '%s' is damaged: %s", first->db->path, text);
    first->found = true;
}

enum em_status em_sqlite_sound(struct em_db *base, struct em_error *err)
{
    struct first_fault first = {em_sqlite_of(base), err, false};
    struct em_db_listener listener = {on_first, &first};
    /* Pages and records, without comparing indexes with tables: some 10 ms for 10,000
     * units (measured, SQLite 3.40). */
    enum em_status status = ask(base, "PRAGMA quick_check(1)", "", &listener, err);
    if (status == EM_OK && first.found) {
        base->fault = EM_DB_DAMAGED;
        status = EM_ERR_INPUT;
    }
    return status;
}

/* ---- Is the schema still the one that was made? ---- */

/* The statement that made the part of this kind and name, into @p out; "" : none. */
static int made_by(sqlite3 *handle, const char *name, const char **out,
                   sqlite3_stmt **stmt)
{
    int rc = sqlite3_prepare_v2(handle, "SELECT sql FROM sqlite_master WHERE name = $1",
                                -1, stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(*stmt, 1, name, -1, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(*stmt);
    *out = rc == SQLITE_ROW && sqlite3_column_text(*stmt, 0) != NULL
               ? (const char *)sqlite3_column_text(*stmt, 0)
               : "";
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* All of @p from has to be in @p in, with @p words made by the same words. */
static int compare(sqlite3 *from, sqlite3 *in, bool words, const char *what,
                   const struct em_db_listener *listener)
{
    sqlite3_stmt *all = NULL;
    char text[160];
    int rc = sqlite3_prepare_v2(from,
                                "SELECT name, sql FROM sqlite_master WHERE sql NOTNULL "
                                "AND name NOT LIKE 'sqlite_stat%' ORDER BY name",
                                -1, &all, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(all)) == SQLITE_ROW) {
        sqlite3_stmt *one = NULL;
        const char *made = "";
        const char *name = (const char *)sqlite3_column_text(all, 0);
        rc = made_by(in, name, &made, &one);
        const char *wanted = (const char *)sqlite3_column_text(all, 1);
        if (rc == SQLITE_OK && (words ? strcmp(made, wanted) != 0 : made[0] == '\0')) {
            (void)snprintf(text, sizeof text, "schema: '%.100s' %s", name, what);
            listener->fault(listener->user, text);
        }
        (void)sqlite3_finalize(one); /* only read */
    }
    (void)sqlite3_finalize(all); /* only read */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum em_status compare_schema(struct em_sqlite *db, const char *tables,
                                     const struct em_db_listener *listener,
                                     struct em_error *err)
{
    struct em_sqlite fresh = {.path = db->path};
    int rc = sqlite3_open(":memory:", &fresh.handle);
    enum em_status status =
        rc == SQLITE_OK ? make(&fresh, tables, err) : em_sqlite_fail(&fresh, rc, err);
    if (status == EM_OK) {
        rc = compare(fresh.handle, db->handle, true, "is missing, or not as it was made",
                     listener);
        if (rc == SQLITE_OK)
            rc = compare(db->handle, fresh.handle, false, "is not of the ledger",
                         listener);
        if (rc != SQLITE_OK)
            status = em_sqlite_fail(db, rc, err);
    }
    sqlite3_close(fresh.handle);
    return status;
}

enum em_status em_sqlite_verify(struct em_db *base, const char *tables,
                                const struct em_db_listener *listener,
                                struct em_error *err)
{
    enum em_status status = ask(base, "PRAGMA integrity_check", "file: ", listener, err);
    if (status == EM_OK)
        status = ask(base, "PRAGMA foreign_key_check", "refers to nothing: a row of ",
                     listener, err);
    return status == EM_OK ? compare_schema(em_sqlite_of(base), tables, listener, err)
                           : status;
}
