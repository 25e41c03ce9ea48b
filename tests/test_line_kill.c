/* SPDX-License-Identifier: Apache-2.0 */
/* The line killed at every event, boards changed for others, with the real ledger. */
#include "config.h"

#include "src/line/run.h"

#include "tests/test_line_util.h"

#include <sys/wait.h>

enum { LINES_MAX = 120 };

static void open_ledger(struct shop *shop)
{
    char path[SHOP_PATH];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/batch.db", shop->dir);
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = path;
    options.station = "bench";
    options.version = "test";
    const struct em_ledger_batch batch = {.name = "EX",
                                          .chip = "esp32c3",
                                          .job = "00",
                                          .units = em_units_count(shop->plain),
                                          .unit_name = shop_unit_name,
                                          .user = shop};
    if (stat(path, &st) != 0)
        EM_CHECK_STATUS(em_ledger_init(&options, &batch, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(em_ledger_open(&shop->ledger, &options, &shop->err), EM_OK,
                    &shop->err);
}

static void close_ledger(struct shop *shop)
{
    em_ledger_close(shop->ledger);
    shop->ledger = NULL;
}

static void check_ledger(struct shop *shop)
{
    const struct em_hooks hooks = {.log = shop_log};
    unsigned long faults = 1;
    EM_CHECK_STATUS(em_ledger_check(shop->ledger, &hooks, &faults, &shop->err), EM_OK,
                    &shop->err);
    CU_ASSERT_EQUAL(faults, 0);
}

static struct em_ledger_unit find(struct shop *shop, const char *what)
{
    struct em_ledger_unit unit = {0};
    EM_CHECK_STATUS(em_ledger_find(shop->ledger, what, &unit, &shop->err), EM_OK,
                    &shop->err);
    return unit;
}

static void on_kill(struct shop *shop, const struct line_event *event)
{
    (void)shop;
    (void)event;
    (void)raise(SIGKILL);
}

/* Run the line in a process of its own that is killed at event @p k. Was it? */
static bool run_killed(struct shop *shop, uint64_t k)
{
    int wait_status = 0;
    (void)fflush(stdout);
    pid_t pid = fork();
    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        open_ledger(shop);
        shop->act = on_kill;
        shop->act_at = k;
        (void)shop_run(shop);
        _exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &wait_status, 0), pid);
    return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
}

static void complete(struct shop *shop, enum line_keys_after keys)
{
    open_ledger(shop);
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->end, LINE_END_GOOD);
    CU_ASSERT(shop->verdicts[0] == LINE_PASS || shop->verdicts[0] == LINE_PASSED_BEFORE);
    struct em_ledger_unit unit = find(shop, "#1");
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_DONE);
    CU_ASSERT_EQUAL(unit.failures, 0);
    CU_ASSERT_EQUAL(unit.key_destroyed, keys == LINE_KEYS_DESTROY);
    if (keys == LINE_KEYS_KEEP)
        shop_check(shop, 1, 1);
    check_ledger(shop);
    close_ledger(shop);
}

static void kill_everywhere(enum line_keys_after keys)
{
    bool killed = true;
    uint64_t k = 1;
    for (; killed && k < LINES_MAX; k++) {
        struct shop *shop = shop_new(1, 2);
        shop_board(shop, 0, 1, "");
        shop->job.keys_after = keys;
        killed = run_killed(shop, k);
        complete(shop, keys);
        shop_free(shop);
    }
    CU_ASSERT(k > 15 && k < LINES_MAX);
}

static void test_kill_keep(void)
{
    kill_everywhere(LINE_KEYS_KEEP);
}

static void test_kill_destroy(void)
{
    kill_everywhere(LINE_KEYS_DESTROY);
}

/* Killed again and again, each time a little later, until it is done. */
static void test_kill_again(void)
{
    struct shop *shop = shop_new(1, 2);
    bool killed = true;
    shop_board(shop, 0, 1, "");
    for (uint64_t k = 1; killed && k < LINES_MAX; k++)
        killed = run_killed(shop, k);
    complete(shop, LINE_KEYS_KEEP);
    shop_free(shop);
}

/* ---- Power and cable ---- */

static void test_faults(void)
{
    /* Commands as the ROM has them, and noise; the flasher's own tests know more. */
    static const char *const faults[] = {
        "&fault=power-cut-at=write_reg:3",
        "&fault=power-cut-at=write_reg:9",
        "&fault=power-cut-at=write_reg:15",
        "&fault=power-cut-at=flash_defl_data:2",
        "&fault=cut-after=3000",
        "&fault=cut-after=9000",
        "&fault=drop=0.0005,garble=0.0005",
        "&fault=stuck-after=60",
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct shop *shop = shop_new(1, 2);
        shop_board(shop, 0, 1, faults[i]);
        open_ledger(shop);
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT(shop->verdicts[0] == LINE_PASS || shop->verdicts[0] == LINE_FAIL);
        close_ledger(shop);
        /* It comes again, and nothing goes wrong any more. */
        shop_restart(shop);
        shop->board_count[0] = 0;
        shop_board(shop, 0, 1, "");
        open_ledger(shop);
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT_EQUAL(shop->end, LINE_END_GOOD);
        shop_check(shop, 1, 1);
        check_ledger(shop);
        close_ledger(shop);
        shop_free(shop);
    }
}

/* ---- Boards that are changed for others ---- */

/* A worker as a slot has it, to call stages one by one. */
static void make_worker(struct shop *shop, struct line_run *run, struct line_worker *w)
{
    static struct em_flash_shared *none[1];
    *run = (struct line_run){.options = &shop->options, .shared = none};
    CU_ASSERT_EQUAL(pthread_mutex_init(&run->lock, NULL), 0);
    *w = (struct line_worker){.run = run};
    w->now.name = "A1";
    w->hooks = line_worker_hooks(w);
    w->board.step = "test";
    w->place = (struct em_ledger_place){.slot = "A1", .port = ""};
    (void)snprintf(w->board.url, sizeof w->board.url, "%s", shop->boards[0][0]);
}

/* Another board answers at the port when the line connects anew, or without that. */
static void test_swap(void)
{
    struct shop *shop = shop_new(1, 2);
    struct line_run run;
    struct line_worker w;
    uint8_t bits[FUSE_BLOCKS][FUSE_BITS / 8];
    unsigned twice;
    shop_board(shop, 0, 1, "");
    shop_board(shop, 0, 2, "");
    open_ledger(shop);
    shop->options.ledger = shop->ledger;
    make_worker(shop, &run, &w);
    EM_CHECK_STATUS(line_stage_connect(&w, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(line_stage_claim(&w, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(line_stage_check(&w, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(line_stage_flash(&w, &shop->err), EM_OK, &shop->err);
    /* A new connection. */
    line_board_disconnect(&w.board);
    (void)snprintf(w.board.url, sizeof w.board.url, "%s", shop->boards[0][1]);
    EM_CHECK_STATUS(line_board_connect(&w, &shop->err), EM_ERR_CHIP, &shop->err);
    EM_CHECK_HAS(shop->err.what, "MAC 60:55:f9:00:00:02, not 60:55:f9:00:00:01");
    CU_ASSERT_PTR_NULL(w.board.device);
    /* One that nobody noticed: the fuses tell. */
    w.board.has_mac = false;
    EM_CHECK_STATUS(line_board_connect(&w, &shop->err), EM_OK, &shop->err);
    (void)snprintf(w.now.mac, sizeof w.now.mac, "60:55:f9:00:00:01");
    EM_CHECK_STATUS(line_stage_burn(&w, &shop->err), EM_ERR_CHIP, &shop->err);
    CU_ASSERT_EQUAL(find(shop, "#1").state, EM_LEDGER_FLASHED);
    line_board_disconnect(&w.board);
    em_key_wipe(&w.board.key);
    em_unit_close(w.board.unit);
    shop_journal(shop, 2, bits, &twice);
    CU_ASSERT_EQUAL(bits[KEY_BLOCK][0] | bits[0][4], 0);
    check_ledger(shop);
    close_ledger(shop);
    (void)pthread_mutex_destroy(&run.lock);
    shop_free(shop);
}

static const struct em_test tests[] = {
    {"killed at every event, then completed", test_kill_keep},
    {"the same with keys that are destroyed", test_kill_destroy},
    {"killed again and again", test_kill_again},
    {"power cuts, broken cables and noise", test_faults},
    {"another board behind a new connection", test_swap},
};

EM_TEST_MAIN("line_kill", tests)
