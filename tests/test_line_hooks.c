/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are told of events: what they get, and what they may do wrong. */
#include "config.h"

#include "src/line/line.h"

#include "tests/em_test.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLD = 32 };

/* What was told through the hooks of the library. */
struct told {
    size_t count;
    enum em_log_level level[TOLD];
    char what[TOLD][512];
};

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct told *told = user;
    (void)device;
    if (told->count == TOLD)
        return;
    told->level[told->count] = level;
    (void)snprintf(told->what[told->count++], sizeof told->what[0], "%s", msg->what);
}

static char batch[] = "EX1";
static char chip[] = "esp32c3";
static char station_name[] = "bench";
static char hook_event[] = "*";

/* Run @p script by sh, as the only hook, for a board that passed. */
static enum em_status run_argv(char **argv, enum line_hook_policy policy,
                               uint32_t timeout_ms, const char *on, struct told *told,
                               struct em_error *err)
{
    char event_name[32];
    (void)snprintf(event_name, sizeof event_name, "%s", on);
    struct line_hook hook = {event_name, argv, timeout_ms, policy};
    struct line_job job = {.name = batch, .chip = chip};
    struct line_station station = {.name = station_name, .hooks = &hook, .hook_count = 1};
    struct line_slot_now slot = {.name = "A1",
                                 .port = "/dev/ttyUSB0",
                                 .stage = LINE_VERDICT,
                                 .verdict = LINE_PASS,
                                 .mac = "60:55:f9:00:00:01",
                                 .unit = 7,
                                 .unit_name = "EX1-000123"};
    struct line_event event = {.kind = LINE_EVENT_VERDICT,
                               .time_us = 1700000000123456,
                               .slot = &slot,
                               .duration_us = 1500000};
    struct em_hooks hooks = {.log = on_log, .user = told};
    memset(told, 0, sizeof *told);
    memset(err, 0, sizeof *err);
    return line_hooks_run(&job, &station, &event, &hooks, err);
}

static enum em_status run_script(const char *script, enum line_hook_policy policy,
                                 uint32_t timeout_ms, struct told *told,
                                 struct em_error *err)
{
    char text[512];
    char sh[] = "sh";
    char c[] = "-c";
    char *argv[] = {sh, c, text, NULL};
    (void)snprintf(text, sizeof text, "%s", script);
    return run_argv(argv, policy, timeout_ms, hook_event, told, err);
}

static size_t open_files(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

/* No child is left, ended or not. */
static void check_no_child(void)
{
    CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
    CU_ASSERT_EQUAL(errno, ECHILD);
}

static void test_input(void)
{
    struct told told;
    struct em_error err;
    /* The object comes in one line with an end, and the time is right: 1700000000 is
     * 2023-11-14T22:13:20Z (date -u -d @1700000000). */
    EM_CHECK_STATUS(run_script("read line && echo \"$line\" | cut -c1-200",
                               LINE_HOOK_FAIL, 10000, &told, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(told.count, 1);
    CU_ASSERT_EQUAL(told.level[0], EM_LOG_NOTE);
    EM_CHECK_HAS(
        told.what[0],
        "hook 'sh': {\"event\":\"verdict\",\"is\":\"passed\",\"time\":"
        "\"2023-11-14T22:13:20.123Z\",\"batch\":\"EX1\",\"chip\":\"esp32c3\","
        "\"station\":\"bench\",\"slot\":\"A1\",\"port\":\"/dev/ttyUSB0\",\"mac\":"
        "\"60:55:f9:00:00:01\"");
    check_no_child();
}

static void test_policies(void)
{
    static const struct {
        const char *script;
        enum line_hook_policy policy;
        enum em_status status;
        const char *what; /* of the fault, or of the warning when it is ignored */
    } cases[] = {
        {"exit 0", LINE_HOOK_STOP, EM_OK, NULL},
        {"exit 1", LINE_HOOK_IGNORE, EM_OK, "hook 'sh' ended with exit status 1"},
        {"exit 3", LINE_HOOK_FAIL, EM_ERR_REFUSED, "hook 'sh' ended with exit status 3"},
        {"exit 1", LINE_HOOK_STOP, EM_ERR_STOPPED, "hook 'sh' ended with exit status 1"},
        {"kill -TERM $$", LINE_HOOK_FAIL, EM_ERR_REFUSED,
         "hook 'sh' was ended by signal 15"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct told told;
        struct em_error err;
        EM_CHECK_STATUS(run_script(cases[i].script, cases[i].policy, 10000, &told, &err),
                        cases[i].status, &err);
        if (cases[i].policy == LINE_HOOK_IGNORE) {
            CU_ASSERT_EQUAL_FATAL(told.count, 1);
            CU_ASSERT_EQUAL(told.level[0], EM_LOG_WARNING);
            CU_ASSERT_STRING_EQUAL(told.what[0], cases[i].what);
        } else if (cases[i].what != NULL) {
            CU_ASSERT_STRING_EQUAL(err.what, cases[i].what);
            CU_ASSERT_EQUAL(told.count, 0);
        }
    }
    check_no_child();
}

/* The signal was sent, but the process may not have had its turn yet. Whoever inherits it
 * takes it away at some time: a zombie is as good as none. */
static bool is_gone(long pid)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    char path[64];
    char state = 'R';
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    for (unsigned i = 0; i < 1000 && state != 'X' && state != 'Z'; i++) {
        FILE *file = fopen(path, "r");
        if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 'X';
        if (file != NULL)
            (void)fclose(file);
        if (state != 'X' && state != 'Z')
            (void)nanosleep(&pause, NULL);
    }
    return state == 'X' || state == 'Z';
}

/* It hangs, and so does what it has started: both are ended. */
static void test_hangs(void)
{
    struct told told;
    struct em_error err;
    char folder[] = "/tmp/em_hooks_XXXXXX";
    char script[256];
    char path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/pid", folder);
    (void)snprintf(script, sizeof script,
                   "trap '' TERM INT HUP; sleep 1000 & echo $! >%s; echo begun; "
                   "sleep 1000",
                   path);
    size_t before = open_files();
    EM_CHECK_STATUS(run_script(script, LINE_HOOK_FAIL, 400, &told, &err), EM_ERR_REFUSED,
                    &err);
    CU_ASSERT_STRING_EQUAL(err.what,
                           "hook 'sh' took longer than its 400 ms and was killed");
    CU_ASSERT_EQUAL_FATAL(told.count, 1);
    CU_ASSERT_STRING_EQUAL(told.what[0], "hook 'sh': begun");
    CU_ASSERT_EQUAL(open_files(), before);
    check_no_child();
    long pid = 0;
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(fscanf(file, "%ld", &pid), 1);
    (void)fclose(file);
    CU_ASSERT_TRUE(is_gone(pid));
    (void)unlink(path);
    (void)rmdir(folder);
}

/* Closes its input at once, with signals as they are when a program starts. */
static void test_closes_input(void)
{
    struct told told;
    struct em_error err;
    EM_CHECK_STATUS(run_script("exec <&-; sleep 0.1", LINE_HOOK_FAIL, 10000, &told, &err),
                    EM_OK, &err);
    EM_CHECK_STATUS(run_script("exit 0", LINE_HOOK_FAIL, 10000, &told, &err), EM_OK,
                    &err);
    sigset_t pending;
    CU_ASSERT_EQUAL(sigpending(&pending), 0);
    CU_ASSERT_EQUAL(sigismember(&pending, SIGPIPE), 0);
    check_no_child();
}

static void test_output(void)
{
    struct told told;
    struct em_error err;
    EM_CHECK_STATUS(run_script("yes printed | head -c 5000000; echo on stderr >&2",
                               LINE_HOOK_FAIL, 30000, &told, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(told.count, 11);
    CU_ASSERT_STRING_EQUAL(told.what[9], "hook 'sh': printed");
    EM_CHECK_HAS(told.what[10], "more output is not shown");
    EM_CHECK_STATUS(run_script("printf 'a\\033[2Jb\\n\\n\\377c\\n'; echo d >&2",
                               LINE_HOOK_FAIL, 10000, &told, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(told.count, 3);
    CU_ASSERT_STRING_EQUAL(told.what[0], "hook 'sh': a [2Jb");
    CU_ASSERT_STRING_EQUAL(told.what[1], "hook 'sh': ?c");
    CU_ASSERT_STRING_EQUAL(told.what[2], "hook 'sh': d");
}

/* What it leaves running has the output open: nobody waits for that. */
static void test_leaves_running(void)
{
    struct told told;
    struct em_error err;
    EM_CHECK_STATUS(
        run_script("echo lamp; sleep 5 & exit 0", LINE_HOOK_FAIL, 4000, &told, &err),
        EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(told.count, 1);
    CU_ASSERT_STRING_EQUAL(told.what[0], "hook 'sh': lamp");
}

static void test_cannot_start(void)
{
    struct told told;
    struct em_error err;
    char name[] = "/nowhere/print-label";
    char etc[] = "/etc";
    char *argv[] = {name, NULL};
    size_t before = open_files();
    EM_CHECK_STATUS(run_argv(argv, LINE_HOOK_STOP, 1000, "*", &told, &err),
                    EM_ERR_STOPPED, &err);
    EM_CHECK_HAS(err.what, "hook '/nowhere/print-label' cannot be started: No such file");
    argv[0] = etc; /* a folder */
    EM_CHECK_STATUS(run_argv(argv, LINE_HOOK_FAIL, 1000, "*", &told, &err),
                    EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "hook '/etc' cannot be started: Permission denied");
    CU_ASSERT_EQUAL(open_files(), before);
    check_no_child();
}

/* Nothing of ours is open in it, and signals are as usual. */
static void test_clean_start(void)
{
    struct told told;
    struct em_error err;
    char wanted[64] = "";
    char number[16] = "";
    /* The same count by another way to start it: what is open for all that is started
     * here. */
    FILE *other = popen("ls /proc/self/fd | wc -l", "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(fscanf(other, "%15s", number), 1);
    (void)pclose(other);
    (void)snprintf(wanted, sizeof wanted, "hook 'sh': %s", number);
    EM_CHECK_STATUS(
        run_script("ls /proc/self/fd | wc -l", LINE_HOOK_FAIL, 10000, &told, &err), EM_OK,
        &err);
    CU_ASSERT_EQUAL_FATAL(told.count, 1);
    CU_ASSERT_STRING_EQUAL(told.what[0], wanted);
    unsigned long set = 0;
    const char *const lines[] = {"SigIgn", "SigBlk"};
    for (size_t i = 0; i < 2; i++) {
        char script[128];
        (void)snprintf(script, sizeof script,
                       "sed -n 's/^%s:.//p' /proc/self/status | cut -c9-", lines[i]);
        void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* as the program has it */
        EM_CHECK_STATUS(run_script(script, LINE_HOOK_FAIL, 10000, &told, &err), EM_OK,
                        &err);
        (void)signal(SIGPIPE, before);
        CU_ASSERT_EQUAL_FATAL(told.count, 1);
        set = strtoul(told.what[0] + strlen("hook 'sh': "), NULL, 16);
        /* Bit n - 1 stands for signal n: INT 2, PIPE 13, TERM 15. */
        CU_ASSERT_EQUAL(set & (1UL << 1 | 1UL << 12 | 1UL << 14), 0);
    }
}

static void test_which(void)
{
    struct told told;
    struct em_error err;
    char sh[] = "sh";
    char c[] = "-c";
    char script[] = "echo ran";
    char *argv[] = {sh, c, script, NULL};
    static const struct {
        const char *on;
        size_t told;
    } cases[] = {{"passed", 1}, {"failed", 0}, {"*", 1}, {"claimed", 0}, {"pass", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        EM_CHECK_STATUS(run_argv(argv, LINE_HOOK_FAIL, 10000, cases[i].on, &told, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(told.count, cases[i].told);
    }
}

static void test_names(void)
{
    struct line_slot_now slot = {.stage = LINE_CONNECT};
    struct line_event event = {.kind = LINE_EVENT_STAGE, .slot = &slot};
    CU_ASSERT_STRING_EQUAL(line_event_name(&event), "arrived");
    slot.stage = LINE_FLASH;
    CU_ASSERT_PTR_NULL(line_event_name(&event));
    event = (struct line_event){
        .kind = LINE_EVENT_STEP, .slot = &slot, .step = "burn", .outcome = "intent"};
    CU_ASSERT_PTR_NULL(line_event_name(&event));
    event.outcome = "ok";
    CU_ASSERT_STRING_EQUAL(line_event_name(&event), "burned");
    event = (struct line_event){.kind = LINE_EVENT_PROGRESS, .slot = &slot};
    CU_ASSERT_PTR_NULL(line_event_name(&event));
    event.kind = LINE_EVENT_VERDICT;
    slot.verdict = LINE_FAIL;
    CU_ASSERT_STRING_EQUAL(line_event_name(&event), "failed");
}

static void *many_run(void *user)
{
    struct told told;
    struct em_error err;
    size_t *good = user;
    for (int i = 0; i < 8; i++) {
        if (run_script("cat >/dev/null; echo x", LINE_HOOK_FAIL, 30000, &told, &err) ==
                EM_OK &&
            told.count == 1)
            (*good)++;
    }
    return NULL;
}

/* From many threads: cat ends only when nobody else holds the other end of its input. */
static void test_many(void)
{
    enum { THREADS = 16 };
    pthread_t threads[THREADS];
    size_t good[THREADS] = {0};
    size_t before = open_files();
    for (size_t i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, many_run, &good[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(good[i], 8);
    }
    CU_ASSERT_EQUAL(open_files(), before);
    check_no_child();
}

static const struct em_test tests[] = {
    {"the event on its input", test_input},
    {"exit statuses and policies", test_policies},
    {"hangs", test_hangs},
    {"closes its input", test_closes_input},
    {"output", test_output},
    {"leaves something running", test_leaves_running},
    {"cannot be started", test_cannot_start},
    {"starts clean", test_clean_start},
    {"which events", test_which},
    {"names", test_names},
    {"many at a time", test_many},
};

EM_TEST_MAIN("line hooks", tests)
