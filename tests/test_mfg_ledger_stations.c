/* SPDX-License-Identifier: Apache-2.0 */
/* Other processes that are stations, and clocks that go backwards; with either engine. */
#include "config.h"

#include "tests/test_mfg_ledger_util.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

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

/* ---- Begun ---- */

/* Many at once: one makes it, and the others are told that it is there. */
static void test_begun_at_once(void)
{
    enum { ROUNDS = 8, MAKERS = 6 };
    for (int round = 0; round < ROUNDS; round++) {
        int gate[2], made = 0, there = 0, wait_status;
        char byte;
        ledger_begin(0);
        if (ledger_server() != NULL && round % 2 == 1) { /* made by an administrator */
            char sql[128];
            (void)snprintf(sql, sizeof sql, "CREATE SCHEMA \"%s\"",
                           strrchr(ledger_dir, '/') + 1);
            ledger_psql(sql);
        }
        CU_ASSERT_EQUAL_FATAL(pipe(gate), 0);
        (void)fflush(stdout);
        for (int i = 0; i < MAKERS; i++) {
            if (fork() != 0)
                continue;
            struct em_error err;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until the gate opens: its end */
            enum em_status status = ledger_make(3, &err);
            if (status != EM_OK && status != EM_ERR_EXISTS)
                printf("(%s) ", err.what);
            (void)fflush(stdout);
            _exit(status == EM_OK ? 0 : status == EM_ERR_EXISTS ? 1 : 2);
        }
        (void)close(gate[1]);
        (void)close(gate[0]);
        for (int i = 0; i < MAKERS; i++) {
            CU_ASSERT_TRUE(wait(&wait_status) > 0);
            CU_ASSERT_TRUE(WIFEXITED(wait_status));
            made += WEXITSTATUS(wait_status) == 0;
            there += WEXITSTATUS(wait_status) == 1;
        }
        CU_ASSERT_EQUAL(made, 1);
        CU_ASSERT_EQUAL(there, MAKERS - 1);
        struct em_ledger *ledger = ledger_open(NULL);
        ledger_is_sound(ledger);
        em_ledger_close(ledger);
        ledger_end();
    }
}

/* ---- Other processes ---- */

/* A child that is the station and holds board 1 until it is killed. */
static pid_t start_station(const char *station)
{
    int ready[2];
    char byte;
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct em_ledger_unit unit;
        struct em_ledger *ledger = ledger_open(station);
        (void)ledger_claim(ledger, "B1", 1, &unit);
        (void)!write(ready[1], "x", 1);
        for (;;)
            (void)pause();
    }
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return child;
}

static void stop(pid_t child)
{
    int wait_status;
    CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
    CU_ASSERT_EQUAL(waitpid(child, &wait_status, 0), child);
}

static void test_stations(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    char pid[24];
    ledger_begin(2);
    pid_t child = start_station("line/1");
    (void)snprintf(pid, sizeof pid, "process %ld", (long)child);
    EM_CHECK_STATUS(try_open("line/1", false, &err), EM_ERR_EXISTS, &err);
    EM_CHECK_HAS(err.what, pid);
    struct em_ledger *ledger = ledger_open("line_1"); /* another name, another lock */
    EM_CHECK_STATUS(try_open("line_1", false, &err), EM_ERR_EXISTS, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_HELD);
    CU_ASSERT_STRING_EQUAL(unit.station, "line/1");
    CU_ASSERT_STRING_EQUAL(unit.slot, "B1");
    EM_CHECK_STATUS(em_ledger_release(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    EM_CHECK_STATUS(ledger_record(ledger, unit.claim, "x", EM_LEDGER_FLASHED, &err),
                    EM_ERR_REFUSED, &err);
    stop(child);
    enum em_ledger_claimed what = ledger_claim(ledger, "A1", 1, &unit);
    /* A server takes a moment to see that its client is gone. */
    for (int i = 0; i < 500 && ledger_server() != NULL && what == EM_LEDGER_HELD; i++) {
        (void)poll(NULL, 0, 10);
        what = ledger_claim(ledger, "A1", 1, &unit);
    }
    CU_ASSERT_EQUAL(what, EM_LEDGER_AGAIN);
    EM_CHECK_STATUS(ledger_record(ledger, unit.claim, "x", EM_LEDGER_FLASHED, &err),
                    EM_OK, &err);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    /* The same station again finds what it held before free. */
    ledger = ledger_open("line_1");
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A2", 1, &unit), EM_LEDGER_AGAIN);
    em_ledger_close(ledger);
    ledger_end();
}

/* ---- The clock ---- */

static int64_t fake_now(void *user)
{
    return *(int64_t *)user;
}

static int clock_notes;

static bool look_at_times(void *user, const struct em_ledger_entry *entry)
{
    char *last = user;
    CU_ASSERT_TRUE(strcmp(entry->time, last) >= 0);
    (void)snprintf(last, EM_LEDGER_TIME, "%s", entry->time);
    clock_notes += strcmp(entry->step, "clock") == 0;
    return true;
}

static void test_clock(void)
{
    struct em_error err;
    struct em_ledger *ledger = NULL;
    /* 2026-11-21T15:00:00.123Z, and seconds that the clock is off by. */
    const int64_t start = 1795273200123456;
    static const int steps[] = {0, 5, 4, -3600, -3599, 6, -7200, 7};
    int64_t now = start;
    char last[EM_LEDGER_TIME] = "";
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    ledger_begin(1);
    options.url = ledger_path;
    options.now_us = fake_now;
    options.now_user = &now;
    EM_CHECK_STATUS(em_ledger_open(&ledger, &options, &err), EM_OK, &err);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct em_ledger_event event = {.step = "x", .outcome = "ok"};
        now = start + (int64_t)steps[i] * 1000000;
        EM_CHECK_STATUS(em_ledger_record(ledger, &event, EM_LEDGER_FREE, &err), EM_OK,
                        &err);
    }
    clock_notes = 0;
    EM_CHECK_STATUS(em_ledger_events(ledger, 0, look_at_times, last, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(clock_notes, 1);
    CU_ASSERT_STRING_EQUAL(last, "2026-11-21T15:00:07.123Z");
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

static const struct em_test tests[] = {
    {"begun at once", test_begun_at_once},
    {"stations", test_stations},
    {"the clock goes backwards", test_clock},
};

EM_TEST_MAIN("mfg ledger stations", tests)
