/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse model: bits only grow, protection, read commands, codes, cuts. */
#include "config.h"

#include "tests/test_flasher_efuse_util.h"

static void test_burn_shows_after_read_command(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        const struct em_chip *chip;
        const struct em_efuse_table *table;
        struct em_efuse_model *model = model_of(with_efuses[i], &chip, &table);
        struct burns burns = {0};
        em_efuse_model_on_burn(model, count_burn, &burns);
        CU_ASSERT(em_efuse_model_has(model, chip->efuse_base));
        CU_ASSERT_FALSE(em_efuse_model_has(model, chip->efuse_base + table->window));
        set_timing(model, chip, table);
        program(model, chip, table, 3, key);
        CU_ASSERT_EQUAL(word(model, chip, table, 3, 0), 0);
        CU_ASSERT_EQUAL(em_efuse_model_word(model, 3, 0), key[0]);
        reload(model, chip, table);
        for (unsigned w = 0; w < 8; w++)
            CU_ASSERT_EQUAL(word(model, chip, table, 3, w), key[w]);
        /* Silicon leaves the program registers alone. */
        CU_ASSERT_EQUAL(get(model, chip, table->blocks[3].write), key[0]);
        CU_ASSERT_EQUAL(burns.data, 97); /* ones of the key */
        CU_ASSERT((burns.check > 0) == (table->regs.check != 0));
        /* Once more: nothing is left to burn. */
        struct burns before = burns;
        program(model, chip, table, 3, key);
        CU_ASSERT(before.data == burns.data && before.check == burns.check);
        em_efuse_model_free(model);
    }
}

static void test_no_op_code_no_command(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32c3", &chip, &table);
    set_timing(model, chip, table);
    put(model, chip, 0, 0xFF);
    put(model, chip, table->regs.conf, 0x5AA5);
    put(model, chip, table->regs.cmd, 2);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 0), 0);
    em_efuse_model_free(model);
}

static void test_wrong_timing_is_weak(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32s2", &chip, &table);
    struct burns burns = {0};
    em_efuse_model_on_burn(model, count_burn, &burns);
    program(model, chip, table, 4, key);
    CU_ASSERT(burns.data > 20 && burns.data < 86);
    reload(model, chip, table);
    CU_ASSERT_NOT_EQUAL(get(model, chip, table->regs.rs_err), 0);
    set_timing(model, chip, table);
    program(model, chip, table, 4, key);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(burns.data, 97);
    CU_ASSERT_EQUAL(get(model, chip, table->regs.rs_err), 0);
    em_efuse_model_free(model);
}

static void test_protection(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32c3", &chip, &table);
    set_timing(model, chip, table);
    program(model, chip, table, 4, key);
    program(model, chip, table, 5, key);
    /* WR_DIS: KEY1 (24), the group of bit 2, RD_DIS not yet; RD_DIS: KEY0. */
    const uint32_t protect[6] = {1U << 24 | 1U << 2, 1};
    program(model, chip, table, 0, protect);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 4, 0), 0);
    CU_ASSERT_EQUAL(em_efuse_model_word(model, 4, 0), key[0]);
    CU_ASSERT_EQUAL(word(model, chip, table, 5, 0), key[0]);

    const uint32_t more[8] = {0xFFFFFFFF};
    program(model, chip, table, 5, more);
    /* Word 1: bit 8 DIS_ICACHE (group 2, closed), bit 1 RD_DIS, bit 25 USB_EXCHG_PINS. */
    const uint32_t config[6] = {0, 1U << 8 | 1U << 1 | 1U << 25};
    program(model, chip, table, 0, config);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(em_efuse_model_word(model, 5, 0), key[0]);
    CU_ASSERT_EQUAL(word(model, chip, table, 5, 0), 0); /* RD_DIS bit 1 took */
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 1), 1U << 25 | 3);
    em_efuse_model_free(model);
}

static void test_c2_halves(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32c2", &chip, &table);
    set_timing(model, chip, table);
    program(model, chip, table, 3, key);
    const uint32_t protect[2] = {0, 2};
    program(model, chip, table, 0, protect);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 3), key[3]);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 4), 0);
    em_efuse_model_free(model);
}

static void test_s31_ninth_word(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32s31", &chip, &table);
    const uint32_t words[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0x8001};
    program(model, chip, table, 0, words);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 8), 0x8001);
    em_efuse_model_free(model);
}

static void test_p4_generations(void)
{
    /* KEY_PURPOSE_0_H (BLOCK0 word 4 bit 27, WR_DIS bit 8) is of v3.0 and later only. */
    for (unsigned major = 0; major <= 3; major += 3) {
        const struct em_chip *chip;
        const struct em_efuse_table *table;
        struct em_efuse_model *model = model_of("esp32p4", &chip, &table);
        em_efuse_model_seed(model, 1, 2 * 32 + 4, 2, major);
        const uint32_t protect[6] = {1U << 8};
        program(model, chip, table, 0, protect);
        reload(model, chip, table);
        const uint32_t purpose[6] = {0, 0, 0, 0, 1U << 27};
        program(model, chip, table, 0, purpose);
        reload(model, chip, table);
        CU_ASSERT_EQUAL(word(model, chip, table, 0, 4), major == 3 ? 0 : 1U << 27);
        em_efuse_model_free(model);
    }
}

static void test_esp32_all_blocks_at_once(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32", &chip, &table);
    set_timing(model, chip, table);
    program(model, chip, table, 1, key);
    /* What is left in the registers of block 1 is burned again, here with more bits. */
    put(model, chip, table->blocks[1].write, 0xFFFFFFFF);
    program(model, chip, table, 2, key);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 1, 0), 0xFFFFFFFF);
    CU_ASSERT_EQUAL(word(model, chip, table, 2, 7), key[7]);
    /* RD_DIS bit 3 hides CODING_SCHEME, KEY_STATUS and FLASH_CRYPT_CONFIG. */
    clear(model, chip, table);
    const uint32_t hidden[7] = {1U << 19, 0, 0, 0, 0, 0xF0000000, 1U << 10 | 1U << 4};
    program(model, chip, table, 0, hidden);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 5), 0);
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 6), 1U << 4);
    CU_ASSERT_EQUAL(em_efuse_model_word(model, 0, 6), 1U << 10 | 1U << 4);
    em_efuse_model_free(model);
}

static void test_esp32_34(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32", &chip, &table);
    struct burns burns = {0};
    em_efuse_model_seed(model, 0, 6 * 32, 2, 1);
    em_efuse_model_on_burn(model, count_burn, &burns);
    set_timing(model, chip, table);
    /* 00 01 02 .. 17 under 3/4, worked out in the format's description. */
    const uint32_t coded[8] = {0x03020100, 0x1e010504, 0x09080706, 0x2f010b0a,
                               0x0f0e0d0c, 0x32011110, 0x15141312, 0x41011716};
    program(model, chip, table, 3, coded);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 0), 0x03020100);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 1), 0x07060504);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 5), 0x17161514);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 6), 0);
    CU_ASSERT_EQUAL(get(model, chip, table->regs.dec_status), 0);
    CU_ASSERT_EQUAL(burns.check, 4 + 4 + 5 + 3 + 2); /* of 1e 2f 32 41, and four 01 */
    /* Group 2 of block 3 gets a bit too many. */
    const uint32_t wrong[8] = {0, 0, 0, 0, 0x80};
    clear(model, chip, table);
    program(model, chip, table, 3, wrong);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(get(model, chip, table->regs.dec_status), 1U << 10);
    CU_ASSERT_EQUAL(word(model, chip, table, 3, 3), 0x0f0e0d0c); /* mended */
    em_efuse_model_free(model);
}

static void test_cut(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        const struct em_chip *chip;
        const struct em_efuse_table *table;
        struct em_efuse_model *model = model_of(with_efuses[i], &chip, &table);
        struct burns burns = {0};
        em_efuse_model_on_burn(model, count_burn, &burns);
        set_timing(model, chip, table);
        em_efuse_model_cut(model, 300, 7);
        program(model, chip, table, 3, key);
        CU_ASSERT(burns.data > 10 && burns.data < 60);
        reload(model, chip, table);
        if (table->regs.check != 0) {
            int8_t fail = table->blocks[3].fail_bit;
            CU_ASSERT_EQUAL(
                get(model, chip, table->regs.rs_err + 4 * (uint32_t)(fail / 32)) >>
                        fail % 32 &
                    1,
                1);
        }
        program(model, chip, table, 3, key); /* completes it */
        reload(model, chip, table);
        CU_ASSERT_EQUAL(burns.data, 97);
        CU_ASSERT_EQUAL(word(model, chip, table, 3, 7), key[7]);
        if (table->regs.check != 0)
            CU_ASSERT_EQUAL(get(model, chip, table->regs.rs_err), 0);
        em_efuse_model_free(model);
    }
}

static void test_cut_block0(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32s3", &chip, &table);
    set_timing(model, chip, table);
    const uint32_t words[6] = {0, 0, 0xFFFF0000, 0xFFFF};
    em_efuse_model_cut(model, 0, 3);
    program(model, chip, table, 0, words);
    reload(model, chip, table);
    uint32_t errors = get(model, chip, table->regs.repeat_err + 4);
    CU_ASSERT_NOT_EQUAL(errors, 0);
    CU_ASSERT_EQUAL(errors & ~words[2], 0);
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 2) & ~errors, 0);
    /* It lasts in a file, and another burn mends it. */
    uint8_t *file = NULL;
    size_t len = 0;
    struct em_error err = {0};
    EM_CHECK_STATUS(em_efuse_model_save(model, &file, &len, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuse_model_load(model, file, len, &err), EM_OK, &err);
    free(file);
    CU_ASSERT_EQUAL(get(model, chip, table->regs.repeat_err + 4), errors);
    program(model, chip, table, 0, words);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(get(model, chip, table->regs.repeat_err + 4), 0);
    CU_ASSERT_EQUAL(word(model, chip, table, 0, 2), words[2]);
    em_efuse_model_free(model);
}

static void test_virtual_style(void)
{
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_model *model = model_of("esp32", &chip, &table);
    em_efuse_model_set_style(model, EM_EFUSE_VIRTUAL);
    program(model, chip, table, 1, key);
    CU_ASSERT_EQUAL(get(model, chip, table->blocks[1].write), key[0]);
    reload(model, chip, table);
    CU_ASSERT_EQUAL(get(model, chip, table->blocks[1].write), 0);
    CU_ASSERT_EQUAL(word(model, chip, table, 1, 0), key[0]);
    em_efuse_model_free(model);

    model = model_of("esp32c3", &chip, &table);
    em_efuse_model_set_style(model, EM_EFUSE_VIRTUAL);
    program(model, chip, table, 4, key);
    CU_ASSERT_EQUAL(get(model, chip, 0), 0);
    CU_ASSERT_NOT_EQUAL(get(model, chip, table->regs.check), 0);
    uint8_t *file = NULL;
    size_t len = 0;
    struct em_error err = {0};
    EM_CHECK_STATUS(em_efuse_model_save(model, &file, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 512);
    free(file);
    em_efuse_model_free(model);
}

static void test_flags(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        const struct em_chip *chip;
        const struct em_efuse_table *table;
        struct em_efuse_model *model = model_of(with_efuses[i], &chip, &table);
        struct em_efuse_view view = {table, EM_EFUSE_NEWEST, 0};
        const struct {
            const char *field;
            struct em_chip_mask mask;
        } rows[] = {
            {chip->crypt_cnt.mask == 0x7F00000 ? "FLASH_CRYPT_CNT" : "SPI_BOOT_CRYPT_CNT",
             chip->crypt_cnt},
            {table->regs.check == 0 ? "ABS_DONE_0" : "SECURE_BOOT_EN", chip->secure_boot},
            {table->regs.check == 0 ? "DISABLE_DL_ENCRYPT"
                                    : "DIS_DOWNLOAD_MANUAL_ENCRYPT",
             chip->dl_encrypt_dis}};
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            if (rows[k].mask.addr == 0)
                continue;
            const struct em_efuse_field *f = em_efuse_field_find(&view, rows[k].field);
            CU_ASSERT_PTR_NOT_NULL_FATAL(f);
            CU_ASSERT_FALSE(em_efuse_model_flag(model, rows[k].mask));
            em_efuse_model_seed(model, 0, f->bit, 1, 1);
            CU_ASSERT(em_efuse_model_flag(model, rows[k].mask));
            CU_ASSERT_EQUAL(em_efuse_model_field(model, rows[k].field), 1);
            if (f->bits > 1) {
                em_efuse_model_seed(model, 0, f->bit, 2, 3);
                CU_ASSERT_FALSE(em_efuse_model_flag(model, rows[k].mask));
            }
        }
        em_efuse_model_free(model);
    }
}

static void test_no_table(void)
{
    struct em_error err = {0};
    struct em_efuse_model *model = NULL;
    EM_CHECK_STATUS(em_efuse_model_new(&model, em_chip_find("esp8266"), &err),
                    EM_ERR_UNSUPPORTED, &err);
    CU_ASSERT_PTR_NULL(model);
}

static const struct em_test tests[] = {
    {"a burn shows after a read command", test_burn_shows_after_read_command},
    {"no op code, no command", test_no_op_code_no_command},
    {"wrong timing is weak", test_wrong_timing_is_weak},
    {"protection", test_protection},
    {"ESP32-C2: halves of the key", test_c2_halves},
    {"ESP32-S31: nine words", test_s31_ninth_word},
    {"ESP32-P4: generations", test_p4_generations},
    {"ESP32: all blocks at once", test_esp32_all_blocks_at_once},
    {"ESP32: 3/4 coding", test_esp32_34},
    {"power cut", test_cut},
    {"power cut in BLOCK0", test_cut_block0},
    {"virtual style", test_virtual_style},
    {"flags", test_flags},
    {"no table", test_no_table},
};

EM_TEST_MAIN("flasher/efuse/model", tests)
