/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong around a ledger in a file: other files, edited ones, disks. */
#include "config.h"

#include "tests/test_mfg_ledger_util.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sqlite3.h>

static enum em_status try_open(const char *station, bool read_only, struct em_error *err)
{
    struct em_ledger *ledger = NULL;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    options.station = station;
    options.read_only = read_only;
    enum em_status status = em_ledger_open(&ledger, &options, err);
    em_ledger_close(ledger);
    return status;
}

/* Change the file behind the ledger's back. */
static void change(const char *sql)
{
    sqlite3 *db = NULL;
    char *text = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(ledger_path, &db), SQLITE_OK);
    int rc = sqlite3_exec(db, sql, NULL, NULL, &text);
    if (rc != SQLITE_OK)
        printf("\n  %s: %s\n", sql, text);
    CU_ASSERT_EQUAL(rc, SQLITE_OK);
    sqlite3_free(text);
    sqlite3_close(db);
}

static void put_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(data, 1, len, file), len);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void test_not_a_ledger(void)
{
    struct em_error err;
    ledger_begin(0);
    EM_CHECK_STATUS(try_open("a", false, &err), EM_ERR_IO, &err);
    EM_CHECK_STATUS(try_open(NULL, true, &err), EM_ERR_IO, &err);
    put_file(ledger_path, "id,serial\n1,A\n", 14);
    EM_CHECK_STATUS(try_open("a", false, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "is no ledger");
    put_file(ledger_path, "", 0);
    EM_CHECK_STATUS(try_open("a", false, &err), EM_ERR_INPUT, &err);
    change("CREATE TABLE t (x)");
    EM_CHECK_STATUS(try_open("a", false, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "is no ledger");
    EM_CHECK_STATUS(ledger_make(1, &err), EM_ERR_EXISTS, &err);
    ledger_end();
}

static void test_later_schema(void)
{
    struct em_error err;
    ledger_begin(1);
    change("PRAGMA user_version = 2");
    EM_CHECK_STATUS(try_open("a", false, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "schema 2 and was made by espmfg 1.2.3");
    ledger_end();
}

/* The changes of a ledger that was moved away would get into the new one. */
static void test_stale_wal(void)
{
    struct em_error err;
    char path[sizeof ledger_path + 8];
    ledger_begin(0);
    (void)snprintf(path, sizeof path, "%s-wal", ledger_path);
    put_file(path, "x", 1);
    EM_CHECK_STATUS(ledger_make(1, &err), EM_ERR_EXISTS, &err);
    EM_CHECK_HAS(err.what, "-wal");
    ledger_end();
}

/* ---- Damage ---- */

static void flip(long off)
{
    uint8_t byte = 0;
    int fd = open(ledger_path, O_RDWR);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, off), 1);
    byte ^= 0xFF;
    CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, off), 1);
    (void)close(fd);
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

/* Flip one byte: opened and checked, or refused? */
static bool is_found(long off)
{
    struct em_error err;
    struct em_ledger *ledger = NULL;
    unsigned long faults = 0;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    options.read_only = true;
    flip(off);
    enum em_status status = em_ledger_open(&ledger, &options, &err);
    if (status == EM_OK)
        status = em_ledger_check(ledger, NULL, &faults, &err);
    CU_ASSERT_TRUE(status == EM_OK || status == EM_ERR_INPUT || status == EM_ERR_IO);
    em_ledger_close(ledger);
    flip(off);
    return status != EM_OK || faults > 0;
}

/* Whatever byte is flipped, the check comes to an end. What makes a page a page is always
 * missed: its kind, the number of its cells, and where the first is (SQLite's file
 * format, "B-tree Pages"). Free space and letters of a name may change unseen. */
static void test_damage(void)
{
    static const long vital[] = {0, 4};
    struct em_error err;
    struct stat st;
    enum { PAGE = 4096 };
    fill(20);
    CU_ASSERT_EQUAL_FATAL(stat(ledger_path, &st), 0);
    for (long off = 0; off < (long)st.st_size; off += 997)
        (void)is_found(off);
    for (long page = 0; page < (long)st.st_size; page += PAGE) {
        for (size_t i = 0; i < sizeof vital / sizeof vital[0]; i++) {
            /* The first page begins with the header of the file, 100 bytes. */
            long off = page + vital[i] + (page == 0 ? 100 : 0);
            CU_ASSERT_TRUE(is_found(off));
        }
    }
    struct em_ledger *ledger = ledger_open(NULL);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    /* A file that lost its end is no station's. */
    CU_ASSERT_EQUAL(truncate(ledger_path, st.st_size / 2 / PAGE * PAGE), 0);
    EM_CHECK_STATUS(try_open("a", false, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "damaged");
    ledger_end();
}

/* Somebody edits the file; the check says what is wrong. */
static void test_check_finds(void)
{
    static const struct {
        const char *sql;
        const char *told;
    } cases[] = {
        {"DROP TRIGGER events_remain; DELETE FROM events WHERE number = 5", "event 4 is"},
        {"DROP TRIGGER claims_forward; UPDATE claims SET state = 2 WHERE claim = 1",
         "is 'flashed', but its events lead to 'done'"},
        {"DROP TRIGGER keys_remain; DELETE FROM keys WHERE claim = 2",
         "has 0 keys, its events tell of 1"},
        {"DROP INDEX claims_mac; DROP TRIGGER claims_forward;"
         "UPDATE claims SET mac = (SELECT mac FROM claims WHERE claim = 2)",
         "a board has two units"},
        {"DROP TRIGGER events_stay; UPDATE events SET time = '2000-01-01T00:00:00.000Z'"
         " WHERE number = 3",
         "event 3: earlier"},
        {"DROP TRIGGER events_stay; UPDATE events SET state = 2 WHERE state = 3",
         "from 'flashed' to 'burned'"},
        {"UPDATE units SET free = 1", "told to be free"},
        {"DROP TRIGGER units_remain; PRAGMA foreign_keys = OFF; DELETE FROM units WHERE "
         "unit = 2",
         "begun with 2 units"},
        {"INSERT INTO holds SELECT 77, 'x', 'y'", "held that does not"},
        {"UPDATE claims SET failures = 4", "has 4 failures"},
        {"DROP INDEX units_free", "units_free"},
        {"CREATE TABLE more (x)", "more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_error err;
        char *text = NULL;
        size_t len = 0;
        unsigned long faults = 0;
        fill(2);
        change(cases[i].sql);
        struct em_ledger *ledger = ledger_open(NULL);
        FILE *to = open_memstream(&text, &len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(to);
        struct em_hooks hooks = {.log = NULL, .user = to};
        hooks.log = ledger_keep_fault;
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
        "INSERT INTO events SELECT number + 1000, time, station, slot, port, mac, unit,"
        " claim, state, failed, step, outcome, detail, duration_us, retries, version"
        " FROM events WHERE number = 1",
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
    fill(2);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        sqlite3 *db = NULL;
        CU_ASSERT_EQUAL_FATAL(sqlite3_open(ledger_path, &db), SQLITE_OK);
        int rc = sqlite3_exec(db, refused[i], NULL, NULL, NULL);
        if (rc != SQLITE_CONSTRAINT)
            printf("\n  not refused: %s (%d)\n", refused[i], rc);
        CU_ASSERT_EQUAL(rc, SQLITE_CONSTRAINT);
        sqlite3_close(db);
    }
    ledger_end();
}

/* ---- Moved ---- */

static void test_moved(void)
{
    struct em_error err;
    char other[sizeof ledger_path + 8];
    ledger_begin(2);
    struct em_ledger *ledger = ledger_open("bench");
    struct em_ledger_event event = {.step = "x", .outcome = "ok"};
    EM_CHECK_STATUS(em_ledger_record(ledger, &event, EM_LEDGER_FREE, &err), EM_OK, &err);
    (void)snprintf(other, sizeof other, "%s.old", ledger_path);
    CU_ASSERT_EQUAL(rename(ledger_path, other), 0);
    EM_CHECK_STATUS(em_ledger_record(ledger, &event, EM_LEDGER_FREE, &err), EM_ERR_IO,
                    &err);
    EM_CHECK_HAS(err.what, "was moved");
    CU_ASSERT_EQUAL(rename(other, ledger_path), 0);
    EM_CHECK_STATUS(em_ledger_record(ledger, &event, EM_LEDGER_FREE, &err), EM_OK, &err);
    em_ledger_close(ledger);
    ledger_end();
}

/* ---- No space, no permission ---- */

/* Files of at most some size stand for a full disk; in a child, which nobody else is. */
static int full_child(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    enum em_status status = EM_OK;
    struct em_ledger *ledger = ledger_open("bench");
    (void)ledger_claim(ledger, "A1", 1, &unit);
    const struct rlimit limit = {300000, 300000};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    struct em_ledger_event event = {.claim = unit.claim, .step = "told", .outcome = "ok"};
    int told = 0;
    while (told < 100000 && status == EM_OK) {
        status = em_ledger_record(ledger, &event, EM_LEDGER_FREE, &err);
        told += status == EM_OK;
    }
    printf("\n  %d events, then %s: %s\n", told, em_status_name(status), err.what);
    em_ledger_close(ledger);
    return status == EM_ERR_IO && told > 0 ? 0 : 1;
}

static void test_full(void)
{
    int wait_status = 1;
    ledger_begin(1);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int result = full_child();
        (void)fflush(stdout);
        _exit(result);
    }
    CU_ASSERT_EQUAL(waitpid(child, &wait_status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    struct em_ledger *ledger = ledger_open("bench");
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

/* As somebody who may read it only; root drops its rights for that. */
static int denied_child(void)
{
    struct em_error err;
    if (geteuid() == 0 && setuid(65534) != 0)
        return 2;
    if (try_open("a", false, &err) != EM_ERR_IO || try_open(NULL, true, &err) != EM_OK)
        return 1;
    return strstr(err.what, "ermission") == NULL ? 1 : 0;
}

static void test_denied(void)
{
    int wait_status = 1;
    ledger_begin(1);
    CU_ASSERT_EQUAL(chmod(ledger_path, 0444), 0);
    CU_ASSERT_EQUAL(chmod(ledger_dir, 0555), 0);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(denied_child());
    CU_ASSERT_EQUAL(waitpid(child, &wait_status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    CU_ASSERT_EQUAL(chmod(ledger_dir, 0755), 0);
    ledger_end();
}

static const struct em_test tests[] = {
    {"not a ledger", test_not_a_ledger},
    {"a later schema", test_later_schema},
    {"a journal of another ledger", test_stale_wal},
    {"bytes that flip, an end that is lost", test_damage},
    {"the check finds what was edited", test_check_finds},
    {"the database refuses", test_constraints},
    {"moved while open", test_moved},
    {"a full disk", test_full},
    {"may only be read", test_denied},
};

EM_TEST_MAIN("mfg ledger faults", tests)
