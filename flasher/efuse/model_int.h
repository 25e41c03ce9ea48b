/* SPDX-License-Identifier: Apache-2.0 */
/* eFuses as silicon has them: blocks that only gain bits, behind a controller's
 * registers. */
#ifndef FLASHER_EFUSE_MODEL_INT_H
#define FLASHER_EFUSE_MODEL_INT_H

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The eFuses of one chip and their controller. */
struct em_efuse_model;

/** Called for every bit that goes from 0 to 1; @p check: in the check bytes of a block.
 */
typedef void em_efuse_burned(void *user, unsigned block, unsigned bit, bool check);

/** EM_ERR_UNSUPPORTED: there is no table for the chip. */
enum em_status em_efuse_model_new(struct em_efuse_model **out, const struct em_chip *chip,
                                  struct em_error *err);
void em_efuse_model_free(struct em_efuse_model *model);

/** Does @p addr belong to the controller? */
bool em_efuse_model_has(const struct em_efuse_model *model, uint32_t addr);

/** A word as the bus reads it: read windows (protected blocks as zeros), program window,
 * controller registers. */
uint32_t em_efuse_model_read(struct em_efuse_model *model, uint32_t addr);

/** A write from the bus. Commands are done at once; *busy_us_out tells how long silicon
 * would have been busy. */
void em_efuse_model_write(struct em_efuse_model *model, uint32_t addr, uint32_t value,
                          int64_t *busy_us_out);

/** Chip reset: registers are lost, read windows are loaded anew. */
void em_efuse_model_reset(struct em_efuse_model *model);

/** Let the next program operation stop after about @p permille of its bits (power cut);
 * which bits, by @p seed. */
void em_efuse_model_cut(struct em_efuse_model *model, unsigned permille, uint64_t seed);

/** Set bits directly, as the factory does before a chip is sold: MAC, revision. No
 * protection applies, nothing is reported. @p bit counts from the start of the block. */
void em_efuse_model_seed(struct em_efuse_model *model, unsigned block, unsigned bit,
                         unsigned count, uint32_t value);

/** A word of a block as it really is, protected or not. */
uint32_t em_efuse_model_word(const struct em_efuse_model *model, unsigned block,
                             unsigned word);

/** Flags of the chip's state that other parts obey. */
bool em_efuse_model_flag(const struct em_efuse_model *model, struct em_chip_mask mask);

void em_efuse_model_on_burn(struct em_efuse_model *model, em_efuse_burned *burned,
                            void *user);

/** All state of the blocks, check bytes included, as text or bytes that load again; the
 * file form of published tools' virtual eFuses. *out is the caller's. */
enum em_status em_efuse_model_save(const struct em_efuse_model *model, uint8_t **out,
                                   size_t *len_out, struct em_error *err);
enum em_status em_efuse_model_load(struct em_efuse_model *model, const uint8_t *data,
                                   size_t len, struct em_error *err);

#endif
