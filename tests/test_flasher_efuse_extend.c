/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own fields. */
#include "config.h"

#include "tests/test_flasher_efuse_host_util.h"

static const char good[] =
    "# name, block, start, count, comment\n"
    "BOARD_REV, EFUSE_BLK3, 0, 8, [BOARD_REVISION OLD] board, with comma\n"
    "NEXT, 3, , 48,\n"
    "\n"
    "PART, EFUSE_BLK3, 130, 4, [P] first\n"
    ", EFUSE_BLK3, 136, 4, [P] second\n"
    ", EFUSE_BLK3, , 1,\n"
    "GRP.LOW, EFUSE_BLK3, 144, 8,";

static const struct place {
    const char *name, *alias;
    unsigned bit, bits;
    enum em_efuse_type type;
} places[] = {
    {"BOARD_REV", "OLD", 0, 8, EM_EFUSE_UINT}, {"NEXT", NULL, 8, 48, EM_EFUSE_BYTES},
    {"PART_0", "P_0", 130, 4, EM_EFUSE_UINT},  {"PART_1", "P_1", 136, 4, EM_EFUSE_UINT},
    {"PART_2", NULL, 140, 1, EM_EFUSE_BOOL},   {"GRP_LOW", NULL, 144, 8, EM_EFUSE_UINT},
};

static enum em_status extend(struct em_efuses *e, const char *text, struct em_error *err)
{
    return em_efuses_extend_text(e, (const uint8_t *)text, strlen(text), "my.csv", err);
}

static void test_good(void)
{
    struct em_error err = {0};
    struct em_efuses *e = virtual_open("esp32c3", false);
    EM_CHECK_STATUS(extend(e, good, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_refresh(e, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(e->extra.count, sizeof places / sizeof places[0]);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct em_efuse_field *field = em_efuses_named(e, places[i].name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(field);
        CU_ASSERT_EQUAL(field->bit, places[i].bit);
        CU_ASSERT_EQUAL(field->bits, places[i].bits);
        CU_ASSERT_EQUAL(field->type, places[i].type);
        CU_ASSERT_EQUAL(field->block, 3);
        CU_ASSERT_EQUAL(field->wr_dis, 22); /* as BLOCK3 of the C3 */
        const struct em_efuse_field *same = NULL;
        if (places[i].alias != NULL)
            EM_CHECK_STATUS(em_efuses_look_up(e, places[i].alias, true, &same, &err),
                            EM_OK, &err);
        CU_ASSERT_TRUE(places[i].alias == NULL || same == field);
    }
    CU_ASSERT_STRING_EQUAL(em_efuses_named(e, "BOARD_REV")->about, "board, with comma");
    em_efuses_close(e);
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "A, EFUSE_BLK3, 0\n",
        ", EFUSE_BLK3, 0, 8,\n",
        "A, EFUSE_BLK11, 0, 8,\n",
        "A, EFUSE_BLK3, 250, 8,\n",
        "A, EFUSE_BLK3, 0, 0,\n",
        "A, EFUSE_BLK3, 0, x,\n",
        "A, EFUSE_BLK3, -1, 8,\n",
        "A, EFUSE_BLK3, 0, 99999999999999999999,\n",
        "A, EFUSE_BLK3, 0, 8,\nA, EFUSE_BLK3, 8, 8,\n",
        "A, EFUSE_BLK3, 0, 8,\nB, EFUSE_BLK3, 8, 8, [A]\n",
        "A, EFUSE_BLK3, 0, 8, [WR_DIS]\n",
        "WR_DIS, EFUSE_BLK3, 0, 8,\n",
        "KEY0, EFUSE_BLK3, 0, 8,\n",
        "A b, EFUSE_BLK3, 0, 8,\n",
        "A, EFUSE_BLK3, 0, 65,\n",
        "A, EFUSE_BLK1, 0, MAX_BLK_LEN,\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct em_error err = {0};
        struct em_efuses *e = virtual_open("esp32c3", false);
        EM_CHECK_STATUS(extend(e, bad[i], &err), EM_ERR_INPUT, &err);
        CU_ASSERT_STRING_EQUAL(err.file, "my.csv");
        CU_ASSERT_TRUE(err.line == 1 || err.line == 2);
        CU_ASSERT_TRUE(err.hint[0] != '\0');
        em_efuses_close(e);
    }
}

static const struct em_test tests[] = {
    {"good lines", test_good},
    {"bad lines", test_bad},
};

EM_TEST_MAIN("flasher/efuse/efuses_extend", tests)
