/* SPDX-License-Identifier: Apache-2.0 */
/* Boards through the line: from blank to done, and what comes in between. */
#include "config.h"

#include "tests/test_line_ledger.h"
#include "tests/test_line_util.h"

static struct shop *start(size_t slots, uint64_t units)
{
    struct shop *shop = shop_new(slots, units);
    shop->ledger = fake_ledger_new(units, shop_unit_name, shop);
    return shop;
}

static void finish(struct shop *shop)
{
    fake_ledger_free(shop->ledger);
    shop_free(shop);
}

static void test_happy(void)
{
    struct shop *shop = start(1, 2);
    shop_board(shop, 0, 1, "");
    shop->loud = getenv("LOUD") != NULL;
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->end, LINE_END_GOOD);
    CU_ASSERT_EQUAL(shop->verdicts[0], LINE_PASS);
    CU_ASSERT_EQUAL(shop->totals.passed, 1);
    CU_ASSERT_EQUAL(shop->ledger->units[0].state, EM_LEDGER_DONE);
    CU_ASSERT_FALSE(shop->ledger->held[0]);
    shop_check(shop, 1, 1);
    shop_restart(shop);
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->end, LINE_END_GOOD);
    CU_ASSERT_EQUAL(shop->verdicts[0], LINE_PASSED_BEFORE);
    CU_ASSERT_EQUAL(shop->totals.before, 1);
    shop_check(shop, 1, 1);
    finish(shop);
}

/* ---- Stopped, and a ledger that fails ---- */

static void on_stop_once(struct shop *shop, const struct line_event *event)
{
    (void)event;
    shop->stop = 1;
}

static void on_stop_twice(struct shop *shop, const struct line_event *event)
{
    (void)event;
    shop->stop = 2;
}

/* Stop at every event in turn; what a second run completes is as if nothing had been. */
static void stop_everywhere(void (*act)(struct shop *shop,
                                        const struct line_event *event),
                            enum line_keys_after keys)
{
    uint64_t last = UINT64_MAX;
    for (uint64_t k = 1; k <= last; k++) {
        struct shop *shop = start(2, 2);
        shop_board(shop, 0, 1, "");
        shop->job.keys_after = keys;
        shop->act = act;
        shop->act_at = k;
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        if (shop->events < k)
            last = k; /* the one before was the last event */
        CU_ASSERT_FALSE(shop->ledger->held[0]);
        bool ended = shop->ledger->units[0].state == EM_LEDGER_DONE;
        CU_ASSERT(shop->verdicts[0] == LINE_NO_VERDICT ||
                  (shop->verdicts[0] == LINE_PASS) == ended);
        shop_restart(shop);
        fake_ledger_restart(shop->ledger);
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT_EQUAL(shop->verdicts[0], ended ? LINE_PASSED_BEFORE : LINE_PASS);
        CU_ASSERT_EQUAL(shop->ledger->units[0].failures, 0);
        CU_ASSERT_EQUAL(shop->ledger->units[1].state, EM_LEDGER_FREE);
        if (keys == LINE_KEYS_KEEP)
            shop_check(shop, 1, 1);
        else
            CU_ASSERT_TRUE(shop->ledger->units[0].key_destroyed);
        finish(shop);
    }
    CU_ASSERT(last > 15 && last < 100);
}

static void test_stop_once(void)
{
    stop_everywhere(on_stop_once, LINE_KEYS_KEEP);
}

static void test_stop_twice(void)
{
    stop_everywhere(on_stop_twice, LINE_KEYS_KEEP);
    stop_everywhere(on_stop_twice, LINE_KEYS_DESTROY);
}

static void key_path(const struct shop *shop, char path[SHOP_PATH])
{
    struct em_unit_data *unit = NULL;
    CU_ASSERT_EQUAL(em_units_take(shop->job.source, 1, &unit, NULL), EM_OK);
    int n =
        snprintf(path, SHOP_PATH, "%s/hmac-keys-%s.bin", shop->keys, em_unit_name(unit));
    require(n > 0 && n < SHOP_PATH);
    em_unit_close(unit);
}

static bool has_key_file(const struct shop *shop)
{
    char path[SHOP_PATH];
    key_path(shop, path);
    return access(path, F_OK) == 0;
}

/* The ledger's disk is full from its k-th call on, for every k. */
static void ledger_fails(enum line_keys_after keys)
{
    uint64_t last = UINT64_MAX;
    for (uint64_t k = 1; k <= last; k++) {
        struct shop *shop = start(2, 3);
        shop_board(shop, 0, 1, "");
        shop->job.keys_after = keys;
        shop->ledger->fail_at = k;
        enum em_status status = shop_run(shop);
        if (shop->ledger->calls < k)
            last = k; /* none failed */
        EM_CHECK_STATUS(status, last == k ? EM_OK : EM_ERR_IO, &shop->err);
        if (last != k) {
            CU_ASSERT_EQUAL(shop->end, LINE_END_STOPPED);
            EM_CHECK_HAS(shop->notes, "the ledger's disk is full");
        }
        /* Nothing that is not on record is told as passed. */
        bool done = shop->ledger->units[0].state == EM_LEDGER_DONE;
        CU_ASSERT_EQUAL(shop->verdicts[0] == LINE_PASS, done);
        CU_ASSERT_EQUAL(shop->ledger->units[0].failures, 0);
        shop_restart(shop);
        fake_ledger_restart(shop->ledger);
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT_EQUAL(shop->verdicts[0], done ? LINE_PASSED_BEFORE : LINE_PASS);
        CU_ASSERT_EQUAL(shop->ledger->units[1].state, EM_LEDGER_FREE);
        CU_ASSERT_EQUAL(has_key_file(shop), keys == LINE_KEYS_KEEP);
        if (keys == LINE_KEYS_KEEP)
            shop_check(shop, 1, 1);
        else
            CU_ASSERT_TRUE(shop->ledger->units[0].key_destroyed);
        finish(shop);
    }
    CU_ASSERT(last > 6 && last < 100);
}

static void test_ledger_fails(void)
{
    ledger_fails(LINE_KEYS_KEEP);
    ledger_fails(LINE_KEYS_DESTROY);
}

/* Killed between done and the end of its key: the board has left for ever. */
static void test_sweep(void)
{
    struct shop *shop = start(1, 2);
    shop_board(shop, 0, 1, "");
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_TRUE(has_key_file(shop));
    shop_restart(shop);
    shop->board_count[0] = 0;
    shop->job.keys_after = LINE_KEYS_DESTROY;
    (void)snprintf(shop->ledger->units[0].station, EM_LEDGER_NAME, "other");
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_TRUE(has_key_file(shop)); /* that station's affair */
    (void)snprintf(shop->ledger->units[0].station, EM_LEDGER_NAME, "bench");
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_FALSE(has_key_file(shop));
    CU_ASSERT_TRUE(shop->ledger->units[0].key_destroyed);
    finish(shop);
}

/* A key file that was lost, or replaced, after it went on record. */
static void test_lost_key(void)
{
    struct shop *shop = start(1, 1);
    shop_board(shop, 0, 1, "");
    shop->act = on_stop_once;
    shop->act_at = 8; /* within flash */
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_NOT_EQUAL(shop->ledger->units[0].key[0], '\0');
    char path[SHOP_PATH];
    key_path(shop, path);
    CU_ASSERT_EQUAL(unlink(path), 0);
    shop_restart(shop);
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->verdicts[0], LINE_FAIL);
    CU_ASSERT_EQUAL(shop->end, LINE_END_FAILED);
    EM_CHECK_HAS(shop->faults[0].what, "is not the one on record");
    uint8_t bits[FUSE_BLOCKS][FUSE_BITS / 8];
    unsigned twice;
    shop_journal(shop, 1, bits, &twice);
    CU_ASSERT_EQUAL(bits[KEY_BLOCK][0] | bits[0][4], 0);
    finish(shop);
}

/* ---- Which board ---- */

static void test_same_board_twice(void)
{
    struct shop *shop = start(2, 3);
    shop_board(shop, 0, 1, "");
    /* As if the other slot had it at this moment. */
    struct em_ledger_unit *unit = &shop->ledger->units[0];
    static const uint8_t mac[6] = {0x60, 0x55, 0xf9, 0, 0, 1};
    memcpy(unit->mac, mac, sizeof mac);
    unit->has_mac = true;
    unit->state = EM_LEDGER_CLAIMED;
    unit->claim = 77;
    (void)snprintf(unit->slot, sizeof unit->slot, "A2");
    (void)snprintf(unit->station, sizeof unit->station, "bench");
    shop->ledger->held[0] = true;
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->verdicts[0], LINE_FAIL);
    EM_CHECK_HAS(shop->faults[0].what,
                 "is being worked on at slot 'A2' of station 'bench'");
    CU_ASSERT_EQUAL(unit->failures, 0);
    CU_ASSERT_TRUE(shop->ledger->held[0]);
    finish(shop);
}

static void test_more_boards(void)
{
    struct shop *shop = start(2, 3);
    for (unsigned i = 0; i < 3; i++) {
        shop_board(shop, 0, 1 + i, "");
        shop_board(shop, 1, 11 + i, "");
    }
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->end, LINE_END_GOOD);
    CU_ASSERT_EQUAL(shop->totals.passed, 3);
    CU_ASSERT_EQUAL(shop->totals.done, 3);
    CU_ASSERT_EQUAL(shop->totals.failed, 0);
    EM_CHECK_HAS(shop->notes, "no unit is left for the board");
    finish(shop);
}

static void test_count(void)
{
    struct shop *shop = start(4, 12);
    for (unsigned slot = 0; slot < 4; slot++) {
        for (unsigned i = 0; i < 3; i++)
            shop_board(shop, slot, slot * 16 + i, "");
    }
    shop->options.count = 5;
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->end, LINE_END_GOOD);
    CU_ASSERT_EQUAL(shop->totals.passed, 5);
    CU_ASSERT_EQUAL(shop->ledger->claims, 5); /* nobody began in vain */
    finish(shop);
}

/* ---- Boards that fail ---- */

static void test_in_a_row(void)
{
    struct shop *shop = start(2, 9);
    for (unsigned i = 0; i < 6; i++)
        shop_board(shop, 0, i, "&secure-download=yes");
    shop->job.stop_after = 3;
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->end, LINE_END_STOPPED);
    CU_ASSERT_EQUAL(shop->totals.failed, 3);
    EM_CHECK_HAS(shop->notes, "3 boards in a row failed");
    CU_ASSERT_STRING_EQUAL(shop->totals.causes[0].text, "connect: unsupported");
    CU_ASSERT_EQUAL(shop->totals.causes[0].count, 3);
    CU_ASSERT_EQUAL(shop->ledger->claims, 0);
    finish(shop);
}

static void test_attempts(void)
{
    struct shop *shop = start(1, 2);
    for (unsigned i = 0; i < 4; i++)
        shop_board(shop, 0, 1, "");
    shop->image.limit = APP_ADDR + 16; /* too small for the image */
    EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
    CU_ASSERT_EQUAL(shop->totals.failed, 4);
    CU_ASSERT_EQUAL(shop->ledger->units[0].failures, 3);
    CU_ASSERT_TRUE(shop->ledger->units[0].stopped);
    EM_CHECK_HAS(shop->faults[0].what, "the board failed 3 times, last:");
    CU_ASSERT_STRING_EQUAL(shop->totals.causes[0].text, "flash: full");
    CU_ASSERT_STRING_EQUAL(shop->totals.causes[1].text, "claim: refused");
    CU_ASSERT_EQUAL(shop->ledger->units[1].state, EM_LEDGER_FREE);
    finish(shop);
}

/* Burn something into the board before the line meets it. */
static void prepare_fuses(struct shop *shop, unsigned board, size_t keys,
                          const char *purpose, bool open)
{
    static const char *const blocks[] = {"BLOCK_KEY0", "BLOCK_KEY1", "BLOCK_KEY2",
                                         "BLOCK_KEY3", "BLOCK_KEY4", "BLOCK_KEY5"};
    const struct em_efuses_key_options options = {.no_read_protect = open};
    char url[512];
    uint8_t bytes[32];
    struct em_device *device = NULL;
    struct em_efuses *efuses = NULL;
    enum em_efuses_result result;
    struct em_device_options how = EM_DEVICE_OPTIONS_INIT;
    memcpy(url, shop->boards[0][board - 1], sizeof url);
    EM_CHECK_STATUS(em_device_open(&device, url, &how, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(em_efuses_open(&efuses, device, NULL, &shop->err), EM_OK, &shop->err);
    for (size_t i = 0; i < keys; i++) {
        memset(bytes, (int)(0x11 * (i + 1)), sizeof bytes);
        const struct em_efuses_key key = {
            .block = blocks[i], .data = bytes, .len = sizeof bytes, .purpose = purpose};
        EM_CHECK_STATUS(em_efuses_stage_keys(efuses, &key, 1, &options, &shop->err),
                        EM_OK, &shop->err);
    }
    EM_CHECK_STATUS(em_efuses_burn(efuses, NULL, NULL, &result, &shop->err), EM_OK,
                    &shop->err);
    em_efuses_close(efuses);
    em_device_close(device);
}

static bool is_blank(const struct shop *shop, unsigned board)
{
    char path[SHOP_PATH];
    size_t len;
    shop_file(path, shop, board, "flash");
    uint8_t *flash = shop_read(path, &len);
    bool blank = flash != NULL;
    for (size_t i = 0; i < len && blank; i++)
        blank = flash[i] == 0xFF;
    free(flash);
    return blank;
}

/* No free block, or a key of the same kind that nobody can read any more. */
static void test_foreign_key(void)
{
    static const struct {
        size_t keys;
        const char *purpose;
        bool open;
        enum line_verdict verdict;
        const char *what;
    } rows[] = {
        {6, "USER", true, LINE_FAIL, "no key block is free for HMAC_UP"},
        {1, "HMAC_UP", false, LINE_FAIL, "read protected"},
        {5, "USER", true, LINE_PASS, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct shop *shop = start(1, 2);
        shop_board(shop, 0, 1, "");
        prepare_fuses(shop, 1, rows[i].keys, rows[i].purpose, rows[i].open);
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT_EQUAL(shop->verdicts[0], rows[i].verdict);
        EM_CHECK_HAS(shop->faults[0].what, rows[i].what);
        if (rows[i].verdict == LINE_FAIL) {
            CU_ASSERT_TRUE(is_blank(shop, 1));
            CU_ASSERT_STRING_EQUAL(shop->causes[0], "check: refused");
            CU_ASSERT_EQUAL(shop->ledger->units[0].failures, 1);
            CU_ASSERT_EQUAL(shop->ledger->units[0].state, EM_LEDGER_CLAIMED);
        }
        finish(shop);
    }
}

/* ---- Boot ---- */

static void test_boot(void)
{
    static char text[] = "self-test: (ok|good)", name[] = "boot.bin";
    /* A head that the ROM takes for a program; its chip is the ESP32-C3 (5). */
    static uint8_t boot[32] = {0xE9, 1, 2, 0x20, [12] = 5};
    for (int good = 0; good < 2; good++) {
        struct shop *shop = start(1, 1);
        shop_board(shop, 0, 1,
                   good ? "&app-output=hello self-test: ok" : "&app-output=hello panic");
        struct line_image images[2] = {
            shop->image, {.file = name, .addr = 0, .data = boot, .len = sizeof boot}};
        shop->job.images = images;
        shop->job.image_count = 2;
        shop->job.boot_check = true;
        shop->job.boot_text = text;
        shop->job.boot_timeout_ms = 2000;
        CU_ASSERT_EQUAL(regcomp(&shop->job.boot_regex, text, REG_EXTENDED | REG_NOSUB),
                        0);
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT_EQUAL(shop->verdicts[0], good ? LINE_PASS : LINE_FAIL);
        CU_ASSERT_EQUAL(shop->ledger->units[0].state,
                        good ? EM_LEDGER_DONE : EM_LEDGER_BURNED);
        if (good)
            shop_check(shop, 1, 1);
        else
            EM_CHECK_HAS(shop->faults[0].what, "hello panic");
        regfree(&shop->job.boot_regex);
        finish(shop);
    }
}

/* ---- Hooks ---- */

static void test_hooks(void)
{
    static char sh[] = "sh", c[] = "-c", good[] = "cat >/dev/null", bad[] = "exit 3";
    static char passed[] = "passed", flashed[] = "flashed";
    static char *works[] = {sh, c, good, NULL};
    static char *fails[] = {sh, c, bad, NULL};
    const struct {
        struct line_hook hook;
        enum line_verdict verdict;
        enum line_end end;
        const char *cause;
    } rows[] = {
        {{passed, works, 10000, LINE_HOOK_FAIL}, LINE_PASS, LINE_END_GOOD, ""},
        {{passed, fails, 10000, LINE_HOOK_IGNORE}, LINE_PASS, LINE_END_GOOD, ""},
        {{passed, fails, 10000, LINE_HOOK_FAIL},
         LINE_FAIL,
         LINE_END_FAILED,
         "hook: file-system"},
        {{flashed, fails, 10000, LINE_HOOK_FAIL},
         LINE_FAIL,
         LINE_END_FAILED,
         "hook: file-system"},
        {{flashed, fails, 10000, LINE_HOOK_STOP}, LINE_ABORTED, LINE_END_STOPPED, ""},
        {{passed, fails, 10000, LINE_HOOK_STOP}, LINE_ABORTED, LINE_END_STOPPED, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct shop *shop = start(1, 2);
        struct line_hook hook = rows[i].hook;
        shop_board(shop, 0, 1, "");
        shop->station.hooks = &hook;
        shop->station.hook_count = 1;
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        CU_ASSERT_EQUAL(shop->verdicts[0], rows[i].verdict);
        CU_ASSERT_EQUAL(shop->end, rows[i].end);
        CU_ASSERT_STRING_EQUAL(shop->causes[0], rows[i].cause);
        CU_ASSERT_EQUAL(shop->ledger->units[0].state == EM_LEDGER_DONE,
                        rows[i].verdict == LINE_PASS);
        /* Without the hook all goes well in the end. */
        shop_restart(shop);
        shop->station.hook_count = 0;
        EM_CHECK_STATUS(shop_run(shop), EM_OK, &shop->err);
        shop_check(shop, 1, 1);
        finish(shop);
    }
}

static const struct em_test tests[] = {
    {"a blank board gets its unit, and has passed before when it comes again",
     test_happy},
    {"stopped once at every event, then completed", test_stop_once},
    {"stopped twice at every event, then completed", test_stop_twice},
    {"the ledger fails at every call, then completed", test_ledger_fails},
    {"keys of done units are destroyed by the next run", test_sweep},
    {"a lost key file is never replaced", test_lost_key},
    {"the same board at two slots", test_same_board_twice},
    {"more boards than units", test_more_boards},
    {"no more boards are begun than are wanted", test_count},
    {"failures in a row stop the line", test_in_a_row},
    {"a board that fails too often is stopped", test_attempts},
    {"a foreign key is refused before flash is touched", test_foreign_key},
    {"what the program says decides", test_boot},
    {"hooks that fail", test_hooks},
};

EM_TEST_MAIN("line_run", tests)
