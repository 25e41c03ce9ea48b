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

static const struct em_test tests[] = {
    {"a blank board gets its unit, and has passed before when it comes again",
     test_happy},
};

EM_TEST_MAIN("line_run", tests)
