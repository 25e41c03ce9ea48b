/* SPDX-License-Identifier: Apache-2.0 */
/* Boards that fail, and whose fault that is. */
#include "config.h"

#include "tests/test_line_ledger.h"

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
         "hook: refused"},
        {{flashed, fails, 10000, LINE_HOOK_FAIL},
         LINE_FAIL,
         LINE_END_FAILED,
         "hook: refused"},
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
    {"failures in a row stop the line", test_in_a_row},
    {"a board that fails too often is stopped", test_attempts},
    {"a foreign key is refused before flash is touched", test_foreign_key},
    {"what the program says decides", test_boot},
    {"hooks that fail", test_hooks},
};

EM_TEST_MAIN("line_fail", tests)
