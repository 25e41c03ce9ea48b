/* SPDX-License-Identifier: Apache-2.0 */
/* A server that goes away in the middle: nothing is told twice, no outcome is lost, no
 * intent counts that is not on the server. */
#include "config.h"

#include "tests/test_mfg_ledger_util.h"

#include <signal.h>
#include <sys/wait.h>

static pid_t proxy;
static FILE *proxy_to, *proxy_from;

/* One command of tests/tcp_cut.c, done when this returns. */
static void network(char letter)
{
    (void)fputc(letter, proxy_to);
    (void)fflush(proxy_to);
    CU_ASSERT_EQUAL(fgetc(proxy_from), letter);
}

static void start_proxy(char *port, size_t size)
{
    int to[2];
    int from[2];
    CU_ASSERT_EQUAL_FATAL(pipe(to), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(from), 0);
    const char *at = strrchr(ledger_server(), ':');
    (void)snprintf(port, size, "%.*s", (int)strcspn(at + 1, "/"), at + 1);
    proxy = fork();
    if (proxy == 0) {
        (void)dup2(to[0], 0);
        (void)dup2(from[1], 1);
        for (int fd = 3; fd < 64; fd++)
            (void)close(fd);
        (void)execl(getenv("EM_TCP_CUT"), "tcp_cut", port, (char *)NULL);
        _exit(127);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    proxy_to = fdopen(to[1], "w");
    proxy_from = fdopen(from[0], "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(port, (int)size, proxy_from));
    port[strcspn(port, "\n")] = '\0';
}

/* A ledger of @p units behind the proxy; answers and waits take a second at most. */
static void lost_begin(unsigned units)
{
    char port[16];
    char path[sizeof ledger_path];
    ledger_begin(units);
    start_proxy(port, sizeof port);
    const char *at = strrchr(ledger_path, ':');
    (void)snprintf(
        path, sizeof path, "%.*s:%s/postgres?connect_timeout=2&answer=1&wait=1&%s",
        (int)(at - ledger_path), ledger_path, port, strstr(ledger_path, "schema="));
    memcpy(ledger_path, path, sizeof path);
}

static void lost_end(void)
{
    int wait_status;
    (void)fclose(proxy_to);
    (void)fclose(proxy_from);
    CU_ASSERT_EQUAL(waitpid(proxy, &wait_status, 0), proxy);
    ledger_end();
}

static struct em_ledger *open_there(const char *station, enum em_status wanted)
{
    struct em_error err;
    struct em_ledger *ledger = NULL;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    options.station = station;
    options.version = "1.2.3";
    options.journal = ledger_dir;
    EM_CHECK_STATUS(em_ledger_open(&ledger, &options, &err), wanted, &err);
    if (wanted != EM_OK)
        printf("(%s) ", err.what);
    return ledger;
}

static uint64_t events(struct em_ledger *ledger)
{
    struct em_error err;
    struct em_ledger_counts counts;
    EM_CHECK_STATUS(em_ledger_counts(ledger, &counts, &err), EM_OK, &err);
    return counts.events;
}

static off_t journal_size(void)
{
    struct stat st;
    char path[sizeof ledger_dir + 32];
    (void)snprintf(path, sizeof path, "%s/EX1-bench.journal", ledger_dir);
    if (stat(path, &st) != 0)
        return -1;
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    return st.st_size;
}

/* ---- The connection is cut at a commit ---- */

/* Whether the commit got through (c) or not (d): each call succeeds, and did it once. */
static void cut_at_commits(char letter)
{
    struct em_error err;
    struct em_ledger_unit unit;
    char key[EM_KEY_FINGERPRINT_SIZE];
    uint64_t wanted = 0;
    lost_begin(3);
    struct em_ledger *ledger = open_there("bench", EM_OK);
    ledger_fingerprint(key, 1);
    network(letter);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    CU_ASSERT_EQUAL(events(ledger), ++wanted);
    network(letter);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, key, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(events(ledger), ++wanted);
    for (int state = EM_LEDGER_FLASHED; state <= EM_LEDGER_BURNED; state++) {
        network(letter);
        EM_CHECK_STATUS(
            ledger_record(ledger, unit.claim, "step", (enum em_ledger_state)state, &err),
            EM_OK, &err);
        CU_ASSERT_EQUAL(events(ledger), ++wanted);
    }
    struct em_ledger_event event = {.claim = unit.claim, .step = "boot", .detail = "no"};
    network(letter);
    EM_CHECK_STATUS(em_ledger_fail(ledger, &event, 1, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(events(ledger), ++wanted);
    network(letter);
    EM_CHECK_STATUS(em_ledger_leave(ledger, unit.claim, &err), EM_OK, &err);
    network(letter);
    EM_CHECK_STATUS(em_ledger_retry(ledger, 1, "x", &err), EM_OK, &err);
    CU_ASSERT_EQUAL(events(ledger), ++wanted);
    network(letter);
    EM_CHECK_STATUS(em_ledger_retry(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    CU_ASSERT_EQUAL(events(ledger), wanted);
    network('p');
    CU_ASSERT_TRUE(journal_size() <= 0);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    lost_end();
}

static void test_committed(void)
{
    cut_at_commits('c');
}

static void test_not_committed(void)
{
    cut_at_commits('d');
}

/* ---- Away for longer ---- */

static void test_away(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    struct em_ledger_unit other;
    lost_begin(3);
    struct em_ledger *ledger = open_there("bench", EM_OK);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A2", 2, &other), EM_LEDGER_NEW);
    ledger_advance(ledger, unit.claim, EM_LEDGER_BURNING);
    network('m');
    /* An intent is none; an outcome is kept. */
    EM_CHECK_STATUS(ledger_record(ledger, other.claim, "burn", EM_LEDGER_BURNING, &err),
                    EM_ERR_IO, &err);
    CU_ASSERT_EQUAL(journal_size(), -1);
    network('r'); /* sooner noticed */
    EM_CHECK_STATUS(ledger_record(ledger, unit.claim, "burn", EM_LEDGER_BURNED, &err),
                    EM_OK, &err);
    off_t size = journal_size();
    CU_ASSERT_TRUE(size > 0);
    EM_CHECK_STATUS(ledger_record(ledger, unit.claim, "boot", EM_LEDGER_DONE, &err),
                    EM_OK, &err);
    CU_ASSERT_TRUE(journal_size() > size);
    network('p');
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A3", 3, &other), EM_LEDGER_NEW);
    CU_ASSERT_EQUAL(journal_size(), 0);
    EM_CHECK_STATUS(em_ledger_find(ledger, "1", &unit, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_DONE);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    lost_end();
}

/* A process that is killed while the server is away; what it kept, and how often it is
 * told in the end. */
static void station_that_dies(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    struct em_ledger *ledger = open_there("bench", EM_OK);
    (void)ledger_claim(ledger, "A1", 1, &unit);
    ledger_advance(ledger, unit.claim, EM_LEDGER_BURNING);
    network('r');
    (void)ledger_record(ledger, unit.claim, "burn", EM_LEDGER_BURNED, &err);
    struct em_ledger_event event = {
        .claim = unit.claim, .step = "boot", .detail = "\xc3\xa9t\xc3\xa9 \xff"};
    (void)em_ledger_fail(ledger, &event, 1, &err);
    (void)fflush(stdout);
    _exit(0);
}

static int marks;

static bool look_for_marks(void *user, const struct em_ledger_entry *entry)
{
    marks += strstr(entry->detail, "[kept ") != NULL;
    if (strcmp(entry->step, "scrap") == 0)
        *(bool *)user = true;
    return true;
}

static void run_dying(void)
{
    int wait_status;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        station_that_dies();
    CU_ASSERT_EQUAL(waitpid(child, &wait_status, 0), child);
    network('p');
}

static void copy_journal(bool back)
{
    char sql[2 * sizeof ledger_dir + 64];
    (void)snprintf(sql, sizeof sql,
                   back ? "cp %s/kept %s/EX1-bench.journal"
                        : "cp %s/EX1-bench.journal %s/kept",
                   ledger_dir, ledger_dir);
    CU_ASSERT_EQUAL(system(sql), 0);
}

static void test_next_process(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    bool scrapped = false;
    lost_begin(3);
    run_dying();
    copy_journal(false);
    /* Twice: the second as if the first had been killed before the file was emptied. */
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_TRUE(journal_size() > 0);
        struct em_ledger *ledger = open_there("bench", EM_OK);
        CU_ASSERT_EQUAL(journal_size(), 0);
        EM_CHECK_STATUS(em_ledger_find(ledger, "1", &unit, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(unit.state, EM_LEDGER_BURNED);
        CU_ASSERT_TRUE(unit.stopped);
        CU_ASSERT_EQUAL(unit.failures, 1);
        marks = 0;
        EM_CHECK_STATUS(em_ledger_events(ledger, 0, look_for_marks, &scrapped, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(marks, 2);
        ledger_is_sound(ledger);
        em_ledger_close(ledger);
        copy_journal(true);
    }
    lost_end();
}

/* Meanwhile somebody gave the board up: told, and nothing changes. */
static void test_given_up(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    bool scrapped = false;
    lost_begin(3);
    run_dying();
    struct em_ledger *ledger = open_there(NULL, EM_OK);
    EM_CHECK_STATUS(em_ledger_scrap(ledger, 1, "lost", &err), EM_OK, &err);
    em_ledger_close(ledger);
    ledger = open_there("bench", EM_OK);
    EM_CHECK_STATUS(em_ledger_find(ledger, "7cdfa1000001", &unit, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_SCRAPPED);
    marks = 0;
    EM_CHECK_STATUS(em_ledger_events(ledger, 0, look_for_marks, &scrapped, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL(marks, 2);
    CU_ASSERT_TRUE(scrapped);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    lost_end();
}

static void put_journal(const char *text)
{
    char path[sizeof ledger_dir + 32];
    (void)snprintf(path, sizeof path, "%s/EX1-bench.journal", ledger_dir);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_TRUE(fputs(text, file) >= 0);
    CU_ASSERT_EQUAL(fclose(file), 0);
    CU_ASSERT_EQUAL(chmod(path, 0600), 0);
}

static void test_bad_journals(void)
{
    static const char *const bad[] = {
        "nothing\n",
        "{}\n",
        "[1]\n",
        "{\"ledger\":\"2001-01-01T00:00:00.000Z\",\"mark\":\"[kept x]\",\"mac\":\"\","
        "\"slot\":\"\",\"port\":\"\",\"step\":\"x\",\"detail\":\"\",\"time\":\"\","
        "\"claim\":0,\"state\":0,\"limit\":0,\"duration_us\":0,\"retries\":0,"
        "\"number\":0,\"fail\":false}\n",
    };
    lost_begin(1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put_journal(bad[i]);
        (void)open_there("bench", EM_ERR_INPUT);
        CU_ASSERT_EQUAL(journal_size(), (off_t)strlen(bad[i]));
    }
    /* Half a line: nobody was told that it is kept. */
    put_journal("{\"ledger\":\"2001");
    struct em_ledger *ledger = open_there("bench", EM_OK);
    CU_ASSERT_EQUAL(events(ledger), 0);
    CU_ASSERT_EQUAL(journal_size(), 0);
    em_ledger_close(ledger);
    lost_end();
}

static const struct em_test tests[] = {
    {"cut after a commit", test_committed},
    {"cut before a commit", test_not_committed},
    {"away for too long", test_away},
    {"killed while it is away", test_next_process},
    {"given up meanwhile", test_given_up},
    {"journals that are wrong", test_bad_journals},
};

int main(void)
{
    if (ledger_server() == NULL || getenv("EM_TCP_CUT") == NULL) {
        (void)fprintf(stderr, "SKIPPED: EM_LEDGER_SERVER names no server; "
                              "tests/ledger_pg.sh starts one\n");
        return 77;
    }
    return em_test_main("mfg ledger lost", tests, sizeof tests / sizeof tests[0]);
}
