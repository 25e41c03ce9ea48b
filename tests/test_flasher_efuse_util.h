/* SPDX-License-Identifier: Apache-2.0 */
/* Driving the eFuse model by its registers, for its tests. */
#ifndef TESTS_TEST_FLASHER_EFUSE_UTIL_H
#define TESTS_TEST_FLASHER_EFUSE_UTIL_H

#include "flasher/efuse/coding_int.h"
#include "flasher/efuse/fields_int.h"
#include "flasher/efuse/model_int.h"

#include "base/bytes_int.h"
#include "tests/em_test.h"

static const char *const with_efuses[] = {
    "esp32",   "esp32c2",  "esp32c3", "esp32c5", "esp32c6", "esp32c61", "esp32e22",
    "esp32h2", "esp32h21", "esp32h4", "esp32p4", "esp32s2", "esp32s3",  "esp32s31"};
enum { CHIPS = sizeof with_efuses / sizeof with_efuses[0] };

struct burns {
    unsigned data;
    unsigned check;
};

static inline void count_burn(void *user, unsigned block, unsigned bit, bool check)
{
    struct burns *burns = user;
    (void)block;
    (void)bit;
    if (check)
        burns->check++;
    else
        burns->data++;
}

static inline struct em_efuse_model *model_of(const char *id,
                                              const struct em_chip **chip_out,
                                              const struct em_efuse_table **table_out)
{
    struct em_error err = {0};
    struct em_efuse_model *model = NULL;
    const struct em_chip *chip = em_chip_find(id);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chip);
    EM_CHECK_STATUS(em_efuse_model_new(&model, chip, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(model);
    *chip_out = chip;
    *table_out = em_efuse_table_find(chip);
    return model;
}

static inline void put(struct em_efuse_model *model, const struct em_chip *chip,
                       uint32_t off, uint32_t value)
{
    int64_t busy_us = -1;
    em_efuse_model_write(model, chip->efuse_base + off, value, &busy_us);
    CU_ASSERT(busy_us >= 0);
}

static inline uint32_t get(struct em_efuse_model *model, const struct em_chip *chip,
                           uint32_t off)
{
    return em_efuse_model_read(model, chip->efuse_base + off);
}

static inline void set_timing(struct em_efuse_model *model, const struct em_chip *chip,
                              const struct em_efuse_table *table)
{
    for (size_t i = 0; i < table->timing_count; i++) {
        const struct em_efuse_timing *row = &table->timings[i];
        if (row->mhz == chip->xtal_mhz)
            put(model, chip, row->off,
                (get(model, chip, row->off) & ~row->mask) |
                    em_efuse_place(row->mask, row->value));
    }
}

static inline void reload(struct em_efuse_model *model, const struct em_chip *chip,
                          const struct em_efuse_table *table)
{
    put(model, chip, table->regs.conf, 0x5AA5);
    put(model, chip, table->regs.cmd, 1);
    CU_ASSERT_EQUAL(get(model, chip, table->regs.cmd), 0);
}

/* Program @p words without reading back. */
static inline void program(struct em_efuse_model *model, const struct em_chip *chip,
                           const struct em_efuse_table *table, unsigned number,
                           const uint32_t *words)
{
    const struct em_efuse_block *block = em_efuse_block_at(table, number);
    uint8_t data[EM_EFUSE_PGM_WORDS * 4] = {0};
    for (size_t i = 0; i < block->words; i++)
        em_put_le32(data + 4 * i, words[i]);
    if (block->coding == EM_EFUSE_RS)
        em_efuse_rs_encode(data, data + EM_EFUSE_RS_DATA);
    bool shared = table->regs.check != 0;
    for (size_t i = 0; i < (shared ? EM_EFUSE_PGM_WORDS : block->words); i++)
        put(model, chip, block->write + 4 * (uint32_t)i, em_get_le32(data + 4 * i));
    put(model, chip, table->regs.conf, 0x5A5A);
    put(model, chip, table->regs.cmd, 2 | (shared ? number << 2 : 0));
}

static inline void clear(struct em_efuse_model *model, const struct em_chip *chip,
                         const struct em_efuse_table *table)
{
    for (size_t b = 0; b < table->block_count; b++)
        for (uint32_t i = 0; i < 8; i++)
            put(model, chip, table->blocks[b].write + 4 * i, 0);
    for (uint32_t i = 0; table->regs.check != 0 && i < 3; i++)
        put(model, chip, table->regs.check + 4 * i, 0);
}

static inline uint32_t word(struct em_efuse_model *model, const struct em_chip *chip,
                            const struct em_efuse_table *table, unsigned block,
                            unsigned idx)
{
    return get(model, chip, em_efuse_block_at(table, block)->read + 4 * idx);
}

static const uint32_t key[8] = {0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00,
                                0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10};

#endif
