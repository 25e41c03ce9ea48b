/* SPDX-License-Identifier: Apache-2.0 */
/* Boards through the line: from blank to done, and what comes in between. */
#include "config.h"

#include "tests/test_line_ledger.h"

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
    EM_CHECK_HAS(shop->faults[0].what, "the key on record");
    CU_ASSERT_EQUAL(access(path, F_OK), -1); /* no other one in its place */
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
};

EM_TEST_MAIN("line_run", tests)
