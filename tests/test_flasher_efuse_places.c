/* SPDX-License-Identifier: Apache-2.0 */
/* Key blocks that have something already: completed, done by the record, or refused, on
 * every chip whose blocks have purposes. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include "tests/test_flasher_efuse_host_util.h"

enum {
    KEY_LEN = 32,
    DATA = 1,
    OTHER = 2,
    PURPOSE = 4,
    WRONG = 8,
    HIDDEN = 16,
    LOCKED = 32
};

/* What burns did before, and what comes of burning the key with its purpose then. */
static const struct {
    unsigned has;
    bool recorded;
    enum em_efuses_result result;
    const char *refused; /* NULL: it is burned, or there is nothing to do */
} rows[] = {
    {0, false, EM_EFUSES_BURNED, NULL},
    {0, true, EM_EFUSES_BURNED, NULL},
    {DATA, false, EM_EFUSES_BURNED, NULL},
    {DATA | PURPOSE, false, EM_EFUSES_BURNED, NULL},
    {DATA | PURPOSE | LOCKED, false, EM_EFUSES_BURNED, NULL},
    {DATA | PURPOSE | HIDDEN, false, EM_EFUSES_NOTHING, "cannot be compared"},
    {DATA | PURPOSE | HIDDEN, true, EM_EFUSES_BURNED, NULL},
    {DATA | PURPOSE | HIDDEN | LOCKED, false, EM_EFUSES_NOTHING, "cannot be compared"},
    {DATA | PURPOSE | HIDDEN | LOCKED, true, EM_EFUSES_NOTHING, NULL},
    {DATA | HIDDEN, false, EM_EFUSES_NOTHING, "has no purpose"},
    {DATA | HIDDEN, true, EM_EFUSES_NOTHING, "has no purpose"},
    {DATA | WRONG | HIDDEN, true, EM_EFUSES_NOTHING, "in use for"},
    {DATA | WRONG, true, EM_EFUSES_NOTHING, "is for"},
    {OTHER | PURPOSE, true, EM_EFUSES_NOTHING, "holds another key"},
    {OTHER, false, EM_EFUSES_NOTHING, "holds another key"},
};

static const uint8_t bytes[2 * KEY_LEN] = {1, 2, 3, 4, 0xF0, 6, [31] = 7, [40] = 9};

/* Raw bits, past rules and checks of staging. */
static void burn_raw(struct em_efuses *e)
{
    struct em_efuses_rule rule;
    enum em_efuses_result result;
    struct em_error err = {0};
    uint64_t overridden = e->overridden;
    for (size_t i = 0; em_efuses_rule(i, &rule); i++)
        EM_CHECK_STATUS(em_efuses_override(e, rule.id, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    e->overridden = overridden;
}

static void set_bit(struct em_efuses *e, const char *name, int bit)
{
    const struct em_efuse_field *field = em_efuses_named(e, name);
    CU_ASSERT_FATAL(field != NULL && bit >= 0);
    em_efuses_set(e->staged[field->block].bytes, field->bit + (size_t)bit);
}

static void put_purpose(struct em_efuses *e, const struct em_efuse_field *field,
                        int value)
{
    struct em_efuses_parts parts;
    struct em_error err = {0};
    memset(&parts, 0, sizeof parts);
    EM_CHECK_STATUS(em_efuses_spread(e, field, (uint64_t)value, &parts, &err), EM_OK,
                    &err);
    for (size_t i = 0; i < parts.count; i++)
        em_efuses_join(&e->staged[parts.part[i].field->block], parts.part[i].field->bit,
                       parts.part[i].field->bits, &parts.part[i].bits);
}

static void prepare(struct em_efuses *e, const struct em_efuse_block *block,
                    const struct em_efuse_purpose *purpose, unsigned has)
{
    const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
    CU_ASSERT_PTR_NOT_NULL_FATAL(field);
    for (size_t i = 0; (has & (DATA | OTHER)) != 0 && i < KEY_LEN; i++)
        e->staged[block->number].bytes[purpose->reverse ? KEY_LEN - 1 - i : i] =
            (uint8_t)(bytes[i] ^ ((has & OTHER) != 0 ? 0x55 : 0));
    if ((has & PURPOSE) != 0)
        put_purpose(e, field, purpose->value);
    if ((has & WRONG) != 0) /* a digest: its bits are not among those of a secret key */
        put_purpose(e, field,
                    em_efuse_purpose_find(&e->view, "SECURE_BOOT_DIGEST0")->value);
    if ((has & HIDDEN) != 0)
        set_bit(e, "RD_DIS", block->rd_dis[0]);
    if ((has & LOCKED) != 0) {
        set_bit(e, "WR_DIS", block->wr_dis);
        set_bit(e, "WR_DIS", field->wr_dis);
    }
    if (has != 0)
        burn_raw(e);
}

static void check_row(const struct em_efuse_table *table,
                      const struct em_efuse_purpose *purpose, size_t row, bool any)
{
    enum { PLACE = 2 }; /* of the key blocks: not the first that is free */
    struct em_error err = {0};
    enum em_efuses_result result;
    struct em_efuses *e = virtual_open(table->chip, false);
    const struct em_efuse_block *block = &table->blocks[4 + PLACE];
    prepare(e, block, purpose, rows[row].has);
    struct em_efuses_bits data = e->now[block->number];
    const struct em_efuses_key key = {any ? "auto" : block->name, bytes, KEY_LEN,
                                      purpose->name, rows[row].recorded};
    enum em_status status = em_efuses_stage_keys(e, &key, 1, NULL, &err);
    CU_ASSERT_EQUAL(status, rows[row].refused == NULL ? EM_OK : EM_ERR_REFUSED);
    if (rows[row].refused != NULL)
        EM_CHECK_HAS(err.what, rows[row].refused);
    else
        EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    if (rows[row].refused != NULL || rows[row].result == EM_EFUSES_NOTHING) {
        CU_ASSERT_TRUE(em_efuses_same(&data, &e->now[block->number]));
    } else {
        CU_ASSERT_EQUAL(result, EM_EFUSES_BURNED);
        const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
        CU_ASSERT_EQUAL(em_efuses_joint(e, field), (uint64_t)purpose->value);
        CU_ASSERT_FALSE(em_efuses_can_write(e, field));
        CU_ASSERT_TRUE(em_efuses_wr_closed(e, block->wr_dis));
        CU_ASSERT_TRUE(em_efuses_rd_closed(e, block->rd_dis, 1));
    }
    if (any) /* the free block before it was not taken */
        CU_ASSERT_STRING_EQUAL(em_efuses_free_key_block(e), table->blocks[4].name);
    em_efuses_close(e);
}

/* What burn-key auto can find: the key is in the block, and nothing speaks against it. */
static bool can_be_found(size_t row)
{
    return (rows[row].has & DATA) != 0 &&
           (rows[row].refused == NULL || (rows[row].has & PURPOSE) != 0);
}

static void test_states(void)
{
    unsigned chips = 0;
    for (size_t t = 0; t < em_efuse_tables_count; t++) {
        const struct em_efuse_table *table = &em_efuse_tables[t];
        const struct em_efuse_purpose *purpose = NULL;
        for (size_t i = 0; i < table->purpose_count && purpose == NULL; i++)
            if (table->purposes[i].protect && !table->purposes[i].pem &&
                !table->purposes[i].in_block && table->purposes[i].value > 0 &&
                table->purposes[i].also_burns == NULL &&
                strstr(table->purposes[i].name, "ECDSA") == NULL &&
                strstr(table->purposes[i].name, "_256_") == NULL)
                purpose = &table->purposes[i];
        if (purpose == NULL)
            continue;
        chips++;
        for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
            check_row(table, purpose, row, false);
            if (can_be_found(row))
                check_row(table, purpose, row, true);
        }
    }
    CU_ASSERT_TRUE(chips >= 11);
}

/* Both halves of a long key are found again. */
static void test_long(void)
{
    static const char *const chips[] = {"esp32s2", "esp32s3", "esp32p4"};
    for (size_t c = 0; c < sizeof chips / sizeof chips[0]; c++) {
        struct em_error err = {0};
        enum em_efuses_result result;
        struct em_efuses *e = virtual_open(chips[c], false);
        struct em_efuses_key key = {"auto", bytes, sizeof bytes, "XTS_AES_256_KEY",
                                    false};
        for (int i = 0; i < 2; i++) {
            key.recorded = i > 0;
            EM_CHECK_STATUS(em_efuses_stage_keys(e, &key, 1, NULL, &err), EM_OK, &err);
            EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
            CU_ASSERT_EQUAL(result, i == 0 ? EM_EFUSES_BURNED : EM_EFUSES_NOTHING);
        }
        CU_ASSERT_STRING_EQUAL(em_efuses_free_key_block(e), "BLOCK_KEY2");
        key.recorded = false;
        EM_CHECK_STATUS(em_efuses_stage_keys(e, &key, 1, NULL, &err), EM_ERR_REFUSED,
                        &err);
        EM_CHECK_HAS(err.what, "BLOCK_KEY0 is in use for XTS_AES_256_KEY_1");
        em_efuses_close(e);
    }
}

/* Where the place tells the purpose. */
static void test_by_place(void)
{
    static const struct {
        const char *chip, *block, *purpose, *other_block, *other;
        size_t other_len;
    } places[] = {
        {"esp32", "flash_encryption", NULL, NULL, NULL, 0},
        {"esp32c2", "auto", "XTS_AES_128_KEY", "BLOCK_KEY0",
         "XTS_AES_128_KEY_DERIVED_FROM_128_EFUSE_BITS", 16},
        {"esp32c2", "BLOCK_KEY0", "XTS_AES_128_KEY_DERIVED_FROM_128_EFUSE_BITS",
         "BLOCK_KEY0", "XTS_AES_128_KEY", 32},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct em_error err = {0};
        enum em_efuses_result result;
        struct em_efuses *e = virtual_open(places[i].chip, false);
        struct em_efuses_key key = {places[i].block, bytes, i == 2 ? 16 : KEY_LEN,
                                    places[i].purpose, false};
        EM_CHECK_STATUS(em_efuses_stage_keys(e, &key, 1, NULL, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_stage_keys(e, &key, 1, NULL, &err), EM_ERR_REFUSED,
                        &err);
        EM_CHECK_HAS(err.what, "cannot be compared");
        em_efuses_unstage(e);
        key.recorded = true;
        EM_CHECK_STATUS(em_efuses_stage_keys(e, &key, 1, NULL, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(result, EM_EFUSES_NOTHING);
        const struct em_efuses_key other = {places[i].other_block, bytes,
                                            places[i].other_len, places[i].other, true};
        if (other.block != NULL)
            EM_CHECK_STATUS(em_efuses_stage_keys(e, &other, 1, NULL, &err),
                            EM_ERR_REFUSED, &err);
        em_efuses_close(e);
    }
}

static const struct em_test tests[] = {
    {"states of a key block", test_states},
    {"keys in two blocks", test_long},
    {"purposes by place", test_by_place},
};

EM_TEST_MAIN("flasher/efuse/efuses_places", tests)
