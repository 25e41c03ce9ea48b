/* SPDX-License-Identifier: Apache-2.0 */
/* Test firmware before the job's own: in its order, each passed before the next, and what
 * a line that was stopped, or a board that failed, begins with. */
#include "config.h"

#include "tests/test_line_ledger.h"

enum { TEST_LEN = 5000, BOOT_LEN = 32 };

/* The simulated program prints the line of text at the start of the app. */
static const char speaks[] = "&app-output=@0x10000";
static char first_name[] = "first", second_name[] = "second",
            first_flash[] = "flash/first", first_boot[] = "boot/first",
            second_flash[] = "flash/second", second_boot[] = "boot/second",
            first_text[] = "^first test: (good|fine)$",
            second_text[] = "second test: good$", app_text[] = "the product runs",
            file_name[] = "test.bin";
/* A head that the ROM takes for a program; its chip is the ESP32-C3 (5). */
static uint8_t head[BOOT_LEN] = {0xE9, 1, 2, 0x20, [12] = 5};
static uint8_t tests_data[2][TEST_LEN];

/* A job with two tests. */
struct tested {
    struct shop *shop;
    struct line_image images[2], test_images[2][2];
    struct line_before before[2];
};

static void take_regex(regex_t *out, const char *text)
{
    CU_ASSERT_EQUAL(regcomp(out, text, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
}

static void begin(struct tested *t)
{
    static const char *const lines[] = {"first test: good\n", "second test: good\n"};
    const struct line_image boot = {.file = file_name, .data = head, .len = BOOT_LEN};
    struct shop *shop = start(1, 2);
    memset(t, 0, sizeof *t);
    t->shop = shop;
    for (size_t i = 0; i < 2; i++) {
        memset(tests_data[i], (int)(i + 1), TEST_LEN);
        memcpy(tests_data[i], lines[i], strlen(lines[i]));
        t->test_images[i][0] = boot;
        t->test_images[i][1] = (struct line_image){
            .file = file_name, .addr = APP_ADDR, .data = tests_data[i], .len = TEST_LEN};
    }
    t->before[0] = (struct line_before){.name = first_name,
                                        .flash_step = first_flash,
                                        .boot_step = first_boot,
                                        .boot_text = first_text};
    t->before[1] = (struct line_before){.name = second_name,
                                        .flash_step = second_flash,
                                        .boot_step = second_boot,
                                        .boot_text = second_text};
    for (size_t i = 0; i < 2; i++) {
        t->before[i].images = t->test_images[i];
        t->before[i].image_count = 2;
        t->before[i].boot_timeout_ms = 2000;
        take_regex(&t->before[i].boot_regex, t->before[i].boot_text);
    }
    memcpy(shop->app, "the product runs\n", 17);
    t->images[0] = boot;
    t->images[1] = shop->image;
    shop->job.images = t->images;
    shop->job.image_count = 2;
    shop->job.before = t->before;
    shop->job.before_count = 2;
    shop->job.boot_check = true;
    shop->job.boot_text = app_text;
    shop->job.boot_timeout_ms = 2000;
    take_regex(&shop->job.boot_regex, app_text);
}

static void end(struct tested *t)
{
    regfree(&t->shop->job.boot_regex);
    for (size_t i = 0; i < 2; i++)
        regfree(&t->before[i].boot_regex);
    finish(t->shop);
}

/* How often an event is on record. */
static unsigned count(const struct shop *shop, const char *step, const char *outcome)
{
    unsigned n = 0;
    for (size_t i = 0; i < shop->ledger->event_count; i++) {
        const struct fake_event *e = &shop->ledger->events[i];
        n += strcmp(e->step, step) == 0 && strcmp(e->outcome, outcome) == 0;
    }
    return n;
}

static void test_order(void)
{
    static const char *const wanted[][2] = {
        {"flash/first", "ok"}, {"boot/first", "ok"}, {"flash/second", "ok"},
        {"boot/second", "ok"}, {"flash", "ok"},      {"burn", "intent"},
        {"burn", "ok"},        {"boot", "ok"},       {"done", "ok"},
    };
    struct tested t;
    begin(&t);
    shop_board(t.shop, 0, 1, speaks);
    EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
    CU_ASSERT_EQUAL(t.shop->verdicts[0], LINE_PASS);
    CU_ASSERT_EQUAL_FATAL(t.shop->ledger->event_count, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        CU_ASSERT_STRING_EQUAL(t.shop->ledger->events[i].step, wanted[i][0]);
        CU_ASSERT_STRING_EQUAL(t.shop->ledger->events[i].outcome, wanted[i][1]);
    }
    shop_check(t.shop, 1, 1);
    end(&t);
}

/* What is passed is not done again, and nothing comes before what it has to wait for. */
static void check_once(const struct shop *shop)
{
    static const char *const steps[] = {"boot/first", "boot/second", "flash", "done"};
    size_t at[4] = {0};
    for (size_t i = 0; i < shop->ledger->event_count; i++) {
        const struct fake_event *e = &shop->ledger->events[i];
        for (size_t k = 0; k < 4; k++) {
            if (strcmp(e->step, steps[k]) == 0 && strcmp(e->outcome, "ok") == 0 &&
                at[k] == 0)
                at[k] = i + 1;
        }
        if (strcmp(e->step, "flash/first") == 0)
            CU_ASSERT_EQUAL(at[0], 0); /* not after it was passed */
        if (strcmp(e->step, "flash/second") == 0)
            CU_ASSERT_TRUE(at[0] != 0 && at[1] == 0);
        if (strcmp(e->step, "burn") == 0)
            CU_ASSERT_TRUE(at[1] != 0 && at[2] != 0);
    }
    CU_ASSERT_TRUE(at[0] < at[1] && at[1] < at[2] && at[2] < at[3]);
    CU_ASSERT_EQUAL(count(shop, "boot/first", "ok"), 1);
    CU_ASSERT_EQUAL(count(shop, "boot/second", "ok"), 1);
}

/* The program dies at every write of the ledger in turn; the next one goes on. */
static void test_ledger_fails(void)
{
    uint64_t at = 0;
    for (bool whole = false; !whole && at < 64;) {
        struct tested t;
        begin(&t);
        shop_board(t.shop, 0, 1, speaks);
        t.shop->ledger->fail_at = ++at;
        whole = shop_run(t.shop) == EM_OK;
        fake_ledger_restart(t.shop->ledger);
        shop_restart(t.shop);
        EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
        CU_ASSERT_EQUAL(t.shop->ledger->units[0].state, EM_LEDGER_DONE);
        check_once(t.shop);
        shop_check(t.shop, 1, 1);
        end(&t);
    }
    CU_ASSERT_TRUE(at > 12 && at < 64);
}

static void stop(struct shop *shop, const struct line_event *event)
{
    (void)event;
    shop->stop = 1;
}

static void test_stopped(void)
{
    unsigned stopped = 0;
    for (uint64_t at = 1; at <= 24; at++) {
        struct tested t;
        begin(&t);
        shop_board(t.shop, 0, 1, speaks);
        t.shop->act = stop;
        t.shop->act_at = at;
        EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
        stopped += t.shop->end == LINE_END_STOPPED;
        shop_restart(t.shop);
        EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
        CU_ASSERT_EQUAL(t.shop->ledger->units[0].state, EM_LEDGER_DONE);
        check_once(t.shop);
        shop_check(t.shop, 1, 1);
        end(&t);
    }
    CU_ASSERT_TRUE(stopped > 12);
}

/* A test that is not passed: nothing of the unit is in the flash, no fuse is burned; when
 * the board comes again all tests are done again. */
static void test_fails(void)
{
    static const uint8_t zeros[FUSE_BITS / 8];
    uint8_t bits[FUSE_BLOCKS][FUSE_BITS / 8];
    struct tested t;
    char path[SHOP_PATH];
    size_t len;
    unsigned twice;
    begin(&t);
    shop_board(t.shop, 0, 1, "&app-output=first test: fine");
    EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
    CU_ASSERT_EQUAL(t.shop->verdicts[0], LINE_FAIL);
    CU_ASSERT_STRING_EQUAL(t.shop->causes[0], "boot/second: verify");
    EM_CHECK_HAS(t.shop->faults[0].what,
                 "boot/second: 'second test: good$' did not come");
    EM_CHECK_HAS(t.shop->faults[0].what, "first test: fine");
    CU_ASSERT_EQUAL(t.shop->ledger->units[0].state, EM_LEDGER_CLAIMED);
    shop_journal(t.shop, 1, bits, &twice);
    for (size_t i = 0; i < FUSE_BLOCKS; i++)
        EM_CHECK_BYTES(bits[i], zeros, sizeof zeros);
    shop_file(path, t.shop, 1, "flash");
    uint8_t *flash = shop_read(path, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(flash);
    EM_CHECK_BYTES(flash + APP_ADDR, tests_data[1], TEST_LEN);
    for (size_t i = 0; i < NVS_LEN; i++)
        CU_ASSERT_EQUAL(flash[NVS_ADDR + i], 0xFF);
    free(flash);
    shop_restart(t.shop);
    t.shop->board_count[0] = 0;
    shop_board(t.shop, 0, 1, speaks); /* mended */
    EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
    CU_ASSERT_EQUAL(t.shop->verdicts[0], LINE_PASS);
    CU_ASSERT_EQUAL(count(t.shop, "boot/first", "ok"), 2);
    CU_ASSERT_EQUAL(count(t.shop, "boot/second", "ok"), 1);
    shop_check(t.shop, 1, 1);
    end(&t);
}

/* A hook hears of each test, and may refuse the board: then it is not passed. */
static void test_hook(void)
{
    static char sh[] = "sh", c[] = "-c", event[] = "tested",
                no[] = "! grep -q 'boot/second'";
    static char *argv[] = {sh, c, no, NULL};
    struct line_hook hook = {event, argv, 10000, LINE_HOOK_FAIL};
    struct tested t;
    begin(&t);
    shop_board(t.shop, 0, 1, speaks);
    t.shop->station.hooks = &hook;
    t.shop->station.hook_count = 1;
    EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
    CU_ASSERT_EQUAL(t.shop->verdicts[0], LINE_FAIL);
    EM_CHECK_HAS(t.shop->causes[0], "hook:");
    CU_ASSERT_EQUAL(count(t.shop, "flash/second", "ok"), 1);
    CU_ASSERT_EQUAL(count(t.shop, "flash", "ok"), 0);
    CU_ASSERT_EQUAL(t.shop->ledger->units[0].state, EM_LEDGER_CLAIMED);
    shop_restart(t.shop);
    t.shop->station.hook_count = 0;
    EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
    CU_ASSERT_EQUAL(count(t.shop, "boot/first", "ok"), 2);
    shop_check(t.shop, 1, 1);
    end(&t);
}

/* What one board has passed says nothing of another, nor of another unit's. */
static void test_two_boards(void)
{
    struct tested t;
    begin(&t);
    shop_board(t.shop, 0, 1, speaks);
    shop_board(t.shop, 0, 2, speaks);
    EM_CHECK_STATUS(shop_run(t.shop), EM_OK, &t.shop->err);
    CU_ASSERT_EQUAL(count(t.shop, "boot/first", "ok"), 2);
    CU_ASSERT_EQUAL(count(t.shop, "boot/second", "ok"), 2);
    shop_check(t.shop, 1, 1);
    shop_check(t.shop, 2, 2);
    end(&t);
}

static const struct em_test tests[] = {
    {"tests in their order, then the job", test_order},
    {"a ledger that fails at any write", test_ledger_fails},
    {"a line that is stopped at any event", test_stopped},
    {"a test that is not passed", test_fails},
    {"each board passes by itself", test_two_boards},
    {"a hook that refuses", test_hook},
};
EM_TEST_MAIN("line_before", tests)
