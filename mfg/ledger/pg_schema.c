/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a ledger in PostgreSQL: made, recognised, and proved to be as it was
 * made.
 */
#include "config.h"

#include "mfg/ledger/pg_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Refuses when @p when is true; its name is what a fault of the schema tells. */
#define TRIGGER(name, event, table, when, text)                                          \
    "CREATE FUNCTION " name "() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"             \
    " RAISE EXCEPTION '" text "'; END$$;"                                                \
    "CREATE TRIGGER " name " BEFORE " event " ON " table " FOR EACH ROW " when           \
    " EXECUTE FUNCTION " name "();"
/* TRUNCATE has no rows, and would pass all of the others. */
#define KEPT(table)                                                                      \
    "CREATE TRIGGER " table "_whole BEFORE TRUNCATE ON " table                           \
    " FOR EACH STATEMENT EXECUTE FUNCTION events_remain();"

/* What constraints cannot say: nothing goes back, nothing is taken out of the list. */
/* clang-format off */
static const char triggers[] =
    TRIGGER("events_stay", "UPDATE", "events", "", "events do not change")
    TRIGGER("events_remain", "DELETE", "events", "", "nothing is removed from a ledger")
    /* A condition has no queries here: the function looks. */
    "CREATE FUNCTION events_in_order() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " IF new.number <> (SELECT coalesce(max(number), 0) + 1 FROM events)"
    " OR new.time COLLATE \"C\" < (SELECT coalesce(max(time), '') FROM events"
    " WHERE number = new.number - 1) COLLATE \"C\" THEN"
    " RAISE EXCEPTION 'an event is out of order'; END IF; RETURN new; END$$;"
    "CREATE TRIGGER events_in_order BEFORE INSERT ON events FOR EACH ROW"
    " EXECUTE FUNCTION events_in_order();"

    TRIGGER("claims_begin", "INSERT", "claims", "WHEN (new.state <> 1)",
            "a claim begins as claimed")
    TRIGGER("claims_forward", "UPDATE", "claims",
            "WHEN (new.claim <> old.claim OR new.unit <> old.unit"
            " OR new.serial <> old.serial OR new.mac <> old.mac OR new.state < old.state"
            " OR (old.state >= 6 AND new.state <> old.state)"
            " OR (new.state = 7 AND old.state BETWEEN 3 AND 5)"
            " OR (new.state = 4 AND old.state NOT IN (3, 4)))",
            "a claim only goes forwards")
    TRIGGER("claims_remain", "DELETE", "claims", "", "claims are not removed")

    TRIGGER("keys_forward", "UPDATE", "keys",
            "WHEN (new.fingerprint <> old.fingerprint OR new.claim <> old.claim"
            " OR new.destroyed < old.destroyed)",
            "a key stays with its claim")
    TRIGGER("keys_remain", "DELETE", "keys", "", "keys are not removed")

    TRIGGER("units_stay", "UPDATE", "units",
            "WHEN (new.unit <> old.unit OR new.name <> old.name)",
            "a unit keeps its name")
    TRIGGER("units_remain", "DELETE", "units", "", "units are not removed")
    TRIGGER("meta_stay", "UPDATE", "meta", "", "a batch stays what it is")
    TRIGGER("meta_remain", "DELETE", "meta", "", "a batch stays what it is")
    KEPT("events") KEPT("claims") KEPT("keys") KEPT("units") KEPT("meta");

/* All that makes the schema what it is, as the server words it. */
#define PARTS                                                                            \
    "SELECT c.relname::text AS name, 'table: ' || string_agg(a.attname || ' ' ||"        \
    " format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' !' ELSE ''"  \
    " END, ', ' ORDER BY a.attnum) AS def"                                               \
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"        \
    " AND NOT a.attisdropped WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')"               \
    " AND c.relnamespace = quote_ident(current_schema())::regnamespace GROUP BY c.relname"            \
    " UNION ALL SELECT conname::text, pg_get_constraintdef(oid) ||"                      \
    " CASE WHEN convalidated THEN '' ELSE ' !' END"                                      \
    " FROM pg_constraint WHERE contype <> 'n'"                                           \
    " AND connamespace = quote_ident(current_schema())::regnamespace"                                 \
    " UNION ALL SELECT c.relname::text || ' (index)', pg_get_indexdef(c.oid) ||"         \
    " CASE WHEN i.indisvalid THEN '' ELSE ' !' END FROM pg_class c"                      \
    " JOIN pg_index i ON i.indexrelid = c.oid"                                           \
    " WHERE c.relnamespace = quote_ident(current_schema())::regnamespace"                             \
    " UNION ALL SELECT t.tgname::text || ' (trigger)', pg_get_triggerdef(t.oid) || ' '"  \
    " || t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"             \
    " WHERE NOT t.tgisinternal AND c.relnamespace = quote_ident(current_schema())::regnamespace"      \
    " UNION ALL SELECT proname::text || ' (function)', prosrc FROM pg_proc"              \
    " WHERE pronamespace = quote_ident(current_schema())::regnamespace"

/* Which schema it is, and how its parts were worded when they were made. */
static const char own_tables[] =
    "CREATE TABLE espmfg (schema INTEGER NOT NULL PRIMARY KEY);"
    "CREATE TABLE espmfg_parts (name TEXT NOT NULL, def TEXT NOT NULL);";
static const char keep_parts[] = "INSERT INTO espmfg_parts (name, def) " PARTS;
/* clang-format on */

enum em_status em_pg_create(struct em_db *base, const char *tables, int64_t version,
                            struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    char text[24];
    char number[24];
    (void)snprintf(number, sizeof number, "%lld", (long long)version);
    enum em_status status = em_pg_exec(db, own_tables, err);
    if (status == EM_OK)
        status = em_pg_exec(db, tables, err);
    if (status == EM_OK)
        status = em_pg_exec(db, triggers, err);
    if (status == EM_OK)
        status = em_pg_exec(db, keep_parts, err);
    return status == EM_OK ? em_pg_ask(db, text, sizeof text,
                                       "INSERT INTO espmfg (schema) VALUES ($1::bigint)",
                                       number, NULL, err)
                           : status;
}

enum em_status em_pg_schema(struct em_db *base, int64_t *version, bool *ours,
                            struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    char text[24];
    *version = 0;
    *ours = false;
    enum em_status status =
        em_pg_ask(db, text, sizeof text,
                  "SELECT to_regclass(quote_ident($1) || '.espmfg') IS NOT NULL",
                  db->url.schema, NULL, err);
    if (status == EM_OK && strcmp(text, "t") != 0) {
        base->fault = EM_DB_GONE;
        return em_error_set(err, EM_ERR_IO,
                            "make it with 'mfg_flash ledger init', or name it with "
                            "?schema=NAME",
                            "there is no ledger '%s'", db->url.shown);
    }
    if (status == EM_OK)
        status = em_pg_ask(db, text, sizeof text, "SELECT max(schema) FROM espmfg", NULL,
                           NULL, err);
    *ours = status == EM_OK && text[0] != '\0';
    *version = strtoll(text, NULL, 10);
    return status;
}

enum em_status em_pg_sound(struct em_db *db, struct em_error *err)
{
    (void)db;
    (void)err;
    return EM_OK; /* pages and logs are the server's own care */
}

enum em_status em_pg_verify(struct em_db *db, const char *tables,
                            const struct em_db_listener *listener, struct em_error *err)
{
    struct em_db_stmt *stmt;
    char text[160];
    bool row = true;
    (void)tables; /* how the server worded them is kept with them */
    enum em_status status = em_db_query(
        db, &stmt, err,
        "SELECT coalesce(made.name, part.name), made.name IS NULL"
        " FROM espmfg_parts made FULL JOIN (" PARTS ") part ON part.name = made.name"
        " WHERE made.def IS DISTINCT FROM part.def ORDER BY 1",
        "");
    while (status == EM_OK && row) {
        status = em_db_next(db, stmt, &row, err);
        if (status != EM_OK || !row)
            break;
        (void)snprintf(text, sizeof text, "schema: '%.100s' %s", em_db_text(db, stmt, 0),
                       em_db_text(db, stmt, 1)[0] == 't'
                           ? "is not of the ledger"
                           : "is missing, or not as it was made");
        listener->fault(listener->user, text);
    }
    return status;
}
