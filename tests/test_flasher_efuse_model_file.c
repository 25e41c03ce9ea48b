/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse model in files: all state comes back, published files are understood. */
#include "config.h"

#include "tests/test_flasher_efuse_util.h"

static void test_file(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        const struct em_chip *chip;
        const struct em_efuse_table *table;
        struct em_error err = {0};
        struct em_efuse_model *model = model_of(with_efuses[i], &chip, &table);
        set_timing(model, chip, table);
        program(model, chip, table, 3, key);
        clear(model, chip, table);
        const uint32_t protect[9] = {1U << (table->block_count == 4 ? 18 : 0), 3};
        program(model, chip, table, 0, protect);
        clear(model, chip, table);
        reload(model, chip, table);
        uint8_t *file = NULL;
        size_t len = 0;
        EM_CHECK_STATUS(em_efuse_model_save(model, &file, &len, &err), EM_OK, &err);
        CU_ASSERT_FATAL(file != NULL && len > table->window);
        /* CONF 0x5AA5 as one big-endian number from the end. */
        CU_ASSERT_EQUAL(file[table->window - table->regs.conf - 2], 0x5A);
        CU_ASSERT_EQUAL(file[table->window - table->regs.conf - 1], 0xA5);

        const struct em_chip *chip2;
        const struct em_efuse_table *table2;
        struct em_efuse_model *again = model_of(with_efuses[i], &chip2, &table2);
        EM_CHECK_STATUS(em_efuse_model_load(again, file, len, &err), EM_OK, &err);
        for (unsigned b = 0; b < table->block_count; b++)
            for (unsigned w = 0; w < table->blocks[b].words; w++) {
                CU_ASSERT_EQUAL(em_efuse_model_word(again, b, w),
                                em_efuse_model_word(model, b, w));
                CU_ASSERT_EQUAL(word(again, chip, table, b, w),
                                word(model, chip, table, b, w));
            }
        uint8_t *twice = NULL;
        size_t len2 = 0;
        EM_CHECK_STATUS(em_efuse_model_save(again, &twice, &len2, &err), EM_OK, &err);
        CU_ASSERT_EQUAL_FATAL(len, len2);
        EM_CHECK_BYTES(twice, file, len);

        /* Without its section: check bytes are reckoned, nothing is damaged. */
        EM_CHECK_STATUS(em_efuse_model_load(again, file, table->window, &err), EM_OK,
                        &err);
        if (table->regs.rs_err != 0)
            CU_ASSERT_EQUAL(get(again, chip, table->regs.rs_err), 0);
        /* Damaged ones are refused and change nothing. */
        EM_CHECK_STATUS(em_efuse_model_load(again, file, table->window - 1U, &err),
                        EM_ERR_INPUT, &err);
        EM_CHECK_STATUS(em_efuse_model_load(again, file, len - 1, &err), EM_ERR_INPUT,
                        &err);
        file[table->window - table->blocks[2].read - 1] ^= 1;
        EM_CHECK_STATUS(em_efuse_model_load(again, file, len, &err), EM_ERR_INPUT, &err);
        CU_ASSERT_EQUAL(word(again, chip, table, 2, 0), 0);
        EM_CHECK_STATUS(em_efuse_model_load(again, NULL, 0, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(em_efuse_model_word(again, 3, 0), 0);
        free(file);
        free(twice);
        em_efuse_model_free(model);
        em_efuse_model_free(again);
    }
}

static void test_file_errors_come_back(void)
{
    /* A published tool's file with two errors in block 4 and a failed block 5. */
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_error err = {0};
    struct em_efuse_model *model = model_of("esp32c6", &chip, &table);
    uint8_t file[512] = {0};
    file[511 - 0x9C] = 0x55; /* a byte of block 4 */
    file[511 - 0xBC] = 0x66;
    file[511 - 0x1C1] = 0x20; /* block 4: bits 14..12 are 2 */
    file[511 - 0x1C2] = 0x08; /* block 5: bit 19 */
    EM_CHECK_STATUS(em_efuse_model_load(model, file, sizeof file, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(get(model, chip, 0x1C0) >> 12 & 0xF, 2);
    CU_ASSERT_EQUAL(get(model, chip, 0x1C0) >> 19 & 1, 1);
    CU_ASSERT_EQUAL(word(model, chip, table, 4, 0), 0x55);
    em_efuse_model_free(model);
}

static const struct em_test tests[] = {
    {"files", test_file},
    {"errors of published files", test_file_errors_come_back},
};

EM_TEST_MAIN("flasher/efuse/model_file", tests)
