/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the ledger share: a ledger in a folder of its own. */
#ifndef TESTS_TEST_MFG_LEDGER_UTIL_H
#define TESTS_TEST_MFG_LEDGER_UTIL_H

#include <espmfg/ledger.h>

#include "tests/em_test.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>

static char ledger_dir[64];   /* the folder of one test */
static char ledger_path[256]; /* the ledger in it, or on the server */

/* Tests run on SQLite; with EM_LEDGER_SERVER=postgresql://… on that server, each with a
 * schema of its own. NULL: SQLite. */
static inline const char *ledger_server(void)
{
    return getenv("EM_LEDGER_SERVER");
}

/* On the server, behind the ledger's back. */
static inline void ledger_psql(const char *sql)
{
    const char *schema = strstr(ledger_path, "schema=");
    char path[160];
    PGconn *conn = PQconnectdb(ledger_server());
    CU_ASSERT_EQUAL_FATAL(PQstatus(conn), CONNECTION_OK);
    (void)snprintf(path, sizeof path,
                   "SET client_min_messages = error;"
                   "SET search_path = \"%.*s\"",
                   schema == NULL ? 0 : (int)strcspn(schema + 7, "&"),
                   schema == NULL ? "" : schema + 7);
    PQclear(PQexec(conn, path));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK &&
        PQresultStatus(result) != PGRES_TUPLES_OK) {
        printf("\n  %s: %s\n", sql, PQerrorMessage(conn));
        CU_FAIL("SQL");
    }
    PQclear(result);
    PQfinish(conn);
}

static inline const char *ledger_unit_name(void *user, uint64_t unit)
{
    char *out = user;
    (void)snprintf(out, 32, "EX1-%04u", (unsigned)unit);
    return out;
}

static inline enum em_status ledger_make(uint64_t units, struct em_error *err)
{
    char name[32];
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    options.version = "1.2.3";
    struct em_ledger_batch batch = {.name = "EX1",
                                    .chip = "esp32c3",
                                    .job = "0123",
                                    .units = units,
                                    .unit_name = ledger_unit_name,
                                    .user = name};
    return em_ledger_init(&options, &batch, err);
}

/* A folder, and a ledger of @p units in it (0: none). */
static inline void ledger_begin(uint64_t units)
{
    struct em_error err;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(ledger_dir, sizeof ledger_dir, "%s/ledger-XXXXXX",
                   tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(ledger_dir));
    if (ledger_server() == NULL)
        (void)snprintf(ledger_path, sizeof ledger_path, "%s/batch.db", ledger_dir);
    else
        (void)snprintf(ledger_path, sizeof ledger_path, "%s?schema=%s", ledger_server(),
                       strrchr(ledger_dir, '/') + 1);
    if (units > 0)
        EM_CHECK_STATUS(ledger_make(units, &err), EM_OK, &err);
}

/* Number of files in the folder, with @p end somewhere in the name. */
static inline int ledger_files(const char *end, bool remove_them)
{
    int count = 0;
    DIR *dir = opendir(ledger_dir);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[sizeof ledger_dir + 258];
        (void)snprintf(path, sizeof path, "%s/%s", ledger_dir, entry->d_name);
        if (entry->d_name[0] == '.' || strstr(entry->d_name, end) == NULL)
            continue;
        count++;
        if (remove_them)
            CU_ASSERT_EQUAL(unlink(path), 0);
    }
    (void)closedir(dir);
    return count;
}

static inline void ledger_end(void)
{
    char sql[128];
    (void)ledger_files("", true);
    CU_ASSERT_EQUAL(rmdir(ledger_dir), 0);
    if (ledger_server() != NULL) {
        (void)snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS \"%s\" CASCADE",
                       strrchr(ledger_dir, '/') + 1);
        ledger_psql(sql);
    }
}

static inline struct em_ledger *ledger_open(const char *station)
{
    struct em_error err;
    struct em_ledger *ledger = NULL;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    options.station = station;
    options.version = "1.2.3";
    EM_CHECK_STATUS(em_ledger_open(&ledger, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ledger);
    return ledger;
}

static inline void ledger_mac(uint8_t mac[6], unsigned board)
{
    const uint8_t bytes[6] = {
        0x7c, 0xdf, 0xa1, (uint8_t)(board >> 16), (uint8_t)(board >> 8), (uint8_t)board};
    memcpy(mac, bytes, 6);
}

static inline void ledger_fingerprint(char out[EM_KEY_FINGERPRINT_SIZE], unsigned number)
{
    (void)snprintf(out, EM_KEY_FINGERPRINT_SIZE, "%064x", number);
}

/* Claim for board number @p board; what the ledger says. */
static inline enum em_ledger_claimed ledger_claim(struct em_ledger *ledger,
                                                  const char *slot, unsigned board,
                                                  struct em_ledger_unit *out)
{
    struct em_error err;
    uint8_t mac[6];
    enum em_ledger_claimed what = EM_LEDGER_NONE_LEFT;
    struct em_ledger_place place = {slot, "/dev/ttyUSB0"};
    ledger_mac(mac, board);
    EM_CHECK_STATUS(em_ledger_claim(ledger, &place, mac, &what, out, &err), EM_OK, &err);
    return what;
}

static inline enum em_status ledger_record(struct em_ledger *ledger, uint64_t claim,
                                           const char *step, enum em_ledger_state state,
                                           struct em_error *err)
{
    struct em_ledger_place place = {"A1", "/dev/ttyUSB0"};
    struct em_ledger_event event = {.claim = claim,
                                    .place = &place,
                                    .step = step,
                                    .outcome = "ok",
                                    .duration_us = 1500,
                                    .retries = 2};
    return em_ledger_record(ledger, &event, state, err);
}

/* Through all states up to @p last. */
static inline void ledger_advance(struct em_ledger *ledger, uint64_t claim,
                                  enum em_ledger_state last)
{
    struct em_error err;
    for (int state = EM_LEDGER_FLASHED; state <= (int)last; state++)
        EM_CHECK_STATUS(
            ledger_record(ledger, claim, "step", (enum em_ledger_state)state, &err),
            EM_OK, &err);
}

static inline void ledger_print_fault(void *user, enum em_log_level level,
                                      const char *device, const struct em_error *msg)
{
    (void)user;
    (void)level;
    (void)device;
    printf("\n  fault: %s\n", msg->what);
}

/* Into the FILE @p user. */
static inline void ledger_keep_fault(void *user, enum em_log_level level,
                                     const char *device, const struct em_error *msg)
{
    (void)level;
    (void)device;
    (void)fprintf(user, "%s\n", msg->what);
}

/* The check finds nothing. */
static inline void ledger_is_sound(struct em_ledger *ledger)
{
    struct em_error err;
    unsigned long faults = 99;
    struct em_hooks hooks = {.log = ledger_print_fault};
    EM_CHECK_STATUS(em_ledger_check(ledger, &hooks, &faults, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(faults, 0);
}

#endif
