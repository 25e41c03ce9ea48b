/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong around a ledger on a server: edited, refused, not there, not ours. */
#include "config.h"

#include "mfg/ledger/db_int.h"

#include "tests/test_mfg_ledger_util.h"

static enum em_status try_url(const char *url, struct em_error *err)
{
    struct em_ledger *ledger = NULL;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = url;
    options.station = "a";
    enum em_status status = em_ledger_open(&ledger, &options, err);
    em_ledger_close(ledger);
    return status;
}

static void fill(unsigned units)
{
    struct em_error err;
    struct em_ledger_unit unit;
    char key[EM_KEY_FINGERPRINT_SIZE];
    ledger_begin(units);
    struct em_ledger *ledger = ledger_open("bench");
    for (unsigned i = 1; i <= units; i++) {
        ledger_fingerprint(key, i);
        CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", i, &unit), EM_LEDGER_NEW);
        EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, key, &err), EM_OK, &err);
        ledger_advance(ledger, unit.claim, EM_LEDGER_DONE);
        EM_CHECK_STATUS(em_ledger_leave(ledger, unit.claim, &err), EM_OK, &err);
    }
    em_ledger_close(ledger);
}

/* Somebody edits tables; the check says what is wrong. */
static void test_check_finds(void)
{
    static const struct {
        const char *sql;
        const char *told;
    } cases[] = {
        {"ALTER TABLE events DISABLE TRIGGER events_remain;"
         "DELETE FROM events WHERE number = 5",
         "event 4 is"},
        {"ALTER TABLE events DISABLE TRIGGER events_remain", "events_remain (trigger)"},
        {"DROP TRIGGER claims_forward ON claims;"
         "UPDATE claims SET state = 2 WHERE claim = 1",
         "is 'flashed', but its events lead to 'done'"},
        {"DROP INDEX claims_mac; DROP TRIGGER claims_forward ON claims;"
         "UPDATE claims SET mac = (SELECT mac FROM claims WHERE claim = 2)",
         "a board has two units"},
        {"CREATE OR REPLACE FUNCTION keys_remain() RETURNS trigger LANGUAGE plpgsql AS"
         " $$BEGIN RETURN old; END$$; DELETE FROM keys WHERE claim = 2",
         "has 0 keys, its events tell of 1"},
        {"UPDATE units SET free = 1", "told to be free"},
        {"DROP INDEX units_free", "'units_free (index)' is missing"},
        {"CREATE TABLE more (x INTEGER)", "'more' is not of the ledger"},
        {"ALTER TABLE claims DROP CONSTRAINT claims_state_check", "claims_state_check"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_error err;
        char *text = NULL;
        size_t len = 0;
        unsigned long faults = 0;
        fill(2);
        ledger_psql(cases[i].sql);
        struct em_ledger *ledger = ledger_open(NULL);
        FILE *to = open_memstream(&text, &len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(to);
        struct em_hooks hooks = {.log = ledger_keep_fault, .user = to};
        EM_CHECK_STATUS(em_ledger_check(ledger, &hooks, &faults, &err), EM_OK, &err);
        (void)fclose(to);
        CU_ASSERT_TRUE(faults > 0);
        EM_CHECK_HAS(text, cases[i].told);
        free(text);
        em_ledger_close(ledger);
        ledger_end();
    }
}

/* The database itself refuses, whoever asks. */
static void test_constraints(void)
{
    static const char *const refused[] = {
        "UPDATE events SET detail = 'x' WHERE number = 1",
        "DELETE FROM events WHERE number = 12",
        "TRUNCATE events CASCADE",
        "TRUNCATE holds, claims, keys, events",
        "INSERT INTO events SELECT number + 1000, time, station, slot, port, mac, unit,"
        " claim, state, failed, step, outcome, detail, duration_us, retries, version"
        " FROM events WHERE number = 1",
        "INSERT INTO events SELECT 13, '2000-01-01T00:00:00.000Z', station, slot, port,"
        " mac, unit, claim, state, failed, step, outcome, detail, duration_us, retries,"
        " version FROM events WHERE number = 1",
        "UPDATE claims SET state = 4 WHERE claim = 1",
        "UPDATE claims SET mac = '00:00:00:00:00:00' WHERE claim = 1",
        "DELETE FROM claims",
        "INSERT INTO claims SELECT 9, 1, 9, '00:00:00:00:00:00', 1, 0, 0, '', '', '', ''",
        "INSERT INTO claims SELECT 9, 2, 9, mac, 1, 0, 0, '', '', '', '' FROM claims",
        "UPDATE keys SET claim = 2 WHERE claim = 1",
        "DELETE FROM keys",
        "INSERT INTO keys SELECT fingerprint, 2, 0 FROM keys WHERE claim = 1",
        "UPDATE units SET name = 'x' WHERE unit = 1",
        "DELETE FROM units WHERE unit = 1",
        "UPDATE meta SET value = 'x'",
    };
    char sql[600];
    fill(2);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        /* A statement that is refused in a block that expects it. */
        (void)snprintf(sql, sizeof sql,
                       "DO $$BEGIN BEGIN %s; EXCEPTION WHEN raise_exception OR"
                       " integrity_constraint_violation THEN RETURN; END;"
                       " RAISE 'not refused'; END$$",
                       refused[i]);
        ledger_psql(sql);
    }
    struct em_ledger *ledger = ledger_open(NULL);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

static void test_schema(void)
{
    struct em_error err;
    ledger_begin(0);
    EM_CHECK_STATUS(try_url(ledger_path, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "there is no ledger");
    EM_CHECK_HAS(err.hint, "ledger init");
    EM_CHECK_STATUS(ledger_make(1, &err), EM_OK, &err);
    ledger_psql("UPDATE espmfg SET schema = 2");
    EM_CHECK_STATUS(try_url(ledger_path, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "schema 2 and was made by espmfg 1.2.3");
    EM_CHECK_HAS(err.hint, "install espmfg 1.2.3 or newer");
    ledger_psql("UPDATE espmfg SET schema = 0");
    EM_CHECK_STATUS(try_url(ledger_path, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.hint, "finish this batch with espmfg 1.2.3");
    ledger_psql("DELETE FROM espmfg");
    EM_CHECK_STATUS(try_url(ledger_path, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "is no ledger");
    ledger_end();
}

/* "postgresql://USER@HOST/DATABASE" of the server with other parts in it. */
static void other(char *out, size_t size, const char *user, const char *database)
{
    const char *host = strchr(ledger_server(), '@');
    CU_ASSERT_PTR_NOT_NULL_FATAL(host);
    (void)snprintf(out, size, "postgresql://%s%.*s/%s", user,
                   (int)(strrchr(ledger_server(), '/') - host), host, database);
}

static void test_not_let_in(void)
{
    struct em_error err;
    char url[256];
    char shown[256];
    ledger_begin(0);
    ledger_psql("DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right'");
    other(url, sizeof url, "espmfg", "nowhere");
    EM_CHECK_STATUS(try_url(url, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "\"nowhere\" does not exist");
    EM_CHECK_HAS(err.hint, "createdb");
    other(url, sizeof url, "locked:hidden!", "postgres");
    EM_CHECK_STATUS(try_url(url, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "password authentication failed");
    EM_CHECK_HAS(err.what, "locked:***@127.0.0.1");
    CU_ASSERT_PTR_NULL(strstr(err.what, "hidden"));
    em_ledger_url_show(shown, sizeof shown, url);
    CU_ASSERT_PTR_NULL(strstr(shown, "hidden"));
    other(url, sizeof url, "locked", "postgres");
    EM_CHECK_STATUS(try_url(url, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.hint, ".pgpass");
    /* May come in, but not make anything. */
    other(url, sizeof url, "locked:right", "postgres");
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    struct em_ledger_batch batch = {.name = "x", .chip = "esp32", .units = 1};
    options.url = url;
    EM_CHECK_STATUS(em_ledger_init(&options, &batch, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "permission denied");
    EM_CHECK_STATUS(try_url("postgresql://127.0.0.1:1/x", &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "refused");
    EM_CHECK_HAS(err.hint, "is the server running");
    ledger_psql("DROP ROLE locked");
    ledger_end();
}

static void test_bad_urls(void)
{
    static const char *const urls[] = {
        "postgresql://u:hidden@h/d?schema=",
        "postgresql://u:hidden@h/d?schema=a%20b",
        "postgresql://u:hidden@h/d?schema=pg_x",
        "postgresql://u:hidden@h/d?schema=\"x",
        "postgresql://u:hidden@h/d?wait=1h",
        "postgresql://u:hidden@h/d?wait=86401",
        "postgresql://u:hidden@h/d?answer=0",
        "postgresql://u:hidden@h/d?answer=-1",
        "postgresql://u:hidden@[h/d",
        "postgresql://u:hidden@h/d?colour=red",
        "postgresql://u@h/d?password=hidden&colour=red",
        "postgresql://u@h/d?pass%77ord=hidden&colour=red",
        "postgresql://u@h/d?sslpassword=hidden&colour=red",
        "postgresql://u:hid@hidden@h/d",
        "postgresql://u:x/hidden@h/d",
        "postgresql://u:x?hidden@h/d",
    };
    struct em_error err;
    char shown[128];
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        EM_CHECK_STATUS(try_url(urls[i], &err), EM_ERR_USAGE, &err);
        CU_ASSERT_PTR_NULL(strstr(err.what, "hidden"));
        em_ledger_url_show(shown, sizeof shown, urls[i]);
        CU_ASSERT_PTR_NULL(strstr(shown, "hidden"));
    }
    EM_CHECK_STATUS(try_url("mysql://u:hidden@h/d", &err), EM_ERR_UNSUPPORTED, &err);
    CU_ASSERT_PTR_NULL(strstr(err.what, "hidden"));
    em_ledger_url_show(shown, sizeof shown, "/srv/a:b@c?password=x.db");
    CU_ASSERT_STRING_EQUAL(shown, "/srv/a:b@c?password=x.db");
    em_ledger_url_show(shown, sizeof shown, "postgresql://u:a@b@h/d?x=1&password=p&y=2");
    CU_ASSERT_STRING_EQUAL(shown, "postgresql://u:***@h/d?x=1&password=***&y=2");
}

/* The server undoes what has failed, whatever ends it. */
static void test_failed_commit(void)
{
    struct em_error err;
    struct em_db *db = NULL;
    ledger_begin(1);
    EM_CHECK_STATUS(em_db_pg.open(&db, ledger_path, EM_DB_WRITE, &err), EM_OK, &err);
    if (db == NULL)
        return;
    EM_CHECK_STATUS(db->engine->begin(db, &err), EM_OK, &err);
    EM_CHECK_STATUS(db->engine->exec(db, "SELECT 1/0", &err), EM_ERR_IO, &err);
    EM_CHECK_STATUS(db->engine->commit(db, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "has undone the transaction");
    CU_ASSERT_FALSE(db->engine->in_transaction(db));
    EM_CHECK_STATUS(db->engine->begin(db, &err), EM_OK, &err);
    EM_CHECK_STATUS(db->engine->commit(db, &err), EM_OK, &err);
    db->engine->close(db);
}

static const struct em_test tests[] = {
    {"a commit of what has failed", test_failed_commit},
    {"the check finds what was edited", test_check_finds},
    {"the database refuses", test_constraints},
    {"a later schema, or none", test_schema},
    {"not let in", test_not_let_in},
    {"URLs that are wrong", test_bad_urls},
};

int main(void)
{
    if (ledger_server() == NULL) {
        (void)fprintf(stderr, "SKIPPED: EM_LEDGER_SERVER names no server; "
                              "tests/ledger_pg.sh starts one\n");
        return 77;
    }
    return em_test_main("mfg ledger pg", tests, sizeof tests / sizeof tests[0]);
}
