/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the eFuse model, for its own files. */
#ifndef FLASHER_EFUSE_MODEL_STATE_INT_H
#define FLASHER_EFUSE_MODEL_STATE_INT_H

#include "flasher/efuse/coding_int.h"
#include "flasher/efuse/fields_int.h"
#include "flasher/efuse/model_int.h"

enum {
    EM_EFUSE_BYTES_MAX = EM_EFUSE_WORDS_MAX * 4,
    EM_EFUSE_CMD_BLOCK_MASK = 15,
};

/** The fuses themselves. */
struct em_efuse_array {
    uint8_t data[EM_EFUSE_BLOCKS_MAX][EM_EFUSE_BYTES_MAX]; /* ESP32: coded bytes */
    uint8_t check[EM_EFUSE_BLOCKS_MAX][EM_EFUSE_RS_CHECK];
    uint8_t weak[EM_EFUSE_BYTES_MAX]; /* bits of BLOCK0 whose copies differ */
};

struct em_efuse_model {
    const struct em_chip *chip;
    struct em_efuse_view view;
    enum em_efuse_style style;
    unsigned xtal;
    struct em_efuse_array array;
    uint32_t regs[EM_EFUSE_WINDOW_MAX / 4];
    uint8_t loaded[EM_EFUSE_BLOCKS_MAX][EM_EFUSE_BYTES_MAX]; /* as of the last reload */
    bool cut;
    unsigned cut_permille;
    uint64_t random;
    em_efuse_burned *burned;
    void *burned_user;
};

/** Decode the array into what the chip works with, and fill windows and error registers.
 */
void em_efuse_model_reload(struct em_efuse_model *model);

/** Do the program command for block @p number; ESP32: for all blocks. Returns the number
 * of bits that were given a pulse. */
unsigned em_efuse_model_program(struct em_efuse_model *model, unsigned number);

/** Bytes of a block that the array stores, without check bytes of their own. */
size_t em_efuse_model_stored(const struct em_efuse_block *block);

/** The scheme that codes @p block, by the fuses as they are. */
enum em_efuse_scheme em_efuse_model_scheme(const struct em_efuse_model *model,
                                           const struct em_efuse_block *block);

/** Decoded bytes of a block (all its words; what is not data is zero). Returns the number
 * of errors mended, EM_EFUSE_RS_FAIL, or for codings of the ESP32 the groups with errors.
 */
int em_efuse_model_decode(const struct em_efuse_model *model,
                          const struct em_efuse_block *block,
                          uint8_t out[EM_EFUSE_BYTES_MAX]);

/** Store @p data as @p block's content, with fitting check bytes. */
void em_efuse_model_encode(struct em_efuse_model *model,
                           const struct em_efuse_block *block,
                           const uint8_t data[EM_EFUSE_BYTES_MAX]);

static inline bool em_efuse_bit(const uint8_t *bytes, size_t bit)
{
    return (bytes[bit / 8] >> bit % 8 & 1) != 0;
}

static inline void em_efuse_set_bit(uint8_t *bytes, size_t bit, bool value)
{
    unsigned mask = 1U << bit % 8;
    bytes[bit / 8] = (uint8_t)(value ? bytes[bit / 8] | mask : bytes[bit / 8] & ~mask);
}

#endif
